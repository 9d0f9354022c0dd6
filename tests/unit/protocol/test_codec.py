"""Details of codecs that botocore's vectors do not show: raw values, streams, S3's paths and quirks, SQS's forms."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from mrak.core.http import FileSlice, Request
from mrak.protocol import eventstream, model
from mrak.protocol.codec import codec


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/b/a", "a"),
        ("/b/a/", "a/"),
        ("/b//", "/"),
        ("/b//a//b", "/a//b"),
        ("/b/../a", "../a"),
        ("/b/a%2Fb", "a/b"),
        ("/b/%C3%A9+%20", "é+ "),
        ("/b/a%0Ab", "a\nb"),
        ("/b/%2E%2E/", "../"),
    ],
)
def test_keys_survive(path: str, key: str) -> None:
    """S3 keys are only names: nothing in them is a path."""
    s3 = codec("s3")
    request = Request("GET", path)
    assert s3.operation_name(request) == "GetObject"
    assert s3.decode("GetObject", request)["Key"] == key


@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "operation"),
    [
        ("GET", "/", "", {}, "ListBuckets"),
        ("GET", "/b/", "", {}, "ListObjects"),
        ("GET", "/b", "list-type=2", {}, "ListObjectsV2"),
        ("PUT", "/b/k", "", {"x-amz-copy-source": "a/b"}, "CopyObject"),
        ("PUT", "/b/k", "x-id=PutObject", {}, "PutObject"),
        ("PUT", "/b/k", "partNumber=1&uploadId=u", {}, "UploadPart"),
        ("PUT", "/b/k", "partNumber=1&uploadId=u", {"x-amz-copy-source": "a/b"}, "UploadPartCopy"),
        ("GET", "/b/k", "uploadId=u", {}, "ListParts"),
        ("GET", "/b", "analytics&id=1", {}, "GetBucketAnalyticsConfiguration"),
        ("GET", "/b", "analytics", {}, "ListBucketAnalyticsConfigurations"),
        ("PUT", "/b", "lifecycle", {}, "PutBucketLifecycleConfiguration"),
        ("POST", "/b/k", "select&select-type=2", {}, "SelectObjectContent"),
    ],
)
def test_s3_routes(method: str, path: str, query: str, headers: dict[str, str], operation: str) -> None:
    """Operations that share a path are told apart by sub-resource, parameters and headers."""
    assert codec("s3").operation_name(Request(method, path, query, headers)) == operation


def test_stream_is_passed_on() -> None:
    """A streaming body is not read by the codec."""

    class Stream:
        async def read(self) -> bytes:
            return b""

        def __aiter__(self) -> AsyncIterator[bytes]:
            raise NotImplementedError

    stream = Stream()
    decoded = codec("s3").decode("PutObject", Request("PUT", "/b/k", body=None, stream=stream))
    assert decoded["Body"] is stream


def test_file_is_passed_on() -> None:
    """A file's slice goes to the server as it is."""
    body = FileSlice("/x", 0, 3)
    response = codec("s3").encode("GetObject", {"Body": body, "Metadata": {"a": "1"}}, "id")
    assert response.body is body
    assert ("x-amz-meta-a", "1") in response.headers


def test_partial_content() -> None:
    """A range is answered with 206, which the model does not say."""
    output = {"Body": b"b", "ContentRange": "bytes 1-1/3"}
    assert codec("s3").encode("GetObject", output, "id").status == 206
    assert codec("s3").encode("GetObject", {"Body": b"abc"}, "id").status == 200


def test_location() -> None:
    """GetBucketLocation's value is its root; us-east-1 is an empty one."""
    s3 = codec("s3")
    empty = b'<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></LocationConstraint>'
    assert empty in s3.encode("GetBucketLocation", {}, "id").body  # type: ignore[operator]
    assert b">eu-west-1<" in s3.encode("GetBucketLocation", {"LocationConstraint": "eu-west-1"}, "id").body  # type: ignore[operator]


def test_raw_passes_unrebuilt() -> None:
    """DynamoDB's stored bytes go out as they are, and are decoded only for internal callers."""
    dynamodb = codec("dynamodb")
    output: dict[str, Any] = {"Item": msgspec.Raw(b'{"a":{"S":"x"}}'), "ConsumedCapacity": None}
    assert (
        dynamodb.encode("GetItem", output, "01234567-89ab-4def-8123-456789abcdef").body == b'{"Item":{"a":{"S":"x"}}}'
    )
    assert dynamodb.plain("GetItem", output) == {"Item": {"a": {"S": "x"}}}
    plain = {"Item": {"a": {"S": "null"}}}
    assert dynamodb.plain("GetItem", plain) is plain


