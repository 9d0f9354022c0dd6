"""SQS's older protocol: forms in and XML out, also by GET at a queue's own URL."""

from __future__ import annotations

import hashlib
import json
import urllib.error
import urllib.request
import uuid
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

Answer = tuple[int, str]


@pytest.fixture
def queue(sandbox: Any) -> str:
    return str(sandbox.client("sqs").create_queue(QueueName=f"q-{uuid.uuid4().hex}")["QueueUrl"])


def ask(sandbox: Any, request: AWSRequest) -> Answer:
    keys = Credentials(sandbox.row["access_key_id"], sandbox.row["secret_access_key"])
    SigV4Auth(keys, "sqs", "us-east-1").add_auth(request)
    asked = urllib.request.Request(request.url, data=request.data or None, headers=dict(request.headers))
    try:
        with urllib.request.urlopen(asked, timeout=30) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def post(sandbox: Any, **fields: str) -> Answer:
    body = urlencode({"Version": "2012-11-05", **fields}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return ask(sandbox, AWSRequest("POST", sandbox.server.endpoint + "/", data=body, headers=headers))


def get(sandbox: Any, url: str, accept: str = "*/*", **fields: str) -> Answer:
    asked = AWSRequest("GET", f"{url}?{urlencode(fields)}" if fields else url, headers={"Accept": accept})
    return ask(sandbox, asked)


def test_the_query_protocol_still_works(sandbox: Any, queue: str) -> None:
    """Older SDKs send forms and get XML, with some messages in other words, as recorded."""
    status, answer = post(sandbox, Action="SendMessage", QueueUrl=queue, MessageBody="hello")
    assert (status, hashlib.md5(b"hello").hexdigest() in answer) == (200, True), answer
    status, answer = post(sandbox, Action="ReceiveMessage", QueueUrl=queue)
    assert "<Body>hello</Body>" in answer
    status, answer = post(sandbox, Action="GetQueueUrl", QueueName="missing")
    assert status == 400
    assert "<Code>AWS.SimpleQueueService.NonExistentQueue</Code>" in answer
    assert "<Message>The specified queue does not exist for this wsdl version.</Message>" in answer


def test_attributes_by_either_name(sandbox: Any, queue: str) -> None:
    """MessageAttribute.1 as older SDKs write it, MessageAttributes.1 as templates of API Gateway do (recorded:
    test_sqs_aws_integration_with_message_attribute)."""
    for name in ("MessageAttribute", "MessageAttributes"):
        given = {f"{name}.1.Name": "a", f"{name}.1.Value.DataType": "String", f"{name}.1.Value.StringValue": "told"}
        status, answer = post(sandbox, Action="SendMessage", QueueUrl=queue, MessageBody="x", **given)
        assert (status, "<MD5OfMessageAttributes>" in answer) == (200, True), answer


def test_single_items_without_a_number(sandbox: Any, queue: str) -> None:
    """boto 2 writes lists and maps of one item so, and AWS reads them."""
    fields = {"Attribute.Name": "VisibilityTimeout", "Attribute.Value": "45"}
    assert post(sandbox, Action="SetQueueAttributes", QueueUrl=queue, **fields)[0] == 200
    status, answer = post(sandbox, Action="GetQueueAttributes", QueueUrl=queue, AttributeName="VisibilityTimeout")
    shown = "<Attribute><Name>VisibilityTimeout</Name><Value>45</Value></Attribute>"
    assert (status, shown in answer, answer.count("<Name>")) == (200, True, 1), answer


def test_a_form_that_asks_for_json(sandbox: Any, queue: str) -> None:
    """ContentType=JSON is how boto 2 asks SNS and others for JSON."""
    status, answer = post(sandbox, Action="GetQueueUrl", QueueName=queue.rpartition("/")[2], ContentType="JSON")
    assert (status, json.loads(answer)["GetQueueUrlResponse"]["GetQueueUrlResult"]) == (200, {"QueueUrl": queue})
    status, answer = post(sandbox, Action="GetQueueUrl", QueueName="missing", ContentType="JSON")
    assert (status, json.loads(answer)["Error"]["Code"]) == (400, "AWS.SimpleQueueService.NonExistentQueue")


def test_json_for_those_who_accept_it(sandbox: Any, queue: str) -> None:
    """Verified on AWS: attributes are a list of names and values there, and what is no operation is told in XML."""
    numbered = {"AttributeName.1": "QueueArn", "MessageAttributeName.1": "All"}
    _, answer = get(sandbox, queue, "application/json", Action="GetQueueAttributes", **numbered)
    (attribute,) = json.loads(answer)["GetQueueAttributesResponse"]["GetQueueAttributesResult"]["Attributes"]
    assert (attribute["Name"], attribute["Value"].endswith(queue.rpartition("/")[2])) == ("QueueArn", True)
    attributes = {"a": {"DataType": "String", "StringValue": "v"}}
    sandbox.client("sqs").send_message(QueueUrl=queue, MessageBody="x", MessageAttributes=attributes)
    _, answer = get(sandbox, queue, "application/json", Action="ReceiveMessage", **numbered)
    (message,) = json.loads(answer)["ReceiveMessageResponse"]["ReceiveMessageResult"]["messages"]
    ((name, value),) = [(entry["Name"], entry["Value"]["StringValue"]) for entry in message["MessageAttributes"]]
    assert (message["Body"], name, value) == ("x", "a", "v")
    status, answer = get(sandbox, queue, "application/json", Action="ListQueues")
    assert (status, json.loads(answer)["Error"]["Code"]) == (400, "InvalidAction")
    assert get(sandbox, queue, "application/json") == (404, "<UnknownOperationException/>")


def test_an_empty_result_is_one_element(sandbox: Any, queue: str) -> None:
    """Verified on AWS; there are clients that compare texts."""
    assert "<ReceiveMessageResult/>" in get(sandbox, queue, Action="ReceiveMessage")[1]


def test_a_queue_answers_at_its_own_url(sandbox: Any, queue: str) -> None:
    """What needs a queue takes it from the URL; a QueueUrl parameter goes before."""
    status, answer = get(sandbox, queue, Action="SendMessage", MessageBody="hello")
    assert status == 200, answer
    other = sandbox.client("sqs").create_queue(QueueName=f"q-{uuid.uuid4().hex}")["QueueUrl"]
    status, answer = get(sandbox, other, Action="ReceiveMessage", QueueUrl=queue)
    assert "<Body>hello</Body>" in answer
    status, answer = get(sandbox, other, Action="GetQueueUrl", QueueName=queue.rpartition("/")[2])
    assert f"<QueueUrl>{queue}</QueueUrl>" in answer


REFUSED = [
    ({"Action": "SendMessage"}, 400, "MissingParameter", "The request must contain the parameter MessageBody."),
    ({"Action": "FooBar"}, 400, "InvalidAction", "The action FooBar is not valid for this endpoint."),
    ({"Action": "ListQueues"}, 400, "InvalidAction", "The action ListQueues is not valid for this endpoint."),
    (
        {"Action": "CreateQueue", "QueueName": "x"},
        400,
        "InvalidAction",
        "The action CreateQueue is not valid for this endpoint.",
    ),
]


@pytest.mark.parametrize(("fields", "status", "code", "message"), REFUSED)
def test_what_a_queues_url_refuses(
    sandbox: Any, queue: str, fields: dict[str, str], status: int, code: str, message: str
) -> None:
    """Only operations on a queue are answered at a queue's URL."""
    found, answer = get(sandbox, queue, **fields)
    assert (found, f"<Code>{code}</Code>" in answer, f"<Message>{message}" in answer) == (status, True, True), answer


def test_a_bare_get_names_no_operation(sandbox: Any, queue: str) -> None:
    """A queue's URL in a browser is answered as AWS does."""
    status, answer = get(sandbox, queue)
    assert (status, "<UnknownOperationException" in answer) == (404, True), answer
