"""Secrets Manager's errors, with whole messages as AWS writes them."""

from __future__ import annotations

from mrak.core.errors import ApiError


def secret_not_found() -> ApiError:
    return ApiError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")


def value_not_found(what: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"Secrets Manager can't find the specified secret value for {what}")


def secret_exists(name: str) -> ApiError:
    return ApiError("ResourceExistsException", f"The operation failed because the secret {name} already exists.")


def version_exists(token: str, arn: str) -> ApiError:
    return ApiError(
        "ResourceExistsException",
        f"You can't use ClientRequestToken {token} because that value is already in use for a version of secret {arn}.",
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


def token_missing() -> ApiError:
    return invalid_request("You must provide a ClientRequestToken value. We recommend a UUID-type value.")


def no_rotation_function() -> ApiError:
    return invalid_request("No Lambda rotation function ARN is associated with this secret.")


def rotation_under_way() -> ApiError:
    return invalid_request("A previous rotation isn't complete. That rotation will be reattempted.")


def function_not_invokable() -> ApiError:
    return ApiError(
        "AccessDeniedException",
        "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access to "
        "the principal secretsmanager.amazonaws.com.",
    )


def on_replica() -> ApiError:
    return invalid_parameter(
        "Operation not permitted on a replica secret. Call must be made in primary secret's region."
    )


def has_replicas(name: str, regions: list[str]) -> ApiError:
    return invalid_request(f"You can't delete secret {name} that still has replica regions [{', '.join(regions)}]")


def default_key() -> ApiError:
    return invalid_request(
        "You can't access a secret from a different AWS account if you encrypt the secret with the default KMS service "
        "key."
    )


def public_policy() -> ApiError:
    return ApiError(
        "PublicPolicyException",
        "You can not attach a resource policy that grants Public access to your secret.",
    )
