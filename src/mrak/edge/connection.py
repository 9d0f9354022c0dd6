"""One HTTP/1.1 connection: requests in their order, one response for each, and every way in which a client may leave.

The life of a request: the reader has it (`receive_request`), it waits for its turn if it was pipelined, `_run` calls
the handler in a task of its own, `_finish` decides whether the connection goes on.

Invariants: at most one handler runs; responses leave in the order of their requests; a response that broke off is never
followed by another. A handler is never cancelled because its client left (it may be about to commit): it learns of it
through `Request.disconnected`. Only a response that is being streamed is cancelled, since nobody reads it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mrak.core.http import ClientDisconnected, FileSlice, Request, Response
from mrak.core.websocket import WebSocketClosed, WebSocketHandler
from mrak.edge.body import ArrivingBody
from mrak.edge.heads import BODILESS, length_without_body, render_head
from mrak.edge.reader import WHOLE_BODY_LIMIT_BYTES, RequestReader, RequestRefused
from mrak.edge.sending import send_long

if TYPE_CHECKING:
    from mrak.edge.server import Http1Server
    from mrak.edge.upgrade import UpgradedSession

log = logging.getLogger("mrak.edge")

# Requests that may wait behind the one that runs; then the socket is not read.
PIPELINE_LIMIT = 8
# Bytes of a response that may wait in memory for a slow client.
WRITE_WINDOW_BYTES = 512 * 1024
# Below this, head and body go out as one string: copying is cheaper than a second write.
JOINED_WRITE_BYTES = 64 * 1024
# What a client begins with that knows beforehand to speak HTTP/2 (RFC 9113, 3.4).
HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client may take. AWS's endpoints close idle connections after about a minute too."""

    idle_seconds: float = 75.0
    head_seconds: float = 30.0
    silent_seconds: float = 60.0


