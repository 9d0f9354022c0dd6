"""SQS as boto3 sees it, over HTTP: what it promises and each error that it makes."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
import time
import uuid
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from tests.conftest import error_of


@pytest.fixture
def sqs(sandbox: Any) -> Any:
    return sandbox.client("sqs")


@pytest.fixture
def queue(sqs: Any) -> str:
    return str(sqs.create_queue(QueueName=f"q-{uuid.uuid4().hex}")["QueueUrl"])


def test_a_message_arrives_unchanged(sqs: Any, queue: str) -> None:
    """The main promise; boto3 itself verifies the MD5 of body and attributes."""
    attributes = {
        "text": {"DataType": "String", "StringValue": "é"},
        "number": {"DataType": "Number.int", "StringValue": "12"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    sent = sqs.send_message(QueueUrl=queue, MessageBody="héllo", MessageAttributes=attributes)
    assert sent["MD5OfMessageBody"] == hashlib.md5("héllo".encode()).hexdigest()
    (message,) = sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"])["Messages"]
    assert message["Body"] == "héllo"
    assert message["MessageId"] == sent["MessageId"]
    assert message["MessageAttributes"] == attributes
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]


@pytest.mark.parametrize(
    ("sent", "received"),
    [("0001.23000", "1.23"), ("1e3", "1000"), (".5", "0.5"), ("5.", "5"), ("-0.000", "0"), ("0" * 300 + "1", "1")],
    ids=["zeros", "exponent", "no-integer", "no-fraction", "zero", "many-zeros"],
)
def test_numbers_arrive_in_plain_form(sqs: Any, queue: str, sent: str, received: str) -> None:
    """Recorded: senders get the MD5 of what they sent, receivers the number in plain form and its MD5; boto3 verifies
    both."""
    number = {"n": {"DataType": "Number", "StringValue": sent}}
    sqs.send_message(QueueUrl=queue, MessageBody="x", MessageAttributes=number)
    (message,) = sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"])["Messages"]
    assert message["MessageAttributes"] == {"n": {"DataType": "Number", "StringValue": received}}


def test_a_received_message_is_hidden_until_its_time_is_up(sqs: Any, sandbox: Any, queue: str) -> None:
    """Visibility time-outs are what keeps two workers from doing the same work."""
    sqs.send_message(QueueUrl=queue, MessageBody="once")
    assert sqs.receive_message(QueueUrl=queue, VisibilityTimeout=60)["Messages"]
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
    sandbox.advance_clock(61)
    (again,) = sqs.receive_message(QueueUrl=queue, MessageSystemAttributeNames=["All"])["Messages"]
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"


def test_deleting_takes_the_latest_handle(sqs: Any, queue: str) -> None:
    """A handle of an earlier receive must not delete what another worker now holds; AWS reports success."""
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    (first,) = sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0)["Messages"]
    (second,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=first["ReceiptHandle"])
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=second["ReceiptHandle"], VisibilityTimeout=0)
    (third,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert third["ReceiptHandle"] != second["ReceiptHandle"]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=third["ReceiptHandle"])
    assert "Messages" not in sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0)


def test_an_earlier_handle_deletes_what_nobody_holds(sqs: Any, queue: str) -> None:
    """Who looks again with VisibilityTimeout=0 and then deletes with the first handle finds the message gone, as in
    the recorded test_exists_filter_policy."""
    sqs.send_message(QueueUrl=queue, MessageBody="once")
    first = sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0)["Messages"][0]
    assert sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0)["Messages"][0]["Body"] == "once"
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=first["ReceiptHandle"])
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)


def test_an_earlier_handle_still_changes_the_visibility(sqs: Any, queue: str) -> None:
    """AWS takes any handle of a message in flight for this, while deleting it takes the latest alone."""
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    earlier = sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0)["Messages"][0]["ReceiptHandle"]
    assert sqs.receive_message(QueueUrl=queue)["Messages"]
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=earlier, VisibilityTimeout=0)
    assert sqs.receive_message(QueueUrl=queue)["Messages"]


def test_a_message_goes_to_nobody_who_has_hung_up(sqs: Any, sandbox: Any, queue: str) -> None:
    """A long poll whose client has gone takes nothing: the message would be hidden until its time is up."""
    with socket.create_connection(("localhost", sandbox.server.port), timeout=30) as gone:
        # The answer to what came before it on the connection tells that the long poll is under way.
        gone.sendall(b"GET /_mrak/health HTTP/1.1\r\nhost: localhost\r\n\r\n" + long_poll(sandbox, queue))
        assert gone.recv(65536).startswith(b"HTTP/1.1 200")
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    assert sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"][0]["Body"] == "x"


def long_poll(sandbox: Any, queue: str) -> bytes:
    """A signed ReceiveMessage as it goes over the wire."""
    body = json.dumps({"QueueUrl": queue, "WaitTimeSeconds": 20}).encode()
    headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "AmazonSQS.ReceiveMessage"}
    request = AWSRequest("POST", sandbox.server.endpoint + "/", data=body, headers=headers)
    keys = Credentials(sandbox.row["access_key_id"], sandbox.row["secret_access_key"])
    SigV4Auth(keys, "sqs", "us-east-1").add_auth(request)
    lines = [f"{name}: {value}" for name, value in request.headers.items()]
    host = f"host: localhost:{sandbox.server.port}"
    head = "\r\n".join(["POST / HTTP/1.1", host, f"content-length: {len(body)}", *lines])
    return head.encode() + b"\r\n\r\n" + body


def test_a_long_poll_ends_when_a_message_comes(sqs: Any, sandbox: Any, queue: str) -> None:
    """Long polls are woken by the commit, not by a period."""
    sender = sandbox.client("sqs")
    timer = threading.Timer(0.2, lambda: sender.send_message(QueueUrl=queue, MessageBody="now"))
    timer.start()
    started = time.monotonic()
    assert sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"][0]["Body"] == "now"
    assert time.monotonic() - started < 15, "the wait was not ended by the message"
    timer.join()


def test_a_long_poll_sees_a_delayed_message(sqs: Any, queue: str) -> None:
    """Nothing notifies when a delay ends, so the wait itself has to end then."""
    sqs.send_message(QueueUrl=queue, MessageBody="later", DelaySeconds=1)
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
    assert sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"][0]["Body"] == "later"


def test_too_often_received_goes_to_the_dead_letter_queue(sqs: Any, queue: str) -> None:
    """Redrive is how poison messages leave a queue; the message keeps its id and names its source."""
    dead = sqs.create_queue(QueueName=f"dead-{uuid.uuid4().hex}")["QueueUrl"]
    dead_arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = f'{{"deadLetterTargetArn":"{dead_arn}","maxReceiveCount":"2"}}'
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": policy})
    sent = sqs.send_message(QueueUrl=queue, MessageBody="poison")
    for _ in range(2):
        assert sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0)["Messages"]
    assert "Messages" not in sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0)
    (buried,) = sqs.receive_message(QueueUrl=dead, MessageSystemAttributeNames=["All"])["Messages"]
    assert buried["MessageId"] == sent["MessageId"]
    assert buried["Attributes"]["ApproximateReceiveCount"] == "3", "the count goes on"
    assert buried["Attributes"]["DeadLetterQueueSourceArn"].endswith(queue.rpartition("/")[2])
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [queue]


def test_counts_follow_the_messages(sqs: Any, queue: str) -> None:
    """Autoscalers steer by these three numbers. SQS-001: they are exact and follow at once."""
    sqs.send_message_batch(QueueUrl=queue, Entries=[{"Id": str(i), "MessageBody": "m"} for i in range(4)])
    sqs.send_message(QueueUrl=queue, MessageBody="late", DelaySeconds=600)
    sqs.receive_message(QueueUrl=queue)
    shown = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    counts = [shown[f"ApproximateNumberOfMessages{kind}"] for kind in ("", "NotVisible", "Delayed")]
    assert counts == ["3", "1", "1"]


def test_old_messages_expire(sqs: Any, fresh_sandbox: Any) -> None:
    """Retention goes by the sandbox's clock. SQS-001: a receive removes what is too old."""
    sqs = fresh_sandbox.client("sqs")
    queue = sqs.create_queue(QueueName="short", Attributes={"MessageRetentionPeriod": "60"})["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="old")
    fresh_sandbox.advance_clock(61)
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)


