"""The part "lambdas" as services see it: run a function, unpack a package. Nothing is loaded before its first use."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from mrak.core.functions import FunctionSpec, Invocation, LogEvent, Outcome
from mrak.lambdas.debugging import Debugged, check_debuggable

if TYPE_CHECKING:
    from mrak.lambdas.supervisor import Supervisor
    from mrak.lambdas.unpacking import Packages

LogSink = Callable[[FunctionSpec, str, list[LogEvent]], Awaitable[None] | None]


class Functions:
    """`allow_hot_reload`: whether a function's code may be a folder of this machine, named by the caller."""

    def __init__(self, sink: LogSink, *, allow_hot_reload: bool) -> None:
        self.allow_hot_reload = allow_hot_reload
        self._sink = sink
        self._work_folder = ""
        self._supervisor: Supervisor | None = None
        self._packages: Packages | None = None
        self._debugged = Debugged()
        self._running: Counter[str] = Counter()

    def debug(self, environment: str, function: str, runtime: str, port: int) -> int:
        """Runs a function of this runtime under a debugger from its next invocation on, or, where `runtime` is "", as
        ever. The port that it listens on; raises CannotDebug."""
        if not runtime:
            self._debugged.stop(environment, function)
            return 0
        check_debuggable(runtime)
        port = port or (9229 if runtime.startswith("nodejs") else 5678)
        self._debugged.start(environment, function, port)
        return port

    def is_debugged(self, environment: str, function: str) -> bool:
        """Whether time-outs around the function are suspended."""
        return self._debugged.port_of(environment, function) > 0

    async def invoke(self, spec: FunctionSpec, invocation: Invocation) -> Outcome:
        """Runs the function once."""
        if self._supervisor is None:
            from mrak.lambdas.supervisor import Supervisor

            self._supervisor = Supervisor(self._sink)
        environment = spec.scope.environment
        self._running[environment] += 1
        try:
            return await self._supervisor.invoke(self._debugged.prepare(spec), invocation)
        finally:
            self._running[environment] -= 1

    def count_running(self, environment: str) -> int:
        """How many invocations are under way."""
        return self._running[environment]

    def retire(self, key: str) -> None:
        """The function (`FunctionSpec.key`) was changed or deleted."""
        if self._supervisor is not None:
            self._supervisor.retire(key)

    def check_package(self, content: bytes) -> int:
        """The unpacked size of a deployment package. ValueError("invalid") or ValueError("too large")."""
        from mrak.lambdas.unpacking import BadPackage, PackageTooLarge, check_package

        try:
            return check_package(io.BytesIO(content))
        except BadPackage as error:
            raise ValueError("invalid") from error
        except PackageTooLarge as error:
            raise ValueError("too large") from error

    async def unpacked(self, package_id: str, zip_path: str) -> str:
        """A folder with the package's content, unpacked at its first use in this process."""
        if self._packages is None:
            from mrak.lambdas.unpacking import Packages, make_work_folder

            self._work_folder = make_work_folder()
            self._packages = Packages(self._work_folder)
        return await self._packages.unpacked(package_id, zip_path)

    def runtime_version_arn(self, runtime: str, region: str) -> str:
        from mrak.lambdas.interpreters import runtime_version_arn

        return runtime_version_arn(runtime, region)

    async def flush_logs(self) -> None:
        if self._supervisor is not None:
            await self._supervisor.flush_logs()

    async def close(self) -> None:
        if self._supervisor is not None:
            await self._supervisor.close()
        if self._packages is not None:
            from mrak.lambdas.unpacking import discard

            self._packages.close()
            discard([self._work_folder])
