"""Application Auto Scaling as boto3 sees it: settings, which are kept and change nothing."""

from __future__ import annotations

from typing import Any

import pytest
from tests.conftest import error_of

TABLE = {
    "ServiceNamespace": "dynamodb",
    "ResourceId": "table/t",
    "ScalableDimension": "dynamodb:table:ReadCapacityUnits",
}
TRACKING = {
    "TargetValue": 70.0,
    "PredefinedMetricSpecification": {"PredefinedMetricType": "DynamoDBReadCapacityUtilization"},
}


@pytest.fixture
def scaling(fresh_sandbox: Any) -> Any:
    return fresh_sandbox.client("application-autoscaling")


def _targets(scaling: Any, **asked: Any) -> Any:
    return scaling.describe_scalable_targets(ServiceNamespace="dynamodb", **asked)["ScalableTargets"]


def test_targets_are_registered_changed_and_deregistered(scaling: Any) -> None:
    """Registering again changes only what is given."""
    arn = scaling.register_scalable_target(**TABLE, MinCapacity=1, MaxCapacity=9)["ScalableTargetARN"]
    suspended = {"DynamicScalingInSuspended": True}
    again = scaling.register_scalable_target(**TABLE, MaxCapacity=5, SuspendedState=suspended)
    assert again["ScalableTargetARN"] == arn
    (target,) = _targets(scaling)
    assert (target["MinCapacity"], target["MaxCapacity"], target["ScalableTargetARN"]) == (1, 5, arn)
    assert target["SuspendedState"] == {
        "DynamicScalingInSuspended": True,
        "DynamicScalingOutSuspended": False,
        "ScheduledScalingSuspended": False,
    }
    assert target["RoleARN"].endswith("AWSServiceRoleForApplicationAutoScaling_DynamoDBTable")
    assert _targets(scaling, ResourceIds=["table/other"]) == []
    scaling.deregister_scalable_target(**TABLE)
    assert _targets(scaling) == []
    code, message, _ = error_of(scaling.deregister_scalable_target, **TABLE)
    assert (code, message.startswith("No scalable target found for service namespace: dynamodb")) == (
        "ObjectNotFoundException",
        True,
    )


def test_targets_are_checked(scaling: Any) -> None:
    for wrong in (
        {"MinCapacity": 1},
        {"MinCapacity": 9, "MaxCapacity": 1},
        {"MinCapacity": 1, "MaxCapacity": 2, "ScalableDimension": "lambda:function:ProvisionedConcurrency"},
    ):
        assert error_of(scaling.register_scalable_target, **{**TABLE, **wrong})[0] == "ValidationException"


def test_policies_are_settings(scaling: Any) -> None:
    """APPAUTOSCALING-001: a policy makes no alarms, and nothing scales by it."""
    asked = {"PolicyName": "p", **TABLE, "PolicyType": "TargetTrackingScaling"}
    code, message, _ = error_of(scaling.put_scaling_policy, **asked, TargetTrackingScalingPolicyConfiguration=TRACKING)
    assert code == "ObjectNotFoundException" and message.startswith("No scalable target registered for")
    scaling.register_scalable_target(**TABLE, MinCapacity=1, MaxCapacity=9)
    assert error_of(scaling.put_scaling_policy, **asked)[0] == "ValidationException"
    answer = scaling.put_scaling_policy(**asked, TargetTrackingScalingPolicyConfiguration=TRACKING)
    assert answer["Alarms"] == [] and answer["PolicyARN"].endswith(":resource/dynamodb/table/t:policyName/p")
    (policy,) = scaling.describe_scaling_policies(ServiceNamespace="dynamodb")["ScalingPolicies"]
    assert policy["TargetTrackingScalingPolicyConfiguration"] == TRACKING
    assert policy["PolicyARN"] == answer["PolicyARN"]
    assert scaling.describe_scaling_activities(ServiceNamespace="dynamodb")["ScalingActivities"] == []
    named = {"PolicyName": "p", **TABLE}
    scaling.delete_scaling_policy(**named)
    assert error_of(scaling.delete_scaling_policy, **named)[0] == "ObjectNotFoundException"


def test_scheduled_actions_are_settings(scaling: Any) -> None:
    named = {"ScheduledActionName": "night", **TABLE}
    action = {"MinCapacity": 1, "MaxCapacity": 2}
    assert error_of(scaling.put_scheduled_action, **named, Schedule="rate(1 day)")[0] == "ObjectNotFoundException"
    scaling.register_scalable_target(**TABLE, MinCapacity=1, MaxCapacity=9)
    assert error_of(scaling.put_scheduled_action, **named, Schedule="nightly")[0] == "ValidationException"
    for schedule in ("at(2030-01-01T00:00:00)", "rate(1 day)", "cron(0 20 * * ? *)"):
        scaling.put_scheduled_action(**named, Schedule=schedule, ScalableTargetAction=action)
        (found,) = scaling.describe_scheduled_actions(ServiceNamespace="dynamodb")["ScheduledActions"]
        assert (found["Schedule"], found["ScalableTargetAction"]) == (schedule, action)
    scaling.delete_scheduled_action(**named)
    assert error_of(scaling.delete_scheduled_action, **named)[0] == "ObjectNotFoundException"


def test_a_target_takes_its_policies_with_it(scaling: Any) -> None:
    scaling.register_scalable_target(**TABLE, MinCapacity=1, MaxCapacity=9)
    scaling.put_scaling_policy(
        PolicyName="p", PolicyType="TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration=TRACKING, **TABLE
    )
    scaling.put_scheduled_action(ScheduledActionName="a", Schedule="rate(1 day)", **TABLE)
    scaling.deregister_scalable_target(**TABLE)
    assert scaling.describe_scaling_policies(ServiceNamespace="dynamodb")["ScalingPolicies"] == []
    assert scaling.describe_scheduled_actions(ServiceNamespace="dynamodb")["ScheduledActions"] == []


def test_listings_have_pages(scaling: Any) -> None:
    for number in range(3):
        scaling.register_scalable_target(**{**TABLE, "ResourceId": f"table/{number}"}, MinCapacity=1, MaxCapacity=9)
    pages = scaling.get_paginator("describe_scalable_targets").paginate(
        ServiceNamespace="dynamodb", PaginationConfig={"PageSize": 2}
    )
    found = [[target["ResourceId"] for target in page["ScalableTargets"]] for page in pages]
    assert found == [["table/0", "table/1"], ["table/2"]]
    asked = {"ServiceNamespace": "dynamodb", "NextToken": "x"}
    assert error_of(scaling.describe_scalable_targets, **asked)[0] == "InvalidNextTokenException"


def test_targets_have_tags(scaling: Any) -> None:
    arn = scaling.register_scalable_target(**TABLE, MinCapacity=1, MaxCapacity=9, Tags={"a": "1"})["ScalableTargetARN"]
    scaling.tag_resource(ResourceARN=arn, Tags={"b": "2"})
    scaling.untag_resource(ResourceARN=arn, TagKeys=["a"])
    assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"b": "2"}
    missing = arn[:-1] + "x"
    assert error_of(scaling.list_tags_for_resource, ResourceARN=missing)[0] == "ResourceNotFoundException"
