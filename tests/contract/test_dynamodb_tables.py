"""Tables as boto3 sees them: their life, indexes added and dropped, time to live, tags, policies, and the errors."""

from __future__ import annotations

import json
import time
import uuid
from datetime import UTC
from typing import Any

import pytest
from tests.contract.dynamodb import INVALID, error_of, index, make_table
from tests.contract.wire import post
from tests.streams import asking, records_of


@pytest.fixture(scope="module")
def ddb(sandbox: Any) -> Any:
    return sandbox.client("dynamodb")


def definition(**overrides: Any) -> dict[str, Any]:
    """A valid CreateTable request, changed."""
    return {
        "TableName": f"t-{uuid.uuid4().hex}",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    } | overrides


def attributes(**kinds: str) -> list[dict[str, str]]:
    return [{"AttributeName": name, "AttributeType": kind} for name, kind in kinds.items()]


def keys(*names: str) -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": role} for name, role in zip(names, ("HASH", "RANGE"), strict=False)]


def test_the_life_of_a_table(ddb: Any) -> None:
    """DYNAMODB-003: created, described, listed, deleted, gone; only the replies say CREATING and DELETING."""
    wanted = definition(Tags=[{"Key": "a", "Value": "b"}])
    name = wanted["TableName"]
    created = ddb.create_table(**wanted)["TableDescription"]
    assert created["TableStatus"] == "CREATING" and "WarmThroughput" not in created
    assert created["BillingModeSummary"] == {"BillingMode": "PAY_PER_REQUEST"}
    ddb.get_waiter("table_exists").wait(TableName=name)
    described = ddb.describe_table(TableName=name)["Table"]
    assert described["TableStatus"] == "ACTIVE"
    assert described["TableId"] == created["TableId"]
    assert described["WarmThroughput"] == {"ReadUnitsPerSecond": 12000, "WriteUnitsPerSecond": 4000, "Status": "ACTIVE"}
    assert described["TableArn"].endswith(f":table/{name}") and described["DeletionProtectionEnabled"] is False
    assert name in ddb.list_tables()["TableNames"]
    assert error_of(ddb.create_table, **wanted) == ("ResourceInUseException", f"Table already exists: {name}")
    assert ddb.delete_table(TableName=name)["TableDescription"]["TableStatus"] == "DELETING"
    assert error_of(ddb.describe_table, TableName=name) == (
        "ResourceNotFoundException",
        f"Requested resource not found: Table: {name} not found",
    )


def test_a_table_counts_its_items(ddb: Any) -> None:
    """Exactly, at any time; AWS refreshes the numbers every six hours."""
    table = make_table(ddb, sort=None)
    for number in range(3):
        ddb.put_item(TableName=table, Item={"pk": {"S": str(number)}})
    described = ddb.describe_table(TableName=table)["Table"]
    assert (described["ItemCount"], described["TableSizeBytes"]) == (3, 9)


def test_a_new_table_of_an_old_name_is_empty(ddb: Any) -> None:
    """Nothing of the old one shows through."""
    table = make_table(ddb, sort=None)
    ddb.put_item(TableName=table, Item={"pk": {"S": "old"}})
    ddb.delete_table(TableName=table)
    ddb.create_table(**definition(TableName=table))
    assert ddb.scan(TableName=table)["Items"] == []


