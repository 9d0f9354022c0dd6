"""CloudFormation templates: pure, nothing here waits or knows a service.

parsing      text (JSON, YAML with short tags) to values, with limits     template    sections, and AWS's checks of them
parameters   values for the Parameters section                            intrinsics  what Fn::... and Ref come to
references   what a value refers to, and the order that follows           extensions  AWS::LanguageExtensions
changes      what a change set shows: the difference of two templates
"""
