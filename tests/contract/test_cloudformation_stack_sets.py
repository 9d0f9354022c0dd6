"""Stack sets through boto3: one template as stacks in several regions, changed and removed together."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.conftest import Sandbox, until

REGIONS = ["us-east-1", "eu-central-1"]
TEMPLATE = json.dumps(
    {
        "Parameters": {"Shown": {"Type": "String", "Default": "default"}},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": "Shown"}}}},
    }
)
STRANGER = "999999999999"


@pytest.fixture(scope="module")
def cfn(sandbox: Sandbox) -> Any:
    return sandbox.client("cloudformation")


def refusal(call: Any, **params: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**params)
    return str(caught.value.response["Error"]["Code"])


def done(cfn: Any, name: str, operation: str) -> dict[str, Any]:
    """The operation once it has come to its end."""

    def look() -> dict[str, Any] | None:
        found = cfn.describe_stack_set_operation(StackSetName=name, OperationId=operation)["StackSetOperation"]
        return None if found["Status"] in ("RUNNING", "STOPPING") else dict(found)

    return until(look)


def topics(sandbox: Sandbox, region: str) -> list[str]:
    sns = sandbox.client("sns", region)
    arns = [item["TopicArn"] for item in sns.list_topics()["Topics"]]
    return [sns.get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"] for arn in arns]


def given(value: str) -> list[dict[str, str]]:
    return [{"ParameterKey": "Shown", "ParameterValue": value}]


def test_the_life_of_a_stack_set(cfn: Any, sandbox: Sandbox) -> None:
    """Stacks in each region with the set's parameters or their own, an update of all, and their removal."""
    name, mine = "life", {"Accounts": [sandbox.account], "Regions": REGIONS}
    made = cfn.create_stack_set(StackSetName=name, TemplateBody=TEMPLATE, Parameters=given("first"), Description="d")
    assert made["StackSetId"].startswith("life:")
    started = cfn.create_stack_instances(StackSetName=name, **mine)
    assert done(cfn, name, started["OperationId"])["Status"] == "SUCCEEDED"
    assert [topics(sandbox, region) for region in REGIONS] == [["first"], ["first"]]
    shown = cfn.describe_stack_set(StackSetName=name)["StackSet"]
    assert (shown["Status"], shown["Regions"], shown["Description"]) == ("ACTIVE", sorted(REGIONS), "d")
    listed = cfn.list_stack_instances(StackSetName=name)["Summaries"]
    assert {(item["Region"], item["Status"], item["StackInstanceStatus"]["DetailedStatus"]) for item in listed} == {
        (region, "CURRENT", "SUCCEEDED") for region in REGIONS
    }
    own = {"Accounts": [sandbox.account], "Regions": ["eu-central-1"], "ParameterOverrides": given("own")}
    assert done(cfn, name, cfn.update_stack_instances(StackSetName=name, **own)["OperationId"])["Action"] == "UPDATE"
    changed = cfn.update_stack_set(StackSetName=name, UsePreviousTemplate=True, Parameters=given("second"))
    assert done(cfn, name, changed["OperationId"])["Status"] == "SUCCEEDED"
    assert [topics(sandbox, region) for region in REGIONS] == [["second"], ["own"]]
    assert refusal(cfn.delete_stack_set, StackSetName=name) == "StackSetNotEmptyException"
    gone = cfn.delete_stack_instances(StackSetName=name, RetainStacks=False, **mine)
    assert done(cfn, name, gone["OperationId"])["Status"] == "SUCCEEDED"
    assert [topics(sandbox, region) for region in REGIONS] == [[], []]
    actions = [item["Action"] for item in cfn.list_stack_set_operations(StackSetName=name)["Summaries"]]
    assert actions == ["DELETE", "UPDATE", "UPDATE", "CREATE"]
    cfn.delete_stack_set(StackSetName=name)
    assert refusal(cfn.describe_stack_set, StackSetName=name) == "StackSetNotFoundException"


