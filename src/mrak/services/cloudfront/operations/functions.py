"""Operations on CloudFront functions: a development stage to edit and test, and a live one that viewers meet.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-functions.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.cloudfront import errors, listing
from mrak.services.cloudfront.operations.tags import parse_tags
from mrak.services.cloudfront.parts import check_etag, new_etag
from mrak.services.cloudfront.plane import javascript, keyvalues
from mrak.services.cloudfront.tables import FUNCTIONS, USES, Function, Use
from mrak.services.cloudfront_keyvaluestore.exports import find_by_arn

DEVELOPMENT, LIVE = "DEVELOPMENT", "LIVE"
_MOST_CODE_BYTES = 10 << 10


def function_arn(ctx: Context, name: str) -> str:
    return f"arn:aws:cloudfront::{ctx.scope.account}:function/{name}"


def _render(ctx: Context, tx: Transaction, function: Function) -> dict[str, Any]:
    status = function.status
    if status != "UNPUBLISHED":
        status = "ASSOCIATED" if _in_use(ctx, tx, function.name) else "UNASSOCIATED"
    return {
        "Name": function.name,
        "Status": status,
        "FunctionConfig": function.config,
        "FunctionMetadata": {
            "FunctionARN": function_arn(ctx, function.name),
            "Stage": function.stage,
            "CreatedTime": function.created_at,
            "LastModifiedTime": function.modified_at,
        },
    }


def _in_use(ctx: Context, tx: Transaction, name: str) -> bool:
    return next(USES.scan(tx, ctx.scope.account_wide(), function_arn(ctx, name), limit=1), None) is not None


def _require(ctx: Context, tx: Transaction, name: str, stage: str) -> Function:
    found = FUNCTIONS.get(tx, ctx.scope.account_wide(), name, stage)
    if found is None:
        raise errors.no_such_function()
    return found


def _open(ctx: Context, tx: Transaction, req: dict[str, Any]) -> Function:
    """The development stage, if the request names its present version."""
    FUNCTIONS.lock(tx, ctx.scope.account_wide(), req["Name"])
    found = _require(ctx, tx, req["Name"], DEVELOPMENT)
    check_etag(req.get("IfMatch"), found.etag)
    return found


def _check(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    if len(req["FunctionCode"]) > _MOST_CODE_BYTES:
        raise errors.function_too_large()
    stores = keyvalues.stores_of(req["FunctionConfig"])
    if len(stores) > 1:
        raise errors.invalid_argument("A function can be associated with one key value store at most.")
    if stores and req["FunctionConfig"]["Runtime"] != "cloudfront-js-2.0":
        raise errors.invalid_argument("Key value stores need the runtime cloudfront-js-2.0.")
    if stores and find_by_arn(tx, ctx.scope, stores[0]) is None:
        raise errors.invalid_argument(f"The key value store {stores[0]} does not exist.")


def _put_uses(ctx: Context, tx: Transaction, name: str, *versions: Function | None) -> None:
    """Which stores the function's stages use, so that none is deleted under it."""
    scope = ctx.scope.account_wide()
    user = function_arn(ctx, name)
    wanted = {store for version in versions if version is not None for store in keyvalues.stores_of(version.config)}
    for store in wanted | _used_stores(ctx, tx, user):
        old = USES.open(tx, scope, store, user)
        if store in wanted and old is None:
            USES.insert(tx, scope, Use(store, user))
        elif store not in wanted and old is not None:
            USES.delete(tx, scope, old)


def _used_stores(ctx: Context, tx: Transaction, user: str) -> set[str]:
    scope = ctx.scope.account_wide()
    stages = (FUNCTIONS.get(tx, scope, user.rpartition("/")[2], stage) for stage in (DEVELOPMENT, LIVE))
    return {store for stage in stages if stage is not None for store in keyvalues.stores_of(stage.config)}


