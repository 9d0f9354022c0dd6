"""Operations on export tasks, and their run: a group's events as compressed files in a bucket.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/S3Export.html
"""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any

import msgspec

from mrak.core.background import Delivery, Retry, parse_dead
from mrak.core.context import Context, Transaction
from mrak.core.operation import delivery, operation
from mrak.core.scope import Scope
from mrak.services.logs import errors, names, store
from mrak.services.logs.places import Place, place_of
from mrak.services.logs.tables import EXPORT_TASKS, STREAMS, TASKS_BY_STATUS, Event, ExportTask, Group
from mrak.services.s3.exports import bucket_exists

EXPORT, FAILED = "logs.export", "logs.export-failed"
_CHUNK = 10_000
_ACTIVE = ("PENDING", "RUNNING")


@operation("CreateExportTask")
async def create_export_task(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    """Writes to the bucket first, as AWS does, to find out whether it may."""
    await ctx.transact(partial(_check, ctx, req))
    prefix = f"{req['destinationPrefix']}/" if req.get("destinationPrefix") else ""
    proof = {"Bucket": req["destination"], "Key": f"{prefix}aws-logs-write-test"}
    await ctx.call("s3", "PutObject", proof | {"Body": b"Permission Check Successful"})
    return await ctx.transact(partial(_create, ctx, req))


def _check(ctx: Context, req: dict[str, Any], tx: Transaction) -> Group:
    group = names.require_group(tx, ctx.scope, req["logGroupName"])
    if req["from"] > req["to"]:
        raise errors.invalid_parameter("The 'from' time must be before the 'to' time.")
    if not bucket_exists(tx, ctx.scope, req["destination"]):
        raise errors.invalid_parameter("The given bucket does not exist. Please make sure the bucket is valid.")
    if any(TASKS_BY_STATUS.count(tx, ctx.scope, status) for status in _ACTIVE):
        raise errors.limit_exceeded()
    return group


def _create(ctx: Context, req: dict[str, Any], tx: Transaction) -> dict[str, Any]:
    group = _check(ctx, req, tx)
    task = ExportTask(
        id=ctx.draw.uuid(),
        group=group.name,
        since_ms=req["from"],
        until_ms=req["to"],
        bucket=req["destination"],
        prefix=req.get("destinationPrefix", "exportedlogs"),
        created_ms=int(ctx.now * 1000),
        name=req.get("taskName", ""),
        stream_prefix=req.get("logStreamNamePrefix", ""),
    )
    EXPORT_TASKS.lock(tx, ctx.scope, task.id)
    EXPORT_TASKS.insert(tx, ctx.scope, task)
    tx.enqueue(
        Delivery(
            kind=EXPORT,
            lane=f"{EXPORT}/{task.id}",
            scope=ctx.scope,
            payload=task.id.encode(),
            retry=Retry(attempts=3),
            dead=FAILED,
            trace=ctx.trace,
            enqueued_at=ctx.now,
        )
    )
    return {"taskId": task.id}


@operation("DescribeExportTasks")
def describe_export_tasks(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    if "taskId" in req:
        found = EXPORT_TASKS.get(tx, ctx.scope, req["taskId"])
        return {"exportTasks": [] if found is None else [_render(found)]}
    status = req.get("statusCode", "")
    rows = EXPORT_TASKS.scan(tx, ctx.scope, after=names.token_position(req))
    matching = (task for task in rows if status in ("", task.status))
    return names.page_of(req, "exportTasks", matching, lambda task: task.id, _render)


@operation("CancelExportTask")
def cancel_export_task(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    task = EXPORT_TASKS.open(tx, ctx.scope, req["taskId"])
    if task is None:
        raise errors.not_found("The specified export task does not exist.")
    if task.status not in _ACTIVE:
        raise errors.invalid_operation("The specified export task has already finished")
    _end(tx, ctx.scope, task, "CANCELLED", int(ctx.now * 1000))


def _render(task: ExportTask) -> dict[str, Any]:
    execution = {"creationTime": task.created_ms}
    if task.completed_ms is not None:
        execution["completionTime"] = task.completed_ms
    shown: dict[str, Any] = {
        "taskId": task.id,
        "logGroupName": task.group,
        "from": task.since_ms,
        "to": task.until_ms,
        "destination": task.bucket,
        "destinationPrefix": task.prefix,
        "status": {"code": task.status} | ({"message": task.message} if task.message else {}),
        "executionInfo": execution,
    }
    return shown | ({"taskName": task.name} if task.name else {})


# The run ----------------------------------------------------------------------------------------------------------


@delivery(EXPORT)
async def run_export(ctx: Context, made: Delivery) -> None:
    """Writes each stream's events as numbered files under prefix, task and stream."""
    task_id = made.payload.decode()
    task = await ctx.transact(lambda tx: _start(tx, made.scope, task_id))
    if task is None:
        return
    streams = await ctx.transact(lambda tx: _streams(tx, made.scope, task))
    for stream in streams:
        await _export_stream(ctx, made.scope, task, stream)
    now_ms = int(ctx.clock() * 1000)
    await ctx.transact(lambda tx: _complete(tx, made.scope, task_id, "COMPLETED", "Completed successfully", now_ms))


async def _export_stream(ctx: Context, scope: Scope, task: ExportTask, stream: str) -> None:
    after: Place = (task.since_ms, -1)
    number = 0
    while True:
        chunk = await ctx.transact(partial(_read, scope=scope, task=task, stream=stream, after=after))
        if not chunk:
            return
        key = f"{task.prefix}/{task.id}/{stream.replace('/', '-')}/{number:06d}.gz"
        body = gzip.compress("".join(map(_line, chunk)).encode(), 6, mtime=0)
        await ctx.call("s3", "PutObject", {"Bucket": task.bucket, "Key": key, "Body": body})
        after, number = place_of(chunk[-1]), number + 1


@delivery(FAILED)
def fail_export(ctx: Context, tx: Transaction, made: Delivery) -> None:
    """What could not be written, with the reason."""
    dead = parse_dead(made.payload)
    _complete(tx, dead.scope, dead.payload.decode(), "FAILED", dead.failure, int(ctx.now * 1000))


def _start(tx: Transaction, scope: Scope, task_id: str) -> ExportTask | None:
    task = EXPORT_TASKS.open(tx, scope, task_id)
    if task is None or task.status not in _ACTIVE:
        return None
    started = msgspec.structs.replace(task, status="RUNNING")
    EXPORT_TASKS.replace(tx, scope, task, started)
    return started


def _streams(tx: Transaction, scope: Scope, task: ExportTask) -> list[str]:
    rows = STREAMS.scan(tx, scope, task.group, since=task.stream_prefix or None)
    return [row.name for row in rows if row.name.startswith(task.stream_prefix)]


def _read(tx: Transaction, scope: Scope, task: ExportTask, stream: str, after: Place) -> list[Event]:
    current = EXPORT_TASKS.get(tx, scope, task.id)
    if current is None or current.status != "RUNNING":
        return []
    return list(islice(store.read_stream(tx, scope, task.group, stream, after, task.until_ms - 1), _CHUNK))


def _line(event: Event) -> str:
    moment = datetime.fromtimestamp(event.timestamp_ms / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{event.timestamp_ms % 1000:03d}Z {event.message}\n"


def _complete(tx: Transaction, scope: Scope, task_id: str, status: str, message: str, now_ms: int) -> None:
    task = EXPORT_TASKS.open(tx, scope, task_id)
    if task is not None and task.status in _ACTIVE:
        _end(tx, scope, task, status, now_ms, message)


def _end(tx: Transaction, scope: Scope, task: ExportTask, status: str, now_ms: int, message: str = "") -> None:
    ended = msgspec.structs.replace(task, status=status, message=message, completed_ms=now_ms)
    EXPORT_TASKS.replace(tx, scope, task, ended)
