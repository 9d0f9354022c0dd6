"""Carries the pool's instructions out: starts processes, hands invocations over, keeps time, writes logs.

The one public call is `invoke(spec, invocation) -> Outcome`. All of it runs on one event loop; nothing blocks it.
"""

from __future__ import annotations

import asyncio
import inspect
import math
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any

from mrak.core.clock import RealClock
from mrak.core.entropy import Entropy, SystemEntropy, format_uuid
from mrak.core.functions import Credentials, FunctionSpec, Invocation, LogEvent, Outcome, error_payload
from mrak.lambdas.commands import NoEntrypoint, find_command, python_command, uses_sdk
from mrak.lambdas.containers import Containers
from mrak.lambdas.debugging import SUSPENDED_SECONDS, find_debugpy, with_debugger
from mrak.lambdas.environment import build_environment, private_places
from mrak.lambdas.events import (
    CancelTimer,
    Complete,
    Event,
    Exited,
    FunctionRetired,
    InvokeRequested,
    Kill,
    Killed,
    Result,
    Send,
    SetTimer,
    Start,
    Stopped,
    TimerFired,
)
from mrak.lambdas.extensions import count_external, with_extensions
from mrak.lambdas.fleets import State
from mrak.lambdas.instance import SHUTDOWN_SECONDS, Call, Instance
from mrak.lambdas.interpreters import Choice, NoInterpreter, choose, runtime_version_arn
from mrak.lambdas.logs import TAIL_LIMIT_BYTES, Report
from mrak.lambdas.pool import Limits, Pool
from mrak.lambdas.sandbox import Order, ProcessSandbox

LogSink = Callable[[FunctionSpec, str, list[LogEvent]], Awaitable[None] | None]

_LOG_FLUSH_SECONDS = 0.1
_MEMORY_WATCH_SECONDS = 0.05
_THROTTLES = frozenset({Result.THROTTLED_ACCOUNT, Result.THROTTLED_RESERVED, Result.THROTTLED_HOST, Result.STOPPED})
_SHUTDOWN_REASONS = {"timed out": "timeout", "over its memory": "failure", "initialisation failed": "failure"}
_EXIT_ERROR = "Runtime.ExitError"


