"""Secrets Manager's operations.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/
"""

from __future__ import annotations

import string
from typing import Any

import msgspec

from mrak.core.background import Timer
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.core.page import find_position, take_page
from mrak.services.secretsmanager import errors, passwords, secrets
from mrak.services.secretsmanager.tables import SECRETS, VERSIONS, Secret

PURGE = "secretsmanager.purge"
_DAY_SECONDS = 86_400.0


@operation("CreateSecret")
def create_secret(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name = req["Name"]
    secrets.check_name(name)
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
        tags=_tags(req.get("Tags", [])),
    )
    answer = {"ARN": secrets.secret_arn(ctx.scope, secret), "Name": name}
    if "SecretString" in req or "SecretBinary" in req:
        secret, answer["VersionId"] = secrets.put_value(ctx, tx, secret, req, [secrets.CURRENT])
    SECRETS.insert(tx, ctx.scope, secret)
    return answer


def _create_again(ctx: Context, tx: Transaction, old: Secret, req: dict[str, Any]) -> dict[str, Any]:
    """The same request with the same token is answered as before; everything else is an error."""
    if old.deleted_at:
        raise errors.name_marked_for_deletion()
    token = req.get("ClientRequestToken")
    version = VERSIONS.get(tx, ctx.scope, old.name, token) if token else None
    if version is None or (version.text, version.binary) != (req.get("SecretString", ""), req.get("SecretBinary", b"")):
        raise errors.secret_exists(old.name)
    return {"ARN": secrets.secret_arn(ctx.scope, old), "Name": old.name, "VersionId": version.version}


