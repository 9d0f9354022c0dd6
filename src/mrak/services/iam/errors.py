"""IAM's errors, with whole messages as AWS writes them."""

from __future__ import annotations

from mrak.core.errors import ApiError

# code -> status; the codes are those of the model's query errors.
CODES = {
    "NoSuchEntity": 404,
    "EntityAlreadyExists": 409,
    "DeleteConflict": 409,
    "LimitExceeded": 409,
    "MalformedPolicyDocument": 400,
    "InvalidInput": 400,
    "UnmodifiableEntity": 400,
    "PolicyNotAttachable": 400,
}


def no_such_entity(message: str) -> ApiError:
    return ApiError("NoSuchEntity", message, 404)


def entity_not_found(kind: str, name: str) -> ApiError:
    return no_such_entity(f"The {kind} with name {name} cannot be found.")


def inline_policy_not_found(kind: str, name: str) -> ApiError:
    return no_such_entity(f"The {kind} policy with name {name} cannot be found.")


def policy_not_found(arn: str) -> ApiError:
    return no_such_entity(f"Policy {arn} was not found.")


def policy_not_attachable(arn: str) -> ApiError:
    return no_such_entity(f"Policy {arn} does not exist or is not attachable.")


def version_not_found(arn: str, version: str) -> ApiError:
    return no_such_entity(f"Policy {arn} version {version} does not exist or is not attachable.")


def access_key_not_found(key: str) -> ApiError:
    return no_such_entity(f"The Access Key with id {key} cannot be found.")


def provider_not_found(arn: str) -> ApiError:
    return no_such_entity(f"OpenIDConnect Provider not found for arn {arn}")


def service_not_supported(service: str) -> ApiError:
    return no_such_entity(f"No such service {service} is supported for Service Specific Credentials")


def service_credential_not_found(credential: str) -> ApiError:
    return no_such_entity(f"No such credential {credential} exists")


def entity_exists(kind: str, name: str) -> ApiError:
    return ApiError("EntityAlreadyExists", f"{kind.capitalize()} with name {name} already exists.", 409)


def policy_exists(name: str) -> ApiError:
    return ApiError(
        "EntityAlreadyExists", f"A policy called {name} already exists. Duplicate names are not allowed.", 409
    )


def provider_exists(url: str) -> ApiError:
    return ApiError("EntityAlreadyExists", f"Provider with url {url} already exists.", 409)


def exists(message: str) -> ApiError:
    return ApiError("EntityAlreadyExists", message, 409)


def alias_exists(alias: str) -> ApiError:
    return ApiError("EntityAlreadyExists", f"The account alias {alias} already exists.", 409)


def delete_conflict(what: str) -> ApiError:
    return ApiError("DeleteConflict", f"Cannot delete entity, must {what} first.", 409)


def conflict(message: str) -> ApiError:
    return ApiError("DeleteConflict", message, 409)


def policy_is_attached() -> ApiError:
    return ApiError("DeleteConflict", "Cannot delete a policy attached to entities.", 409)


def policy_has_versions() -> ApiError:
    return ApiError(
        "DeleteConflict",
        "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "
        "The default version is deleted with the policy.",
        409,
    )


def default_version() -> ApiError:
    return ApiError("DeleteConflict", "Cannot delete the default version of a policy.", 409)


def quota(name: str, limit: int) -> ApiError:
    return ApiError("LimitExceeded", f"Cannot exceed quota for {name}: {limit}", 409)


def too_many_versions() -> ApiError:
    return ApiError(
        "LimitExceeded",
        "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing "
        "version.",
        409,
    )


def inline_too_large(kind: str, name: str, limit: int) -> ApiError:
    return ApiError("LimitExceeded", f"Maximum policy size of {limit} bytes exceeded for {kind} {name}", 409)


def invalid_input(message: str) -> ApiError:
    return ApiError("InvalidInput", message, 400)


def validation(message: str) -> ApiError:
    return ApiError("ValidationError", message, 400)


def duplicate_tags() -> ApiError:
    return invalid_input("Duplicate tag keys found. Please note that Tag keys are case insensitive.")


def protected_role(name: str) -> ApiError:
    return ApiError(
        "UnmodifiableEntity",
        f"Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS",
        400,
    )


def aws_policy_is_fixed(arn: str) -> ApiError:
    return invalid_input(f"Policy {arn} is managed by AWS and can't be changed.")


def invalid_principal(value: str) -> ApiError:
    return ApiError("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{value}"', 400)


def invalid_path() -> ApiError:
    return validation(
        "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric "
        "characters and/or / characters."
    )


def invalid_code() -> ApiError:
    return ApiError("InvalidAuthenticationCode", "Authentication code for device is not valid.", 403)


def weak_password(message: str) -> ApiError:
    return ApiError("PasswordPolicyViolation", message, 400)


def wrong_password() -> ApiError:
    return ApiError("AccessDenied", "The old password is incorrect.", 403)


def malformed_certificate() -> ApiError:
    return ApiError(
        "MalformedCertificate", "Unable to parse certificate. Please ensure the certificate is in PEM format."
    )


def malformed_key() -> ApiError:
    return ApiError(
        "MalformedCertificate", "Unable to parse key; the key must be an unencrypted PEM encoded private key."
    )


def key_mismatch() -> ApiError:
    return ApiError("KeyPairMismatch", "The public key certificate and the private key do not match.")


def duplicate_certificate() -> ApiError:
    return ApiError("DuplicateCertificate", "The certificate is already associated with the user.", 409)


def invalid_public_key() -> ApiError:
    return ApiError("InvalidPublicKey", "The specified value for SSHPublicKeyBody is not a valid RSA public key.")


def duplicate_ssh_key() -> ApiError:
    return ApiError("DuplicateSSHPublicKey", "The SSH public key is already associated with the user.")


def report_not_present() -> ApiError:
    return ApiError("ReportNotPresent", "", 410)


def report_expired() -> ApiError:
    return ApiError("ReportExpired", "", 410)