def test_listing_pages(fresh_sandbox: Any) -> None:
    """In order of name."""
    ddb = fresh_sandbox.client("dynamodb")
    for name in ("ccc", "aaa", "bbb"):
        ddb.create_table(**definition(TableName=name))
    first = ddb.list_tables(Limit=2)
    assert first == first | {"TableNames": ["aaa", "bbb"], "LastEvaluatedTableName": "bbb"}
    rest = ddb.list_tables(ExclusiveStartTableName="bbb")
    assert rest["TableNames"] == ["ccc"] and "LastEvaluatedTableName" not in rest


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"TableName": "ab"},
            "1 validation error detected: Value 'ab' at 'tableName' failed to satisfy constraint: "
            "Member must have length greater than or equal to 3",
        ),
        (
            {"ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}},
            "One or more parameter values were invalid: Neither ReadCapacityUnits nor "
            "WriteCapacityUnits can be specified "
            "when BillingMode is PAY_PER_REQUEST",
        ),
        (
            {"BillingMode": "PROVISIONED"},
            "One or more parameter values were invalid: ReadCapacityUnits and "
            "WriteCapacityUnits must both be specified "
            "when BillingMode is PROVISIONED",
        ),
        (
            {"KeySchema": keys("nope")},
            "One or more parameter values were invalid: Some index key attributes are not defined in "
            "AttributeDefinitions. Keys: [nope], AttributeDefinitions: [pk]",
        ),
        ({"KeySchema": keys("pk", "nope")}, "Invalid KeySchema: Some index key attribute have no definition"),
        (
            {
                "KeySchema": keys("pk", "nope"),
                "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            },
            "One or more parameter values were invalid: Some index key attributes are not defined in "
            "AttributeDefinitions. Keys: [nope, pk], AttributeDefinitions: [sk, pk]",
        ),
        ({"KeySchema": keys("pk", "pk")}, "Invalid KeySchema: Some index key attribute have no definition"),
        (
            {"KeySchema": keys("pk", "pk"), "AttributeDefinitions": attributes(pk="S", sk="S")},
            "Both the Hash Key and the Range Key element in the KeySchema have the same name",
        ),
        (
            {"KeySchema": [{"AttributeName": "pk", "KeyType": "RANGE"}]},
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type",
        ),
        (
            {"AttributeDefinitions": attributes(pk="S", x="S")},
            "One or more parameter values were invalid: Number of attributes in KeySchema does "
            "not exactly match number "
            "of attributes defined in AttributeDefinitions",
        ),
        (
            {"LocalSecondaryIndexes": []},
            "One or more parameter values were invalid: List of LocalSecondaryIndexes is empty",
        ),
        (
            {"LocalSecondaryIndexes": [index("lsi", "pk", "pk")]},
            "One or more parameter values were invalid: Table KeySchema does not have a range "
            "key, which is required when "
            "specifying a LocalSecondaryIndex",
        ),
        (
            {
                "AttributeDefinitions": attributes(pk="S", g="S"),
                "GlobalSecondaryIndexes": [index("i-1", "g"), index("i-1", "g")],
            },
            "One or more parameter values were invalid: Duplicate index name: i-1",
        ),
        (
            {
                "AttributeDefinitions": attributes(pk="S", g="S"),
                "GlobalSecondaryIndexes": [index("gsi", "g", projection={})],
            },
            "One or more parameter values were invalid: Unknown ProjectionType: null",
        ),
        (
            {
                "AttributeDefinitions": attributes(pk="S", g="S"),
                "GlobalSecondaryIndexes": [
                    index("gsi", "g", projection={"ProjectionType": "ALL", "NonKeyAttributes": ["a"]})
                ],
            },
            "One or more parameter values were invalid: ProjectionType is ALL, but NonKeyAttributes is specified",
        ),
    ],
)
def test_tables_that_are_refused(ddb: Any, changes: dict[str, Any], message: str) -> None:
    """Each in AWS's words."""
    assert error_of(ddb.create_table, **definition(**changes)) == (INVALID, message)


