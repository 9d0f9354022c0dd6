"""Operations on key value stores as a whole; those on their keys are `cloudfront-keyvaluestore`'s.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/kvs-with-functions.html
"""

from __future__ import annotations

import json
from typing import Any

from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.services.cloudfront import errors, listing
from mrak.services.cloudfront.operations.tags import parse_tags
from mrak.services.cloudfront.parts import check_etag
from mrak.services.cloudfront.tables import USES
from mrak.services.cloudfront_keyvaluestore import exports
from mrak.services.cloudfront_keyvaluestore.exports import Store
from mrak.services.s3.exports import read_body


def _render(ctx: Context, store: Store, *, status: str = "READY") -> dict[str, Any]:
    return {
        "Name": store.name,
        "Id": store.id,
        "Comment": store.comment,
        "ARN": exports.store_arn(ctx.scope, store),
        "Status": status,
        "LastModifiedTime": store.modified_at,
    }


def _require(ctx: Context, tx: Transaction, name: str) -> Store:
    found = exports.find_store(tx, ctx.scope, name)
    if found is None:
        raise errors.no_such_entity()
    return found


@operation("CreateKeyValueStore")
async def create_key_value_store(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    tags = parse_tags(req.get("Tags", {}))
    content = await _read_source(ctx, req["ImportSource"]) if "ImportSource" in req else {}

    def create(tx: Transaction) -> Store:
        if exports.find_store(tx, ctx.scope, req["Name"]) is not None:
            raise errors.entity_exists()
        made = exports.create_store(ctx, tx, req["Name"], req.get("Comment", ""), content)
        return exports.tag_store(ctx, tx, made, tags) if tags else made

    made = await ctx.transact(create)
    location = f"https://cloudfront.amazonaws.com/2020-05-31/key-value-store/{made.name}"
    return {"KeyValueStore": _render(ctx, made, status="PROVISIONING"), "ETag": made.etag, "Location": location}


async def _read_source(ctx: Context, source: dict[str, Any]) -> dict[str, str]:
    """{"data": [{"key", "value"}]} from an object of S3."""
    parsed = find_arn(source["SourceARN"])
    bucket, _, key = (parsed.resource if parsed is not None and parsed.service == "s3" else "").partition("/")
    if not key:
        raise errors.invalid_argument("The parameter SourceARN is not the ARN of an object in Amazon S3.")
    try:
        answer = await ctx.call("s3", "GetObject", {"Bucket": bucket, "Key": key})
    except ApiError as error:
        raise errors.invalid_argument(f"The source can't be read: {error.message}") from error
    if int(answer.get("ContentLength", 0)) > exports.MOST_BYTES:
        raise errors.invalid_argument("The source has more than 5 MB.")
    try:
        return {str(item["key"]): str(item["value"]) for item in json.loads(await read_body(answer["Body"]))["data"]}
    except (ValueError, KeyError, TypeError):
        raise errors.invalid_argument("The source is no JSON document with a list `data` of keys and values.") from None


@operation("DescribeKeyValueStore")
def describe_key_value_store(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = _require(ctx, tx, req["Name"])
    return {"KeyValueStore": _render(ctx, found), "ETag": found.etag}


@operation("UpdateKeyValueStore")
def update_key_value_store(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = _require(ctx, tx, req["Name"])
    check_etag(req.get("IfMatch"), found.etag)
    changed = exports.update_store(ctx, tx, found, req["Comment"])
    return {"KeyValueStore": _render(ctx, changed), "ETag": changed.etag}


@operation("DeleteKeyValueStore")
def delete_key_value_store(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    found = _require(ctx, tx, req["Name"])
    check_etag(req.get("IfMatch"), found.etag)
    used = exports.store_arn(ctx.scope, found)
    if next(USES.scan(tx, ctx.scope.account_wide(), used, limit=1), None) is not None:
        raise errors.entity_in_use()
    exports.delete_store(ctx, tx, found)


@operation("ListKeyValueStores")
def list_key_value_stores(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    rows = exports.list_stores(tx, ctx.scope, listing.marker(req))
    page = listing.render_page(req, rows, lambda store: _render(ctx, store), lambda store: store.name)
    return {"KeyValueStoreList": page}
