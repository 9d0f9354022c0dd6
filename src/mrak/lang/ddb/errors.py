"""The one error of DynamoDB's languages."""

from __future__ import annotations

from mrak.core.errors import ApiError


def invalid(message: str) -> ApiError:
    """A ValidationException with AWS's words."""
    return ApiError("ValidationException", message)


def invalid_parameter(message: str) -> ApiError:
    """A ValidationException of the family that most value checks belong to."""
    return ApiError("ValidationException", f"One or more parameter values were invalid: {message}")
