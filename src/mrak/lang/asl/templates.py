"""Payload templates: JSON in which some values are references.

In JSONPath states a member whose name ends with `.$` has a path or an intrinsic call as its value; in JSONata states
any string `{% ... %}` is an expression, and a failure names its field as a path (`Output/result`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mrak.lang.asl import intrinsics, jsonata, references
from mrak.lang.asl.failures import runtime
from mrak.lang.asl.references import PathMissing
from mrak.lang.asl.scope import Scope, render


def evaluate(text: str, scope: Scope) -> Any:
    """The value of a path or an intrinsic call; raises StateFailed and PathMissing."""
    return intrinsics.evaluate(text, scope) if intrinsics.is_call(text) else references.find(text, scope)


def fill(template: Any, scope: Scope) -> Any:
    """The template of a JSONPath state with its references filled in."""
    if isinstance(template, dict):
        filled: dict[str, Any] = {}
        for name, value in template.items():
            if name.endswith(".$"):
                filled[name[:-2]] = require(value, name, scope)
            else:
                filled[name] = fill(value, scope)
        return filled
    if isinstance(template, list):
        return [fill(item, scope) for item in template]
    return template


def require(text: str, field: str, scope: Scope) -> Any:
    """The value of the reference in a field; a failure names the field."""
    try:
        return evaluate(text, scope)
    except PathMissing:
        shown = scope.input_text or render(scope.root)
        raise runtime(
            f"The JSONPath '{text}' specified for the field '{field}' could not be found in the input '{shown}'"
        ) from None


def fill_jsonata(template: Any, bindings: jsonata.Bindings, field: str) -> Any:
    """The template of a JSONata state with its expressions evaluated."""
    if isinstance(template, str):
        expression = jsonata.find_expression(template)
        return template if expression is None else jsonata.evaluate(expression, bindings, field)
    if isinstance(template, dict):
        return {name: fill_jsonata(value, bindings, f"{field}/{name}") for name, value in template.items()}
    if isinstance(template, list):
        return [fill_jsonata(value, bindings, f"{field}[{index}]") for index, value in enumerate(template)]
    return template


def references_in(template: Any) -> Iterator[str]:
    """The texts of all `.$` members."""
    if isinstance(template, dict):
        for name, value in template.items():
            if name.endswith(".$") and isinstance(value, str):
                yield value
            else:
                yield from references_in(value)
    elif isinstance(template, list):
        for item in template:
            yield from references_in(item)


def expressions_in(template: Any) -> Iterator[str]:
    """The texts of all `{% %}` strings."""
    if isinstance(template, str):
        expression = jsonata.find_expression(template)
        if expression is not None:
            yield expression
    elif isinstance(template, dict):
        for value in template.values():
            yield from expressions_in(value)
    elif isinstance(template, list):
        for item in template:
            yield from expressions_in(item)
