"""Arbitrary bodies: the codec decodes or raises ApiError, never anything else (which would be answered as our 500)."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from mrak.core.errors import ApiError
from mrak.core.http import Request
from mrak.protocol import cbor
from mrak.protocol.codec import codec
from mrak.protocol.model import load

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    | st.sampled_from(["AAAA", "2020-01-01T00:00:00Z", "ALL_NEW"])
)
NAMES = st.sampled_from(
    ["TableName", "Item", "Key", "S", "N", "B", "L", "M", "SS", "AttributeUpdates", "Expected", "ReturnValues", "x"]
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4))
FORM_KEYS = st.lists(
    st.sampled_from(["RoleName", "Tags", "member", "entry", "1", "2", "Key", "Value", "0", "", "x"]), max_size=6
).map(".".join)


def decode(service: str, operation: str, request: Request, protocol: str | None = None) -> None:
    with contextlib.suppress(ApiError):
        codec(service, protocol).decode(operation, request)


@settings(max_examples=150, deadline=None)
@given(VALUES)
def test_json(value: Any) -> None:
    """JSON of any shape, through the fast and the slow path, and as an internal call's input."""
    body = msgspec.json.encode(value)
    decode("dynamodb", "UpdateItem", Request("POST", "/", body=body))
    decode("apigatewayv2", "CreateApi", Request("POST", "/v2/apis", body=body))
    decode("lambda", "CreateFunction", Request("POST", "/2015-03-31/functions", body=body))
    with contextlib.suppress(ApiError):
        codec("dynamodb").validate("UpdateItem", value if isinstance(value, dict) else {"Key": value})


DYNAMODB = sorted(load("dynamodb").operation_names)
REQUESTS = st.dictionaries(
    st.sampled_from(["RequestItems", "TransactItems", "Statements", "TableName", "Limit", "Key", "Item", "Expected"]),
    VALUES | st.dictionaries(st.sampled_from(["t", "bad!name", "Keys"]), VALUES, max_size=2),
    max_size=3,
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(DYNAMODB), REQUESTS)
def test_dynamodb(operation: str, request: dict[str, Any]) -> None:
    """All of its operations, each of which may restate what is wrong in words of its own."""
    decode("dynamodb", operation, Request("POST", "/", body=msgspec.json.encode(request)))


def test_dynamodb_without_anything() -> None:
    """An empty request of each operation."""
    for operation in DYNAMODB:
        decode("dynamodb", operation, Request("POST", "/", body=b"{}"))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_bytes(body: bytes) -> None:
    """Bytes that are none of the formats."""
    decode("dynamodb", "PutItem", Request("POST", "/", body=body))
    decode("cloudwatch", "PutMetricData", Request("POST", "/", body=body))
    decode("s3", "PutBucketTagging", Request("PUT", "/b", "tagging", body=body))
    decode("iam", "CreateRole", Request("POST", "/", body=body))
    with contextlib.suppress(cbor.CborError):
        cbor.decode(body)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(FORM_KEYS, st.text(st.characters(codec="ascii"), max_size=5)), max_size=6))
def test_form(pairs: list[tuple[str, str]]) -> None:
    """Forms whose names contradict each other."""
    from urllib.parse import urlencode

    decode("iam", "CreateRole", Request("POST", "/", body=urlencode(pairs).encode()))
    decode("sqs", "TagQueue", Request("POST", "/", body=urlencode(pairs).encode()), "query")


@settings(max_examples=100, deadline=None)
@given(
    st.text(st.sampled_from("/ab%2F.?&=é\x00"), max_size=12), st.text(st.sampled_from("acl&=%2F+uploadId"), max_size=12)
)
def test_paths(path: str, query: str) -> None:
    """Any path and query finds an operation or none."""
    request = Request("GET", "/" + path, query)
    s3 = codec("s3")
    name = s3.operation_name(request)
    if name is not None:
        decode("s3", name, request)
    assert s3.encode_error(name, ApiError("X", "y"), "id").status == 400
