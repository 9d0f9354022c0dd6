"""The model's constraints, and AWS's message for those that a value breaks.

    1 validation error detected: Value 'x' at 'queueName' failed to satisfy constraint: Member must have length ...

`compile_check` builds a closure for each shape that has constraints somewhere below it, and None for others, so that
nothing unconstrained is walked. A check appends complaints in AWS's order: members as the model lists them; for one
value its pattern, its length or range, its enum. Scalars in lists and maps are reported at the container, with all
constraints of the element.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mrak.core.errors import ApiError
from mrak.lang.hashorder import hash_code
from mrak.protocol import patterns, times
from mrak.protocol.dynamodb_words import RESTATED
from mrak.protocol.model import Member, Shape
from mrak.protocol.quirks import Flavour
from mrak.protocol.validation_quirks import (
    ENUM_LIST_MESSAGES,
    LENGTH_FIRST,
    LENIENT_ENUMS,
    LENIENT_LENGTHS,
    LENIENT_MEMBERS,
    LENIENT_PATTERNS,
    MEMBER_ORDER,
    MISSED_FIRST,
    NAMES_OR_ARNS,
    OPTIONAL_MEMBERS,
    SHAPE_PHRASES,
    NameRule,
)

Check = Callable[[Any, str, list[str]], None]
Rules = list[tuple[Callable[[Any], bool], str]]

_MAX_COMPLAINTS = 100
_SCALARS = frozenset({"string", "integer", "long", "float", "double", "boolean", "timestamp", "blob", "character"})
_NUMBERS = frozenset({"integer", "long", "float", "double"})
_LENGTHS = frozenset({"string", "blob", "list", "map"})


def member_path(name: str) -> str:
    """`TableName` is `tableName` in AWS's messages."""
    return name[:1].lower() + name[1:]


def enum_set(values: list[str]) -> str:
    """The values in the order in which AWS's validators list them: a hash set of 32 buckets, in which hashes are not
    spread as those of Java's own maps are, the latest of a bucket first.
    """
    latest_first = list(reversed(values))
    ordered = sorted(latest_first, key=lambda value: hash_code(value) % 32)
    return "[" + ", ".join(ordered) + "]"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)


def render_value(value: Any, shape: Shape) -> str:
    """A value as Java's toString shows it."""
    if shape.sensitive:
        return "***Sensitive Data Redacted***"
    if value is None:
        return "null"
    kind = shape.type
    if kind == "structure" and not shape.is_document:
        return _render_structure(value, shape)
    if kind == "list":
        return "[" + ", ".join(render_value(item, shape.element.shape) for item in value) + "]"
    if kind == "map":
        pairs = (f"{key}={render_value(item, shape.value.shape)}" for key, item in value.items())
        return "{" + ", ".join(pairs) + "}"
    if kind == "boolean":
        return "true" if value else "false"
    if kind == "blob":
        size = len(value)
        return f"java.nio.HeapByteBuffer[pos=0 lim={size} cap={size}]"
    if kind == "timestamp":
        day = times.render_rfc822(value)
        return f"{day[:3]} {day[8:11]} {day[5:7]} {day[17:25]} UTC {day[12:16]}"
    return str(value)


def _render_structure(value: dict[str, Any], shape: Shape) -> str:
    parts = []
    for name in MEMBER_ORDER.get(shape.full_name, shape.members):
        shown = render_value(value.get(name), shape.members[name].shape) if name in shape.members else "null"
        parts.append(f"{member_path(name)}={shown}")
    return f"{shape.name}({', '.join(parts)})"


def _length_phrases(shape: Shape) -> Rules:
    """(is it broken, what AWS says) for the limits of a length or a value, the upper one first."""
    low, high = shape.min, shape.max
    if shape.full_name in LENIENT_LENGTHS:
        return []
    if shape.type in _LENGTHS:
        measured, what = len, "have length"
    elif shape.type in _NUMBERS:
        measured, what = _identity, "have value"
    else:
        return []
    phrases: Rules = []
    if high is not None:
        most = high
        phrases.append((lambda v: measured(v) > most, f"Member must {what} less than or equal to {_number(most)}"))
    if low is not None and not (low <= 0 and shape.type in _LENGTHS):
        least = low
        text = f"Member must {what} greater than or equal to {_number(least)}"
        phrases.append((lambda v: measured(v) < least, text))
    return phrases


