"""Distributed Maps: their items are child executions, as many at a time as the state allows.

A run is a row of counts, its items are rows; a child that ends starts the next in the transaction of its end. So a run
goes on after a crash like everything else, and what a child costs does not depend on how many there are.
https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from mrak.core.background import Delivery, Retry
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.scope import Scope
from mrak.lang.asl import failures
from mrak.lang.asl.frames import Frame, StartMapRun
from mrak.lang.asl.scope import read
from mrak.services.stepfunctions import arns, errors
from mrak.services.stepfunctions.tables import ITEMS, MAP_RUNS, Execution, Item, MapRun

READ = "stepfunctions.map_read"
PUMP = "stepfunctions.map_pump"
WRITE = "stepfunctions.map_write"
ENDED = "stepfunctions.map_ended"
CHILD_ENDED = "stepfunctions.map_child_ended"
_AT_ONCE = 20
MOST_CONCURRENT = 1000
_THRESHOLD = "The specified tolerated failure threshold was exceeded"


class At(NamedTuple):
    """Where and when something happens to a run: inside one transaction."""

    ctx: Context
    tx: Transaction
    scope: Scope
    now: float


Place = tuple[str, str, str]
"""(machine, label, id) of a Map run."""


def require(tx: Transaction, scope: Scope, map_run_arn: str) -> tuple[Scope, MapRun]:
    at, machine, label, run = arns.parse_map_run(scope, map_run_arn)
    found = MAP_RUNS.get(tx, at, machine, label, run)
    if found is None:
        raise errors.resource_not_found(map_run_arn)
    return at, found


def arn_of(scope: Scope, row: MapRun) -> str:
    return arns.map_run_arn(scope, row.machine, row.label, row.id)


def begin(at: At, execution: Execution, frame: Frame, command: StartMapRun) -> None:
    """Writes the run; its items are read by a delivery, since that may wait for S3."""
    _, machine, label, run = arns.parse_map_run(at.scope, frame.map_run)
    plan = read(command.plan)
    row = MapRun(
        machine=machine,
        label=label,
        id=run,
        parent=execution.name,
        frame=frame.id,
        attempt=command.attempt,
        status="RUNNING",
        started_at=at.now,
        plan=command.plan,
        max_concurrency=plan["max_concurrency"],
        tolerated_count=plan["tolerated_count"] or 0,
        tolerated_percentage=plan["tolerated_percentage"] or 0.0,
    )
    MAP_RUNS.lock(at.tx, at.scope, machine, label, run)
    MAP_RUNS.insert(at.tx, at.scope, row)
    enqueue(at, READ, row, [command.items])


def enqueue(at: At, kind: str, row: MapRun, rest: list[Any]) -> None:
    at.tx.enqueue(
        Delivery(
            kind=kind,
            lane=f"states/map/{at.scope.account}/{at.scope.region}/{row.machine}/{row.label}/{row.id}/{kind}",
            scope=at.scope,
            payload=msgspec.msgpack.encode([row.machine, row.label, row.id, *rest]),
            retry=Retry(attempts=5),
            trace=at.ctx.trace,
            enqueued_at=at.now,
        )
    )


def pump(at: At, row: MapRun) -> MapRun:
    """Starts children up to the limit; the rest of a large start is left to another delivery. The row is open."""
    limit = min(row.max_concurrency or MOST_CONCURRENT, MOST_CONCURRENT)
    started = 0
    while row.next_item < row.total and row.running < limit:
        if started == _AT_ONCE:
            enqueue(at, PUMP, row, [])
            break
        item = ITEMS.get(at.tx, at.scope, arn_of(at.scope, row), row.next_item)
        assert item is not None, f"{row.id} has no item {row.next_item}"
        _start_child(at, row, item)
        row = msgspec.structs.replace(row, next_item=row.next_item + 1, running=row.running + 1)
        started += 1
    return row


def _start_child(at: At, row: MapRun, item: Item) -> None:
    from mrak.services.stepfunctions import executions, transitions
    from mrak.services.stepfunctions.tables import EXECUTIONS

    deviation("STATES-004")
    parent = EXECUTIONS.get(at.tx, at.scope, row.machine, row.parent)
    assert parent is not None
    frame = transitions.find_frame(at.tx, at.scope, (row.machine, row.parent), row.frame)
    assert frame is not None
    child = Execution(
        machine=f"{row.machine}/{row.label}",
        name=at.ctx.draw.uuid(),
        revision=parent.revision,
        status="RUNNING",
        started_at=at.now,
        map_run=arn_of(at.scope, row),
        processor=(*parent.processor, *frame.path, frame.state, "0"),
        item_number=item.number,
        item_count=item.count,
    )
    texts = {"input": item.input, "item": item.context, "variables": read(row.plan)["variables"]}
    revision = transitions.revision_of(at.tx, at.scope, parent)
    executions.begin(at.ctx, at.tx, at.scope, child, revision, {kind: text for kind, text in texts.items() if text})


def child_ended(at: At, child: Execution, output: str | None) -> None:
    """Counts a child's end, starts the next, ends the run with the last. In a transaction of its own, since a child may
    end in the one that starts it."""
    assert child.map_run is not None
    _, machine, label, run = arns.parse_map_run(at.scope, child.map_run)
    row = MAP_RUNS.open(at.tx, at.scope, machine, label, run)
    if row is None:
        return
    updated = _counted(row, child)
    ITEMS.lock(at.tx, at.scope, child.map_run, child.item_number)
    item = ITEMS.get(at.tx, at.scope, child.map_run, child.item_number)
    if item is not None and output is not None:
        ITEMS.replace(at.tx, at.scope, item, msgspec.structs.replace(item, output=output))
    if updated.status == "RUNNING":
        if _is_exceeded(updated):
            updated = fail(at, updated, failures.THRESHOLD, _THRESHOLD)
        elif updated.running == 0 and updated.next_item == updated.total:
            updated = complete(at, updated)
        else:
            updated = pump(at, updated)
    MAP_RUNS.replace(at.tx, at.scope, row, updated)


def _counted(row: MapRun, child: Execution) -> MapRun:
    changes: dict[str, Any] = {"running": row.running - 1}
    field = {"SUCCEEDED": "succeeded", "TIMED_OUT": "timed_out", "ABORTED": "aborted"}.get(child.status, "failed")
    changes[field] = getattr(row, field) + 1
    if child.status == "SUCCEEDED":
        changes["items_succeeded"] = row.items_succeeded + child.item_count
    else:
        changes["items_failed"] = row.items_failed + child.item_count
    return msgspec.structs.replace(row, **changes)


def _is_exceeded(row: MapRun) -> bool:
    """Without a tolerance the first failure is too much; of two tolerances either counts."""
    plan = read(row.plan)
    count, percentage = plan["tolerated_count"], plan["tolerated_percentage"]
    if count is None and percentage is None:
        return row.items_failed > 0
    if count is not None and row.items_failed > row.tolerated_count:
        return True
    return percentage is not None and row.items_failed * 100 > row.tolerated_percentage * row.items_total


def complete(at: At, row: MapRun) -> MapRun:
    """Every child has ended well enough: the results go to the state, or to S3 first."""
    if read(row.plan).get("ResultWriter", {}).get("Parameters"):
        enqueue(at, WRITE, row, [])
        return row
    outputs: list[str] = []
    size = 0
    for item in ITEMS.scan(at.tx, at.scope, arn_of(at.scope, row)):
        if not item.output:
            continue
        outputs.append(item.output)
        size += len(item.output.encode()) + 1
        if size > failures.MOST_BYTES:
            failure = failures.data_limit(row.label)
            return fail(at, row, failure.error or "", failure.cause or "")
    return end(at, row, "SUCCEEDED", ["[" + ",".join(outputs) + "]", None, None])


def fail(at: At, row: MapRun, error: str, cause: str) -> MapRun:
    """Ends the run as failed; children that still run are stopped by deliveries."""
    if row.running:
        enqueue(at, PUMP, row, [])
    return end(at, row, "FAILED", [None, error, cause])


def end(at: At, row: MapRun, status: str, outcome: list[str | None]) -> MapRun:
    """`outcome` is (output, error, cause) for the state that waits."""
    enqueue(at, ENDED, row, [row.parent, row.frame, row.attempt, *outcome])
    written = row.succeeded if status == "SUCCEEDED" else 0
    return msgspec.structs.replace(row, status=status, stopped_at=at.now, results_written=written)


def abandon(at: At, map_run_arn: str) -> None:
    """The state no longer waits: the run is aborted, and its children with it."""
    _, machine, label, run = arns.parse_map_run(at.scope, map_run_arn)
    row = MAP_RUNS.open(at.tx, at.scope, machine, label, run)
    if row is None or row.status != "RUNNING":
        return
    aborted = msgspec.structs.replace(row, status="ABORTED", stopped_at=at.now)
    MAP_RUNS.replace(at.tx, at.scope, row, aborted)
    enqueue(at, PUMP, row, [])
