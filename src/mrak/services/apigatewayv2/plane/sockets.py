"""A WebSocket's whole life: $connect decides whether it opens, each message finds its route, $disconnect is told.

Messages of one client are taken in order and may be under way together, as on AWS. The client is told of failures in
a frame; the connection stays.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-overview.html
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.http import OutgoingError
from mrak.core.operation import sessions
from mrak.core.websocket import WebSocketClosed, WebSocketSession
from mrak.services.apigatewayv2 import exports
from mrak.services.apigatewayv2.plane import authorizers, connections, socket_authorizers, socket_events, socket_routes
from mrak.services.apigatewayv2.plane.call import message, new_extended_id
from mrak.services.apigatewayv2.plane.connections import Connection, Connections
from mrak.services.apigatewayv2.plane.functions import FunctionFailed
from mrak.services.apigatewayv2.plane.http import resolve
from mrak.services.apigatewayv2.plane.replies import Malformed
from mrak.services.apigatewayv2.plane.socket_routes import Outcome, SocketRelease
from mrak.services.apigatewayv2.plane.templates import TemplateFailed
from mrak.services.apigatewayv2.tables import APIS, DEPLOYMENTS, STAGES, Api, Part

_IDLE_SECONDS = 600.0
_LONGEST_SECONDS = 7200.0
_MOST_UNDER_WAY = 64
_MOST_COMPILED = 256
_GOING_AWAY = 1001
_NO_STATUS = 1005
_REASONS = {
    1001: "Going away",
    1005: "Client-side close frame status not set",
    1006: "Connection Closed Abnormally",
    1009: "Message too long",
}
_FAILURES = (FunctionFailed, OutgoingError, Malformed, TemplateFailed)


class SocketReleases:
    """Compiled snapshots by their digest."""

    def __init__(self) -> None:
        self.compiled: dict[str, SocketRelease] = {}


class Socket(msgspec.Struct):
    """An open connection and what its stage serves; a new deployment is seen with the next message."""

    ctx: Context
    connection: Connection

    async def look(self) -> tuple[Api, Part, SocketRelease] | None:
        connection = self.connection
        return await self.ctx.transact(lambda tx: _locate(self.ctx, tx, connection.api_id, connection.stage))


@sessions("execute-api")
async def serve(ctx: Context, session: WebSocketSession, route: Any) -> None:
    """Refuses the upgrade, or serves the connection until it ends."""
    route = await resolve(ctx, route)
    found = await ctx.transact(lambda tx: exports.find_api_scope(tx, ctx.scope.environment, route.resource))
    if found is None or found[1] != "WEBSOCKET":
        await session.refuse(message(403, "Forbidden"))
        return
    ctx.scope = found[0]
    stage_name = route.path.strip("/")
    now = ctx.clock()
    connection = Connection(new_extended_id(ctx), route.resource, stage_name, session, now, now)
    socket = Socket(ctx, connection)
    outcome = await _connect(socket)
    if not outcome.is_success:
        await session.refuse(message(outcome.status, outcome.body.decode("utf-8", "replace")))
        return
    await _serve_open(socket, outcome)


async def _connect(socket: Socket) -> Outcome:
    """What $connect says; without such a route everybody may connect."""
    located = await socket.look()
    if located is None:
        return Outcome(403, {}, b"Forbidden")
    _, stage, release = located
    route = release.routes.get("$connect")
    if route is None:
        return Outcome(200, {}, b"")
    variables = stage.settings.get("StageVariables", {})
    try:
        socket.connection.authorizer = await socket_authorizers.authorize(
            socket.ctx, socket.connection, route, release.authorizers, variables
        )
    except authorizers.Unauthorized:
        return Outcome(401, {}, b"Unauthorized")
    except authorizers.Forbidden:
        return Outcome(403, {}, b"Forbidden")
    except authorizers.AuthorizerFailed:
        return Outcome(500, {}, b"Internal server error")
    event = socket_events.render_connect(socket.ctx, socket.connection, variables)
    try:
        outcome = await _run(socket, release, route, event, variables)
    except _FAILURES:
        return Outcome(502, {}, b"Internal server error")
    return outcome if outcome.is_success else Outcome(outcome.status, {}, outcome.body or b"Forbidden")


async def _serve_open(socket: Socket, connected: Outcome) -> None:
    connection, registry = socket.connection, socket.ctx.live(Connections)
    registry.add(connection)
    try:
        await connection.session.accept(connected.headers.get("sec-websocket-protocol"))
        closed = await _take_messages(socket)
    except WebSocketClosed as error:
        closed = error
    finally:
        registry.remove(connection)
    code = closed.code or _NO_STATUS
    await _disconnect(socket, code, closed.reason or _REASONS.get(code, ""))


async def _take_messages(socket: Socket) -> WebSocketClosed:
    """Until the connection ends; returns how."""
    slots = asyncio.Semaphore(_MOST_UNDER_WAY)
    async with asyncio.TaskGroup() as under_way:
        while True:
            try:
                received = await _next_message(socket)
            except WebSocketClosed as closed:
                return closed
            socket.connection.last_active_at = socket.ctx.clock()
            await slots.acquire()
            task = under_way.create_task(_answer(socket, received))
            task.add_done_callback(lambda _: slots.release())


async def _next_message(socket: Socket) -> str | bytes:
    """The next message. Ten minutes of silence in both directions, or two hours in all, close the connection."""
    ctx, connection = socket.ctx, socket.connection
    receiving = asyncio.ensure_future(connection.session.receive())
    try:
        while True:
            until = min(connection.last_active_at + _IDLE_SECONDS, connection.connected_at + _LONGEST_SECONDS)
            if ctx.clock() >= until:
                await connection.session.close(_GOING_AWAY, _REASONS[_GOING_AWAY])
                raise WebSocketClosed(_GOING_AWAY, _REASONS[_GOING_AWAY])
            waiting = asyncio.ensure_future(ctx.sleep_until(until))
            try:
                await asyncio.wait((receiving, waiting), return_when=asyncio.FIRST_COMPLETED)
            finally:
                waiting.cancel()
            if receiving.done():
                return receiving.result()
    finally:
        receiving.cancel()


async def _answer(socket: Socket, received: str | bytes) -> None:
    """One message: its route's integration is called, and answers the client where the route has a response."""
    located = await socket.look()
    if located is None:
        await _tell(socket, "Forbidden", new_extended_id(socket.ctx))
        return
    api, stage, release = located
    route = socket_routes.select_route(release, api.settings["RouteSelectionExpression"], received)
    if route is None:
        await _tell(socket, "Forbidden", new_extended_id(socket.ctx))
        return
    variables = stage.settings.get("StageVariables", {})
    event = socket_events.render_message(socket.ctx, socket.connection, variables, route["RouteKey"], received)
    try:
        outcome = await _run(socket, release, route, event, variables)
    except _FAILURES:
        await _tell(socket, "Internal server error", event["requestContext"]["requestId"])
        return
    if outcome.body and route["RouteId"] in release.replying:
        await connections.send(socket.ctx, socket.connection, outcome.body)


