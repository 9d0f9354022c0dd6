"""Nothing that a client sends may end as our bug: every malformed request is answered with AWS's error."""

from __future__ import annotations

import gzip

import pytest

from mrak.core.errors import ApiError
from mrak.core.http import Request
from mrak.protocol import cbor
from mrak.protocol.codec import codec, detect_protocol

DEEP_JSON = b'{"a":{"M":' * 2000 + b"{}" + b"}}" * 2000

JSON_CASES = [
    (b"{", ""),
    (b"\xff\xfe", ""),
    (b'{"TableName":"\\ud800"}', ""),
    (b"[]", "Unrecognized collection type"),
    (b'"x"', "Unexpected value type in payload"),
    (b'{"TableName":1}', "NUMBER_VALUE cannot be converted to String"),
    (b'{"TableName":true}', "TRUE_VALUE cannot be converted to String"),
    (b'{"TableName":{}}', "Start of structure or map found where not expected"),
    (b'{"TableName":1.5}', "DECIMAL_VALUE cannot be converted to String"),
    (b'{"TableName":[]}', "Unrecognized collection type class java.lang.String"),
    (b'{"TableName":"abc","Item":"x"}', "Unexpected field type"),
    (b'{"TableName":"abc","Item":{"a":"x"}}', "Unexpected value type in payload"),
    (b'{"TableName":"abc","Item":{"a":[]}}', "class com.amazonaws.dynamodb.v20120810.AttributeValue"),
    (b'{"TableName":"abc","Item":{"a":{"L":["x"]}}}', "Unexpected value type in payload"),
    (b'{"TableName":"abc","Item":{"a":{"BOOL":"23"}}}', "Unexpected token received from parser"),
    (b'{"TableName":"abc","Item":{"a":{"B":1}}}', "only base-64-encoded strings are convertible to bytes"),
    (b'{"TableName":"abc","Item":{"a":{"B":"=+/="}}}', "Invalid last non-pad Base64 character dectected"),
    (b'{"TableName":"abc","Item":{"a":{"B":"+/+="}}}', "Invalid last non-pad Base64 character dectected"),
    (b'{"TableName":"abc","Item":{"a":{"BS":["AQ==","AR=="]}}}', "Invalid last non-pad Base64 character dectected"),
    (
        b'{"TableName":"abc","Item":[]}',
        "java.util.Map<java.lang.String, com.amazonaws.dynamodb.v20120810.AttributeValue>",
    ),
    (b'{"TableName":"abc","Item":{"a":{"B":"!!!!"}}}', "Invalid Base64 character: '!'"),
    (b'{"TableName":"abc","Item":{"a":{"B":"x"}}}', "multiple of 4 bytes but found: 1"),
    (b'{"TableName":"abc","Item":' + DEEP_JSON + b"}", ""),
    (DEEP_JSON, ""),
    (b"[" * 100_000, ""),
]


@pytest.mark.parametrize(("body", "text"), JSON_CASES, ids=range(len(JSON_CASES)))
def test_json(body: bytes, text: str) -> None:
    """DynamoDB answers SerializationException, with the reason where the JSON itself is well-formed."""
    with pytest.raises(ApiError) as caught:
        codec("dynamodb").decode("PutItem", Request("POST", "/", body=body))
    assert caught.value.code == "SerializationException"
    assert text in caught.value.message


CLASSES = "class sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl cannot be cast"
NESTED_CASES = [
    ("BatchGetItem", b'{"RequestItems":{"abc":{"Keys":["x"]}}}', CLASSES),
    ("BatchGetItem", b'{"RequestItems":{"abc":{"Keys":[[]]}}}', "Unrecognized collection type java.util.Map<"),
    ("BatchWriteItem", b'{"RequestItems":{"abc":1}}', CLASSES),
    ("BatchWriteItem", b'{"RequestItems":{"abc":{}}}', "Start of structure or map found where not expected"),
    ("BatchWriteItem", b'{"RequestItems":[]}', "java.util.List<com.amazonaws.dynamodb.v20120810.WriteRequest>>"),
]


