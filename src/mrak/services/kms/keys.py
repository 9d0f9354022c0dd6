"""Keys: found by id, ARN, alias or alias ARN; their states, and what each state allows.

https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from mrak.core.arn import arn, find_arn
from mrak.core.context import Context, Transaction
from mrak.core.page import find_position
from mrak.core.scope import Scope
from mrak.lang import prettyjson
from mrak.services.kms import crypto, errors
from mrak.services.kms.tables import ALIASES, KEYS, Key

_KEY_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|mrk-[0-9a-f]{32}")
_AWS_ALIAS = "alias/aws/"
_AWS_DATA = {"alias/aws/dynamodb": "DynamoDB data", "alias/aws/s3": "S3 objects"}
_STATES = {
    "Disabled": "disabled",
    "PendingDeletion": "pending deletion",
    "PendingReplicaDeletion": "pending replica deletion",
    "PendingImport": "pending import",
}
MOST_TAGS = 50


def key_arn(scope: Scope, key_id: str) -> str:
    return arn(scope, "kms", f"key/{key_id}")


def alias_arn(scope: Scope, name: str) -> str:
    return arn(scope, "kms", name)


def require(ctx: Context, tx: Transaction, key_id: str, *, aliases: bool = True) -> tuple[Scope, Key]:
    """The key that an id, an ARN or (where the operation takes them) an alias names, and its scope."""
    scope, name = _parse(ctx.scope, key_id)
    if name.startswith("alias/"):
        if not aliases:
            raise errors.aliases_not_taken()
        alias = ALIASES.get(tx, scope, name)
        if alias is None and name.startswith(_AWS_ALIAS):
            return scope, _make_aws_key(ctx, tx, scope, name)
        if alias is None:
            raise errors.alias_not_found(alias_arn(scope, name))
        name = alias.key_id
    elif not _KEY_ID.fullmatch(name):
        raise errors.invalid_key_id(name)
    key = KEYS.get(tx, scope, name)
    if key is None:
        raise errors.key_not_found(key_arn(scope, name))
    return scope, key


def is_elsewhere(scope: Scope, key_id: str) -> bool:
    """Whether it is the ARN of a key of another region."""
    parsed = find_arn(key_id)
    return parsed is not None and parsed.service == "kms" and parsed.region != scope.region


def _parse(scope: Scope, key_id: str) -> tuple[Scope, str]:
    if not key_id.startswith("arn:"):
        return scope, key_id
    parsed = find_arn(key_id)
    if parsed is None or parsed.service != "kms":
        raise errors.invalid_arn(key_id)
    if parsed.region != scope.region:
        raise errors.invalid_arn(parsed.region)
    return parsed.scope_in(scope.environment), parsed.resource.removeprefix("key/")


def _make_aws_key(ctx: Context, tx: Transaction, scope: Scope, alias: str) -> Key:
    """The key of an AWS service (alias/aws/s3), which is there as soon as it is used."""
    from mrak.services.kms.tables import Alias

    protected = _AWS_DATA.get(alias, alias.removeprefix(_AWS_ALIAS) + " data")
    key = Key(
        key_id=ctx.draw.uuid(),
        spec=crypto.SYMMETRIC,
        usage="ENCRYPT_DECRYPT",
        created_at=ctx.now,
        materials=[ctx.draw.bytes(32)],
        description=f"Default key that protects my {protected} when no other key is defined",
        manager="AWS",
    )
    KEYS.append(tx, scope, key)
    ALIASES.open(tx, scope, alias)
    ALIASES.insert(tx, scope, Alias(name=alias, key_id=key.key_id, created_at=ctx.now, changed_at=ctx.now))
    return key


def require_usable(ctx: Context, tx: Transaction, key_id: str, usage: str, operation: str) -> tuple[Scope, Key]:
    """A key that is enabled and meant for the operation's usage."""
    scope, key = require(ctx, tx, key_id)
    check_enabled(scope, key)
    if key.usage != usage:
        raise errors.invalid_usage(
            f"{key_arn(scope, key.key_id)} key usage is {key.usage} which is not valid for {operation}."
        )
    return scope, key


