"""Request validators: required parameters are there, and the body is what its model says.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

from mrak.services.apigateway.plane.call import Call
from mrak.services.apigateway.plane.failures import GatewayFailure
from mrak.services.apigateway.plane.mapping import parameter_value


def check(call: Call) -> None:
    """Raises GatewayFailure where the request is not what its method's validator wants."""
    validator = call.release.validators.get(call.method.get("requestValidatorId", ""))
    if validator is None:
        return
    if validator["validateRequestParameters"]:
        _check_parameters(call)
    if validator["validateRequestBody"]:
        _check_body(call)


def _check_parameters(call: Call) -> None:
    required = [name for name, is_required in call.method.get("requestParameters", {}).items() if is_required]
    missing = [name.split(".", 3)[3] for name in required if not parameter_value(call, name)]
    if missing:
        text = ", ".join(missing)
        raise GatewayFailure("BAD_REQUEST_PARAMETERS", f"Missing required request parameters: [{text}]")


def _check_body(call: Call) -> None:
    models = call.method.get("requestModels", {})
    kind = call.request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    name = models.get(kind, models.get("$default"))
    if name is None:
        return
    try:
        body = msgspec.json.decode(call.request.body or b"{}")
    except (msgspec.DecodeError, RecursionError):
        raise GatewayFailure("BAD_REQUEST_BODY", "Invalid request body") from None
    others = tuple(sorted(call.release.models.items()))
    if not is_valid(name, others, body):
        raise GatewayFailure("BAD_REQUEST_BODY", "Invalid request body")


def is_valid(name: str, models: tuple[tuple[str, str], ...], body: Any) -> bool:
    """Whether a body fits a model; models may refer to each other."""
    return bool(_validator(name, models).is_valid(body))


@lru_cache(maxsize=256)
def _validator(name: str, models: tuple[tuple[str, str], ...]) -> Any:
    """Draft 4, as API Gateway's models are. References lead to other models only, never over the network, and patterns
    are matched in linear time."""
    from jsonschema import Draft4Validator, validators
    from referencing import Registry
    from referencing.jsonschema import DRAFT4

    schemas = {model: msgspec.json.decode(text) for model, text in models}

    def retrieve(uri: str) -> Any:
        return DRAFT4.create_resource(schemas.get(uri.rpartition("/")[2], {}))

    checked = validators.extend(Draft4Validator, {"pattern": _check_pattern})  # type: ignore[no-untyped-call]
    return checked(schemas[name], registry=Registry(retrieve=retrieve))  # type: ignore[call-arg]


def _check_pattern(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Any:
    from jsonschema import ValidationError

    from mrak.lang.logregex import compile_regex

    if isinstance(instance, str) and compile_regex(pattern).search(instance) is None:
        yield ValidationError(f"{instance!r} does not match {pattern!r}")
