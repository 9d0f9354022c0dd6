"""Who may use a table: its own account, and others as far as its resource policy says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.conftest import Sandbox
from tests.contract.dynamodb import error_of, index, make_table

DENIED = "AccessDeniedException"


@pytest.fixture(scope="module")
def ddb(sandbox: Sandbox) -> Any:
    return sandbox.client("dynamodb")


@pytest.fixture(scope="module")
def elsewhere(sandbox: Sandbox) -> Sandbox:
    """Another account of the same cloud."""
    return Sandbox(sandbox.server, sandbox.server.ask("POST", f"/_mrak/environments/{sandbox.name}/accounts"))


@pytest.fixture(scope="module")
def other(elsewhere: Sandbox) -> Any:
    return elsewhere.client("dynamodb")


@pytest.fixture
def arn(ddb: Any) -> str:
    table = make_table(ddb, sort=None, attributes={"g": "S"}, GlobalSecondaryIndexes=[index("gsi", "g")])
    ddb.put_item(TableName=table, Item={"pk": {"S": "a"}, "g": {"S": "x"}})
    return ddb.describe_table(TableName=table)["Table"]["TableArn"]


KEY = {"pk": {"S": "a"}}


def put_policy(ddb: Any, arn: str, effect: str, actions: list[str], resource: str, principal: str = "*") -> None:
    statement = {"Effect": effect, "Principal": {"AWS": principal}, "Action": actions, "Resource": resource}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    ddb.put_resource_policy(ResourceArn=arn, Policy=document)


def test_other_accounts_need_a_policy(other: Any, arn: str) -> None:
    """Naming a table by its ARN opens nothing; nor does it tell whether there is one."""
    code, message = error_of(other.get_item, TableName=arn, Key=KEY)
    assert code == DENIED
    assert message.startswith("User: arn:aws:iam::") and message.endswith(
        f" is not authorized to perform: dynamodb:GetItem on resource: {arn} because no resource-based policy allows "
        "the dynamodb:GetItem action"
    )
    assert error_of(other.get_item, TableName=f"{arn}-none", Key=KEY)[0] == DENIED
    assert error_of(other.describe_table, TableName=f"{arn}-none") == (DENIED, "Access is denied")
    for refused, params in (
        (other.put_item, {"Item": KEY}),
        (other.scan, {}),
        (other.describe_table, {}),
        (other.delete_table, {}),
        (other.update_table, {"BillingMode": "PAY_PER_REQUEST"}),
        (other.create_backup, {"BackupName": "backup"}),
    ):
        assert error_of(refused, TableName=arn, **params)[0] == DENIED
    batch = {arn: {"Keys": [KEY]}}
    assert error_of(other.batch_get_item, RequestItems=batch)[0] == DENIED
    assert error_of(other.execute_statement, Statement=f'SELECT * FROM "{arn}"')[0] == DENIED


def test_what_a_policy_allows_and_nothing_else(ddb: Any, elsewhere: Sandbox, other: Any, arn: str) -> None:
    """By action, and by table or index."""
    put_policy(ddb, arn, "Allow", ["dynamodb:GetItem", "dynamodb:Query"], arn, elsewhere.account)
    assert other.get_item(TableName=arn, Key=KEY)["Item"]["g"] == {"S": "x"}
    asked = {"KeyConditionExpression": "g = :g", "ExpressionAttributeValues": {":g": {"S": "x"}}}
    of_index = {"TableName": arn, "IndexName": "gsi", **asked}
    code, message = error_of(other.query, **of_index)
    assert code == DENIED and f"dynamodb:Query on resource: {arn}/index/gsi " in message
    put_policy(ddb, arn, "Allow", ["dynamodb:Query"], f"{arn}/index/*", elsewhere.account)
    assert other.query(**of_index)["Count"] == 1
    assert error_of(other.get_item, TableName=arn, Key=KEY)[0] == DENIED


def test_transactions_need_the_permission_of_each_part(ddb: Any, elsewhere: Sandbox, other: Any, arn: str) -> None:
    """There is no permission of the transaction itself."""
    put_policy(ddb, arn, "Allow", ["dynamodb:GetItem", "dynamodb:PutItem"], arn, elsewhere.account)
    get = {"Get": {"TableName": arn, "Key": KEY}}
    assert other.transact_get_items(TransactItems=[get])["Responses"][0]["Item"]["pk"] == {"S": "a"}
    put, delete = {"Put": {"TableName": arn, "Item": KEY}}, {"Delete": {"TableName": arn, "Key": {"pk": {"S": "b"}}}}
    other.transact_write_items(TransactItems=[put])
    code, message = error_of(other.transact_write_items, TransactItems=[put, delete])
    assert code == DENIED and "dynamodb:DeleteItem" in message


def test_a_denial_binds_the_owner_too(ddb: Any, arn: str) -> None:
    """An explicit one; what it does not name stays open to the table's account. DYNAMODB-011: its users and roles need
    no policies of their own."""
    put_policy(ddb, arn, "Deny", ["dynamodb:DeleteItem"], arn)
    code, message = error_of(ddb.delete_item, TableName=arn, Key=KEY)
    assert code == DENIED and message.endswith("with an explicit deny in a resource-based policy")
    assert "Item" in ddb.get_item(TableName=arn, Key=KEY)
    ddb.delete_resource_policy(ResourceArn=arn)
    ddb.delete_item(TableName=arn, Key=KEY)


def test_streams_have_policies_of_their_own(sandbox: Sandbox, elsewhere: Sandbox, ddb: Any, arn: str) -> None:
    """The table's opens nothing of its stream."""
    stream = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    made = ddb.update_table(TableName=arn, StreamSpecification=stream)["TableDescription"]["LatestStreamArn"]
    streams = elsewhere.client("dynamodbstreams")
    assert error_of(streams.describe_stream, StreamArn=made)[0] == DENIED
    put_policy(ddb, made, "Allow", ["dynamodb:DescribeStream"], made, elsewhere.account)
    shown = streams.describe_stream(StreamArn=made)["StreamDescription"]
    ask = {"StreamArn": made, "ShardId": shown["Shards"][0]["ShardId"], "ShardIteratorType": "LATEST"}
    assert error_of(streams.get_shard_iterator, **ask)[0] == DENIED
    assert sandbox.client("dynamodbstreams").get_shard_iterator(**ask)["ShardIterator"]
