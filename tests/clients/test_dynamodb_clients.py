"""DynamoDB through the libraries that people use: pynamodb, boto3's resources, the JavaScript document client."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import boto3
import pytest
from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError
from pynamodb.attributes import ListAttribute, MapAttribute, NumberAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.connection import Connection
from pynamodb.exceptions import DoesNotExist, PutError, TransactWriteError
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite


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


def test_boto3_resources(fresh_sandbox: Any) -> None:
    """Tables as objects: waiters, batches that split themselves, conditions as objects, decimals."""
    dynamodb = boto3.resource(
        "dynamodb",
        endpoint_url=fresh_sandbox.server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=fresh_sandbox.row["access_key_id"],
        aws_secret_access_key=fresh_sandbox.row["secret_access_key"],
    )
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
