"""What distributed Maps do without a request: read items, start and stop children, write results, tell the state.

https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
"""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec

from mrak.core.background import Delivery
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import delivery
from mrak.core.scope import Scope
from mrak.lang.asl import failures, forks, maprun
from mrak.lang.asl.failures import StateFailed
from mrak.lang.asl.frames import MapRunEnded, Stop, Task
from mrak.lang.asl.scope import read, render
from mrak.services.stepfunctions import arns, integrations, itemreaders, mapruns, services, transitions
from mrak.services.stepfunctions.integrations import Job
from mrak.services.stepfunctions.mapruns import At
from mrak.services.stepfunctions.tables import BY_STATUS, EXECUTIONS, ITEMS, MAP_RUNS, PAYLOADS, Item, MapRun

_CHUNK = 200
_STOPPED_AT_ONCE = 20


@delivery(mapruns.READ)
async def read_items(ctx: Context, made: Delivery) -> None:
    """Reads the items, makes the children's inputs, and starts the first of them."""
    machine, label, run, text = msgspec.msgpack.decode(made.payload)
    scope, place = made.scope, (machine, label, run)
    found = await ctx.transact(lambda tx: _job_of(tx, scope, place))
    if found is None:
        return
    row, job = found
    plan = read(row.plan)
    try:
        items = read(text) if text else await itemreaders.read_items(ctx, job, plan["ItemReader"])
        inputs = await _inputs_of(ctx, scope, row, items)
        children = _batched(inputs, plan.get("ItemBatcher"))
    except StateFailed as failure:
        now = ctx.clock()
        await ctx.transact(partial(_fail, ctx, scope, place, failure, now))
        return
    arn = mapruns.arn_of(scope, row)
    for start in range(0, len(children), _CHUNK):
        await ctx.transact(partial(_keep_items, scope, arn, start, children[start : start + _CHUNK]))
    now = ctx.clock()
    await ctx.transact(partial(_start, ctx, scope, place, (len(children), len(items)), now))


def _job_of(tx: Transaction, scope: Scope, place: mapruns.Place) -> tuple[MapRun, Job] | None:
    """The run and as whom it calls; None where it is over or has begun already."""
    row = MAP_RUNS.get(tx, scope, *place)
    execution = None if row is None else EXECUTIONS.get(tx, scope, row.machine, row.parent)
    if row is None or execution is None or row.status != "RUNNING" or row.total:
        return None
    revision = transitions.revision_of(tx, scope, execution)
    facts = transitions.facts_of(tx, scope, execution, revision)
    return row, Job(Task(resource="", parameters=""), facts, row.id)


async def _inputs_of(ctx: Context, scope: Scope, row: MapRun, items: list[Any]) -> list[tuple[Any, str]]:
    """(input, context's item) for each item, in chunks, since ItemSelector may be an expression."""
    made: list[tuple[Any, str]] = []
    for start in range(0, len(items), _CHUNK):
        chunk = items[start : start + _CHUNK]
        made += await ctx.transact(partial(_select, ctx, scope, row, start, chunk))
    return made


def _select(
    ctx: Context, scope: Scope, row: MapRun, start: int, chunk: list[Any], tx: Transaction
) -> list[tuple[Any, str]]:
    run = transitions.view(ctx, tx, scope, (row.machine, row.parent))
    frame = run.look(row.frame)
    state = run.state_of(frame)
    selected: list[tuple[Any, str]] = []
    for index, item in enumerate(chunk, start):
        context = render({"Index": index, "Value": item})
        try:
            selected.append((forks.item_input(run, frame, state, context), context))
        except StateFailed as failure:
            raise failures.at_state(failure, state.name, frame.entered) from None
    return selected


def _batched(inputs: list[tuple[Any, str]], batcher: dict[str, Any] | None) -> list[tuple[str, str, int]]:
    """(input, context's item, number of items) for each child."""
    if batcher is None:
        return [(render(value), context, 1) for value, context in inputs]
    batches = maprun.batches([value for value, _ in inputs], batcher)
    return [(render(batch), "", len(batch["Items"])) for batch in batches]


def _keep_items(scope: Scope, arn: str, start: int, children: list[tuple[str, str, int]], tx: Transaction) -> None:
    for number, (text, context, count) in enumerate(children, start):
        ITEMS.lock(tx, scope, arn, number)
        ITEMS.insert(tx, scope, Item(arn, number, text, context, count))


def _start(
    ctx: Context, scope: Scope, place: mapruns.Place, counts: tuple[int, int], now: float, tx: Transaction
) -> None:
    total, items = counts
    row = MAP_RUNS.open(tx, scope, *place)
    if row is None or row.status != "RUNNING" or row.total:
        return
    filled = msgspec.structs.replace(row, total=total, items_total=items)
    if total == 0:
        filled = mapruns.complete(At(ctx, tx, scope, now), filled)
    else:
        filled = mapruns.pump(At(ctx, tx, scope, now), filled)
    MAP_RUNS.replace(tx, scope, row, filled)


def _fail(ctx: Context, scope: Scope, place: mapruns.Place, failure: StateFailed, now: float, tx: Transaction) -> None:
    row = MAP_RUNS.open(tx, scope, *place)
    if row is not None and row.status == "RUNNING":
        ended = mapruns.fail(At(ctx, tx, scope, now), row, failure.error or "", failure.cause or "")
        MAP_RUNS.replace(tx, scope, row, ended)