def test_definitions_that_no_key_uses_are_told_before_the_rest_of_an_index(ddb: Any) -> None:
    """Its projection, capacity, name and number; but keys without a definition, and tables that can have no local
    index, come first. The names are listed as AWS's hash tables have them."""
    needless = attributes(pk="S", sk="S", a="S", b="S", c="S")
    told = (
        "One or more parameter values were invalid: Some AttributeDefinitions are not used. "
        "AttributeDefinitions: [sk, a, b, pk, c], keys used: [a, sk, pk]"
    )

    def refused(*indexes: dict[str, Any], **changes: Any) -> str:
        asked = {"AttributeDefinitions": needless, "KeySchema": keys("pk", "sk"), "GlobalSecondaryIndexes": indexes}
        return error_of(ddb.create_table, **definition(**(asked | changes)))[1]

    for wrong in (
        (index("gsi", "a", projection={}),),
        ({**index("gsi", "a"), "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}},),
        (index("gsi", "a"), index("gsi", "a")),
        tuple(index(f"gsi-{number}", "a") for number in range(21)),
    ):
        assert refused(*wrong) == told
    assert "Some index key attributes are not defined" in refused(index("gsi", "a"), index("two", "nope"))
    assert "does not have a range key" in refused(
        index("gsi", "a"), KeySchema=keys("pk"), LocalSecondaryIndexes=[index("lsi", "pk", "a")]
    )


def test_deletion_protection(ddb: Any) -> None:
    """It has to be switched off first."""
    table = make_table(ddb, DeletionProtectionEnabled=True)
    assert error_of(ddb.delete_table, TableName=table)[0] == INVALID
    ddb.update_table(TableName=table, DeletionProtectionEnabled=False)
    ddb.delete_table(TableName=table)


def test_an_index_is_added_to_a_table_with_items_and_dropped(ddb: Any) -> None:
    """More items than one page of the fill; it can be read once it is ACTIVE, and holds them all."""
    table = make_table(ddb, sort=None)
    for start in range(0, 600, 25):
        batch = [
            {"PutRequest": {"Item": {"pk": {"S": str(number)}, "g": {"S": "all"}}}}
            for number in range(start, start + 25)
        ]
        ddb.batch_write_item(RequestItems={table: batch})
    create = {"Create": index("gsi", "g", projection="KEYS_ONLY")}
    changed = ddb.update_table(
        TableName=table, AttributeDefinitions=attributes(pk="S", g="S"), GlobalSecondaryIndexUpdates=[create]
    )["TableDescription"]
    assert changed["TableStatus"] == "UPDATING"
    assert changed["GlobalSecondaryIndexes"][0]["IndexStatus"] == "CREATING"
    deadline = time.monotonic() + 20
    while ddb.describe_table(TableName=table)["Table"]["GlobalSecondaryIndexes"][0]["IndexStatus"] != "ACTIVE":
        assert time.monotonic() < deadline, "the index was not filled"
    found = ddb.query(
        TableName=table,
        IndexName="gsi",
        KeyConditionExpression="g = :g",
        ExpressionAttributeValues={":g": {"S": "all"}},
        Select="COUNT",
    )
    assert found["Count"] == 600
    ddb.update_table(TableName=table, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "gsi"}}])
    described = ddb.describe_table(TableName=table)["Table"]
    assert "GlobalSecondaryIndexes" not in described
    assert described["AttributeDefinitions"] == attributes(pk="S")


def test_updates_that_are_refused(ddb: Any) -> None:
    """Nothing to do, nothing to change, an index that is not there."""
    table = make_table(
        ddb, BillingMode="PROVISIONED", ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 6}
    )
    assert error_of(ddb.update_table, TableName=table)[1].startswith("At least one of ProvisionedThroughput")
    same = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 6}
    assert "will not change" in error_of(ddb.update_table, TableName=table, ProvisionedThroughput=same)[1]
    drop = [{"Delete": {"IndexName": "nope"}}]
    assert (
        error_of(ddb.update_table, TableName=table, GlobalSecondaryIndexUpdates=drop)[0] == "ResourceNotFoundException"
    )
    more = ddb.update_table(TableName=table, ProvisionedThroughput={"ReadCapacityUnits": 7, "WriteCapacityUnits": 6})
    assert more["TableDescription"]["ProvisionedThroughput"]["ReadCapacityUnits"] == 5
    assert ddb.describe_table(TableName=table)["Table"]["ProvisionedThroughput"]["ReadCapacityUnits"] == 7


