"""X-Ray's errors."""

from __future__ import annotations

from mrak.core.errors import ApiError


def invalid_request(message: str) -> ApiError:
    return ApiError("InvalidRequestException", message)


def invalid_filter(reason: str) -> ApiError:
    return invalid_request(f"Invalid filter expression: {reason}")


def resource_not_found(arn: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"The resource {arn} was not found.", 404)


def too_many_tags() -> ApiError:
    return ApiError("TooManyTagsException", "A resource can have at most 50 tags.")


def too_many_rules() -> ApiError:
    return ApiError("RuleLimitExceededException", "You have reached the maximum number of sampling rules.")


def wrong_revision() -> ApiError:
    return ApiError("InvalidPolicyRevisionIdException", "The policy revision id does not match the latest revision.")


def malformed_policy(message: str) -> ApiError:
    return ApiError("MalformedPolicyDocumentException", message)


def policy_too_large() -> ApiError:
    return ApiError("PolicySizeLimitExceededException", "A resource policy can have at most 5 KB.")


def too_many_policies() -> ApiError:
    return ApiError("PolicyCountLimitExceededException", "An account can have at most 5 resource policies.")
