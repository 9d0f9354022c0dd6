"""Whether a definition is valid: the language's rules, and what the operations that its tasks call make of parameters
that stand there as they are.

AWS asks for the operation's required parameters first, the body of an upload among them, and then reads what is given
as its SDK for Java would; the first thing that cannot be read is told. What a path or an expression yields is not known
before the task runs. Recorded with ValidateStateMachineDefinition; what was not recorded passes.
https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinition.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mrak.lang.asl import validation
from mrak.lang.asl.jsonata import is_expression
from mrak.lang.asl.problems import Problem
from mrak.lang.asl.resources import Resource
from mrak.protocol.model import Shape
from mrak.services.stepfunctions import casing, services


def problems_of(text: str, is_express: bool = False) -> list[Problem]:
    return validation.check(text, is_express, _parameter_problems)


def problems_of_state(name: str, raw: Any) -> list[Problem]:
    """All problems of a state by itself."""
    return validation.check_state(name, raw, parameters=_parameter_problems)


def _parameter_problems(resource: Resource, given: dict[str, Any]) -> Iterator[str]:
    shape = _input_of(resource)
    if shape is None:
        return
    names = {name.removesuffix(".$") for name in given}
    missing = [name for name in _required(shape, resource) if name not in names]
    if missing:
        yield from (f"The field '{name}' is required but was missing" for name in missing)
    elif resource.sort == "sdk":
        yield from _first(_unreadable(shape, given))


def _input_of(resource: Resource) -> Shape | None:
    """What the operation takes; None where the parameters are not simply its input."""
    operation = resource.operation[:1].upper() + resource.operation[1:]
    if resource.sort == "sdk":
        service = services.find_sdk_service(resource.service)
    elif resource.sort == "service":
        service = services.find_optimised_service(resource.service)
    else:
        return None
    return None if service is None else casing.find_shape(service, operation, "input")


def _required(shape: Shape, resource: Resource) -> list[str]:
    names = [name for name in shape.members if name in shape.required]
    names += [name for name, member in shape.members.items() if member.streaming and name not in shape.required]
    made = [name for name in names if not shape.members[name].traits.get("idempotencyToken")]
    return [casing.show_name(name) if resource.sort == "sdk" else casing.capital(name) for name in made]


def _first(problems: Iterator[str]) -> Iterator[str]:
    problem = next(problems, None)
    if problem is not None:
        yield problem


def _unreadable(shape: Shape, value: Any, name: str = "") -> Iterator[str]:
    """What the SDK could not make of a value, nearest first."""
    if value is None or is_expression(value) or shape.is_document:
        return
    if shape.type == "structure":
        yield from _unreadable_structure(shape, value)
    elif shape.type == "list" and isinstance(value, list):
        for item in value:
            yield from _unreadable(shape.element.shape, item, name)
    elif shape.type == "map" and isinstance(value, dict):
        for key, item in value.items():
            if not key.endswith(".$"):
                yield from _unreadable(shape.value.shape, item, key)
    elif shape.type == "string" and isinstance(value, int | float) and not isinstance(value, bool):
        yield f"The value for the field '{name}' must be a STRING"
    elif shape.type == "integer" and isinstance(value, str | float):
        yield f"The value for the field '{name}' must be an INTEGER"
    elif shape.type == "boolean":
        yield from _unreadable_boolean(value)


def _unreadable_structure(shape: Shape, value: Any) -> Iterator[str]:
    if isinstance(value, str):
        java = f"software.amazon.awssdk.services.{_java_package(shape)}.model.{shape.name}$BuilderImpl"
        yield (
            f"Cannot construct instance of `{java}` (although at least one Creator exists): no String-argument "
            f"constructor/factory method to deserialize from String value ('{value}')"
        )
    if not isinstance(value, dict):
        return
    members = casing.by_shown_name(shape)
    for name, item in value.items():
        plain = name.removesuffix(".$")
        if plain not in members:
            yield f'The field "{plain}" is not supported by Step Functions{_meant(plain, shape)}'
        elif plain == name:
            yield from _unreadable(members[name].shape, item, name)


def _java_package(shape: Shape) -> str:
    return services.sdk_package(shape.full_name.partition(".")[0])


def _meant(name: str, shape: Shape) -> str:
    """The nearest name; the body of an upload is no member in Java."""
    from difflib import get_close_matches

    known = [shown for shown, member in casing.by_shown_name(shape).items() if not member.streaming]
    near = get_close_matches(name, known, n=1, cutoff=0.3)
    return f". Did you mean '{near[0]}'?" if near else ""


def _unreadable_boolean(value: Any) -> Iterator[str]:
    unreadable = "Cannot deserialize value of type `java.lang.Boolean` from"
    if isinstance(value, float):
        yield f"{unreadable} Floating-point value (token `JsonToken.VALUE_NUMBER_FLOAT`)"
    elif isinstance(value, str) and value.strip() not in casing.BOOLEANS:
        yield f'{unreadable} String "{value}": only "true" or "false" recognized'
