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


def not_a_token() -> ApiError:
    return invalid_identity_token(
        "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
    )


def invalid_identity_token(message: str) -> ApiError:
    return ApiError("InvalidIdentityToken", message, 400)


def no_provider(issuer: str) -> ApiError:
    return invalid_identity_token(f"No OpenIDConnect provider found in your account for {issuer}")


def identity_token_expired(now: float, expires: float) -> ApiError:
    return ApiError(
        "ExpiredTokenException",
        f"Token expired: current date/time {int(now)} must be before the expiration date/time {int(expires)}",
        400,
    )


def not_authorized_web_identity() -> ApiError:
    return ApiError("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403)


def packed_policy_too_large(percent: int) -> ApiError:
    return ApiError(
        "PackedPolicyTooLarge", f"Packed policy consumes {percent}% of allotted space, please use smaller policy.", 400
    )
