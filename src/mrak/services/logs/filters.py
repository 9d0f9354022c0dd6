"""Operations on subscription filters and metric filters; `passing` is what they do."""

from __future__ import annotations

from typing import Any

from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.core.page import find_position
from mrak.services.logs import errors, names, passing, streaming, transformations
from mrak.services.logs.tables import METRIC_FILTERS, SUBSCRIPTIONS, MetricFilter, SubscriptionFilter

_MOST_SUBSCRIPTIONS = 5
_MOST_METRIC_FILTERS = 100
_MOST_WITH_REGEXES = 5
_STREAMING = ("kinesis", "firehose")


@operation("PutSubscriptionFilter")
async def put_subscription_filter(ctx: Context, req: dict[str, Any]) -> None:
    destination = find_arn(req["destinationArn"])
    if destination is None or destination.service not in ("lambda", "logs", *_STREAMING):
        raise errors.invalid_parameter("destinationArn is not valid")
    if destination.service in _STREAMING and not req.get("roleArn"):
        raise errors.invalid_parameter(
            f"destinationArn for vendor {destination.service} cannot be used without roleArn"
        )
    if destination.service == "lambda":
        if req.get("roleArn"):
            raise errors.invalid_parameter("destinationArn for vendor lambda cannot be used with roleArn")
        if destination.account != ctx.scope.account:
            raise errors.cross_account_function()
        await _check_function(ctx, req)
    passing.parse_pattern(req["filterPattern"])
    passing.check_system_fields(req, "emitSystemFields")
    if destination.service == "kinesis":
        await streaming.send_test(ctx, req["destinationArn"], names.service(ctx.scope, req["logGroupName"]))
    await ctx.transact(lambda tx: _put_subscription(ctx, tx, req))


async def _check_function(ctx: Context, req: dict[str, Any]) -> None:
    """AWS tries the function before it accepts a filter; we see whether it is there and lets the log group in."""
    params = {"FunctionName": req["destinationArn"], "InvocationType": "DryRun"}
    try:
        await ctx.call("lambda", "Invoke", params, principal=names.service(ctx.scope, req["logGroupName"]))
    except ApiError as error:
        if error.code not in ("ResourceNotFoundException", "AccessDeniedException"):
            raise
        raise errors.function_not_executable() from None


