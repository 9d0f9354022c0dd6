"""CloudFront's errors, with whole messages. Statuses are the model's.

https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from mrak.core.errors import ApiError


def no_such_distribution() -> ApiError:
    return ApiError("NoSuchDistribution", "The specified distribution does not exist.", 404)


def distribution_exists(distribution: str) -> ApiError:
    return ApiError(
        "DistributionAlreadyExists",
        "The caller reference that you are using to create a distribution is associated with another distribution. "
        f"Already exists: {distribution}",
        409,
    )


def not_disabled() -> ApiError:
    return ApiError("DistributionNotDisabled", "The distribution you are trying to delete has not been disabled.", 409)


def invalid_if_match() -> ApiError:
    return ApiError("InvalidIfMatchVersion", "The If-Match version is missing or not valid for the resource.", 400)


def precondition_failed() -> ApiError:
    return ApiError(
        "PreconditionFailed",
        "The request failed because it didn't meet the preconditions in one or more request-header fields.",
        412,
    )


def no_such_origin() -> ApiError:
    return ApiError("NoSuchOrigin", "One or more of your origins or origin groups do not exist.", 404)


def inconsistent_quantities() -> ApiError:
    return ApiError("InconsistentQuantities", "The value of Quantity and the size of Items don't match.", 400)


def no_such_entity() -> ApiError:
    return ApiError("EntityNotFound", "The entity was not found.", 404)


def entity_exists() -> ApiError:
    return ApiError("EntityAlreadyExists", "The entity already exists. You must provide a unique entity.", 409)


def entity_in_use() -> ApiError:
    return ApiError("CannotDeleteEntityWhileInUse", "The entity cannot be deleted while it is in use.", 409)


def invalid_argument(message: str) -> ApiError:
    return ApiError("InvalidArgument", message, 400)


def invalid_s3_origin() -> ApiError:
    return ApiError("InvalidOrigin", "The parameter Origin DomainName does not refer to a valid S3 bucket.", 400)


def invalid_origin_access_control() -> ApiError:
    return ApiError(
        "InvalidOriginAccessControl", "The origin access control is not valid for the origin that it is used for.", 400
    )


def invalid_origin_access_identity() -> ApiError:
    return ApiError(
        "InvalidOriginAccessIdentity", "The specified origin access identity does not exist or is not valid.", 400
    )


def invalid_root_object() -> ApiError:
    return ApiError(
        "InvalidDefaultRootObject",
        "The default root object file name is too big or contains an invalid character.",
        400,
    )


def invalid_error_code() -> ApiError:
    return ApiError("InvalidErrorCode", "An invalid error code was specified.", 400)


def invalid_response_code() -> ApiError:
    return ApiError(
        "InvalidResponseCode",
        "The parameter ResponsePagePath and ResponseCode must be specified together, and the code must be one that "
        "CloudFront can return.",
        400,
    )


def alias_exists() -> ApiError:
    return ApiError(
        "CNAMEAlreadyExists",
        "One or more of the CNAMEs you provided are already associated with a different resource.",
        409,
    )


def illegal_update() -> ApiError:
    return ApiError("IllegalUpdate", "The update contains modifications that are not allowed.", 400)


def too_many(code: str, what: str) -> ApiError:
    return ApiError(code, f"Your request contains more {what} than are allowed per distribution.", 400)


def no_such_invalidation() -> ApiError:
    return ApiError("NoSuchInvalidation", "The specified invalidation does not exist.", 404)


def invalid_path() -> ApiError:
    return invalid_argument("Your request contains one or more invalid invalidation paths.")


def too_many_invalidations() -> ApiError:
    return ApiError("BatchTooLarge", "Invalidation batch specified is too large.", 413)


def invalidation_reference_used() -> ApiError:
    return invalid_argument(
        "Your request contains a caller reference that was used for a previous invalidation batch for the same "
        "distribution."
    )


def no_such_resource() -> ApiError:
    return ApiError("NoSuchResource", "A resource that was specified is not valid.", 404)


def invalid_tagging(message: str) -> ApiError:
    return ApiError("InvalidTagging", message, 400)


def no_such_function() -> ApiError:
    return ApiError("NoSuchFunctionExists", "The specified function does not exist.", 404)


def function_exists() -> ApiError:
    return ApiError("FunctionAlreadyExists", "A function with the same name already exists in this account.", 409)


def function_in_use() -> ApiError:
    return ApiError(
        "FunctionInUse", "Cannot delete the function because it is attached to one or more cache behaviors.", 409
    )


def function_too_large() -> ApiError:
    return ApiError("FunctionSizeLimitExceeded", "The function is too large: it has more than 10 KB.", 413)


def invalid_function_association(message: str) -> ApiError:
    return ApiError("InvalidFunctionAssociation", message, 400)


def edge_functions_not_built() -> ApiError:
    return ApiError(
        "InvalidLambdaFunctionAssociation",
        "Lambda@Edge functions are not available in this environment. Use a CloudFront function instead.",
        400,
    )
