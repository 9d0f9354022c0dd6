"""Resource policies of tables and streams: what they may say, whose they can be, and how they are remembered."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.contract.dynamodb import INVALID, error_of, make_table


@pytest.fixture(scope="module")
def ddb(sandbox: Any) -> Any:
    return sandbox.client("dynamodb")


def policy_for(resource: str, action: str = "GetItem", **more: Any) -> str:
    account = resource.split(":")[4]
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": account},
        "Action": f"dynamodb:{action}",
        "Resource": resource,
        **more,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_what_policies_may_not_grant(ddb: Any) -> None:
    """Anything to everyone, what is a stream's in a table's, and what takes the caller's own right to put another."""
    arn = ddb.describe_table(TableName=make_table(ddb))["Table"]["TableArn"]
    wrong = "One or more parameter values were invalid: Invalid policy document: "
    unbounded = (
        "Resource-based policy grants unbounded access in one or more elements. Please revise the policy to ensure "
        "least-privilege form of access"
    )
    stream = f"{arn}/stream/2026-10-09T00:29:04.041"
    bare = policy_for(arn, Principal=arn.split(":")[4])
    after = bare.index(', "Action"') + 1
    for policy, told in (
        (policy_for(arn, Principal="*"), unbounded),
        (policy_for(arn, Principal={"AWS": ["*"]}), unbounded),
        (policy_for(stream), f'{wrong}The relative-id "{arn_end(stream)}" is invalid for ARN "{stream}"'),
        (policy_for(arn, "GetRecords"), f'{wrong}The following action names are invalid: "dynamodb:GetRecords"'),
        (bare, f"{wrong}Syntax error at position (1,{after})"),
    ):
        assert error_of(ddb.put_resource_policy, ResourceArn=arn, Policy=policy) == (INVALID, told)
    locked = policy_for(arn, "PutResourcePolicy", Effect="Deny", Principal="*")
    assert error_of(ddb.put_resource_policy, ResourceArn=arn, Policy=locked) == (
        "AccessDeniedException",
        "The new resource policy will not allow you to update the resource policy in the future.",
    )
    ddb.put_resource_policy(ResourceArn=arn, Policy=policy_for(f"{arn}*"))
    ddb.put_resource_policy(ResourceArn=arn, Policy=locked, ConfirmRemoveSelfResourceAccess=True)
    code, message = error_of(ddb.put_resource_policy, ResourceArn=arn, Policy=policy_for(arn))
    assert code == "AccessDeniedException" and message.endswith("with an explicit deny in a resource-based policy")


def arn_end(arn: str) -> str:
    return arn.split(":", 5)[5]


def test_actions_that_policies_of_tables_cannot_name(ddb: Any) -> None:
    """Those of accounts and backups, of operations that are allowed by other names, and of no service."""
    arn = ddb.describe_table(TableName=make_table(ddb))["Table"]["TableArn"]
    wrong = ["dynamodb:ListTables", "dynamodb:RestoreTableFromBackup", "dynamodb:ExecuteStatement", "dynamodb:Nope"]
    right = ["dynamodb:PartiQLSelect", "dynamodb:conditionCheckItem", "dynamodb:Batch*"]
    policy = policy_for(arn, Action=[*right, *wrong])
    code, message = error_of(ddb.put_resource_policy, ResourceArn=arn, Policy=policy)
    names = ", ".join(f'"{name}"' for name in wrong)
    assert code == INVALID
    assert message.endswith(f"Invalid policy document: The following action names are invalid: {names}")


