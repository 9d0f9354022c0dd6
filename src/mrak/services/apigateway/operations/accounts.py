"""The account's settings."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.apigateway import errors, patches
from mrak.services.apigateway.tables import ACCOUNTS, Named

_FIELDS = {"/cloudwatchRoleArn": patches.ANY_TEXT, "/features/*": patches.MEMBER, "/features": patches.MEMBER}
_SHOWN = {
    "throttleSettings": {"burstLimit": 5000, "rateLimit": 10000.0},
    "features": ["UsagePlans"],
    "apiKeyVersion": "4",
}


@operation("GetAccount")
def get_account(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    account = ACCOUNTS.get(tx, ctx.scope, "account")
    return _SHOWN | ({} if account is None else account.settings)


@operation("UpdateAccount")
def update_account(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    patched = [(patch.get("op"), patch.get("path")) for patch in req.get("patchOperations", [])]
    if ("remove", "/features") in patched:
        raise errors.bad_request("Usage Plans cannot be disabled once enabled")
    old = ACCOUNTS.open(tx, ctx.scope, "account")
    settings = patches.apply({} if old is None else old.settings, req.get("patchOperations"), _FIELDS)
    if old is None:
        ACCOUNTS.insert(tx, ctx.scope, Named(id="account", settings=settings))
    else:
        ACCOUNTS.replace(tx, ctx.scope, old, msgspec.structs.replace(old, settings=settings))
    return _SHOWN | settings