def test_creating_again_asks_for_the_same_attributes(sqs: Any) -> None:
    """CreateQueue is idempotent, and says which attribute differs."""
    name = f"same-{uuid.uuid4().hex}"
    first = sqs.create_queue(QueueName=name, Attributes={"DelaySeconds": "1"})
    assert sqs.create_queue(QueueName=name, Attributes={"DelaySeconds": "1"})["QueueUrl"] == first["QueueUrl"]
    code, message, status = error_of(sqs.create_queue, QueueName=name, Attributes={"DelaySeconds": "2"})
    assert (code, status) == ("QueueAlreadyExists", 400)
    assert message.endswith("a different value for attribute DelaySeconds")


def test_a_name_rests_for_a_minute_after_its_queue_was_deleted(fresh_sandbox: Any) -> None:
    """Code that recreates at once fails on AWS, so it has to fail here."""
    sqs = fresh_sandbox.client("sqs")
    sqs.delete_queue(QueueUrl=sqs.create_queue(QueueName="gone")["QueueUrl"])
    code, _, _ = error_of(sqs.create_queue, QueueName="gone")
    assert code == "AWS.SimpleQueueService.QueueDeletedRecently"
    fresh_sandbox.advance_clock(60)
    sqs.create_queue(QueueName="gone")


