"""DynamoDB through the libraries that people use: pynamodb, boto3's resources, the JavaScript document client."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import boto3
import pytest
from boto3.dynamodb.conditions import Attr, Key
from boto3.dynamodb.types import Binary
from botocore.exceptions import ClientError
from pynamodb.attributes import (
    BinaryAttribute,
    BooleanAttribute,
    DiscriminatorAttribute,
    JSONAttribute,
    ListAttribute,
    MapAttribute,
    NumberAttribute,
    TTLAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
    UTCDateTimeAttribute,
    VersionAttribute,
)
from pynamodb.connection import Connection
from pynamodb.exceptions import DoesNotExist, PutError, TransactWriteError, UpdateError
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, LocalSecondaryIndex
from pynamodb.models import Model
from pynamodb.transactions import TransactGet, TransactWrite
from tests.streams import asking, records_of


def test_the_javascript_document_client(run_script: Callable[..., Any]) -> None:
    """Native values, sets and bytes survive; pages end where they should; errors have their classes and messages."""
    answer = run_script("documents.mjs")
    assert answer["list"] == [1, "two", {"three": None}]
    assert answer["tags"] == ["x", "y"] and answer["raw"] == [0, 255]
    assert answer["names"] == ["list", "pk", "raw", "sk", "tags"]
    assert answer["updated"] == {"list": [2], "tags": ["x", "y", "z"]}
    assert [len(page) for page in answer["found"]] == [7, 7, 6]
    assert [sk for page in answer["found"] for sk in page] == list(range(20))
    assert answer["classes"][0] == [True, "The conditional request failed", {"N": "1"}]
    assert answer["classes"][1] == [
        True,
        "Transaction cancelled, please refer cancellation reasons for specific reasons [ConditionalCheckFailed]",
        "ConditionalCheckFailed",
    ]
    assert answer["selected"] == [18, 19]


def test_a_single_table_application_in_javascript(run_script: Callable[..., Any]) -> None:
    """What such applications rest on: exact numbers, sparse indexes, versions, tokens, parallel scans, PartiQL."""
    answer = run_script("orders.mjs")
    assert answer["numbers"] == ["12345678901234567890123456789012345678", "9007199254740993"]
    assert answer["closed"] == [2, False] and answer["stale"] == ["ConditionalCheckFailedException", "2"]
    assert answer["stillOpen"] == ["o#1", "o#3"]
    assert answer["refused"] == [True, ["None", "ConditionalCheckFailed"]]
    assert answer["both"] == [1, None] and answer["got"] == ["o#1", "o#4"]
    assert answer["scanned"] == ["1", "count", "o#1", "o#2", "o#3", "o#4"]
    assert answer["batch"] == [None, "ConditionalCheckFailed", 1] and answer["old"] == "late"
    assert answer["expiry"] == {"AttributeName": "ttl", "TimeToLiveStatus": "ENABLED"}
    assert answer["gone"] == "ResourceNotFoundException"


def resource(sandbox: Any) -> Any:
    return boto3.resource(
        "dynamodb",
        endpoint_url=sandbox.server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=sandbox.row["access_key_id"],
        aws_secret_access_key=sandbox.row["secret_access_key"],
    )


def test_boto3_resources(fresh_sandbox: Any) -> None:
    """Tables as objects: waiters, batches that split themselves, conditions as objects, decimals."""
    dynamodb = resource(fresh_sandbox)
    table = dynamodb.create_table(
        TableName="resource",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    table.wait_until_exists()
    with table.batch_writer(overwrite_by_pkeys=["pk", "sk"]) as batch:
        for number in range(60):
            batch.put_item(Item={"pk": "a", "sk": number, "half": Decimal(number) / 2, "tags": {"x", str(number)}})
        batch.delete_item(Key={"pk": "a", "sk": 59})
    assert table.item_count == 59 or table.scan(Select="COUNT")["Count"] == 59
    found = table.query(
        KeyConditionExpression=Key("pk").eq("a") & Key("sk").between(10, 20),
        FilterExpression=Attr("half").gt(7) & Attr("tags").contains("x") & ~Attr("gone").exists(),
        ScanIndexForward=False,
    )
    assert [item["half"] for item in found["Items"]] == [Decimal(n) / 2 for n in range(20, 14, -1)]
    with pytest.raises(dynamodb.meta.client.exceptions.ConditionalCheckFailedException):
        table.put_item(Item={"pk": "a", "sk": 1}, ConditionExpression=Attr("pk").not_exists())
    with pytest.raises(ClientError, match="ValidationException"):
        table.get_item(Key={"pk": "a"})
    table.delete()
    table.wait_until_not_exists()


def test_boto3_resources_of_an_application(fresh_sandbox: Any) -> None:
    """Bytes and exact numbers, paginators, batches over tables, transactions of a resource's client, an index made
    later, and the stream."""
    dynamodb = resource(fresh_sandbox)
    for name in ("first", "second"):
        dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        ).wait_until_exists()
    table, other = dynamodb.Table("first"), dynamodb.Table("second")
    exact = Decimal("-1234567890123456789.0123456789")
    item = {
        "pk": "a",
        "raw": Binary(b"\x00\xff"),
        "n": exact,
        "set": {Decimal(1), Decimal(2)},
        "none": None,
        "m": {"l": [True]},
    }
    table.put_item(Item=item)
    assert table.get_item(Key={"pk": "a"})["Item"] == item
    with pytest.raises(TypeError, match="Float types are not supported"):
        table.put_item(Item={"pk": "a", "n": 1.5})
    answer = table.update_item(
        Key={"pk": "a"},
        UpdateExpression="SET m.l = list_append(m.l, :more), #n = if_not_exists(gone, :n) DELETE #s :s",
        ExpressionAttributeNames={"#n": "n", "#s": "set"},
        ExpressionAttributeValues={":more": ["x"], ":n": 7, ":s": {Decimal(1)}},
        ReturnValues="UPDATED_NEW",
    )
    assert answer["Attributes"] == {"m": {"l": [True, "x"]}, "n": Decimal(7), "set": {Decimal(2)}}
    with other.batch_writer() as batch:
        for number in range(30):
            batch.put_item(Item={"pk": str(number), "kind": "odd" if number % 2 else "even"})
    keys = {"first": {"Keys": [{"pk": "a"}]}, "second": {"Keys": [{"pk": "1"}, {"pk": "none"}]}}
    assert {name: len(found) for name, found in dynamodb.batch_get_item(RequestItems=keys)["Responses"].items()} == {
        "first": 1,
        "second": 1,
    }
    pages = list(
        dynamodb.meta.client.get_paginator("scan").paginate(TableName="second", PaginationConfig={"PageSize": 7})
    )
    assert [page["Count"] for page in pages] == [7, 7, 7, 7, 2]
    moved = [
        {"Delete": {"TableName": "first", "Key": {"pk": "a"}}},
        {"Put": {"TableName": "second", "Item": {"pk": "a"}}},
    ]
    dynamodb.meta.client.transact_write_items(TransactItems=moved)
    assert "Item" not in table.get_item(Key={"pk": "a"}) and other.get_item(Key={"pk": "a"})["Item"] == {"pk": "a"}
    index = {
        "IndexName": "by-kind",
        "KeySchema": [{"AttributeName": "kind", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    definitions = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "kind")]
    other = other.update(AttributeDefinitions=definitions, GlobalSecondaryIndexUpdates=[{"Create": index}])
    other.wait_until_exists()
    other.reload()
    assert other.global_secondary_indexes[0]["IndexStatus"] == "ACTIVE"
    assert other.query(IndexName="by-kind", KeyConditionExpression=Key("kind").eq("odd"), Select="COUNT")["Count"] == 15
    streams = fresh_sandbox.client("dynamodbstreams")
    records = records_of(asking(streams), table.latest_stream_arn)
    assert [record["eventName"] for record in records] == ["INSERT", "MODIFY", "REMOVE"]


class Place(MapAttribute):  # type: ignore[type-arg]
    city = UnicodeAttribute()


class ByCity(GlobalSecondaryIndex):  # type: ignore[type-arg]
    class Meta:
        index_name = "by-city"
        projection = AllProjection()

    city = UnicodeAttribute(hash_key=True)
    age = NumberAttribute(range_key=True)


class Person(Model):
    class Meta:
        table_name = "people"
        region = "us-east-1"
        billing_mode = "PAY_PER_REQUEST"

    name = UnicodeAttribute(hash_key=True)
    age = NumberAttribute(range_key=True)
    city = UnicodeAttribute(null=True)
    tags = UnicodeSetAttribute(null=True)
    visits = NumberAttribute(default=0)
    places = ListAttribute(of=Place, default=list)  # type: ignore[var-annotated]
    by_city = ByCity()


@pytest.fixture
def people(fresh_sandbox: Any) -> type[Person]:
    """The model, bound to this sandbox."""
    Person.Meta.host = fresh_sandbox.server.endpoint  # type: ignore[attr-defined]
    Person.Meta.aws_access_key_id = fresh_sandbox.row["access_key_id"]  # type: ignore[attr-defined]
    Person.Meta.aws_secret_access_key = fresh_sandbox.row["secret_access_key"]  # type: ignore[attr-defined]
    Person._connection = None
    Person.create_table(wait=True)
    return Person


def test_pynamodb(people: type[Person], fresh_sandbox: Any) -> None:
    """Models: saving, updating, conditions, indexes, batches, transactions, and its exceptions."""
    ada = people("ada", 36, city="London", tags={"math"}, places=[Place(city="Turin")])
    ada.save(people.name.does_not_exist())
    with pytest.raises(PutError) as failed:
        ada.save(people.name.does_not_exist())
    assert failed.value.cause_response_code == "ConditionalCheckFailedException"
    ada.update(actions=[people.visits.add(2), people.tags.add({"poetry"}), people.places[0].city.set("Rome")])
    again = people.get("ada", 36, consistent_read=True)
    assert (again.visits, again.tags, again.places[0].city) == (2, {"math", "poetry"}, "Rome")
    with people.batch_write() as batch:
        for number in range(30):
            batch.save(people("many", number, city="Oslo"))
    assert people.count("many", people.age >= 25) == 5
    assert [it.age for it in people.by_city.query("Oslo", people.age < 3, scan_index_forward=False)] == [2, 1, 0]
    assert len(list(people.scan(people.city == "Oslo", page_size=4))) == 30
    assert {it.age for it in people.batch_get([("many", 1), ("many", 2), ("none", 0)])} == {1, 2}
    connection = Connection(region="us-east-1", host=fresh_sandbox.server.endpoint)
    connection.session.set_credentials(fresh_sandbox.row["access_key_id"], fresh_sandbox.row["secret_access_key"])
    with pytest.raises(TransactWriteError) as cancelled, TransactWrite(connection=connection) as transaction:
        transaction.update(ada, actions=[people.visits.set(9)])
        transaction.condition_check(people, "none", 0, condition=people.name.exists())
    # pynamodb puts checks first.
    codes = [reason and reason.code for reason in cancelled.value.cancellation_reasons]
    assert codes == ["ConditionalCheckFailed", None]
    ada.refresh()
    assert ada.visits == 2
    ada.delete()
    with pytest.raises(DoesNotExist):
        ada.refresh()


class ByTime(LocalSecondaryIndex):  # type: ignore[type-arg]
    class Meta:
        index_name = "by-time"
        projection = AllProjection()

    owner = UnicodeAttribute(hash_key=True)
    made_at = UTCDateTimeAttribute(range_key=True)


class Document(Model, discriminator="document"):
    class Meta:
        table_name = "documents"
        region = "us-east-1"
        billing_mode = "PAY_PER_REQUEST"
        stream_view_type = "NEW_IMAGE"

    owner = UnicodeAttribute(hash_key=True)
    name = UnicodeAttribute(range_key=True)
    kind = DiscriminatorAttribute()
    made_at = UTCDateTimeAttribute(default=lambda: datetime.now(UTC))
    expires = TTLAttribute(default=timedelta(days=1))
    body = BinaryAttribute(null=True, legacy_encoding=False)
    is_public = BooleanAttribute(default=False)
    labels = JSONAttribute(null=True)
    version = VersionAttribute()
    by_time = ByTime()


class Picture(Document, discriminator="picture"):
    width = NumberAttribute()


def test_pynamodb_models_of_an_application(fresh_sandbox: Any) -> None:
    """Versions that guard against lost updates, kinds of models in one table, dates, JSON, bytes, time to live, pages
    that go on from a key, a local index, and reads in a transaction."""
    for model in (Document, Picture):
        model.Meta.host = fresh_sandbox.server.endpoint  # type: ignore[attr-defined]
        model.Meta.aws_access_key_id = fresh_sandbox.row["access_key_id"]  # type: ignore[attr-defined]
        model.Meta.aws_secret_access_key = fresh_sandbox.row["secret_access_key"]  # type: ignore[attr-defined]
        model._connection = None
    with pytest.raises(PutError, match="Requested resource not found"):
        Document("ada", "early").save()
    assert not Document.exists()
    Document.create_table(wait=True)
    Picture("ada", "photo", width=640, body=b"\x00\xff", labels={"tags": ["x", {"y": None}]}).save()
    photo = Document.get("ada", "photo")
    assert isinstance(photo, Picture) and (photo.width, photo.body, photo.version) == (640, b"\x00\xff", 1)
    assert photo.labels == {"tags": ["x", {"y": None}]} and photo.expires > datetime.now(UTC)
    stale = Document.get("ada", "photo")
    photo.update(actions=[Document.is_public.set(True)])
    assert photo.version == 2
    with pytest.raises(UpdateError):
        stale.update(actions=[Document.is_public.set(False)])
    for number in range(10):
        made_at = datetime(2026, 1, 10 - number, tzinfo=UTC)
        Document("ada", f"note-{number}", made_at=made_at).save()
    first = Document.query("ada", Document.name.startswith("note"), limit=4)
    names = [it.name for it in first]
    rest = Document.query("ada", Document.name.startswith("note"), last_evaluated_key=first.last_evaluated_key)
    assert [*names, *(it.name for it in rest)] == [f"note-{number}" for number in range(10)]
    oldest = next(iter(Document.by_time.query("ada", limit=1)))
    assert oldest.name == "note-9"
    connection = Connection(region="us-east-1", host=fresh_sandbox.server.endpoint)
    connection.session.set_credentials(fresh_sandbox.row["access_key_id"], fresh_sandbox.row["secret_access_key"])
    with TransactGet(connection=connection) as transaction:
        found = transaction.get(Document, "ada", "note-1")
        gone = transaction.get(Document, "ada", "none")
    assert found.get().name == "note-1"
    with pytest.raises(DoesNotExist):
        gone.get()
    assert [it.name for it in Document.scan(Document.is_public == True, segment=0, total_segments=1)] == ["photo"]  # noqa: E712
    expiry = fresh_sandbox.client("dynamodb").describe_time_to_live(TableName="documents")["TimeToLiveDescription"]
    assert expiry == {"AttributeName": "expires", "TimeToLiveStatus": "ENABLED"}
    Document.delete_table()
    assert not Document.exists()
