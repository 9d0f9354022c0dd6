"""FIFO queues, move tasks and permissions as boto3 sees them."""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any

import pytest
from tests.conftest import error_of, until

TYPE_REASON = "The request include parameter that is not valid for this queue type."


@pytest.fixture
def sqs(sandbox: Any) -> Any:
    return sandbox.client("sqs")


@pytest.fixture
def queue(sqs: Any) -> str:
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    return str(sqs.create_queue(QueueName=f"{uuid.uuid4().hex}.fifo", Attributes=attributes)["QueueUrl"])


def send(sqs: Any, queue: str, group: str, *bodies: str) -> None:
    for body in bodies:
        sqs.send_message(QueueUrl=queue, MessageBody=body, MessageGroupId=group)


def bodies(sqs: Any, queue: str, **options: Any) -> list[str]:
    options.setdefault("MaxNumberOfMessages", 10)
    return [message["Body"] for message in receive(sqs, queue, **options)]


def receive(sqs: Any, queue: str, **options: Any) -> list[dict[str, Any]]:
    options.setdefault("MaxNumberOfMessages", 10)
    found: list[dict[str, Any]] = sqs.receive_message(QueueUrl=queue, **options).get("Messages", [])
    return found


def test_a_group_keeps_its_order_and_one_batch_in_flight(sqs: Any, queue: str) -> None:
    """While a group's first message is in flight nothing of that group is given out; other groups go on."""
    send(sqs, queue, "a", "a1", "a2", "a3")
    send(sqs, queue, "b", "b1")
    (first,) = receive(sqs, queue, MaxNumberOfMessages=1)
    assert first["Body"] == "a1"
    assert bodies(sqs, queue) == ["b1"]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=first["ReceiptHandle"])
    assert bodies(sqs, queue) == ["a2", "a3"]


def test_redelivery_keeps_the_order(sqs: Any, sandbox: Any, queue: str) -> None:
    """What was not deleted comes again before what follows it."""
    send(sqs, queue, "a", "1", "2", "3")
    assert bodies(sqs, queue, MaxNumberOfMessages=2, VisibilityTimeout=20) == ["1", "2"]
    assert bodies(sqs, queue) == []
    sandbox.advance_clock(21)
    assert bodies(sqs, queue) == ["1", "2", "3"]


