"""Virtual MFA devices: made with a seed, and enabled for a user by two codes in a row.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa_enable_virtual.html
"""

from __future__ import annotations

import base64
import io
from typing import Any
from urllib.parse import quote

import msgspec

from mrak.auth import totp
from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.iam import entities, errors, names, tagging, users
from mrak.services.iam.entities import USER
from mrak.services.iam.tables import DEVICES_BY_USER, MFA_DEVICES, USERS, MfaDevice, User
from mrak.services.iam.users import name_or_caller

_SEED_BYTES = 40
_MOST_DEVICES = 8


@operation("CreateVirtualMFADevice")
def create_virtual_mfa_device(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name, wide = req["VirtualMFADeviceName"], ctx.scope.account_wide()
    serial = names.arn_of(ctx.scope, "mfa", names.check_path(req.get("Path", "/")), name)
    if MFA_DEVICES.open(tx, wide, serial) is not None:
        raise errors.exists("MFA device already exists.")
    seed = ctx.draw.bytes(_SEED_BYTES)
    device = MfaDevice(serial=serial, seed=seed, created_at=ctx.now, tags=names.parse_tags(req.get("Tags", [])))
    MFA_DEVICES.insert(tx, wide, device)
    text = base64.b32encode(seed).decode()
    shown = {"SerialNumber": serial, "Base32StringSeed": text.encode(), "QRCodePNG": _qr_code(ctx.scope, name, text)}
    return {"VirtualMFADevice": shown | tagging.rendered(device)}


def _qr_code(scope: Scope, name: str, seed: str) -> bytes:
    """The picture that authenticator applications take."""
    import segno

    label = quote(f"Amazon Web Services:{name}@{scope.account}")
    out = io.BytesIO()
    segno.make(f"otpauth://totp/{label}?secret={seed}&issuer=Amazon%20Web%20Services").save(out, kind="png", scale=4)
    return out.getvalue()


@operation("DeleteVirtualMFADevice")
def delete_virtual_mfa_device(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    device = _open(ctx, tx, req["SerialNumber"])
    if device.user is not None:
        raise errors.conflict("MFA VirtualDevice in use. Must deactivate first.")
    MFA_DEVICES.delete(tx, ctx.scope.account_wide(), device)


@operation("ListVirtualMFADevices")
def list_virtual_mfa_devices(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    wanted = {"Assigned": (True,), "Unassigned": (False,)}.get(req.get("AssignmentStatus", "Any"), (True, False))
    rows = MFA_DEVICES.scan(tx, ctx.scope.account_wide(), after=names.marker_position(req))
    chosen = (row for row in rows if (row.user is not None) in wanted)

    def show(row: MfaDevice) -> dict[str, Any]:
        return {"SerialNumber": row.serial} | _assignment(tx, ctx.scope, row)

    return names.page_of(req, "VirtualMFADevices", chosen, lambda row: row.serial, show)


def _assignment(tx: Transaction, scope: Scope, device: MfaDevice) -> dict[str, Any]:
    user = None if device.user is None else USERS.get(tx, scope.account_wide(), device.user)
    return {} if user is None else {"EnableDate": device.enabled_at, "User": users.render(scope, user)}


@operation("EnableMFADevice")
def enable_mfa_device(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    user = entities.require(tx, ctx.scope, USER, req["UserName"])
    device = _open(ctx, tx, req["SerialNumber"])
    if device.user is not None:
        raise errors.exists("MFA Device is already in use.")
    if DEVICES_BY_USER.count(tx, ctx.scope.account_wide(), user.key) >= _MOST_DEVICES:
        raise errors.quota("MfaDevicesPerUser", _MOST_DEVICES)
    _check_codes(ctx, device, req)
    changed = msgspec.structs.replace(device, user=user.key, enabled_at=ctx.now)
    MFA_DEVICES.replace(tx, ctx.scope.account_wide(), device, changed)


def _check_codes(ctx: Context, device: MfaDevice, req: dict[str, Any]) -> None:
    """Two codes in a row, the later one of now or of a step beside it."""
    first, second = req["AuthenticationCode1"], req["AuthenticationCode2"]
    present = totp.step_at(ctx.now)
    for step in (present, present - 1, present + 1):
        if totp.is_code(device.seed, step - 1, first) and totp.is_code(device.seed, step, second):
            return
    raise errors.invalid_code()


@operation("ResyncMFADevice")
def resync_mfa_device(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    """Codes here go by the clock alone, so that there is nothing to bring in step once they are right."""
    entities.require(tx, ctx.scope, USER, req["UserName"])
    _check_codes(ctx, _require_of(ctx, tx, req), req)


@operation("DeactivateMFADevice")
def deactivate_mfa_device(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    entities.require(tx, ctx.scope, USER, name_or_caller(ctx, req))
    MFA_DEVICES.lock(tx, ctx.scope.account_wide(), req["SerialNumber"])
    device = _require_of(ctx, tx, req)
    changed = msgspec.structs.replace(device, user=None, enabled_at=0.0)
    MFA_DEVICES.replace(tx, ctx.scope.account_wide(), device, changed)


@operation("ListMFADevices")
def list_mfa_devices(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    if "UserName" not in req and ":user/" not in ctx.principal.arn:
        return {"MFADevices": [], "IsTruncated": False}
    user = entities.require(tx, ctx.scope, USER, name_or_caller(ctx, req))
    rows = DEVICES_BY_USER.scan(tx, ctx.scope.account_wide(), user.key)
    shown = [_render(user, row) for row in rows]
    return names.page_of_names(req, "MFADevices", shown, lambda row: row["SerialNumber"])


@operation("GetMFADevice")
def get_mfa_device(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    if "UserName" in req:
        user = entities.require(tx, ctx.scope, USER, req["UserName"])
        return _render(user, _require_of(ctx, tx, req))
    device = _require(ctx, tx, req["SerialNumber"])
    owner = None if device.user is None else USERS.get(tx, ctx.scope.account_wide(), device.user)
    return {"SerialNumber": device.serial} if owner is None else _render(owner, device)


def _render(user: User, device: MfaDevice) -> dict[str, Any]:
    return {"UserName": user.name, "SerialNumber": device.serial, "EnableDate": device.enabled_at}


@operation("TagMFADevice")
def tag_mfa_device(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    tagging.tag(tx, ctx.scope, MFA_DEVICES, _open(ctx, tx, req["SerialNumber"]), req)


@operation("UntagMFADevice")
def untag_mfa_device(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    tagging.untag(tx, ctx.scope, MFA_DEVICES, _open(ctx, tx, req["SerialNumber"]), req)


@operation("ListMFADeviceTags")
def list_mfa_device_tags(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return tagging.list_tags(_require(ctx, tx, req["SerialNumber"]), req)


def _require(ctx: Context, tx: Transaction, serial: str) -> MfaDevice:
    found = MFA_DEVICES.get(tx, ctx.scope.account_wide(), serial)
    if found is None:
        raise errors.no_such_entity(f"MFA Device with serial number {serial} does not exist.")
    return found


def _open(ctx: Context, tx: Transaction, serial: str) -> MfaDevice:
    MFA_DEVICES.lock(tx, ctx.scope.account_wide(), serial)
    return _require(ctx, tx, serial)


def _require_of(ctx: Context, tx: Transaction, req: dict[str, Any]) -> MfaDevice:
    """A device that is the user's."""
    device = _require(ctx, tx, req["SerialNumber"])
    if device.user != name_or_caller(ctx, req).lower():
        raise errors.no_such_entity(f"MFA Device with serial number {device.serial} does not exist.")
    return device
