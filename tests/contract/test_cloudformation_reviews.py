"""Change sets, events and transforms of CloudFormation as AWS was recorded to show them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import WaiterError
from tests.conftest import Sandbox
from tests.contract.test_cloudformation import FAST, ROLE, create, delete, describe, refusal, resources, wait

UNKNOWN = "{{changeSet:KNOWN_AFTER_APPLY}}"
ALL = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
UNSUCCESSFUL = """
def handler(event, context):
    return {"requestId": event["requestId"], "status": "failure", "errorMessage": "it is a test"}
"""


@pytest.fixture(scope="module")
def cfn(sandbox: Sandbox) -> Any:
    return sandbox.client("cloudformation")


def topic(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::SNS::Topic", "Properties": properties}


def parameter(value: Any, **properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": value, **properties}}


def att(name: str, attribute: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [name, attribute]}


def review(cfn: Any, stack: str, template: dict[str, Any], *, kind: str = "UPDATE", **options: Any) -> str:
    options.setdefault("Capabilities", [])
    body = json.dumps(template)
    made = cfn.create_change_set(
        StackName=stack, ChangeSetName="review", ChangeSetType=kind, TemplateBody=body, **options
    )
    return str(made["Id"])


def changes(cfn: Any, change_set: str, *, valued: bool) -> dict[str, dict[str, Any]]:
    """The changes by resource; contexts decoded, details in the order of their cause."""
    shown = cfn.describe_change_set(ChangeSetName=change_set, IncludePropertyValues=valued)["Changes"]
    found = {change["ResourceChange"]["LogicalResourceId"]: change["ResourceChange"] for change in shown}
    for change in found.values():
        change["Details"].sort(key=lambda detail: (detail["Target"].get("Name", ""), detail["ChangeSource"]))
        for name in ("BeforeContext", "AfterContext"):
            if name in change:
                change[name] = json.loads(change[name])["Properties"]
    return found


def causes(change: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    return [(d["ChangeSource"], d["Evaluation"], d.get("CausingEntity")) for d in change["Details"]]


def test_values_of_a_change(cfn: Any) -> None:
    """With the values, a change tells what a property was and will be, and where in it they differ."""
    tags = [{"Key": "a", "Value": "1"}]
    create(cfn, "valued", {"Resources": {"T": topic(DisplayName="old", Tags=tags)}})
    tags = [{"Key": "a", "Value": "2"}]
    made = review(cfn, "valued", {"Resources": {"T": topic(DisplayName="new", Tags=tags), "P": parameter("x")}})
    found = changes(cfn, made, valued=True)
    assert found["P"]["AfterContext"] == {"Type": "String", "Value": "x"}
    assert "BeforeContext" not in found["P"]
    assert found["T"]["BeforeContext"]["DisplayName"] == "old"
    assert found["T"]["AfterContext"]["DisplayName"] == "new"
    assert [detail["Target"] for detail in found["T"]["Details"]] == [
        {
            "Attribute": "Properties",
            "Name": "DisplayName",
            "RequiresRecreation": "Never",
            "Path": "/Properties/DisplayName",
            "BeforeValue": "old",
            "AfterValue": "new",
            "AttributeChangeType": "Modify",
        },
        {
            "Attribute": "Properties",
            "Name": "Tags",
            "RequiresRecreation": "Never",
            "Path": "/Properties/Tags/0/Value",
            "BeforeValue": "1",
            "AfterValue": "2",
            "AttributeChangeType": "Modify",
        },
    ]
    plain = changes(cfn, made, valued=False)
    assert "AfterContext" not in plain["T"]
    assert plain["T"]["Details"][0]["Target"] == {
        "Attribute": "Properties",
        "Name": "DisplayName",
        "RequiresRecreation": "Never",
    }
    delete(cfn, "valued")


def test_what_follows_from_a_change(cfn: Any) -> None:
    """Without values, whatever names an attribute of a changed resource may change; with them, only what does."""
    chain = {"T": topic(DisplayName="old"), "P": parameter(att("T", "DisplayName")), "R": parameter({"Ref": "T"})}
    create(cfn, "chained", {"Resources": chain})
    made = review(cfn, "chained", {"Resources": {**chain, "T": topic(DisplayName="new")}})
    assert sorted(changes(cfn, made, valued=True)) == ["T"]
    plain = changes(cfn, made, valued=False)
    assert sorted(plain) == ["P", "T"]
    assert causes(plain["P"]) == [("ResourceAttribute", "Dynamic", "T.DisplayName")]
    delete(cfn, "chained")


def test_what_follows_from_a_replacement(cfn: Any) -> None:
    """What a replaced resource comes to is not known before; what names it changes for sure."""
    chain = {"T": topic(TopicName="first"), "P": parameter(att("T", "TopicName"))}
    create(cfn, "replaced", {"Resources": chain})
    made = review(cfn, "replaced", {"Resources": {**chain, "T": topic(TopicName="second")}})
    found = changes(cfn, made, valued=True)
    assert (found["T"]["Replacement"], found["T"]["PolicyAction"]) == ("True", "ReplaceAndDelete")
    assert found["P"]["AfterContext"]["Value"] == UNKNOWN
    assert causes(found["P"]) == [
        ("DirectModification", "Dynamic", None),
        ("ResourceAttribute", "Static", "T.TopicName"),
    ]
    plain = changes(cfn, made, valued=False)
    assert causes(plain["P"]) == [("ResourceAttribute", "Static", "T.TopicName")]
    delete(cfn, "replaced")


def test_what_follows_from_a_parameter(cfn: Any) -> None:
    """A parameter's new value is the cause, and the property that names it is changed by it."""
    template = {"Parameters": {"Name": {"Type": "String"}}, "Resources": {"P": parameter({"Ref": "Name"})}}
    create(cfn, "given", template, Parameters=[{"ParameterKey": "Name", "ParameterValue": "a"}])
    made = review(cfn, "given", template, Parameters=[{"ParameterKey": "Name", "ParameterValue": "b"}])
    for valued in (True, False):
        assert causes(changes(cfn, made, valued=valued)["P"]) == [
            ("DirectModification", "Dynamic", None),
            ("ParameterReference", "Static", "Name"),
        ]
    delete(cfn, "given")


