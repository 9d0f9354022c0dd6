"""Lambda's errors, with whole messages as AWS writes them (recorded where they could be)."""

from __future__ import annotations

from mrak.core.errors import ApiError

# code -> status; tests/tidy checks the codes against the model.
CODES = {
    "ResourceNotFoundException": 404,
    "ResourceConflictException": 409,
    "InvalidParameterValueException": 400,
    "PreconditionFailedException": 412,
    "TooManyRequestsException": 429,
    "InvalidRequestContentException": 400,
    "CodeStorageExceededException": 400,
    "PolicyLengthExceededException": 400,
    "ProvisionedConcurrencyConfigNotFoundException": 404,
    "ServiceException": 500,
    "ResourceInUseException": 400,
}

_USER = {"Type": "User"}


def invalid(message: str) -> ApiError:
    return ApiError("InvalidParameterValueException", message, 400, dict(_USER))


def validation(value: object, member: str, constraint: str) -> ApiError:
    return ApiError(
        "ValidationException",
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}",
    )


def not_found(message: str) -> ApiError:
    return ApiError("ResourceNotFoundException", message, 404, dict(_USER))


def function_not_found(function_arn: str) -> ApiError:
    return not_found(f"Function not found: {function_arn}")


def other_region(region: str, here: str) -> ApiError:
    return not_found(f"Functions from '{region}' are not reachable in this region ('{here}')")


def qualifier_mismatch() -> ApiError:
    return invalid("The derived qualifier from the function name does not match the specified qualifier.")


def conflict(message: str) -> ApiError:
    return ApiError("ResourceConflictException", message, 409, dict(_USER))


def function_exists(name: str) -> ApiError:
    return conflict(f"Function already exist: {name}")


def precondition(operation: str) -> ApiError:
    return ApiError(
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. "
        f"Call the {operation} API to retrieve the latest Revision Id",
        412,
        dict(_USER),
    )


def too_many_requests(reason: str) -> ApiError:
    return ApiError("TooManyRequestsException", "Rate Exceeded.", 429, {"Reason": reason, **_USER}, retryable=True)


def request_too_large(limit_bytes: int, operation: str) -> ApiError:
    message = f"Request must be smaller than {limit_bytes} bytes for the {operation} operation"
    return ApiError("RequestEntityTooLargeException", message, 413)


def event_too_large(size_bytes: int, limit_bytes: int) -> ApiError:
    message = f"{size_bytes} byte payload is too large for the Event invocation type (limit {limit_bytes} bytes)"
    return ApiError("RequestEntityTooLargeException", message, 413)


def invalid_json(reason: str) -> ApiError:
    message = f"Could not parse request body into json: {reason}"
    return ApiError("InvalidRequestContentException", message, 400, dict(_USER))


def bad_zip() -> ApiError:
    return invalid("Could not unzip uploaded file. Please check your file, then try to upload again.")


def too_large_unzipped() -> ApiError:
    return invalid("Unzipped size must be smaller than 262144000 bytes")


def recursive_loop(function_arn: str) -> ApiError:
    message = f"Lambda has detected that {function_arn} is invoked in a recursive loop, and has stopped it."
    return ApiError("RecursiveInvocationException", message, 400, dict(_USER))


def unknown_resource() -> ApiError:
    return not_found("The resource you requested does not exist.")
