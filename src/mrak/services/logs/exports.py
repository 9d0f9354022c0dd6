"""What other services may use of CloudWatch Logs: where their output goes, and look-ups."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.logs import names, store
from mrak.services.logs.tables import (
    DELIVERIES_BY_SOURCE,
    DELIVERY_DESTINATIONS,
    DELIVERY_SOURCES,
    GROUPS,
    STREAMS,
    DeliveryDestination,
    Group,
    Stream,
    VendedDelivery,
)


def group_exists(tx: Transaction, scope: Scope, name: str) -> bool:
    return GROUPS.get(tx, scope, name) is not None


def group_arn(scope: Scope, name: str) -> str:
    """The ARN of a group, without `:*`."""
    return names.group_arn(scope, name)


def topic(scope: Scope, group: str) -> str:
    """What is notified when a group has new events (for followers)."""
    return store.topic(scope, group)


def append(
    ctx: Context, tx: Transaction, scope: Scope, group_name: str, stream_name: str, lines: list[tuple[int, str]]
) -> None:
    """Appends (timestamp in ms, message) lines, making group and stream where they are missing, as AWS's own
    services do. Lines need not be in order; filters see them like any others."""
    group = GROUPS.get(tx, scope, group_name)
    if group is None:
        group = GROUPS.open(tx, scope, group_name)
        if group is None:
            group = Group(name=group_name, created_ms=int(ctx.now * 1000))
            GROUPS.insert(tx, scope, group)
    stream = STREAMS.open(tx, scope, group_name, stream_name)
    if stream is None:
        stream = Stream(group=group_name, name=stream_name, created_ms=int(ctx.now * 1000))
        STREAMS.insert(tx, scope, stream)
    if lines:
        store.append(ctx, tx, scope, group, stream, lines)


def deliveries_of(
    tx: Transaction, scope: Scope, resource_arn: str, log_type: str
) -> list[tuple[VendedDelivery, DeliveryDestination]]:
    """The deliveries of a resource's own logs, each with its destination, for the service that writes them."""
    found: list[tuple[VendedDelivery, DeliveryDestination]] = []
    for source in DELIVERY_SOURCES.scan(tx, scope):
        if (source.resource_arn, source.log_type) != (resource_arn, log_type):
            continue
        for row in DELIVERIES_BY_SOURCE.scan(tx, scope, source.name):
            destination = DELIVERY_DESTINATIONS.get(tx, scope, row.destination_arn.rpartition(":")[2])
            assert destination is not None, "a delivery without its destination"
            found.append((row, destination))
    return found


def find_lines(
    tx: Transaction, scope: Scope, groups: list[str], since_ms: int, upto_ms: int
) -> Iterator[tuple[int, str]]:
    """(timestamp in ms, message) of all events between two times, of groups by name, by ARN or, with a * at the end,
    by the beginning of their names; group by group."""
    for wanted in groups:
        for group in _named(tx, scope, wanted.partition(":log-group:")[2] if wanted.startswith("arn:") else wanted):
            for event in store.read_group(tx, scope, group, (since_ms, -1), upto_ms):
                yield event.timestamp_ms, event.message


def _named(tx: Transaction, scope: Scope, name: str) -> list[str]:
    if not name.endswith("*"):
        return [name]
    prefix = name[:-1]
    rows = takewhile(lambda row: row.name.startswith(prefix), GROUPS.scan(tx, scope, since=prefix or None))
    return [row.name for row in rows]
