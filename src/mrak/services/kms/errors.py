"""KMS's errors, with whole messages as AWS writes them."""

from __future__ import annotations

from mrak.core.errors import ApiError


def key_not_found(arn: str) -> ApiError:
    return ApiError("NotFoundException", f"Key '{arn}' does not exist")


def invalid_key_id(key_id: str) -> ApiError:
    return ApiError("NotFoundException", f"Invalid keyId '{key_id}'")


def aliases_not_taken() -> ApiError:
    return ApiError("InvalidArnException", "Key Aliases are not supported for this operation.")


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


def wrong_origin(arn: str, origin: str) -> ApiError:
    return unsupported(f"{arn} origin is {origin} which is not valid for this operation.")


def expiry_missing() -> ApiError:
    return validation("A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES")


def invalid_import_token() -> ApiError:
    return ApiError("InvalidImportTokenException", "")


def expired_import_token() -> ApiError:
    return ApiError("ExpiredImportTokenException", "")


def incorrect_key_material() -> ApiError:
    return ApiError("IncorrectKeyMaterialException", "")


def material_pending(arn: str, fresh: str, pending: str) -> ApiError:
    return ApiError(
        "KMSInvalidStateException",
        f"New key material (id: {fresh}) cannot be imported into KMS key {arn}, because another key material (id: "
        f"{pending}) is pending rotation.",
    )


def nothing_to_rotate_to(arn: str) -> ApiError:
    return ApiError("KMSInvalidStateException", f"No available key material pending rotation for the key: {arn}.")


def too_many_rotations(arn: str) -> ApiError:
    return ApiError(
        "LimitExceededException",
        "The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be "
        f"performed for this key: {arn}",
    )


def not_primary(arn: str) -> ApiError:
    return unsupported(f"{arn} is not a multi-region primary key.")


def primary_there(arn: str) -> ApiError:
    """What UpdatePrimaryRegion says of a replica."""
    return ApiError("KMSInvalidStateException", f"{arn} is not a multi-Region primary key.")


def on_replica(arn: str, operation: str) -> ApiError:
    return unsupported(f"{arn} is a multi-region replica key which is not valid for {operation}.")


def replica_exists() -> ApiError:
    return ApiError("AlreadyExistsException", "You can create only one replica of each primary key in each AWS Region.")


def no_replica_there(key_id: str) -> ApiError:
    return validation(f"{key_id} does not have a replica key in the specified Region.")


def no_region(region: str) -> ApiError:
    return validation(
        f"Region {region} is not a valid Region or multi-Region keys are not supported in Region {region}."
    )


def grant_not_found(grant_id: str) -> ApiError:
    return ApiError("NotFoundException", f"Grant ID {grant_id} not found")


def invalid_grant_token() -> ApiError:
    return ApiError("InvalidGrantTokenException", "")


def invalid_principal(message: str) -> ApiError:
    return ApiError("InvalidArnException", message)


def context_not_taken() -> ApiError:
    return validation("EncryptionContext is not supported when encrypting/decrypting with asymmetric CMKs.")


def constraint_not_taken() -> ApiError:
    return validation("EncryptionContext is supported only when creating a grant for a symmetric encryption KMS key.")


def operations_not_granted(operations: list[str], kind: str, usage: str, valid: list[str]) -> ApiError:
    return validation(
        f"Operations [{', '.join(operations)}] are not supported when creating a grant for {kind} KMS key with key "
        f"usage {usage}. Valid operations are [{', '.join(valid)}]"
    )


def reserved_alias() -> ApiError:
    return ApiError("NotAuthorizedException", "")
