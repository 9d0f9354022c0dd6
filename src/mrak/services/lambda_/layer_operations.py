"""Operations on layers. A deleted version stays usable for functions that have it, as on AWS.

https://docs.aws.amazon.com/lambda/latest/dg/chapter-layers.html
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from mrak.core.arn import arn, find_arn
from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.page import find_number, find_position, render_token
from mrak.core.scope import Scope
from mrak.services.lambda_ import errors, packages
from mrak.services.lambda_.configuration import render_modified
from mrak.services.lambda_.tables import LAYERS, Layer
from mrak.services.lambda_.url_plane import package_location

_PAGE = 50


@operation("PublishLayerVersion")
async def publish_layer_version(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = _name_of(req["LayerName"])
    package = await packages.store_zip(ctx, await packages.read_zip(ctx, req["Content"], "PublishLayerVersion"))
    members = ("Description", "CompatibleRuntimes", "CompatibleArchitectures", "LicenseInfo")
    settings = {"Description": "", "CompatibleRuntimes": [], "CompatibleArchitectures": []}
    settings |= {member: req[member] for member in members if member in req}

    def publish(tx: Transaction) -> Layer:
        LAYERS.lock(tx, ctx.scope, name)
        last = next(LAYERS.scan(tx, ctx.scope, name, reverse=True, limit=1), None)
        layer = Layer(
            name=name,
            version=last.version + 1 if last else 1,
            created_at=ctx.now,
            code_id=package.code_id,
            code_bytes=package.code_bytes,
            code_sha256=package.sha256,
            settings=settings,
        )
        LAYERS.insert(tx, ctx.scope, layer)
        return layer

    return _render(ctx, ctx.scope, await ctx.transact(publish), whole=True)


@operation("GetLayerVersion")
def get_layer_version(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _render(ctx, ctx.scope, _require(tx, ctx.scope, req["LayerName"], req["VersionNumber"]), whole=True)


@operation("GetLayerVersionByArn")
def get_layer_version_by_arn(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    parsed = find_arn(req["Arn"])
    assert parsed is not None, "the model checks the form"
    _, name, version = parsed.resource.split(":")
    scope = parsed.scope_in(ctx.scope.environment)
    return _render(ctx, scope, _require(tx, scope, name, int(version)), whole=True)


@operation("DeleteLayerVersion")
def delete_layer_version(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    name = _name_of(req["LayerName"])
    _check_number(req["VersionNumber"])
    LAYERS.lock(tx, ctx.scope, name)
    layer = LAYERS.get(tx, ctx.scope, name, req["VersionNumber"])
    if layer is not None:
        LAYERS.replace(tx, ctx.scope, layer, msgspec.structs.replace(layer, deleted=True))


@operation("ListLayerVersions")
def list_layer_versions(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """The newest first."""
    position = find_number(req["Marker"]) if req.get("Marker") else None
    if req.get("Marker") and position is None:
        raise errors.invalid("Invalid pagination token.")
    before = position - 1 if position is not None else None
    size = min(req.get("MaxItems", _PAGE), _PAGE)
    rows = LAYERS.scan(tx, ctx.scope, _name_of(req["LayerName"]), upto=before, reverse=True)
    shown: list[dict[str, Any]] = []
    for layer in rows:
        if not _is_wanted(layer, req):
            continue
        if len(shown) == size:
            return {"LayerVersions": shown, "NextMarker": render_token(str(shown[-1]["Version"]))}
        shown.append(_render(ctx, ctx.scope, layer, whole=False))
    return {"LayerVersions": shown}


@operation("ListLayers")
def list_layers(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    newest: dict[str, Layer] = {}
    for layer in LAYERS.scan(tx, ctx.scope):
        if _is_wanted(layer, req):
            newest[layer.name] = layer
    after = find_position(req["Marker"]) if req.get("Marker") else ""
    names = [name for name in sorted(newest) if name > (after or "")]
    size = min(req.get("MaxItems", _PAGE), _PAGE)
    shown = [
        {
            "LayerName": name,
            "LayerArn": _layer_arn(ctx.scope, name),
            "LatestMatchingVersion": _render(ctx, ctx.scope, newest[name], whole=False),
        }
        for name in names[:size]
    ]
    return {"Layers": shown} | ({"NextMarker": render_token(names[size - 1])} if len(names) > size else {})


def _is_wanted(layer: Layer, req: dict[str, Any]) -> bool:
    runtime, architecture = req.get("CompatibleRuntime"), req.get("CompatibleArchitecture")
    return (
        not layer.deleted
        and (runtime is None or runtime in layer.settings["CompatibleRuntimes"])
        and (architecture is None or architecture in layer.settings["CompatibleArchitectures"])
    )


# --- policies of layers


@operation("AddLayerVersionPermission")
def add_layer_version_permission(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name = _name_of(req["LayerName"])
    LAYERS.lock(tx, ctx.scope, name)
    layer = _require(tx, ctx.scope, name, req["VersionNumber"])
    if req.get("RevisionId") and req["RevisionId"] != layer.policy_revision:
        raise errors.precondition("GetLayerPolicy")
    if any(known["Sid"] == req["StatementId"] for known in layer.policy):
        raise errors.conflict(
            f"The statement id ({req['StatementId']}) provided already exists. "
            "Please provide a new statement id, or remove the existing statement."
        )
    principal = req["Principal"]
    statement: dict[str, Any] = {
        "Sid": req["StatementId"],
        "Effect": "Allow",
        "Principal": "*" if principal == "*" else {"AWS": f"arn:{ctx.scope.partition}:iam::{principal}:root"},
        "Action": req["Action"],
        "Resource": _version_arn(ctx.scope, layer),
    }
    if "OrganizationId" in req:
        statement["Condition"] = {"StringEquals": {"aws:PrincipalOrgID": req["OrganizationId"]}}
    revision = ctx.draw.uuid()
    new = msgspec.structs.replace(layer, policy=[*layer.policy, statement], policy_revision=revision)
    LAYERS.replace(tx, ctx.scope, layer, new)
    return {"Statement": json.dumps(statement, separators=(",", ":")), "RevisionId": revision}


@operation("GetLayerVersionPolicy")
def get_layer_version_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    layer = _require(tx, ctx.scope, req["LayerName"], req["VersionNumber"])
    if not layer.policy:
        raise errors.not_found("No policy is associated with the given resource.")
    document = {"Version": "2012-10-17", "Id": "default", "Statement": layer.policy}
    return {"Policy": json.dumps(document, separators=(",", ":")), "RevisionId": layer.policy_revision}


@operation("RemoveLayerVersionPermission")
def remove_layer_version_permission(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    name = _name_of(req["LayerName"])
    LAYERS.lock(tx, ctx.scope, name)
    layer = _require(tx, ctx.scope, name, req["VersionNumber"])
    if req.get("RevisionId") and req["RevisionId"] != layer.policy_revision:
        raise errors.precondition("GetLayerPolicy")
    kept = [statement for statement in layer.policy if statement["Sid"] != req["StatementId"]]
    if len(kept) == len(layer.policy):
        raise errors.not_found(f"Statement {req['StatementId']} is not found in resource policy.")
    new = msgspec.structs.replace(layer, policy=kept, policy_revision=ctx.draw.uuid())
    LAYERS.replace(tx, ctx.scope, layer, new)


# --- names and rendering


def _name_of(text: str) -> str:
    """A layer's name, from a name or an ARN."""
    return text.split(":")[6] if text.startswith("arn:") else text


