"""Keys: found by id, ARN, alias or alias ARN; their states, and what each state allows.

https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
"""

from __future__ import annotations

import re
from typing import Any

from mrak.core.arn import arn, find_arn
from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.kms import crypto, errors
from mrak.services.kms.tables import ALIASES, KEYS, Key

_KEY_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|mrk-[0-9a-f]{32}")
_AWS_ALIAS = "alias/aws/"
# KMS-001
_STATES = {"Disabled": "disabled", "PendingDeletion": "pending deletion", "PendingImport": "pending import"}
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
            raise errors.invalid_key_id(key_id)
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

    key = Key(
        key_id=ctx.draw.uuid(),
        spec=crypto.SYMMETRIC,
        usage="ENCRYPT_DECRYPT",
        created_at=ctx.now,
        materials=[ctx.draw.bytes(32)],
        description=f"Default key that protects my {alias.removeprefix(_AWS_ALIAS)} data when no other key is defined",
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
    if key.state == "PendingDeletion":
        raise errors.invalid_state(key_arn(scope, key.key_id), _STATES[key.state])


def check_tags(tags: list[dict[str, str]]) -> dict[str, str]:
    for tag in tags:
        if tag["TagKey"].lower().startswith("aws:"):
            raise errors.tag("Tags beginning with aws: are reserved")
    if len(tags) > MOST_TAGS:
        raise errors.tag("Too many tags")
    return {tag["TagKey"]: tag["TagValue"] for tag in tags}


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
        "Origin": "AWS_KMS",
        "KeyManager": key.manager,
        "CustomerMasterKeySpec": key.spec,
        "KeySpec": key.spec,
        member: names,
        "MultiRegion": key.multi_region,
    }
    if key.delete_at:
        shown["DeletionDate"] = key.delete_at
    if key.multi_region:
        shown["MultiRegionConfiguration"] = {
            "MultiRegionKeyType": "PRIMARY",
            "PrimaryKey": {"Arn": shown["Arn"], "Region": scope.region},
            "ReplicaKeys": [],
        }
    return shown
