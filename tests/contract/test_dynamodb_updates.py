"""What UpdateTable refuses, and what it takes: one change at a time, and capacity within its bounds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.contract.dynamodb import INVALID, error_of, index, make_table

PREFIX = "One or more parameter values were invalid: "
UNITS = {"ReadCapacityUnits": 10, "WriteCapacityUnits": 10}
STREAM = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}


@pytest.fixture(scope="module")
def ddb(sandbox: Any) -> Any:
    return sandbox.client("dynamodb")


def test_nothing_to_do_names_what_could_be(ddb: Any) -> None:
    """The list leaves out what the request has."""
    table = make_table(ddb, sort=None)
    named = error_of(ddb.update_table, TableName=table)[1]
    assert named == (
        "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates, "
        "SSESpecification, ReplicaUpdates, MultiAccountReplicaReady, ReplicaTransitRoleArn, MultiRegionConsistency, "
        "DeletionProtectionEnabled, OnDemandThroughput, WarmThroughput or TableClass is required"
    )
    less = error_of(ddb.update_table, TableName=table, MultiRegionConsistency="EVENTUAL")[1]
    assert less == named.replace("MultiRegionConsistency, ", "")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"SSESpecification": {"Enabled": True}, "DeletionProtectionEnabled": True},
            "Server-Side Encryption modification must be the only operation in the request",
        ),
        (
            {"TableClass": "STANDARD", "BillingMode": "PAY_PER_REQUEST"},
            "TableClass modification must be the only operation in the request",
        ),
        (
            {"DeletionProtectionEnabled": True, "StreamSpecification": STREAM},
            "DeletionProtection modification must be the only operation in the request",
        ),
        (
            {"WarmThroughput": {"ReadUnitsPerSecond": 13000}, "StreamSpecification": STREAM},
            "WarmThroughput must be the only operation in the request",
        ),
        (
            {"OnDemandThroughput": {"MaxReadRequestUnits": 5}, "StreamSpecification": STREAM},
            "OnDemandThroughput can only be combined with BillingMode in an UpdateTable request",
        ),
        (
            {"ProvisionedThroughput": UNITS, "StreamSpecification": STREAM},
            "You cannot modify stream status while updating table IOPS",
        ),
        (
            {"ReplicaUpdates": [{"Delete": {"RegionName": "eu-west-1"}}], "StreamSpecification": STREAM},
            "Replica modification must be the only operation in the request",
        ),
    ],
)
def test_one_change_at_a_time(ddb: Any, changes: dict[str, Any], message: str) -> None:
    """Before anything is looked up."""
    table = make_table(ddb, sort=None)
    assert error_of(ddb.update_table, TableName=table, **changes) == (INVALID, PREFIX + message)


def test_streams_are_switched_once(ddb: Any) -> None:
    """The view is part of switching on, and of nothing else."""
    table = make_table(ddb, sort=None)

    def refused(**specification: Any) -> str:
        return error_of(ddb.update_table, TableName=table, StreamSpecification=specification)[1]

    assert refused(StreamEnabled=False) == f"Table has no stream to disable: TableName: {table}"
    assert refused(StreamEnabled=True) == PREFIX + "If stream is being enabled then UpdateViewType is required"
    assert refused(StreamEnabled=False, StreamViewType="KEYS_ONLY") == (
        PREFIX + "If stream is being disabled, then UpdateViewType must not be specified"
    )
    ddb.update_table(TableName=table, StreamSpecification=STREAM)
    assert refused(**STREAM) == f"Table already has an enabled stream: TableName: {table}"


def test_indexes_that_cannot_be_changed(ddb: Any) -> None:
    """Local indexes stay as they were made; names are taken."""
    table = make_table(ddb, attributes={"other": "S"}, LocalSecondaryIndexes=[index("lsi", "pk", "other")])

    def refused(**update: Any) -> tuple[str, str]:
        defined = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "other")]
        return error_of(
            ddb.update_table, TableName=table, AttributeDefinitions=defined, GlobalSecondaryIndexUpdates=[update]
        )

    assert refused(Delete={"IndexName": "lsi"}) == (
        INVALID,
        "Cannot delete an index that is not a GlobalSecondaryIndex: lsi",
    )
    assert refused(Update={"IndexName": "lsi", "OnDemandThroughput": {"MaxReadRequestUnits": 5}}) == (
        INVALID,
        "Cannot update an index that is not a GlobalSecondaryIndex: lsi",
    )
    assert refused(Create=index("lsi", "other")) == (INVALID, "Attempting to create an index which already exists")


def test_what_a_new_index_has_to_define(ddb: Any) -> None:
    """All attributes of its key, the table's own too; a second type for one is ignored, and so is a needless one. AWS
    tells too few definitions from wrong ones."""
    table = make_table(ddb)
    ddb.put_item(TableName=table, Item={"pk": {"S": "a"}, "sk": {"S": "1"}, "g": {"S": "x"}})

    def add(name: str, keys: tuple[str, ...], **defined: str) -> dict[str, Any]:
        definitions = [{"AttributeName": it, "AttributeType": kind} for it, kind in defined.items()]
        update = {"Create": index(name, *keys)}
        return {
            "TableName": table,
            "AttributeDefinitions": definitions,
            "GlobalSecondaryIndexUpdates": [update],
        }

    assert error_of(ddb.update_table, **add("own", ("pk", "g"), g="S")) == (
        INVALID,
        "Invalid KeySchema: Some index key attribute have no definition",
    )
    assert error_of(ddb.update_table, **add("own", ("pk", "g"), g="S", other="S")) == (
        INVALID,
        PREFIX + "Some index key attributes are not defined in AttributeDefinitions. Keys: [g, pk], "
        "AttributeDefinitions: [other, g]",
    )
    shown = ddb.update_table(**add("gsi", ("g",), pk="N", g="S", needless="S"))["TableDescription"]
    kinds = {it["AttributeName"]: it["AttributeType"] for it in shown["AttributeDefinitions"]}
    assert kinds == {"g": "S", "pk": "S", "sk": "S"}
    assert ddb.scan(TableName=table, IndexName="gsi")["Count"] == 1


def test_an_empty_list_of_updates_beside_a_change(ddb: Any) -> None:
    """Alone it is as good as none; with something to do it is refused before anything else."""
    table = make_table(ddb, sort=None)
    for change in ({"DeletionProtectionEnabled": True}, {"OnDemandThroughput": {"MaxReadRequestUnits": 5}}):
        told = error_of(ddb.update_table, TableName=table, GlobalSecondaryIndexUpdates=[], **change)
        assert told == (INVALID, PREFIX + "List of GlobalSecondaryIndexUpdates is empty")


def test_keys_of_indexes_keep_their_types(ddb: Any) -> None:
    """An attribute that is a key already, of an index or of the table, is no key of another type."""
    table = make_table(ddb, attributes={"g": "S"}, GlobalSecondaryIndexes=[index("gsi", "g")])
    for name, existing in (
        ("g", "SchemaElement: key{g:S:HASH}"),
        ("sk", "SchemaElement: key{pk:S:HASH}, SchemaElement: key{sk:S:RANGE}"),
    ):
        code, message = error_of(
            ddb.update_table,
            TableName=table,
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "N"}],
            GlobalSecondaryIndexUpdates=[{"Create": index("new", name)}],
        )
        assert (code, message) == (
            INVALID,
            f"{PREFIX}Attributes cannot be redefined. Please check that your attribute has the same type as previously "
            f"defined. Existing schema: Schema:[{existing}] New schema: Schema:[SchemaElement: key{{{name}:N:HASH}}]",
        )


def test_items_that_fit_no_index_stay_out_of_it(ddb: Any) -> None:
    """What was there before the index may have anything for its key; such items are kept, and can be updated."""
    table = make_table(ddb, sort=None)
    for key, value in (("a", "x"), ("b", ""), ("c", "x" * 2048), ("d", "x" * 2049)):
        ddb.put_item(TableName=table, Item={"pk": {"S": key}, "g": {"S": value}})
    ddb.put_item(TableName=table, Item={"pk": {"S": "e"}, "g": {"N": "1"}})
    defined = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "g")]
    for update in (index("first", "g"), index("second", "pk", "g")):
        ddb.update_table(
            TableName=table, AttributeDefinitions=defined, GlobalSecondaryIndexUpdates=[{"Create": update}]
        )

    def shown(name: str) -> set[str]:
        return {item["pk"]["S"] for item in ddb.scan(TableName=table, IndexName=name)["Items"]}

    assert (shown("first"), shown("second")) == ({"a", "c"}, {"a"})
    values = {":one": {"N": "1"}}
    for key in "bde":
        ddb.update_item(
            TableName=table,
            Key={"pk": {"S": key}},
            UpdateExpression="SET note = :one",
            ExpressionAttributeValues=values,
        )
    ddb.update_item(
        TableName=table,
        Key={"pk": {"S": "b"}},
        UpdateExpression="SET g = :text",
        ExpressionAttributeValues={":text": {"S": "y"}},
    )
    ddb.delete_item(TableName=table, Key={"pk": {"S": "d"}})
    assert (shown("first"), shown("second")) == ({"a", "b", "c"}, {"a", "b"})


def test_billing_modes_need_their_units(ddb: Any) -> None:
    """Provisioned needs all units, on demand takes none. What table and index can take at once stays, and the switch
    counts as no increase once it is made."""
    table = make_table(ddb, sort=None, attributes={"other": "S"}, GlobalSecondaryIndexes=[index("gsi", "other")])

    def refused(**changes: Any) -> str:
        return error_of(ddb.update_table, TableName=table, **changes)[1]

    assert refused(ProvisionedThroughput=UNITS) == (
        PREFIX + "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"
    )
    assert refused(BillingMode="PAY_PER_REQUEST", ProvisionedThroughput=UNITS) == (
        PREFIX + "ProvisionedThroughput cannot be specified when BillingMode is PAY_PER_REQUEST"
    )
    assert refused(BillingMode="PROVISIONED") == (
        PREFIX + "ProvisionedThroughput must be specified when BillingMode is PROVISIONED"
    )
    assert refused(BillingMode="PROVISIONED", ProvisionedThroughput=UNITS) == (
        PREFIX + "ProvisionedThroughput must be specified for index: gsi"
    )
    both = [{"Update": {"IndexName": "gsi", "ProvisionedThroughput": UNITS}}]
    answer = ddb.update_table(
        TableName=table, BillingMode="PROVISIONED", ProvisionedThroughput=UNITS, GlobalSecondaryIndexUpdates=both
    )["TableDescription"]
    assert answer["BillingModeSummary"]["BillingMode"] == "PROVISIONED"
    assert answer["ProvisionedThroughput"]["ReadCapacityUnits"] == 10
    assert answer["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"]["ReadCapacityUnits"] == 10
    shown = ddb.describe_table(TableName=table)["Table"]
    assert shown["BillingModeSummary"]["BillingMode"] == "PROVISIONED"
    assert shown["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"]["ReadCapacityUnits"] == 10
    for warm in (shown["WarmThroughput"], shown["GlobalSecondaryIndexes"][0]["WarmThroughput"]):
        assert (warm["ReadUnitsPerSecond"], warm["WriteUnitsPerSecond"]) == (12000, 4000)
    assert "LastIncreaseDateTime" not in shown["ProvisionedThroughput"]


def test_new_indexes_need_the_tables_kind_of_capacity(ddb: Any) -> None:
    """Told in other words than to CreateTable."""
    definitions = [{"AttributeName": "g", "AttributeType": "S"}]
    provisioned = make_table(ddb, sort=None, BillingMode="PROVISIONED", ProvisionedThroughput=UNITS)
    for table, gsi, told in (
        (
            provisioned,
            index("gsi", "g"),
            "Both ReadCapacityUnits and WriteCapacityUnits must be specified for index: gsi",
        ),
        (
            make_table(ddb, sort=None),
            {**index("gsi", "g"), "ProvisionedThroughput": UNITS},
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified for index: gsi when BillingMode is "
            "PAY_PER_REQUEST",
        ),
    ):
        updates = [{"Create": gsi}]
        asked = {"TableName": table, "AttributeDefinitions": definitions, "GlobalSecondaryIndexUpdates": updates}
        assert error_of(ddb.update_table, **asked) == (INVALID, PREFIX + told)


def test_a_new_index_is_empty_when_it_is_told_of(ddb: Any) -> None:
    """Whatever it will hold; an index of a new table has no warm throughput yet."""
    table = make_table(ddb, sort=None)
    ddb.put_item(TableName=table, Item={"pk": {"S": "a"}, "g": {"S": "x"}})
    updates = [{"Create": index("gsi", "g")}]
    definitions = [{"AttributeName": "g", "AttributeType": "S"}]
    asked = {"TableName": table, "AttributeDefinitions": definitions, "GlobalSecondaryIndexUpdates": updates}
    told = ddb.update_table(**asked)["TableDescription"]["GlobalSecondaryIndexes"][0]
    assert (told["IndexStatus"], told["Backfilling"], told["ItemCount"]) == ("CREATING", False, 0)
    assert ddb.describe_table(TableName=table)["Table"]["GlobalSecondaryIndexes"][0]["ItemCount"] == 1
    warm = {**index("gsi", "pk"), "WarmThroughput": {"ReadUnitsPerSecond": 13_000, "WriteUnitsPerSecond": 5_000}}
    made = ddb.create_table(
        TableName=f"{table}-warm",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        GlobalSecondaryIndexes=[warm],
    )["TableDescription"]["GlobalSecondaryIndexes"][0]
    assert "WarmThroughput" not in made


def test_each_index_that_a_request_changes_is_told_in_transition(ddb: Any) -> None:
    """Not the last one only: old units of those that are updated, and the new one as it is being created."""
    indexes = [{**index(name, "g"), "ProvisionedThroughput": UNITS} for name in ("one", "two")]
    provisioned = {"BillingMode": "PROVISIONED", "ProvisionedThroughput": UNITS, "GlobalSecondaryIndexes": indexes}
    table = make_table(ddb, sort=None, attributes={"g": "S"}, **provisioned)

    def changed(units: int, *updates: Any) -> list[tuple[str, str, int]]:
        more = {"ReadCapacityUnits": units, "WriteCapacityUnits": units}
        both = [{"Update": {"IndexName": name, "ProvisionedThroughput": more}} for name in ("one", "two")]
        asked = {"TableName": table, "AttributeDefinitions": [{"AttributeName": "h", "AttributeType": "S"}]}
        answer = ddb.update_table(**asked, GlobalSecondaryIndexUpdates=[*updates, *both])["TableDescription"]
        shown = answer["GlobalSecondaryIndexes"]
        return [(it["IndexName"], it["IndexStatus"], it["ProvisionedThroughput"]["ReadCapacityUnits"]) for it in shown]

    assert changed(11) == [("one", "UPDATING", 10), ("two", "UPDATING", 10)]
    create = {"Create": {**index("three", "h"), "ProvisionedThroughput": UNITS}}
    assert changed(12, create) == [("one", "UPDATING", 11), ("two", "UPDATING", 11), ("three", "CREATING", 10)]
    drop = {"Delete": {"IndexName": "three"}}
    assert changed(13, drop) == [("one", "UPDATING", 12), ("two", "UPDATING", 12), ("three", "DELETING", 10)]
    described = ddb.describe_table(TableName=table)["Table"]
    assert [it["IndexName"] for it in described["GlobalSecondaryIndexes"]] == ["one", "two"]
    assert [it["AttributeName"] for it in described["AttributeDefinitions"]] == ["g", "pk"]


def test_a_switch_to_on_demand_is_told_at_once(ddb: Any) -> None:
    """The reply has the new mode without its time, no units, and what the table could take until now."""
    table = make_table(ddb, sort=None, BillingMode="PROVISIONED", ProvisionedThroughput=UNITS)
    answer = ddb.update_table(TableName=table, BillingMode="PAY_PER_REQUEST")["TableDescription"]
    assert (answer["TableStatus"], answer["BillingModeSummary"]) == ("UPDATING", {"BillingMode": "PAY_PER_REQUEST"})
    assert answer["ProvisionedThroughput"]["ReadCapacityUnits"] == 0
    assert "LastDecreaseDateTime" in answer["ProvisionedThroughput"]
    assert answer["WarmThroughput"]["ReadUnitsPerSecond"] == 10
    shown = ddb.describe_table(TableName=table)["Table"]
    assert "LastUpdateToPayPerRequestDateTime" in shown["BillingModeSummary"]
    assert shown["ProvisionedThroughput"] == {
        "NumberOfDecreasesToday": 0,
        "ReadCapacityUnits": 0,
        "WriteCapacityUnits": 0,
    }


def test_units_that_stay_as_they_are(ddb: Any) -> None:
    """Refused, of the table as of an index."""
    gsi = {**index("gsi", "other"), "ProvisionedThroughput": UNITS}
    provisioned = {"BillingMode": "PROVISIONED", "ProvisionedThroughput": UNITS}
    table = make_table(ddb, sort=None, attributes={"other": "S"}, GlobalSecondaryIndexes=[gsi], **provisioned)
    told = (
        "The provisioned throughput for the {0} will not change. The requested value equals the current value. Current "
        "ReadCapacityUnits provisioned for {1}: 10. Requested ReadCapacityUnits: 10. Current WriteCapacityUnits "
        "provisioned for {1}: 10. Requested WriteCapacityUnits: 10. Refer to the Amazon DynamoDB Developer Guide for "
        "current limits and how to request higher limits."
    )
    assert error_of(ddb.update_table, TableName=table, ProvisionedThroughput=UNITS)[1] == told.format(
        "table", "the table"
    )
    same = [{"Update": {"IndexName": "gsi", "ProvisionedThroughput": UNITS}}]
    assert error_of(ddb.update_table, TableName=table, GlobalSecondaryIndexUpdates=same)[1] == told.format(
        "index gsi", "index gsi"
    )


def test_what_an_account_may_reserve(fresh_sandbox: Any) -> None:
    """40000 units for a table or an index, 80000 for all; as many at most for limits on demand and warm throughput."""
    ddb = fresh_sandbox.client("dynamodb")
    refer = "Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits."
    limit = "LimitExceededException"

    def make(reads: int, **more: Any) -> str:
        units = {"ReadCapacityUnits": reads, "WriteCapacityUnits": 1}
        return str(make_table(ddb, sort=None, BillingMode="PROVISIONED", ProvisionedThroughput=units, **more))

    assert error_of(make, reads=40_001) == (
        limit,
        "The requested ReadCapacityUnits, 40001, is above the per table maximum for the account in us-east-1. "
        f"Per table maximum: 40000. {refer}",
    )
    wide = {**index("gsi", "other"), "ProvisionedThroughput": {"ReadCapacityUnits": 40_001, "WriteCapacityUnits": 1}}
    assert error_of(make, reads=1, attributes={"other": "S"}, GlobalSecondaryIndexes=[wide]) == (
        limit,
        "The requested ReadCapacityUnits for index gsi, 40001, is above the per index maximum for the account in "
        f"us-east-1. Per table maximum: 40000. {refer}",
    )
    make(40_000)
    table = make(1)
    assert error_of(make, reads=40_001) == (
        limit,
        "This request would have caused the ReadCapacityUnits limit to be exceeded for the account in us-east-1. "
        f"Current ReadCapacityUnits reserved by the account: 40001. Limit: 80000. Requested: 40001. {refer}",
    )
    ddb.update_table(TableName=table, BillingMode="PAY_PER_REQUEST")
    for kind, name in (("OnDemandThroughput", "MaxReadRequestUnits"), ("WarmThroughput", "ReadUnitsPerSecond")):
        assert error_of(ddb.update_table, TableName=table, **{kind: {name: 40_001}}) == (
            limit,
            f"Subscriber limit exceeded: Requested {name} for {kind} for table exceeds TableMaxReadCapacityUnits of "
            "the account in region us-east-1",
        )


def test_decreases_of_an_index_are_counted_by_themselves(fresh_sandbox: Any) -> None:
    """Four, as of the table; both counts begin again at midnight of UTC."""
    ddb = fresh_sandbox.client("dynamodb")
    gsi = {**index("gsi", "other"), "ProvisionedThroughput": UNITS}
    provisioned = {"BillingMode": "PROVISIONED", "ProvisionedThroughput": UNITS}
    table = make_table(ddb, sort=None, attributes={"other": "S"}, GlobalSecondaryIndexes=[gsi], **provisioned)

    def shrink(units: int) -> dict[str, Any]:
        less = {"ReadCapacityUnits": units, "WriteCapacityUnits": 10}
        return {
            "TableName": table,
            "GlobalSecondaryIndexUpdates": [{"Update": {"IndexName": "gsi", "ProvisionedThroughput": less}}],
        }

    def shown() -> Any:
        return ddb.describe_table(TableName=table)["Table"]["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"]

    for units in (9, 8, 7, 6):
        ddb.update_table(**shrink(units))
    assert (shown()["NumberOfDecreasesToday"], shown()["ReadCapacityUnits"]) == (4, 6)
    assert "Number of decreases today: 4." in error_of(ddb.update_table, **shrink(5))[1]
    ddb.update_table(TableName=table, ProvisionedThroughput={"ReadCapacityUnits": 9, "WriteCapacityUnits": 10})
    fresh_sandbox.advance_clock(86_401)
    assert shown()["NumberOfDecreasesToday"] == 0 and "LastDecreaseDateTime" in shown()


def test_four_decreases_a_day(fresh_sandbox: Any) -> None:
    """The fifth within the hour is refused, with the time of the next."""
    ddb = fresh_sandbox.client("dynamodb")
    table = make_table(ddb, sort=None, BillingMode="PROVISIONED", ProvisionedThroughput=UNITS)

    def shrink(units: int) -> dict[str, Any]:
        return {
            "TableName": table,
            "ProvisionedThroughput": {"ReadCapacityUnits": units, "WriteCapacityUnits": 10},
        }

    for units in (9, 8, 7, 6):
        ddb.update_table(**shrink(units))
    assert ddb.describe_table(TableName=table)["Table"]["ProvisionedThroughput"]["NumberOfDecreasesToday"] == 4
    code, message = error_of(ddb.update_table, **shrink(5))
    assert code == "LimitExceededException"
    assert "Number of decreases today: 4. Last decrease at " in message
    fresh_sandbox.advance_clock(3601)
    ddb.update_table(**shrink(5))


def test_an_index_is_weighed_before_its_table(ddb: Any) -> None:
    """What there is against the index's units is told first; a table whose units stay is refused though they change."""
    gsi = {**index("gsi", "other"), "ProvisionedThroughput": UNITS}
    provisioned = {"BillingMode": "PROVISIONED", "ProvisionedThroughput": UNITS}
    table = make_table(ddb, sort=None, attributes={"other": "S"}, GlobalSecondaryIndexes=[gsi], **provisioned)

    def change(of_table: int, of_index: int) -> dict[str, Any]:
        less, least = ({"ReadCapacityUnits": units, "WriteCapacityUnits": 10} for units in (of_table, of_index))
        updates = [{"Update": {"IndexName": "gsi", "ProvisionedThroughput": least}}]
        return {"TableName": table, "ProvisionedThroughput": less, "GlobalSecondaryIndexUpdates": updates}

    assert "for the table will not change" in error_of(ddb.update_table, **change(10, 9))[1]
    assert "for the index gsi will not change" in error_of(ddb.update_table, **change(10, 10))[1]
    assert "for the index gsi will not change" in error_of(ddb.update_table, **change(9, 10))[1]
    for units in (9, 8, 7, 6):
        ddb.update_table(**change(units, units))
    ddb.update_table(TableName=table, ProvisionedThroughput={"ReadCapacityUnits": 6, "WriteCapacityUnits": 11})
    assert "for the index gsi will not change" in error_of(ddb.update_table, **change(5, 6))[1]
    assert error_of(ddb.update_table, **change(5, 5))[0] == "LimitExceededException"