def test_purge_removes_all_and_rests_for_a_minute(sqs: Any, queue: str) -> None:
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    sqs.purge_queue(QueueUrl=queue)
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
    code, message, status = error_of(sqs.purge_queue, QueueUrl=queue)
    assert (code, status) == ("AWS.SimpleQueueService.PurgeQueueInProgress", 403)
    assert "every 60 seconds" in message


def test_attribute_names_and_how_receivers_choose_among_them(sqs: Any, queue: str) -> None:
    """Latin letters beyond ASCII may stand in names, and `Hel.*` asks for all that begin with Hel."""
    names = ("Help.Me", "Hello", "General", "gr\u00f6\u00dfe")
    attributes = {name: {"DataType": "String", "StringValue": "x"} for name in names}
    sqs.send_message(QueueUrl=queue, MessageBody="x", MessageAttributes=attributes)

    def chosen(*wanted: str) -> set[str]:
        answer = sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0, MessageAttributeNames=list(wanted))
        return set(answer["Messages"][0].get("MessageAttributes", {}))

    assert chosen("Hel.*") == {"Help.Me", "Hello"}
    assert chosen("Nope", "Help") == set()
    assert chosen(".*") == chosen("*") == chosen("All") == set(names)


def test_batches_fail_entry_by_entry(sqs: Any, queue: str) -> None:
    """One bad entry must not keep the others from being sent."""
    answer = sqs.send_message_batch(
        QueueUrl=queue,
        Entries=[{"Id": "good", "MessageBody": "x"}, {"Id": "bad", "MessageBody": "y", "DelaySeconds": 901}],
    )
    assert [entry["Id"] for entry in answer["Successful"]] == ["good"]
    (failed,) = answer["Failed"]
    assert (failed["Id"], failed["SenderFault"], failed["Code"]) == ("bad", True, "InvalidParameterValue")


def test_visibility_can_be_changed_while_in_flight(sqs: Any, queue: str) -> None:
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    (again,) = sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0)["Messages"]
    code, text, _ = error_of(
        sqs.change_message_visibility,
        QueueUrl=queue,
        ReceiptHandle=again["ReceiptHandle"],
        VisibilityTimeout=10,
    )
    assert code == "InvalidParameterValue"
    assert "not available for visibility timeout change" in text


