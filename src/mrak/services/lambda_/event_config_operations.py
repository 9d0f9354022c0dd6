"""Operations on how asynchronous invocations are retried and where their results go.

https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.core.page import find_position, take_page
from mrak.services.lambda_ import destinations, errors, functions
from mrak.services.lambda_.references import LATEST, Reference, function_arn, parse_reference
from mrak.services.lambda_.tables import EVENTS, FUNCTIONS, EventConfig

_PAGE = 50


@operation("PutFunctionEventInvokeConfig")
def put_function_event_invoke_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    _check_given(req)
    ref, old = _open(ctx, tx, req)
    fresh = EventConfig(name=ref.name, qualifier=ref.qualifier, modified_at=ctx.now)
    return _render(ref, _write(tx, ref, old, _apply(ctx, tx, ref, fresh, req)))


@operation("UpdateFunctionEventInvokeConfig")
def update_function_event_invoke_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    _check_given(req)
    ref, old = _open(ctx, tx, req)
    if old is None:
        raise _absent(ref)
    return _render(ref, _write(tx, ref, old, _apply(ctx, tx, ref, old, req)))


@operation("GetFunctionEventInvokeConfig")
def get_function_event_invoke_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    ref = _reference(ctx, req)
    config = EVENTS.get(tx, ref.scope, ref.name, ref.qualifier)
    if config is None:
        raise _absent(ref)
    return _render(ref, config)


@operation("DeleteFunctionEventInvokeConfig")
def delete_function_event_invoke_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    ref = _reference(ctx, req)
    EVENTS.lock(tx, ref.scope, ref.name)
    config = EVENTS.get(tx, ref.scope, ref.name, ref.qualifier)
    if config is None:
        raise _absent(ref)
    EVENTS.delete(tx, ref.scope, config)


@operation("ListFunctionEventInvokeConfigs")
def list_function_event_invoke_configs(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    ref = parse_reference(ctx.scope, req["FunctionName"])
    _check_function(tx, ref)
    after = find_position(req["Marker"]) if req.get("Marker") else None
    rows = EVENTS.scan(tx, ref.scope, ref.name, after=after)
    page, token = take_page(rows, min(req.get("MaxItems", _PAGE), _PAGE), lambda row: row.qualifier)
    shown = [_render(Reference(ref.scope, ref.name, row.qualifier), row) for row in page]
    return {"FunctionEventInvokeConfigs": shown} | ({"NextMarker": token} if token else {})


def _check_given(req: dict[str, Any]) -> None:
    """An empty DestinationConfig says nothing; one with an empty OnFailure does (recorded)."""
    handled = any(member in req for member in ("MaximumRetryAttempts", "MaximumEventAgeInSeconds"))
    if not handled and not req.get("DestinationConfig"):
        raise errors.invalid("You must specify at least one of error handling or destination setting.")


def _reference(ctx: Context, req: dict[str, Any]) -> Reference:
    ref = parse_reference(ctx.scope, req["FunctionName"], req.get("Qualifier"))
    return Reference(ref.scope, ref.name, ref.qualifier or LATEST)


def _check_function(tx: Transaction, ref: Reference) -> None:
    """The function, and the version or alias where one is named."""
    if FUNCTIONS.get(tx, ref.scope, ref.name) is None or not functions.qualifier_exists(tx, ref):
        raise errors.not_found("The function doesn't exist.")


def _open(ctx: Context, tx: Transaction, req: dict[str, Any]) -> tuple[Reference, EventConfig | None]:
    ref = _reference(ctx, req)
    _check_function(tx, ref)
    EVENTS.lock(tx, ref.scope, ref.name)
    return ref, EVENTS.get(tx, ref.scope, ref.name, ref.qualifier)


def _absent(ref: Reference) -> ApiError:
    return errors.not_found(f"The function {ref.arn} doesn't have an EventInvokeConfig")


def _apply(ctx: Context, tx: Transaction, ref: Reference, config: EventConfig, req: dict[str, Any]) -> EventConfig:
    """What is named of a configuration changes; an outcome without a Destination says nothing, with an empty one it
    loses what it had."""
    wanted = dict(config.destinations)
    for outcome, target in req.get("DestinationConfig", {}).items():
        if target.get("Destination"):
            _check_destination(tx, ref, outcome, req["DestinationConfig"])
            wanted[outcome] = target
        elif "Destination" in target:
            wanted.pop(outcome, None)
    return msgspec.structs.replace(
        config,
        modified_at=ctx.now,
        retries=req.get("MaximumRetryAttempts", config.retries),
        age_seconds=req.get("MaximumEventAgeInSeconds", config.age_seconds),
        destinations=wanted,
    )


def _check_destination(tx: Transaction, ref: Reference, outcome: str, whole: dict[str, Any]) -> None:
    target_arn = whole[outcome]["Destination"]
    if not destinations.is_destination(target_arn):
        raise errors.invalid(f"The provided destination config {_describe(whole)} is invalid.")
    if target_arn.endswith(".fifo") and ":sns:" in target_arn:
        raise errors.invalid("FIFO-type Amazon SNS topics aren't supported as a destination.")
    if target_arn.endswith(".fifo") or (":s3:" in target_arn and outcome == "OnSuccess"):
        raise errors.invalid(f"The destination ARN {target_arn} is invalid.")
    if ":lambda:" not in target_arn:
        return
    target = parse_reference(ref.scope, target_arn)
    if (target.scope, target.name) == (ref.scope, ref.name):
        raise errors.invalid("You can't specify the function as a destination for itself.")
    if FUNCTIONS.get(tx, target.scope, target.name) is None:
        raise errors.invalid(f"The destination ARN {target_arn} is invalid.")


def _describe(config: dict[str, Any]) -> str:
    """As AWS prints it: DestinationConfig(onSuccess=OnSuccess(destination=...), onFailure=null)."""
    parts = []
    for member, label in (("OnSuccess", "onSuccess"), ("OnFailure", "onFailure")):
        target = config.get(member, {}).get("Destination")
        parts.append(f"{label}={member}(destination={target})" if target else f"{label}=null")
    return f"DestinationConfig({', '.join(parts)})"


def _write(tx: Transaction, ref: Reference, old: EventConfig | None, new: EventConfig) -> EventConfig:
    if old is None:
        EVENTS.insert(tx, ref.scope, new)
    else:
        EVENTS.replace(tx, ref.scope, old, new)
    return new


def _render(ref: Reference, config: EventConfig) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "FunctionArn": function_arn(ref.scope, ref.name, ref.qualifier),
        "LastModified": config.modified_at,
        "DestinationConfig": {"OnSuccess": {}, "OnFailure": {}} | config.destinations,
    }
    if config.retries is not None:
        shown["MaximumRetryAttempts"] = config.retries
    if config.age_seconds is not None:
        shown["MaximumEventAgeInSeconds"] = config.age_seconds
    return shown
