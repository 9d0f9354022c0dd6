"""The errors of @connections, with whole messages."""

from __future__ import annotations

from mrak.core.errors import ApiError

CODES = {"ForbiddenException": 403, "GoneException": 410, "PayloadTooLargeException": 413}


def gone() -> ApiError:
    """The client is not, or no longer, connected. AWS says no more than the code."""
    return ApiError("GoneException", "", 410)


def too_large() -> ApiError:
    return ApiError("PayloadTooLargeException", "Message too long", 413)


def missing_token() -> ApiError:
    return ApiError("ForbiddenException", "Missing Authentication Token", 403)
