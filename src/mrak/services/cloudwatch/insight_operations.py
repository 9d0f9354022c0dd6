"""Contributor Insights rules, and reports made from the log lines that came since a rule was put.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetInsightRuleReport.html
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.operation import operation
from mrak.core.page import find_position, take_page
from mrak.services.cloudwatch import contributors, errors
from mrak.services.cloudwatch.contributors import Definition
from mrak.services.cloudwatch.tables import RULES, Rule

_MOST_LINES = 100_000
_SHOWN = 10
Sums = dict[tuple[str, ...], dict[float, float]]


@operation("PutInsightRule")
def put_insight_rule(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _parse(req["RuleDefinition"])
    old = RULES.open(tx, ctx.scope, req["RuleName"])
    fresh = Rule(
        name=req["RuleName"],
        definition=req["RuleDefinition"],
        enabled=req.get("RuleState", "ENABLED") == "ENABLED",
        since=ctx.now if old is None else old.since,
        transformed=req.get("ApplyOnTransformedLogs", False),
    )
    if old is None:
        RULES.insert(tx, ctx.scope, fresh)
    else:
        RULES.replace(tx, ctx.scope, old, fresh)


def _parse(text: str) -> Definition:
    try:
        return contributors.parse(text)
    except contributors.DefinitionError as error:
        raise errors.invalid_value(str(error)) from None


@operation("DescribeInsightRules")
def describe_insight_rules(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    after = find_position(req["NextToken"]) if "NextToken" in req else None
    if "NextToken" in req and after is None:
        raise errors.invalid_token()
    rows = RULES.scan(tx, ctx.scope, after=after)
    page, token = take_page(rows, req.get("MaxResults", 500), lambda row: row.name)
    answer: dict[str, Any] = {"InsightRules": [_render(row) for row in page]}
    return answer if token is None else answer | {"NextToken": token}


def _render(rule: Rule) -> dict[str, Any]:
    return {
        "Name": rule.name,
        "State": "ENABLED" if rule.enabled else "DISABLED",
        "Schema": _parse(rule.definition).schema,
        "Definition": rule.definition,
        "ManagedRule": False,
        "ApplyOnTransformedLogs": rule.transformed,
    }


@operation("EnableInsightRules")
def enable_insight_rules(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _each(ctx, tx, req["RuleNames"], enabled=True)


@operation("DisableInsightRules")
def disable_insight_rules(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _each(ctx, tx, req["RuleNames"], enabled=False)


@operation("DeleteInsightRules")
def delete_insight_rules(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _each(ctx, tx, req["RuleNames"], enabled=None)


def _each(ctx: Context, tx: Transaction, names: list[str], *, enabled: bool | None) -> dict[str, Any]:
    """Switches rules, or deletes them; those that are not there are failures of their own."""
    failures = []
    for name in names:
        rule = RULES.open(tx, ctx.scope, name)
        if rule is None:
            failures.append(
                {
                    "FailureResource": name,
                    "ExceptionType": "ResourceNotFoundException",
                    "FailureCode": "404",
                    "FailureDescription": "The specified rule could not be found.",
                }
            )
        elif enabled is None:
            RULES.delete(tx, ctx.scope, rule)
        else:
            RULES.replace(tx, ctx.scope, rule, msgspec.structs.replace(rule, enabled=enabled))
    return {"Failures": failures}


@operation("GetInsightRuleReport")
def get_insight_rule_report(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    rule = RULES.get(tx, ctx.scope, req["RuleName"])
    if rule is None:
        raise errors.rule_not_found(req["RuleName"])
    start, end, period = float(req["StartTime"]), float(req["EndTime"]), float(req["Period"])
    if start >= end:
        raise errors.start_after_end()
    definition = _parse(rule.definition)
    sums: Sums = {}
    for at, keys, amount in _contributions(ctx, tx, rule, definition, (start, end)):
        place = sums.setdefault(keys, {})
        step = at // period * period
        place[step] = place.get(step, 0.0) + amount
    by_maximum = req.get("OrderBy") == "Maximum"
    ranked = sorted(sums.items(), key=lambda row: (-(max if by_maximum else sum)(row[1].values()), row[0]))
    answer = {
        "KeyLabels": definition.keys,
        "AggregationStatistic": "Sum" if definition.is_sum else "SampleCount",
        "AggregateValue": sum(sum(points.values()) for points in sums.values()) + 0.0,
        "ApproximateUniqueCount": len(sums),
        "Contributors": [_contributor(*row) for row in ranked[: req.get("MaxContributorCount", _SHOWN)]],
    }
    first = start // period * period
    steps = [first + at * period for at in range(math.ceil((end - first) / period))]
    return answer | {"MetricDatapoints": [_datapoint(sums, at, req.get("Metrics", [])) for at in steps]}


def _contributions(
    ctx: Context, tx: Transaction, rule: Rule, definition: Definition, span: tuple[float, float]
) -> Iterator[tuple[float, tuple[str, ...], float]]:
    """(time, keys, amount) of the lines that count."""
    from mrak.services.logs import exports as logs

    deviation("CLOUDWATCH-004")
    if not rule.enabled:
        return
    since_ms, upto_ms = int(max(span[0], rule.since) * 1000), int(span[1] * 1000)
    left = _MOST_LINES
    for timestamp_ms, message in logs.find_lines(tx, ctx.scope, definition.groups, since_ms, upto_ms):
        if not left:
            return
        left -= 1
        found = contributors.contribution(definition, message)
        if found is not None:
            yield timestamp_ms / 1000, *found


def _contributor(keys: tuple[str, ...], points: dict[float, float]) -> dict[str, Any]:
    shown = [{"Timestamp": at, "ApproximateValue": value} for at, value in sorted(points.items())]
    return {"Keys": list(keys), "ApproximateAggregateValue": sum(points.values()), "Datapoints": shown}


def _datapoint(sums: Sums, at: float, wanted: list[str]) -> dict[str, Any]:
    values = [points[at] for points in sums.values() if at in points]
    every = {
        "UniqueContributors": float(len(values)),
        "MaxContributorValue": max(values, default=0.0),
        "SampleCount": sum(values) + 0.0,
        "Sum": sum(values) + 0.0,
        "Minimum": min(values, default=0.0),
        "Maximum": max(values, default=0.0),
        "Average": sum(values) / len(values) if values else 0.0,
    }
    return {"Timestamp": at} | {name: value for name, value in every.items() if name in wanted}
