"""What a dead letter says of an event that is over."""

from __future__ import annotations

import pytest

from mrak.services.lambda_.events import explain_end


@pytest.mark.parametrize(
    ("condition", "answer", "said"),
    [
        ("RetriesExhausted", b'{"errorMessage": "boo"}', (200, "boo")),
        ("EventAgeExceeded", b'{"errorMessage": "boo"}', (200, "boo")),
        ("EventAgeExceeded", b"", (429, "Rate Exceeded.")),
        ("ZeroReservedConcurrency", b"", (None, "")),
    ],
)
def test_what_a_dead_letter_says(condition: str, answer: bytes, said: tuple[int | None, str]) -> None:
    """Recorded: an event that found no room until it was too old has a code of its own, and one that was never to run
    has none. A black box would have to wait for a function that is busy."""
    assert explain_end(condition, answer) == said
