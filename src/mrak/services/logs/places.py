"""Places in the order of events, and the ids and tokens that are made of them.

Order is by timestamp, then by arrival. A place is (timestamp_ms, sequence).
"""

from __future__ import annotations

import re

from mrak.services.logs.tables import Event

Place = tuple[int, int]

# Digits of a timestamp and a sequence in tokens and event ids.
_TIME_DIGITS, _SEQUENCE_DIGITS = 18, 38
_TOKEN = re.compile(r"([fb])/(\d{18})(\d{38})/s")


def place_of(event: Event) -> Place:
    return event.timestamp_ms, event.sequence


def render_event_id(event: Event) -> str:
    """Fifty-six digits that sort as the events do."""
    return f"{event.timestamp_ms:0{_TIME_DIGITS}d}{event.sequence:0{_SEQUENCE_DIGITS}d}"


def render_token(direction: str, place: Place) -> str:
    return f"{direction}/{place[0]:0{_TIME_DIGITS}d}{place[1]:0{_SEQUENCE_DIGITS}d}/s"


def find_token(token: str) -> tuple[str, Place] | None:
    """(direction, place) of a token of GetLogEvents."""
    found = _TOKEN.fullmatch(token)
    return None if found is None else (found[1], (int(found[2]), int(found[3])))
