"""X-Ray's errors."""

from __future__ import annotations

from mrak.core.errors import ApiError


def invalid_request(message: str) -> ApiError:
    return ApiError("InvalidRequestException", message)
