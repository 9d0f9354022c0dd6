"""Secrets and their values: created, read, changed, labelled, deleted, restored.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/
"""

from __future__ import annotations

import string
from typing import Any

import msgspec

from mrak.core.background import Timer
from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.secretsmanager import errors, passwords, replication, secrets
from mrak.services.secretsmanager.tables import SECRETS, VERSIONS, Secret, Version

PURGE = "secretsmanager.purge"
_DAY_SECONDS = 86_400.0


@operation("CreateSecret")
def create_secret(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name = req["Name"]
    secrets.check_name(name)
    secrets.check_token(ctx, req)
    secrets.check_value(req, required=False)
    old = SECRETS.open(tx, ctx.scope, name)
    if old is not None:
        return _create_again(ctx, tx, old, req)
    secret = Secret(
        name=name,
        suffix=ctx.draw.alphanumeric(6, string.ascii_letters + string.digits),
        created_at=ctx.now,
        changed_at=ctx.now,
        description=req.get("Description", ""),
        key_id=req.get("KmsKeyId", ""),
        tags=secrets.parse_tags(req.get("Tags", [])),
    )
    answer: dict[str, Any] = secrets.identify(ctx.scope, secret)
    if "SecretString" in req or "SecretBinary" in req:
        secret, answer["VersionId"] = secrets.put_value(ctx, tx, ctx.scope, secret, req, [secrets.CURRENT])
    SECRETS.insert(tx, ctx.scope, secret)
    if req.get("AddReplicaRegions"):
        force = req.get("ForceOverwriteReplicaSecret", False)
        replicated = replication.add(tx, ctx.scope, secret, req["AddReplicaRegions"], force=force)
        answer["ReplicationStatus"] = secrets.render_replicas(replicated)
    return answer


def _create_again(ctx: Context, tx: Transaction, old: Secret, req: dict[str, Any]) -> dict[str, Any]:
    """The same request with the same token is answered as before; everything else is an error."""
    if old.deleted_at:
        raise errors.name_marked_for_deletion()
    token = req.get("ClientRequestToken")
    version = VERSIONS.get(tx, ctx.scope, old.name, token) if token else None
    if version is None:
        raise errors.secret_exists(old.name)
    if (version.text, version.binary) != (req.get("SecretString", ""), req.get("SecretBinary", b"")):
        raise errors.version_exists(version.version, secrets.secret_arn(ctx.scope, old))
    return secrets.identify(ctx.scope, old) | {"VersionId": version.version}


@operation("GetSecretValue")
def get_secret_value(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    home, secret = secrets.require(tx, ctx.scope, req["SecretId"])
    secrets.check_key(ctx, home, secret)
    version = secrets.require_value(tx, home, secret, req)
    _note_access(ctx, tx, home, secret, version)
    return secrets.render_value(home, secret, version)


def _note_access(ctx: Context, tx: Transaction, home: Scope, secret: Secret, version: Version) -> None:
    """AWS shows days, so the first access of a day is written and the others are not."""
    today = ctx.now // _DAY_SECONDS * _DAY_SECONDS
    if secret.accessed_at < today:
        SECRETS.lock(tx, home, secret.name)
        SECRETS.replace(tx, home, secret, msgspec.structs.replace(secret, accessed_at=ctx.now))
    if version.accessed_at < today:
        VERSIONS.lock(tx, home, secret.name)
        VERSIONS.replace(tx, home, version, msgspec.structs.replace(version, accessed_at=ctx.now))


@operation("PutSecretValue")
def put_secret_value(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    secrets.check_token(ctx, req)
    home, secret = secrets.require_primary(tx, ctx.scope, req["SecretId"])
    secrets.check_owner(ctx, secret)
    secrets.check_value(req, required=True)
    secrets.check_key(ctx, home, secret)
    SECRETS.lock(tx, home, secret.name)
    stages = req.get("VersionStages") or [secrets.CURRENT]
    moved, version = secrets.put_value(ctx, tx, home, secret, req, stages)
    secrets.save(tx, home, secret, moved)
    answer: dict[str, Any] = secrets.identify(home, secret)
    return answer | {"VersionId": version, "VersionStages": secrets.stages_of(moved, version)}


@operation("UpdateSecret")
def update_secret(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    secrets.check_token(ctx, req)
    home, old = secrets.require_primary(tx, ctx.scope, req["SecretId"])
    secrets.check_owner(ctx, old)
    secrets.check_value(req, required=False)
    SECRETS.lock(tx, home, old.name)
    secret = msgspec.structs.replace(
        old,
        description=req.get("Description", old.description),
        key_id=req.get("KmsKeyId", old.key_id),
        changed_at=ctx.now,
    )
    answer = secrets.identify(home, secret)
    if "SecretString" in req or "SecretBinary" in req:
        secrets.check_key(ctx, home, secret)
        secret, answer["VersionId"] = secrets.put_value(ctx, tx, home, secret, req, [secrets.CURRENT])
    secrets.save(tx, home, old, secret)
    return answer


@operation("UpdateSecretVersionStage")
def update_secret_version_stage(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    home, secret = secrets.require_primary(tx, ctx.scope, req["SecretId"])
    stage, source, target = req["VersionStage"], req.get("RemoveFromVersionId"), req.get("MoveToVersionId")
    held_by = secret.stages.get(stage)
    if target is not None and VERSIONS.get(tx, home, secret.name, target) is None:
        raise errors.value_not_found(f"VersionId: {target}")
    if source is not None and held_by != source:
        raise errors.invalid_parameter(
            f"The parameter RemoveFromVersionId can't be specified: the staging label {stage} isn't on it."
        )
    if target is not None and held_by not in (None, target) and source is None:
        raise errors.invalid_parameter(
            f"The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to version "
            f"{held_by}, so you must explicitly reference that version in RemoveFromVersionId."
        )
    if target is None and stage == secrets.CURRENT:
        raise errors.invalid_parameter("You can only move staging label AWSCURRENT to a different secret version.")
    if target is None:
        stages = {name: version for name, version in secret.stages.items() if name != stage}
        moved = msgspec.structs.replace(secret, stages=stages, changed_at=ctx.now)
    else:
        moved = secrets.move_stages(secret, target, [stage], ctx.now)
    SECRETS.lock(tx, home, secret.name)
    secrets.save(tx, home, secret, moved)
    return secrets.identify(home, secret)


@operation("DeleteSecret")
def delete_secret(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """By force, what is marked for deletion already too, and what is not there at all."""
    force, days = req.get("ForceDeleteWithoutRecovery", False), req.get("RecoveryWindowInDays")
    if force and days is not None:
        raise errors.invalid_parameter(
            "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays."
        )
    if days is not None and not 7 <= days <= 30:
        raise errors.invalid_parameter("RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
    if force and secrets.find(tx, ctx.scope, req["SecretId"]) is None:
        return {**secrets.identify_absent(ctx, req["SecretId"]), "DeletionDate": ctx.now}
    home, secret = secrets.require_primary(tx, ctx.scope, req["SecretId"], living=not force)
    if secret.replicas:
        raise errors.has_replicas(secret.name, sorted(secret.replicas))
    SECRETS.lock(tx, home, secret.name)
    purge_at = ctx.now if force else ctx.now + (days or 30) * _DAY_SECONDS
    if force:
        remove(tx, home, secret)
    else:
        marked = msgspec.structs.replace(secret, deleted_at=ctx.now, purge_at=purge_at, changed_at=ctx.now)
        SECRETS.replace(tx, home, secret, marked)
        tx.at(Timer(kind=PURGE, key=secret.name, due_at=purge_at, scope=home))
    answer: dict[str, Any] = secrets.identify(home, secret)
    return answer | {"DeletionDate": purge_at}


def remove(tx: Transaction, home: Scope, secret: Secret) -> None:
    """Deletes a secret, whose row is open, with its values."""
    SECRETS.delete(tx, home, secret)
    VERSIONS.delete_all(tx, home, secret.name)


@operation("RestoreSecret")
def restore_secret(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    home, secret = secrets.require_primary(tx, ctx.scope, req["SecretId"], living=False)
    SECRETS.lock(tx, home, secret.name)
    tx.cancel(Timer(kind=PURGE, key=secret.name, due_at=secret.purge_at, scope=home))
    restored = msgspec.structs.replace(secret, deleted_at=0.0, purge_at=0.0, changed_at=ctx.now)
    SECRETS.replace(tx, home, secret, restored)
    return secrets.identify(home, secret)


@operation("GetRandomPassword")
def get_random_password(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"RandomPassword": passwords.draw(ctx.draw, req)}


@operation("TagResource")
def tag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    home, secret = secrets.require_primary(tx, ctx.scope, req["SecretId"])
    tags = secret.tags | secrets.parse_tags(req["Tags"])
    SECRETS.lock(tx, home, secret.name)
    secrets.save(tx, home, secret, msgspec.structs.replace(secret, tags=tags, changed_at=ctx.now))


@operation("UntagResource")
def untag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    home, secret = secrets.require_primary(tx, ctx.scope, req["SecretId"])
    kept = {name: value for name, value in secret.tags.items() if name not in req["TagKeys"]}
    was_tagged = secret.was_tagged or bool(secret.tags)
    SECRETS.lock(tx, home, secret.name)
    secrets.save(tx, home, secret, msgspec.structs.replace(secret, tags=kept, was_tagged=was_tagged))
