"""Every request's way, in order: route, authenticate, name the operation, decode, invoke, encode.

    edge -> handle -> router.route -> Authentication.caller -> Codec.operation_name -> Codec.decode
         -> Engine.invoke -> HANDLER -> Codec.encode -> edge

Errors of any step are encoded as the service would; the way is the same for all services.
"""

from __future__ import annotations

import logging
from hashlib import sha256
from time import perf_counter
from typing import Any

from mrak.auth import chunked, hoisted
from mrak.auth.flavours import flavour_of
from mrak.auth.principals import ANONYMOUS
from mrak.auth.signature import Signature, parse_post_signature, parse_signature
from mrak.auth.sigv4 import check_payload
from mrak.core.errors import ApiError, NotBuilt
from mrak.core.http import Request, Response
from mrak.core.operation import find_operation, require_work
from mrak.core.urls import services_url
from mrak.core.websocket import WebSocketSession
from mrak.engine.context import OperationContext
from mrak.engine.environments import Environments
from mrak.engine.invoke import Engine
from mrak.gateway import browsers
from mrak.gateway.admin import Admin
from mrak.gateway.authentication import Authentication, Caller
from mrak.gateway.forms import read_form
from mrak.gateway.router import Route, route, route_plane
from mrak.protocol.codec import Codec, codec

log = logging.getLogger("mrak.gateway")

# Services that judge unsigned requests themselves, by what users set up there.
_JUDGING = frozenset({"s3", "apigatewaymanagementapi"})
# Links in mails, which carry a token or take away only what their own address names.
_LINKS = {"sns": frozenset({"ConfirmSubscription", "Unsubscribe"})}

# More than any operation takes in one piece (Lambda's zip upload is 50 MB, 70 MB in base64).
LARGEST_WHOLE_BODY_BYTES = 128 << 20


