"""mrak's own API under /_mrak, and LocalStack's health page: what the command line and tools ask.

    GET    /_mrak/status                        version, uptime, environments, settings
    GET    /_mrak/environments                  the list, with keys
    POST   /_mrak/environments                  {"name": ...}
    GET    /_mrak/environments/NAME             one, with its key
    DELETE /_mrak/environments/NAME
    POST   /_mrak/environments/NAME/clock       {"advance_seconds": ...}
    GET    /_mrak/environments/NAME/accounts    its accounts, with keys
    POST   /_mrak/environments/NAME/accounts    one more account in it

It is for this machine only, since it gives out keys: the peer has to be loopback, the host one of loopback's names (a
page that had its own name resolve to 127.0.0.1 is refused), and a change needs the header `x-mrak`, which no page of
another origin can send unasked. Where only keys open anything (`--access keys`), functions of several people run on
this machine: then all but the status needs the content of `admin-key` in the data folder in that header. Whoever can
read that folder has everything anyway, and functions cannot.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from mrak.core.clock import Clock
from mrak.core.entropy import Entropy
from mrak.core.http import Request, Response
from mrak.engine.environments import AccountRow, EnvironmentRow, Environments, SandboxError
from mrak.engine.invoke import Engine
from mrak.gateway.hosts import may_name_environment
from mrak.protocol.model import known_services
from mrak.store.api import StoreError

VERSION = "0.1.0"
KEY_FILE = "admin-key"

_LOOPBACK_PEERS = ("127.", "::1", "::ffff:127.")
_OPEN_PAGES = frozenset({"/_mrak/status", "/_mrak/health", "/_localstack/health", "/_localstack/info"})


class Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Admin:
    def __init__(self, engine: Engine, environments: Environments, clock: Clock) -> None:
        self._engine = engine
        self._environments = environments
        self._clock = clock
        self._started_at = clock.now()
        self._key: str | None = None
        self._pages: dict[tuple[str, str], Callable[[Request], Awaitable[Any]]] = {
            ("GET", "/_mrak/status"): self._status,
            ("GET", "/_mrak/health"): self._status,
            ("GET", "/_localstack/health"): self._localstack_health,
            ("GET", "/_localstack/info"): self._localstack_health,
            ("GET", "/_mrak/environments"): self._list,
            ("POST", "/_mrak/environments"): self._create,
        }

    def start(self) -> None:
        """Once the data folder is ours: finds the key, or makes it."""
        if self._engine.settings.access == "keys":
            self._key = _require_key(self._engine.settings.data / KEY_FILE, self._engine.entropy)

    def page(self, method: str, path: str, handler: Callable[[Request], Awaitable[Any]]) -> None:
        """Adds a page that another part of the program answers (the outbox, the bill)."""
        self._pages[method, path] = handler

    async def handle(self, request: Request) -> Response:
        try:
            self._check_local(request)
            return _json(200, await self._dispatch(request))
        except Refused as error:
            return _json(error.status, {"message": str(error)})
        except SandboxError as error:
            return _json(400, {"message": str(error)})
        except StoreError as error:
            return _json(500, {"message": str(error)})

    async def _dispatch(self, request: Request) -> Any:
        page = self._pages.get((request.method, request.path.rstrip("/")))
        if page is not None:
            return await page(request)
        parts = request.path.strip("/").split("/")
        if parts[:2] == ["_mrak", "environments"] and len(parts) == 3:
            if request.method == "GET":
                return _render(self._require(parts[2]))
            if request.method == "DELETE":
                await self._environments.delete(parts[2])
                return {"deleted": parts[2]}
        if parts[:2] == ["_mrak", "environments"] and parts[3:] == ["clock"] and request.method == "POST":
            return await self._advance_clock(parts[2], request)
        if parts[:2] == ["_mrak", "environments"] and parts[3:] == ["accounts"]:
            name = self._require(parts[2]).name
            if request.method == "GET":
                return {"accounts": [_render(row) for row in self._environments.accounts_of(name)]}
            if request.method == "POST":
                return _render(await self._environments.add_account(name))
        raise Refused(404, f"There is no {request.method} {request.path} here.")

    def _check_local(self, request: Request) -> None:
        host = request.host.rpartition(":")[0] or request.host
        if not request.peer.startswith(_LOOPBACK_PEERS):
            raise Refused(403, "This page is for the machine that mrak runs on.")
        if host not in ("localhost", "127.0.0.1", "[::1]", "") and not host.endswith(
            (".localhost", "localhost.localstack.cloud")
        ):
            raise Refused(403, f"This page is not for the host {host}.")
        if request.method != "GET" and "x-mrak" not in request.headers:
            raise Refused(403, "A change needs the header x-mrak.")
        if self._key is not None and request.path.rstrip("/") not in _OPEN_PAGES:
            shown = request.headers.get("x-mrak", "")
            if not hmac.compare_digest(shown.encode(), self._key.encode()):
                raise Refused(403, "This page needs the content of admin-key in the data folder as its header x-mrak.")

    async def _status(self, _request: Request) -> dict[str, Any]:
        settings = self._engine.settings
        return {
            "version": VERSION,
            "pid": os.getpid(),
            "uptime_seconds": round(self._clock.now() - self._started_at, 3),
            "endpoint": settings.endpoint,
            "data": None if settings.memory else str(settings.data.absolute()),
            "admin_key": None if self._key is None else str(settings.data.absolute() / KEY_FILE),
            "durability": "none" if settings.memory else settings.durability,
            "access": settings.access,
            "environments": sorted(self._environments.rows),
        }

    async def _localstack_health(self, _request: Request) -> dict[str, Any]:
        services = {name: "available" for name in sorted(known_services()) if _is_built(name)}
        return {"services": services, "edition": "community", "version": VERSION}

    async def _list(self, _request: Request) -> dict[str, Any]:
        rows = sorted(self._environments.rows.values(), key=lambda row: row.created_at)
        return {"environments": [_render(row) for row in rows]}

    async def _create(self, request: Request) -> dict[str, Any]:
        name = _body(request).get("name")
        if not isinstance(name, str):
            raise Refused(400, 'The body has to be {"name": "..."}.')
        if not may_name_environment(name):
            raise Refused(400, f"{name}.localhost means something else already. Choose another name.")
        return _render(await self._environments.create(name))

    async def _advance_clock(self, name: str, request: Request) -> dict[str, Any]:
        seconds = _body(request).get("advance_seconds")
        if not isinstance(seconds, int | float) or isinstance(seconds, bool):
            raise Refused(400, 'The body has to be {"advance_seconds": number}.')
        return {"now": await self._environments.advance_clock(name, float(seconds))}

    def _require(self, name: str) -> EnvironmentRow:
        row = self._environments.rows.get(name)
        if row is None:
            raise Refused(404, f"There is no environment {name}. Make it with: mrak env create {name}")
        return row


def _require_key(path: Path, entropy: Entropy) -> str:
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text()
    key = entropy.bytes(32).hex()
    with open(file, "w") as made:
        made.write(key)
    return key


def _is_built(service: str) -> bool:
    from importlib.util import find_spec

    from mrak.core.operation import package_of

    return find_spec(package_of(service)) is not None


def _render(row: EnvironmentRow | AccountRow) -> dict[str, Any]:
    return msgspec.structs.asdict(row)


def _body(request: Request) -> dict[str, Any]:
    try:
        decoded = msgspec.json.decode(request.body or b"{}")
    except (msgspec.DecodeError, RecursionError) as error:
        raise Refused(400, f"The body is not JSON: {error}") from None
    if not isinstance(decoded, dict):
        raise Refused(400, "The body has to be a JSON object.")
    return decoded


def _json(status: int, value: Any) -> Response:
    return Response(status, [("content-type", "application/json")], msgspec.json.encode(value) + b"\n")
