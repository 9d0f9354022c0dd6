"""The server under test: one small application for every edge, run as `python app.py EDGE PORT`.

EDGE is one of EDGES. The paths:
    /empty   an empty handler           /count   how many bytes came, and their CRC
    /echo    the body back              /file    FileSlice of ?path,offset,length
    /stream  ?count chunks of ?size     /poll    waits until its client is gone
    /seen    what the handlers saw       /head    the request as it was understood
    /fail    a handler that raises      /slow    answers after ?seconds      /reject   403 without reading the body
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import zlib
from collections import Counter
from collections.abc import AsyncIterator

from mrak.core.http import ClientDisconnected, FileSlice, Request, Response
from mrak.core.websocket import WebSocketClosed, WebSocketSession

EMPTY = Response(200, [("content-type", "application/x-amz-json-1.0")], b"{}")
SEEN = Counter[str]()


async def handle(request: Request) -> Response:
    if request.path == "/empty":
        return EMPTY
    return await HANDLERS[request.path](request)


def parameters(request: Request) -> dict[str, str]:
    return dict(request.query_pairs)


async def read_body(request: Request) -> bytes:
    return request.body if request.body is not None else await request.stream.read()


async def echo(request: Request) -> Response:
    return Response(200, [("content-type", "application/octet-stream")], await read_body(request))


async def count(request: Request) -> Response:
    size = checksum = 0
    if request.body is not None:
        size, checksum = len(request.body), zlib.crc32(request.body)
    else:
        await asyncio.sleep(float(parameters(request).get("hold", 0)))
        try:
            async for chunk in request.stream:
                size += len(chunk)
                checksum = zlib.crc32(chunk, checksum)
        except ClientDisconnected:
            SEEN["broken uploads"] += 1
            raise
    SEEN["whole uploads"] += 1
    return Response(200, [], f"{size} {checksum}".encode())


async def send_file(request: Request) -> Response:
    given = parameters(request)
    return Response(200, [], FileSlice(given["path"], int(given["offset"]), int(given["length"])))


async def stream(request: Request) -> Response:
    given = parameters(request)
    return Response(200, [], chunks(int(given["count"]), int(given["size"])))


async def chunks(number: int, size: int) -> AsyncIterator[bytes]:
    for _ in range(number):
        yield b"x" * size


async def poll(request: Request) -> Response:
    SEEN["polls"] += 1
    await request.disconnected()
    SEEN["gone polls"] += 1
    return Response(200)


async def seen(request: Request) -> Response:
    return Response(200, [], json.dumps(SEEN).encode())


async def head(request: Request) -> Response:
    seen = {
        "method": request.method, "path": request.path, "query": request.query,
        "headers": request.headers, "peer": request.peer, "scheme": request.scheme,
    }  # fmt: skip
    return Response(200, [("content-type", "application/json")], json.dumps(seen).encode())


async def fail(request: Request) -> Response:
    raise RuntimeError("as asked")


async def slow(request: Request) -> Response:
    await asyncio.sleep(float(parameters(request)["seconds"]))
    return Response(200, [], b"late")


async def reject(request: Request) -> Response:
    return Response(403, [], b"no")


HANDLERS = {
    "/echo": echo, "/count": count, "/file": send_file, "/stream": stream, "/poll": poll, "/seen": seen,
    "/head": head, "/fail": fail, "/slow": slow, "/reject": reject,
}  # fmt: skip


async def websocket(session: WebSocketSession) -> None:
    await session.accept()
    try:
        while True:
            await session.send(await session.receive())
    except WebSocketClosed:
        return


async def serve_embedded(edge: str, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    ready = lambda: print("ready", flush=True)  # noqa: E731
    if edge == "rsgi":
        import rsgi

        await rsgi.serve(handle, "127.0.0.1", port, ready=ready, stop=stop, websocket=websocket)
        return
    from mrak.edge.listen import open_port
    from mrak.edge.server import serve

    await serve(handle, open_port("127.0.0.1", port), ready=ready, stop=stop, websocket=websocket)


def serve_process(port: int) -> None:
    from granian import Granian
    from granian.constants import Interfaces

    print("ready", flush=True)
    Granian("app:rsgi", port=port, workers=1, interface=Interfaces.RSGI, log_enabled=False, backlog=2048,
            backpressure=12_000).serve()  # fmt: skip


def serve_uvicorn(port: int) -> None:
    import uvicorn

    from mrak.edge.asgi import application

    print("ready", flush=True)
    uvicorn.run(application(handle, websocket), port=port, log_level="error", http="httptools", loop="uvloop",
                access_log=False, backlog=2048)  # fmt: skip


def __getattr__(name: str) -> object:
    if name == "rsgi":  # what granian's own processes import
        from rsgi import application

        return application(handle, websocket)
    raise AttributeError(name)


EDGES = ("http1", "rsgi", "rsgi-process", "asgi-uvicorn")


def main() -> None:
    edge, port = sys.argv[1], int(sys.argv[2])
    if edge == "rsgi-process":
        serve_process(port)
    elif edge == "asgi-uvicorn":
        serve_uvicorn(port)
    else:
        import uvloop

        uvloop.run(serve_embedded(edge, port))


if __name__ == "__main__":
    main()
