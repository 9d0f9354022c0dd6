"""What has an ARN, and so tags and a policy: streams, consumers and queues."""

from __future__ import annotations

from typing import Any, NamedTuple

from msgspec import structs

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.kinesis import consumers, queues, streams
from mrak.services.kinesis.tables import CONSUMERS, QUEUES, STREAMS, Consumer, Queue, Stream


class Resource(NamedTuple):
    """One of them, opened for writing."""

    scope: Scope
    record: Stream | Consumer | Queue

    def save(self, tx: Transaction, **changes: Any) -> None:
        record = self.record
        if isinstance(record, Stream):
            STREAMS.replace(tx, self.scope, record, structs.replace(record, **changes))
        elif isinstance(record, Consumer):
            CONSUMERS.replace(tx, self.scope, record, structs.replace(record, **changes))
        else:
            QUEUES.replace(tx, self.scope, record, structs.replace(record, **changes))


def require(ctx: Context, tx: Transaction, arn: str) -> Resource:
    """What an ARN names. Raises ResourceNotFoundException in the words of its kind."""
    if consumers.is_consumer_arn(arn):
        found, consumer = consumers.require_by_arn(ctx, tx, arn)
        CONSUMERS.lock(tx, found.scope, consumer.stream)
        return Resource(found.scope, consumer)
    if queues.is_queue_arn(arn):
        it = queues.require(ctx, tx, arn, opens=True)
        return Resource(it.scope, it.queue)
    found = streams.require(ctx, tx, {"StreamARN": arn}, opens=True)
    return Resource(found.scope, found.stream)
