"""The errors of HTTP and WebSocket APIs, with whole messages."""

from __future__ import annotations

from mrak.core.errors import ApiError
from mrak.core.scope import Scope

CODES = {
    "NotFoundException": 404,
    "BadRequestException": 400,
    "ConflictException": 409,
    "TooManyRequestsException": 429,
}


def api_not_found(scope: Scope, api: str) -> ApiError:
    return not_found(f"Invalid API identifier specified {scope.account}:{api}", "Api")


def part_not_found(kind: str, part: str) -> ApiError:
    return not_found(f"Invalid {kind} identifier specified {part}".rstrip(), kind)


def not_found(message: str, resource_type: str = "") -> ApiError:
    return ApiError("NotFoundException", message, 404, {"ResourceType": resource_type} if resource_type else None)


def bad_request(message: str) -> ApiError:
    return ApiError("BadRequestException", message)


def conflict(message: str) -> ApiError:
    return ApiError("ConflictException", message, 409)


def route_exists(key: str) -> ApiError:
    return conflict(f"Route with key {key} already exists for this API")


def malformed_http_route_key() -> ApiError:
    return bad_request(
        "The provided route key is not formatted properly for HTTP protocol. "
        'Format should be "<HTTP METHOD> /<RESOURCE PATH>" or "$default"'
    )


def conflicting_variable(key: str, other: str) -> ApiError:
    return conflict(
        f'The provided route key "{key}" has a conflicting variable on the same hierarchical level as "{other}"'
    )


def too_many(what: str, most: int) -> ApiError:
    return ApiError(
        "TooManyRequestsException", f"Maximum number of {what} for this account has been reached: {most}", 429
    )
