"""Throttling: token buckets with a rate and a burst, for each method or route of a stage and each key of a plan.

Buckets live in the process; a new one is full.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
"""

from __future__ import annotations

import msgspec

_MOST = 10_000


class _Bucket(msgspec.Struct):
    tokens: float
    filled_at: float


class Buckets:
    """One for each environment."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, ...], _Bucket] = {}

    def take(self, key: tuple[str, ...], rate: float, burst: float, now: float) -> bool:
        """Takes a token; False where there is none, and the request is one too many."""
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= _MOST:
                self._buckets.clear()
            bucket = self._buckets[key] = _Bucket(burst, now)
        bucket.tokens = min(burst, bucket.tokens + (now - bucket.filled_at) * rate)
        bucket.filled_at = now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True
