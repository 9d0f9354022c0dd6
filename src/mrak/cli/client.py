"""How commands talk to the running server: its /_mrak pages, over HTTP."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from mrak.cli.main import CommandError
from mrak.config import client_endpoint


def ask(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """The decoded answer of a page; CommandError with the server's own message where it refuses."""
    request = urllib.request.Request(
        client_endpoint() + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"x-mrak": "1", "content-type": "application/json"},
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
