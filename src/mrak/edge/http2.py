"""HTTP/2 without TLS, for clients that know beforehand that they want it: Kinesis' in the SDK for JavaScript.

The frames are h2's (python-hyper), which does no I/O; this module runs handlers, and keeps both sides' windows. A
connection comes here from `edge.connection` when its first bytes are HTTP/2's preface. What a handler sees is the same
as over HTTP/1.1, and the same rules hold: a handler is never cancelled because its client left, a response that is
being streamed is.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings
from hyperframe.frame import Frame, GoAwayFrame

from mrak.core.http import ClientDisconnected, FileSlice, Request, Response
from mrak.edge.body import WINDOW_BYTES, ArrivingBody
from mrak.edge.heads import BODILESS, check_headers, length_without_body
from mrak.edge.reader import (
    HEAD_LIMIT_BYTES,
    HEADER_COUNT_LIMIT,
    WHOLE_BODY_LIMIT_BYTES,
    RequestRefused,
    join_repeated,
    split_target,
)
from mrak.edge.sending import send_long

if TYPE_CHECKING:
    from mrak.edge.connection import Patience
    from mrak.edge.server import Http1Server

log = logging.getLogger("mrak.edge")

# Requests at once; also counts those whose client gave them up while their handler runs.
STREAM_LIMIT = 100
# Bytes of all bodies together that a client may send before handlers have read them.
CONNECTION_WINDOW_BYTES = 16 << 20
_SETTINGS: dict[SettingCodes, int] = {
    SettingCodes.MAX_CONCURRENT_STREAMS: STREAM_LIMIT,
    SettingCodes.MAX_HEADER_LIST_SIZE: HEAD_LIMIT_BYTES,
    SettingCodes.INITIAL_WINDOW_SIZE: WINDOW_BYTES,
}
# What belongs to one connection of HTTP/1.1 and must not be said over HTTP/2 (RFC 9113, 8.2.2).
_OF_HTTP1 = frozenset({"connection", "keep-alive", "transfer-encoding", "upgrade"})


class _Frames(H2Connection):
    """h2's connection, but for one thing: there, a GOAWAY ends it at once. It only says that no further stream will be
    opened (RFC 9113, 6.8), and JavaScript's client sends it while it reads its response."""

    def _receive_goaway_frame(self, frame: GoAwayFrame) -> tuple[list[Frame], list[Event]]:
        event = ConnectionTerminated()
        event.last_stream_id = frame.last_stream_id
        return [], [event]


