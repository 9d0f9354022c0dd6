"""Replicas in other regions: made with the primary's values, kept in step with it, removed, or made independent.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/replicate-secrets.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.secretsmanager import errors, secrets
from mrak.services.secretsmanager.tables import SECRETS, VERSIONS, Replica, Secret


def add(tx: Transaction, home: Scope, secret: Secret, wanted: list[dict[str, Any]], *, force: bool) -> Secret:
    """Makes replicas of an open secret; a region that has a secret of the name fails, unless it may be overwritten."""
    replicas = dict(secret.replicas)
    for asked in wanted:
        region = asked["Region"]
        if region == home.region:
            raise errors.invalid_parameter("Invalid replica region.")
        there = Scope(home.environment, home.account, region)
        failure = _copy(tx, home, there, secret, asked, force=force)
        replicas[region] = Replica(key_id=asked.get("KmsKeyId", ""), failure=failure)
    fresh = msgspec.structs.replace(secret, replicas=replicas)
    SECRETS.replace(tx, home, secret, fresh)
    return fresh


def _copy(tx: Transaction, home: Scope, there: Scope, secret: Secret, asked: dict[str, Any], *, force: bool) -> str:
    """Copies a secret with its values; says why where it does not."""
    old = SECRETS.open(tx, there, secret.name)
    if old is not None and not force:
        return f"Replication failed: Secret name {secret.name} already exists in region {there.region}."
    VERSIONS.lock(tx, there, secret.name)
    blank = msgspec.structs.replace(secret, key_id=asked.get("KmsKeyId", ""), accessed_at=0.0)
    copy = secrets.replica_of(home, secret, blank)
    if old is not None:
        VERSIONS.delete_all(tx, there, secret.name)
        SECRETS.replace(tx, there, old, copy)
    else:
        SECRETS.insert(tx, there, copy)
    for version in list(VERSIONS.scan(tx, home, secret.name)):
        VERSIONS.insert(tx, there, msgspec.structs.replace(version, accessed_at=0.0))
    return ""


@operation("ReplicateSecretToRegions")
def replicate_secret_to_regions(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    home, secret = secrets.require_primary(tx, ctx.scope, req["SecretId"])
    SECRETS.lock(tx, home, secret.name)
    force = req.get("ForceOverwriteReplicaSecret", False)
    fresh = add(tx, home, secret, req["AddReplicaRegions"], force=force)
    return {"ARN": secrets.secret_arn(home, fresh), "ReplicationStatus": secrets.render_replicas(fresh)}


@operation("RemoveRegionsFromReplication")
def remove_regions_from_replication(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    home, secret = secrets.require_primary(tx, ctx.scope, req["SecretId"])
    gone = set(req["RemoveReplicaRegions"])
    SECRETS.lock(tx, home, secret.name)
    for there in secrets.replica_scopes(home, secret):
        copy = SECRETS.open(tx, there, secret.name) if there.region in gone else None
        if copy is not None:
            VERSIONS.lock(tx, there, secret.name)
            SECRETS.delete(tx, there, copy)
            VERSIONS.delete_all(tx, there, secret.name)
    fresh = _without(secret, gone)
    SECRETS.replace(tx, home, secret, fresh)
    return {"ARN": secrets.secret_arn(home, fresh), "ReplicationStatus": secrets.render_replicas(fresh)}


def _without(secret: Secret, gone: set[str]) -> Secret:
    kept = {region: replica for region, replica in secret.replicas.items() if region not in gone}
    return msgspec.structs.replace(secret, replicas=kept)


@operation("StopReplicationToReplica")
def stop_replication_to_replica(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """A replica becomes a secret of its own; asked in the replica's region."""
    home, copy = secrets.require(tx, ctx.scope, req["SecretId"])
    if not copy.primary_region:
        raise errors.invalid_parameter("The secret is not a replica.")
    there = Scope(home.environment, home.account, copy.primary_region)
    SECRETS.lock(tx, home, copy.name)
    primary = SECRETS.open(tx, there, copy.name)
    if primary is not None:
        SECRETS.replace(tx, there, primary, _without(primary, {home.region}))
    SECRETS.replace(tx, home, copy, msgspec.structs.replace(copy, primary_region="", rotation=None))
    return {"ARN": secrets.secret_arn(home, copy)}
