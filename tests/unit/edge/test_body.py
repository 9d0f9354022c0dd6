"""A body on its way: never whole when it broke off, never more than a window in memory."""

from __future__ import annotations

import asyncio

import pytest

from mrak.core.http import ClientDisconnected
from mrak.edge.body import WINDOW_BYTES, ArrivingBody


class Socket:
    """Counts what the body asks of its connection."""

    def __init__(self) -> None:
        self.paused = False
        self.continued = 0

    def pause_body(self) -> None:
        self.paused = True

    def resume_body(self) -> None:
        self.paused = False

    def send_continue(self) -> None:
        self.continued += 1


async def start(wants_continue: bool = False) -> tuple[ArrivingBody, Socket]:
    socket = Socket()
    return ArrivingBody(asyncio.get_running_loop(), socket, wants_continue=wants_continue), socket


def test_chunks_come_in_order_and_end() -> None:
    """Also those that arrive while the reader waits."""

    async def run() -> bytes:
        body, _ = await start()
        body.feed(b"a")
        reading = asyncio.create_task(body.read())
        await asyncio.sleep(0)
        body.feed(b"b")
        body.end()
        return await reading

    assert asyncio.run(run()) == b"ab"


def test_a_body_that_breaks_off_is_an_error() -> None:
    """A truncated upload that looks whole would be stored as an object."""

    async def run() -> None:
        body, _ = await start()
        body.feed(b"a")
        reading = asyncio.create_task(body.read())
        await asyncio.sleep(0)
        body.break_off()
        await reading

    with pytest.raises(ClientDisconnected):
        asyncio.run(run())


def test_the_end_is_final() -> None:
    """A client may leave right after its last byte: the upload is whole all the same."""

    async def run() -> bytes:
        body, _ = await start()
        body.feed(b"a")
        body.end()
        body.break_off()
        return await body.read()

    assert asyncio.run(run()) == b"a"


def test_a_full_window_stops_the_socket_until_it_is_read() -> None:
    """Back-pressure is what keeps a large upload small in memory."""

    async def run() -> list[bool]:
        body, socket = await start()
        body.feed(b"x" * (WINDOW_BYTES + 1))
        seen = [socket.paused]
        await body.__anext__()
        seen.append(socket.paused)
        return seen

    assert asyncio.run(run()) == [True, False]


def test_the_client_is_asked_for_its_body_when_it_is_read() -> None:
    """A handler that refuses without reading saves the client the upload."""

    async def run() -> list[int]:
        body, socket = await start(wants_continue=True)
        seen = [socket.continued]
        reading = asyncio.create_task(body.read())
        await asyncio.sleep(0)
        seen.append(socket.continued)
        body.end()
        await reading
        return seen

    assert asyncio.run(run()) == [0, 1]


def test_an_abandoned_body_holds_nothing() -> None:
    """What comes after the response is thrown away, and must not stop the socket."""

    async def run() -> bool:
        body, socket = await start()
        body.feed(b"x" * (WINDOW_BYTES + 1))
        body.abandon()
        body.feed(b"x" * (WINDOW_BYTES + 1))
        return socket.paused

    assert asyncio.run(run()) is False
