"""Keys: comparing the bytes has to compare the tuples, or every range scan is wrong."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from mrak.store.keys import encode, prefix_end

# Lone surrogates have no UTF-8.
TEXTS = st.text(max_size=5).filter(lambda text: all(not 0xD800 <= ord(c) <= 0xDFFF for c in text))
TUPLES = st.tuples(
    TEXTS,
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False).filter(lambda value: math.copysign(1, value) > 0 or value != 0),
    st.binary(max_size=5),
)


def comparable(parts: tuple[str, int, float, bytes]) -> tuple[bytes, int, float, bytes]:
    """Text sorts by its UTF-8 bytes, which is the order of code points."""
    return (parts[0].encode(), *parts[1:])


@given(TUPLES, TUPLES)
def test_bytes_sort_as_tuples(a: tuple[str, int, float, bytes], b: tuple[str, int, float, bytes]) -> None:
    assert (encode(a) < encode(b)) == (comparable(a) < comparable(b))


@given(TEXTS, TUPLES)
def test_a_prefix_has_exactly_its_keys(prefix: str, rest: tuple[str, int, float, bytes]) -> None:
    """All keys that start with the prefix lie below its end, and a longer text is no key of a shorter one's range."""
    start = encode((prefix,))
    assert start <= encode((prefix, *rest)) < prefix_end(start)
    assert not start <= encode((prefix + "x", *rest)) < prefix_end(start)
