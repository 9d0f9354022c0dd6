"""Filter criteria of event source mappings: EventBridge patterns on a record, with its data as JSON where they ask so.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
"""

from __future__ import annotations

import json
from typing import Any

from mrak.lang.eventpatterns import Event, Pattern, PatternError, parse
from mrak.services.lambda_ import errors

_MOST_FILTERS = 10
_PATTERN_LENGTH = 4096


def check_criteria(criteria: dict[str, Any]) -> None:
    """Refuses patterns that cannot be parsed."""
    filters = criteria.get("Filters", [])
    if len(filters) > _MOST_FILTERS:
        raise errors.invalid("Filter criteria can contain a maximum of 10 filters.")
    for wanted in filters:
        text = wanted.get("Pattern", "")
        try:
            usable = len(text) <= _PATTERN_LENGTH and isinstance(json.loads(text), dict) and bool(parse(text))
        except (ValueError, PatternError):
            usable = False
        if not usable:
            raise errors.invalid("Invalid filter pattern definition.")


class Criteria:
    """Parsed criteria; a record passes when one of the patterns matches. Without patterns all pass."""

    def __init__(self, criteria: dict[str, Any], data_member: str) -> None:
        self._data_member = data_member
        self._patterns: list[tuple[Pattern, bool]] = []
        for wanted in criteria.get("Filters", []):
            document = json.loads(wanted["Pattern"])
            self._patterns.append((parse(wanted["Pattern"]), isinstance(document.get(data_member), dict)))

    def passes(self, record: dict[str, Any]) -> bool:
        if not self._patterns:
            return True
        return any(self._matches(pattern, wants_json, record) for pattern, wants_json in self._patterns)

    def _matches(self, pattern: Pattern, wants_json: bool, record: dict[str, Any]) -> bool:
        data = record.get(self._data_member)
        if wants_json and isinstance(data, str):
            try:
                data = json.loads(data)
            except ValueError:
                return False
            if not isinstance(data, dict):
                return False
            record = {**record, self._data_member: data}
        return pattern.matches(Event(record))
