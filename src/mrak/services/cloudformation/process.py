"""A stack operation as a durable process.

`cloudformation.step` is the delivery that goes on with a stack as long as its status says that something is to be done.
Each step (a resource begun, made, failed) is committed before the next, so that after a crash the delivery, made again,
finds in the rows where it was. What was begun and not finished is begun again with the same name and token.

    CREATE_IN_PROGRESS, UPDATE_IN_PROGRESS                   deploying.py
    UPDATE_COMPLETE_CLEANUP_IN_PROGRESS and its rollback     removing.py
    ROLLBACK_IN_PROGRESS, DELETE_IN_PROGRESS                 removing.py
    UPDATE_ROLLBACK_IN_PROGRESS                              reverting.py
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from mrak.auth.principals import Principal
from mrak.core.background import Delivery, Retry
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError
from mrak.core.resource import ResourceType, find_resource_type, is_existing, is_missing
from mrak.core.scope import Scope
from mrak.lang.cloudformation.parameters import conceal
from mrak.services.cloudformation import events
from mrak.services.cloudformation.evaluation import resolve_stored
from mrak.services.cloudformation.handles import Handle
from mrak.services.cloudformation.tables import RESOURCES, STACKS, VERSIONS, Row, Stack, Version
from mrak.services.iam.exports import find_role_session

STEP = "cloudformation.step"
ABANDONED = "cloudformation.abandoned"

T = TypeVar("T")


def delivery(ctx: Context, stack_id: str, scope: Scope | None = None) -> Delivery:
    """Goes on with a stack; its operations come one after the other."""
    return Delivery(
        kind=STEP,
        lane=stack_id,
        scope=scope or ctx.scope,
        payload=stack_id.encode(),
        retry=Retry(attempts=3, first_delay_seconds=0.2),
        dead=ABANDONED,
        trace=ctx.trace,
        enqueued_at=ctx.now,
    )


class Process:
    """What the phases share: the stack, its rows as they stand, transactions one at a time."""

    def __init__(self, ctx: Context, stack: Stack, rows: dict[str, Row], principal: Principal) -> None:
        self.ctx = ctx
        self.stack = stack
        self.rows = rows
        self.principal = principal
        self._lock = asyncio.Lock()
        self._secrets: set[str] | None = None

    async def transact(self, function: Callable[[Transaction], T]) -> T:
        """One transaction at a time, since they draw ids from one context."""
        async with self._lock:
            return await self.ctx.transact(function)

    def version(self, tx: Transaction, number: int) -> Version:
        found = VERSIONS.get(tx, self.ctx.scope, self.stack.id, number)
        assert found is not None, (self.stack.id, number)
        return found

    async def set_status(self, status: str, reason: str = "", **fields: object) -> None:
        def change(tx: Transaction) -> Stack:
            return events.set_status(self.ctx, tx, self.stack.id, status, reason, **fields)

        self.stack = await self.transact(change)

    async def put(self, row: Row, *, tell: bool = True, physical_id: object = msgspec.UNSET) -> Row:
        """Writes a row with the event of its status."""
        row = msgspec.structs.replace(row, updated_at=self.ctx.clock())

        def write(tx: Transaction) -> None:
            events.put_row(tx, self.ctx.scope, row)
            if tell:
                events.tell(self.ctx, tx, self.stack, self._shown(tx, row), physical_id=physical_id)

        await self.transact(write)
        self.rows[row.logical_id] = row
        return row

    def _shown(self, tx: Transaction, row: Row) -> Row:
        """The row as its event may show it: without the values of NoEcho parameters."""
        if self._secrets is None:
            numbers = (self.stack.version, self.stack.target)
            versions = [VERSIONS.get(tx, self.ctx.scope, self.stack.id, number) for number in numbers]
            self._secrets = {secret for version in versions if version is not None for secret in version.secrets()}
        if not self._secrets:
            return row
        properties = conceal(json.loads(row.properties), self._secrets)
        return msgspec.structs.replace(row, properties=json.dumps(properties, sort_keys=True))

    async def tell(self, row: Row) -> None:
        """The event alone, for what is no longer (or never was) the row's physical resource."""
        await self.transact(lambda tx: events.tell(self.ctx, tx, self.stack, row, plain=True))

    async def drop(self, row: Row) -> None:
        """Forgets a resource that is no longer part of the stack."""

        def remove(tx: Transaction) -> None:
            old = RESOURCES.open(tx, self.ctx.scope, row.stack_id, row.logical_id)
            assert old is not None
            RESOURCES.delete(tx, self.ctx.scope, old)

        await self.transact(remove)
        self.rows.pop(row.logical_id, None)

    async def still(self, status: str) -> bool:
        """Whether the stack is in that status yet; a deletion or cancellation may have come in between."""
        stack = await self.transact(lambda tx: STACKS.get(tx, self.ctx.scope, self.stack.id))
        assert stack is not None
        self.stack = stack
        return stack.status == status

    async def handle(self, row: Row, properties: str, old_properties: str = "{}") -> tuple[ResourceType, Handle]:
        """The resource's type, and the resource for its functions, with secrets in their place."""
        kind = require_type(row.type)
        handle = Handle(self.ctx, kind, self.stack, row, self.principal)
        new, old = msgspec.json.decode(properties), msgspec.json.decode(old_properties)

        def read(tx: Transaction) -> tuple[dict[str, Any], list[dict[str, str]]]:
            version = VERSIONS.get(tx, self.ctx.scope, self.stack.id, self.stack.target or self.stack.version)
            assert version is not None
            return resolve_stored(tx, self.ctx.scope, new, secrets=True), version.tags

        handle.properties, stack_tags = await self.transact(read)
        handle.old_properties = old
        if kind.name and row.name:
            handle.properties.setdefault(kind.name, row.name)
            handle.old_properties.setdefault(kind.name, row.name)
        handle.tags = merge_tags(stack_tags, handle.properties.get("Tags"))
        if kind.system_tags:
            handle.tags += _system_tags(self.stack, row)
        return kind, handle

    async def destroy(self, row: Row, physical_id: str, properties: str, attributes: dict[str, object]) -> None:
        """Deletes what a row made. That it is gone already is fine."""
        shown = msgspec.structs.replace(row, physical_id=physical_id, attributes=attributes)
        kind, handle = await self.handle(shown, properties)
        try:
            await kind.delete(handle)
        except ApiError as error:
            if not is_missing(error):
                raise

    async def make(self, row: Row) -> tuple[Row, ApiError | None]:
        """Creates a row's resource. Returns the row with what it knows now, and why it failed, if it did."""
        kind, handle = await self.handle(row, row.properties)
        retried = bool(row.token) and row.reason == _AGAIN
        failure = None
        try:
            await kind.create(handle)
        except ApiError as error:
            failure = await self._adopt(kind, handle, error) if retried else error
        made = msgspec.structs.replace(row, physical_id=handle.physical_id, attributes=handle.attributes)
        return made, failure

    async def _adopt(self, kind: ResourceType, handle: Handle, error: ApiError) -> ApiError | None:
        """After a crash between a creation and the commit of its id: what is there is ours, since we had begun to make
        it under that name. It is deleted and made again, so that all its properties are as they should be."""
        if not is_existing(error) or not handle.name:
            return error
        handle.physical_id = str(handle.fill(kind.ref))
        try:
            await kind.delete(handle)
            await kind.create(handle)
        except ApiError as again:
            return again
        return None


