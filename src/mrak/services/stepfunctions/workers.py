"""What executions do without a request: tasks, timers, results of others' executions."""

from __future__ import annotations

from functools import partial

import msgspec

from mrak.core.background import Delivery, Timer, parse_dead
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.operation import delivery, timer
from mrak.core.scope import Scope
from mrak.lang.asl import failures
from mrak.lang.asl.failures import StateFailed
from mrak.lang.asl.frames import (
    Continue,
    Event,
    TaskFailed,
    TaskStarted,
    TaskSubmitted,
    TaskSucceeded,
    TimedOut,
    TimerFired,
)
from mrak.lang.asl.tasks import is_current
from mrak.services.stepfunctions import arns, integrations, jobs, mapruns, transitions
from mrak.services.stepfunctions.integrations import Job
from mrak.services.stepfunctions.tables import EVENTS, EXECUTIONS, FRAMES, PAYLOADS, PROGRESS
from mrak.services.stepfunctions.transitions import ABANDON, ENDED, RESUME, RETENTION, TASK, TASK_LOST, TIMER


@delivery(TASK)
async def perform(ctx: Context, made: Delivery) -> None:
    """Does a task: once, unless the process ends between the call and the commit of its result."""
    deviation("STATES-001")
    machine, name, frame, attempt = msgspec.msgpack.decode(made.payload)
    key, scope = (machine, name), made.scope
    ctx.about(arns.execution_arn(scope, machine, name))
    now = ctx.clock()
    job = await ctx.transact(lambda tx: _take(ctx, tx, scope, key, TaskStarted(frame, attempt), now))
    if job is None:
        return
    event: Event
    try:
        output = await integrations.perform(ctx, job)
        is_submitted = job.resource.waits
        event = TaskSubmitted(frame, attempt, output) if is_submitted else TaskSucceeded(frame, attempt, output)
    except StateFailed as failure:
        event = TaskFailed(frame, attempt, failure.error, failure.cause)
    now = ctx.clock()
    await ctx.transact(partial(_report, ctx, (scope, key), event, job.resource.pattern, now))


def _take(
    ctx: Context, tx: Transaction, scope: Scope, key: transitions.Key, event: TaskStarted, now: float
) -> Job | None:
    """Records that the task is taken up; None where nobody waits for it any more."""
    execution = transitions.find_running(tx, scope, key)
    frame = None if execution is None else transitions.find_frame(tx, scope, key, event.frame)
    if execution is None or frame is None or not is_current(frame, event.attempt) or frame.task is None:
        return None
    revision = transitions.revision_of(tx, scope, execution)
    facts = transitions.facts_of(tx, scope, execution, revision)
    transitions.apply(ctx, tx, scope, key, event, now)
    return Job(frame.task, facts, f"{key[1]}-{event.frame}-{event.attempt}-{execution.started_at}")


def _report(
    ctx: Context, at: tuple[Scope, transitions.Key], event: Event, pattern: str, now: float, tx: Transaction
) -> None:
    scope, key = at
    transitions.apply(ctx, tx, scope, key, event, now)
    if isinstance(event, TaskSubmitted) and pattern.startswith(".sync"):
        jobs.watch(ctx, tx, scope, key, event, pattern)


@delivery(TASK_LOST)
def fail_lost(ctx: Context, tx: Transaction, made: Delivery) -> None:
    """A task whose delivery failed for reasons of ours: the state fails, so that the execution does not hang."""
    failed = parse_dead(made.payload)
    machine, name, frame, attempt = msgspec.msgpack.decode(failed.payload)
    event = TaskFailed(frame, attempt, failures.RUNTIME, failed.failure)
    transitions.apply(ctx, tx, failed.scope, (machine, name), event, ctx.now)


@delivery(RESUME)
def resume(ctx: Context, tx: Transaction, made: Delivery) -> None:
    machine, name, frame = msgspec.msgpack.decode(made.payload)
    transitions.apply(ctx, tx, made.scope, (machine, name), Continue(frame), ctx.now)


@timer(TIMER)
def fire(ctx: Context, tx: Transaction, due: Timer) -> None:
    machine, name, kind, frame, attempt = msgspec.msgpack.decode(due.payload)
    transitions.apply(ctx, tx, due.scope, (machine, name), TimerFired(kind, frame, attempt), ctx.now)


@timer("stepfunctions.expiry")
def expire(ctx: Context, tx: Transaction, due: Timer) -> None:
    machine, name = msgspec.msgpack.decode(due.payload)
    transitions.apply(ctx, tx, due.scope, (machine, name), TimedOut(), ctx.now)


@timer(RETENTION)
def forget(ctx: Context, tx: Transaction, due: Timer) -> None:
    """Removes an execution that ended long ago, and all that is of it."""
    machine, name = msgspec.msgpack.decode(due.payload)
    transitions.lock(tx, due.scope, machine, name)
    found = EXECUTIONS.get(tx, due.scope, machine, name)
    if found is None or found.status == "RUNNING":
        return
    EXECUTIONS.delete(tx, due.scope, found)
    for table in (PAYLOADS, PROGRESS, FRAMES, EVENTS):
        table.delete_all(tx, due.scope, machine, name)


@delivery(ENDED)
def take_ended(ctx: Context, tx: Transaction, made: Delivery) -> None:
    """An execution that another waits for has ended."""
    machine, name, account, region, by_machine, by_name, frame, attempt, shape = msgspec.msgpack.decode(made.payload)
    waiting = Scope(made.scope.environment, account, region)
    event = jobs.outcome(tx, made.scope, (machine, name), frame, attempt, shape)
    transitions.apply(ctx, tx, waiting, (by_machine, by_name), event, ctx.now)


@delivery(ABANDON)
def abandon(ctx: Context, tx: Transaction, made: Delivery) -> None:
    """Nobody waits any more for an execution that was started with .sync, or for a Map run: it is stopped."""
    machine, name, frame, attempt, map_run = msgspec.msgpack.decode(made.payload)
    jobs.stop_watched(ctx, tx, made.scope, jobs.waiting(made.scope, (machine, name)), frame, attempt)
    if map_run:
        mapruns.abandon(mapruns.At(ctx, tx, made.scope, ctx.now), map_run)
