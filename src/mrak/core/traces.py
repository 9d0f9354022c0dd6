"""X-Amzn-Trace-Id headers: Root=1-...;Parent=...;Sampled=1."""

from __future__ import annotations

import re
from collections.abc import Iterable

_ROOT = re.compile(r"(?:^|;)\s*Root=([^;]+)")


def common_trace(headers: Iterable[str]) -> str:
    """The trace that a batch goes on with: that of its causes where all have the same one, else "" for a new one, since
    what a batch costs is nobody's alone."""
    found = list(headers)
    roots = {match[1] if (match := _ROOT.search(header)) else "" for header in found}
    return found[0] if len(roots) == 1 and "" not in roots else ""
