"""Operations on platform applications and their endpoints."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.page import find_position, render_token
from mrak.services.sns import errors, platforms
from mrak.services.sns.tables import (
    BY_TOKEN,
    PLATFORM_APPLICATIONS,
    PLATFORM_ENDPOINTS,
    PlatformApplication,
    PlatformEndpoint,
)

PAGE_SIZE = 100


@operation("CreatePlatformApplication")
def create_platform_application(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name, platform, attributes = req["Name"], req["Platform"], req["Attributes"]
    platforms.check_name(name)
    if platform not in platforms.PLATFORMS:
        raise errors.invalid_parameter(f"Platform Reason: {platform} is not supported")
    platforms.check_credentials(platform, attributes)
    application = PlatformApplication(platform, name, dict(attributes))
    existing = PLATFORM_APPLICATIONS.open(tx, ctx.scope, platform, name)
    if existing is None:
        PLATFORM_APPLICATIONS.insert(tx, ctx.scope, application)
    elif existing.attributes != application.attributes:
        raise errors.invalid_parameter(f"Name Reason: Application {name} already exists with different attributes")
    return {"PlatformApplicationArn": platforms.application_arn(ctx.scope, application)}


@operation("DeletePlatformApplication")
def delete_platform_application(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    scope, platform, name = platforms.locate_application(ctx.scope, req["PlatformApplicationArn"])
    application = PLATFORM_APPLICATIONS.open(tx, scope, platform, name)
    if application is None:
        return
    PLATFORM_ENDPOINTS.delete_all(tx, scope, platform, name)
    PLATFORM_APPLICATIONS.delete(tx, scope, application)


@operation("GetPlatformApplicationAttributes")
def get_platform_application_attributes(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, application = platforms.require_application(tx, ctx.scope, req["PlatformApplicationArn"])
    return {"Attributes": platforms.render_application(scope, application)["Attributes"]}


@operation("SetPlatformApplicationAttributes")
def set_platform_application_attributes(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    scope, application = platforms.require_application(tx, ctx.scope, req["PlatformApplicationArn"])
    platforms.check_application_attributes(req["Attributes"])
    changed = replace(application, attributes={**application.attributes, **req["Attributes"]})
    PLATFORM_APPLICATIONS.replace(tx, scope, application, changed)


@operation("ListPlatformApplications")
def list_platform_applications(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    platform, name = _read_position(req) or ("", "")
    rows: list[PlatformApplication] = []
    if platform:
        rows += PLATFORM_APPLICATIONS.scan(tx, ctx.scope, platform, after=name, limit=PAGE_SIZE + 1)
    if len(rows) <= PAGE_SIZE:
        left = PAGE_SIZE + 1 - len(rows)
        rows += PLATFORM_APPLICATIONS.scan(tx, ctx.scope, after=platform or None, limit=left)
    shown = [platforms.render_application(ctx.scope, row) for row in rows[:PAGE_SIZE]]
    listed: dict[str, Any] = {"PlatformApplications": shown}
    if len(rows) > PAGE_SIZE:
        last = rows[PAGE_SIZE - 1]
        listed["NextToken"] = render_token(f"{last.platform}\n{last.name}")
    return listed


def _read_position(req: dict[str, Any]) -> tuple[str, str] | None:
    token = req.get("NextToken")
    if not token:
        return None
    first, newline, second = (find_position(token) or "").partition("\n")
    if not newline:
        raise errors.invalid_parameter("NextToken Reason: Invalid token")
    return first, second


@operation("CreatePlatformEndpoint")
def create_platform_endpoint(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, application = platforms.require_application(tx, ctx.scope, req["PlatformApplicationArn"])
    attributes = dict(req.get("Attributes") or {})
    platforms.check_endpoint_attributes(attributes)
    if req.get("CustomUserData"):
        # The attribute goes before the parameter.
        attributes.setdefault("CustomUserData", req["CustomUserData"])
        platforms.check_endpoint_attributes(attributes)
    attributes = {"Enabled": "true", **platforms.normal_endpoint_attributes(attributes), "Token": req["Token"]}
    rows = BY_TOKEN.scan(tx, scope, application.platform, application.name, req["Token"], limit=1)
    existing = next(iter(rows), None)
    if existing is not None:
        return _find_same(existing, attributes, platforms.endpoint_arn(scope, existing))
    identifier = ctx.draw.uuid()
    endpoint = PlatformEndpoint(application.platform, application.name, identifier, req["Token"], attributes)
    PLATFORM_ENDPOINTS.lock(tx, scope, application.platform, application.name, identifier)
    PLATFORM_ENDPOINTS.insert(tx, scope, endpoint)
    return {"EndpointArn": platforms.endpoint_arn(scope, endpoint)}


def _find_same(existing: PlatformEndpoint, attributes: dict[str, str], arn: str) -> dict[str, Any]:
    if existing.attributes != attributes:
        raise errors.invalid_parameter(
            f"Token Reason: Endpoint {arn} already exists with the same Token, but different attributes."
        )
    return {"EndpointArn": arn}


@operation("DeleteEndpoint")
def delete_endpoint(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    scope, platform, application, identifier = platforms.locate_endpoint(ctx.scope, req["EndpointArn"])
    endpoint = PLATFORM_ENDPOINTS.open(tx, scope, platform, application, identifier)
    if endpoint is not None:
        PLATFORM_ENDPOINTS.delete(tx, scope, endpoint)


@operation("GetEndpointAttributes")
def get_endpoint_attributes(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    _, _, endpoint = platforms.require_endpoint(tx, ctx.scope, req["EndpointArn"])
    return {"Attributes": endpoint.attributes}


@operation("SetEndpointAttributes")
def set_endpoint_attributes(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    scope, _, endpoint = platforms.require_endpoint(tx, ctx.scope, req["EndpointArn"])
    platforms.check_endpoint_attributes(req["Attributes"])
    added = platforms.normal_endpoint_attributes(req["Attributes"])
    attributes = {**endpoint.attributes, **added}
    changed = replace(endpoint, token=attributes["Token"], attributes=attributes)
    PLATFORM_ENDPOINTS.replace(tx, scope, endpoint, changed)


@operation("ListEndpointsByPlatformApplication")
def list_endpoints_by_platform_application(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, application = platforms.require_application(tx, ctx.scope, req["PlatformApplicationArn"])
    token = req.get("NextToken")
    after = find_position(token) if token else None
    rows = list(
        PLATFORM_ENDPOINTS.scan(tx, scope, application.platform, application.name, after=after, limit=PAGE_SIZE + 1)
    )
    shown = [
        {"EndpointArn": platforms.endpoint_arn(scope, row), "Attributes": row.attributes} for row in rows[:PAGE_SIZE]
    ]
    listed: dict[str, Any] = {"Endpoints": shown}
    if len(rows) > PAGE_SIZE:
        listed["NextToken"] = render_token(rows[PAGE_SIZE - 1].id)
    return listed