@pytest.mark.parametrize("extended", [0, 1, 2])
def test_messages_before_the_first_hidden_one_come_again(sqs: Any, sandbox: Any, queue: str, extended: int) -> None:
    """A recorded quirk: messages after the one whose time-out was extended wait for it, those before do not."""
    send(sqs, queue, "a", "foo", "bar", "baz")
    received = receive(sqs, queue, VisibilityTimeout=5)
    handle = received[extended]["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=100)
    sandbox.advance_clock(6)
    assert bodies(sqs, queue) == ["foo", "bar", "baz"][:extended]


def test_duplicates_are_answered_and_not_stored(sqs: Any, sandbox: Any, queue: str) -> None:
    """For five minutes, even after the first was received and deleted; the answer is the first one's."""
    first = sqs.send_message(QueueUrl=queue, MessageBody="x", MessageGroupId="a")
    again = sqs.send_message(QueueUrl=queue, MessageBody="x", MessageGroupId="b")
    assert (again["MessageId"], again["SequenceNumber"]) == (first["MessageId"], first["SequenceNumber"])
    (message,) = receive(sqs, queue)
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    send(sqs, queue, "a", "x")
    assert bodies(sqs, queue) == []
    sandbox.advance_clock(301)
    send(sqs, queue, "a", "x")
    assert bodies(sqs, queue) == ["x"]


@pytest.mark.parametrize(("made", "changed", "passes"), [("queue", "messageGroup", 1), ("messageGroup", "queue", 2)])
def test_a_queue_keeps_the_scope_that_it_was_made_with(sqs: Any, made: str, changed: str, passes: int) -> None:
    """AWS shows the changed DeduplicationScope and goes on by the first, as recorded."""
    attributes = {"FifoQueue": "true", "DeduplicationScope": made}
    queue = sqs.create_queue(QueueName=f"{uuid.uuid4().hex}.fifo", Attributes=attributes)["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"DeduplicationScope": changed})
    shown = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["DeduplicationScope"])["Attributes"]
    assert shown == {"DeduplicationScope": changed}
    for group in ("a", "b"):
        sqs.send_message(QueueUrl=queue, MessageBody="x", MessageGroupId=group, MessageDeduplicationId="1")
    assert len(receive(sqs, queue)) == passes


def test_a_purged_queue_takes_the_same_message_again(sqs: Any, queue: str) -> None:
    """A purge forgets what was sent before, too."""
    send(sqs, queue, "a", "same")
    sqs.purge_queue(QueueUrl=queue)
    send(sqs, queue, "a", "same")
    assert bodies(sqs, queue) == ["same"]


def test_an_entry_that_lacks_an_id_fails_its_whole_batch(sqs: Any) -> None:
    """In a FIFO queue, as recorded; nothing of the batch is stored."""
    queue = sqs.create_queue(QueueName=f"{uuid.uuid4().hex}.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    good = {"Id": "a", "MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "1"}
    for missing, code in (
        ("MessageDeduplicationId", "InvalidParameterValue"),
        ("MessageGroupId", "MissingParameter"),
    ):
        bad = {name: value for name, value in good.items() if name != missing} | {"Id": "b"}
        assert error_of(sqs.send_message_batch, QueueUrl=queue, Entries=[good, bad])[0] == code
    assert bodies(sqs, queue) == []


def test_ids_of_receive_attempts(sqs: Any, queue: str) -> None:
    """FIFO queues alone take them, and as deduplication ids are written."""
    name = "ReceiveRequestAttemptId"
    standard = sqs.create_queue(QueueName=uuid.uuid4().hex)["QueueUrl"]
    wrong_type = "The request include parameter that is not valid for this queue type."
    characters = f"{name} can only include alphanumeric and punctuation characters. 1 to 128 in length."
    for url, attempt, reason in (
        (standard, "a", wrong_type),
        (queue, "\u00a7", characters),
        (queue, "a" * 129, characters),
    ):
        code, message, _ = error_of(sqs.receive_message, QueueUrl=url, **{name: attempt})
        assert (code, message) == (
            "InvalidParameterValue",
            f"Value {attempt} for parameter {name} is invalid. Reason: {reason}",
        )


def test_a_fifo_queue_stays_one(sqs: Any, queue: str) -> None:
    """The type is settled when the queue is made."""
    code, message, _ = error_of(sqs.set_queue_attributes, QueueUrl=queue, Attributes={"FifoQueue": "false"})
    reason = "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported."
    assert (code, message) == ("InvalidAttributeValue", reason)


def test_switches_are_taken_in_any_case(sqs: Any) -> None:
    """Python programs send "True"; AWS makes the queue and shows "true"."""
    name = f"{uuid.uuid4().hex}.fifo"
    wanted = {"FifoQueue": "True", "ContentBasedDeduplication": "TRUE"}
    url = sqs.create_queue(QueueName=name, Attributes=wanted)["QueueUrl"]
    assert sqs.create_queue(QueueName=name, Attributes=wanted)["QueueUrl"] == url
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"ContentBasedDeduplication": "False"})
    shown = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (shown["FifoQueue"], shown["ContentBasedDeduplication"]) == ("true", "false")
    code, message, _ = error_of(sqs.set_queue_attributes, QueueUrl=url, Attributes={"FifoQueue": "yes"})
    assert (code, message) == ("InvalidAttributeValue", "Invalid value for the parameter FifoQueue.")


def test_sequence_numbers_grow(sqs: Any, queue: str) -> None:
    """Twenty digits, as AWS's, and shown to the receiver."""
    sent = [sqs.send_message(QueueUrl=queue, MessageBody=str(i), MessageGroupId="a") for i in range(3)]
    numbers = [answer["SequenceNumber"] for answer in sent]
    assert numbers == sorted(numbers) and all(len(number) == 20 for number in numbers)
    received = receive(sqs, queue, MessageSystemAttributeNames=["All"])
    assert [message["Attributes"]["SequenceNumber"] for message in received] == numbers
    assert received[0]["Attributes"]["MessageGroupId"] == "a"


def test_a_repeated_receive_attempt_gets_the_same_messages(sqs: Any, queue: str) -> None:
    """A receiver whose answer was lost asks again with its attempt id, and does not wait for the time-out."""
    send(sqs, queue, "a", "1", "2")
    first = receive(sqs, queue, ReceiveRequestAttemptId="one")
    again = receive(sqs, queue, ReceiveRequestAttemptId="one")
    assert [m["ReceiptHandle"] for m in first] == [m["ReceiptHandle"] for m in again]
    assert receive(sqs, queue, ReceiveRequestAttemptId="two") == []


