"""Which functions run under a debugger, and how they are started then.

A debugged function listens on a port of this machine and waits for a debugger before its code is loaded. Its time-outs
do not run, and there is one instance under the debugger at a time; further ones run without.
"""

from __future__ import annotations

import importlib.util
import os

import msgspec

from mrak.core.functions import FunctionSpec
from mrak.lambdas.interpreters import Interpreter, choose

SUSPENDED_SECONDS = 86_400.0


class CannotDebug(Exception):
    """The message says what is missing and how to get it."""


class Debugged:
    """The functions under a debugger, by environment and name, with their ports."""

    def __init__(self) -> None:
        self._ports: dict[tuple[str, str], int] = {}

    def start(self, environment: str, function: str, port: int) -> None:
        if port in self._ports.values() and self._ports.get((environment, function)) != port:
            raise CannotDebug(f"Port {port} is another function's. Choose one with --port.")
        self._ports[environment, function] = port

    def stop(self, environment: str, function: str) -> None:
        self._ports.pop((environment, function), None)

    def port_of(self, environment: str, function: str) -> int:
        """0 where the function runs as ever."""
        return self._ports.get((environment, function), 0) if self._ports else 0

    def prepare(self, spec: FunctionSpec) -> FunctionSpec:
        """The function as it runs now: under the debugger its time is suspended."""
        port = self.port_of(spec.scope.environment, spec.name)
        if not port:
            return spec
        fingerprint = f"{spec.fingerprint}-debug{port}"
        return msgspec.structs.replace(
            spec, timeout_seconds=SUSPENDED_SECONDS, fingerprint=fingerprint, debug_port=port
        )


def check_debuggable(runtime: str) -> None:
    """Raises CannotDebug where there is no debugger for the runtime here."""
    if runtime.startswith("python"):
        find_debugpy()
    elif not runtime.startswith("nodejs"):
        raise CannotDebug(f"There is no debugger for {runtime or 'container images'}; Python and Node.js have one.")
    choose(runtime)


def find_debugpy() -> str:
    """The folder of debugpy, which is installed beside mrak when somebody wants it."""
    spec = importlib.util.find_spec("debugpy")
    if spec is None or spec.origin is None:
        raise CannotDebug("Python functions are debugged with debugpy, which is not installed: pip install debugpy")
    return os.path.dirname(os.path.realpath(spec.origin))


def with_debugger(command: list[str], interpreter: Interpreter, port: int) -> list[str]:
    """A command that waits for a debugger first."""
    if interpreter.language == "python":
        listen = [find_debugpy(), "--listen", f"127.0.0.1:{port}", "--wait-for-client"]
        # Frozen modules make debuggers miss breakpoints.
        return [command[0], "-Xfrozen_modules=off", *listen, *command[1:]]
    major, minor = (int(part) for part in interpreter.version.split(".")[:2])
    # --inspect-wait came with Node.js 20.15; before, the runtime's first line is a breakpoint.
    option = "--inspect-wait" if (major, minor) >= (20, 15) else "--inspect-brk"
    return [command[0], f"{option}=127.0.0.1:{port}", *command[1:]]
