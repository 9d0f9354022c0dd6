"""How commands talk to the running server: its /_mrak pages, over HTTP."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from mrak.cli.main import CommandError
from mrak.config import client_endpoint

_STATUS = "/_mrak/status"


def ask(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """The decoded answer of a page; CommandError with the server's own message where it refuses."""
    return _send(method, path, body, "1" if path == _STATUS else _admin_key())


def _admin_key() -> str:
    """What opens the pages that give out keys. The server says in which file it is; who may read it may come in."""
    path = _send("GET", _STATUS, None, "1")["admin_key"]
    if path is None:
        return "1"
    try:
        return Path(path).read_text()
    except OSError as error:
        raise CommandError(f"{path} can't be read ({error.strerror}). Ask whoever runs mrak.") from None


def _send(method: str, path: str, body: dict[str, Any] | None, key: str) -> Any:
    request = urllib.request.Request(
        client_endpoint() + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"x-mrak": key, "content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        raise CommandError(_message(error)) from None
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        raise CommandError(f"Nothing answers at {client_endpoint()}. Start it with: mrak up") from None


def _message(error: urllib.error.HTTPError) -> str:
    text = error.read().decode(errors="replace")
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return f"{error.code} {text[:200]}"
