"""Secrets: looked up by name, ARN or partial ARN; values by version or staging label."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from mrak.core.arn import arn, find_arn
from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.secretsmanager import errors
from mrak.services.secretsmanager.tables import SECRETS, VERSIONS, Secret, Version

CURRENT, PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"
_NAME = re.compile(r"[A-Za-z0-9/_+=.@!-]{1,512}")
_MOST_BYTES = 65_536


def check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise errors.invalid_name()


def check_value(req: dict[str, Any], required: bool) -> None:
    text, binary = req.get("SecretString"), req.get("SecretBinary")
    if text is not None and binary is not None:
        raise errors.invalid_parameter("You can't specify both a binary secret value and a string secret value.")
    if text is None and binary is None and required:
        raise errors.invalid_parameter("You must provide either SecretString or SecretBinary.")
    if len((text or "").encode()) > _MOST_BYTES or len(binary or b"") > _MOST_BYTES:
        raise errors.invalid_parameter(f"The secret value is longer than {_MOST_BYTES} bytes.")


def require(tx: Transaction, scope: Scope, secret_id: str, *, living: bool = True) -> Secret:
    """The secret of a name, an ARN, or an ARN without its last six characters."""
    secret = _find(tx, scope, secret_id)
    if secret is None:
        raise errors.secret_not_found()
    if living and secret.deleted_at:
        raise errors.marked_for_deletion()
    return secret


def _find(tx: Transaction, scope: Scope, secret_id: str) -> Secret | None:
    parsed = find_arn(secret_id)
    if parsed is None:
        return SECRETS.get(tx, scope, secret_id)
    scope = parsed.scope_in(scope.environment)
    name = parsed.resource.removeprefix("secret:")
    found = SECRETS.get(tx, scope, name)
    if found is None and len(name) > 7 and name[-7] == "-":
        found = SECRETS.get(tx, scope, name[:-7])
        if found is not None and found.suffix != name[-6:]:
            return None
    return found


def put_value(
    ctx: Context, tx: Transaction, secret: Secret, req: dict[str, Any], stages: list[str]
) -> tuple[Secret, str]:
    """Adds a version with a value and moves the labels to it; the secret's row is open. Repeating a request with its
    token changes nothing; another value under the same token is an error."""
    version = req.get("ClientRequestToken") or ctx.draw.uuid()
    VERSIONS.lock(tx, ctx.scope, secret.name)
    fresh = Version(
        name=secret.name,
        version=version,
        created_at=ctx.now,
        text=req.get("SecretString", ""),
        binary=req.get("SecretBinary", b""),
    )
    old = VERSIONS.get(tx, ctx.scope, secret.name, version)
    if old is None:
        VERSIONS.insert(tx, ctx.scope, fresh)
    elif (old.text, old.binary) != (fresh.text, fresh.binary):
        raise errors.version_exists()
    return move_stages(secret, version, stages, ctx.now), version


def move_stages(secret: Secret, version: str, stages: list[str], now: float) -> Secret:
    """The secret with its labels on another version; AWSPREVIOUS follows AWSCURRENT."""
    moved = dict(secret.stages)
    for stage in stages:
        before = moved.get(stage)
        if stage == CURRENT and before is not None and before != version:
            moved[PREVIOUS] = before
        moved[stage] = version
        if stage == CURRENT and moved.get(PREVIOUS) == version:
            del moved[PREVIOUS]
    return msgspec.structs.replace(secret, stages=moved, changed_at=now)


def require_value(tx: Transaction, scope: Scope, secret: Secret, req: dict[str, Any]) -> Version:
    """The version that a request names by id, by label, or not at all (AWSCURRENT)."""
    wanted, stage = req.get("VersionId"), req.get("VersionStage")
    if wanted is None:
        stage = stage or CURRENT
        wanted = secret.stages.get(stage)
        if wanted is None:
            raise errors.value_not_found(f"staging label: {stage}")
    version = VERSIONS.get(tx, scope, secret.name, wanted)
    if version is None:
        raise errors.value_not_found(f"VersionId: {wanted}")
    if stage is not None and secret.stages.get(stage) != wanted:
        raise errors.invalid_request("You provided a VersionStage that is not associated to the provided VersionId.")
    return version


def secret_arn(scope: Scope, secret: Secret) -> str:
    return arn(scope, "secretsmanager", f"secret:{secret.name}-{secret.suffix}")


def stages_of(secret: Secret, version: str) -> list[str]:
    return sorted(stage for stage, held_by in secret.stages.items() if held_by == version)


def render_value(scope: Scope, secret: Secret, version: Version) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "ARN": secret_arn(scope, secret),
        "Name": secret.name,
        "VersionId": version.version,
        "VersionStages": stages_of(secret, version.version),
        "CreatedDate": version.created_at,
    }
    if version.binary:
        shown["SecretBinary"] = version.binary
    else:
        shown["SecretString"] = version.text
    return shown


def render(scope: Scope, secret: Secret) -> dict[str, Any]:
    """What DescribeSecret and ListSecrets have in common."""
    shown: dict[str, Any] = {
        "ARN": secret_arn(scope, secret),
        "Name": secret.name,
        "CreatedDate": secret.created_at,
        "LastChangedDate": secret.changed_at,
    }
    optional = {
        "Description": secret.description,
        "KmsKeyId": secret.key_id,
        "DeletedDate": secret.deleted_at,
        # AWS shows the day, not the moment.
        "LastAccessedDate": secret.accessed_at // 86_400 * 86_400,
        "Tags": [{"Key": name, "Value": value} for name, value in secret.tags.items()],
    }
    return shown | {name: value for name, value in optional.items() if value}


def versions_to_stages(secret: Secret) -> dict[str, list[str]]:
    return {version: stages_of(secret, version) for version in sorted(set(secret.stages.values()))}
