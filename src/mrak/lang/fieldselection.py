"""Field selection criteria of CloudWatch Logs' filters: of which accounts and regions a filter takes events.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutSubscriptionFilter.html

`@aws.region = "eu-west-1" AND @aws.account NOT IN ('111111111111')`: comparisons with AND, OR and parentheses, whose
nesting is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

Test = Callable[[Mapping[str, str]], bool]

_FIELDS: Final = ("@aws.account", "@aws.region")
_DEEPEST: Final = 20
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<op>!=|=|\(|\)|,)|(?P<field>@[\w.]+)|"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<word>[A-Za-z]+))"""
)


class FieldSelectionError(ValueError):
    """Not a criterion that AWS takes."""


@lru_cache(maxsize=256)
def parse(text: str) -> Test:
    """Whether the fields of events fit; raises FieldSelectionError. An empty text fits all."""
    if not text.strip():
        return lambda fields: True
    return _Reader(text).read()


class _Reader:
    """Recursive descent; AND binds closer than OR."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        at, end = 0, len(text.rstrip())
        while at < end:
            found = _TOKEN.match(text, at)
            if found is None or found.lastgroup is None:
                raise FieldSelectionError(text)
            kind = "value" if found.lastgroup in ("double", "single") else found.lastgroup
            token = found[found.lastgroup]
            self._tokens.append((kind, token.upper() if kind == "word" else token))
            at = found.end()
        self._at = 0

    def read(self) -> Test:
        test = self._either(0)
        if self._at != len(self._tokens):
            raise FieldSelectionError("there is more than one criterion")
        return test

    def _take(self, kind: str, *texts: str) -> str:
        if not self._is_next(kind, *texts):
            raise FieldSelectionError(f"no {kind} at {self._at}")
        self._at += 1
        return self._tokens[self._at - 1][1]

    def _is_next(self, kind: str, *texts: str) -> bool:
        if self._at >= len(self._tokens) or self._tokens[self._at][0] != kind:
            return False
        return not texts or self._tokens[self._at][1] in texts

    def _either(self, depth: int) -> Test:
        tests = [self._both(depth)]
        while self._is_next("word", "OR"):
            self._at += 1
            tests.append(self._both(depth))
        return lambda fields: any(test(fields) for test in tests)

    def _both(self, depth: int) -> Test:
        tests = [self._single(depth)]
        while self._is_next("word", "AND"):
            self._at += 1
            tests.append(self._single(depth))
        return lambda fields: all(test(fields) for test in tests)

    def _single(self, depth: int) -> Test:
        if self._is_next("op", "("):
            if depth >= _DEEPEST:
                raise FieldSelectionError("too deep")
            self._at += 1
            test = self._either(depth + 1)
            self._take("op", ")")
            return test
        field = self._take("field", *_FIELDS)
        if self._is_next("op", "=", "!="):
            is_equal = self._take("op") == "="
            wanted = [self._take("value")]
        else:
            is_equal = self._take("word", "IN", "NOT") == "IN"
            if not is_equal:
                self._take("word", "IN")
            wanted = self._values()
        return lambda fields: (fields.get(field) in wanted) == is_equal

    def _values(self) -> list[str]:
        self._take("op", "(")
        found = [self._take("value")]
        while self._is_next("op", ","):
            self._at += 1
            found.append(self._take("value"))
        self._take("op", ")")
        return found
