"""What a record is about, as stacks know it: names in ARNs, URLs and paths of every service that is metered."""

from __future__ import annotations

import pytest

from mrak.observe.contexts import resource_of, role_of

ACCOUNT = "111122223333"


@pytest.mark.parametrize(
    ("service", "resource", "name"),
    [
        ("s3", "arn:aws:s3:::bucket/folder/key.txt", "bucket"),
        ("lambda", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:worker:live", "worker"),
        ("dynamodb", "orders", "orders"),
        ("dynamodb", f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/orders/index/by-day", "orders"),
        ("sqs", f"arn:aws:sqs:us-east-1:{ACCOUNT}:jobs.fifo", "jobs.fifo"),
        ("stepfunctions", f"arn:aws:states:us-east-1:{ACCOUNT}:execution:collect:1", "collect"),
        ("stepfunctions", f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:collect", "collect"),
        ("execute-api", "arn:aws:apigateway:us-east-1::/restapis/abc123/stages/live", "abc123"),
        ("apigatewaymanagementapi", "arn:aws:apigateway:us-east-1::/apis/abc123", "abc123"),
        ("logs", f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/lambda/worker", "worker"),
        ("logs", f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/mine", "/mine"),
        ("cloudfront", f"arn:aws:cloudfront::{ACCOUNT}:distribution/E123", "E123"),
        ("cognito-idp", f"arn:aws:cognito-idp:us-east-1:{ACCOUNT}:userpool/us-east-1_x", "us-east-1_x"),
        ("kms", "key", "key"),
        ("lambda", "", ""),
    ],
)
def test_the_name_of_a_resource(service: str, resource: str, name: str) -> None:
    """A form that is missed makes usage look like nobody's."""
    assert resource_of(service, resource) == name


def test_the_role_of_a_principal() -> None:
    """Sessions and roles have one; users and services have none."""
    assert role_of(f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/session") == "worker"
    assert role_of(f"arn:aws:iam::{ACCOUNT}:role/path/worker") == "worker"
    assert role_of(f"arn:aws:iam::{ACCOUNT}:user/ana") == role_of("lambda.amazonaws.com") == ""
