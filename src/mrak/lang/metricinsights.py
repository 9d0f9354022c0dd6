"""CloudWatch Metrics Insights: queries over all metrics of a namespace, in a part of SQL.

    SELECT AVG(Latency) FROM SCHEMA("My/App", Path, Method) WHERE Path = '/a' AND Method != 'GET'
    GROUP BY Method ORDER BY MAX() DESC LIMIT 10

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-querylanguage.html

Pure: parses a query, and says which sets of dimensions it is about and in which group each is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from mrak.lang.metricmath import MathError

# What a function is called among CloudWatch's statistics.
FUNCTIONS: Final = {"AVG": "Average", "COUNT": "SampleCount", "MAX": "Maximum", "MIN": "Minimum", "SUM": "Sum"}
_TOKEN: Final = re.compile(r"""\s*(?:("(?:[^"]|"")*")|('(?:[^']|'')*')|([A-Za-z0-9_.:/#-]+)|(!=|[=(),]))""")
_KEYWORDS: Final = frozenset(
    {"SELECT", "FROM", "SCHEMA", "WHERE", "AND", "GROUP", "BY", "ORDER", "ASC", "DESC", "LIMIT"}
)
_MOST_SERIES: Final = 500


class Token(NamedTuple):
    """`kind` is name (quoted or not), text, word (a keyword, in capitals) or mark."""

    kind: str
    text: str


class Query(NamedTuple):
    """`labels` are the dimensions that a metric has to have, exactly these; None where any will do."""

    statistic: str
    metric: str
    namespace: str
    labels: frozenset[str] | None
    tests: tuple[tuple[str, str, bool], ...]
    """(dimension, value, whether it has to be that value)"""
    group_by: tuple[str, ...]
    order_by: str
    is_descending: bool
    limit: int

    def group(self, dimensions: Mapping[str, str]) -> tuple[str, ...] | None:
        """The group of a metric with these dimensions; None where the query is not about it."""
        if self.labels is not None and self.labels != dimensions.keys():
            return None
        for name, value, wanted in self.tests:
            if name not in dimensions or (dimensions[name] == value) != wanted:
                return None
        if any(name not in dimensions for name in self.group_by):
            return None
        return tuple(dimensions[name] for name in self.group_by)


def is_query(expression: str) -> bool:
    """Whether it is a query and no metric math."""
    return expression.lstrip()[:6].upper() == "SELECT" and not expression.lstrip()[6:7].isalnum()


@lru_cache(maxsize=256)
def parse(text: str) -> Query:
    """Raises MathError for what is no query."""
    return _Parser(_tokens(text)).query()


def _tokens(text: str) -> list[Token]:
    found = []
    at = 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise MathError("Invalid syntax")
        quoted, value, word, mark = match.groups()
        if quoted is not None:
            found.append(Token("name", quoted[1:-1].replace('""', '"')))
        elif value is not None:
            found.append(Token("text", value[1:-1].replace("''", "'")))
        elif word is not None:
            keyword = word.upper() in _KEYWORDS
            found.append(Token("word", word.upper()) if keyword else Token("name", word))
        else:
            found.append(Token("mark", mark))
        at = match.end()
    return found


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def query(self) -> Query:
        self._expect("word", "SELECT")
        statistic, metric = self._function()
        if not metric:
            raise MathError("Invalid syntax")
        self._expect("word", "FROM")
        namespace, labels = self._source()
        tests = self._tests() if self._skip("word", "WHERE") else ()
        group_by = self._names("GROUP")
        order_by, is_descending = self._order()
        limit = int(self._take("name")) if self._skip("word", "LIMIT") else _MOST_SERIES
        if self._at < len(self._tokens) or not 0 < limit <= _MOST_SERIES:
            raise MathError("Invalid syntax")
        return Query(statistic, metric, namespace, labels, tests, group_by, order_by, is_descending, limit)

    def _function(self) -> tuple[str, str]:
        """A function and what is in its brackets; nothing is in those of ORDER BY."""
        name = self._take("name").upper()
        if name not in FUNCTIONS:
            raise MathError(f"Unknown function {name}")
        self._expect("mark", "(")
        metric = "" if self._peek() == Token("mark", ")") else self._take("name")
        self._expect("mark", ")")
        return FUNCTIONS[name], metric

    def _source(self) -> tuple[str, frozenset[str] | None]:
        if not self._skip("word", "SCHEMA"):
            return self._take("name"), None
        self._expect("mark", "(")
        namespace, labels = self._take("name"), set()
        while self._skip("mark", ","):
            labels.add(self._take("name"))
        self._expect("mark", ")")
        return namespace, frozenset(labels)

    def _tests(self) -> tuple[tuple[str, str, bool], ...]:
        found = []
        while True:
            name, mark = self._take("name"), self._take("mark")
            if mark not in ("=", "!="):
                raise MathError("Invalid syntax")
            found.append((name, self._take("text"), mark == "="))
            if not self._skip("word", "AND"):
                return tuple(found)

    def _names(self, keyword: str) -> tuple[str, ...]:
        if not self._skip("word", keyword):
            return ()
        self._expect("word", "BY")
        found = [self._take("name")]
        while self._skip("mark", ","):
            found.append(self._take("name"))
        return tuple(found)

    def _order(self) -> tuple[str, bool]:
        if not self._skip("word", "ORDER"):
            return "", False
        self._expect("word", "BY")
        statistic, _ = self._function()
        is_descending = self._skip("word", "DESC")
        if not is_descending:
            self._skip("word", "ASC")
        return statistic, is_descending

    def _peek(self) -> Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else Token("end", "")

    def _take(self, kind: str) -> str:
        token = self._peek()
        if token.kind != kind:
            raise MathError("Invalid syntax")
        self._at += 1
        return token.text

    def _skip(self, kind: str, text: str) -> bool:
        if self._peek() != Token(kind, text):
            return False
        self._at += 1
        return True

    def _expect(self, kind: str, text: str) -> None:
        if not self._skip(kind, text):
            raise MathError("Invalid syntax")