class Pipeline:
    def __init__(self, engine: Engine, environments: Environments, admin: Admin) -> None:
        settings = engine.settings
        self._engine = engine
        self._admin = admin
        self._authentication = Authentication(
            environments, settings.region, open_mode=settings.access == "open" and settings.on_loopback
        )

    async def handle(self, request: Request) -> Response:
        """Answers any request; raises nothing."""
        if request.path.startswith(("/_mrak", "/_localstack")):
            return await self._admin.handle(request)
        origin = request.headers.get("origin")
        if origin is None:
            return await self._answer(request)
        if request.method == "OPTIONS" and "access-control-request-method" in request.headers:
            preflight = browsers.preflight(request, origin)
            if preflight is not None:
                return preflight
        return browsers.allow(request, origin, await self._answer(request))

    async def serve_session(self, session: WebSocketSession) -> None:
        """A WebSocket's whole life: the data plane that its host names runs it."""
        request = session.request
        found = route_plane(request)
        if found is None or not found.plane:
            await session.refuse(Response(404, [], b"There is no WebSocket API here.\n"))
            return
        try:
            caller = await self._authentication.caller(request, found, _plane_signature(request))
        except ApiError as error:
            await session.refuse(self._refusal(found.service, "", error))
            return
        ctx = self._context(request, caller)
        ctx.endpoint = services_url(ctx.endpoint)
        await require_work("sessions", found.plane, found.service).handler(ctx, session, found)

    async def _answer(self, request: Request) -> Response:
        signature = None
        found: Route | None = None
        try:
            found = route_plane(request)
            if found is not None and found.plane:
                return await self._data_plane(request, found, _plane_signature(request))
            try:
                signature = parse_signature(request)
                found = found or route(request, signature)
            except ApiError:
                # What names no service is worded by the one that is meant; S3 knows an older version besides.
                found = found or route(request, None)
                signature = parse_signature(request, flavour_of(found.service))
            return await self._operation(request, found, signature)
        except ApiError as error:
            service = found.service if found is not None else "s3"
            return self._refusal(service, found.protocol if found is not None else "", error)

    async def _operation(self, request: Request, found: Route, signature: Signature | None) -> Response:
        plan = _plan(found)
        if plan is None:
            return _unknown_service(found)
        if request.body is None and found.service != "s3":
            # All but S3 sign the body itself, without saying its hash.
            request.body = await _read_whole(request)
        if signature is None and found.service in ("cognito-idp", "cognito-identity"):
            found = self._authentication.locate(request, found)
        found = self._authentication.find_bucket(found)
        if found.service == "s3" and request.method == "OPTIONS":
            caller = await self._authentication.asker(found, signature)
        else:
            caller = await self._caller(request, found, signature, plan)
        if signature is not None and found.service == "s3" and signature.kind in hoisted.KINDS:
            hoisted.apply_hoisted(request)
        if found.resource and found.service == "s3":
            request.path = f"/{found.resource}{request.path}"
        elif found.service == "apigatewaymanagementapi":
            # The model knows nothing of the stage in front.
            request.path = found.path
        name = plan.operation_name(request)
        ctx = self._context(request, caller)
        if found.service == "s3" and name is None and browsers.may_send(request):
            work = self._from_browser(ctx, request, found)
        else:
            work = self._run(ctx, request, plan, name, found, caller)
        try:
            response = await self._engine.guarded(ctx, found.service, name or "", work)
        except ApiError as error:
            response = plan.encode_error(name, error, ctx.request_id)
        if ctx.annotations is not None and "logged" in ctx.annotations:
            await self._s3(ctx, "s3.log", request, response, name or "", ctx.annotations["logged"])
        if found.service == "s3" and "origin" in request.headers:
            answered: Response = await self._s3(ctx, "s3.cors", request, response)
            return answered
        return plan.finish(request, response)

    async def _caller(self, request: Request, found: Route, signature: Signature | None, plan: Codec) -> Caller:
        try:
            return await self._authentication.caller(request, found, signature)
        except ApiError as error:
            raise plan.refuse(request, error) from None

    async def _from_browser(self, ctx: OperationContext, request: Request, found: Route) -> Response:
        """What pages send to buckets and SDKs do not: preflights, and forms that upload a file."""
        if request.method == "OPTIONS":
            preflight: Response = await self._s3(ctx, "s3.preflight", request)
            return preflight
        form = await read_form(request)
        caller = await self._authentication.caller(form, found, parse_post_signature(form.fields))
        posted: Response = await self._s3(self._context(request, caller), "s3.post", form)
        return posted

    async def _s3(self, ctx: OperationContext, kind: str, *arguments: Any) -> Any:
        return await require_work("dataplane", kind).handler(ctx, *arguments)

    async def _run(
        self,
        ctx: OperationContext,
        request: Request,
        plan: Codec,
        name: str | None,
        found: Route,
        caller: Caller,
    ) -> Response:
        if name is None:
            answer = plan.aside(request, ctx.request_id)
            if answer is None:
                raise plan.unknown_operation(request)
            return answer
        operation = find_operation(found.service, name)
        if operation is None:
            if plan.model.find_operation(name) is None:
                raise plan.unknown_operation(request)
            raise NotBuilt(found.service, name)
        if caller.principal is ANONYMOUS and not _needs_no_key(plan, name):
            raise plan.refuse(request, flavour_of(plan.model.signing_name).error("missing"))
        await self._prepare_body(request, plan, name, caller)
        try:
            params = plan.decode(name, request)
        except ApiError as error:
            if error.code == "MalformedXML" and found.service == "s3" and name != "CreateBucket":
                # S3 looks for the bucket before it reads the document.
                await self._s3(ctx, "s3.malformed", request)
            raise
        output = await self._engine.invoke(ctx, operation, params)
        return plan.encode(name, output, ctx.request_id)

    async def _data_plane(self, request: Request, found: Route, signature: Signature | None) -> Response:
        """Requests to what users built: APIs, function URLs, distributions, websites, a user pool's pages."""
        if found.plane == "cognito-idp":
            if request.body is None:
                request.body = await _read_whole(request)
            found, signature = self._authentication.locate(request, found), None
        caller = await self._authentication.caller(request, found, signature)
        ctx = self._context(request, caller)
        # What is called from here (functions) finds the services where they are, not at the API's own host.
        ctx.endpoint = services_url(ctx.endpoint)
        try:
            work = require_work("dataplane", found.plane, found.service)
        except KeyError:
            raise NotBuilt(found.service, found.plane) from None
        if request.body is None:
            request.body = await _read_whole(request)
        started = perf_counter()
        try:
            response: Response = await self._engine.guarded(
                ctx, found.service, found.plane, work.handler(ctx, request, found)
            )
        except ApiError as error:
            self._engine.record(ctx, found.plane, "Request", started, error)
            raise
        self._engine.record(ctx, found.plane, "Request", started, None)
        return response

    async def _prepare_body(self, request: Request, plan: Codec, name: str, caller: Caller) -> None:
        """Undoes aws-chunked, and reads the body unless the operation streams it."""
        decoded = None
        decoder = chunked.decoder_for(request.headers, caller.signature, caller.secret)
        if decoder is not None:
            source = request.stream if request.body is None else chunked.Whole(request.body)
            assert source is not None
            request.body, request.stream = None, (decoded := chunked.ChunkedBody(source, decoder))
            request.headers |= chunked.without_encoding(request.headers)
        if plan.streams_input(name):
            return
        if request.body is None:
            request.body = await _read_whole(request)
            if decoded is not None:
                chunked.check_trailers(request.headers, decoded.trailers or {})
        if caller.signature is not None and caller.signature.flavour.is_s3 and request.method not in ("GET", "HEAD"):
            # S3 does not compare what it does not read.
            check_payload(caller.signature, sha256(request.body).hexdigest())

    def _context(self, request: Request, caller: Caller) -> OperationContext:
        trace = request.headers.get("x-amzn-trace-id", "")
        ctx = self._engine.context(caller.environment, caller.scope, caller.principal, trace)
        host = request.headers.get("host")
        if host:
            ctx.endpoint = f"{request.scheme}://{host}"
        ctx.source = request.peer
        ctx.http = request
        ctx.request_bytes = len(request.body) if request.body else 0
        return ctx

    def _refusal(self, service: str, protocol: str, error: ApiError) -> Response:
        plan = _plan(Route(service, protocol)) or codec("s3")
        return plan.encode_error(None, error, self._engine.new_request_id())


