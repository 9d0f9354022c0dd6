"""The Lambda Runtime API, version 2018-06-01, as one connection of one instance sees it.

Each instance has its own listener on a loopback port (official runtime clients know only `host:port`) and, for the
runtimes that come with mrak, an inherited socket; both speak the same HTTP. An instance is told apart by where its
connection arrived, never by what it says. No policy here: what an instance posts is handed to its `Desk`.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import asyncio
from typing import Protocol

_PREFIX = "/2018-06-01/runtime"
_EXTENSIONS_PREFIX = "/2020-01-01/extension"
SUBSCRIPTION_PATHS = ("/2022-07-01/telemetry", "/2020-08-15/logs")
"""The Telemetry API's and the Logs API's one resource."""
_HEAD_LIMIT_BYTES = 64 << 10
BODY_LIMIT_BYTES = 200 << 20
"""Streamed responses end here (AWS: response streaming bandwidth and size quotas)."""

ACCEPTED = b'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"status":"OK"}\n'


class Desk(Protocol):
    """Where an instance's posts arrive."""

    def on_connect(self, connection: RuntimeConnection) -> None: ...

    def on_disconnect(self, connection: RuntimeConnection) -> None: ...

    def on_extension(
        self, resource: str, headers: dict[str, str], body: bytes, connection: RuntimeConnection
    ) -> bytes | None:
        """A request of the Extensions API, or one of SUBSCRIPTION_PATHS; None parks it until
        `connection.send_invocation`."""

    def on_next(self, connection: RuntimeConnection) -> None:
        """The instance asks for an invocation; answer with `connection.send_invocation`, now or later."""

    def on_response(self, request_id: str, body: bytes) -> bytes:
        """The whole response of an invocation. Returns the HTTP answer."""

    def on_error(self, request_id: str, body: bytes, error_type: str) -> bytes:
        """A function error."""

    def on_init_error(self, body: bytes, error_type: str) -> bytes: ...

    def on_stream_start(self, request_id: str, content_type: str, connection: RuntimeConnection) -> bool:
        """A streamed response begins; False refuses it."""

    def on_stream_chunk(self, request_id: str, chunk: bytes) -> None: ...

    def on_stream_end(self, request_id: str, failed: bool) -> None: ...


