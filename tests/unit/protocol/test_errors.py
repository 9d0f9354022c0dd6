"""The forms in which each protocol and service writes its errors."""

from __future__ import annotations

import json

from mrak.core.errors import ApiError
from mrak.protocol.codec import codec

ID = "01234567-89ab-4def-8123-456789abcdef"


def test_dynamodb() -> None:
    """Full namespaces in `__type`; SerializationException spells Message with a capital; the CRC matches the body."""
    dynamodb = codec("dynamodb")
    response = dynamodb.encode_error("GetItem", ApiError("ResourceNotFoundException", "no"), ID)
    assert json.loads(response.body) == {
        "__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException",
        "message": "no",
    }
    assert "x-amz-crc32" in dict(response.headers)
    response = dynamodb.encode_error("GetItem", ApiError("SerializationException", "x"), ID)
    assert json.loads(response.body)["Message"] == "x"
    for code in ("MissingAuthenticationTokenException", "InvalidSignatureException", "UnrecognizedClientException"):
        response = dynamodb.encode_error("GetItem", ApiError(code, "x"), ID)
        assert json.loads(response.body) == {"__type": f"com.amazon.coral.service#{code}", "message": "x"}


def test_dynamodb_fields() -> None:
    """The item of a failed condition travels in the error, blobs in base64."""
    error = ApiError("ConditionalCheckFailedException", "no", fields={"Item": {"a": {"B": b"hi"}}})
    body = json.loads(codec("dynamodb").encode_error("PutItem", error, ID).body)
    assert body["Item"] == {"a": {"B": "aGk="}}


def test_sqs_in_both_protocols() -> None:
    """SQS's JSON errors carry the query protocol's code, which old clients match on."""
    for code in ("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"):
        error = ApiError(code, "no queue")
        response = codec("sqs").encode_error("SendMessage", error, "id")
        assert json.loads(response.body)["__type"] == "com.amazonaws.sqs#QueueDoesNotExist"
        assert dict(response.headers)["x-amzn-query-error"] == "AWS.SimpleQueueService.NonExistentQueue;Sender"
        body = codec("sqs", "query").encode_error("SendMessage", error, "id").body
        assert b"<Code>AWS.SimpleQueueService.NonExistentQueue</Code>" in body
    response = codec("sqs").encode_error("SendMessage", ApiError("MissingParameter", "x"), "id")
    assert json.loads(response.body)["__type"].endswith("#MissingRequiredParameterException")


def test_lambda() -> None:
    """Status from the model, type in the header, Lambda's `Type` and the modelled spelling of the message."""
    response = codec("lambda").encode_error("GetFunction", ApiError("ResourceNotFoundException", "no"), "id")
    assert response.status == 404
    assert dict(response.headers)["x-amzn-ErrorType"] == "ResourceNotFoundException"
    assert json.loads(response.body) == {"Type": "User", "Message": "no"}


def test_s3() -> None:
    """S3's error is the root itself, with its fields; a HEAD has no body."""
    error = ApiError("NoSuchKey", "no <key>", 404, {"Key": "a&b"})
    response = codec("s3").encode_error("GetObject", error, "id")
    assert response.body.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code>')  # type: ignore[union-attr]
    assert b"<Key>a&amp;b</Key><RequestId>id</RequestId><HostId>" in response.body  # type: ignore[operator]
    assert {"x-amz-request-id", "x-amz-id-2"} <= dict(response.headers).keys()
    assert codec("s3").encode_error("HeadObject", error, "id").body == b""


def test_cloudfront() -> None:
    """CloudFront wraps its error, with a namespace, and the model's status."""
    response = codec("cloudfront").encode_error("GetDistribution", ApiError("NoSuchDistribution", "no"), "id")
    assert response.status == 404
    assert b'<ErrorResponse xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/"><Error>' in response.body  # type: ignore[operator]


def test_query() -> None:
    """The code of the wire is the error trait's, whichever name was raised."""
    for code in ("NoSuchEntity", "NoSuchEntityException"):
        response = codec("iam").encode_error("GetRole", ApiError(code, "no"), "id")
        assert response.status == 404
        assert b"<Type>Sender</Type><Code>NoSuchEntity</Code><Message>no</Message>" in response.body  # type: ignore[operator]


def test_header_injection() -> None:
    """A value never ends its header."""
    output = {"ContentType": "a\r\nx: y", "Body": b""}
    headers = dict(codec("s3").encode("GetObject", output, "id").headers)
    assert headers["Content-Type"] == "a  x: y"
