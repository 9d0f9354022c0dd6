"""A raw HTTP/1.1 client: it can do what well-behaved libraries cannot, such as stopping in the middle."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    """One connection. `limit` is how much of a response may wait in our memory."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def __aenter__(self) -> Client:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 18)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.transport.abort()

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def head(self) -> tuple[int, dict[str, str]]:
        raw = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = raw[:-4].split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return int(first.split()[1]), headers

    async def answer(self) -> Answer:
        status, headers = await self.head()
        while status == 100:
            status, headers = await self.head()
        return Answer(status, headers, await self.body(headers))

    async def body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return await self.reader.readexactly(int(headers.get("content-length", 0)))
        parts = []
        while True:
            size = int(await self.reader.readuntil(b"\r\n"), 16)
            parts.append((await self.reader.readexactly(size + 2))[:-2])
            if size == 0:
                return b"".join(parts)

    async def ask(self, method: str, target: str, body: bytes = b"", **headers: str) -> Answer:
        self.send(request(method, target, body, **headers))
        await self.writer.drain()
        return await self.answer()


def request(method: str, target: str, body: bytes = b"", **headers: str) -> bytes:
    lines = {"host": "localhost"} | {name.replace("_", "-"): value for name, value in headers.items()}
    if body or method in ("POST", "PUT"):
        lines.setdefault("content-length", str(len(body)))
    text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {target} HTTP/1.1\r\n{text}\r\n".encode("latin-1") + body


async def once(port: int, method: str, target: str, body: bytes = b"", **headers: str) -> Answer:
    async with Client(port) as client:
        return await client.ask(method, target, body, **headers)
