"""What tests of API Gateway share: requests to APIs, an endpoint behind them, functions behind them."""

from __future__ import annotations

import io
import json
import threading
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Answer(NamedTuple):
    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def fetch(url: str, method: str = "GET", body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
    """One request to an API; the host name is sent as it is, the connection goes to this machine."""
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    port = host.rpartition(":")[2]
    request = urllib.request.Request(
        f"{scheme}://127.0.0.1:{port}/{path}", body, {"Host": host, **(headers or {})}, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return Answer(reply.status, reply.headers, reply.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.headers, error.read())


class Upstream(BaseHTTPRequestHandler):
    """Tells what it was asked; `/status/418` answers with that status."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        asked = {
            "method": self.command,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": body.decode("latin-1"),
        }
        if self.path.startswith("/slow"):
            self.connection.recv(1)  # until the gateway gives up
            return
        status = int(self.path.partition("?")[0].rsplit("/", 1)[1]) if self.path.startswith("/status/") else 200
        data = json.dumps(asked).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("x-upstream", "yes")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_HEAD = _answer

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serve_upstream() -> Iterator[str]:
    """Runs an upstream; gives its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def make_functions(sandbox: Any, prefix: str, code: str, handlers: tuple[str, ...]) -> dict[str, str]:
    """A function for each handler of the code, which APIs of the sandbox may call; their ARNs by handler."""
    client = sandbox.client("lambda", read_timeout=60)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("code.py", code)
    made = {}
    for handler in handlers:
        made[handler] = client.create_function(
            FunctionName=f"{prefix}-{handler}",
            Runtime="python3.11",
            Role=f"arn:aws:iam::{sandbox.account}:role/r",
            Handler=f"code.{handler}",
            Code={"ZipFile": buffer.getvalue()},
            Timeout=10,
        )["FunctionArn"]
    for handler in made:
        client.add_permission(
            FunctionName=f"{prefix}-{handler}",
            StatementId="api",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn=f"arn:aws:execute-api:us-east-1:{sandbox.account}:*",
        )
        client.get_waiter("function_active_v2").wait(FunctionName=f"{prefix}-{handler}")
    return made


def sign(url: str, key: str, secret: str) -> dict[str, str]:
    """Headers of a GET that is signed for an API."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    request = AWSRequest("GET", url)
    SigV4Auth(Credentials(key, secret), "execute-api", "us-east-1").add_auth(request)
    return dict(request.headers)
