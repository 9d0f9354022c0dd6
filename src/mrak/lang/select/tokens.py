"""Text to tokens."""

from __future__ import annotations

import re

import msgspec

from mrak.lang.select.errors import SelectError

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>\d+\.\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|\d+(?:[eE][+-]?\d+)?)
    | '(?P<string>(?:[^']|'')*)'
    | "(?P<quoted>(?:[^"]|"")*)"
    | `(?P<ion>[^`]*)`
    | (?P<word>[A-Za-z_$][A-Za-z0-9_$]*)
    | (?P<operator><>|!=|<=|>=|\|\||[-+*/%=<>(),.\[\]])
    | (?P<end>$)
    )""",
    re.VERBOSE,
)
KEYWORDS = frozenset(
    {
        "SELECT", "FROM", "WHERE", "LIMIT", "AS", "AND", "OR", "NOT", "IN", "LIKE", "ESCAPE", "BETWEEN", "IS", "NULL",
        "MISSING", "TRUE", "FALSE", "CASE", "WHEN", "THEN", "ELSE", "END", "CAST", "GROUP", "ORDER", "HAVING", "JOIN",
        "UNION", "DISTINCT",
    }
)  # fmt: skip


class Token(msgspec.Struct, frozen=True):
    kind: str
    text: str
    start: int

    def is_word(self, word: str) -> bool:
        return self.kind == "word" and self.text.upper() == word


def tokenize(text: str) -> list[Token]:
    found: list[Token] = []
    position = 0
    while True:
        match = _TOKEN.match(text, position)
        if match is None:
            start = position + len(text[position:]) - len(text[position:].lstrip())
            line, column = place_of(text, start)
            raise SelectError("LexerInvalidChar", f"Invalid character at line {line}, column {column}.")
        kind = match.lastgroup or "end"
        found.append(Token(kind, match[kind], match.start(kind)))
        if kind == "end":
            return found
        position = match.end()


def place_of(text: str, start: int) -> tuple[int, int]:
    before = text[:start]
    return before.count("\n") + 1, start - (before.rfind("\n") + 1) + 1
