"""What IAM's users and roles may do with tables: their own policies beside the table's, to items and attributes."""

from __future__ import annotations

from typing import Any

import pytest
from tests.conftest import Sandbox
from tests.contract.dynamodb import INVALID, error_of, eventually, index, make_table
from tests.contract.users import User, policy_of

DENIED = "AccessDeniedException"
MINE, YOURS = {"pk": {"S": "me"}, "sk": {"S": "1"}}, {"pk": {"S": "you"}, "sk": {"S": "1"}}


@pytest.fixture(scope="module")
def ddb(sandbox: Sandbox) -> Any:
    return sandbox.client("dynamodb")


@pytest.fixture(scope="module")
def table(ddb: Any) -> str:
    """One for all tests, since each has a user of its own."""
    name = make_table(
        ddb, attributes={"g": "S"}, GlobalSecondaryIndexes=[index("gsi", "g")], Tags=[{"Key": "team", "Value": "a"}]
    )
    for key in (MINE, YOURS):
        ddb.put_item(TableName=name, Item={**key, "g": {"S": "x"}, "secret": {"S": "s"}})
    return name


@pytest.fixture(scope="module")
def arn(ddb: Any, table: str) -> str:
    return ddb.describe_table(TableName=table)["Table"]["TableArn"]


@pytest.fixture
def user(sandbox: Sandbox) -> User:
    return User(sandbox)


@pytest.fixture
def own(user: User) -> Any:
    return user.sandbox.client("dynamodb")


def select(table: str, key: dict[str, Any] | None = None) -> str:
    return f'SELECT * FROM "{table}"' + (f" WHERE pk = '{key['pk']['S']}'" if key else "")


def by_partition(value: str) -> dict[str, Any]:
    return {"KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": value}}}


