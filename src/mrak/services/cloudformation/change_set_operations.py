"""Change sets: updates (or creations) that are shown before they are made."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from mrak.core.arn import arn
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.lang.cloudformation.errors import TemplateError
from mrak.services.cloudformation import errors, events, importing, policies, stacks
from mrak.services.cloudformation.comparing import Review, outputs_differ, review
from mrak.services.cloudformation.preparation import Prepared, find_version, prepare
from mrak.services.cloudformation.process import delivery
from mrak.services.cloudformation.stack_operations import (
    USER,
    check_types,
    check_updatable,
    make_obsolete,
    new_stack,
    next_number,
    put_stack,
    settings_of,
)
from mrak.services.cloudformation.tables import (
    CHANGE_SETS,
    SETS_BY_ID,
    VERSIONS,
    ChangeSet,
    Stack,
    Version,
)

_NOTHING = "The submitted information didn't contain changes. Submit different information to create a change set."


@operation("CreateChangeSet")
async def create_change_set(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    kind = req.get("ChangeSetType", "UPDATE")

    def find(tx: Transaction) -> tuple[Stack | None, Version | None]:
        stack = _find_stack(ctx, tx, req, kind)
        return stack, find_version(tx, ctx, stack)

    stack, old = await ctx.transact(find)
    prepared = await prepare(ctx, req, old, stack)

    def create(tx: Transaction) -> ChangeSet:
        current = _find_stack(ctx, tx, req, kind)
        if current is None:
            current = new_stack(ctx, req["StackName"])
            put_stack(tx, ctx, current)
            current = events.set_status(ctx, tx, current.id, "REVIEW_IN_PROGRESS", USER)
        return _create(ctx, tx, current, req, prepared)

    made = await ctx.transact(create)
    return {"Id": made.id, "StackId": made.stack_id}


def _find_stack(ctx: Context, tx: Transaction, req: dict[str, Any], kind: str) -> Stack | None:
    stack = stacks.find(tx, ctx.scope, req["StackName"])
    if stack is not None and stack.status == "REVIEW_IN_PROGRESS":
        return stack
    if kind == "CREATE" or (kind == "IMPORT" and stack is None):
        if stack is not None:
            raise errors.stack_exists_for_set(req["StackName"], req["ChangeSetName"])
        return None
    if stack is None or stack.status == "DELETE_COMPLETE":
        raise errors.stack_does_not_exist(req["StackName"])
    check_updatable(stack)
    return stack


def _create(ctx: Context, tx: Transaction, stack: Stack, req: dict[str, Any], prepared: Prepared) -> ChangeSet:
    name = req["ChangeSetName"]
    _free_name(ctx, tx, stack, name)
    check_types(ctx, tx, stack, prepared)
    version = prepared.version(stack.id, next_number(tx, ctx, stack))
    VERSIONS.append(tx, ctx.scope, version)
    imports = list(req.get("ResourcesToImport", ()))
    plain, valued, problem = _review(ctx, tx, stack, version, {item["LogicalResourceId"] for item in imports})
    made = ChangeSet(
        id=arn(ctx.scope, "cloudformation", f"changeSet/{name}/{ctx.draw.uuid()}"),
        name=name,
        stack_id=stack.id,
        kind=req.get("ChangeSetType", "UPDATE"),
        status="FAILED" if problem else "CREATE_COMPLETE",
        execution="UNAVAILABLE" if problem else "AVAILABLE",
        created_at=ctx.now,
        version=version.number,
        reason=problem,
        description=req.get("Description", ""),
        changes=plain.changes,
        valued=valued.changes,
        warning=valued.warning,
        role_arn=req.get("RoleARN", ""),
        notification_arns=list(req.get("NotificationARNs", ())),
        on_failure=req.get("OnStackFailure", ""),
        imports=imports,
        nested=bool(req.get("IncludeNestedStacks")),
    )
    CHANGE_SETS.lock(tx, ctx.scope, stack.id, made.id)
    CHANGE_SETS.insert(tx, ctx.scope, made)
    return made


def _review(
    ctx: Context, tx: Transaction, stack: Stack, version: Version, imported: set[str]
) -> tuple[Review, Review, str]:
    """The changes without and with values, and why the change set can't be executed."""
    if version.failure:
        return Review([]), Review([]), version.failure
    try:
        plain = review(ctx, tx, stack, version, imported)
        valued = review(ctx, tx, stack, version, imported, valued=True)
    except TemplateError as error:
        raise errors.validation(error.message) from error
    nothing = not plain.changes and stack.version != 0 and not outputs_differ(ctx, tx, stack, version)
    return plain, valued, _NOTHING if nothing else ""


def _require(ctx: Context, tx: Transaction, req: dict[str, Any]) -> tuple[Stack, ChangeSet]:
    name = req["ChangeSetName"]
    if name.startswith("arn:"):
        found = next(iter(SETS_BY_ID.scan(tx, ctx.scope, name, limit=1)), None)
    else:
        if not req.get("StackName"):
            raise errors.change_set_needs_stack()
        stack = stacks.require(tx, ctx.scope, req["StackName"])
        found = next((row for row in CHANGE_SETS.scan(tx, ctx.scope, stack.id) if row.name == name), None)
    if found is None:
        raise errors.change_set_not_found(name)
    return stacks.require(tx, ctx.scope, found.stack_id), found


