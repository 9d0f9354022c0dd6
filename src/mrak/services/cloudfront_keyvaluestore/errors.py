"""Errors of key value stores.

https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_Operations_Amazon_CloudFront_KeyValueStore.html
"""

from __future__ import annotations

from mrak.core.errors import ApiError


def no_store() -> ApiError:
    return ApiError("ResourceNotFoundException", "The specified key value store does not exist.", 404)


def no_key() -> ApiError:
    return ApiError("ResourceNotFoundException", "Key not found.", 404)


def another_version() -> ApiError:
    return ApiError("ValidationException", "Pre-condition failed, the given etag does not match the current one.", 400)


def too_large(message: str) -> ApiError:
    return ApiError("ServiceQuotaExceededException", message, 402)


def invalid(message: str) -> ApiError:
    return ApiError("ValidationException", message, 400)