def test_a_user_without_policies_may_nothing(user: User, own: Any, table: str, arn: str) -> None:
    """Whatever it asks, it is told what is missing, also of a table that is not there and of a wrong key."""
    code, message = error_of(own.get_item, TableName=table, Key=MINE)
    assert (code, message) == (
        DENIED,
        f"User: {user.arn} is not authorized to perform: dynamodb:GetItem on resource: {arn} because no "
        "identity-based policy allows the dynamodb:GetItem action",
    )
    assert error_of(own.get_item, TableName="none", Key=MINE)[0] == DENIED
    named = {"TableName": table}
    put = {"Put": {**named, "Item": MINE}}
    asked = [
        (own.scan, named, "Scan"),
        (own.batch_write_item, {"RequestItems": {table: [{"DeleteRequest": {"Key": MINE}}]}}, "BatchWriteItem"),
        (own.transact_write_items, {"TransactItems": [put]}, "PutItem"),
        (own.transact_get_items, {"TransactItems": [{"Get": {**named, "Key": MINE}}]}, "GetItem"),
        (own.execute_statement, {"Statement": select(table)}, "PartiQLSelect"),
        (own.describe_table, named, "DescribeTable"),
        (own.update_table, {**named, "TableClass": "STANDARD"}, "UpdateTable"),
        (own.delete_table, named, "DeleteTable"),
        (own.create_backup, {**named, "BackupName": "backup"}, "CreateBackup"),
        (own.describe_continuous_backups, named, "DescribeContinuousBackups"),
        (own.describe_time_to_live, named, "DescribeTimeToLive"),
        (own.describe_contributor_insights, named, "DescribeContributorInsights"),
        (own.list_tags_of_resource, {"ResourceArn": arn}, "ListTagsOfResource"),
        (own.get_resource_policy, {"ResourceArn": arn}, "GetResourcePolicy"),
        (own.export_table_to_point_in_time, {"TableArn": arn, "S3Bucket": "none"}, "ExportTableToPointInTime"),
        (own.describe_export, {"ExportArn": f"{arn}/export/01234567890123-abcdefgh"}, "DescribeExport"),
        (own.describe_backup, {"BackupArn": f"{arn}/backup/01234567890123-abcdefgh"}, "DescribeBackup"),
        (
            own.restore_table_to_point_in_time,
            {"SourceTableName": table, "TargetTableName": "new", "UseLatestRestorableTime": True},
            "RestoreTableToPointInTime",
        ),
    ]
    for call, params, action in asked:
        code, message = error_of(call, **params)
        assert code == DENIED and f"is not authorized to perform: dynamodb:{action} on resource: {arn}" in message
    for call, action in (
        (own.list_tables, "ListTables"),
        (own.list_backups, "ListBackups"),
        (own.list_exports, "ListExports"),
        (own.list_imports, "ListImports"),
        (own.list_global_tables, "ListGlobalTables"),
        (own.list_contributor_insights, "ListContributorInsights"),
        (own.describe_limits, "DescribeLimits"),
        (own.describe_endpoints, "DescribeEndpoints"),
        (user.sandbox.client("dynamodbstreams").list_streams, "ListStreams"),
    ):
        code, message = error_of(call)
        assert code == DENIED and f"dynamodb:{action} on resource: *" in message
    key = [{"AttributeName": "pk", "KeyType": "HASH"}]
    new = {"AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}], "KeySchema": key}
    code, message = error_of(own.create_table, TableName="new", BillingMode="PAY_PER_REQUEST", **new)
    assert code == DENIED and message.partition("because")[0].endswith(":table/new ")


def test_tables_and_their_indexes_are_apart(user: User, own: Any, table: str, arn: str) -> None:
    """A permission of the table opens none of its indexes; a statement is one of PartiQL's actions."""
    user.may(["dynamodb:Query", "dynamodb:PartiQLSelect"], arn)
    assert own.query(TableName=table, **by_partition("me"))["Count"] == 1
    assert own.execute_statement(Statement=select(table, MINE))["Items"] != []
    of_index = {"IndexName": "gsi", "KeyConditionExpression": "g = :g", "ExpressionAttributeValues": {":g": {"S": "x"}}}
    assert f"{arn}/index/gsi" in error_of(own.query, TableName=table, **of_index)[1]
    assert (
        error_of(own.execute_statement, Statement=f"DELETE FROM \"{table}\" WHERE pk = 'me' AND sk = '1'")[0] == DENIED
    )
    user.may("dynamodb:Query", [f"{arn}/index/*"])
    assert own.query(TableName=table, **of_index)["Count"] == 2


def test_either_side_may_allow_and_a_denial_binds(user: User, own: Any, ddb: Any) -> None:
    """Within one account the table's policy suffices; what the user's own denies stays denied."""
    table = make_table(ddb)
    arn = ddb.describe_table(TableName=table)["Table"]["TableArn"]
    statement = {"Effect": "Allow", "Principal": {"AWS": user.arn}, "Action": "dynamodb:GetItem", "Resource": arn}
    ddb.put_resource_policy(ResourceArn=arn, Policy=policy_of(statement))
    own.get_item(TableName=table, Key=MINE)
    assert error_of(own.put_item, TableName=table, Item=MINE)[0] == DENIED
    user.may("dynamodb:*", "*", effect="Deny")
    code, message = error_of(own.get_item, TableName=table, Key=MINE)
    assert code == DENIED and message.endswith("with an explicit deny in an identity-based policy")


LEADING = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["me"]}}


