"""Tokens of PartiQL: keywords in any case, 'strings' and "names" with doubled quotes, numbers, symbols."""

from __future__ import annotations

import re
from typing import NamedTuple

from mrak.lang.ddb.errors import invalid

MAX_STATEMENT_CHARACTERS = 8192

_TOKEN = re.compile(
    r"\s*(?:"
    r"(?P<string>'(?:[^']|'')*')"
    r'|(?P<quoted>"(?:[^"]|"")*")'
    r"|(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<word>[A-Za-z_$][A-Za-z0-9_$]*)"
    r"|(?P<symbol><<|>>|<>|!=|<=|>=|[=<>()\[\]{},.:?*+\-;])"
    r"|(?P<end>\Z)"
    r"|(?P<unknown>.)"
    r")",
    re.DOTALL,
)


class Token(NamedTuple):
    """`kind` is string, quoted, number, word, end or unknown, or the symbol itself; `text` is without quotes."""

    kind: str
    text: str
    start: int


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
        if kind == "symbol":
            kind = text
        elif kind == "string":
            text = text[1:-1].replace("''", "'")
        elif kind == "quoted":
            text = text[1:-1].replace('""', '"')
        tokens.append(Token(kind, text, start))
        if kind == "end":
            return tokens


def malformed(reason: str) -> Exception:
    return invalid(f"Statement wasn't well formed, can't be processed: {reason}")
