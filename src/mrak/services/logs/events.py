"""Operations on log events: put, get, filter.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
"""

from __future__ import annotations

from itertools import islice, pairwise
from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.page import render_token
from mrak.core.scope import Scope
from mrak.services.logs import errors, names, passing, places, store, streams
from mrak.services.logs.places import Place
from mrak.services.logs.store import DAY_MS
from mrak.services.logs.tables import STREAMS, Event, Group

_MOST_BATCH_BYTES = 1_048_576
_EVENT_OVERHEAD_BYTES = 26
_OLDEST_MS = 14 * DAY_MS
_NEWEST_MS = 2 * 3_600_000
_PAGE_EVENTS = 10_000
_PAGE_BYTES = 1_048_576
_MOST_SCANNED = 20_000
_END_MS = 10**15


@operation("PutLogEvents")
def put_log_events(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    lines = [(event["timestamp"], event["message"]) for event in req["logEvents"]]
    _check_batch(lines)
    group = names.require_group(tx, ctx.scope, req["logGroupName"])
    ctx.about(names.group_arn(ctx.scope, group.name))
    stream = streams.open_stream(tx, ctx.scope, group.name, req["logStreamName"])
    rejected, accepted = _sort_out(group, lines, ctx.now)
    if accepted:
        _check_span(accepted)
        ctx.meter("IngestedBytes", sum(_size(message) for _, message in accepted))
        store.append(ctx, tx, ctx.scope, group, stream, accepted)
    answer: dict[str, Any] = {"nextSequenceToken": streams.render_sequence_token(stream)}
    return answer | ({"rejectedLogEventsInfo": rejected} if rejected else {})


def _check_batch(lines: list[tuple[int, str]]) -> None:
    times = [timestamp for timestamp, _ in lines]
    if any(later < earlier for earlier, later in pairwise(times)):
        raise errors.invalid_parameter("Log events in a single PutLogEvents request must be in chronological order.")
    sizes = [_size(message) for _, message in lines]
    largest, total = max(sizes), sum(sizes)
    if largest > _MOST_BATCH_BYTES:
        raise errors.invalid_parameter(f"Log event too large: {largest} bytes exceeds limit of {_MOST_BATCH_BYTES}")
    if total > _MOST_BATCH_BYTES:
        raise errors.invalid_parameter(f"Upload too large: {total} bytes exceeds limit of {_MOST_BATCH_BYTES}")


def _check_span(accepted: list[tuple[int, str]]) -> None:
    """The day is measured over what is taken: an event that is rejected for its age does not spoil the batch."""
    if accepted[-1][0] - accepted[0][0] > DAY_MS:
        raise errors.invalid_parameter(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
        )


def _size(message: str) -> int:
    return len(message.encode()) + _EVENT_OVERHEAD_BYTES


def _sort_out(group: Group, lines: list[tuple[int, str]], now: float) -> tuple[dict[str, int], list[tuple[int, str]]]:
    """(why some are rejected, what is accepted). Lines are in order, so each reason is one index."""
    now_ms = int(now * 1000)
    retained_ms = store.retained_from_ms(group, now)
    too_old = sum(timestamp < now_ms - _OLDEST_MS for timestamp, _ in lines)
    expired = sum(timestamp < retained_ms for timestamp, _ in lines)
    too_new = sum(timestamp > now_ms + _NEWEST_MS for timestamp, _ in lines)
    rejected: dict[str, int] = {}
    if too_old:
        rejected["tooOldLogEventEndIndex"] = too_old
    if expired:
        rejected["expiredLogEventEndIndex"] = expired
    if too_new:
        rejected["tooNewLogEventStartIndex"] = len(lines) - too_new
    return rejected, lines[max(too_old, expired) : len(lines) - too_new]


@operation("GetLogEvents")
def get_log_events(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """A page forward or back from a token, or from either end. At an end the token that came in goes out again."""
    group = names.require_group(tx, ctx.scope, names.group_of(req))
    stream = req["logStreamName"]
    if STREAMS.get(tx, ctx.scope, group.name, stream) is None:
        raise errors.stream_not_found()
    since_ms = max(req.get("startTime", 0), store.retained_from_ms(group, ctx.now))
    upto_ms = req.get("endTime", _END_MS) - 1
    direction, place = _start(req, since_ms, upto_ms)
    if direction == "f":
        after = max(place, (since_ms, -1))
        rows = store.read_stream(tx, ctx.scope, group.name, stream, after, upto_ms)
        found = _page(rows, req)
    else:
        before = min(place, (upto_ms + 1, 0))
        found = _page(store.read_stream_back(tx, ctx.scope, group.name, stream, before, since_ms), req)[::-1]
    first, last = _ends(found, place)
    return {
        "events": [_render(event) for event in found],
        "nextForwardToken": places.render_token("f", last),
        "nextBackwardToken": places.render_token("b", first),
    }


def _start(req: dict[str, Any], since_ms: int, upto_ms: int) -> tuple[str, Place]:
    if "nextToken" in req:
        found = places.find_token(req["nextToken"])
        if found is None:
            raise errors.invalid_token()
        return found
    return ("f", (since_ms, 0)) if req.get("startFromHead", False) else ("b", (upto_ms + 1, 0))


def _ends(found: list[Event], place: Place) -> tuple[Place, Place]:
    return (places.place_of(found[0]), places.place_of(found[-1])) if found else (place, place)


def _page(rows: Any, req: dict[str, Any]) -> list[Event]:
    """As many events as were asked for, and no more than a megabyte."""
    page: list[Event] = []
    total = 0
    for event in islice(rows, req.get("limit", _PAGE_EVENTS)):
        total += _size(event.message)
        if total > _PAGE_BYTES and page:
            break
        page.append(event)
    return page


def _render(event: Event) -> dict[str, Any]:
    return {"timestamp": event.timestamp_ms, "message": event.message, "ingestionTime": event.ingested_ms}


@operation("FilterLogEvents")
def filter_log_events(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """Events of a group by time. A page ends when it is full or when enough was looked at; then a token goes on."""
    group = names.require_group(tx, ctx.scope, names.group_of(req))
    pattern = passing.parse_pattern(req.get("filterPattern", ""))
    since_ms = max(req.get("startTime", 0), store.retained_from_ms(group, ctx.now))
    upto_ms = req.get("endTime", _END_MS) - 1
    after: Place = (since_ms, -1)
    if "nextToken" in req:
        after = max(after, _parse_position(req))
    rows = _candidates(tx, ctx.scope, group.name, req, after, upto_ms)
    found: list[Event] = []
    total = 0
    for scanned, event in enumerate(rows, 1):
        if pattern.matches(event.message):
            found.append(event)
            total += _size(event.message)
        if len(found) >= req.get("limit", _PAGE_EVENTS) or total >= _PAGE_BYTES or scanned >= _MOST_SCANNED:
            position = f"{event.timestamp_ms}/{event.sequence}"
            return _render_filtered(found) | {"nextToken": render_token(position)}
    return _render_filtered(found)


def _parse_position(req: dict[str, Any]) -> Place:
    timestamp, _, sequence = (names.token_position(req) or "").partition("/")
    if not timestamp.isdigit() or not sequence.isdigit():
        raise errors.invalid_token()
    return int(timestamp), int(sequence)


def _candidates(tx: Transaction, scope: Scope, group: str, req: dict[str, Any], after: Place, upto_ms: int) -> Any:
    wanted, prefix = req.get("logStreamNames"), req.get("logStreamNamePrefix", "")
    if wanted and prefix:
        raise errors.invalid_parameter("logStreamNames and logStreamNamePrefix are mutually exclusive parameters.")
    if wanted:
        for name in wanted:
            if STREAMS.get(tx, scope, group, name) is None:
                raise errors.stream_not_found()
        return store.read_streams(tx, scope, group, wanted, after, upto_ms)
    rows = store.read_group(tx, scope, group, after, upto_ms)
    return (event for event in rows if event.stream.startswith(prefix)) if prefix else rows


def _render_filtered(found: list[Event]) -> dict[str, Any]:
    shown = [
        {"logStreamName": event.stream, **_render(event), "eventId": places.render_event_id(event)} for event in found
    ]
    return {"events": shown, "searchedLogStreams": []}
