"""API destinations: HTTP endpoints as targets, and their invocation with the connection's authorisation.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from msgspec.structs import replace

from mrak.core.arn import Arn, arn
from mrak.core.background import Undeliverable
from mrak.core.context import Context, Transaction
from mrak.core.http import OutgoingError, Reply
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.events import authorisation, connections, errors, pages
from mrak.services.events.authorisation import EndpointFailed
from mrak.services.events.stages import fill_path
from mrak.services.events.tables import DESTINATIONS, ApiDestination, Connection

TIMEOUT_SECONDS = 5.0
_RETRIED = frozenset({401, 407, 409, 429})


def destination_arn(scope: Scope, destination: ApiDestination) -> str:
    return arn(scope, "events", f"api-destination/{destination.name}/{destination.id}")


def _require(tx: Transaction, scope: Scope, verb: str, name: str) -> ApiDestination:
    destination = DESTINATIONS.open(tx, scope, name)
    if destination is None:
        raise errors.no_api_destination(verb, name)
    return destination


def _check_connection(tx: Transaction, scope: Scope, text: str) -> None:
    if connections.find_by_arn(tx, scope, text) is None:
        raise errors.not_found(f"Connection '{text}' does not exist.")


@operation("CreateApiDestination")
def create_api_destination(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name = req["Name"]
    if DESTINATIONS.open(tx, ctx.scope, name) is not None:
        raise errors.already_exists(f"An api-destination '{name}'")
    _check_connection(tx, ctx.scope, req["ConnectionArn"])
    destination = ApiDestination(
        name=name,
        id=ctx.draw.uuid(),
        connection_arn=req["ConnectionArn"],
        endpoint=req["InvocationEndpoint"],
        method=req["HttpMethod"],
        created_at=ctx.now,
        modified_at=ctx.now,
        description=req.get("Description", ""),
        rate_limit=req.get("InvocationRateLimitPerSecond", 300),
    )
    ctx.about(destination_arn(ctx.scope, destination))
    DESTINATIONS.insert(tx, ctx.scope, destination)
    return _render_state(ctx.scope, destination)


def _render_state(scope: Scope, destination: ApiDestination) -> dict[str, Any]:
    return {
        "ApiDestinationArn": destination_arn(scope, destination),
        "ApiDestinationState": "ACTIVE",
        "CreationTime": destination.created_at,
        "LastModifiedTime": destination.modified_at,
    }


@operation("UpdateApiDestination")
def update_api_destination(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    old = _require(tx, ctx.scope, "describe", req["Name"])
    ctx.about(destination_arn(ctx.scope, old))
    if "ConnectionArn" in req:
        _check_connection(tx, ctx.scope, req["ConnectionArn"])
    new = replace(
        old,
        description=req.get("Description", old.description),
        connection_arn=req.get("ConnectionArn", old.connection_arn),
        endpoint=req.get("InvocationEndpoint", old.endpoint),
        method=req.get("HttpMethod", old.method),
        rate_limit=req.get("InvocationRateLimitPerSecond", old.rate_limit),
        modified_at=ctx.now,
    )
    DESTINATIONS.replace(tx, ctx.scope, old, new)
    return _render_state(ctx.scope, new)


@operation("DeleteApiDestination")
def delete_api_destination(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    destination = _require(tx, ctx.scope, "delete", req["Name"])
    ctx.about(destination_arn(ctx.scope, destination))
    DESTINATIONS.delete(tx, ctx.scope, destination)


@operation("DescribeApiDestination")
def describe_api_destination(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    destination = _require(tx, ctx.scope, "describe", req["Name"])
    ctx.about(destination_arn(ctx.scope, destination))
    shown = _render(ctx.scope, destination)
    return shown | ({"Description": destination.description} if destination.description else {})


def _render(scope: Scope, destination: ApiDestination) -> dict[str, Any]:
    return {
        **_render_state(scope, destination),
        "Name": destination.name,
        "ConnectionArn": destination.connection_arn,
        "InvocationEndpoint": destination.endpoint,
        "HttpMethod": destination.method,
        "InvocationRateLimitPerSecond": destination.rate_limit,
    }


@operation("ListApiDestinations")
def list_api_destinations(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    prefix, after = req.get("NamePrefix", ""), pages.read_position(req)
    rows = DESTINATIONS.scan(tx, ctx.scope, since=None if after else prefix or None, after=after)
    named = pages.with_prefix(rows, prefix, lambda destination: destination.name)
    wanted = (row for row in named if req.get("ConnectionArn") in (None, row.connection_arn))
    return pages.render(
        req, "ApiDestinations", wanted, lambda destination: destination.name, lambda row: _render(ctx.scope, row)
    )


async def invoke(ctx: Context, found: Arn, text: str, given: dict[str, Any]) -> None:
    """One request to a destination, with the target's HttpParameters; raises where it is to be tried again."""
    scope = found.scope_in(ctx.scope.environment)
    name = found.resource.split("/")[1]

    def look_up(tx: Transaction) -> tuple[ApiDestination | None, Connection | None]:
        destination = DESTINATIONS.get(tx, scope, name)
        if destination is None:
            return None, None
        return destination, connections.find_by_arn(tx, scope, destination.connection_arn)

    destination, connection = await ctx.transact(look_up)
    if destination is None or connection is None or connection.state == "DEAUTHORIZED":
        raise Undeliverable(f"The API destination {name} or its connection is gone")
    reply = await _request(ctx, destination, connection, text, given)
    if reply.status in _RETRIED or reply.status >= 500:
        raise EndpointFailed(f"HTTP_{reply.status}: {destination.endpoint} answered {reply.status}")
    if reply.status >= 300:
        raise Undeliverable(f"HTTP_{reply.status}: {destination.endpoint} answered {reply.status}")


async def _request(
    ctx: Context, destination: ApiDestination, connection: Connection, text: str, given: dict[str, Any]
) -> Reply:
    added = await authorisation.of_connection(ctx, connection)
    url = fill_path(destination.endpoint, given.get("PathParameterValues") or [])
    query = dict(given.get("QueryStringParameters") or {}) | added.query
    if query:
        url += ("&" if "?" in url else "?") + urlencode(query)
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Amazon/EventBridge/ApiDestinations",
        "Range": "bytes=0-1048575",
        **(given.get("HeaderParameters") or {}),
        **added.headers,
    }
    body = _with_body_parameters(text, added.body)
    content = b"" if destination.method in ("GET", "HEAD") else body.encode()
    try:
        reply: Reply = await ctx.part("http").send(
            destination.method, url, list(headers.items()), content, TIMEOUT_SECONDS
        )
    except OutgoingError as error:
        raise EndpointFailed(f"SDK_CLIENT_ERROR: {error}") from None
    return reply


def _with_body_parameters(text: str, parameters: dict[str, str]) -> str:
    """The connection's body parameters are members of the JSON that is sent."""
    if not parameters:
        return text
    document = json.loads(text)
    return json.dumps({**document, **parameters}) if isinstance(document, dict) else text