def test_an_account_that_does_not_trust(cfn: Any, sandbox: Sandbox) -> None:
    """Without the execution role an instance fails, and what comes after is not begun, unless failures may be."""
    cfn.create_stack_set(StackSetName="trust", TemplateBody=TEMPLATE)
    targets = {"Accounts": [STRANGER, sandbox.account], "Regions": ["us-east-1"]}
    started = cfn.create_stack_instances(StackSetName="trust", **targets)["OperationId"]
    ended = done(cfn, "trust", started)
    assert (ended["Status"], ended["StatusDetails"]) == ("FAILED", {"FailedStackInstancesCount": 1})
    results = cfn.list_stack_set_operation_results(StackSetName="trust", OperationId=started)["Summaries"]
    assert [item["Status"] for item in results] == ["FAILED", "CANCELLED"]
    assert results[0]["StatusReason"] == (
        f"Account {STRANGER} should have 'AWSCloudFormationStackSetExecutionRole' role with trust relationship to Role "
        "'AWSCloudFormationStackSetAdministrationRole'."
    )
    preferences = {"FailureToleranceCount": 1}
    again = cfn.create_stack_instances(StackSetName="trust", **targets, OperationPreferences=preferences)
    assert done(cfn, "trust", again["OperationId"])["Status"] == "SUCCEEDED"
    named = {"StackInstanceAccount": sandbox.account, "StackInstanceRegion": "us-east-1"}
    instance = cfn.describe_stack_instance(StackSetName="trust", **named)["StackInstance"]
    assert instance["Status"] == "CURRENT" and ":stack/StackSet-trust-" in instance["StackId"]
    mine = {"Accounts": [sandbox.account], "Regions": ["us-east-1"], "RetainStacks": True}
    kept = cfn.delete_stack_instances(StackSetName="trust", **mine)
    assert done(cfn, "trust", kept["OperationId"])["Status"] == "SUCCEEDED"
    stack = cfn.describe_stacks(StackName=instance["StackId"])["Stacks"][0]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert refusal(cfn.describe_stack_instance, StackSetName="trust", **named) == "StackInstanceNotFoundException"


def test_refusals(cfn: Any, sandbox: Sandbox) -> None:
    """What is not there, what is there already, and what AWS's organisations would be needed for."""
    cfn.create_stack_set(StackSetName="refused", TemplateBody=TEMPLATE)
    named, mine = {"StackSetName": "refused"}, {"Accounts": [sandbox.account], "Regions": ["us-east-1"]}
    assert refusal(cfn.create_stack_set, **named, TemplateBody=TEMPLATE) == "NameAlreadyExistsException"
    assert refusal(cfn.create_stack_set, StackSetName="bad", TemplateBody="{}") == "ValidationError"
    managed = {"PermissionModel": "SERVICE_MANAGED"}
    assert refusal(cfn.create_stack_set, StackSetName="m", TemplateBody=TEMPLATE, **managed) == "ValidationError"
    assert refusal(cfn.update_stack_instances, **named, **mine) == "StackInstanceNotFoundException"
    assert refusal(cfn.create_stack_instances, **named, Regions=["us-east-1"]) == "ValidationError"
    assert refusal(cfn.list_stack_instances, StackSetName="none") == "StackSetNotFoundException"
    assert refusal(cfn.describe_stack_set_operation, **named, OperationId="none") == "OperationNotFoundException"
    started = cfn.create_stack_instances(**named, **mine, OperationId="mine")
    assert started["OperationId"] == "mine"
    done(cfn, "refused", "mine")
    assert refusal(cfn.stop_stack_set_operation, **named, OperationId="mine") == "InvalidOperationException"
    assert refusal(cfn.update_stack_instances, **named, **mine, OperationId="mine") == (
        "OperationIdAlreadyExistsException"
    )
