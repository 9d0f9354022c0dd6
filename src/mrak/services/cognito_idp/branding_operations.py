"""Operations on the look of managed login and on terms, which are kept and shown; the pages have a look of their own.

https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-managed-login.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.operation import operation
from mrak.services.cognito_idp import errors, parts, pools
from mrak.services.cognito_idp.tables import PARTS, Part

_LOOK = ("UseCognitoProvidedValues", "Settings", "Assets")
_TERMS = ("TermsName", "TermsSource", "Enforcement", "Links")
_DEFAULT_LINK = "cognito:default"


def _of_client(tx: Transaction, ctx: Context, pool_id: str, kind: str, client_id: str) -> list[Part]:
    rows = PARTS.scan(tx, ctx.scope, pool_id, kind)
    return [part for part in rows if part.settings["ClientId"] == client_id]


def _require(tx: Transaction, ctx: Context, pool_id: str, kind: str, name: str, what: str) -> Part:
    pool = pools.require_pool(tx, ctx.scope, pool_id)
    found = PARTS.get(tx, ctx.scope, pool.id, kind, name)
    if found is None:
        raise errors.not_found(f"{what} {name} does not exist.")
    return found


def _dated(part: Part) -> dict[str, Any]:
    return {"UserPoolId": part.pool, "CreationDate": part.created_at, "LastModifiedDate": part.modified_at}


def _check_look(req: dict[str, Any]) -> dict[str, Any]:
    """Cognito's own values, or values of one's own."""
    own = "Settings" in req or "Assets" in req
    if own and req.get("UseCognitoProvidedValues"):
        raise errors.invalid("UseCognitoProvidedValues cannot be true when Settings or Assets are given.")
    if not own and not req.get("UseCognitoProvidedValues"):
        raise errors.invalid("Either UseCognitoProvidedValues must be true, or Settings or Assets must be given.")
    # Kept and shown: the pages do not look like it.
    deviation("COGNITO-006")
    return {"UseCognitoProvidedValues": False} | {name: req[name] for name in _LOOK if name in req}


def _render_look(part: Part) -> dict[str, Any]:
    shown = {name: part.settings[name] for name in _LOOK if name in part.settings}
    return {"ManagedLoginBranding": _dated(part) | {"ManagedLoginBrandingId": part.name} | shown}


@operation("CreateManagedLoginBranding")
def create_managed_login_branding(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    client = pools.require_client(tx, ctx.scope, pool.id, req["ClientId"])
    if _of_client(tx, ctx, pool.id, parts.BRANDING, client.id):
        raise errors.branding_exists(client.id)
    settings = _check_look(req) | {"ClientId": client.id}
    return _render_look(parts.put(ctx, tx, pool.id, parts.BRANDING, ctx.draw.uuid(), settings))


@operation("UpdateManagedLoginBranding")
def update_managed_login_branding(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    for name in ("UserPoolId", "ManagedLoginBrandingId"):
        if name not in req:
            raise errors.missing(name)
    part = _require_look(tx, ctx, req)
    settings = _check_look(req) | {"ClientId": part.settings["ClientId"]}
    return _render_look(parts.put(ctx, tx, part.pool, part.kind, part.name, settings))


def _require_look(tx: Transaction, ctx: Context, req: dict[str, Any]) -> Part:
    wanted = req["ManagedLoginBrandingId"]
    return _require(tx, ctx, req["UserPoolId"], parts.BRANDING, wanted, "ManagedLoginBranding")


@operation("DescribeManagedLoginBranding")
def describe_managed_login_branding(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _render_look(_require_look(tx, ctx, req))


@operation("DescribeManagedLoginBrandingByClient")
def describe_managed_login_branding_by_client(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    client = pools.require_client(tx, ctx.scope, pool.id, req["ClientId"])
    found = _of_client(tx, ctx, pool.id, parts.BRANDING, client.id)
    if not found:
        raise errors.not_found(f"ManagedLoginBranding of client {client.id} does not exist.")
    return _render_look(found[0])


@operation("DeleteManagedLoginBranding")
def delete_managed_login_branding(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    parts.remove(tx, ctx.scope, _require_look(tx, ctx, req))


def _render_terms(part: Part) -> dict[str, Any]:
    return {"Terms": _dated(part) | {"TermsId": part.name, "Links": {}} | part.settings}


def _check_links(settings: dict[str, Any]) -> dict[str, Any]:
    links = settings.get("Links", {})
    if links and _DEFAULT_LINK not in links:
        raise errors.invalid(f"Links must contain an entry for {_DEFAULT_LINK}.")
    return settings


@operation("CreateTerms")
def create_terms(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    client = pools.require_client(tx, ctx.scope, pool.id, req["ClientId"])
    _check_terms_free(tx, ctx, pool.id, client.id, req["TermsName"], "")
    settings = _check_links({name: req[name] for name in _TERMS if name in req} | {"ClientId": client.id})
    return _render_terms(parts.put(ctx, tx, pool.id, parts.TERMS, ctx.draw.uuid(), settings))


def _check_terms_free(tx: Transaction, ctx: Context, pool_id: str, client_id: str, name: str, own: str) -> None:
    for part in _of_client(tx, ctx, pool_id, parts.TERMS, client_id):
        if part.settings["TermsName"] == name and part.name != own:
            raise errors.terms_exist(name)


def _require_terms(tx: Transaction, ctx: Context, req: dict[str, Any]) -> Part:
    return _require(tx, ctx, req["UserPoolId"], parts.TERMS, req["TermsId"], "Terms")


@operation("UpdateTerms")
def update_terms(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    part = _require_terms(tx, ctx, req)
    settings = _check_links(part.settings | {name: req[name] for name in _TERMS if name in req})
    _check_terms_free(tx, ctx, part.pool, settings["ClientId"], settings["TermsName"], part.name)
    return _render_terms(parts.put(ctx, tx, part.pool, part.kind, part.name, settings))


@operation("DescribeTerms")
def describe_terms(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _render_terms(_require_terms(tx, ctx, req))


@operation("DescribeTermsByClient")
def describe_terms_by_client(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    client = pools.require_client(tx, ctx.scope, pool.id, req["ClientId"])
    for part in _of_client(tx, ctx, pool.id, parts.TERMS, client.id):
        if part.settings["TermsName"] == req["TermsName"]:
            return _render_terms(part)
    raise errors.not_found(f"Terms {req['TermsName']} of client {client.id} do not exist.")


@operation("ListTerms")
def list_terms(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    page, more = parts.page_of(tx, ctx.scope, pool.id, parts.TERMS, req)
    shown = [
        {
            "TermsId": part.name,
            "TermsName": part.settings["TermsName"],
            "Enforcement": part.settings["Enforcement"],
            "CreationDate": part.created_at,
            "LastModifiedDate": part.modified_at,
        }
        for part in page
    ]
    return {"Terms": shown} | more


@operation("DeleteTerms")
def delete_terms(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    parts.remove(tx, ctx.scope, _require_terms(tx, ctx, req))
