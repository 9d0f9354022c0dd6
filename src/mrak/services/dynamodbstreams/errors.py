"""The errors of DynamoDB Streams."""

from __future__ import annotations

from mrak.core.errors import ApiError

# code -> status; tests/tidy checks the codes against the model.
CODES = {"ExpiredIteratorException": 400, "ResourceNotFoundException": 400, "TrimmedDataAccessException": 400}


def invalid(message: str) -> ApiError:
    return ApiError("ValidationException", message)


def invalid_parameter(message: str) -> ApiError:
    return invalid(f"One or more parameter values were invalid: {message}")


def stream_not_found(arn: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"Requested resource not found: Stream: {arn} not found")


def shard_not_found(shard: str, arn: str) -> ApiError:
    return ApiError(
        "ResourceNotFoundException", f"Requested resource not found: Shard {shard} in Stream {arn} not found"
    )


def trimmed() -> ApiError:
    return ApiError(
        "TrimmedDataAccessException", "The operation attempted to read past the oldest stream record in a shard."
    )


def iterator_expired() -> ApiError:
    return ApiError("ExpiredIteratorException", "Iterator expired.")
