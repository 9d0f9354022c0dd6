"""Operations that change stacks. Each commits what is to be done together with the delivery that does it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from msgspec.structs import replace

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.lang.cloudformation.errors import TemplateError
from mrak.services.cloudformation import errors, events, exporting, policies, stacks
from mrak.services.cloudformation.preparation import Prepared, find_version, prepare
from mrak.services.cloudformation.process import delivery
from mrak.services.cloudformation.tables import BY_NAME, CHANGE_SETS, RESOURCES, STACKS, VERSIONS, Stack

USER = "User Initiated"
_UPDATABLE = (
    "CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE",
    "UPDATE_FAILED", "CREATE_FAILED",
)  # fmt: skip


@operation("CreateStack")
async def create_stack(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = req["StackName"]
    await ctx.transact(lambda tx: _check_free(ctx, tx, name))
    policy = await policies.read(ctx, req, "StackPolicy")
    prepared = await prepare(ctx, req)

    def create(tx: Transaction) -> str:
        reviewed = _check_free(ctx, tx, name)
        stack = begin_creation(ctx, tx, reviewed or new_stack(ctx, name), req, prepared)
        make_obsolete(ctx, tx, stack)
        if policy:
            policies.put(tx, ctx.scope, stack, policy)
        return stack.id

    stack_id = await ctx.transact(create)
    ctx.about(stack_id)
    return {"StackId": stack_id}


def _check_free(ctx: Context, tx: Transaction, name: str) -> Stack | None:
    """The stack that is only under review and may be created, None where the name is free."""
    found = next(iter(BY_NAME.scan(tx, ctx.scope, name, limit=1)), None)
    if found is not None and found.status != "REVIEW_IN_PROGRESS":
        raise errors.stack_exists(name)
    return found


def new_stack(ctx: Context, name: str) -> Stack:
    return Stack(
        id=stacks.new_id(ctx, name), name=name, live_name=name, status="REVIEW_IN_PROGRESS", created_at=ctx.now
    )


def begin_creation(ctx: Context, tx: Transaction, stack: Stack, req: dict[str, Any], prepared: Prepared) -> Stack:
    """Commits a stack that is to be created; it may exist already, under review."""
    on_failure = req.get("OnFailure") or ("DO_NOTHING" if req.get("DisableRollback") else "ROLLBACK")
    number = next_number(tx, ctx, stack)
    VERSIONS.append(tx, ctx.scope, prepared.version(stack.id, number))
    begun = replace(
        stack,
        target=number,
        on_failure=on_failure,
        termination_protection=bool(req.get("EnableTerminationProtection")),
        timeout_minutes=req.get("TimeoutInMinutes", 0),
        **settings_of(ctx, req, stack),
    )
    put_stack(tx, ctx, begun)
    tx.enqueue(delivery(ctx, stack.id))
    return events.set_status(ctx, tx, stack.id, "CREATE_IN_PROGRESS", USER)


def make_obsolete(ctx: Context, tx: Transaction, stack: Stack, executed: str = "") -> None:
    """The stack moves on: its change sets can't be executed any more, but for the one that moves it."""
    for row in list(CHANGE_SETS.scan(tx, ctx.scope, stack.id)):
        CHANGE_SETS.lock(tx, ctx.scope, stack.id, row.id)
        execution = "EXECUTE_COMPLETE" if row.id == executed else "OBSOLETE"
        CHANGE_SETS.replace(tx, ctx.scope, row, replace(row, execution=execution))


def put_stack(tx: Transaction, ctx: Context, stack: Stack) -> None:
    old = STACKS.open(tx, ctx.scope, stack.id)
    if old is None:
        STACKS.insert(tx, ctx.scope, stack)
    else:
        STACKS.replace(tx, ctx.scope, old, stack)


def settings_of(ctx: Context, req: dict[str, Any], stack: Stack) -> dict[str, Any]:
    """What creations and updates set alike."""
    return {
        "principal": msgspec.msgpack.encode(ctx.principal),
        "endpoint": ctx.endpoint,
        "role_arn": req.get("RoleARN", stack.role_arn),
        "notification_arns": list(req.get("NotificationARNs", stack.notification_arns)),
        "rollback_configuration": req.get("RollbackConfiguration", stack.rollback_configuration),
        "cancelled": False,
        "retain": [],
    }


