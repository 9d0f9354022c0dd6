"""Certificate Manager's errors, with whole messages as AWS writes them."""

from __future__ import annotations

from mrak.core.errors import ApiError


def not_found(arn: str, account: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"Could not find certificate {arn} in account {account}.")


def no_private_authorities() -> ApiError:
    return ApiError("NotImplemented", "mrak does not build certificates of private certificate authorities.", 501)


def validation(message: str) -> ApiError:
    return ApiError("ValidationException", message)


def invalid_arn(arn: str) -> ApiError:
    return ApiError("InvalidArnException", f"Invalid ARN: {arn}")


def in_progress(arn: str) -> ApiError:
    return ApiError("RequestInProgressException", f"The certificate request is in progress: {arn}")


def too_many_tags() -> ApiError:
    return ApiError("TooManyTagsException", "The certificate can have at most 50 tags.")


def invalid_tag(message: str) -> ApiError:
    return ApiError("InvalidTagException", message)


def not_exportable(arn: str) -> ApiError:
    return validation(f"Certificate ARN: {arn} is not a private certificate")
