"""What the tests of S3 share: fresh buckets, errors as (code, status), requests without an SDK."""

from __future__ import annotations

import base64
import http.client
import itertools
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

_numbers = itertools.count(1)


def new_bucket(s3: Any, **options: Any) -> str:
    name = f"bucket-{next(_numbers)}-x"
    s3.create_bucket(Bucket=name, **options)
    return name


def failure(call: Callable[..., Any], **params: Any) -> tuple[str, int]:
    """(code, status) of the error that a call meets."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def message(call: Callable[..., Any], **params: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**params)
    return str(caught.value.response["Error"]["Message"])


def keys(listing: dict[str, Any]) -> list[str]:
    return [row["Key"] for row in listing.get("Contents", ())]


def prefixes(listing: dict[str, Any]) -> list[str]:
    return [row["Prefix"] for row in listing.get("CommonPrefixes", ())]


def sums(algorithm: str, body: bytes) -> dict[str, str]:
    """A body's checksum as a member; the SDK computes some of them only with a library of its own."""
    if algorithm in ("CRC32C", "CRC64NVME"):
        import anycrc

        model = anycrc.Model("CRC64-NVME" if algorithm == "CRC64NVME" else algorithm)
        raw = model.calc(body).to_bytes(8 if algorithm == "CRC64NVME" else 4, "big")
        return {f"Checksum{algorithm}": base64.b64encode(raw).decode()}
    return {"ChecksumAlgorithm": algorithm}


class Raw:
    """HTTP as it is, to any host name of the server."""

    def __init__(self, endpoint: str) -> None:
        self._address = urlsplit(endpoint)

    def __call__(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None, host: str = ""
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self._address.hostname or "", self._address.port, timeout=20)
        sent = dict(headers or {})
        if host:
            sent["Host"] = f"{host}:{self._address.port}"
        connection.request(method, path, body, sent)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, content


def code_of(document: bytes) -> str:
    """The code of an error document."""
    found = re.search(rb"<Code>([^<]*)</Code>", document)
    assert found is not None, document
    return found[1].decode()
