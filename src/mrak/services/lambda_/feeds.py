"""What a stream source reads: one shard of a DynamoDB or Kinesis stream, record by record, in order.

`table_feed` and `shard_feed` have the two kinds; each is loaded with the first mapping that needs it.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from mrak.core.context import Context, Transaction

Record = dict[str, Any]


class Entry(NamedTuple):
    """A record as the function gets it, and what the source has to know of it. `after` is the position behind it;
    records of one `lane` (an item, a partition key) stay in order where others may overtake them."""

    record: Record
    after: int
    sequence: str
    arrived_at: float
    lane: str
    trace: str


class Portion(NamedTuple):
    """What was read: entries, the position behind them, and whether nothing will ever follow."""

    entries: list[Entry]
    position: int | None
    at_end: bool = False


class Feed(Protocol):
    checkpoint: str
    """The key of its checkpoint."""
    topic: str
    """Notified when there may be more."""
    shard_id: str
    retention_seconds: float
    batch_info: str
    """The member of a failure's envelope that tells of the batch."""
    data_member: str
    """The member that filter criteria read as JSON where they look into it."""

    def read(self, ctx: Context, tx: Transaction, position: int | None, limit: int) -> Portion: ...

    def to_filter(self, record: Record) -> Record:
        """The record as filter criteria see it."""
        ...

    def render_time(self, at: float) -> str:
        """An arrival in a failure's envelope."""
        ...
