"""Canonical requests of Signature Version 4. Pure text.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

Two dialects: Amazon S3 takes a path as it is and encodes it once; every other service removes dot segments and
empty segments and encodes what came over the wire once more.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, unquote_to_bytes

# What HTTP/2 calls the Host header, and what the SDK for JavaScript then signs.
AUTHORITY: Final = ":authority"
UNRESERVED_ONLY: Final = re.compile(r"[A-Za-z0-9_.~-]*").fullmatch
_PLAIN_PATH: Final = re.compile(r"(?:/[A-Za-z0-9_~-]+)*/?").fullmatch


def canonical_path(path: str, is_s3: bool) -> str:
    if path in ("/", ""):
        return "/"
    if _PLAIN_PATH(path):
        return path
    if is_s3:
        return quote(unquote_to_bytes(path), safe="/~")
    return quote(_normalized(path), safe="/~")


def _normalized(path: str) -> str:
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            if kept:
                kept.pop()
        elif segment not in ("", "."):
            kept.append(segment)
    if not kept:
        return "/"
    tail = "/" if segments[-1] == "" else ""
    return "/" + "/".join(kept) + tail


def canonical_query(query: str, skipped: str = "") -> str:
    """The query with its pairs encoded anew and sorted; `skipped` is the parameter that is not signed."""
    if not query:
        return ""
    pairs: list[tuple[str, str]] = []
    for part in query.split("&"):
        if not part:
            continue
        name, _, value = part.partition("=")
        name = _encoded(name)
        if name != skipped:
            pairs.append((name, _encoded(value)))
    pairs.sort()
    return "&".join([f"{name}={value}" for name, value in pairs])


def _encoded(text: str) -> str:
    if UNRESERVED_ONLY(text):
        return text
    # A plus sign in a query is a space to AWS; its canonical form is %20.
    return quote(unquote_to_bytes(text.replace("+", " ")), safe="~")


def canonical_headers(names: tuple[str, ...], headers: dict[str, str], compact_commas: bool = False) -> str:
    """Signed headers, one on a line, inner runs of spaces collapsed.

    Signers join a repeated header with "," but our requests carry it joined with ", ", just as a single header with a
    list in it. `compact_commas` asks for the first reading. Over HTTP/2, the host may be signed by its name there.
    """
    lines = []
    for name in names:
        value = " ".join(headers.get("host" if name == AUTHORITY else name, "").split())
        if compact_commas:
            value = value.replace(", ", ",")
        lines.append(f"{name}:{value}\n")
    return "".join(lines)
