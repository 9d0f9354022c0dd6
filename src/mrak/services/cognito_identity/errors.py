"""Identity pools' errors, with whole messages as AWS writes them."""

from __future__ import annotations

from mrak.core.errors import ApiError


def pool_not_found(pool_id: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"IdentityPool '{pool_id}' not found.")


def identity_not_found(identity_id: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"Identity '{identity_id}' not found.")


def not_authorized(message: str) -> ApiError:
    return ApiError("NotAuthorizedException", message)


def unauthenticated() -> ApiError:
    return not_authorized("Unauthenticated access is not supported for this identity pool.")


def forbidden(identity_id: str) -> ApiError:
    return not_authorized(f"Access to Identity '{identity_id}' is forbidden.")


def invalid_login(reason: str) -> ApiError:
    return not_authorized(f"Invalid login token. {reason}")


_MISMATCH = "Logins don't match. Please include at least one valid login for this identity or identity pool."


def logins_mismatch() -> ApiError:
    return not_authorized(_MISMATCH)


def logins_conflict() -> ApiError:
    return conflict(_MISMATCH)


def developer_user_not_found(user: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"Developer user '{user}' not found.")


def invalid(message: str) -> ApiError:
    return ApiError("InvalidParameterException", message)


def no_roles() -> ApiError:
    return ApiError(
        "InvalidIdentityPoolConfigurationException",
        "Invalid identity pool configuration. Check assigned IAM roles for this pool.",
    )


def conflict(message: str) -> ApiError:
    return ApiError("ResourceConflictException", message)


def developer_user_registered() -> ApiError:
    return ApiError(
        "DeveloperUserAlreadyRegisteredException", "The provided developer user identifier is already registered."
    )
