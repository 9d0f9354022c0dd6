"""AWS's patterns are Java's; the same value must match here and there, and none may cost unbounded time."""

from __future__ import annotations

import pytest

from mrak.protocol import model, patterns


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("[a-z]+", "abc", True),
        ("[a-z]+", "abc\n", False),
        ("[a-z]+", "abc def", False),
        (r"\d+", "٣", False),
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", "Straße 1 – x", False),
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", "Straße 1", True),
        (r"[\w-_]*", "a-_b", True),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*", "a😹", True),
        (r"\p{Alnum}+", "a1", True),
        ("(?s).*", "a\nb", True),
        (r"((?!^\d+$)^[0-9a-zA-Z-_]+$)", "12", False),
    ],
)
def test_matches(pattern: str, value: str, expected: bool) -> None:
    """Full match, ASCII classes, unicode categories, surrogate pairs, flags."""
    assert patterns.matches(pattern, value) is expected


def test_hostile_values_are_quick() -> None:
    """For every pattern of every model, values made to backtrack end at once (the suite's time-out would show)."""
    hostile = [
        "a" * 5000 + "!",
        " " * 3000 + "\x00",
        "-" * 3000 + "é",
        "a-" * 2000 + "\n",
        "arn:aws:" + "a/" * 1500 + "\x00",
    ]
    for pattern in sorted({p for name in model.known_services() for p in _patterns(name)}):
        if patterns.is_fast(pattern) or patterns.translate(pattern) is not None:
            for value in hostile:
                patterns.matches(pattern, value[:2000])


def _patterns(service: str) -> list[str]:
    shapes = model.load(service)._shapes.values()
    return [shape["pattern"] for shape in shapes if "pattern" in shape]
