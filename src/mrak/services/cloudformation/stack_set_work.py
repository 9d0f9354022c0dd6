"""What an operation on a stack set does: instance after instance, each step committed before the next.

The administrator acts in other accounts by their execution role, as with self-managed permissions on AWS.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-concepts.html
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from mrak.auth.principals import Principal
from mrak.core.background import Delivery, Retry, parse_dead
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import delivery
from mrak.core.scope import Scope
from mrak.services.cloudformation import events
from mrak.services.cloudformation.stack_set_tables import (
    INSTANCES,
    OPERATIONS,
    STACK_SETS,
    Instance,
    SetOperation,
    StackSet,
)
from mrak.services.cloudformation.tables import STACKS, Stack
from mrak.services.iam.exports import find_role_session

WORK = "cloudformation.stack-set"
ABANDONED = "cloudformation.stack-set-abandoned"
EXECUTION_ROLE = "AWSCloudFormationStackSetExecutionRole"
ADMINISTRATION_ROLE = "AWSCloudFormationStackSetAdministrationRole"
_MADE = {
    "CREATE": ("CREATE_COMPLETE", "UPDATE_COMPLETE"),
    "UPDATE": ("UPDATE_COMPLETE", "CREATE_COMPLETE"),
    "DELETE": ("DELETE_COMPLETE",),
}


def begin(ctx: Context, tx: Transaction, stack_set: StackSet, operation: SetOperation) -> None:
    """Commits an operation with the delivery that does it."""
    OPERATIONS.lock(tx, ctx.scope, operation.stack_set, operation.id)
    OPERATIONS.insert(tx, ctx.scope, operation)
    STACK_SETS.lock(tx, ctx.scope, stack_set.name)
    old = STACK_SETS.get(tx, ctx.scope, stack_set.name)
    assert old is not None
    STACK_SETS.replace(tx, ctx.scope, old, replace(stack_set, running=operation.id))
    payload = msgspec.json.encode([stack_set.name, operation.id])
    tx.enqueue(
        Delivery(
            kind=WORK,
            lane=f"stack-set/{stack_set.id}",
            scope=ctx.scope,
            payload=payload,
            retry=Retry(attempts=10),
            dead=ABANDONED,
            trace=ctx.trace,
            enqueued_at=ctx.now,
        )
    )


@delivery(WORK)
async def work(ctx: Context, made: Delivery) -> None:
    """Goes on with an operation where it was: what has its result is not done again."""
    name, operation_id = msgspec.json.decode(made.payload)

    def read(tx: Transaction) -> tuple[StackSet | None, SetOperation | None]:
        return STACK_SETS.get(tx, ctx.scope, name), OPERATIONS.get(tx, ctx.scope, name, operation_id)

    stack_set, operation = await ctx.transact(read)
    assert stack_set is not None and operation is not None
    ctx.endpoint = operation.endpoint  # type: ignore[misc]
    for account, region, status, _ in operation.results:
        if status == "PENDING":
            await _work_on(ctx, stack_set, operation_id, account, region)
    await ctx.transact(lambda tx: _end(ctx, tx, name, operation_id))


@delivery(ABANDONED)
def abandon(ctx: Context, tx: Transaction, made: Delivery) -> None:
    """An operation that can't go on must not keep its set busy for ever."""
    failed = parse_dead(made.payload)
    name, operation_id = msgspec.json.decode(failed.payload)
    old = OPERATIONS.open(tx, ctx.scope, name, operation_id)
    if old is not None:
        left = [(a, r, "FAILED" if s == "PENDING" else s, why or failed.failure) for a, r, s, why in old.results]
        OPERATIONS.replace(tx, ctx.scope, old, replace(old, results=left))
        _end(ctx, tx, name, operation_id)


async def _work_on(ctx: Context, stack_set: StackSet, operation_id: str, account: str, region: str) -> None:
    def look(tx: Transaction) -> tuple[SetOperation, Instance | None]:
        operation = OPERATIONS.get(tx, ctx.scope, stack_set.name, operation_id)
        assert operation is not None
        return operation, INSTANCES.get(tx, ctx.scope, stack_set.name, account, region)

    operation, instance = await ctx.transact(look)
    failures = sum(status == "FAILED" for _, _, status, _ in operation.results)
    if instance is None or failures > operation.tolerance or operation.status == "STOPPING":
        why = "Cancelled since failure tolerance has exceeded"
        await ctx.transact(lambda tx: _settle(ctx, tx, operation, (account, region, "CANCELLED", why)))
        return
    status, reason = "SUCCEEDED", ""
    try:
        await _change(ctx, stack_set, operation, instance)
    except ApiError as error:
        status, reason = "FAILED", error.message
    await ctx.transact(lambda tx: _settle(ctx, tx, operation, (account, region, status, reason)))


