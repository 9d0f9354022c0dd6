"""AWS::LanguageExtensions: Fn::ForEach is unrolled here, before anything looks at the template; Fn::Length,
Fn::ToJsonString and FindInMap's default are functions like all others.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-languageextensions.html
"""

from __future__ import annotations

from typing import Any

from mrak.lang.cloudformation.errors import TemplateError
from mrak.lang.cloudformation.intrinsics import Values, evaluate

_FOR_EACH = "Fn::ForEach::"
_COMPUTED = {"Fn::ToJsonString", "Fn::Length"}
_MOST_NODES = 100_000


def unroll(body: dict[str, Any], values: Values) -> dict[str, Any]:
    """The template with every Fn::ForEach replaced by what it makes."""
    budget = [_MOST_NODES]
    unrolled: dict[str, Any] = _unroll(body, {}, values, budget)
    return unrolled


def _unroll(value: Any, loop: dict[str, str], values: Values, budget: list[int]) -> Any:
    budget[0] -= 1
    if budget[0] < 0:
        raise TemplateError("Transform AWS::LanguageExtensions failed with: the template becomes too large")
    if isinstance(value, list):
        return [_unroll(item, loop, values, budget) for item in value]
    if isinstance(value, str):
        return _substitute(value, loop)
    if not isinstance(value, dict):
        return value
    if loop and len(value) == 1 and isinstance(value.get("Ref"), str) and value["Ref"] in loop:
        return loop[value["Ref"]]
    if len(value) == 1 and value.keys() & _COMPUTED:
        return _computed({key: _unroll(inner, loop, values, budget) for key, inner in value.items()}, values)
    made: dict[str, Any] = {}
    for key, inner in value.items():
        if key.startswith(_FOR_EACH):
            made.update(_loop(key, inner, loop, values, budget))
        else:
            made[_substitute(key, loop)] = _unroll(inner, loop, values, budget)
    return made


def _computed(function: dict[str, Any], values: Values) -> Any:
    """What the function comes to, or itself where it needs a resource, which is not known yet."""
    try:
        return evaluate(function, values)
    except TemplateError:
        return function


def _loop(key: str, argument: Any, loop: dict[str, str], values: Values, budget: list[int]) -> dict[str, Any]:
    if not isinstance(argument, list) or len(argument) != 3 or not isinstance(argument[0], str):
        raise TemplateError(f"Transform AWS::LanguageExtensions failed with: {key} layout is incorrect")
    variable, collection, fragment = argument
    items = evaluate(_unroll(collection, loop, values, budget), values)
    if not isinstance(items, list) or not isinstance(fragment, dict):
        raise TemplateError(f"Transform AWS::LanguageExtensions failed with: {key} could not be resolved")
    made: dict[str, Any] = {}
    for item in items:
        made.update(_unroll(fragment, {**loop, variable: str(item)}, values, budget))
    return made


def _substitute(text: str, loop: dict[str, str]) -> str:
    for name, item in loop.items():
        if name in text:
            plain = "".join(character for character in item if character.isalnum())
            text = text.replace(f"${{{name}}}", item).replace(f"&{{{name}}}", plain)
    return text
