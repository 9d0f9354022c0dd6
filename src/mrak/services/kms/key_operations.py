"""Keys, aliases, policies and tags.

https://docs.aws.amazon.com/kms/latest/APIReference/
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

import msgspec

from mrak.core.background import Timer
from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.page import take_page
from mrak.core.scope import Scope
from mrak.services.kms import crypto, errors, keys, regions, rotation
from mrak.services.kms.tables import ALIASES, KEYS, OF_KEY, Alias, Key

DAY_SECONDS = 86_400.0
_ALIAS = re.compile(r"alias/[a-zA-Z0-9/_-]+")
_ALIAS_HELP = "Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html"


@operation("CreateKey")
async def create_key(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    """Key pairs take a while to make, so that happens beside the event loop."""
    spec = req.get("KeySpec") or req.get("CustomerMasterKeySpec") or crypto.SYMMETRIC
    origin = req.get("Origin", "AWS_KMS")
    if origin not in ("AWS_KMS", "EXTERNAL") or spec not in crypto.SPECS:
        raise errors.unsupported(
            f"mrak makes keys of the specs {', '.join(crypto.SPECS)} with the origins AWS_KMS and EXTERNAL."
        )
    allowed = crypto.usages(spec)
    if "KeyUsage" not in req and spec not in (crypto.SYMMETRIC,):
        raise errors.validation(
            "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys."
        )
    usage = req.get("KeyUsage", allowed[0])
    if usage not in allowed:
        raise errors.validation(f"KeyUsage {usage} is not compatible with KeySpec {spec}")
    tags = keys.check_tags(req.get("Tags", []))
    materials = [await _new_material(ctx, spec)] if origin == "AWS_KMS" else []
    key_id = f"mrk-{ctx.draw.hex(32)}" if req.get("MultiRegion") else ctx.draw.uuid()
    key = Key(
        key_id=key_id,
        spec=spec,
        usage=usage,
        created_at=ctx.now,
        materials=materials,
        description=req.get("Description", ""),
        policy=req.get("Policy", ""),
        tags=tags,
        multi_region=req.get("MultiRegion", False),
        origin=origin,
        state="Enabled" if materials else "PendingImport",
    )
    await ctx.transact(lambda tx: KEYS.append(tx, ctx.scope, key))
    return {"KeyMetadata": keys.render(ctx.scope, key)}


async def _new_material(ctx: Context, spec: str) -> bytes:
    if spec.startswith(("RSA", "ECC")):
        return await asyncio.to_thread(crypto.new_material, spec, ctx.draw.bytes)
    return crypto.new_material(spec, ctx.draw.bytes)


@operation("DescribeKey")
def describe_key(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"KeyMetadata": keys.render(*keys.require(ctx, tx, req["KeyId"]))}


@operation("ListKeys")
def list_keys(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    rows = KEYS.scan(tx, ctx.scope, after=keys.position(req))
    page, token = take_page(rows, req.get("Limit", 100), lambda row: row.key_id)
    shown = [{"KeyId": row.key_id, "KeyArn": keys.key_arn(ctx.scope, row.key_id)} for row in page]
    return keys.paged("Keys", shown, token)


@operation("EnableKey")
def enable_key(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    scope, key = _switch(ctx, tx, req, "Enabled")
    rotation.catch_up(ctx, tx, scope, key)


@operation("DisableKey")
def disable_key(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _switch(ctx, tx, req, "Disabled")


def _switch(ctx: Context, tx: Transaction, req: dict[str, Any], state: str) -> tuple[Scope, Key]:
    """A key without its material stays what it is."""
    scope, key = keys.require(ctx, tx, req["KeyId"], aliases=False)
    if key.state == "PendingImport":
        keys.check_enabled(scope, key)
    return _change(ctx, tx, req, state=state)


@operation("UpdateKeyDescription")
def update_key_description(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _change(ctx, tx, req, description=req["Description"])


def _change(ctx: Context, tx: Transaction, req: dict[str, Any], **changes: Any) -> tuple[Scope, Key]:
    scope, key = keys.require(ctx, tx, req["KeyId"], aliases=False)
    keys.check_not_deleted(scope, key)
    KEYS.lock(tx, scope, key.key_id)
    changed = msgspec.structs.replace(key, **changes)
    KEYS.replace(tx, scope, key, changed)
    return scope, changed


@operation("ScheduleKeyDeletion")
def schedule_key_deletion(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    days = req.get("PendingWindowInDays", 30)
    if not 7 <= days <= 30:
        raise errors.validation(
            f"1 validation error detected: Value '{days}' at 'pendingWindowInDays' failed to satisfy constraint: "
            f"Member must have value {'greater than or equal to 7' if days < 7 else 'less than or equal to 30'}"
        )
    scope, key = keys.require(ctx, tx, req["KeyId"], aliases=False)
    keys.check_not_deleted(scope, key)
    answer = {"KeyId": keys.key_arn(scope, key.key_id), "PendingWindowInDays": days}
    KEYS.lock(tx, scope, key.key_id)
    if regions.is_primary(scope, key) and key.replica_regions:
        waiting = msgspec.structs.replace(key, state="PendingReplicaDeletion", waits_days=days)
        KEYS.replace(tx, scope, key, waiting)
        return answer | {"KeyState": waiting.state}
    doomed = regions.wait_for_deletion(tx, scope, key, ctx.now + days * DAY_SECONDS)
    return answer | {"KeyState": doomed.state, "DeletionDate": doomed.delete_at}


@operation("CancelKeyDeletion")
def cancel_key_deletion(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, key = keys.require(ctx, tx, req["KeyId"], aliases=False)
    if key.state not in ("PendingDeletion", "PendingReplicaDeletion"):
        raise errors.invalid_state(keys.key_arn(scope, key.key_id), "not pending deletion")
    if key.delete_at:
        tx.cancel(Timer(kind=regions.PURGE, key=key.key_id, due_at=key.delete_at, scope=scope))
    KEYS.lock(tx, scope, key.key_id)
    KEYS.replace(tx, scope, key, msgspec.structs.replace(key, state="Disabled", delete_at=0.0, waits_days=0))
    return {"KeyId": keys.key_arn(scope, key.key_id)}


@operation("CreateAlias")
def create_alias(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    name = req["AliasName"]
    _check_alias(name)
    scope, key = _require_target(ctx, tx, req)
    keys.check_not_deleted(scope, key)
    if ALIASES.open(tx, ctx.scope, name) is not None:
        raise errors.alias_exists(keys.alias_arn(ctx.scope, name))
    fresh = Alias(name=name, key_id=key.key_id, created_at=ctx.now, changed_at=ctx.now)
    ALIASES.insert(tx, ctx.scope, fresh)


def _require_target(ctx: Context, tx: Transaction, req: dict[str, Any]) -> tuple[Scope, Key]:
    if req["TargetKeyId"].startswith("alias/"):
        raise errors.validation("Aliases must refer to keys. Not aliases")
    return keys.require(ctx, tx, req["TargetKeyId"], aliases=False)


def _check_alias(name: str) -> None:
    if not name.startswith("alias/"):
        raise errors.invalid_alias_name(f'Alias must start with the prefix "alias/". {_ALIAS_HELP}')
    if name.startswith("alias/aws/"):
        raise errors.reserved_alias()
    if not _ALIAS.fullmatch(name):
        raise errors.invalid_alias_name(f"Alias contains invalid characters. {_ALIAS_HELP}")


@operation("UpdateAlias")
def update_alias(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    alias = _require_alias(ctx, tx, req["AliasName"])
    _, key = _require_target(ctx, tx, req)
    ALIASES.lock(tx, ctx.scope, alias.name)
    ALIASES.replace(tx, ctx.scope, alias, msgspec.structs.replace(alias, key_id=key.key_id, changed_at=ctx.now))


@operation("DeleteAlias")
def delete_alias(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    alias = _require_alias(ctx, tx, req["AliasName"])
    ALIASES.lock(tx, ctx.scope, alias.name)
    ALIASES.delete(tx, ctx.scope, alias)


def _require_alias(ctx: Context, tx: Transaction, name: str) -> Alias:
    alias = ALIASES.get(tx, ctx.scope, name)
    if alias is None:
        raise errors.alias_not_found(keys.alias_arn(ctx.scope, name))
    return alias


@operation("ListAliases")
def list_aliases(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    after = keys.position(req)
    if "KeyId" in req:
        scope, key = keys.require(ctx, tx, req["KeyId"], aliases=False)
        rows = (row for row in OF_KEY.scan(tx, scope, key.key_id) if after is None or row.name > after)
    else:
        rows = (row for row in ALIASES.scan(tx, ctx.scope, after=after))
    page, token = take_page(rows, req.get("Limit", 50), lambda row: row.name)
    return keys.paged("Aliases", [_render_alias(ctx, row) for row in page], token)


def _render_alias(ctx: Context, alias: Alias) -> dict[str, Any]:
    return {
        "AliasName": alias.name,
        "AliasArn": keys.alias_arn(ctx.scope, alias.name),
        "TargetKeyId": alias.key_id,
        "CreationDate": alias.created_at,
        "LastUpdatedDate": alias.changed_at,
    }


@operation("PutKeyPolicy")
def put_key_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    try:
        msgspec.json.decode(req["Policy"], type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        raise errors.malformed_policy() from None
    _change(ctx, tx, req, policy=req["Policy"])


@operation("GetKeyPolicy")
def get_key_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, key = keys.require(ctx, tx, req["KeyId"], aliases=False)
    return {"Policy": keys.policy_of(scope, key), "PolicyName": "default"}


@operation("ListKeyPolicies")
def list_key_policies(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    keys.require(ctx, tx, req["KeyId"], aliases=False)
    return {"PolicyNames": ["default"], "Truncated": False}


@operation("TagResource")
def tag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _, key = keys.require(ctx, tx, req["KeyId"], aliases=False)
    tags = key.tags | keys.check_tags(req["Tags"])
    if len(tags) > keys.MOST_TAGS:
        raise errors.tag("Too many tags")
    _change(ctx, tx, req, tags=tags)


@operation("UntagResource")
def untag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _, key = keys.require(ctx, tx, req["KeyId"], aliases=False)
    _change(ctx, tx, req, tags={name: value for name, value in key.tags.items() if name not in req["TagKeys"]})


@operation("ListResourceTags")
def list_resource_tags(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    _, key = keys.require(ctx, tx, req["KeyId"], aliases=False)
    tags = sorted(key.tags.items())
    after = keys.position(req)
    rows = [row for row in tags if after is None or row[0] > after]
    page, token = take_page(rows, req.get("Limit", 50), lambda row: row[0])
    return keys.paged("Tags", [{"TagKey": name, "TagValue": value} for name, value in page], token)
