"""The least that could be called a cloud: our HTTP server, a checked signature, parsed JSON, one row in our store.

No routing, validation, expressions, indexes, records or bills. What an operation costs beyond this is what can be saved
at all; what this costs beyond the empty handler cannot.
"""

import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from signing import SECRET

from mrak.auth.sigv4 import check_signature, parse_signature
from mrak.core.context import Transaction
from mrak.core.http import Request, Response
from mrak.core.scope import Scope
from mrak.edge.listen import open_port
from mrak.edge.server import serve
from mrak.store.sqlite import SqliteStore
from mrak.store.tables import Table

HEADERS = [("content-type", "application/x-amz-json-1.0")]


class Kept(msgspec.Struct, frozen=True, array_like=True):
    name: str
    item: dict[str, Any]


ROWS = Table("bench.rows", Kept, key=("name",))
SCOPE = Scope("bench", "000000000000", "us-east-1")


def handler_on(store: SqliteStore) -> Callable[[Request], Awaitable[Response]]:
    decode, encode = msgspec.json.decode, msgspec.json.encode

    def put(tx: Transaction, kept: Kept) -> None:
        old = ROWS.open(tx, SCOPE, kept.name)
        if old is None:
            ROWS.insert(tx, SCOPE, kept)
        else:
            ROWS.replace(tx, SCOPE, old, kept)

    async def handle(request: Request) -> Response:
        if request.method == "GET":
            return Response(200, [], b"ready")
        signature = parse_signature(request)
        assert signature is not None
        check_signature(signature, request, SECRET, time.time())
        params = decode(request.body)
        if "Item" in params:
            kept = Kept(params["Item"]["sk"]["S"], params["Item"])
            await store.transact(lambda tx: put(tx, kept))
            return Response(200, HEADERS, b"{}")
        found = await store.transact(lambda tx: ROWS.get(tx, SCOPE, params["Key"]["sk"]["S"]))
        return Response(200, HEADERS, encode({"Item": found.item} if found else {}))

    return handle


async def main() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    store = SqliteStore(Path(sys.argv[2]), sys.argv[3], lambda aftermath: None, lambda: 0)
    await serve(handler_on(store), open_port("127.0.0.1", int(sys.argv[1])), ready=lambda: None, stop=stop)
    await store.close()


uvloop.run(main())
