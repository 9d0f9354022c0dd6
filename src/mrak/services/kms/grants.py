"""Grants: created, listed, retired and revoked. A grant's token names it, so that retiring by token needs no look-up.

https://docs.aws.amazon.com/kms/latest/developerguide/grants.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.operation import operation
from mrak.core.page import find_position, render_token, take_page
from mrak.core.scope import Scope
from mrak.services.kms import crypto, errors, keys
from mrak.services.kms.tables import GRANTS, RETIRABLE, Grant, Key

_OF_ALL = ("CreateGrant", "RetireGrant", "DescribeKey")
_OF_SYMMETRIC = (
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
)
_GRANTABLE = {
    "ENCRYPT_DECRYPT": ("Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo"),
    "SIGN_VERIFY": ("Sign", "Verify"),
    "GENERATE_VERIFY_MAC": ("GenerateMac", "VerifyMac"),
    "KEY_AGREEMENT": ("DeriveSharedSecret",),
}
_ONLY_ASK = ("KeyId", "GrantTokens", "DryRun")


@operation("CreateGrant")
def create_grant(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """The same request with the same name is the same grant."""
    deviation("KMS-002")
    scope, key = keys.require(ctx, tx, req["KeyId"], aliases=False)
    keys.check_enabled(scope, key)
    for member in ("GranteePrincipal", "RetiringPrincipal"):
        if member in req:
            _check_principal(tx, scope, req[member], f"{member} does not refer to a valid principal.")
    _check_fit(key, req)
    if req.get("DryRun"):
        raise errors.dry_run()
    settings = {name: value for name, value in req.items() if name not in _ONLY_ASK}
    for old in GRANTS.scan(tx, scope, key.key_id) if "Name" in req else ():
        if old.settings == settings:
            return _named(scope, old)
    grant = Grant(
        key_id=key.key_id,
        grant_id=ctx.draw.hex(64),
        created_at=ctx.now,
        settings=settings,
        retiring=req.get("RetiringPrincipal", ""),
    )
    GRANTS.lock(tx, scope, key.key_id, grant.grant_id)
    GRANTS.insert(tx, scope, grant)
    return _named(scope, grant)


def _check_principal(tx: Transaction, scope: Scope, text: str, refusal: str) -> None:
    from mrak.services.iam import exports as iam

    parsed = find_arn(text)
    if parsed is None:
        raise errors.invalid_principal(refusal)
    # A session's ARN names its role without the role's path.
    has_path = parsed.resource.startswith("assumed-role/") and parsed.resource.count("/") > 2
    if parsed.service not in ("iam", "sts") or has_path:
        raise errors.invalid_principal(f"ARN is not valid: {text}")
    if iam.is_missing(tx, scope, text):
        raise errors.invalid_principal(f"ARN does not refer to a valid principal: {text}")


def _check_fit(key: Key, req: dict[str, Any]) -> None:
    """Whether the key can do what is granted."""
    valid = [*_OF_ALL, *_GRANTABLE[key.usage]]
    if key.spec == crypto.SYMMETRIC:
        valid += _OF_SYMMETRIC
    elif not key.spec.startswith("HMAC"):
        valid.append("GetPublicKey")
    unfit = [name for name in req["Operations"] if name not in valid]
    if unfit:
        kind = "an asymmetric" if "GetPublicKey" in valid else "a symmetric"
        raise errors.operations_not_granted(unfit, kind, key.usage, valid)
    if req.get("Constraints") and key.spec != crypto.SYMMETRIC:
        raise errors.constraint_not_taken()


def _named(scope: Scope, grant: Grant) -> dict[str, Any]:
    token = render_token(f"{keys.key_arn(scope, grant.key_id)}/{grant.grant_id}")
    return {"GrantId": grant.grant_id, "GrantToken": token}


@operation("ListGrants")
def list_grants(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, key = keys.require(ctx, tx, req["KeyId"], aliases=False)
    after = keys.position(req)
    wanted = {name: req[name] for name in ("GranteePrincipal", "GranteeServicePrincipal") if name in req}
    rows = (
        row
        for row in GRANTS.scan(tx, scope, key.key_id)
        if (after is None or row.grant_id > after)
        and req.get("GrantId", row.grant_id) == row.grant_id
        and all(row.settings.get(name) == value for name, value in wanted.items())
    )
    return _page(scope, rows, req)


@operation("ListRetirableGrants")
def list_retirable_grants(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    after = keys.position(req)
    principal = req.get("RetiringPrincipal", "")
    _check_principal(tx, ctx.scope, principal, "Input does not refer to a valid principal")
    rows = (
        row
        for row in RETIRABLE.scan(tx, ctx.scope, principal)
        if after is None or f"{row.key_id}/{row.grant_id}" > after
    )
    return _page(ctx.scope, rows, req, by_key=True)


def _page(scope: Scope, rows: Any, req: dict[str, Any], *, by_key: bool = False) -> dict[str, Any]:
    def position(row: Grant) -> str:
        return f"{row.key_id}/{row.grant_id}" if by_key else row.grant_id

    page, token = take_page(rows, req.get("Limit", 50), position)
    return keys.paged("Grants", [_render(scope, row) for row in page], token)


def _render(scope: Scope, grant: Grant) -> dict[str, Any]:
    shown = {
        "KeyId": keys.key_arn(scope, grant.key_id),
        "GrantId": grant.grant_id,
        "CreationDate": grant.created_at,
        "IssuingAccount": f"arn:{scope.partition}:iam::{scope.account}:root",
    }
    return {"Name": ""} | grant.settings | shown


@operation("RevokeGrant")
def revoke_grant(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    scope, key = keys.require(ctx, tx, req["KeyId"], aliases=False)
    _end(tx, scope, key.key_id, req)


@operation("RetireGrant")
def retire_grant(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    """By token, or by key and grant id."""
    if "GrantToken" in req:
        arn, _, grant_id = (find_position(req["GrantToken"]) or "").rpartition("/")
        if find_arn(arn) is None:
            raise errors.invalid_grant_token()
        scope, key = keys.require(ctx, tx, arn, aliases=False)
        _end(tx, scope, key.key_id, req | {"GrantId": grant_id})
        return
    if "KeyId" not in req or "GrantId" not in req:
        raise errors.validation("You must specify either a grant token, or a key ID and a grant ID.")
    scope, key = keys.require(ctx, tx, req["KeyId"], aliases=False)
    _end(tx, scope, key.key_id, req)


def _end(tx: Transaction, scope: Scope, key_id: str, req: dict[str, Any]) -> None:
    grant = GRANTS.open(tx, scope, key_id, req["GrantId"])
    if grant is None:
        raise errors.grant_not_found(req["GrantId"])
    if req.get("DryRun"):
        raise errors.dry_run()
    GRANTS.delete(tx, scope, grant)


def end_all(tx: Transaction, scope: Scope, key: Key) -> None:
    """A deleted key's grants go with it."""
    for grant in list(GRANTS.scan(tx, scope, key.key_id)):
        GRANTS.lock(tx, scope, key.key_id, grant.grant_id)
        GRANTS.delete(tx, scope, grant)
