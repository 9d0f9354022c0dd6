"""The load generator: one process, raw keep-alive connections, requests made and signed beforehand.

Used as `python load.py` with a pickled Job on stdin; writes a pickled Outcome to stdout. It is a process of its own so
that its interpreter lock is not the bench's, and does as little as it can for each response, since it shares two cores
with the server: a response of the length of the one before with the expected status is taken as it is.
"""

from __future__ import annotations

import asyncio
import pickle
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Job:
    """`requests` are sent in turn over all connections: for `seconds`, or each once if `once`."""

    host: str
    port: int
    requests: list[bytes]
    connections: int = 16
    seconds: float = 3.0
    warmup_seconds: float = 0.3
    once: bool = False
    status: int = 200
    keep_bodies: bool = False


@dataclass
class Outcome:
    """`latencies` in seconds, in the order in which responses came; `answered` counts those of the warm-up too."""

    seconds: float = 0.0
    answered: int = 0
    latencies: list[float] = field(default_factory=list)
    failed: int = 0
    failure: str = ""
    bodies: list[bytes] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    def percentile_ms(self, percent: float) -> float:
        if not self.latencies:
            return 0.0
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1000


class Caller(asyncio.Protocol):
    """One connection: sends a request, takes the response, sends the next."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.prefix = b"HTTP/1.1 %d " % run.job.status
        self.usual = -1
        self.buffer = b""
        self.missing = 0
        self.sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.send()

    def send(self) -> None:
        request = next(self.run.requests, None)
        if request is None or self.run.ended:
            self.finish()
            return
        self.sent_at = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self.missing:
            self.missing -= len(data)
            if self.run.job.keep_bodies:
                self.buffer += data
            if self.missing > 0:
                return
            data, self.buffer = self.buffer, b""
        elif self.buffer or len(data) != self.usual or not data.startswith(self.prefix):
            data = self.buffer + data
            if not self.is_whole(data):
                self.buffer = data if self.missing == 0 or self.run.job.keep_bodies else b""
                return
            self.buffer = b""
        self.run.latencies.append(time.perf_counter() - self.sent_at)
        if self.run.job.keep_bodies:
            self.run.bodies.append(data.partition(b"\r\n\r\n")[2])
        self.send()

    def is_whole(self, data: bytes) -> bool:
        head, separator, body = data.partition(b"\r\n\r\n")
        if not separator:
            return False
        lowered = head.lower()
        length = lowered.partition(b"content-length:")[2].partition(b"\r\n")[0]
        if length:
            whole = len(body) >= int(length)
            if not whole and head.startswith(self.prefix):
                self.missing = int(length) - len(body)  # a long body is counted, not kept
        else:
            whole = data.endswith(b"0\r\n\r\n") if b"chunked" in lowered else True
        if whole and not head.startswith(self.prefix):
            self.run.fail(data)
        elif whole:
            self.usual = len(data)
        return whole

    def finish(self) -> None:
        self.run.open -= 1
        self.transport.close()
        if self.run.open == 0:
            self.run.done.set()

    def connection_lost(self, error: Exception | None) -> None:
        if self.sent_at and not self.transport.is_closing():
            self.run.fail(f"connection lost: {error}".encode())
            self.finish()


class Run:
    """The state of one job."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.requests = iter(job.requests) if job.once else _cycle(job.requests)
        self.latencies: list[float] = []
        self.bodies: list[bytes] = []
        self.failed = 0
        self.failure = ""
        self.warmed = 0
        self.ended = False
        self.open = job.connections
        self.done = asyncio.Event()

    def fail(self, data: bytes) -> None:
        self.failed += 1
        self.failure = self.failure or data[:600].decode("latin-1")
        if self.failed > 100:
            self.ended = True

    def start_measuring(self) -> float:
        self.warmed = len(self.latencies)
        self.latencies.clear()
        return time.perf_counter()

    def outcome(self, began: float) -> Outcome:
        seconds = time.perf_counter() - began
        count = self.warmed + len(self.latencies)
        return Outcome(seconds, count, self.latencies[:], self.failed, self.failure, self.bodies)

    async def measure(self) -> Outcome:
        loop = asyncio.get_running_loop()
        began = time.perf_counter()
        for _ in range(self.job.connections):
            await loop.create_connection(lambda: Caller(self), self.job.host, self.job.port)
        if not self.job.once:
            await asyncio.sleep(self.job.warmup_seconds)
            began = self.start_measuring()
            await asyncio.wait({asyncio.create_task(self.done.wait())}, timeout=self.job.seconds)
            outcome = self.outcome(began)
            self.ended = True
            await asyncio.wait({asyncio.create_task(self.done.wait())}, timeout=30)
            return outcome
        await self.done.wait()
        return self.outcome(began)


def _cycle(requests: list[bytes]) -> Iterator[bytes]:
    while True:
        yield from requests


def main() -> None:
    import uvloop

    job: Job = pickle.load(sys.stdin.buffer)

    async def run() -> Outcome:
        return await Run(job).measure()

    outcome = uvloop.run(run())
    # Under the name by which the bench knows the class.
    Outcome.__module__ = "load"
    sys.modules["load"] = sys.modules["__main__"]
    pickle.dump(outcome, sys.stdout.buffer)


if __name__ == "__main__":
    main()
