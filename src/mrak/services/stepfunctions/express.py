"""Express executions: the same state machine, in memory, within the request (or delivery) that runs it.

Nothing of it is stored but its logs. A synchronous one answers its caller; an asynchronous one is a delivery, so it
runs at least once, as on AWS. https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html
"""

from __future__ import annotations

import asyncio
import math
from typing import Any

import msgspec

from mrak.core.background import Delivery, Retry
from mrak.core.context import Context, Transaction
from mrak.core.operation import delivery, operation
from mrak.lang.asl import frames
from mrak.lang.asl.definition import parse
from mrak.lang.asl.failures import StateFailed
from mrak.lang.asl.frames import (
    Continue,
    Event,
    Facts,
    Finish,
    Frame,
    HistoryEvent,
    Start,
    TaskFailed,
    TaskStarted,
    TaskSucceeded,
    TimedOut,
    TimerFired,
)
from mrak.lang.asl.machine import step
from mrak.lang.asl.run import Run
from mrak.services.stepfunctions import arns, errors, executionlogs, inputs, integrations, machines
from mrak.services.stepfunctions.integrations import Job
from mrak.services.stepfunctions.machines import Target

RUN = "stepfunctions.express"
LONGEST_SECONDS = 300.0
_MEMORY_MB = 64
_BILLED_MS = 100