def test_time_to_live_deletes_when_the_clock_comes_to_it(fresh_sandbox: Any) -> None:
    """Items from before it was switched on too; items of the past or without a number stay. Its records are marked."""
    ddb = fresh_sandbox.client("dynamodb")
    table = make_table(
        ddb, sort=None, StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    )
    now = int(time.time())
    ddb.put_item(TableName=table, Item={"pk": {"S": "before"}, "exp": {"N": str(now + 50)}})
    ttl = {"Enabled": True, "AttributeName": "exp"}
    assert ddb.update_time_to_live(TableName=table, TimeToLiveSpecification=ttl)["TimeToLiveSpecification"] == ttl
    described = ddb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert described == {"TimeToLiveStatus": "ENABLED", "AttributeName": "exp"}
    ddb.put_item(TableName=table, Item={"pk": {"S": "later"}, "exp": {"N": str(now + 60)}})
    ddb.put_item(TableName=table, Item={"pk": {"S": "moved"}, "exp": {"N": str(now + 60)}})
    ddb.put_item(TableName=table, Item={"pk": {"S": "moved"}, "exp": {"N": str(now + 9000)}})
    ddb.put_item(TableName=table, Item={"pk": {"S": "text"}, "exp": {"S": str(now + 60)}})
    ddb.put_item(TableName=table, Item={"pk": {"S": "ancient"}, "exp": {"N": "1000"}})
    fresh_sandbox.advance_clock(100)
    deadline = time.monotonic() + 10
    left: set[str] = set()
    while left != {"moved", "text", "ancient"}:
        assert time.monotonic() < deadline, f"left: {left}"
        left = {item["pk"]["S"] for item in ddb.scan(TableName=table)["Items"]}
    streams = fresh_sandbox.client("dynamodbstreams")
    arn = ddb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
    records = records_of(asking(streams), arn)
    removed = [record for record in records if record["eventName"] == "REMOVE"]
    assert len(removed) == 2
    assert removed[0]["userIdentity"] == {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}


def test_time_to_live_cannot_be_changed_all_the_time(fresh_sandbox: Any) -> None:
    """Once an hour."""
    ddb = fresh_sandbox.client("dynamodb")
    table = make_table(ddb)

    def switch(enabled: bool) -> dict[str, Any]:
        return {"TableName": table, "TimeToLiveSpecification": {"Enabled": enabled, "AttributeName": "exp"}}

    assert error_of(ddb.update_time_to_live, **switch(False)) == (INVALID, "TimeToLive is already disabled")
    ddb.update_time_to_live(**switch(True))
    assert error_of(ddb.update_time_to_live, **switch(True)) == (INVALID, "TimeToLive is already enabled")
    assert error_of(ddb.update_time_to_live, **switch(False)) == (
        INVALID,
        "Time to live has been modified multiple times within a fixed interval",
    )
    fresh_sandbox.advance_clock(3601)
    ddb.update_time_to_live(**switch(False))
    described = ddb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert described == {"TimeToLiveStatus": "DISABLED"}


def test_tags(ddb: Any) -> None:
    """Merged, shown all in one page as they came, removed."""
    arn = ddb.describe_table(TableName=make_table(ddb))["Table"]["TableArn"]
    for keys in ("zm", "ma"):
        ddb.tag_resource(ResourceArn=arn, Tags=[{"Key": key, "Value": keys} for key in keys])
    came = [{"Key": "z", "Value": "zm"}, {"Key": "m", "Value": "ma"}, {"Key": "a", "Value": "ma"}]
    assert ddb.list_tags_of_resource(ResourceArn=arn)["Tags"] == came
    ddb.untag_resource(ResourceArn=arn, TagKeys=["z", "m", "a"])
    ddb.tag_resource(ResourceArn=arn, Tags=[{"Key": f"k{number:02}", "Value": "v"} for number in range(12)])
    shown = ddb.list_tags_of_resource(ResourceArn=arn)
    assert len(shown["Tags"]) == 12 and "NextToken" not in shown
    ddb.untag_resource(ResourceArn=arn, TagKeys=["k00", "k01", "nope"])
    assert len(ddb.list_tags_of_resource(ResourceArn=arn)["Tags"]) == 10
    gone = arn + "x"
    assert error_of(ddb.tag_resource, ResourceArn=gone, Tags=[{"Key": "a", "Value": "b"}]) == (
        "ResourceNotFoundException",
        f"Requested resource not found: ResourceArn: {gone} not found",
    )