def test_sqs_query_form() -> None:
    """Old clients name list items and maps in SQS's own way, and the queue by the request's path."""
    sqs = codec("sqs", "query")
    form = b"Action=SendMessageBatch&SendMessageBatchRequestEntry.2.Id=b&SendMessageBatchRequestEntry.2.MessageBody=2"
    form += b"&SendMessageBatchRequestEntry.1.Id=a&SendMessageBatchRequestEntry.1.MessageBody=1"
    request = Request("POST", "/111111111111/q", headers={"host": "localhost:4566"}, body=form)
    assert sqs.operation_name(request) == "SendMessageBatch"
    assert sqs.decode("SendMessageBatch", request) == {
        "QueueUrl": "http://localhost:4566/111111111111/q",
        "Entries": [{"Id": "a", "MessageBody": "1"}, {"Id": "b", "MessageBody": "2"}],
    }
    form = b"Action=CreateQueue&QueueName=q&Attribute.1.Name=DelaySeconds&Attribute.1.Value=5&Tag.1.Key=a&Tag.1.Value=b"
    decoded = sqs.decode("CreateQueue", Request("POST", "/", body=form))
    assert decoded == {"QueueName": "q", "Attributes": {"DelaySeconds": "5"}, "tags": {"a": "b"}}


async def _events(*events: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    for event in events:
        yield event


async def _joined(chunks: Any) -> bytes:
    return b"".join([chunk async for chunk in chunks])


def test_event_stream() -> None:
    """Lambda's response stream: what botocore's own decoder reads from our frames, and ours too."""
    import asyncio

    from botocore.eventstream import EventStreamBuffer

    events = _events({"PayloadChunk": {"Payload": b"abc"}}, {"InvokeComplete": {"ErrorCode": "x"}})
    response = codec("lambda").encode("InvokeWithResponseStream", {"StatusCode": 200, "EventStream": events}, "id")
    assert ("Content-Type", eventstream.CONTENT_TYPE) in response.headers
    content = asyncio.run(_joined(response.body))
    theirs = EventStreamBuffer()
    theirs.add_data(content)
    read = [(message.headers[":event-type"], message.payload) for message in theirs]
    assert read == [("PayloadChunk", b"abc"), ("InvokeComplete", b'{"ErrorCode":"x"}')]
    assert [frame.payload for frame in eventstream.decode_frames(content)] == [b"abc", b'{"ErrorCode":"x"}']
    for broken in (content[:-1], content[:5], b"\x00" * 40, content[:20] + b"x" + content[21:]):
        with pytest.raises(eventstream.FrameError):
            list(eventstream.decode_frames(broken))


def test_json_event_stream_begins_with_initial_response() -> None:
    """JSON protocols send the other members of the output as a first frame."""
    import asyncio

    output = {"EventStream": _events({"SubscribeToShardEvent": {"Records": [], "MillisBehindLatest": 0}})}
    response = codec("kinesis").encode("SubscribeToShard", output, "id")
    frames = list(eventstream.decode_frames(asyncio.run(_joined(response.body))))
    assert [frame.headers[":event-type"] for frame in frames] == ["initial-response", "SubscribeToShardEvent"]


def test_models() -> None:
    """What the gateway and the coverage tables ask a model."""
    sqs = model.load("sqs")
    assert (sqs.signing_name, sqs.target_prefix, sqs.protocols) == ("sqs", "AmazonSQS", ("json", "query"))
    assert model.load("stepfunctions").endpoint_prefix == "states"
    assert model.load("iam").global_endpoint == "iam.amazonaws.com"
    assert "SendMessage" in sqs.operation_names
    assert model.directory()["rekognition"]["targetPrefix"] == "RekognitionService"
    with pytest.raises(KeyError):
        model.load("rekognition")
    with pytest.raises(KeyError):
        model.load("../secret")


def test_importing_is_light() -> None:
    """Start-up is part of the product: the codec's interface does not bring in botocore, nor any protocol unused."""
    import subprocess
    import sys

    code = "import sys, mrak.protocol.codec; print([m for m in ('botocore', 'mrak.protocol.xml') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