async def _change(ctx: Context, stack_set: StackSet, operation: SetOperation, instance: Instance) -> None:
    """Creates, updates or deletes the instance's stack, and waits for it. Raises ApiError where that fails."""
    scope = Scope(ctx.scope.environment, instance.account, instance.region)
    principal = await ctx.transact(lambda tx: _acting(ctx, tx, stack_set, operation, instance.account))
    if operation.action == "DELETE":
        if instance.stack_id and not operation.retain:
            await ctx.call(
                "cloudformation", "DeleteStack", {"StackName": instance.stack_id}, scope=scope, principal=principal
            )
            await _settled(ctx, scope, instance.stack_id, _MADE["DELETE"])
        return
    request = {**stack_set.settings, "Parameters": _merged(stack_set, instance)}
    if not instance.stack_id:
        name = f"StackSet-{stack_set.name}-{ctx.draw.uuid()}"
        answer = await ctx.call(
            "cloudformation", "CreateStack", {**request, "StackName": name}, scope=scope, principal=principal
        )
        stack_id = str(answer["StackId"])
        await ctx.transact(lambda tx: _put(ctx, tx, replace(instance, stack_id=stack_id)))
        await _settled(ctx, scope, stack_id, _MADE["CREATE"])
        return
    try:
        await ctx.call(
            "cloudformation",
            "UpdateStack",
            {**request, "StackName": instance.stack_id},
            scope=scope,
            principal=principal,
        )
    except ApiError as error:
        if error.message != "No updates are to be performed.":
            raise
    await _settled(ctx, scope, instance.stack_id, _MADE["UPDATE"])


def _acting(ctx: Context, tx: Transaction, stack_set: StackSet, operation: SetOperation, account: str) -> Principal:
    """Who acts in an account: the execution role, or in the administrator's own account whoever asked."""
    role = stack_set.settings.get("ExecutionRoleName", EXECUTION_ROLE)
    arn = f"arn:{ctx.scope.partition}:iam::{account}:role/{role}"
    session = find_role_session(tx, ctx.scope.environment, arn, "AWSCloudFormation")
    if session is not None:
        return session
    if account == ctx.scope.account:
        return msgspec.msgpack.decode(operation.principal, type=Principal)
    raise ApiError(
        "InvalidOperationException",
        f"Account {account} should have '{role}' role with trust relationship to Role '{ADMINISTRATION_ROLE}'.",
    )


def _merged(stack_set: StackSet, instance: Instance) -> list[dict[str, Any]]:
    values = {item["ParameterKey"]: item for item in stack_set.settings.get("Parameters", [])}
    return list((values | {item["ParameterKey"]: item for item in instance.overrides}).values())


async def _settled(ctx: Context, scope: Scope, stack_id: str, wanted: tuple[str, ...]) -> Stack:
    with ctx.listen(events.topic(stack_id)) as listener:
        while True:
            stack = await ctx.transact(lambda tx: STACKS.get(tx, scope, stack_id))
            if stack is None or not stack.status.endswith("_IN_PROGRESS"):
                break
            await listener.wait(60.0)
    if stack is None or stack.status not in wanted:
        told = "it is gone" if stack is None else f"{stack.status}. {stack.reason}".strip()
        raise ApiError("StackFailed", f"ResourceLogicalId: {stack_id}, ResourceStatus: {told}")
    return stack


def _put(ctx: Context, tx: Transaction, instance: Instance) -> None:
    old = INSTANCES.open(tx, ctx.scope, instance.stack_set, instance.account, instance.region)
    assert old is not None
    INSTANCES.replace(tx, ctx.scope, old, instance)


def _settle(ctx: Context, tx: Transaction, operation: SetOperation, result: tuple[str, str, str, str]) -> None:
    """One result, on the operation and on the instance."""
    account, region, status, reason = result
    old = OPERATIONS.open(tx, ctx.scope, operation.stack_set, operation.id)
    assert old is not None
    results = [result if before[:2] == result[:2] else before for before in old.results]
    OPERATIONS.replace(tx, ctx.scope, old, replace(old, results=results))
    instance = INSTANCES.open(tx, ctx.scope, operation.stack_set, account, region)
    if instance is None:
        return
    if operation.action == "DELETE" and status == "SUCCEEDED":
        INSTANCES.delete(tx, ctx.scope, instance)
        return
    shown = {"status": "CURRENT" if status == "SUCCEEDED" else "OUTDATED", "detail": status, "reason": reason}
    INSTANCES.replace(tx, ctx.scope, instance, replace(instance, **shown))


def _end(ctx: Context, tx: Transaction, name: str, operation_id: str) -> None:
    old = OPERATIONS.open(tx, ctx.scope, name, operation_id)
    stack_set = STACK_SETS.open(tx, ctx.scope, name)
    assert old is not None and stack_set is not None
    failures = sum(status == "FAILED" for _, _, status, _ in old.results)
    status = "FAILED" if failures > old.tolerance else "STOPPED" if old.status == "STOPPING" else "SUCCEEDED"
    OPERATIONS.replace(tx, ctx.scope, old, replace(old, status=status, ended_at=ctx.clock()))
    STACK_SETS.replace(tx, ctx.scope, stack_set, replace(stack_set, running=""))