@pytest.mark.parametrize(("billing", "left"), [("PROVISIONED", 4), ("PAY_PER_REQUEST", 3)])
def test_four_switches_to_on_demand_a_day(fresh_sandbox: Any, billing: str, left: int) -> None:
    """A fifth within a day of the first is refused, with the time from which it may be; a creation counts as one."""
    ddb = fresh_sandbox.client("dynamodb")
    provisioned = {"BillingMode": "PROVISIONED", "ProvisionedThroughput": UNITS}
    table = make_table(ddb, sort=None, **(provisioned if billing == "PROVISIONED" else {"BillingMode": billing}))

    def switched_at() -> datetime:
        shown = ddb.describe_table(TableName=table)["Table"]["BillingModeSummary"]["LastUpdateToPayPerRequestDateTime"]
        return shown.astimezone(UTC)  # type: ignore[no-any-return]

    moments = []
    if billing == "PAY_PER_REQUEST":
        moments.append(switched_at())
        ddb.update_table(TableName=table, **provisioned)
    for _ in range(left):
        fresh_sandbox.advance_clock(100)
        ddb.update_table(TableName=table, BillingMode="PAY_PER_REQUEST")
        moments.append(switched_at())
        ddb.update_table(TableName=table, BillingMode="PAY_PER_REQUEST")
        ddb.update_table(TableName=table, **provisioned)
    last, possible = (f"{it:%a %b %d %H:%M:%S UTC %Y}" for it in (moments[-1], moments[0] + timedelta(days=1)))
    assert error_of(ddb.update_table, TableName=table, BillingMode="PAY_PER_REQUEST") == (
        "LimitExceededException",
        "Subscriber limit exceeded: Update to PayPerRequest mode are limited to 4 in 1 day(s). "
        f"Last update at {last}. Next update can be made at {possible}",
    )
    fresh_sandbox.advance_clock(86_400)
    ddb.update_table(TableName=table, BillingMode="PAY_PER_REQUEST")


