"""SNS filter policies: event patterns on a message's attributes or on its body, with SNS's limits and messages.

In attribute scope the "event" is flat: a String is a string, a Number a number, a String.Array its elements; Binary
attributes are not seen, and `null` in a policy also takes a message without the attribute. In body scope the message
has to be a JSON object. Policies are limited to five keys and 150 combinations of values.

https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from mrak.lang import eventpatterns
from mrak.lang.eventpatterns import Event, Mismatch, Pattern
from mrak.lang.jsontexts import check_texts
from mrak.lang.jsontokens import END, END_ARRAY, END_OBJECT, START_ARRAY, START_OBJECT, JsonTextError, TokenReader
from mrak.lang.patternparser import OR, Branch, Field, PatternError

MESSAGE_ATTRIBUTES = "MessageAttributes"
MESSAGE_BODY = "MessageBody"
MAX_KEYS = 5
MAX_COMBINATIONS = 150
# Fewer than EventBridge's. https://docs.aws.amazon.com/sns/latest/dg/string-value-matching.html
_EXCLUDABLE = frozenset({"prefix", "suffix"})


class FilterPolicyError(Exception):
    """A policy that SNS refuses; `reason` is what follows "FilterPolicy: "."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class FilterPolicy:
    """A compiled policy. `scope` is MessageAttributes or MessageBody. A message without attributes is taken by `null`
    alone (`takes_bare`): `exists: false` takes only one that has others."""

    pattern: Pattern
    scope: str
    takes_bare: bool

    def matches(self, body: str, attributes: dict[str, Any]) -> bool:
        event = self._find_event(body, attributes)
        return event is not None and self.pattern.matches(event)

    def explain(self, body: str, attributes: dict[str, Any]) -> list[Mismatch]:
        """Why a message is not delivered; empty where it is."""
        event = self._find_event(body, attributes)
        if event is None:
            what = "is not a JSON object" if self.scope == MESSAGE_BODY else "has no attributes"
            return [Mismatch("", (), (), f"the message {what}")]
        return self.pattern.explain(event)

    def _find_event(self, body: str, attributes: dict[str, Any]) -> Event | None:
        if self.scope == MESSAGE_BODY:
            return eventpatterns.parse_event(body)
        if not attributes and not self.takes_bare:
            return None
        return Event({name: _attribute_value(attribute) for name, attribute in attributes.items()})


# It only looks at names and nesting: a number may have more digits than Python makes an integer of.
_DECODER = json.JSONDecoder(parse_int=str)


@lru_cache(maxsize=4096)
def parse(text: str, scope: str = MESSAGE_ATTRIBUTES) -> FilterPolicy:
    """The policy of a text; raises FilterPolicyError. Cached, since subscriptions keep texts."""
    json_error = find_json_error(text)
    if json_error is not None:
        raise FilterPolicyError(f"failed to parse JSON. {json_error}")
    try:
        pattern = eventpatterns.parse(text, _EXCLUDABLE)
    except PatternError as error:
        raise FilterPolicyError(error.reason) from None
    # As the pattern's own parser, what follows the outermost value is not looked at.
    document, _ = _DECODER.raw_decode(text.lstrip())
    try:
        check_texts(document)
    except UnicodeEncodeError:
        raise FilterPolicyError("failed to parse JSON.") from None
    if scope == MESSAGE_ATTRIBUTES and _is_nested(document):
        raise FilterPolicyError("Filter policy scope MessageAttributes does not support nested filter policy")
    if len(_keys(document)) > MAX_KEYS:
        raise FilterPolicyError(f"Filter policy can not have more than {MAX_KEYS} keys")
    if sum(_combinations(branch) for branch in pattern.branches) > MAX_COMBINATIONS:
        raise FilterPolicyError("Filter policy is too complex")
    if scope == MESSAGE_ATTRIBUTES:
        pattern = Pattern(tuple(tuple(_with_null(field) for field in branch) for branch in pattern.branches))
    takes_bare = any(all(_takes_null(field) for field in branch) for branch in pattern.branches)
    return FilterPolicy(pattern, scope, takes_bare)


def find_json_error(text: str) -> str | None:
    """What SNS's parser says about a text that is no JSON; None where it is JSON."""
    reader = TokenReader(text, name_source=False)
    depth = 0
    try:
        while (kind := reader.next()) != END:
            depth += (kind in (START_OBJECT, START_ARRAY)) - (kind in (END_OBJECT, END_ARRAY))
            if depth == 0:
                return None
    except JsonTextError as error:
        return error.message
    return None


def _members(document: dict[str, Any]) -> list[tuple[str, Any]]:
    """The names and conditions of a policy, those of $or's alternatives among them."""
    members: list[tuple[str, Any]] = []
    for name, value in document.items():
        if name == OR:
            for alternative in value:
                members += _members(alternative)
        else:
            members.append((name, value))
    return members


def _is_nested(document: dict[str, Any]) -> bool:
    return any(isinstance(value, dict) for _, value in _members(document))


def _keys(document: dict[str, Any]) -> set[str]:
    return {name for name, _ in _members(document)}


def _combinations(branch: Branch) -> int:
    """The number of values of each field, times its depth, multiplied."""
    product = 1
    for field in branch:
        product *= field.size * (field.path.count(".") + 1)
    return product


def _with_null(field: Field) -> Field:
    return replace(field, wants_absence=True) if _takes_null(field) else field


def _takes_null(field: Field) -> bool:
    return any(condition.text == "null" for condition in field.conditions)


def _attribute_value(attribute: dict[str, Any]) -> Any:
    """A message attribute as a leaf or a list of leaves. An empty list is an attribute that no condition sees."""
    data_type = attribute.get("DataType", "String")
    text = attribute.get("StringValue")
    if data_type.startswith("Binary") or text is None:
        return []
    if data_type.startswith("Number"):
        try:
            return Decimal(text)
        except InvalidOperation:
            return text
    if data_type.startswith("String.Array"):
        return _array_elements(text)
    return text


def _array_elements(text: str) -> Any:
    try:
        elements = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        return text
    if not isinstance(elements, list):
        return elements if not isinstance(elements, dict) else text
    return [element for element in elements if not isinstance(element, dict | list)]
