"""Contributor insights of tables and of their indexes.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateContributorInsights.html
"""

from __future__ import annotations

from typing import Any

from msgspec import structs

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.core.page import find_position, take_page
from mrak.services.dynamodb import access, errors, rules
from mrak.services.dynamodb.table_operations import require_table
from mrak.services.dynamodb.tables import TABLES, TableRecord

_PAGE_INSIGHTS = 100
_DEFAULT_MODE = "ACCESSED_AND_THROTTLED_KEYS"


def _check_index(record: TableRecord, name: str | None) -> None:
    if name is not None:
        rules.check_name_length(name, "IndexName")
    if name is not None and all(index.name != name or not index.is_global for index in record.indexes):
        raise ApiError(
            "ResourceNotFoundException",
            f"Requested resource not found: Index: {name} not found for table: {record.name}",
        )


@operation("UpdateContributorInsights")
def update_contributor_insights(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, record = require_table(ctx, tx, req["TableName"], opens=True)
    name = req.get("IndexName")
    _check_index(record, name)
    enables = req["ContributorInsightsAction"] == "ENABLE"
    mode = req.get("ContributorInsightsMode", _DEFAULT_MODE)
    current = record.insights.get(name or "")
    is_on = current is not None and _is_on(current)
    if is_on == enables and (current is None or not enables or current["mode"] == mode):
        status = "ENABLED" if enables else "DISABLED"
    else:
        status = "ENABLING" if enables else "DISABLING"
        # Rules are named by when they were made: those that another mode keeps have their names still.
        since = current["since"] if current is not None and is_on else ctx.now
        kept_mode = mode if enables or current is None else current["mode"]
        changed = {"mode": kept_mode, "since": since, "updated": ctx.now, "is_on": enables}
        insights = {**record.insights, name or "": changed}
        TABLES.replace(tx, scope, record, structs.replace(record, insights=insights))
    output = {
        "TableName": record.name,
        "ContributorInsightsStatus": status,
        "ContributorInsightsMode": mode,
    }
    return output | ({"IndexName": name} if name is not None else {})


@operation("DescribeContributorInsights")
def describe_contributor_insights(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    _, record = require_table(ctx, tx, req["TableName"])
    name = req.get("IndexName")
    _check_index(record, name)
    output: dict[str, Any] = {"TableName": record.name, "ContributorInsightsStatus": "DISABLED"}
    if name is not None:
        output["IndexName"] = name
    insight = record.insights.get(name or "")
    if insight is None:
        return output
    output |= {
        "ContributorInsightsMode": insight["mode"],
        "LastUpdateDateTime": insight.get("updated", insight["since"]),
    }
    if _is_on(insight):
        suffix = f"{record.name}{'-' + name if name else ''}-{int(insight['since'] * 1000)}"
        output["ContributorInsightsStatus"] = "ENABLED"
        output["ContributorInsightsRuleList"] = [
            f"DynamoDBContributorInsights-{rule}-{suffix}" for rule in _rules(record, name, insight["mode"])
        ]
    return output


def _is_on(insight: dict[str, Any]) -> bool:
    """What was switched off is remembered, and shown by a description alone."""
    return bool(insight.get("is_on", True))


def _rules(record: TableRecord, index: str | None, mode: str) -> list[str]:
    """Accessed and throttled, partition keys and whole keys."""
    keys = next((it.keys for it in record.indexes if it.name == index), record.keys)
    whole = any(role == "RANGE" for _, role in keys)
    rules = ["PKT", "SKT"] if whole else ["PKT"]
    return rules if mode == "THROTTLED_KEYS" else [*(["PKC", "SKC"] if whole else ["PKC"]), *rules]


@operation("ListContributorInsights")
def list_contributor_insights(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    if "TableName" in req:
        records = [require_table(ctx, tx, req["TableName"])[1]]
    else:
        access.check_account(ctx, tx)
        records = list(TABLES.scan(tx, ctx.scope))
    summaries: list[dict[str, Any]] = []
    for record in records:
        for name, insight in sorted(record.insights.items()):
            if not _is_on(insight):
                continue
            summary = {
                "TableName": record.name,
                "ContributorInsightsStatus": "ENABLED",
                "ContributorInsightsMode": insight["mode"],
            }
            summaries.append(summary | ({"IndexName": name} if name else {}))
    after = find_position(req["NextToken"]) if "NextToken" in req else ""
    if after is None:
        raise errors.invalid("NextToken is invalid")
    left = (summary for summary in sorted(summaries, key=_position) if _position(summary) > after)
    page, token = take_page(left, req.get("MaxResults", _PAGE_INSIGHTS), _position)
    return {"ContributorInsightsSummaries": page} | ({"NextToken": token} if token is not None else {})


def _position(summary: dict[str, Any]) -> str:
    return f"{summary['TableName']}/{summary.get('IndexName', '')}"
