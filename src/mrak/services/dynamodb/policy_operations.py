"""Resource policies of tables and of their latest streams.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutResourcePolicy.html
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import structs

from mrak.auth.evaluation import AuthorizationRequest, Named, PolicySet, evaluate
from mrak.auth.policy import parse_policy
from mrak.auth.principals import Principal
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.dynamodb import access, errors, policies
from mrak.services.dynamodb.tables import TABLES, StreamRecord, TableRecord, find_table_arn
from mrak.services.iam import exports as iam

_NO_POLICY = "NO_POLICY"
# How long AWS speaks of a policy that was deleted by its deletion.
_REMEMBERED_MS = 15_000


class _Owner(msgspec.Struct, frozen=True):
    """Whose policy a request is about: a table's, or that of its stream."""

    scope: Scope
    record: TableRecord
    stream: StreamRecord | None

    @property
    def policy(self) -> str | None:
        return (self.stream or self.record).policy

    @property
    def revision(self) -> str | None:
        return (self.stream or self.record).policy_revision

    def keep(self, tx: Transaction, policy: str | None, revision: str) -> None:
        change: dict[str, Any] = {"policy": policy, "policy_revision": revision}
        if self.stream is not None:
            change = {"stream": structs.replace(self.stream, **change)}
        TABLES.replace(tx, self.scope, self.record, structs.replace(self.record, **change))


@operation("PutResourcePolicy")
def put_resource_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    text = req["ResourceArn"]
    policy = policies.normalise(req["Policy"], is_stream="/stream/" in text)
    owner = _require(ctx, tx, text, opens=True)
    if not req.get("ConfirmRemoveSelfResourceAccess"):
        _check_own_access(ctx, tx, text, policy)
    _check_revision(ctx, owner, req.get("ExpectedRevisionId"))
    if owner.policy == policy:
        return {"RevisionId": owner.revision}
    revision = _revision(ctx)
    owner.keep(tx, policy, revision)
    return {"RevisionId": revision}


@operation("GetResourcePolicy")
def get_resource_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    owner = _require(ctx, tx, req["ResourceArn"])
    if owner.policy is None:
        raise _no_policy(req["ResourceArn"])
    return {"Policy": policies.shown(owner.policy), "RevisionId": owner.revision}


@operation("DeleteResourcePolicy")
def delete_resource_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    owner = _require(ctx, tx, req["ResourceArn"], opens=True)
    _check_revision(ctx, owner, req.get("ExpectedRevisionId"))
    current = _current(ctx, owner)
    if owner.policy is not None:
        owner.keep(tx, None, _revision(ctx))
    return {} if current is None else {"RevisionId": current}


def _revision(ctx: Context) -> str:
    return str(int(ctx.now * 1000))


def _no_policy(why: str) -> ApiError:
    return ApiError("PolicyNotFoundException", f"Resource-based policy not found for the provided ResourceArn: {why}")


def _require(ctx: Context, tx: Transaction, text: str, opens: bool = False) -> _Owner:
    """Whom an ARN names, of this account, region and partition."""
    parts = find_table_arn(text)
    name, _, rest = parts.resource.removeprefix("table/").partition("/")
    kind, _, label = rest.partition("/")
    if (parts.partition, parts.region) != (ctx.scope.partition, ctx.scope.region):
        raise errors.invalid_parameter(f"Invalid resource Arn: {text}")
    if parts.account != ctx.scope.account:
        raise errors.not_the_owner()
    record = TABLES.open(tx, ctx.scope, name) if opens else TABLES.get(tx, ctx.scope, name)
    if kind == "stream":
        access.check_account(ctx, tx, text)
    else:
        access.check_table(ctx, tx, ctx.scope, name, record)
    if record is None:
        raise errors.table_not_found(name)
    stream = record.stream if kind == "stream" else None
    if kind == "stream" and (stream is None or stream.label != label):
        raise ApiError(
            "ResourceNotFoundException", f"Requested resource not found: Stream: {label} not found for Table: {name}"
        )
    return _Owner(ctx.scope, record, stream)


def _check_own_access(ctx: Context, tx: Transaction, arn: str, policy: str) -> None:
    """Who puts a policy must be able to put the next one, or say that this is meant."""
    try:
        named = Named("resource policy", parse_policy(policy))
    except ApiError:
        # What is a policy to DynamoDB and not to IAM grants nobody anything, so it locks out nobody either.
        return
    assert isinstance(ctx.principal, Principal)
    request = AuthorizationRequest(ctx.principal, "dynamodb:PutResourcePolicy", arn, ctx.now, ctx.scope.account)
    if ctx.principal.is_judged:
        may_again = iam.decide(ctx, tx, request, policy).allowed
    else:
        decision = evaluate(request, PolicySet(resource=named))
        may_again = decision.allowed or not decision.is_explicit
    if not may_again:
        raise ApiError(
            "AccessDeniedException",
            "The new resource policy will not allow you to update the resource policy in the future.",
        )


def _current(ctx: Context, owner: _Owner) -> str | None:
    """The policy's revision; for a while after its deletion, the moment of that."""
    revision = owner.revision
    if owner.policy is None and revision is not None and int(revision) + _REMEMBERED_MS < ctx.now * 1000:
        return None
    return revision


def _check_revision(ctx: Context, owner: _Owner, expected: str | None) -> None:
    """A revision that is expected must be the current one; NO_POLICY expects none."""
    current, name = _current(ctx, owner), owner.record.name
    if expected is None or (owner.policy is not None and current == expected):
        return
    if expected == _NO_POLICY:
        if owner.policy is None:
            return
        raise _no_policy(
            f"Requested policy update expecting none to be present for table {name}, but a policy exists with revision "
            f"id {current}."
        )
    if current is None:
        raise _no_policy(
            f"Requested update for policy with revision id {expected}, but table {name} has no associated policy."
        )
    raise _no_policy(
        f"Requested update for policy with revision id {expected}, but the policy associated to target table {name} "
        f"has revision id {current}."
    )