def check_enabled(scope: Scope, key: Key) -> None:
    if key.state == "Disabled":
        raise errors.disabled(key_arn(scope, key.key_id))
    if key.state != "Enabled":
        raise errors.invalid_state(key_arn(scope, key.key_id), _STATES[key.state])


def check_not_deleted(scope: Scope, key: Key) -> None:
    if key.state in ("PendingDeletion", "PendingReplicaDeletion"):
        raise errors.invalid_state(key_arn(scope, key.key_id), _STATES[key.state])


def check_tags(tags: list[dict[str, str]]) -> dict[str, str]:
    for tag in tags:
        if tag["TagKey"].lower().startswith("aws:"):
            raise errors.tag("Tags beginning with aws: are reserved")
    if len({tag["TagKey"] for tag in tags}) < len(tags):
        raise errors.tag("Duplicate tag keys")
    if len(tags) > MOST_TAGS:
        raise errors.tag("Too many tags")
    return {tag["TagKey"]: tag["TagValue"] for tag in tags}


def material_id(key_id: str, material: bytes) -> str:
    """The id of a key material: the same for the same material of the same key, and telling nothing about it."""
    return hashlib.sha256(key_id.encode() + b"\0" + material).hexdigest()


def current_material_id(key: Key) -> str:
    return material_ids(key)[-1]


def material_ids(key: Key) -> list[str]:
    return key.material_ids or [material_id(key.key_id, material) for material in key.materials]


def render(scope: Scope, key: Key) -> dict[str, Any]:
    """KeyMetadata."""
    member, names = crypto.algorithms(key.spec, key.usage)
    shown: dict[str, Any] = {
        "AWSAccountId": scope.account,
        "KeyId": key.key_id,
        "Arn": key_arn(scope, key.key_id),
        "CreationDate": key.created_at,
        "Enabled": key.state == "Enabled",
        "Description": key.description,
        "KeyUsage": key.usage,
        "KeyState": key.state,
        "Origin": key.origin,
        "KeyManager": key.manager,
        "CustomerMasterKeySpec": key.spec,
        "KeySpec": key.spec,
        member: names,
        "MultiRegion": key.multi_region,
    }
    has_material = bool(key.materials and key.materials[-1])
    if has_material and key.spec == crypto.SYMMETRIC:
        shown["CurrentKeyMaterialId"] = current_material_id(key)
    if has_material and key.origin == "EXTERNAL":
        shown["ExpirationModel"] = "KEY_MATERIAL_EXPIRES" if key.valid_to else "KEY_MATERIAL_DOES_NOT_EXPIRE"
        if key.valid_to:
            shown["ValidTo"] = key.valid_to
    if key.delete_at:
        shown["DeletionDate"] = key.delete_at
    if key.waits_days:
        shown["PendingDeletionWindowInDays"] = key.waits_days
    if key.multi_region:
        shown["MultiRegionConfiguration"] = _render_regions(scope, key)
    return shown


def _render_regions(scope: Scope, key: Key) -> dict[str, Any]:
    def place(region: str) -> dict[str, str]:
        there = Scope(scope.environment, scope.account, region)
        return {"Arn": key_arn(there, key.key_id), "Region": region}

    primary = key.primary_region or scope.region
    return {
        "MultiRegionKeyType": "PRIMARY" if primary == scope.region else "REPLICA",
        "PrimaryKey": place(primary),
        "ReplicaKeys": [place(region) for region in key.replica_regions],
    }


def policy_of(scope: Scope, key: Key) -> str:
    """The key's policy, or the one that a key has of its own."""
    if key.policy:
        return key.policy
    statement = {
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{scope.partition}:iam::{scope.account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    policy = {"Version": "2012-10-17", "Id": "key-default-1", "Statement": [statement]}
    return prettyjson.render(policy)


def position(req: dict[str, Any]) -> str | None:
    """Where a listing goes on."""
    if "Marker" not in req:
        return None
    found = find_position(req["Marker"])
    if found is None:
        raise errors.invalid_marker()
    return found


def paged(member: str, shown: list[dict[str, Any]], token: str | None) -> dict[str, Any]:
    answer: dict[str, Any] = {member: shown, "Truncated": token is not None}
    return answer if token is None else answer | {"NextMarker": token}
