"""Values for a template's Parameters section.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from mrak.lang.cloudformation.errors import TemplateError, format_error
from mrak.lang.cloudformation.template import Template

_SSM = re.compile(r"AWS::SSM::Parameter::Value<(.+)>")
_PLAIN = re.compile(r"String|Number|CommaDelimitedList|List<Number>|List<String>|AWS::SSM::Parameter::Name")
_AWS_TYPE = re.compile(r"(?:List<)?AWS::[A-Za-z0-9]+::[A-Za-z0-9:]+>?")

HIDDEN = "****"
_SHORTEST_PART = 5


class Parameter(msgspec.Struct, frozen=True):
    """A parameter with its value. `given` is what stands in the stack; `ssm_name` names the Parameter Store's entry
    that holds the value, where the type says so."""

    name: str
    type: str
    given: str
    no_echo: bool = False
    ssm_name: str = ""

    def value(self, stored: str | None = None) -> str | list[str]:
        """What Ref comes to; `stored` is the Parameter Store's value."""
        text = self.given if stored is None else stored
        kind = self.type
        if match := _SSM.fullmatch(kind):
            kind = match[1]
        if kind == "CommaDelimitedList" or kind.startswith("List<"):
            return [item.strip() for item in text.split(",")] if text else []
        return text


def bind(template: Template, given: dict[str, str], previous: dict[str, str | None]) -> dict[str, Parameter]:
    """Every parameter of the template with its value: as given, as in the stack (`previous`: names of parameters with
    UsePreviousValue -> the old value), or the default. Raises TemplateError as AWS does, all missing ones at once."""
    declared = template.section("Parameters")
    unknown = [name for name in (*given, *previous) if name not in declared]
    if unknown:
        raise TemplateError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    bound: dict[str, Parameter] = {}
    missing = []
    for name, declaration in declared.items():
        value = _value_of(name, declaration, given, previous)
        if value is None:
            missing.append(name)
        else:
            bound[name] = _check(name, declaration, value)
    if missing:
        raise TemplateError(f"Parameters: [{', '.join(missing)}] must have values")
    return bound


def _value_of(
    name: str, declaration: dict[str, Any], given: dict[str, str], previous: dict[str, str | None]
) -> str | None:
    if name in given:
        return given[name]
    if name in previous:
        return previous[name]
    default = declaration.get("Default")
    return None if default is None else render_text(default)


def render_text(value: Any) -> str:
    """A scalar as templates see it: numbers and booleans are text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(render_text(item) for item in value)
    return str(value)


def _check(name: str, declaration: dict[str, Any], value: str) -> Parameter:
    kind = declaration["Type"]
    ssm = _SSM.fullmatch(kind) if isinstance(kind, str) else None
    if not isinstance(kind, str) or not (ssm or _PLAIN.fullmatch(kind) or _AWS_TYPE.fullmatch(kind)):
        raise format_error(f"Unrecognized parameter type: {kind}")
    if ssm is None:
        _check_value(name, declaration, kind, value)
    no_echo = render_text(declaration.get("NoEcho", False)).lower() == "true"
    return Parameter(name, kind, value, no_echo, value if ssm else "")


def _check_value(name: str, declaration: dict[str, Any], kind: str, value: str) -> None:
    explained = declaration.get("ConstraintDescription")
    numeric = kind in ("Number", "List<Number>")
    for item in [value] if not kind.startswith(("List<", "Comma")) else value.split(","):
        if numeric and not _is_number(item):
            raise TemplateError(f"Parameter '{name}' must be a number.")
        allowed = declaration.get("AllowedValues")
        if allowed is not None and item.strip() not in [render_text(choice) for choice in allowed]:
            choices = ", ".join(render_text(choice) for choice in allowed)
            raise TemplateError((explained and _explained(name, explained)) or _not_allowed(name, choices))
    _check_length(name, declaration, value, explained)
    if numeric and kind == "Number":
        _check_range(name, declaration, float(value), explained)
    pattern = declaration.get("AllowedPattern")
    if pattern is not None and not _matches(str(pattern), value):
        raise TemplateError(
            _explained(name, explained)
            if explained
            else f"Parameter {name} failed to satisfy constraint: "
            f"Parameter value {value} does not match pattern {pattern}"
        )


def _not_allowed(name: str, choices: str) -> str:
    return f"Parameter '{name}' must be one of AllowedValues: [{choices}]"


def conceal(value: Any, secrets: set[str]) -> Any:
    """An evaluated value as it may be shown: stars where the values of NoEcho parameters stand. Short ones are found
    only where they are all of a text, since others would have them by chance."""
    if not secrets:
        return value
    if isinstance(value, dict):
        return {key: conceal(inner, secrets) for key, inner in value.items()}
    if isinstance(value, list):
        return [conceal(inner, secrets) for inner in value]
    if not isinstance(value, str):
        return value
    if value in secrets:
        return HIDDEN
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_PART:
            value = value.replace(secret, HIDDEN)
    return value


def _explained(name: str, description: str) -> str:
    return f"Parameter '{name}' failed to satisfy constraint: {description}"


def _check_length(name: str, declaration: dict[str, Any], value: str, explained: str | None) -> None:
    for limit, fits, word in (
        ("MinLength", len(value).__ge__, "at least"),
        ("MaxLength", len(value).__le__, "at most"),
    ):
        bound = declaration.get(limit)
        if bound is not None and not fits(int(bound)):
            plain = f"Parameter '{name}' must contain {word} {bound} characters."
            raise TemplateError(_explained(name, explained) if explained else plain)


def _check_range(name: str, declaration: dict[str, Any], value: float, explained: str | None) -> None:
    for limit, fits, word in (("MinValue", value.__ge__, "not less"), ("MaxValue", value.__le__, "not greater")):
        bound = declaration.get(limit)
        if bound is not None and not fits(float(bound)):
            plain = f"Parameter '{name}' must be a number {word} than {bound}."
            raise TemplateError(_explained(name, explained) if explained else plain)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _matches(pattern: str, value: str) -> bool:
    """RE2, since the pattern comes from outside and Python's own engine can be made to hang; what RE2 can't say
    (look-arounds) is refused, as no pattern at all would be worse."""
    import re2

    try:
        return re2.fullmatch(pattern, value) is not None
    except re2.error:
        raise format_error(f"The AllowedPattern {pattern} is not supported.") from None