def test_limits_on_demand(ddb: Any) -> None:
    """Merged one by one; -1 takes one away."""
    table = make_table(ddb, sort=None)

    def limit(**units: int) -> Any:
        answer = ddb.update_table(TableName=table, OnDemandThroughput=units)["TableDescription"]
        assert answer["OnDemandThroughput"].items() >= units.items()
        return ddb.describe_table(TableName=table)["Table"].get("OnDemandThroughput")

    assert limit(MaxReadRequestUnits=5) == {"MaxReadRequestUnits": 5}
    assert limit(MaxWriteRequestUnits=6) == {"MaxReadRequestUnits": 5, "MaxWriteRequestUnits": 6}
    assert limit(MaxReadRequestUnits=-1) == {"MaxWriteRequestUnits": 6}
    assert limit(MaxWriteRequestUnits=-1) is None
    refused = error_of(ddb.update_table, TableName=table, OnDemandThroughput={"MaxReadRequestUnits": 0})
    outside = PREFIX + "Requested MaxReadRequestUnits for OnDemandThroughput for table is outside of valid range"
    assert refused[1] == outside
    assert error_of(make_table, ddb=ddb, OnDemandThroughput={"MaxReadRequestUnits": -1})[1] == outside


def test_changes_that_name_nothing_break(sandbox: Any) -> None:
    """Empty limits and empty warm throughput, as AWS's own handler breaks on them."""
    ddb = sandbox.client("dynamodb", retries={"max_attempts": 0})
    table = make_table(ddb, sort=None)
    for kind in ("OnDemandThroughput", "WarmThroughput"):
        with pytest.raises(ClientError) as caught:
            ddb.update_table(**{"TableName": table, kind: {}})
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
        assert caught.value.response["Error"]["Code"] == "InternalFailure"
    ddb.update_table(TableName=table, WarmThroughput={}, DeletionProtectionEnabled=False)
    ddb.update_table(TableName=table, OnDemandThroughput={}, BillingMode="PAY_PER_REQUEST")
    warm = {"IndexName": "nobody", "WarmThroughput": {"ReadUnitsPerSecond": 13_000}}
    with pytest.raises(ClientError) as caught:
        ddb.update_table(TableName=table, GlobalSecondaryIndexUpdates=[{"Update": warm}])
    assert caught.value.response["Error"]["Code"] == "InternalFailure"


