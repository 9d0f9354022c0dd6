"""Secrets: looked up by name, ARN or partial ARN; values by version or staging label."""

from __future__ import annotations

import re
import string
from typing import Any

import msgspec

from mrak.core.arn import arn, find_arn
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.scope import Scope
from mrak.lang.hashorder import in_hash_order
from mrak.services.secretsmanager import errors
from mrak.services.secretsmanager.tables import SECRETS, VERSIONS, Rotation, Secret, Version

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
        raise errors.invalid_request("You must provide either SecretString or SecretBinary.")
    if len((text or "").encode()) > _MOST_BYTES or len(binary or b"") > _MOST_BYTES:
        raise errors.invalid_parameter(f"The secret value is longer than {_MOST_BYTES} bytes.")


def check_token(ctx: Context, req: dict[str, Any]) -> None:
    """Every SDK makes up a token where the caller gives none; a request without one came from no SDK. Calls from inside
    need none."""
    if ctx.http is not None and "ClientRequestToken" not in req:
        raise errors.token_missing()


def require(tx: Transaction, scope: Scope, secret_id: str, *, living: bool = True) -> tuple[Scope, Secret]:
    """The secret of a name, an ARN, or an ARN without its last six characters, and its scope: an ARN may name another
    account's."""
    home, secret = locate(tx, scope, secret_id)
    if secret is None:
        raise errors.secret_not_found()
    if living and secret.deleted_at:
        raise errors.marked_for_deletion()
    return home, secret


def find(tx: Transaction, scope: Scope, secret_id: str) -> Secret | None:
    return locate(tx, scope, secret_id)[1]


def require_primary(tx: Transaction, scope: Scope, secret_id: str, *, living: bool = True) -> tuple[Scope, Secret]:
    """A secret that may be changed: not a replica."""
    home, secret = require(tx, scope, secret_id, living=living)
    if secret.primary_region:
        raise errors.on_replica()
    return home, secret


def check_key(ctx: Context, home: Scope, secret: Secret) -> None:
    """The values of another account's secret need a key that can be shared."""
    if home.account != ctx.scope.account and secret.key_id in ("", "alias/aws/secretsmanager"):
        raise errors.default_key()


def locate(tx: Transaction, scope: Scope, secret_id: str) -> tuple[Scope, Secret | None]:
    """The secret that a name or an ARN says, and where it is, or would be."""
    parsed = find_arn(secret_id)
    if parsed is None:
        check_name(secret_id)
        return scope, SECRETS.get(tx, scope, secret_id)
    home = parsed.scope_in(scope.environment)
    if home.region != scope.region or not parsed.resource.startswith("secret:"):
        return home, None
    name = parsed.resource.removeprefix("secret:")
    found = SECRETS.get(tx, home, name)
    if found is None and len(name) > 7 and name[-7] == "-":
        found = SECRETS.get(tx, home, name[:-7])
        if found is not None and found.suffix != name[-6:]:
            return home, None
    return home, found


def save(tx: Transaction, home: Scope, old: Secret, fresh: Secret) -> None:
    """Writes an open secret, and what its replicas share with it."""
    SECRETS.replace(tx, home, old, fresh)
    for there in replica_scopes(home, fresh):
        copy = SECRETS.open(tx, there, fresh.name)
        if copy is not None:
            SECRETS.replace(tx, there, copy, replica_of(home, fresh, copy))


def replica_scopes(home: Scope, secret: Secret) -> list[Scope]:
    working = [region for region, replica in secret.replicas.items() if not replica.failure]
    return [Scope(home.environment, home.account, region) for region in working]


def replica_of(home: Scope, primary: Secret, copy: Secret) -> Secret:
    """A replica after a change of its primary: its key, and when it was read, are its own."""
    return msgspec.structs.replace(
        primary, key_id=copy.key_id, accessed_at=copy.accessed_at, primary_region=home.region, replicas={}
    )


