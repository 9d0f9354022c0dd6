"""SNS's errors: codes and statuses as its model has them, whole messages as AWS answers."""

from __future__ import annotations

import re

from mrak.core.errors import ApiError

# What XML, in which SNS answers, cannot carry.
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def invalid_parameter(text: str) -> ApiError:
    return ApiError("InvalidParameter", f"Invalid parameter: {CONTROL.sub('?', text)}", 400)


def invalid_token() -> ApiError:
    return ApiError("InvalidParameter", "Invalid token", 400)


def invalid_value(message: str) -> ApiError:
    return ApiError("ParameterValueInvalid", message, 400)


def short_arn(parameter: str, arn: str) -> ApiError:
    found = arn.count(":") + 1
    return invalid_parameter(f"{parameter} Reason: An ARN must have at least 6 elements, not {found}")


def archive_is_active() -> ApiError:
    return ApiError("InvalidState", "Invalid state: Cannot delete a topic with an ArchivePolicy", 400)


def too_many_filter_policies() -> ApiError:
    message = "You have reached the maximum number of filter policies for this topic."
    return ApiError("FilterPolicyLimitExceeded", message, 403)


def no_topic() -> ApiError:
    return ApiError("NotFound", "Topic does not exist", 404)


def no_subscription() -> ApiError:
    return ApiError("NotFound", "Subscription does not exist", 404)


def no_platform_application() -> ApiError:
    return ApiError("NotFound", "PlatformApplication does not exist", 404)


def no_endpoint() -> ApiError:
    return ApiError("NotFound", "Endpoint does not exist", 404)


def no_resource() -> ApiError:
    return ApiError("ResourceNotFound", "Resource does not exist", 404)


def not_authorized(action: str, resource: str) -> ApiError:
    message = f"User: anonymous is not authorized to perform: SNS:{action} on resource: {resource}"
    return ApiError("AuthorizationError", message, 403)


def data_denied(user: str, resource: str) -> ApiError:
    message = (
        f"User: {user} is not authorized to perform: SNS:Publish on resource: {resource} with an explicit deny in a "
        "data protection policy"
    )
    return ApiError("AuthorizationError", message, 403)


def empty_batch() -> ApiError:
    return ApiError("EmptyBatchRequest", "The batch request doesn't contain any entries.", 400)


def too_many_entries() -> ApiError:
    return ApiError("TooManyEntriesInBatchRequest", "The batch request contains more entries than permissible.", 400)


def ids_not_distinct() -> ApiError:
    return ApiError("BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id.", 400)


def batch_too_long() -> ApiError:
    message = "The length of all the messages put together is more than the limit."
    return ApiError("BatchRequestTooLong", message, 400)


def entry_id_too_long(entry_id: str) -> ApiError:
    message = f"The Id of a batch entry in the batch request is too long: {entry_id}"
    return ApiError("InvalidBatchEntryId", message, 400)


def entry_id_impermissible(entry_id: str) -> ApiError:
    message = f"The Id of a batch entry in the batch request contains an impermissible character: {entry_id}"
    return ApiError("InvalidBatchEntryId", message, 400)


def too_many_tags() -> ApiError:
    return ApiError("TagLimitExceeded", "Could not complete request: tag quota of per resource exceeded", 400)


def endpoint_disabled() -> ApiError:
    return ApiError("EndpointDisabled", "Endpoint is disabled", 400)


def application_disabled() -> ApiError:
    return ApiError("PlatformApplicationDisabled", "Platform application is disabled", 400)


def invalid_sms_attribute(message: str) -> ApiError:
    return ApiError("InvalidParameter", message, 400)


def no_phone_number() -> ApiError:
    return ApiError("ResourceNotFound", "Phone number was not found in the SMS sandbox", 404)


def wrong_one_time_password() -> ApiError:
    return ApiError("Verification", "Invalid OTP", 400)
