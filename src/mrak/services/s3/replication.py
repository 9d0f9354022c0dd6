"""Replication to other buckets of the environment: the configuration, and carrying it out.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication.html

A replica is a delivery that is committed with its source, made in order for each source bucket. S3-006: replicas have
version ids of their own.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.background import Delivery, Retry
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.operation import delivery, operation
from mrak.services.s3 import buckets, contents, encryption, errors
from mrak.services.s3 import objects as versions
from mrak.services.s3.contents import Received
from mrak.services.s3.tables import BUCKETS, OBJECTS, Bucket, Version, everywhere

KIND = "replication"
REPLICATE = "s3.replicate"
_MOST_RULES = 1000
deviation("S3-006")


@operation("PutBucketReplication", action="s3:PutReplicationConfiguration")
def put_bucket_replication(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:PutReplicationConfiguration")
    if bucket.versioning != "Enabled":
        message = "Versioning must be 'Enabled' on the bucket to apply a replication configuration"
        raise errors.invalid_request(message)
    configuration = buckets.require_document(req, "ReplicationConfiguration")
    rules = configuration.get("Rules") or []
    if not 1 <= len(rules) <= _MOST_RULES:
        raise errors.malformed_xml()
    kept = [_complete(ctx, rule) for rule in rules]
    for rule in kept:
        target = _find_target(ctx, tx, rule)
        if target is None or target.versioning != "Enabled":
            raise errors.invalid_request("Destination bucket must have versioning enabled.")
    buckets.put_setting(ctx, tx, bucket, KIND, {**configuration, "Rules": kept})


def _complete(ctx: Context, rule: dict[str, Any]) -> dict[str, Any]:
    complete = {"ID": ctx.draw.uuid(), **rule}
    if "Filter" in rule:
        complete.setdefault("Priority", 0)
    return complete


def _find_target(ctx: Context, tx: Transaction, rule: dict[str, Any]) -> Bucket | None:
    name = rule["Destination"]["Bucket"].rpartition(":")[2]
    return BUCKETS.get(tx, everywhere(ctx.scope), name)


@operation("GetBucketReplication", action="s3:GetReplicationConfiguration")
def get_bucket_replication(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:GetReplicationConfiguration")
    configuration = buckets.find_setting(tx, ctx.scope, bucket, KIND)
    if configuration is None:
        message = "The replication configuration was not found"
        raise errors.missing_setting("ReplicationConfigurationNotFoundError", message, bucket.name)
    return {"ReplicationConfiguration": configuration}


@operation("DeleteBucketReplication", action="s3:PutReplicationConfiguration")
def delete_bucket_replication(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:PutReplicationConfiguration")
    buckets.delete_setting(ctx, tx, bucket, KIND)


# --- carrying out -------------------------------------------------------------------------------------------------


def _applies(rule: dict[str, Any], version: Version) -> bool:
    chosen = rule.get("Filter") or {}
    inner = chosen.get("And") or chosen
    tags = inner.get("Tags") or ([inner["Tag"]] if "Tag" in inner else [])
    with_markers = (rule.get("DeleteMarkerReplication") or {}).get("Status") == "Enabled"
    # A rule of the first kind, which has no filter, replicates markers always.
    if version.is_marker and "Filter" in rule and (tags or not with_markers):
        return False
    return (
        rule["Status"] == "Enabled"
        and version.key.startswith(inner.get("Prefix", rule.get("Prefix", "")))
        and all(version.tags.get(tag["Key"]) == tag["Value"] for tag in tags)
    )


def enqueue(ctx: Context, tx: Transaction, bucket: Bucket, made: Version) -> Version:
    """Sends a new version or marker where the rules say; of two for one bucket, the higher priority counts."""
    if made.replication == "REPLICA":
        return made
    configuration = buckets.find_setting(tx, ctx.scope, bucket, KIND) or {}
    rules = [rule for rule in configuration.get("Rules", ()) if _applies(rule, made)]
    chosen: dict[str, dict[str, Any]] = {}
    for rule in sorted(rules, key=lambda rule: rule.get("Priority", 0)):
        chosen[rule["Destination"]["Bucket"]] = rule
    for rule in chosen.values():
        payload = msgspec.msgpack.encode([bucket.name, made.key, made.id, rule["Destination"]])
        tx.enqueue(
            Delivery(
                kind=REPLICATE,
                lane=f"{REPLICATE}/{bucket.name}",
                scope=ctx.scope,
                payload=payload,
                retry=Retry(),
                trace=ctx.trace,
                enqueued_at=ctx.now,
            )
        )
    if not chosen or made.is_marker:
        return made
    return versions.rewrite(ctx, tx, made, replication="PENDING")


@delivery(REPLICATE)
async def replicate(ctx: Context, made: Delivery) -> None:
    bucket, key, version_id, destination = msgspec.msgpack.decode(made.payload)
    found = await ctx.transact(lambda tx: _find_source(ctx, tx, bucket, key, version_id))
    if found is None:
        return
    version, body = found
    received = Received.known(ctx, version)
    if version.content.startswith("b"):
        await contents.duplicate(ctx, version.content[1:], received)
    elif isinstance(body, bytes):
        received.data, received.size_bytes = body, len(body)
    else:
        await contents.spool(ctx, contents.stream(body), received)
    async with received:
        await ctx.transact(lambda tx: _finish(ctx, tx, version, received, destination))


def _find_source(ctx: Context, tx: Transaction, name: str, key: str, version_id: str) -> tuple[Version, Any] | None:
    bucket = BUCKETS.get(tx, everywhere(ctx.scope), name)
    version = None if bucket is None else versions.find_version(ctx, tx, bucket, key, version_id)
    if version is None:
        return None
    return version, contents.open_version(ctx, tx, version, 0, version.size_bytes)


def _takes(target: Bucket, source: Version) -> bool:
    if source.encryption.get("c_md5") and encryption.blocks_customer_keys(target):
        return False
    return target.versioning == "Enabled"


def _finish(ctx: Context, tx: Transaction, source: Version, received: Received, destination: dict[str, Any]) -> None:
    """Adds the replica, and marks its source."""
    scope = everywhere(ctx.scope)
    target = BUCKETS.get(tx, scope, destination["Bucket"].rpartition(":")[2])
    state = "FAILED"
    if target is not None and _takes(target, source):
        latest = OBJECTS.open(tx, scope, target.name, source.key)
        replica = msgspec.structs.replace(
            source,
            bucket=target.name,
            order=0,
            **received.place(ctx, tx),
            replication="REPLICA",
            parts=0,
            null_order=0,
            annotations=0,
            storage_class=destination.get("StorageClass", source.storage_class),
            account=target.account if destination.get("AccessControlTranslation") else source.account,
        )
        versions.add(ctx, tx, target, latest, replica)
        state = "COMPLETED"
    bucket = BUCKETS.get(tx, scope, source.bucket)
    still = None if bucket is None else versions.find_version(ctx, tx, bucket, source.key, source.id)
    if still is not None and not still.is_marker:
        versions.rewrite(ctx, tx, still, replication=state)
