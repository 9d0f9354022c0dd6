"""Dashboards: kept for tools that write and read them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from mrak.core.arn import arn
from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.page import find_position, take_page
from mrak.core.scope import Scope
from mrak.services.cloudwatch import dashboards, errors
from mrak.services.cloudwatch.putting import parse_tags
from mrak.services.cloudwatch.tables import DASHBOARDS, Dashboard

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST_NAME = 255
_PAGE = 1000


@operation("PutDashboard")
def put_dashboard(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """The tags are for a new dashboard: one that there is keeps its own."""
    name = req["DashboardName"]
    _check_name("DashboardName", name)
    body = _read_body(req["DashboardBody"])
    scope = ctx.scope.account_wide()
    old = DASHBOARDS.open(tx, scope, name)
    tags = parse_tags(req.get("Tags", [])) if old is None else old.tags
    fresh = Dashboard(name=name, body=msgspec.json.encode(body).decode(), changed_at=ctx.now, tags=tags)
    if old is None:
        DASHBOARDS.insert(tx, scope, fresh)
    else:
        DASHBOARDS.replace(tx, scope, old, fresh)
    warnings = dashboards.find_warnings(body)
    return {"DashboardValidationMessages": [{"DataPath": where, "Message": what} for where, what in warnings]}


def _check_name(field: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise errors.invalid_dashboard_name(field)
    if len(name) > _LONGEST_NAME:
        raise errors.long_dashboard_name(field)


def _read_body(text: str) -> dict[str, Any]:
    if not text:
        raise errors.no_dashboard_body()
    try:
        body = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        raise errors.invalid_dashboard() from None
    mistakes = dashboards.find_mistakes(body)
    if mistakes:
        raise errors.wrong_dashboard(mistakes)
    return body


@operation("GetDashboard")
def get_dashboard(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope = ctx.scope.account_wide()
    found = DASHBOARDS.get(tx, scope, req["DashboardName"])
    if found is None:
        raise errors.dashboard_not_found(req["DashboardName"])
    return {"DashboardArn": _arn(scope, found), "DashboardBody": found.body, "DashboardName": found.name}


@operation("ListDashboards")
def list_dashboards(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, prefix = ctx.scope.account_wide(), req.get("DashboardNamePrefix", "")
    if prefix:
        _check_name("DashboardNamePrefix", prefix)
    after = find_position(req["NextToken"]) if "NextToken" in req else ""
    if after is None or ("NextToken" in req and not _NAME.fullmatch(after)):
        raise errors.validation("Invalid NextToken")
    rows = DASHBOARDS.scan(tx, scope, since=max(prefix, after) or None)
    wanted = (row for row in rows if row.name.startswith(prefix) and row.name > after)
    page, token = take_page(wanted, _PAGE, lambda row: row.name)
    answer: dict[str, Any] = {"DashboardEntries": [_render(scope, row) for row in page]}
    return answer if token is None else answer | {"NextToken": token}


@operation("DeleteDashboards")
def delete_dashboards(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    """A name that no dashboard has is passed over."""
    scope = ctx.scope.account_wide()
    if not req["DashboardNames"]:
        raise errors.no_dashboard_names()
    for number, name in enumerate(req["DashboardNames"]):
        _check_name(f"DashboardNames[{number}]", name)
    for name in req["DashboardNames"]:
        found = DASHBOARDS.open(tx, scope, name)
        if found is not None:
            DASHBOARDS.delete(tx, scope, found)


def _render(scope: Scope, dashboard: Dashboard) -> dict[str, Any]:
    return {
        "DashboardName": dashboard.name,
        "DashboardArn": _arn(scope, dashboard),
        "LastModified": int(dashboard.changed_at),
        "Size": len(dashboard.body.encode()),
    }


def _arn(scope: Scope, dashboard: Dashboard) -> str:
    return arn(scope, "cloudwatch", f"dashboard/{dashboard.name}")