def test_what_goes(cfn: Any) -> None:
    """A removed resource is shown as its template knows it, with nothing known of other resources."""
    both = {"A": parameter("x"), "B": parameter({"Ref": "A"})}
    create(cfn, "going", {"Resources": both})
    made = review(cfn, "going", {"Resources": {"A": both["A"]}})
    found = changes(cfn, made, valued=True)["B"]
    assert (found["Action"], found["PolicyAction"]) == ("Remove", "Delete")
    assert found["BeforeContext"]["Value"] == UNKNOWN
    delete(cfn, "going")


def test_an_export_that_is_not_there(cfn: Any) -> None:
    """A change set can be made, and warns where it shows values; the creation then fails, and tells when it was."""
    template = {"Resources": {"P": parameter({"Fn::ImportValue": "nowhere"})}}
    made = review(cfn, "importer", template, kind="CREATE")
    assert "StatusReason" not in cfn.describe_change_set(ChangeSetName=made)
    assert cfn.describe_change_set(ChangeSetName=made, IncludePropertyValues=True)["StatusReason"] == (
        "[WARN] --include-property-values option can return incomplete ChangeSet data because: "
        "ChangeSet creation failed for resource [P] because: No export named nowhere"
    )
    cfn.execute_change_set(ChangeSetName=made)
    with pytest.raises(WaiterError):
        cfn.get_waiter("stack_create_complete").wait(StackName="importer", WaiterConfig=FAST)
    stack = describe(cfn, "importer")
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE" and "DeletionTime" in stack and "ChangeSetId" not in stack
    delete(cfn, "importer")


def test_a_creation_makes_reviews_obsolete(cfn: Any) -> None:
    """A stack under review can be created outright; its change sets can't be executed any more."""
    template = {"Resources": {"P": parameter("x")}}
    made = review(cfn, "reviewed", template, kind="CREATE")
    create(cfn, "reviewed", template)
    assert cfn.describe_change_set(ChangeSetName=made)["ExecutionStatus"] == "OBSOLETE"
    assert "cannot be executed in its current status of [OBSOLETE]" in refusal(
        cfn.execute_change_set, ChangeSetName=made
    )
    delete(cfn, "reviewed")


