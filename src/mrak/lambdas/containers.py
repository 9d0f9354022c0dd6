"""Functions of container images, where this machine has an engine: docker or podman, by their command line.

An instance is a container of its own with the machine's network, so that it reaches its port of the Runtime API; the
engine holds its memory, and its file system but for /tmp is read-only, as on AWS. The images bring their own runtime
client. https://docs.aws.amazon.com/lambda/latest/dg/images-create.html
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
from collections.abc import Callable
from typing import Any

from mrak.config import container_engines, inherited_environ
from mrak.core.functions import FunctionSpec
from mrak.lambdas.interpreters import NoInterpreter
from mrak.lambdas.sandbox import ExitReport, Process

_PROBE_SECONDS = 10
_KILLED = 128 + signal.SIGKILL
# The image's own: where its programs and libraries are.
_NOT_PASSED = frozenset(("PATH", "LD_LIBRARY_PATH", "PWD", "SHLVL", "PYTHONPATH", "LANG"))
_PLATFORMS = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}


class Containers:
    """start and kill of instances as containers."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._engine = ""
        self._running: dict[int, asyncio.subprocess.Process] = {}
        self._watching: set[asyncio.Task[None]] = set()

    async def find_engine(self) -> str:
        """The engine that answers; raises NoInterpreter where none does."""
        if self._engine:
            return self._engine
        tried = []
        for name in container_engines():
            path = shutil.which(name)
            if path is None:
                continue
            probe = await asyncio.create_subprocess_exec(
                path, "info", stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
                env=inherited_environ(),
            )  # fmt: skip
            try:
                async with asyncio.timeout(_PROBE_SECONDS):
                    status = await probe.wait()
            except TimeoutError:
                probe.kill()
                status = -1
            if status == 0:
                self._engine = path
                return path
            tried.append(name)
        reason = f"{' and '.join(tried)} does not answer" if tried else "docker and podman are not installed"
        raise NoInterpreter(f"mrak runs container images where an engine is present; {reason} here")

    async def start(
        self, number: int, spec: FunctionSpec, env: dict[str, str], on_exit: Callable[[ExitReport], None]
    ) -> Process:
        engine = await self.find_engine()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        log_read, log_write = os.pipe()
        os.set_blocking(log_read, False)
        passed = {name: value for name, value in env.items() if name not in _NOT_PASSED}
        try:
            process = await asyncio.create_subprocess_exec(
                *render_command(engine, self._name_of(number), spec, sorted(passed)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log_write,
                stderr=log_write,
                env=inherited_environ() | passed,
                start_new_session=True,
            )
        except OSError:
            ours.close()
            os.close(log_read)
            raise
        finally:
            os.close(log_write)
            theirs.close()
        self._running[number] = process
        watch = asyncio.create_task(self._watch(number, process, on_exit))
        self._watching.add(watch)
        watch.add_done_callback(self._watching.discard)
        return Process(process.pid, ours, log_read)

    async def _watch(
        self, number: int, process: asyncio.subprocess.Process, on_exit: Callable[[ExitReport], None]
    ) -> None:
        code = await process.wait()
        self._running.pop(number, None)
        killed = code in (_KILLED, -signal.SIGKILL)
        on_exit(ExitReport(signal.SIGKILL if killed else (code & 0xFF) << 8, 0))

    def kill(self, number: int) -> None:
        if number in self._running:
            task = asyncio.create_task(self._kill(number))
            self._watching.add(task)
            task.add_done_callback(self._watching.discard)

    async def _kill(self, number: int) -> None:
        """Ends the container; one that has not begun yet ends with the engine's client that was to begin it."""
        killer = await asyncio.create_subprocess_exec(
            self._engine, "kill", self._name_of(number), stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL, env=inherited_environ(),
        )  # fmt: skip
        process = self._running.get(number)
        if await killer.wait() != 0 and process is not None and process.returncode is None:
            process.kill()

    async def close(self) -> None:
        for number in list(self._running):
            self.kill(number)
        if self._watching:
            await asyncio.wait(self._watching, timeout=_PROBE_SECONDS)

    def _name_of(self, number: int) -> str:
        return f"mrak-{self._label}-{number}"


def render_command(engine: str, name: str, spec: FunctionSpec, variables: list[str]) -> list[str]:
    """The engine's command line. Values of variables are the client's own environment: nobody reads them off a list of
    processes."""
    config: dict[str, Any] = spec.image_config
    command = [
        engine, "run", "--rm", "--name", name, "--network", "host", "--read-only",
        "--tmpfs", f"/tmp:rw,exec,size={spec.ephemeral_mb}m,mode=1777",
        "--memory", f"{spec.memory_mb}m", "--pids-limit", "1024", "--cap-drop", "ALL",
        "--security-opt", "no-new-privileges", "--platform", _PLATFORMS.get(spec.architecture, "linux/amd64"),
    ]  # fmt: skip
    for variable in variables:
        command += ["--env", variable]
    entry = list(config.get("EntryPoint") or ())
    if entry:
        command += ["--entrypoint", entry[0]]
    if config.get("WorkingDirectory"):
        command += ["--workdir", config["WorkingDirectory"]]
    return [*command, spec.image_uri, *entry[1:], *(config.get("Command") or ())]
