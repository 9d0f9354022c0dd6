"""Kinesis's rows.

    STREAMS     (name)                      -> Stream     a stream's settings
    SHARDS      (stream, index)             -> Shard      also closed ones, as long as they may hold records
      OPEN      (stream, open_until)                      open shards by the end of their hash keys
    RECORDS     (stream, shard, sequence)   -> Record     what was put; never rewritten, trimmed from the oldest on
    CONSUMERS   (stream, name)              -> Consumer   registered for enhanced fan-out
    ACCOUNTS    (name)                      -> Account    what an account has chosen for a region
    QUEUES      (id)                        -> Queue      queues on streams
      BY_NAME   (name)
      BY_STREAM (stream)
    CURSORS     (queue, shard)              -> Cursor     up to where a queue has given a shard's records out
    GIVEN       (queue, shard, sequence)    -> Given      what a queue has given and nobody has acknowledged
      DUE       (queue, is_dead, visible_at)              in the order in which it can be given again

`stream` is a stream's number, not its name: a stream that is made anew has nothing of the one before.

Invariants: the open shards of a stream cover all hash keys and do not overlap; a record lies in the shard that was open
for its hash key when it was put; a shard's records arrive in the order of their sequences.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.store.tables import Table


class Stream(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    name: str
    number: int
    created_at: float
    mode: str = "PROVISIONED"
    retention_hours: int = 24
    max_record_kib: int = 1024
    distribution: str = "USER_PARTITION_KEY"
    key_id: str = ""
    """The KMS key as it was named; "" while the stream is not encrypted."""
    metrics: tuple[str, ...] = ()
    tags: dict[str, str] = {}
    policy: str = ""
    warm_mibps: int = 0
    scaled_at: tuple[float, ...] = ()
    """When its shard count was updated, in the last day."""
    expired_before: float = 0.0
    """What had expired when the retention period was made longer stays so."""

    def horizon(self, now: float) -> float:
        """The moment before which everything has expired."""
        return max(now - self.retention_hours * 3600.0, self.expired_before)

    @property
    def is_on_demand(self) -> bool:
        return self.mode == "ON_DEMAND"


class Shard(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`low` and `high` are its hash keys, both inclusive, as 32 hexadecimal digits. `born` is the second that its
    sequence numbers tell; those of a child are greater than all of its parents."""

    stream: int
    index: int
    low: str
    high: str
    born: int
    opened_at: float
    parent: int | None = None
    adjacent_parent: int | None = None
    closed_at: float | None = None
    children: tuple[int, ...] = ()

    @property
    def parents(self) -> list[int]:
        return [each for each in (self.parent, self.adjacent_parent) if each is not None]

    @property
    def open_until(self) -> str | None:
        return self.high if self.closed_at is None else None


class Record(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`trace` is the one that goes on with the record, "" for none."""

    stream: int
    shard: int
    sequence: int
    arrived_at: float
    key: str
    data: bytes
    encrypted: bool = False
    trace: str = ""


class Consumer(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    stream: int
    name: str
    created_at: float
    tags: dict[str, str] = {}
    policy: str = ""


class Account(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`commitment` holds the times of a minimum throughput billing commitment: StartedAt, EndedAt, ..."""

    name: str
    commitment: dict[str, Any] = {}


class Queue(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`max_receives` is 0 where there is no dead-letter handling. `start` is the StartingPosition."""

    id: str
    name: str
    created_at: float
    stream: int
    stream_name: str
    start: dict[str, Any]
    visibility_seconds: int
    max_receives: int
    tags: dict[str, str] = {}
    policy: str = ""


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    queue: str
    shard: int
    place: int


class Given(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`receipt` changes with each receive. What is received for the last time is dead from then on (1), which shows
    once it is visible again."""

    queue: str
    shard: int
    sequence: int
    visible_at: float
    is_dead: int
    receipt: str
    receives: int
    first_received_at: float


STREAMS = Table("kinesis.stream", Stream, key=("name",))
SHARDS = Table("kinesis.shard", Shard, key=("stream", "index"), entity=1)
OPEN = SHARDS.index("open", ("stream", "open_until"))
RECORDS = Table("kinesis.record", Record, key=("stream", "shard", "sequence"), append_only=True)
CONSUMERS = Table("kinesis.consumer", Consumer, key=("stream", "name"), entity=1)
ACCOUNTS = Table("kinesis.account", Account, key=("name",))
QUEUES = Table("kinesis.queue", Queue, key=("id",))
BY_NAME = QUEUES.index("name", ("name",))
BY_STREAM = QUEUES.index("stream", ("stream",))
CURSORS = Table("kinesis.cursor", Cursor, key=("queue", "shard"), entity=1)
GIVEN = Table("kinesis.given", Given, key=("queue", "shard", "sequence"), entity=1)
DUE = GIVEN.index("due", ("queue", "is_dead", "visible_at"))
