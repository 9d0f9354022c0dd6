"""Tokens of DynamoDB's expressions.

The token rules are those of the grammar that AWS published with its DAX client (Apache-2.0): names begin with a
letter, so a leading underscore is an unknown character; an index has no leading zero; keywords are tokens of their own.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from mrak.lang.ddb.errors import invalid

MAX_EXPRESSION_BYTES = 4096
# Kinds of expressions of which AWS does not tell the size.
_TOLD_WITHOUT_SIZE = frozenset({"UpdateExpression", "ProjectionExpression", "KeyConditionExpression"})

_TOKEN = re.compile(
    r"[ \t\n\r]*(?:"
    r"(?P<name>[A-Za-z][A-Za-z_0-9]*)"
    r"|(?P<alias>\#[A-Za-z_0-9]+)"
    r"|(?P<value>:[A-Za-z_0-9]+)"
    r"|(?P<index>0|[1-9][0-9]*)"
    r"|(?P<symbol><>|<=|>=|[=<>+\-(),.\[\]])"
    r"|(?P<end>\Z)"
    r"|(?P<unknown>.)"
    r")",
    re.ASCII | re.DOTALL,
)

KEYWORDS = frozenset({"IN", "BETWEEN", "NOT", "AND", "OR", "SET", "ADD", "DELETE", "REMOVE"})
COMPARATORS = frozenset({"=", "<>", "<", "<=", ">", ">="})


class Token(NamedTuple):
    """`kind` is name, alias, value, index, unknown, end; or the symbol or upper-case keyword itself."""

    kind: str
    text: str
    start: int
    end: int


def tokenize(text: str) -> list[Token]:
    tokens: list[Token] = []
    position = 0
    while True:
        match = _TOKEN.match(text, position)
        assert match is not None, "the last alternative matches any character"
        kind = match.lastgroup or ""
        found = match[kind]
        if kind == "symbol":
            kind = found
        elif kind == "name" and found.upper() in KEYWORDS:
            kind = found.upper()
        position = match.end()
        tokens.append(Token(kind, "<EOF>" if kind == "end" else found, match.start(match.lastgroup or 0), position))
        if kind == "end":
            return tokens


def check_length(text: str, kind: str) -> None:
    """Expressions are measured as they were sent, in UTF-8."""
    if not text:
        raise invalid(f"Invalid {kind}: The expression can not be empty;")
    size_bytes = len(text.encode("utf-8", "surrogatepass"))
    if size_bytes > MAX_EXPRESSION_BYTES:
        size = "" if kind in _TOLD_WITHOUT_SIZE else f" expression size: {size_bytes}"
        raise invalid(f"Invalid {kind}: Expression size has exceeded the maximum allowed size;{size}")


class Cursor:
    """Walks over tokens; raises AWS's syntax error at the first token that cannot go on."""

    __slots__ = ("_at", "_text", "_tokens", "kind")

    def __init__(self, text: str, kind: str) -> None:
        self._text = text
        self._tokens = tokenize(text)
        self._at = 0
        self.kind = kind

    @property
    def peek(self) -> str:
        """The kind of the next token."""
        return self._tokens[self._at].kind

    @property
    def position(self) -> int:
        return self._at

    def peek_after(self) -> str:
        """The kind of the token after the next."""
        return self._tokens[min(self._at + 1, len(self._tokens) - 1)].kind

    def take(self) -> Token:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def accept(self, kind: str) -> bool:
        if self._tokens[self._at].kind != kind:
            return False
        self._at += 1
        return True

    def expect(self, kind: str) -> Token:
        token = self._tokens[self._at]
        if token.kind != kind:
            raise self.syntax_error()
        self._at += 1
        return token

    def syntax_error(self) -> Exception:
        """The error names the offending token and the source from the token before to the token after it."""
        tokens, at = self._tokens, self._at
        begin = tokens[at - 1].start if at else 0
        last = tokens[min(at + 1, len(tokens) - 1)]
        near = self._text[begin : last.end]
        return invalid(f'Invalid {self.kind}: Syntax error; token: "{tokens[at].text}", near: "{near}"')

    def error(self, message: str) -> Exception:
        return invalid(f"Invalid {self.kind}: {message}")
