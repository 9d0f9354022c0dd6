"""Operations that tell about stacks, resources, events, templates, exports."""

from __future__ import annotations

import json
from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.lang.cloudformation.errors import TemplateError
from mrak.lang.cloudformation.parsing import parse_template
from mrak.lang.cloudformation.template import Template, check_outline, check_template
from mrak.services.cloudformation import errors, stacks, transforms
from mrak.services.cloudformation.preparation import read_text, required_capabilities
from mrak.services.cloudformation.tables import (
    BY_NAME,
    BY_TIME,
    CHANGE_SETS,
    EVENTS,
    EXPORTS,
    IMPORTS,
    RESOURCES,
    SETS_BY_ID,
    VERSIONS,
    Row,
    Stack,
    Version,
)

_PAGE = 100


def _page(items: list[Any], req: dict[str, Any], size: int = _PAGE) -> tuple[list[Any], dict[str, str]]:
    """A page of a list that is bounded already (a stack has at most 500 resources)."""
    token = req.get("NextToken", "")
    if token and not token.isdigit():
        raise errors.validation("Invalid NextToken")
    start = int(token or 0)
    more = {"NextToken": str(start + size)} if len(items) > start + size else {}
    return items[start : start + size], more


@operation("DescribeStacks")
def describe_stacks(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    if "StackName" in req:
        stack = stacks.find(tx, ctx.scope, req["StackName"])
        if stack is None:
            raise errors.stack_with_id_does_not_exist(req["StackName"])
        return {"Stacks": [stacks.render(tx, ctx.scope, stack)]}
    token = req.get("NextToken")
    found = list(BY_NAME.scan(tx, ctx.scope, after=token, limit=_PAGE + 1))
    shown = [stacks.render(tx, ctx.scope, stack) for stack in found[:_PAGE]]
    more = {"NextToken": found[_PAGE - 1].live_name} if len(found) > _PAGE else {}
    return {"Stacks": shown, **more}


@operation("ListStacks")
def list_stacks(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    wanted = set(req.get("StackStatusFilter", ()))
    upto = float(req["NextToken"]) if req.get("NextToken") else None
    shown: list[dict[str, Any]] = []
    for seen, stack in enumerate(BY_TIME.scan(tx, ctx.scope, upto=upto, limit=1000, reverse=True)):
        if len(shown) == _PAGE or seen == 999:
            return {"StackSummaries": shown, "NextToken": repr(stack.created_at)}
        if not wanted or stack.status in wanted:
            shown.append(stacks.render_summary(tx, ctx.scope, stack))
    return {"StackSummaries": shown}


@operation("DescribeStackEvents")
def describe_stack_events(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    stack = stacks.require(tx, ctx.scope, _stack_name(req))
    upto = int(req["NextToken"]) if req.get("NextToken", "").isdigit() else None
    rows = list(EVENTS.scan(tx, ctx.scope, stack.id, upto=upto, limit=_PAGE + 1, reverse=True))
    more = {"NextToken": str(rows[_PAGE].sequence)} if len(rows) > _PAGE else {}
    return {"StackEvents": [stacks.render_event(row) for row in rows[:_PAGE]], **more}


def _stack_name(req: dict[str, Any]) -> str:
    name: str = req.get("StackName", "")
    if not name:
        raise errors.validation(
            "1 validation error detected: Value null at 'stackName' failed to satisfy constraint: "
            "Member must not be null"
        )
    return name


def _require_named(ctx: Context, tx: Transaction, name: str) -> Stack:
    stack = stacks.find(tx, ctx.scope, name)
    if stack is None:
        raise errors.stack_with_id_does_not_exist(name)
    return stack


def _rows(tx: Transaction, scope: Scope, stack: Stack) -> list[Row]:
    return [row for row in RESOURCES.scan(tx, scope, stack.id) if row.status]


@operation("DescribeStackResources")
def describe_stack_resources(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    if req.get("PhysicalResourceId"):
        stack, rows = _find_by_physical_id(ctx, tx, req["PhysicalResourceId"])
    else:
        stack = _require_named(ctx, tx, _stack_name(req))
        rows = _rows(tx, ctx.scope, stack)
    wanted = req.get("LogicalResourceId")
    if wanted is not None:
        rows = [row for row in rows if row.logical_id == wanted]
        if not rows:
            raise errors.resource_does_not_exist(wanted, req["StackName"])
    return {"StackResources": [stacks.render_resource(stack, row, time="Timestamp") for row in rows[:_PAGE]]}


def _find_by_physical_id(ctx: Context, tx: Transaction, physical_id: str) -> tuple[Stack, list[Row]]:
    for stack in BY_NAME.scan(tx, ctx.scope, limit=1000):
        rows = _rows(tx, ctx.scope, stack)
        if any(row.physical_id == physical_id for row in rows):
            return stack, rows
    raise errors.validation(f"Stack for {physical_id} does not exist")


@operation("DescribeStackResource")
def describe_stack_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    stack = stacks.find(tx, ctx.scope, req["StackName"])
    if stack is None:
        raise errors.stack_named_does_not_exist(req["StackName"])
    row = RESOURCES.get(tx, ctx.scope, stack.id, req["LogicalResourceId"])
    if row is None or row.status == "DELETE_COMPLETE":
        raise errors.resource_does_not_exist(req["LogicalResourceId"], req["StackName"])
    detail = stacks.render_resource(stack, row, time="LastUpdatedTimestamp")
    detail["Metadata"] = row.metadata or "{}"
    return {"StackResourceDetail": detail}


@operation("ListStackResources")
def list_stack_resources(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    stack = stacks.find(tx, ctx.scope, req["StackName"])
    if stack is None:
        raise errors.stack_with_id_does_not_exist(req["StackName"])
    rows, more = _page(_rows(tx, ctx.scope, stack), req)
    shown = []
    for row in rows:
        entry = stacks.render_resource(stack, row, time="LastUpdatedTimestamp")
        del entry["StackId"], entry["StackName"]
        shown.append(entry)
    return {"StackResourceSummaries": shown, **more}


@operation("ListExports")
def list_exports(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = list(EXPORTS.scan(tx, ctx.scope, after=req.get("NextToken"), limit=_PAGE + 1))
    shown = [{"ExportingStackId": row.stack_id, "Name": row.name, "Value": row.value} for row in found[:_PAGE]]
    return {"Exports": shown, **({"NextToken": found[_PAGE - 1].name} if len(found) > _PAGE else {})}


@operation("ListImports")
def list_imports(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name = req["ExportName"]
    names = [row.stack_name for row in IMPORTS.scan(tx, ctx.scope, name, limit=1000)]
    if not names:
        raise errors.validation(f"Export '{name}' is not imported by any stack.")
    shown, more = _page(names, req)
    return {"Imports": shown, **more}


@operation("GetTemplate")
def get_template(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    version = _find_version(ctx, tx, req)
    if version is None:
        # A stack under review has no template yet.
        return {"TemplateBody": "{}", "StagesAvailable": ["Original"]}
    text = version.original
    if req.get("TemplateStage") == "Processed" and _is_transformed(version):
        text = version.processed
    return {"TemplateBody": text, "StagesAvailable": ["Original", "Processed"]}


def _is_transformed(version: Version) -> bool:
    """A template without transforms is shown as it was written, at either stage."""
    return bool(parse_template(version.original) != json.loads(version.processed))


def _find_version(ctx: Context, tx: Transaction, req: dict[str, Any]) -> Version | None:
    stack_name, set_name = req.get("StackName", ""), req.get("ChangeSetName", "")
    if set_name.startswith("arn:"):
        change_set = next(iter(SETS_BY_ID.scan(tx, ctx.scope, set_name, limit=1)), None)
        if change_set is None:
            raise errors.change_set_not_found(set_name)
        stack_name, number = change_set.stack_id, change_set.version
    else:
        stack = stacks.find(tx, ctx.scope, stack_name)
        if stack is None:
            raise errors.stack_with_id_does_not_exist(stack_name)
        stack_name, number = stack.id, stack.target or stack.version
        if set_name:
            named = (row for row in CHANGE_SETS.scan(tx, ctx.scope, stack.id) if row.name == set_name)
            change_set = next(named, None)
            if change_set is None:
                raise errors.change_set_not_found(set_name)
            number = change_set.version
    return VERSIONS.get(tx, ctx.scope, stack_name, number)


@operation("ValidateTemplate")
async def validate_template(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    try:
        body = _checked(await read_text(ctx, req))
    except TemplateError as error:
        raise errors.validation(error.message) from error
    shown = {"Parameters": [_parameter(name, item) for name, item in body.get("Parameters", {}).items()]}
    return {**shown, "Description": body.get("Description"), **_capabilities(body)}


def _checked(text: str) -> dict[str, Any]:
    body = parse_template(text)
    check_outline(body)
    if not transforms.names_of(body):
        check_template(body)
    return body


def _capabilities(body: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    found = required_capabilities(Template(body)) if all("Type" in r for r in body["Resources"].values()) else []
    if found:
        types = ", ".join(sorted({r["Type"] for r in body["Resources"].values() if r["Type"].startswith("AWS::IAM")}))
        shown["CapabilitiesReason"] = f"The following resource(s) require capabilities: [{types}]"
    names = [item["Name"] if isinstance(item, dict) else item for item in transforms.names_of(body)]
    if names:
        shown["DeclaredTransforms"] = names
    if transforms.needs_expansion(body):
        found = [*found, "CAPABILITY_AUTO_EXPAND"]
    return {**shown, "Capabilities": found} if found else shown


def _parameter(name: str, declared: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {"ParameterKey": name, "NoEcho": str(declared.get("NoEcho", False)).lower() == "true"}
    if "Default" in declared:
        shown["DefaultValue"] = str(declared["Default"])
    if "Description" in declared:
        shown["Description"] = declared["Description"]
    return shown


@operation("GetTemplateSummary")
async def get_template_summary(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    if "StackName" in req:
        version = await ctx.transact(lambda tx: _find_version(ctx, tx, {"StackName": req["StackName"]}))
        if version is None:
            raise errors.stack_with_id_does_not_exist(req["StackName"])
        text = version.original
    else:
        text = await read_text(ctx, req)
    try:
        body = _checked(text)
    except TemplateError as error:
        raise errors.validation(error.message) from error
    return _summary(body)


def _summary(body: dict[str, Any]) -> dict[str, Any]:
    parameters = []
    for name, declared in body.get("Parameters", {}).items():
        constraints = (
            {"AllowedValues": [str(v) for v in declared["AllowedValues"]]} if "AllowedValues" in declared else {}
        )
        entry = {**_parameter(name, declared), "ParameterType": declared["Type"], "ParameterConstraints": constraints}
        parameters.append(entry)
    by_type: dict[str, list[str]] = {}
    for name, item in body["Resources"].items():
        if isinstance(item, dict) and isinstance(item.get("Type"), str):
            by_type.setdefault(item["Type"], []).append(name)
    shown: dict[str, Any] = {
        "Parameters": parameters,
        "ResourceTypes": list(by_type),
        "ResourceIdentifierSummaries": [
            {"ResourceType": name, "LogicalResourceIds": ids} for name, ids in by_type.items()
        ],
        **_capabilities(body),
    }
    optional = {"Description": body.get("Description"), "Version": body.get("AWSTemplateFormatVersion")}
    if "Metadata" in body:
        optional["Metadata"] = json.dumps(body["Metadata"])
    return shown | {name: str(value) for name, value in optional.items() if value}
