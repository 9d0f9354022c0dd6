"""What a server has to hold. Each check takes the server under test, raises `Failed`, or returns what it measured."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import signal
import sys
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

BENCH = Path(__file__).parents[1] / "bench"
sys.path.insert(0, str(BENCH))

from client import Client, once, request  # noqa: E402
from load import Job, Outcome  # noqa: E402

MIB = 1 << 20
# What may be held for one slow client or one unread body before we call it unbounded.
FLAT_MIB = 24
T = TypeVar("T")


class Failed(Exception):
    """What the server did not hold."""


@dataclass
class Server:
    """A running server: where it is, and what its processes hold."""

    port: int
    process: asyncio.subprocess.Process
    large_file: Path
    large_bytes: int
    connections: int

    def pids(self) -> list[int]:
        found = [self.process.pid]
        for pid in found:
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                found += [int(child) for child in task.read_text().split()]
        return found

    def rss_mib(self) -> float:
        return sum(_status_kib(pid, "VmRSS") for pid in self.pids()) / 1024

    def cpu_seconds(self) -> float:
        fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in self.pids()]
        return sum(int(field[11]) + int(field[12]) for field in fields) / os.sysconf("SC_CLK_TCK")

    def files(self) -> int:
        return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in self.pids())

    async def seen(self) -> dict[str, int]:
        return json.loads((await once(self.port, "GET", "/seen")).body)


def _status_kib(pid: int, field: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    return 0


def require(condition: bool, text: str) -> None:
    if not condition:
        raise Failed(text)


async def eventually(text: str, probe: Callable[[], Awaitable[bool]], seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not await probe():
        require(time.monotonic() < end, text)
        await asyncio.sleep(0.05)


async def peak_rss(server: Server, work: Awaitable[T]) -> tuple[T, float]:
    """The result of `work`, and by how many MiB the server grew at most meanwhile."""
    before = peak = server.rss_mib()
    task = asyncio.ensure_future(work)
    while not task.done():
        peak = max(peak, server.rss_mib())
        await asyncio.wait({task}, timeout=0.02)
    return task.result(), peak - before


async def empty_handler(server: Server) -> str:
    """Throughput, and the processor time of all the server's threads for each request, of the size SDKs send."""
    headers = {f"x_amz_{number}": "v" * 60 for number in range(10)}
    job = Job("127.0.0.1", server.port, [request("POST", "/empty", b"x" * 200, **headers)], seconds=4)
    before = server.cpu_seconds()
    command = await asyncio.create_subprocess_exec(
        sys.executable, BENCH / "load.py", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await command.communicate(pickle.dumps(job))
    outcome: Outcome = pickle.loads(output)
    require(not outcome.failed, outcome.failure)
    each = (server.cpu_seconds() - before) / outcome.answered * 1e6
    return (
        f"{outcome.rate:,.0f}/s, {each:.0f} µs each, p50 {outcome.percentile_ms(50):.2f} ms, "
        f"p99 {outcome.percentile_ms(99):.2f} ms, then {server.rss_mib():.1f} MiB"
    )


async def keep_alive(server: Server) -> str:
    async with Client(server.port) as client:
        for number in range(2000):
            answer = await client.ask("POST", "/echo", b"%d" % number)
            require(answer.body == b"%d" % number, "answers got mixed up")
    return "2,000 requests on one connection"


async def pipelining(server: Server) -> str:
    async with Client(server.port) as client:
        client.send(b"".join(request("POST", "/echo", b"%d" % number) for number in range(500)))
        for number in range(500):
            require((await client.answer()).body == b"%d" % number, "answers out of order")
    return "500 requests in one write, answered in order"


async def exact_request(server: Server) -> str:
    """SigV4 and S3 keys need the request line and headers as they were sent."""
    target = "/%68ead"  # "/head" when decoded
    plain = await once(server.port, "GET", "/head?a=%2F&b", x_meta="caf\u00e9".encode().decode("latin-1"), x="1")
    headers = json.loads(plain.body)["headers"]
    require(headers.get("x-meta") == "café", "a header with UTF-8 was dropped")
    answer = await once(server.port, "GET", target)
    # A server that keeps the path as it came finds no such handler here.
    require(answer.status == 500, "the path arrives decoded: %2F and / are the same")
    return "path and UTF-8 headers as sent"


async def continue_100(server: Server) -> str:
    for size in (1024, 4 * MIB):
        async with Client(server.port) as client:
            body = b"z" * size
            client.send(request("PUT", "/count", content_length=str(size), expect="100-continue"))
            status, _ = await asyncio.wait_for(client.head(), 3)
            require(status == 100, f"{status} instead of 100")
            client.send(body)
            require((await client.answer()).body == f"{size} {zlib.crc32(body)}".encode(), "the body is wrong")
    return "1 KiB and 4 MiB"


async def early_refusal(server: Server) -> str:
    """A handler that refuses without reading: the client must be able to read the refusal."""
    async with Client(server.port) as client:
        client.send(request("PUT", "/reject", content_length=str(64 * MIB)))
        chunk = b"z" * MIB
        try:
            for _ in range(64):
                client.send(chunk)
                await asyncio.wait_for(client.writer.drain(), 10)
        except OSError:
            pass  # the refusal may come first, but it has to be readable
        answer = await asyncio.wait_for(client.answer(), 10)
        require(answer.status == 403, f"{answer.status} instead of 403")
    return "403 readable after 64 MiB unread"


async def chunked(server: Server) -> str:
    body = bytes(range(256)) * 9000
    async with Client(server.port) as client:
        for size in (1, 7, 1000, 70_000):
            part = body[: size * 300]
            client.send(b"POST /count HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
            for start in range(0, len(part), size):
                piece = part[start : start + size]
                client.send(b"%x\r\n%b\r\n" % (len(piece), piece))
            client.send(b"0\r\nx-trailer: 1\r\n\r\n")
            await client.writer.drain()
            require((await client.answer()).body == f"{len(part)} {zlib.crc32(part)}".encode(), "the body is wrong")
    return "chunks of 1 to 70,000 bytes, with trailers"


async def broken_upload(server: Server) -> str:
    """A body that breaks off must never look whole."""
    whole = (await server.seen()).get("whole uploads", 0)
    for head in (b"content-length: 5000000", b"transfer-encoding: chunked"):
        async with Client(server.port) as client:
            framed = b"10000\r\n" + b"z" * 65536 + b"\r\n" if b"chunked" in head else b"z" * 65536
            client.send(b"POST /count HTTP/1.1\r\nhost: x\r\n" + head + b"\r\n\r\n" + framed)
            await client.writer.drain()
            await asyncio.sleep(0.1)

    async def both_noticed() -> bool:
        return (await server.seen()).get("broken uploads", 0) >= 2

    await asyncio.sleep(0.3)
    seen = await server.seen()
    require(seen.get("whole uploads", 0) == whole, "a broken-off upload was taken for a whole one")
    await eventually("a broken-off upload went unnoticed", both_noticed)
    return "with a length and chunked"


async def large_upload(server: Server) -> str:
    block = b"u" * MIB

    async def upload() -> float:
        began = time.perf_counter()
        async with Client(server.port) as client:
            client.send(request("PUT", "/count", content_length=str(server.large_bytes)))
            for _ in range(server.large_bytes // MIB):
                client.send(block)
                await client.writer.drain()
            answer = await client.answer()
        require(answer.body.startswith(b"%d " % server.large_bytes), f"{answer.status}: {answer.body[:80]!r}")
        return time.perf_counter() - began

    seconds, grown = await peak_rss(server, upload())
    require(grown < FLAT_MIB, f"grew by {grown:.0f} MiB")
    return f"{server.large_bytes / MIB / seconds:.0f} MiB/s, +{grown:.0f} MiB"


async def unread_upload(server: Server) -> str:
    """Back-pressure: a handler that does not read yet must stop the client, not fill the memory."""
    size = 128 * MIB

    async def upload() -> None:
        async with Client(server.port) as client:
            client.send(request("PUT", "/count?hold=1.5", content_length=str(size)))
            for _ in range(size // MIB):
                client.send(b"u" * MIB)
                await client.writer.drain()
            require((await client.answer()).body.startswith(b"%d " % size), "the body is wrong")

    _, grown = await peak_rss(server, upload())
    require(grown < FLAT_MIB, f"grew by {grown:.0f} MiB")
    return f"+{grown:.0f} MiB for 128 MiB"


async def large_download(server: Server) -> str:
    target = f"/file?path={server.large_file}&offset=0&length={server.large_bytes}"

    async def download() -> float:
        began = time.perf_counter()
        async with Client(server.port) as client:
            client.send(request("GET", target))
            _, headers = await client.head()
            require(headers.get("content-length") == str(server.large_bytes), "no or a wrong Content-Length")
            left = server.large_bytes
            while left:
                part = await client.reader.read(MIB)
                require(bool(part), f"the download broke off with {left} bytes to go")
                left -= len(part)
        return time.perf_counter() - began

    seconds, grown = await peak_rss(server, download())
    require(grown < FLAT_MIB, f"grew by {grown:.0f} MiB")
    return f"{server.large_bytes / MIB / seconds:.0f} MiB/s, +{grown:.0f} MiB"


async def _stall(server: Server, target: str, seconds: float) -> None:
    async with Client(server.port) as client:
        client.send(request("GET", target))
        await client.head()
        await asyncio.sleep(seconds)


async def slow_reader_of_file(server: Server) -> str:
    target = f"/file?path={server.large_file}&offset=0&length={server.large_bytes}"
    _, grown = await peak_rss(server, asyncio.gather(*[_stall(server, target, 1.5) for _ in range(8)]))
    require(grown < FLAT_MIB, f"grew by {grown:.0f} MiB")
    return f"8 clients that stopped reading: +{grown:.0f} MiB"


async def slow_reader_of_stream(server: Server) -> str:
    _, grown = await peak_rss(server, _stall(server, f"/stream?count={256}&size={MIB}", 1.5))
    require(grown < FLAT_MIB, f"grew by {grown:.0f} MiB: no back-pressure")
    return f"+{grown:.0f} MiB for 256 MiB"


async def disconnects(server: Server) -> str:
    """Clients that leave in the middle of a download or a poll leave nothing behind."""
    await asyncio.sleep(0.3)
    before, polls = server.files(), await server.seen()
    target = f"/file?path={server.large_file}&offset=0&length={server.large_bytes}"
    await asyncio.gather(*[_stall(server, target, 0.05) for _ in range(100)])
    await asyncio.gather(*[_stall(server, f"/stream?count=100000&size={1000}", 0.05) for _ in range(20)])
    await asyncio.gather(*[_poll(server) for _ in range(50)])

    async def noticed() -> bool:
        return (await server.seen()).get("gone polls", 0) - polls.get("gone polls", 0) == 50

    async def released() -> bool:
        return server.files() <= before + 3

    await eventually("polls did not learn that their client left", noticed)
    await eventually(f"{server.files() - before} files are still open", released, 10)
    return "100 downloads, 20 streams, 50 polls"


async def _poll(server: Server) -> None:
    async with Client(server.port) as client:
        client.send(request("GET", "/poll"))
        await client.writer.drain()
        await asyncio.sleep(0.1)


async def slow_clients(server: Server) -> str:
    """500 heads that trickle in must not keep others waiting."""
    held = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(500)]
    slowest = 0.0
    async with Client(server.port) as client:
        for part in (b"GET / HTTP/1.1\r\n", b"host: x\r\n", *[b"x-a: b\r\n"] * 20):
            for _, writer in held:
                writer.write(part)
            began = time.perf_counter()
            await client.ask("POST", "/empty", b"x")
            slowest = max(slowest, time.perf_counter() - began)
    for _, writer in held:
        writer.transport.abort()
    require(slowest < 0.5, f"others waited {slowest:.2f} s")
    return f"500 trickling heads; others waited {slowest * 1000:.0f} ms at most"


async def head_timeout(server: Server) -> str:
    """A head that never ends is given up."""
    began = time.monotonic()
    async with Client(server.port) as client:
        client.send(b"GET /count HTTP/1.1\r\nhost: x\r\n")
        try:
            await asyncio.wait_for(client.reader.read(), 45)
        except TimeoutError:
            raise Failed("still open after 45 s") from None
    return f"closed after {time.monotonic() - began:.0f} s"


async def malformed(server: Server) -> str:
    bad = [
        b"GET /count HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\nabc",
        b"GET /count HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
        b"GET /count HTTP/1.1\r\nhost : x\r\n\r\n",
        b"GET /count HTTP/1.1\r\nhost: x\r\n folded\r\n\r\n",
        b"POST /count HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20,
        b"GET /" + b"a" * 1_000_000,
        b"GET /count HTTP/1.1\r\nhost: x\r\n" + b"x-a: b\r\n" * 100_000,
    ]
    for data in bad:
        async with Client(server.port) as client:
            client.send(data)
            try:
                got = await asyncio.wait_for(client.reader.read(12), 3)
            except (ConnectionResetError, TimeoutError) as error:
                got = b"" if isinstance(error, ConnectionResetError) else b"nothing"
            require(got == b"" or got.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4")), f"{data[:60]!r} got {got!r}")
    return f"{len(bad)} forms refused"


async def websockets(server: Server) -> str:
    from websockets.asyncio.client import connect

    url = f"ws://127.0.0.1:{server.port}/ws"
    async with connect(url, max_size=None) as socket:
        for number in range(2000):
            await socket.send(f"message {number}")
            require(await socket.recv() == f"message {number}", "echo differs")
        # API Gateway's limits: messages of 128 KiB, in frames of 32.
        pieces = [bytes([number]) * (24 * 1024) for number in range(5)]
        await socket.send(pieces)
        require(await socket.recv() == b"".join(pieces), "a message in pieces differs")
        await (await socket.ping())
    sockets = await asyncio.gather(*[connect(url) for _ in range(200)])
    await asyncio.gather(*[socket.send("x") for socket in sockets])
    await asyncio.gather(*[socket.recv() for socket in sockets])
    await asyncio.gather(*[socket.close() for socket in sockets])
    return "2,000 echoes, 120 KiB in pieces, ping, 200 sessions"


async def many_connections(server: Server) -> str:
    before = server.rss_mib()
    opened: list[Client] = []
    try:
        async for client in _open_many(server):
            opened.append(client)
        grown = server.rss_mib() - before
        for start in range(0, len(opened), 500):
            batch = [client.ask("POST", "/echo", b"hello") for client in opened[start : start + 500]]
            require(all(answer.body == b"hello" for answer in await asyncio.gather(*batch)), "an answer is wrong")
        used = server.rss_mib() - before
    finally:
        for client in opened:
            client.writer.transport.abort()
    each = used * 1024 / len(opened)
    return f"{len(opened):,}: +{grown:.0f} MiB open, +{used:.0f} MiB used, {each:.1f} KiB each"


async def _open_many(server: Server) -> AsyncIterator[Client]:
    for _ in range(server.connections // 100):
        batch = [Client(server.port) for _ in range(100)]
        for client in await asyncio.gather(*[client.__aenter__() for client in batch]):
            yield client


async def termination(server: Server) -> str:
    """SIGTERM under load: what runs is answered, and the process ends. Always the last check."""
    slow = [asyncio.create_task(once(server.port, "GET", "/slow?seconds=1")) for _ in range(20)]
    load = [asyncio.create_task(_hammer(server)) for _ in range(8)]
    await asyncio.sleep(0.5)
    began = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    answers = await asyncio.gather(*slow, return_exceptions=True)
    try:
        code = await asyncio.wait_for(server.process.wait(), 15)
    except TimeoutError:
        raise Failed("still running 15 s after SIGTERM") from None
    finally:
        for task in load:
            task.cancel()
    lost = sum(not hasattr(answer, "status") for answer in answers)
    require(lost == 0, f"{lost} of 20 requests that ran got no answer")
    require(code in (0, -signal.SIGTERM), f"exit code {code}")
    return f"20 running requests answered, ended after {time.monotonic() - began:.1f} s"


async def _hammer(server: Server) -> None:
    try:
        async with Client(server.port) as client:
            while True:
                await client.ask("POST", "/empty", b"x")
    except (OSError, asyncio.IncompleteReadError):
        return


CHECKS = (
    empty_handler, many_connections, keep_alive, pipelining, exact_request,
    continue_100, early_refusal, chunked, broken_upload,
    large_upload, unread_upload, large_download, slow_reader_of_file, slow_reader_of_stream, disconnects, slow_clients,
    malformed, websockets, head_timeout, termination,
)  # fmt: skip
