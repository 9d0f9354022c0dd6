"""Cognito user pools' errors, with whole messages as AWS writes them."""

from __future__ import annotations

from mrak.core.errors import ApiError


def pool_not_found(pool_id: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"User pool {pool_id} does not exist.")


def client_not_found(client_id: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"User pool client {client_id} does not exist.")


def not_found(message: str) -> ApiError:
    return ApiError("ResourceNotFoundException", message)


def group_not_found() -> ApiError:
    return not_found("Group not found.")


def group_exists() -> ApiError:
    return ApiError("GroupExistsException", "A group with the name already exists.")


def invalid(message: str) -> ApiError:
    return ApiError("InvalidParameterException", message)


def missing(name: str) -> ApiError:
    return invalid(f"Missing required parameter {name}")


def not_authorized(message: str) -> ApiError:
    return ApiError("NotAuthorizedException", message)


def wrong_password() -> ApiError:
    return not_authorized("Incorrect username or password.")


def too_many_passwords() -> ApiError:
    return not_authorized("Password attempts exceeded")


def disabled() -> ApiError:
    return not_authorized("User is disabled.")


def user_not_found() -> ApiError:
    return ApiError("UserNotFoundException", "User does not exist.")


def user_not_confirmed() -> ApiError:
    return ApiError("UserNotConfirmedException", "User is not confirmed.")


def username_exists(message: str = "User already exists") -> ApiError:
    return ApiError("UsernameExistsException", message)


def alias_in_use(message: str) -> ApiError:
    return ApiError("AliasExistsException", message)


def alias_exists(kind: str) -> ApiError:
    words = {"email": "email", "phone_number": "phone_number", "preferred_username": "preferred_username"}
    return ApiError("AliasExistsException", f"An account with the {words[kind]} already exists.")


def invalid_password(reason: str, start: str = "Password did not conform with policy") -> ApiError:
    return ApiError("InvalidPasswordException", f"{start}: {reason}")


def password_history() -> ApiError:
    return ApiError(
        "PasswordHistoryPolicyViolationException",
        "Password has previously been used.",
    )


def password_reset_required() -> ApiError:
    return ApiError("PasswordResetRequiredException", "Password reset required for the user")


def code_mismatch() -> ApiError:
    return ApiError("CodeMismatchException", "Invalid verification code provided, please try again.")


def wrong_mfa_code() -> ApiError:
    return ApiError("CodeMismatchException", "Invalid code received for user")


def expired_code() -> ApiError:
    return ApiError("ExpiredCodeException", "Invalid code provided, please request a code again.")


def attempts_exceeded() -> ApiError:
    return ApiError("LimitExceededException", "Attempt limit exceeded, please try after some time.")


def limit_exceeded(message: str) -> ApiError:
    return ApiError("LimitExceededException", message)


def token_reused() -> ApiError:
    return ApiError("RefreshTokenReuseException", "Refresh token has been reused.")


def invalid_session() -> ApiError:
    return not_authorized("Invalid session for the user.")


def session_used() -> ApiError:
    return not_authorized("Invalid session for the user, session can only be used once.")


def session_expired() -> ApiError:
    return not_authorized("Invalid session for the user, session is expired.")


def flow_disabled(flow: str) -> ApiError:
    return invalid(f"{flow} flow not enabled for this client")


def client_elsewhere(client_id: str, pool_id: str) -> ApiError:
    return not_found(f"User pool client {client_id} does not exist in user pool {pool_id}.")


def invalid_client() -> ApiError:
    return ApiError("UnauthorizedException", "Invalid client or secret")


def secret_hash_missing(client_id: str) -> ApiError:
    return not_authorized(f"Client {client_id} is configured with secret but SECRET_HASH was not received")


def secret_hash_mismatch(client_id: str) -> ApiError:
    return not_authorized(f"SecretHash does not match for the client: {client_id}")


