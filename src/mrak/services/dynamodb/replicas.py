"""Global tables, version 2019.11.21: tables of one name in several regions that have the same items.

A replica is a table of its own. Each member's record lists the others, in the order in which they came. A write
reaches them after its commit, and the last writer wins (underway.py, replication.py); in strongly consistent groups it
writes all of them in its transaction (strong.py). What changes the group itself changes all of its members at once.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GlobalTables.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from msgspec import structs

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.scope import Scope
from mrak.services.dynamodb import access, encryption, errors, filling, members, replication, scaling, shards
from mrak.services.dynamodb.filling import Filling
from mrak.services.dynamodb.lifecycle import drop_table, set_stream
from mrak.services.dynamodb.tables import TABLES, IndexRecord, TableRecord

# Changes of these hold for the whole group; tags, protection, backups, policies and insights stay a region's own.
GROUP_WIDE = frozenset(
    {
        *("AttributeDefinitions", "BillingMode", "ProvisionedThroughput", "OnDemandThroughput"),
        *("GlobalSecondaryIndexUpdates", "TableClass"),
    }
)
# What one has to be allowed to do with a replica in order to have it made, or taken away.
_MAKING = (
    *("Scan", "Query", "GetItem", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"),
    *("CreateTable", "CreateTableReplica"),
)
_REMOVING = ("DeleteTable", "DeleteTableReplica")
_DAY_SECONDS = 86_400.0
_LIMITS, _UNITS = "OnDemandThroughputOverride", "ProvisionedThroughputOverride"
_Part = TypeVar("_Part", TableRecord, IndexRecord)
REGIONS = [
    "ap-south-2",
    "ap-south-1",
    "eu-south-1",
    "eu-south-2",
    "me-central-1",
    "il-central-1",
    "ca-central-1",
    "ap-east-2",
    "mx-central-1",
    "eu-central-1",
    "eu-central-2",
    "us-west-1",
    "us-west-2",
    "af-south-1",
    "eu-north-1",
    "eu-west-3",
    "eu-west-2",
    "eu-west-1",
    "ap-northeast-3",
    "ap-northeast-2",
    "ap-northeast-1",
    "me-south-1",
    "sa-east-1",
    "ap-east-1",
    "ca-west-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-7",
    "us-east-1",
    "us-east-2",
]


def update(ctx: Context, tx: Transaction, scope: Scope, record: TableRecord, req: Mapping[str, Any]) -> TableRecord:
    """UpdateTable's ReplicaUpdates, of a group whose members follow each other in their own time."""
    kind, actions = parse_actions(req["ReplicaUpdates"])
    regions = {action["RegionName"] for action in actions}
    if len(regions) > 1 and kind != "Update":
        raise errors.invalid("Update table operation with more than one create or delete replica actions not allowed")
    region, settings = actions[0]["RegionName"], _settings(actions[0])
    if kind == "Disassociate":
        return _disassociate(ctx, tx, scope, record, region)
    if members.span_accounts(record):
        raise errors.invalid("ReplicaUpdates cannot change a global table that spans multiple accounts.")
    if kind != "Update":
        check_remote(scope, region)
    if kind == "Create":
        check_addable(tx, scope, record, region)
        return add(ctx, tx, scope, _with_stream(ctx, tx, scope, record), region, settings)
    if kind == "Update":
        return override(ctx, tx, scope, record, region, settings)
    check_member(record, region)
    return remove(ctx, tx, scope, record, region)


def check_permitted(
    ctx: Context, tx: Transaction, scope: Scope, name: str, updates: Sequence[Mapping[str, Any]]
) -> None:
    """Whether the caller may do it to the tables in the other regions, too."""
    for kind, action in ((kind, action) for update in updates for kind, action in update.items()):
        region = action.get("RegionName", scope.region)
        if region == scope.region or kind not in ("Create", "Delete"):
            continue
        there = scope.in_region(region)
        member = TABLES.get(tx, there, name)
        policy = None if member is None else member.policy
        try:
            for needed in _MAKING if kind == "Create" else _REMOVING:
                access.check(ctx, tx, there, f"table/{name}", policy, action=needed)
        except ApiError as error:
            if kind == "Delete":
                error.message = f"'{error.code}':'{error.message}'."
            raise


def check_remote(scope: Scope, region: str) -> None:
    if region == scope.region:
        raise errors.invalid(
            "Cannot add or delete the local region through ReplicaUpdates. "
            "Use CreateTable, DeleteTable, or UpdateTable as required."
        )
    check_supported(region)


def check_supported(region: str) -> None:
    if region not in REGIONS:
        raise errors.invalid(
            f"Region {region} is not supported. The latest version of global tables are only supported in the "
            f"following regions: [{', '.join(REGIONS)}]"
        )


