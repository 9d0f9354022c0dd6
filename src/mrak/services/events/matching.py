"""From an event to its targets: which rules of a bus it matches, what each target gets, and the deliveries of it.

    put -> each enabled rule with a pattern that matches -> each of its targets -> tx.enqueue(...)
        -> each archive of the bus whose pattern matches -> a row

All in the transaction that took the event, so an accepted event is delivered, pending or dead-lettered, never lost.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from mrak.core.arn import find_arn
from mrak.core.background import Delivery, Retry, render_dead
from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.lang import eventpatterns, inputtransform
from mrak.lang.eventpatterns import Event
from mrak.lang.inputtransform import InputTransformError
from mrak.services.events import buses
from mrak.services.events.tables import ARCHIVED, ARCHIVES, BY_BUS, RULES, TARGETS, ArchivedEvent, Rule, Target
from mrak.services.sns import exports as sns
from mrak.services.sqs import exports as sqs

SERVICE = "events.amazonaws.com"
HOPPED_ACCOUNT, HOPPED_REGION = 1, 2
"""What an event has behind it (`Work.hops`): it goes on once to a bus of its region, and once to another region."""
INVALID_INPUT = "INVALID_JSON: Invalid input for target."
_SWEEP = 20
_DAY_SECONDS = 86_400.0


class Work(msgspec.Struct, frozen=True, array_like=True):
    """What the delivery to a target holds. `input` is what the target gets, `event` what was put; `trace` is the
    event's header, "" where it came without."""

    rule_arn: str
    target: dict[str, Any]
    input: str
    event: str
    hops: int = 0
    trace: str = ""


class Past(NamedTuple):
    """What an event brings along: the buses that it has come through, and its trace header, for queues to hand on."""

    hops: int = 0
    trace: str = ""


NEW = Past()


class Given(msgspec.Struct, frozen=True, array_like=True):
    """What its sender says of an event; `at` is None for now."""

    source: str
    detail_type: str
    detail: dict[str, Any]
    resources: list[str] = []
    at: float | None = None


def new_event(ctx: Context, scope: Scope, given: Given) -> dict[str, Any]:
    """An event as targets see it."""
    return {
        "version": "0",
        "id": ctx.draw.uuid(),
        "detail-type": given.detail_type,
        "source": given.source,
        "account": scope.account,
        "time": render_time(ctx.now if given.at is None else given.at),
        "region": scope.region,
        "resources": given.resources,
        "detail": given.detail,
    }


