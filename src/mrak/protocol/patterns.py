r"""The models' patterns (Java's regular expressions) as Python's.

A pattern must match the whole value, in ASCII classes, as java.util.regex.Matcher.matches does. Unicode categories
(`\p{L}`) are matched by writing a placeholder for each non-ASCII character of the value, since Python has no such
classes and their ranges run to thousands of entries. `translate` gives None for what Python cannot say (class
intersections): such a pattern is not checked. A repeat within a repeat may take exponential time on hostile input,
so unless their parts cannot be confused, values longer than `HOSTILE_LENGTH` skip that pattern (length limits hold).
"""

from __future__ import annotations

import re
import unicodedata
import warnings
from functools import cache
from typing import Any

HOSTILE_LENGTH = 20

_POSIX = {
    "Alpha": "a-zA-Z",
    "Alnum": "a-zA-Z0-9",
    "Digit": "0-9",
    "Lower": "a-z",
    "Upper": "A-Z",
    "Punct": r"!-/:-@\[-`{-~",
    "ASCII": r"\x00-\x7f",
    "Print": r"\x20-\x7e",
    "Graph": r"\x21-\x7e",
    "Space": r"\s",
    "Blank": r" \t",
    "Cntrl": r"\x00-\x1f\x7f",
    "XDigit": "0-9a-fA-F",
}
# A category's ASCII members, then the placeholder for the others.
_CATEGORIES = {
    "L": "a-zA-Z\ue001",
    "M": "\ue002",
    "N": "0-9\ue003",
    "P": "!-#%-*,-/:;?@\\[-\\]_{}\ue004",
    "S": "$+<=>\\^`|~\ue005",
    "Z": " \ue006",
    "C": "\\x00-\\x1f\\x7f\ue007",
}
_PLACEHOLDERS = {name: members[-1] for name, members in _CATEGORIES.items()}
_CATEGORY = re.compile(r"\\p(?:\{(?:Is)?[LMNPSZC][a-z]?\}|[LMNPSZC])")
_CLASS = re.compile(r"\\p(?:\{(\w+)\}|(\w))")
_SURROGATE_PAIR = re.compile(r"\\u[dD]([89aAbB][0-9a-fA-F]{2})\\u[dD]([c-fC-F][0-9a-fA-F]{2})")
_HEX = re.compile(r"\\x\{([0-9a-fA-F]+)\}")
_FLAGS = re.compile(r"\(\?([is]+)\)")


def _pair(match: re.Match[str]) -> str:
    high, low = int(match[1], 16) | 0xD000, int(match[2], 16) | 0xD000
    return f"\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08x}"


def _members_of(name: str) -> str:
    """A named class (`Alnum`, `L`, `Lu`, `IsLetter`) as members of a bracketed one."""
    return _POSIX.get(name) or _CATEGORIES.get(name.removeprefix("Is")[:1], "")


def _adapt_classes(pattern: str) -> str:
    """Categories as ranges; in a class, `[` and the hyphen of `\\w-_` as plain characters, as Java reads them."""
    parts: list[str] = []
    in_class = False
    position = 0
    while position < len(pattern):
        named = _CLASS.match(pattern, position)
        char = pattern[position]
        if named:
            members = _members_of(named[1] or named[2])
            parts.append(members if in_class else f"[{members}]")
            position = named.end()
            continue
        if char == "\\":
            parts.append(pattern[position : position + 2])
            position += 2
            if in_class and pattern[position - 1] in "wds" and pattern[position : position + 1] == "-":
                parts.append("\\-")
                position += 1
            continue
        if char == "[" and in_class:
            parts.append("\\")
        elif char in "[]":
            in_class = char == "["
        parts.append(char)
        position += 1
    return "".join(parts)


