"""Operations on tags of functions and event source mappings."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.lambda_ import errors, functions
from mrak.services.lambda_.function_operations import check_tag_count
from mrak.services.lambda_.references import parse_reference
from mrak.services.lambda_.tables import FUNCTIONS, MAPPINGS, Function, Mapping


@operation("TagResource")
def tag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    if not req["Tags"]:
        raise errors.invalid("An error occurred and the request cannot be processed.")
    _change(ctx, tx, req["Resource"], lambda tags: tags | req["Tags"])


@operation("UntagResource")
def untag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    gone = set(req["TagKeys"])
    _change(ctx, tx, req["Resource"], lambda tags: {key: value for key, value in tags.items() if key not in gone})


@operation("ListTags")
def list_tags(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"Tags": _find(ctx, tx, req["Resource"]).tags}


def _find(ctx: Context, tx: Transaction, resource: str) -> Function | Mapping:
    kind, _, name = _parse(resource).partition(":")
    if kind == "event-source-mapping":
        mapping = MAPPINGS.open(tx, ctx.scope, name)
        if mapping is None:
            raise errors.not_found(f"Event source mapping not found: {resource}")
        return mapping
    if ":" in name:
        raise errors.invalid("Tags on function aliases and versions are not supported. Please specify a function ARN.")
    return functions.open_function(tx, parse_reference(ctx.scope, resource))


def _parse(resource: str) -> str:
    parsed = find_arn(resource)
    if parsed is None or parsed.resource.partition(":")[0] not in ("function", "event-source-mapping"):
        raise errors.not_found(f"Function not found: {resource}")
    return parsed.resource


def _change(ctx: Context, tx: Transaction, resource: str, edit: Any) -> None:
    found = _find(ctx, tx, resource)
    tags = edit(found.tags)
    check_tag_count(tags)
    if isinstance(found, Mapping):
        MAPPINGS.replace(tx, ctx.scope, found, msgspec.structs.replace(found, tags=tags))
        return
    scope = parse_reference(ctx.scope, resource).scope
    FUNCTIONS.replace(tx, scope, found, msgspec.structs.replace(found, tags=tags))
