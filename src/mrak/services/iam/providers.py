"""Operations on OpenID Connect identity providers, which AssumeRoleWithWebIdentity trusts."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.iam import errors, names
from mrak.services.iam.tables import OIDC_PROVIDERS, OidcProvider

_MOST_CLIENTS = 100
_MOST_THUMBPRINTS = 5


@operation("CreateOpenIDConnectProvider")
def create_open_id_connect_provider(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    parts = urlsplit(req["Url"])
    if parts.scheme != "https" or not parts.netloc or parts.query or parts.username:
        raise errors.validation("Invalid Open ID Connect Provider URL")
    url = parts.netloc + parts.path.rstrip("/")
    clients, thumbprints = tuple(req.get("ClientIDList", ())), tuple(req.get("ThumbprintList", ()))
    _check_lists(clients, thumbprints)
    wide = ctx.scope.account_wide()
    if OIDC_PROVIDERS.open(tx, wide, url) is not None:
        raise errors.provider_exists(req["Url"])
    provider = OidcProvider(
        url=url,
        created_at=ctx.now,
        clients=clients,
        thumbprints=thumbprints,
        tags=names.parse_tags(req.get("Tags", [])),
    )
    OIDC_PROVIDERS.insert(tx, wide, provider)
    tags = {"Tags": names.render_tags(provider.tags)} if provider.tags else {}
    return {"OpenIDConnectProviderArn": _arn(ctx, provider)} | tags


@operation("GetOpenIDConnectProvider")
def get_open_id_connect_provider(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    provider = _require(ctx, tx, req)
    return {
        "Url": provider.url,
        "ClientIDList": list(provider.clients),
        "ThumbprintList": list(provider.thumbprints),
        "CreateDate": provider.created_at,
        "Tags": names.render_tags(provider.tags),
    }


@operation("ListOpenIDConnectProviders")
def list_open_id_connect_providers(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    rows = OIDC_PROVIDERS.scan(tx, ctx.scope.account_wide())
    return {"OpenIDConnectProviderList": [{"Arn": _arn(ctx, row)} for row in rows]}


@operation("DeleteOpenIDConnectProvider")
def delete_open_id_connect_provider(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    """Deleting one that is not there succeeds, as on AWS."""
    wide = ctx.scope.account_wide()
    provider = OIDC_PROVIDERS.open(tx, wide, _url_in(req["OpenIDConnectProviderArn"]))
    if provider is not None:
        OIDC_PROVIDERS.delete(tx, wide, provider)


@operation("AddClientIDToOpenIDConnectProvider")
def add_client_id_to_open_id_connect_provider(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    provider = _open(ctx, tx, req)
    if req["ClientID"] not in provider.clients:
        _change(ctx, tx, provider, clients=(*provider.clients, req["ClientID"]))


@operation("RemoveClientIDFromOpenIDConnectProvider")
def remove_client_id_from_open_id_connect_provider(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    provider = _open(ctx, tx, req)
    _change(ctx, tx, provider, clients=tuple(each for each in provider.clients if each != req["ClientID"]))


@operation("UpdateOpenIDConnectProviderThumbprint")
def update_open_id_connect_provider_thumbprint(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _change(ctx, tx, _open(ctx, tx, req), thumbprints=tuple(req["ThumbprintList"]))


@operation("TagOpenIDConnectProvider")
def tag_open_id_connect_provider(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    provider = _open(ctx, tx, req)
    _change(ctx, tx, provider, tags=names.parse_tags(req["Tags"], provider.tags))


@operation("UntagOpenIDConnectProvider")
def untag_open_id_connect_provider(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    provider = _open(ctx, tx, req)
    _change(ctx, tx, provider, tags=names.without_tags(provider.tags, req["TagKeys"]))


@operation("ListOpenIDConnectProviderTags")
def list_open_id_connect_provider_tags(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    provider = _require(ctx, tx, req)
    return names.page_of_names(req, "Tags", names.render_tags(provider.tags), lambda row: row["Key"])


def _arn(ctx: Context, provider: OidcProvider) -> str:
    return f"arn:{ctx.scope.partition}:iam::{ctx.scope.account}:oidc-provider/{provider.url}"


def _url_in(arn: str) -> str:
    return arn.partition(":oidc-provider/")[2]


def _require(ctx: Context, tx: Transaction, req: dict[str, Any]) -> OidcProvider:
    arn = req["OpenIDConnectProviderArn"]
    provider = OIDC_PROVIDERS.get(tx, ctx.scope.account_wide(), _url_in(arn))
    if provider is None:
        raise errors.provider_not_found(arn)
    return provider


def _open(ctx: Context, tx: Transaction, req: dict[str, Any]) -> OidcProvider:
    OIDC_PROVIDERS.lock(tx, ctx.scope.account_wide(), _url_in(req["OpenIDConnectProviderArn"]))
    return _require(ctx, tx, req)


def _change(ctx: Context, tx: Transaction, provider: OidcProvider, **changes: Any) -> None:
    changed = msgspec.structs.replace(provider, **changes)
    _check_lists(changed.clients, changed.thumbprints)
    OIDC_PROVIDERS.replace(tx, ctx.scope.account_wide(), provider, changed)


def _check_lists(clients: tuple[str, ...], thumbprints: tuple[str, ...]) -> None:
    if len(clients) > _MOST_CLIENTS:
        raise errors.quota("ClientIdsPerOpenIdConnectProvider", _MOST_CLIENTS)
    if len(thumbprints) > _MOST_THUMBPRINTS:
        raise errors.invalid_input("Thumbprint list must contain fewer than 5 entries.")
