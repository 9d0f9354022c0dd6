"""The last step before the viewer: conditions, compression, ranges.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/ServingCompressedFiles.html
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/RangeGETs.html
"""

from __future__ import annotations

import gzip
import re
from email.utils import parsedate_to_datetime

from mrak.core.http import FileSlice, Response
from mrak.services.cloudfront.plane.cache import Entry, Headers, find_header

_RANGE = re.compile(r"\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*")
_LEAST_BYTES, _MOST_BYTES = 1000, 10_000_000
_COMPRESSIBLE = frozenset(
    {
        "application/dash+xml", "application/eot", "application/font", "application/font-sfnt",
        "application/javascript", "application/json", "application/opentype", "application/otf", "application/pdf",
        "application/pkcs7-mime", "application/protobuf", "application/rss+xml", "application/truetype",
        "application/ttf", "application/vnd.apple.mpegurl", "application/vnd.mapbox-vector-tile",
        "application/vnd.ms-fontobject", "application/wasm", "application/xhtml+xml", "application/xml",
        "application/x-font-opentype", "application/x-font-truetype", "application/x-font-ttf",
        "application/x-httpd-cgi", "application/x-javascript", "application/x-mpegurl", "application/x-opentype",
        "application/x-otf", "application/x-perl", "application/x-ttf", "font/eot", "font/opentype", "font/otf",
        "font/ttf", "image/svg+xml", "text/css", "text/csv", "text/html", "text/javascript", "text/js", "text/plain",
        "text/richtext", "text/tab-separated-values", "text/xml", "text/x-component", "text/x-java-source",
        "text/x-script", "vnd.apple.mpegurl"
    }
)  # fmt: skip


def set_header(headers: Headers, name: str, value: str) -> None:
    headers[:] = [pair for pair in headers if pair[0].lower() != name.lower()] + [(name, value)]


def is_compressible(status: int, headers: Headers, size_bytes: int) -> bool:
    kind = (find_header(headers, "content-type") or "").partition(";")[0].strip().lower()
    return (
        status in (200, 403, 404)
        and _LEAST_BYTES <= size_bytes <= _MOST_BYTES
        and kind in _COMPRESSIBLE
        and find_header(headers, "content-encoding") is None
    )


def compress(response: Response, entry: Entry | None) -> None:
    """Gzip, made once for what is kept. A strong ETag becomes a weak one, since the bytes are others now."""
    body = response.body
    assert isinstance(body, bytes)
    if entry is not None and entry.body is body:
        if entry.gzip is None:
            entry.gzip = gzip.compress(body, 6, mtime=0)
        response.body = entry.gzip
    else:
        response.body = gzip.compress(body, 6, mtime=0)
    etag = find_header(response.headers, "etag")
    if etag is not None and not etag.startswith("W/"):
        set_header(response.headers, "ETag", f"W/{etag}")
    set_header(response.headers, "Content-Encoding", "gzip")
    set_header(response.headers, "Vary", _with_vary(find_header(response.headers, "vary")))


def _with_vary(given: str | None) -> str:
    if not given:
        return "Accept-Encoding"
    return given if "accept-encoding" in given.lower() else f"{given}, Accept-Encoding"


def is_not_modified(asked: dict[str, str], headers: Headers) -> bool:
    """RFC 9110, 13.2.2: If-None-Match decides where it is there."""
    wanted = asked.get("if-none-match")
    etag = find_header(headers, "etag")
    if wanted is not None:
        if wanted.strip() == "*":
            return True
        known = {tag.strip().removeprefix("W/") for tag in wanted.split(",")}
        return etag is not None and etag.removeprefix("W/") in known
    since, modified = asked.get("if-modified-since"), find_header(headers, "last-modified")
    if since is None or modified is None:
        return False
    try:
        return parsedate_to_datetime(modified) <= parsedate_to_datetime(since)
    except (ValueError, TypeError):
        return False


def cut(response: Response, wanted: str) -> None:
    """Makes a 206 of a 200 for one range; several ranges, and what is no range, get the whole."""
    body = response.body
    found = _RANGE.fullmatch(wanted)
    if found is None or not isinstance(body, bytes | FileSlice) or (not found[1] and not found[2]):
        return
    size = len(body) if isinstance(body, bytes) else body.length
    if found[1]:
        start, end = int(found[1]), min(int(found[2]) if found[2] else size - 1, size - 1)
    else:
        start, end = max(0, size - int(found[2])), size - 1
    if start >= size or end < start:
        response.status, response.body = 416, b""
        set_header(response.headers, "Content-Range", f"bytes */{size}")
        return
    length = end - start + 1
    if isinstance(body, bytes):
        response.body = body[start : end + 1]
    else:
        response.body = FileSlice(body.path, body.offset + start, length)
    response.status = 206
    set_header(response.headers, "Content-Range", f"bytes {start}-{end}/{size}")