def render_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _render_milliseconds(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def listening_rules(tx: Transaction, scope: Scope, bus: str) -> list[Rule]:
    """The rules of a bus that events are matched against."""
    return [rule for rule in RULES.scan(tx, scope, bus) if rule.is_enabled and rule.pattern and not rule.managed_by]


def put(
    ctx: Context,
    tx: Transaction,
    scope: Scope,
    bus: str,
    event: dict[str, Any],
    *,
    past: Past = NEW,
    only_rules: frozenset[str] = frozenset(),
    rules: list[Rule] | None = None,
) -> None:
    """Sends an event to all whom a bus's rules name. `only_rules` are the ARNs that a replay is limited to; `rules` are
    the bus's, where the caller has listed them for several events."""
    ready = Event(event)
    for rule in listening_rules(tx, scope, bus) if rules is None else rules:
        if not eventpatterns.parse(rule.pattern).matches(ready):
            continue
        if not only_rules or buses.rule_arn(scope, rule) in only_rules:
            send_to_targets(ctx, tx, scope, rule, event, past)
    if "replay-name" not in event:
        _archive(ctx, tx, scope, bus, event, ready)


def _archive(ctx: Context, tx: Transaction, scope: Scope, bus: str, event: dict[str, Any], ready: Event) -> None:
    for found in list(BY_BUS.scan(tx, scope, bus)):
        if found.pattern and not eventpatterns.parse(found.pattern).matches(ready):
            continue
        archive = ARCHIVES.open(tx, scope, found.name)
        assert archive is not None, found.name
        count, size_bytes = archive.count + 1, archive.size_bytes + _archived_bytes(event)
        if archive.retention_days:
            for old in list(ARCHIVED.scan(tx, scope, archive.name, limit=_SWEEP)):
                if old.at >= ctx.now - archive.retention_days * _DAY_SECONDS:
                    break
                ARCHIVED.delete(tx, scope, old)
                count, size_bytes = count - 1, size_bytes - _archived_bytes(json.loads(old.event))
        text = inputtransform.compact(event)
        ARCHIVED.insert(tx, scope, ArchivedEvent(archive.name, ctx.now, event["id"], text))
        ARCHIVES.replace(tx, scope, archive, replace(archive, count=count, size_bytes=size_bytes))


def _archived_bytes(event: dict[str, Any]) -> int:
    """What an event counts for in an archive (recorded): its time, source, detail type and detail."""
    texts = (event["time"], event["source"], event["detail-type"], json.dumps(event["detail"], ensure_ascii=False))
    return sum(len(text.encode()) for text in texts)


def send_to_targets(
    ctx: Context, tx: Transaction, scope: Scope, rule: Rule, event: dict[str, Any], past: Past = NEW
) -> None:
    text = inputtransform.compact(event)
    rule_arn = buses.rule_arn(scope, rule)
    for target in TARGETS.scan(tx, scope, rule.bus, rule.name):
        try:
            rendered = render_input(ctx, target, event, text, rule_arn, rule.name)
        except InputTransformError as error:
            work = Work(rule_arn, target.settings, str(error), text, *past)
            _give_up(ctx, tx, _delivery(ctx, scope, target, work), work)
            continue
        tx.enqueue(_delivery(ctx, scope, target, Work(rule_arn, target.settings, rendered, text, *past)))


def _give_up(ctx: Context, tx: Transaction, made: Delivery, work: Work) -> None:
    """What is no JSON once the template is filled in goes to the dead-letter queue alone, if there is one."""
    if not made.dead:
        return
    failed = replace(made, kind="events.target", payload=msgspec.msgpack.encode(work), failure=INVALID_INPUT)
    dead = replace(made, kind=made.dead, lane=f"dead/{made.lane}", payload=render_dead(failed), dead="", at_once=False)
    tx.enqueue(dead)


def render_input(ctx: Context, target: Target, event: dict[str, Any], text: str, rule_arn: str, rule_name: str) -> str:
    """What the target gets: its constant input, a part of the event, a filled template, or the event."""
    settings = target.settings
    if "Input" in settings:
        return str(settings["Input"])
    if "InputPath" in settings:
        return inputtransform.compact(inputtransform.select(event, settings["InputPath"]))
    transformer = settings.get("InputTransformer")
    if not transformer:
        return text
    reserved = inputtransform.predefined(event, rule_arn, rule_name, _render_milliseconds(ctx.now))
    return inputtransform.transform(
        event, transformer.get("InputPathsMap") or {}, transformer["InputTemplate"], reserved
    )


def _delivery(ctx: Context, scope: Scope, target: Target, work: Work) -> Delivery:
    """Queues and topics take their messages in the outbox's own transaction; others are called."""
    found = find_arn(target.arn)
    assert found is not None, target.arn
    retry = read_retry(target.settings.get("RetryPolicy"))
    has_queue = bool((target.settings.get("DeadLetterConfig") or {}).get("Arn"))
    dead = "events.dead" if has_queue else ""
    event_id = json.loads(work.event)["id"]
    lane = f"events|{work.rule_arn}|{target.bus}|{target.rule}|{target.id}|{event_id}"
    # With a role the target's own policy is not asked.
    asks = not target.settings.get("RoleArn")
    if found.service == "sqs":
        message = {"MessageBody": work.input, **sqs.traced(work.trace), **(target.settings.get("SqsParameters") or {})}
        sender = sqs.Sender(SERVICE, work.rule_arn) if asks else None
        return sqs.delivery(ctx, target.arn, message, lane=lane, retry=retry, dead=dead, sender=sender, at_once=True)
    if found.service == "sns":
        publisher = (SERVICE, work.rule_arn) if asks else None
        message = {"Message": work.input}
        return sns.delivery(ctx, target.arn, message, lane=lane, retry=retry, dead=dead, sender=publisher)
    kind = "events.bus" if found.service == "events" and found.resource.startswith("event-bus/") else "events.target"
    return Delivery(
        kind=kind,
        lane=lane,
        scope=scope,
        payload=msgspec.msgpack.encode(work),
        retry=retry,
        dead=dead,
        trace=ctx.trace,
        enqueued_at=ctx.now,
    )


def exhausted_condition(failed: Delivery) -> str:
    """Which of its policy's limits a delivery met that was tried in vain."""
    return "MaximumRetryAttempts" if failed.attempts >= failed.retry.attempts else "MaximumEventAgeInSeconds"


def read_retry(policy: dict[str, Any] | None) -> Retry:
    """AWS tries for a day and 185 times again, unless the target says otherwise."""
    policy = policy or {}
    return Retry(
        attempts=policy.get("MaximumRetryAttempts", 185) + 1,
        first_delay_seconds=1.0,
        longest_delay_seconds=900.0,
        max_age_seconds=float(policy.get("MaximumEventAgeInSeconds", 86_400)),
    )
