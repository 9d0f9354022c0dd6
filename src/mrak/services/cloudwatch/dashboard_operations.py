"""Dashboards: kept as they came, for tools that write and read them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from mrak.core.arn import arn
from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.cloudwatch import errors
from mrak.services.cloudwatch.tables import DASHBOARDS, Dashboard

_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")


@operation("PutDashboard")
def put_dashboard(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name, body = req["DashboardName"], req["DashboardBody"]
    if not _NAME.fullmatch(name):
        raise errors.invalid_dashboard_name()
    try:
        msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, msgspec.ValidationError):
        raise errors.invalid_dashboard() from None
    scope = ctx.scope.account_wide()
    old = DASHBOARDS.open(tx, scope, name)
    fresh = Dashboard(name=name, body=body, changed_at=ctx.now)
    if old is None:
        DASHBOARDS.insert(tx, scope, fresh)
    else:
        DASHBOARDS.replace(tx, scope, old, fresh)
    return {"DashboardValidationMessages": []}


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
    rows = [row for row in DASHBOARDS.scan(tx, scope, since=prefix or None) if row.name.startswith(prefix)]
    return {"DashboardEntries": [_render(scope, row) for row in rows]}


@operation("DeleteDashboards")
def delete_dashboards(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    scope = ctx.scope.account_wide()
    if not req["DashboardNames"]:
        raise errors.invalid_value("Need to specify at least one dashboard.")
    for name in req["DashboardNames"]:
        found = DASHBOARDS.open(tx, scope, name)
        if found is None:
            raise errors.dashboard_not_found(name)
        DASHBOARDS.delete(tx, scope, found)


def _render(scope: Scope, dashboard: Dashboard) -> dict[str, Any]:
    return {
        "DashboardName": dashboard.name,
        "DashboardArn": _arn(scope, dashboard),
        "LastModified": dashboard.changed_at,
        "Size": len(dashboard.body.encode()),
    }


def _arn(scope: Scope, dashboard: Dashboard) -> str:
    return arn(scope, "cloudwatch", f"dashboard/{dashboard.name}")
