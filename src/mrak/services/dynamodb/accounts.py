"""Global tables of several accounts: each member is in an account and a region of its own.

A table of one region whose settings replicate is the source; another account joins it by creating a table of its name.
All members share their settings, without overrides. Each one's resource policy has to let DynamoDB's replication read
and write for the other members; where it does no longer, writes wait until it does again.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_MA_HowItWorks.html

DYNAMODB-013: AWS documents the rules and not the words, which are ours; and it takes a member that was not allowed to
replicate for 20 hours out of its group, which does not happen here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import permutations
from typing import Any

from msgspec import structs

from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.scope import Scope
from mrak.services.dynamodb import access, encryption, errors, members, permissions, policies, replicas, rules
from mrak.services.dynamodb.permissions import Member
from mrak.services.dynamodb.tables import TABLES, TableRecord, table_arn

deviation("DYNAMODB-013")

# What a new member has of its own; all else is the source's.
_OWN = frozenset(
    {
        *("TableName", "GlobalTableSourceArn", "GlobalTableSettingsReplicationMode", "ResourcePolicy"),
        *("Tags", "DeletionProtectionEnabled", "TableClass", "SSESpecification"),
    }
)
# Changes of these hold for the whole group; classes, keys, protection, tags and policies stay an account's own.
GROUP_WIDE = replicas.GROUP_WIDE - {"TableClass"} | {"OnDemandThroughput", "WarmThroughput"}
_DISABLED = (
    "GlobalTableSettingsReplicationMode must be ENABLED for a table of a global table that spans multiple accounts."
)


def join(ctx: Context, tx: Transaction, scope: Scope, name: str, req: Mapping[str, Any]) -> TableRecord:
    """CreateTable with a GlobalTableSourceArn."""
    _check_request(req)
    there, source = _require_source(ctx, tx, scope, name, req["GlobalTableSourceArn"])
    group = [(there, source), *_others(tx, there, source)]
    _check_place(scope, group)
    own: dict[str, Any] = {
        "tags": {tag["Key"]: tag["Value"] for tag in req.get("Tags", [])},
        "is_deletion_protected": req.get("DeletionProtectionEnabled", False),
        "table_class": req.get("TableClass"),
        "sse": encryption.new_encryption(ctx, tx, scope, req.get("SSESpecification")),
        "settings_mode": "ENABLED",
    }
    if "ResourcePolicy" in req:
        own["policy"] = policies.normalise(req["ResourcePolicy"])
        own["policy_revision"] = str(int(ctx.now * 1000))
    _check_permissions(ctx, [(scope, structs.replace(source, policy=own.get("policy"))), *group])
    return replicas.welcome(ctx, tx, there, source, scope, own)


def _check_request(req: Mapping[str, Any]) -> None:
    if req.get("GlobalTableSettingsReplicationMode") != "ENABLED":
        raise errors.invalid(_DISABLED)
    foreign = sorted(req.keys() - _OWN)
    if foreign:
        raise errors.invalid(f"{', '.join(foreign)} cannot be specified together with GlobalTableSourceArn.")
    rules.check_tags(req.get("Tags", []))
    rules.check_table_class(req.get("TableClass"))


def _require_source(ctx: Context, tx: Transaction, scope: Scope, name: str, text: str) -> Member:
    parts = find_arn(text)
    if parts is None or parts.service != "dynamodb" or parts.partition != scope.partition:
        raise errors.invalid(f"Invalid GlobalTableSourceArn: {text}")
    if parts.resource != f"table/{name}":
        raise errors.invalid("All replicas of a global table must have the same table name.")
    there = parts.scope_in(scope.environment)
    source = TABLES.open(tx, there, name)
    policy, tags = (None, {}) if source is None else (source.policy, source.tags)
    access.check(ctx, tx, there, parts.resource, policy, action="AssociateTableReplica", tags=tags)
    if source is None:
        raise errors.table_not_found(name)
    members.check_settled(source)
    if source.replicas and not members.span_accounts(source):
        raise errors.invalid("A global table of one account cannot be joined by another account.")
    if source.settings_mode != "ENABLED":
        raise errors.invalid(_DISABLED)
    return there, source


def _others(tx: Transaction, scope: Scope, record: TableRecord) -> Iterator[Member]:
    for replica in record.replicas:
        there = members.scope_of(scope, replica)
        other = TABLES.get(tx, there, record.name)
        if other is not None:
            yield there, other


def _check_place(scope: Scope, group: list[Member]) -> None:
    if any(scope.account == other.account for other, _ in group):
        raise errors.invalid("Each replica of a global table that spans multiple accounts must be in its own account.")
    if any(scope.region == other.region for other, _ in group):
        raise errors.invalid("Each replica of a global table must be in a Region of its own.")
    replicas.check_supported(scope.region)


def _check_permissions(ctx: Context, group: list[Member]) -> None:
    """Every two members have to allow each other all that replication does."""
    for member, (other, _) in permutations(group, 2):
        for action in permissions.ALL:
            if not permissions.allows(ctx, member, action, other):
                raise _not_allowed(member, action, other)


def _not_allowed(member: Member, action: str, other: Scope) -> Exception:
    scope, record = member
    return errors.invalid(
        f"The resource policy of {table_arn(scope, record.name)} does not allow {permissions.SERVICE} to perform "
        f"dynamodb:{action} for {table_arn(other, record.name)}."
    )


def mark_unauthorized(ctx: Context, tx: Transaction, scope: Scope, record: TableRecord, out: dict[str, Any]) -> None:
    """Shows which members do not replicate with this one, for want of a permission."""
    if not members.span_accounts(record):
        return
    shown = {replica["RegionName"]: replica for replica in out["Replicas"]}
    for other, replica in _others(tx, scope, record):
        pairs = permutations(((scope, record), (other, replica)))
        if shown[other.region]["ReplicaStatus"] == "ACTIVE" and not all(
            permissions.may_write(ctx, *it) for it in pairs
        ):
            shown[other.region]["ReplicaStatus"] = "REPLICATION_NOT_AUTHORIZED"
