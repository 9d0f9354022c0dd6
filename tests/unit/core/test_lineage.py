"""The lineage of functions in trace headers: counted, extended, and not trusted."""

from __future__ import annotations

import pytest

from mrak.core.lineage import count_of, depth_of, extend, find_lineage


def test_counts_each_function() -> None:
    lineage = ""
    for name in ("a", "b", "a"):
        lineage = extend(lineage, name)
    assert (count_of(lineage, "a"), count_of(lineage, "b"), count_of(lineage, "c")) == (2, 1, 0)
    assert depth_of(lineage) == 3
    assert find_lineage(f"Root=1-2-3;Parent=4;Sampled=1;Lineage={lineage}") == lineage


@pytest.mark.parametrize("text", ["", "::", "a", "a:-1", "a:b|c", "a:²", "|" * 3000, "a:" + "9" * 5000])
def test_what_callers_write_does_no_harm(text: str) -> None:
    """Anybody can send a trace header: nonsense counts as nothing, or as little as can be."""
    assert depth_of(find_lineage(f"Lineage={text}")) <= 1_000_000
    assert count_of(extend(text[:100], "f"), "f") == 1