@cache
def translate(pattern: str) -> str | None:
    """Python's source for a full match, or None where there is none."""
    if "&&" in pattern or "\\P" in pattern:
        return None
    text = _SURROGATE_PAIR.sub(_pair, pattern)
    text = _HEX.sub(lambda match: f"\\U{int(match[1], 16):08x}", text)
    text = _adapt_classes(text)
    flags = "a"
    leading = _FLAGS.match(text)
    if leading:
        text, flags = text[leading.end() :], flags + leading[1]
    source = f"(?{flags})\\A(?:{text})\\Z"
    return source if _compiles(source) else None


def _compiles(source: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            re.compile(source)
        except (re.error, Warning, OverflowError, RecursionError):
            return False
    return True


@cache
def is_fast(pattern: str) -> bool:
    """Whether the translation alone decides, for any value: then the JSON decoder itself may check it."""
    return translate(pattern) is not None and not _CATEGORY.search(pattern) and not _may_explode(pattern)


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    source = translate(pattern)
    return re.compile(source) if source is not None else None


@cache
def _may_explode(pattern: str) -> bool:
    """Whether an unbounded repeat holds another one that could take the same characters in more than one way."""
    source = translate(pattern)
    if source is None:
        return False
    parser: Any = __import__("re._parser", fromlist=["parse"])
    return _explodes(parser.parse(source))


def _explodes(tree: Any) -> bool:
    for operation, argument in tree:
        if str(operation) in ("MAX_REPEAT", "MIN_REPEAT"):
            _, most, body = argument
            if int(most) > 64 and _holds_repeat(body) and not _starts_with_separator(body):
                return True
        if any(_explodes(branch) for branch in _branches(argument)):
            return True
    return False


def _branches(argument: Any) -> list[Any]:
    """The sub-patterns within an operation's argument, however deep it nests them."""
    if hasattr(argument, "getwidth"):
        return [argument]
    if isinstance(argument, list | tuple):
        return [branch for part in argument for branch in _branches(part)]
    return []


def _holds_repeat(tree: Any) -> bool:
    for operation, argument in tree:
        if str(operation) in ("MAX_REPEAT", "MIN_REPEAT") and int(argument[1]) > 1 and argument[0] != argument[1]:
            return True
        if any(_holds_repeat(branch) for branch in _branches(argument)):
            return True
    return False


def _starts_with_separator(body: Any) -> bool:
    """Whether each turn begins with a character that nothing else in it can match."""
    items = list(body)
    while len(items) == 1 and str(items[0][0]) == "SUBPATTERN":
        items = list(items[0][1][-1])
    if not items or str(items[0][0]) != "LITERAL":
        return False
    return not any(_can_match(item, items[0][1]) for item in items[1:])


def _can_match(item: Any, code: int) -> bool:
    operation, argument = str(item[0]), item[1]
    if operation == "LITERAL":
        return bool(argument == code)
    if operation == "IN":
        return _class_holds(argument, code)
    if operation in ("ANY", "NOT_LITERAL"):
        return True
    return any(_can_match(inner, code) for branch in _branches(argument) for inner in branch)


def _class_holds(parts: Any, code: int) -> bool:
    char = chr(code)
    for operation, argument in parts:
        name = str(operation)
        if name == "NEGATE":
            return True
        if name == "LITERAL" and argument == code:
            return True
        if name == "RANGE" and argument[0] <= code <= argument[1]:
            return True
        if name == "CATEGORY" and (char.isalnum() or char == "_" or char.isspace() or "NOT" in str(argument)):
            return True
    return False


def _with_placeholders(value: str) -> str:
    return "".join(char if char < "\x80" else _PLACEHOLDERS[unicodedata.category(char)[0]] for char in value)


def matches(pattern: str, value: str) -> bool:
    """Whether the whole value matches; true where the pattern cannot be checked."""
    compiled = _compiled(pattern)
    if compiled is None or (len(value) > HOSTILE_LENGTH and _may_explode(pattern)):
        return True
    if not value.isascii() and _CATEGORY.search(pattern):
        value = _with_placeholders(value)
    return compiled.match(value) is not None
