"""The parent of all function instances of one Python version: a small process that forks them.

It is started lazily, imports what every Python function needs, and then forks for each instance: a Python function
runs in the fork (no interpreter start, no imports), everything else is executed from it. It serves one unix socket,
the other end of which the server holds; when that closes, or the server dies, it and all instances die.

Frames on the socket: 4 bytes length, then JSON. In: {"start": {...}} with the log pipe and the runtime socket as
passed descriptors, {"kill": id}, {"preload": [modules]}. Out: {"hello": {...}}, {"started": id, "pid": pid},
{"exited": id, "status": wait status, "max_rss_kb": n}.

This file runs under any Python from 3.8 on, stand-alone.
"""

from __future__ import annotations

import array
import fcntl
import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "python"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import isolation
import python_runtime

_LENGTH = struct.Struct(">I")
_DESCRIPTORS_PER_START = 2


class Spawner:
    def __init__(self, server: socket.socket, sdk_path: str, wanted_isolation: str) -> None:
        self.server = server
        self.sdk_path = sdk_path
        self.buffer = b""
        self.descriptors: list[int] = []
        self.running: dict[int, dict] = {}
        self.wakeup_read, self.wakeup_write = os.pipe()
        for descriptor in (self.wakeup_read, self.wakeup_write):
            os.set_blocking(descriptor, False)
        self.isolation = isolation.prepare(wanted_isolation)

    def serve(self) -> None:
        signal.set_wakeup_fd(self.wakeup_write)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which then ends us
        self.send({"hello": {"isolation": self.isolation, "python": sys.version.split()[0]}})
        gc.collect()
        gc.freeze()
        poller = select.poll()
        poller.register(self.server, select.POLLIN)
        poller.register(self.wakeup_read, select.POLLIN)
        while True:
            for descriptor, _ in poller.poll():
                if descriptor == self.wakeup_read:
                    os.read(self.wakeup_read, 4096)
                    self.reap()
                else:
                    self.receive()

    def send(self, message: dict) -> None:
        body = json.dumps(message).encode()
        try:
            self.server.sendall(_LENGTH.pack(len(body)) + body)
        except OSError:
            self.end()  # the server is gone

    def receive(self) -> None:
        space = socket.CMSG_SPACE(_DESCRIPTORS_PER_START * 16 * array.array("i").itemsize)
        try:
            data, ancillary, _, _ = self.server.recvmsg(1 << 16, space)
        except OSError:
            self.end()  # the server is gone
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                received = array.array("i")
                received.frombytes(payload[: len(payload) - len(payload) % received.itemsize])
                self.descriptors.extend(received)
        if not data:
            self.end()
        self.buffer += data
        while len(self.buffer) >= 4:
            (size,) = _LENGTH.unpack_from(self.buffer)
            if len(self.buffer) < 4 + size:
                return
            message = json.loads(self.buffer[4 : 4 + size])
            self.buffer = self.buffer[4 + size :]
            self.obey(message)

    def obey(self, message: dict) -> None:
        if "start" in message:
            self.start(message["start"])
        elif "kill" in message:
            self.kill(message["kill"])
        elif "preload" in message:
            self.preload(message["preload"])

    def end(self) -> None:
        for pid in self.running:
            isolation.kill_all(pid, self.running[pid])
        os._exit(0)

    def start(self, order: dict) -> None:
        descriptors, self.descriptors = (
            self.descriptors[:_DESCRIPTORS_PER_START],
            self.descriptors[_DESCRIPTORS_PER_START:],
        )
        isolation.before_fork(order)
        pid = os.fork()
        if pid == 0:
            self.become_instance(order, descriptors)
        isolation.after_fork(order)
        for descriptor in descriptors:
            os.close(descriptor)
        self.running[pid] = order
        self.send({"started": order["id"], "pid": pid})

    def become_instance(self, order: dict, descriptors: list[int]) -> None:
        """In the forked child: never returns."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            log, runtime = _take_descriptors(descriptors)
            isolation.enter(order)
            os.environ.clear()
            os.environ.update(order["env"])
            if order["argv"]:
                argv = [part.replace("{runtime_fd}", str(runtime)) for part in order["argv"]]
                os.set_inheritable(runtime, "{runtime_fd}" in "".join(order["argv"]))
                os.execve(argv[0], argv, dict(os.environ))
            status = python_runtime.run(runtime, log, order.get("sdk_path", ""))
        except SystemExit as end:
            status = python_runtime.exit_status(end)
        except BaseException as error:
            os.write(2, (f"{type(error).__name__}: {error}\n").encode("utf-8", "replace"))
        finally:
            python_runtime.flush()
            os._exit(status)

    def kill(self, number: int) -> None:
        for pid, order in self.running.items():
            if order["id"] == number:
                isolation.kill_all(pid, order)

    def reap(self) -> None:
        while self.running:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            order = self.running.pop(pid, None)
            if order is None:
                continue
            isolation.clean_up(pid, order)
            self.send({"exited": order["id"], "status": status, "max_rss_kb": usage.ru_maxrss})

    def preload(self, modules: list[str]) -> None:
        """Imports the AWS SDK here, so that further functions that use it find it imported."""
        python_runtime.add_sdk(self.sdk_path)
        for module in modules:
            try:
                importlib.import_module(module)
            except Exception as error:  # the SDK may not support this Python version, in whatever way that shows
                sys.stderr.write(f"{module} cannot be loaded by Python {sys.version.split()[0]}: {error!r}\n")
                python_runtime.forget_sdk()
        gc.collect()
        gc.freeze()


def _take_descriptors(descriptors: list[int]) -> tuple[int, int]:
    """Puts the log on standard output and error; closes everything else but the runtime socket."""
    log, runtime = descriptors
    null = os.open(os.devnull, os.O_RDONLY)
    spare = fcntl.fcntl(runtime, fcntl.F_DUPFD_CLOEXEC, 10)  # beyond the numbers that are filled next
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.dup2(spare, 3, inheritable=False)
    limit = min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 1 << 16)
    os.closerange(4, limit)
    return 1, 3


def main() -> None:
    server = socket.socket(fileno=int(sys.argv[1]))
    Spawner(server, sys.argv[2], sys.argv[3]).serve()


if __name__ == "__main__":
    main()