@operation("CreateFunction")
def create_function(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope = ctx.scope.account_wide()
    _check(ctx, tx, req)
    FUNCTIONS.lock(tx, scope, req["Name"])
    if FUNCTIONS.get(tx, scope, req["Name"], DEVELOPMENT) is not None:
        raise errors.function_exists()
    made = Function(
        name=req["Name"],
        stage=DEVELOPMENT,
        etag=new_etag(ctx),
        config=req["FunctionConfig"],
        code=req["FunctionCode"],
        created_at=ctx.now,
        modified_at=ctx.now,
        tags=parse_tags(req.get("Tags", {})),
    )
    _put_uses(ctx, tx, made.name, made)
    FUNCTIONS.insert(tx, scope, made)
    location = f"https://cloudfront.amazonaws.com/2020-05-31/function/{made.name}"
    return {"FunctionSummary": _render(ctx, tx, made), "Location": location, "ETag": made.etag}


@operation("UpdateFunction")
def update_function(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    old = _open(ctx, tx, req)
    _check(ctx, tx, req)
    new = msgspec.structs.replace(
        old, config=req["FunctionConfig"], code=req["FunctionCode"], etag=new_etag(ctx), modified_at=ctx.now
    )
    _put_uses(ctx, tx, new.name, new, FUNCTIONS.get(tx, ctx.scope.account_wide(), new.name, LIVE))
    FUNCTIONS.replace(tx, ctx.scope.account_wide(), old, new)
    return {"FunctionSummary": _render(ctx, tx, new), "ETag": new.etag}


@operation("PublishFunction")
def publish_function(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope = ctx.scope.account_wide()
    source = _open(ctx, tx, req)
    old = FUNCTIONS.get(tx, scope, source.name, LIVE)
    created_at = ctx.now if old is None else old.created_at
    live = msgspec.structs.replace(
        source, stage=LIVE, status="UNASSOCIATED", etag=new_etag(ctx), created_at=created_at, modified_at=ctx.now
    )
    _put_uses(ctx, tx, live.name, live, source)
    if old is None:
        FUNCTIONS.insert(tx, scope, live)
    else:
        FUNCTIONS.replace(tx, scope, old, live)
    if source.status == "UNPUBLISHED":
        FUNCTIONS.replace(tx, scope, source, msgspec.structs.replace(source, status="UNASSOCIATED"))
    return {"FunctionSummary": _render(ctx, tx, live)}


@operation("DescribeFunction")
def describe_function(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = _require(ctx, tx, req["Name"], req.get("Stage", DEVELOPMENT))
    return {"FunctionSummary": _render(ctx, tx, found), "ETag": found.etag}


@operation("GetFunction")
def get_function(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = _require(ctx, tx, req["Name"], req.get("Stage", DEVELOPMENT))
    return {"FunctionCode": found.code, "ETag": found.etag, "ContentType": "application/octet-stream"}


@operation("DeleteFunction")
def delete_function(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    scope = ctx.scope.account_wide()
    old = _open(ctx, tx, req)
    if _in_use(ctx, tx, old.name):
        raise errors.function_in_use()
    _put_uses(ctx, tx, old.name)
    FUNCTIONS.delete(tx, scope, old)
    live = FUNCTIONS.get(tx, scope, old.name, LIVE)
    if live is not None:
        FUNCTIONS.delete(tx, scope, live)


@operation("ListFunctions")
def list_functions(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    def rows() -> Iterator[Function]:
        for row in FUNCTIONS.scan(tx, ctx.scope.account_wide(), after=listing.marker(req)):
            if row.stage == req.get("Stage", row.stage):
                yield row

    page = listing.render_page(req, rows(), lambda row: _render(ctx, tx, row), lambda row: row.name)
    return {"FunctionList": page}


@operation("TestFunction")
async def test_function(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    def look(tx: Transaction) -> tuple[Function, dict[str, Any]]:
        found = _require(ctx, tx, req["Name"], req.get("Stage", DEVELOPMENT))
        check_etag(req.get("IfMatch"), found.etag)
        return found, _render(ctx, tx, found)

    function, summary = await ctx.transact(look)
    try:
        event = msgspec.json.decode(req["EventObject"])
    except msgspec.DecodeError:
        raise errors.invalid_argument("The parameter EventObject is not valid JSON.") from None
    if not isinstance(event, dict):
        raise errors.invalid_argument("The parameter EventObject is not a JSON object.")
    store = await keyvalues.load(ctx, function)
    outcome = await asyncio.to_thread(javascript.run, function.code.decode("utf-8", "replace"), event, store)
    result: dict[str, Any] = {
        "FunctionSummary": summary,
        "ComputeUtilization": str(outcome.utilization),
        "FunctionExecutionLogs": outcome.logs,
        "FunctionErrorMessage": outcome.error,
    }
    if not outcome.error:
        member = "response" if isinstance(outcome.value, dict) and "statusCode" in outcome.value else "request"
        result["FunctionOutput"] = msgspec.json.encode({member: outcome.value}).decode()
    return {"TestResult": result}
