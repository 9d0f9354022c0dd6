"""Requests as no SDK makes them, with valid signatures where that matters."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


def send(
    url: str, body: bytes | None, headers: dict[str, str], method: str = "POST"
) -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(url, data=body, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, dict(response.headers), response.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def signed(
    sandbox: Any, service: str, body: bytes, headers: dict[str, str], path: str = "/", host: str = "localhost"
) -> dict[str, str]:
    """The headers with a valid signature of the sandbox's key."""
    credentials = Credentials(sandbox.row["access_key_id"], sandbox.row["secret_access_key"])
    url = f"http://{host}:{sandbox.server.port}{path}"
    request = AWSRequest("POST", url, data=body, headers={"host": f"{host}:{sandbox.server.port}", **headers})
    SigV4Auth(credentials, service, "us-east-1").add_auth(request)
    return dict(request.headers)


def post(sandbox: Any, service: str, body: bytes, **headers: str) -> tuple[int, dict[str, str], bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return send(sandbox.server.endpoint + "/", body, signed(sandbox, service, body, named))