@pytest.mark.parametrize("text", ["abc", "NaN", "Infinity", "1_0", "٣", "1e", "0x1"])
def test_what_is_no_number(sqs: Any, queue: str, text: str) -> None:
    """Python's own idea of a number is wider than AWS's."""
    asked = {"a": {"DataType": "Number.int", "StringValue": text}}
    reason = "Can't cast the value of message (user) attribute 'a' to a number."
    refused = error_of(sqs.send_message, QueueUrl=queue, MessageBody="m", MessageAttributes=asked)
    assert refused == ("InvalidParameterValue", reason, 400)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1e126", "must be between 10^-128 and 10^126."),
        ("0e-129", "must be between 10^-128 and 10^126."),
        ("1e-100000", "must be between 10^-128 and 10^126."),
        ("1" + "0" * 100, "must contain fewer than 38 precision digits."),
        ("1." + "0" * 38, "must contain fewer than 38 precision digits."),
    ],
)
def test_numbers_have_limits(sqs: Any, queue: str, text: str, reason: str) -> None:
    """Recorded; a zero has an exponent too, and zeros at the end are digits."""
    asked = {"a": {"DataType": "Number", "StringValue": text}}
    refused = error_of(sqs.send_message, QueueUrl=queue, MessageBody="m", MessageAttributes=asked)
    assert refused == ("InvalidParameterValue", f"Message (user) attribute 'a' number value [{text}] {reason}", 400)


def test_an_empty_attribute_gives_the_default_back(sqs: Any, queue: str) -> None:
    """As recorded: but SSE-SQS stays off once a KMS key was set."""
    changed = {"DelaySeconds": "5", "KmsMasterKeyId": "key", "KmsDataKeyReusePeriodSeconds": "6000"}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes=changed)
    sqs.set_queue_attributes(QueueUrl=queue, Attributes=dict.fromkeys(changed, ""))
    shown = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert (shown["DelaySeconds"], shown["SqsManagedSseEnabled"]) == ("0", "false")
    assert "KmsMasterKeyId" not in shown and "KmsDataKeyReusePeriodSeconds" not in shown


def test_a_queue_needs_its_kms_key(sqs: Any, sandbox: Any) -> None:
    """AWS takes any key when the queue is made, and asks for it when messages come and go."""
    kms = sandbox.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/queues", TargetKeyId=key)

    def queue_with(named: str) -> str:
        return str(sqs.create_queue(QueueName=uuid.uuid4().hex, Attributes={"KmsMasterKeyId": named})["QueueUrl"])

    arn = f"arn:aws:kms:us-east-1:{sandbox.account}:alias/none"
    for named, message in (("none", "Invalid keyId 'none'"), ("alias/none", f"Alias {arn} is not found.")):
        refused = error_of(sqs.send_message, QueueUrl=queue_with(named), MessageBody="x")
        assert refused == ("KMS.NotFoundException", message, 400)
    queues = [queue_with(named) for named in ("alias/aws/sqs", "alias/queues", key)]
    for url in queues:
        sqs.send_message(QueueUrl=url, MessageBody="x")
    kms.disable_key(KeyId=key)
    assert sqs.receive_message(QueueUrl=queues[0])["Messages"]
    for call in (sqs.receive_message, lambda **params: sqs.send_message(MessageBody="y", **params)):
        assert error_of(call, QueueUrl=queues[1])[0] == "KMS.DisabledException"
    entries = [{"Id": "a", "MessageBody": "x"}]
    assert error_of(sqs.send_message_batch, QueueUrl=queues[2], Entries=entries)[0] == "KMS.DisabledException"
    kms.enable_key(KeyId=key)
    assert sqs.receive_message(QueueUrl=queues[1])["Messages"][0]["Body"] == "x"
    signing = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["KeyId"]
    unfit = error_of(sqs.send_message, QueueUrl=queue_with(signing), MessageBody="x")
    assert unfit[0] == "KMS.InvalidKeyUsageException"
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert error_of(sqs.receive_message, QueueUrl=queues[2])[0] == "KMS.InvalidStateException"


def test_both_names_of_system_attributes_count(sqs: Any, queue: str) -> None:
    """AttributeNames is the older name of MessageSystemAttributeNames; what either asks for is shown."""
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    (message,) = sqs.receive_message(
        QueueUrl=queue, AttributeNames=["SenderId"], MessageSystemAttributeNames=["SentTimestamp"]
    )["Messages"]
    assert set(message["Attributes"]) == {"SenderId", "SentTimestamp"}