def _plane_signature(request: Request) -> Signature | None:
    """The signature of a request to what users built, whose Authorization header may as well be for them."""
    header = request.headers.get("authorization")
    return None if header is not None and not header.startswith("AWS4-HMAC-SHA256 ") else parse_signature(request)


def _plan(found: Route) -> Codec | None:
    try:
        return codec(found.service, found.protocol or None)
    except KeyError:
        return None


def _needs_no_key(plan: Codec, name: str) -> bool:
    """Whether AWS serves an operation to whoever asks: its model says so, or it checks its own policies and tokens."""
    service = plan.model.service
    if service in _JUDGING or name in _LINKS.get(service, ()):
        return True
    return "smithy.api#noAuth" in plan.model.operation(name).auth


def _unknown_service(found: Route) -> Response:
    """A service that AWS has and mrak knows by name only."""
    text = f'{{"__type":"NotImplemented","message":"mrak does not implement the service {found.service} yet."}}'
    return Response(501, [("content-type", "application/json")], text.encode())


async def _read_whole(request: Request) -> bytes:
    """The body in one piece, up to the most that any operation takes."""
    assert request.stream is not None
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream:
        size += len(chunk)
        if size > LARGEST_WHOLE_BODY_BYTES:
            raise ApiError("RequestEntityTooLargeException", "Request size is too large.", 413)
        chunks.append(chunk)
    return b"".join(chunks)
