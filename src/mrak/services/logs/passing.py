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
from mrak.core.scope import Scope
from mrak.lang.logfilter import FilterPatternError, LogFilter, parse_filter
from mrak.services.logs import errors
from mrak.services.logs.places import render_event_id
from mrak.services.logs.tables import (
    ACCOUNT_POLICIES,
    DESTINATIONS,
    METRIC_FILTERS,
    SUBSCRIPTIONS,
    Event,
    Group,
    MetricFilter,
    SubscriptionFilter,
)

SUBSCRIPTION, METRICS = "logs.subscription", "logs.metrics"
ACCOUNT_SUBSCRIPTION = "SUBSCRIPTION_FILTER_POLICY"


def parse_pattern(text: str, *, for_metrics: bool = False) -> LogFilter:
    """A filter pattern; raises InvalidParameterException."""
    try:
        return parse_filter(text)
    except FilterPatternError as error:
        raise errors.invalid_parameter(error.for_metrics if for_metrics else str(error)) from None


def pass_on(ctx: Context, tx: Transaction, scope: Scope, group: Group, added: list[Event]) -> None:
    """Hands new events of one stream to the group's filters."""
    for subscription in chain(SUBSCRIPTIONS.scan(tx, scope, group.name), _of_account(tx, scope, group)):
        pattern = parse_filter(subscription.pattern)
        caught = [event for event in added if pattern.matches(event.message)]
        target = _target(tx, scope, subscription.destination_arn)
        if caught and target:
            payload = [target, _message(scope, subscription, caught)]
            tx.enqueue(_delivery(ctx, scope, SUBSCRIPTION, target, payload))
    for metric_filter in METRIC_FILTERS.scan(tx, scope, group.name):
        pattern = parse_filter(metric_filter.pattern)
        data = _metric_data(metric_filter, pattern, added)
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
    return {
        "messageType": "DATA_MESSAGE",
        "owner": scope.account,
        "logGroup": subscription.group,
        "logStream": caught[0].stream,
        "subscriptionFilters": [subscription.name],
        "logEvents": [
            {"id": render_event_id(event), "timestamp": event.timestamp_ms, "message": event.message}
            for event in caught
        ],
    }


def _metric_data(row: MetricFilter, pattern: LogFilter, added: list[Event]) -> list[tuple[str, dict[str, Any]]]:
    """(namespace, datum) of each value that a metric filter takes out of events."""
    data: list[tuple[str, dict[str, Any]]] = []
    for event in added:
        if not pattern.matches(event.message):
            continue
        for transformation in row.transformations:
            value = _value(pattern, event.message, str(transformation["metricValue"]))
            if value is not None:
                data.append((str(transformation["metricNamespace"]), _datum(transformation, pattern, event, value)))
    return data


def _datum(transformation: dict[str, Any], pattern: LogFilter, event: Event, value: float) -> dict[str, Any]:
    dimensions = [
        {"Name": name, "Value": found}
        for name, selector in (transformation.get("dimensions") or {}).items()
        if (found := pattern.find_value(event.message, selector)) is not None
    ]
    datum: dict[str, Any] = {
        "MetricName": transformation["metricName"],
        "Timestamp": event.timestamp_ms / 1000,
        "Value": value,
    }
    if dimensions:
        datum["Dimensions"] = dimensions
    return datum | ({"Unit": transformation["unit"]} if transformation.get("unit") else {})


def _value(pattern: LogFilter, message: str, wanted: str) -> float | None:
    """A constant, or what the message has at a selector; nothing where that is no number."""
    text = pattern.find_value(message, wanted) if wanted.startswith("$") else wanted
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