def test_an_expired_handle_deletes_nothing(sqs: Any, sandbox: Any, queue: str) -> None:
    send(sqs, queue, "a", "x")
    (message,) = receive(sqs, queue, VisibilityTimeout=1)
    sandbox.advance_clock(2)
    code, text, _ = error_of(sqs.delete_message, QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    assert code == "InvalidParameterValue" and text.endswith("The receipt handle has expired.")
    assert bodies(sqs, queue) == ["x"]


def test_fifo_dead_letters_let_the_group_go_on(sqs: Any, queue: str) -> None:
    """A poison message blocks its group only until it is moved; it keeps its group in the dead-letter queue."""
    dead = sqs.create_queue(QueueName=f"{uuid.uuid4().hex}.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": policy})
    send(sqs, queue, "a", "poison", "good")
    assert bodies(sqs, queue, MaxNumberOfMessages=1, VisibilityTimeout=0) == ["poison"]
    assert bodies(sqs, queue) == ["good"]
    (buried,) = receive(sqs, dead, MessageSystemAttributeNames=["All"])
    assert (buried["Body"], buried["Attributes"]["MessageGroupId"]) == ("poison", "a")


def test_a_delayed_fifo_queue(sqs: Any, sandbox: Any) -> None:
    """DelaySeconds is the queue's alone; a message's zero means the queue's."""
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true", "DelaySeconds": "10"}
    queue = sqs.create_queue(QueueName=f"{uuid.uuid4().hex}.fifo", Attributes=attributes)["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="x", MessageGroupId="a", DelaySeconds=0)
    assert bodies(sqs, queue) == []
    sandbox.advance_clock(10)
    assert bodies(sqs, queue) == ["x"]


FIFO_ERRORS = [
    ({"MessageBody": "x"}, "MissingParameter", "The request must contain the parameter MessageGroupId."),
    (
        {"MessageBody": "x", "MessageGroupId": "a", "DelaySeconds": 2},
        "InvalidParameterValue",
        f"Value 2 for parameter DelaySeconds is invalid. Reason: {TYPE_REASON}",
    ),
    (
        {"MessageBody": "x", "MessageGroupId": "a", "MessageDeduplicationId": ""},
        "InvalidParameterValue",
        "Value  for parameter MessageDeduplicationId is invalid. Reason: MessageDeduplicationId can only include "
        "alphanumeric and punctuation characters. 1 to 128 in length.",
    ),
]


@pytest.mark.parametrize(("params", "code", "message"), FIFO_ERRORS)
def test_what_a_fifo_queue_refuses(sqs: Any, queue: str, params: dict[str, Any], code: str, message: str) -> None:
    assert error_of(sqs.send_message, QueueUrl=queue, **params)[:2] == (code, message)
    assert bodies(sqs, queue) == []


def test_deduplication_has_to_come_from_somewhere(sqs: Any) -> None:
    queue = sqs.create_queue(QueueName=f"{uuid.uuid4().hex}.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    code, message, _ = error_of(sqs.send_message, QueueUrl=queue, MessageBody="x", MessageGroupId="a")
    assert code == "InvalidParameterValue"
    assert message.startswith("The queue should either have ContentBasedDeduplication enabled")


def test_a_standard_queue_takes_groups_but_no_deduplication(sqs: Any) -> None:
    """A group id on a standard queue makes it a fair queue, and is shown to the receiver."""
    queue = sqs.create_queue(QueueName=uuid.uuid4().hex)["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="x", MessageGroupId="tenant")
    (message,) = receive(sqs, queue, MessageSystemAttributeNames=["All"])
    assert message["Attributes"]["MessageGroupId"] == "tenant"
    code, text, _ = error_of(sqs.send_message, QueueUrl=queue, MessageBody="x", MessageDeduplicationId="d")
    assert (code, TYPE_REASON in text) == ("InvalidParameterValue", True)
    code, _, _ = error_of(sqs.set_queue_attributes, QueueUrl=queue, Attributes={"FifoQueue": "true"})
    assert code == "InvalidAttributeName"


def dead_letter_pair(sqs: Any, is_fifo: bool = False) -> tuple[str, str, str]:
    """(source URL, dead-letter URL, dead-letter ARN)."""
    suffix, kind = (".fifo", {"FifoQueue": "true"}) if is_fifo else ("", {})
    dead = sqs.create_queue(QueueName=f"dead-{uuid.uuid4().hex}{suffix}", Attributes=kind)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    attributes = {"RedrivePolicy": policy, **kind}
    source = sqs.create_queue(QueueName=f"source-{uuid.uuid4().hex}{suffix}", Attributes=attributes)
    return source["QueueUrl"], dead, arn


def wait_for_move(sqs: Any, arn: str) -> dict[str, Any]:
    """The task once it no longer runs."""

    def look() -> dict[str, Any] | None:
        (task,) = sqs.list_message_move_tasks(SourceArn=arn)["Results"]
        return None if task["Status"] == "RUNNING" else dict(task)

    return until(look)


def test_a_move_task_brings_messages_back_to_their_source(sqs: Any) -> None:
    """Redrive after the bug is mended: every message goes back to where it came from."""
    source, dead, arn = dead_letter_pair(sqs)
    for body in ("1", "2"):
        sqs.send_message(QueueUrl=source, MessageBody=body)
    assert len(bodies(sqs, source, VisibilityTimeout=0)) == 2
    assert bodies(sqs, source, VisibilityTimeout=0) == []
    assert sqs.start_message_move_task(SourceArn=arn)["TaskHandle"]
    task = wait_for_move(sqs, arn)
    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 2)
    assert sorted(bodies(sqs, source)) == ["1", "2"]
    assert bodies(sqs, dead) == []


def fifo_send(sqs: Any, queue: str, deduplication_id: str, group: str = "a") -> tuple[str, str]:
    """The message's id and number."""
    sent = sqs.send_message(
        QueueUrl=queue, MessageBody=deduplication_id, MessageGroupId=group, MessageDeduplicationId=deduplication_id
    )
    return sent["MessageId"], sent["SequenceNumber"]


def test_a_dead_letter_of_a_fifo_queue_is_deduplicated_by_its_id(sqs: Any) -> None:
    """Recorded: it keeps its id and counts, and whoever sends it there once more by that id is answered as it was."""
    source, dead, arn = dead_letter_pair(sqs, is_fifo=True)
    message_id, number = fifo_send(sqs, source, "poison")
    assert bodies(sqs, source, VisibilityTimeout=0) == ["poison"]
    assert bodies(sqs, source) == []
    (letter,) = receive(sqs, dead, MessageSystemAttributeNames=["All"], VisibilityTimeout=0)
    shown = letter["Attributes"]
    assert (letter["MessageId"], shown["MessageDeduplicationId"]) == (message_id, message_id)
    assert (shown["ApproximateReceiveCount"], shown["SequenceNumber"] > number) == ("2", True)
    assert fifo_send(sqs, dead, message_id) == (message_id, shown["SequenceNumber"])
    assert sqs.start_message_move_task(SourceArn=arn)["TaskHandle"]
    assert wait_for_move(sqs, arn)["Status"] == "COMPLETED"
    (returned,) = receive(sqs, source, MessageSystemAttributeNames=["All"])
    assert returned["MessageId"] != message_id
    assert returned["Attributes"]["MessageDeduplicationId"] == message_id
    assert returned["Attributes"]["ApproximateReceiveCount"] == "1"
    assert "DeadLetterQueueSourceArn" not in returned["Attributes"]


def test_a_move_task_waits_for_what_is_in_flight(sqs: Any, sandbox: Any) -> None:
    """Recorded: a group whose first message is held stays until that is given back. What arrives is a new message,
    whose duplicates are told by its old id; one that is itself a duplicate is dropped."""
    _, dead, arn = dead_letter_pair(sqs, is_fifo=True)
    goal = sqs.create_queue(QueueName=f"{uuid.uuid4().hex}.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    goal_arn = arn.rpartition(":")[0] + ":" + goal.rpartition("/")[2]
    first = fifo_send(sqs, dead, "a0")[0]
    (held,) = receive(sqs, dead)
    second, other, twin = (fifo_send(sqs, dead, *sent)[0] for sent in (("a1",), ("b0", "b"), ("c0", "c")))
    assert fifo_send(sqs, goal, twin, "b")[0] != twin
    sqs.start_message_move_task(SourceArn=arn, DestinationArn=goal_arn)
    waiting = {"QueueUrl": goal, "AttributeNames": ["ApproximateNumberOfMessages"]}
    until(lambda: sqs.get_queue_attributes(**waiting)["Attributes"]["ApproximateNumberOfMessages"] == "2")
    moved = receive(sqs, goal, MessageSystemAttributeNames=["All"])
    assert [message["Body"] for message in moved] == [twin, "b0"]
    assert sqs.list_message_move_tasks(SourceArn=arn)["Results"][0]["Status"] == "RUNNING"
    sqs.change_message_visibility(QueueUrl=dead, ReceiptHandle=held["ReceiptHandle"], VisibilityTimeout=0)
    sandbox.advance_clock(1)
    assert wait_for_move(sqs, arn)["Status"] == "COMPLETED"
    arrived = receive(sqs, goal, MessageSystemAttributeNames=["All"])
    assert [message["Body"] for message in arrived] == ["a0", "a1"]
    by = {message["Attributes"]["MessageDeduplicationId"]: message for message in [moved[1], *arrived]}
    assert list(by) == [other, first, second]
    for old, message in by.items():
        assert message["MessageId"] != old
        assert fifo_send(sqs, goal, old) == (message["MessageId"], message["Attributes"]["SequenceNumber"])
    assert bodies(sqs, dead) == []


def test_move_tasks_that_cannot_be(sqs: Any) -> None:
    _, dead, arn = dead_letter_pair(sqs)
    missing = arn.replace("dead-", "missing-")
    code, message, status = error_of(sqs.start_message_move_task, SourceArn=arn, DestinationArn=missing)
    assert (code, status) == ("ResourceNotFoundException", 404)
    assert message == "The resource that you specified for the DestinationArn parameter doesn't exist."
    plain = sqs.create_queue(QueueName=uuid.uuid4().hex)["QueueUrl"]
    plain_arn = sqs.get_queue_attributes(QueueUrl=plain, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    code, message, _ = error_of(sqs.start_message_move_task, SourceArn=plain_arn)
    assert message == "Source queue must be configured as a Dead Letter Queue."
    for body in range(3):
        sqs.send_message(QueueUrl=dead, MessageBody=str(body))
    handle = sqs.start_message_move_task(SourceArn=arn, DestinationArn=plain_arn, MaxNumberOfMessagesPerSecond=1)
    code, message, _ = error_of(sqs.start_message_move_task, SourceArn=arn)
    assert message.startswith("There is already a task running.")
    sqs.cancel_message_move_task(TaskHandle=handle["TaskHandle"])
    assert wait_for_move(sqs, arn)["Status"] == "CANCELLED"
    code, message, _ = error_of(sqs.cancel_message_move_task, TaskHandle="nonsense")
    assert message == "Value for parameter TaskHandle is invalid."
    unknown = {"taskId": str(uuid.uuid4()), "sourceArn": plain_arn}
    assert error_of(sqs.cancel_message_move_task, TaskHandle=handle_of(unknown))[1] == "Task does not exist."
    unknown["sourceArn"] = missing
    code, message, _ = error_of(sqs.cancel_message_move_task, TaskHandle=handle_of(unknown))
    assert message == "The resource that you specified for the SourceArn parameter doesn't exist."


def handle_of(task: dict[str, str]) -> str:
    """A handle as AWS makes them."""
    return base64.b64encode(json.dumps(task).encode()).decode()


def test_permissions_are_statements_of_the_policy(sqs: Any, sandbox: Any) -> None:
    queue = sqs.create_queue(QueueName=uuid.uuid4().hex)["QueueUrl"]
    give = {"QueueUrl": queue, "AWSAccountIds": [sandbox.account], "Actions": ["ReceiveMessage"]}
    sqs.add_permission(Label="one", **give)
    code, message, _ = error_of(sqs.add_permission, Label="one", **give)
    assert message == "Value one for parameter Label is invalid. Reason: Already exists."
    policy = json.loads(sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["Policy"])["Attributes"]["Policy"])
    (statement,) = policy["Statement"]
    assert (statement["Sid"], statement["Action"]) == ("one", "SQS:ReceiveMessage")
    code, message, _ = error_of(sqs.remove_permission, QueueUrl=queue, Label="two")
    assert message == "Value two for parameter Label is invalid. Reason: can't find label."
    sqs.remove_permission(QueueUrl=queue, Label="one")
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["Policy"])


def test_a_dead_letter_queue_has_to_fit(sqs: Any, queue: str) -> None:
    """Missing, of another type, or not allowing this source: each is refused when the policy is set."""
    source, dead, arn = dead_letter_pair(sqs)
    missing = json.dumps({"deadLetterTargetArn": arn + "x", "maxReceiveCount": 1})
    code, message, _ = error_of(sqs.set_queue_attributes, QueueUrl=source, Attributes={"RedrivePolicy": missing})
    assert (code, message.endswith("Dead letter target does not exist.")) == ("InvalidParameterValue", True)
    other_type = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    code, message, _ = error_of(sqs.set_queue_attributes, QueueUrl=queue, Attributes={"RedrivePolicy": other_type})
    assert message.endswith("Dead-letter queue must be same type of queue as the source.")
    sqs.set_queue_attributes(QueueUrl=dead, Attributes={"RedriveAllowPolicy": '{"redrivePermission":"denyAll"}'})
    code, message, _ = error_of(sqs.set_queue_attributes, QueueUrl=source, Attributes={"RedrivePolicy": other_type})
    assert "redrive allow policy" in message
