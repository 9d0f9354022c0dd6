"""Operations on aliases. https://docs.aws.amazon.com/lambda/latest/dg/configuration-aliases.html"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.page import take_page
from mrak.services.lambda_ import errors, functions
from mrak.services.lambda_.references import LATEST, Reference, parse_reference, version_number
from mrak.services.lambda_.tables import ALIASES, VERSIONS, Alias

_MOST_ALIASES = 10_000


@operation("CreateAlias")
def create_alias(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    ref = parse_reference(ctx.scope, req["FunctionName"])
    functions.open_function(tx, ref)
    alias = Alias(
        name=ref.name,
        alias=req["Name"],
        version=req["FunctionVersion"],
        revision_id=ctx.draw.uuid(),
        description=req.get("Description", ""),
        weights=req.get("RoutingConfig", {}).get("AdditionalVersionWeights", {}),
    )
    _check_versions(tx, ref, alias)
    if ALIASES.get(tx, ref.scope, ref.name, alias.alias) is not None:
        raise errors.conflict(f"Alias already exists: {functions.alias_arn(ref.scope, alias)}")
    ALIASES.insert(tx, ref.scope, alias)
    return render_alias(ref, alias)


@operation("GetAlias")
def get_alias(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    ref = parse_reference(ctx.scope, req["FunctionName"])
    return render_alias(ref, _require(tx, ref, req["Name"], "Cannot find alias arn: "))


@operation("UpdateAlias")
def update_alias(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    ref = parse_reference(ctx.scope, req["FunctionName"])
    functions.open_function(tx, ref)
    old = _require(tx, ref, req["Name"], "Alias not found: ")
    functions.check_revision(req, old.revision_id, "GetAlias")
    weights = old.weights
    if "RoutingConfig" in req:
        weights = req["RoutingConfig"].get("AdditionalVersionWeights", {})
    new = msgspec.structs.replace(
        old,
        version=req.get("FunctionVersion", old.version),
        description=req.get("Description", old.description),
        weights=weights,
        revision_id=ctx.draw.uuid(),
    )
    _check_versions(tx, ref, new)
    ALIASES.replace(tx, ref.scope, old, new)
    return render_alias(ref, new)


@operation("DeleteAlias")
def delete_alias(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    ref = parse_reference(ctx.scope, req["FunctionName"])
    functions.lock(tx, ref)
    alias = ALIASES.get(tx, ref.scope, ref.name, req["Name"])
    if alias is not None:  # AWS answers 204 either way
        ALIASES.delete(tx, ref.scope, alias)
        functions.delete_of_alias(tx, ref, alias.alias)


@operation("ListAliases")
def list_aliases(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    ref = parse_reference(ctx.scope, req["FunctionName"])
    functions.require(tx, ref)
    wanted = req.get("FunctionVersion")
    rows = ALIASES.scan(tx, ref.scope, ref.name, after=req.get("Marker") or None)
    matching = (row for row in rows if wanted in (None, row.version))
    page, token = take_page(matching, req.get("MaxItems", _MOST_ALIASES), lambda row: row.alias)
    # The marker is a name, of an alias that there is or not, and a page has more than fifty (recorded).
    more = {"NextMarker": page[-1].alias} if token else {}
    return {"Aliases": [render_alias(ref, row) for row in page]} | more


def render_alias(ref: Reference, alias: Alias) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "AliasArn": functions.alias_arn(ref.scope, alias),
        "Name": alias.alias,
        "FunctionVersion": alias.version,
        "Description": alias.description,
        "RevisionId": alias.revision_id,
    }
    if alias.weights:
        shown["RoutingConfig"] = {"AdditionalVersionWeights": alias.weights}
    return shown


def _require(tx: Transaction, ref: Reference, name: str, words: str) -> Alias:
    alias = ALIASES.get(tx, ref.scope, ref.name, name)
    if alias is None:
        raise errors.not_found(f"{words}{Reference(ref.scope, ref.name, name).arn}")
    return alias


def _check_versions(tx: Transaction, ref: Reference, alias: Alias) -> None:
    """What an alias points to exists; weights are for a second published version."""
    _check_version(tx, ref, alias.version)
    if not alias.weights:
        return
    if alias.version == LATEST or LATEST in alias.weights:
        raise errors.invalid("$LATEST is not supported for an alias pointing to more than 1 version")
    if len(alias.weights) > 1:
        raise errors.invalid("Number of items in AdditionalVersionWeights cannot be greater than 1")
    for version in alias.weights:
        if version == alias.version:
            raise errors.invalid(
                f"Invalid function version {version}. Function version {version} is already included in routing "
                "configuration."
            )
        _check_version(tx, ref, version)


def _check_version(tx: Transaction, ref: Reference, version: str) -> None:
    if VERSIONS.get(tx, ref.scope, ref.name, version_number(version)) is None:
        raise errors.function_not_found(Reference(ref.scope, ref.name, version).arn)