def _identity(value: Any) -> Any:
    return value


def _value_rules(shape: Shape) -> Rules:
    """What a single value may break, in the order in which AWS reports it, but for enums."""
    rules: Rules = []
    if shape.type == "string" and shape.pattern is not None and shape.full_name not in LENIENT_PATTERNS:
        pattern = shape.pattern
        rules.append((lambda v: not patterns.matches(pattern, v), _pattern_phrase(shape)))
    lengths = _length_phrases(shape)
    return lengths + rules if shape.full_name in LENGTH_FIRST else rules + lengths


def _name_rules(rule: NameRule) -> Rules:
    """A name's own rules; an ARN is left to the service."""

    def of_names(broken: Callable[[Any], bool]) -> Callable[[Any], bool]:
        return lambda v: not v.startswith("arn:") and broken(v)

    return [
        (of_names(lambda v: len(v) > rule.most), f"Member must have length less than or equal to {rule.most}"),
        (of_names(lambda v: len(v) < rule.least), f"Member must have length greater than or equal to {rule.least}"),
        (
            of_names(lambda v: not patterns.matches(rule.pattern, v)),
            f"Member must satisfy regular expression pattern: {rule.pattern}",
        ),
    ]


def _pattern_phrase(shape: Shape) -> str:
    return SHAPE_PHRASES.get(shape.full_name, f"Member must satisfy regular expression pattern: {shape.pattern}")


def _enum_phrase(shape: Shape) -> str:
    return SHAPE_PHRASES.get(shape.full_name, f"Member must satisfy enum value set: {enum_set(shape.enum or [])}")


def _enum_rules(shape: Shape, flavour: Flavour) -> Rules:
    if shape.type != "string" or not shape.enum or shape.full_name in LENIENT_ENUMS:
        return []
    allowed = frozenset([*shape.enum, ""] if flavour.empty_enums else shape.enum)
    return [(lambda v: v not in allowed, _enum_phrase(shape))]


def _element_phrases(shape: Shape, flavour: Flavour) -> str:
    """All constraints of a list's or a map's element, as AWS shows them when one breaks."""
    name_rule = NAMES_OR_ARNS.get(shape.full_name)
    phrases = [text for _, text in (_length_phrases(shape) if name_rule is None else _name_rules(name_rule))]
    if name_rule is not None:
        return "[" + ", ".join(phrases) + "]"
    if shape.type == "string" and shape.pattern is not None:
        phrases.append(_pattern_phrase(shape))
    if shape.type == "string" and shape.enum:
        phrases.append(_enum_phrase(shape))
    if flavour.elements_not_null:
        phrases.append("Member must not be null")
    return "[" + ", ".join(phrases) + "]"


def complaint(value: Any, shape: Shape, path: str, phrase: str, hide: bool = False) -> str:
    if hide or shape.sensitive:
        return f"Value at '{path}' failed to satisfy constraint: {phrase}"
    return f"Value '{render_value(value, shape)}' at '{path}' failed to satisfy constraint: {phrase}"


def missing(path: str) -> str:
    return f"Value null at '{path}' failed to satisfy constraint: Member must not be null"


def _is_constrained(shape: Shape) -> bool:
    return bool(shape.required or shape.enum or shape.pattern or _length_phrases(shape))


