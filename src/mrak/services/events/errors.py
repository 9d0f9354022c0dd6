"""EventBridge's errors, with AWS's whole messages."""

from __future__ import annotations

from mrak.core.errors import ApiError


def validation(message: str) -> ApiError:
    return ApiError("ValidationException", message, 400)


def invalid_parameter(name: str, reason: str = "") -> ApiError:
    return validation(f"Parameter {name} is not valid.{' Reason: ' + reason if reason else ''}")


def changed_meanwhile(what: str) -> ApiError:
    return ApiError("ConcurrentModificationException", f"{what} was modified by another request.")


def unsupported_value(parameter: str) -> ApiError:
    return validation(f"Provided value in parameter '{parameter}' is not supported.")


def invalid_pattern(reason: str) -> ApiError:
    return ApiError("InvalidEventPatternException", f"Event pattern is not valid. Reason: {reason}", 400)


def not_found(message: str) -> ApiError:
    return ApiError("ResourceNotFoundException", message, 400)


def no_bus(name: str) -> ApiError:
    return not_found(f"Event bus {name} does not exist.")


def no_rule(rule: str, bus: str) -> ApiError:
    return not_found(f"Rule {rule} does not exist on EventBus {bus}.")


def no_archive(name: str) -> ApiError:
    return not_found(f"Archive {name} does not exist.")


def no_replay(name: str) -> ApiError:
    return not_found(f"Replay {name} does not exist.")


def no_connection(verb: str, name: str) -> ApiError:
    return not_found(f"Failed to {verb} the connection(s). Connection '{name}' does not exist.")


def no_api_destination(verb: str, name: str) -> ApiError:
    return not_found(f"Failed to {verb} the api-destination(s). An api-destination '{name}' does not exist.")


def no_endpoint(name: str) -> ApiError:
    return not_found(f"Endpoint {name} does not exist.")


def no_source(name: str) -> ApiError:
    return not_found(f"Event source {name} does not exist.")


def invalid_state(message: str) -> ApiError:
    return ApiError("InvalidStateException", message, 400)


def already_exists(what: str) -> ApiError:
    return ApiError("ResourceAlreadyExistsException", f"{what} already exists.", 400)


def managed_rule(name: str, manager: str) -> ApiError:
    message = f"Rule {name} is managed by {manager} and can't be changed."
    return ApiError("ManagedRuleException", message, 400)


def limit_exceeded() -> ApiError:
    message = "The requested resource exceeds the maximum number allowed."
    return ApiError("LimitExceededException", message, 400)


def illegal_status(message: str) -> ApiError:
    return ApiError("IllegalStatusException", message, 400)