def _room_of_this_machine() -> int:
    """How many instances fit, at the smallest memory size that a function can have."""
    memory_mb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
    return max(16, min(Limits().max_instances, memory_mb // 128))


class Supervisor:
    """`sink` gets log lines in batches; it may be slow, lines wait for it."""

    def __init__(
        self,
        sink: LogSink,
        *,
        limits: Limits | None = None,
        isolation: str = "auto",
        wall_clock: Callable[[], float] = RealClock.now,
        entropy: Entropy | None = None,
    ) -> None:
        self.pool = Pool(limits or Limits(max_instances=_room_of_this_machine()))
        self._sink = sink
        self._wall_clock = wall_clock
        self._entropy = entropy or SystemEntropy()
        self._isolation = isolation
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sandbox: ProcessSandbox | None = None
        self._containers: Containers | None = None
        self._instances: dict[int, Instance] = {}
        self._calls: dict[str, Call] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._dirty: dict[int, Instance] = {}
        self._flushing: asyncio.Task[None] | None = None
        self._watching: asyncio.TimerHandle | None = None
        self._warned: set[str] = set()
        self._carry: dict[type, Callable[[Any], None]] = {
            Start: self._start,
            Send: self._send,
            Kill: self._kill,
            SetTimer: self._set_timer,
            CancelTimer: self._cancel_timer,
            Complete: self._complete,
        }

    # --- the public call

    async def invoke(self, spec: FunctionSpec, invocation: Invocation) -> Outcome:
        """Runs the function once and tells how it ended. Never raises for what the function did."""
        self._loop = asyncio.get_running_loop()
        call = Call(spec, invocation, self._loop.create_future())
        self._calls[invocation.request_id] = call
        self.feed(
            InvokeRequested(
                invocation.request_id,
                f"{spec.scope.environment}|{spec.scope.account}|{spec.scope.region}",
                spec.key,
                f"{spec.version}#{spec.share}#{spec.tenant}" if spec.share or spec.tenant else spec.version,
                spec.fingerprint,
                spec.timeout_seconds,
                spec.account_limit,
                spec.reserved,
                spec.share,
            )
        )
        # The caller may go away; the function runs on, as on AWS.
        return await asyncio.shield(call.future)

    def retire(self, key: str) -> None:
        """The function (`FunctionSpec.key`) was changed or deleted: its instances end, busy ones once they are done."""
        if self._loop is not None:
            self.feed(FunctionRetired(key))

    async def close(self) -> None:
        """Ends all instances and writes what they logged."""
        if self._loop is None:
            return
        self.feed(Stopped())
        for timer in self._timers.values():
            timer.cancel()
        if self._watching is not None:
            self._watching.cancel()
        if self._containers is not None:
            await self._containers.close()
        if self._sandbox is not None:
            self._sandbox.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for instance in self._instances.values():
            instance.close()
        await self.flush_logs()

    async def flush_logs(self) -> None:
        """Returns when all lines that were read so far have reached the sink."""
        while self._dirty or self._flushing is not None:
            if self._flushing is not None:
                await asyncio.shield(self._flushing)
            else:
                await self._flush()

    # --- for instances (Overseer)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        assert self._loop is not None
        return self._loop

    def now_ms(self) -> int:
        return int(self._wall_clock() * 1000)

    def feed(self, event: Event) -> None:
        """Tells the pool, and does what it says."""
        for instruction in self.pool.handle(self.loop.time(), event):
            self._carry[type(instruction)](instruction)
        if type(event) is Exited:
            self._instances.pop(event.instance, None)

    def new_id(self) -> str:
        return format_uuid(self._entropy.bytes(16))

    def mark_dirty(self, instance: Instance) -> None:
        if not self._dirty and self._flushing is None:
            self.loop.call_later(_LOG_FLUSH_SECONDS, self._begin_flush)
        self._dirty[instance.number] = instance

    # --- instructions

    def _start(self, instruction: Start) -> None:
        call = self._calls[instruction.request_id]
        spec = call.spec
        day = time.strftime("%Y/%m/%d", time.gmtime(self._wall_clock()))
        stream = f"{day}/[{spec.version}]{self._entropy.bytes(16).hex()}"
        instance = Instance(instruction.instance, spec, self, stream)
        instance.is_provisioned = self._is_within_share(spec)
        self._instances[instruction.instance] = instance
        task = self.loop.create_task(self._launch(instance, call.invocation))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _is_within_share(self, spec: FunctionSpec) -> bool:
        """Whether a new instance is one of those that provisioned concurrency keeps."""
        if not spec.provisioned:
            return False
        others = [other for other in self._instances.values() if other.is_provisioned and other.exit is None]
        alike = [
            o for o in others if (o.spec.key, o.spec.version, o.spec.share) == (spec.key, spec.version, spec.share)
        ]
        return len(alike) < spec.provisioned

    async def _launch(self, instance: Instance, invocation: Invocation) -> None:
        spec = instance.spec
        try:
            choice = Choice(None) if spec.image_uri else choose(spec.runtime)
            self._warn_once(instance, choice)
            answer = invocation.credentials()
            credentials: Credentials = await answer if inspect.isawaitable(answer) else answer
            if spec.image_uri:
                await self._start_container(instance, credentials)
            else:
                await self._start_process(instance, choice, credentials)
        except NoInterpreter as error:
            self._fail_launch(instance, "Runtime.Unavailable", str(error))
        except NoEntrypoint as error:
            message = f"RequestId: {invocation.request_id} Error: {error}"
            self._fail_launch(instance, "Runtime.InvalidEntrypoint", message)
        except OSError as error:
            self._fail_launch(instance, "Runtime.InvalidEntrypoint", str(error))

    async def _start_process(self, instance: Instance, choice: Choice, credentials: Credentials) -> None:
        spec = instance.spec
        if self._sandbox is None:
            self._sandbox = ProcessSandbox(self._isolation)
        sandbox = self._sandbox
        spawner = await sandbox.spawner_for(choice.interpreter)
        layers = sandbox.merge_layers(spec.layer_dirs, spec.fingerprint)
        runtime = await sandbox.runtime_of(choice.interpreter)
        places = sandbox.places_for(spawner, instance.number, spec.code_dir, layers, runtime, spec.fingerprint)
        runtime_api = await instance.listen()
        command = find_command(spec, choice, places.task, places.runtime, layers, sandbox.sdk_folder)
        binds = sandbox.binds_for(spawner, spec.code_dir, layers, runtime, choice.interpreter)
        if choice.interpreter is not None and self._may_debug(instance):
            command = command or python_command(choice, places.runtime, sandbox.sdk_folder)
            command = with_debugger(command, choice.interpreter, spec.debug_port)
            if choice.interpreter.language == "python" and places.temporary == "":
                binds.append((find_debugpy(), find_debugpy()))
        extensions = count_external(layers)
        if extensions:
            instance.expect_extensions(extensions)
            command = command or python_command(choice, places.runtime, sandbox.sdk_folder)
            command = with_extensions(command, places.layers)
        order = Order(
            id=instance.number,
            argv=command,
            env=build_environment(
                spec,
                places,
                choice.interpreter,
                credentials,
                instance.log_stream,
                runtime_api,
                is_provisioned=instance.is_provisioned,
            ),
            cwd=places.task,
            binds=binds,
            tmp_mb=spec.ephemeral_mb,
            memory_mb=spec.memory_mb,
            own=[places.temporary] if places.temporary else [],
            sdk_path=sandbox.sdk_folder,
        )
        self._tell_init(instance)
        process = await sandbox.start(spawner, order, instance.on_exit)
        await instance.attach(process)
        if self.pool.state_of(instance.number) == State.DYING:
            sandbox.kill(instance.number)  # it was given up while it started
        elif spec.runtime.startswith("python") and uses_sdk(spec):
            spawner.preload(["boto3"])
        self._watch()

    async def _start_container(self, instance: Instance, credentials: Credentials) -> None:
        spec = instance.spec
        if self._containers is None:
            self._containers = Containers(self._entropy.bytes(4).hex())
        containers = self._containers
        await containers.find_engine()
        runtime_api = await instance.listen()
        env = build_environment(spec, private_places(), None, credentials, instance.log_stream, runtime_api)
        self._tell_init(instance)
        process = await containers.start(instance.number, spec, env, instance.on_exit)
        await instance.attach(process)
        if self.pool.state_of(instance.number) == State.DYING:
            containers.kill(instance.number)  # it was given up while it started

    def _tell_init(self, instance: Instance) -> None:
        spec, now = instance.spec, self._wall_clock()
        instance.started_at = self.loop.time()
        arn = runtime_version_arn(spec.runtime, spec.scope.region)
        instance.output.write(instance.lines.init_start(spec.runtime, arn, spec.name, spec.version, now))
        if instance.telemetry is not None:
            instance.telemetry.init_start(spec.runtime, arn, spec.name, spec.version, now)

    def _may_debug(self, instance: Instance) -> bool:
        """Whether this instance is the one that listens for the debugger; its port can be listened on once."""
        port = instance.spec.debug_port
        others = (other for other in self._instances.values() if other is not instance and other.exit is None)
        return port > 0 and all(other.spec.debug_port != port for other in others)

    def _warn_once(self, instance: Instance, choice: Choice) -> None:
        key = f"{instance.spec.key}|{instance.spec.runtime}"
        if choice.warning and key not in self._warned:
            self._warned.add(key)
            instance.output.write(f"[WARNING] mrak: {choice.warning}\n")

    def _fail_launch(self, instance: Instance, error_type: str, message: str) -> None:
        instance.init_error = (error_type, error_payload(error_type, message))
        instance.on_init_error(instance.init_error[1], error_type)
        instance.close()
        self.feed(Exited(instance.number))

    def _send(self, instruction: Send) -> None:
        instance = self._instances[instruction.instance]
        call = self._calls[instruction.request_id]
        instance.output.read()
        now = self._wall_clock()
        instance.call = call
        instance.output.write(instance.lines.start(instruction.request_id, call.spec.version, now))
        if instance.telemetry is not None:
            instance.telemetry.start(instruction.request_id, call.spec.version, now)
        instance.send(call, int(now * 1000))
        self._watch()

    def _kill(self, instruction: Kill) -> None:
        instance = self._instances[instruction.instance]
        sandbox = self._containers if instance.spec.image_uri else self._sandbox
        if instance.process is None or sandbox is None:
            return
        reason = _SHUTDOWN_REASONS.get(instruction.why, "spindown")
        if instruction.why != "the server stops" and instance.shut_down(reason, self.now_ms()):
            self.loop.call_later(SHUTDOWN_SECONDS, sandbox.kill, instruction.instance)
        else:
            sandbox.kill(instruction.instance)

    def _set_timer(self, instruction: SetTimer) -> None:
        self._cancel_timer(CancelTimer(instruction.timer))
        at = instruction.at
        sort, _, number = instruction.timer.partition(":")
        if sort == "init" and self._instances[int(number)].spec.debug_port:
            at += SUSPENDED_SECONDS  # it waits for its debugger
        self._timers[instruction.timer] = self.loop.call_at(at, self._fire, instruction.timer)

    def _cancel_timer(self, instruction: CancelTimer) -> None:
        timer = self._timers.pop(instruction.timer, None)
        if timer is not None:
            timer.cancel()

    def _fire(self, timer: str) -> None:
        self._timers.pop(timer, None)
        self.feed(TimerFired(timer))

    # --- outcomes

    def _complete(self, instruction: Complete) -> None:
        call = self._calls.pop(instruction.request_id)
        if instruction.result in _THROTTLES:
            outcome = Outcome(throttled=instruction.result.value, executed_version=call.spec.version)
        else:
            assert instruction.instance is not None
            outcome = self._conclude(call, self._instances[instruction.instance], instruction.result)
        if call.invocation.stream is not None:
            call.invocation.stream.end()
        if not call.future.done():
            call.future.set_result(outcome)

    def _conclude(self, call: Call, instance: Instance, result: Result) -> Outcome:
        """Writes what AWS writes at the end of an invocation, and makes its outcome."""
        request_id = call.invocation.request_id
        now = self.loop.time()
        if result in (Result.INIT_FAILED, Result.INIT_EXITED) or (result == Result.TIMED_OUT and not call.sent_at):
            self._begin_failed(call, instance, result, now)
        payload, error_type, status = self._verdict(call, instance, result)
        duration_ms = (now - call.sent_at) * 1000
        if result == Result.TIMED_OUT:
            duration_ms = call.spec.timeout_seconds * 1000
        init_ms, instance_init = None, instance.init_ms
        if instance_init is not None and instance_init >= 0:
            init_ms, instance.init_ms = instance_init, -1.0  # it is reported once
        # Since August 2025 AWS bills the initialisation too.
        billed_ms = max(1, math.ceil(duration_ms + (init_ms or 0.0)))
        report = Report(
            request_id,
            duration_ms,
            billed_ms,
            call.spec.memory_mb,
            round(min(instance.max_memory_mb, call.spec.memory_mb)),
            init_ms,
            status,
            error_type if status == "error" else "",
        )
        instance.output.write(instance.lines.end(request_id))
        instance.output.write(instance.lines.report(report, self._wall_clock()))
        if instance.telemetry is not None:
            instance.telemetry.report(report, len(payload), self._wall_clock())
        instance.call = None
        return Outcome(
            payload=payload,
            function_error="Unhandled" if status or call.error_type else None,
            broke_off=call.broke_off,
            is_told=result == Result.FAILED,
            executed_version=call.spec.version,
            log_tail=_tail(call.tail),
            duration_ms=duration_ms,
            billed_ms=billed_ms,
            init_ms=init_ms,
            max_memory_mb=report.max_memory_mb,
        )

    def _begin_failed(self, call: Call, instance: Instance, result: Result, now: float) -> None:
        """A request whose instance never became ready: its lines come after those of the initialisation."""
        instance.output.read()
        init_ms = (now - instance.started_at) * 1000
        error_type = instance.init_error[0] if instance.init_error else _EXIT_ERROR
        status = "timeout" if result == Result.TIMED_OUT else "error"
        wall = self._wall_clock()
        instance.output.write(
            instance.lines.init_report(init_ms, status, "" if status == "timeout" else error_type, wall)
        )
        instance.init_ms = -1.0
        instance.call = call
        call.sent_at = now
        instance.output.write(instance.lines.start(call.invocation.request_id, call.spec.version, wall))

    def _verdict(self, call: Call, instance: Instance, result: Result) -> tuple[bytes, str, str]:
        """Payload, error type and REPORT status."""
        request_id = call.invocation.request_id
        if result == Result.RESPONDED:
            return bytes(call.answer), "", ""
        if result == Result.FAILED:
            return bytes(call.answer), call.error_type, "error"
        if result == Result.INIT_FAILED and instance.init_error is not None:
            return instance.init_error[1], instance.init_error[0], "error"
        if result == Result.TIMED_OUT:
            seconds = call.spec.timeout_seconds
            instance.output.read()
            instance.output.write(instance.lines.timeout(request_id, seconds, self._wall_clock()))
            message = f"RequestId: {request_id} Error: Task timed out after {seconds:.2f} seconds"
            return error_payload("Sandbox.Timedout", message), "Sandbox.Timedout", "timeout"
        reason = "Runtime exited without providing a reason"
        if instance.killed_for_memory:
            reason = "Runtime exited with error: signal: killed"
        elif instance.exit is not None:
            reason = instance.exit.reason()
        message = f"RequestId: {request_id} Error: {reason}"
        instance.output.write(f"{message}\n{_EXIT_ERROR}\n")
        return error_payload(_EXIT_ERROR, message), _EXIT_ERROR, "error"

    # --- memory

    def _watch(self) -> None:
        """Looks at the memory of working instances as long as there are any."""
        if self._watching is None:
            self._watching = self.loop.call_later(_MEMORY_WATCH_SECONDS, self._look)

    def _look(self) -> None:
        self._watching = None
        working = False
        for instance in list(self._instances.values()):
            state = self.pool.state_of(instance.number)
            if state in (State.STARTING, State.BUSY, State.SETTLING):
                working = True
                used_mb = instance.sample_memory(at_least=True)
                if used_mb > instance.spec.memory_mb and not instance.spec.debug_port:
                    instance.killed_for_memory = True
                    self.feed(Killed(instance.number))
        if working:
            self._watch()

    # --- logs

    def _begin_flush(self) -> None:
        if self._dirty and self._flushing is None:
            self._flushing = self.loop.create_task(self._flush())
            self._flushing.add_done_callback(self._end_flush)

    def _end_flush(self, task: asyncio.Task[None]) -> None:
        self._flushing = None
        if not task.cancelled():
            task.result()
        if self._dirty:
            self.loop.call_later(_LOG_FLUSH_SECONDS, self._begin_flush)

    async def _flush(self) -> None:
        dirty, self._dirty = self._dirty, {}
        for instance in dirty.values():
            events, instance.output.events = instance.output.events, []
            answer = self._sink(instance.spec, instance.log_stream, events)
            if inspect.isawaitable(answer):
                await answer


def _tail(lines: list[str]) -> bytes:
    return "".join(lines).encode()[-TAIL_LIMIT_BYTES:]
