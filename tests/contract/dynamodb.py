"""What the contract tests of DynamoDB share: tables and the shape of an error."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.conftest import until

INVALID = "ValidationException"


def error_of(call: Callable[..., Any], **params: Any) -> tuple[str, str]:
    """(code, message) of a call that has to fail with HTTP 400."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    answer = caught.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
    return answer["Error"]["Code"], answer["Error"]["Message"]


def eventually(holds: Callable[[], bool]) -> None:
    """What timers do after a clock was moved takes a moment of real time."""
    until(holds)


def make_table(ddb: Any, sort: str | None = "sk", **options: Any) -> str:
    """A table with partition key pk (S) and, unless None, sort key `sort` of type S (or "name:N")."""
    name = f"t-{uuid.uuid4().hex}"
    keys = [{"AttributeName": "pk", "KeyType": "HASH"}]
    attributes = {"pk": "S", **options.pop("attributes", {})}
    if sort is not None:
        sort_name, _, kind = sort.partition(":")
        keys.append({"AttributeName": sort_name, "KeyType": "RANGE"})
        attributes[sort_name] = kind or "S"
    ddb.create_table(
        TableName=name,
        KeySchema=keys,
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, kind in attributes.items()],
        **({"BillingMode": "PAY_PER_REQUEST"} | options),
    )
    return name


def index(name: str, *keys: str, projection: Any = "ALL") -> dict[str, Any]:
    """A secondary index on a partition key and a sort key."""
    kind = {"ProjectionType": projection} if isinstance(projection, str) else projection
    roles = ("HASH", "RANGE")
    return {
        "IndexName": name,
        "KeySchema": [{"AttributeName": key, "KeyType": role} for key, role in zip(keys, roles, strict=False)],
        "Projection": kind,
    }
