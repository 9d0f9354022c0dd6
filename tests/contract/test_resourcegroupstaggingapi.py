"""The tagging API as boto3 sees it: tags of other services' resources, found and changed in one place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.conftest import error_of
from tests.contract.cloudfront import bucket_origin, config
from tests.contract.lambda_bench import create
from tests.contract.stack_types import trust

TAGS = {"team": "blue"}
LISTED = [{"Key": "team", "Value": "blue"}]


@pytest.fixture
def tagging(fresh_sandbox: Any) -> Any:
    return fresh_sandbox.client("resourcegroupstaggingapi")


def _make(sandbox: Any) -> dict[str, str]:
    """One tagged resource of each kind: the kind, and the ARN."""
    client = sandbox.client
    account = client("sts").get_caller_identity()["Account"]
    region = client("sqs").meta.region_name

    def arn(service: str, resource: str) -> str:
        return f"arn:aws:{service}:{region}:{account}:{resource}"

    client("sqs").create_queue(QueueName="q", tags=TAGS)
    client("s3").create_bucket(Bucket="bbb")
    client("s3").put_bucket_tagging(Bucket="bbb", Tagging={"TagSet": LISTED})
    client("ssm").put_parameter(Name="/a/b", Type="String", Value="v", Tags=LISTED)
    client("logs").create_log_group(logGroupName="g", tags=TAGS)
    client("dynamodb").create_table(
        TableName="ttt",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        Tags=LISTED,
    )
    client("events").put_rule(Name="r", ScheduleExpression="rate(1 day)", Tags=LISTED)
    alarm = {"Namespace": "n", "MetricName": "m", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1}
    client("cloudwatch").put_metric_alarm(
        AlarmName="a", Threshold=1, ComparisonOperator="GreaterThanThreshold", Tags=LISTED, **alarm
    )
    role = client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust("states.amazonaws.com")))[
        "Role"
    ]["Arn"]
    machine = {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}
    made = client("stepfunctions").create_state_machine(
        name="m", definition=json.dumps(machine), roleArn=role, tags=[{"key": "team", "value": "blue"}]
    )
    rest = client("apigateway").create_rest_api(name="x", tags=TAGS)["id"]
    http = client("apigatewayv2").create_api(Name="x", ProtocolType="HTTP", Tags=TAGS)["ApiId"]
    pool = client("cognito-idp").create_user_pool(PoolName="p", UserPoolTags=TAGS)["UserPool"]["Arn"]
    function = create(client("lambda"), "f", "def handler(event, context):\n    return event\n", Tags=TAGS)
    return {
        "acm:certificate": client("acm").request_certificate(DomainName="example.com", Tags=LISTED)["CertificateArn"],
        "apigateway:restapis": f"arn:aws:apigateway:{region}::/restapis/{rest}",
        "apigateway:apis": f"arn:aws:apigateway:{region}::/apis/{http}",
        **_make_cloudfront(client("cloudfront")),
        "cloudwatch:alarm": arn("cloudwatch", "alarm:a"),
        "cognito-idp:userpool": pool,
        "dynamodb:table": arn("dynamodb", "table/ttt"),
        "events:event-bus": client("events").create_event_bus(Name="bus", Tags=LISTED)["EventBusArn"],
        "events:rule": arn("events", "rule/r"),
        "kms:key": client("kms").create_key(Tags=[{"TagKey": "team", "TagValue": "blue"}])["KeyMetadata"]["Arn"],
        "lambda:function": function["FunctionArn"],
        "logs:log-group": arn("logs", "log-group:g"),
        "s3:bucket": "arn:aws:s3:::bbb",
        "secretsmanager:secret": client("secretsmanager").create_secret(Name="s", SecretString="x", Tags=LISTED)["ARN"],
        "sns:topic": client("sns").create_topic(Name="t", Tags=LISTED)["TopicArn"],
        "sqs:queue": arn("sqs", "q"),
        "ssm:parameter": arn("ssm", "parameter/a/b"),
        "states:stateMachine": made["stateMachineArn"],
    }


def _make_cloudfront(cdn: Any) -> dict[str, str]:
    tags = {"Items": LISTED}
    origin = bucket_origin("bbb")
    made = cdn.create_distribution_with_tags(
        DistributionConfigWithTags={"DistributionConfig": config(origin), "Tags": tags}
    )
    code = {"FunctionConfig": {"Comment": "", "Runtime": "cloudfront-js-2.0"}, "FunctionCode": b"function handler() {}"}
    function = cdn.create_function(Name="f", **code, Tags=tags)["FunctionSummary"]
    return {
        "cloudfront:distribution": made["Distribution"]["ARN"],
        "cloudfront:function": function["FunctionMetadata"]["FunctionARN"],
        "cloudfront:key-value-store": cdn.create_key_value_store(Name="s", Tags=tags)["KeyValueStore"]["ARN"],
    }


def _found(tagging: Any, **asked: Any) -> dict[str, dict[str, str]]:
    pages = tagging.get_paginator("get_resources").paginate(**asked)
    rows = [row for page in pages for row in page["ResourceTagMappingList"]]
    return {row["ResourceARN"]: {tag["Key"]: tag["Value"] for tag in row["Tags"]} for row in rows}


def test_every_kind_is_found_and_changed(fresh_sandbox: Any, tagging: Any) -> None:
    """TAGGING-001: each service is asked for what it has at this moment."""
    made = _make(fresh_sandbox)
    assert _found(tagging) == dict.fromkeys(made.values(), TAGS)
    for kind, arn in made.items():
        assert _found(tagging, ResourceTypeFilters=[kind]) == {arn: TAGS}, kind
    everything = list(made.values())
    assert tagging.tag_resources(ResourceARNList=everything, Tags={"more": "1"})["FailedResourcesMap"] == {}
    assert _found(tagging) == dict.fromkeys(everything, TAGS | {"more": "1"})
    assert tagging.untag_resources(ResourceARNList=everything, TagKeys=["team"])["FailedResourcesMap"] == {}
    assert _found(tagging, ResourceARNList=everything) == {arn: {"more": "1"} for arn in everything}
    abroad = fresh_sandbox.client("resourcegroupstaggingapi", region="eu-west-1")
    assert _found(abroad, ResourceTypeFilters=["cloudfront"]) == {}, "what has no region shows in one"
    tagging.untag_resources(ResourceARNList=everything, TagKeys=["more"])
    assert _found(tagging) == {}


def test_stacks_are_found(fresh_sandbox: Any, tagging: Any) -> None:
    """A stack's tags are its own to change: TagResources refuses it."""
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    stacks = fresh_sandbox.client("cloudformation")
    stack = stacks.create_stack(StackName="s", TemplateBody=json.dumps(template), Tags=LISTED)["StackId"]
    stacks.get_waiter("stack_create_complete").wait(StackName="s", WaiterConfig={"Delay": 1})
    assert _found(tagging, ResourceTypeFilters=["cloudformation"]) == {stack: TAGS}
    refused = tagging.tag_resources(ResourceARNList=[stack], Tags=TAGS)["FailedResourcesMap"][stack]
    assert (refused["StatusCode"], refused["ErrorCode"]) == (400, "InvalidParameterException")


