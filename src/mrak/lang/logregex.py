"""The regular expressions of CloudWatch Logs filter patterns, run without backtracking.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html#regex-expressions

AWS allows no groups, so an expression is a choice of rows of characters with quantifiers. It becomes a set of states
that advance together, one step for each character, with the sets seen so far remembered; somebody else's expression
on somebody else's log line costs time in proportion to the line, whatever both say.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

Accepts = Callable[[str], bool]

_MOST_STATES: Final = 2000
_MOST_REMEMBERED: Final = 4096
_LITERAL: Final = re.compile(r"[A-Za-z0-9 :_#=@/;,!<>~'\"&%-]").fullmatch
_CLASSES: Final[dict[str, Accepts]] = {
    "d": lambda char: "0" <= char <= "9",
    "D": lambda char: not "0" <= char <= "9",
    "w": lambda char: char == "_" or (char.isascii() and char.isalnum()),
    "W": lambda char: not (char == "_" or (char.isascii() and char.isalnum())),
    "s": lambda char: char in " \t\n\r\f\v",
    "S": lambda char: char not in " \t\n\r\f\v",
}


class RegexError(ValueError):
    """Not an expression that CloudWatch Logs takes."""


class _Atom:
    """One state: a character, whether it may be left out and whether it may repeat."""

    __slots__ = ("accepts", "is_optional", "repeats")

    def __init__(self, accepts: Accepts, is_optional: bool, repeats: bool) -> None:
        self.accepts = accepts
        self.is_optional = is_optional
        self.repeats = repeats


class Regex:
    """A compiled expression; `found_in` says whether it occurs in a text."""

    __slots__ = ("_branches", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._branches = [_Branch(branch) for branch in _split_choice(text)]

    def found_in(self, value: str) -> bool:
        return any(branch.found_in(value) for branch in self._branches)


class _Branch:
    """One alternative. Bit n of a state set: atom n comes next; the bit after the last: matched."""

    __slots__ = ("_accept", "_at_end", "_at_start", "_atoms", "_closures", "_steps")

    def __init__(self, text: str) -> None:
        self._at_start = text.startswith("^")
        self._at_end = text.endswith("$") and not text.endswith("\\$")
        self._atoms = _parse_atoms(text[1 if self._at_start else 0 : -1 if self._at_end else len(text)])
        if len(self._atoms) > _MOST_STATES:
            raise RegexError("the regular expression is too complex")
        self._accept = 1 << len(self._atoms)
        self._closures = self._closed()
        self._steps: dict[tuple[int, str], int] = {}

    def _closed(self) -> list[int]:
        closures = [0] * len(self._atoms) + [self._accept]
        for at in range(len(self._atoms) - 1, -1, -1):
            closures[at] = 1 << at | (closures[at + 1] if self._atoms[at].is_optional else 0)
        return closures

    def found_in(self, value: str) -> bool:
        start = states = self._closures[0]
        accept, steps = self._accept, self._steps
        if states & accept and not self._at_end:
            return True
        for char in value:
            following = steps.get((states, char))
            if following is None:
                following = self._step(states, char)
            states = following if self._at_start else following | start
            if states & accept and not self._at_end:
                return True
            if not states:
                return False
        return bool(states & accept)

    def _step(self, states: int, char: str) -> int:
        following = 0
        for at, atom in enumerate(self._atoms):
            if states >> at & 1 and atom.accepts(char):
                following |= self._closures[at + 1]
                if atom.repeats:
                    following |= self._closures[at]
        if len(self._steps) >= _MOST_REMEMBERED:
            self._steps.clear()
        self._steps[states, char] = following
        return following


def _split_choice(text: str) -> list[str]:
    """The alternatives of an expression: split at bars outside brackets and escapes."""
    branches = [""]
    at = 0
    in_set = False
    while at < len(text):
        char = text[at]
        if char == "\\":
            branches[-1] += text[at : at + 2]
            at += 2
            continue
        in_set = (in_set or char == "[") and char != "]"
        if char == "|" and not in_set:
            branches.append("")
        else:
            branches[-1] += char
        at += 1
    return branches


def _parse_atoms(text: str) -> list[_Atom]:
    atoms: list[_Atom] = []
    at = 0
    while at < len(text):
        accepts, at = _parse_character(text, at)
        least, most, at = _parse_quantifier(text, at)
        atoms.extend(_Atom(accepts, False, False) for _ in range(least))
        if most is not None:
            atoms.extend(_Atom(accepts, True, False) for _ in range(most - least))
        else:
            atoms.append(_Atom(accepts, True, True))
    return atoms


def _parse_character(text: str, at: int) -> tuple[Accepts, int]:
    char = text[at]
    if char == ".":
        return (lambda got: got != "\n"), at + 1
    if char == "[":
        return _parse_set(text, at + 1)
    if char == "\\":
        return _parse_escape(text, at + 1)
    if _LITERAL(char):
        return (lambda got: got == char), at + 1
    raise RegexError(f"'{char}' is not supported in a regular expression")


def _parse_escape(text: str, at: int) -> tuple[Accepts, int]:
    if at >= len(text):
        raise RegexError("a regular expression ends with a backslash")
    char = text[at]
    if char in _CLASSES:
        return _CLASSES[char], at + 1
    if char == "x":
        digits = text[at + 1 : at + 3]
        if not re.fullmatch(r"[0-9A-Fa-f]{2}", digits):
            raise RegexError("\\x takes two hexadecimal digits")
        wanted = chr(int(digits, 16))
        return (lambda got: got == wanted), at + 3
    if char.isalnum():
        raise RegexError(f"'\\{char}' is not supported in a regular expression")
    return (lambda got: got == char), at + 1


def _parse_set(text: str, at: int) -> tuple[Accepts, int]:
    is_negated = text[at : at + 1] == "^"
    at += is_negated
    members: list[Accepts] = []
    while text[at : at + 1] != "]" or not members:
        if at >= len(text):
            raise RegexError("a set of characters is not closed")
        if text[at] == "\\":
            member, at = _parse_escape(text, at + 1)
        elif text[at + 1 : at + 2] == "-" and text[at + 2 : at + 3] not in ("", "]"):
            member, at = _between(text[at], text[at + 2]), at + 3
        else:
            member, at = _between(text[at], text[at]), at + 1
        members.append(member)
    if is_negated:
        return (lambda got: not any(member(got) for member in members)), at + 1
    return (lambda got: any(member(got) for member in members)), at + 1


def _between(first: str, last: str) -> Accepts:
    if last < first:
        raise RegexError(f"'{first}-{last}' is not a range")
    return lambda got: first <= got <= last


_COUNT: Final = re.compile(r"\{([0-9]{1,4})(,?)([0-9]{0,4})\}")


def _parse_quantifier(text: str, at: int) -> tuple[int, int | None, int]:
    char = text[at : at + 1]
    if char == "*":
        return 0, None, at + 1
    if char == "+":
        return 1, None, at + 1
    if char == "?":
        return 0, 1, at + 1
    if char != "{":
        return 1, 1, at
    found = _COUNT.match(text, at)
    if found is None:
        raise RegexError("a quantifier is {n}, {n,} or {n,m}")
    least = int(found[1])
    most = int(found[3]) if found[3] else None if found[2] else least
    if (found[3] and not found[2]) or (most is not None and most < least) or least > _MOST_STATES:
        raise RegexError("a quantifier is {n}, {n,} or {n,m}")
    return least, most, found.end()