def test_policies_of_streams(ddb: Any) -> None:
    """Apart from their table's, with actions of their own."""
    table = make_table(ddb, StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
    shown = ddb.describe_table(TableName=table)["Table"]
    arn, stream = shown["TableArn"], shown["LatestStreamArn"]
    ddb.put_resource_policy(ResourceArn=stream, Policy=policy_for(stream, "GetRecords"))
    assert json.loads(ddb.get_resource_policy(ResourceArn=stream)["Policy"])["Statement"][0]["Resource"] == stream
    assert error_of(ddb.get_resource_policy, ResourceArn=arn)[0] == "PolicyNotFoundException"
    assert error_of(ddb.put_resource_policy, ResourceArn=stream, Policy=policy_for(arn))[1].endswith(
        f'The relative-id "{arn_end(arn)}" is invalid for ARN "{arn}"'
    )
    ddb.delete_resource_policy(ResourceArn=stream)
    assert error_of(ddb.get_resource_policy, ResourceArn=stream)[0] == "PolicyNotFoundException"
    assert error_of(ddb.get_resource_policy, ResourceArn=f"{arn}/stream/2000-01-01T00:00:00.000") == (
        "ResourceNotFoundException",
        f"Requested resource not found: Stream: 2000-01-01T00:00:00.000 not found for Table: {table}",
    )


def test_arns_that_have_no_policies(ddb: Any) -> None:
    """Of other accounts, regions, partitions, of indexes and backups."""
    arn = ddb.describe_table(TableName=make_table(ddb))["Table"]["TableArn"]
    account = arn.split(":")[4]
    wrong = "One or more parameter values were invalid: "
    for other, told in (
        (arn.replace(account, "210987654321"), "This action is only supported by accounts that match the resource"),
        (arn.replace("us-east-1", "eu-west-1"), f"{wrong}Invalid resource Arn: arn:aws:dynamodb:eu-west-1"),
        (arn.replace("arn:aws:", "arn:aws-cn:"), f"{wrong}Invalid resource Arn: arn:aws-cn:dynamodb"),
        (f"{arn}/index/gsi", f"{wrong}Invalid resource arn provided, only table or stream is accepted."),
        (f"{arn}/backup/0170", f"{wrong}Provided Arn is not a DynamoDB resource arn: {arn}/backup/0170"),
    ):
        code, message = error_of(ddb.get_resource_policy, ResourceArn=other)
        assert code == INVALID and message.startswith(told)


def test_policies_without_a_version(sandbox: Any, ddb: Any) -> None:
    """They are shown with the oldest, and are another document than what is shown."""
    arn = ddb.describe_table(TableName=make_table(ddb))["Table"]["TableArn"]
    plain = json.dumps({"Statement": json.loads(policy_for(arn))["Statement"]})
    revision = ddb.put_resource_policy(ResourceArn=arn, Policy=plain)["RevisionId"]
    assert ddb.put_resource_policy(ResourceArn=arn, Policy=plain)["RevisionId"] == revision
    shown = ddb.get_resource_policy(ResourceArn=arn)["Policy"]
    assert shown.startswith('{"Version":"2008-10-17","Statement":')
    sandbox.advance_clock(1)  # revisions are moments
    assert ddb.put_resource_policy(ResourceArn=arn, Policy=shown)["RevisionId"] != revision


def test_a_deleted_policy_is_remembered_for_a_while(fresh_sandbox: Any) -> None:
    """By the moment of its deletion, which repeated deletions give back."""
    ddb = fresh_sandbox.client("dynamodb")
    table = make_table(ddb)
    arn = ddb.describe_table(TableName=table)["Table"]["TableArn"]
    revision = ddb.put_resource_policy(ResourceArn=arn, Policy=policy_for(arn))["RevisionId"]
    fresh_sandbox.advance_clock(1)
    assert ddb.delete_resource_policy(ResourceArn=arn, ExpectedRevisionId=revision)["RevisionId"] == revision
    assert int(ddb.delete_resource_policy(ResourceArn=arn)["RevisionId"]) > int(revision)
    expected = {"ResourceArn": arn, "Policy": policy_for(arn), "ExpectedRevisionId": revision}
    assert "but the policy associated to target table" in error_of(ddb.put_resource_policy, **expected)[1]
    fresh_sandbox.advance_clock(16)
    assert "RevisionId" not in ddb.delete_resource_policy(ResourceArn=arn)
    assert error_of(ddb.put_resource_policy, **expected)[1].endswith(
        f"Requested update for policy with revision id {revision}, but table {table} has no associated policy."
    )
    ddb.put_resource_policy(ResourceArn=arn, Policy=policy_for(arn), ExpectedRevisionId="NO_POLICY")
