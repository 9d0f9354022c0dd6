"""Whether a caller may use a table: by its own policies, if it is a user or a role, and by the table's.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/access-control-resource-based.html

DYNAMODB-011: a role is not kept out that nobody made, which other services take, or one that holds a policy of AWS's
that is not built in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mrak.auth.evaluation import AuthorizationRequest
from mrak.core.arn import arn
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.scope import Scope
from mrak.services.dynamodb import errors
from mrak.services.dynamodb.conditions import Conditions
from mrak.services.dynamodb.tables import Schema, TableRecord, find_schema, resolve_name
from mrak.services.iam import exports as iam

deviation("DYNAMODB-011")
# What names the one table whose items it is about.
_OF_ONE_TABLE = frozenset({"GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan"})


def check(
    ctx: Context,
    tx: Transaction,
    scope: Scope,
    resource: str,
    policy: str | None = None,
    *,
    action: str = "",
    asked: Mapping[str, Any] | None = None,
    partition: Sequence[str] = (),
    tags: Mapping[str, str] | None = None,
) -> None:
    """Raises AccessDeniedException where the caller may not do it.

    `resource` is the last part of the ARN, or a whole one; what has none is "*". `policy` is that of the table or
    stream, where it is there and has one. `action` is the operation's own unless it is one that has no permission of
    its name. The rest is as `Conditions` takes it.
    """
    principal: Any = ctx.principal
    if scope.account == ctx.scope.account and policy is None and not ctx.principal.is_judged:
        return
    action = action or ctx.operation
    request = AuthorizationRequest(
        principal,
        f"dynamodb:{action}",
        resource if resource == "*" or resource.startswith("arn:") else arn(scope, "dynamodb", resource),
        ctx.now,
        scope.account,
        Conditions(ctx, action, asked or {}, partition, tags),
    )
    iam.authorize(ctx, tx, request, policy)


def check_table(
    ctx: Context,
    tx: Transaction,
    scope: Scope,
    name: str,
    record: TableRecord | None,
    asked: Mapping[str, Any] | None = None,
) -> None:
    """The same of what is done to a table as a whole, there or not: another account's that is not is no one's."""
    if record is None and scope.account != ctx.scope.account:
        raise errors.access_denied()
    policy, tags = (None, {}) if record is None else (record.policy, record.tags)
    check(ctx, tx, scope, f"table/{name}", policy, asked=asked, tags=tags)


def check_account(ctx: Context, tx: Transaction, resource: str = "*") -> None:
    """The same of what is done to no table: lists, limits, and what has an ARN of its own."""
    check(ctx, tx, ctx.scope, resource)


Asked = Mapping[str, Any] | Callable[[Schema], Mapping[str, Any]]
"""What is asked of a table, as `Conditions` takes it; a statement can say it when it knows the table."""


def require_schema(
    ctx: Context,
    tx: Transaction,
    name_or_arn: str,
    action: str = "",
    index: str | None = None,
    *,
    asked: Asked,
) -> Schema:
    """The table that an item operation names, for a caller who may use it so; `action` is as `check` has it."""
    scope, name = resolve_name(ctx, name_or_arn, ctx.operation in _OF_ONE_TABLE)
    ctx.about(name)
    schema = find_schema(tx, scope, name)
    policy = None if schema is None else schema.record.policy
    if policy is not None or scope is not ctx.scope or ctx.principal.is_judged:
        resource = f"table/{name}" if index is None else f"table/{name}/index/{index}"
        subject = {} if schema is None else _subject(schema, index, asked)
        check(ctx, tx, scope, resource, policy, action=action, **subject)
    if schema is None or schema.record.transition == "CREATING":
        raise errors.resource_not_found()
    return schema


def _subject(schema: Schema, index: str | None, asked: Asked) -> dict[str, Any]:
    """What conditions of policies are about."""
    read = None if index is None else schema.find_index(index)
    keys = schema.keys[:1] if read is None else read.keys[: read.partition_count]
    return {
        "asked": asked(schema) if callable(asked) else asked,
        "partition": [key.name for key in keys],
        "tags": schema.record.tags,
    }
