"""Starts and kills the processes of instances, through one spawner for each Python version in use.

The server itself never forks for a function: the spawner (`runtimes/spawner.py`) does, in milliseconds, and confines
the fork (`runtimes/isolation.py`). It is started at the first function, and it and all instances end with the server,
however that ends, since the socket between them closes.
"""

from __future__ import annotations

import array
import asyncio
import importlib.util
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable

import msgspec

from mrak.config import inherited_environ
from mrak.lambdas.environment import NODE_MODULES, RUNTIMES_FOLDER, Places, private_places, runtime_folder
from mrak.lambdas.interpreters import Interpreter, find_node_modules, pythons
from mrak.lambdas.java import compile_java
from mrak.lambdas.unpacking import discard, make_work_folder

_LENGTH = struct.Struct(">I")
SYSTEM_PREFIXES = ("/usr/", "/bin/", "/lib/")


class ExitReport(msgspec.Struct, frozen=True):
    """How an instance's first process ended: a wait status, and the largest memory it had."""

    status: int
    max_rss_kb: int

    def reason(self) -> str:
        """As AWS words it in Runtime.ExitError."""
        if os.WIFSIGNALED(self.status):
            name = signal.strsignal(os.WTERMSIG(self.status)) or str(os.WTERMSIG(self.status))
            return f"Runtime exited with error: signal: {name.lower()}"
        code = os.WEXITSTATUS(self.status)
        return f"Runtime exited with error: exit status {code}" if code else "Runtime exited without providing a reason"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An instance to be started. `argv` is empty for Python functions: they run in the fork itself."""

    id: int
    argv: list[str]
    env: dict[str, str]
    cwd: str
    binds: list[tuple[str, str]]
    tmp_mb: int
    memory_mb: int
    own: list[str] = []
    sdk_path: str = ""


class Process(msgspec.Struct, frozen=True):
    """A started instance: its pid here, our ends of its runtime socket and of its log pipe."""

    pid: int
    runtime: socket.socket
    log: int


class Spawner:
    """Our end of one spawner process."""

    def __init__(self, interpreter: Interpreter, sdk_folder: str, wanted_isolation: str) -> None:
        self.interpreter = interpreter
        self.isolation = ""
        self._loop = asyncio.get_running_loop()
        self._socket, theirs = socket.socketpair()
        self._ready: asyncio.Future[str] = self._loop.create_future()
        self._buffer = b""
        self._outbox: deque[tuple[bytes, tuple[int, ...]]] = deque()
        self._starting: dict[int, asyncio.Future[int]] = {}
        self._on_exit: dict[int, Callable[[ExitReport], None]] = {}
        self._preloaded: set[str] = set()
        program = os.path.join(RUNTIMES_FOLDER, "spawner.py")
        command = [interpreter.path, "-I", "-S", program, str(theirs.fileno()), sdk_folder, wanted_isolation]
        self.process = subprocess.Popen(
            command, pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL, env=inherited_environ()
        )
        theirs.close()
        self._socket.setblocking(False)
        self._loop.add_reader(self._socket, self._receive)

    async def wait_ready(self) -> str:
        """The isolation that is in force; fails when the spawner could not start."""
        return await asyncio.shield(self._ready)

    async def start(self, order: Order, on_exit: Callable[[ExitReport], None]) -> Process:
        ours, theirs = socket.socketpair()
        log_read, log_write = os.pipe()
        os.set_blocking(log_read, False)
        ours.setblocking(False)
        future: asyncio.Future[int] = self._loop.create_future()
        self._starting[order.id] = future
        self._on_exit[order.id] = on_exit
        duplicates = (log_write, theirs.detach())
        self._send({"start": order}, duplicates)
        try:
            pid = await future
        except (OSError, asyncio.CancelledError):
            ours.close()
            os.close(log_read)
            raise
        return Process(pid, ours, log_read)

    def kill(self, number: int) -> None:
        self._send({"kill": number})

    def preload(self, modules: list[str]) -> None:
        """Imports modules in the spawner, once, so that later functions find them imported."""
        wanted = [module for module in modules if module not in self._preloaded]
        if wanted:
            self._preloaded.update(wanted)
            self._send({"preload": wanted})

    def close(self) -> None:
        """Ends the spawner and with it all of its instances."""
        self._hang_up()
        for _, descriptors in self._outbox:
            for descriptor in descriptors:
                os.close(descriptor)
        self.process.wait(timeout=10)

    def _hang_up(self) -> None:
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket.close()

    @property
    def alive(self) -> bool:
        return self._socket.fileno() >= 0 and self.process.poll() is None

    # --- frames

    def _send(self, message: dict[str, object], descriptors: tuple[int, ...] = ()) -> None:
        body = msgspec.json.encode(message)
        self._outbox.append((_LENGTH.pack(len(body)) + body, descriptors))
        self._flush()

    def _flush(self) -> None:
        while self._outbox:
            data, descriptors = self._outbox[0]
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
            try:
                sent = self._socket.sendmsg([data], ancillary)
            except BlockingIOError:
                self._loop.add_writer(self._socket, self._flush)
                return
            except OSError as error:
                self._fail(error)
                return
            for descriptor in descriptors:
                os.close(descriptor)
            if sent < len(data):
                self._outbox[0] = (data[sent:], ())
            else:
                self._outbox.popleft()
        self._loop.remove_writer(self._socket)

    def _receive(self) -> None:
        try:
            data = self._socket.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(error)
            return
        if not data:
            self._fail(ConnectionError("the spawner of function instances ended"))
            return
        self._buffer += data
        while len(self._buffer) >= 4:
            (size,) = _LENGTH.unpack_from(self._buffer)
            if len(self._buffer) < 4 + size:
                return
            message = msgspec.json.decode(self._buffer[4 : 4 + size])
            self._buffer = self._buffer[4 + size :]
            self._take(message)

    def _take(self, message: dict[str, object]) -> None:
        match message:
            case {"hello": {"isolation": str(isolation)}}:
                self.isolation = isolation
                if not self._ready.done():
                    self._ready.set_result(isolation)
            case {"started": int(number), "pid": int(pid)}:
                future = self._starting.pop(number, None)
                if future is not None and not future.done():
                    future.set_result(pid)
            case {"exited": int(number), "status": int(status), "max_rss_kb": int(rss)}:
                on_exit = self._on_exit.pop(number, None)
                if on_exit is not None:
                    on_exit(ExitReport(status, rss))

    def _fail(self, error: OSError) -> None:
        """The spawner is gone, and with it every instance."""
        self._hang_up()
        if not self._ready.done():
            self._ready.set_exception(error)
            self._ready.exception()  # marks it seen where nobody waits
        for future in self._starting.values():
            if not future.done():
                future.set_exception(error)
        self._starting.clear()
        exits, self._on_exit = self._on_exit, {}
        for on_exit in exits.values():
            on_exit(ExitReport(signal.SIGKILL, 0))


class ProcessSandbox:
    """start, kill and memory of instances as processes of this machine."""

    def __init__(self, isolation: str = "auto") -> None:
        self._wanted_isolation = isolation
        self._spawners: dict[str, Spawner] = {}
        self._of_instance: dict[int, Spawner] = {}
        self._copies: dict[tuple[str, str], str] = {}
        self._work = make_work_folder()
        self._compiling = asyncio.Lock()
        self._compiled: set[str] = set()
        self._own_python = pythons()[min(pythons(), key=lambda minor: abs(minor - 11))]
        self.sdk_folder = find_sdk_folder()

    async def spawner_for(self, interpreter: Interpreter | None) -> Spawner:
        """The spawner that starts instances of this interpreter, itself started at first use."""
        python = interpreter if interpreter and interpreter.language == "python" else self._own_python
        spawner = self._spawners.get(python.path)
        if spawner is None or not spawner.alive:
            spawner = self._spawners[python.path] = Spawner(python, self.sdk_folder, self._wanted_isolation)
        await spawner.wait_ready()
        return spawner

    async def runtime_of(self, interpreter: Interpreter | None) -> str:
        """The folder of mrak's runtime programs for an interpreter. Java's are compiled at their first use."""
        folder = runtime_folder(interpreter)
        if interpreter is None or interpreter.language != "java":
            return folder
        compiled = os.path.join(self._work, f"java-{interpreter.version}")
        async with self._compiling:
            if compiled not in self._compiled:
                await asyncio.to_thread(compile_java, interpreter, folder, compiled)
                self._compiled.add(compiled)
        return compiled

    def places_for(self, spawner: Spawner, number: int, code_dir: str, layers: str, runtime: str, key: str) -> Places:
        if spawner.isolation == "namespaces":
            return private_places()
        temporary = os.path.join(self._work, f"tmp-{number}")
        os.mkdir(temporary, 0o700)
        if spawner.isolation == "uid":
            code_dir, layers = self._reachable(code_dir, key), self._reachable(layers, key)
        return Places(code_dir, layers or "/opt", runtime, temporary)

    def _reachable(self, folder: str, key: str) -> str:
        """A copy that another user can reach, under a name that nobody can guess: the data folder is ours alone."""
        if not folder:
            return ""
        copy = self._copies.get((folder, key))
        if copy is None:
            copy = self._copies[folder, key] = tempfile.mkdtemp(dir=self._work)
            shutil.copytree(folder, copy, symlinks=True, dirs_exist_ok=True)
            os.chmod(copy, 0o755)
        return copy

    def binds_for(
        self, spawner: Spawner, code_dir: str, layers: str, runtime: str, interpreter: Interpreter | None
    ) -> list[tuple[str, str]]:
        """What an instance sees beside the system's folders: (here, there)."""
        if spawner.isolation != "namespaces":
            return []
        binds = [(os.path.realpath(code_dir), "/var/task"), (runtime, "/var/runtime")]
        if self.sdk_folder:
            binds.append((self.sdk_folder, self.sdk_folder))  # preloaded modules look for their data here
        for program in (spawner.interpreter, interpreter):
            if program is not None and not program.prefix.startswith(SYSTEM_PREFIXES) and program.prefix != "/usr":
                binds.append((program.prefix, program.prefix))
        if interpreter is not None and interpreter.language == "nodejs" and (modules := find_node_modules(interpreter)):
            binds.append((modules, NODE_MODULES))
        if layers:
            binds += [(os.path.join(layers, entry), f"/opt/{entry}") for entry in sorted(os.listdir(layers))]
        return binds

    async def start(self, spawner: Spawner, order: Order, on_exit: Callable[[ExitReport], None]) -> Process:
        self._of_instance[order.id] = spawner

        def forget_and_tell(report: ExitReport) -> None:
            self._of_instance.pop(order.id, None)
            for folder in order.own:
                shutil.rmtree(folder, ignore_errors=True)
            on_exit(report)

        return await spawner.start(order, forget_and_tell)

    def kill(self, number: int) -> None:
        spawner = self._of_instance.get(number)
        if spawner is not None and spawner.alive:
            spawner.kill(number)

    def merge_layers(self, layer_dirs: tuple[str, ...], key: str) -> str:
        """One folder that shows all layers, later ones on top; "" without layers."""
        if len(layer_dirs) <= 1:
            return os.path.realpath(layer_dirs[0]) if layer_dirs else ""
        target = os.path.join(self._work, f"layers-{key}")
        if not os.path.isdir(target):
            partial = tempfile.mkdtemp(dir=self._work)
            for folder in layer_dirs:
                shutil.copytree(folder, partial, symlinks=True, dirs_exist_ok=True, copy_function=_link_or_copy)
            os.chmod(partial, 0o755)
            os.rename(partial, target)
        return target

    def close(self) -> None:
        for spawner in self._spawners.values():
            spawner.close()
        self._spawners.clear()
        discard([self._work])