def test_tags_and_paging(fresh_sandbox: Any) -> None:
    """ListQueues pages only when asked to, by prefix."""
    sqs = fresh_sandbox.client("sqs")
    urls = [sqs.create_queue(QueueName=f"a-{i}", tags={"n": str(i)})["QueueUrl"] for i in range(3)]
    sqs.create_queue(QueueName="b")
    first = sqs.list_queues(QueueNamePrefix="a-", MaxResults=2)
    rest = sqs.list_queues(QueueNamePrefix="a-", MaxResults=2, NextToken=first["NextToken"])
    assert first["QueueUrls"] + rest["QueueUrls"] == urls
    assert "NextToken" not in rest
    sqs.tag_queue(QueueUrl=urls[0], Tags={"team": "x"})
    sqs.untag_queue(QueueUrl=urls[0], TagKeys=["n"])
    assert sqs.list_queue_tags(QueueUrl=urls[0])["Tags"] == {"team": "x"}


@pytest.mark.parametrize("attributes", [{}, {"FifoQueue": "true", "ContentBasedDeduplication": "true"}])
def test_twelve_hours_from_the_receive_are_the_end(fresh_sandbox: Any, attributes: dict[str, str]) -> None:
    """What has passed since the receive counts, so nobody gets the whole twelve hours anew."""
    sqs = fresh_sandbox.client("sqs")
    queue = sqs.create_queue(QueueName="q.fifo" if attributes else "q", Attributes=attributes)["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="x", **({"MessageGroupId": "g"} if attributes else {}))
    handle = sqs.receive_message(QueueUrl=queue, VisibilityTimeout=7200)["Messages"][0]["ReceiptHandle"]
    fresh_sandbox.advance_clock(3600)
    change = {"QueueUrl": queue, "ReceiptHandle": handle}
    code, message, _ = error_of(sqs.change_message_visibility, **change, VisibilityTimeout=43_200)
    limit = "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]"
    assert (code, message) == (
        "InvalidParameterValue",
        f"Value 43200 for parameter VisibilityTimeout is invalid. Reason: {limit}",
    )
    sqs.change_message_visibility(**change, VisibilityTimeout=39_000)


def test_tags_that_are_refused_change_nothing(sqs: Any, queue: str) -> None:
    """A queue has 50 tags at most, with keys of 1 to 128 characters; a request without any is one too few."""
    sqs.tag_queue(QueueUrl=queue, Tags={"kept": "x"})
    keys = "Tag keys must be between 1 and 128 characters in length."
    name = queue.rpartition("/")[2]
    for tags, code, message in (
        ({}, "MissingParameter", "The request must contain the parameter Tags."),
        ({str(i): "" for i in range(50)}, "InvalidParameterValue", f"Too many tags added for queue {name}."),
        ({"k" * 129: ""}, "InvalidParameterValue", keys),
        ({"k": "v" * 257}, "InvalidParameterValue", "Tag values must be between 0 and 256 characters in length."),
    ):
        assert error_of(sqs.tag_queue, QueueUrl=queue, Tags=tags) == (code, message, 400)
    assert error_of(sqs.untag_queue, QueueUrl=queue, TagKeys=[]) == ("InvalidParameterValue", keys, 400)
    assert sqs.list_queue_tags(QueueUrl=queue)["Tags"] == {"kept": "x"}
    made = error_of(sqs.create_queue, QueueName=f"q-{uuid.uuid4().hex}", tags={"k" * 129: ""})
    assert made == ("InvalidParameterValue", keys, 400)


def test_a_url_without_a_path_is_no_queue(sqs: Any) -> None:
    """Verified on AWS by moto: any address is looked up, and none is found there."""
    gone = error_of(sqs.get_queue_attributes, QueueUrl="http://whatever-incorrect-queue-address")
    assert gone == ("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.", 400)


ERRORS = [
    ("send_message", {"MessageBody": "a" * 1_048_577}, "InvalidParameterValue", "Message must be shorter than 1048576"),
    ("send_message", {"MessageBody": "\x00"}, "InvalidMessageContents", "Invalid characters found"),
    ("send_message", {"MessageBody": "x", "DelaySeconds": 901}, "InvalidParameterValue", "Value 901 for parameter"),
    ("receive_message", {"MaxNumberOfMessages": 11}, "InvalidParameterValue", "Must be between 1 and 10, if provided."),
    ("receive_message", {"WaitTimeSeconds": 21}, "InvalidParameterValue", "Must be >= 0 and <= 20, if provided."),
    ("set_queue_attributes", {"Attributes": {}}, "MissingParameter", "must contain the parameter Attributes."),
    ("list_dead_letter_source_queues", {"MaxResults": 0}, "InvalidParameterValue", "Must be an integer from 1 to 1000"),
    ("delete_message", {"ReceiptHandle": "nonsense"}, "ReceiptHandleIsInvalid", "is not a valid receipt handle"),
    ("get_queue_attributes", {"AttributeNames": ["Nope"]}, "InvalidAttributeName", "Unknown Attribute Nope."),
    ("set_queue_attributes", {"Attributes": {"Nope": "1"}}, "InvalidAttributeName", "Unknown Attribute Nope."),
    ("set_queue_attributes", {"Attributes": {"DelaySeconds": "901"}}, "InvalidAttributeValue", "DelaySeconds"),
    ("set_queue_attributes", {"Attributes": {"RedrivePolicy": "{"}}, "InvalidAttributeValue", "JSON map"),
    ("send_message_batch", {"Entries": []}, "AWS.SimpleQueueService.EmptyBatchRequest", "at least one"),
    (
        "send_message_batch",
        {"Entries": [{"Id": str(i), "MessageBody": "x"} for i in range(11)]},
        "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
        "Maximum number of entries per request are 10. You have sent 11.",
    ),
    (
        "send_message_batch",
        {"Entries": [{"Id": "a", "MessageBody": "x"}, {"Id": "a", "MessageBody": "y"}]},
        "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
        "Id a repeated.",
    ),
    (
        "send_message_batch",
        {"Entries": [{"Id": "a:b", "MessageBody": "x"}]},
        "AWS.SimpleQueueService.InvalidBatchEntryId",
        "can only contain alphanumeric",
    ),
    (
        "send_message_batch",
        {"Entries": [{"Id": str(i), "MessageBody": "a" * 600_000} for i in range(2)]},
        "AWS.SimpleQueueService.BatchRequestTooLong",
        "You have sent 1200000 bytes.",
    ),
    (
        "send_message_batch",
        {
            "Entries": [
                {
                    "Id": "1",
                    "MessageBody": "a" * (1_048_576 - 8),
                    "MessageAttributes": {"k": {"DataType": "String", "StringValue": "x"}},
                },
                {"Id": "2", "MessageBody": "a"},
            ]
        },
        "AWS.SimpleQueueService.BatchRequestTooLong",
        "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes.",
    ),
    (
        "set_queue_attributes",
        {"Attributes": {"KmsMasterKeyId": "alias/key", "SqsManagedSseEnabled": "true"}},
        "InvalidAttributeName",
        "You can use one type of server-side encryption (SSE) at one time.",
    ),
    (
        "send_message",
        {"MessageBody": "x", "MessageAttributes": {"a": {"DataType": "String", "StringValue": "\x08"}}},
        "InvalidParameterValue",
        "Invalid characters found.",
    ),
    (
        "send_message",
        {"MessageBody": "x", "MessageAttributes": {"a": {"DataType": "String", "StringValue": ""}}},
        "InvalidParameterValue",
        "Message (user) attribute 'a' must contain a non-empty value of type 'String'.",
    ),
]


@pytest.mark.parametrize(("operation", "params", "code", "text"), ERRORS)
def test_errors(sqs: Any, queue: str, operation: str, params: dict[str, Any], code: str, text: str) -> None:
    """Each with AWS's code and words; what failed has changed nothing."""
    found, message, _ = error_of(getattr(sqs, operation), QueueUrl=queue, **params)
    assert (found, text in message) == (code, True), message
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)


