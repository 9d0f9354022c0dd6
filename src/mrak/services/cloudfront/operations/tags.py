"""Tags of distributions, functions and key value stores."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.cloudfront import errors
from mrak.services.cloudfront.tables import DISTRIBUTIONS, FUNCTIONS, Distribution, Function
from mrak.services.cloudfront_keyvaluestore import exports
from mrak.services.cloudfront_keyvaluestore.exports import Store

_MOST_TAGS = 50
Tagged = Distribution | Function | Store


def parse_tags(tags: dict[str, Any]) -> dict[str, str]:
    """A request's tags, checked."""
    found = dict(_pairs(tags))
    check_count(found)
    return found


def check_count(tags: dict[str, str]) -> None:
    if len(tags) > _MOST_TAGS:
        raise errors.invalid_tagging("A resource has at most 50 tags.")


def _pairs(tags: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for tag in tags.get("Items") or ():
        if tag["Key"].lower().startswith("aws:"):
            raise errors.invalid_tagging("Tag keys must not begin with aws:.")
        yield tag["Key"], tag.get("Value", "")


@operation("ListTagsForResource")
def list_tags_for_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = _require(ctx, tx, req["Resource"])
    return {"Tags": {"Items": [{"Key": key, "Value": value} for key, value in found.tags.items()]}}


@operation("TagResource")
def tag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    found = _require(ctx, tx, req["Resource"])
    _put(ctx, tx, found, found.tags | parse_tags(req["Tags"]))


@operation("UntagResource")
def untag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    found = _require(ctx, tx, req["Resource"])
    gone = set(req["TagKeys"].get("Items") or ())
    _put(ctx, tx, found, {key: value for key, value in found.tags.items() if key not in gone})


def _require(ctx: Context, tx: Transaction, resource: str) -> Tagged:
    scope = ctx.scope.account_wide()
    head, _, name = resource.rpartition("/")
    found: Tagged | None = None
    if head == f"arn:aws:cloudfront::{scope.account}:distribution":
        found = DISTRIBUTIONS.open(tx, scope, name)
    elif head == f"arn:aws:cloudfront::{scope.account}:function":
        found = FUNCTIONS.open(tx, scope, name, "DEVELOPMENT")
    else:
        found = exports.find_by_arn(tx, scope, resource)
    if found is None:
        raise errors.no_such_resource()
    return found


def _put(ctx: Context, tx: Transaction, old: Tagged, tags: dict[str, str]) -> None:
    check_count(tags)
    scope = ctx.scope.account_wide()
    if isinstance(old, Distribution):
        DISTRIBUTIONS.replace(tx, scope, old, msgspec.structs.replace(old, tags=tags))
    elif isinstance(old, Function):
        FUNCTIONS.replace(tx, scope, old, msgspec.structs.replace(old, tags=tags))
    else:
        exports.tag_store(ctx, tx, old, tags)