class Http2Connection(asyncio.Protocol):
    """asyncio's protocol for one client, once it has spoken the preface."""

    __slots__ = ("_exchanges", "_h2", "_heard_at", "_is_leaving", "_is_paused", "loop", "peer", "server", "transport")

    def __init__(self, server: Http1Server, transport: asyncio.Transport, peer: str) -> None:
        self.server = server
        self.loop = server.loop
        self.transport = transport
        self.peer = peer
        self._heard_at = self.loop.time()
        self._is_leaving = False
        self._is_paused = False
        self._exchanges: dict[int, Exchange] = {}
        self._h2 = _Frames(H2Configuration(client_side=False, header_encoding=None))
        self._h2.local_settings = Settings(client=False, initial_values=_SETTINGS)
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(CONNECTION_WINDOW_BYTES)
        self.flush()

    # --- asyncio's side

    def data_received(self, data: bytes) -> None:
        self._heard_at = self.loop.time()
        try:
            events = self._h2.receive_data(data)
        except ProtocolError as error:
            log.info("a client broke HTTP/2: %s", error)
            self.flush()
            self.transport.close()
            self._leave()
            return
        for event in events:
            self._take(event)
        self.flush()

    def connection_lost(self, error: Exception | None) -> None:
        self._leave()
        self.server.forget(self)

    def _leave(self) -> None:
        for exchange in list(self._exchanges.values()):
            exchange.leave()

    def pause_writing(self) -> None:
        self._is_paused = True

    def resume_writing(self) -> None:
        self._is_paused = False
        self._send_waiting()
        self.flush()

    def _take(self, event: Event) -> None:
        match event:
            case RequestReceived():
                assert event.stream_id is not None
                assert event.headers is not None
                self._begin(event.stream_id, event.headers, has_body=event.stream_ended is None)
            case DataReceived():
                assert event.stream_id is not None
                assert event.flow_controlled_length is not None
                exchange = self._exchanges.get(event.stream_id)
                if exchange is None:
                    self.acknowledge(event.stream_id, event.flow_controlled_length)
                else:
                    exchange.take_data(event.data or b"", event.flow_controlled_length)
            case StreamEnded() if event.stream_id in self._exchanges:
                self._exchanges[event.stream_id].end_body()
            case StreamReset() if event.stream_id in self._exchanges:
                self._exchanges[event.stream_id].leave()
            case WindowUpdated() | RemoteSettingsChanged():
                self._send_waiting()
            case ConnectionTerminated():
                self._is_leaving = True
                self._close_if_done()

    def _begin(self, stream: int, headers: Sequence[tuple[bytes, bytes]], *, has_body: bool) -> None:
        if self._is_leaving or len(self._exchanges) >= STREAM_LIMIT:
            self._h2.reset_stream(stream, ErrorCodes.REFUSED_STREAM)
            return
        exchange = Exchange(self, stream)
        self._exchanges[stream] = exchange
        exchange.begin(headers, has_body=has_body)

    def _send_waiting(self) -> None:
        for exchange in list(self._exchanges.values()):
            exchange.send_waiting()

    # --- the exchanges' side

    def flush(self) -> None:
        frames = self._h2.data_to_send()
        if frames and not self.transport.is_closing():
            self.transport.write(frames)

    def acknowledge(self, stream: int, length: int) -> None:
        """Let the client send as much again."""
        with contextlib.suppress(ProtocolError):
            if length:
                self._h2.acknowledge_received_data(length, stream)

    def send_head(self, stream: int, headers: list[tuple[str, str]]) -> None:
        self._h2.send_headers(stream, headers)
        self.flush()

    def send_some(self, stream: int, data: memoryview) -> int:
        """Send what the client's windows let through; returns how much it was."""
        if self._is_paused:
            return 0
        window = self._h2.local_flow_control_window(stream)
        length = min(len(data), window, self._h2.max_outbound_frame_size)
        if length > 0:
            self._h2.send_data(stream, bytes(data[:length]))
        return max(length, 0)

    def end_stream(self, stream: int) -> None:
        self._h2.end_stream(stream)

    def reset_stream(self, stream: int, code: ErrorCodes) -> None:
        with contextlib.suppress(ProtocolError):
            self._h2.reset_stream(stream, code)

    def forget(self, stream: int) -> None:
        del self._exchanges[stream]
        self.flush()
        self._close_if_done()

    def _close_if_done(self) -> None:
        if self._is_leaving and not self._exchanges and not self.transport.is_closing():
            with contextlib.suppress(ProtocolError):
                self._h2.close_connection()
            self.flush()
            self.transport.close()

    # --- the server's side

    def stop(self, *, now: bool) -> None:
        """Take nothing new; what runs may finish unless it is to stop now."""
        self._is_leaving = True
        for exchange in list(self._exchanges.values()):
            exchange.stop(now=now)
        if now:
            self.transport.abort()
        else:
            self._close_if_done()

    def is_overdue(self, now: float, patience: Patience) -> bool:
        """Whether the client is too slow: with a body, with reading, or with its next request."""
        silent = now - self._heard_at
        if self._exchanges:
            return silent > patience.silent_seconds and any(one.is_waiting for one in self._exchanges.values())
        return silent > patience.idle_seconds