def test_a_missing_queue(sqs: Any, sandbox: Any) -> None:
    missing = f"{sandbox.server.endpoint}/{sandbox.account}/missing"
    code, message, status = error_of(sqs.send_message, QueueUrl=missing, MessageBody="x")
    assert (code, message, status) == (
        "AWS.SimpleQueueService.NonExistentQueue",
        "The specified queue does not exist.",
        400,
    )


def test_sandboxes_never_see_each_other(server: Any) -> None:
    """The same queue name in two sandboxes is two queues."""
    one, two = server.sandbox(), server.sandbox()
    queues = [box.client("sqs").create_queue(QueueName="same")["QueueUrl"] for box in (one, two)]
    one.client("sqs").send_message(QueueUrl=queues[0], MessageBody="one's")
    assert "Messages" not in two.client("sqs").receive_message(QueueUrl=queues[1])
    assert one.client("sqs").receive_message(QueueUrl=queues[0])["Messages"]
    for box in (one, two):
        box.delete()


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"Actions": []}, "MissingParameter", "The request must contain the parameter Actions."),
        ({"Actions": ["SendMessage"] * 8}, "OverLimit", "8 Actions were found, maximum allowed is 7."),
        (
            {"Actions": ["TagQueue"]},
            "InvalidParameterValue",
            "Value SQS:TagQueue for parameter ActionName is invalid. Reason: Only the queue owner is allowed to invoke "
            "this action.",
        ),
        (
            {"Actions": ["Fly"]},
            "InvalidParameterValue",
            "Value SQS:Fly for parameter ActionName is invalid. Reason: Please refer to the appropriate WSDL for a "
            "list of valid actions. ",
        ),
        (
            {"AWSAccountIds": []},
            "InvalidParameterValue",
            "Value [] for parameter PrincipalId is invalid. Reason: Unable to verify.",
        ),
        (
            {"AWSAccountIds": ["nobody"]},
            "InvalidParameterValue",
            "Value [nobody] for parameter PrincipalId is invalid. Reason: Unable to verify.",
        ),
        (
            {"Label": "a b"},
            "InvalidParameterValue",
            "Value a b for parameter Label is invalid. Reason: Can only include alphanumeric characters, hyphens, or "
            "underscores. 1 to 80 in length.",
        ),
    ],
)
def test_permissions_that_are_refused(sqs: Any, queue: str, change: dict[str, Any], code: str, message: str) -> None:
    """What nobody could use does not get into the policy."""
    good = {"Label": "l", "AWSAccountIds": ["111122223333"], "Actions": ["SendMessage"]}
    assert error_of(sqs.add_permission, QueueUrl=queue, **good | change)[:2] == (code, message)
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["Policy"])


