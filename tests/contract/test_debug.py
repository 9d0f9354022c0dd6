"""`mrak debug`: a debugger attaches to a function, whose time-out waits. The debuggers' protocols are spoken here."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from typing import Any

import pytest
from tests.conftest import free_port
from tests.contract.lambda_bench import create, make_zip

from mrak.lambdas.interpreters import nodes

SLOW = "import time\n\n\ndef handler(event, context):\n    time.sleep(1.2)\n    return 'late'\n"
SLOW_NODE = "exports.handler = async () => { await new Promise((r) => setTimeout(r, 1200)); return 'late'; };"


def debug(sandbox: Any, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mrak", "debug", *words]
    return subprocess.run(command, env=sandbox.environ, capture_output=True, text=True, timeout=60, check=False)


class Invoked(threading.Thread):
    """An invocation that waits for its debugger."""

    def __init__(self, client: Any, name: str) -> None:
        super().__init__(daemon=True)
        self._client, self._name = client, name
        self.answer: Any = None
        self.start()

    def run(self) -> None:
        self.answer = json.loads(self._client.invoke(FunctionName=self._name)["Payload"].read())

    def wait(self) -> Any:
        self.join(40)
        assert not self.is_alive(), "the invocation did not end"
        return self.answer


def connect(port: int) -> socket.socket:
    deadline = time.monotonic() + 30
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=30)
        except OSError:
            assert time.monotonic() < deadline, "nothing listens for a debugger"
            time.sleep(0.05)


class Adapter:
    """The Debug Adapter Protocol, as far as attaching goes."""

    def __init__(self, port: int) -> None:
        self._socket = connect(port)
        self._stream = self._socket.makefile("rb")
        self._number = 0

    def ask(self, command: str, **arguments: Any) -> None:
        self._number += 1
        body = json.dumps({"seq": self._number, "type": "request", "command": command, "arguments": arguments}).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def wait_for(self, kind: str, name: str) -> None:
        while True:
            size = 0
            while (line := self._stream.readline().strip()) != b"":
                size = int(line.rpartition(b":")[2])
            assert size, "the debugger hung up"
            message = json.loads(self._stream.read(size))
            if message["type"] == kind and message.get("event", message.get("command")) == name:
                return

    def close(self) -> None:
        self._stream.close()
        self._socket.close()


def test_a_python_function_under_debugpy(fresh_sandbox: Any) -> None:
    """The invocation waits for the debugger, and its time-out of a second does not run; without it, it does again."""
    pytest.importorskip("debugpy")
    client = fresh_sandbox.client("lambda", read_timeout=60)
    create(client, "slow", SLOW, Timeout=1)
    port = free_port()
    said = debug(fresh_sandbox, "slow", "--port", str(port))
    assert said.returncode == 0 and f"127.0.0.1:{port}" in said.stdout, said.stderr
    invoked = Invoked(client, "slow")
    adapter = Adapter(port)
    adapter.ask("initialize", adapterID="test")
    adapter.wait_for("response", "initialize")
    adapter.ask("attach", justMyCode=False)
    adapter.wait_for("event", "initialized")
    assert invoked.is_alive(), "it waits until the debugger has set its breakpoints"
    adapter.ask("configurationDone")
    assert invoked.wait() == "late"
    adapter.close()
    assert debug(fresh_sandbox, "slow", "--off").returncode == 0
    assert "Task timed out after 1.00 seconds" in Invoked(client, "slow").wait()["errorMessage"]


@pytest.mark.skipif(not nodes(), reason="Node.js is not installed")
def test_a_node_function_under_the_inspector(fresh_sandbox: Any) -> None:
    """The same with Node.js's own inspector."""
    from websockets.sync.client import connect as open_websocket

    client = fresh_sandbox.client("lambda", read_timeout=60)
    package = {"ZipFile": make_zip(app_js=SLOW_NODE)}
    create(client, "slow-node", Runtime="nodejs20.x", Code=package, Timeout=1)
    port = free_port()
    assert debug(fresh_sandbox, "slow-node", "--port", str(port)).returncode == 0
    invoked = Invoked(client, "slow-node")
    connect(port).close()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=30) as answer:
        url = json.load(answer)[0]["webSocketDebuggerUrl"]
    with open_websocket(url, close_timeout=1) as inspector:
        for number, method in enumerate(("Debugger.enable", "Runtime.runIfWaitingForDebugger", "Debugger.resume")):
            inspector.send(json.dumps({"id": number, "method": method}))
        assert invoked.wait() == "late"


def test_what_cannot_be_debugged(fresh_sandbox: Any) -> None:
    """Functions that are not there, runtimes without a debugger, and a port that another function has."""
    client = fresh_sandbox.client("lambda")
    said = debug(fresh_sandbox, "nobody")
    assert said.returncode == 1 and "Function not found" in said.stderr
    create(client, "custom", Runtime="provided.al2023")
    assert "There is no debugger for provided.al2023" in debug(fresh_sandbox, "custom").stderr
    for name in ("one", "two"):
        create(client, name, Runtime="nodejs20.x")
    port = str(free_port())
    assert debug(fresh_sandbox, "one", "--port", port).returncode == 0
    assert f"Port {port} is another function's" in debug(fresh_sandbox, "two", "--port", port).stderr