_AGAIN = "\0again"


def begun_again(row: Row) -> Row:
    """A row whose creation a crash interrupted."""
    return msgspec.structs.replace(row, reason=_AGAIN)


def require_type(type_name: str) -> ResourceType:
    if type_name.startswith("Custom::"):
        type_name = "AWS::CloudFormation::CustomResource"
    kind = find_resource_type(type_name)
    if kind is None:
        raise ApiError("ValidationError", f"Unrecognized resource types: [{type_name}]")
    return kind


def _system_tags(stack: Stack, row: Row) -> list[dict[str, str]]:
    deviation("CFN-002")
    told = {"stack-name": stack.name, "logical-id": row.logical_id, "stack-id": stack.id}
    return [{"Key": f"aws:cloudformation:{name}", "Value": value} for name, value in told.items()]


def merge_tags(stack_tags: list[dict[str, str]], own: object) -> list[dict[str, str]]:
    """The stack's tags with the resource's own over them, which some types spell as a map."""
    merged = {tag["Key"]: tag["Value"] for tag in stack_tags}
    if isinstance(own, dict):
        merged |= own
    elif isinstance(own, list):
        merged |= {tag["Key"]: tag.get("Value", "") for tag in own}
    return [{"Key": key, "Value": str(value)} for key, value in merged.items()]


async def open_process(ctx: Context, stack_id: str) -> Process:
    """The process of a stack as its rows tell it."""

    def read(tx: Transaction) -> tuple[Stack, dict[str, Row], Principal]:
        stack = STACKS.get(tx, ctx.scope, stack_id)
        assert stack is not None, stack_id
        rows = {row.logical_id: row for row in RESOURCES.scan(tx, ctx.scope, stack_id)}
        return stack, rows, _principal(ctx, tx, stack)

    stack, rows, principal = await ctx.transact(read)
    if stack.endpoint:
        ctx.endpoint = stack.endpoint  # type: ignore[misc]
    return Process(ctx, stack, rows, principal)


def _principal(ctx: Context, tx: Transaction, stack: Stack) -> Principal:
    """Who acts: the service role where the stack has one, else who asked for the operation."""
    if stack.role_arn:
        session = find_role_session(tx, ctx.scope.environment, stack.role_arn, "AWSCloudFormation")
        if session is not None:
            return session
    return msgspec.msgpack.decode(stack.principal, type=Principal)
