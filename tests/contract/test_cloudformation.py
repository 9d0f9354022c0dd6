"""CloudFormation through boto3: stacks, change sets, failures, exports, custom resources."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError
from tests.conftest import Sandbox, until

FAST = {"Delay": 0.05, "MaxAttempts": 600}
ROLE = {
    "Type": "AWS::IAM::Role",
    "Properties": {
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ],
        }
    },
}


@pytest.fixture(scope="module")
def cfn(sandbox: Sandbox) -> Any:
    return sandbox.client("cloudformation")


def create(cfn: Any, name: str, template: dict[str, Any] | str, **options: Any) -> dict[str, Any]:
    body = template if isinstance(template, str) else json.dumps(template)
    stack_id = cfn.create_stack(StackName=name, TemplateBody=body, Capabilities=["CAPABILITY_IAM"], **options)[
        "StackId"
    ]
    wait(cfn, "stack_create_complete", stack_id)
    return describe(cfn, stack_id)


def update(cfn: Any, name: str, template: dict[str, Any], **options: Any) -> dict[str, Any]:
    cfn.update_stack(StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"], **options)
    wait(cfn, "stack_update_complete", name)
    return describe(cfn, name)


def wait(cfn: Any, what: str, name: str) -> None:
    try:
        cfn.get_waiter(what).wait(StackName=name, WaiterConfig=FAST)
    except WaiterError as error:
        events = cfn.describe_stack_events(StackName=name)["StackEvents"]
        told = [(e["LogicalResourceId"], e["ResourceStatus"], e.get("ResourceStatusReason")) for e in events[::-1]]
        raise AssertionError("\n".join(map(str, told))) from error


def delete(cfn: Any, name: str) -> None:
    stack_id = describe(cfn, name)["StackId"]
    cfn.delete_stack(StackName=name)
    wait(cfn, "stack_delete_complete", stack_id)


def describe(cfn: Any, name: str) -> dict[str, Any]:
    stack: dict[str, Any] = cfn.describe_stacks(StackName=name)["Stacks"][0]
    return stack


def outputs(stack: dict[str, Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def refusal(call: Any, **params: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**params)
    return str(caught.value.response["Error"]["Message"])


QUEUES = """
Parameters:
  Seconds: {Type: Number, Default: 45}
Resources:
  Dead: {Type: AWS::SQS::Queue}
  Main:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: !Ref Seconds
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}
      Tags: [{Key: team, Value: !Sub "${AWS::StackName}-x"}]
Outputs:
  Url: {Value: !Ref Main}
  Arn: {Value: !GetAtt Main.Arn}
