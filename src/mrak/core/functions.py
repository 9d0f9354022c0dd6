"""What the Lambda service asks of the execution environments (`ctx.part("lambdas")`) and what these answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec

from mrak.core.scope import Scope

LATEST = "$LATEST"

LogEvent = tuple[int, str]
"""Milliseconds since the epoch, and one line as CloudWatch Logs gets it."""

Credentials = tuple[str, str, str]
"""Access key id, secret access key, session token."""


class FunctionSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a function, complete enough to run it.

    `arn` is unqualified and with `version` names what runs; `fingerprint` changes whenever the code or the
    configuration does, so that an update starts new instances. `code_dir` and `layer_dirs` (in the order of the
    layers, later ones win) are unpacked and not written to. `scope` tells whose concurrency an invocation takes.
    """

    arn: str
    version: str
    name: str
    scope: Scope
    runtime: str
    handler: str
    code_dir: str
    layer_dirs: tuple[str, ...] = ()
    environment: dict[str, str] = {}
    memory_mb: int = 128
    timeout_seconds: float = 3.0
    ephemeral_mb: int = 512
    architecture: str = "x86_64"
    fingerprint: str = ""
    endpoint_url: str = ""
    log_group: str = ""
    log_format: str = "Text"
    application_log_level: str = "INFO"
    system_log_level: str = "INFO"
    account_limit: int = 1000
    reserved: int | None = None
    image_uri: str = ""
    image_config: dict[str, Any] = {}
    """The container image instead of a code folder, and what of it the function overrides."""
    tenant: str = ""
    """Whose instances these are, where a function keeps its tenants apart."""
    share: str = ""
    """The qualifier whose provisioned concurrency an invocation takes; "" for what is left of the function's."""
    provisioned: int = 0
    """How many instances that is. What the share has beyond them is on demand."""
    debug_port: int = 0
    """Where a debugger attaches before the code is loaded; 0 where none does."""

    @property
    def key(self) -> str:
        """The function, unique over all environments."""
        return f"{self.scope.environment}|{self.arn}"


class ResponseStream:
    """A streamed response on its way from the instance to the caller. The supervisor feeds it, the caller iterates.

    Once `started` is set, `has_content` tells whether the function streams at all, and `content_type` what. `pause` and
    `resume` are told to the instance's connection, so that a slow reader slows the function instead of filling memory.
    """

    HIGH_WATER_BYTES = 1 << 18

    def __init__(self) -> None:
        self.content_type = "application/octet-stream"
        self.started = asyncio.Event()
        self.has_content = False
        self.pause: Callable[[], None] | None = None
        self.resume: Callable[[], None] | None = None
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._held_bytes = 0
        self._paused = False

    def start(self, content_type: str) -> None:
        self.content_type = content_type
        self.has_content = True
        self.started.set()

    def feed(self, chunk: bytes) -> None:
        self._held_bytes += len(chunk)
        self._chunks.put_nowait(chunk)
        if self._held_bytes > self.HIGH_WATER_BYTES and not self._paused and self.pause is not None:
            self._paused = True
            self.pause()

    def end(self) -> None:
        self.started.set()
        self._chunks.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (chunk := await self._chunks.get()) is not None:
            self._held_bytes -= len(chunk)
            if self._paused and self._held_bytes <= self.HIGH_WATER_BYTES // 2 and self.resume is not None:
                self._paused = False
                self.resume()
            yield chunk


class Invocation(msgspec.Struct, frozen=True, kw_only=True):
    """One call. `invoked_arn` is the ARN as the caller qualified it. `credentials` is called when an instance has
    to be started. With `stream`, what the function answers goes there as it comes, not into the outcome."""

    request_id: str
    payload: bytes
    invoked_arn: str
    credentials: Callable[[], Credentials] | Callable[[], Awaitable[Credentials]]
    client_context: str = ""
    cognito_identity: str = ""
    trace: str = ""
    log_tail: bool = False
    stream: ResponseStream | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a call ended. `function_error` is AWS's X-Amz-Function-Error, None for success. `throttled` says why the
    call was refused (an `events.Result`); then nothing ran and the rest is empty. `broke_off`: a streamed response
    ended with an error, of which no caller hears (recorded); `is_told`: the error is one that the runtime posted."""

    payload: bytes = b""
    function_error: str | None = None
    broke_off: bool = False
    is_told: bool = False
    executed_version: str = LATEST
    log_tail: bytes = b""
    duration_ms: float = 0.0
    billed_ms: int = 0
    init_ms: float | None = None
    max_memory_mb: int = 0
    throttled: str = ""


def error_payload(error_type: str, message: str) -> bytes:
    """The body of an error that the service itself reports, in AWS's member order."""
    return msgspec.json.encode({"errorType": error_type, "errorMessage": message})
