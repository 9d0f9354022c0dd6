"""CloudWatch's errors, with whole messages as AWS writes them."""

from __future__ import annotations

import json

from mrak.core.errors import ApiError


def invalid_value(message: str) -> ApiError:
    return ApiError("InvalidParameterValue", message)


def invalid_combination(message: str) -> ApiError:
    return ApiError("InvalidParameterCombination", message)


def both_given(place: str, first: str, second: str) -> ApiError:
    return invalid_combination(
        f"The parameters {place}.{first} and {place}.{second} are mutually exclusive and you have specified both."
    )


def missing(parameter: str) -> ApiError:
    return ApiError("MissingParameter", f"The parameter {parameter} is required.")


def no_data() -> ApiError:
    return ApiError("MissingParameter", "At least one MetricDatum object must be present in the request.")


def too_many_points(wanted: int) -> ApiError:
    return invalid_combination(
        f"You have requested up to {wanted} datapoints, which exceeds the limit of 1440. You may reduce the datapoints "
        "requested by increasing Period, or decreasing the time range."
    )


def start_after_end() -> ApiError:
    return invalid_value("The parameter StartTime must be less than the parameter EndTime.")


def validation(message: str) -> ApiError:
    return ApiError("ValidationError", message)


def alarm_not_found() -> ApiError:
    return ApiError("ResourceNotFound", "", 404)


def tagged_not_found() -> ApiError:
    return ApiError("ResourceNotFoundException", "", 404)


def dashboard_not_found(name: str) -> ApiError:
    return ApiError("DashboardNotFoundError", f"Dashboard {name} does not exist", 404)


def invalid_dashboard_name(field: str) -> ApiError:
    return invalid_value(
        f"The value for field {field} contains invalid characters. It can only contain alphanumerics, dash (-) "
        "and underscore (_).\n"
    )


def long_dashboard_name(field: str) -> ApiError:
    return invalid_value(f"The value for field {field} is too long. It must have length less than or equal to 255.\n")


def no_dashboard_names() -> ApiError:
    return invalid_value("Field DashboardNames is required and has to contain at least 1 element.\n")


def no_dashboard_body() -> ApiError:
    return invalid_value("The parameter DashboardBody is required.\n")


def invalid_dashboard() -> ApiError:
    return ApiError("InvalidParameterInput", "The field DashboardBody must be a valid JSON object")


def wrong_dashboard(mistakes: list[tuple[str, str]]) -> ApiError:
    shown = json.dumps([{"dataPath": where, "message": what} for where, what in mistakes], indent=2)
    return ApiError(
        "InvalidParameterInput", f"The dashboard body is invalid, there are {len(mistakes)} validation errors:\n{shown}"
    )


def invalid_token() -> ApiError:
    return ApiError("InvalidNextToken", "The specified token is not valid.")


def invalid_history_token(token: str) -> ApiError:
    return ApiError("InvalidNextToken", f"Invalid NextToken : {token}")


def invalid_format() -> ApiError:
    return ApiError("InvalidFormat", "")


def reserved_tags() -> ApiError:
    return ApiError("AccessDenied", 'The provided tag keys must not start with any case of "aws:"', 403)


def too_many_tags() -> ApiError:
    return validation("The resultant tag set must not have more than 50 user tags.")


def bad_expression(query_id: str, reason: str) -> ApiError:
    return validation(f"Error in expression '{query_id}': {reason}")


def unknown_children(names: list[str]) -> ApiError:
    return validation(
        f"Could not save the composite alarm as alarms [{', '.join(names)}] in the alarm rule do not exist"
    )


def bad_rule(reason: str) -> ApiError:
    return validation(f"Invalid AlarmRule: {reason}")


def circular_rule(name: str) -> ApiError:
    return validation(f"Could not save the composite alarm {name} as its alarm rule would depend on itself")


def wrong_alarm_type(name: str) -> ApiError:
    return validation(f"AlarmName [{name}] is already used by another alarm of a different type")


def detector_not_found() -> ApiError:
    return ApiError("ResourceNotFoundException", "The anomaly detector does not exist.", 404)


def rule_not_found(name: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"The insight rule {name} does not exist.", 404)


def mute_rule_not_found(name: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"The alarm mute rule {name} does not exist", 404)
