"""Checks beyond the model, in the order in which AWS makes them."""

from __future__ import annotations

import re
from typing import Any

from mrak.services.sqs import errors
from mrak.services.sqs.tables import FifoState, Queue, State

MOST_BYTES = 1_048_576
MOST_IN_FLIGHT = 120_000
_MOST_ENTRIES = 10
_LONGEST_VISIBILITY_SECONDS = 43_200
_ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
# What XML 1.0 does not allow, which is what SQS's first protocol could carry.
_INVALID_CHARACTER = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def is_valid_text(text: str) -> bool:
    return not _INVALID_CHARACTER.search(text)


def check_body(body: str | None) -> None:
    if not body:
        raise errors.missing_parameter("MessageBody")
    if not is_valid_text(body):
        raise errors.invalid_characters()


def check_size(queue: Queue, size_bytes: int) -> None:
    if size_bytes > queue.maximum_message_bytes:
        reason = f"Message must be shorter than {queue.maximum_message_bytes} bytes."
        raise errors.invalid_parameter(f"One or more parameters are invalid. Reason: {reason}")


def check_delay(delay_seconds: int) -> None:
    if not 0 <= delay_seconds <= 900:
        raise errors.invalid_value(delay_seconds, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900.")


def check_page_size(size: int, most: int) -> None:
    if not 1 <= size <= most:
        raise errors.invalid_value(size, "MaxResults", f"Must be an integer from 1 to {most}, if provided.")


def check_receive(most: int, wait_seconds: int, visibility_seconds: int) -> None:
    if not 1 <= most <= 10:
        raise errors.invalid_value(most, "MaxNumberOfMessages", "Must be between 1 and 10, if provided.")
    if not 0 <= wait_seconds <= 20:
        raise errors.invalid_value(wait_seconds, "WaitTimeSeconds", "Must be >= 0 and <= 20, if provided.")
    check_visibility(visibility_seconds)


def check_visibility(seconds: int) -> None:
    if not 0 <= seconds <= _LONGEST_VISIBILITY_SECONDS:
        raise errors.invalid_value(
            seconds, "VisibilityTimeout", "VisibilityTimeout must be an integer between 0 and 43200"
        )


def check_total_visibility(state: State | FifoState, seconds: int, now: float) -> None:
    """A message is hidden for twelve hours at most, counted from its receive: what has passed of them is gone."""
    if state.received_at and now + seconds > state.received_at + _LONGEST_VISIBILITY_SECONDS:
        reason = f"Total VisibilityTimeout for the message is beyond the limit [{_LONGEST_VISIBILITY_SECONDS} seconds]"
        raise errors.invalid_value(seconds, "VisibilityTimeout", reason)


_NOT_FOR_THIS_QUEUE = "The request include parameter that is not valid for this queue type."
_ID_CHARACTERS = re.compile(r"[A-Za-z0-9!-/:-@\[-`{-~]{1,128}")


def check_ids(req: dict[str, Any], names: tuple[str, ...] = ("MessageGroupId", "MessageDeduplicationId")) -> None:
    """Group and deduplication ids, wherever they may be given."""
    for name in names:
        value = req.get(name)
        if value is not None and not _ID_CHARACTERS.fullmatch(value):
            reason = f"{name} can only include alphanumeric and punctuation characters. 1 to 128 in length."
            raise errors.invalid_value(value, name, reason)


def check_attempt(queue: Queue, req: dict[str, Any]) -> None:
    """The id of a receive's attempt, which FIFO queues alone take."""
    attempt = req.get("ReceiveRequestAttemptId")
    if attempt is None:
        return
    if not queue.fifo:
        raise errors.invalid_value(attempt, "ReceiveRequestAttemptId", _NOT_FOR_THIS_QUEUE)
    check_ids(req, ("ReceiveRequestAttemptId",))


def check_fifo(queue: Queue, req: dict[str, Any]) -> None:
    """What a FIFO queue asks of a message."""
    check_body(req.get("MessageBody"))
    check_group(req)
    check_ids(req)
    if req.get("DelaySeconds"):
        raise errors.invalid_value(req["DelaySeconds"], "DelaySeconds", _NOT_FOR_THIS_QUEUE)
    check_deduplication(queue, req)


def check_group(req: dict[str, Any]) -> None:
    if req.get("MessageGroupId") is None:
        raise errors.missing_parameter("MessageGroupId")


def check_deduplication(queue: Queue, req: dict[str, Any]) -> None:
    if req.get("MessageDeduplicationId") is None and not queue.content_based_deduplication:
        raise errors.invalid_parameter(
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided "
            "explicitly"
        )


def check_standard(req: dict[str, Any]) -> None:
    """What a standard queue does not take. A group id is welcome there: it makes a fair queue."""
    check_ids(req)
    if req.get("MessageDeduplicationId") is not None:
        raise errors.invalid_value(req["MessageDeduplicationId"], "MessageDeduplicationId", _NOT_FOR_THIS_QUEUE)


def check_fifo_entries(queue: Queue, entries: list[dict[str, Any]]) -> None:
    """What one entry of a batch lacks fails the whole batch in a FIFO queue, as AWS was seen to do."""
    for entry in entries:
        check_deduplication(queue, entry)
        check_group(entry)


def check_entries(entries: list[dict[str, Any]], entry_name: str) -> None:
    """A batch as a whole; what is wrong with one entry fails only that entry."""
    if not entries:
        raise errors.empty_batch(entry_name)
    if len(entries) > _MOST_ENTRIES:
        raise errors.too_many_entries(len(entries))
    seen: set[str] = set()
    for entry in entries:
        entry_id = entry["Id"]
        if not _ENTRY_ID.fullmatch(entry_id):
            raise errors.invalid_entry_id()
        if entry_id in seen:
            raise errors.entry_ids_not_distinct(entry_id)
        seen.add(entry_id)