@pytest.mark.parametrize(
    "policy",
    [
        {"redrivePermission": "sometimes"},
        {"redrivePermission": "allowAll", "sourceQueueArns": ["arn:aws:sqs:us-east-1:111122223333:q"]},
        {"redrivePermission": "byQueue"},
        {"redrivePermission": "byQueue", "sourceQueueArns": ["arn:aws:sqs:us-east-1:111122223333:q"] * 11},
        {"redrivePermission": "byQueue", "sourceQueueArns": ["q"]},
    ],
)
def test_redrive_allow_policies_that_are_refused(sqs: Any, queue: str, policy: dict[str, Any]) -> None:
    """Queues are named, ten at most, where they and no others may use a dead-letter queue."""
    text = json.dumps(policy)
    code, message, _ = error_of(sqs.set_queue_attributes, QueueUrl=queue, Attributes={"RedriveAllowPolicy": text})
    assert code == "InvalidParameterValue"
    assert message.startswith(f"Value {text} for parameter RedriveAllowPolicy is invalid. Reason: Amazon SQS can't")


def test_policies_are_checked(sqs: Any, queue: str) -> None:
    """AWS says no more than that the policy is wrong; one statement may stand without its list."""
    statement = {"Sid": "s", "Effect": "Allow", "Principal": "*", "Action": "sqs:*"}
    for wrong in ({}, {"Version": "2012-10-17"}, {"Statement": 5}, {"Statement": [{**statement, "Effect": 5}]}):
        refused = error_of(sqs.set_queue_attributes, QueueUrl=queue, Attributes={"Policy": json.dumps(wrong)})
        assert refused == ("InvalidAttributeValue", "Invalid value for the parameter Policy.", 400)
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps({"Statement": statement})})
    sqs.add_permission(QueueUrl=queue, Label="t", AWSAccountIds=["111111111111"], Actions=["SendMessage"])
    shown = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["Policy"])["Attributes"]["Policy"]
    assert [each["Sid"] for each in json.loads(shown)["Statement"]] == ["s", "t"]
