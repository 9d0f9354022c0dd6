"""Operations on stack sets: one template as stacks in several accounts and regions.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/what-is-cfnstacksets.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec.structs import replace

from mrak.core.arn import arn
from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.page import find_position, take_page
from mrak.services.cloudformation import errors
from mrak.services.cloudformation.preparation import prepare, read_text
from mrak.services.cloudformation.stack_set_tables import (
    INSTANCES,
    OPERATIONS,
    STACK_SETS,
    Instance,
    SetOperation,
    StackSet,
)
from mrak.services.cloudformation.stack_set_work import ADMINISTRATION_ROLE, EXECUTION_ROLE, begin

_SETTINGS = ("Parameters", "Capabilities", "Tags", "ExecutionRoleName", "AdministrationRoleARN", "Description")
_PAGE = 100


def _require(ctx: Context, tx: Transaction, name: str) -> StackSet:
    found = STACK_SETS.get(tx, ctx.scope, name.partition(":")[0])
    if found is None or (":" in name and found.id != name):
        raise errors.no_stack_set(name)
    return found


def _open_idle(ctx: Context, tx: Transaction, name: str) -> StackSet:
    """The set, unless an operation on it is under way."""
    STACK_SETS.lock(tx, ctx.scope, name.partition(":")[0])
    found = _require(ctx, tx, name)
    if found.running:
        raise errors.set_busy(found.id, found.running)
    return found


def _page(req: dict[str, Any], rows: Iterable[Any], key: Any, show: Any) -> dict[str, Any]:
    page, token = take_page(rows, req.get("MaxResults", _PAGE), key)
    return {"Summaries": [show(row) for row in page], **({"NextToken": token} if token else {})}


def _after(req: dict[str, Any]) -> str | None:
    return find_position(req["NextToken"]) if req.get("NextToken") else None


@operation("CreateStackSet")
async def create_stack_set(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    if req.get("PermissionModel", "SELF_MANAGED") != "SELF_MANAGED":
        raise errors.validation("You must enable organizations access to operate a service managed stack set")
    text = await read_text(ctx, req)
    await prepare(ctx, {**req, "TemplateBody": text})
    settings = {"TemplateBody": text} | {name: req[name] for name in _SETTINGS if name in req}

    def create(tx: Transaction) -> StackSet:
        name = req["StackSetName"]
        if STACK_SETS.open(tx, ctx.scope, name) is not None:
            raise errors.stack_set_exists(name)
        made = StackSet(name=name, id=f"{name}:{ctx.draw.uuid()}", settings=settings)
        STACK_SETS.insert(tx, ctx.scope, made)
        return made

    return {"StackSetId": (await ctx.transact(create)).id}


@operation("DescribeStackSet")
def describe_stack_set(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = _require(ctx, tx, req["StackSetName"])
    settings = found.settings
    role = arn(ctx.scope.account_wide(), "iam", f"role/{ADMINISTRATION_ROLE}")
    shown = {
        "StackSetName": found.name,
        "StackSetId": found.id,
        "Status": "ACTIVE",
        "TemplateBody": settings["TemplateBody"],
        "Parameters": settings.get("Parameters", []),
        "Capabilities": settings.get("Capabilities", []),
        "Tags": settings.get("Tags", []),
        "StackSetARN": arn(ctx.scope, "cloudformation", f"stackset/{found.id}"),
        "AdministrationRoleARN": settings.get("AdministrationRoleARN", role),
        "ExecutionRoleName": settings.get("ExecutionRoleName", EXECUTION_ROLE),
        "PermissionModel": "SELF_MANAGED",
        "ManagedExecution": {"Active": False},
        "OrganizationalUnitIds": [],
        "Regions": sorted({row.region for row in INSTANCES.scan(tx, ctx.scope, found.name)}),
    }
    return {"StackSet": shown | ({"Description": settings["Description"]} if "Description" in settings else {})}


@operation("ListStackSets")
def list_stack_sets(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """Deleted ones are forgotten here."""

    def show(row: StackSet) -> dict[str, Any]:
        shown = {"StackSetName": row.name, "StackSetId": row.id, "Status": "ACTIVE", "PermissionModel": "SELF_MANAGED"}
        described = {name: row.settings[name] for name in ("Description",) if name in row.settings}
        return {**shown, **described, "DriftStatus": "NOT_CHECKED", "ManagedExecution": {"Active": False}}

    if req.get("Status", "ACTIVE") != "ACTIVE":
        return {"Summaries": []}
    return _page(req, STACK_SETS.scan(tx, ctx.scope, after=_after(req)), lambda row: row.name, show)


@operation("UpdateStackSet")
async def update_stack_set(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    old = await ctx.transact(lambda tx: _require(ctx, tx, req["StackSetName"]))
    text = old.settings["TemplateBody"] if req.get("UsePreviousTemplate") else await read_text(ctx, req)
    values = _parameters(req, old)
    asked = {name: value for name, value in req.items() if name not in ("TemplateURL", "UsePreviousTemplate")}
    await prepare(ctx, {**asked, "TemplateBody": text, "Parameters": values})
    given = {name: req[name] for name in _SETTINGS if name in req}
    settings = old.settings | given | {"TemplateBody": text, "Parameters": values}

    def update(tx: Transaction) -> str:
        found = replace(_open_idle(ctx, tx, req["StackSetName"]), settings=settings)
        rows = [row for row in INSTANCES.scan(tx, ctx.scope, found.name) if _is_meant(row, req)]
        return _start(ctx, tx, found, req, "UPDATE", rows)

    return {"OperationId": await ctx.transact(update)}


def _parameters(req: dict[str, Any], old: StackSet) -> list[dict[str, Any]]:
    """The given values, where UsePreviousValue says so those of before; all of those where none are given."""
    before = {item["ParameterKey"]: item for item in old.settings.get("Parameters", [])}
    if "Parameters" not in req:
        return list(before.values())
    return [
        before.get(item["ParameterKey"], item) if item.get("UsePreviousValue") else item for item in req["Parameters"]
    ]


def _is_meant(row: Instance, req: dict[str, Any]) -> bool:
    accounts = req.get("Accounts") or req.get("DeploymentTargets", {}).get("Accounts")
    regions = req.get("Regions")
    return (not accounts or row.account in accounts) and (not regions or row.region in regions)


@operation("DeleteStackSet")
def delete_stack_set(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = _open_idle(ctx, tx, req["StackSetName"])
    if next(iter(INSTANCES.scan(tx, ctx.scope, found.name, limit=1)), None) is not None:
        raise errors.stack_set_not_empty()
    STACK_SETS.delete(tx, ctx.scope, found)
    for row in list(OPERATIONS.scan(tx, ctx.scope, found.name)):
        OPERATIONS.lock(tx, ctx.scope, found.name, row.id)
        OPERATIONS.delete(tx, ctx.scope, row)
    return {}


@operation("CreateStackInstances")
def create_stack_instances(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = _open_idle(ctx, tx, req["StackSetName"])
    rows = []
    for account, region in _targets(req):
        old = INSTANCES.open(tx, ctx.scope, found.name, account, region)
        overrides = list(req.get("ParameterOverrides", ()))
        row = Instance(stack_set=found.name, account=account, region=region, overrides=overrides)
        if old is None:
            INSTANCES.insert(tx, ctx.scope, row)
        else:
            row = replace(old, overrides=overrides)
            INSTANCES.replace(tx, ctx.scope, old, row)
        rows.append(row)
    return {"OperationId": _start(ctx, tx, found, req, "CREATE", rows)}


def _targets(req: dict[str, Any]) -> list[tuple[str, str]]:
    """(account, region), region after region."""
    accounts = req.get("Accounts") or req.get("DeploymentTargets", {}).get("Accounts") or []
    if not accounts:
        raise errors.validation("Accounts list cannot be empty")
    return [(account, region) for region in req["Regions"] for account in accounts]


@operation("UpdateStackInstances")
def update_stack_instances(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = _open_idle(ctx, tx, req["StackSetName"])
    rows = []
    for account, region in _targets(req):
        old = INSTANCES.open(tx, ctx.scope, found.name, account, region)
        if old is None:
            raise errors.no_stack_instance(account, region)
        row = replace(old, overrides=list(req.get("ParameterOverrides", old.overrides)))
        INSTANCES.replace(tx, ctx.scope, old, row)
        rows.append(row)
    return {"OperationId": _start(ctx, tx, found, req, "UPDATE", rows)}


@operation("DeleteStackInstances")
def delete_stack_instances(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = _open_idle(ctx, tx, req["StackSetName"])
    known = (INSTANCES.get(tx, ctx.scope, found.name, account, region) for account, region in _targets(req))
    return {"OperationId": _start(ctx, tx, found, req, "DELETE", [row for row in known if row is not None])}


def _start(
    ctx: Context, tx: Transaction, found: StackSet, req: dict[str, Any], action: str, rows: list[Instance]
) -> str:
    operation_id = req.get("OperationId") or ctx.draw.uuid()
    if OPERATIONS.get(tx, ctx.scope, found.name, operation_id) is not None:
        raise errors.operation_id_exists(operation_id)
    for row in rows:
        old = INSTANCES.open(tx, ctx.scope, row.stack_set, row.account, row.region)
        assert old is not None
        told = replace(old, status="OUTDATED", detail="PENDING", reason="", operation=operation_id)
        INSTANCES.replace(tx, ctx.scope, old, told)
    made = SetOperation(
        stack_set=found.name,
        id=operation_id,
        action=action,
        status="RUNNING",
        created_at=ctx.now,
        results=[(row.account, row.region, "PENDING", "") for row in rows],
        tolerance=req.get("OperationPreferences", {}).get("FailureToleranceCount", 0),
        retain=bool(req.get("RetainStacks")),
        endpoint=ctx.endpoint,
        principal=msgspec.msgpack.encode(ctx.principal),
    )
    begin(ctx, tx, found, made)
    return str(operation_id)


@operation("DescribeStackInstance")
def describe_stack_instance(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = _require(ctx, tx, req["StackSetName"])
    row = INSTANCES.get(tx, ctx.scope, found.name, req["StackInstanceAccount"], req["StackInstanceRegion"])
    if row is None:
        raise errors.no_stack_instance(req["StackInstanceAccount"], req["StackInstanceRegion"])
    return {"StackInstance": {**_render_instance(found, row), "ParameterOverrides": row.overrides}}


def _render_instance(stack_set: StackSet, row: Instance) -> dict[str, Any]:
    shown = {
        "StackSetId": stack_set.id,
        "Region": row.region,
        "Account": row.account,
        "Status": row.status,
        "StackInstanceStatus": {"DetailedStatus": row.detail},
        "OrganizationalUnitId": "",
        "DriftStatus": "NOT_CHECKED",
        "LastOperationId": row.operation,
    }
    optional = {"StackId": row.stack_id, "StatusReason": row.reason}
    return shown | {name: value for name, value in optional.items() if value}


@operation("ListStackInstances")
def list_stack_instances(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = _require(ctx, tx, req["StackSetName"])
    after = _after(req) or ""
    rows = (
        row
        for row in INSTANCES.scan(tx, ctx.scope, found.name)
        if f"{row.account}/{row.region}" > after
        and req.get("StackInstanceAccount", row.account) == row.account
        and req.get("StackInstanceRegion", row.region) == row.region
    )
    return _page(req, rows, lambda row: f"{row.account}/{row.region}", lambda row: _render_instance(found, row))


def _require_operation(ctx: Context, tx: Transaction, req: dict[str, Any]) -> tuple[StackSet, SetOperation]:
    found = _require(ctx, tx, req["StackSetName"])
    row = OPERATIONS.get(tx, ctx.scope, found.name, req["OperationId"])
    if row is None:
        raise errors.no_set_operation(req["OperationId"])
    return found, row


def _render_operation(row: SetOperation) -> dict[str, Any]:
    failed = sum(status == "FAILED" for _, _, status, _ in row.results)
    shown: dict[str, Any] = {
        "OperationId": row.id,
        "Action": row.action,
        "Status": row.status,
        "CreationTimestamp": row.created_at,
        "StatusDetails": {"FailedStackInstancesCount": failed},
    }
    return shown | ({} if row.ended_at is None else {"EndTimestamp": row.ended_at})


@operation("DescribeStackSetOperation")
def describe_stack_set_operation(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found, row = _require_operation(ctx, tx, req)
    shown = {**_render_operation(row), "StackSetId": found.id}
    return {"StackSetOperation": shown | ({"RetainStacks": row.retain} if row.action == "DELETE" else {})}


@operation("ListStackSetOperations")
def list_stack_set_operations(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = _require(ctx, tx, req["StackSetName"])
    rows = sorted(OPERATIONS.scan(tx, ctx.scope, found.name), key=lambda row: -row.created_at)
    after = _after(req)
    start = next((at + 1 for at, row in enumerate(rows) if row.id == after), 0)
    return _page(req, rows[start:], lambda row: row.id, _render_operation)


@operation("ListStackSetOperationResults")
def list_stack_set_operation_results(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    _, row = _require_operation(ctx, tx, req)
    names = ("Account", "Region", "Status", "StatusReason")
    shown = [{name: value for name, value in zip(names, item, strict=True) if value} for item in row.results]
    return _page(req, shown, lambda item: f"{item['Account']}/{item['Region']}", lambda item: item)


@operation("StopStackSetOperation")
def stop_stack_set_operation(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    _, row = _require_operation(ctx, tx, req)
    if row.status != "RUNNING":
        raise errors.invalid_set_operation(f"Operation {row.id} is not in a state that can be stopped")
    OPERATIONS.lock(tx, ctx.scope, row.stack_set, row.id)
    OPERATIONS.replace(tx, ctx.scope, row, replace(row, status="STOPPING"))
    return {}
