"""What other services may use of EventBridge: the constructor of a delivery that puts an event of an AWS service, the
explanation of what the rules of a bus make of an event, and the calls of targets by their ARN."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from mrak.core.background import Delivery
from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.lang import eventpatterns
from mrak.lang.eventpatterns import Event
from mrak.services.events import authorisation, buses, connections
from mrak.services.events.authorisation import Added, EndpointFailed
from mrak.services.events.matching import Given, exhausted_condition, read_retry
from mrak.services.events.tables import RULES
from mrak.services.events.targets import How, call_target

__all__ = [
    "PUT",
    "Added",
    "EndpointFailed",
    "How",
    "authorise",
    "call_target",
    "delivery",
    "exhausted_condition",
    "explain",
    "read_retry",
]

PUT = "events.put"


def delivery(
    ctx: Context, source: str, detail_type: str, detail: dict[str, Any], resources: list[str], *, lane: str = ""
) -> Delivery:
    """A delivery that puts an event on the default bus of `ctx.scope`: what S3 or Step Functions report. Its source may
    begin with `aws.`, which PutEvents refuses."""
    return Delivery(
        kind=PUT,
        lane=lane or f"events/{source}",
        scope=ctx.scope,
        payload=msgspec.msgpack.encode(Given(source, detail_type, detail, resources, ctx.now)),
        trace=ctx.trace,
        enqueued_at=ctx.now,
    )


async def authorise(ctx: Context, scope: Scope, connection_arn: str) -> Added | None:
    """What a connection adds to a request; None where there is none of that ARN that is authorised. Raises
    EndpointFailed where its token cannot be had."""
    connection = await ctx.transact(lambda tx: connections.find_by_arn(tx, scope, connection_arn))
    if connection is None or connection.state == "DEAUTHORIZED":
        return None
    return await authorisation.of_connection(ctx, connection)


def explain(tx: Transaction, scope: Scope, bus: str, event: dict[str, Any]) -> list[dict[str, Any]]:
    """For each rule of a bus: whether it takes the event, and if not, which field keeps it from it."""
    ready = Event(json.loads(json.dumps(event)))
    rules = (rule for rule in RULES.scan(tx, scope, bus, limit=300) if not rule.managed_by)
    return [_explain_rule(scope, rule, ready) for rule in rules]


def _explain_rule(scope: Scope, rule: Any, event: Event) -> dict[str, Any]:
    shown: dict[str, Any] = {"rule": rule.name, "arn": buses.rule_arn(scope, rule), "matches": False}
    if not rule.is_enabled:
        return {**shown, "reason": "the rule is disabled"}
    if not rule.pattern:
        return {**shown, "reason": "the rule has a schedule and no pattern"}
    mismatches = eventpatterns.parse(rule.pattern).explain(event)
    if not mismatches:
        return {**shown, "matches": True}
    fields = [
        {"path": found.path, "wanted": list(found.wanted), "found": list(found.found), "reason": found.reason}
        for found in mismatches
    ]
    return {**shown, "reason": "fields do not match", "fields": fields}
