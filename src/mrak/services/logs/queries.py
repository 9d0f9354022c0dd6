"""Operations on Logs Insights queries, and their run.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartQuery.html

Starting one commits it with a delivery, which runs it: so a query survives a restart, and reading a large group happens
in pieces that let other work through. Results are kept for a week.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Any

import msgspec

from mrak.core.background import Delivery, Timer
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError, NotBuilt
from mrak.core.operation import delivery, operation, timer
from mrak.core.scope import Scope
from mrak.lang.insights import Event as QueryEvent
from mrak.lang.insights import Query, discover
from mrak.lang.insightsparser import QueryError
from mrak.lang.insightsvalues import text_of
from mrak.services.logs import errors, names, places, store
from mrak.services.logs.places import Place
from mrak.services.logs.tables import EVENTS, QUERY_RUNS, RUNS_BY_TIME, Event, QueryRun

RUN, FORGET = "logs.query", "logs.query-forget"
_MOST_GROUPS = 50
_MOST_SCANNED = 1_000_000
_CHUNK = 1000
_SAMPLE = 1000
_AROUND_MS = 8 * 60_000
_KEPT_SECONDS = 7 * 86_400.0
_ENDED = ("Complete", "Cancelled", "Failed", "Timeout")


@operation("StartQuery")
def start_query(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    groups = _groups_of(req)
    for name in groups:
        _check_group(ctx, tx, name)
    if req["startTime"] > req["endTime"]:
        raise errors.invalid_parameter("End time should not be before start time.")
    if req.get("queryLanguage", "CWLI") != "CWLI":
        # Neither OpenSearch PPL nor SQL, nor all commands of AWS's own language.
        deviation("LOGS-003")
        raise NotBuilt("logs", f"StartQuery in {req['queryLanguage']}")
    _parse(req["queryString"], req.get("limit"))
    start, end = _in_seconds(req["startTime"]), _in_seconds(req["endTime"])
    sources = ", ".join(f'"{name}"' for name in groups)
    run = QueryRun(
        id=ctx.draw.uuid(),
        groups=groups,
        text=req["queryString"],
        shown_text=f"SOURCE {sources} START={start}000 END={end}999 | {req['queryString']}",
        start_ms=start * 1000,
        end_ms=end * 1000 + 999,
        created_ms=int(ctx.now * 1000),
        limit=req.get("limit"),
    )
    QUERY_RUNS.lock(tx, ctx.scope, run.id)
    QUERY_RUNS.insert(tx, ctx.scope, run)
    tx.enqueue(
        Delivery(
            kind=RUN,
            lane=f"{RUN}/{run.id}",
            scope=ctx.scope,
            payload=run.id.encode(),
            trace=ctx.trace,
            enqueued_at=ctx.now,
        )
    )
    tx.at(Timer(kind=FORGET, key=run.id, due_at=ctx.now + _KEPT_SECONDS, scope=ctx.scope, payload=run.id.encode()))
    return {"queryId": run.id}


def _check_group(ctx: Context, tx: Transaction, name: str) -> None:
    """Insights has words of its own for a group that isn't there."""
    try:
        names.require_group(tx, ctx.scope, name)
    except ApiError as error:
        if error.code != "ResourceNotFoundException":
            raise
        raise errors.not_found(f"Log group '{name}' does not exist for account ID '{ctx.scope.account}'") from None


def _groups_of(req: dict[str, Any]) -> tuple[str, ...]:
    given = [name for name in ("logGroupName", "logGroupNames", "logGroupIdentifiers") if req.get(name)]
    if len(given) != 1:
        raise errors.invalid_parameter(
            "Exactly one of logGroupName, logGroupNames and logGroupIdentifiers must be specified."
        )
    value = req[given[0]]
    groups = tuple(map(names.name_in, [value] if isinstance(value, str) else value))
    if len(groups) > _MOST_GROUPS:
        raise errors.invalid_parameter(f"A query can search at most {_MOST_GROUPS} log groups.")
    return groups