def check_member(record: TableRecord, region: str) -> None:
    if all(replica["RegionName"] != region for replica in record.replicas):
        raise errors.invalid(
            "Update global table operation failed because one or more replicas were not part of the global table. "
            f"Please retry the request without these replicas: [{region}]."
        )


def parse_actions(updates: Sequence[Mapping[str, Any]]) -> tuple[str, list[dict[str, Any]]]:
    """The one kind of the actions, and their parameters."""
    actions = [(kind, action) for update in updates for kind, action in update.items()]
    if len({kind for kind, _ in actions}) > 1:
        raise errors.invalid("Update table operation with more than one type of replica actions not allowed.")
    if len(actions) < len(updates):
        raise _no_action()
    if any("RegionName" not in action for _, action in actions):
        raise errors.invalid("One or more parameter values were invalid")
    kind = actions[0][0]
    if kind == "Update" and not _settings(actions[0][1]):
        raise _no_action()
    return kind, [action for _, action in actions]


def _settings(action: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in action.items() if name != "RegionName"}


def _no_action() -> Exception:
    return errors.invalid("There are no actions specified in the Replica Update Action of the request.")


def check_addable(tx: Transaction, scope: Scope, record: TableRecord, region: str) -> None:
    if any(index.status != "ACTIVE" for index in record.indexes) or any(it.phase is not None for it in record.vectors):
        raise errors.in_use(f"Table is being updated: {record.name}")
    if record.is_provisioned:
        scaling.check_scaled(tx, scope, record)
    if TABLES.open(tx, scope.in_region(region), record.name) is not None:
        raise errors.invalid(
            f"Failed to create a the new replica of table with name: ‘{record.name}’ because one or more replicas "
            "already existed as tables."
        )


def add(
    ctx: Context, tx: Transaction, scope: Scope, record: TableRecord, region: str, settings: dict[str, Any]
) -> TableRecord:
    """A further member, which is filled when this has committed; the table with it on its list."""
    there = scope.in_region(region)
    sse = encryption.for_replica(ctx, tx, scope, record.sse, there, settings.get("KMSMasterKeyId"))
    entry = {"RegionName": region, "source": scope.region, "added_at": ctx.now, **settings}
    if not record.is_strong:
        entry["status"] = "CREATING"
    own = {"RegionName": scope.region}
    if sse is not None and record.sse is not None and "KMSMasterKeyId" in settings:
        entry["KMSMasterKeyId"] = sse["KMSMasterKeyArn"]
        own["KMSMasterKeyId"] = record.sse["KMSMasterKeyArn"]
    apart = {"sse": sse, "table_class": settings.get("TableClassOverride"), "replicas": _listed(record, own)}
    _create_member(ctx, tx, scope, record, there, apart)
    grown = _list(tx, scope, record, entry)
    _limit(ctx, tx, there, record.name, settings)
    if record.is_provisioned:
        scaling.copy(ctx, tx, scope, there, record)
    return grown


def welcome(
    ctx: Context, tx: Transaction, scope: Scope, record: TableRecord, there: Scope, settings: dict[str, Any]
) -> TableRecord:
    """A further member of a group of several accounts, with settings of its own; the new table."""
    if record.is_provisioned:
        raise scaling.not_scaled()
    streaming = _with_stream(ctx, tx, scope, record)
    entry = {"RegionName": there.region, "account": there.account, "source": scope.region, "added_at": ctx.now}
    own = {"RegionName": scope.region, "account": scope.account}
    member = _create_member(ctx, tx, scope, streaming, there, settings | {"replicas": _listed(record, own)})
    TABLES.replace(tx, scope, record, _list(tx, scope, streaming, entry | {"status": "CREATING"}))
    return member


