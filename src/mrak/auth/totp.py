"""Time-based one-time passwords (RFC 6238): six digits from a secret and a step of thirty seconds. Pure."""

from __future__ import annotations

import hmac

STEP_SECONDS = 30


def step_at(now: float) -> int:
    return int(now) // STEP_SECONDS


def code_at(secret: bytes, step: int) -> str:
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


def is_code(secret: bytes, step: int, code: str) -> bool:
    return hmac.compare_digest(code_at(secret, step).encode(), code.encode())
