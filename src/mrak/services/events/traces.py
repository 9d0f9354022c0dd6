"""The trace header of an event: what its sender says of the trace that it belongs to, for queues to hand on.

Recorded: TraceHeader wins over the request's own header. Of a header that names no trace nothing is left, unless it
says that the trace is not sampled; that gets a root.

https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
"""

from __future__ import annotations

import re
from typing import Any

from mrak.core.context import Context

_ROOT = re.compile(r"1-[0-9a-fA-F]{8}-[0-9a-fA-F]{24}")
_PARENT = re.compile(r"[0-9a-fA-F]{16}")
_SAMPLED = ("0", "1", "?")


def find_header(ctx: Context, entry: dict[str, Any]) -> str:
    """An entry's header as AWS writes it; "" where there is none."""
    if "TraceHeader" in entry:
        return _normalise(ctx, entry["TraceHeader"])
    return _normalise(ctx, ctx.http.headers.get("x-amzn-trace-id", "")) if ctx.http is not None else ""


def _normalise(ctx: Context, header: str) -> str:
    """Root, parent, sampled, then whatever else it holds by name; what is malformed is left out."""
    parts: dict[str, str] = {}
    for part in header.split(";"):
        name, sign, value = part.strip().partition("=")
        # Of several the last counts; of parents the last that is one.
        if sign and (name != "Parent" or _PARENT.fullmatch(value)):
            parts[name] = value
    root, sampled = parts.pop("Root", "").lower(), parts.pop("Sampled", "")
    if not _ROOT.fullmatch(root):
        if sampled != "0":
            return ""
        root = f"1-{int(ctx.now):08x}-{ctx.draw.hex(24)}"
    kept = {"Root": root}
    if "Parent" in parts:
        kept["Parent"] = parts.pop("Parent")
    if sampled in _SAMPLED:
        kept["Sampled"] = sampled
    return ";".join(f"{name}={value}" for name, value in (kept | dict(sorted(parts.items()))).items())
