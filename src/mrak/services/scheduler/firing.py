"""When schedules fire, and what they then do: a timer for each, which enqueues the target's delivery and sets the next.

A schedule that slept through several of its times (the process was down, the clock was moved) fires once.
"""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from mrak.core.arn import arn, find_arn
from mrak.core.background import Delivery, Timer, Undeliverable, parse_dead, settle
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import delivery, timer
from mrak.core.scope import Scope
from mrak.lang import schedules
from mrak.services.events import exports as events
from mrak.services.scheduler.tables import SCHEDULES, Schedule
from mrak.services.sns import exports as sns
from mrak.services.sqs import exports as sqs

_KIND = "scheduler.fire"
_UNIVERSAL = re.compile(r"aws-sdk:([a-z0-9]+):([A-Za-z0-9]+)")
# Universal targets name services as AWS's Java SDK does.
_SDK_NAMES = {
    "sfn": "stepfunctions",
    "eventbridge": "events",
    "cloudwatchlogs": "logs",
    "cognitoidentityprovider": "cognito-idp",
    "cognitoidentity": "cognito-identity",
    "apigateway": "apigateway",
}
log = logging.getLogger("mrak.services.scheduler")


class Firing(msgspec.Struct, frozen=True, array_like=True):
    """One execution of a schedule."""

    schedule_arn: str
    execution_id: str
    target: dict[str, Any]
    input: str


def schedule_arn(scope: Scope, schedule: Schedule) -> str:
    return arn(scope, "scheduler", f"schedule/{schedule.group}/{schedule.name}")


def find_next(schedule: Schedule, after: float) -> float | None:
    """The schedule's first time after a moment, within its start and end."""
    settings = schedule.settings
    parsed = schedules.find_stored(settings["ScheduleExpression"], strict_plural=False)
    if parsed is None:
        log.warning("the schedule %s is never due: %s is none", schedule.name, settings["ScheduleExpression"])
        return None
    zone = schedules.find_zone(settings["ScheduleExpressionTimezone"])
    assert zone is not None, settings["ScheduleExpressionTimezone"]
    start = settings.get("StartDate")
    began = start if start is not None else schedule.created_at
    if isinstance(parsed, schedules.Rate) and after < began:
        # A rate's first time is its beginning.
        found: float | None = began
    else:
        # What is due at the very start counts.
        since = after if start is None else max(after, start - 0.001)
        found = parsed.next_after(since, began, zone)
    end = settings.get("EndDate")
    return None if found is None or (end is not None and found > end) else found


def plan(ctx: Context, tx: Transaction, scope: Scope, schedule: Schedule, after: float) -> Schedule:
    """Sets the timer of the schedule's next time, if it has one, and returns the schedule that knows it."""
    found = find_next(schedule, after) if schedule.settings["State"] == "ENABLED" else None
    if found is None:
        return replace(schedule, next_time=None, next_due_at=None)
    window = schedule.settings["FlexibleTimeWindow"]
    due_at = found
    if window["Mode"] == "FLEXIBLE":
        share = int(ctx.draw.hex(8), 16) / 0x1_0000_0000
        due_at += share * 60.0 * window["MaximumWindowInMinutes"]
    tx.at(_timer(scope, schedule, due_at))
    return replace(schedule, next_time=found, next_due_at=due_at)


def cancel(tx: Transaction, scope: Scope, schedule: Schedule) -> None:
    if schedule.next_due_at is not None:
        tx.cancel(_timer(scope, schedule, schedule.next_due_at))


def _timer(scope: Scope, schedule: Schedule, due_at: float) -> Timer:
    return Timer(kind=_KIND, key=f"{schedule.group}/{schedule.name}", due_at=due_at, scope=scope)


@timer(_KIND)
def fire(ctx: Context, tx: Transaction, due: Timer) -> None:
    group, _, name = due.key.partition("/")
    schedule = SCHEDULES.open(tx, due.scope, group, name)
    if schedule is None or schedule.next_due_at != due.due_at or schedule.next_time is None:
        return
    tx.enqueue(_delivery(ctx, due.scope, schedule, schedule.next_time))
    later = plan(ctx, tx, due.scope, schedule, max(ctx.now, schedule.next_time))
    if later.next_due_at is None and schedule.settings["ActionAfterCompletion"] == "DELETE":
        SCHEDULES.delete(tx, due.scope, schedule)
    else:
        SCHEDULES.replace(tx, due.scope, schedule, later)


