"""Delivery policies: how topics and subscriptions have deliveries to HTTP endpoints tried again, checked as SNS does.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from mrak.services.sns import errors

# Members of a retry policy -> (least, most).
_NUMBERS = {
    "minDelayTarget": (1, None),
    "maxDelayTarget": (1, 3600),
    "numRetries": (0, 100),
    "numNoDelayRetries": (0, None),
    "numMinDelayRetries": (0, None),
    "numMaxDelayRetries": (0, None),
}
_NEEDED = ("minDelayTarget", "maxDelayTarget", "numRetries")
_PHASES = ("numMinDelayRetries", "numNoDelayRetries", "numMaxDelayRetries")
_BACKOFF_FUNCTIONS = ("arithmetic", "exponential", "geometric", "linear")
_TYPES: dict[type, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "decimal",
    list: "array",
    dict: "object",
    type(None): "null",
}
_Check = Callable[[str, str, Any], None]


def check_topic_policy(document: dict[str, Any], prefix: str) -> None:
    """`prefix` is "Attributes Reason: " where the policy came with CreateTopic."""
    _check_members(prefix, "", document, {"http": _check_http})


def check_subscription_policy(document: dict[str, Any], prefix: str) -> None:
    """`prefix` is "Attributes Reason: " where the policy came with Subscribe."""
    _check_members(prefix, "", document, _SUBSCRIPTIONS)


def normal_topic_policy(document: dict[str, Any]) -> str:
    """As AWS gives it back: without nulls, and saying whether subscriptions may have their own."""
    http = {key: value for key, value in (document.get("http") or {}).items() if value is not None}
    http.setdefault("disableSubscriptionOverrides", False)
    return json.dumps({"http": http}, separators=(",", ":"))


def normal_subscription_policy(document: dict[str, Any]) -> str:
    """As AWS gives it back: with what was not set."""
    policies = {name: document.get(name) for name in _SUBSCRIPTIONS if name != "guaranteed"}
    return json.dumps({**policies, "guaranteed": document.get("guaranteed") or False})


def _check_http(prefix: str, path: str, value: Any) -> None:
    _check_members(prefix, path, value, _TOPICS)


def _check_members(prefix: str, path: str, value: Any, members: Mapping[str, _Check]) -> None:
    """Each member that is not null, by its own check; `path` is "" for the whole document."""
    if not isinstance(value, dict):
        raise _mismatch(prefix, path, "object", value)
    for name, member in value.items():
        if name not in members:
            raise _invalid(prefix, f"Unexpected JSON member: {name}")
        if member is not None:
            members[name](prefix, f"{path}.{name}" if path else name, member)


def _check_retry(prefix: str, path: str, value: Any) -> None:
    _check_members(prefix, path, value, dict.fromkeys(_NUMBERS, _check_integer) | {"backoffFunction": _check_back_off})
    for name in _NEEDED:
        if value.get(name) is None:
            raise _invalid(prefix, f"{path}.{name} must be specified")
    for name, (least, most) in _NUMBERS.items():
        number = value.get(name) or 0
        if name in value and number < least:
            raise _invalid(prefix, f"{path}.{name} must be greater than or equal to {least}")
        if most is not None and number > most:
            raise _invalid(prefix, f"{path}.{name} must be less than or equal to {most}")
    if value["maxDelayTarget"] < value["minDelayTarget"]:
        raise _invalid(prefix, f"{path}.maxDelayTarget must be greater than or equal to minDelayTarget")
    if value["numRetries"] < sum(value.get(name) or 0 for name in _PHASES):
        total = "total of numMinDelayRetries, numNoDelayRetries and numMaxDelayRetries"
        raise _invalid(prefix, f"{path}.numRetries must be greater than or equal to {total}")


def _check_throttle(prefix: str, path: str, value: Any) -> None:
    _check_members(prefix, path, value, {"maxReceivesPerSecond": _check_integer})
    rate = value.get("maxReceivesPerSecond")
    if rate is not None and rate < 1:
        raise _invalid(prefix, f"{path}.maxReceivesPerSecond must be greater than or equal to 1")


def _check_request(prefix: str, path: str, value: Any) -> None:
    _check_members(prefix, path, value, {"headerContentType": _check_string})


def _check_integer(prefix: str, path: str, value: Any) -> None:
    if type(value) is not int:
        raise _mismatch(prefix, path, "integer", value)


def _check_boolean(prefix: str, path: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise _mismatch(prefix, path, "boolean", value)


def _check_string(prefix: str, path: str, value: Any) -> None:
    if not isinstance(value, str):
        raise _mismatch(prefix, path, "string", value)
    if not value.isprintable():
        raise _invalid(prefix, f"{path} is invalid")


def _check_back_off(prefix: str, path: str, value: Any) -> None:
    _check_string(prefix, path, value)
    if value not in _BACKOFF_FUNCTIONS:
        raise _invalid(prefix, f"{path}: the value [{value}] is not a valid backoff function")


def _mismatch(prefix: str, path: str, expected: str, value: Any) -> Exception:
    return _invalid(prefix, f"{path} type mismatch, expecting {expected}, received a {_TYPES[type(value)]}")


def _invalid(prefix: str, reason: str) -> Exception:
    return errors.invalid_parameter(f"{prefix}DeliveryPolicy: {reason}")


_TOPICS: dict[str, _Check] = {
    "defaultHealthyRetryPolicy": _check_retry,
    "defaultSicklyRetryPolicy": _check_retry,
    "disableSubscriptionOverrides": _check_boolean,
    "defaultThrottlePolicy": _check_throttle,
    "defaultRequestPolicy": _check_request,
}
_SUBSCRIPTIONS: dict[str, _Check] = {
    "healthyRetryPolicy": _check_retry,
    "sicklyRetryPolicy": _check_retry,
    "throttlePolicy": _check_throttle,
    "requestPolicy": _check_request,
    "guaranteed": _check_boolean,
}
