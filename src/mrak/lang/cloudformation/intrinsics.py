"""What intrinsic functions come to.

`Values` says what names mean; `evaluate` replaces functions in a value by their results. A member whose value is
AWS::NoValue vanishes with its name. What can't be known before a change is applied is `UNKNOWN` (change sets show it).

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

from __future__ import annotations

import base64
import ipaddress
import json
from collections.abc import Callable
from typing import Any, Final

import msgspec

from mrak.lang.cloudformation.errors import TemplateError, function_error
from mrak.lang.cloudformation.parameters import render_text
from mrak.lang.cloudformation.references import SUBSTITUTION, attribute_path

NO_VALUE: Final = object()
UNKNOWN: Final = "{{changeSet:KNOWN_AFTER_APPLY}}"


class Values(msgspec.Struct, kw_only=True):
    """What names mean: parameters and pseudo parameters by name, resources and exports by asking."""

    names: dict[str, Any]
    mappings: dict[str, Any] = {}
    conditions: dict[str, bool] = {}
    ref: Callable[[str], Any]
    attribute: Callable[[str, str], Any]
    export: Callable[[str], Any]
    zones: Callable[[str], list[str]]


def evaluate_conditions(conditions: dict[str, Any], values: Values) -> dict[str, bool]:
    """Every condition, each once; what one refers to comes first."""
    known: dict[str, bool] = {}

    def condition(name: str) -> bool:
        if name not in known:
            known[name] = truth(conditions[name])
        return known[name]

    def truth(expression: Any) -> bool:
        if not isinstance(expression, dict) or len(expression) != 1:
            return render_text(evaluate(expression, values)).lower() == "true"
        ((function, argument),) = expression.items()
        if function == "Condition":
            return condition(argument)
        if function == "Fn::Not":
            return not truth(argument[0])
        if function == "Fn::And":
            return all(truth(item) for item in argument)
        if function == "Fn::Or":
            return any(truth(item) for item in argument)
        if function == "Fn::Equals":
            left, right = (evaluate(item, values) for item in argument)
            return bool(_comparable(left) == _comparable(right))
        return render_text(evaluate(expression, values)).lower() == "true"

    for name in conditions:
        condition(name)
    return known


def _comparable(value: Any) -> Any:
    return value if isinstance(value, dict | list) else render_text(value)


def evaluate(value: Any, values: Values) -> Any:
    """The value with all functions replaced by their results."""
    if isinstance(value, dict):
        if len(value) == 1:
            ((name, argument),) = value.items()
            function = _FUNCTIONS.get(name)
            if function is not None:
                return function(argument, values)
        evaluated = {key: evaluate(inner, values) for key, inner in value.items()}
        return {key: inner for key, inner in evaluated.items() if inner is not NO_VALUE}
    if isinstance(value, list):
        return [item for item in (evaluate(inner, values) for inner in value) if item is not NO_VALUE]
    return value


def _ref(argument: Any, values: Values) -> Any:
    if argument == "AWS::NoValue":
        return NO_VALUE
    argument = evaluate(argument, values) if isinstance(argument, dict) else argument
    if argument in values.names:
        return values.names[argument]
    return values.ref(argument)


def _get_att(argument: Any, values: Values) -> Any:
    name, attribute = attribute_path(argument)
    return values.attribute(name, attribute if isinstance(attribute, str) else str(evaluate(attribute, values)))


def _sub(argument: Any, values: Values) -> Any:
    text, variables = argument, {}
    if isinstance(argument, list) and len(argument) == 2 and isinstance(argument[1], dict):
        text, variables = argument[0], argument[1]
    if not isinstance(text, str):
        raise function_error(
            "One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a string as first "
            "argument, and an optional second argument to specify a mapping of values to replace in the string"
        )
    own = {name: evaluate(value, values) for name, value in variables.items()}

    def replacement(match: Any) -> str:
        if match[1]:
            return f"${{{match[2]}}}"
        return _substituted(match[2], own, values)

    return SUBSTITUTION.sub(replacement, text)


def _substituted(name: str, own: dict[str, Any], values: Values) -> str:
    if name in own:
        found = own[name]
    elif "." in name:
        found = _get_att(name, values)
    else:
        found = _ref(name, values)
    if found is NO_VALUE:
        return ""
    if isinstance(found, dict | list):
        raise function_error(f"variable {name} in Fn::Sub expression does not resolve to a string")
    return render_text(found)


def _join(argument: Any, values: Values) -> Any:
    problem = function_error(
        "every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be joined "
        "or a function that returns a list of strings (such as Fn::GetAZs) to be joined."
    )
    if not isinstance(argument, list) or len(argument) != 2:
        raise problem
    delimiter, items = (evaluate(part, values) for part in argument)
    if items == UNKNOWN:
        return UNKNOWN
    if not isinstance(delimiter, str) or not isinstance(items, list):
        raise problem
    if any(isinstance(item, dict | list) for item in items):
        raise problem
    return delimiter.join(render_text(item) for item in items)


def _select(argument: Any, values: Values) -> Any:
    problem = function_error("Fn::Select requires a list argument with two elements: an integer index and a list")
    # A literal that can't be right gets the message of a wrong shape, what a function made one of its own.
    literal = isinstance(argument, list) and not any(isinstance(part, dict) for part in argument)
    if not isinstance(argument, list) or len(argument) != 2:
        raise problem
    index, items = (evaluate(part, values) for part in argument)
    if items == UNKNOWN:
        return UNKNOWN
    if not isinstance(items, list) or not render_text(index).isdigit():
        raise problem
    at = int(index)
    if at >= len(items):
        if literal:
            raise problem
        raise function_error("Fn::Select cannot select nonexistent value at index " + str(at))
    return items[at]


def _split(argument: Any, values: Values) -> Any:
    problem = function_error(
        "every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be split or a "
        "function that returns a string to be split."
    )
    if not isinstance(argument, list) or len(argument) != 2:
        raise problem
    delimiter, text = (evaluate(part, values) for part in argument)
    if text == UNKNOWN:
        return UNKNOWN
    if not isinstance(delimiter, str) or not delimiter or isinstance(text, dict | list):
        raise problem
    return render_text(text).split(delimiter)


def _if(argument: Any, values: Values) -> Any:
    if not isinstance(argument, list) or len(argument) != 3:
        raise function_error("Fn::If requires a list argument with three elements")
    name, when_true, when_false = argument
    if name not in values.conditions:
        raise function_error(f"unresolved condition dependency {name} in Fn::If")
    return evaluate(when_true if values.conditions[name] else when_false, values)


def _find_in_map(argument: Any, values: Values) -> Any:
    if not isinstance(argument, list) or len(argument) not in (3, 4):
        raise function_error(
            "every Fn::FindInMap object requires three parameters, the map name, map key and the attribute for return "
            "value"
        )
    name, first, second = (render_text(evaluate(part, values)) for part in argument[:3])
    row = values.mappings.get(name, {}).get(first, {})
    if second in row:
        return row[second]
    if len(argument) == 4 and isinstance(argument[3], dict) and "DefaultValue" in argument[3]:
        return evaluate(argument[3]["DefaultValue"], values)
    if name not in values.mappings:
        raise TemplateError(
            f"Template error: Mapping named '{name}' is not present in the 'Mappings' section of template."
        )
    raise function_error(f"Unable to get mapping for {name}::{first}::{second}")


def _import_value(argument: Any, values: Values) -> Any:
    name = evaluate(argument, values)
    if not isinstance(name, str):
        raise function_error("the attribute in Fn::ImportValue must be a string or a function that returns a string")
    return values.export(name)


def _base64(argument: Any, values: Values) -> Any:
    text = evaluate(argument, values)
    if isinstance(text, dict | list):
        raise function_error("every Fn::Base64 object must have a String-typed value.")
    return UNKNOWN if text == UNKNOWN else base64.b64encode(render_text(text).encode()).decode()


def _cidr(argument: Any, values: Values) -> Any:
    block, count, *bits = (evaluate(part, values) for part in argument)
    try:
        network = ipaddress.ip_network(str(block))
        host_bits = int(bits[0]) if bits else (8 if network.version == 4 else 64)
        wanted, prefix = int(count), network.max_prefixlen - host_bits
        if not 1 <= wanted <= 256 or wanted > 1 << max(prefix - network.prefixlen, 0):
            raise ValueError(wanted)
        subnets = network.subnets(new_prefix=prefix)
        return [str(next(subnets)) for _ in range(wanted)]
    except ValueError:
        raise function_error("Fn::Cidr was not given a valid CIDR block, count and bits.") from None


def _get_azs(argument: Any, values: Values) -> Any:
    region = evaluate(argument, values)
    return values.zones(region if isinstance(region, str) and region else values.names["AWS::Region"])


def _equals(argument: Any, values: Values) -> Any:
    left, right = (evaluate(item, values) for item in argument)
    return _comparable(left) == _comparable(right)


def _condition_in_place(name: str) -> Callable[[Any, Values], Any]:
    def function(argument: Any, values: Values) -> Any:
        outcome = evaluate_conditions({"this": {name: argument}} | _named(values), values)
        return outcome["this"]

    return function


def _named(values: Values) -> dict[str, Any]:
    return {name: "true" if holds else "false" for name, holds in values.conditions.items()}


def _length(argument: Any, values: Values) -> Any:
    items = evaluate(argument, values)
    if not isinstance(items, list):
        raise function_error("Fn::Length must evaluate to a list")
    return len(items)


def _to_json_string(argument: Any, values: Values) -> Any:
    return json.dumps(evaluate(argument, values), separators=(",", ":"))


_FUNCTIONS: dict[str, Callable[[Any, Values], Any]] = {
    "Ref": _ref,
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::If": _if,
    "Fn::FindInMap": _find_in_map,
    "Fn::ImportValue": _import_value,
    "Fn::Base64": _base64,
    "Fn::Cidr": _cidr,
    "Fn::GetAZs": _get_azs,
    "Fn::Equals": _equals,
    "Fn::And": _condition_in_place("Fn::And"),
    "Fn::Or": _condition_in_place("Fn::Or"),
    "Fn::Not": _condition_in_place("Fn::Not"),
    "Fn::Length": _length,
    "Fn::ToJsonString": _to_json_string,
}