"""


def test_queues_are_made_in_order_and_deleted(cfn: Any, sandbox: Sandbox) -> None:
    """The life of a stack: order, types, tags (not AWS own: CFN-002), events, deletion."""
    stack = create(cfn, "queues", QUEUES)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    sqs = sandbox.client("sqs")
    url = outputs(stack)["Url"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "45"
    assert attributes["QueueArn"] == outputs(stack)["Arn"]
    assert json.loads(attributes["RedrivePolicy"])["maxReceiveCount"] in (3, "3")
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "queues-x"}
    events = cfn.describe_stack_events(StackName="queues")["StackEvents"][::-1]
    told = [(e["LogicalResourceId"], e["ResourceStatus"], e.get("ResourceStatusReason")) for e in events]
    assert told == [
        ("queues", "CREATE_IN_PROGRESS", "User Initiated"),
        ("Dead", "CREATE_IN_PROGRESS", None),
        ("Dead", "CREATE_IN_PROGRESS", "Resource creation Initiated"),
        ("Dead", "CREATE_COMPLETE", None),
        ("Main", "CREATE_IN_PROGRESS", None),
        ("Main", "CREATE_IN_PROGRESS", "Resource creation Initiated"),
        ("Main", "CREATE_COMPLETE", None),
        ("queues", "CREATE_COMPLETE", None),
    ]
    delete(cfn, "queues")
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix="queues-")
    assert describe(cfn, stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def parameter(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", **properties}}


def topic(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::SNS::Topic", "Properties": properties}


def test_update_changes_replaces_and_removes(cfn: Any, sandbox: Sandbox) -> None:
    """What can be changed is changed in place, a new name replaces, what the template drops goes in the cleanup."""
    name = "changing"
    before = create(
        cfn, name, {"Resources": {"A": topic(TopicName="one", DisplayName="x"), "B": topic(), "C": topic()}}
    )
    assert before["StackStatus"] == "CREATE_COMPLETE"
    old = {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in resources(cfn, name)}
    after = update(
        cfn,
        name,
        {"Resources": {"A": topic(TopicName="two", DisplayName="x"), "B": topic(DisplayName={"Ref": "A"})}},
    )
    assert after["StackStatus"] == "UPDATE_COMPLETE"
    new = {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in resources(cfn, name)}
    assert new["A"].endswith(":two") and new["B"] == old["B"] and "C" not in new
    sns = sandbox.client("sns")
    arns = {t["TopicArn"] for t in sns.list_topics()["Topics"]}
    assert arns & set(old.values()) == {old["B"]}
    assert sns.get_topic_attributes(TopicArn=new["B"])["Attributes"]["DisplayName"] == new["A"]
    told = [
        (e["LogicalResourceId"], e["ResourceStatus"], e.get("ResourceStatusReason"))
        for e in cfn.describe_stack_events(StackName=name)["StackEvents"][::-1]
    ]
    replacing = "Requested update requires the creation of a new physical resource; hence creating one."
    a_events = [event[1:] for event in told if event[0] == "A"]
    assert a_events[3:] == [
        ("UPDATE_IN_PROGRESS", replacing),
        ("UPDATE_IN_PROGRESS", "Resource creation Initiated"),
        ("UPDATE_COMPLETE", None),
        ("DELETE_IN_PROGRESS", None),
        ("DELETE_COMPLETE", None),
    ]
    assert [event[1] for event in told if event[0] == name][-3:] == [
        "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE",
    ]  # fmt: skip
    delete(cfn, name)


def resources(cfn: Any, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cfn.describe_stack_resources(StackName=name)["StackResources"]
    return found


def test_failed_creation_rolls_back(cfn: Any, sandbox: Sandbox) -> None:
    """A failure takes back what was made, and the events say why."""
    template = {
        "Resources": {
            "Good": topic(TopicName="good"),
            "Bad": {**parameter(), "DependsOn": "Good", "Properties": {"Value": "abc123"}},
        }
    }
    stack_id = cfn.create_stack(StackName="failing", TemplateBody=json.dumps(template))["StackId"]
    wait_for(cfn, stack_id, "ROLLBACK_COMPLETE")
    events = cfn.describe_stack_events(StackName=stack_id)["StackEvents"]
    failed = next(e for e in events if e["ResourceStatus"] == "CREATE_FAILED")
    assert failed["ResourceStatusReason"] == "Property validation failure: [The property {/Type} is required]"
    rolling = next(e for e in events if e["ResourceStatus"] == "ROLLBACK_IN_PROGRESS")
    assert rolling["ResourceStatusReason"] == (
        "The following resource(s) failed to create: [Bad]. Rollback requested by user."
    )
    topics = sandbox.client("sns").list_topics()["Topics"]
    assert not [t for t in topics if t["TopicArn"].endswith(":good")]
    assert refusal(cfn.update_stack, StackName="failing", TemplateBody=json.dumps(template)) == (
        f"Stack:{stack_id} is in ROLLBACK_COMPLETE state and can not be updated."
    )
    delete(cfn, "failing")


def wait_for(cfn: Any, name: str, status: str) -> None:
    def look() -> str:
        found: str = describe(cfn, name)["StackStatus"]
        return "" if found.endswith("_IN_PROGRESS") else found

    assert until(look) == status


def test_disable_rollback_keeps_what_is_there(cfn: Any) -> None:
    """With DisableRollback the user can look at what failed."""
    template = {"Resources": {"Good": topic(), "Bad": {"Type": "AWS::No::Such", "DependsOn": "Good"}}}
    cfn.create_stack(StackName="kept", TemplateBody=json.dumps(template), DisableRollback=True)
    wait_for(cfn, "kept", "CREATE_FAILED")
    by_name = {r["LogicalResourceId"]: r for r in resources(cfn, "kept")}
    assert by_name["Good"]["ResourceStatus"] == "CREATE_COMPLETE"
    assert "AWS::No::Such" in by_name["Bad"]["ResourceStatusReason"]
    delete(cfn, "kept")


def test_failed_update_returns_to_what_was(cfn: Any, sandbox: Sandbox) -> None:
    """An update that fails is taken back: changed, replaced and new resources."""
    name = "returning"
    create(cfn, name, {"Resources": {"A": topic(TopicName="ra"), "B": topic(DisplayName="before")}})
    before = resources(cfn, name)
    bad = {"Type": "AWS::SSM::Parameter", "DependsOn": ["A", "B", "C"], "Properties": {"Value": "x"}}
    template = {
        "Resources": {"A": topic(TopicName="rb"), "B": topic(DisplayName="after"), "C": topic(TopicName="rc"), "D": bad}
    }
    cfn.update_stack(StackName=name, TemplateBody=json.dumps(template))
    wait_for(cfn, name, "UPDATE_ROLLBACK_COMPLETE")
    after = resources(cfn, name)
    assert [r["PhysicalResourceId"] for r in after] == [r["PhysicalResourceId"] for r in before]
    sns = sandbox.client("sns")
    names = {t["TopicArn"].rpartition(":")[2] for t in sns.list_topics()["Topics"]}
    assert "ra" in names and not {"rb", "rc"} & names
    attributes = sns.get_topic_attributes(TopicArn=after[1]["PhysicalResourceId"])["Attributes"]
    assert attributes["DisplayName"] == "before"
    update(cfn, name, {"Resources": {"A": topic(TopicName="ra")}})
    delete(cfn, name)


def test_messages(cfn: Any) -> None:
    """Errors in AWS's words."""

    def created(body: Any, **options: Any) -> str:
        text = body if isinstance(body, str) else json.dumps(body)
        return refusal(cfn.create_stack, StackName="never", TemplateBody=text, **options)

    assert created("{}") == "Template format error: At least one Resources member must be defined."
    assert created({"Resources": {"a-b": topic()}}) == "Template format error: Resource name a-b is non alphanumeric."
    assert created({"Resources": {"A": {}}}).startswith("Template format error: [/Resources/A] Every Resources object")
    assert created({"Resources": {"A": topic(DisplayName={"Ref": "Gone"})}}) == (
        "Template format error: Unresolved resource dependencies [Gone] in the Resources block of the template"
    )
    circle = {"A": topic(DisplayName={"Ref": "B"}), "B": topic(DisplayName={"Ref": "A"})}
    assert created({"Resources": circle}) == "Circular dependency between resources: [A, B]"
    wanted = {"Parameters": {"P": {"Type": "String"}}, "Resources": {"A": topic()}}
    assert created(wanted) == "Parameters: [P] must have values"
    assert created({"Resources": {"R": ROLE}}) == "Requires capabilities : [CAPABILITY_IAM]"
    assert refusal(cfn.describe_stacks, StackName="nowhere") == "Stack with id nowhere does not exist"
    assert refusal(cfn.describe_stack_events, StackName="nowhere") == "Stack [nowhere] does not exist"
    assert refusal(cfn.create_stack, StackName="x") == "Either Template URL or Template Body must be specified."
    assert refusal(cfn.validate_template, TemplateBody='{"Resources": {"A": x}') == (
        "Template format error: JSON not well-formed. (line 1, column 22)"
    )


