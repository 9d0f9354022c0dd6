"""Parses CloudWatch Logs Insights queries into commands.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html

A query is commands between bars; a command is a keyword and expressions. The nesting of expressions is bounded.
"""

from __future__ import annotations

import inspect
import re
from functools import lru_cache
from typing import Any, Final

import msgspec

from mrak.lang.insightsvalues import AGGREGATES, FUNCTIONS
from mrak.lang.logregex import RegexError, compile_regex

_DEEPEST: Final = 30
_COMMANDS: Final = frozenset({"fields", "display", "filter", "parse", "stats", "sort", "limit", "dedup", "unmask"})


class QueryError(ValueError):
    """Not a query; the message says what was not understood and `at` where."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


class Node(msgspec.Struct, frozen=True):
    """An expression: `kind` with its operands.

    field (name), value (constant), call (name, arguments), aggregate (name, arguments), math and compare (operator,
    left, right), and, or, not, like (value, pattern, is a regex), in (value, list), bin (period).
    """

    kind: str
    parts: tuple[Any, ...]


class Column(msgspec.Struct, frozen=True):
    """An expression with the name under which results show it."""

    name: str
    node: Node


class Command(msgspec.Struct, frozen=True):
    """`fields`, `display`, `stats`: columns (and `by`); `filter`: node; `parse`: node, pattern, names; `sort`: columns
    with directions; `limit`: number; `dedup`: columns."""

    kind: str
    columns: tuple[Column, ...] = ()
    by: tuple[Column, ...] = ()
    node: Node | None = None
    pattern: str = ""
    is_regex: bool = False
    names: tuple[str, ...] = ()
    descending: tuple[bool, ...] = ()
    number: int = 0


_TOKEN: Final = re.compile(
    r"""\s+|\#[^\n]*
    |(?P<regex>/(?:[^/\\\n]|\\.)+/)
    |(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<period>[0-9]+(?:ms|mo|s|m|h|d|w|q|y)[a-z]*\b)
    |(?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
    |(?P<quoted>`[^`]+`)
    |(?P<word>[@A-Za-z_][\w.@:-]*(?:\[[0-9]+\][\w.@-]*)*)
    |(?P<op>!=|<=|>=|=~|[=<>+*%^(),|\[\]/-])""",
    re.VERBOSE,
)
_AFTER_VALUE: Final = frozenset({"number", "quoted", "word", "string", "period"})


class _Token(msgspec.Struct, frozen=True):
    kind: str
    text: str
    at: int
    end: int


def _tokens(text: str) -> list[_Token]:
    out: list[_Token] = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise QueryError(f"unexpected symbol found {text[at]}", at)
        kind = found.lastgroup
        if kind == "regex" and out and (out[-1].kind in _AFTER_VALUE or out[-1].text == ")") and not _wants_regex(out):
            # A division: take the slash alone.
            kind, end = "op", at + 1
        else:
            end = found.end()
        if kind is not None:
            out.append(_Token(kind, text[at:end], at, end))
        at = end
    return out


def _wants_regex(out: list[_Token]) -> bool:
    """After `like`, `=~` or the field of `parse`, a slash begins an expression."""
    if out[-1].text.lower() in ("like", "matches"):
        return True
    return len(out) >= 2 and out[-2].text.lower() == "parse"


def parse_query(text: str) -> list[Command]:
    """The commands of a query; raises QueryError."""
    parser = _Parser(text)
    return parser.query()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._all = _tokens(text)
        self._at = 0

    def query(self) -> list[Command]:
        commands: list[Command] = []
        while self._peek().kind != "end":
            if self._peek().text.upper() == "SOURCE" and not commands:
                self._skip_command()
            else:
                commands.append(self._command())
            if self._peek().kind != "end":
                self._expect("|")
        return commands

    def _skip_command(self) -> None:
        while self._peek().kind != "end" and self._peek().text != "|":
            self._at += 1

    def _command(self) -> Command:
        token = self._next()
        kind = token.text.lower()
        if kind not in _COMMANDS:
            # AWS reads a query without a command as a filter or as fields; we ask for the word.
            raise QueryError(f"unexpected symbol found {token.text}", token.at)
        if kind in ("fields", "display", "unmask"):
            return Command("display" if kind == "display" else "fields", columns=self._columns())
        if kind == "filter":
            return Command("filter", node=self._or(0))
        if kind == "parse":
            return self._parse()
        if kind == "stats":
            columns = self._columns()
            by = self._columns() if self._take_word("by") else ()
            return Command("stats", columns=columns, by=by)
        if kind == "sort":
            return self._sort()
        if kind == "dedup":
            return Command("dedup", columns=self._columns())
        return Command("limit", number=self._integer())

    def _columns(self) -> tuple[Column, ...]:
        columns = [self._column()]
        while self._take(","):
            columns.append(self._column())
        return tuple(columns)

    def _column(self) -> Column:
        start = self._peek().at
        node = self._or(0)
        end = self._all[self._at - 1].end
        name = self._name() if self._take_word("as") else self._text[start:end].strip().strip("`")
        return Column(name, node)

    def _parse(self) -> Command:
        start = self._at
        token = self._peek()
        node = Node("field", ("@message",)) if token.kind in ("regex", "string") else self._sum(0)
        if self._at == start and token.kind not in ("regex", "string"):
            raise QueryError(f"unexpected symbol found {token.text}", token.at)
        pattern = self._next()
        if pattern.kind == "regex":
            expression = pattern.text[1:-1].replace("(?<", "(?P<").replace("\\/", "/")
            compiled = _checked(expression, pattern.at)
            names = tuple(sorted(compiled.groupindex, key=compiled.groupindex.get))
            return Command("parse", node=node, pattern=expression, is_regex=True, names=names)
        if pattern.kind != "string":
            raise QueryError(f"unexpected symbol found {pattern.text}", pattern.at)
        glob = _unquoted(pattern.text)
        names_given: list[str] = []
        if self._take_word("as"):
            names_given.append(self._name())
            while self._take(","):
                names_given.append(self._name())
        if len(names_given) != glob.count("*"):
            raise QueryError("the number of fields and of wildcards differ", pattern.at)
        return Command("parse", node=node, pattern=_glob(glob), names=tuple(names_given))

    def _sort(self) -> Command:
        columns: list[Column] = []
        descending: list[bool] = []
        while True:
            columns.append(self._column())
            word = self._peek().text.lower()
            if word in ("asc", "desc"):
                self._at += 1
            # Newest or largest first, unless it says otherwise.
            descending.append(word != "asc")
            if not self._take(","):
                return Command("sort", columns=tuple(columns), descending=tuple(descending))

    # Expressions, from the loosest operator to the tightest.

    def _or(self, depth: int) -> Node:
        if depth > _DEEPEST:
            raise QueryError("the expression is nested too deeply", self._peek().at)
        node = self._and(depth)
        while self._take_word("or"):
            node = Node("or", (node, self._and(depth)))
        return node

    def _and(self, depth: int) -> Node:
        node = self._not(depth)
        while self._take_word("and"):
            node = Node("and", (node, self._not(depth)))
        return node

    def _not(self, depth: int) -> Node:
        if depth > _DEEPEST:
            raise QueryError("the expression is nested too deeply", self._peek().at)
        if self._take_word("not"):
            return Node("not", (self._not(depth + 1),))
        return self._comparison(depth)

    def _comparison(self, depth: int) -> Node:
        left = self._sum(depth)
        token = self._peek()
        if token.text in ("=", "!=", "<", "<=", ">", ">="):
            self._at += 1
            return Node("compare", (token.text, left, self._sum(depth)))
        if token.text == "=~" or token.text.lower() in ("like", "matches"):
            self._at += 1
            return self._like(left)
        if token.text.lower() == "in":
            self._at += 1
            return Node("in", (left, self._list(depth)))
        if token.text.lower() == "not":
            self._at += 1
            inner = self._next().text.lower()
            if inner == "like":
                return Node("not", (self._like(left),))
            if inner == "in":
                return Node("not", (Node("in", (left, self._list(depth))),))
            raise QueryError(f"unexpected symbol found {inner}", token.at)
        return left

    def _like(self, left: Node) -> Node:
        token = self._next()
        if token.kind == "regex":
            pattern = token.text[1:-1].replace("(?<", "(?P<").replace("\\/", "/")
            _checked(pattern, token.at)
            return Node("like", (left, pattern, True))
        if token.kind != "string":
            raise QueryError(f"unexpected symbol found {token.text}", token.at)
        return Node("like", (left, _unquoted(token.text).replace("%", ""), False))

    def _list(self, depth: int) -> tuple[Node, ...]:
        self._expect("[")
        items = [self._sum(depth)]
        while self._take(","):
            items.append(self._sum(depth))
        self._expect("]")
        return tuple(items)

    def _sum(self, depth: int) -> Node:
        node = self._product(depth)
        while self._peek().text in ("+", "-") and self._peek().kind == "op":
            operator = self._next().text
            node = Node("math", (operator, node, self._product(depth)))
        return node

    def _product(self, depth: int) -> Node:
        node = self._power(depth)
        while self._peek().text in ("*", "/", "%") and self._peek().kind == "op":
            operator = self._next().text
            node = Node("math", (operator, node, self._power(depth)))
        return node

    def _power(self, depth: int) -> Node:
        node = self._primary(depth)
        if self._take("^"):
            node = Node("math", ("^", node, self._primary(depth)))
        return node

    def _primary(self, depth: int) -> Node:
        token = self._next()
        if depth > _DEEPEST:
            raise QueryError("the expression is nested too deeply", token.at)
        if token.kind == "number":
            return Node(
                "value", (float(token.text) if "." in token.text or "e" in token.text.lower() else int(token.text),)
            )
        if token.kind == "string":
            return Node("value", (_unquoted(token.text),))
        if token.kind == "quoted":
            return Node("field", (token.text[1:-1],))
        if token.text == "-":
            return Node("math", ("-", Node("value", (0,)), self._primary(depth + 1)))
        if token.text == "(":
            node = self._or(depth + 1)
            self._expect(")")
            return node
        if token.kind != "word":
            raise QueryError(f"unexpected symbol found {token.text or 'end of query'}", token.at)
        if self._peek().text == "(" and self._peek().at == token.end:
            return self._call(token, depth)
        return Node("field", (token.text,))

    def _call(self, token: _Token, depth: int) -> Node:
        self._expect("(")
        name = token.text.lower()
        if name == "bin":
            node = Node("bin", (self._period(),))
            self._expect(")")
            return node
        arguments: list[Any] = []
        while self._peek().text != ")":
            if self._peek().text == "*" and name == "count":
                self._at += 1
            elif self._peek().kind == "period":
                arguments.append(Node("value", (self._next().text,)))
            else:
                arguments.append(self._or(depth + 1))
            if not self._take(","):
                break
        self._expect(")")
        if name in AGGREGATES:
            return Node("aggregate", (name, tuple(arguments)))
        if name not in FUNCTIONS:
            raise QueryError(f"unknown function {token.text}", token.at)
        if not _takes(name, len(arguments)):
            raise QueryError(f"wrong number of arguments of {token.text}", token.at)
        return Node("call", (name, tuple(arguments)))

    # Tokens.

    def _period(self) -> str:
        token = self._next()
        if token.kind != "period":
            raise QueryError(f"unexpected symbol found {token.text}", token.at)
        return token.text

    def _integer(self) -> int:
        token = self._next()
        if token.kind != "number" or not token.text.isdigit():
            raise QueryError(f"unexpected symbol found {token.text}", token.at)
        return int(token.text[:9])

    def _name(self) -> str:
        token = self._next()
        if token.kind not in ("word", "quoted"):
            raise QueryError(f"unexpected symbol found {token.text}", token.at)
        return token.text.strip("`")

    def _peek(self) -> _Token:
        return self._all[self._at] if self._at < len(self._all) else _Token("end", "", len(self._text), len(self._text))

    def _next(self) -> _Token:
        token = self._peek()
        self._at += 1
        return token

    def _take(self, text: str) -> bool:
        if self._peek().text == text and self._peek().kind == "op":
            self._at += 1
            return True
        return False

    def _take_word(self, word: str) -> bool:
        if self._peek().kind == "word" and self._peek().text.lower() == word:
            self._at += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        token = self._next()
        if token.text != text:
            raise QueryError(f"unexpected symbol found {token.text or 'end of query'}", token.at)


@lru_cache(maxsize=256)
def _takes(function: str, count: int) -> bool:
    """Whether a function can be called with so many arguments."""
    try:
        inspect.signature(FUNCTIONS[function]).bind(*[None] * count)
    except TypeError:
        return False
    return True


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def _glob(text: str) -> str:
    """A glob of `parse` as an expression: each star takes as little as it can, the last one what is left."""
    pieces = [re.sub(r"([^A-Za-z0-9_ ])", r"\\\1", piece) for piece in text.split("*")]
    body = "(.*?)".join(pieces)
    return body[: -len("(.*?)")] + "(.*)" if text.endswith("*") else body


def _checked(pattern: str, at: int) -> Any:
    try:
        return compile_regex(pattern)
    except RegexError as error:
        raise QueryError(f"invalid regular expression: {error}", at) from None
