"""Which encoding a client gets, and what comes out of bodies that came compressed."""

from __future__ import annotations

import gzip
import zlib

import pytest

from mrak.protocol.compression import choose, compress, decompress


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("", None),
        ("identity", None),
        ("br, zstd, compress, x-gzip", None),
        ('"gzip"', None),
        ("gzip br", None),
        ("gzip:q=1", None),
        ("gzip, deflate", "gzip"),
        ("br, identity, deflate, GZIP", "deflate"),
        ("dog, gzip ,, cat", "gzip"),
        ("br, gzip;q=0, deflate; q = 0.5 , identity;q=0", "deflate"),
        ("*", "gzip"),
        ("*, deflate;q=0.5", "gzip"),
        ("*, deflate", "deflate"),
        ("*, gzip;q=0.5", "deflate"),
        ("*;q=0", None),
        ("br;q=0.8,identity;q=0.5,*;q=0", None),
        ("gzip;q=0.5,identity;q=0.8", "gzip"),
        ("gzip;q=31,deflate;q=51", "gzip"),
        ("deflate;q=0.5, gzip;q=1;q=0.2", "gzip"),
        ("deflate;q=0.5,gzip;q=0.", "deflate"),
        ("deflate;q=0.5,gzip;q=0.x", "gzip"),
        ("deflate;q=-0.5,gzip;q=0.2", "gzip"),
        ("gzip;nq=1;q=0 ", None),
        ("gzip;q=0, gzip;q=1, gzip;q=0", "gzip"),
        ("gzip;q=nan", "gzip"),
    ],
)
def test_which_encoding(accepted: str, encoding: str | None) -> None:
    """As DynamoDB reads Accept-Encoding, which is not quite as the standard has it."""
    assert choose(accepted) == encoding


def test_both_formats() -> None:
    """`deflate` is zlib's format, as the standard has it, and not the bare one."""
    assert gzip.decompress(compress(b"a" * 99, "gzip")) == zlib.decompress(compress(b"a" * 99, "deflate")) == b"a" * 99


def test_members_and_what_follows() -> None:
    """A gzip may have several members; what follows the last is not looked at."""
    assert decompress(gzip.compress(b"ab") + gzip.compress(b"") + gzip.compress(b"c") + b"junk", 3) == b"abc"


def test_bombs() -> None:
    """Neither length nor the number of members is without limit."""
    assert decompress(gzip.compress(b"a" * 100_000), 99_999) is None
    assert decompress(gzip.compress(b"a" * 6) * 2, 11) is None
    with pytest.raises(zlib.error):
        decompress(gzip.compress(b"") * 1000, 10)


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", gzip.compress(b"{}")[:-1], gzip.compress(b"{}") + gzip.compress(b"")[:-1]],
    ids=["nothing", "plain", "cut", "second member cut"],
)
def test_what_is_no_gzip(body: bytes) -> None:
    """Half of one is none."""
    with pytest.raises(zlib.error):
        decompress(body, 100)