def test_names_are_unique_until_deleted_and_protection_holds(cfn: Any) -> None:
    """Two stacks can't share a name; a protected one can't be deleted; an update without change is refused."""
    template = {"Resources": {"A": topic()}}
    create(cfn, "single", template, EnableTerminationProtection=True)
    assert refusal(cfn.create_stack, StackName="single", TemplateBody=json.dumps(template)) == (
        "Stack [single] already exists"
    )
    assert "TerminationProtection is enabled" in refusal(cfn.delete_stack, StackName="single")
    assert refusal(cfn.update_stack, StackName="single", TemplateBody=json.dumps(template)) == (
        "No updates are to be performed."
    )
    cfn.update_termination_protection(StackName="single", EnableTerminationProtection=False)
    delete(cfn, "single")


def test_change_sets(cfn: Any) -> None:
    """What `aws cloudformation deploy` does: a change set that creates, one that changes, one without changes."""
    template = {"Resources": {"A": topic(TopicName="cs-one", DisplayName="x")}}
    made = cfn.create_change_set(
        StackName="sets", ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=json.dumps(template)
    )
    assert describe(cfn, "sets")["StackStatus"] == "REVIEW_IN_PROGRESS"
    shown = cfn.describe_change_set(ChangeSetName=made["Id"])
    assert shown["Changes"] == [
        {
            "Type": "Resource",
            "ResourceChange": {
                "Action": "Add", "LogicalResourceId": "A", "ResourceType": "AWS::SNS::Topic", "Scope": [],
                "Details": [],
            },
        }
    ]  # fmt: skip
    cfn.execute_change_set(ChangeSetName=made["Id"])
    wait(cfn, "stack_create_complete", "sets")
    template["Resources"]["A"] = topic(TopicName="cs-two", DisplayName="y")
    cfn.create_change_set(StackName="sets", ChangeSetName="second", TemplateBody=json.dumps(template))
    change = cfn.describe_change_set(StackName="sets", ChangeSetName="second")["Changes"][0]["ResourceChange"]
    assert (change["Action"], change["Replacement"], change["PolicyAction"]) == ("Modify", "True", "ReplaceAndDelete")
    assert [d["Target"]["RequiresRecreation"] for d in change["Details"]] == ["Never", "Always"]
    cfn.execute_change_set(StackName="sets", ChangeSetName="second")
    wait(cfn, "stack_update_complete", "sets")
    cfn.create_change_set(StackName="sets", ChangeSetName="third", TemplateBody=json.dumps(template))
    third = cfn.describe_change_set(StackName="sets", ChangeSetName="third")
    assert (third["Status"], third["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert third["StatusReason"].startswith("The submitted information didn't contain changes.")
    delete(cfn, "sets")


def test_exports_and_imports(cfn: Any) -> None:
    """A value that another stack uses can't be taken from it."""
    exporting = {
        "Resources": {"A": topic()},
        "Outputs": {"Arn": {"Value": {"Ref": "A"}, "Export": {"Name": "shared-topic"}}},
    }
    create(cfn, "giver", exporting)
    importing = {"Resources": {"B": topic(DisplayName={"Fn::ImportValue": "shared-topic"})}}
    create(cfn, "taker", importing)
    assert cfn.list_imports(ExportName="shared-topic")["Imports"] == ["taker"]
    assert [e["Name"] for e in cfn.list_exports()["Exports"]] == ["shared-topic"]
    assert refusal(cfn.delete_stack, StackName="giver") == (
        "Export shared-topic cannot be deleted as it is in use by taker"
    )
    delete(cfn, "taker")
    delete(cfn, "giver")
    assert cfn.list_exports()["Exports"] == []


def test_a_custom_resource_answers(cfn: Any) -> None:
    """A function makes the resource and answers at the URL that it is given; its data are attributes."""
    source = (
        "import cfnresponse\n"
        "def handler(event, context):\n"
        "    number = int(event['ResourceProperties'].get('Number', '0'))\n"
        "    if number < 0:\n"
        "        return cfnresponse.send(event, context, cfnresponse.FAILED, {}, 'bad', reason='too small')\n"
        "    cfnresponse.send(event, context, cfnresponse.SUCCESS, {'Double': str(2 * number)}, 'thing')\n"
    )
    template: dict[str, Any] = {
        "Resources": {
            "Role": ROLE,
            "Function": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "Code": {"ZipFile": source},
                    "Handler": "index.handler",
                    "Runtime": "python3.11",
                    "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                },
            },
            "Custom": {
                "Type": "Custom::Doubler",
                "Properties": {"ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]}, "Number": 21},
            },
        },
        "Outputs": {"Double": {"Value": {"Fn::GetAtt": ["Custom", "Double"]}}, "Id": {"Value": {"Ref": "Custom"}}},
    }
    assert outputs(create(cfn, "custom", template)) == {"Double": "42", "Id": "thing"}
    template["Resources"]["Custom"]["Properties"]["Number"] = 4
    assert outputs(update(cfn, "custom", template))["Double"] == "8"
    template["Resources"]["Custom"]["Properties"]["Number"] = -1
    cfn.update_stack(StackName="custom", TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"])
    wait_for(cfn, "custom", "UPDATE_ROLLBACK_COMPLETE")
    reasons = [e.get("ResourceStatusReason", "") for e in cfn.describe_stack_events(StackName="custom")["StackEvents"]]
    assert any("Message returned: too small" in reason for reason in reasons)
    delete(cfn, "custom")


def test_nested_stacks(cfn: Any, sandbox: Sandbox) -> None:
    """A template in S3 as a resource: parameters go in, outputs come out, deletion goes down."""
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket="cfn-nested")
    inner = {
        "Parameters": {"Shown": {"Type": "String"}},
        "Resources": {"T": topic(DisplayName={"Ref": "Shown"})},
        "Outputs": {"Arn": {"Value": {"Ref": "T"}}},
    }
    s3.put_object(Bucket="cfn-nested", Key="inner.json", Body=json.dumps(inner))
    outer = {
        "Resources": {
            "Child": {
                "Type": "AWS::CloudFormation::Stack",
                "Properties": {
                    "TemplateURL": "https://cfn-nested.s3.amazonaws.com/inner.json",
                    "Parameters": {"Shown": "deep"},
                },
            }
        },
        "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Child", "Outputs.Arn"]}}},
    }
    stack = create(cfn, "outer", outer)
    sns = sandbox.client("sns")
    arn = outputs(stack)["Arn"]
    assert sns.get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"] == "deep"
    child = resources(cfn, "outer")[0]["PhysicalResourceId"]
    assert describe(cfn, child)["ParentId"] == stack["StackId"]
    delete(cfn, "outer")
    assert describe(cfn, child)["StackStatus"] == "DELETE_COMPLETE"


