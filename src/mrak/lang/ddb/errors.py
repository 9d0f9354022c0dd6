"""The errors of DynamoDB's languages.

DynamoDB checks attribute values in one of two layers, and the operation decides in which: the words of the current one
are an `InvalidValue`'s message, those of the older one its `older`.
"""

from __future__ import annotations

from mrak.core.errors import ApiError

INVALID_PARAMETER = "One or more parameter values were invalid: "


class InvalidValue(ApiError):
    """A value that DynamoDB refuses, with the words of both layers."""

    __slots__ = ("older",)

    def __init__(self, message: str, older: str | None = None) -> None:
        super().__init__("ValidationException", message)
        self.older = message if older is None else older


def invalid(message: str) -> ApiError:
    """A ValidationException with AWS's words."""
    return ApiError("ValidationException", message)


def invalid_parameter(message: str) -> ApiError:
    """A ValidationException of the family that most value checks belong to."""
    return ApiError("ValidationException", f"{INVALID_PARAMETER}{message}")
