"""Operations on tags: of functions, event source mappings, code signing configurations, capacity providers."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.lambda_ import errors, functions
from mrak.services.lambda_.function_operations import check_tag_count
from mrak.services.lambda_.references import parse_reference
from mrak.services.lambda_.tables import CAPACITY, FUNCTIONS, MAPPINGS, SIGNING
from mrak.store.tables import Table


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


_OTHERS: dict[str, tuple[Table[Any], str]] = {
    "event-source-mapping": (MAPPINGS, "Event source mapping not found: "),
    "code-signing-config": (SIGNING, "Code signing config not found: "),
    "capacity-provider": (CAPACITY, "Capacity provider not found: "),
}
"""Kinds of ARNs beside functions: where they are kept, and what is said of one that is not there."""


def _find(ctx: Context, tx: Transaction, resource: str) -> Any:
    kind, _, name = _parse(resource).partition(":")
    if kind in _OTHERS:
        table, words = _OTHERS[kind]
        found = table.open(tx, ctx.scope, name)
        if found is None:
            raise errors.not_found(f"{words}{resource}")
        return found
    if ":" in name:
        raise errors.invalid("Tags on function aliases and versions are not supported. Please specify a function ARN.")
    return functions.open_function(tx, parse_reference(ctx.scope, resource))


def _parse(resource: str) -> str:
    parsed = find_arn(resource)
    if parsed is None or parsed.resource.partition(":")[0] not in ("function", *_OTHERS):
        raise errors.not_found(f"Function not found: {resource}")
    return parsed.resource


def _change(ctx: Context, tx: Transaction, resource: str, edit: Any) -> None:
    found = _find(ctx, tx, resource)
    tags = edit(found.tags)
    check_tag_count(tags)
    new = msgspec.structs.replace(found, tags=tags)
    kind = _parse(resource).partition(":")[0]
    if kind in _OTHERS:
        _OTHERS[kind][0].replace(tx, ctx.scope, found, new)
        return
    ref = parse_reference(ctx.scope, resource)
    FUNCTIONS.replace(tx, ref.scope, found, new)
    functions.revise(ctx, tx, ref, modified_at=ctx.now)