def test_events_tell_the_order(cfn: Any) -> None:
    """Every event of a stack is later than the one before, by at least the millisecond that is shown."""
    stack = create(cfn, "ordered", {"Resources": {f"P{at}": parameter("x") for at in range(9)}})
    delete(cfn, "ordered")
    told = cfn.describe_stack_events(StackName=stack["StackId"])["StackEvents"]
    times = [event["Timestamp"] for event in told]
    assert times == sorted(times, reverse=True) and len(set(times)) == len(times)
    gone = [event for event in told if event["ResourceStatus"] == "DELETE_COMPLETE" and "ResourceProperties" in event]
    assert len(gone) == 9 and gone[0]["EventId"].startswith(f"{gone[0]['LogicalResourceId']}-DELETE_COMPLETE-20")
    shown = describe(cfn, stack["StackId"])
    assert "EnableTerminationProtection" not in shown and shown["StackStatus"] == "DELETE_COMPLETE"


def test_events_reach_the_topics(cfn: Any, sandbox: Sandbox) -> None:
    """NotificationARNs: every event of the stack is published in CloudFormation's own form."""
    sns, sqs = sandbox.client("sns"), sandbox.client("sqs")
    arn = sns.create_topic(Name="told")["TopicArn"]
    queue = sqs.create_queue(QueueName="told")["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": queue_arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue_arn)
    create(cfn, "telling", {"Resources": {"P": parameter("x")}}, NotificationARNs=[arn])
    told: list[str] = []
    while len(told) < 5:
        answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=10)
        assert "Messages" in answer, told
        told += [json.loads(message["Body"])["Message"] for message in answer["Messages"]]
    assert any("LogicalResourceId='P'\n" in text and "ResourceStatus='CREATE_COMPLETE'\n" in text for text in told)
    assert all("StackName='telling'\n" in text and f"Namespace='{sandbox.account}'\n" in text for text in told)
    delete(cfn, "telling")


