"""What access logs tell of a request: one text for each field, and the lines that are made of them.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/real-time-logs.html
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from urllib.parse import quote

from mrak.core.http import Response
from mrak.services.cloudfront.plane.cache import find_header
from mrak.services.cloudfront.plane.selection import Viewed

STANDARD = (
    *("date", "time", "x-edge-location", "sc-bytes", "c-ip", "cs-method", "cs(Host)", "cs-uri-stem", "sc-status"),
    *("cs(Referer)", "cs(User-Agent)", "cs-uri-query", "cs(Cookie)", "x-edge-result-type", "x-edge-request-id"),
    *("x-host-header", "cs-protocol", "cs-bytes", "time-taken", "x-forwarded-for", "ssl-protocol", "ssl-cipher"),
    *("x-edge-response-result-type", "cs-protocol-version", "fle-status", "fle-encrypted-fields", "c-port"),
    *("time-to-first-byte", "x-edge-detailed-result-type", "sc-content-type", "sc-content-len", "sc-range-start"),
    "sc-range-end",
)
REALTIME = (
    *("timestamp", "c-ip", "time-to-first-byte", "sc-status", "sc-bytes", "cs-method", "cs-protocol", "cs-host"),
    *("cs-uri-stem", "cs-bytes", "x-edge-location", "x-edge-request-id", "x-host-header", "time-taken"),
    *("cs-protocol-version", "c-ip-version", "cs-user-agent", "cs-referer", "cs-cookie", "cs-uri-query"),
    *("x-edge-response-result-type", "x-forwarded-for", "ssl-protocol", "ssl-cipher", "x-edge-result-type"),
    *("fle-encrypted-fields", "fle-status", "sc-content-type", "sc-content-len", "sc-range-start", "sc-range-end"),
    *("c-port", "x-edge-detailed-result-type", "c-country", "cs-accept-encoding", "cs-accept"),
    *("cache-behavior-path-pattern", "cs-headers", "cs-header-names", "cs-headers-count", "primary-distribution-id"),
    *("primary-distribution-dns-name", "origin-fbl", "origin-lbl", "asn"),
)
_OF_HEADERS = {
    "x-host-header": "host",
    "x-forwarded-for": "x-forwarded-for",
    "cs-user-agent": "user-agent",
    "cs(User-Agent)": "user-agent",
    "cs-referer": "referer",
    "cs(Referer)": "referer",
    "cs-cookie": "cookie",
    "cs(Cookie)": "cookie",
    "cs-accept-encoding": "accept-encoding",
    "cs-accept": "accept",
}
_SAFE = "!#$&'()*+,-./:;<=>?@[]_`{|}~"


def describe(viewed: Viewed, response: Response, *, size_bytes: int, seconds: float, now: float) -> dict[str, str]:
    """What is known of a request and its answer; every other field of a record is `-`."""
    at = datetime.fromtimestamp(now, UTC)
    result = (find_header(response.headers, "x-cache") or "").partition(" ")[0]
    own = {name: quote(viewed.headers[header], safe=_SAFE) for name, header in _OF_HEADERS.items()
           if viewed.headers.get(header)}  # fmt: skip
    start, end = _range(find_header(response.headers, "content-range") or "")
    lines = [f"{name}:{quote(value, safe=_SAFE)}" for name, value in viewed.headers.items()]
    asked_bytes = len(viewed.body) + sum(len(name) + len(value) + 4 for name, value in viewed.headers.items())
    return own | {
        "date": f"{at:%Y-%m-%d}",
        "time": f"{at:%H:%M:%S}",
        "timestamp": f"{now:.3f}",
        "timestamp(ms)": str(int(now * 1000)),
        "x-edge-location": find_header(response.headers, "x-amz-cf-pop") or "-",
        "x-edge-request-id": find_header(response.headers, "x-amz-cf-id") or "-",
        "sc-bytes": str(size_bytes),
        "sc-status": str(response.status),
        "sc-content-type": find_header(response.headers, "content-type") or "-",
        "sc-content-len": find_header(response.headers, "content-length") or str(size_bytes),
        "sc-range-start": start,
        "sc-range-end": end,
        "c-ip": viewed.peer or "-",
        "c-ip-version": "IPv6" if ":" in viewed.peer else "IPv4",
        "cs-method": viewed.method,
        "cs-protocol": viewed.headers.get("x-forwarded-proto", viewed.scheme),
        "cs-protocol-version": "HTTP/1.1",
        "cs-uri-stem": viewed.path,
        "cs-uri-query": viewed.query or "-",
        "cs-bytes": str(asked_bytes),
        "cs-headers": quote("\n".join(lines) + "\n", safe=_SAFE),
        "cs-header-names": quote("\n".join(viewed.headers) + "\n", safe=_SAFE),
        "cs-headers-count": str(len(viewed.headers)),
        "time-taken": f"{seconds:.3f}",
        "time-to-first-byte": f"{seconds:.3f}",
        "x-edge-result-type": result,
        "x-edge-response-result-type": result,
        "x-edge-detailed-result-type": result,
    }


def _range(told: str) -> tuple[str, str]:
    start, dash, end = told.removeprefix("bytes ").partition("/")[0].partition("-")
    return (start, end) if dash else ("-", "-")


def write(told: dict[str, str], fields: tuple[str, ...], *, form: str, delimiter: str = "\t") -> str:
    values = {field: told.get(field, "-") for field in fields}
    return json.dumps(values, separators=(",", ":")) if form == "json" else delimiter.join(values.values())


def header(fields: tuple[str, ...]) -> str:
    return f"#Version: 1.0\n#Fields: {' '.join(fields)}\n"
