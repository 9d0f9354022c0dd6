"""KMS's errors, with whole messages as AWS writes them."""

from __future__ import annotations

from mrak.core.errors import ApiError


def key_not_found(arn: str) -> ApiError:
    return ApiError("NotFoundException", f"Key '{arn}' does not exist")


def invalid_key_id(key_id: str) -> ApiError:
    return ApiError("NotFoundException", f"Invalid keyId '{key_id}'")


def invalid_arn(text: str) -> ApiError:
    return ApiError("NotFoundException", f"Invalid arn {text}")


def alias_not_found(arn: str) -> ApiError:
    return ApiError("NotFoundException", f"Alias {arn} is not found.")


def alias_exists(arn: str) -> ApiError:
    return ApiError("AlreadyExistsException", f"An alias with the name {arn} already exists")


def validation(message: str) -> ApiError:
    return ApiError("ValidationException", message)


def disabled(arn: str) -> ApiError:
    return ApiError("DisabledException", f"{arn} is disabled.")


def invalid_state(arn: str, state: str) -> ApiError:
    return ApiError("KMSInvalidStateException", f"{arn} is {state}.")


def invalid_usage(message: str) -> ApiError:
    return ApiError("InvalidKeyUsageException", message)


def invalid_ciphertext() -> ApiError:
    return ApiError("InvalidCiphertextException", "")


def incorrect_key() -> ApiError:
    return ApiError(
        "IncorrectKeyException",
        "The key ID in the request does not identify a CMK that can perform this operation.",
    )


def invalid_signature() -> ApiError:
    return ApiError("KMSInvalidSignatureException", "")


def invalid_mac() -> ApiError:
    return ApiError("KMSInvalidMacException", "")


def unsupported(message: str) -> ApiError:
    return ApiError("UnsupportedOperationException", message)


def tag(message: str) -> ApiError:
    return ApiError("TagException", message)


def dry_run() -> ApiError:
    return ApiError("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")


def invalid_alias_name(message: str) -> ApiError:
    return ApiError("ValidationException", message)


def malformed_policy() -> ApiError:
    return ApiError("MalformedPolicyDocumentException", "")


def invalid_marker() -> ApiError:
    return ApiError("InvalidMarkerException", "Could not deserialize marker")
