"""Operations on the keys of a store. Each change names the version of the keys that it was made for.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/kvs-with-functions-kvp.html
"""

from __future__ import annotations

from itertools import islice
from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.operation import operation
from mrak.core.page import find_position, render_token
from mrak.services.cloudfront_keyvaluestore import errors
from mrak.services.cloudfront_keyvaluestore.exports import change_keys, find_by_arn, store_arn
from mrak.services.cloudfront_keyvaluestore.tables import KEYS, Store

_MOST_CHANGES = 50
_MOST_CHANGED_BYTES = 3 << 20
_PAGE = 10
_MOST_ON_PAGE = 50


def _require(ctx: Context, tx: Transaction, req: dict[str, Any]) -> Store:
    deviation("CLOUDFRONT-004")
    found = find_by_arn(tx, ctx.scope, req["KvsARN"])
    if found is None:
        raise errors.no_store()
    if "IfMatch" in req and req["IfMatch"].strip('"') != found.data_etag:
        raise errors.another_version()
    return found


def _totals(store: Store) -> dict[str, Any]:
    return {"ItemCount": store.count, "TotalSizeInBytes": store.size_bytes}


def _changed(store: Store) -> dict[str, Any]:
    return {**_totals(store), "ETag": store.data_etag}


@operation("DescribeKeyValueStore")
def describe_key_value_store(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    store = _require(ctx, tx, req)
    shown = {"KvsARN": store_arn(ctx.scope, store), "Created": store.created_at, "Status": "READY"}
    return {**_changed(store), **shown, "LastModified": store.data_modified_at}


@operation("ListKeys")
def list_keys(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    store = _require(ctx, tx, req)
    size = min(req.get("MaxResults", _PAGE), _MOST_ON_PAGE)
    after = find_position(req["NextToken"]) if req.get("NextToken") else None
    if req.get("NextToken") and after is None:
        raise errors.invalid("The next token is not valid.")
    rows = list(islice(KEYS.scan(tx, ctx.scope.account_wide(), store.id, after=after), size + 1))
    shown = [{"Key": entry.key, "Value": entry.value} for entry in rows[:size]]
    return {"Items": shown, **({"NextToken": render_token(rows[size - 1].key)} if len(rows) > size else {})}


@operation("GetKey")
def get_key(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    store = _require(ctx, tx, req)
    found = KEYS.get(tx, ctx.scope.account_wide(), store.id, req["Key"])
    if found is None:
        raise errors.no_key()
    return {"Key": found.key, "Value": found.value, **_totals(store)}


@operation("PutKey")
def put_key(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _changed(change_keys(ctx, tx, _require(ctx, tx, req), {req["Key"]: req["Value"]}, []))


@operation("DeleteKey")
def delete_key(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _changed(change_keys(ctx, tx, _require(ctx, tx, req), {}, [req["Key"]]))


@operation("UpdateKeys")
def update_keys(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """All of the changes or none."""
    store = _require(ctx, tx, req)
    puts = {item["Key"]: item["Value"] for item in req.get("Puts", ())}
    deletes = [item["Key"] for item in req.get("Deletes", ())]
    if not puts and not deletes:
        raise errors.invalid("At least one of puts and deletes has to be given.")
    if puts.keys() & set(deletes) or len(puts) < len(req.get("Puts", ())) or len(set(deletes)) < len(deletes):
        raise errors.invalid("A key may be changed only once by a request.")
    size = sum(len(key.encode()) + len(value.encode()) for key, value in puts.items())
    if len(puts) + len(deletes) > _MOST_CHANGES or size > _MOST_CHANGED_BYTES:
        raise errors.too_large("A request may change at most 50 keys, with 3 MB together.")
    return _changed(change_keys(ctx, tx, store, puts, deletes))
