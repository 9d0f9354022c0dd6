"""DynamoDB's HTTP: compressed bodies, checksums, JSON that no SDK writes, and who is no client at all."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from typing import Any

import pytest
from tests.contract.dynamodb import make_table
from tests.contract.wire import post, send, signed

JSON = {"content_type": "application/x-amz-json-1.0"}
HOST = "dynamodb.us-east-1.amazonaws.com"


def target(operation: str) -> dict[str, str]:
    return {"x_amz_target": f"DynamoDB_20120810.{operation}"}


def test_compressed_answers(sandbox: Any) -> None:
    """From 4 KB on, for clients that accept it; the checksum is that of the compressed body (Go's SDK compares it)."""
    ddb = sandbox.client("dynamodb")
    table = make_table(ddb, sort=None)
    ddb.put_item(TableName=table, Item={"pk": {"S": "a"}, "large": {"S": "x" * 4096}})

    def answer(accepted: str, **options: str) -> tuple[dict[str, str], bytes]:
        body = json.dumps({"TableName": table, "Key": {"pk": {"S": "a"}}, **options}).encode()
        status, headers, content = post(
            sandbox, "dynamodb", body, accept_encoding=accepted, **target("GetItem"), **JSON
        )
        assert status == 200 and headers["x-amz-crc32"] == str(zlib.crc32(content))
        assert headers["content-length"] == str(len(content))
        return headers, content

    headers, plain = answer("identity")
    assert "Content-Encoding" not in headers and headers["Server"] == "Server"
    for encoding, decompress in (("gzip", gzip.decompress), ("deflate", zlib.decompress)):
        headers, content = answer(encoding)
        assert headers["Content-Encoding"] == encoding and len(content) < 200 and decompress(content) == plain
    headers, _ = answer("gzip", ProjectionExpression="pk")
    assert "Content-Encoding" not in headers


def test_compressed_requests(sandbox: Any) -> None:
    """Gzip of one member or several; what is not what its encoding says is a failure, and nothing is written."""
    ddb = sandbox.client("dynamodb")
    table = make_table(ddb, sort=None)

    def put(key: str, content: Any, encoding: str = "gzip") -> int:
        item = json.dumps({"TableName": table, "Item": {"pk": {"S": key}}}).encode()
        headers = {"content_encoding": encoding, **target("PutItem"), **JSON}
        return post(sandbox, "dynamodb", content(item), **headers)[0]

    assert put("whole", gzip.compress) == 200
    assert put("pieces", lambda item: gzip.compress(item[:10]) + gzip.compress(item[10:])) == 200
    assert put("more", lambda item: gzip.compress(item) + b"junk") == 200
    assert put("plain", lambda item: item) == 500
    assert put("cut", lambda item: gzip.compress(item)[:-1]) == 500
    assert put("nothing", lambda item: b"") == 500
    assert put("foreign", lambda item: item, "garbage") == 500
    assert {item["pk"]["S"] for item in ddb.scan(TableName=table)["Items"]} == {"whole", "pieces", "more"}


def test_health(sandbox: Any) -> None:
    """Load balancers and people look at the endpoint itself."""
    status, headers, body = send(sandbox.server.endpoint + "/", None, {"host": HOST}, "GET")
    assert (status, body) == (200, f"healthy: {HOST} ".encode())
    assert headers["x-amz-crc32"] == "3128867991"


@pytest.mark.parametrize(
    ("method", "path", "content_type"),
    [
        ("GET", "/x", None),
        ("PUT", "/", None),
        ("DELETE", "/", None),
        ("OPTIONS", "/", None),
        ("POST", "/", "text/plain"),
    ],
)
def test_who_is_no_client(sandbox: Any, method: str, path: str, content_type: str | None) -> None:
    """Other methods and types are not looked into."""
    headers = {"host": HOST} | ({} if content_type is None else {"content-type": content_type})
    body = None if content_type is None else b"hi"
    status, headers, answer = send(sandbox.server.endpoint + path, body, headers, method)
    assert (status, answer) == (404, b"<UnknownOperationException/>\n")
    assert headers["x-amz-crc32"] == "3552371480"


def test_bodies_are_read_before_operations_are_looked_for(sandbox: Any) -> None:
    """And the answer is called what the client calls its request."""
    for body, code in ((b"hi", "SerializationException"), (b"{}", "UnknownOperationException")):
        for content_type in ("application/json", "application/x-amz-json-1.0"):
            status, headers, answer = post(sandbox, "dynamodb", body, content_type=content_type)
            assert (status, json.loads(answer)) == (400, {"__type": f"com.amazon.coral.service#{code}"})
            assert headers["Content-Type"] == content_type


def test_bodies_are_read_before_anyone_is_asked_who_it_is(sandbox: Any) -> None:
    """Without a signature, or with a wrong one, a client is told first of a body that is no JSON."""
    url, headers = sandbox.server.endpoint + "/", {"host": HOST, "content-type": "application/x-amz-json-1.0"}
    headers["x-amz-target"] = "DynamoDB_20120810.ListTables"
    stranger = signed(sandbox, "dynamodb", b"other", headers)
    for sender, refusal in ((headers, "MissingAuthenticationToken"), (stranger, "InvalidSignature")):
        for body, code in ((b"{no json", "Serialization"), (b"{}", refusal), (b"", refusal)):
            status, answered, answer = send(url, body, sender)
            assert (status, json.loads(answer)["__type"]) == (400, f"com.amazon.coral.service#{code}Exception")
            assert answered["x-amz-crc32"] == str(zlib.crc32(answer))


def test_the_largest_request(sandbox: Any) -> None:
    """Sixteen MiB as they are sent, white space too; to one byte more the front end has no word to say."""
    start, end = b'{"RequestItems":{"absent":{"Keys":[{"pk":{"S":"a"}}]}', b"}}"
    for size, expected in ((16 * 1024 * 1024, (400, b"ResourceNotFound")), (16 * 1024 * 1024 + 1, (413, b""))):
        body = start + b" " * (size - len(start) - len(end)) + end
        status, _, answer = post(sandbox, "dynamodb", body, **target("BatchGetItem"), **JSON)
        assert status == expected[0] and expected[1] in answer and bool(answer) == bool(expected[1])


def test_ids_of_requests(sandbox: Any) -> None:
    """Fifty-two digits and capitals, the last ones always the same; whatever the answer is."""
    ddb = sandbox.client("dynamodb")
    answers = [ddb.list_tables(), ddb.list_tables(), sandbox.client("dynamodbstreams").list_streams()]
    with pytest.raises(ddb.exceptions.ResourceNotFoundException) as caught:
        ddb.describe_table(TableName="absent")
    ids = {answer["ResponseMetadata"]["RequestId"] for answer in (*answers, caught.value.response)}
    assert len(ids) == 4
    assert all(re.fullmatch("[0-9A-F]{32}SO5AEMVJF66Q9ASUAAJG", found) for found in ids)


@pytest.mark.parametrize(
    "named",
    ["ListTables", "DynamoDB_20111205.ListTables", "DynamoDB_20120810.ListTables.x", "DynamoDB_20120810.", "whatever"],
)
def test_operations_of_other_versions(sandbox: Any, named: str) -> None:
    """A client of 2011 would not understand the answers: it is told that there is nothing."""
    status, _, answer = post(sandbox, "dynamodb", b"{}", x_amz_target=named, host=HOST, **JSON)
    assert (status, json.loads(answer)) == (
        400,
        {"__type": "com.amazon.coral.service#UnknownOperationException"},
    )


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"SS": ["a", None]}, "An string set may not have a null string as a member"),
        ({"NS": ["1", None]}, "An number set may not have a null number as a member"),
        ({"BS": ["QQ==", None]}, "Binary sets may not contain null values"),
    ],
)
def test_null_is_no_member_of_a_set(sandbox: Any, members: dict[str, Any], message: str) -> None:
    """Such a set used to be stored without it; AWS's words are known for strings. Values are judged before the key is
    compared with the table's."""
    table = make_table(sandbox.client("dynamodb"), sort=None)

    def told(operation: str, **request: Any) -> str:
        body = json.dumps({"TableName": table, **request}).encode()
        status, _, answer = post(sandbox, "dynamodb", body, **JSON, **target(operation))
        assert status == 400
        return str(json.loads(answer)["message"])

    wrong = f"One or more parameter values were invalid: {message}"
    nested = {"pk": {"S": "a"}, "deep": {"L": [{"M": {"set": members}}]}}
    assert told("PutItem", Item=nested) == f"1 validation error detected: {wrong}"
    assert told("GetItem", Key={"pk": members}) == wrong
    values = {":v": members}
    assert told("Scan", FilterExpression="a = :v", ExpressionAttributeValues=values) == (
        f"ExpressionAttributeValues contains invalid value: {wrong} for key :v"
    )
