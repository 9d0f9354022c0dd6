"""Requests as bytes, signed once: SigV4 has no nonce and holds for 15 minutes, so the same bytes may be sent again.

`Signer.call` lets botocore make the request, as an SDK would send it. `Signer.json` signs on its own, fifty times
faster, for bulk loads.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import urlsplit

KEY, SECRET, REGION = "test", "test", "us-east-1"
TARGETS = {"dynamodb": ("DynamoDB_20120810", "1.0"), "sqs": ("AmazonSQS", "1.0")}


class Signer:
    """Signs for one endpoint."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.host = urlsplit(endpoint).netloc
        self._clients: dict[str, Any] = {}
        self._captured: bytes | None = None
        self._keys: dict[str, tuple[str, bytes]] = {}

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client, for what is not measured."""
        import boto3
        from botocore.config import Config

        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, read_timeout=120)
        return boto3.client(
            service, endpoint_url=self.endpoint, region_name=REGION, aws_access_key_id=KEY,
            aws_secret_access_key=SECRET, config=config, **options,
        )  # fmt: skip

    def call(self, service: str, operation: str, **parameters: Any) -> bytes:
        """The bytes of one call; nothing is sent."""
        client = self._clients.get(service)
        if client is None:
            client = self._clients[service] = self.client(service)
            client.meta.events.register("before-send.*", self._capture)
        self._captured = None
        with contextlib.suppress(_Captured):
            getattr(client, operation)(**parameters)
        assert self._captured is not None
        return self._captured

    def json(self, service: str, operation: str, body: dict[str, Any]) -> bytes:
        target, version = TARGETS[service]
        stamp, key = self._key(service)
        payload = json.dumps(body, separators=(",", ":")).encode()
        content_type = f"application/x-amz-json-{version}"
        headers = (
            f"content-type:{content_type}\nhost:{self.host}\nx-amz-date:{stamp}\nx-amz-target:{target}.{operation}\n"
        )
        signed = "content-type;host;x-amz-date;x-amz-target"
        canonical = f"POST\n/\n\n{headers}\n{signed}\n{hashlib.sha256(payload).hexdigest()}"
        scope = f"{stamp[:8]}/{REGION}/{service}/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        authorization = f"AWS4-HMAC-SHA256 Credential={KEY}/{scope}, SignedHeaders={signed}, Signature={signature}"
        head = headers.replace("\n", "\r\n") + f"authorization: {authorization}\r\ncontent-length: {len(payload)}"
        return f"POST / HTTP/1.1\r\n{head}\r\n\r\n".encode() + payload

    def _key(self, service: str) -> tuple[str, bytes]:
        """A time stamp with its signing key, kept for some minutes."""
        stamp, key = self._keys.get(service, ("", b""))
        now = time.strftime("%Y%m%dT%H%M00Z", time.gmtime())
        if stamp[:12] != now[:12]:
            stamp, key = now, f"AWS4{SECRET}".encode()
            for part in (now[:8], REGION, service, "aws4_request"):
                key = hmac.new(key, part.encode(), hashlib.sha256).digest()
            self._keys[service] = (stamp, key)
        return stamp, key

    def _capture(self, request: Any, **_: Any) -> None:
        parts = urlsplit(request.url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        lines = [f"{request.method} {target} HTTP/1.1", f"host: {parts.netloc}"]
        for name, value in request.headers.items():
            text = value.decode() if isinstance(value, bytes) else value
            # Expect is not signed, and the generator does not wait; with awscrt the signer names the host itself.
            if name.lower() not in ("expect", "host"):
                lines.append(f"{name}: {text}")
        body = request.body or b""
        if not isinstance(body, bytes | bytearray | str):
            body = body.read()
        self._captured = "\r\n".join([*lines, "", ""]).encode() + (body.encode() if isinstance(body, str) else body)
        raise _Captured


class _Captured(BaseException):
    """Ends botocore's call once the request is there; not an Exception, so that botocore lets it through."""
