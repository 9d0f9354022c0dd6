"""The regular expressions of filter patterns against Python's engine, and against time."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from mrak.lang.logregex import Regex, RegexError


@given(st.from_regex(r"\A\^?([ab.]([*+?]|\{[0-2](,[3-4]?)?\})?|\[\^?ab?\]){0,5}\$?(\|[ab]{1,3})?\Z"),
       st.text(alphabet="abc\n", max_size=8))  # fmt: skip
def test_regex_against_python(pattern: str, value: str) -> None:
    """The automaton agrees with Python's engine wherever both take the expression.

    A count that begins with a nought is none to RE2, so that none is made here.
    """
    try:
        ours = Regex(pattern)
    except RegexError:
        return
    expected = re.search(pattern.replace("$", r"\Z"), value) is not None
    assert ours.found_in(value) is expected


def test_regex_is_not_exponential() -> None:
    """With backtracking this line would never end."""
    assert not Regex("a*a*a*a*a*a*a*a*a*b").found_in("a" * 20_000)


def test_regex_classes() -> None:
    """The classes and escapes that AWS lists."""
    assert Regex(r"^\d{3}\s\w+\W\S\.\x41$").found_in("404 not_found!?.A")
    assert not Regex(r"\D").found_in("123")
