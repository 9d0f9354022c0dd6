"""The tagging API's errors, with whole messages as AWS writes them."""

from __future__ import annotations

from mrak.core.errors import ApiError


def invalid_parameter(message: str) -> ApiError:
    return ApiError("InvalidParameterException", message)


def expired_token() -> ApiError:
    return ApiError("PaginationTokenExpiredException", "The pagination token is not valid.")