def _in_seconds(moment: int) -> int:
    """The API takes seconds; AWS takes milliseconds as well."""
    return moment // 1000 if moment >= 10**11 else moment


def _parse(text: str, limit: int | None) -> Query:
    try:
        return Query(text, limit)
    except QueryError as error:
        raise errors.malformed_query(str(error), text, error.at) from None


@operation("StopQuery")
def stop_query(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    run = QUERY_RUNS.open(tx, ctx.scope, req["queryId"])
    if run is None:
        raise errors.query_not_found(req["queryId"])
    if run.status in _ENDED:
        raise errors.invalid_parameter(f"Query {run.id} is not running.")
    QUERY_RUNS.replace(tx, ctx.scope, run, msgspec.structs.replace(run, status="Cancelled"))
    return {"success": True}


@operation("GetQueryResults")
def get_query_results(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    run = QUERY_RUNS.get(tx, ctx.scope, req["queryId"])
    if run is None:
        raise errors.query_not_found(req["queryId"])
    rows = msgspec.json.decode(run.results)
    return {
        "queryLanguage": "CWLI",
        "results": [[{"field": field, "value": value} for field, value in row] for row in rows],
        "statistics": {
            "recordsMatched": float(run.matched),
            "recordsScanned": float(run.scanned),
            "estimatedRecordsSkipped": 0.0,
            "bytesScanned": float(run.scanned_bytes),
            "estimatedBytesSkipped": 0.0,
            "logGroupsScanned": float(len(run.groups)),
        },
        "status": run.status,
    }


@operation("DescribeQueries")
def describe_queries(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    wanted, status = names.name_in(req.get("logGroupName", "")), req.get("status", "")
    after = names.token_position(req)
    rows = RUNS_BY_TIME.scan(tx, ctx.scope, reverse=True)
    matching = (
        run
        for run in rows
        if (not wanted or wanted in run.groups)
        and status in ("", run.status)
        and (after is None or _position(run) < after)
    )
    paged = {"limit": req["maxResults"]} if "maxResults" in req else {}
    return names.page_of(paged, "queries", matching, _position, _render)


def _position(run: QueryRun) -> str:
    return f"{run.created_ms:018d}/{run.id}"


def _render(run: QueryRun) -> dict[str, Any]:
    return {
        "queryLanguage": "CWLI",
        "queryId": run.id,
        "queryString": run.shown_text,
        "status": run.status,
        "createTime": run.created_ms,
        "logGroupName": run.groups[0],
    }


@operation("GetLogRecord")
def get_log_record(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """All fields of the event that a `@ptr` names."""
    found = _find_pointed(tx, ctx.scope, req["logRecordPointer"])
    if found is None:
        raise errors.invalid_parameter("The specified log record pointer is invalid.")
    fields = _fields(ctx.scope, found) | {"@message": found.message, "@timestamp": found.timestamp_ms}
    shown = {**discover(found.message), **fields}
    return {"logRecord": {name: text_of(value) for name, value in shown.items()}}


@operation("ListLogGroupsForQuery")
def list_log_groups_for_query(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    run = QUERY_RUNS.get(tx, ctx.scope, req["queryId"])
    if run is None:
        raise errors.not_found(f"Could not find query: {req['queryId']}")
    return {"logGroupIdentifiers": list(run.groups)}


@operation("GetLogGroupFields")
def get_log_group_fields(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """Which fields events around a time have, and how many in a hundred of them."""
    group = names.require_group(tx, ctx.scope, names.group_of(req))
    now_ms = int(ctx.now * 1000)
    middle_ms = _in_seconds(req["time"]) * 1000 if "time" in req else now_ms
    since_ms, upto_ms = (
        (middle_ms - _AROUND_MS, middle_ms + _AROUND_MS) if "time" in req else (now_ms - 900_000, now_ms)
    )
    counts: dict[str, int] = {}
    sample = list(islice(store.read_group(tx, ctx.scope, group.name, (since_ms, -1), upto_ms), _SAMPLE))
    for event in sample:
        for name in {**_fields(ctx.scope, event), "@message": "", "@timestamp": 0, **discover(event.message)}:
            counts[name] = counts.get(name, 0) + 1
    shown = [{"name": name, "percent": 100 * count // len(sample)} for name, count in counts.items()]
    return {"logGroupFields": sorted(shown, key=lambda row: (-int(row["percent"]), str(row["name"])))}


# The run ----------------------------------------------------------------------------------------------------------


@delivery(RUN)
async def run_query(ctx: Context, made: Delivery) -> None:
    """Reads the groups in pieces and keeps the results. A query that was stopped meanwhile ends without any."""
    run_id = made.payload.decode()
    run = await ctx.transact(lambda tx: _set_status(tx, made.scope, run_id, "Running"))
    if run is None:
        return
    query, read_bytes = _parse(run.text, run.limit), 0
    for group in run.groups:
        after: Place = (run.start_ms, -1)
        while query.scanned < _MOST_SCANNED:
            chunk = await ctx.transact(partial(_read, scope=made.scope, run=run, group=group, after=after))
            if not chunk:
                break
            read_bytes += sum(len(event.message) for event in chunk)
            query.feed([_query_event(made.scope, event) for event in chunk])
            after = places.place_of(chunk[-1])
    results = msgspec.json.encode(query.finish())
    ctx.meter("ScannedBytes", read_bytes)
    await ctx.transact(lambda tx: _complete(tx, made.scope, run_id, results, query, read_bytes))


def _read(tx: Transaction, scope: Scope, run: QueryRun, group: str, after: Place) -> list[Event]:
    current = QUERY_RUNS.get(tx, scope, run.id)
    if current is None or current.status != "Running":
        return []
    events: Iterator[Event] = store.read_group(tx, scope, group, after, run.end_ms)
    return list(islice(events, _CHUNK))


def _query_event(scope: Scope, event: Event) -> QueryEvent:
    return QueryEvent(event.timestamp_ms, event.message, _fields(scope, event))


def _fields(scope: Scope, event: Event) -> dict[str, Any]:
    return {
        "@logStream": event.stream,
        "@log": f"{scope.account}:{event.group}",
        "@ingestionTime": event.ingested_ms,
        "@ptr": _pointer(event),
    }


def _pointer(event: Event) -> str:
    return msgspec.json.encode([event.group, event.stream, event.timestamp_ms, event.sequence]).hex()


def _find_pointed(tx: Transaction, scope: Scope, pointer: str) -> Event | None:
    try:
        key = msgspec.json.decode(bytes.fromhex(pointer), type=tuple[str, str, int, int])
    except (ValueError, msgspec.MsgspecError):
        return None
    return EVENTS.get(tx, scope, *key)


def _set_status(tx: Transaction, scope: Scope, run_id: str, status: str) -> QueryRun | None:
    run = QUERY_RUNS.open(tx, scope, run_id)
    if run is None or run.status in _ENDED:
        return None
    changed = msgspec.structs.replace(run, status=status)
    QUERY_RUNS.replace(tx, scope, run, changed)
    return changed


def _complete(tx: Transaction, scope: Scope, run_id: str, results: bytes, query: Query, read_bytes: int) -> None:
    run = QUERY_RUNS.open(tx, scope, run_id)
    if run is None or run.status in _ENDED:
        return
    changed = msgspec.structs.replace(
        run,
        status="Complete",
        results=results,
        matched=query.matched,
        scanned=query.scanned,
        scanned_bytes=read_bytes,
    )
    QUERY_RUNS.replace(tx, scope, run, changed)


@timer(FORGET)
def forget(ctx: Context, tx: Transaction, made: Timer) -> None:
    run = QUERY_RUNS.open(tx, made.scope, made.payload.decode())
    if run is not None:
        QUERY_RUNS.delete(tx, made.scope, run)
