"""EventBridge event patterns: parse with AWS's messages, match with its array consistency, explain a mismatch.

A pattern is a set of *branches* (one, unless it says `$or`); a branch asks for each of its paths that one of the
conditions holds for one of the values which an event has there. An event is flattened first: every leaf is a value
at a dotted path, with the array elements that it stands in. Leaves that satisfy a branch must not stand in different
elements of the same array ("array consistency"): `{"a": [{"x": 1, "y": 2}, {"x": 3, "y": 4}]}` does not match
x = 1 and y = 4. Empty arrays and objects have no leaves, so nothing `exists` in them.

The order of checks and every message follow AWS's engine (github.com/aws/event-ruler) as the service answers.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from mrak.lang.patternparser import EXCLUDABLE, Branch, Field, PatternError, parse_branches
from mrak.lang.valuetests import Leaf, leaf_text

__all__ = ["Event", "Mismatch", "Pattern", "PatternError", "parse", "parse_event"]

Membership = tuple[tuple[int, int], ...]
Leaves = list[tuple[Leaf, Membership]]


class Event:
    """An event made ready for matching: flattened once, matched against as many patterns as one likes."""

    __slots__ = ("_arrays", "leaves")

    def __init__(self, document: dict[str, Any]) -> None:
        self._arrays = 0
        self.leaves: dict[str, Leaves] = {}
        self._flatten(document)

    def _flatten(self, document: dict[str, Any]) -> None:
        # A list of what is still to be looked at instead of recursion: an event may nest as deeply as it likes.
        waiting: list[tuple[str, Any, Membership]] = [("", document, ())]
        while waiting:
            path, value, membership = waiting.pop()
            if isinstance(value, dict):
                head = f"{path}." if path else ""
                waiting += [(f"{head}{name}", member, membership) for name, member in value.items()]
            elif isinstance(value, list):
                waiting += self._elements(path, value, membership)
            else:
                self.leaves.setdefault(path, []).append((value, membership))

    def _elements(self, path: str, array: list[Any], membership: Membership) -> Iterator[tuple[str, Any, Membership]]:
        number = self._arrays
        self._arrays += 1
        for index, element in enumerate(array):
            inside = isinstance(element, dict | list)
            yield path, element, (*membership, (number, index)) if inside else membership


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Why a pattern does not match: the field that failed, what was asked, and what the event has there."""

    path: str
    wanted: tuple[str, ...]
    found: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern. It keeps no state and may be shared."""

    branches: tuple[Branch, ...]

    def matches(self, event: Event) -> bool:
        return any(_matches_branch(branch, event) for branch in self.branches)

    def explain(self, event: Event) -> list[Mismatch]:
        """What keeps the event from matching, for the branch that comes nearest; empty where it matches."""
        if self.matches(event):
            return []
        failures = [_explain_branch(branch, event) for branch in self.branches]
        return min(failures, key=len)


@lru_cache(maxsize=4096)
def parse(text: str, excludable: frozenset[str] = EXCLUDABLE) -> Pattern:
    """The pattern of a text; raises PatternError with AWS's reason. Cached, since rules keep texts. `excludable` are
    the operators that anything-but takes."""
    return Pattern(parse_branches(text, excludable))


def parse_event(text: str) -> Event | None:
    """The event of a JSON text, with its numbers exact; None where the text is not a JSON object."""
    try:
        document = json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None
    return Event(document) if isinstance(document, dict) else None


def _refuse_constant(name: str) -> None:
    """NaN and Infinity, which Python takes for JSON."""
    raise ValueError(name)


def _matches_branch(branch: Branch, event: Event) -> bool:
    choices: list[Leaves] = []
    in_arrays = False
    for field in branch:
        leaves = event.leaves.get(field.path)
        if leaves is None:
            if not field.wants_absence:
                return False
            choices.append([])
            continue
        taken = [leaf for leaf in leaves if field.takes(leaf[0])]
        leaf_in_array = any(membership for _, membership in leaves)
        if not taken and not (field.wants_absence and leaf_in_array):
            return False
        in_arrays = in_arrays or leaf_in_array
        choices.append(taken)
    return not in_arrays or _is_consistent(branch, choices, event)


def _is_consistent(branch: Branch, choices: list[Leaves], event: Event) -> bool:
    """Whether one leaf can be chosen for each field so that no two stand in different elements of one array.

    `reached` holds the sets of elements that the choices so far stand in. Elements of arrays that no later field
    stands in are dropped from them, so there are never more sets than leaves.
    """
    reached: set[Membership] = {()}
    for position, field in enumerate(branch):
        later = _arrays_of(branch[position + 1 :], event)
        after: set[Membership] = set()
        for elements in reached:
            after |= _go_on(field, choices[position], elements, event, later)
        if not after:
            return False
        reached = after
    return True


def _go_on(field: Field, taken: Leaves, elements: Membership, event: Event, later: set[int]) -> set[Membership]:
    after: set[Membership] = set()
    for _, membership in taken:
        merged = _merge(elements, membership)
        if merged is not None:
            after.add(tuple(pair for pair in merged if pair[0] in later))
    if field.wants_absence:
        present = event.leaves.get(field.path, ())
        if all(_merge(elements, membership) is None for _, membership in present):
            after.add(tuple(pair for pair in elements if pair[0] in later))
    return after


def _merge(elements: Membership, more: Membership) -> Membership | None:
    """Both sets of elements as one, sorted; None where they name different elements of the same array."""
    merged = dict(elements)
    for array, index in more:
        if merged.setdefault(array, index) != index:
            return None
    return tuple(sorted(merged.items()))


def _arrays_of(fields: Branch, event: Event) -> set[int]:
    return {array for field in fields for _, membership in event.leaves.get(field.path, ()) for array, _ in membership}


def _explain_branch(branch: Branch, event: Event) -> list[Mismatch]:
    found = []
    for field in branch:
        leaves = event.leaves.get(field.path, [])
        if any(field.takes(value) for value, _ in leaves) or (field.wants_absence and not leaves):
            continue
        values = tuple(json.dumps(v) if isinstance(v, str) else leaf_text(v) for v, _ in leaves[:10])
        reason = "the value satisfies none of the conditions" if leaves else "the event has no value at this path"
        found.append(Mismatch(field.path, field.texts, values, reason))
    if found:
        return found
    paths = tuple(field.path for field in branch)
    reason = "each field matches, but only in different elements of the same array"
    return [Mismatch(", ".join(paths), (), (), reason)]
