"""Wildcards and policy variables of IAM policies.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html

A pattern is text with `*` and `?`, and since policy version 2012-10-17 with `${key}` and `${key, 'default'}`. It is
compiled once into tokens; variables are filled in at evaluation and their values are taken literally, so that a tag
`*` matches no more than a star. Matching never backtracks beyond the last star, so its cost is bounded by the product
of the two lengths, whatever somebody else's policy says.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

import msgspec

STAR: Final = -1
ANY: Final = -2

Units = tuple[int, ...]
"""A pattern ready to match: code points, with STAR and ANY among them."""

Lookup = Callable[[str], str | None]

_VARIABLE: Final = re.compile(r"\$\{\s*([^,}']*?)\s*(?:,\s*'([^']*)'\s*)?\}")
_LITERALS: Final = frozenset("*?$")


class Variable(msgspec.Struct, frozen=True):
    """`${key, 'default'}`."""

    key: str
    default: str | None


class Pattern(msgspec.Struct, frozen=True):
    """A compiled pattern. `units` is None when variables have to be filled in first."""

    text: str
    parts: tuple[Units | Variable, ...]
    units: Units | None
    literal: str | None
    prefix: str | None

    def matches(self, value: str, lookup: Lookup | None = None) -> bool:
        """Whether the whole of `value` matches. A variable without a value matches nothing."""
        if self.literal is not None:
            return value == self.literal
        if self.prefix is not None:
            return value.startswith(self.prefix)
        units = self.units
        if units is None:
            units = self._filled(lookup)
            if units is None:
                return False
        return match_units(units, value)

    def _filled(self, lookup: Lookup | None) -> Units | None:
        units: list[int] = []
        for part in self.parts:
            if isinstance(part, Variable):
                value = lookup(part.key) if lookup is not None else None
                if value is None:
                    value = part.default
                if value is None:
                    return None
                units.extend(map(ord, value))
            else:
                units.extend(part)
        return tuple(units)

    def expand(self, lookup: Lookup) -> str | None:
        """The pattern as plain text, for operators without wildcards; None when a variable has no value."""
        out: list[str] = []
        for part in self.parts:
            if isinstance(part, Variable):
                value = lookup(part.key)
                if value is None:
                    value = part.default
                if value is None:
                    return None
                out.append(value)
            else:
                out.append("".join({STAR: "*", ANY: "?"}.get(unit) or chr(unit) for unit in part))
        return "".join(out)


def match_units(units: Units, value: str) -> bool:
    """Greedy matching that remembers only the last star."""
    at = unit_at = 0
    star_at = resume_at = -1
    count = len(units)
    while at < len(value):
        unit = units[unit_at] if unit_at < count else None
        if unit == STAR:
            star_at, resume_at = unit_at, at
            unit_at += 1
        elif unit is not None and (unit == ANY or unit == ord(value[at])):
            unit_at += 1
            at += 1
        elif star_at >= 0:
            resume_at += 1
            unit_at, at = star_at + 1, resume_at
        else:
            return False
    return all(unit == STAR for unit in units[unit_at:])


@lru_cache(maxsize=8192)
def compile_pattern(text: str, with_variables: bool, with_wildcards: bool = True) -> Pattern:
    """Compile a pattern; variables are read only in policies of version 2012-10-17."""
    parts: list[Units | Variable] = []
    at = 0
    if with_variables:
        for found in _VARIABLE.finditer(text):
            parts.append(_units(text[at : found.start()], with_wildcards))
            parts.append((ord(found[1]),) if found[1] in _LITERALS else Variable(found[1].lower(), found[2]))
            at = found.end()
    parts.append(_units(text[at:], with_wildcards))
    if any(isinstance(part, Variable) for part in parts):
        return Pattern(text, tuple(parts), None, None, None)
    units = tuple(unit for part in parts if not isinstance(part, Variable) for unit in part)
    literal = prefix = None
    if STAR not in units and ANY not in units:
        literal = "".join(map(chr, units))
    elif units[-1] == STAR and STAR not in units[:-1] and ANY not in units:
        prefix = "".join(map(chr, units[:-1]))
    return Pattern(text, (units,), units, literal, prefix)


def _units(text: str, with_wildcards: bool) -> Units:
    if not with_wildcards:
        return tuple(map(ord, text))
    return tuple(STAR if char == "*" else ANY if char == "?" else ord(char) for char in text)


def match_arn(pattern: Pattern, value: str, lookup: Lookup | None = None) -> bool:
    """ARN conditions check each of the six components by itself: a star does not cross a colon before the sixth.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    """
    units = pattern.units if pattern.units is not None else pattern._filled(lookup)
    if units is None:
        return False
    patterns = _split_units(units)
    values = value.split(":", 5)
    if len(patterns) != len(values):
        return False
    return all(match_units(part, text) for part, text in zip(patterns, values, strict=True))


def _split_units(units: Units) -> list[Units]:
    parts: list[Units] = []
    start = 0
    colon = ord(":")
    for at, unit in enumerate(units):
        if unit == colon and len(parts) < 5:
            parts.append(units[start:at])
            start = at + 1
    parts.append(units[start:])
    return parts
