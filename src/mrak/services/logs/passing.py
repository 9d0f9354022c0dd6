"""Hands new events to subscription and metric filters.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html

What a filter catches becomes a delivery in the transaction that appends the events, so nothing is lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import msgspec

from mrak.core.background import Delivery, Retry
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.scope import Scope
from mrak.lang import fieldselection
from mrak.lang.logfilter import FilterPatternError, LogFilter, parse_filter
from mrak.services.logs import errors, transformations
from mrak.services.logs.places import render_event_id
from mrak.services.logs.tables import (
    ACCOUNT_POLICIES,
    DESTINATIONS,
    METRIC_FILTERS,
    SUBSCRIPTIONS,
    Event,
    Group,
    SubscriptionFilter,
)

SUBSCRIPTION, METRICS = "logs.subscription", "logs.metrics"
ACCOUNT_SUBSCRIPTION = "SUBSCRIPTION_FILTER_POLICY"
_SYSTEM_FIELDS = ("@aws.region", "@aws.account", "@source.log")


def parse_pattern(text: str, *, for_metrics: bool = False) -> LogFilter:
    """A filter pattern; raises InvalidParameterException."""
    try:
        return parse_filter(text)
    except FilterPatternError as error:
        raise errors.invalid_parameter(error.for_metrics if for_metrics else str(error)) from None


def find_pattern(text: str) -> LogFilter | None:
    """That of a filter that is stored; None of one that an earlier version took and this one refuses: it catches
    nothing."""
    try:
        return parse_filter(text)
    except FilterPatternError:
        return None


def check_system_fields(req: dict[str, Any], member: str) -> None:
    """The fields of AWS's own that a filter asks for, and those by which it selects events."""
    deviation("LOGS-005")
    if not set(req.get(member, [])) <= set(_SYSTEM_FIELDS):
        listed = ", ".join(_SYSTEM_FIELDS)
        raise errors.invalid_parameter(
            f"The provided system fields are invalid. The supported system fields are - [{listed}]"
        )
    try:
        fieldselection.parse(req.get("fieldSelectionCriteria", ""))
    except fieldselection.FieldSelectionError:
        raise errors.invalid_parameter("The provided field selection criteria is invalid") from None


def _system_fields(scope: Scope, group: str) -> dict[str, str]:
    return {"@aws.region": scope.region, "@aws.account": scope.account, "@source.log": group}


def pass_on(ctx: Context, tx: Transaction, scope: Scope, group: Group, added: list[Event]) -> None:
    """Hands new events of one stream to the group's filters."""
    system = _system_fields(scope, group.name)
    for subscription in chain(SUBSCRIPTIONS.scan(tx, scope, group.name), _of_account(tx, scope, group)):
        if not fieldselection.parse(subscription.criteria)(system):
            continue
        pattern = find_pattern(subscription.pattern)
        caught = [event for event in added if pattern is not None and pattern.matches(event.message)]
        target = _target(tx, scope, subscription.destination_arn)
        if caught and target:
            payload = [target, _message(scope, subscription, caught)]
            tx.enqueue(_delivery(ctx, scope, SUBSCRIPTION, target, payload))
    for metric_filter in METRIC_FILTERS.scan(tx, scope, group.name):
        if not fieldselection.parse(metric_filter.criteria)(system):
            continue
        pattern = find_pattern(metric_filter.pattern)
        data = [] if pattern is None else transformations.make_data(metric_filter, pattern, added, system)
        if data:
            tx.enqueue(_delivery(ctx, scope, METRICS, f"{METRICS}/{scope.account}/{scope.region}", data))


def _of_account(tx: Transaction, scope: Scope, group: Group) -> Iterator[SubscriptionFilter]:
    """The account's subscription policy, as a filter on the group."""
    for policy in ACCOUNT_POLICIES.scan(tx, scope, ACCOUNT_SUBSCRIPTION):
        if group.name in policy.excluded:
            continue
        document = msgspec.json.decode(policy.document)
        yield SubscriptionFilter(
            group=group.name,
            name=policy.name,
            pattern=document.get("FilterPattern", ""),
            destination_arn=document["DestinationArn"],
            created_ms=policy.updated_ms,
        )


def _target(tx: Transaction, scope: Scope, destination_arn: str) -> str:
    """What a destination of our own stands for; any other ARN is the target itself."""
    if destination_arn.split(":")[2] != "logs":
        return destination_arn
    destination = DESTINATIONS.get(tx, scope, destination_arn.rpartition(":")[2])
    return "" if destination is None else destination.target_arn


def _delivery(ctx: Context, scope: Scope, kind: str, lane: str, payload: Any) -> Delivery:
    return Delivery(
        kind=kind,
        lane=lane,
        scope=scope,
        payload=msgspec.msgpack.encode(payload),
        retry=Retry(attempts=10),
        trace=ctx.trace,
        enqueued_at=ctx.now,
    )


def _message(scope: Scope, subscription: SubscriptionFilter, caught: list[Event]) -> dict[str, Any]:
    """The record that a subscriber gets."""
    system = _system_fields(scope, subscription.group)
    fields = {name: system[name] for name in subscription.system_fields}
    extracted = {"extractedFields": fields} if fields else {}
    return {
        "messageType": "DATA_MESSAGE",
        "owner": scope.account,
        "logGroup": subscription.group,
        "logStream": caught[0].stream,
        "subscriptionFilters": [subscription.name],
        "logEvents": [
            {"id": render_event_id(event), "timestamp": event.timestamp_ms, "message": event.message} | extracted
            for event in caught
        ],
    }