def test_resource_policies(ddb: Any) -> None:
    """Put, read in AWS's form, guarded by their revision, deleted; refused in AWS's words, which name tables."""
    table = make_table(ddb)
    arn = ddb.describe_table(TableName=table)["Table"]["TableArn"]
    assert error_of(ddb.get_resource_policy, ResourceArn=arn)[0] == "PolicyNotFoundException"
    assert "RevisionId" not in ddb.delete_resource_policy(ResourceArn=arn)
    account = arn.split(":")[4]
    statement = {"Resource": [arn], "Action": ["dynamodb:GetItem"], "Principal": {"AWS": account}, "Effect": "Allow"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement}, indent=2)
    revision = ddb.put_resource_policy(ResourceArn=arn, Policy=policy)["RevisionId"]
    kept = ddb.get_resource_policy(ResourceArn=arn)["Policy"]
    assert kept == (
        f'{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{account}:root"}},'
        f'"Action":"dynamodb:GetItem","Resource":"{arn}"}}]}}'
    )
    assert ddb.put_resource_policy(ResourceArn=arn, Policy=kept)["RevisionId"] == revision
    stale = error_of(ddb.put_resource_policy, ResourceArn=arn, Policy=policy, ExpectedRevisionId="1")
    told = "Resource-based policy not found for the provided ResourceArn: Requested"
    assert stale == (
        "PolicyNotFoundException",
        f"{told} update for policy with revision id 1, but the policy associated to target table {table} has revision "
        f"id {revision}.",
    )
    assert error_of(ddb.put_resource_policy, ResourceArn=arn, Policy=policy, ExpectedRevisionId="NO_POLICY") == (
        "PolicyNotFoundException",
        f"{told} policy update expecting none to be present for table {table}, but a policy exists with revision id "
        f"{revision}.",
    )
    absent = ("ResourceNotFoundException", f"Requested resource not found: Table: {table}x not found")
    assert error_of(ddb.put_resource_policy, ResourceArn=f"{arn}x", Policy=policy) == absent
    assert error_of(ddb.get_resource_policy, ResourceArn=f"{arn}x") == absent
    assert error_of(ddb.delete_resource_policy, ResourceArn=f"{arn}x") == absent
    assert ddb.delete_resource_policy(ResourceArn=arn)["RevisionId"] == revision


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        ("{", "This policy contains invalid Json"),
        ("[]", "This policy contains invalid Json"),
        ("null", "This text appears not to be a policy"),
        ("{}", "Syntax error at position (1,3)"),
        ('{"Statement": []}', "Could not parse the policy: Statement is empty!"),
        ('{"Statement": [{}]}', "Missing required field Effect"),
    ],
)
def test_policies_that_are_refused(ddb: Any, policy: str, why: str) -> None:
    """In words that were measured."""
    arn = ddb.describe_table(TableName=make_table(ddb))["Table"]["TableArn"]
    assert error_of(ddb.put_resource_policy, ResourceArn=arn, Policy=policy) == (
        INVALID,
        f"One or more parameter values were invalid: Invalid policy document: {why}",
    )


