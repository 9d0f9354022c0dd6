"""Operations on resource policies as whole documents. They are the policies that AddPermission writes statement by
statement. https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
"""

from __future__ import annotations

import json
from typing import Any

from mrak.auth.policy import parse_policy
from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.services.lambda_ import errors, functions
from mrak.services.lambda_.permission_operations import check_resource, render_policy
from mrak.services.lambda_.references import Reference, parse_reference
from mrak.services.lambda_.tables import POLICIES, Policy

_LONGEST_BYTES = 20_480


@operation("PutResourcePolicy")
def put_resource_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    ref = _require_function(ctx, tx, req["ResourceArn"])
    statements = _parse(ref, req["Policy"])
    functions.open_function(tx, ref)
    old = POLICIES.get(tx, ref.scope, ref.name, ref.qualifier)
    _check_revision(req, old)
    new = Policy(name=ref.name, qualifier=ref.qualifier, revision_id=ctx.draw.uuid(), statements=statements)
    if old is None:
        POLICIES.insert(tx, ref.scope, new)
    else:
        POLICIES.replace(tx, ref.scope, old, new)
    return render_policy(new)


@operation("GetResourcePolicy")
def get_resource_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    ref = _require_function(ctx, tx, req["ResourceArn"])
    policy = POLICIES.get(tx, ref.scope, ref.name, ref.qualifier)
    if policy is None:
        raise errors.unknown_resource()
    return render_policy(policy)


@operation("DeleteResourcePolicy")
def delete_resource_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    ref = _require_function(ctx, tx, req["ResourceArn"])
    functions.open_function(tx, ref)
    policy = POLICIES.get(tx, ref.scope, ref.name, ref.qualifier)
    if policy is None:
        raise errors.unknown_resource()
    _check_revision(req, policy)
    POLICIES.delete(tx, ref.scope, policy)


def _require_function(ctx: Context, tx: Transaction, resource: str) -> Reference:
    parsed = find_arn(resource)
    if parsed is None or not parsed.resource.startswith("function:"):
        raise errors.unknown_resource()
    ref = parse_reference(ctx.scope, resource)
    check_resource(tx, ref)
    return ref


def _check_revision(req: dict[str, Any], policy: Policy | None) -> None:
    if req.get("RevisionId") and (policy is None or req["RevisionId"] != policy.revision_id):
        raise errors.precondition("GetResourcePolicy")


def _parse(ref: Reference, text: str) -> list[dict[str, Any]]:
    """The document's statements; each must be about this very resource."""
    if len(text.encode()) > _LONGEST_BYTES:
        message = f"The final policy size ({len(text.encode())}) is bigger than the limit ({_LONGEST_BYTES})."
        raise ApiError("PolicyLengthExceededException", message, 400, {"Type": "User"})
    try:
        parse_policy(text)
        statements = json.loads(text)["Statement"]
    except (ApiError, ValueError, KeyError, TypeError) as error:
        raise errors.invalid(f"The policy is not valid: {getattr(error, 'message', error)}") from None
    statements = statements if isinstance(statements, list) else [statements]
    for number, statement in enumerate(statements):
        statement.setdefault("Sid", f"statement-{number + 1}")
        resources = statement.get("Resource", ref.arn)
        if "Principal" not in statement:
            raise errors.invalid("The policy is not valid: a statement names no principal.")
        if any(resource != ref.arn for resource in ([resources] if isinstance(resources, str) else resources)):
            raise errors.invalid(f"The policy is not valid: a statement is not about {ref.arn}.")
    return list(statements)
