"""ECR's errors, with whole messages as AWS writes them."""

from __future__ import annotations

from mrak.core.errors import ApiError
from mrak.core.scope import Scope

CODES = {
    "InvalidParameterException": 400,
    "LifecyclePolicyNotFoundException": 400,
    "RepositoryAlreadyExistsException": 400,
    "RepositoryNotFoundException": 400,
    "RepositoryPolicyNotFoundException": 400,
}


def _of(scope: Scope, name: str) -> str:
    return f"the repository with name '{name}' in the registry with id '{scope.account}'"


def no_repository(scope: Scope, name: str) -> ApiError:
    message = f"The repository with name '{name}' does not exist in the registry with id '{scope.account}'"
    return ApiError("RepositoryNotFoundException", message)


def repository_exists(scope: Scope, name: str) -> ApiError:
    message = f"The repository with name '{name}' already exists in the registry with id '{scope.account}'"
    return ApiError("RepositoryAlreadyExistsException", message)


def no_policy(scope: Scope, name: str) -> ApiError:
    return ApiError("RepositoryPolicyNotFoundException", f"Repository policy does not exist for {_of(scope, name)}")


def no_lifecycle(scope: Scope, name: str) -> ApiError:
    return ApiError("LifecyclePolicyNotFoundException", f"Lifecycle policy does not exist for {_of(scope, name)}")


def invalid(message: str) -> ApiError:
    return ApiError("InvalidParameterException", f"Invalid parameter at {message}")
