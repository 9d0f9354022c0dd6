"""Answers to tasks that wait for a token, and activities.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-wait-token
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-activities.html
"""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.page import take_page
from mrak.core.scope import Scope
from mrak.lang.asl.failures import MOST_BYTES
from mrak.lang.asl.frames import Event, TaskBeat, TaskFailed, TaskStarted, TaskSucceeded
from mrak.lang.asl.validation import explain_json
from mrak.services.stepfunctions import arns, errors, machines, transitions
from mrak.services.stepfunctions.machine_operations import find_after, keep_tags, page_size, with_token
from mrak.services.stepfunctions.tables import ACTIVITIES, SCHEDULED, TAGS, TOKENS, Activity, Scheduled, Token

_POLL_SECONDS = 60.0


def _require_token(tx: Transaction, scope: Scope, token: str) -> Token:
    """A token that is no longer waited for looks as one that never was; AWS tells those apart for a while."""
    found = TOKENS.get(tx, scope, token)
    if found is None:
        raise errors.invalid_token() if not _looks_like_one(token) else errors.task_timed_out()
    return found


def _looks_like_one(token: str) -> bool:
    return len(token) == 256


def _answer(ctx: Context, tx: Transaction, token: str, event: type[Any], *details: Any) -> None:
    found = _require_token(tx, ctx.scope, token)
    made: Event = event(found.frame, found.attempt, *details)
    transitions.apply(ctx, tx, ctx.scope, (found.machine, found.name), made, ctx.now)


@operation("SendTaskSuccess")
def send_task_success(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    """The token is looked at first (recorded)."""
    _require_token(tx, ctx.scope, req["taskToken"])
    output = req["output"]
    if len(output.encode()) > MOST_BYTES:
        raise errors.invalid_output("Output exceeds the maximum number of bytes service limit")
    try:
        msgspec.json.decode(output)
    except (msgspec.DecodeError, RecursionError) as error:
        raise errors.invalid_output(explain_json(output, str(error))) from None
    _answer(ctx, tx, req["taskToken"], TaskSucceeded, output)


@operation("SendTaskFailure")
def send_task_failure(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _answer(ctx, tx, req["taskToken"], TaskFailed, req.get("error"), req.get("cause"))


@operation("SendTaskHeartbeat")
def send_task_heartbeat(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _answer(ctx, tx, req["taskToken"], TaskBeat)


@operation("CreateActivity")
def create_activity(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name = req["name"]
    machines.check_name(name)
    arn = arns.activity_arn(ctx.scope, name)
    encryption = machines.parse_encryption(req)
    activity = ACTIVITIES.open(tx, ctx.scope, name)
    if activity is not None and activity.encryption != encryption:
        raise errors.activity_already_exists()
    if activity is None:
        activity = Activity(name=name, created_at=ctx.now, encryption=encryption)
        ACTIVITIES.insert(tx, ctx.scope, activity)
        keep_tags(tx, ctx.scope, arn, req.get("tags", []))
    return {"activityArn": arn, "creationDate": activity.created_at}


@operation("DescribeActivity")
def describe_activity(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, name = arns.parse_activity(ctx.scope, req["activityArn"])
    activity = ACTIVITIES.get(tx, scope, name)
    if activity is None:
        raise errors.activity_does_not_exist(req["activityArn"])
    return _render_activity(scope, activity) | {
        "encryptionConfiguration": activity.encryption or {"type": "AWS_OWNED_KEY"}
    }


def _render_activity(scope: Scope, activity: Activity) -> dict[str, Any]:
    return {
        "activityArn": arns.activity_arn(scope, activity.name),
        "name": activity.name,
        "creationDate": activity.created_at,
    }


@operation("ListActivities")
def list_activities(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    rows = ACTIVITIES.scan(tx, ctx.scope, after=find_after(req))
    page, token = take_page(rows, page_size(req), lambda row: row.name)
    return with_token({"activities": [_render_activity(ctx.scope, row) for row in page]}, token)


@operation("DeleteActivity")
def delete_activity(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    scope, name = arns.parse_activity(ctx.scope, req["activityArn"])
    activity = ACTIVITIES.open(tx, scope, name)
    if activity is None:
        return
    ACTIVITIES.delete(tx, scope, activity)
    SCHEDULED.delete_all(tx, scope, name)
    tags = TAGS.open(tx, scope, req["activityArn"])
    if tags is not None:
        TAGS.delete(tx, scope, tags)
    tx.notify(transitions.activity_topic(scope, name))


@operation("GetActivityTask")
async def get_activity_task(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    """Waits up to a minute for a task; none is an answer without a token."""
    arn = req["activityArn"]
    scope, name = arns.parse_activity(ctx.scope, arn)
    deadline = ctx.clock() + _POLL_SECONDS
    with ctx.listen(transitions.activity_topic(scope, name)) as arrivals:
        while not arrivals.abandoned:
            now = ctx.clock()
            task = await ctx.transact(partial(_take, ctx, scope, arn, req.get("workerName"), now))
            if task is not None:
                return {"taskToken": task.token, "input": task.input}
            if now >= deadline:
                break
            await arrivals.wait(deadline - now)
    return {}


def _take(ctx: Context, scope: Scope, arn: str, worker: str | None, now: float, tx: Transaction) -> Scheduled | None:
    """The first task that somebody still waits for."""
    _, name = arns.parse_activity(scope, arn)
    if ACTIVITIES.get(tx, scope, name) is None:
        raise errors.activity_does_not_exist(arn)
    for task in SCHEDULED.scan(tx, scope, name, limit=100):
        SCHEDULED.lock(tx, scope, name, task.sequence)
        SCHEDULED.delete(tx, scope, task)
        token = TOKENS.get(tx, scope, task.token)
        if token is None:
            continue
        event = TaskStarted(token.frame, token.attempt, worker)
        if transitions.apply(ctx, tx, scope, (token.machine, token.name), event, now):
            return task
    return None
