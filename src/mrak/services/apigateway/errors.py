"""The errors of REST APIs, with whole messages as recorded from AWS."""

from __future__ import annotations

from mrak.core.errors import ApiError
from mrak.core.scope import Scope

CODES = {
    "BadRequestException": 400,
    "ConflictException": 409,
    "LimitExceededException": 429,
    "NotFoundException": 404,
}


def bad_request(message: str) -> ApiError:
    return ApiError("BadRequestException", message)


def conflict(message: str) -> ApiError:
    return ApiError("ConflictException", message, 409)


def not_found(message: str) -> ApiError:
    return ApiError("NotFoundException", message, 404)


def limit_exceeded(message: str) -> ApiError:
    return ApiError("LimitExceededException", message, 429)


def api_not_found(scope: Scope, api: str) -> ApiError:
    return not_found(f"Invalid API identifier specified {scope.account}:{api}")


def invalid(what: str) -> ApiError:
    """The identifier of a resource, method, stage and so on names nothing."""
    return not_found(f"Invalid {what} identifier specified")


def unknown_status_code() -> ApiError:
    return not_found("Invalid Response status code specified")


def unknown_model(name: str) -> ApiError:
    return not_found(f"Invalid model name specified: {name}")


def unsupported_operation(path: str, op: str) -> ApiError:
    return bad_request(f"Invalid patch path  '{path}' specified for op '{op}'. Please choose supported operations")


def only_dualstack() -> ApiError:
    return bad_request("Only dualstack ipAddressType is supported for Private APIs.")


def bad_compression_size() -> ApiError:
    return bad_request("Invalid minimum compression size, must be between 0 and 10485760")


def unknown_path(path: str, op: str, known: list[str]) -> ApiError:
    return bad_request(f"Invalid patch path  '{path}' specified for op '{op}'. Must be one of: [{', '.join(known)}]")


def invalid_path(path: str | None) -> ApiError:
    return bad_request(f"Invalid patch path {'null' if path is None else path}")


def only_replace() -> ApiError:
    return bad_request("Invalid patch operation specified. Must be one of: [replace]")


def invalid_authorizer() -> ApiError:
    return bad_request(
        "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS requires a "
        "valid authorizer."
    )


def same_name(part: str) -> ApiError:
    return conflict(f"Another resource with the same parent already has this name: {part}")


def malformed_path_part() -> ApiError:
    return bad_request(
        "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly braces at the "
        "beginning and the end."
    )


def active_stages() -> ApiError:
    return bad_request("Active stages pointing to this deployment must be moved or deleted")


def cross_account_role() -> ApiError:
    return ApiError("AccessDeniedException", "Cross-account pass role is not allowed.", 403)