def _listed(record: TableRecord, own: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """The list of a new member; `own` is the entry of the table that has `record`."""
    others: list[dict[str, Any]] = [
        {name: it[name] for name in ("RegionName", "account") if name in it} for it in record.replicas
    ]
    return (*others, own)


def _list(tx: Transaction, scope: Scope, record: TableRecord, entry: dict[str, Any]) -> TableRecord:
    """Tells all members of a new one; the table with it on its list."""
    for replica in record.replicas:
        members.relist(tx, members.scope_of(scope, replica), record.name, entry["RegionName"], entry)
    return structs.replace(record, replicas=(*record.replicas, entry))


def _with_stream(ctx: Context, tx: Transaction, scope: Scope, record: TableRecord) -> TableRecord:
    if record.stream is not None and record.stream.is_enabled:
        return record
    return set_stream(ctx, tx, scope, record, {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"})


def _create_member(
    ctx: Context,
    tx: Transaction,
    scope: Scope,
    record: TableRecord,
    there: Scope,
    settings: dict[str, Any],
) -> TableRecord:
    """The table in the new region; `settings` are what it has apart."""
    fresh = structs.replace(
        record,
        number=ctx.draw.sequence(),
        id=ctx.draw.uuid(),
        created_at=ctx.now,
        pay_per_request_at=None if record.is_provisioned else ctx.now,
        table_class_at=None,
        indexes=tuple(structs.replace(it, number=ctx.draw.sequence()) for it in record.indexes),
        vectors=tuple(structs.replace(it, number=ctx.draw.sequence()) for it in record.vectors),
        stream=None,
        tags={},
        is_deletion_protected=False,
        is_disassociation_protected=True,
        policy=None,
        policy_revision=None,
        pitr_since=None,
        kinesis=(),
        insights={},
        restored=None,
        counts_collections=True,
        settings_mode=None,
        transition=None if record.is_strong else "CREATING",
    )
    member = structs.replace(fresh, **settings)
    if record.stream is not None and record.stream.is_enabled and not record.is_strong:
        wanted = {"StreamEnabled": True, "StreamViewType": record.stream.view}
        member = set_stream(ctx, tx, there, member, wanted)
    TABLES.insert(tx, there, member)
    if member.transition is not None:
        filling.fill(ctx, tx, scope, record, Filling(record.name, there.account, there.region, member.number))
    return member


def override(
    ctx: Context, tx: Transaction, scope: Scope, record: TableRecord, region: str, settings: dict[str, Any]
) -> TableRecord:
    check_member(record, region)
    if "KMSMasterKeyId" in settings:
        raise encryption.no_replica_key()
    there = scope.in_region(region)
    member = TABLES.open(tx, there, record.name)
    if "TableClassOverride" in settings and member is not None:
        changed = structs.replace(member, table_class=settings["TableClassOverride"], table_class_at=ctx.now)
        TABLES.replace(tx, there, member, changed)
    _limit(ctx, tx, there, record.name, settings)
    return record


def _limit(ctx: Context, tx: Transaction, there: Scope, name: str, settings: Mapping[str, Any]) -> None:
    """Limits the reads of a replica and of its indexes, or gives them units of their own."""
    member = TABLES.open(tx, there, name)
    if member is None:
        return
    wanted = {it["IndexName"]: it for it in settings.get("GlobalSecondaryIndexes", [])}
    if not member.is_provisioned and any(_UNITS in it for it in (settings, *wanted.values())):
        raise errors.invalid(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"
        )
    missing = next((index for index in wanted if all(it.name != index for it in member.indexes)), None)
    if missing is not None:
        raise errors.no_index(missing, name)
    limited = structs.replace(
        _with_reads(member, settings),
        indexes=tuple(_with_reads(index, wanted.get(index.name, {})) for index in member.indexes),
    )
    if limited != member:
        TABLES.replace(tx, there, member, shards.split(ctx, tx, there, limited))


def _with_reads(it: _Part, settings: Mapping[str, Any]) -> _Part:
    limits, units = settings.get(_LIMITS), settings.get(_UNITS, {})
    return structs.replace(
        it,
        on_demand={**(it.on_demand or {}), **limits} if limits else it.on_demand,
        read_units=units.get("ReadCapacityUnits", it.read_units),
    )


def remove(ctx: Context, tx: Transaction, scope: Scope, record: TableRecord, region: str) -> TableRecord:
    there = scope.in_region(region)
    member = TABLES.open(tx, there, record.name)
    if member is not None:
        if member.is_deletion_protected:
            raise protected(record.name, region)
        check_no_source(ctx, there, member)
        drop_table(ctx, tx, there, member)
    left = tuple(it for it in record.replicas if it["RegionName"] != region)
    for replica in left:
        members.relist(tx, members.scope_of(scope, replica), record.name, region, None)
    return structs.replace(record, replicas=left)


def protected(name: str, region: str) -> Exception:
    return errors.invalid(
        f"Cannot delete table {name} in region {region} because it has deletion protection enabled. "
        "Disable deletion protection first."
    )


def _disassociate(ctx: Context, tx: Transaction, scope: Scope, record: TableRecord, region: str) -> TableRecord:
    """The table leaves the group, with all that was written before, and keeps what it has."""
    if region != scope.region:
        raise errors.invalid("Only the local replica can be disassociated from a global table.")
    if not record.replicas:
        raise errors.invalid(f"Table {record.name} is not a replica of a global table.")
    if record.is_disassociation_protected:
        raise errors.invalid(
            f"Replica of table {record.name} in region {region} cannot be disassociated because it has disassociation "
            "protection enabled. Disable disassociation protection first."
        )
    return replication.part(ctx, tx, scope, record)


def check_no_source(ctx: Context, scope: Scope, record: TableRecord) -> None:
    """A table from which a replica was made lately cannot go before it."""
    for replica in record.replicas:
        if replica.get("source") == scope.region and ctx.now - replica["added_at"] < _DAY_SECONDS:
            raise errors.invalid(
                "Replica cannot be deleted because it has acted as a source region for new replica(s) being added to "
                "the table in the last 24 hours."
            )