async def _disconnect(socket: Socket, code: int, reason: str) -> None:
    """Tells $disconnect; nobody hears what it answers."""
    located = await socket.look()
    if located is None:
        return
    _, stage, release = located
    route = release.routes.get("$disconnect")
    if route is None:
        return
    variables = stage.settings.get("StageVariables", {})
    event = socket_events.render_disconnect(socket.ctx, socket.connection, variables, code, reason)
    try:
        await _run(socket, release, route, event, variables)
    except _FAILURES:
        return


async def _run(
    socket: Socket, release: SocketRelease, route: dict[str, Any], event: dict[str, Any], variables: dict[str, str]
) -> Outcome:
    integration_id = route.get("Target", "").removeprefix("integrations/")
    integration = release.integrations.get(integration_id)
    if integration is None:
        raise FunctionFailed("the route has no integration")
    what = (integration, release.responses.get(integration_id, {}))
    return await socket_routes.run(socket.ctx, socket.connection, what, event, variables)


async def _tell(socket: Socket, text: str, request_id: str) -> None:
    shown = {"message": text, "connectionId": socket.connection.id, "requestId": request_id}
    await connections.send(socket.ctx, socket.connection, msgspec.json.encode(shown))


def _locate(ctx: Context, tx: Transaction, api_id: str, stage_name: str) -> tuple[Api, Part, SocketRelease] | None:
    api = APIS.get(tx, ctx.scope, api_id)
    stage = STAGES.get(tx, ctx.scope, api_id, stage_name)
    if api is None or stage is None or not stage.release:
        return None
    compiled = ctx.live(SocketReleases).compiled
    release = compiled.get(stage.release)
    if release is None:
        deployment = DEPLOYMENTS.get(tx, ctx.scope, api_id, stage.settings["DeploymentId"])
        if deployment is None:
            return None
        if len(compiled) >= _MOST_COMPILED:
            compiled.clear()
        release = compiled[stage.release] = socket_routes.compile_release(msgspec.msgpack.decode(deployment.snapshot))
    return api, stage, release
