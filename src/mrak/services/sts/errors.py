"""STS's errors, with whole messages as AWS writes them."""

from __future__ import annotations

from mrak.core.errors import ApiError

CODES = {
    "AccessDenied": 403,
    "ValidationError": 400,
    "InvalidParameterValue": 400,
    "MalformedPolicyDocument": 400,
    "PackedPolicyTooLarge": 400,
    "ExpiredTokenException": 400,
    "InvalidIdentityToken": 400,
}


def not_authorized(caller_arn: str, action: str, resource: str) -> ApiError:
    return ApiError(
        "AccessDenied", f"User: {caller_arn} is not authorized to perform: {action} on resource: {resource}", 403
    )


def not_with_session(operation: str) -> ApiError:
    return ApiError("AccessDenied", f"Cannot call {operation} with session credentials", 403)


def validation(message: str) -> ApiError:
    return ApiError("ValidationError", message, 400)


def invalid_parameter(message: str) -> ApiError:
    return ApiError("InvalidParameterValue", message, 400)


def too_long_for_role() -> ApiError:
    return validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")


def too_long_for_chain() -> ApiError:
    return validation(
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
    )


def packed_policy_too_large(percent: int) -> ApiError:
    return ApiError(
        "PackedPolicyTooLarge", f"Packed policy consumes {percent}% of allotted space, please use smaller policy.", 400
    )
