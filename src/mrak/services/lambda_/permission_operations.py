"""Operations on resource policies of functions: who may invoke them.

https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.lambda_ import errors, functions
from mrak.services.lambda_.references import LATEST, Reference, is_version, parse_reference
from mrak.services.lambda_.tables import ALIASES, FUNCTIONS, POLICIES, Policy

_SERVICE = re.compile(r"[a-z0-9.-]+\.(amazonaws\.com(\.cn)?|alexa\.com|internal)")
_ACCOUNT = re.compile(r"\d{12}")


@operation("AddPermission")
def add_permission(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    ref = parse_reference(ctx.scope, req["FunctionName"], req.get("Qualifier"))
    if ref.qualifier == LATEST:
        raise errors.invalid("We currently do not support adding policies for $LATEST.")
    check_resource(tx, ref)
    statement = _statement(ref, req)
    functions.open_function(tx, ref)
    policy = POLICIES.get(tx, ref.scope, ref.name, ref.qualifier)
    if policy is not None and any(known["Sid"] == statement["Sid"] for known in policy.statements):
        raise errors.conflict(
            f"The statement id ({statement['Sid']}) provided already exists. "
            "Please provide a new statement id, or remove the existing statement."
        )
    _check_revision(tx, ref, policy, req)
    statements = [*(policy.statements if policy else []), statement]
    new = Policy(name=ref.name, qualifier=ref.qualifier, revision_id=ctx.draw.uuid(), statements=statements)
    if policy is None:
        POLICIES.insert(tx, ref.scope, new)
    else:
        POLICIES.replace(tx, ref.scope, policy, new)
    return {"Statement": json.dumps(statement, separators=(",", ":"))}


def _check_revision(tx: Transaction, ref: Reference, policy: Policy | None, req: dict[str, Any]) -> None:
    """A policy has revisions of its own; before there is one, that of what it is for counts (recorded)."""
    if not req.get("RevisionId"):
        return
    if policy is not None:
        current = policy.revision_id
    else:
        alias = functions.find_alias(tx, ref)
        current = alias.revision_id if alias is not None else functions.require_version(tx, ref).revision_id
    if req["RevisionId"] != current:
        raise errors.precondition("GetPolicy")


def check_resource(tx: Transaction, ref: Reference) -> None:
    if FUNCTIONS.get(tx, ref.scope, ref.name) is None:
        raise errors.function_not_found(ref.arn)
    if not ref.qualifier:
        return
    if not is_version(ref.qualifier):
        if re.fullmatch(r"[a-zA-Z0-9-_]+", ref.qualifier) is None:
            raise errors.function_not_found(ref.arn)
        if ALIASES.get(tx, ref.scope, ref.name, ref.qualifier) is None:
            raise errors.not_found(f"Cannot find alias arn: {ref.arn}")
        return
    functions.require_version(tx, ref)


def _statement(ref: Reference, req: dict[str, Any]) -> dict[str, Any]:
    """A policy statement, in AWS's order of members."""
    conditions: dict[str, dict[str, str]] = {}
    if "SourceArn" in req:
        conditions["ArnLike"] = {"AWS:SourceArn": req["SourceArn"]}
    equals = {
        "AWS:SourceAccount": req.get("SourceAccount"),
        "lambda:EventSourceToken": req.get("EventSourceToken"),
        "lambda:FunctionUrlAuthType": req.get("FunctionUrlAuthType"),
        "aws:PrincipalOrgID": req.get("PrincipalOrgID"),
    }
    equals = {key: value for key, value in equals.items() if value}
    if equals:
        conditions["StringEquals"] = equals  # type: ignore[assignment]
    if "InvokedViaFunctionUrl" in req:
        conditions["Bool"] = {"lambda:InvokedViaFunctionUrl": str(req["InvokedViaFunctionUrl"]).lower()}
    statement: dict[str, Any] = {
        "Sid": req["StatementId"],
        "Effect": "Allow",
        "Principal": _principal(ref, req["Principal"]),
        "Action": req["Action"],
        "Resource": ref.arn,
    }
    return statement | ({"Condition": conditions} if conditions else {})


def _principal(ref: Reference, principal: str) -> str | dict[str, str]:
    if principal == "*":
        return principal
    if _ACCOUNT.fullmatch(principal):
        return {"AWS": f"arn:{ref.scope.partition}:iam::{principal}:root"}
    if principal.startswith("arn:"):
        return {"AWS": principal}
    if _SERVICE.fullmatch(principal):
        return {"Service": principal}
    raise errors.invalid("The provided principal was invalid. Please check the principal and try again.")


@operation("RemovePermission")
def remove_permission(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    ref = parse_reference(ctx.scope, req["FunctionName"], req.get("Qualifier"))
    if FUNCTIONS.get(tx, ref.scope, ref.name) is None:
        raise errors.not_found(f"No policy found for: {ref.arn}")
    if ref.qualifier and not is_version(ref.qualifier) and functions.find_alias(tx, ref) is None:
        raise errors.not_found(f"Cannot find alias arn: {ref.arn}")
    functions.open_function(tx, ref)
    policy = POLICIES.get(tx, ref.scope, ref.name, ref.qualifier)
    if policy is None:
        raise errors.not_found("No policy is associated with the given resource.")
    kept = [statement for statement in policy.statements if statement["Sid"] != req["StatementId"]]
    if len(kept) == len(policy.statements):
        raise errors.not_found(f"Statement {req['StatementId']} is not found in resource policy.")
    _check_revision(tx, ref, policy, req)
    if kept:
        new = msgspec.structs.replace(policy, statements=kept, revision_id=ctx.draw.uuid())
        POLICIES.replace(tx, ref.scope, policy, new)
    else:
        POLICIES.delete(tx, ref.scope, policy)


@operation("GetPolicy")
def get_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    ref = parse_reference(ctx.scope, req["FunctionName"], req.get("Qualifier"))
    policy = POLICIES.get(tx, ref.scope, ref.name, ref.qualifier)
    if policy is None:
        raise errors.unknown_resource()
    return render_policy(policy)


def render_policy(policy: Policy) -> dict[str, Any]:
    document = {"Version": "2012-10-17", "Id": "default", "Statement": policy.statements}
    return {"Policy": json.dumps(document, separators=(",", ":")), "RevisionId": policy.revision_id}
