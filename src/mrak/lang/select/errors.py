"""What can be wrong with an expression or a record, under S3 Select's codes.

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#SelectObjectContentErrorCodeList
"""

from __future__ import annotations


class SelectError(Exception):
    """`code` is AWS's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def unexpected(kind: str, text: str, line: int, column: int) -> SelectError:
    shown = f"{kind}:{text}" if text else kind
    return SelectError("ParseUnexpectedToken", f"Unexpected token found {shown} at line {line}, column {column}.")


def cast_failed(value: object, kind: str) -> SelectError:
    shown = type(value).__name__ if not isinstance(value, str) else "string"
    return SelectError(
        "CastFailed", f"Attempt to convert from one data type to another using CAST failed: {shown} to {kind}."
    )


def invalid_arguments(message: str) -> SelectError:
    return SelectError("EvaluatorInvalidArguments", message)


def invalid_like() -> SelectError:
    return SelectError("LikeInvalidInputs", "Invalid argument given to the LIKE clause in the SQL expression.")


def overflow() -> SelectError:
    return SelectError("IntegerOverflow", "An integer overflow or underflow occurred in the SQL expression.")
