"""Tokens of PartiQL: keywords in any case, 'strings' and "names" with doubled quotes, numbers, symbols, comments."""

from __future__ import annotations

import re
from typing import NamedTuple

from mrak.lang.ddb.errors import invalid

MAX_STATEMENT_CHARACTERS = 8192

_TOKEN = re.compile(
    r"(?:\s|--[^\n]*|/\*.*?\*/)*"
    r"(?:"
    r"(?P<string>'(?:[^']|'')*')"
    r'|(?P<quoted>"(?:[^"]|"")*")'
    r"|(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<word>[A-Za-z_$][A-Za-z0-9_$]*)"
    r"|(?P<symbol><<|>>|<>|!=|<=|>=|\|\||[=<>()\[\]{},.:?*+\-%;])"
    r"|(?P<end>\Z)"
    r"|(?P<unknown>.)"
    r")",
    re.DOTALL,
)
_INT = 1 << 31


class Token(NamedTuple):
    """`kind` is string, quoted, number, word or end, or the symbol itself; `text` is without quotes."""

    kind: str
    text: str
    start: int
    length: int = 0


def tokenize(statement: str) -> list[Token]:
    tokens: list[Token] = []
    position = 0
    while True:
        match = _TOKEN.match(statement, position)
        assert match is not None, "the last alternative matches any character"
        kind = match.lastgroup or ""
        text = match[kind]
        start = match.start(kind)
        position = match.end()
        if kind == "unknown" or (text == "/" or (kind == "number" and not _is_readable(text))):
            raise malformed("")
        if kind == "symbol":
            kind = text
        elif kind == "string":
            text = text[1:-1].replace("''", "'")
        elif kind == "quoted":
            text = text[1:-1].replace('""', '"')
        tokens.append(Token(kind, text, start, position - start))
        if kind == "end":
            return tokens


def _is_readable(number: str) -> bool:
    """The exponent, and the digits after the point less it, have to fit into 32 bits."""
    digits, _, exponent = number.lower().partition("e")
    if len(exponent) > 20:
        return False
    shift = int(exponent or "0")
    scale = len(digits.partition(".")[2]) - shift
    return -_INT <= shift < _INT and -_INT <= scale < _INT


def malformed(reason: str) -> Exception:
    return invalid(f"Statement wasn't well formed, can't be processed: {reason}")
