"""SQS's rows.

    QUEUES      (name)              -> Queue       a queue's settings
    DELETED     (name)              -> Deleted     for the minute in which the name can't be used again
    MESSAGES    (queue, sequence)   -> Message     what was sent; never rewritten, removed with its state
    FRESH       (queue, visible_at, sequence) -> Fresh       messages that were never received
    STATES      (queue, sequence)   -> State       those that were: who holds them, and until when
      DUE       (queue, visible_at)                in the order in which they become visible again
    TALLIES     (queue)             -> Tally       how many messages there are

FIFO queues keep states by group, so that a group is an entity and its order a range:

    FIFO_STATES (queue, group, sequence) -> FifoState
      FIFO_DUE  (queue, received, visible_at)      for counts
    HEADS       (queue, group)      -> Head        when the group's first message can be received
      READY     (queue, ready_at)
    SENT        (queue, within, deduplication_id)  -> Sent       five minutes of what was sent
      EXPIRING  (queue, expires_at)
    ATTEMPTS    (queue, attempt)    -> Attempt     five minutes of what a receive attempt got
    MOVES       (queue, sequence)   -> Move        message move tasks, by their source

Invariants: a message is in one queue, and either fresh or has a state; the tally counts the messages; what is fresh and
hidden is delayed, a hidden state is in flight. Sending writes three rows, since most of its cost is the rows.
Visibility is computed from the time, not by jobs: a message is visible when `visible_at` <= now. A group has a head if
and only if it has states, and the head's `ready_at` is the first state's `visible_at`.
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
    fifo: bool = False
    content_based_deduplication: bool = False
    deduplication_scope: str = "queue"
    throughput_limit: str = "perQueue"
    deduplicated_within: str = ""
    """The scope that the queue was made with, which AWS goes on using whatever `deduplication_scope` becomes."""


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
    fresh_at: float = 0.0
    """`visible_at` of its FRESH row, by which that is found."""
    attributes: bytes = b""
    attributes_md5: str = ""
    system_attributes: bytes = b""
    system_attributes_md5: str = ""
    dead_letter_source: str = ""
    group: str = ""
    deduplication_id: str = ""


class Fresh(msgspec.Struct, frozen=True, array_like=True):
    queue: str
    visible_at: float
    sequence: int
    sent_at: float


class State(msgspec.Struct, frozen=True, array_like=True):
    """`receipt` changes with each receive; a handle of an earlier one no longer holds the message. `received_at` is
    when the last one was, 0 where a file of an earlier version does not say."""

    queue: str
    sequence: int
    visible_at: float
    sent_at: float
    receive_count: int = 0
    first_received_at: float = 0.0
    receipt: str = ""
    received_at: float = 0.0


class FifoState(msgspec.Struct, frozen=True, array_like=True):
    queue: str
    group: str
    sequence: int
    visible_at: float
    received: int
    sent_at: float
    receive_count: int = 0
    first_received_at: float = 0.0
    receipt: str = ""
    received_at: float = 0.0


class Head(msgspec.Struct, frozen=True, array_like=True):
    queue: str
    group: str
    ready_at: float


class Sent(msgspec.Struct, frozen=True, array_like=True):
    """`within` is "" or the group, by the queue's deduplication scope."""

    queue: str
    within: str
    deduplication_id: str
    message_id: str
    sequence: int
    expires_at: float


class Attempt(msgspec.Struct, frozen=True, array_like=True):
    """`held` are (group, sequence, receipt) of the messages that the attempt got."""

    queue: str
    attempt: str
    held: list[tuple[str, int, str]]
    expires_at: float


class Move(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`destination` is "" where each message goes back to the queue that it came from; `rate` is messages a second, 0
    for as fast as can be."""

    queue: str
    sequence: int
    handle: str
    source_arn: str
    destination_arn: str
    rate: int
    to_move: int
    started_at: float
    moved: int = 0
    status: str = "RUNNING"
    failure: str = ""


class Tally(msgspec.Struct, frozen=True, array_like=True):
    queue: str
    messages: int


QUEUES = Table("sqs.queue", Queue, key=("name",))
DELETED = Table("sqs.deleted", Deleted, key=("name",))
MESSAGES = Table("sqs.message", Message, key=("queue", "sequence"), append_only=True)
FRESH = Table("sqs.fresh", Fresh, key=("queue", "visible_at", "sequence"))
STATES = Table("sqs.state", State, key=("queue", "sequence"))
DUE = STATES.index("due", ("queue", "visible_at"))
TALLIES = Table("sqs.tally", Tally, key=("queue",))
FIFO_STATES = Table("sqs.fifo_state", FifoState, key=("queue", "group", "sequence"), entity=2)
FIFO_DUE = FIFO_STATES.index("due", ("queue", "received", "visible_at"))
HEADS = Table("sqs.head", Head, key=("queue", "group"))
READY = HEADS.index("ready", ("queue", "ready_at"))
SENT = Table("sqs.sent", Sent, key=("queue", "within", "deduplication_id"))
EXPIRING = SENT.index("expiring", ("queue", "expires_at"))
ATTEMPTS = Table("sqs.attempt", Attempt, key=("queue", "attempt"))
MOVES = Table("sqs.move", Move, key=("queue", "sequence"))