@pytest.mark.parametrize(("operation", "body", "text"), NESTED_CASES, ids=range(len(NESTED_CASES)))
def test_json_of_collections_in_collections(operation: str, body: bytes, text: str) -> None:
    """What Java says where a list or a map stands in another: measured by the tests of dynalite."""
    with pytest.raises(ApiError) as caught:
        codec("dynamodb").decode(operation, Request("POST", "/", body=body))
    assert caught.value.code == "SerializationException"
    assert text in caught.value.message


def test_base64_that_ends_in_padding() -> None:
    """Clean padding, and text that only looks like unclean padding, are taken."""
    body = b'{"TableName":"abc","Item":{"a":{"B":"AQ=="},"b":{"BS":["AAE=","/w=="]},"c":{"S":"x="}}}'
    got = codec("dynamodb").decode("PutItem", Request("POST", "/", body=body))
    assert got["Item"] == {"a": {"B": b"\x01"}, "b": {"BS": [b"\x00\x01", b"\xff"]}, "c": {"S": "x="}}


XML_CASES = [
    b"<Delete>",
    b"",
    b"\xff\xff",
    b"<Delete></Delete>",
    b"<Delete><Object></Object></Delete>",
    b'<!DOCTYPE x [<!ENTITY a "aaaa">]><Delete><Object><Key>&a;</Key></Object></Delete>',
    b'<!DOCTYPE x SYSTEM "http://localhost/x"><Delete/>',
    b"<a>" * 500 + b"</a>" * 500,
    b'<?xml version="1.0" encoding="unknown-thing"?><Delete/>',
    b"<Delete><Object><Key>a</Key></Object><Quiet>perhaps</Quiet></Delete>",
]


@pytest.mark.parametrize("body", XML_CASES, ids=range(len(XML_CASES)))
def test_xml(body: bytes) -> None:
    """Entities, document types and depth are refused before they cost anything; S3 says MalformedXML."""
    request = Request("POST", "/bucket", "delete", body=body)
    if body == b"":
        assert codec("s3").decode("DeleteObjects", request) == {"Bucket": "bucket"}
        return
    with pytest.raises(ApiError) as caught:
        codec("s3").decode("DeleteObjects", request)
    assert caught.value.code == "MalformedXML"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"Action=CreateRole&MaxSessionDuration=abc&RoleName=a&AssumeRolePolicyDocument=x", "MalformedInput"),
        (b"Action=CreateRole&RoleName.x=1&AssumeRolePolicyDocument=x", "MalformedInput"),
        (b"Action=CreateRole&RoleName=%ff", "MalformedQueryString"),
        (b"Action=CreateRole&Tags=x&RoleName=a&AssumeRolePolicyDocument=x", "MalformedInput"),
    ],
)
def test_query(body: bytes, code: str) -> None:
    """Forms whose values are not of their types."""
    with pytest.raises(ApiError) as caught:
        codec("iam").decode("CreateRole", Request("POST", "/", body=body))
    assert caught.value.code == code


@pytest.mark.parametrize(
    "body", [b"\xbf", b"\xff", b"\x1c", b"\xa1", b"\x9f" * 5000, b"\x81" * 5000, b"\x5b" + b"\xff" * 8, b"\xa1\x01\x01"]
)
def test_cbor(body: bytes) -> None:
    """Truncated, nested and oversized items."""
    with pytest.raises(ApiError) as caught:
        codec("cloudwatch").decode("ListMetrics", Request("POST", "/", body=body))
    assert caught.value.code == "SerializationException"


def test_rest_values() -> None:
    """S3 names the parameter that is no integer; a path that is not UTF-8 is an invalid URI."""
    s3 = codec("s3")
    with pytest.raises(ApiError) as caught:
        s3.decode("ListObjectsV2", Request("GET", "/b", "list-type=2&max-keys=x"))
    assert caught.value.code == "InvalidArgument"
    assert caught.value.fields == {"ArgumentName": "max-keys", "ArgumentValue": "x"}
    with pytest.raises(ApiError) as caught:
        s3.decode("GetObject", Request("GET", "/b/%ff"))
    assert caught.value.code == "InvalidURI"


