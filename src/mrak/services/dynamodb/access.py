"""Whether a caller may use a table: by its own policies, if it is a user or a role, and by the table's.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/access-control-resource-based.html

Within one account either side may allow, across accounts both have to; a denial on either side binds all. Root, and
services that act on their own, are kept out by nothing but the table's policy. DYNAMODB-011: nor is a role kept out
that nobody made, which other services take, or one that holds a policy of AWS's that is not built in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from mrak.auth.evaluation import (
    RESOURCE,
    AuthorizationRequest,
    Decision,
    Named,
    PolicySet,
    denial_message,
    evaluate,
    matching_statements,
)
from mrak.auth.policy import parse_policy
from mrak.core.arn import arn
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError
from mrak.core.scope import Scope
from mrak.services.dynamodb import errors
from mrak.services.dynamodb.conditions import Conditions
from mrak.services.dynamodb.tables import Schema, TableRecord, find_schema, resolve_name
from mrak.services.iam import exports as iam

deviation("DYNAMODB-011")


@lru_cache(maxsize=1024)
def _named(policy: str) -> Named | None:
    try:
        return Named("resource-based policy", parse_policy(policy))
    except ApiError:
        # What is a policy to DynamoDB and not to IAM allows nothing and denies nothing.
        return None


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
    is_own, is_judged = scope.account == ctx.scope.account, iam.is_judged(principal)
    if is_own and policy is None and not is_judged:
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
    named = None if policy is None else _named(policy)
    policies = iam.find_policies_of(tx, ctx.scope.environment, principal) if is_judged else None
    decision = (
        _decide_without(request, named, is_own)
        if policies is None
        else evaluate(request, msgspec.structs.replace(policies, resource=named))
    )
    if not decision.allowed:
        raise ApiError("AccessDeniedException", denial_message(decision, request))


def _decide_without(request: AuthorizationRequest, named: Named | None, is_own: bool) -> Decision:
    """For who has no policies of its own: others need the table's policy, its own account only must not be denied."""
    found = matching_statements(request, PolicySet(resource=named))
    is_denied = any(not statement.allows for _, _, statement in found)
    return Decision(not is_denied and (is_own or bool(found)), is_denied, RESOURCE)


def check_table(
    ctx: Context,
    tx: Transaction,
    scope: Scope,
    name: str,
    record: TableRecord | None,
    asked: Mapping[str, Any] | None = None,
) -> None:
    """The same of what is done to a table as a whole, there or not."""
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
    scope, name = resolve_name(ctx, name_or_arn)
    ctx.about(name)
    schema = find_schema(tx, scope, name)
    policy = None if schema is None else schema.record.policy
    if policy is not None or scope is not ctx.scope or iam.is_judged(ctx.principal):
        resource = f"table/{name}" if index is None else f"table/{name}/index/{index}"
        subject = {} if schema is None else _subject(schema, index, asked)
        check(ctx, tx, scope, resource, policy, action=action, **subject)
    if schema is None:
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