def test_warm_throughput_grows(ddb: Any) -> None:
    """And never shrinks."""
    table = make_table(ddb, sort=None)
    answer = ddb.update_table(TableName=table, WarmThroughput={"ReadUnitsPerSecond": 13000})["TableDescription"]
    assert answer["WarmThroughput"] == {"ReadUnitsPerSecond": 12000, "WriteUnitsPerSecond": 4000, "Status": "UPDATING"}
    warm = ddb.describe_table(TableName=table)["Table"]["WarmThroughput"]
    assert warm == {"ReadUnitsPerSecond": 13000, "WriteUnitsPerSecond": 4000, "Status": "ACTIVE"}
    refused = error_of(ddb.update_table, TableName=table, WarmThroughput={"ReadUnitsPerSecond": 12000})
    assert refused[1] == PREFIX + (
        "Requested ReadUnitsPerSecond for WarmThroughput for table is lower than current WarmThroughput, "
        "decreasing WarmThroughput is not supported"
    )


def test_encryption_is_changed_not_repeated(ddb: Any) -> None:
    """The default again, the same key again, and kinds that do not exist. DYNAMODB-005: the key is only shown."""
    table = make_table(ddb, sort=None)

    def refused(**specification: Any) -> str:
        return error_of(ddb.update_table, TableName=table, SSESpecification=specification)[1]

    assert refused(Enabled=False) == PREFIX + "Table is already encrypted by default"
    assert refused(Enabled=True, SSEType="AES256") == PREFIX + "SSEType AES256 is not supported"
    assert refused(Enabled=False, SSEType="KMS") == PREFIX + "SSEType can not be specified if Enabled is false"
    ddb.update_table(TableName=table, SSESpecification={"Enabled": True})
    key = ddb.describe_table(TableName=table)["Table"]["SSEDescription"]["KMSMasterKeyArn"]
    assert refused(Enabled=True, SSEType="KMS", KMSMasterKeyId=key).startswith(
        PREFIX + "Table is already encrypted with given KMSMasterKeyId."
    )


