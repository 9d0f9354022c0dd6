"""A real server for black-box tests, and an in-process cloud for model tests.

`server` is one `mrak up` for the whole run, on a free port, ended with it. `sandbox` gives each test module an
environment of its own, `fresh_sandbox` each test; `sandbox.client("sqs")` is plain boto3. `cloud` is a whole cloud in
memory, entered through `invoke`.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import settings

T = TypeVar("T")

# How long an example takes says something about the machine, and fails nothing.
settings.register_profile("mrak", deadline=None)
settings.load_profile("mrak")

# Where an environment forbids bytecode, each server and each command that a test starts would compile the source anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A queue's policy that lets topics, rules and buckets send to it, which AWS asks for in the same account too.
TAKES_DELIVERIES = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": ["sns.amazonaws.com", "events.amazonaws.com", "s3.amazonaws.com"]},
                "Action": "sqs:SendMessage",
                "Resource": "*",
            }
        ],
    }
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(look: Callable[[], T], seconds: float = 30) -> T:
    """What `look` finds, as soon as it finds something: how tests wait for what happens later."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"it did not happen within {seconds:.0f} seconds"
        time.sleep(0.01)
    return found


def error_of(call: Callable[..., Any], **params: Any) -> tuple[str, str, int]:
    """(code, message, HTTP status) of the error that a call must get."""
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError) as caught:
        call(**params)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["Error"]["Message"], answer["ResponseMetadata"]["HTTPStatusCode"]


@dataclass
class Server:
    """A running `mrak up`."""

    command: list[str]
    environ: dict[str, str]
    port: int
    data: Path
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def log(self) -> Path:
        return self.data.parent / f"{self.data.name}.log"

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(self.command, stdout=output, stderr=output, env=self.environ)
        self.wait_ready()

    def kill_and_start(self) -> None:
        """As after a crash: kill -9, then the same command again."""
        self.process.kill()
        self.process.wait()
        self.start()

    @property
    def endpoint(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def admin_key(self) -> str:
        """What opens the pages that give out keys; a server in the open mode has no such file."""
        file = self.data / "admin-key"
        return file.read_text() if file.exists() else "1"

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(
            self.endpoint + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"x-mrak": self.admin_key},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)

    def sandbox(self, name: str | None = None) -> Sandbox:
        row = self.ask("POST", "/_mrak/environments", {"name": name or f"t{uuid.uuid4().hex[:12]}"})
        return Sandbox(self, row)

    def wait_ready(self) -> None:
        """Until it answers; fails with its log where it ends before that."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.log.read_text()}")
            try:
                self.ask("GET", "/_mrak/status")
                return
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.01)
        raise AssertionError(f"the server did not answer:\n{self.log.read_text()}")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=20)


@dataclass
class Sandbox:
    """An environment with its keys."""

    server: Server
    row: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.row["name"])

    @property
    def account(self) -> str:
        return str(self.row["account"])

    @property
    def environ(self) -> dict[str, str]:
        """For child processes: what `mrak use` exports."""
        return {
            **os.environ,
            "AWS_ENDPOINT_URL": self.server.endpoint,
            "AWS_ACCESS_KEY_ID": self.row["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": self.row["secret_access_key"],
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "MRAK_ENVIRONMENT": self.name,
        }

    def client(self, service: str, region: str = "us-east-1", **config: Any) -> Any:
        """A boto3 client that does not retry: a test sees the first answer."""
        import boto3
        from botocore.config import Config

        config.setdefault("retries", {"max_attempts": 0})
        return boto3.client(
            service,
            endpoint_url=self.server.endpoint,
            region_name=region,
            aws_access_key_id=self.row["access_key_id"],
            aws_secret_access_key=self.row["secret_access_key"],
            aws_session_token=self.row.get("session_token"),
            config=Config(**config),
        )

    def advance_clock(self, seconds: float) -> None:
        self.server.ask("POST", f"/_mrak/environments/{self.name}/clock", {"advance_seconds": seconds})

    def delete(self) -> None:
        self.server.ask("DELETE", f"/_mrak/environments/{self.name}")


def start_server(data: Path, *options: str, port: int | None = None, node_modules: Path | None = None) -> Server:
    """`mrak up` on a data folder, its Node.js functions with these modules as Lambda's own; the caller stops it."""
    port = port or free_port()
    data.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "mrak", "up", "--port", str(port), "--data", str(data), *options]
    modules = {} if node_modules is None else {"MRAK_NODE_MODULES": str(node_modules)}
    # `make test` gives its own processes one seed, so that they agree on the tests; servers go without.
    environ = {**os.environ, **modules, "PYTHONHASHSEED": "random"}
    server = Server(command, environ, port, data)
    server.start()
    return server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = start_server(tmp_path_factory.mktemp("mrak") / "data", "--durability", "process")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def sandbox(server: Server) -> Iterator[Sandbox]:
    made = server.sandbox()
    yield made
    made.delete()


@pytest.fixture
def fresh_sandbox(server: Server) -> Iterator[Sandbox]:
    made = server.sandbox()
    yield made
    made.delete()


@dataclass
class Cloud:
    """A whole cloud in this process, for tests that enter through `invoke`."""

    app: Any
    loop: asyncio.AbstractEventLoop
    clock: Any

    def call(self, service: str, operation: str, *, region: str = "us-east-1", **params: Any) -> dict[str, Any]:
        """One operation as the default account; raises ApiError."""
        return self.loop.run_until_complete(self.call_async(service, operation, region=region, **params))

    async def call_async(
        self, service: str, operation: str, *, region: str = "us-east-1", **params: Any
    ) -> dict[str, Any]:
        from mrak.auth.principals import root_of
        from mrak.core.scope import DEFAULT_ACCOUNT, DEFAULT_ENVIRONMENT, Scope

        environment = await self.app.environments.require(DEFAULT_ENVIRONMENT)
        scope = Scope(DEFAULT_ENVIRONMENT, DEFAULT_ACCOUNT, region)
        ctx = self.app.engine.context(environment, scope, root_of(DEFAULT_ACCOUNT))
        answer: dict[str, Any] = await self.app.engine.call(ctx, service, operation, params)
        return answer

    def until(self, holds: Callable[[], bool]) -> None:
        """Lets the loop run until the condition holds; a test that hangs is ended by its time-out."""
        while not holds():
            self.loop.run_until_complete(asyncio.sleep(0.001))

    def advance_clock(self, seconds: float) -> None:
        from mrak.core.scope import DEFAULT_ENVIRONMENT

        self.loop.run_until_complete(self.app.environments.advance_clock(DEFAULT_ENVIRONMENT, seconds))

    def close(self) -> None:
        self.loop.run_until_complete(self.app.close())
        self.loop.close()


def new_cloud(**settings: Any) -> Cloud:
    """A cloud on a manual clock and seeded ids; memory unless `memory=False, data=...` is given."""
    from mrak.app import App
    from mrak.config import Settings
    from mrak.core.clock import ManualClock

    settings = {"memory": True, "seed": 1} | settings
    clock = ManualClock()
    loop = asyncio.new_event_loop()
    app = App(Settings(**settings), clock)
    loop.run_until_complete(app.start())
    return Cloud(app, loop, clock)


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    made = new_cloud()
    yield made
    made.close()