def test_a_transform_that_fails(cfn: Any) -> None:
    """Its failure is none of the request: a stack is made and rolls back, and a change set fails, both saying why."""
    function = {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Code": {"ZipFile": UNSUCCESSFUL},
            "Handler": "index.handler",
            "Runtime": "python3.11",
            "Role": att("Role", "Arn"),
        },
    }
    macro = {"Type": "AWS::CloudFormation::Macro", "Properties": {"Name": "Failing", "FunctionName": att("Fn", "Arn")}}
    create(cfn, "macro", {"Resources": {"Role": ROLE, "Fn": function, "Macro": macro}})
    template = {"Transform": "Failing", "Resources": {"P": parameter("x")}}
    cfn.create_stack(StackName="broken", TemplateBody=json.dumps(template), Capabilities=ALL)
    with pytest.raises(WaiterError):
        cfn.get_waiter("stack_create_complete").wait(StackName="broken", WaiterConfig=FAST)
    told = cfn.describe_stack_events(StackName="broken")["StackEvents"]
    turned = next(event for event in told if event["ResourceStatus"] == "ROLLBACK_IN_PROGRESS")
    assert turned["ResourceStatusReason"].endswith("::Failing failed with: it is a test. Rollback requested by user.")
    made = review(cfn, "unbroken", template, kind="CREATE", Capabilities=ALL)
    shown = cfn.describe_change_set(ChangeSetName=made)
    assert (shown["Status"], shown["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert shown["StatusReason"].endswith("::Failing failed with: it is a test")
    for name in ("broken", "unbroken", "macro"):
        delete(cfn, name)


def test_an_update_with_a_transform_is_never_empty(cfn: Any) -> None:
    """What a transform makes may differ each time, so AWS does not say that there is nothing to do."""
    template = {"Transform": "AWS::LanguageExtensions", "Resources": {"P": parameter("x")}}
    create(cfn, "again", template)
    cfn.update_stack(StackName="again", TemplateBody=json.dumps(template), Capabilities=ALL)
    wait(cfn, "stack_update_complete", "again")
    plain = {"Resources": {"P": parameter("y")}}
    cfn.update_stack(StackName="again", TemplateBody=json.dumps(plain))
    wait(cfn, "stack_update_complete", "again")
    assert refusal(cfn.update_stack, StackName="again", TemplateBody=json.dumps(plain)) == (
        "No updates are to be performed."
    )
    delete(cfn, "again")


def test_properties_as_attributes(cfn: Any) -> None:
    """The registry's types give back every property that they have by Fn::GetAtt."""
    template = {
        "Resources": {"T": topic(DisplayName="shown")},
        "Outputs": {"Shown": {"Value": att("T", "DisplayName")}},
    }
    stack = create(cfn, "readable", template)
    assert stack["Outputs"][0]["OutputValue"] == "shown"
    delete(cfn, "readable")


def test_what_extensions_make_of_functions(cfn: Any) -> None:
    """Fn::ToJsonString and Fn::Length are done when the processed template is shown."""
    made = {"Fn::ToJsonString": {"a": "foo", "n": {"Fn::Length": ["x", "y"]}}}
    create(cfn, "extended", {"Transform": "AWS::LanguageExtensions", "Resources": {"P": parameter(made)}})
    body = cfn.get_template(StackName="extended", TemplateStage="Processed")["TemplateBody"]
    assert body["Resources"]["P"]["Properties"]["Value"] == '{"a":"foo","n":2}'
    delete(cfn, "extended")


def test_names_that_are_made_up(cfn: Any) -> None:
    """Parameters of the Parameter Store have a prefix of their own, as at AWS."""
    create(cfn, "naming", {"Resources": {"P": parameter("x")}})
    shown = cfn.describe_stack_resource(StackName="naming", LogicalResourceId="P")["StackResourceDetail"]
    assert shown["PhysicalResourceId"].startswith("CFN-P-")
    delete(cfn, "naming")


def test_refusals(cfn: Any) -> None:
    """Messages that recordings show: names of parameters, JSON's place, templates by s3://, Fn::Select."""

    def refused(template: dict[str, Any] | str) -> str:
        body = template if isinstance(template, str) else json.dumps(template)
        return refusal(cfn.create_stack, StackName="refused", TemplateBody=body)

    named = {"Parameters": {"AWS::NoValue": {"Type": "String"}}, "Resources": {"P": parameter("x")}}
    assert refused(named) == "Template format error: Parameter name AWS::NoValue is non alphanumeric."
    assert refused('{"this is invalid JSON"}') == "Template format error: JSON not well-formed. (line 1, column 25)"
    by_reference = {**named, "Parameters": {"M": {"Type": "String"}}, "Transform": [{"Name": {"Ref": "M"}}]}
    assert refused(by_reference) == "Key Name of transform definition must be a string."
    assert refusal(cfn.create_stack, StackName="refused", TemplateURL="s3://files/template") == (
        "S3 error: Domain name specified in files is not a valid S3 domain"
    )
    select = {"Resources": {"P": parameter({"Fn::Select": ["5", ["a", "b"]]})}}
    named_set = {"StackName": "refused", "ChangeSetName": "c", "ChangeSetType": "CREATE"}
    made = refusal(cfn.create_change_set, **named_set, TemplateBody=json.dumps(select))
    assert made == "Template error: Fn::Select requires a list argument with two elements: an integer index and a list"


def test_what_aws_takes_and_makes_of_it(cfn: Any, sandbox: Sandbox) -> None:
    """As recorded: JSON with a comma too many, a wait condition named by its handle, a role's empty description, and a
    REST API's name before the title of its definition."""
    definition = {"swagger": "2.0", "info": {"title": "titled", "version": "1"}, "paths": {"/a": {"get": {}}}}
    template = {
        "Resources": {
            "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
            "Condition": {
                "Type": "AWS::CloudFormation::WaitCondition",
                "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "1", "Count": 0},
            },
            "Role": ROLE,
            "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "named, }", "Body": definition}},
        }
    }
    create(cfn, "taken", json.dumps(template, indent=1)[:-1] + ",}")
    made = {row["LogicalResourceId"]: row["PhysicalResourceId"] for row in resources(cfn, "taken")}
    assert made["Condition"] == describe(cfn, "taken")["StackId"] + "/Handle"
    assert sandbox.client("iam").get_role(RoleName=made["Role"])["Role"]["Description"] == ""
    assert sandbox.client("apigateway").get_rest_api(restApiId=made["Api"])["name"] == "named, }"
    delete(cfn, "taken")


def test_what_services_tell_of_their_stack(cfn: Any, sandbox: Sandbox) -> None:
    """Tags that only CloudFormation may set, where AWS was recorded to show them; other types have none (CFN-002)."""
    api = {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "told", "Tags": [{"Key": "own", "Value": "1"}]}}
    body = {"openapi": "3.0.1", "info": {"title": "told", "version": "1"}, "paths": {}}
    imported = {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Body": body}}
    secret = {"Type": "AWS::SecretsManager::Secret", "Properties": {"SecretString": "x"}}
    topic_too = topic(DisplayName="x")
    resources = {"Api": api, "Imported": imported, "Secret": secret, "Topic": topic_too}
    shown = {name: {"Value": {"Ref": name}} for name in resources}
    stack = create(cfn, "told", {"Resources": resources, "Outputs": shown})
    found = {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}

    def told(name: str) -> dict[str, str]:
        values = {"stack-name": "told", "stack-id": stack["StackId"], "logical-id": name}
        return {f"aws:cloudformation:{key}": value for key, value in values.items()}

    gateway = sandbox.client("apigateway")
    assert gateway.get_rest_api(restApiId=found["Api"])["tags"] == {"own": "1", **told("Api")}
    assert gateway.get_rest_api(restApiId=found["Imported"])["tags"] == told("Imported")
    tags = sandbox.client("secretsmanager").describe_secret(SecretId=found["Secret"])["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == told("Secret")
    assert sandbox.client("sns").list_tags_for_resource(ResourceArn=found["Topic"])["Tags"] == []
    arn = f"arn:aws:apigateway:us-east-1::/restapis/{found['Api']}"
    gateway.tag_resource(resourceArn=arn, tags={"more": "2"})
    assert gateway.get_tags(resourceArn=arn)["tags"] == {"own": "1", "more": "2", **told("Api")}
    assert refusal(gateway.tag_resource, resourceArn=arn, tags={"aws:cloudformation:other": "x"}) == (
        "aws: prefixed tag key names are not allowed for external use."
    )
    delete(cfn, "told")


def test_values_that_are_not_shown(cfn: Any) -> None:
    """What comes of a NoEcho parameter reaches its resource, and no change set or event."""
    declared = {"Secret": {"Type": "String", "NoEcho": True}}
    held = parameter({"Fn::Sub": "the ${Secret}!"}, Description={"Ref": "Secret"})
    template = {"Parameters": declared, "Resources": {"Held": held}, "Outputs": {"Name": {"Value": {"Ref": "Held"}}}}
    hidden = {"Description": "****", "Type": "String", "Value": "the ****!"}
    first = [{"ParameterKey": "Secret", "ParameterValue": "first-secret"}]
    create(cfn, "hushed", template, Parameters=first)
    made = cfn.describe_stack_events(StackName="hushed")["StackEvents"]
    shown = [event["ResourceProperties"] for event in made if event["LogicalResourceId"] == "Held"]
    assert [json.loads(text) for text in shown] == [hidden] * 3
    second = [{"ParameterKey": "Secret", "ParameterValue": "second-secret"}]
    found = review(cfn, "hushed", template, Parameters=second)
    change = changes(cfn, found, valued=True)["Held"]
    assert change["BeforeContext"] == change["AfterContext"] == hidden
    text = json.dumps(cfn.describe_change_set(ChangeSetName=found, IncludePropertyValues=True), default=str)
    assert "first-secret" not in text
    assert "second-secret" not in text
    delete(cfn, "hushed")