def _delivery(ctx: Context, scope: Scope, schedule: Schedule, scheduled_at: float) -> Delivery:
    """Queues and topics take their messages in the outbox's own transaction; others are called."""
    target = schedule.settings["Target"]
    arn_text, execution_id = schedule_arn(scope, schedule), ctx.draw.hex(16)
    moment = _render_moment(scheduled_at)
    text = _render_input(ctx, scope, target, arn_text, {"scheduled-time": moment, "execution-id": execution_id})
    dead_queue = (target.get("DeadLetterConfig") or {}).get("Arn", "")
    lane = f"scheduler|{arn_text}|{execution_id}|{dead_queue}|{moment}"
    retry, dead = events.read_retry(target.get("RetryPolicy")), "scheduler.dead" if dead_queue else ""
    found = find_arn(target["Arn"])
    assert found is not None, target["Arn"]
    if found.service == "sqs":
        message = {"MessageBody": text, **(target.get("SqsParameters") or {})}
        return sqs.delivery(ctx, target["Arn"], message, lane=lane, retry=retry, dead=dead)
    if found.service == "sns":
        return sns.delivery(ctx, target["Arn"], {"Message": text}, lane=lane, retry=retry, dead=dead)
    return Delivery(
        kind="scheduler.target",
        lane=lane,
        scope=scope,
        payload=msgspec.msgpack.encode(Firing(arn_text, execution_id, target, text)),
        retry=retry,
        dead=dead,
        trace=ctx.trace,
        enqueued_at=ctx.now,
    )


def _render_moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _render_input(ctx: Context, scope: Scope, target: dict[str, Any], arn_text: str, context: dict[str, str]) -> str:
    """The target's input with the context's attributes filled in; the default one where it has none.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
    """
    if "Input" not in target:
        event = {
            "version": "0",
            "id": ctx.draw.uuid(),
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": scope.account,
            "time": context["scheduled-time"],
            "region": scope.region,
            "resources": [arn_text],
            "detail": "{}",
        }
        return json.dumps(event, separators=(",", ":"))
    text = str(target["Input"])
    for name, value in ({"schedule-arn": arn_text, "attempt-number": "1"} | context).items():
        text = text.replace(f"<aws.scheduler.{name}>", value)
    return text


@delivery("scheduler.target")
async def call(ctx: Context, made: Delivery) -> None:
    firing = msgspec.msgpack.decode(made.payload, type=Firing)
    found = find_arn(firing.target["Arn"])
    assert found is not None, firing.target
    try:
        if found.service == "scheduler":
            await _call_universal(ctx, found.resource, firing)
        elif found.service == "events" and found.resource.startswith("event-bus/"):
            await _put_event(ctx, firing)
        else:
            key = (firing.target.get("KinesisParameters") or {}).get("PartitionKey", "")
            how = events.How(partition_key=key)
            await events.call_target(ctx, firing.target["Arn"], firing.input, firing.execution_id, how)
    except ApiError as error:
        raise settle(error) from error


async def _call_universal(ctx: Context, resource: str, firing: Firing) -> None:
    """Any operation of any service: `arn:aws:scheduler:::aws-sdk:sqs:sendMessage`."""
    match = _UNIVERSAL.fullmatch(resource)
    if match is None:
        raise Undeliverable(f"{firing.target['Arn']} is no target")
    try:
        params = json.loads(firing.input)
    except ValueError:
        raise Undeliverable("The input is no JSON") from None
    action = match[2][0].upper() + match[2][1:]
    await ctx.call(_SDK_NAMES.get(match[1], match[1]), action, params)


async def _put_event(ctx: Context, firing: Firing) -> None:
    parameters = firing.target.get("EventBridgeParameters") or {}
    entry = {
        "Source": parameters.get("Source", "aws.scheduler"),
        "DetailType": parameters.get("DetailType", "Scheduled Event"),
        "Detail": firing.input,
        "EventBusName": firing.target["Arn"],
    }
    answer = await ctx.call("events", "PutEvents", {"Entries": [entry]})
    if answer.get("FailedEntryCount"):
        raise Undeliverable(str(answer["Entries"][0].get("ErrorMessage")))


@delivery("scheduler.dead")
def bury(ctx: Context, tx: Transaction, made: Delivery) -> None:
    """Takes what could not be delivered to the schedule's dead-letter queue, with the reason in its attributes.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
    """
    failed = parse_dead(made.payload)
    # A file of an earlier version has lanes without the time.
    _, arn_text, execution_id, queue_arn, *moment = failed.lane.split("|")
    if failed.kind == "scheduler.target":
        firing = msgspec.msgpack.decode(failed.payload, type=Firing)
        target_arn, body = firing.target["Arn"], firing.input
    else:
        target, message, *_ = msgspec.msgpack.decode(failed.payload)
        target_arn = arn(failed.scope, "sqs", target) if failed.kind == sqs.SEND else target
        body = message.get("MessageBody") or message.get("Message")
    code, _, reason = failed.failure.partition(": ")
    texts = {
        "SCHEDULE_ARN": arn_text,
        "TARGET_ARN": target_arn,
        "EXECUTION_ID": execution_id,
        "ERROR_CODE": code or "unknown",
        "ERROR_MESSAGE": reason or failed.failure or "unknown",
        "RETRY_ATTEMPTS": str(max(0, failed.attempts - 1)),
        "IS_PAYLOAD_TRUNCATED": "false",
    }
    if moment:
        texts["SCHEDULED_TIME"] = moment[0]
    if failed.is_exhausted:
        texts["EXHAUSTED_RETRY_CONDITION"] = events.exhausted_condition(failed)
    attributes = {name: {"DataType": "String", "StringValue": text} for name, text in texts.items()}
    tx.enqueue(sqs.delivery(ctx, queue_arn, {"MessageBody": body, "MessageAttributes": attributes}))