@delivery(mapruns.PUMP)
def pump(ctx: Context, tx: Transaction, made: Delivery) -> None:
    """Starts more children of a run, or stops those of one that is over."""
    place = msgspec.msgpack.decode(made.payload)
    row = MAP_RUNS.open(tx, made.scope, *place)
    if row is None:
        return
    if row.status == "RUNNING":
        MAP_RUNS.replace(tx, made.scope, row, mapruns.pump(At(ctx, tx, made.scope, ctx.now), row))
        return
    arn = mapruns.arn_of(made.scope, row)
    running = BY_STATUS.scan(tx, made.scope, f"{row.machine}/{row.label}", "RUNNING")
    mine = [child for child in running if child.map_run == arn][: _STOPPED_AT_ONCE + 1]
    for child in mine[:_STOPPED_AT_ONCE]:
        event = Stop(None, "The Map Run that started this execution has ended.")
        transitions.apply(ctx, tx, made.scope, (child.machine, child.name), event, ctx.now)
    if len(mine) > _STOPPED_AT_ONCE:
        mapruns.enqueue(At(ctx, tx, made.scope, ctx.now), mapruns.PUMP, row, [])


@delivery(mapruns.CHILD_ENDED)
def count_child(ctx: Context, tx: Transaction, made: Delivery) -> None:
    machine, name = msgspec.msgpack.decode(made.payload)
    child = EXECUTIONS.get(tx, made.scope, machine, name)
    if child is not None and child.map_run is not None:
        output = PAYLOADS.get(tx, made.scope, machine, name, "output")
        mapruns.child_ended(At(ctx, tx, made.scope, ctx.now), child, None if output is None else output.text)


@delivery(mapruns.ENDED)
def tell(ctx: Context, tx: Transaction, made: Delivery) -> None:
    machine, _, _, parent, frame, attempt, output, error, cause = msgspec.msgpack.decode(made.payload)
    event = MapRunEnded(frame, attempt, output, error, cause)
    transitions.apply(ctx, tx, made.scope, (machine, parent), event, ctx.now)


@delivery(mapruns.WRITE)
async def write_results(ctx: Context, made: Delivery) -> None:
    """Writes the children's results to S3, then the manifest; the state gets where it is."""
    scope, place = made.scope, tuple(msgspec.msgpack.decode(made.payload))
    found = await ctx.transact(lambda tx: _results_of(tx, scope, place))
    if found is None:
        return
    row, job, results = found
    params = read(row.plan)["ResultWriter"]["Parameters"]
    arn = mapruns.arn_of(scope, row)
    prefix = f"{params['Prefix'].rstrip('/')}/" if params.get("Prefix") else ""
    folder = f"{prefix}{row.id}"
    files: dict[str, list[Any]] = {"FAILED": [], "PENDING": [], "SUCCEEDED": []}
    try:
        for kind in ("SUCCEEDED", "FAILED"):
            entries = [result for result in results if (result["Status"] == "SUCCEEDED") == (kind == "SUCCEEDED")]
            if entries:
                body = render(entries)
                key = f"{folder}/{kind}_0.json"
                await _put_object(ctx, job, params["Bucket"], key, body)
                files[kind].append({"Key": key, "Size": len(body.encode())})
        manifest = {"DestinationBucket": params["Bucket"], "MapRunArn": arn, "ResultFiles": files}
        await _put_object(ctx, job, params["Bucket"], f"{folder}/manifest.json", render(manifest))
    except ApiError as error:
        _, cause = services.optimised_error("s3", error, ctx.request_id)
        failure = StateFailed(failures.RESULT_WRITER, cause)
        await ctx.transact(partial(_fail, ctx, scope, place, failure, ctx.clock()))
        return
    details = {"Bucket": params["Bucket"], "Key": f"{folder}/manifest.json"}
    output = render({"MapRunArn": arn, "ResultWriterDetails": details})
    await ctx.transact(partial(_written, ctx, scope, place, output, ctx.clock()))


async def _put_object(ctx: Context, job: Job, bucket: str, key: str, body: str) -> None:
    params = {"Bucket": bucket, "Key": key, "Body": body, "ContentType": "application/json"}
    await integrations.call(ctx, job, "s3", "PutObject", params)


def _results_of(
    tx: Transaction, scope: Scope, place: tuple[str, ...]
) -> tuple[MapRun, Job, list[dict[str, Any]]] | None:
    row = MAP_RUNS.get(tx, scope, *place)
    execution = None if row is None else EXECUTIONS.get(tx, scope, row.machine, row.parent)
    if row is None or execution is None or row.status != "RUNNING":
        return None
    revision = transitions.revision_of(tx, scope, execution)
    facts = transitions.facts_of(tx, scope, execution, revision)
    arn = mapruns.arn_of(scope, row)
    children = EXECUTIONS.scan(tx, scope, f"{row.machine}/{row.label}")
    outputs = {item.number: item for item in ITEMS.scan(tx, scope, arn)}
    results = [
        {
            "ExecutionArn": arns.execution_arn(scope, child.machine, child.name),
            "Input": outputs[child.item_number].input,
            "InputDetails": {"Included": True},
            "Name": child.name,
            "Output": outputs[child.item_number].output or None,
            "OutputDetails": {"Included": True},
            "RedriveCount": child.redrive_count,
            "StartDate": child.started_at,
            "StateMachineArn": arns.machine_arn(scope, child.machine),
            "Status": child.status,
            "StopDate": child.stopped_at,
        }
        for child in children
        if child.map_run == arn
    ]
    return row, Job(Task(resource="", parameters=""), facts, row.id), results


def _written(ctx: Context, scope: Scope, place: tuple[str, ...], output: str, now: float, tx: Transaction) -> None:
    row = MAP_RUNS.open(tx, scope, *place)
    if row is not None and row.status == "RUNNING":
        ended = mapruns.end(At(ctx, tx, scope, now), row, "SUCCEEDED", [output, None, None])
        MAP_RUNS.replace(tx, scope, row, ended)