class Exchange:
    """One request and its response. It is its body's Source and its response's Sender and transport."""

    __slots__ = (
        "_body", "_chunks", "_committed", "_connection", "_ended", "_gone", "_gone_waiters", "_held", "_is_held",
        "_request", "_sent", "_stream", "_streams", "_task", "_unsent", "is_http10", "loop", "transport",
    )  # fmt: skip

    def __init__(self, connection: Http2Connection, stream: int) -> None:
        self._connection = connection
        self._stream = stream
        self.loop = connection.loop
        self.transport = self
        # As over HTTP/1.0, a body needs no framing of its own.
        self.is_http10 = True
        self._request: Request | None = None
        self._task: asyncio.Task[None] | None = None
        self._chunks: list[bytes] = []
        self._body: ArrivingBody | None = None
        self._is_held = False
        self._held = 0
        self._committed = self._streams = self._ended = self._gone = False
        self._unsent: deque[memoryview] = deque()
        self._sent: asyncio.Future[None] | None = None
        self._gone_waiters: list[asyncio.Future[None]] = []

    @property
    def is_waiting(self) -> bool:
        """Whether the client is to do something: to send the rest of the body, or to read."""
        if self._unsent or self._task is None:
            return True
        return self._body is not None and not self._body.ended and not self._is_held

    # --- the request

    def begin(self, headers: Sequence[tuple[bytes, bytes]], *, has_body: bool) -> None:
        try:
            request = self._request = self._read_head(headers)
        except RequestRefused as refused:
            request = Request("", "")
            text = str(refused).encode()
            self._task = self.loop.create_task(
                self._refuse(Response(refused.status, [("content-type", "text/plain")], text))
            )
            return
        if has_body:
            length = request.headers.get("content-length", "")
            wants_continue = request.headers.get("expect", "").lower() == "100-continue"
            if not wants_continue and length.isdecimal() and int(length) <= WHOLE_BODY_LIMIT_BYTES:
                return
            self._body = ArrivingBody(self.loop, self, wants_continue=wants_continue)
            request.body, request.stream = None, self._body
        self._task = self.loop.create_task(self._run(request))

    def _read_head(self, pairs: Sequence[tuple[bytes, bytes]]) -> Request:
        # h2 has checked that names are in lower case, pseudo headers come first and once, and none is of HTTP/1.1.
        if len(pairs) > HEADER_COUNT_LIMIT:
            raise RequestRefused(431, "the request has too many headers")
        headers: dict[str, str] = {}
        for raw_name, raw_value in pairs:
            name = raw_name.decode("latin-1")
            try:
                value = raw_value.decode()
            except UnicodeDecodeError:
                value = raw_value.decode("latin-1")
            if name in headers:
                value = join_repeated(name, headers[name], value)
            headers[name] = value
        method = headers.pop(":method", "")
        target = headers.pop(":path", "").encode("utf-8")
        headers.pop(":scheme", None)
        authority = headers.pop(":authority", None)
        if authority is not None:
            headers["host"] = authority
        if not target or "host" not in headers:
            raise RequestRefused(400, "the request names no path or no host")
        path, _, query = split_target(target)
        connection = self._connection
        return Request(
            method, path, query, headers, b"", None, connection.peer, connection.server.scheme, self._wait_disconnected
        )

    def take_data(self, data: bytes, length: int) -> None:
        if self._body is None:
            self._chunks.append(data)
        else:
            self._body.feed(data)
        if self._is_held:
            self._held += length
        else:
            self._connection.acknowledge(self._stream, length)

    def end_body(self) -> None:
        if self._body is not None:
            self._body.end()
        elif self._task is None and self._request is not None:
            self._request.body = b"".join(self._chunks)
            self._chunks = []
            self._task = self.loop.create_task(self._run(self._request))

    def pause_body(self) -> None:
        self._is_held = True

    def resume_body(self) -> None:
        self._is_held = False
        held, self._held = self._held, 0
        self._connection.acknowledge(self._stream, held)
        self._connection.flush()

    def send_continue(self) -> None:
        if not self._gone:
            self._connection.send_head(self._stream, [(":status", "100")])

    async def _wait_disconnected(self) -> None:
        if self._gone or self._connection.server.stopping:
            return
        waiter = self.loop.create_future()
        self._gone_waiters.append(waiter)
        try:
            await waiter
        finally:
            self._gone_waiters.remove(waiter)

    # --- the response

    async def _run(self, request: Request) -> None:
        try:
            response = await self._connection.server.handle(request)
            if isinstance(response.body, bytes):
                self._send_whole(request, response, response.body)
            else:
                self._streams = not isinstance(response.body, FileSlice)
                await send_long(self, request, response)
            await self._end()
        except BaseException as error:
            self._fail(request, error)
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
        finally:
            self._let_go()

    async def _refuse(self, response: Response) -> None:
        assert isinstance(response.body, bytes)
        try:
            self._send_whole(Request("", ""), response, response.body)
            await self._end()
        except ClientDisconnected:
            pass
        finally:
            self._let_go()

    def _send_whole(self, request: Request, response: Response, body: bytes) -> None:
        length: int | None = len(body)
        if response.status in BODILESS or request.method == "HEAD":
            length, body = length_without_body(response, len(body)), b""
        self.begin_response(request, response, length)
        self.write(body)

    def begin_response(self, request: Request, response: Response, length_bytes: int | None) -> bytes:
        """Send the head. It is no bytes of the body's, so that there is nothing for the Sender to write."""
        if self._gone:
            raise ClientDisconnected
        check_headers(response.headers)
        headers = [(":status", str(response.status))]
        headers += [(name.lower(), value) for name, value in response.headers if name.lower() not in _OF_HTTP1]
        headers.append(("date", self._connection.server.date.value()))
        if length_bytes is not None:
            headers.append(("content-length", str(length_bytes)))
        self._connection.send_head(self._stream, headers)
        self._committed = True
        return b""

    def write(self, data: bytes) -> None:
        if data and not self._gone:
            self._unsent.append(memoryview(data))
            self.send_waiting()
            self._connection.flush()

    def send_waiting(self) -> None:
        """Send what the client will take now."""
        while self._unsent and not self._gone:
            first = self._unsent[0]
            sent = self._connection.send_some(self._stream, first)
            if not sent:
                return
            if sent == len(first):
                self._unsent.popleft()
            else:
                self._unsent[0] = first[sent:]
        if self._sent is not None and not self._sent.done():
            self._sent.set_result(None)

    async def drain(self) -> None:
        """Wait while the client reads slowly; raises when it has gone."""
        while self._unsent and not self._gone:
            self._sent = self.loop.create_future()
            try:
                await self._sent
            finally:
                self._sent = None
        if self._gone:
            raise ClientDisconnected

    async def _end(self) -> None:
        await self.drain()
        self._connection.end_stream(self._stream)
        self._ended = True
        if self._body is not None and not self._body.ended:
            # The rest of the body is not wanted; the response stands (RFC 9113, 8.1).
            self._connection.reset_stream(self._stream, ErrorCodes.NO_ERROR)

    def _fail(self, request: Request, error: BaseException) -> None:
        if self._gone or self._ended or isinstance(error, asyncio.CancelledError | ClientDisconnected):
            self._connection.reset_stream(self._stream, ErrorCodes.CANCEL)
            return
        log.error("the handler of %s %s failed", request.method, request.path, exc_info=error)
        if self._committed:
            self._connection.reset_stream(self._stream, ErrorCodes.INTERNAL_ERROR)
            return
        self._send_whole(request, Response(500, [("content-type", "text/plain")]), b"Internal Server Error")
        if self._unsent:
            self._connection.reset_stream(self._stream, ErrorCodes.INTERNAL_ERROR)
        else:
            self._connection.end_stream(self._stream)

    def _let_go(self) -> None:
        if self._body is not None:
            self._body.abandon()
        self._connection.forget(self._stream)

    # --- the client, or the server, leaves

    def leave(self) -> None:
        """The client wants no response: whoever waits for it learns it."""
        self._gone = True
        if self._body is not None:
            self._body.break_off()
        self._end_waits()
        if self._sent is not None and not self._sent.done():
            self._sent.set_result(None)
        if self._task is None:
            self._connection.forget(self._stream)
        elif self._committed and self._streams:
            self._task.cancel()

    def stop(self, *, now: bool) -> None:
        self._end_waits()
        if now and self._task is not None:
            self._task.cancel()

    def _end_waits(self) -> None:
        for waiter in self._gone_waiters:
            if not waiter.done():
                waiter.set_result(None)