def secret_hash_unverified(client_id: str) -> ApiError:
    return not_authorized(f"Unable to verify secret hash for client {client_id}")


def lambda_refused(trigger: str, message: str) -> ApiError:
    return ApiError("UserLambdaValidationException", f"{trigger} failed with error {message}.")


def not_in_tier(tier: str, features: list[str]) -> ApiError:
    return ApiError(
        "FeatureUnavailableInTierException",
        f"The following features need to be disabled for the {tier} pricing tier configured: {', '.join(features)}",
    )


def not_delivered(why: str) -> ApiError:
    return ApiError("CodeDeliveryFailureException", why)


def lambda_unexpected(trigger: str, code: str) -> ApiError:
    return ApiError("UnexpectedLambdaException", f"{trigger} invocation failed due to error {code}.")


def lambda_response(message: str = "Unrecognizable lambda output") -> ApiError:
    return ApiError("InvalidLambdaResponseException", message)


def no_totp() -> ApiError:
    return ApiError("SoftwareTokenMFANotFoundException", "Software token MFA has not been enabled by the userPool.")


def totp_mismatch() -> ApiError:
    return ApiError("EnableSoftwareTokenMFAException", "Code mismatch")


def unsupported_token() -> ApiError:
    return ApiError("UnsupportedTokenTypeException", "Unsupported token type.")


def unsupported_state(message: str) -> ApiError:
    return ApiError("UnsupportedUserStateException", message)


def unsupported(message: str) -> ApiError:
    return ApiError("UnsupportedOperationException", message)


def pool_configuration(message: str) -> ApiError:
    return ApiError("InvalidUserPoolConfigurationException", message)


def scope_does_not_exist(scope: str) -> ApiError:
    return ApiError("ScopeDoesNotExistException", f"Custom scope {scope} does not exist.")


def invalid_oauth(message: str) -> ApiError:
    return ApiError("InvalidOAuthFlowException", message)


def passkeys_off() -> ApiError:
    return ApiError("WebAuthnNotEnabledException", "WebAuthn is not enabled for the user pool.")


def passkeys_not_configured() -> ApiError:
    return ApiError(
        "WebAuthnConfigurationMissingException", "The user pool has neither a relying party ID nor a domain configured."
    )


def passkey_challenge_not_found() -> ApiError:
    return ApiError(
        "WebAuthnChallengeNotFoundException", "The challenge from StartWebAuthnRegistration has expired or is unknown."
    )


def passkey_mismatch(reason: str) -> ApiError:
    return ApiError("WebAuthnClientMismatchException", f"The credential does not answer the registration: {reason}")


def passkey_not_supported() -> ApiError:
    return ApiError("WebAuthnCredentialNotSupportedException", "The credential's algorithm is not supported.")


def passkey_origin(origin: str) -> ApiError:
    return ApiError("WebAuthnOriginNotAllowedException", f"The origin {origin} is not allowed for the relying party.")


def alias_of_provider() -> ApiError:
    return ApiError("AliasExistsException", "SourceUser is already linked to a user of this user pool.")


def source_of_pool() -> ApiError:
    return invalid(
        "Invalid SourceUser: Cognito users with a username/password may not be passed in as a SourceUser, "
        "only as a DestinationUser"
    )


def merging() -> ApiError:
    return invalid(
        "Merging is not currently supported, provide a SourceUser that has not been signed up in order to link"
    )


def precondition(message: str) -> ApiError:
    return ApiError("PreconditionNotMetException", message)


def branding_exists(client_id: str) -> ApiError:
    return ApiError(
        "ManagedLoginBrandingExistsException", f"A managed login branding of client {client_id} already exists."
    )


def terms_exist(name: str) -> ApiError:
    return ApiError("TermsExistsException", f"Terms with the name {name} already exist for the client.")


def duplicate_provider(name: str) -> ApiError:
    return ApiError("DuplicateProviderException", f"A provider with the name {name} already exists in this user pool.")