@operation("UpdateStack")
async def update_stack(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    def find(tx: Transaction) -> tuple[Stack, Any]:
        stack = stacks.require(tx, ctx.scope, req["StackName"])
        check_updatable(stack)
        return stack, find_version(tx, ctx, stack)

    stack, version = await ctx.transact(find)
    policy = await policies.read(ctx, req, "StackPolicy")
    during = await policies.read(ctx, req, "StackPolicyDuringUpdate")
    prepared = await prepare(ctx, req, version, stack)

    def update(tx: Transaction) -> None:
        current = stacks.require(tx, ctx.scope, stack.id)
        check_updatable(current)
        check_types(ctx, tx, current, prepared)
        if version is not None and prepared.same_as(version) and "RoleARN" not in req:
            raise errors.no_updates()
        policies.check_version(ctx, tx, current, prepared.version(stack.id, 0), during)
        begun = begin_update(ctx, tx, current, req, prepared)
        make_obsolete(ctx, tx, current)
        if policy:
            policies.put(tx, ctx.scope, begun, policy)

    await ctx.transact(update)
    ctx.about(stack.id)
    return {"StackId": stack.id}


def check_updatable(stack: Stack) -> None:
    if stack.status not in _UPDATABLE:
        raise errors.cannot_update(stack.id, stack.status)


def check_types(ctx: Context, tx: Transaction, stack: Stack, prepared: Prepared) -> None:
    changed = []
    for name, item in sorted(prepared.template.resources.items()):
        row = RESOURCES.get(tx, ctx.scope, stack.id, name)
        if row is not None and row.physical_id and row.type != item["Type"]:
            changed.append(name)
    if changed:
        raise errors.validation(
            "Update of resource type is not permitted. The new template modifies resource type of the following "
            f"resources: [{', '.join(changed)}]"
        )


def begin_update(ctx: Context, tx: Transaction, stack: Stack, req: dict[str, Any], prepared: Prepared) -> Stack:
    number = next_number(tx, ctx, stack)
    VERSIONS.append(tx, ctx.scope, prepared.version(stack.id, number))
    on_failure = "DO_NOTHING" if req.get("DisableRollback") else "ROLLBACK"
    begun = replace(stack, target=number, updated_at=ctx.now, on_failure=on_failure, **settings_of(ctx, req, stack))
    put_stack(tx, ctx, begun)
    tx.enqueue(delivery(ctx, stack.id))
    return events.set_status(ctx, tx, stack.id, "UPDATE_IN_PROGRESS", USER)


def next_number(tx: Transaction, ctx: Context, stack: Stack) -> int:
    last = next(iter(VERSIONS.scan(tx, ctx.scope, stack.id, limit=1, reverse=True)), None)
    return 1 if last is None else last.number + 1


@operation("DeleteStack")
def delete_stack(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    stack = stacks.find(tx, ctx.scope, req["StackName"])
    if stack is None or stack.status in ("DELETE_COMPLETE", "DELETE_IN_PROGRESS"):
        return  # Deleting what is not there is no error: DeleteStack says nothing about existence.
    if stack.termination_protection:
        raise errors.protected(stack.name)
    retain = list(req.get("RetainResources", ()))
    if retain and stack.status != "DELETE_FAILED":
        raise errors.validation(
            f"Invalid operation on stack [{stack.id}]. When you delete a stack, specify which resources to retain only "
            "when the stack is in the DELETE_FAILED state."
        )
    try:
        exporting.check_deletable(tx, ctx.scope, stack)
    except TemplateError as error:
        raise errors.validation(error.message) from error
    _begin_deletion(ctx, tx, stack, req, retain)


def _begin_deletion(ctx: Context, tx: Transaction, stack: Stack, req: dict[str, Any], retain: list[str]) -> None:
    principal = msgspec.msgpack.encode(ctx.principal)
    begun = replace(stack, retain=retain, principal=principal, role_arn=req.get("RoleARN", stack.role_arn))
    if stack.status == "REVIEW_IN_PROGRESS":
        put_stack(tx, ctx, replace(begun, live_name=None, deleted_at=ctx.now))
        events.set_status(ctx, tx, stack.id, "DELETE_COMPLETE")
        return
    put_stack(tx, ctx, replace(begun, endpoint=ctx.endpoint))
    events.set_status(ctx, tx, stack.id, "DELETE_IN_PROGRESS", USER)
    tx.enqueue(delivery(ctx, stack.id))


@operation("CancelUpdateStack")
def cancel_update_stack(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    stack = stacks.require(tx, ctx.scope, req["StackName"])
    if stack.status != "UPDATE_IN_PROGRESS":
        raise errors.validation("CancelUpdateStack cannot be called from current stack status")
    put_stack(tx, ctx, replace(stack, cancelled=True))
    tx.notify(events.topic(stack.id))


@operation("ContinueUpdateRollback")
def continue_update_rollback(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    stack = stacks.require(tx, ctx.scope, req["StackName"])
    if stack.status not in ("UPDATE_ROLLBACK_FAILED", "UPDATE_FAILED"):
        raise errors.validation(f"Stack:{stack.id} is in {stack.status} state and can not continue rollback.")
    skipped = list(req.get("ResourcesToSkip", ()))
    principal = msgspec.msgpack.encode(ctx.principal)
    put_stack(tx, ctx, replace(stack, retain=skipped, principal=principal))
    events.set_status(ctx, tx, stack.id, "UPDATE_ROLLBACK_IN_PROGRESS", USER)
    tx.enqueue(delivery(ctx, stack.id))
    return {}


@operation("RollbackStack")
def rollback_stack(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    stack = stacks.require(tx, ctx.scope, req["StackName"])
    following = {"CREATE_FAILED": "ROLLBACK_IN_PROGRESS", "UPDATE_FAILED": "UPDATE_ROLLBACK_IN_PROGRESS"}
    if stack.status not in following:
        raise errors.validation(f"Stack:{stack.id} is in {stack.status} state and can not be rolled back.")
    put_stack(tx, ctx, replace(stack, principal=msgspec.msgpack.encode(ctx.principal)))
    events.set_status(ctx, tx, stack.id, following[stack.status], USER)
    tx.enqueue(delivery(ctx, stack.id))
    return {"StackId": stack.id}


@operation("UpdateTerminationProtection")
def update_termination_protection(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    stack = stacks.require(tx, ctx.scope, req["StackName"])
    put_stack(tx, ctx, replace(stack, termination_protection=req["EnableTerminationProtection"]))
    return {"StackId": stack.id}


@operation("SetStackPolicy")
async def set_stack_policy(ctx: Context, req: dict[str, Any]) -> None:
    policy = await policies.read(ctx, req, "StackPolicy")

    def write(tx: Transaction) -> None:
        stack = stacks.require(tx, ctx.scope, req["StackName"])
        policies.put(tx, ctx.scope, stack, policy)

    await ctx.transact(write)


@operation("GetStackPolicy")
def get_stack_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    stack = stacks.require(tx, ctx.scope, req["StackName"])
    return {"StackPolicyBody": stack.policy} if stack.policy else {}


@operation("SignalResource")
async def signal_resource(ctx: Context, req: dict[str, Any]) -> None:
    """A signal to a wait condition, as one to its handle's URL."""
    from mrak.services.cloudformation import signals

    body = {"Status": req["Status"], "UniqueId": req["UniqueId"], "Data": "", "Reason": ""}

    def signal(tx: Transaction) -> None:
        stack = stacks.require(tx, ctx.scope, req["StackName"])
        row = RESOURCES.get(tx, ctx.scope, stack.id, req["LogicalResourceId"])
        if row is None:
            raise errors.resource_does_not_exist(req["LogicalResourceId"], stack.name)
        signals.answer(tx, ctx.scope, row.token, json.dumps(body))

    await ctx.transact(signal)
