"""Consumers with enhanced fan-out: registered with a stream, and found by their ARNs.

A consumer's ARN ends with the second in which it was registered, so that one registered anew has another.
https://docs.aws.amazon.com/streams/latest/dev/enhanced-consumers.html
"""

from __future__ import annotations

import re

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.kinesis import errors, streams
from mrak.services.kinesis.streams import Found
from mrak.services.kinesis.tables import BY_STREAM, CONSUMERS, Consumer

_MOST_CONSUMERS = 20
_IN_ARN = re.compile(r"/consumer/([^/:]+):(\d+)$")


def consumer_arn(scope: Scope, stream: str, consumer: Consumer) -> str:
    return f"{streams.stream_arn(scope, stream)}/consumer/{consumer.name}:{int(consumer.created_at)}"


def is_consumer_arn(arn: str) -> bool:
    return _IN_ARN.search(arn) is not None


def check_limit(tx: Transaction, found: Found) -> None:
    """Queues count as consumers."""
    number = found.stream.number
    registered = CONSUMERS.count(tx, found.scope, number) + BY_STREAM.count(tx, found.scope, number)
    if registered >= _MOST_CONSUMERS:
        raise errors.too_many_consumers(found.stream.name, _MOST_CONSUMERS)


def find_in(tx: Transaction, scope: Scope, arn: str) -> tuple[Found | None, Consumer | None]:
    """The stream and the consumer of an ARN, as far as they exist."""
    match = _IN_ARN.search(arn)
    found = streams.find(tx, scope, streams.name_in(arn))
    if found is None or match is None:
        return None, None
    consumer = CONSUMERS.get(tx, found.scope, found.stream.number, match[1])
    is_same = consumer is not None and int(consumer.created_at) == int(match[2])
    return found, consumer if is_same else None


def find_by_arn(ctx: Context, tx: Transaction, arn: str) -> tuple[Found | None, Consumer | None]:
    return find_in(tx, streams.scope_of(ctx, arn), arn)


def require_by_arn(ctx: Context, tx: Transaction, arn: str) -> tuple[Found, Consumer]:
    """A consumer, and the stream that it is registered with. The consumer's own policy decides who may use it."""
    found, consumer = find_by_arn(ctx, tx, arn)
    scope = streams.scope_of(ctx, arn)
    streams.check_access(ctx, tx, scope, arn, "" if consumer is None else consumer.policy)
    if found is None or consumer is None:
        raise errors.consumer_not_found(arn, scope.account)
    ctx.about(found.arn)
    return found, consumer
