"""One instance as the supervisor sees it: its process, its connections, its log, and the call that it runs.

It is the `Desk` of its Runtime API connections and feeds what happens there to the supervisor as pool events.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Protocol

from mrak.core.functions import FunctionSpec, Invocation, Outcome, error_payload
from mrak.lambdas.events import Event, Exited, InitFailed, NextPolled, Responded
from mrak.lambdas.extensions import ACCEPTED as EXTENSION_ACCEPTED
from mrak.lambdas.extensions import Extensions
from mrak.lambdas.logs import platform_lines
from mrak.lambdas.output import Output
from mrak.lambdas.runtime_api import ACCEPTED, SUBSCRIPTION_PATHS, RuntimeConnection, render_invocation, render_refusal
from mrak.lambdas.sandbox import ExitReport, Process, memory_used_mb
from mrak.lambdas.telemetry import Telemetry

RESPONSE_LIMIT_BYTES = 6 * 1024 * 1024 + 100
"""AWS's limit for a buffered response; its message names this number (recorded: 6291556 bytes)."""

_MEMORY_SAMPLE_SECONDS = 0.25
_LAST_WORDS_SECONDS = 0.5
SHUTDOWN_SECONDS = 2.0
"""AWS's time for extensions to end (Lambda runtime environment, Shutdown phase)."""

_INVALID_ID = render_refusal(400, "Bad Request", "InvalidRequestID", "Invalid request ID")
_TOO_LARGE = render_refusal(413, "Payload Too Large", "RequestEntityTooLarge", "Exceeded maximum payload size")


class Call:
    """A request that is not over: what it asks, what it has got so far."""

    __slots__ = ("answer", "broke_off", "error_type", "future", "invocation", "sent_at", "spec", "streamed", "tail")

    def __init__(self, spec: FunctionSpec, invocation: Invocation, future: asyncio.Future[Outcome]) -> None:
        self.spec = spec
        self.invocation = invocation
        self.future = future
        self.answer: bytes | bytearray = b""
        self.error_type = ""
        self.sent_at = 0.0
        self.streamed = False
        self.broke_off = False
        self.tail: list[str] = []