def render_answer(status: int, reason: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def render_refusal(status: int, reason: str, error_type: str, message: str) -> bytes:
    body = f'{{"errorMessage":"{message}","errorType":"{error_type}"}}'.encode()
    return render_answer(status, reason, body)


_NOT_FOUND = render_refusal(404, "Not Found", "NotFound", "No such resource of the Runtime API")


class RuntimeConnection(asyncio.Protocol):
    """One connection of an instance: parses requests in order, however they are cut into packets."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._needed = 0
        self._parked = False
        self._stream: _ChunkedBody | None = None
        self._held = b""

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # uvloop's transports are no subclasses
        self.desk.on_connect(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._parked and len(self._buffer) >= self._needed:
            self._parse()
            if self._held and not self._parked:
                self._write(b"")  # what follows is not complete yet

    def connection_lost(self, error: Exception | None) -> None:
        self.transport = None
        self._buffer.clear()
        self.desk.on_disconnect(self)

    # --- for the desk

    def send_invocation(self, message: bytes) -> None:
        """Answers a parked `next`; requests that were pipelined behind it go on."""
        self._parked = False
        if self.transport is not None:
            self._write(message)
            if self._buffer:
                self._parse()

    def _answer(self, message: bytes) -> None:
        """An answer leaves at once, unless another request is here already: then it leaves with that one's answer,
        for which the instance waits anyway. It spares both sides a system call in each invocation."""
        if self._buffer:
            self._held += message
        else:
            self._write(message)

    def _write(self, message: bytes) -> None:
        if self.transport is not None:
            self.transport.write(self._held + message if self._held else message)
            self._held = b""

    # --- parsing

    def _parse(self) -> None:
        while self._buffer and not self._parked and self.transport is not None:
            if self._stream is not None:
                if not self._go_on_streaming(self._stream):
                    return
                continue
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(self._buffer) > _HEAD_LIMIT_BYTES:
                    self.transport.abort()
                return
            if not self._take_request(end):
                return

    def _take_request(self, end: int) -> bool:
        """Takes the request whose head ends at `end`; False when its body is not complete yet."""
        lines = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
        method, _, rest = lines[0].partition(" ")
        path = rest.partition(" ")[0]
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        assert self.transport is not None
        if headers.get("expect", "").lower() == "100-continue" and self._needed == 0:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" in headers.get("transfer-encoding", "").lower():
            del self._buffer[: end + 4]
            self._begin_chunked(method, path, headers)
            return True
        size = headers.get("content-length", "0")
        total = end + 4 + (int(size) if size.isdigit() else 0)
        if total > BODY_LIMIT_BYTES:
            self.transport.abort()
            return False
        if len(self._buffer) < total:
            self._needed = total
            return False
        body = bytes(self._buffer[end + 4 : total])
        del self._buffer[:total]
        self._needed = 0
        self._dispatch(method, path, headers, body)
        return True

    def _dispatch(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        assert self.transport is not None
        subscribes = method == "PUT" and path.rstrip("/") in SUBSCRIPTION_PATHS
        if subscribes or path.startswith(_EXTENSIONS_PREFIX):
            self._parked = True
            wanted = path.rstrip("/") if subscribes else path[len(_EXTENSIONS_PREFIX) :]
            answer = self.desk.on_extension(wanted, headers, body, self)
            if answer is not None:
                self._parked = False
                self._answer(answer)
            return
        if not path.startswith(_PREFIX):
            self._answer(_NOT_FOUND)
            return
        resource = path[len(_PREFIX) :]
        if method == "GET" and resource == "/invocation/next":
            self._parked = True
            self.desk.on_next(self)
            return
        parts = resource.split("/")
        error_type = headers.get("lambda-runtime-function-error-type", "")
        answer = _NOT_FOUND
        if method == "POST" and len(parts) == 4 and parts[1] == "invocation":
            if parts[3] == "response":
                answer = self.desk.on_response(parts[2], body)
            elif parts[3] == "error":
                answer = self.desk.on_error(parts[2], body, error_type)
        elif method == "POST" and resource == "/init/error":
            answer = self.desk.on_init_error(body, error_type)
        self._answer(answer)

    # --- streamed responses

    def _begin_chunked(self, method: str, path: str, headers: dict[str, str]) -> None:
        parts = path.split("/")
        is_response = method == "POST" and path.startswith(_PREFIX) and parts[-1] == "response" and len(parts) == 6
        streaming = headers.get("lambda-runtime-function-response-mode", "").lower() == "streaming"
        request_id = parts[-2] if is_response else ""
        content_type = headers.get("content-type", "application/octet-stream")
        if is_response and streaming and self.desk.on_stream_start(request_id, content_type, self):
            self._stream = _ChunkedBody(request_id, None)
        else:
            self._stream = _ChunkedBody(request_id, (method, path, headers))

    def _go_on_streaming(self, stream: _ChunkedBody) -> bool:
        """Takes what chunks there are; True when the body is complete."""
        for chunk in stream.take(self._buffer):
            if stream.request is None:
                self.desk.on_stream_chunk(stream.request_id, chunk)
            else:
                stream.kept += chunk
        if stream.broken or len(stream.kept) > BODY_LIMIT_BYTES:
            assert self.transport is not None
            self.transport.abort()
            return False
        if not stream.complete:
            return False
        self._stream = None
        if stream.request is not None:
            method, path, headers = stream.request
            self._dispatch(method, path, headers, bytes(stream.kept))
        else:
            self._end_stream(stream)
        return True

    def _end_stream(self, stream: _ChunkedBody) -> None:
        """What the trailers tell of an error goes nowhere: only that there was one counts."""
        self.desk.on_stream_end(stream.request_id, "lambda-runtime-function-error-type" in stream.trailers)
        self._answer(ACCEPTED)


class _ChunkedBody:
    """A chunked body being read. With `request`, the body is kept and then handled as a whole."""

    def __init__(self, request_id: str, request: tuple[str, str, dict[str, str]] | None) -> None:
        self.request_id = request_id
        self.request = request
        self.kept = bytearray()
        self.complete = False
        self.broken = False
        self.trailers: dict[str, str] = {}
        self._in_trailers = False

    def take(self, buffer: bytearray) -> list[bytes]:
        """Takes all complete chunks off the buffer."""
        chunks: list[bytes] = []
        while not (self.complete or self.broken):
            end = buffer.find(b"\r\n")
            if end < 0:
                self.broken = len(buffer) > _HEAD_LIMIT_BYTES
                break
            if self._in_trailers:
                self._take_trailer(bytes(buffer[:end]))
                del buffer[: end + 2]
                continue
            size = self._size_of(bytes(buffer[:end]))
            if size == 0:
                self._in_trailers = True
                del buffer[: end + 2]
            elif size < 0 or len(buffer) < end + 4 + size:
                break
            else:
                chunks.append(bytes(buffer[end + 2 : end + 2 + size]))
                del buffer[: end + 4 + size]
        return chunks

    def _size_of(self, line: bytes) -> int:
        text = line.partition(b";")[0].strip()
        try:
            size = int(text, 16)
        except ValueError:
            size = -1
        if size < 0 or size > BODY_LIMIT_BYTES:
            self.broken = True
            return -1
        return size

    def _take_trailer(self, line: bytes) -> None:
        if not line:
            self.complete = True
            return
        name, _, value = line.decode("latin-1").partition(":")
        self.trailers[name.lower()] = value.strip()


def render_invocation(headers: list[tuple[str, str]], payload: bytes) -> bytes:
    """The answer to `next`. Header values come from callers: line breaks must not leave the value."""
    lines = [f"{name}: {_one_line(value)}\r\n" for name, value in headers if value]
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + "".join(lines)
    return f"{head}Content-Length: {len(payload)}\r\n\r\n".encode() + payload


def _one_line(value: str) -> str:
    return value.replace("\r", "").replace("\n", "") if "\r" in value or "\n" in value else value