def test_tags_that_are_refused(ddb: Any) -> None:
    """All or nothing, in words of their own."""
    table = make_table(ddb, sort=None)
    arn = ddb.describe_table(TableName=table)["Table"]["TableArn"]

    def refused(*tags: tuple[str, str]) -> str:
        pairs = [{"Key": key, "Value": value} for key, value in tags]
        return error_of(ddb.tag_resource, ResourceArn=arn, Tags=pairs)[1]

    for foreign in ("hi!", "d%g", '"hello"', "a#b"):
        assert refused((foreign, "1")) == f"The Tag Key provided is invalid, Key: {foreign}"
        assert refused(("a", foreign)) == f"The Tag Value provided is invalid, Value: {foreign}"
    ddb.tag_resource(ResourceArn=arn, Tags=[{"Key": "ключ א ", "Value": "+-=._:/@"}])
    ddb.untag_resource(ResourceArn=arn, TagKeys=["ключ א "])
    assert refused(("aws:x", "1")) == "Tag Key cannot be prefixed with aws:, Key: aws:x"
    assert refused(("a", "1"), ("a", "2")) == "Duplicate Tag Keys provided as input: Duplicate Tag Key found a"
    many = [(f"k{number}", "v") for number in range(51)]
    assert refused(*many) == "Number of Tags exceed the current limit for the provided ResourceArn"
    assert error_of(ddb.list_tags_of_resource, ResourceArn=table) == (
        INVALID,
        PREFIX + f"ARNs must start with 'arn:': {table}",
    )
    short = arn.replace(table, "ab")
    unfit = (INVALID, f"Invalid TableArn: Invalid ResourceArn provided as input {short}")
    assert error_of(ddb.tag_resource, ResourceArn=short, Tags=[]) == unfit
    assert error_of(ddb.untag_resource, ResourceArn=short, TagKeys=[]) == unfit
    absent = arn.replace(table, "absent")
    assert error_of(ddb.tag_resource, ResourceArn=absent, Tags=[])[1].startswith("Atleast one Tag needs")
    assert error_of(ddb.untag_resource, ResourceArn=absent, TagKeys=[])[1].startswith("Atleast one Tag Key needs")


