"""The Amazon States Language, without I/O.

definition    text to states                       validation    what is wrong with a text, in AWS's words
references    JSONPath, context and variables      intrinsics    States.Format() and the others
templates     payload templates                    jsonata       `{% expressions %}`
choices       a Choice state's rules               retries       back-off, catchers
scope         what a state's fields may refer to   dataflow      from input to output
frames        where an execution stands            machine       step(run, event): the state machine itself

https://states-language.net/  https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html
"""
