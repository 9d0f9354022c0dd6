"""Appending and reading events, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import chain, islice

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.logs import passing
from mrak.services.logs.places import Place, place_of
from mrak.services.logs.tables import EVENTS, STREAMS, TIMES, Event, Group, Stream, Time

DAY_MS = 86_400_000
_CHUNK = 200


def append(
    ctx: Context, tx: Transaction, scope: Scope, group: Group, stream: Stream, lines: list[tuple[int, str]]
) -> None:
    """Appends (timestamp, message) lines to a stream, whose row the caller has opened, and hands them to filters."""
    now_ms = int(ctx.now * 1000)
    added = [
        Event(group.name, stream.name, timestamp_ms, ctx.draw.sequence(), message, now_ms)
        for timestamp_ms, message in lines
    ]
    for event in added:
        EVENTS.insert(tx, scope, event)
        TIMES.insert(tx, scope, Time(event.group, event.timestamp_ms, event.sequence, event.stream))
    first, last = min(each.timestamp_ms for each in added), max(each.timestamp_ms for each in added)
    changed = msgspec.structs.replace(
        stream,
        first_event_ms=first if stream.first_event_ms is None else min(first, stream.first_event_ms),
        last_event_ms=last if stream.last_event_ms is None else max(last, stream.last_event_ms),
        last_ingestion_ms=now_ms,
    )
    STREAMS.replace(tx, scope, stream, changed)
    passing.pass_on(ctx, tx, scope, group, added)
    tx.notify(topic(scope, group.name))


def topic(scope: Scope, group: str) -> str:
    """What is notified when a group has new events."""
    return f"logs.group/{scope.account}/{scope.region}/{group}"


def retained_from_ms(group: Group, now: float) -> int:
    """The oldest timestamp that a group still keeps."""
    return 0 if group.retention_days is None else int(now * 1000) - group.retention_days * DAY_MS


def read_stream(tx: Transaction, scope: Scope, group: str, stream: str, after: Place, upto_ms: int) -> Iterator[Event]:
    """A stream's events after a place, up to and including a timestamp."""
    timestamp_ms, sequence = after
    return chain(
        EVENTS.scan(tx, scope, group, stream, timestamp_ms, after=sequence) if timestamp_ms <= upto_ms else (),
        EVENTS.scan(tx, scope, group, stream, after=timestamp_ms, upto=upto_ms),
    )


def read_stream_back(
    tx: Transaction, scope: Scope, group: str, stream: str, before: Place, since_ms: int
) -> Iterator[Event]:
    """A stream's events before a place, latest first, down to and including a timestamp."""
    timestamp_ms, sequence = before
    at_once = EVENTS.scan(tx, scope, group, stream, timestamp_ms, upto=sequence - 1, reverse=True)
    earlier = EVENTS.scan(tx, scope, group, stream, since=since_ms, upto=timestamp_ms - 1, reverse=True)
    return chain(at_once if timestamp_ms >= since_ms else (), earlier)


def read_streams(
    tx: Transaction, scope: Scope, group: str, streams: Iterable[str], after: Place, upto_ms: int
) -> Iterator[Event]:
    """The events of some streams in one order."""
    return merge(*(read_stream(tx, scope, group, stream, after, upto_ms) for stream in streams), key=place_of)


def read_group(tx: Transaction, scope: Scope, group: str, after: Place, upto_ms: int) -> Iterator[Event]:
    """A group's events after a place, up to and including a timestamp."""
    timestamp_ms, sequence = after
    times = chain(
        TIMES.scan(tx, scope, group, timestamp_ms, after=sequence) if timestamp_ms <= upto_ms else (),
        TIMES.scan(tx, scope, group, after=timestamp_ms, upto=upto_ms),
    )
    while batch := list(islice(times, _CHUNK)):
        found = EVENTS.get_many(tx, scope, [(group, row.stream, row.timestamp_ms, row.sequence) for row in batch])
        yield from (event for event in found if event is not None)


def delete_stream(tx: Transaction, scope: Scope, stream: Stream) -> None:
    """Removes a stream with its events; its rows in TIMES are left to the sweep."""
    STREAMS.delete(tx, scope, stream)
    EVENTS.delete_all(tx, scope, stream.group, stream.name)
