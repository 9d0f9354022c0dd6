"""What a value refers to, and the order of resources that follows from it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

SUBSTITUTION = re.compile(r"\$\{(!?)\s*([^}!][^}]*?)\s*\}")


class Reference(msgspec.Struct, frozen=True):
    """A mention of a resource or parameter; `attribute` is "" for a Ref."""

    name: str
    attribute: str = ""


def references(value: Any, conditions: Mapping[str, bool] | None = None) -> Iterator[Reference]:
    """Every Ref, Fn::GetAtt and ${} in a value; with `conditions`, only in the branches of Fn::If that are taken."""
    if isinstance(value, list):
        for item in value:
            yield from references(item, conditions)
    elif isinstance(value, dict):
        if len(value) == 1:
            ((function, argument),) = value.items()
            if function in ("Ref", "Fn::GetAtt", "Fn::Sub", "Fn::If"):
                yield from _function_references(function, argument, conditions)
                return
        for item in value.values():
            yield from references(item, conditions)


def _function_references(function: str, argument: Any, conditions: Mapping[str, bool] | None) -> Iterator[Reference]:
    if function == "Ref" and isinstance(argument, str):
        yield Reference(argument)
    elif function == "Fn::GetAtt":
        name, attribute = attribute_path(argument)
        if name:
            yield Reference(name, attribute if isinstance(attribute, str) else "")
        yield from references(attribute, conditions)
    elif function == "Fn::Sub":
        yield from _sub_references(argument, conditions)
    elif function == "Fn::If" and isinstance(argument, list) and len(argument) == 3:
        taken = None if conditions is None else conditions.get(str(argument[0]))
        branches = argument[1:] if taken is None else [argument[1] if taken else argument[2]]
        yield from references(branches, conditions)


def _sub_references(argument: Any, conditions: Mapping[str, bool] | None) -> Iterator[Reference]:
    text, variables = (argument, {}) if isinstance(argument, str) else ([*argument, {}])[:2] if argument else ("", {})
    if not isinstance(text, str) or not isinstance(variables, dict):
        return
    for literal, name in SUBSTITUTION.findall(text):
        if not literal and name not in variables:
            base, _, attribute = name.partition(".")
            yield Reference(base, attribute)
    yield from references(list(variables.values()), conditions)


def attribute_path(argument: Any) -> tuple[str, Any]:
    """(resource, attribute) of Fn::GetAtt's argument; ("", "") where it has neither form."""
    if isinstance(argument, str):
        name, _, attribute = argument.partition(".")
        return name, attribute
    if isinstance(argument, list) and len(argument) >= 2 and isinstance(argument[0], str):
        if all(isinstance(part, str) for part in argument):
            return argument[0], ".".join(argument[1:])
        return argument[0], argument[1]
    return "", ""


def find_cycle(edges: Mapping[str, set[str]]) -> list[str]:
    """The resources that wait for each other, in order of name; [] where an order exists."""
    left = {name: set(needs) & edges.keys() for name, needs in edges.items()}
    while left:
        free = [name for name, needs in left.items() if not needs]
        if not free:
            return _on_cycle(left)
        for name in free:
            del left[name]
        for needs in left.values():
            needs.difference_update(free)
    return []


def _on_cycle(left: dict[str, set[str]]) -> list[str]:
    """Of what can't be ordered, those that others on the cycle need (not those that merely hang on it)."""
    while True:
        needed = set().union(*left.values())
        loose = [name for name in left if name not in needed]
        if not loose:
            return sorted(left)
        for name in loose:
            del left[name]
