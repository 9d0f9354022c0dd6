"""SQS's errors, with whole messages as AWS writes them."""

from __future__ import annotations

from mrak.core.errors import ApiError

# code -> status; tests/tidy checks the codes against the model (query codes have no shape).
CODES = {
    "QueueDoesNotExist": 400,
    "QueueNameExists": 400,
    "QueueDeletedRecently": 400,
    "PurgeQueueInProgress": 403,
    "InvalidAttributeName": 400,
    "InvalidAttributeValue": 400,
    "InvalidMessageContents": 400,
    "ReceiptHandleIsInvalid": 404,
    "MessageNotInflight": 400,
    "OverLimit": 403,
    "EmptyBatchRequest": 400,
    "TooManyEntriesInBatchRequest": 400,
    "BatchEntryIdsNotDistinct": 400,
    "InvalidBatchEntryId": 400,
    "BatchRequestTooLong": 400,
    "InvalidAddress": 404,
    "ResourceNotFoundException": 404,
}


def queue_does_not_exist() -> ApiError:
    return ApiError("QueueDoesNotExist", "The specified queue does not exist.")


def queue_name_exists(attribute: str) -> ApiError:
    return ApiError(
        "QueueNameExists",
        f"A queue already exists with the same name and a different value for attribute {attribute}",
    )


def queue_deleted_recently() -> ApiError:
    return ApiError(
        "QueueDeletedRecently",
        "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
    )


def purge_in_progress(queue: str) -> ApiError:
    return ApiError(
        "PurgeQueueInProgress", f"Only one PurgeQueue operation on {queue} is allowed every 60 seconds.", 403
    )


def invalid_parameter(message: str) -> ApiError:
    return ApiError("InvalidParameterValue", message)


def invalid_value(value: object, parameter: str, reason: str) -> ApiError:
    return invalid_parameter(f"Value {value} for parameter {parameter} is invalid. Reason: {reason}")


def missing_parameter(name: str) -> ApiError:
    return ApiError("MissingParameter", f"The request must contain the parameter {name}.")


def unknown_attribute(name: str) -> ApiError:
    return ApiError("InvalidAttributeName", f"Unknown Attribute {name}.")


def invalid_attribute_value(name: str, reason: str = "") -> ApiError:
    text = f"Invalid value for the parameter {name}."
    return ApiError("InvalidAttributeValue", f"{text} Reason: {reason}" if reason else text)


_CHARACTERS = (
    "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | "
    "#xE000 to #xFFFD | #x10000 to #x10FFFF"
)


def two_encryptions() -> ApiError:
    return ApiError(
        "InvalidAttributeName",
        "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.",
    )


def invalid_characters() -> ApiError:
    return ApiError("InvalidMessageContents", _CHARACTERS)


def invalid_attribute_characters() -> ApiError:
    return invalid_parameter(_CHARACTERS)


def receipt_handle_invalid(handle: str) -> ApiError:
    return ApiError("ReceiptHandleIsInvalid", f'The input receipt handle "{handle}" is not a valid receipt handle.')


def message_not_in_flight(handle: str) -> ApiError:
    return invalid_value(
        handle,
        "ReceiptHandle",
        "Message does not exist or is not available for visibility timeout change.",
    )


def over_limit(queue: str) -> ApiError:
    return ApiError("OverLimit", f"Too many messages in flight on the queue {queue}.", 403)


def empty_batch(entry: str) -> ApiError:
    return ApiError("EmptyBatchRequest", f"There should be at least one {entry} in the request.")


def too_many_entries(count: int) -> ApiError:
    return ApiError(
        "TooManyEntriesInBatchRequest", f"Maximum number of entries per request are 10. You have sent {count}."
    )


def entry_ids_not_distinct(entry_id: str) -> ApiError:
    return ApiError("BatchEntryIdsNotDistinct", f"Id {entry_id} repeated.")


def invalid_entry_id() -> ApiError:
    return ApiError(
        "InvalidBatchEntryId",
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
        "It can be at most 80 letters long.",
    )


def batch_too_long(limit_bytes: int, sent_bytes: int) -> ApiError:
    return ApiError(
        "BatchRequestTooLong",
        f"Batch requests cannot be longer than {limit_bytes} bytes. You have sent {sent_bytes} bytes.",
    )


def resource_not_found(parameter: str) -> ApiError:
    return ApiError(
        "ResourceNotFoundException",
        f"The resource that you specified for the {parameter} parameter doesn't exist.",
        404,
    )


def invalid_task_handle() -> ApiError:
    return invalid_parameter("Value for parameter TaskHandle is invalid.")


def task_not_found() -> ApiError:
    return ApiError("ResourceNotFoundException", "Task does not exist.", 404)


def move_running() -> ApiError:
    return invalid_parameter(
        "There is already a task running. Only one active task is allowed for a source queue arn at a given time."
    )


def over_limit_actions(count: int) -> ApiError:
    return ApiError("OverLimit", f"{count} Actions were found, maximum allowed is 7.", 403)


def invalid_address(url: str) -> ApiError:
    return ApiError("InvalidAddress", f"The address {url} is not valid for this endpoint.", 404)
