"""Rotation of symmetric keys: on demand and, by a timer, automatic. New material becomes the current one; what earlier
material encrypted stays readable.

https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.background import Timer
from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.page import find_number, take_page
from mrak.core.scope import Scope
from mrak.services.kms import crypto, errors, keys, regions
from mrak.services.kms.tables import KEYS, Key

ROTATE = "kms.rotate"
_DAY_SECONDS = 86_400.0
_MOST_ON_DEMAND = 25
_USUAL_DAYS = 365
_AUTOMATIC, _ON_DEMAND = "AUTOMATIC", "ON_DEMAND"


@operation("EnableKeyRotation")
def enable_key_rotation(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    """Asking again for what is so already, or for no period at all, leaves the schedule as it is."""
    scope, key = _require_rotatable(ctx, tx, req)
    if key.origin != "AWS_KMS":
        raise errors.unsupported("")
    days = req.get("RotationPeriodInDays") or key.rotates_every_days or _USUAL_DAYS
    if days == key.rotates_every_days:
        return
    KEYS.lock(tx, scope, key.key_id)
    _unschedule(tx, scope, key)
    schedule(tx, scope, regions.share(tx, scope, key, rotates_every_days=days, rotated_at=ctx.now))


@operation("DisableKeyRotation")
def disable_key_rotation(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    """A key that never rotates takes it too."""
    scope, key = _require_primary(ctx, tx, req)
    KEYS.lock(tx, scope, key.key_id)
    _unschedule(tx, scope, key)
    regions.share(tx, scope, key, rotates_every_days=0)


def _require_rotatable(ctx: Context, tx: Transaction, req: dict[str, Any]) -> tuple[Scope, Key]:
    scope, key = _require_primary(ctx, tx, req)
    if key.spec != crypto.SYMMETRIC:
        raise errors.unsupported("")
    return scope, key


def _require_primary(ctx: Context, tx: Transaction, req: dict[str, Any]) -> tuple[Scope, Key]:
    scope, key = keys.require(ctx, tx, req["KeyId"], aliases=False)
    keys.check_enabled(scope, key)
    if key.multi_region and not regions.is_primary(scope, key):
        raise errors.on_replica(keys.key_arn(scope, key.key_id), ctx.operation)
    return scope, key


def next_rotation_at(key: Key) -> float:
    return key.rotated_at + key.rotates_every_days * _DAY_SECONDS


def schedule(tx: Transaction, scope: Scope, key: Key) -> None:
    """Sets the timer of the next automatic rotation."""
    tx.at(Timer(kind=ROTATE, key=key.key_id, due_at=next_rotation_at(key), scope=scope))


def _unschedule(tx: Transaction, scope: Scope, key: Key) -> None:
    if key.rotates_every_days:
        tx.cancel(Timer(kind=ROTATE, key=key.key_id, due_at=next_rotation_at(key), scope=scope))


def rotate_automatically(ctx: Context, tx: Transaction, scope: Scope, key: Key) -> None:
    """A rotation that is due, of an open key, and the timer of the next one. A disabled key waits until it is enabled
    again."""
    if key.state == "Enabled":
        _rotate(ctx, tx, scope, key, next_rotation_at(key))


def catch_up(ctx: Context, tx: Transaction, scope: Scope, key: Key) -> None:
    """Rotates an open key that is enabled again and missed its rotation meanwhile: once, whatever it missed."""
    is_copy = key.multi_region and not regions.is_primary(scope, key)
    if key.rotates_every_days and not is_copy and next_rotation_at(key) <= ctx.now:
        _rotate(ctx, tx, scope, key, ctx.now)


def _rotate(ctx: Context, tx: Transaction, scope: Scope, key: Key, at: float) -> None:
    fresh = regions.share(
        tx, scope, key,
        materials=[*key.materials, ctx.draw.bytes(32)],
        rotations=[*key.rotations, (at, _AUTOMATIC)],
        rotated_at=at,
    )  # fmt: skip
    schedule(tx, scope, fresh)


@operation("RotateKeyOnDemand")
def rotate_key_on_demand(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, key = _require_rotatable(ctx, tx, req)
    arn = keys.key_arn(scope, key.key_id)
    if sum(kind == _ON_DEMAND for _, kind in key.rotations) >= _MOST_ON_DEMAND:
        raise errors.too_many_rotations(arn)
    if key.origin == "EXTERNAL" and not key.pending:
        raise errors.nothing_to_rotate_to(arn)
    fresh = key.pending or ctx.draw.bytes(32)
    KEYS.lock(tx, scope, key.key_id)
    changes: dict[str, Any] = {
        "materials": [*key.materials, fresh],
        "rotations": [*key.rotations, (ctx.now, _ON_DEMAND)],
        "pending": b"",
    }
    if key.origin == "EXTERNAL":
        changes["material_ids"] = [*key.material_ids, keys.material_id(key.key_id, fresh)]
    regions.share(tx, scope, key, **changes)
    return {"KeyId": arn}


@operation("GetKeyRotationStatus")
def get_key_rotation_status(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, key = keys.require(ctx, tx, req["KeyId"], aliases=False)
    arn = keys.key_arn(scope, key.key_id)
    # A key that waits for its deletion keeps its schedule, and does not show it.
    rotates = key.rotates_every_days > 0 and not key.state.startswith("Pending")
    shown: dict[str, Any] = {"KeyRotationEnabled": rotates, "KeyId": arn}
    if rotates:
        shown["RotationPeriodInDays"] = key.rotates_every_days
        shown["NextRotationDate"] = next_rotation_at(key)
    return shown


@operation("ListKeyRotations")
def list_key_rotations(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, key = keys.require(ctx, tx, req["KeyId"], aliases=False)
    start = _start(req)
    every = req.get("IncludeKeyMaterial") == "ALL_KEY_MATERIAL"
    entries = _rotations(scope, key, every_material=every) if key.spec == crypto.SYMMETRIC else []
    rows = enumerate(entries[start:], start)
    page, token = take_page(rows, req.get("Limit", 100), lambda row: str(row[0]))
    return keys.paged("Rotations", [entry for _, entry in page], token)


def _start(req: dict[str, Any]) -> int:
    """The place of the first rotation of a page."""
    if "Marker" not in req:
        return 0
    after = find_number(req["Marker"])
    if after is None:
        raise errors.invalid_marker()
    return after + 1


def _rotations(scope: Scope, key: Key, *, every_material: bool) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = []
    arn = keys.key_arn(scope, key.key_id)
    for at, material_id in enumerate(keys.material_ids(key)):
        if at == 0 and not every_material:
            continue
        entry: dict[str, Any] = {"KeyId": arn, "KeyMaterialId": material_id}
        last = at == len(key.materials) - 1
        entry["KeyMaterialState"] = "CURRENT" if last else "NON_CURRENT"
        if at:
            entry["RotationDate"], entry["RotationType"] = key.rotations[at - 1]
        if key.origin == "EXTERNAL":
            entry["ImportState"] = "IMPORTED" if key.materials[at] else "PENDING_IMPORT"
        shown.append(entry)
    if key.pending and every_material:
        pending = keys.material_id(key.key_id, key.pending)
        fresh = {"KeyMaterialState": "PENDING_ROTATION", "ImportState": "IMPORTED"}
        shown.append({"KeyId": arn, "KeyMaterialId": pending} | fresh)
    return shown
