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
from mrak.services.dynamodb import errors, rules
from mrak.services.dynamodb.table_operations import require_table
from mrak.services.dynamodb.tables import TABLES, TableRecord

_PAGE_INSIGHTS = 100
_DEFAULT_MODE = "ACCESSED_AND_THROTTLED_KEYS"


def _check_index(record: TableRecord, name: str | None) -> None:
    if name is not None:
        rules.check_name_length(name, "IndexName")
    if name is not None and all(index.name != name or not index.is_global for index in record.indexes):
        raise ApiError("ResourceNotFoundException", f"Index: {name} not found for table: {record.name}")


@operation("UpdateContributorInsights")
def update_contributor_insights(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, record = require_table(ctx, tx, req["TableName"], opens=True)
    name = req.get("IndexName")
    _check_index(record, name)
    enables = req["ContributorInsightsAction"] == "ENABLE"
    mode = req.get("ContributorInsightsMode", _DEFAULT_MODE)
    current = record.insights.get(name or "")
    status = "ENABLING" if enables else "DISABLING"
    if not enables and current is None:
        status = "DISABLED"
    elif enables and current is not None and current["mode"] == mode:
        status = "ENABLED"
    insights = {key: value for key, value in record.insights.items() if key != (name or "")}
    if enables:
        insights[name or ""] = current if status == "ENABLED" and current else {"mode": mode, "since": ctx.now}
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
    if insight is not None:
        suffix = f"{record.name}{'-' + name if name else ''}-{int(insight['since'] * 1000)}"
        output |= {
            "ContributorInsightsStatus": "ENABLED",
            "ContributorInsightsMode": insight["mode"],
            "ContributorInsightsRuleList": [
                f"DynamoDBContributorInsights-{rule}-{suffix}" for rule in _rules(record, insight["mode"])
            ],
            "LastUpdateDateTime": insight["since"],
        }
    return output


def _rules(record: TableRecord, mode: str) -> list[str]:
    """Accessed and throttled, partition keys and whole keys."""
    whole = len(record.keys) > 1
    rules = ["PKT", "SKT"] if whole else ["PKT"]
    return rules if mode == "THROTTLED_KEYS" else [*(["PKC", "SKC"] if whole else ["PKC"]), *rules]


@operation("ListContributorInsights")
def list_contributor_insights(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    if "TableName" in req:
        records = [require_table(ctx, tx, req["TableName"])[1]]
    else:
        records = list(TABLES.scan(tx, ctx.scope))
    summaries: list[dict[str, Any]] = []
    for record in records:
        for name, insight in sorted(record.insights.items()):
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