def test_bad_date_in_a_condition() -> None:
    """S3 ignores a condition whose date cannot be read, and refuses other dates."""
    s3 = codec("s3")
    request = Request("GET", "/b/k", headers={"if-modified-since": "yesterday"})
    assert s3.decode("GetObject", request) == {"Bucket": "b", "Key": "k"}
    with pytest.raises(ApiError) as caught:
        s3.decode("PutObject", Request("PUT", "/b/k", headers={"x-amz-object-lock-retain-until-date": "never"}))
    assert caught.value.code == "InvalidArgument"


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"FunctionName":"f","Timeout":"x"}', DEEP_JSON])
def test_rest_json_body(body: bytes) -> None:
    """A REST-JSON service's body is read with the same care."""
    with pytest.raises(ApiError) as caught:
        codec("lambda").decode("CreateFunction", Request("POST", "/2015-03-31/functions", body=body))
    assert caught.value.code == "SerializationException"


def test_gzip() -> None:
    """CloudWatch's clients compress large requests; what is not gzip, or a bomb, is refused."""
    cloudwatch = codec("cloudwatch")
    headers = {"content-encoding": "gzip"}
    packed = gzip.compress(cbor.encode({"Namespace": "a"}))
    assert cloudwatch.decode("ListMetrics", Request("POST", "/", headers=headers, body=packed)) == {"Namespace": "a"}
    bomb = gzip.compress(b"\x00" * (cloudwatch.max_body_bytes + 1))
    for body in (b"not gzip", packed[:-9], bomb):
        with pytest.raises(ApiError):
            cloudwatch.decode("ListMetrics", Request("POST", "/", headers=headers, body=body))


def test_body_limit() -> None:
    """A body beyond the service's limit is refused unread."""
    dynamodb = codec("dynamodb")
    body = b'{"TableName":"' + b"a" * dynamodb.max_body_bytes + b'"}'
    with pytest.raises(ApiError) as caught:
        dynamodb.decode("DescribeTable", Request("POST", "/", body=body))
    assert caught.value.status == 413


@pytest.mark.parametrize(
    ("service", "request_", "code", "status"),
    [
        ("dynamodb", Request("POST", "/"), "UnknownOperationException", 400),
        ("iam", Request("POST", "/", body=b"Action=Nothing&Version=2010-05-08"), "InvalidAction", 400),
        ("iam", Request("POST", "/"), "MissingAction", 400),
        ("s3", Request("PATCH", "/b"), "MethodNotAllowed", 405),
        ("lambda", Request("GET", "/nothing"), "UnknownOperationException", 404),
        ("apigateway", Request("GET", "/nothing"), "MissingAuthenticationTokenException", 403),
    ],
)
def test_unknown_operation(service: str, request_: Request, code: str, status: int) -> None:
    """What each protocol answers to a request for nothing that it has."""
    found = codec(service)
    name = found.operation_name(request_)
    assert name is None or found.model.find_operation(name) is None
    error = found.unknown_operation(request_)
    assert (error.code, error.status) == (code, status)
    assert found.encode_error(None, error, "01234567-89ab-4def-8123-456789abcdef").status == status


def test_detect_protocol() -> None:
    """One endpoint of SQS or CloudWatch hears several protocols; the headers tell which."""
    assert detect_protocol(Request("POST", "/", headers={"x-amz-target": "AmazonSQS.SendMessage"})) == "json"
    form = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    assert detect_protocol(Request("POST", "/", headers=form)) == "query"
    assert detect_protocol(Request("GET", "/", "Action=ListQueues")) == "query"
    assert detect_protocol(Request("POST", "/", headers={"smithy-protocol": "rpc-v2-cbor"})) == "smithy-rpc-v2-cbor"
    assert detect_protocol(Request("GET", "/bucket/key", "acl")) is None
