"""Groups: traces that fit a filter expression; and insights, of which there are none."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.arn import arn
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.operation import operation
from mrak.core.page import find_position, take_page
from mrak.services.xray import errors, filters
from mrak.services.xray.tables import GROUPS, Group
from mrak.services.xray.tags import parse_tags

_DEFAULT = "Default"
_PAGE = 100
_ID = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def parse(ctx: Context, tx: Transaction, text: str) -> filters.Predicate:
    """A filter expression, which may name groups. Raises InvalidRequestException."""
    if not text:
        return lambda trace: True

    def find_group(name: str) -> str | None:
        found = next((row for row in GROUPS.scan(tx, ctx.scope) if name in (row.name, _arn(ctx, row))), None)
        return None if found is None else found.expression

    try:
        return filters.parse(text, find_group)
    except filters.FilterError as error:
        raise errors.invalid_filter(str(error)) from None


def _arn(ctx: Context, group: Group) -> str:
    if group.name == _DEFAULT:
        return arn(ctx.scope, "xray", f"group/{_DEFAULT}")
    return arn(ctx.scope, "xray", f"group/{group.name}/{group.id}")


def _name(req: dict[str, Any]) -> str:
    named = req.get("GroupName") or req.get("GroupARN", "").partition(":group/")[2].partition("/")[0]
    if not named:
        raise errors.invalid_request("Either GroupName or GroupARN must be specified")
    return str(named)


def require(ctx: Context, tx: Transaction, req: dict[str, Any], *, opened: bool = False) -> Group:
    name = _name(req)
    found = GROUPS.open(tx, ctx.scope, name) if opened else GROUPS.get(tx, ctx.scope, name)
    if found is None and name == _DEFAULT and not opened:
        return Group(name=_DEFAULT, id="")
    if found is None:
        raise errors.invalid_request("Group not found")
    return found


def _render(ctx: Context, group: Group) -> dict[str, Any]:
    shown: dict[str, Any] = {"GroupName": group.name, "GroupARN": _arn(ctx, group)}
    if group.expression:
        shown["FilterExpression"] = group.expression
    off = {"InsightsEnabled": False, "NotificationsEnabled": False}
    return shown | {"InsightsConfiguration": off | group.insights}


def _insights(req: dict[str, Any], before: dict[str, bool]) -> dict[str, bool]:
    joined: dict[str, bool] = before | req.get("InsightsConfiguration", {})
    if joined.get("NotificationsEnabled") and not joined.get("InsightsEnabled"):
        raise errors.invalid_request("Insights must be enabled to enable notifications")
    return joined


@operation("CreateGroup")
def create_group(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name, expression = req["GroupName"], req.get("FilterExpression", "")
    if name == _DEFAULT or GROUPS.open(tx, ctx.scope, name) is not None:
        raise errors.invalid_request(f"Group with name {name} already exists")
    parse(ctx, tx, expression)
    group = Group(
        name=name,
        id=ctx.draw.alphanumeric(52, _ID),
        expression=expression,
        insights=_insights(req, {}),
        tags=parse_tags({}, req.get("Tags", [])),
    )
    GROUPS.insert(tx, ctx.scope, group)
    return {"Group": _render(ctx, group)}


@operation("UpdateGroup")
def update_group(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """The default group has all traces, and insights to set."""
    if _name(req) == _DEFAULT:
        if req.get("FilterExpression"):
            raise errors.invalid_request("The filter expression of the default group can't be changed")
        if GROUPS.open(tx, ctx.scope, _DEFAULT) is None:
            GROUPS.insert(tx, ctx.scope, Group(name=_DEFAULT, id=""))
    old = require(ctx, tx, req, opened=True)
    expression = req.get("FilterExpression", old.expression)
    parse(ctx, tx, expression)
    group = msgspec.structs.replace(old, expression=expression, insights=_insights(req, old.insights))
    GROUPS.replace(tx, ctx.scope, old, group)
    return {"Group": _render(ctx, group)}


@operation("DeleteGroup")
def delete_group(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    if _name(req) == _DEFAULT:
        raise errors.invalid_request("The default group can't be deleted")
    GROUPS.delete(tx, ctx.scope, require(ctx, tx, req, opened=True))


@operation("GetGroup")
def get_group(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"Group": _render(ctx, require(ctx, tx, req))}


@operation("GetGroups")
def get_groups(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """The default group, which has all traces, and the account's own."""
    after = find_position(req["NextToken"]) if req.get("NextToken") else None
    own = (row for row in GROUPS.scan(tx, ctx.scope, after=after) if row.name != _DEFAULT)
    page, token = take_page(own, _PAGE, lambda row: row.name)
    rows = [*([require(ctx, tx, {"GroupName": _DEFAULT})] if after is None else []), *page]
    return {"Groups": [_render(ctx, row) for row in rows]} | ({} if token is None else {"NextToken": token})


@operation("GetInsightSummaries")
def get_insight_summaries(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """None: nothing looks for anomalies."""
    deviation("XRAY-003")
    require(ctx, tx, req)
    return {"InsightSummaries": []}


@operation("GetInsight")
def get_insight(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    raise _no_insight(req)


@operation("GetInsightEvents")
def get_insight_events(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    raise _no_insight(req)


@operation("GetInsightImpactGraph")
def get_insight_impact_graph(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    raise _no_insight(req)


def _no_insight(req: dict[str, Any]) -> Exception:
    deviation("XRAY-003")
    return errors.invalid_request(f"Insight {req['InsightId']} not found")
