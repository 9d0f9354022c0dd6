"""EventBridge Scheduler's errors, with AWS's whole messages."""

from __future__ import annotations

from mrak.core.errors import ApiError


def validation(message: str) -> ApiError:
    return ApiError("ValidationException", message, 400)


def invalid_expression(expression: str) -> ApiError:
    return validation(f"Invalid Schedule Expression {expression}.")


def unassumable_role() -> ApiError:
    return validation("The execution role you provide must allow AWS EventBridge Scheduler to assume the role.")


def no_schedule(name: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"Schedule {name} does not exist.", 404)


def no_group(name: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"Schedule group {name} does not exist.", 404)


def schedule_exists(name: str) -> ApiError:
    return ApiError("ConflictException", f"Schedule {name} already exists.", 409)


def group_exists(name: str) -> ApiError:
    return ApiError("ConflictException", f"Schedule group {name} already exists.", 409)
