"""Tags of tables.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TagResource.html
"""

from __future__ import annotations

from typing import Any

from msgspec import structs

from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.dynamodb import access, errors, rules
from mrak.services.dynamodb.tables import TABLES, TableRecord, find_table_arn

_SHORTEST_NAME = 3


def _locate(ctx: Context, text: str) -> tuple[str, str]:
    """The table's name in an ARN, and what follows it. Whose it is, AWS asks before it looks at anything else."""
    parts = find_arn(text)
    if parts is not None and parts.account != ctx.scope.account:
        raise errors.access_denied()
    parts = find_table_arn(text)
    name, _, rest = parts.resource.removeprefix("table/").partition("/")
    if len(name) < _SHORTEST_NAME or parts.region != ctx.scope.region:
        raise errors.invalid(f"Invalid TableArn: Invalid ResourceArn provided as input {text}")
    return name, rest


def _require(ctx: Context, tx: Transaction, req: dict[str, Any], opens: bool = False) -> tuple[Scope, TableRecord]:
    """The table that an ARN names. Streams have no tags, though AWS takes their ARNs."""
    text = req["ResourceArn"]
    name, stream = _locate(ctx, text)
    record = TABLES.open(tx, ctx.scope, name) if opens else TABLES.get(tx, ctx.scope, name)
    access.check_table(ctx, tx, ctx.scope, name, record, req)
    if record is None or stream:
        raise errors.arn_not_found(text)
    return ctx.scope, record


@operation("TagResource")
def tag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    tags = req["Tags"]
    _locate(ctx, req["ResourceArn"])
    if not tags:
        raise errors.invalid("Atleast one Tag needs to be provided as Input.")
    rules.check_tags(tags)
    scope, record = _require(ctx, tx, req, opens=True)
    merged = record.tags | {tag["Key"]: tag["Value"] for tag in tags}
    rules.check_tag_count(len(merged))
    TABLES.replace(tx, scope, record, structs.replace(record, tags=merged))


@operation("UntagResource")
def untag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _locate(ctx, req["ResourceArn"])
    if not req["TagKeys"]:
        raise errors.invalid("Atleast one Tag Key needs to be provided as Input.")
    for key in req["TagKeys"]:
        rules.check_tag_key(key)
    rules.check_tag_count(len(req["TagKeys"]))
    scope, record = _require(ctx, tx, req, opens=True)
    left = {key: value for key, value in record.tags.items() if key not in req["TagKeys"]}
    TABLES.replace(tx, scope, record, structs.replace(record, tags=left))


@operation("ListTagsOfResource")
def list_tags_of_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """All of them in one page, as there are fifty at most, in the order in which they came."""
    _, record = _require(ctx, tx, req)
    return {"Tags": [{"Key": key, "Value": value} for key, value in record.tags.items()]}
