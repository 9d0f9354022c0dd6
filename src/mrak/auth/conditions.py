"""The Condition element of IAM policies: every operator, compiled to closures.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html

Invariants: all operators and keys of a block must hold (AND), any value of a key will do (OR; for a negated operator
none may match). A key that the request lacks fails a positive operator and satisfies a negated one. What is no address
or no ARN satisfies neither; what is no number and no date is a different one. All of this is recorded at AWS.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec

from mrak.auth.matching import Lookup, Pattern, compile_pattern, match_arn

Values = list[str] | None
"""What a request has for a key, as text; None when it has nothing."""

_SETS: Final = frozenset(
    {
        *("aws:calledvia", "aws:principalorgpaths", "aws:principalservicenameslist", "aws:resourceorgpaths"),
        *("aws:sourceorgpaths", "aws:tagkeys", "sts:transitivetagkeys"),
        *("dynamodb:attributes", "dynamodb:leadingkeys"),
        *(f"dynamodb:{place}partitionkeyvalues" for place in ("first", "second", "third", "fourth")),
    }
)
"""Keys whose value is a set, though it have one member: without a quantifier nothing can be said of a set.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

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
    when_broken: bool = False
    """What it answers where its ARN is none: it holds for a statement that denies, and not for one that allows."""

    def holds(self, values: Values, lookup: Lookup) -> bool:
        try:
            return self._holds(values, lookup)
        except BrokenPatternError:
            return self.when_broken

    def _holds(self, values: Values, lookup: Lookup) -> bool:
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
        if self.key in _SETS:
            return False
        if self.is_negated:
            return all(self._one(value, lookup) for value in values)
        return any(self._one(value, lookup) for value in values)

    def _one(self, value: str, lookup: Lookup) -> bool:
        is_readable = _READABLE.get(self.operator)
        if is_readable is not None and not is_readable(value):
            return False
        found = any(test(value, lookup) for test in self.tests)
        return not found if self.is_negated else found


class ConditionError(ValueError):
    """The Condition element is not well formed."""


class BrokenPatternError(ValueError):
    """A condition that is about ARNs names something else, perhaps by a variable."""


def compile_conditions(block: Any, with_variables: bool, *, denies: bool = False) -> tuple[Condition, ...]:
    """Compile a Condition element, of a statement that `denies` or allows."""
    if not isinstance(block, dict):
        raise ConditionError("Condition must be an object")
    out: list[Condition] = []
    for operator, keys in block.items():
        if not isinstance(keys, dict):
            raise ConditionError("a condition operator takes an object")
        for key, values in keys.items():
            out.append(_compile(operator, key, values, with_variables))
    return tuple(msgspec.structs.replace(condition, when_broken=denies) for condition in out)


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

    def test(value: str, lookup: Lookup) -> bool:
        wanted = pattern.expand(lookup)
        if wanted is not None and ":" not in wanted and not _WILD(wanted):
            raise BrokenPatternError(wanted)
        return match_arn(pattern, value, lookup)

    return test


def _bool(text: str, with_variables: bool) -> Test:
    """Whatever is not true is false."""
    wanted = text.lower() == "true"
    return lambda value, _: (value.lower() == "true") == wanted


def _binary(text: str, with_variables: bool) -> Test:
    wanted = _decoded(text)
    if wanted is None:
        raise ConditionError(f"Invalid binary value : {text}")
    spelled = base64.b64encode(wanted).decode()
    return lambda value, _: value == spelled


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
        address = _address(value)
        return address is not None and address in network

    return test


_DOTTED: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}").fullmatch


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    address, slash, length = text.partition("/")
    try:
        return ipaddress.ip_network(f"{_without_zeros(address)}{slash}{length.removeprefix('+')}", strict=False)
    except ValueError:
        return None


def _without_zeros(text: str) -> str:
    """An address may have zeros before its numbers."""
    return ".".join(str(int(part)) for part in text.split(".")) if _DOTTED(text) else text


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """A request's address; one of IPv4 within IPv6 is that of IPv4."""
    try:
        address = ipaddress.ip_address(_without_zeros(text))
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and ("." in text or address.ipv4_mapped is not None):
        return address.ipv4_mapped
    return address


def _is_address(text: str) -> bool:
    return _address(text) is not None


_WILD: Final = re.compile(r"[*?]").search


def _is_arn(text: str) -> bool:
    return text.startswith("arn:") and text.count(":") >= 5


_READABLE: Final[dict[str, Callable[[str], bool]]] = {
    **dict.fromkeys(("ipaddress", "notipaddress"), _is_address),
    **dict.fromkeys(("arnequals", "arnlike", "arnnotequals", "arnnotlike"), _is_arn),
}


def _comparison(
    parse: Callable[[str], Decimal | None], compare: Callable[[Decimal, Decimal], bool]
) -> Callable[[str, bool], Test]:
    def make(text: str, with_variables: bool) -> Test:
        wanted = parse(text)

        def test(value: str, _: Lookup) -> bool:
            got = parse(value)
            return wanted is not None and got is not None and compare(got, wanted)

        return test

    return make


_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,30}(?:\.[0-9]{0,30})?(?:[eE][+-]?[0-9]{1,3})?").fullmatch
_EPOCH: Final = re.compile(r"[+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?").fullmatch
_START: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _number(text: str) -> Decimal | None:
    return Decimal(text) if _NUMBER(text) else None


def _date(text: str) -> Decimal | None:
    """Whole milliseconds since 1970 of an ISO 8601 date or of epoch seconds, both of which AWS accepts."""
    if _EPOCH(text):
        return Decimal(int(Decimal(text) * 1000))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return Decimal(((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _START) // timedelta(milliseconds=1))


_COMPARISONS: Final[dict[str, tuple[Callable[[Decimal, Decimal], bool], bool]]] = {
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