def test_items_by_their_leading_keys(user: User, own: Any, table: str, arn: str) -> None:
    """Every item operation that names a partition key: mine passes, another's does not, nor both together."""
    user.may("dynamodb:*", arn, LEADING)
    named = {"TableName": table}
    update = {"UpdateExpression": "SET n = :n", "ExpressionAttributeValues": {":n": {"N": "1"}}}
    condition = {"KeyConditions": {"pk": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "me"}]}}}
    own.get_item(**named, Key=MINE)
    own.put_item(**named, Item=MINE)
    own.update_item(**named, Key=MINE, **update)
    own.query(**named, **by_partition("me"))
    own.query(**named, **condition)
    own.batch_get_item(RequestItems={table: {"Keys": [MINE]}})
    own.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": MINE}}]})
    own.transact_write_items(TransactItems=[{"Update": {**named, "Key": MINE, **update}}])
    own.execute_statement(Statement=select(table, MINE))
    denied = [
        (own.get_item, {**named, "Key": YOURS}),
        (own.put_item, {**named, "Item": YOURS}),
        (own.update_item, {**named, "Key": YOURS, **update}),
        (own.delete_item, {**named, "Key": YOURS}),
        (own.query, {**named, **by_partition("you")}),
        (own.batch_get_item, {"RequestItems": {table: {"Keys": [MINE, YOURS]}}}),
        (own.batch_write_item, {"RequestItems": {table: [{"DeleteRequest": {"Key": YOURS}}]}}),
        (own.transact_write_items, {"TransactItems": [{"Delete": {**named, "Key": YOURS}}]}),
        (own.transact_get_items, {"TransactItems": [{"Get": {**named, "Key": YOURS}}]}),
        (own.execute_statement, {"Statement": select(table, YOURS)}),
        (own.execute_statement, {"Statement": f"INSERT INTO \"{table}\" VALUE {{'pk': 'you', 'sk': '2'}}"}),
    ]
    for call, params in denied:
        assert error_of(call, **params)[0] == DENIED, params


def test_attributes_and_how_they_are_read(user: User, own: Any, table: str, arn: str) -> None:
    """Only what the policy lists, asked for by name; filters and conditions speak of attributes too."""
    user.may(
        ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:PutItem"],
        arn,
        {
            "ForAllValues:StringEquals": {"dynamodb:Attributes": ["pk", "sk", "g"]},
            "StringEqualsIfExists": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES", "dynamodb:ReturnValues": "NONE"},
        },
    )
    named = {"TableName": table}
    assert own.get_item(**named, Key=YOURS, ProjectionExpression="g")["Item"] == {"g": {"S": "x"}}
    own.scan(**named, ProjectionExpression="pk, #g", ExpressionAttributeNames={"#g": "g"})
    own.put_item(**named, Item={**MINE, "g": {"S": "x"}})
    secret = {"ExpressionAttributeNames": {"#s": "secret"}}
    denied = [
        (own.get_item, {"Key": MINE}),
        (own.get_item, {"Key": MINE, "ProjectionExpression": "#s", **secret}),
        (own.get_item, {"Key": MINE, "AttributesToGet": ["secret"]}),
        (own.scan, {"ProjectionExpression": "pk", "FilterExpression": "attribute_exists(#s)", **secret}),
        (own.put_item, {"Item": {**MINE, "secret": {"S": "s"}}}),
        (own.put_item, {"Item": MINE, "ConditionExpression": "attribute_exists(#s)", **secret}),
        (own.put_item, {"Item": MINE, "ReturnValues": "ALL_OLD"}),
    ]
    for call, params in denied:
        assert error_of(call, **named, **params)[0] == DENIED, params


def test_searches_of_vectors_are_not_told_by_attributes(user: User, own: Any, table: str, arn: str) -> None:
    """AWS leaves the keys for attributes out of a search's request, so a statement that asks for one lets nobody in."""
    asked = {"TableName": table, "IndexName": "near", "SearchVector": [{"N": "1"}], "TopK": 1}
    asked["ProjectionExpression"] = "pk"
    user.may("dynamodb:SearchVectors", f"{arn}/index/near")
    assert error_of(own.search_vectors, **asked)[1] == "The table does not have the specified index: near"
    user.may("dynamodb:SearchVectors", f"{arn}/index/near", {"ForAnyValue:StringEquals": {"dynamodb:Attributes": "pk"}})
    assert error_of(own.search_vectors, **asked)[0] == DENIED


