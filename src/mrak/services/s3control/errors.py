"""S3 Control's errors."""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context
from mrak.core.errors import ApiError


def invalid_request(message: str) -> ApiError:
    return ApiError("InvalidRequest", message, 400)


def malformed_xml() -> ApiError:
    message = "The XML you provided was not well-formed or did not validate against our published schema"
    return ApiError("MalformedXML", message, 400)


def no_such_point(name: str) -> ApiError:
    message = "The specified accesspoint does not exist"
    return ApiError("NoSuchAccessPoint", message, 404, {"AccessPointName": name})


def check_account(ctx: Context, req: dict[str, Any]) -> None:
    """x-amz-account-id has to be the caller's own account."""
    if req.get("AccountId") != ctx.scope.account:
        raise ApiError("AccessDenied", "Access Denied", 403)
