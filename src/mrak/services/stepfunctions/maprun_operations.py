"""Map runs: list, describe, update. https://docs.aws.amazon.com/step-functions/latest/dg/concepts-examine-map-run.html"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.page import take_page
from mrak.core.scope import Scope
from mrak.lang.asl.scope import read, render
from mrak.services.stepfunctions import arns, errors, executions, mapruns
from mrak.services.stepfunctions.machine_operations import find_after, page_size, with_token
from mrak.services.stepfunctions.tables import MAP_RUNS, MapRun


@operation("ListMapRuns")
def list_map_runs(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, execution = executions.require(tx, ctx.scope, req["executionArn"])
    after = find_after(req)
    rows = [row for row in MAP_RUNS.scan(tx, scope, execution.machine) if row.parent == execution.name]
    rows.sort(key=lambda row: (-row.started_at, row.id))
    if after is not None:
        known = [row.id for row in rows]
        if after not in known:
            raise errors.invalid_token()
        rows = rows[known.index(after) + 1 :]
    page, token = take_page(rows, page_size(req), lambda row: row.id)
    return with_token({"mapRuns": [_render_item(scope, row) for row in page]}, token)


def _render_item(scope: Scope, row: MapRun) -> dict[str, Any]:
    shown = {
        "executionArn": arns.execution_arn(scope, row.machine, row.parent),
        "mapRunArn": mapruns.arn_of(scope, row),
        "stateMachineArn": arns.machine_arn(scope, f"{row.machine}/{row.label}"),
        "startDate": row.started_at,
    }
    return shown | ({"stopDate": row.stopped_at} if row.stopped_at else {})


@operation("DescribeMapRun")
def describe_map_run(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, row = mapruns.require(tx, ctx.scope, req["mapRunArn"])
    pending = row.total - row.next_item
    counts = {
        "pending": pending,
        "running": row.running,
        "succeeded": row.succeeded,
        "failed": row.failed,
        "timedOut": row.timed_out,
        "aborted": row.aborted,
        "total": row.total,
        "resultsWritten": row.results_written,
    }
    done = row.items_succeeded + row.items_failed
    items = counts | {
        "pending": pending if row.total == row.items_total else max(row.items_total - done - row.running, 0),
        "succeeded": row.items_succeeded,
        "failed": row.items_failed,
        "total": row.items_total,
        "resultsWritten": row.items_succeeded if row.status == "SUCCEEDED" else 0,
    }
    shown: dict[str, Any] = {
        "mapRunArn": req["mapRunArn"],
        "executionArn": arns.execution_arn(scope, row.machine, row.parent),
        "status": row.status,
        "startDate": row.started_at,
        "maxConcurrency": row.max_concurrency,
        "toleratedFailurePercentage": row.tolerated_percentage,
        "toleratedFailureCount": row.tolerated_count,
        "itemCounts": items,
        "executionCounts": counts,
        "redriveCount": row.redrive_count,
    }
    return shown | ({"stopDate": row.stopped_at} if row.stopped_at else {})


@operation("UpdateMapRun")
def update_map_run(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """Changes the bounds of a run that is under way."""
    scope, found = mapruns.require(tx, ctx.scope, req["mapRunArn"])
    row = MAP_RUNS.open(tx, scope, found.machine, found.label, found.id)
    assert row is not None
    if row.status != "RUNNING":
        raise errors.validation("Map Run is not in a RUNNING state and cannot be updated.")
    plan = read(row.plan)
    for name, field in (
        ("toleratedFailureCount", "tolerated_count"),
        ("toleratedFailurePercentage", "tolerated_percentage"),
    ):
        if name in req:
            plan[field] = req[name]
    updated = msgspec.structs.replace(
        row,
        plan=render(plan),
        max_concurrency=req.get("maxConcurrency", row.max_concurrency),
        tolerated_count=req.get("toleratedFailureCount", row.tolerated_count),
        tolerated_percentage=req.get("toleratedFailurePercentage", row.tolerated_percentage),
    )
    MAP_RUNS.replace(tx, scope, row, mapruns.pump(mapruns.At(ctx, tx, scope, ctx.now), updated))
    return {}
