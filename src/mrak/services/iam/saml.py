"""SAML identity providers: their metadata documents, checked for being such.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml.html
"""

from __future__ import annotations

from typing import Any
from xml.parsers import expat

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.iam import errors, names, tagging
from mrak.services.iam.tables import SAML_PROVIDERS, SamlProvider

_VALID_SECONDS = 100 * 365 * 86_400.0


@operation("CreateSAMLProvider")
def create_saml_provider(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name, wide = req["Name"], ctx.scope.account_wide()
    _refuse_encryption(req)
    _check_metadata(req["SAMLMetadataDocument"])
    if SAML_PROVIDERS.open(tx, wide, name) is not None:
        raise errors.exists(f"SAMLProvider {name} already exists.")
    provider = SamlProvider(
        name=name,
        document=req["SAMLMetadataDocument"],
        created_at=ctx.now,
        uuid=ctx.draw.alphanumeric(32, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
        tags=names.parse_tags(req.get("Tags", [])),
    )
    SAML_PROVIDERS.insert(tx, wide, provider)
    return {"SAMLProviderArn": _arn(ctx, provider)} | tagging.rendered(provider)


def _refuse_encryption(req: dict[str, Any]) -> None:
    """Assertions are decrypted nowhere here, so no key for that is taken."""
    if "AddPrivateKey" in req or req.get("AssertionEncryptionMode") == "Required":
        raise errors.invalid_input("mrak does not decrypt SAML assertions.")


def _check_metadata(document: str) -> None:
    """An entity descriptor, without entities of its own."""
    seen: list[str] = []

    def refuse(*_: Any) -> None:
        raise errors.invalid_input("Could not parse metadata")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = lambda name, attributes: seen.append(name)
    try:
        parser.Parse(document, True)
    except expat.ExpatError:
        raise errors.invalid_input("Could not parse metadata") from None
    if seen[0].rpartition(" ")[2] != "EntityDescriptor" or not any(
        name.rpartition(" ")[2] == "IDPSSODescriptor" for name in seen
    ):
        raise errors.invalid_input("Could not parse metadata")


@operation("GetSAMLProvider")
def get_saml_provider(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    provider = _require(ctx, tx, req)
    return {
        "SAMLProviderUUID": provider.uuid,
        "SAMLMetadataDocument": provider.document,
        "CreateDate": provider.created_at,
        "ValidUntil": provider.created_at + _VALID_SECONDS,
        "AssertionEncryptionMode": "Allowed",
        "PrivateKeyList": [],
        "Tags": names.render_tags(provider.tags),
    }


@operation("ListSAMLProviders")
def list_saml_providers(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    rows = SAML_PROVIDERS.scan(tx, ctx.scope.account_wide())
    return {
        "SAMLProviderList": [
            {"Arn": _arn(ctx, row), "ValidUntil": row.created_at + _VALID_SECONDS, "CreateDate": row.created_at}
            for row in rows
        ]
    }


@operation("UpdateSAMLProvider")
def update_saml_provider(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    _refuse_encryption(req)
    provider = _open(ctx, tx, req)
    if "SAMLMetadataDocument" in req:
        _check_metadata(req["SAMLMetadataDocument"])
        changed = msgspec.structs.replace(provider, document=req["SAMLMetadataDocument"])
        SAML_PROVIDERS.replace(tx, ctx.scope.account_wide(), provider, changed)
    return {"SAMLProviderArn": _arn(ctx, provider)}


@operation("DeleteSAMLProvider")
def delete_saml_provider(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    SAML_PROVIDERS.delete(tx, ctx.scope.account_wide(), _open(ctx, tx, req))


@operation("TagSAMLProvider")
def tag_saml_provider(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    tagging.tag(tx, ctx.scope, SAML_PROVIDERS, _open(ctx, tx, req), req)


@operation("UntagSAMLProvider")
def untag_saml_provider(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    tagging.untag(tx, ctx.scope, SAML_PROVIDERS, _open(ctx, tx, req), req)


@operation("ListSAMLProviderTags")
def list_saml_provider_tags(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return tagging.list_tags(_require(ctx, tx, req), req)


def _arn(ctx: Context, provider: SamlProvider) -> str:
    return f"arn:{ctx.scope.partition}:iam::{ctx.scope.account}:saml-provider/{provider.name}"


def _require(ctx: Context, tx: Transaction, req: dict[str, Any]) -> SamlProvider:
    arn = req["SAMLProviderArn"]
    found = SAML_PROVIDERS.get(tx, ctx.scope.account_wide(), arn.partition(":saml-provider/")[2])
    if found is None:
        raise errors.no_such_entity(f"Manifest not found for arn {arn}")
    return found


def _open(ctx: Context, tx: Transaction, req: dict[str, Any]) -> SamlProvider:
    SAML_PROVIDERS.lock(tx, ctx.scope.account_wide(), req["SAMLProviderArn"].partition(":saml-provider/")[2])
    return _require(ctx, tx, req)