@operation("GetSecretValue")
def get_secret_value(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    secret = secrets.require(tx, ctx.scope, req["SecretId"])
    version = secrets.require_value(tx, ctx.scope, secret, req)
    if ctx.now // _DAY_SECONDS != secret.accessed_at // _DAY_SECONDS:
        SECRETS.lock(tx, ctx.scope, secret.name)
        SECRETS.replace(tx, ctx.scope, secret, msgspec.structs.replace(secret, accessed_at=ctx.now))
    return secrets.render_value(ctx.scope, secret, version)


@operation("BatchGetSecretValue")
def batch_get_secret_value(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    wanted = req.get("SecretIdList")
    if wanted is None:
        if not req.get("Filters"):
            raise errors.invalid_parameter("Either 'SecretIdList' or 'Filters' must be provided, but not both.")
        wanted = [row.name for row in SECRETS.scan(tx, ctx.scope) if _passes_all(row, req["Filters"])]
    values, failures = [], []
    for secret_id in wanted:
        try:
            secret = secrets.require(tx, ctx.scope, secret_id)
            values.append(secrets.render_value(ctx.scope, secret, secrets.require_value(tx, ctx.scope, secret, {})))
        except ApiError as error:
            failures.append({"SecretId": secret_id, "ErrorCode": error.code, "Message": error.message})
    return {"SecretValues": values, "Errors": failures}


@operation("PutSecretValue")
def put_secret_value(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    secrets.check_value(req, required=True)
    secret = secrets.require(tx, ctx.scope, req["SecretId"])
    SECRETS.lock(tx, ctx.scope, secret.name)
    moved, version = secrets.put_value(ctx, tx, secret, req, req.get("VersionStages") or [secrets.CURRENT])
    SECRETS.replace(tx, ctx.scope, secret, moved)
    return {
        "ARN": secrets.secret_arn(ctx.scope, secret),
        "Name": secret.name,
        "VersionId": version,
        "VersionStages": secrets.stages_of(moved, version),
    }


@operation("UpdateSecret")
def update_secret(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    secrets.check_value(req, required=False)
    old = secrets.require(tx, ctx.scope, req["SecretId"])
    SECRETS.lock(tx, ctx.scope, old.name)
    secret = msgspec.structs.replace(
        old,
        description=req.get("Description", old.description),
        key_id=req.get("KmsKeyId", old.key_id),
        changed_at=ctx.now,
    )
    answer = {"ARN": secrets.secret_arn(ctx.scope, secret), "Name": secret.name}
    if "SecretString" in req or "SecretBinary" in req:
        secret, answer["VersionId"] = secrets.put_value(ctx, tx, secret, req, [secrets.CURRENT])
    SECRETS.replace(tx, ctx.scope, old, secret)
    return answer


@operation("UpdateSecretVersionStage")
def update_secret_version_stage(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    secret = secrets.require(tx, ctx.scope, req["SecretId"])
    stage, source, target = req["VersionStage"], req.get("RemoveFromVersionId"), req.get("MoveToVersionId")
    held_by = secret.stages.get(stage)
    if target is not None and VERSIONS.get(tx, ctx.scope, secret.name, target) is None:
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
    SECRETS.lock(tx, ctx.scope, secret.name)
    SECRETS.replace(tx, ctx.scope, secret, moved)
    return {"ARN": secrets.secret_arn(ctx.scope, secret), "Name": secret.name}


@operation("DeleteSecret")
def delete_secret(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    force, days = req.get("ForceDeleteWithoutRecovery", False), req.get("RecoveryWindowInDays")
    if force and days is not None:
        raise errors.invalid_parameter(
            "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays."
        )
    if days is not None and not 7 <= days <= 30:
        raise errors.invalid_parameter("RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
    secret = secrets.require(tx, ctx.scope, req["SecretId"])
    SECRETS.lock(tx, ctx.scope, secret.name)
    purge_at = ctx.now if force else ctx.now + (days or 30) * _DAY_SECONDS
    if force:
        remove(ctx, tx, secret)
    else:
        marked = msgspec.structs.replace(secret, deleted_at=ctx.now, purge_at=purge_at)
        SECRETS.replace(tx, ctx.scope, secret, marked)
        tx.at(Timer(kind=PURGE, key=secret.name, due_at=purge_at, scope=ctx.scope))
    return {"ARN": secrets.secret_arn(ctx.scope, secret), "Name": secret.name, "DeletionDate": purge_at}


def remove(ctx: Context, tx: Transaction, secret: Secret) -> None:
    """Deletes a secret, whose row is open, with its values."""
    SECRETS.delete(tx, ctx.scope, secret)
    VERSIONS.delete_all(tx, ctx.scope, secret.name)


@operation("RestoreSecret")
def restore_secret(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    secret = secrets.require(tx, ctx.scope, req["SecretId"], living=False)
    SECRETS.lock(tx, ctx.scope, secret.name)
    tx.cancel(Timer(kind=PURGE, key=secret.name, due_at=secret.purge_at, scope=ctx.scope))
    SECRETS.replace(tx, ctx.scope, secret, msgspec.structs.replace(secret, deleted_at=0.0, purge_at=0.0))
    return {"ARN": secrets.secret_arn(ctx.scope, secret), "Name": secret.name}


@operation("DescribeSecret")
def describe_secret(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    secret = secrets.require(tx, ctx.scope, req["SecretId"], living=False)
    shown = secrets.render(ctx.scope, secret)
    if secret.stages:
        shown["VersionIdsToStages"] = secrets.versions_to_stages(secret)
    return shown


@operation("ListSecrets")
def list_secrets(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    after = find_position(req["NextToken"]) if "NextToken" in req else None
    if "NextToken" in req and after is None:
        raise errors.invalid_token()
    deleted_too = req.get("IncludePlannedDeletion", False)
    rows = (
        row
        for row in SECRETS.scan(tx, ctx.scope, after=after)
        if (deleted_too or not row.deleted_at) and _passes_all(row, req.get("Filters", []))
    )
    page, token = take_page(rows, req.get("MaxResults", 100), lambda row: row.name)
    shown = [secrets.render(ctx.scope, row) | _stages_shown(row) for row in page]
    return {"SecretList": shown} if token is None else {"SecretList": shown, "NextToken": token}


def _stages_shown(secret: Secret) -> dict[str, Any]:
    return {"SecretVersionsToStages": secrets.versions_to_stages(secret)} if secret.stages else {}


def _passes_all(secret: Secret, filters: list[dict[str, Any]]) -> bool:
    return all(_passes(secret, wanted["Key"], wanted["Values"]) for wanted in filters)


def _passes(secret: Secret, key: str, values: list[str]) -> bool:
    """A value with ! before it excludes; names and tags match by their beginning."""
    texts = {
        "name": [secret.name],
        "description": secret.description.split(),
        "tag-key": list(secret.tags),
        "tag-value": list(secret.tags.values()),
    }
    shown = texts.get(key, [text for kind in texts.values() for text in kind])
    for value in values:
        plain = value.removeprefix("!")
        if any(text.startswith(plain) for text in shown) != value.startswith("!"):
            return True
    return False


@operation("ListSecretVersionIds")
def list_secret_version_ids(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    secret = secrets.require(tx, ctx.scope, req["SecretId"], living=False)
    versions = []
    for version in VERSIONS.scan(tx, ctx.scope, secret.name):
        stages = secrets.stages_of(secret, version.version)
        if not stages and not req.get("IncludeDeprecated"):
            continue
        shown: dict[str, Any] = {
            "VersionId": version.version,
            "CreatedDate": version.created_at,
            "KmsKeyIds": [secret.key_id or "DefaultEncryptionKey"],
        }
        versions.append(shown | ({"VersionStages": stages} if stages else {}))
    return {"ARN": secrets.secret_arn(ctx.scope, secret), "Name": secret.name, "Versions": versions}


@operation("GetRandomPassword")
def get_random_password(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"RandomPassword": passwords.draw(ctx.draw, req)}


@operation("TagResource")
def tag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    secret = secrets.require(tx, ctx.scope, req["SecretId"])
    SECRETS.lock(tx, ctx.scope, secret.name)
    SECRETS.replace(tx, ctx.scope, secret, msgspec.structs.replace(secret, tags=secret.tags | _tags(req["Tags"])))


@operation("UntagResource")
def untag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    secret = secrets.require(tx, ctx.scope, req["SecretId"])
    kept = {name: value for name, value in secret.tags.items() if name not in req["TagKeys"]}
    SECRETS.lock(tx, ctx.scope, secret.name)
    SECRETS.replace(tx, ctx.scope, secret, msgspec.structs.replace(secret, tags=kept))


@operation("PutResourcePolicy")
def put_resource_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    try:
        msgspec.json.decode(req["ResourcePolicy"], type=dict[str, Any])
    except (msgspec.DecodeError, msgspec.ValidationError):
        raise errors.malformed_policy() from None
    return _set_policy(ctx, tx, req["SecretId"], req["ResourcePolicy"])


@operation("DeleteResourcePolicy")
def delete_resource_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _set_policy(ctx, tx, req["SecretId"], "")


@operation("GetResourcePolicy")
def get_resource_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    secret = secrets.require(tx, ctx.scope, req["SecretId"])
    answer = {"ARN": secrets.secret_arn(ctx.scope, secret), "Name": secret.name}
    return answer | ({"ResourcePolicy": secret.policy} if secret.policy else {})


def _set_policy(ctx: Context, tx: Transaction, secret_id: str, policy: str) -> dict[str, Any]:
    secret = secrets.require(tx, ctx.scope, secret_id)
    SECRETS.lock(tx, ctx.scope, secret.name)
    SECRETS.replace(tx, ctx.scope, secret, msgspec.structs.replace(secret, policy=policy))
    return {"ARN": secrets.secret_arn(ctx.scope, secret), "Name": secret.name}


def _tags(tags: list[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in tags}
