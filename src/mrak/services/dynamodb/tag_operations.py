"""Tags of tables.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TagResource.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import structs

from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.dynamodb import errors, rules
from mrak.services.dynamodb.tables import TABLES, TableRecord


def require_by_arn(
    ctx: Context,
    tx: Transaction,
    text: str,
    opens: bool = False,
    not_found: Callable[[str], ApiError] | None = None,
) -> tuple[Scope, TableRecord]:
    """The table that an ARN names. `not_found` says of its name, instead of its ARN, that there is none."""
    parts = find_arn(text)
    if not text.startswith("arn:"):
        raise errors.invalid_parameter(f"ARNs must start with 'arn:': {text}")
    if parts is None or parts.service != "dynamodb":
        raise errors.invalid_parameter(f"Provided Arn is not a DynamoDB resource arn: {text}")
    if not parts.resource.startswith("table/") or "/index/" in parts.resource:
        raise errors.invalid_parameter(
            f"Invalid resource arn provided, only table or stream is accepted. Provided resource arn: {text}"
        )
    if parts.region != ctx.scope.region:
        raise errors.invalid(f"Invalid TableArn: Invalid ResourceArn provided as input {text}")
    scope = parts.scope_in(ctx.scope.environment)
    name = parts.resource.removeprefix("table/").partition("/")[0]
    record = TABLES.open(tx, scope, name) if opens else TABLES.get(tx, scope, name)
    if record is None:
        raise errors.arn_not_found(text) if not_found is None else not_found(name)
    return scope, record


@operation("TagResource")
def tag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    tags = req["Tags"]
    if not tags:
        raise errors.invalid("Atleast one Tag needs to be provided as Input.")
    rules.check_tags(tags)
    scope, record = require_by_arn(ctx, tx, req["ResourceArn"], opens=True)
    merged = record.tags | {tag["Key"]: tag["Value"] for tag in tags}
    rules.check_tag_count(len(merged))
    TABLES.replace(tx, scope, record, structs.replace(record, tags=merged))


@operation("UntagResource")
def untag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    if not req["TagKeys"]:
        raise errors.invalid("Atleast one Tag Key needs to be provided as Input.")
    for key in req["TagKeys"]:
        rules.check_tag_key(key)
    rules.check_tag_count(len(req["TagKeys"]))
    scope, record = require_by_arn(ctx, tx, req["ResourceArn"], opens=True)
    left = {key: value for key, value in record.tags.items() if key not in req["TagKeys"]}
    TABLES.replace(tx, scope, record, structs.replace(record, tags=left))


@operation("ListTagsOfResource")
def list_tags_of_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """All of them in one page: there are fifty at most."""
    _, record = require_by_arn(ctx, tx, req["ResourceArn"])
    return {"Tags": [{"Key": key, "Value": value} for key, value in sorted(record.tags.items())]}
