"""CloudFormation's errors, with whole messages as AWS writes them. Nearly all are ValidationError."""

from __future__ import annotations

from mrak.core.errors import ApiError

CODES = {
    "ValidationError": 400,
    "AlreadyExistsException": 400,
    "InsufficientCapabilitiesException": 400,
    "ChangeSetNotFound": 404,
    "InvalidChangeSetStatus": 400,
    "LimitExceededException": 400,
    "TokenAlreadyExistsException": 400,
    "InvalidOperationException": 400,
    "NameAlreadyExistsException": 409,
    "OperationIdAlreadyExistsException": 409,
    "OperationInProgressException": 409,
    "OperationNotFoundException": 404,
    "StackInstanceNotFoundException": 404,
    "StackSetNotEmptyException": 409,
    "StackSetNotFoundException": 404,
}


def validation(message: str) -> ApiError:
    return ApiError("ValidationError", message)


def stack_does_not_exist(name: str) -> ApiError:
    return validation(f"Stack [{name}] does not exist")


def stack_with_id_does_not_exist(name: str) -> ApiError:
    return validation(f"Stack with id {name} does not exist")


def stack_named_does_not_exist(name: str) -> ApiError:
    return validation(f"Stack '{name}' does not exist")


def stack_exists(name: str) -> ApiError:
    return ApiError("AlreadyExistsException", f"Stack [{name}] already exists")


def cannot_update(stack_id: str, status: str) -> ApiError:
    return validation(f"Stack:{stack_id} is in {status} state and can not be updated.")


def no_updates() -> ApiError:
    return validation("No updates are to be performed.")


def no_template() -> ApiError:
    return validation("Either Template URL or Template Body must be specified.")


def body_too_long(size: int) -> ApiError:
    return validation(
        f"1 validation error detected: Value at 'templateBody' failed to satisfy constraint: "
        f"Member must have length less than or equal to 51200 (it has {size})"
    )


def template_too_long() -> ApiError:
    return validation("Template may not exceed 1000000 bytes in size.")


def bad_template_url(url: str) -> ApiError:
    return validation(f"TemplateURL must be a supported URL: {url}")


def no_s3_domain(bucket: str) -> ApiError:
    return validation(f"S3 error: Domain name specified in {bucket} is not a valid S3 domain")


def s3_error(message: str) -> ApiError:
    return validation(
        f"S3 error: {message}\nFor more information check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"
    )


def needs_capabilities(names: list[str]) -> ApiError:
    return ApiError("InsufficientCapabilitiesException", f"Requires capabilities : [{', '.join(names)}]")


def protected(name: str) -> ApiError:
    return validation(f"Stack [{name}] cannot be deleted while TerminationProtection is enabled")


def resource_does_not_exist(logical_id: str, stack: str) -> ApiError:
    return validation(f"Resource {logical_id} does not exist for stack {stack}")


def change_set_not_found(name: str) -> ApiError:
    return ApiError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist", 404)


def change_set_exists(name: str, stack: str) -> ApiError:
    return ApiError("AlreadyExistsException", f"ChangeSet {name} already exists for stack {stack}")


def change_set_needs_stack() -> ApiError:
    return validation("StackName must be specified if ChangeSetName is not specified as an ARN.")


def cannot_execute(change_set_id: str, status: str, execution: str) -> ApiError:
    return ApiError(
        "InvalidChangeSetStatus",
        f"ChangeSet [{change_set_id}] cannot be executed in its current status of [{execution}]"
        if status == "CREATE_COMPLETE"
        else f"ChangeSet [{change_set_id}] cannot be executed in its current status of [{status}]",
    )


def stack_exists_for_set(stack: str, name: str) -> ApiError:
    return validation(f"Stack [{stack}] already exists and cannot be created again with the changeSet [{name}].")


def invalid_policy() -> ApiError:
    return validation("Error validating stack policy: Invalid stack policy")


def type_not_allowed(type_name: str, allowed: list[str]) -> ApiError:
    return validation(f"Resource type {type_name} is not allowed by parameter ResourceTypes [{', '.join(allowed)}]")


def no_stack_set(name: str) -> ApiError:
    return ApiError("StackSetNotFoundException", f"StackSet {name} not found", 404)


def stack_set_exists(name: str) -> ApiError:
    return ApiError("NameAlreadyExistsException", f"StackSet {name} already exists", 409)


def stack_set_not_empty() -> ApiError:
    return ApiError("StackSetNotEmptyException", "StackSet is not empty", 409)


def set_busy(stack_set_id: str, operation_id: str) -> ApiError:
    message = f"Another Operation on StackSet {stack_set_id} is in progress: {operation_id}"
    return ApiError("OperationInProgressException", message, 409)


def no_stack_instance(account: str, region: str) -> ApiError:
    message = f"Stack instance does not exist for account {account} in region {region}"
    return ApiError("StackInstanceNotFoundException", message, 404)


def no_set_operation(operation_id: str) -> ApiError:
    return ApiError("OperationNotFoundException", f"Operation {operation_id} not found", 404)


def operation_id_exists(operation_id: str) -> ApiError:
    return ApiError("OperationIdAlreadyExistsException", f"Operation {operation_id} already exists", 409)


def invalid_set_operation(message: str) -> ApiError:
    return ApiError("InvalidOperationException", message)


def both_values(name: str) -> ApiError:
    return validation(
        f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true and non empty value for a "
        "parameter"
    )


def two_templates() -> ApiError:
    return validation("You cannot specify both usePreviousTemplate and Template Body/Template URL.")