def test_sets_equal_nothing_without_a_quantifier(user: User, own: Any, table: str, arn: str) -> None:
    """Attributes and leading keys are sets, though one is asked for: a plain StringEquals neither denies nor allows."""
    named = {"ProjectionExpression": "#s", "ExpressionAttributeNames": {"#s": "secret"}}
    secret = {"TableName": table, "Key": YOURS, **named}
    rest = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": arn}
    user.iam.put_user_policy(UserName=user.name, PolicyName="rest", PolicyDocument=policy_of(rest))
    user.may("dynamodb:*", arn, {"StringEquals": {"dynamodb:Attributes": ["secret"]}}, effect="Deny")
    assert own.get_item(**secret)["Item"] == {"secret": {"S": "s"}}
    user.may("dynamodb:*", arn, {"ForAnyValue:StringEquals": {"dynamodb:Attributes": ["secret"]}}, effect="Deny")
    assert error_of(own.get_item, **secret)[0] == DENIED
    user.iam.delete_user_policy(UserName=user.name, PolicyName="rest")
    user.may("dynamodb:*", arn, {"StringEquals": {"dynamodb:LeadingKeys": ["me"]}})
    assert error_of(own.get_item, TableName=table, Key=MINE)[0] == DENIED


@pytest.mark.parametrize(
    ("condition", "is_allowed"),
    [
        ({"StringEquals": {"aws:ResourceTag/team": "a"}}, True),
        ({"StringEquals": {"aws:ResourceTag/team": "b"}}, False),
        ({"StringEquals": {"aws:RequestedRegion": "us-east-1"}}, True),
        ({"StringEquals": {"dynamodb:ReturnConsumedCapacity": "NONE"}}, True),
        ({"StringEquals": {"dynamodb:ReturnConsumedCapacity": "TOTAL"}}, False),
        ({"StringEquals": {"dynamodb:EnclosingOperation": "TransactGetItems"}}, False),
        ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, True),
        ({"Bool": {"dynamodb:FullTableScan": "false"}}, False),
    ],
)
def test_what_else_a_policy_may_ask(
    user: User, own: Any, table: str, arn: str, condition: dict[str, Any], is_allowed: bool
) -> None:
    """Of the table, of the request, and of how it came; what is not there answers no condition."""
    user.may("dynamodb:GetItem", arn, condition)
    if is_allowed:
        own.get_item(TableName=table, Key=MINE)
    else:
        assert error_of(own.get_item, TableName=table, Key=MINE)[0] == DENIED


def test_conditions_of_transactions_and_statements(user: User, own: Any, table: str, arn: str) -> None:
    """What encloses an action, and whether a statement reads the whole table."""
    user.may("dynamodb:GetItem", arn, {"StringEquals": {"dynamodb:EnclosingOperation": "TransactGetItems"}})
    own.transact_get_items(TransactItems=[{"Get": {"TableName": table, "Key": MINE}}])
    assert error_of(own.get_item, TableName=table, Key=MINE)[0] == DENIED
    user.may("dynamodb:PartiQLSelect", arn, {"Bool": {"dynamodb:FullTableScan": "false"}})
    own.execute_statement(Statement=select(table, MINE))
    assert error_of(own.execute_statement, Statement=select(table))[0] == DENIED