class Overseer(Protocol):
    """What an instance needs of the supervisor."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop: ...

    def feed(self, event: Event) -> None: ...

    def now_ms(self) -> int: ...

    def new_id(self) -> str: ...

    def mark_dirty(self, instance: Instance) -> None: ...


class Instance:
    def __init__(self, number: int, spec: FunctionSpec, overseer: Overseer, log_stream: str) -> None:
        self.number = number
        self.spec = spec
        self.log_stream = log_stream
        self.is_provisioned = False
        self.lines = platform_lines(spec.log_format, spec.system_log_level)
        self.call: Call | None = None
        self.process: Process | None = None
        self.started_at = overseer.loop.time()
        self.init_ms: float | None = None
        self.init_error: tuple[str, bytes] | None = None
        self.exit: ExitReport | None = None
        self.killed_for_memory = False
        self.max_memory_mb = 0.0
        self._overseer = overseer
        self._loop = overseer.loop
        self.output = Output(overseer.loop, overseer.now_ms, self._on_output)
        self._parked: RuntimeConnection | None = None
        self._extensions: Extensions | None = None
        self.telemetry: Telemetry | None = None
        """Only where there are extensions that may want it."""
        self._asked = False
        self._listener: socket.socket | None = None
        self._server: asyncio.AbstractServer | None = None
        self._sampled_at = 0.0
        self._connections: set[RuntimeConnection] = set()
        self._last_words: asyncio.TimerHandle | None = None

    # --- life

    async def listen(self) -> str:
        """Opens the port on which this instance alone speaks; returns AWS_LAMBDA_RUNTIME_API."""
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        self._listener = listener
        self._server = await self._loop.create_server(lambda: RuntimeConnection(self), sock=listener)
        return f"127.0.0.1:{listener.getsockname()[1]}"

    async def attach(self, process: Process) -> None:
        self.process = process
        self.output.attach(process.log)
        await self._loop.create_unix_connection(lambda: RuntimeConnection(self), sock=process.runtime)
        if self.exit is not None:
            self.on_exit(self.exit)  # it ended before we were ready to listen

    def close(self) -> None:
        """After the process has ended: takes the last of its output, frees what it held."""
        if self._server is not None:
            self._server.close()
        self.output.close()
        if self.telemetry is not None:
            self.telemetry.close()

    def on_exit(self, report: ExitReport) -> None:
        """The process is gone. What it posted last may still be on its way: first its connections must end."""
        self.exit = report
        if self.process is None:
            return
        if self._connections:
            self._last_words = self._loop.call_later(_LAST_WORDS_SECONDS, self._finish_exit)
        else:
            self._finish_exit()

    def _finish_exit(self) -> None:
        assert self.exit is not None
        if self._last_words is not None:
            self._last_words.cancel()
            self._last_words = None
        self.max_memory_mb = self.max_memory_mb or self.exit.max_rss_kb / 1024
        self.close()
        self._overseer.feed(Exited(self.number))

    def _on_output(self, message: str, is_first: bool) -> None:
        if is_first:
            self._overseer.mark_dirty(self)
        if self.call is not None and self.call.invocation.log_tail:
            self.call.tail.append(message)

    def sample_memory(self, at_least: bool = False) -> float:
        """Looks at the instance's memory, unless that was done a moment ago."""
        now = self._loop.time()
        if self.process is not None and self.exit is None and (at_least or now >= self._sampled_at):
            self._sampled_at = now + _MEMORY_SAMPLE_SECONDS
            self.max_memory_mb = max(self.max_memory_mb, memory_used_mb(self.process.pid))
        return self.max_memory_mb

    # --- Desk

    def on_connect(self, connection: RuntimeConnection) -> None:
        self._connections.add(connection)

    def on_disconnect(self, connection: RuntimeConnection) -> None:
        self._connections.discard(connection)
        if self._last_words is not None and not self._connections:
            self._finish_exit()

    def on_next(self, connection: RuntimeConnection) -> None:
        self._parked = connection
        self._asked = True
        self._tell_when_ready()

    def _tell_when_ready(self) -> None:
        """The instance asks for work once its runtime does and its extensions do."""
        if not self._asked or (self._extensions is not None and not self._extensions.ready):
            return
        self._asked = False
        if self.init_ms is None:
            self.init_ms = (self._loop.time() - self.started_at) * 1000
            self.sample_memory(at_least=True)
            if self.telemetry is not None:
                self.telemetry.init_done(self.init_ms, self._overseer.now_ms() / 1000)
        self._overseer.feed(NextPolled(self.number))

    def expect_extensions(self, count: int) -> None:
        """External extensions that must come before the first invocation."""
        self._extensions = Extensions(self.spec, count, self._on_registered)
        self.telemetry = Telemetry()
        self.output.on_line = self._on_line

    def _on_registered(self, name: str, events: list[str]) -> None:
        if self.telemetry is not None:
            self.telemetry.extension(name, events, self._overseer.now_ms() / 1000)

    def _on_line(self, line: str) -> None:
        if self.telemetry is not None:
            self.telemetry.line(line, self._overseer.now_ms() / 1000)

    def on_extension(
        self, resource: str, headers: dict[str, str], body: bytes, connection: RuntimeConnection
    ) -> bytes | None:
        if self._extensions is None:
            self.expect_extensions(0)
            assert self._extensions is not None
        if resource == "/register":
            return self._extensions.register(headers.get("lambda-extension-name", ""), body, self._overseer.new_id())
        if resource == "/event/next":
            if self._extensions.ask(headers.get("lambda-extension-identifier", ""), connection):
                self._tell_when_ready()
            return None
        if resource == "/init/error":
            return self.on_init_error(body, headers.get("lambda-extension-function-error-type", ""))
        if resource in SUBSCRIPTION_PATHS and self.telemetry is not None:
            name = self._extensions.name_of(headers.get("lambda-extension-identifier", ""))
            return self.telemetry.subscribe(resource, name, body, self._overseer.now_ms() / 1000)
        return EXTENSION_ACCEPTED

    def shut_down(self, reason: str, wall_ms: int) -> bool:
        """Tells extensions that the end is near; False where none wants to know."""
        deadline = wall_ms + int(SHUTDOWN_SECONDS * 1000)
        if self.telemetry is not None:
            self.telemetry.flush()
        return self._extensions is not None and self._extensions.shut_down(reason, deadline, self._overseer.new_id())

    def send(self, call: Call, wall_ms: int) -> None:
        invocation, spec = call.invocation, call.spec
        deadline = wall_ms + int(spec.timeout_seconds * 1000)
        message = render_invocation(
            [
                ("Lambda-Runtime-Aws-Request-Id", invocation.request_id),
                ("Lambda-Runtime-Deadline-Ms", str(deadline)),
                ("Lambda-Runtime-Invoked-Function-Arn", invocation.invoked_arn),
                ("Lambda-Runtime-Trace-Id", invocation.trace),
                ("Lambda-Runtime-Client-Context", invocation.client_context),
                ("Lambda-Runtime-Cognito-Identity", invocation.cognito_identity),
                ("Lambda-Runtime-Aws-Tenant-Id", spec.tenant),
            ],
            invocation.payload,
        )
        self.call = call
        call.sent_at = self._loop.time()
        if self._extensions is not None:
            self._extensions.announce(invocation, deadline, self._overseer.new_id())
        assert self._parked is not None, "sent to an instance that did not ask"
        connection, self._parked = self._parked, None
        connection.send_invocation(message)

    def on_response(self, request_id: str, body: bytes) -> bytes:
        call = self._find_call(request_id)
        if call is None:
            return _INVALID_ID
        if len(body) > RESPONSE_LIMIT_BYTES:
            message = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT_BYTES} bytes)."
            call.error_type = "Function.ResponseSizeTooLarge"
            call.answer = error_payload(call.error_type, message)
            self._respond(call, failed=True)
            return _TOO_LARGE
        call.answer = body
        self._respond(call, failed=False)
        return ACCEPTED

    def on_error(self, request_id: str, body: bytes, error_type: str) -> bytes:
        call = self._find_call(request_id)
        if call is None:
            return _INVALID_ID
        call.answer = body
        call.error_type = error_type
        self._respond(call, failed=True)
        return ACCEPTED

    def on_init_error(self, body: bytes, error_type: str) -> bytes:
        self.output.read()
        self.sample_memory(at_least=True)
        self.init_error = (error_type or "Runtime.Unknown", body)
        self._overseer.feed(InitFailed(self.number))
        return ACCEPTED

    def on_stream_start(self, request_id: str, content_type: str, connection: RuntimeConnection) -> bool:
        call = self._find_call(request_id)
        if call is None:
            return False
        call.streamed = True
        call.answer = bytearray()
        stream = call.invocation.stream
        if stream is not None and connection.transport is not None:
            stream.pause = connection.transport.pause_reading
            stream.resume = connection.transport.resume_reading
            stream.start(content_type)
        return True

    def on_stream_chunk(self, request_id: str, chunk: bytes) -> None:
        call = self._find_call(request_id)
        if call is None:
            return
        if call.invocation.stream is not None:
            call.invocation.stream.feed(chunk)
        elif len(call.answer) <= RESPONSE_LIMIT_BYTES:
            call.answer += chunk

    def on_stream_end(self, request_id: str, failed: bool) -> None:
        call = self._find_call(request_id)
        if call is None:
            return
        call.broke_off = failed
        if call.invocation.stream is None:
            self.on_response(request_id, bytes(call.answer))
        else:
            self._respond(call, failed=False)

    def _find_call(self, request_id: str) -> Call | None:
        call = self.call
        return call if call is not None and call.invocation.request_id == request_id else None

    def _respond(self, call: Call, failed: bool) -> None:
        self.output.read()  # what was printed before the answer is in the pipe already
        self.sample_memory()
        self._overseer.feed(Responded(self.number, call.invocation.request_id, failed))