def test_times_of_tables_are_milliseconds(ddb: Any) -> None:
    """As the label of a stream that a table is made with, which is the moment of that."""
    table = make_table(ddb, StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
    shown = ddb.describe_table(TableName=table)["Table"]
    made = shown["CreationDateTime"].astimezone(UTC)
    assert f"{made:%Y-%m-%dT%H:%M:%S}.{round(made.microsecond / 1000):03d}" == shown["LatestStreamLabel"]
    assert made.microsecond % 1000 in (0, 1, 999)
    assert shown["BillingModeSummary"]["LastUpdateToPayPerRequestDateTime"] == shown["CreationDateTime"]


def test_an_arn_names_a_table_of_this_region(ddb: Any) -> None:
    """Elsewhere than its endpoint nothing is looked up; what is about items says so in other words."""
    table = make_table(ddb, sort=None)
    arn = ddb.describe_table(TableName=table)["Table"]["TableArn"]
    assert ddb.describe_table(TableName=arn)["Table"]["TableName"] == table
    far = arn.replace("us-east-1", "eu-west-1")
    for wrong, what in (
        (far, "AWS region"),
        (arn.replace("arn:aws:", "arn:aws-cn:"), "AWS partition"),
        (f"{arn}/index/gsi", "resource type"),
        (f"{arn}/stream/2026-10-09T00:29:04.041", "resource type"),
    ):
        told = (INVALID, f"1 validation error detected: Invalid {what} in '{wrong}'")
        assert error_of(ddb.describe_table, TableName=wrong) == told
        failed = f"Value '{wrong}' at 'tableName' failed to satisfy constraint: Invalid {what}"
        told = (INVALID, f"1 validation error detected: {failed}")
        assert error_of(ddb.get_item, TableName=wrong, Key={"pk": {"S": "a"}}) == told


def test_arns_that_have_no_tags(ddb: Any) -> None:
    """Of backups, of streams, and of what is elsewhere, in whichever region, whatever it is."""
    table = make_table(ddb, StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
    shown = ddb.describe_table(TableName=table)["Table"]
    arn, stream = shown["TableArn"], shown["LatestStreamArn"]
    backup = ddb.create_backup(TableName=table, BackupName="some")["BackupDetails"]["BackupArn"]
    for wrong, told in (
        (
            backup,
            (
                INVALID,
                f"One or more parameter values were invalid: Provided Arn is not a DynamoDB resource arn: {backup}",
            ),
        ),
        (stream, ("ResourceNotFoundException", f"Requested resource not found: ResourceArn: {stream} not found")),
        (arn.replace(arn.split(":")[4], "210987654321"), ("AccessDeniedException", "Access is denied")),
        ("arn:aws:dynamodb:eu-west-3:210987654321:table/some", ("AccessDeniedException", "Access is denied")),
        ("arn:aws:s3:::bucket", ("AccessDeniedException", "Access is denied")),
    ):
        assert error_of(ddb.list_tags_of_resource, ResourceArn=wrong) == told


def test_limits_and_endpoints(ddb: Any) -> None:
    """What SDKs with endpoint discovery ask for."""
    assert ddb.describe_limits()["TableMaxReadCapacityUnits"] == 40_000
    assert ddb.describe_endpoints()["Endpoints"][0]["CachePeriodInMinutes"] == 1440


def ask(sandbox: Any, operation: str, **request: Any) -> Any:
    """The reply, or an error's message, with members that the pinned SDK does not know."""
    target = f"DynamoDB_20120810.{operation}"
    kind = "application/x-amz-json-1.0"
    body = json.dumps(request).encode()
    status, _, answer = post(sandbox, "dynamodb", body, x_amz_target=target, content_type=kind)
    return json.loads(answer) if status == 200 else json.loads(answer)["message"]


def test_the_billing_mode_has_a_second_name(sandbox: Any) -> None:
    """TableThroughputMode, which SDKs learn of later: BillingMode decides where both are given, and both are shown."""
    wanted = {name: value for name, value in definition().items() if name != "BillingMode"}
    made = ask(sandbox, "CreateTable", **wanted, TableThroughputMode="PAY_PER_REQUEST")["TableDescription"]
    assert made["TableThroughputModeSummary"] == {"TableThroughputMode": "PAY_PER_REQUEST"}
    assert made["BillingModeSummary"] == {"BillingMode": "PAY_PER_REQUEST"}
    name, units = wanted["TableName"], {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
    ask(sandbox, "UpdateTable", TableName=name, TableThroughputMode="PROVISIONED", ProvisionedThroughput=units)
    table = ask(sandbox, "DescribeTable", TableName=name)["Table"]
    assert table["ProvisionedThroughput"]["ReadCapacityUnits"] == 1
    billing, mode = table["BillingModeSummary"], table["TableThroughputModeSummary"]
    assert billing.pop("BillingMode") == mode.pop("TableThroughputMode") == "PROVISIONED"
    assert billing == mode
    both = definition(TableThroughputMode="PROVISIONED", ProvisionedThroughput=units)
    assert ask(sandbox, "CreateTable", **both) == (
        "One or more parameter values were invalid: Neither ReadCapacityUnits nor WriteCapacityUnits can be specified "
        "when BillingMode is PAY_PER_REQUEST"
    )
    words = "failed to satisfy constraint: Member must satisfy enum value set: [PROVISIONED, PAY_PER_REQUEST]"
    unknown = definition(BillingMode="A", TableThroughputMode="B")
    assert ask(sandbox, "CreateTable", **unknown) == (
        f"2 validation errors detected: Value 'A' at 'billingMode' {words}; Value 'B' at 'tableThroughputMode' {words}"
    )
