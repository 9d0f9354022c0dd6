"""Operations on remembered devices: a user's own, and an administrator's.

https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_ConfirmDevice.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.page import take_page
from mrak.services.cognito_idp import devices, errors, parts, pools, tokens, users
from mrak.services.cognito_idp.pools import Target
from mrak.services.cognito_idp.tables import DEVICES, Client, User


def _tracking(target: Target) -> Target:
    if devices.settings_of(target.pool) is None:
        raise errors.pool_configuration("Device tracking is not enabled for the user pool.")
    return target


async def _own(ctx: Context, req: dict[str, Any]) -> tuple[Target, User]:
    if "AccessToken" not in req:
        raise errors.missing("AccessToken")
    bearer = await tokens.require_bearer(ctx, req["AccessToken"])
    return _tracking(bearer.target), bearer.user


def _named(ctx: Context, tx: Transaction, req: dict[str, Any]) -> tuple[Target, User]:
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    nobody = Client(pool=pool.id, id="", name="", created_at=0.0, modified_at=0.0)
    user = users.require(tx, ctx.scope, pool, req["Username"])
    return _tracking(Target(ctx.scope, pool, nobody)), user


@operation("ConfirmDevice")
async def confirm_device(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bearer = await tokens.require_bearer(ctx, req["AccessToken"])
    target = _tracking(bearer.target)
    if bearer.claims.get("device_key") != req["DeviceKey"]:
        raise errors.invalid("Invalid device key given.")
    asks = await ctx.transact(lambda tx: devices.confirm(ctx, tx, target, bearer.user, req))
    return {"UserConfirmationNecessary": asks}


@operation("GetDevice")
async def get_device(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    target, user = await _own(ctx, req)
    return await ctx.transact(lambda tx: _get(tx, target, user, req))


@operation("AdminGetDevice")
def admin_get_device(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _get(tx, *_named(ctx, tx, req), req)


def _get(tx: Transaction, target: Target, user: User, req: dict[str, Any]) -> dict[str, Any]:
    return {"Device": devices.render(devices.require(tx, target, user.username, req["DeviceKey"]))}


@operation("ListDevices")
async def list_devices(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    target, user = await _own(ctx, req)
    return await ctx.transact(lambda tx: _list(tx, target, user, req))


@operation("AdminListDevices")
def admin_list_devices(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _list(tx, *_named(ctx, tx, req), req)


def _list(tx: Transaction, target: Target, user: User, req: dict[str, Any]) -> dict[str, Any]:
    after = parts.position(req.get("PaginationToken"))
    rows = DEVICES.scan(tx, target.scope, user.pool, user.username, after=after)
    page, token = take_page(rows, req.get("Limit") or 60, lambda row: row.key)
    return {"Devices": [devices.render(row) for row in page]} | ({"PaginationToken": token} if token else {})


@operation("UpdateDeviceStatus")
async def update_device_status(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    target, user = await _own(ctx, req)
    return await ctx.transact(lambda tx: _update(ctx, tx, target, user, req))


@operation("AdminUpdateDeviceStatus")
def admin_update_device_status(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    target, user = _named(ctx, tx, req)
    return _update(ctx, tx, target, user, req)


def _update(ctx: Context, tx: Transaction, target: Target, user: User, req: dict[str, Any]) -> dict[str, Any]:
    device = devices.require(tx, target, user.username, req["DeviceKey"])
    status = req.get("DeviceRememberedStatus", device.status)
    DEVICES.replace(tx, target.scope, device, msgspec.structs.replace(device, status=status, modified_at=ctx.now))
    return {}


@operation("ForgetDevice")
async def forget_device(ctx: Context, req: dict[str, Any]) -> None:
    target, user = await _own(ctx, req)
    await ctx.transact(lambda tx: _forget(tx, target, user, req))


@operation("AdminForgetDevice")
def admin_forget_device(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _forget(tx, *_named(ctx, tx, req), req)


def _forget(tx: Transaction, target: Target, user: User, req: dict[str, Any]) -> None:
    DEVICES.delete(tx, target.scope, devices.require(tx, target, user.username, req["DeviceKey"]))