class Connection(asyncio.Protocol):
    """asyncio's protocol for one client."""

    __slots__ = (
        "_body", "_committed", "_generates", "_gone", "_gone_waiters", "_holds", "_keep_alive", "_lingering",
        "_reader", "_server", "_since", "_task", "_unsent_bytes", "_waiting", "_writable", "heard_at", "is_http10",
        "loop", "peer", "scheme", "session", "takes_websockets", "transport",
    )  # fmt: skip

    def __init__(self, server: Http1Server) -> None:
        self._server = server
        self.loop = server.loop
        self.transport: asyncio.Transport = None  # type: ignore[assignment]
        self.peer = ""
        self.scheme = server.scheme
        self.is_http10 = False
        self.takes_websockets = server.websocket is not None
        self.heard_at = 0.0
        self.session: UpgradedSession | None = None
        # When the present head, lingering or stalled write began.
        self._since = 0.0
        self._unsent_bytes = 0
        self._reader = RequestReader(self)
        self._task: asyncio.Task[None] | None = None
        self._waiting: deque[tuple[Request, bool, ArrivingBody | None]] | None = None
        self._body: ArrivingBody | None = None
        self._keep_alive = True
        self._gone = False
        self._gone_waiters: list[asyncio.Future[None]] | None = None
        self._committed = False
        self._generates = False
        self._lingering = False
        self._holds = 0
        self._writable: asyncio.Future[None] | None = None

    @property
    def is_busy(self) -> bool:
        return self._task is not None

    # --- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.transport.set_write_buffer_limits(high=WRITE_WINDOW_BYTES)
        peername = transport.get_extra_info("peername")
        self.peer = peername[0] if peername else ""
        self.heard_at = self.loop.time()
        self._server.connections.add(self)

    def data_received(self, data: bytes) -> None:
        self.heard_at = self.loop.time()
        if self.session is not None:
            self.session.feed(data)
            return
        if self._lingering:
            return
        reader = self._reader
        was_in_head = reader.in_head
        try:
            rest = reader.feed(data)
        except RequestRefused as refused:
            if data.startswith(HTTP2_PREFACE) and self._task is None and not was_in_head:
                self._speak_http2(data)
            else:
                self._refuse(refused)
            return
        if reader.in_head and not was_in_head:
            self._since = self.heard_at
        if rest and self.session is not None:
            self.session.feed(rest)

    def _speak_http2(self, data: bytes) -> None:
        # Imported here: few clients speak it, and the library costs memory.
        from mrak.edge.http2 import Http2Connection

        successor = Http2Connection(self._server, self.transport, self.peer)
        self._server.connections.add(successor)
        self._server.connections.discard(self)
        self._reader.close()
        self.transport.set_protocol(successor)
        successor.data_received(data)

    def eof_received(self) -> bool:
        """The client will send no more. It may still read, if we owe it a response; but a generated stream could be
        silent for ever, and would never find out that nobody reads."""
        self._leave()
        if self._generates:
            self._cancel_sending()
        return self._task is not None and self.session is None

    def connection_lost(self, error: Exception | None) -> None:
        self._leave()
        if self.session is not None:
            self.session.lost()
        self._waiting = None
        self.resume_writing()
        if self._committed:
            self._cancel_sending()
        self._reader.close()
        self._server.forget(self)

    def _cancel_sending(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        self._writable = self.loop.create_future()
        self._unsent_bytes = -1

    def resume_writing(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # --- the reader's and the body's side

    def receive_request(self, request: Request, *, keep_alive: bool, body: ArrivingBody | None) -> None:
        if self._task is None:
            self._begin(request, keep_alive, body)
            return
        if self._reader.upgrade:
            raise RequestRefused(400, "an upgrade cannot be pipelined")
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append((request, keep_alive, body))
        if len(self._waiting) == PIPELINE_LIMIT:
            self.pause_body()

    def send_continue(self) -> None:
        self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def pause_body(self) -> None:
        """Stop reading. Two may want it at once: a body that is full, and a queue that is."""
        self._holds += 1
        if self._holds == 1 and not self.transport.is_closing():
            self.transport.pause_reading()

    def resume_body(self) -> None:
        self._holds -= 1
        if self._holds == 0 and not self.transport.is_closing():
            self.heard_at = self.loop.time()
            self.transport.resume_reading()

    async def wait_disconnected(self) -> None:
        """What `Request.disconnected` is."""
        if self._gone or self._server.stopping:
            return
        waiter = self.loop.create_future()
        if self._gone_waiters is None:
            self._gone_waiters = []
        self._gone_waiters.append(waiter)
        try:
            await waiter
        finally:
            self._gone_waiters.remove(waiter)

    # --- one exchange

    def _begin(self, request: Request, keep_alive: bool, body: ArrivingBody | None) -> None:
        self._body = body
        self._committed = False
        self._keep_alive = keep_alive and not self.is_http10 and not self._server.stopping
        if self._reader.upgrade:
            self._task = self.loop.create_task(self._upgrade(request))
        else:
            self._task = self.loop.create_task(self._run(request))

    async def _run(self, request: Request) -> None:
        try:
            response = await self._server.handle(request)
            body = response.body
            if type(body) is bytes:
                self._send_whole(request, response, body)
            else:
                self._generates = not isinstance(body, FileSlice)
                await send_long(self, request, response)
                self._generates = False
            if self._writable is not None:
                await self._writable
        except BaseException as error:
            # The bottom of the stack: nobody above could answer or log.
            self._fail(request, error)
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                raise
        else:
            self._finish()

    def _upgrade(self, request: Request) -> Coroutine[Any, Any, None]:
        # Imported here: most processes never see a WebSocket, and the library costs memory.
        from mrak.edge.upgrade import UpgradedSession

        assert self._server.websocket is not None
        self.session = UpgradedSession(self, request)
        return self._run_session(self.session, self._server.websocket)

    async def _run_session(self, session: UpgradedSession, handler: WebSocketHandler) -> None:
        try:
            await handler(session)
            await session.close()
        except WebSocketClosed:
            pass
        except BaseException as error:
            if not isinstance(error, asyncio.CancelledError):
                log.error("the WebSocket handler of %s failed", session.request.path, exc_info=error)
            await session.close(1011)
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                raise
        finally:
            self._task = None
            self.transport.close()

    def begin_response(self, request: Request, response: Response, length_bytes: int | None) -> bytes:
        """The head; settles whether the connection goes on. From here on a failure breaks the connection."""
        keep_alive = self._keep_alive and not self._gone
        body = self._body
        if keep_alive and body is not None and not body.ended:
            keep_alive = _is_worth_draining(request, body)
        self._keep_alive = keep_alive
        date = self._server.date.line()
        head = render_head(response.status, response.headers, length_bytes, date, keep_alive=keep_alive)
        self._committed = True
        return head

    def _send_whole(self, request: Request, response: Response, body: bytes) -> None:
        length: int | None = len(body)
        if response.status in BODILESS or request.method == "HEAD":
            length, body = length_without_body(response, len(body)), b""
        head = self.begin_response(request, response, length)
        if self.transport.is_closing():
            return
        if len(body) < JOINED_WRITE_BYTES:
            self.transport.write(head + body)
        else:
            self.transport.write(head)
            self.transport.write(body)

    async def drain(self) -> None:
        """Wait while the client reads slowly; raises when it has gone."""
        if self._writable is not None:
            await self._writable
        if self.transport.is_closing():
            raise ClientDisconnected

    def _finish(self) -> None:
        """After a response: the next request, the rest of this one's body, or the end."""
        self._task = None
        body, self._body = self._body, None
        if self.transport.is_closing():
            return
        if not self._keep_alive:
            self._end_gently(body)
            return
        if body is not None and not body.ended:
            body.abandon()
        if self._waiting:
            if len(self._waiting) == PIPELINE_LIMIT:
                self.resume_body()
            self._begin(*self._waiting.popleft())
        elif self._gone or self._server.stopping:
            self.transport.close()

    def _end_gently(self, body: ArrivingBody | None) -> None:
        """Close after the response. While the client still sends, closing at once would reset the connection and take
        the response with it: send our end, and read on until the client closes or the sweep does."""
        if self._gone or body is None or body.ended or not self.transport.can_write_eof():
            self.transport.close()
            return
        self._lingering = True
        self._since = self.loop.time()
        body.abandon()
        self.transport.write_eof()

    def _fail(self, request: Request, error: BaseException) -> None:
        self._task = None
        body, self._body = self._body, None
        if isinstance(error, asyncio.CancelledError | ClientDisconnected):
            self.transport.abort()
            return
        log.error("the handler of %s %s failed", request.method, request.path, exc_info=error)
        if self._committed or self.transport.is_closing():
            # Part of a response has left: only a connection that breaks tells the client.
            self.transport.abort()
            return
        self._answer_plainly(500, "Internal Server Error")
        self._end_gently(body)

    def _refuse(self, refused: RequestRefused) -> None:
        """What came cannot be parsed, so nothing after it can. What runs already may finish."""
        self._lingering = True
        self._since = self.heard_at
        self._waiting = None
        self._leave()
        if self._task is None:
            self._answer_plainly(refused.status, str(refused))
            self.transport.close()

    def _answer_plainly(self, status: int, text: str) -> None:
        body = text.encode()
        line = self._server.date.line()
        head = render_head(status, [("content-type", "text/plain")], len(body), line, keep_alive=False)
        self.transport.write(head + body)

    def _leave(self) -> None:
        """The client is gone, or half gone: whoever waits for it learns it."""
        self._gone = True
        if self._body is not None:
            self._body.break_off()
        self._end_waits()

    def _end_waits(self) -> None:
        for waiter in self._gone_waiters or ():
            if not waiter.done():
                waiter.set_result(None)

    # --- the server's side

    def stop(self, *, now: bool) -> None:
        """Take nothing new; what runs may finish unless it is to stop now."""
        self._keep_alive = False
        if now:
            if self._task is not None:
                self._task.cancel()
            self.transport.abort()
        elif self.session is not None:
            self.session.go_away()
        elif self._task is None and not self._reader.in_request:
            self.transport.close()
        else:
            self._end_waits()  # long polls answer what they have

    def is_overdue(self, now: float, patience: Patience) -> bool:
        """Whether the client is too slow: a head that trickles in, a body or a reader that stopped, or nothing."""
        if self.session is not None:
            return False
        if self._writable is not None:
            unsent = self.transport.get_write_buffer_size()
            if unsent != self._unsent_bytes:
                self._unsent_bytes, self._since = unsent, now
            return now - self._since > patience.silent_seconds
        if self._lingering:
            return now - self._since > patience.silent_seconds
        if self._reader.in_head:
            return now - self._since > patience.head_seconds
        if self._reader.in_request:
            return self._holds == 0 and now - self.heard_at > patience.silent_seconds
        return self._task is None and now - self.heard_at > patience.idle_seconds


def _is_worth_draining(request: Request, body: ArrivingBody) -> bool:
    """Whether reading the unread rest of a body is worth keeping the connection."""
    length = request.headers.get("content-length")
    return not body.wants_continue and length is not None and int(length) <= WHOLE_BODY_LIMIT_BYTES
