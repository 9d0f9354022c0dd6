"""What is wrong with a payload, as AWS's parser words it: the commonest is base64 that the CLI decoded."""

from __future__ import annotations

import pytest

from mrak.services.lambda_.payloads import describe_bad_json

TOKEN = "was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"\x99\xeb,j", "Invalid UTF-8 start byte 0x99\n at [Source: (byte[])"),
        (b'"\xc3x"', "Invalid UTF-8 middle byte 0x78\n at [Source: (byte[])"),
        (b"hello", f"Unrecognized token 'hello': {TOKEN}\n at [Source: (byte[])\"hello\"; line: 1, column: 6]"),
        (
            b'{"a":1,}',
            "Unexpected character ('}' (code 125)): was expecting double-quote to start field name\n"
            ' at [Source: (byte[])"{"a":1,}"; line: 1, column: 9]',
        ),
        (b'{"a" 1}', "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value"),
        (b'{\n"a": 1 2}', "Unexpected character ('2' (code 50)): was expecting comma to separate Object entries"),
        (b'{"a"', "Unexpected end-of-input\n"),
        (b'"open', "Unexpected end-of-input\n"),
        (b"NaN", "Unrecognized content\n"),
        (b"[" * 100_000, "Document nesting depth exceeds"),
    ],
)
def test_words(payload: bytes, expected: str) -> None:
    assert describe_bad_json(payload).startswith(expected)


def test_lines_are_counted() -> None:
    """The column is that of its line."""
    assert describe_bad_json(b'{\n  "a": x}').endswith("line: 2, column: 9]")


def test_long_payloads_are_cut() -> None:
    """An error must not carry megabytes."""
    assert len(describe_bad_json(b"[" + b"1," * 1_000_000 + b"x]")) < 1000
