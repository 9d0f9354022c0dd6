"""The grammar of JSONPath: text to segments. See jsonpath for what they mean."""

from __future__ import annotations

import re
from typing import Any, NoReturn

from mrak.lang.jsonpathnodes import (
    Children,
    Descent,
    Filter,
    Filtered,
    Function,
    Indexes,
    Names,
    Segment,
    Slice,
    all_of,
    any_of,
    compare,
    negate,
    present,
)

MAX_LENGTH = 8192
MAX_NESTING = 50
FUNCTIONS = frozenset({"length", "size", "min", "max", "avg", "sum", "keys"})
# Anything may stand in a name after a dot but what has a meaning of its own.
_NAME = re.compile(r"[^\s.\[\]()'\",:*?@&|!=<>$]+")
_INTEGER = re.compile(r"-?[0-9]{1,9}")
_SLICE = re.compile(r"(-?[0-9]{1,9})?:(-?[0-9]{1,9})?(?::([0-9]{1,9}))?")
_OPERATOR = re.compile(r"==|!=|<=|>=|<|>|(?:in|nin|subsetof|contains|size|empty)\b")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?")
_WORDS = {"true": True, "false": False, "null": None}


class JsonPathSyntaxError(Exception):
    """The text is no JSONPath."""


class PathParser:
    """A recursive descent over one text."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_LENGTH:
            raise JsonPathSyntaxError("the path is too long")
        self._text = text
        self._at = 0
        self._nesting = 0

    def parse_root(self) -> tuple[bool, tuple[Segment, ...]]:
        """The whole text: whether it begins with `$$`, and its segments."""
        if not self._take("$"):
            self._refuse("a path begins with $")
        is_context = self._take("$")
        segments = self._parse_segments()
        if self._at != len(self._text):
            self._refuse("unexpected character")
        return is_context, segments

    def _refuse(self, reason: str) -> NoReturn:
        raise JsonPathSyntaxError(f"{reason} at {self._at} in {self._text!r}")

    def _take(self, token: str) -> bool:
        if self._text.startswith(token, self._at):
            self._at += len(token)
            return True
        return False

    def _skip_space(self) -> None:
        while self._text[self._at : self._at + 1].isspace():
            self._at += 1

    def _expect(self, token: str) -> None:
        self._skip_space()
        if not self._take(token):
            self._refuse(f"expected {token}")

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._text, self._at)
        if match:
            self._at = match.end()
        return match

    def _parse_segments(self) -> tuple[Segment, ...]:
        segments: list[Segment] = []
        while True:
            if self._take(".."):
                segments.append(Descent())
                segments.append(self._parse_bracket() if self._take("[") else self._parse_name())
            elif self._take("."):
                segments.append(self._parse_name())
            elif self._take("["):
                segments.append(self._parse_bracket())
            else:
                return tuple(segments)
            if isinstance(segments[-1], Function):
                return tuple(segments)

    def _parse_name(self) -> Segment:
        if self._take("*"):
            return Children()
        name = self._match(_NAME)
        if name is None:
            self._refuse("expected a name")
        if self._take("()"):
            if name.group() not in FUNCTIONS:
                self._refuse(f"unknown function {name.group()}")
            return Function(name.group())
        return Names((name.group(),))

    def _parse_bracket(self) -> Segment:
        self._skip_space()
        if self._take("*"):
            segment: Segment = Children()
        elif self._take("?"):
            self._expect("(")
            segment = Filtered(self._parse_either())
            self._expect(")")
        elif self._text[self._at : self._at + 1] in ("'", '"'):
            segment = Names(tuple(self._parse_list(self._parse_string)))
        else:
            segment = self._parse_positions()
        self._expect("]")
        return segment

    def _parse_positions(self) -> Segment:
        part = self._match(_SLICE)
        if part:
            start, stop, step = (int(number) if number else None for number in part.groups())
            if step == 0:
                self._refuse("a slice's step is not 0")
            return Slice(start, stop, step)
        return Indexes(tuple(self._parse_list(self._parse_integer)))

    def _parse_list(self, parse_item: Any) -> list[Any]:
        items = []
        while True:
            self._skip_space()
            items.append(parse_item())
            self._skip_space()
            if not self._take(","):
                return items

    def _parse_integer(self) -> int:
        number = self._match(_INTEGER)
        if number is None:
            self._refuse("expected an index")
        return int(number.group())

    def _parse_string(self) -> str:
        quote = self._text[self._at : self._at + 1]
        if quote not in ("'", '"'):
            self._refuse("expected a string")
        parts, at = [], self._at + 1
        while at < len(self._text) and self._text[at] != quote:
            if self._text[at] == "\\" and at + 1 < len(self._text):
                at += 1
            parts.append(self._text[at])
            at += 1
        if at >= len(self._text):
            self._refuse("unfinished string")
        self._at = at + 1
        return "".join(parts)

    def _parse_either(self) -> Filter:
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            self._refuse("nested too deeply")
        alternatives = [self._parse_both()]
        while self._take("||"):
            alternatives.append(self._parse_both())
        self._nesting -= 1
        return alternatives[0] if len(alternatives) == 1 else any_of(alternatives)

    def _parse_both(self) -> Filter:
        parts = [self._parse_term()]
        while self._take("&&"):
            parts.append(self._parse_term())
        return parts[0] if len(parts) == 1 else all_of(parts)

    def _parse_term(self) -> Filter:
        self._skip_space()
        if self._text.startswith("!", self._at) and not self._text.startswith("!=", self._at):
            self._at += 1
            self._nesting += 1
            if self._nesting > MAX_NESTING:
                self._refuse("nested too deeply")
            negated = negate(self._parse_term())
            self._nesting -= 1
            return negated
        if self._take("("):
            inner = self._parse_either()
            self._expect(")")
            self._skip_space()
            return inner
        return self._parse_comparison()

    def _parse_comparison(self) -> Filter:
        left = self._parse_operand()
        self._skip_space()
        operator = self._match(_OPERATOR)
        if operator is None:
            return present(left)
        self._skip_space()
        right = self._parse_operand()
        self._skip_space()
        return compare(left, operator.group(), right)

    def _parse_operand(self) -> Any:
        """A sub-path as (is_root, segments), or a literal in a one-element list."""
        char = self._text[self._at : self._at + 1]
        if char in ("@", "$"):
            self._at += 1
            return char == "$", self._parse_segments()
        if char in ("'", '"'):
            return [self._parse_string()]
        if self._take("["):
            values = self._parse_list(lambda: self._parse_operand()[0])
            self._expect("]")
            return [values]
        for word, value in _WORDS.items():
            if self._take(word):
                return [value]
        number = self._match(_NUMBER)
        if number is None:
            self._refuse("expected a value")
        text = number.group()
        return [float(text) if any(sign in text for sign in ".eE") else int(text)]
