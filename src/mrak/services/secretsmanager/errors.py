"""Secrets Manager's errors, with whole messages as AWS writes them."""

from __future__ import annotations

from mrak.core.errors import ApiError


def secret_not_found() -> ApiError:
    return ApiError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")


def value_not_found(what: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"Secrets Manager can't find the specified secret value for {what}")


def secret_exists(name: str) -> ApiError:
    return ApiError("ResourceExistsException", f"The operation failed because the secret {name} already exists.")


def version_exists() -> ApiError:
    return ApiError(
        "ResourceExistsException",
        "A resource with the ID you requested already exists.",
    )


def invalid_request(message: str) -> ApiError:
    return ApiError("InvalidRequestException", message)


def marked_for_deletion() -> ApiError:
    return invalid_request("You can't perform this operation on the secret because it was marked for deletion.")


def name_marked_for_deletion() -> ApiError:
    return invalid_request(
        "You can't create this secret because a secret with this name is already scheduled for deletion."
    )


def invalid_parameter(message: str) -> ApiError:
    return ApiError("InvalidParameterException", message)


def invalid_name() -> ApiError:
    return ApiError(
        "ValidationException",
        "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
    )


def invalid_token() -> ApiError:
    return ApiError("InvalidNextTokenException", "Invalid token provided.")


def malformed_policy() -> ApiError:
    return ApiError("MalformedPolicyDocumentException", "This resource policy contains invalid Json.")
