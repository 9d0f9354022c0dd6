"""Custom domain names and the APIs that they lead to."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.apigateway.exports import hosted_zone
from mrak.services.apigatewayv2 import domains, errors, parts
from mrak.services.apigatewayv2.tables import DOMAINS, MAPPINGS, STAGES, Mapping, Named, Path

_MEMBERS = ("MutualTlsAuthentication", "RoutingMode")


@operation("CreateDomainName")
def create_domain_name(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name = req["DomainName"]
    if DOMAINS.open(tx, ctx.scope, name) is not None:
        raise errors.conflict("The domain name you provided already exists.")
    settings = {
        "ApiMappingSelectionExpression": "$request.basepath",
        "DomainNameArn": f"arn:{ctx.scope.partition}:apigateway:{ctx.scope.region}::/domainnames/{name}",
        "DomainNameConfigurations": _configurations(ctx, req.get("DomainNameConfigurations", [])),
        "RoutingMode": "API_MAPPING_ONLY",
    } | {member: req[member] for member in _MEMBERS if member in req}
    made = Named(id=name, settings=settings, tags=req.get("Tags", {}))
    DOMAINS.insert(tx, ctx.scope, made)
    domains.enter(tx, ctx.scope, name, _target(made))
    return _render(made)


@operation("GetDomainName")
def get_domain_name(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _render(_require(tx, ctx.scope, req["DomainName"]))


@operation("GetDomainNames")
def get_domain_names(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return parts.render_list(DOMAINS.scan(tx, ctx.scope, after=parts.position(req)), req, _render)


@operation("UpdateDomainName")
def update_domain_name(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    DOMAINS.lock(tx, ctx.scope, req["DomainName"])
    old = _require(tx, ctx.scope, req["DomainName"])
    changes = {member: req[member] for member in _MEMBERS if member in req}
    if "DomainNameConfigurations" in req:
        before = old.settings["DomainNameConfigurations"]
        given = req["DomainNameConfigurations"]
        merged = [{**(before[at] if at < len(before) else {}), **one} for at, one in enumerate(given)]
        changes["DomainNameConfigurations"] = _configurations(ctx, merged)
    new = msgspec.structs.replace(old, settings=old.settings | changes)
    DOMAINS.replace(tx, ctx.scope, old, new)
    return _render(new)


@operation("DeleteDomainName")
def delete_domain_name(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    DOMAINS.lock(tx, ctx.scope, req["DomainName"])
    domain = _require(tx, ctx.scope, req["DomainName"])
    MAPPINGS.lock(tx, ctx.scope, domain.id)
    MAPPINGS.delete_all(tx, ctx.scope, domain.id)
    domains.forget(tx, ctx.scope, domain.id, _target(domain))
    DOMAINS.delete(tx, ctx.scope, domain)


@operation("CreateApiMapping")
def create_api_mapping(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    domain = _require(tx, ctx.scope, req["DomainName"])
    settings = {"ApiMappingKey": "", **_given(req)}
    MAPPINGS.lock(tx, ctx.scope, domain.id)
    _check(tx, ctx.scope, domain.id, settings, "")
    made = Mapping(domain=domain.id, id=ctx.draw.alphanumeric(6), settings=settings)
    MAPPINGS.insert(tx, ctx.scope, made)
    _map(tx, ctx.scope, made)
    return _render_mapping(made)


@operation("GetApiMapping")
def get_api_mapping(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _render_mapping(_require_mapping(tx, ctx.scope, req))


@operation("GetApiMappings")
def get_api_mappings(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    domain = _require(tx, ctx.scope, req["DomainName"])
    rows = MAPPINGS.scan(tx, ctx.scope, domain.id, after=parts.position(req))
    return parts.render_list(rows, req, _render_mapping)


@operation("UpdateApiMapping")
def update_api_mapping(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    old = _require_mapping(tx, ctx.scope, req)
    MAPPINGS.lock(tx, ctx.scope, old.domain)
    new = msgspec.structs.replace(old, settings=old.settings | _given(req))
    _check(tx, ctx.scope, old.domain, new.settings, old.id)
    MAPPINGS.replace(tx, ctx.scope, old, new)
    domains.unmap_path(tx, ctx.scope, old.domain, old.settings["ApiMappingKey"])
    _map(tx, ctx.scope, new)
    return _render_mapping(new)


@operation("DeleteApiMapping")
def delete_api_mapping(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    old = _require_mapping(tx, ctx.scope, req)
    MAPPINGS.lock(tx, ctx.scope, old.domain)
    MAPPINGS.delete(tx, ctx.scope, old)
    domains.unmap_path(tx, ctx.scope, old.domain, old.settings["ApiMappingKey"])


def _map(tx: Transaction, scope: Scope, mapping: Mapping) -> None:
    settings = mapping.settings
    domains.map_path(tx, scope, Path(mapping.domain, settings["ApiMappingKey"], settings["ApiId"], settings["Stage"]))


def _target(domain: Named) -> str:
    """The first label of the name that the custom one leads to."""
    configurations = domain.settings["DomainNameConfigurations"]
    return str(configurations[0]["ApiGatewayDomainName"]).partition(".")[0] if configurations else ""


def _given(req: dict[str, Any]) -> dict[str, Any]:
    return {member: req[member] for member in ("ApiId", "ApiMappingKey", "Stage") if member in req}


def _check(tx: Transaction, scope: Scope, domain: str, settings: dict[str, Any], mapping_id: str) -> None:
    parts.require_api(tx, scope, settings["ApiId"])
    _check_key(settings["ApiMappingKey"])
    if STAGES.get(tx, scope, settings["ApiId"], settings["Stage"]) is None:
        raise errors.bad_request("Invalid stage identifier specified")
    for other in MAPPINGS.scan(tx, scope, domain):
        if other.id != mapping_id and other.settings["ApiMappingKey"] == settings["ApiMappingKey"]:
            raise errors.conflict("ApiMapping key already exists for this domain name")


def _check_key(key: str) -> None:
    if key.startswith("/") or "//" in key:
        raise errors.bad_request("API mapping key should not start with a '/' or have consecutive '/'s.")
    if key.endswith("/"):
        raise errors.bad_request("API mapping key should not end with a '/'.")


def _configurations(ctx: Context, given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As given, and where the name leads and that it is ready."""
    target = f"{domains.new_target(ctx)}.execute-api.{ctx.scope.region}.amazonaws.com"
    filled = {
        "ApiGatewayDomainName": target,
        "HostedZoneId": hosted_zone(ctx.scope.region),
        "DomainNameStatus": "AVAILABLE",
        "EndpointType": "REGIONAL",
        "IpAddressType": "ipv4",
        "SecurityPolicy": "TLS_1_2",
    }
    return [filled | one for one in given]


def _require(tx: Transaction, scope: Scope, name: str) -> Named:
    domain = DOMAINS.get(tx, scope, name)
    if domain is None:
        raise errors.not_found("Invalid domain name identifier specified", "DomainName")
    return domain


def _require_mapping(tx: Transaction, scope: Scope, req: dict[str, Any]) -> Mapping:
    domain = _require(tx, scope, req["DomainName"])
    mapping = MAPPINGS.get(tx, scope, domain.id, req["ApiMappingId"])
    if mapping is None:
        raise errors.part_not_found("ApiMapping", req["ApiMappingId"])
    return mapping


def _render(domain: Named) -> dict[str, Any]:
    return {"DomainName": domain.id, "Tags": domain.tags, **domain.settings}


def _render_mapping(mapping: Mapping) -> dict[str, Any]:
    return {"ApiMappingId": mapping.id, **mapping.settings}
