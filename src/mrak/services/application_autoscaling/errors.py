"""Application Auto Scaling's errors, with whole messages as AWS writes them."""

from __future__ import annotations

from typing import Any

from mrak.core.errors import ApiError


def validation(message: str) -> ApiError:
    return ApiError("ValidationException", message)


def target_not_registered(req: dict[str, Any]) -> ApiError:
    return ApiError(
        "ObjectNotFoundException",
        f"No scalable target registered for service namespace: {req['ServiceNamespace']}, resource ID: "
        f"{req['ResourceId']}, scalable dimension: {req['ScalableDimension']}",
    )


def target_not_found(req: dict[str, Any]) -> ApiError:
    return ApiError(
        "ObjectNotFoundException",
        f"No scalable target found for service namespace: {req['ServiceNamespace']}, resource ID: "
        f"{req['ResourceId']}, scalable dimension: {req['ScalableDimension']}",
    )


def policy_not_found(req: dict[str, Any]) -> ApiError:
    return ApiError(
        "ObjectNotFoundException",
        f"No scaling policy found for service namespace: {req['ServiceNamespace']}, resource ID: "
        f"{req['ResourceId']}, scalable dimension: {req['ScalableDimension']}: {req['PolicyName']}",
    )


def action_not_found(req: dict[str, Any]) -> ApiError:
    return ApiError(
        "ObjectNotFoundException",
        f"No scheduled action found for service namespace: {req['ServiceNamespace']}, resource ID: "
        f"{req['ResourceId']}, scalable dimension: {req['ScalableDimension']}: {req['ScheduledActionName']}",
    )


def resource_not_found(arn: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"The resource {arn} was not found.")


def invalid_token() -> ApiError:
    return ApiError("InvalidNextTokenException", "The specified next token is invalid.")
