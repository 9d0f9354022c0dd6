"""CloudWatch Logs' errors, with whole messages as AWS writes them."""

from __future__ import annotations

from mrak.core.errors import ApiError

CODES = {
    "ResourceNotFoundException": 400,
    "ResourceAlreadyExistsException": 400,
    "InvalidParameterException": 400,
    "LimitExceededException": 400,
    "AccessDeniedException": 400,
    "ValidationException": 400,
    "OperationAbortedException": 400,
    "MalformedQueryException": 400,
    "ConflictException": 400,
    "InvalidOperationException": 400,
}


def not_found(message: str) -> ApiError:
    return ApiError("ResourceNotFoundException", message)


def group_not_found() -> ApiError:
    return not_found("The specified log group does not exist.")


def stream_not_found() -> ApiError:
    return not_found("The specified log stream does not exist.")


def invalid_name_length() -> ApiError:
    return invalid_parameter("Invalid LogGroup or LogStream, both must have length less than or equal to 512.")


def filter_not_found(kind: str) -> ApiError:
    return not_found(f"The specified {kind} filter does not exist.")


def already_exists(what: str) -> ApiError:
    return ApiError("ResourceAlreadyExistsException", f"The specified {what} already exists")


def invalid_parameter(message: str) -> ApiError:
    return ApiError("InvalidParameterException", message)


def invalid_token() -> ApiError:
    return invalid_parameter("The specified nextToken is invalid.")


def foreign_token() -> ApiError:
    return invalid_parameter(
        "Pagination token in request is invalid. Only token from previous list call or null is valid."
    )


def invalid_transformation(message: str) -> ApiError:
    return invalid_parameter(f"Invalid metric transformation: {message}")


def limit_exceeded() -> ApiError:
    return ApiError("LimitExceededException", "Resource limit exceeded.")


def vended_not_found(what: str) -> ApiError:
    return not_found(f"Requested {what} does not exist in this account.")


def invalid_operation(message: str) -> ApiError:
    return ApiError("InvalidOperationException", message)


def conflict(message: str) -> ApiError:
    return ApiError("ConflictException", message)


def validation(message: str) -> ApiError:
    return ApiError("ValidationException", message)


def cross_account_function() -> ApiError:
    return ApiError(
        "AccessDeniedException",
        "Cross-account lambda invocation passing is not allowed. You must use DestinationPolicies to create cross "
        "account lambda triggers.",
    )


def function_not_executable() -> ApiError:
    return invalid_parameter(
        "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your "
        "function."
    )


def malformed_query(message: str, text: str, at: int) -> ApiError:
    location = {"startCharOffset": at, "endCharOffset": len(text)}
    compile_error = {"location": location, "message": message}
    return ApiError("MalformedQueryException", message, 400, {"queryCompileError": compile_error})


def query_not_found(query_id: str) -> ApiError:
    return not_found(f"The specified query {query_id} does not exist.")


def group_is_protected() -> ApiError:
    return ApiError(
        "ValidationException",
        "The log group cannot be deleted because deletion protection is enabled. Disable it and try again.",
    )
