"""Operations on log streams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.logs import errors, names, store, workers
from mrak.services.logs.tables import LATEST, STREAMS, Stream


@operation("CreateLogStream")
def create_log_stream(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    group = names.require_group(tx, ctx.scope, req["logGroupName"])
    names.check_name(req["logStreamName"])
    if STREAMS.open(tx, ctx.scope, group.name, req["logStreamName"]) is not None:
        raise errors.already_exists("log stream")
    stream = Stream(group=group.name, name=req["logStreamName"], created_ms=int(ctx.now * 1000))
    STREAMS.insert(tx, ctx.scope, stream)


@operation("DeleteLogStream")
def delete_log_stream(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    stream = open_stream(tx, ctx.scope, req["logGroupName"], req["logStreamName"])
    store.delete_stream(tx, ctx.scope, stream)
    workers.start_sweep(ctx, tx, ctx.scope, stream)


@operation("DescribeLogStreams")
def describe_log_streams(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    group = names.require_group(tx, ctx.scope, names.group_of(req)).name
    prefix, reverse = req.get("logStreamNamePrefix", ""), req.get("descending", False)
    by_time = req.get("orderBy") == "LastEventTime"
    if by_time and prefix:
        raise errors.invalid_parameter("Cannot order by LastEventTime with a logStreamNamePrefix.")
    after = names.token_position(req)
    rows = (
        _by_time(tx, ctx.scope, group, after, reverse)
        if by_time
        else _by_name(tx, ctx.scope, group, after, prefix, reverse)
    )
    return names.page_of(
        req,
        "logStreams",
        (row for row in rows if row.name.startswith(prefix)),
        _time_position if by_time else lambda stream: stream.name,
        lambda stream: _render(ctx.scope, stream),
    )


def _by_name(
    tx: Transaction, scope: Scope, group: str, after: str | None, prefix: str, reverse: bool
) -> Iterator[Stream]:
    if reverse:
        rows = STREAMS.scan(tx, scope, group, upto=after, reverse=True)
        return (row for row in rows if row.name != after)
    return (
        STREAMS.scan(tx, scope, group, after=after) if after else STREAMS.scan(tx, scope, group, since=prefix or None)
    )


def _by_time(tx: Transaction, scope: Scope, group: str, after: str | None, reverse: bool) -> Iterator[Stream]:
    if after is None:
        return LATEST.scan(tx, scope, group, reverse=reverse)
    digits = after.partition("/")[0]
    if not digits.isdigit():
        raise errors.invalid_token()
    if reverse:
        rows = LATEST.scan(tx, scope, group, upto=int(digits), reverse=True)
        return (row for row in rows if _time_position(row) < after)
    return (row for row in LATEST.scan(tx, scope, group, since=int(digits)) if _time_position(row) > after)


def _time_position(stream: Stream) -> str:
    return f"{stream.latest_ms:018d}/{stream.name}"


def open_stream(tx: Transaction, scope: Scope, group: str, name: str) -> Stream:
    """The stream, opened for writing. Raises ResourceNotFoundException for the group or the stream."""
    names.require_group(tx, scope, group)
    stream = STREAMS.open(tx, scope, group, name)
    if stream is None:
        raise errors.stream_not_found()
    return stream


def _render(scope: Scope, stream: Stream) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "logStreamName": stream.name,
        "creationTime": stream.created_ms,
        "arn": names.stream_arn(scope, stream.group, stream.name),
        "storedBytes": 0,
    }
    if stream.last_event_ms is not None:
        shown |= {
            "firstEventTimestamp": stream.first_event_ms,
            "lastEventTimestamp": stream.last_event_ms,
            "lastIngestionTime": stream.last_ingestion_ms,
            "uploadSequenceToken": render_sequence_token(stream),
        }
    return shown


def render_sequence_token(stream: Stream) -> str:
    """AWS has ignored these since 2023, but still sends them."""
    return f"{49_000_000_000_000 + (stream.last_ingestion_ms or stream.created_ms):056d}"