def _put_subscription(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    group = names.require_group(tx, ctx.scope, req["logGroupName"])
    existing = SUBSCRIPTIONS.open(tx, ctx.scope, group.name, req["filterName"])
    fresh = SubscriptionFilter(
        group=group.name,
        name=req["filterName"],
        pattern=req["filterPattern"],
        destination_arn=req["destinationArn"],
        created_ms=int(ctx.now * 1000) if existing is None else existing.created_ms,
        role_arn=req.get("roleArn", ""),
        distribution=req.get("distribution", "ByLogStream"),
        is_transformed=req.get("applyOnTransformedLogs", False),
        system_fields=list(dict.fromkeys(req.get("emitSystemFields", []))),
        criteria=req.get("fieldSelectionCriteria", ""),
    )
    if existing is not None:
        SUBSCRIPTIONS.replace(tx, ctx.scope, existing, fresh)
        return
    if SUBSCRIPTIONS.count(tx, ctx.scope, group.name) >= _MOST_SUBSCRIPTIONS:
        raise errors.limit_exceeded()
    SUBSCRIPTIONS.insert(tx, ctx.scope, fresh)


@operation("DescribeSubscriptionFilters")
def describe_subscription_filters(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    group = names.require_group(tx, ctx.scope, req["logGroupName"])
    prefix = req.get("filterNamePrefix", "")
    rows = SUBSCRIPTIONS.scan(tx, ctx.scope, group.name, after=_token_position(req))
    matching = (row for row in rows if row.name.startswith(prefix))
    return names.page_of(req, "subscriptionFilters", matching, lambda row: row.name, _render_subscription)


@operation("DeleteSubscriptionFilter")
def delete_subscription_filter(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    group = names.require_group(tx, ctx.scope, req["logGroupName"])
    row = SUBSCRIPTIONS.open(tx, ctx.scope, group.name, req["filterName"])
    if row is None:
        raise errors.filter_not_found("subscription")
    SUBSCRIPTIONS.delete(tx, ctx.scope, row)


def _render_subscription(row: SubscriptionFilter) -> dict[str, Any]:
    shown = {
        "filterName": row.name,
        "logGroupName": row.group,
        "filterPattern": row.pattern,
        "destinationArn": row.destination_arn,
        "distribution": row.distribution,
        "applyOnTransformedLogs": row.is_transformed,
        "creationTime": row.created_ms,
    }
    optional = {
        "roleArn": row.role_arn,
        "emitSystemFields": row.system_fields,
        "fieldSelectionCriteria": row.criteria,
    }
    return shown | {name: value for name, value in optional.items() if value}


def _token_position(req: dict[str, Any]) -> str | None:
    """As everywhere, but that a token which never was one has words of its own."""
    if "nextToken" in req and find_position(req["nextToken"]) is None:
        raise errors.foreign_token()
    return names.token_position(req)


# Metric filters ---------------------------------------------------------------------------------------------------


@operation("PutMetricFilter")
def put_metric_filter(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    passing.parse_pattern(req["filterPattern"], for_metrics=True)
    for at, made in enumerate(req["metricTransformations"], 1):
        # The model forbids colons too, which CloudWatch Logs takes.
        if set(made["metricNamespace"]) & {"*", "$"}:
            raise errors.invalid_parameter(
                f"1 validation error detected: Value '{made['metricNamespace']}' at "
                f"'metricTransformations.{at}.member.metricNamespace' failed to satisfy constraint: Member must "
                "satisfy regular expression pattern: [^:*$]*"
            )
        transformations.check(made, req.get("emitSystemFieldDimensions", []))
    passing.check_system_fields(req, "emitSystemFieldDimensions")
    group = names.require_group(tx, ctx.scope, req["logGroupName"])
    existing = METRIC_FILTERS.open(tx, ctx.scope, group.name, req["filterName"])
    fresh = MetricFilter(
        group=group.name,
        name=req["filterName"],
        pattern=req["filterPattern"],
        transformations=tuple(req["metricTransformations"]),
        created_ms=int(ctx.now * 1000) if existing is None else existing.created_ms,
        is_transformed=req.get("applyOnTransformedLogs", False),
        system_fields=list(dict.fromkeys(req.get("emitSystemFieldDimensions", []))),
        criteria=req.get("fieldSelectionCriteria", ""),
    )
    _check_regexes(ctx, tx, fresh)
    if existing is not None:
        METRIC_FILTERS.replace(tx, ctx.scope, existing, fresh)
        return
    if METRIC_FILTERS.count(tx, ctx.scope, group.name) >= _MOST_METRIC_FILTERS:
        raise errors.limit_exceeded()
    METRIC_FILTERS.insert(tx, ctx.scope, fresh)


def _check_regexes(ctx: Context, tx: Transaction, fresh: MetricFilter) -> None:
    """A group has at most five metric filters with regular expressions."""
    if not passing.parse_pattern(fresh.pattern).has_regex:
        return
    others = (row for row in METRIC_FILTERS.scan(tx, ctx.scope, fresh.group) if row.name != fresh.name)
    found = (passing.find_pattern(row.pattern) for row in others)
    if sum(pattern is not None and pattern.has_regex for pattern in found) >= _MOST_WITH_REGEXES:
        raise errors.limit_exceeded()


@operation("DescribeMetricFilters")
def describe_metric_filters(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    prefix, metric, namespace = req.get("filterNamePrefix", ""), req.get("metricName"), req.get("metricNamespace")
    if (metric is None) != (namespace is None) or ("logGroupName" in req and metric is not None):
        raise errors.invalid_parameter(
            "Describe Metric Filters request must contain either logGroupName or metricName and metricNamespace"
        )
    after = _token_position(req)
    if "logGroupName" in req:
        group = names.require_group(tx, ctx.scope, req["logGroupName"]).name
        rows = METRIC_FILTERS.scan(tx, ctx.scope, group)
    else:
        rows = METRIC_FILTERS.scan(tx, ctx.scope)
    matching = (
        row
        for row in rows
        if (after is None or _place(row) > after)
        and (row.name.startswith(prefix) if metric is None else _feeds(row, metric, str(namespace)))
    )
    return names.page_of(req, "metricFilters", matching, _place, _render_metric_filter)


def _place(row: MetricFilter) -> str:
    return f"{row.group}:{row.name}"


def _feeds(row: MetricFilter, metric: str, namespace: str) -> bool:
    return any((each["metricName"], each["metricNamespace"]) == (metric, namespace) for each in row.transformations)


@operation("DeleteMetricFilter")
def delete_metric_filter(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    group = names.require_group(tx, ctx.scope, req["logGroupName"])
    row = METRIC_FILTERS.open(tx, ctx.scope, group.name, req["filterName"])
    if row is None:
        raise errors.filter_not_found("metric")
    METRIC_FILTERS.delete(tx, ctx.scope, row)


@operation("TestMetricFilter")
def test_metric_filter(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pattern = passing.parse_pattern(req["filterPattern"], for_metrics=True)
    return {
        "matches": [
            {"eventNumber": number, "eventMessage": message, "extractedValues": pattern.extract(message)}
            for number, message in enumerate(req["logEventMessages"], 1)
            if pattern.matches(message)
        ]
    }


def _render_metric_filter(row: MetricFilter) -> dict[str, Any]:
    shown = {
        "filterName": row.name,
        "filterPattern": row.pattern,
        "metricTransformations": list(row.transformations),
        "creationTime": row.created_ms,
        "logGroupName": row.group,
        "applyOnTransformedLogs": row.is_transformed,
    }
    optional = {"emitSystemFieldDimensions": row.system_fields, "fieldSelectionCriteria": row.criteria}
    return shown | {name: value for name, value in optional.items() if value}
