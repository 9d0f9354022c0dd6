"""The Parameter Store's errors, with whole messages as AWS writes them."""

from __future__ import annotations

from mrak.core.errors import ApiError


def parameter_not_found(name: str = "") -> ApiError:
    return ApiError("ParameterNotFound", f"Parameter {name} not found." if name else "")


def version_not_found(name: str, number: str) -> ApiError:
    return ApiError(
        "ParameterVersionNotFound",
        f"Systems Manager could not find version {number} of {name}. Verify the version and try again.",
    )


def label_not_found(name: str, label: str) -> ApiError:
    return ApiError(
        "ParameterVersionNotFound",
        f"Systems Manager could not find a version of {name} that has the specified label, {label}. Verify the "
        "parameter label and try again.",
    )


def malformed_selector() -> ApiError:
    return validation(
        "Invalid parameter name. Please use correct syntax for referencing a version/label  <name>:<version/label>"
    )


def already_exists() -> ApiError:
    return ApiError(
        "ParameterAlreadyExists",
        "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
    )


def validation(message: str) -> ApiError:
    return ApiError("ValidationException", message)


def malformed_name(prefix: str) -> ApiError:
    return validation(
        f'Parameter name: can\'t be prefixed with "{prefix}" (case-insensitive). If formed as a path, it can consist '
        "of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the "
        "following 3 symbols .-_"
    )


def reserved_name() -> ApiError:
    return validation('Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive).')


def no_access(name: str) -> ApiError:
    return ApiError("AccessDeniedException", f"No access to reserved parameter name: {name}.")


def malformed_path() -> ApiError:
    return validation(
        "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward "
        'slash "/". It can\'t be prefixed with "aws" or "ssm" (case-insensitive). It must use only letters, '
        "numbers, or the following symbols: . (period), - (hyphen), _ (underscore). Special characters are not "
        'allowed. All sub-paths, if specified, must use the forward slash symbol "/". '
        "Valid example: /get/parameters2-/by1./path0_."
    )


def unsupported_data_type(data_type: str) -> ApiError:
    return validation(f"The following data type is not supported: {data_type}. (Data type names are all lowercase.)")


def misplaced_integration(prefix: str) -> ApiError:
    return validation(f"Parameters with data type: aws:ssm:integration must start with prefix: {prefix}")


def nested_parameter(value: str) -> ApiError:
    return validation(
        f"Parameter value: '{value}' failed to satisfy constraint: Parameter value can't nest another parameter. Do "
        'not use "{{}}" in the value.'
    )


def empty_value() -> ApiError:
    return validation(
        "1 validation error detected: Value at 'value' failed to satisfy constraint: Member must have length greater "
        "than or equal to 1"
    )


def pattern_mismatch(pattern: str) -> ApiError:
    return ApiError(
        "ParameterPatternMismatchException",
        f"Parameter value, cannot be validated against allowedPattern: {pattern}",
    )


def malformed_pattern() -> ApiError:
    return ApiError("InvalidAllowedPatternException", "The syntax of the allowedPattern parameter is invalid.")


def lower_tier() -> ApiError:
    return validation(
        "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter "
        "tier to the standard-parameter tier. If necessary, you can delete the advanced parameter and recreate it as a "
        "standard parameter. Be aware that standard parameters have a value limit of 4096 characters."
    )


def hierarchy_too_deep(name: str) -> ApiError:
    return ApiError(
        "HierarchyLevelLimitExceededException",
        f"The hierarchy of {name} has more than 15 levels. Use at most 15 levels, separated by a forward slash.",
    )


def label_limit() -> ApiError:
    return ApiError(
        "ParameterVersionLabelLimitExceeded",
        "An error occurred (ParameterVersionLabelLimitExceeded) when calling the LabelParameterVersion operation: "
        "A parameter version can have maximum 10 labels. Move one or more labels to another version and try again.",
    )


def invalid_resource_id() -> ApiError:
    return ApiError("InvalidResourceId", "")


def invalid_token(token: str) -> ApiError:
    return ApiError("InvalidNextToken", f"The following token is invalid: {token}.")


def invalid_filter(message: str) -> ApiError:
    return ApiError("InvalidFilterKey", message)


def invalid_filter_option(option: str, valid: str) -> ApiError:
    return ApiError(
        "InvalidFilterOption", f"The following filter option is not valid: {option}. Valid options include: [{valid}]."
    )


def invalid_filter_value(value: str, valid: str) -> ApiError:
    return ApiError(
        "InvalidFilterOption", f"The following filter value is not valid: {value}. Valid values include: [{valid}]."
    )


def missing_filter_values(key: str) -> ApiError:
    return ApiError("InvalidFilterValue", f"The following filter values are missing : null for filter key {key}.")


def one_value_only(key: str) -> ApiError:
    return ApiError("InvalidFilterValue", f"The following filter {key} can have only one value")


def policy_type(kind: str) -> ApiError:
    return ApiError("InvalidPolicyTypeException", f"Policy type {kind} is not supported.")


def malformed_policies(text: str) -> ApiError:
    return validation(f"Invalid policies input: {text}.")


def policies_of_a_standard_parameter() -> ApiError:
    return validation(
        "You can't assign parameter policies to a standard-parameter tier. You must upgrade the parameter to use the "
        "advanced-parameter tier. For more information, see "
        "https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html"
    )


def policy_attribute(message: str) -> ApiError:
    return ApiError("InvalidPolicyAttributeException", message)


def too_many_policies() -> ApiError:
    return ApiError("PoliciesLimitExceededException", "A parameter can have at most 10 policies.")


def incompatible_policies() -> ApiError:
    return ApiError("IncompatiblePolicyException", "There is a conflict in the policies specified for this parameter.")


def invalid_key(message: str) -> ApiError:
    return ApiError("InvalidKeyId", message)


def dependency_failed() -> ApiError:
    return validation("An error occurred while calling one AWS dependency service.")


def secret_sealed() -> ApiError:
    return validation("WithDecryption flag must be True for retrieving a Secret Manager secret.")


def secret_by_arn() -> ApiError:
    return validation(
        "Secrets manager ARN reference should not be passed in the GetParameter(s) request, please refer to "
        "https://docs.aws.amazon.com/systems-manager/latest/userguide/integration-ps-secretsmanager.html"
    )


def secret_not_found(name: str) -> ApiError:
    return ApiError(
        "ParameterNotFound",
        f"An error occurred (ParameterNotFound) when referencing Secrets Manager: Secret {name} not found.",
    )


def too_many_tags() -> ApiError:
    return ApiError("TooManyTagsError", "A parameter can have at most 50 tags.")


def labelled_version(name: str, number: int) -> ApiError:
    return ApiError(
        "ParameterMaxVersionLimitExceeded",
        f"You attempted to create a new version of {name} by calling the PutParameter API with the overwrite flag. "
        f"Version {number}, the oldest version, can't be deleted because it has a label associated with it. Move the "
        "label to another version of the parameter, and try again.",
    )