def test_the_name_of_a_table_comes_first(ddb: Any) -> None:
    """Before expressions and values, for items as for tables."""
    expected = (
        "2 validation errors detected: Value 'x!' at 'tableName' failed to satisfy constraint: Member must have length "
        "greater than or equal to 3; Value 'x!' at 'tableName' failed to satisfy constraint: Member must satisfy "
        "regular expression pattern: [a-zA-Z0-9_.-]+"
    )
    update = {"UpdateExpression": "ADD s :none", "ExpressionAttributeValues": {":none": {"SS": []}}}
    assert error_of(ddb.update_item, TableName="x!", Key={"pk": {"S": "a"}}, **update) == (INVALID, expected)
    assert error_of(ddb.scan, TableName="x!") == error_of(ddb.describe_table, TableName="x!") == (INVALID, expected)


def test_too_many_units_are_refused_before_the_table_is_looked_for(ddb: Any) -> None:
    """For new tables and changed ones alike; indexes are named."""
    over = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 10**12 + 1}
    expected = (INVALID, f"Given value {10**12 + 1} for WriteCapacityUnits is out of bounds")
    assert error_of(ddb.update_table, TableName="absent", ProvisionedThroughput=over) == expected
    keys = {
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    }
    assert error_of(ddb.create_table, TableName="over", ProvisionedThroughput=over, **keys) == expected
    units = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
    wide = {**index("wide", "pk"), "ProvisionedThroughput": over}
    code, message = error_of(
        ddb.create_table, TableName="over", ProvisionedThroughput=units, GlobalSecondaryIndexes=[wide], **keys
    )
    assert (code, message) == (INVALID, f"{expected[1]} for index wide")


def test_a_table_takes_the_accounts_key_for_dynamodb(sandbox: Any, ddb: Any) -> None:
    """Recorded: test_dynamodb_create_table_with_partial_sse_specification. KMS describes the key; the reply that takes
    it off a table still shows it."""
    table = make_table(ddb, sort=None)
    answer = ddb.update_table(TableName=table, SSESpecification={"Enabled": True})["TableDescription"]
    assert answer["SSEDescription"] == {"Status": "UPDATING"}
    on = ddb.describe_table(TableName=table)["Table"]["SSEDescription"]
    arn = on["KMSMasterKeyArn"]
    assert on == {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": arn}
    key = sandbox.client("kms").describe_key(KeyId=arn)["KeyMetadata"]
    described = "Default key that protects my DynamoDB data when no other key is defined"
    assert (key["KeyManager"], key["Description"]) == ("AWS", described)
    off = ddb.update_table(TableName=table, SSESpecification={"Enabled": False})["TableDescription"]
    assert off["SSEDescription"] == {**on, "Status": "UPDATING"}
    assert "SSEDescription" not in ddb.describe_table(TableName=table)["Table"]
