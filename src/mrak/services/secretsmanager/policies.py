"""Resource policies of secrets: kept, shown and checked.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_resource-policies.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.auth.policy import parse_policy
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.lang import prettyjson
from mrak.services.secretsmanager import errors, secrets
from mrak.services.secretsmanager.tables import SECRETS


@operation("PutResourcePolicy")
def put_resource_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    secrets.require_primary(tx, ctx.scope, req["SecretId"])
    document = _parse(req["ResourcePolicy"])
    if req.get("BlockPublicPolicy") and _is_public(document):
        raise errors.public_policy()
    return _set_policy(ctx, tx, req["SecretId"], req["ResourcePolicy"])


def _parse(text: str) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(text, type=dict[str, Any])
        # It is laid out when it is asked for: what is too deep for that is refused now.
        prettyjson.render(document)
    except (msgspec.DecodeError, RecursionError):
        raise errors.malformed_policy() from None
    return document


def _is_public(document: dict[str, Any]) -> bool:
    """Whether everybody is let in, on no condition."""
    statements = document.get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        if not isinstance(statement, dict):
            continue
        principal = statement.get("Principal")
        everybody = principal == "*" or (isinstance(principal, dict) and "*" in _texts(principal.get("AWS", [])))
        if statement.get("Effect") == "Allow" and everybody and not statement.get("Condition"):
            return True
    return False


def _texts(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@operation("DeleteResourcePolicy")
def delete_resource_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _set_policy(ctx, tx, req["SecretId"], "")


@operation("GetResourcePolicy")
def get_resource_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    home, secret = secrets.require(tx, ctx.scope, req["SecretId"])
    answer = secrets.identify(home, secret)
    if secret.policy:
        answer["ResourcePolicy"] = prettyjson.render(msgspec.json.decode(secret.policy))
    return answer


def _set_policy(ctx: Context, tx: Transaction, secret_id: str, policy: str) -> dict[str, Any]:
    home, secret = secrets.require_primary(tx, ctx.scope, secret_id)
    SECRETS.lock(tx, home, secret.name)
    secrets.save(tx, home, secret, msgspec.structs.replace(secret, policy=policy, changed_at=ctx.now))
    return secrets.identify(home, secret)


@operation("ValidateResourcePolicy")
def validate_resource_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """Says what is wrong with a policy, and whether it lets everybody in."""
    if "SecretId" in req:
        secrets.require(tx, ctx.scope, req["SecretId"])
    document = _parse(req["ResourcePolicy"])
    found = []
    try:
        parse_policy(req["ResourcePolicy"])
    except ApiError as error:
        found.append({"CheckName": "POLICY_SYNTAX", "ErrorMessage": error.message})
    if not found and _is_public(document):
        found.append({"CheckName": "BlockPublicPolicyCheck", "ErrorMessage": errors.public_policy().message})
    return {"PolicyValidationPassed": not found, "ValidationErrors": found}