def put_value(
    ctx: Context, tx: Transaction, home: Scope, secret: Secret, req: dict[str, Any], stages: list[str]
) -> tuple[Secret, str]:
    """Adds a version with a value and moves the labels to it; the secret's row is open. Repeating a request with its
    token changes nothing; another value under the same token is an error."""
    deviation("SECRETSMANAGER-001")
    version = req.get("ClientRequestToken") or ctx.draw.uuid()
    fresh = Version(
        name=secret.name,
        version=version,
        created_at=ctx.now,
        text=req.get("SecretString", ""),
        binary=req.get("SecretBinary", b""),
    )
    old = VERSIONS.get(tx, home, secret.name, version)
    if old is None:
        for place in (home, *replica_scopes(home, secret)):
            VERSIONS.lock(tx, place, secret.name)
            VERSIONS.insert(tx, place, fresh)
    elif (old.text, old.binary) != (fresh.text, fresh.binary):
        raise errors.version_exists(version, secret_arn(home, secret))
    if not secret.stages:
        stages = [*stages, CURRENT]  # whatever the first version is put as
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


def identify(scope: Scope, secret: Secret) -> dict[str, str]:
    """What every answer begins with."""
    return {"ARN": secret_arn(scope, secret), "Name": secret.name}


def identify_absent(ctx: Context, secret_id: str) -> dict[str, str]:
    """The same for a secret that is not there and is said to be deleted."""
    if secret_id.startswith("arn:"):
        return {"ARN": secret_id, "Name": secret_id.rpartition(":")[2]}
    suffix = ctx.draw.alphanumeric(6, string.ascii_letters + string.digits)
    return {"ARN": arn(ctx.scope, "secretsmanager", f"secret:{secret_id}-{suffix}"), "Name": secret_id}


def parse_tags(tags: list[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in tags}


def stages_of(secret: Secret, version: str) -> list[str]:
    return in_hash_order([stage for stage, held_by in secret.stages.items() if held_by == version])


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
    }
    tags = secret.tags
    owner = owning_service(secret)
    if owner:
        shown["OwningService"] = owner
        tags = {"aws:secretsmanager:owningService": owner} | tags
    if tags or secret.was_tagged:
        shown["Tags"] = [{"Key": name, "Value": value} for name, value in tags.items()]
    if secret.rotation is not None:
        shown |= _render_rotation(secret.rotation)
    if secret.primary_region or secret.replicas:
        shown["PrimaryRegion"] = secret.primary_region or scope.region
    return shown | {name: value for name, value in optional.items() if value}


def owning_service(secret: Secret) -> str:
    """The service that made it for itself: its name begins with that and an exclamation mark."""
    return secret.name.partition("!")[0] if "!" in secret.name else ""


def check_owner(ctx: Context, secret: Secret) -> None:
    """What a service made for itself only that changes (recorded)."""
    owner = owning_service(secret)
    if owner and ctx.principal.arn != f"{owner}.amazonaws.com":
        raise errors.invalid_request(f"Operation is not allowed on secret owned by {owner}")


def versions_to_stages(secret: Secret) -> dict[str, list[str]]:
    return {version: stages_of(secret, version) for version in sorted(set(secret.stages.values()))}


def _render_rotation(rotation: Rotation) -> dict[str, Any]:
    shown: dict[str, Any] = {"RotationEnabled": rotation.enabled}
    optional = {
        "RotationLambdaARN": rotation.function_arn,
        "RotationRules": rotation.rules,
        "LastRotatedDate": rotation.rotated_at,
        "NextRotationDate": rotation.next_at if rotation.enabled else 0.0,
    }
    return shown | {name: value for name, value in optional.items() if value}


def render_replicas(secret: Secret) -> list[dict[str, Any]]:
    """ReplicationStatus."""
    shown = []
    for region, replica in sorted(secret.replicas.items()):
        status: dict[str, Any] = {"Region": region, "KmsKeyId": replica.key_id or "alias/aws/secretsmanager"}
        status["Status"] = "Failed" if replica.failure else "InSync"
        shown.append(status | ({"StatusMessage": replica.failure} if replica.failure else {}))
    return shown
