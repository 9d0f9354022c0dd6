"""Step Functions' errors, with whole messages as AWS writes them."""

from __future__ import annotations

from mrak.core.errors import ApiError

# code -> status; tests/tidy checks the codes against the model.
CODES = {
    "ActivityDoesNotExist": 400,
    "ActivityAlreadyExists": 400,
    "ConflictException": 400,
    "ExecutionAlreadyExists": 400,
    "ExecutionDoesNotExist": 400,
    "ExecutionNotRedrivable": 400,
    "InvalidArn": 400,
    "InvalidDefinition": 400,
    "InvalidEncryptionConfiguration": 400,
    "InvalidExecutionInput": 400,
    "InvalidLoggingConfiguration": 400,
    "InvalidName": 400,
    "InvalidOutput": 400,
    "InvalidToken": 400,
    "MissingRequiredParameter": 400,
    "ResourceNotFound": 400,
    "StateMachineAlreadyExists": 400,
    "StateMachineDoesNotExist": 400,
    "StateMachineTypeNotSupported": 400,
    "TaskDoesNotExist": 400,
    "TaskTimedOut": 400,
    "TooManyTags": 400,
    "ValidationException": 400,
}


def machine_does_not_exist(arn: str) -> ApiError:
    return ApiError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")


def version_does_not_exist(arn: str) -> ApiError:
    return ApiError("StateMachineDoesNotExist", f"State Machine Version Does Not Exist: '{arn}'")


def machine_already_exists(arn: str) -> ApiError:
    return ApiError("StateMachineAlreadyExists", f"State Machine Already Exists: '{arn}'")


def machine_already_published(reason: str) -> ApiError:
    return ApiError("StateMachineAlreadyExists", f"State Machine Already Exists: {reason}")


def execution_does_not_exist(arn: str) -> ApiError:
    return ApiError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")


def execution_already_exists(arn: str) -> ApiError:
    return ApiError("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")


def activity_does_not_exist(arn: str) -> ApiError:
    return ApiError("ActivityDoesNotExist", f"Activity Does Not Exist: '{arn}'")


def resource_not_found(arn: str) -> ApiError:
    return ApiError("ResourceNotFound", f"Resource not found: '{arn}'", fields={"resourceName": arn})


def invalid_arn(reason: str) -> ApiError:
    return ApiError("InvalidArn", f"Invalid Arn: '{reason}'")


def invalid_role_arn(role_arn: str) -> ApiError:
    return ApiError("InvalidArn", f"Invalid Role Arn: '{role_arn}'")


def missing_key() -> ApiError:
    return ApiError(
        "InvalidEncryptionConfiguration",
        "Invalid Encryption Configuration: 'kmsKeyId' is required when 'type' is 'CUSTOMER_MANAGED_KMS_KEY'",
    )


def activity_already_exists() -> ApiError:
    return ApiError("ActivityAlreadyExists", "Activity already exists. EncryptionConfiguration may not be updated.")


def invalid_name(name: str) -> ApiError:
    return ApiError("InvalidName", f"Invalid Name: '{name}'")


def invalid_definition(reason: str) -> ApiError:
    return ApiError("InvalidDefinition", f"Invalid State Machine Definition: '{reason}'")


def fork_needs_mock() -> ApiError:
    """TestState of a Map or Parallel state without a mock, as AWS says it."""
    kinds = "[Task, Wait, Pass, Succeed, Fail, Choice]"
    text = f"TestState API does not support Map or Parallel states. Supported state types include: {kinds}"
    return ApiError("InvalidDefinition", text)


def invalid_execution_input(reason: str) -> ApiError:
    return ApiError("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{reason}'")


def invalid_output(reason: str) -> ApiError:
    return ApiError("InvalidOutput", f"Invalid Output: '{reason}'")


def invalid_logging(reason: str) -> ApiError:
    return ApiError("InvalidLoggingConfiguration", f"Invalid Logging Configuration: {reason}")


def invalid_token() -> ApiError:
    return ApiError("InvalidToken", "Invalid Token: 'Invalid token'")


def task_timed_out() -> ApiError:
    return ApiError("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")


def missing_update() -> ApiError:
    return ApiError(
        "MissingRequiredParameter",
        "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified",
    )


def type_not_supported(what: str) -> ApiError:
    return ApiError("StateMachineTypeNotSupported", what)


def conflict(message: str) -> ApiError:
    return ApiError("ConflictException", message)


def validation(message: str) -> ApiError:
    return ApiError("ValidationException", message)


def invalid_routing(message: str) -> ApiError:
    return ApiError("ValidationException", message, fields={"reason": "INVALID_ROUTING_CONFIGURATION"})


def not_redrivable(reason: str) -> ApiError:
    return ApiError("ExecutionNotRedrivable", reason)


def too_many_tags(arn: str) -> ApiError:
    return ApiError("TooManyTags", "Too many tags", fields={"resourceName": arn})