def test_filters_all_have_to_fit(fresh_sandbox: Any, tagging: Any) -> None:
    sns = fresh_sandbox.client("sns")
    for name, tags in {"a": {"x": "1", "y": "1"}, "b": {"x": "2", "y": "1"}, "c": {"y": "2"}}.items():
        sns.create_topic(Name=name, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])

    def names(*filters: dict[str, Any]) -> list[str]:
        return [arn[-1] for arn in _found(tagging, TagFilters=list(filters))]

    assert names({"Key": "x"}) == ["a", "b"]
    assert names({"Key": "x", "Values": ["1", "3"]}) == ["a"]
    assert names({"Key": "y", "Values": ["1"]}, {"Key": "x", "Values": ["2"]}) == ["b"]
    assert tagging.get_tag_keys()["TagKeys"] == ["x", "y"]
    assert tagging.get_tag_values(Key="y")["TagValues"] == ["1", "2"]
    for wrong in ({"ResourcesPerPage": 0}, {"ResourcesPerPage": 101}, {"TagsPerPage": 99}, {"TagsPerPage": 501}):
        assert error_of(tagging.get_resources, **wrong)[0] == "InvalidParameterException"
    first = tagging.get_resources(ResourcesPerPage=2)
    assert len(first["ResourceTagMappingList"]) == 2
    rest = tagging.get_resources(ResourcesPerPage=2, PaginationToken=first["PaginationToken"])
    assert (len(rest["ResourceTagMappingList"]), rest["PaginationToken"]) == (1, "")
    assert error_of(tagging.get_resources, PaginationToken="x")[0] == "PaginationTokenExpiredException"


def test_one_that_fails_leaves_the_others(fresh_sandbox: Any, tagging: Any) -> None:
    topic = fresh_sandbox.client("sns").create_topic(Name="t")["TopicArn"]
    missing = topic + "x"
    answer = tagging.tag_resources(ResourceARNList=[missing, topic, "arn:aws:ec2:r:0:vpc/v"], Tags=TAGS)
    assert sorted(answer["FailedResourcesMap"]) == ["arn:aws:ec2:r:0:vpc/v", missing]
    assert answer["FailedResourcesMap"][missing]["ErrorCode"] == "InvalidParameterException"
    assert _found(tagging) == {topic: TAGS}
    both = {"ResourceARNList": [topic], "TagFilters": [{"Key": "team"}]}
    assert error_of(tagging.get_resources, **both)[0] == "InvalidParameterException"
