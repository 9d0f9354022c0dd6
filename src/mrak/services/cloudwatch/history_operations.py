"""DescribeAlarmHistory: what happened to alarms, also to those that are gone.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.page import find_number, take_page
from mrak.services.cloudwatch import errors
from mrak.services.cloudwatch.tables import HISTORY, Change

_KINDS = ("ConfigurationUpdate", "StateUpdate", "Action")
_MOST_ITEMS = 100


@operation("DescribeAlarmHistory")
def describe_alarm_history(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """By time, of one alarm or of all."""
    limit = req.get("MaxRecords", _MOST_ITEMS)
    newest_first = req.get("ScanBy", "TimestampDescending") == "TimestampDescending"
    wanted = (req["AlarmName"],) if "AlarmName" in req else ()
    rows = HISTORY.scan(tx, ctx.scope, *wanted, reverse=newest_first)
    found: Iterator[Change] = (row for row in rows if _fits(row, req))
    after = _position(req)
    if after is not None:
        found = (row for row in found if (row.sequence < after if newest_first else row.sequence > after))
    if not wanted:
        found = _by_time(found, limit + 1, newest_first)
    page, token = take_page(found, limit, lambda row: str(row.sequence))
    answer: dict[str, Any] = {"AlarmHistoryItems": [_render(row) for row in page]}
    return answer if token is None else answer | {"NextToken": token}


def _by_time(rows: Iterator[Change], count: int, newest_first: bool) -> Iterator[Change]:
    """The first of them, which come alarm by alarm."""
    pick = heapq.nlargest if newest_first else heapq.nsmallest
    return iter(pick(count, rows, key=lambda row: row.sequence))


def _position(req: dict[str, Any]) -> int | None:
    if "NextToken" not in req:
        return None
    found = find_number(req["NextToken"])
    if found is None:
        raise errors.invalid_history_token(req["NextToken"])
    return found


def _fits(change: Change, req: dict[str, Any]) -> bool:
    kinds = (req["HistoryItemType"],) if "HistoryItemType" in req else _KINDS
    types = req.get("AlarmTypes") or ["MetricAlarm"]
    inside = req.get("StartDate", 0.0) <= change.at <= req.get("EndDate", change.at)
    return change.kind in kinds and change.alarm_type in types and inside


def _render(change: Change) -> dict[str, Any]:
    return {
        "AlarmName": change.alarm,
        "AlarmType": change.alarm_type,
        "Timestamp": change.at,
        "HistoryItemType": change.kind,
        "HistorySummary": change.summary,
        "HistoryData": change.data,
    }
