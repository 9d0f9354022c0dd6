"""EventBridge Pipes' errors."""

from __future__ import annotations

from mrak.core.errors import ApiError


def validation(message: str) -> ApiError:
    return ApiError("ValidationException", message, 400)


def no_pipe(name: str) -> ApiError:
    return ApiError("NotFoundException", f"Pipe {name} does not exist.", 404)


def pipe_exists(name: str) -> ApiError:
    fields = {"resourceId": name, "resourceType": "Pipe"}
    return ApiError("ConflictException", f"Pipe {name} already exists.", 409, fields)
