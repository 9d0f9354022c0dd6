"""Imported key material: wrapping keys, unwrapping, deletion and expiry.

A wrapping key is a row for the 24 hours in which its import token is good; expired ones go when the next is made.
https://docs.aws.amazon.com/kms/latest/developerguide/importing-keys.html
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from mrak.core.background import Timer
from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.kms import crypto, errors, keys, wrapping
from mrak.services.kms.tables import IMPORTS, KEYS, Import, Key

EXPIRE = "kms.expire"
_TOKEN_SECONDS = 86_400.0
_TOKEN_BYTES = 32


def _require_external(ctx: Context, tx: Transaction, key_id: str) -> tuple[Scope, Key]:
    scope, key = keys.require(ctx, tx, key_id, aliases=False)
    if key.origin != "EXTERNAL":
        raise errors.wrong_origin(keys.key_arn(scope, key.key_id), key.origin)
    keys.check_not_deleted(scope, key)
    return scope, key


@operation("GetParametersForImport")
async def get_parameters_for_import(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    scope, key = await ctx.transact(lambda tx: _require_external(ctx, tx, req["KeyId"]))
    algorithm, spec = req["WrappingAlgorithm"], req["WrappingKeySpec"]
    if algorithm not in wrapping.ALGORITHMS or not spec.startswith("RSA_"):
        raise errors.unsupported("")
    private, public = crypto.pair_bytes(await asyncio.to_thread(crypto.new_private_key, spec))
    token = ctx.draw.bytes(_TOKEN_BYTES)
    row = Import(
        key_id=key.key_id,
        token=token.hex(),
        algorithm=algorithm,
        private=private,
        valid_to=ctx.now + _TOKEN_SECONDS,
    )
    await ctx.transact(lambda tx: _keep(ctx, tx, scope, row))
    return {
        "KeyId": keys.key_arn(scope, key.key_id),
        "ImportToken": token,
        "PublicKey": public,
        "ParametersValidTo": row.valid_to,
    }


def _keep(ctx: Context, tx: Transaction, scope: Scope, fresh: Import) -> None:
    for old in list(IMPORTS.scan(tx, scope, fresh.key_id)):
        if old.valid_to <= ctx.now:
            IMPORTS.lock(tx, scope, old.key_id, old.token)
            IMPORTS.delete(tx, scope, old)
    IMPORTS.lock(tx, scope, fresh.key_id, fresh.token)
    IMPORTS.insert(tx, scope, fresh)


@operation("ImportKeyMaterial")
def import_key_material(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, key = _require_external(ctx, tx, req["KeyId"])
    valid_to = _valid_to(ctx, req)
    row = IMPORTS.get(tx, scope, key.key_id, req["ImportToken"].hex())
    if row is None:
        raise errors.invalid_import_token()
    if row.valid_to <= ctx.now:
        raise errors.expired_import_token()
    material = wrapping.unwrap(row.private, row.algorithm, req["EncryptedKeyMaterial"])
    crypto.check_material(key.spec, material)
    material_id = keys.material_id(key.key_id, material)
    by_default = "EXISTING_KEY_MATERIAL" if key.material_ids else "NEW_KEY_MATERIAL"
    changes = _placed(scope, key, material, is_new=req.get("ImportType", by_default) == "NEW_KEY_MATERIAL")
    KEYS.lock(tx, scope, key.key_id)
    fresh = msgspec.structs.replace(key, valid_to=valid_to, **changes)
    if key.state == "PendingImport" and all(fresh.materials):
        fresh = msgspec.structs.replace(fresh, state="Enabled")
    KEYS.replace(tx, scope, key, fresh)
    if valid_to:
        tx.at(Timer(kind=EXPIRE, key=key.key_id, due_at=valid_to, scope=scope))
    answer = {"KeyId": keys.key_arn(scope, key.key_id)}
    return answer | {"KeyMaterialId": material_id} if key.spec == crypto.SYMMETRIC else answer


def _valid_to(ctx: Context, req: dict[str, Any]) -> float:
    """When the material expires; 0 for never. AWS's default is that it does."""
    if req.get("ExpirationModel", "KEY_MATERIAL_EXPIRES") == "KEY_MATERIAL_DOES_NOT_EXPIRE":
        return 0.0
    if "ValidTo" not in req:
        raise errors.expiry_missing()
    valid_to = float(req["ValidTo"])
    if not ctx.now < valid_to <= ctx.now + 365 * 86_400.0:
        raise errors.validation("ValidTo must be in the future, and at most 365 days from now.")
    return valid_to


def _placed(scope: Scope, key: Key, material: bytes, *, is_new: bool) -> dict[str, Any]:
    """The members of the key that change when it gets the material."""
    material_id = keys.material_id(key.key_id, material)
    if material_id in key.material_ids:
        materials = list(key.materials)
        materials[key.material_ids.index(material_id)] = material
        return {"materials": materials}
    if not key.material_ids:
        return {"materials": [material], "material_ids": [material_id]}
    if not is_new or key.spec != crypto.SYMMETRIC:
        raise errors.incorrect_key_material()
    if key.pending and key.pending != material:
        pending = keys.material_id(key.key_id, key.pending)
        raise errors.material_pending(keys.key_arn(scope, key.key_id), material_id, pending)
    return {"pending": material}


@operation("DeleteImportedKeyMaterial")
def delete_imported_key_material(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, key = _require_external(ctx, tx, req["KeyId"])
    named = req.get("KeyMaterialId")
    answer = {"KeyId": keys.key_arn(scope, key.key_id)}
    KEYS.lock(tx, scope, key.key_id)
    if named is not None and key.pending and named == keys.material_id(key.key_id, key.pending):
        KEYS.replace(tx, scope, key, msgspec.structs.replace(key, pending=b""))
        return answer | {"KeyMaterialId": named}
    if named is not None and named not in key.material_ids:
        raise errors.incorrect_key_material()
    if not key.material_ids:
        return answer
    gone = named or key.material_ids[-1]
    KEYS.replace(tx, scope, key, without_material(key, key.material_ids.index(gone)))
    return answer | {"KeyMaterialId": gone} if key.spec == crypto.SYMMETRIC else answer


def without_material(key: Key, at: int) -> Key:
    materials = list(key.materials)
    materials[at] = b""
    return msgspec.structs.replace(key, materials=materials, state="PendingImport", valid_to=0.0)
