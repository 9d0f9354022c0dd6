"""Bodies compressed for the clients that accept it, and bodies that came compressed."""

from __future__ import annotations

import re
import zlib

# What zlib calls the two formats, in the order in which a client that takes either gets one.
_FORMATS = {"gzip": 31, "deflate": 15}
_MAGIC = b"\x1f\x8b"
_MOST_MEMBERS = 64
_NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)", re.ASCII)


def compress(body: bytes, encoding: str) -> bytes:
    """At the quickest level: it runs between other requests."""
    return zlib.compress(body, 1, _FORMATS[encoding])


def choose(accepted: str) -> str | None:
    """The best encoding of an Accept-Encoding header: the heaviest, of equals the first named, and last the star's."""
    weights: dict[str, float] = {}
    for part in accepted.split(","):
        name, *parameters = (text.strip().lower() for text in part.split(";"))
        weights[name] = max(_weight(parameters), weights.get(name, 0))
    found = [name for name in weights if name in _FORMATS]
    if "*" in weights:
        unnamed = [name for name in _FORMATS if name not in weights]
        weights |= dict.fromkeys(unnamed, weights["*"])
        found += unnamed
    best = max(found, key=weights.__getitem__, default=None)
    return best if best is not None and weights[best] > 0 else None


def _weight(parameters: list[str]) -> float:
    """The first `q`, at most 1; what is no number is as good as none."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            number = value.strip()
            return min(float(number), 1) if _NUMBER.fullmatch(number) else 1
    return 1


def decompress(body: bytes, most_bytes: int) -> bytes | None:
    """The content of gzip's members one behind the other, whatever follows them; None if it is more than `most_bytes`.
    Raises zlib.error for what is no gzip, or not the whole of one."""
    content = b""
    for _ in range(_MOST_MEMBERS):
        member = zlib.decompressobj(wbits=_FORMATS["gzip"])
        content += member.decompress(body, most_bytes - len(content) + 1)
        if len(content) > most_bytes:
            return None
        if not member.eof:
            raise zlib.error("The gzip is not whole.")
        body = member.unused_data
        if not body.startswith(_MAGIC):
            return content
    raise zlib.error("Nobody writes so many members.")
