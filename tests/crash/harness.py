"""A loaded server that is killed with -9 again and again, and what has to be true after each start.

A workload acts through the public API from several threads and remembers what was acknowledged. Requests that were
under way when the server died may or may not have happened; what was acknowledged must have.
"""

from __future__ import annotations

import http.client
import json
import random
import signal
import threading
import time
from pathlib import Path
from typing import Any, Protocol

from tests.conftest import Server, free_port, start_server


class Unanswered(Exception):
    """The server died before it answered: nobody knows whether the request happened."""


class Client:
    """JSON-protocol requests on one connection, without the cost of an SDK. Keys are open: the default account."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)

    def call(self, service: str, target: str, params: dict[str, Any], region: str = "us-east-1") -> dict[str, Any]:
        body = json.dumps(params).encode()
        headers = {"x-amz-target": target, "content-type": "application/x-amz-json-1.0"}
        headers |= authorization(service, region)
        status, answer = self.request("POST", "/", body, headers)
        if status != 200:
            raise AssertionError(f"{target} answered {status}: {answer[:300]!r}")
        decoded: dict[str, Any] = json.loads(answer or b"{}")
        return decoded

    def request(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        try:
            self._connection.request(method, path, body, headers)
            response = self._connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unanswered(str(error)) from error


def authorization(service: str, region: str = "us-east-1") -> dict[str, str]:
    """A header that names the service; the key is unknown, so the open mode does not verify it."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = f"test/{stamp[:8]}/{region}/{service}/aws4_request"
    value = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={'0' * 64}"
    return {"authorization": value, "x-amz-date": stamp, "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}


class Workload(Protocol):
    def prepare(self, client: Client) -> None:
        """Once, before the first kill."""

    def step(self, client: Client, chance: random.Random) -> None:
        """One request or a few; remembers what was acknowledged. May raise Unanswered anywhere."""

    def check(self, client: Client) -> None:
        """After each start: everything acknowledged is there."""


def torture(data: Path, workloads: list[Workload], kills: int, seed: int) -> None:
    """Kills a loaded server `kills` times, each time at another moment, and checks after each start."""
    chance = random.Random(seed)
    print(f"seed {seed}")
    server = start_server(data, port=free_port())
    try:
        for workload in workloads:
            workload.prepare(Client(server.port))
        for _ in range(kills):
            _load_and_kill(server, workloads, chance)
            server = start_server(data, port=free_port())
            for workload in workloads:
                workload.check(Client(server.port))
    finally:
        if server.process.poll() is None:
            server.stop()


def _load_and_kill(server: Server, workloads: list[Workload], chance: random.Random) -> None:
    failures: list[BaseException] = []

    def work(workload: Workload, seed: int) -> None:
        client, own = Client(server.port), random.Random(seed)
        try:
            while True:
                workload.step(client, own)
        except Unanswered:
            return
        except BaseException as error:
            failures.append(error)

    threads = [
        threading.Thread(target=work, args=(workload, chance.randrange(2**32)))
        for workload in workloads
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    time.sleep(chance.uniform(0.02, 0.25))
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