class ExpressRun:
    """One execution from its start to its end. Tasks and timers report through the queue; steps come one by one."""

    def __init__(self, ctx: Context, definition: str, facts: Facts) -> None:
        self._ctx = ctx
        self._definition = parse(definition)
        self._facts = facts
        self._frames: dict[int, Frame] = {}
        self._next = (1, 0)
        self._queue: asyncio.Queue[Event] = asyncio.Queue()
        self._due: dict[tuple[str, int, int], asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.events: list[HistoryEvent] = []
        self.finish: Finish | None = None

    def load(self, frame_id: int) -> Frame:
        return self._frames[frame_id]

    def has_activity(self, arn: str) -> bool:
        """Validation lets no express machine have any."""
        return False

    async def run(self) -> Finish:
        limit = min(self._definition.timeout_seconds or LONGEST_SECONDS, LONGEST_SECONDS)
        expiry = asyncio.create_task(self._later(self._facts.started_at + limit, TimedOut()))
        try:
            self._step(Start())
            while self.finish is None:
                self._step(await self._next_event())
            return self.finish
        finally:
            waiting = [expiry, *self._due.values(), *self._tasks]
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _next_event(self) -> Event:
        """The next report; a task that ended with a bug of ours ends the execution with it."""
        getting = asyncio.ensure_future(self._queue.get())
        try:
            while not getting.done():
                await asyncio.wait({getting, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
                for task in [task for task in self._tasks if task.done()]:
                    self._tasks.discard(task)
                    task.result()
            return getting.result()
        finally:
            getting.cancel()

    def _step(self, event: Event) -> None:
        frame_id = getattr(event, "frame", None)
        if frame_id is not None and frame_id not in self._frames:
            return
        run = Run(self._definition, self._facts, self, *self._next, self._ctx.clock(), self._ctx.draw)
        step(run, event)
        self._next = (run.next_event, run.next_frame)
        self.events += run.events
        for removed in run.removed:
            self._frames.pop(removed, None)
        self._frames |= run.changed
        for command in run.commands:
            self._obey(command)

    def _obey(self, command: frames.Command) -> None:
        if isinstance(command, Finish):
            self.finish = command
        elif isinstance(command, frames.Resume):
            self._queue.put_nowait(Continue(command.frame))
        elif isinstance(command, frames.StartTask):
            self._tasks.add(asyncio.create_task(self._perform(command.frame, command.attempt)))
        elif isinstance(command, frames.SetTimer):
            event = TimerFired(command.kind, command.frame, command.attempt)
            self._due[command.kind, command.frame, command.attempt] = asyncio.create_task(
                self._later(command.due_at, event)
            )
        elif isinstance(command, frames.CancelTimer):
            timer = self._due.pop((command.kind, command.frame, command.attempt), None)
            if timer is not None:
                timer.cancel()

    async def _later(self, due_at: float, event: Event) -> None:
        await self._ctx.sleep_until(due_at)
        self._queue.put_nowait(event)

    async def _perform(self, frame_id: int, attempt: int) -> None:
        task = self._frames[frame_id].task
        assert task is not None
        self._queue.put_nowait(TaskStarted(frame_id, attempt))
        job = Job(task, self._facts, f"{self._facts.name}-{frame_id}-{attempt}")
        try:
            output = await integrations.perform(self._ctx, job)
            self._queue.put_nowait(TaskSucceeded(frame_id, attempt, output))
        except StateFailed as failure:
            self._queue.put_nowait(TaskFailed(frame_id, attempt, failure.error, failure.cause))


async def execute(ctx: Context, target: Target, name: str, unique: str, text: str) -> tuple[Facts, Finish]:
    """Runs an execution and logs what the machine's configuration asks for."""
    scope, revision = target.ref.scope, target.revision
    facts = Facts(
        arn=arns.express_arn(scope, target.ref.name, name, unique),
        name=name,
        role_arn=revision.role_arn,
        machine_arn=arns.machine_arn(scope, target.ref.name),
        machine_name=target.ref.name,
        region=scope.region,
        input=text,
        started_at=ctx.clock(),
        is_express=True,
    )
    ctx.about(facts.arn)
    running = ExpressRun(ctx, revision.definition, facts)
    finish = await running.run()
    if executionlogs.find_group(revision.logging) is not None:
        about = (name, facts.arn, 0)
        await ctx.transact(lambda tx: executionlogs.write(ctx, tx, scope, revision, about, running.events))
    seconds = _billed_ms(ctx.clock() - facts.started_at) / 1000
    ctx.meter("ExpressRequests", 1)
    ctx.meter("ExpressGB-Seconds", seconds * _MEMORY_MB / 1024)
    return facts, finish


def _billed_ms(seconds: float) -> int:
    return max(1, math.ceil(seconds * 1000 / _BILLED_MS)) * _BILLED_MS


@operation("StartSyncExecution")
async def start_sync_execution(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    """Answers when the execution has ended; its failure is an answer, not an error."""
    target = await ctx.transact(lambda tx: machines.resolve(ctx, tx, req["stateMachineArn"]))
    if target.machine.kind != "EXPRESS":
        raise errors.type_not_supported("This operation is not supported by this type of state machine")
    text = inputs.check_input(req.get("input", "{}"))
    if "name" in req:
        machines.check_name(req["name"])
    name = req.get("name") or ctx.draw.uuid()
    facts, finish = await execute(ctx, target, name, ctx.draw.uuid(), text)
    stopped_at = ctx.clock()
    with_data = req.get("includedData") != "METADATA_ONLY"
    shown: dict[str, Any] = {
        "executionArn": facts.arn,
        "stateMachineArn": facts.machine_arn,
        "name": name,
        "startDate": facts.started_at,
        "stopDate": stopped_at,
        "status": finish.status,
        "inputDetails": {"included": with_data},
        "outputDetails": {"included": with_data},
        "billingDetails": {
            "billedMemoryUsedInMB": _MEMORY_MB,
            "billedDurationInMilliseconds": _billed_ms(stopped_at - facts.started_at),
        },
    }
    data = {"input": text, "output": finish.output} if with_data else {}
    optional = data | {"error": finish.error, "cause": finish.cause, "traceHeader": req.get("traceHeader")}
    return shown | {name: value for name, value in optional.items() if value is not None}


def start_later(ctx: Context, tx: Transaction, target: Target, name: str, text: str) -> dict[str, Any]:
    """Enqueues an asynchronous execution."""
    unique = ctx.draw.uuid()
    qualified = arns.machine_arn(target.ref.scope, target.ref.name, target.version or "")
    tx.enqueue(
        Delivery(
            kind=RUN,
            lane=f"states/express/{unique}",
            scope=target.ref.scope,
            payload=msgspec.msgpack.encode([qualified, name, unique, text]),
            retry=Retry(attempts=3),
            trace=ctx.trace,
            enqueued_at=ctx.now,
        )
    )
    arn = arns.express_arn(target.ref.scope, target.ref.name, name, unique)
    return {"executionArn": arn, "startDate": ctx.now}


@delivery(RUN)
async def run_later(ctx: Context, made: Delivery) -> None:
    arn, name, unique, text = msgspec.msgpack.decode(made.payload)
    target = await ctx.transact(lambda tx: machines.resolve(ctx, tx, arn))
    await execute(ctx, target, name, unique, text)
