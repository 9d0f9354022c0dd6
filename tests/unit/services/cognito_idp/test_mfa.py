"""Time-based codes against RFC 6238's own vectors."""

from __future__ import annotations

import base64

import pytest

from mrak.services.cognito_idp import mfa

SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("now", "code"), [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
)
def test_codes_are_those_of_the_standard(now: int, code: str) -> None:
    assert mfa.find_step(SECRET, code, now, 0) == now // 30


def test_a_code_is_good_for_its_neighbours_and_once() -> None:
    """Clocks differ by a step; a code that was used is refused (RFC 6238, 5.2)."""
    assert mfa.find_step(SECRET, "081804", 1_111_111_109 + 30, 0) == 1_111_111_109 // 30
    assert mfa.find_step(SECRET, "081804", 1_111_111_109 + 90, 0) is None
    assert mfa.find_step(SECRET, "081804", 1_111_111_109, 1_111_111_109 // 30) is None
    assert mfa.find_step("not base32!", "081804", 1_111_111_109, 0) is None
