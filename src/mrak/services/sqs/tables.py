"""SQS's rows.

    QUEUES      (name)              -> Queue       a queue's settings
    DELETED     (name)              -> Deleted     for the minute in which the name can't be used again
    MESSAGES    (queue, sequence)   -> Message     what was sent; never rewritten, removed with its state
    STATES      (queue, sequence)   -> State       when it can be received next
      DUE       (queue, received, visible_at)      states in the order in which they become visible
    TALLIES     (queue)             -> Tally       how many messages there are

Invariants: a message has exactly one state, and is in one queue; the tally counts the states; a state with
`received` 0 was never received, so hidden states are delayed (0) or in flight (1). Visibility is computed from the
time, not by jobs: a message is visible when `visible_at` <= now.
"""

from __future__ import annotations

import msgspec

from mrak.store.tables import Table


class Queue(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    name: str
    created_at: float
    modified_at: float
    visibility_timeout_seconds: int = 30
    delay_seconds: int = 0
    retention_seconds: int = 345_600
    maximum_message_bytes: int = 1_048_576
    wait_time_seconds: int = 0
    dead_letter_arn: str = ""
    max_receive_count: int = 0
    settings: dict[str, str] = {}
    """Attributes that are stored as they came: Policy, RedriveAllowPolicy, KmsMasterKeyId, ..."""
    tags: dict[str, str] = {}
    purged_at: float = 0.0


class Deleted(msgspec.Struct, frozen=True, array_like=True):
    name: str
    deleted_at: float


class Message(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`attributes` and `system_attributes` are msgpack maps of name -> [type, value]; b"" for none."""

    queue: str
    sequence: int
    message_id: str
    body: str
    body_md5: str
    sender: str
    sent_at: float
    attributes: bytes = b""
    attributes_md5: str = ""
    system_attributes: bytes = b""
    system_attributes_md5: str = ""
    dead_letter_source: str = ""
    group: str = ""


class State(msgspec.Struct, frozen=True, array_like=True):
    """`receipt` changes with each receive; a handle of an earlier one no longer holds the message."""

    queue: str
    sequence: int
    visible_at: float
    received: int
    sent_at: float
    receive_count: int = 0
    first_received_at: float = 0.0
    receipt: str = ""


class Tally(msgspec.Struct, frozen=True, array_like=True):
    queue: str
    messages: int


QUEUES = Table("sqs.queue", Queue, key=("name",))
DELETED = Table("sqs.deleted", Deleted, key=("name",))
MESSAGES = Table("sqs.message", Message, key=("queue", "sequence"), append_only=True)
STATES = Table("sqs.state", State, key=("queue", "sequence"))
DUE = STATES.index("due", ("queue", "received", "visible_at"))
TALLIES = Table("sqs.tally", Tally, key=("queue",))
