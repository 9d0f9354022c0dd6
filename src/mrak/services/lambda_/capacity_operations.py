"""Operations on capacity providers and on scaling: kept, attached to functions and shown. Functions run on this
machine, whatever their provider (LAMBDA-008).

https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from mrak.core.arn import arn
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.operation import operation
from mrak.core.page import find_position, take_page
from mrak.core.scope import Scope
from mrak.services.lambda_ import errors, functions
from mrak.services.lambda_.configuration import render_modified
from mrak.services.lambda_.references import function_arn, is_version, parse_reference, version_arn
from mrak.services.lambda_.tables import CAPACITY, FUNCTIONS, VERSIONS, CapacityProvider, Version

_PAGE = 50
_SETTINGS = ("VpcConfig", "PermissionsConfig", "InstanceRequirements", "CapacityProviderScalingConfig", "KmsKeyArn",
             "PropagateTags", "TelemetryConfig")  # fmt: skip
_CHANGEABLE = ("CapacityProviderScalingConfig", "PropagateTags", "TelemetryConfig")
_SCALING = "Scaling:"


@operation("CreateCapacityProvider")
def create_capacity_provider(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    deviation("LAMBDA-008")
    name = _name_of(req["CapacityProviderName"])
    if CAPACITY.open(tx, ctx.scope, name) is not None:
        raise errors.conflict(f"Capacity provider already exists: {provider_arn(ctx.scope, name)}")
    if not req["VpcConfig"]["SubnetIds"] or not req["VpcConfig"]["SecurityGroupIds"]:
        raise errors.invalid("VpcConfig must name at least one subnet and one security group.")
    settings = {"CapacityProviderScalingConfig": {"ScalingMode": "Auto"}}
    settings |= {member: req[member] for member in _SETTINGS if member in req}
    provider = CapacityProvider(name=name, modified_at=ctx.now, settings=settings, tags=req.get("Tags", {}))
    CAPACITY.insert(tx, ctx.scope, provider)
    return {"CapacityProvider": _render(ctx.scope, provider, "Pending")}


@operation("UpdateCapacityProvider")
def update_capacity_provider(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    old = _require(ctx, tx, req["CapacityProviderName"])
    settings = old.settings | {member: req[member] for member in _CHANGEABLE if member in req}
    new = msgspec.structs.replace(old, settings=settings, modified_at=ctx.now)
    CAPACITY.replace(tx, ctx.scope, old, new)
    return {"CapacityProvider": _render(ctx.scope, new)}


@operation("GetCapacityProvider")
def get_capacity_provider(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"CapacityProvider": _render(ctx.scope, _require(ctx, tx, req["CapacityProviderName"]))}


@operation("DeleteCapacityProvider")
def delete_capacity_provider(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    provider = _require(ctx, tx, req["CapacityProviderName"])
    if next(_users(ctx, tx, provider.name), None) is not None:
        raise errors.conflict("Cannot delete the capacity provider: function versions use it.")
    CAPACITY.delete(tx, ctx.scope, provider)
    return {"CapacityProvider": _render(ctx.scope, provider, "Deleting")}


@operation("ListCapacityProviders")
def list_capacity_providers(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    after = find_position(req["Marker"]) if req.get("Marker") else None
    wanted = req.get("State", "Active") == "Active"  # here they are in no other state
    rows = CAPACITY.scan(tx, ctx.scope, after=after) if wanted else iter(())
    page, token = take_page(rows, req.get("MaxItems", _PAGE), lambda row: row.name)
    shown = [_render(ctx.scope, row) for row in page]
    return {"CapacityProviders": shown} | ({"NextMarker": token} if token else {})


@operation("ListFunctionVersionsByCapacityProvider")
def list_function_versions_by_capacity_provider(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    provider = _require(ctx, tx, req["CapacityProviderName"])
    after = find_position(req["Marker"]) if req.get("Marker") else ""
    rows = (row for row in _users(ctx, tx, provider.name) if _place(row) > (after or ""))
    page, token = take_page(rows, req.get("MaxItems", _PAGE), _place)
    shown = [{"FunctionArn": version_arn(ctx.scope, row), "State": "Active"} for row in page]
    answer: dict[str, Any] = {"CapacityProviderArn": provider_arn(ctx.scope, provider.name), "FunctionVersions": shown}
    return answer | ({"NextMarker": token} if token else {})


def _users(ctx: Context, tx: Transaction, name: str) -> Iterator[Version]:
    wanted = provider_arn(ctx.scope, name)
    for version in VERSIONS.scan(tx, ctx.scope):
        if provider_of(version.config) == wanted:
            yield version


def _place(version: Version) -> str:
    """Sorts as the table does."""
    return f"{version.name}\0{version.number:012d}"


def provider_of(config: dict[str, Any]) -> str:
    """The ARN of the provider that a function names, "" where it names none."""
    wanted = config.get("CapacityProviderConfig", {}).get("LambdaManagedInstancesCapacityProviderConfig", {})
    return str(wanted.get("CapacityProviderArn", ""))


def check_provider(tx: Transaction, scope: Scope, config: dict[str, Any]) -> None:
    """A function's capacity provider must be there."""
    wanted = provider_of(config)
    if wanted and CAPACITY.get(tx, scope, _name_of(wanted)) is None:
        raise errors.invalid(f"Capacity provider not found: {wanted}")


def provider_arn(scope: Scope, name: str) -> str:
    return arn(scope, "lambda", f"capacity-provider:{name}")


def _name_of(text: str) -> str:
    return text.rpartition(":")[2]


def _require(ctx: Context, tx: Transaction, name: str) -> CapacityProvider:
    provider = CAPACITY.open(tx, ctx.scope, _name_of(name))
    if provider is None:
        raise errors.not_found(f"Capacity provider not found: {provider_arn(ctx.scope, _name_of(name))}")
    return provider


def _render(scope: Scope, provider: CapacityProvider, state: str = "Active") -> dict[str, Any]:
    return {
        "CapacityProviderArn": provider_arn(scope, provider.name),
        "State": state,
        "LastModified": render_modified(provider.modified_at),
        **provider.settings,
    }


# --- scaling of function versions


@operation("PutFunctionScalingConfig")
def put_function_scaling_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    deviation("LAMBDA-008")
    ref = parse_reference(ctx.scope, req["FunctionName"], req["Qualifier"])
    function = functions.open_function(tx, ref)
    if is_version(ref.qualifier):
        functions.require_version(tx, ref)
    wanted = req.get("FunctionScalingConfig", {})
    least, most = wanted.get("MinExecutionEnvironments", 0), wanted.get("MaxExecutionEnvironments")
    if most is not None and most < least:
        raise errors.invalid("MaxExecutionEnvironments must not be less than MinExecutionEnvironments.")
    settings = {name: value for name, value in function.settings.items() if name != _SCALING + ref.qualifier}
    if wanted:
        settings[_SCALING + ref.qualifier] = wanted
    FUNCTIONS.replace(tx, ref.scope, function, msgspec.structs.replace(function, settings=settings))
    return {"FunctionState": "Active"}


@operation("GetFunctionScalingConfig")
def get_function_scaling_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    ref = parse_reference(ctx.scope, req["FunctionName"], req["Qualifier"])
    function = functions.require(tx, ref)
    kept = function.settings.get(_SCALING + ref.qualifier)
    answer: dict[str, Any] = {"FunctionArn": function_arn(ref.scope, ref.name, ref.qualifier)}
    if kept is not None:
        answer |= {"AppliedFunctionScalingConfig": kept, "RequestedFunctionScalingConfig": kept}
    return answer