def test_conditions_and_stored_parameters(cfn: Any, sandbox: Sandbox) -> None:
    """Conditions leave resources out; parameters and dynamic references read the Parameter Store and secrets."""
    sandbox.client("ssm").put_parameter(Name="/cfn/name", Value="from-store", Type="String")
    sandbox.client("secretsmanager").create_secret(Name="cfn-secret", SecretString=json.dumps({"word": "hush"}))
    template = {
        "Parameters": {"P": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/cfn/name"}},
        "Conditions": {"No": {"Fn::Equals": [{"Ref": "P"}, "other"]}, "Yes": {"Fn::Not": [{"Condition": "No"}]}},
        "Resources": {
            "A": {**topic(DisplayName={"Ref": "P"}), "Condition": "Yes"},
            "B": {**topic(), "Condition": "No"},
            "S": parameter(Value="{{resolve:secretsmanager:cfn-secret:SecretString:word}}-{{resolve:ssm:/cfn/name}}"),
        },
        "Outputs": {"S": {"Value": {"Ref": "S"}}, "B": {"Condition": "No", "Value": {"Ref": "B"}}},
    }
    stack = create(cfn, "stored", template)
    assert stack["Parameters"] == [{"ParameterKey": "P", "ParameterValue": "/cfn/name", "ResolvedValue": "from-store"}]
    assert [r["LogicalResourceId"] for r in resources(cfn, "stored")] == ["A", "S"]
    value = sandbox.client("ssm").get_parameter(Name=outputs(stack)["S"])["Parameter"]["Value"]
    assert value == "hush-from-store"
    shown = cfn.describe_stack_events(StackName="stored")["StackEvents"]
    assert not [e for e in shown if "hush" in e.get("ResourceProperties", "")]
    delete(cfn, "stored")


SAM = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: python3.11, Handler: index.handler, Timeout: 10}}
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      InlineCode: |
        def handler(event, context):
            return {"statusCode": 200, "body": "hello " + event["rawPath"]}
      Policies: [AWSXRayDaemonWriteAccess, DynamoDBCrudPolicy: {TableName: !Ref Things}]
      Events:
        Http: {Type: HttpApi, Properties: {Path: "/{proxy+}", Method: get}}
        Queue: {Type: SQS, Properties: {Queue: !GetAtt Work.Arn}}
  Things: {Type: AWS::Serverless::SimpleTable}
  Work: {Type: AWS::SQS::Queue}