def _link_or_copy(source: str, target: str) -> str:
    if os.path.lexists(target):
        os.unlink(target)
    try:
        os.link(source, target)
        return target
    except OSError:  # another file system
        return str(shutil.copy2(source, target))


def find_sdk_folder() -> str:
    """Where boto3 is installed beside us, "" where it is not. Nothing is imported."""
    spec = importlib.util.find_spec("boto3")
    if spec is None or spec.origin is None:
        return ""
    return os.path.dirname(os.path.dirname(os.path.realpath(spec.origin)))


def memory_used_mb(pid: int) -> float:
    """The largest resident memory that the instance's first process had, plus what its children hold now."""
    used_kb = _status_field(pid, b"VmHWM:")
    try:
        with open(f"/proc/{pid}/task/{pid}/children", "rb") as file:
            children = file.read().split()
    except OSError:
        children = []
    for child in children[:64]:
        used_kb += _status_field(int(child), b"RssAnon:")
    return used_kb / 1024


def _status_field(pid: int, field: bytes) -> int:
    try:
        with open(f"/proc/{pid}/status", "rb") as file:
            status = file.read()
    except OSError:  # it has ended, or this system has no /proc
        return 0
    at = status.find(field)
    return int(status[at + len(field) :].split(None, 1)[0]) if at >= 0 else 0
