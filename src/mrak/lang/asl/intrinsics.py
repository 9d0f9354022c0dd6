"""Intrinsic functions of JSONPath states: `States.Format('{} of {}', $.part, 3)`.

A call is parsed once (cached by text) into nodes; arguments are literals, paths and calls. AWS allows ten calls inside
each other. https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mrak.lang.asl import intrinsicfunctions, references
from mrak.lang.asl.failures import intrinsic
from mrak.lang.asl.references import PathMissing
from mrak.lang.asl.scope import Scope

MAX_NESTING = 10
_NAME = re.compile(r"\s*(States\.[A-Za-z0-9]+)\s*\(")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORD = re.compile(r"(true|false|null)\b")
_WORDS = {"true": True, "false": False, "null": None}
# A path as an argument ends at a comma or parenthesis that is not inside of it.
_BRACKETS = {"[": "]", "(": ")"}


class IntrinsicSyntaxError(Exception):
    """The text is no intrinsic call."""


@dataclass(frozen=True, slots=True)
class Call:
    text: str
    name: str
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class Literal:
    value: Any


@dataclass(frozen=True, slots=True)
class PathArgument:
    text: str


Argument = Call | Literal | PathArgument


def is_call(text: str) -> bool:
    return text.startswith("States.")


@lru_cache(maxsize=4096)
def parse(text: str) -> Call:
    """The call that a text is; raises IntrinsicSyntaxError."""
    reader = _Reader(text)
    call = reader.read_call(1)
    if reader.at != len(text.rstrip()):
        raise IntrinsicSyntaxError(text)
    return call


def evaluate(text: str, scope: Scope) -> Any:
    """The value of a call; raises StateFailed, and PathMissing for a path among its arguments."""
    return _evaluate(parse(text), scope)


def paths_in(text: str) -> list[str]:
    """All paths among the arguments, of calls inside too."""
    found: list[str] = []
    waiting: list[Argument] = [parse(text)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Call):
            waiting += node.arguments
        elif isinstance(node, PathArgument):
            found.append(node.text)
    return found


def _evaluate(node: Argument, scope: Scope) -> Any:
    if isinstance(node, Literal):
        return node.value
    if isinstance(node, PathArgument):
        return references.find(node.text, scope)
    try:
        arguments = [_evaluate(argument, scope) for argument in node.arguments]
        return intrinsicfunctions.FUNCTIONS[node.name](arguments, scope.draw)
    except intrinsicfunctions.Refused as refused:
        raise intrinsic(node.text, str(refused)) from None
    except PathMissing as missing:
        raise intrinsic(node.text, str(missing)) from None


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self.at = 0

    def read_call(self, depth: int) -> Call:
        start = self.at
        match = _NAME.match(self._text, self.at)
        if match is None or depth > MAX_NESTING or match.group(1) not in intrinsicfunctions.FUNCTIONS:
            raise IntrinsicSyntaxError(self._text)
        self.at = match.end()
        arguments: list[Argument] = []
        self._skip()
        if self._take(")"):
            return Call(self._text[start : self.at].strip(), match.group(1), ())
        while True:
            arguments.append(self._read_argument(depth))
            self._skip()
            if self._take(")"):
                return Call(self._text[start : self.at].strip(), match.group(1), tuple(arguments))
            if not self._take(","):
                raise IntrinsicSyntaxError(self._text)

    def _read_argument(self, depth: int) -> Argument:
        self._skip()
        character = self._text[self.at : self.at + 1]
        readers: dict[str, Callable[[], Argument]] = {"'": self._read_string, "$": self._read_path}
        reader = readers.get(character)
        if reader is not None:
            return reader()
        if self._text.startswith("States.", self.at):
            return self.read_call(depth + 1)
        word = _WORD.match(self._text, self.at)
        if word is not None:
            self.at = word.end()
            return Literal(_WORDS[word.group(1)])
        number = _NUMBER.match(self._text, self.at)
        if number is None:
            raise IntrinsicSyntaxError(self._text)
        self.at = number.end()
        text = number.group()
        return Literal(float(text) if any(sign in text for sign in ".eE") else int(text))

    def _read_string(self) -> Argument:
        parts: list[str] = []
        at = self.at + 1
        while at < len(self._text) and self._text[at] != "'":
            if self._text[at] == "\\":
                at += 1
                if self._text[at : at + 1] not in ("'", "\\", "{", "}"):
                    raise IntrinsicSyntaxError(self._text)
                # An escaped brace stays marked: States.Format must not take it for a place to fill.
                parts.append({"{": "\ue000", "}": "\ue001"}.get(self._text[at], self._text[at]))
            else:
                parts.append(self._text[at])
            at += 1
        if at >= len(self._text):
            raise IntrinsicSyntaxError(self._text)
        self.at = at + 1
        return Literal("".join(parts))

    def _read_path(self) -> Argument:
        start, quote = self.at, ""
        open_brackets: list[str] = []
        while self.at < len(self._text):
            character = self._text[self.at]
            if quote:
                quote = "" if character == quote else quote
            elif character in "'\"" and open_brackets:
                quote = character
            elif character in _BRACKETS:
                open_brackets.append(_BRACKETS[character])
            elif open_brackets and character == open_brackets[-1]:
                open_brackets.pop()
            elif not open_brackets and (character in ",)" or character.isspace()):
                break
            self.at += 1
        text = self._text[start : self.at]
        if not references.is_path(text):
            raise IntrinsicSyntaxError(self._text)
        return PathArgument(text)

    def _skip(self) -> None:
        while self._text[self.at : self.at + 1].isspace():
            self.at += 1

    def _take(self, token: str) -> bool:
        if self._text.startswith(token, self.at):
            self.at += 1
            return True
        return False
