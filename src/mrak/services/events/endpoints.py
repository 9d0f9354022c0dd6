"""Operations on global endpoints: an address for two buses of the same name in two regions.

Events put to an endpoint go to its primary bus, which is that of the region where the endpoint is made; where it
replicates, to the secondary one too. The route never fails over: nothing here makes a region ill:
deviation("EVENTS-004").
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from mrak.core.arn import arn, find_arn
from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.events import buses, errors, pages
from mrak.services.events.tables import BY_ENDPOINT_ID, ENDPOINTS, Endpoint

MAX_ENDPOINTS = 100
_SETTINGS = ("Description", "RoutingConfig", "ReplicationConfig", "EventBuses", "RoleArn")
_ANSWERED = ("RoutingConfig", "ReplicationConfig", "EventBuses", "RoleArn")


def endpoint_arn(scope: Scope, name: str) -> str:
    return arn(scope, "events", f"endpoint/{name}")


def find_buses(tx: Transaction, scope: Scope, endpoint_id: str, bus: str | None) -> list[tuple[Scope, str]]:
    """Where an event that is put to an endpoint goes: the primary bus, and the secondary one if it is replicated.
    `bus` is what the event says of its bus."""
    endpoint = next((row for row in BY_ENDPOINT_ID.scan(tx, scope, endpoint_id)), None)
    if endpoint is None:
        raise errors.no_endpoint(endpoint_id)
    members = [buses.locate(scope, member["EventBusArn"]) for member in endpoint.settings["EventBuses"]]
    if buses.locate(scope, bus)[1] != members[0][1]:
        raise errors.validation(f"Event bus {bus or buses.DEFAULT} is not one of endpoint {endpoint.name}.")
    members.sort(key=lambda member: member[0].region != scope.region)
    replicates = endpoint.settings["ReplicationConfig"]["State"] == "ENABLED"
    return members if replicates else members[:1]


def _require(tx: Transaction, scope: Scope, name: str) -> Endpoint:
    """An endpoint, opened."""
    endpoint = ENDPOINTS.open(tx, scope, name)
    if endpoint is None:
        raise errors.no_endpoint(name)
    return endpoint


@operation("CreateEndpoint")
def create_endpoint(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name = req["Name"]
    ctx.about(endpoint_arn(ctx.scope, name))
    if ENDPOINTS.open(tx, ctx.scope, name) is not None:
        raise errors.already_exists(f"Endpoint {name}")
    if ENDPOINTS.count(tx, ctx.scope) >= MAX_ENDPOINTS:
        raise errors.limit_exceeded()
    settings = {"ReplicationConfig": {"State": "ENABLED"}, **_read_settings(tx, ctx.scope, req)}
    _check_role(settings)
    identifier = f"{ctx.draw.alphanumeric(10)}.{ctx.draw.alphanumeric(3)}"
    ENDPOINTS.insert(tx, ctx.scope, Endpoint(name, identifier, settings, ctx.now, ctx.now))
    return {"Name": name, "Arn": endpoint_arn(ctx.scope, name), **_answered(settings), "State": "CREATING"}


def _read_settings(tx: Transaction, scope: Scope, req: dict[str, Any]) -> dict[str, Any]:
    """Those settings of an endpoint that a request has, checked."""
    if "EventBuses" in req:
        _check_buses(tx, scope, [member["EventBusArn"] for member in req["EventBuses"]])
    return {member: req[member] for member in _SETTINGS if member in req}


def _check_buses(tx: Transaction, scope: Scope, arns: list[str]) -> None:
    found = [find_arn(text) for text in arns]
    if len(found) != 2 or any(one is None or not one.resource.startswith("event-bus/") for one in found):
        raise errors.invalid_parameter("EventBuses", "An endpoint has two event buses.")
    located = [buses.require(tx, scope, text) for text in arns]
    if len({bus.name for _, bus in located}) != 1 or len({home.account for home, _ in located}) != 1:
        raise errors.invalid_parameter("EventBuses", "Both event buses have the same name and account.")
    regions = {home.region for home, _ in located}
    if len(regions) != 2 or scope.region not in regions:
        raise errors.invalid_parameter("EventBuses", "One event bus is in this region, the other in a secondary one.")


def _check_role(settings: dict[str, Any]) -> None:
    if settings["ReplicationConfig"]["State"] == "ENABLED" and not settings.get("RoleArn"):
        raise errors.invalid_parameter("RoleArn", "RoleArn is required when event replication is enabled.")


def _answered(settings: dict[str, Any]) -> dict[str, Any]:
    return {member: settings[member] for member in _ANSWERED if member in settings}


@operation("UpdateEndpoint")
def update_endpoint(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    old = _require(tx, ctx.scope, req["Name"])
    ctx.about(endpoint_arn(ctx.scope, old.name))
    settings = {**old.settings, **_read_settings(tx, ctx.scope, req)}
    _check_role(settings)
    new = replace(old, settings=settings, modified_at=ctx.now)
    ENDPOINTS.replace(tx, ctx.scope, old, new)
    shown = _render(ctx.scope, new)
    return {member: shown[member] for member in ("Name", "Arn", "EndpointId", "EndpointUrl")} | {
        **_answered(settings),
        "State": "UPDATING",
    }


@operation("DeleteEndpoint")
def delete_endpoint(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    endpoint = _require(tx, ctx.scope, req["Name"])
    ctx.about(endpoint_arn(ctx.scope, endpoint.name))
    ENDPOINTS.delete(tx, ctx.scope, endpoint)


@operation("DescribeEndpoint")
def describe_endpoint(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope = _home(ctx, req)
    ctx.about(endpoint_arn(scope, req["Name"]))
    return _render(scope, _require(tx, scope, req["Name"]))


def _home(ctx: Context, req: dict[str, Any]) -> Scope:
    """The scope of the endpoint's primary region."""
    return ctx.scope.in_region(req["HomeRegion"]) if req.get("HomeRegion") else ctx.scope


@operation("ListEndpoints")
def list_endpoints(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, prefix = _home(ctx, req), req.get("NamePrefix", "")
    rows = (row for row in ENDPOINTS.scan(tx, scope, after=pages.read_position(req)) if row.name.startswith(prefix))
    asked = {**req, "Limit": req.get("MaxResults")}
    return pages.render(asked, "Endpoints", rows, lambda row: row.name, lambda row: _render(scope, row))


def _render(scope: Scope, endpoint: Endpoint) -> dict[str, Any]:
    return {
        "Name": endpoint.name,
        "Arn": endpoint_arn(scope, endpoint.name),
        **endpoint.settings,
        "EndpointId": endpoint.id,
        "EndpointUrl": f"https://{endpoint.id}.endpoint.events.amazonaws.com",
        "State": "ACTIVE",
        "CreationTime": endpoint.created_at,
        "LastModifiedTime": endpoint.modified_at,
    }