Outputs:
  Url: {Value: !Sub "https://${ServerlessHttpApi}.execute-api.${AWS::Region}.amazonaws.com"}
  Api: {Value: !Ref ServerlessHttpApi}
"""


def test_sam_template(cfn: Any, sandbox: Sandbox) -> None:
    """A serverless application: function, role with a policy by name (CFN-001), table, HTTP API, queue. It answers."""
    import urllib.request

    cfn.create_stack(
        StackName="serverless", TemplateBody=SAM, Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    )
    wait(cfn, "stack_create_complete", "serverless")
    api = outputs(describe(cfn, "serverless"))["Api"]
    url = f"{sandbox.server.endpoint}/_aws/execute-api/{api}/there"
    with urllib.request.urlopen(url, timeout=30) as reply:
        assert reply.read() == b"hello /there"
    delete(cfn, "serverless")


def test_what_a_condition_leaves_out_cannot_be_used(cfn: Any) -> None:
    """Conditions are weighed before a stack is begun: AWS refuses the request and no stack is left behind."""
    condition = {"Fn::Equals": [{"Ref": "P"}, "yes"]}
    template: dict[str, Any] = {
        "Parameters": {"P": {"Type": "String", "Default": "no"}},
        "Conditions": {"C": condition},
        "Resources": {"T": {**topic(), "Condition": "C"}, "U": topic()},
        "Outputs": {"O": {"Value": {"Ref": "T"}}},
    }
    body = json.dumps(template)
    message = "Unresolved resource dependencies [T] in the {} block of the template"
    assert refusal(cfn.create_stack, StackName="left-out", TemplateBody=body) == message.format("Outputs")
    template["Outputs"]["O"]["Condition"] = "C"
    template["Resources"]["U"]["Properties"] = {"DisplayName": {"Fn::If": ["C", {"Ref": "T"}, "none"]}}
    create(cfn, "left-out", template)
    template["Resources"]["U"]["Properties"] = {"DisplayName": {"Fn::Sub": "${T.TopicName}"}}
    body = json.dumps(template)
    assert refusal(cfn.update_stack, StackName="left-out", TemplateBody=body) == message.format("Resources")
    both = [{"ParameterKey": "P", "UsePreviousValue": True, "ParameterValue": "yes"}]
    assert refusal(cfn.update_stack, StackName="left-out", UsePreviousTemplate=True, Parameters=both) == (
        "Invalid input for parameter key P. Cannot specify usePreviousValue as true and non empty value for a parameter"
    )
    twice = {"UsePreviousTemplate": True, "TemplateBody": body}
    two = "You cannot specify both usePreviousTemplate and Template Body/Template URL."
    assert refusal(cfn.update_stack, StackName="left-out", **twice) == two
    assert refusal(cfn.create_change_set, StackName="left-out", ChangeSetName="c", **twice) == two
    policies = {"StackPolicyBody": "{}", "StackPolicyURL": "https://s3.amazonaws.com/b/k"}
    assert refusal(cfn.set_stack_policy, StackName="left-out", **policies) == (
        "You cannot specify both StackPolicyURL and StackPolicyBody"
    )
    delete(cfn, "left-out")