@operation("DescribeChangeSet")
def describe_change_set(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    stack, found = _require(ctx, tx, req)
    version = VERSIONS.get(tx, ctx.scope, stack.id, found.version)
    assert version is not None
    shown: dict[str, Any] = {
        "ChangeSetName": found.name,
        "ChangeSetId": found.id,
        "StackId": stack.id,
        "StackName": stack.name,
        "CreationTime": found.created_at,
        "ExecutionStatus": found.execution,
        "Status": found.status,
        "NotificationARNs": found.notification_arns,
        "RollbackConfiguration": {},
        "Capabilities": version.capabilities,
        "Changes": found.valued if req.get("IncludePropertyValues") else found.changes,
        "IncludeNestedStacks": found.nested,
    }
    optional = {
        "Description": found.description,
        "StatusReason": found.reason or (found.warning if req.get("IncludePropertyValues") else ""),
        "Tags": version.tags,
        "Parameters": stacks.render_parameters(version),
        "OnStackFailure": found.on_failure,
    }
    return shown | {name: value for name, value in optional.items() if value}


@operation("ListChangeSets")
def list_change_sets(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    stack = stacks.require(tx, ctx.scope, req["StackName"])
    shown = []
    for row in CHANGE_SETS.scan(tx, ctx.scope, stack.id):
        entry = {
            "StackId": stack.id,
            "StackName": stack.name,
            "ChangeSetId": row.id,
            "ChangeSetName": row.name,
            "ExecutionStatus": row.execution,
            "Status": row.status,
            "CreationTime": row.created_at,
            "IncludeNestedStacks": row.nested,
        }
        optional = {"StatusReason": row.reason, "Description": row.description}
        shown.append(entry | {name: value for name, value in optional.items() if value})
    return {"Summaries": shown}


@operation("DeleteChangeSet")
def delete_change_set(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    try:
        stack, found = _require(ctx, tx, req)
    except ApiError as error:
        if error.code == "ChangeSetNotFound":
            return {}  # Deleting what is not there succeeds.
        raise
    if found.execution == "EXECUTE_IN_PROGRESS":
        raise ApiError("InvalidChangeSetStatus", f"ChangeSet [{found.id}] is being executed and cannot be deleted.")
    CHANGE_SETS.lock(tx, ctx.scope, stack.id, found.id)
    CHANGE_SETS.delete(tx, ctx.scope, found)
    return {}


@operation("ExecuteChangeSet")
async def execute_change_set(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    await ctx.transact(lambda tx: _execute(ctx, tx, req))
    return {}


def _free_name(ctx: Context, tx: Transaction, stack: Stack, name: str) -> None:
    """A change set that was executed, or made obsolete by that, no longer holds its name: tools name theirs by the
    second, and a second may be long enough for two."""
    for row in list(CHANGE_SETS.scan(tx, ctx.scope, stack.id)):
        if row.name != name:
            continue
        if row.execution not in ("EXECUTE_COMPLETE", "OBSOLETE"):
            raise errors.change_set_exists(name, stack.name)
        CHANGE_SETS.lock(tx, ctx.scope, stack.id, row.id)
        CHANGE_SETS.delete(tx, ctx.scope, row)


def _execute(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    stack, found = _require(ctx, tx, req)
    if found.status != "CREATE_COMPLETE" or found.execution != "AVAILABLE":
        raise errors.cannot_execute(found.id, found.status, found.execution)
    if stack.status != "REVIEW_IN_PROGRESS":
        check_updatable(stack)
    version = VERSIONS.get(tx, ctx.scope, stack.id, found.version)
    assert version is not None
    policies.check_version(ctx, tx, stack, version)
    make_obsolete(ctx, tx, stack, found.id)
    _begin(ctx, tx, stack, found, req)


def _begin(ctx: Context, tx: Transaction, stack: Stack, found: ChangeSet, req: dict[str, Any]) -> None:
    creating = stack.status == "REVIEW_IN_PROGRESS"
    on_failure = found.on_failure or ("DO_NOTHING" if req.get("DisableRollback") else "ROLLBACK")
    settings = settings_of(ctx, {}, stack)
    settings |= {name: value for name, value in (("role_arn", found.role_arn),) if value}
    if found.notification_arns:
        settings["notification_arns"] = found.notification_arns
    begun = replace(
        stack, target=found.version, updated_at=ctx.now, change_set_id=found.id, on_failure=on_failure, **settings
    )
    put_stack(tx, ctx, begun)
    for item in found.imports:
        importing.adopt(ctx, tx, begun, item)
    events.set_status(ctx, tx, stack.id, "CREATE_IN_PROGRESS" if creating else "UPDATE_IN_PROGRESS", USER)
    tx.enqueue(delivery(ctx, stack.id))
