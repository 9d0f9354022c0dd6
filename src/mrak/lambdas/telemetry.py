"""The Telemetry API of one instance, and its predecessor, the Logs API: extensions subscribe, and get what happens in
the instance and what the function prints, in batches, at a port of theirs.

What happened before an extension subscribed is kept for it. Telemetry holds up nothing: what a destination does not
take is dropped, and the next batch says how much (`platform.logsDropped`).
https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api-reference.html
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import msgspec

from mrak.lambdas.logs import Report, render_time, runtime_version
from mrak.lambdas.runtime_api import SUBSCRIPTION_PATHS, render_answer, render_refusal

TELEMETRY, LOGS = SUBSCRIPTION_PATHS
_VERSIONS = {
    TELEMETRY: ("2025-01-29", "2022-12-13", "2022-07-01"),
    LOGS: ("2021-03-18", "2020-08-15"),
}
# What the Logs API knows of the platform's events.
_OF_LOGS = frozenset({"platform.start", "platform.end", "platform.report", "platform.runtimeDone", "platform.fault"})
_TYPES = frozenset({"platform", "function", "extension"})
_HOSTS = ("sandbox.localdomain", "sandbox")
_MOST_KEPT = 1000
_SEND_SECONDS = 2.0
_OK = render_answer(200, "OK", b'"OK"')
_UNKNOWN = render_refusal(403, "Forbidden", "Extension.UnknownExtensionIdentifier", "Unknown extension identifier")

Event = dict[str, Any]


class _Buffering(msgspec.Struct, frozen=True):
    maxItems: int = 1000
    maxBytes: int = 262_144
    timeoutMs: int = 1000


class _Destination(msgspec.Struct, frozen=True):
    protocol: str = ""
    URI: str = ""
    port: int = 0


class _Wanted(msgspec.Struct, frozen=True):
    types: list[str] = []
    destination: _Destination = _Destination()
    schemaVersion: str = ""
    buffering: _Buffering = _Buffering()


class Subscriber:
    """One extension's buffer and destination."""

    def __init__(self, name: str, wanted: _Wanted, port: int, is_logs: bool) -> None:
        self.name = name
        self.types = frozenset(wanted.types)
        self.is_logs = is_logs
        self._port = port
        self._path = urlsplit(wanted.destination.URI).path or "/"
        self._over_http = wanted.destination.protocol == "HTTP"
        self._limits = wanted.buffering
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._dropped = (0, 0)
        self._timer: asyncio.TimerHandle | None = None
        self._sending: asyncio.Task[None] | None = None

    def wants(self, kind: str) -> bool:
        group = kind.partition(".")[0]
        if group != "platform" or group not in self.types:
            return group in self.types
        # The Telemetry API has no end of its own: runtimeDone says it.
        return kind in _OF_LOGS if self.is_logs else kind != "platform.end"

    def take(self, event: Event) -> None:
        data = msgspec.json.encode(event)
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        full = len(self._waiting) >= self._limits.maxItems or self._waiting_bytes >= self._limits.maxBytes
        if full:
            self.flush()
        elif self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._limits.timeoutMs / 1000, self.flush)

    def flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting and self._sending is None:
            batch, self._waiting, self._waiting_bytes = self._waiting, [], 0
            self._sending = asyncio.ensure_future(self._send(batch))
            self._sending.add_done_callback(self._sent)
        elif len(self._waiting) > self._limits.maxItems:
            self._drop(self._waiting)  # the destination is slower than what happens
            self._waiting, self._waiting_bytes = [], 0

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._sending is not None:
            self._sending.cancel()

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending = None
        if not task.cancelled() and self._waiting and self._timer is None:
            self.flush()

    async def _send(self, batch: list[bytes]) -> None:
        if self._dropped[0]:
            batch = [msgspec.json.encode(_render_drop(*self._dropped)), *batch]
        try:
            async with asyncio.timeout(_SEND_SECONDS):
                await self._write(batch)
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            self._drop(batch)
        else:
            self._dropped = (0, 0)

    def _drop(self, batch: list[bytes]) -> None:
        count, size = self._dropped
        self._dropped = (count + len(batch), size + sum(map(len, batch)))

    async def _write(self, batch: list[bytes]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            if not self._over_http:
                writer.write(b"".join(event + b"\n" for event in batch))
                await writer.drain()
                return
            body = b"[" + b",".join(batch) + b"]"
            head = (
                f"POST {self._path} HTTP/1.1\r\nHost: sandbox.localdomain:{self._port}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            )
            writer.write(head.encode() + body)
            await writer.drain()
            await reader.readuntil(b"\r\n")
        finally:
            writer.close()


class Telemetry:
    """All subscriptions of one instance."""

    def __init__(self) -> None:
        self._subscribers: dict[tuple[str, str], Subscriber] = {}
        self._before: list[tuple[str, Event]] = []

    def subscribe(self, path: str, name: str, body: bytes, at: float) -> bytes:
        """A PUT of an extension, by its registered name; "" where it never registered."""
        if not name:
            return _UNKNOWN
        try:
            wanted = msgspec.json.decode(body, type=_Wanted)
        except msgspec.DecodeError as error:
            return _refuse(str(error).replace('"', "'"))
        wrong, port = _check(path, wanted)
        if wrong:
            return _refuse("; ".join(wrong))
        subscriber = Subscriber(name, wanted, port, path == LOGS)
        old = self._subscribers.get((name, path))
        if old is not None:
            old.close()
        self._subscribers[name, path] = subscriber
        kind = "platform.logsSubscription" if path == LOGS else "platform.telemetrySubscription"
        record = {"name": name, "state": "Subscribed", "types": wanted.types}
        for known, event in self._before:
            if subscriber.wants(known):
                subscriber.take(event)
        self._emit(kind, record, at)
        return _OK

    def flush(self) -> None:
        for subscriber in self._subscribers.values():
            subscriber.flush()

    def close(self) -> None:
        for subscriber in self._subscribers.values():
            subscriber.close()

    # --- what happens

    def init_start(self, runtime: str, arn: str, name: str, version: str, at: float) -> None:
        record = {
            "initializationType": "on-demand",
            "phase": "init",
            "runtimeVersion": runtime_version(runtime),
            "runtimeVersionArn": arn,
            "functionName": name,
            "functionVersion": version,
        }
        self._emit("platform.initStart", record, at)

    def init_done(self, duration_ms: float, at: float) -> None:
        base = {"initializationType": "on-demand", "phase": "init", "status": "success"}
        self._emit("platform.initRuntimeDone", base, at)
        self._emit("platform.initReport", base | {"metrics": {"durationMs": round(duration_ms, 3)}}, at)

    def extension(self, name: str, events: list[str], at: float) -> None:
        self._emit("platform.extension", {"name": name, "state": "Ready", "events": events}, at)

    def start(self, request_id: str, version: str, at: float) -> None:
        self._emit("platform.start", {"requestId": request_id, "version": version}, at)

    def report(self, report: Report, produced_bytes: int, at: float) -> None:
        """The end of an invocation: what the runtime took for it, and AWS's report."""
        status = report.status or "success"
        error = {"errorType": report.error_type} if report.error_type else {}
        done = {"durationMs": round(report.duration_ms, 3), "producedBytes": produced_bytes}
        base = {"requestId": report.request_id, "status": status, **error}
        self._emit("platform.runtimeDone", base | {"metrics": done}, at)
        self._emit("platform.end", {"requestId": report.request_id}, at)
        self._emit("platform.report", base | {"metrics": report.metrics()}, at)

    def line(self, message: str, at: float) -> None:
        """What the function printed; an object where it is one in JSON."""
        record: Any = message.rstrip("\n")
        if record.startswith("{"):
            try:
                record = msgspec.json.decode(record)
            except msgspec.DecodeError:
                record = message.rstrip("\n")
        self._emit("function", record, at)

    def _emit(self, kind: str, record: Any, at: float) -> None:
        event = {"time": render_time(at), "type": kind, "record": record}
        if len(self._before) < _MOST_KEPT:
            self._before.append((kind, event))
        for subscriber in self._subscribers.values():
            announced = kind.endswith("Subscription") and "platform" in subscriber.types
            if subscriber.wants(kind) or announced:
                subscriber.take(event)


def _check(path: str, wanted: _Wanted) -> tuple[list[str], int]:
    """What is wrong with a subscription, and the destination's port."""
    wrong = []
    if wanted.schemaVersion not in _VERSIONS[path] and (path == TELEMETRY or wanted.schemaVersion):
        wrong.append("schemaVersion is not supported")
    if not wanted.types:
        wrong.append("types should not be empty")
    elif not _TYPES.issuperset(wanted.types):
        wrong.append("types must be platform, function or extension")
    port = wanted.destination.port
    if wanted.destination.protocol not in ("HTTP", "TCP"):
        wrong.append("protocol must be HTTP or TCP")
    elif wanted.destination.protocol == "HTTP" or not port:
        try:
            parts = urlsplit(wanted.destination.URI)
            port = parts.port or 0
        except ValueError:
            port = 0
        else:
            if parts.hostname not in _HOSTS:
                wrong.append("URI host must be sandbox.localdomain")
    if not 0 < port < 65536:
        wrong.append("URI port is not provided")
    limits = wanted.buffering
    for value, name, least, most in (
        (limits.maxItems, "maxItems", 1000, 10_000),
        (limits.maxBytes, "maxBytes", 262_144, 1_048_576),
        (limits.timeoutMs, "timeoutMs", 25, 30_000),
    ):
        if not least <= value <= most:
            wrong.append(f"{name} must be between {least} and {most}")
    return wrong, port


def _render_drop(count: int, size_bytes: int) -> Event:
    record = {"droppedRecords": count, "droppedBytes": size_bytes, "reason": "The destination did not take them."}
    return {"type": "platform.logsDropped", "record": record}


def _refuse(message: str) -> bytes:
    return render_refusal(400, "Bad Request", "ValidationError", message)