class Checks:
    """The compiled checks of one service. Shapes are compiled once; recursive ones meet themselves by name."""

    def __init__(self, flavour: Flavour, schema_only: bool = False) -> None:
        """`schema_only`: just what is missing and enums, as an XML schema says them; S3 judges the rest itself."""
        self._flavour = flavour
        self._schema_only = schema_only
        self._compiled: dict[str, Check | None] = {}

    def of(self, shape: Shape) -> Check | None:
        """The check of a shape, or None where nothing below it is constrained."""
        if shape.name in self._compiled:
            return self._compiled[shape.name]
        if shape.is_document or not any(_is_constrained(inner) for inner in shape.reachable):
            self._compiled[shape.name] = None
            return None

        def recurse(value: Any, path: str, complaints: list[str]) -> None:
            check = self._compiled[shape.name]
            assert check is not None
            check(value, path, complaints)

        self._compiled[shape.name] = recurse
        self._compiled[shape.name] = compiled = self._compile(shape)
        return compiled

    def _compile(self, shape: Shape) -> Check:
        if shape.type == "structure":
            return self._structure(shape)
        own = self._scalar(shape)
        if shape.type == "list":
            return _both(own, self._list(shape))
        if shape.type == "map":
            return _both(own, self._map(shape))
        return own

    def _rules(self, shape: Shape) -> Rules:
        name_rule = NAMES_OR_ARNS.get(shape.full_name)
        if name_rule is not None:
            return _name_rules(name_rule)
        own = [] if self._schema_only else _value_rules(shape)
        return own + _enum_rules(shape, self._flavour)

    def _scalar(self, shape: Shape) -> Check:
        rules = self._rules(shape)
        hide = self._flavour.hide_pattern_value

        def check(value: Any, path: str, complaints: list[str]) -> None:
            for broken, phrase in rules:
                if broken(value):
                    hidden = hide and "regular expression" in phrase
                    complaints.append(complaint(value, shape, path, phrase, hidden))

        return check

    def _structure(self, shape: Shape) -> Check:
        required = {name for name in shape.required if f"{shape.full_name}.{name}" not in OPTIONAL_MEMBERS}
        members: list[tuple[str, str, bool, Check | None]] = []
        for name in MEMBER_ORDER.get(shape.full_name, shape.members):
            if name not in shape.members:
                continue
            member = shape.members[name]
            is_judged = not _is_stream(member) and f"{shape.full_name}.{name}" not in LENIENT_MEMBERS
            check = self.of(member.shape) if is_judged else None
            if check is not None or name in required:
                members.append((name, member_path(name), name in required, check))

        def check_structure(value: dict[str, Any], path: str, complaints: list[str]) -> None:
            prefix = path + "." if path else ""
            for name, step, needed, check in members:
                inner = value.get(name)
                if inner is None:
                    if needed:
                        complaints.append(missing(prefix + step))
                elif check is not None and len(complaints) < _MAX_COMPLAINTS:
                    check(inner, prefix + step, complaints)

        return check_structure

    def _list(self, shape: Shape) -> Check | None:
        element = shape.element.shape
        if element.type in _SCALARS:
            return self._scalar_elements(shape)
        check = self.of(element)
        if check is None:
            return None

        def check_list(value: list[Any], path: str, complaints: list[str]) -> None:
            for index, item in enumerate(value, 1):
                if item is not None and len(complaints) < _MAX_COMPLAINTS:
                    check(item, f"{path}.{index}.member", complaints)

        return check_list

    def _scalar_elements(self, shape: Shape) -> Check | None:
        element = shape.element.shape
        rules = [broken for broken, _ in self._rules(element)]
        if not rules:
            return None
        aggregate = f"Member must satisfy constraint: {_element_phrases(element, self._flavour)}"
        phrase = ENUM_LIST_MESSAGES.get(shape.full_name, aggregate)

        def check_elements(value: list[Any], path: str, complaints: list[str]) -> None:
            if any(item is None or any(broken(item) for broken in rules) for item in value):
                complaints.append(complaint(value, shape, path, phrase))

        return check_elements

    def _map(self, shape: Shape) -> Check | None:
        parts = [self._map_part(shape, shape.key.shape, "Map keys", of_keys=True)]
        if shape.value.shape.type in _SCALARS:
            parts.append(self._map_part(shape, shape.value.shape, "Map value", of_keys=False))
        else:
            parts.append(self._map_values(shape))
        checks = [part for part in parts if part is not None]

        def check_map(value: dict[str, Any], path: str, complaints: list[str]) -> None:
            for check in checks:
                check(value, path, complaints)

        return check_map if checks else None

    def _map_part(self, shape: Shape, part: Shape, what: str, of_keys: bool) -> Check | None:
        rules = [broken for broken, _ in self._rules(part)]
        if not rules:
            return None
        phrase = f"{what} must satisfy constraint: {_element_phrases(part, self._flavour)}"

        def check_part(value: dict[str, Any], path: str, complaints: list[str]) -> None:
            parts = value.keys() if of_keys else value.values()
            if any(item is None or any(broken(item) for broken in rules) for item in parts):
                complaints.append(complaint(value, shape, path, phrase))

        return check_part

    def _map_values(self, shape: Shape) -> Check | None:
        check = self.of(shape.value.shape)
        if check is None:
            return None
        # A list's own length is told at the map, and what is in the list at its place.
        own = _length_phrases(shape.value.shape) if shape.value.shape.type == "list" else []
        phrase = f"Map value must satisfy constraint: [{', '.join(text for _, text in own)}]"
        check = self._list(shape.value.shape) if own else check

        def check_values(value: dict[str, Any], path: str, complaints: list[str]) -> None:
            if any(broken(item) for item in value.values() if item is not None for broken, _ in own):
                complaints.append(complaint(value, shape, path, phrase))
            if check is None:
                return
            for key, item in value.items():
                if item is not None and len(complaints) < _MAX_COMPLAINTS:
                    check(item, f"{path}.{key}.member", complaints)

        return check_values


