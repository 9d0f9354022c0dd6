"""Replays: an archive's events of a time span, put on their bus again, page by page.

A replay's progress is its row and the delivery of its next page, committed together: it goes on after a crash.
"""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

import msgspec
from msgspec.structs import replace

from mrak.core.arn import arn, find_arn
from mrak.core.background import Delivery
from mrak.core.context import Context, Transaction
from mrak.core.operation import delivery, operation
from mrak.core.scope import Scope
from mrak.services.events import archives, buses, errors, matching, pages
from mrak.services.events.tables import ARCHIVED, ARCHIVES, REPLAYS, Replay

PAGE = 100
MAX_ACTIVE = 10
_ACTIVE = frozenset({"STARTING", "RUNNING"})


class Progress(msgspec.Struct, frozen=True, array_like=True):
    """The replay's next page: events at `at` after `id`, then those that follow."""

    replay: str
    started_at: float
    at: float
    id: str


_decode = msgspec.msgpack.Decoder(Progress).decode


def replay_arn(scope: Scope, name: str) -> str:
    return arn(scope, "events", f"replay/{name}")


@operation("StartReplay")
def start_replay(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name, destination = req["ReplayName"], req["Destination"]
    ctx.about(replay_arn(ctx.scope, name))
    _check_destination(ctx, tx, destination["Arn"])
    source = find_arn(req["EventSourceArn"])
    archive_name = source.resource.removeprefix("archive/") if source is not None else req["EventSourceArn"]
    archive = ARCHIVES.get(tx, ctx.scope, archive_name)
    if archive is None:
        raise errors.no_archive(archive_name)
    if req["EventEndTime"] <= req["EventStartTime"]:
        raise errors.invalid_parameter("EventEndTime", "EventStartTime must be before EventEndTime.")
    if archive.source_arn != destination["Arn"]:
        raise errors.invalid_parameter("Destination.Arn", "Cross event bus replay is not permitted.")
    if REPLAYS.open(tx, ctx.scope, name) is not None:
        raise errors.already_exists(f"Replay {name}")
    if sum(replay.state in _ACTIVE for replay in REPLAYS.scan(tx, ctx.scope, limit=1000)) >= MAX_ACTIVE:
        raise errors.limit_exceeded()
    replay = Replay(
        name=name,
        archive=archive.name,
        source_arn=archives.archive_arn(ctx.scope, archive.name),
        destination=destination,
        since=req["EventStartTime"],
        until=req["EventEndTime"],
        started_at=ctx.now,
        description=req.get("Description", ""),
    )
    REPLAYS.insert(tx, ctx.scope, replay)
    tx.enqueue(_delivery(ctx, ctx.scope, Progress(name, ctx.now, replay.since, "")))
    return {"ReplayArn": replay_arn(ctx.scope, name), "State": replay.state, "ReplayStartTime": replay.started_at}


def _check_destination(ctx: Context, tx: Transaction, text: str) -> None:
    found = find_arn(text)
    if found is None or not found.resource.startswith("event-bus/"):
        raise errors.invalid_parameter("Destination.Arn", "Must contain an event bus ARN.")
    buses.require(tx, ctx.scope, text)


def _delivery(ctx: Context, scope: Scope, progress: Progress) -> Delivery:
    return Delivery(
        kind="events.replay",
        lane=f"events/replay/{scope.account}/{scope.region}/{progress.replay}",
        scope=scope,
        payload=msgspec.msgpack.encode(progress),
        trace=ctx.trace,
        enqueued_at=ctx.now,
    )


@delivery("events.replay")
def replay_page(ctx: Context, tx: Transaction, made: Delivery) -> None:
    progress, scope = _decode(made.payload), made.scope
    replay = REPLAYS.open(tx, scope, progress.replay)
    if replay is None or replay.state not in _ACTIVE or replay.started_at != progress.started_at:
        return
    bus = replay.destination["Arn"].rpartition("event-bus/")[2]
    only_rules = frozenset(replay.destination.get("FilterArns") or ())
    rows = ARCHIVED.scan(tx, scope, replay.archive, since=progress.at, upto=replay.until)
    later = (row for row in rows if (row.at, row.id) > (progress.at, progress.id))
    page = list(islice(later, PAGE + 1))
    for row in page[:PAGE]:
        event = {**json.loads(row.event), "replay-name": replay.name}
        matching.put(ctx, tx, scope, bus, event, only_rules=only_rules)
    if len(page) > PAGE:
        last = page[PAGE - 1]
        REPLAYS.replace(tx, scope, replay, replace(replay, state="RUNNING", last_replayed_at=last.at))
        tx.enqueue(_delivery(ctx, scope, Progress(replay.name, replay.started_at, last.at, last.id)))
        return
    last_at = page[-1].at if page else replay.last_replayed_at
    done = replace(replay, state="COMPLETED", last_replayed_at=last_at, ended_at=ctx.now)
    REPLAYS.replace(tx, scope, replay, done)


def _require(tx: Transaction, scope: Scope, name: str) -> Replay:
    replay = REPLAYS.open(tx, scope, name)
    if replay is None:
        raise errors.no_replay(name)
    return replay


@operation("CancelReplay")
def cancel_replay(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    replay = _require(tx, ctx.scope, req["ReplayName"])
    ctx.about(replay_arn(ctx.scope, replay.name))
    if replay.state not in _ACTIVE:
        raise errors.illegal_status(f"Replay {replay.name} is not in a valid state for this operation.")
    REPLAYS.replace(tx, ctx.scope, replay, replace(replay, state="CANCELLED", ended_at=ctx.now))
    return {"ReplayArn": replay_arn(ctx.scope, replay.name), "State": "CANCELLING"}


@operation("DescribeReplay")
def describe_replay(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    replay = _require(tx, ctx.scope, req["ReplayName"])
    ctx.about(replay_arn(ctx.scope, replay.name))
    shown = {**_render(replay), "ReplayArn": replay_arn(ctx.scope, replay.name), "Destination": replay.destination}
    return shown | ({"Description": replay.description} if replay.description else {})


def _render(replay: Replay) -> dict[str, Any]:
    shown = {
        "ReplayName": replay.name,
        "EventSourceArn": replay.source_arn,
        "State": replay.state,
        "EventStartTime": replay.since,
        "EventEndTime": replay.until,
        "EventLastReplayedTime": replay.last_replayed_at,
        "ReplayStartTime": replay.started_at,
        "ReplayEndTime": replay.ended_at,
    }
    return {name: value for name, value in shown.items() if value is not None}


@operation("ListReplays")
def list_replays(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    if sum(name in req for name in ("NamePrefix", "EventSourceArn", "State")) > 1:
        raise errors.validation(
            "At most one filter is allowed for ListReplays. Use either : State, EventSourceArn, or NamePrefix."
        )
    prefix, after = req.get("NamePrefix", ""), pages.read_position(req)
    rows = REPLAYS.scan(tx, ctx.scope, since=None if after else prefix or None, after=after)
    named = pages.with_prefix(rows, prefix, lambda replay: replay.name)
    wanted = (
        replay
        for replay in named
        if req.get("EventSourceArn") in (None, replay.source_arn) and req.get("State") in (None, replay.state)
    )
    return pages.render(req, "Replays", wanted, lambda replay: replay.name, _render)