@pytest.mark.parametrize(
    ("condition", "denied", "allowed"),
    [
        ({"Bool": {"dynamodb:FullTableScan": "true"}}, {"all", "range"}, {"one", "apart"}),
        ({"Bool": {"dynamodb:FullTableScan": "false"}}, {"one", "apart"}, {"all", "range", "double"}),
        ({"Null": {"dynamodb:LeadingKeys": "true"}}, {"all", "range", "double", "ordered"}, {"one", "apart"}),
    ],
)
def test_which_statements_scan(
    user: User, own: Any, table: str, arn: str, condition: dict[str, Any], denied: set[str], allowed: set[str]
) -> None:
    """As recorded at AWS: a second condition on a key makes a scan, but not of one that cannot be ordered."""
    wheres = {
        "all": "",
        "one": " WHERE pk = 'me'",
        "range": " WHERE pk = 'me' AND sk > '0' AND sk < '9'",
        "apart": " WHERE pk = 'me' AND (sk < '1' OR sk >= '5')",
        "double": " WHERE NOT NOT pk = 'me'",
        "ordered": " WHERE pk = 'me' AND sk > '0' AND sk < '9' ORDER BY sk",
    }
    allows = {"Effect": "Allow", "Action": "dynamodb:PartiQLSelect", "Resource": arn}
    user.iam.put_user_policy(UserName=user.name, PolicyName="allows", PolicyDocument=policy_of(allows))
    user.may("dynamodb:PartiQLSelect", "*", condition, effect="Deny")
    for name in denied:
        assert error_of(own.execute_statement, Statement=select(table) + wheres[name])[0] == DENIED, name
    for name in allowed:
        own.execute_statement(Statement=select(table) + wheres[name])
    if "ordered" not in denied:
        assert error_of(own.execute_statement, Statement=select(table) + wheres["ordered"])[0] == INVALID


def test_statements_that_are_denied_among_others(user: User, own: Any, table: str, arn: str) -> None:
    """A batch tells it of each; a transaction of statements is cancelled for it, where one of items is refused."""
    user.may(["dynamodb:PartiQLSelect", "dynamodb:PartiQLUpdate"], arn, LEADING)
    reads = [{"Statement": f"{select(table, key)} AND sk = '1'"} for key in (MINE, YOURS)]
    mine, yours = own.batch_execute_statement(Statements=reads)["Responses"]
    assert mine["Item"]["pk"] == MINE["pk"]
    assert (yours["TableName"], yours["Error"]["Code"]) == (table, "AccessDenied")
    assert f"dynamodb:PartiQLSelect on resource: {arn} because no identity-based" in yours["Error"]["Message"]
    writes = [{"Statement": f"UPDATE \"{table}\" SET n = 2 WHERE pk = 'you' AND sk = '1'"}]
    for statements, codes in ((reads, ["None", "AccessDenied"]), (writes, ["AccessDenied"])):
        with pytest.raises(own.exceptions.TransactionCanceledException) as caught:
            own.execute_transaction(TransactStatements=statements)
        assert [reason["Code"] for reason in caught.value.response["CancellationReasons"]] == codes
    assert error_of(own.transact_get_items, TransactItems=[{"Get": {"TableName": table, "Key": MINE}}])[0] == DENIED


def test_tags_that_a_request_brings(user: User, own: Any, arn: str) -> None:
    """aws:RequestTag and aws:TagKeys, of who tags a table."""
    user.may("dynamodb:TagResource", arn, {"StringEquals": {"aws:RequestTag/kind": "x"}})
    own.tag_resource(ResourceArn=arn, Tags=[{"Key": "kind", "Value": "x"}])
    assert error_of(own.tag_resource, ResourceArn=arn, Tags=[{"Key": "kind", "Value": "y"}])[0] == DENIED
    user.may("dynamodb:UntagResource", arn, {"ForAllValues:StringEquals": {"aws:TagKeys": ["kind"]}})
    assert error_of(own.untag_resource, ResourceArn=arn, TagKeys=["team"])[0] == DENIED
    own.untag_resource(ResourceArn=arn, TagKeys=["kind"])


def test_a_session_of_a_role(user: User, table: str, arn: str) -> None:
    """A session may what its role may. DYNAMODB-011: a policy of AWS's that is not built in is not held against it."""
    trust = policy_of({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})
    user.iam.create_role(RoleName=user.name, AssumeRolePolicyDocument=trust)
    session = user.in_role(user.name).client("dynamodb")
    code, message = error_of(session.get_item, TableName=table, Key=MINE)
    assert code == DENIED and f":assumed-role/{user.name}/session is not authorized" in message
    user.iam.attach_role_policy(RoleName=user.name, PolicyArn="arn:aws:iam::aws:policy/AmazonDynamoDBReadOnlyAccess")
    session.get_item(TableName=table, Key=MINE)
    assert error_of(session.delete_item, TableName=table, Key=MINE)[0] == DENIED
    user.iam.attach_role_policy(
        RoleName=user.name, PolicyArn="arn:aws:iam::aws:policy/AWSBackupServiceRolePolicyForS3Backup"
    )
    session.update_item(TableName=table, Key=MINE)


