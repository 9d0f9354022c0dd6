"""Properties of a template to the input of an operation, by the operation's model.

Templates spell members in capitals, write numbers as text and policies as objects; operations have their own case,
types and JSON texts. The model says what is wanted.
"""

from __future__ import annotations

import json
from typing import Any

from mrak.protocol.model import Shape, load

_NUMBERS = {"integer": int, "long": int, "float": float, "double": float}


def fit_input(service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    """`params` as the operation wants them; what it does not know is left out."""
    shape = load(service).operation(operation).input
    return {} if shape is None else _fit_structure(shape, params)


def _fit(shape: Shape, value: Any) -> Any:
    kind = shape.type
    if shape.is_document:
        return value
    if kind == "structure":
        return _fit_structure(shape, value) if isinstance(value, dict) else value
    if kind == "list":
        return _fit_list(shape, value)
    if kind == "map":
        return _fit_map(shape, value)
    if kind == "string":
        return _fit_text(value)
    if kind == "boolean" and isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower(), value)
    if kind in _NUMBERS and isinstance(value, str):
        return _fit_number(kind, value)
    if kind in ("integer", "long") and isinstance(value, float) and value.is_integer():
        return int(value)
    if kind == "blob" and isinstance(value, str | dict | list):
        return _fit_text(value).encode()
    return value


def _fit_structure(shape: Shape, value: dict[str, Any]) -> dict[str, Any]:
    members = shape.members
    by_case = {name.lower(): name for name in members}
    fitted = {}
    for key, inner in value.items():
        name = key if key in members else by_case.get(key.lower())
        if name is not None and inner is not None:
            fitted[name] = _fit(members[name].shape, inner)
    return fitted


def _fit_list(shape: Shape, value: Any) -> Any:
    element = shape.element.shape
    if isinstance(value, dict):
        if element.type != "structure" or {name.lower() for name in element.members} != {"key", "value"}:
            value = [value]
        else:
            value = [{"Key": key, "Value": inner} for key, inner in value.items()]
    elif not isinstance(value, list):
        value = [value]
    return [_fit(element, item) for item in value]


def _fit_map(shape: Shape, value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(item, dict) and "Key" in item for item in value):
        value = {item["Key"]: item.get("Value", "") for item in value}
    if not isinstance(value, dict):
        return value
    inner = shape.value.shape
    return {str(key): _fit(inner, item) for key, item in value.items()}


def _fit_text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, dict | list):
        return json.dumps(value, separators=(",", ":"))
    return value


def _fit_number(kind: str, text: str) -> Any:
    """The number, or the text itself, which the operation then refuses with its own message."""
    try:
        return _NUMBERS[kind](text)
    except ValueError:
        return text