def _is_stream(member: Member) -> bool:
    return member.streaming or member.shape.is_event_stream


def _both(first: Check, second: Check | None) -> Check:
    if second is None:
        return first
    then = second

    def check(value: Any, path: str, complaints: list[str]) -> None:
        first(value, path, complaints)
        then(value, path, complaints)

    return check


def validation_error(flavour: Flavour, complaints: list[str]) -> ApiError:
    noun = "error" if len(complaints) == 1 else "errors"
    text = f"{len(complaints)} validation {noun} detected: {'; '.join(complaints)}"
    return ApiError(flavour.validation_code, text)


def compile_operation(shape: Shape, flavour: Flavour, checks: Checks) -> Callable[[dict[str, Any]], None]:
    """The check of an operation's whole input; it raises the service's validation error."""
    if flavour.constraints == "none":
        return _accept
    if flavour.constraints == "required":
        return _compile_required(shape, flavour)
    if flavour.prefix_input:
        return _compile_prefixed(shape, flavour, checks)
    check = checks.of(shape)
    if check is None:
        return _accept
    missed_first = MISSED_FIRST.get(shape.full_name)
    restate = RESTATED.get(shape.full_name)

    def check_input(value: dict[str, Any]) -> None:
        if missed_first is not None and value.get(missed_first[0]) is None:
            raise ApiError(flavour.validation_code, missed_first[1])
        complaints: list[str] = []
        check(value, "", complaints)
        if complaints and restate is not None:
            complaints = restate(value, complaints)
        if complaints:
            raise validation_error(flavour, complaints)

    return check_input


def _accept(value: dict[str, Any]) -> None:
    """Nothing is constrained."""


def _compile_prefixed(shape: Shape, flavour: Flavour, checks: Checks) -> Callable[[dict[str, Any]], None]:
    """API Gateway: members of the body are reported below the input's own name, those of the URI are not."""
    check = checks.of(shape)
    if check is None:
        return _accept
    in_body = {member_path(name) for name, member in shape.members.items() if member.location is None}
    name = member_path(shape.name.removesuffix("Request")) + "Input"

    def prefixed(text: str) -> str:
        before, quote, rest = text.partition(" at '")
        first = rest.split("'", 1)[0].split(".", 1)[0]
        return f"{before}{quote}{name}.{rest}" if first in in_body else text

    def check_input(value: dict[str, Any]) -> None:
        complaints: list[str] = []
        check(value, "", complaints)
        if complaints:
            raise validation_error(flavour, [prefixed(text) for text in complaints])

    return check_input


def _compile_required(shape: Shape, flavour: Flavour) -> Callable[[dict[str, Any]], None]:
    """SQS: only that required members are there, each error on its own, named as on the wire of the query protocol."""
    finders = _required_finder(shape)

    def check_input(value: dict[str, Any]) -> None:
        path = finders(value, "")
        if path is not None:
            raise ApiError(flavour.validation_code, f"The request must contain the parameter {path}.")

    return check_input


def _required_finder(shape: Shape) -> Callable[[dict[str, Any], str], str | None]:
    required = [name for name in shape.members if name in shape.required]
    lists = [
        (name, member.wire_name, _required_finder(member.shape.element.shape))
        for name, member in shape.members.items()
        if member.shape.type == "list" and member.shape.element.shape.type == "structure"
    ]

    def find(value: dict[str, Any], prefix: str) -> str | None:
        for name in required:
            if value.get(name) is None:
                return prefix + name
        for name, wire_name, find_inner in lists:
            for index, item in enumerate(value.get(name) or (), 1):
                path = find_inner(item, f"{prefix}{wire_name}.{index}.")
                if path is not None:
                    return path
        return None

    return find