def test_replicas_need_permission_where_they_are(user: User, own: Any, ddb: Any) -> None:
    """To have one made, everything that fills it; the removal's refusal is told in AWS's odd quotes."""
    table = make_table(ddb, sort=None)
    here = ddb.describe_table(TableName=table)["Table"]["TableArn"]
    there = here.replace("us-east-1", "eu-west-1")
    update = policy_of({"Effect": "Allow", "Action": "dynamodb:UpdateTable", "Resource": here})
    filling = ["Scan", "Query", "GetItem", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "CreateTable"]

    def allow(*actions: str) -> None:
        user.may([f"dynamodb:{it}" for it in actions], there)
        user.iam.put_user_policy(UserName=user.name, PolicyName="update", PolicyDocument=update)

    def refusal(action: str) -> str:
        return (
            f"User: {user.arn} is not authorized to perform: dynamodb:{action} on resource: {there} because no "
            f"identity-based policy allows the dynamodb:{action} action"
        )

    create, delete = ([{kind: {"RegionName": "eu-west-1"}}] for kind in ("Create", "Delete"))
    allow("CreateTableReplica")
    assert error_of(own.update_table, TableName=table, ReplicaUpdates=create) == (DENIED, refusal("Scan"))
    allow(*filling)
    assert error_of(own.update_table, TableName=table, ReplicaUpdates=create) == (DENIED, refusal("CreateTableReplica"))
    allow(*filling, "CreateTableReplica")
    own.update_table(TableName=table, ReplicaUpdates=create)
    eventually(lambda: ddb.describe_table(TableName=table)["Table"]["TableStatus"] == "ACTIVE")
    allow("DeleteTable")
    assert error_of(own.update_table, TableName=table, ReplicaUpdates=delete) == (
        DENIED,
        f"'{DENIED}':'{refusal('DeleteTableReplica')}'.",
    )
    allow("DeleteTable", "DeleteTableReplica")
    own.update_table(TableName=table, ReplicaUpdates=delete)


def test_who_may_put_a_policy_by_the_policy_itself(user: User, own: Any, ddb: Any) -> None:
    """The next one has to let it do so, too, unless that is meant."""
    arn = ddb.describe_table(TableName=make_table(ddb))["Table"]["TableArn"]
    root = f"arn:aws:iam::{arn.split(':')[4]}:root"

    def policy(action: str, principal: str) -> str:
        rights = {"Action": f"dynamodb:{action}ResourcePolicy", "Resource": arn}
        return policy_of({"Effect": "Allow", "Principal": {"AWS": principal}, **rights})

    ddb.put_resource_policy(ResourceArn=arn, Policy=policy("Put", user.arn))
    for confirmed in ({}, {"ConfirmRemoveSelfResourceAccess": False}):
        without = {"ResourceArn": arn, "Policy": policy("Put", root), **confirmed}
        assert error_of(own.put_resource_policy, **without) == (
            DENIED,
            "The new resource policy will not allow you to update the resource policy in the future.",
        )
    own.put_resource_policy(ResourceArn=arn, Policy=policy("*", user.arn))
    own.put_resource_policy(ResourceArn=arn, Policy=policy("Put", root), ConfirmRemoveSelfResourceAccess=True)
    assert error_of(own.put_resource_policy, ResourceArn=arn, Policy=policy("Put", user.arn))[0] == DENIED
    user.may("dynamodb:PutResourcePolicy", arn)
    own.put_resource_policy(ResourceArn=arn, Policy=policy("Get", root))
