"""The Condition element of IAM policies: every operator, compiled to closures.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html

Invariants: all operators and keys of a block must hold (AND), any value of a key will do (OR; for a negated operator
none may match). A key that the request lacks fails a positive operator and satisfies a negated one.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import msgspec

from mrak.auth.matching import Lookup, Pattern, compile_pattern, match_arn

Values = list[str] | None
"""What a request has for a key, as text; None when it has nothing."""

_SETS: Final = frozenset(
    {
        *("dynamodb:attributes", "dynamodb:leadingkeys"),
        *(f"dynamodb:{place}partitionkeyvalues" for place in ("first", "second", "third", "fourth")),
    }
)
"""Keys whose value is a set, though it have one member: without a quantifier nothing equals a set."""

Test = Callable[[str, Lookup], bool]
"""Whether one value of the request matches one value of the policy."""


class Condition(msgspec.Struct, frozen=True):
    """One operator on one key."""

    operator: str
    key: str
    tests: tuple[Test, ...]
    is_negated: bool
    if_exists: bool
    quantifier: str  # "", "forallvalues" or "foranyvalue"

    def holds(self, values: Values, lookup: Lookup) -> bool:
        if self.operator == "null":
            missing = not values
            return any(test("true" if missing else "false", lookup) for test in self.tests)
        if self.quantifier == "forallvalues":
            # An absent or empty set satisfies "for all": AWS's documented trap.
            return all(self._one(value, lookup) for value in values or ())
        if values is None:
            return self.if_exists or (self.is_negated and self.quantifier == "")
        if self.quantifier == "foranyvalue":
            return any(self._one(value, lookup) for value in values)
        if self.is_negated:
            return all(self._one(value, lookup) for value in values)
        return self.key not in _SETS and any(self._one(value, lookup) for value in values)

    def _one(self, value: str, lookup: Lookup) -> bool:
        found = any(test(value, lookup) for test in self.tests)
        return not found if self.is_negated else found


class ConditionError(ValueError):
    """The Condition element is not well formed."""


def compile_conditions(block: Any, with_variables: bool) -> tuple[Condition, ...]:
    """Compile a Condition element."""
    if not isinstance(block, dict):
        raise ConditionError("Condition must be an object")
    out: list[Condition] = []
    for operator, keys in block.items():
        if not isinstance(keys, dict):
            raise ConditionError("a condition operator takes an object")
        for key, values in keys.items():
            out.append(_compile(operator, key, values, with_variables))
    return tuple(out)


def _compile(operator: str, key: str, raw: Any, with_variables: bool) -> Condition:
    quantifier, _, name = operator.rpartition(":")
    name, quantifier = name.lower(), quantifier.lower()
    if quantifier not in ("", "forallvalues", "foranyvalue"):
        raise ConditionError(f"Unknown condition qualifier {quantifier}")
    if_exists = name.endswith("ifexists")
    name = name.removesuffix("ifexists")
    if name not in _OPERATORS or (name == "null" and (if_exists or quantifier)):
        raise ConditionError(f"Invalid Condition type : {operator}")
    make, is_negated = _OPERATORS[name]
    values = raw if isinstance(raw, list) else [raw]
    tests = tuple(make(as_text(value), with_variables) for value in values)
    return Condition(name, key.lower(), tests, is_negated, if_exists, quantifier)


def as_text(value: Any) -> str:
    """A JSON or context value as conditions see it."""
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise ConditionError("condition values are strings, numbers or booleans")


# Operators --------------------------------------------------------------------------------------------------------


def _string(text: str, with_variables: bool) -> Test:
    pattern = compile_pattern(text, with_variables, with_wildcards=False)
    return lambda value, lookup: pattern.matches(value, lookup)


def _string_ignore_case(text: str, with_variables: bool) -> Test:
    pattern = compile_pattern(text, with_variables, with_wildcards=False)

    def test(value: str, lookup: Lookup) -> bool:
        wanted = pattern.expand(lookup)
        return wanted is not None and wanted.lower() == value.lower()

    return test


def _string_like(text: str, with_variables: bool) -> Test:
    pattern = compile_pattern(text, with_variables)
    return lambda value, lookup: pattern.matches(value, lookup)


def _arn(text: str, with_variables: bool) -> Test:
    pattern: Pattern = compile_pattern(text, with_variables)
    return lambda value, lookup: match_arn(pattern, value, lookup)


def _bool(text: str, with_variables: bool) -> Test:
    wanted = text.lower()
    return lambda value, _: value.lower() == wanted


def _binary(text: str, with_variables: bool) -> Test:
    wanted = _decoded(text)
    return lambda value, _: wanted is not None and _decoded(value) == wanted


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _ip(text: str, with_variables: bool) -> Test:
    network = _network(text)
    if network is None:
        return lambda value, _: False

    def test(value: str, _: Lookup) -> bool:
        inner = _network(value)
        # Both mixes of families are simply no match; subnet_of would raise.
        return inner is not None and inner.version == network.version and inner.subnet_of(network)  # type: ignore[arg-type]

    return test


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _comparison(
    parse: Callable[[str], float | None], compare: Callable[[float, float], bool]
) -> Callable[[str, bool], Test]:
    def make(text: str, with_variables: bool) -> Test:
        wanted = parse(text)

        def test(value: str, _: Lookup) -> bool:
            got = parse(value)
            return wanted is not None and got is not None and compare(got, wanted)

        return test

    return make


_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?").fullmatch


def _number(text: str) -> float | None:
    return float(text) if _NUMBER(text) else None


def _date(text: str) -> float | None:
    """Epoch seconds of an ISO 8601 date, or the epoch seconds themselves, both of which AWS accepts."""
    if _NUMBER(text):
        return float(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else datetime.fromisoformat(f"{moment.isoformat()}+00:00")).timestamp()


_COMPARISONS: Final[dict[str, tuple[Callable[[float, float], bool], bool]]] = {
    "equals": (lambda got, wanted: got == wanted, False),
    "notequals": (lambda got, wanted: got == wanted, True),
    "lessthan": (lambda got, wanted: got < wanted, False),
    "lessthanequals": (lambda got, wanted: got <= wanted, False),
    "greaterthan": (lambda got, wanted: got > wanted, False),
    "greaterthanequals": (lambda got, wanted: got >= wanted, False),
}

_OPERATORS: Final[dict[str, tuple[Callable[[str, bool], Test], bool]]] = {
    "stringequals": (_string, False),
    "stringnotequals": (_string, True),
    "stringequalsignorecase": (_string_ignore_case, False),
    "stringnotequalsignorecase": (_string_ignore_case, True),
    "stringlike": (_string_like, False),
    "stringnotlike": (_string_like, True),
    "arnequals": (_arn, False),
    "arnlike": (_arn, False),
    "arnnotequals": (_arn, True),
    "arnnotlike": (_arn, True),
    "bool": (_bool, False),
    "binaryequals": (_binary, False),
    "ipaddress": (_ip, False),
    "notipaddress": (_ip, True),
    "null": (_bool, False),
    **{f"numeric{name}": (_comparison(_number, compare), negated) for name, (compare, negated) in _COMPARISONS.items()},
    **{f"date{name}": (_comparison(_date, compare), negated) for name, (compare, negated) in _COMPARISONS.items()},
}