def _check_number(version: int) -> None:
    if version < 1:
        raise errors.invalid("Layer Version Cannot be less than 1")


def _require(tx: Transaction, scope: Scope, name: str, version: int) -> Layer:
    _check_number(version)
    layer = LAYERS.get(tx, scope, _name_of(name), version)
    if layer is None or layer.deleted:
        raise errors.unknown_resource()
    return layer


def _layer_arn(scope: Scope, name: str) -> str:
    return arn(scope, "lambda", f"layer:{name}")


def _version_arn(scope: Scope, layer: Layer) -> str:
    return f"{_layer_arn(scope, layer.name)}:{layer.version}"


def _render(ctx: Context, scope: Scope, layer: Layer, *, whole: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "LayerVersionArn": _version_arn(scope, layer),
        "Version": layer.version,
        "CreatedDate": render_modified(layer.created_at),
        **layer.settings,
    }
    if not whole:
        # Lists leave out what was not said; a version by itself shows it empty.
        return {name: value for name, value in shown.items() if value not in ("", [])}
    shown["LayerArn"] = _layer_arn(scope, layer.name)
    content = {"CodeSha256": layer.code_sha256, "CodeSize": layer.code_bytes}
    shown["Content"] = content | package_location(ctx, layer.code_id)
    return shown
