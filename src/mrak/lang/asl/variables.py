"""Which variables each state refers to, as DescribeStateMachine lists them."""

from __future__ import annotations

from typing import Any

from mrak.lang.asl import fields, intrinsics, jsonata, references, templates
from mrak.lang.asl.definition import Definition, State, all_states
from mrak.lang.asl.intrinsics import IntrinsicSyntaxError

_RESERVED = ("states",)


def references_of(state: State) -> list[str]:
    """The variables of one state, by name."""
    own = {name: value for name, value in state.raw.items() if name not in fields.INNER}
    found = _in_jsonata(own) if state.is_jsonata else _in_jsonpath(own)
    return sorted({name for name in found if name not in _RESERVED})


def in_definition(definition: Definition) -> dict[str, list[str]]:
    """State -> variables, of those that refer to any."""
    return {state.name: found for state in all_states(definition.root) if (found := references_of(state))}


def _in_jsonata(own: dict[str, Any]) -> list[str]:
    return [name for expression in templates.expressions_in(own) for name in jsonata.variables_in(expression)]


def _in_jsonpath(own: Any) -> list[str]:
    """Texts that are paths or calls: those of `.$` members, of fields that end with Path, and a rule's Variable."""
    found: list[str] = []
    if isinstance(own, list):
        return [name for item in own for name in _in_jsonpath(item)]
    if not isinstance(own, dict):
        return found
    for name, value in own.items():
        if isinstance(value, str) and (name.endswith((".$", "Path")) or name == "Variable"):
            found += _in_text(value)
        else:
            found += _in_jsonpath(value)
    return found


def _in_text(text: str) -> list[str]:
    try:
        paths = intrinsics.paths_in(text) if intrinsics.is_call(text) else [text]
    except IntrinsicSyntaxError:
        return []
    return [name for path in paths if (name := references.variable_of(path)) is not None]
