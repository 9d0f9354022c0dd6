"""An empty handler under mrak's own HTTP server: what every line of the bench is compared with.

PUT /discard reads a body and forgets it, GET /file?path=...&length=... sends a file: what large transfers are compared
with.
"""

import asyncio
import signal
import sys

import uvloop

from mrak.core.http import FileSlice, Request, Response
from mrak.edge.listen import open_port
from mrak.edge.server import serve

ANSWER = Response(200, [("content-type", "application/x-amz-json-1.0")], b"{}")


async def handle(request: Request) -> Response:
    if request.path == "/discard":
        async for _ in request.stream:
            pass
    elif request.path == "/file":
        asked = dict(request.query_pairs)
        return Response(200, [], FileSlice(asked["path"], 0, int(asked["length"])))
    return ANSWER


async def main() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await serve(handle, open_port("127.0.0.1", int(sys.argv[1])), ready=lambda: None, stop=stop)


uvloop.run(main())
