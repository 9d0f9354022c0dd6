"""Custom domain names and base paths."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.apigateway import errors, parts, patches
from mrak.services.apigateway.exports import EDGE_ZONE, hosted_zone
from mrak.services.apigateway.tables import DOMAINS, MAPPINGS, STAGES, Named
from mrak.services.apigatewayv2.exports import Path, domains

_MEMBERS = (
    "certificateName", "certificateArn", "regionalCertificateName", "regionalCertificateArn", "securityPolicy",
    "mutualTlsAuthentication", "ownershipVerificationCertificateArn", "policy", "routingMode", "endpointAccessMode",
)  # fmt: skip
_FIELDS = {
    "/certificateName": patches.ANY_TEXT,
    "/certificateArn": patches.ANY_TEXT,
    "/regionalCertificateName": patches.ANY_TEXT,
    "/regionalCertificateArn": patches.ANY_TEXT,
    "/securityPolicy": patches.TEXT,
    "/endpointConfiguration/ipAddressType": patches.TEXT,
    "/routingMode": patches.TEXT,
    "/policy": patches.ANY_TEXT,
}
_MAPPING_FIELDS = {"/basePath": patches.TEXT, "/restapiId": patches.TEXT, "/stage": patches.TEXT}
_NONE = "(none)"


@operation("CreateDomainName")
def create_domain_name(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name = req["domainName"]
    if not name:
        raise errors.bad_request("No Domain Name specified")
    if DOMAINS.open(tx, ctx.scope, name) is not None:
        raise errors.conflict("The domain name you provided already exists.")
    types = req.get("endpointConfiguration", {}).get("types") or ["EDGE"]
    label = domains.new_target(ctx)
    target = {
        "regionalDomainName": f"{label}.execute-api.{ctx.scope.region}.amazonaws.com",
        "regionalHostedZoneId": hosted_zone(ctx.scope.region),
    }
    if types == ["EDGE"]:
        name_there = f"d{ctx.draw.alphanumeric(13)}.cloudfront.net"
        target = {"distributionDomainName": name_there, "distributionHostedZoneId": EDGE_ZONE}
    settings = parts.given(req, *_MEMBERS) | {
        "domainName": name,
        "domainNameArn": f"arn:{ctx.scope.partition}:apigateway:{ctx.scope.region}::/domainnames/{name}",
        "domainNameStatus": "AVAILABLE",
        "endpointConfiguration": {"types": types, "ipAddressType": "ipv4"} | req.get("endpointConfiguration", {}),
        "securityPolicy": req.get("securityPolicy", "TLS_1_2"),
        **target,
    }
    made = Named(id=name, settings=settings, tags=req.get("tags", {}))
    DOMAINS.insert(tx, ctx.scope, made)
    domains.enter(tx, ctx.scope, name, label)
    return _render(made)


@operation("GetDomainName")
def get_domain_name(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _render(_require(tx, ctx.scope, req["domainName"]))


@operation("GetDomainNames")
def get_domain_names(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return parts.render_page(DOMAINS.scan(tx, ctx.scope, after=parts.position(req)), req, _render)


@operation("UpdateDomainName")
def update_domain_name(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    DOMAINS.lock(tx, ctx.scope, req["domainName"])
    old = _require(tx, ctx.scope, req["domainName"])
    new = msgspec.structs.replace(old, settings=patches.apply(old.settings, req.get("patchOperations"), _FIELDS))
    DOMAINS.replace(tx, ctx.scope, old, new)
    return _render(new)


@operation("DeleteDomainName")
def delete_domain_name(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    DOMAINS.lock(tx, ctx.scope, req["domainName"])
    domain = _require(tx, ctx.scope, req["domainName"])
    for mapping in list(MAPPINGS.scan(tx, ctx.scope, domain.id)):
        MAPPINGS.lock(tx, ctx.scope, domain.id, mapping.id)
        MAPPINGS.delete(tx, ctx.scope, mapping)
    domains.forget(tx, ctx.scope, domain.id, str(domain.settings.get("regionalDomainName", "")).partition(".")[0])
    DOMAINS.delete(tx, ctx.scope, domain)


@operation("CreateBasePathMapping")
def create_base_path_mapping(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    domain = _require(tx, ctx.scope, req["domainName"])
    path = _checked_path(req.get("basePath"))
    _check_target(tx, ctx.scope, req["restApiId"], req.get("stage"))
    if MAPPINGS.open(tx, ctx.scope, domain.id, path) is not None:
        raise errors.conflict("Base path already exists for this domain name")
    settings = {"basePath": path} | parts.given(req, "restApiId", "stage")
    MAPPINGS.insert(tx, ctx.scope, Named(id=path, parent=domain.id, settings=settings))
    _map(tx, ctx.scope, domain.id, settings)
    return settings


@operation("GetBasePathMapping")
def get_base_path_mapping(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _require_mapping(tx, ctx.scope, req).settings


@operation("GetBasePathMappings")
def get_base_path_mappings(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    domain = _require(tx, ctx.scope, req["domainName"])
    rows = MAPPINGS.scan(tx, ctx.scope, domain.id, after=parts.position(req))
    return parts.render_page(rows, req, lambda row: row.settings)


@operation("UpdateBasePathMapping")
def update_base_path_mapping(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    old = _require_mapping(tx, ctx.scope, req)
    settings = patches.apply(old.settings, req.get("patchOperations"), _MAPPING_FIELDS)
    if "restapiId" in settings:
        settings["restApiId"] = settings.pop("restapiId")
    settings["basePath"] = _checked_path(settings["basePath"])
    _check_target(tx, ctx.scope, settings["restApiId"], settings.get("stage"))
    MAPPINGS.lock(tx, ctx.scope, old.parent, old.id)
    if settings["basePath"] != old.id and MAPPINGS.open(tx, ctx.scope, old.parent, settings["basePath"]) is not None:
        raise errors.conflict("Base path already exists for this domain name")
    MAPPINGS.replace(tx, ctx.scope, old, msgspec.structs.replace(old, id=settings["basePath"], settings=settings))
    domains.unmap_path(tx, ctx.scope, old.parent, _key(old.settings))
    _map(tx, ctx.scope, old.parent, settings)
    return settings


@operation("DeleteBasePathMapping")
def delete_base_path_mapping(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    mapping = _require_mapping(tx, ctx.scope, req)
    MAPPINGS.lock(tx, ctx.scope, mapping.parent, mapping.id)
    MAPPINGS.delete(tx, ctx.scope, mapping)
    domains.unmap_path(tx, ctx.scope, mapping.parent, _key(mapping.settings))


def _map(tx: Transaction, scope: Scope, domain: str, settings: dict[str, Any]) -> None:
    domains.map_path(tx, scope, Path(domain, _key(settings), settings["restApiId"], settings.get("stage", "")))


def _key(settings: dict[str, Any]) -> str:
    return "" if settings["basePath"] == _NONE else str(settings["basePath"])


def _require(tx: Transaction, scope: Scope, name: str) -> Named:
    domain = DOMAINS.get(tx, scope, name)
    if domain is None:
        raise errors.not_found("Invalid domain name identifier specified")
    return domain


def _require_mapping(tx: Transaction, scope: Scope, req: dict[str, Any]) -> Named:
    domain = _require(tx, scope, req["domainName"])
    mapping = MAPPINGS.get(tx, scope, domain.id, req["basePath"] or _NONE)
    if mapping is None:
        raise errors.not_found("Invalid base path mapping identifier specified")
    return mapping


def _checked_path(path: str | None) -> str:
    if path and "/" in path:
        raise errors.bad_request(
            "API Gateway V1 doesn't support the slash character (/) in base path mappings. To create a multi-level "
            "base path mapping, use API Gateway V2."
        )
    return path or _NONE


def _check_target(tx: Transaction, scope: Scope, api_id: str, stage: str | None) -> None:
    parts.require_api(tx, scope, api_id)
    if stage and STAGES.get(tx, scope, api_id, stage) is None:
        raise errors.bad_request("Invalid stage identifier specified")


def _render(domain: Named) -> dict[str, Any]:
    return domain.settings | {"tags": domain.tags} if domain.tags else domain.settings
