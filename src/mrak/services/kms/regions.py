"""Multi-region keys: one key in several regions, with one id and the same materials. Each region has its own row; what
they share (materials, rotation, which regions there are) is written into all of them in one transaction.

https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-overview.html
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from mrak.core.background import Timer
from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.kms import errors, keys
from mrak.services.kms.tables import KEYS, Key

PURGE = "kms.purge"
_REGION = re.compile(r"[a-z]{2}(-gov)?-(central|(north|south)?(east|west)|north|south)-[0-9]")


def is_primary(scope: Scope, key: Key) -> bool:
    return key.multi_region and key.primary_region in ("", scope.region)


def others(scope: Scope, key: Key) -> list[Scope]:
    """The scopes of the key's rows in other regions."""
    if not key.multi_region:
        return []
    everywhere = {key.primary_region or scope.region, *key.replica_regions}
    return [Scope(scope.environment, scope.account, name) for name in sorted(everywhere - {scope.region})]


def share(tx: Transaction, scope: Scope, key: Key, **changes: Any) -> Key:
    """Changes a locked key and all its relatives alike; the key as it is now."""
    fresh = msgspec.structs.replace(key, **changes)
    KEYS.replace(tx, scope, key, fresh)
    for there in others(scope, key):
        relative = KEYS.open(tx, there, key.key_id)
        if relative is not None:
            KEYS.replace(tx, there, relative, msgspec.structs.replace(relative, **changes))
    return fresh


def wait_for_deletion(tx: Transaction, scope: Scope, key: Key, delete_at: float) -> Key:
    """Lets a locked key wait for its deletion."""
    doomed = msgspec.structs.replace(key, state="PendingDeletion", delete_at=delete_at, waits_days=0)
    KEYS.replace(tx, scope, key, doomed)
    tx.at(Timer(kind=PURGE, key=key.key_id, due_at=delete_at, scope=scope))
    return doomed


def _check_region(scope: Scope, there: Scope) -> None:
    if there.region == scope.region:
        raise errors.validation(f"{there.region} cannot have a replica because it contains the primary.")
    if not _REGION.fullmatch(there.region):
        raise errors.no_region(there.region)
    if there.partition != scope.partition:
        raise errors.validation("The replica key Region must be in the same AWS partition as the primary key Region.")


@operation("ReplicateKey")
def replicate_key(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, key = keys.require(ctx, tx, req["KeyId"], aliases=False)
    if not is_primary(scope, key):
        raise errors.not_primary(keys.key_arn(scope, key.key_id))
    keys.check_enabled(scope, key)
    there = scope.in_region(req["ReplicaRegion"])
    _check_region(scope, there)
    if KEYS.open(tx, there, key.key_id) is not None:
        raise errors.replica_exists()
    tags = keys.check_tags(req.get("Tags", []))
    KEYS.lock(tx, scope, key.key_id)
    regions = sorted([*key.replica_regions, there.region])
    key = share(tx, scope, key, primary_region=scope.region, replica_regions=regions)
    replica = msgspec.structs.replace(
        key,
        created_at=ctx.now,
        description=req.get("Description", ""),
        policy=req.get("Policy", ""),
        tags=tags,
        state="Enabled" if key.origin == "AWS_KMS" else "PendingImport",
        materials=key.materials if key.origin == "AWS_KMS" else [b"" for _ in key.materials],
    )
    KEYS.insert(tx, there, replica)
    shown = keys.render(there, replica) | {"KeyState": "Creating", "Enabled": False}
    shown.pop("CurrentKeyMaterialId", None)
    answer: dict[str, Any] = {"ReplicaKeyMetadata": shown, "ReplicaPolicy": keys.policy_of(there, replica)}
    if tags:
        answer["ReplicaTags"] = [{"TagKey": name, "TagValue": value} for name, value in tags.items()]
    return answer


@operation("UpdatePrimaryRegion")
def update_primary_region(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    """A replica and its primary change places, both of them enabled."""
    scope, key = keys.require(ctx, tx, req["KeyId"], aliases=False)
    if not is_primary(scope, key):
        raise errors.primary_there(keys.key_arn(scope, key.key_id))
    keys.check_enabled(scope, key)
    fresh = req["PrimaryRegion"]
    if fresh == scope.region:
        return
    there = scope.in_region(fresh)
    replica = KEYS.open(tx, there, key.key_id)
    if fresh not in key.replica_regions or replica is None:
        raise errors.no_replica_there(key.key_id)
    keys.check_enabled(there, replica)
    KEYS.lock(tx, scope, key.key_id)
    regions = sorted([scope.region, *(name for name in key.replica_regions if name != fresh)])
    share(tx, scope, key, primary_region=fresh, replica_regions=regions)


def forget(ctx: Context, tx: Transaction, scope: Scope, key: Key) -> None:
    """Removes a deleted key from its relatives; a primary that waited for its last replica begins its own wait."""
    for there in others(scope, key):
        relative = KEYS.open(tx, there, key.key_id)
        if relative is None:
            continue
        left = [name for name in relative.replica_regions if name != scope.region]
        changed = msgspec.structs.replace(relative, replica_regions=left)
        KEYS.replace(tx, there, relative, changed)
        if not left and changed.state == "PendingReplicaDeletion":
            wait_for_deletion(tx, there, changed, ctx.now + changed.waits_days * 86_400.0)
