"""Operations on function URLs. https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.page import find_position, take_page
from mrak.core.urls import resource_url
from mrak.services.lambda_ import errors
from mrak.services.lambda_.destinations import render_time
from mrak.services.lambda_.references import Reference, function_arn, parse_reference
from mrak.services.lambda_.tables import ALIASES, FUNCTIONS, URL_IDS, URLS, Url, UrlId
from mrak.services.lambda_.url_plane import PLANE

_ID_LENGTH = 32
_PAGE = 50


@operation("CreateFunctionUrlConfig")
def create_function_url_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    ref = parse_reference(ctx.scope, req["FunctionName"], req.get("Qualifier"))
    _check_function(tx, ref)
    URLS.lock(tx, ref.scope, ref.name)
    if URLS.get(tx, ref.scope, ref.name, ref.qualifier) is not None:
        raise errors.conflict(
            f"Failed to create function url config for [functionArn = {ref.arn}]. "
            "Error message:  FunctionUrlConfig exists for this Lambda function"
        )
    url = Url(
        name=ref.name,
        qualifier=ref.qualifier,
        url_id=ctx.resource_id(_ID_LENGTH),
        auth_type=req["AuthType"],
        invoke_mode=req.get("InvokeMode", "BUFFERED"),
        created_at=ctx.now,
        modified_at=ctx.now,
        cors=req.get("Cors"),
    )
    URLS.insert(tx, ref.scope, url)
    wide = ref.scope.environment_wide()
    URL_IDS.lock(tx, wide, url.url_id)
    URL_IDS.insert(tx, wide, UrlId(url.url_id, ref.scope.account, ref.scope.region, ref.name, ref.qualifier))
    shown = render_url(ctx, ref, url)
    del shown["LastModifiedTime"]
    if "InvokeMode" not in req:
        del shown["InvokeMode"]
    return shown


@operation("GetFunctionUrlConfig")
def get_function_url_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    ref = parse_reference(ctx.scope, req["FunctionName"], req.get("Qualifier"))
    return render_url(ctx, ref, _require(tx, ref))


@operation("UpdateFunctionUrlConfig")
def update_function_url_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    ref = parse_reference(ctx.scope, req["FunctionName"], req.get("Qualifier"))
    _check_function(tx, ref)
    URLS.lock(tx, ref.scope, ref.name)
    old = _require(tx, ref)
    cors = req.get("Cors", old.cors)
    new = msgspec.structs.replace(
        old,
        auth_type=req.get("AuthType", old.auth_type),
        invoke_mode=req.get("InvokeMode", old.invoke_mode),
        cors=cors or None,
        modified_at=ctx.now,
    )
    URLS.replace(tx, ref.scope, old, new)
    shown = render_url(ctx, ref, new)
    if "InvokeMode" not in req:
        del shown["InvokeMode"]
    return shown


@operation("DeleteFunctionUrlConfig")
def delete_function_url_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    ref = parse_reference(ctx.scope, req["FunctionName"], req.get("Qualifier"))
    URLS.lock(tx, ref.scope, ref.name)
    url = _require(tx, ref)
    URLS.delete(tx, ref.scope, url)
    wide = ref.scope.environment_wide()
    row = URL_IDS.open(tx, wide, url.url_id)
    if row is not None:
        URL_IDS.delete(tx, wide, row)


@operation("ListFunctionUrlConfigs")
def list_function_url_configs(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    ref = parse_reference(ctx.scope, req["FunctionName"])
    _check_function(tx, ref)
    after = find_position(req["Marker"]) if req.get("Marker") else None
    rows = URLS.scan(tx, ref.scope, ref.name, after=after)
    page, token = take_page(rows, min(req.get("MaxItems", _PAGE), _PAGE), lambda row: row.qualifier)
    shown = [render_url(ctx, Reference(ref.scope, ref.name, row.qualifier), row) for row in page]
    return {"FunctionUrlConfigs": shown} | ({"NextMarker": token} if token else {})


def _check_function(tx: Transaction, ref: Reference) -> None:
    """The function, and the alias where one is named."""
    alias_is_missing = ref.qualifier and ALIASES.get(tx, ref.scope, ref.name, ref.qualifier) is None
    if FUNCTIONS.get(tx, ref.scope, ref.name) is None or alias_is_missing:
        raise errors.not_found("Function does not exist")


def _require(tx: Transaction, ref: Reference) -> Url:
    url = URLS.get(tx, ref.scope, ref.name, ref.qualifier)
    if url is None:
        raise errors.unknown_resource()
    return url


def render_url(ctx: Context, ref: Reference, url: Url) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "FunctionUrl": resource_url(ctx.endpoint, PLANE, url.url_id) + "/",
        "FunctionArn": function_arn(ref.scope, ref.name, ref.qualifier),
        "AuthType": url.auth_type,
        "CreationTime": render_time(url.created_at),
        "LastModifiedTime": render_time(url.modified_at),
        "InvokeMode": url.invoke_mode,
    }
    if url.cors is not None:
        shown["Cors"] = url.cors
    return shown
