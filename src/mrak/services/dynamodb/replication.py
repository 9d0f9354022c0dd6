"""What arrives at the members of eventually consistent global tables: the writes of the others.

A member takes a write if it has none with a larger number (underway.py). Conditions were checked where it was made, and
transactions are whole there only. What is taken appears in the member's stream and indexes as any write does; a
deletion by time to live arrives as anybody's.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
"""

from __future__ import annotations

import msgspec
from msgspec import structs

from mrak.core.background import Delivery
from mrak.core.context import Context, Transaction
from mrak.core.operation import delivery
from mrak.core.scope import Scope
from mrak.services.dynamodb import consumption, errors, items, members, permissions, underway
from mrak.services.dynamodb.tables import REPLICATED_UNITS, TABLES, UNDER_WAY, Schema, TableRecord, find_schema
from mrak.services.dynamodb.underway import ReplicatedWrite, UnderWay


@delivery("dynamodb.replicate")
def replicate(ctx: Context, tx: Transaction, it: Delivery) -> None:
    """One write arrives at one member."""
    write = underway.decode_write(it.payload)
    ctx.about(write.name)
    schema = find_schema(tx, it.scope, write.name)
    if schema is None or schema.record.number != write.table:
        return
    state_key, state = underway.open_state(tx, schema, write.place)
    if state is None:
        # It has left the group.
        return
    _check_permission(ctx, tx, schema, write)
    has = state.has
    if write.number > has:
        cost = items.change_member(ctx, tx, items.arriving(tx, schema, write.place, write.row))
        units = cost.table + sum(cost.local.values())
        consumption.write(ctx, schema, units, cost.global_, unit=REPLICATED_UNITS)
        has = write.number
        latency_ms = (ctx.now - it.enqueued_at) * 1000
        ctx.annotate("replicated", {"account": write.account, "region": write.region, "latency_ms": latency_ms})
    underway.put_state(tx, state_key, UnderWay(state.count - 1, has, state.largest))


def _check_permission(ctx: Context, tx: Transaction, target: Schema, write: ReplicatedWrite) -> None:
    """A write from another account waits until both members' policies let it through."""
    if write.account == target.scope.account:
        return
    there = target.scope.in_region(write.region).in_account(write.account)
    source = TABLES.get(tx, there, write.name)
    if source is not None and not permissions.may_write(ctx, (there, source), (target.scope, target.record)):
        raise errors.replication_not_authorized(target.arn)


class _Parting(msgspec.Struct, frozen=True, array_like=True):
    name: str
    table: int


_encode_parting = msgspec.msgpack.Encoder().encode
_decode_parting = msgspec.msgpack.Decoder(_Parting).decode


def part(ctx: Context, tx: Transaction, scope: Scope, record: TableRecord) -> TableRecord:
    """Lets a member leave its group once all that is under way to it has arrived; the table as it is until then."""
    payload = _encode_parting(_Parting(record.name, record.number))
    underway.enqueue(ctx, tx, "dynamodb.part", scope, record.number, payload)
    return structs.replace(record, transition="UPDATING")


@delivery("dynamodb.part")
def stand_alone(ctx: Context, tx: Transaction, it: Delivery) -> None:
    """A member that was disassociated keeps all it has, and no longer follows the others."""
    parting = _decode_parting(it.payload)
    ctx.about(parting.name)
    record = TABLES.open(tx, it.scope, parting.name)
    if record is None or record.number != parting.table:
        return
    members.leave(tx, it.scope, record)
    UNDER_WAY.clear(tx, it.scope, record.number)
    alone = structs.replace(record, replicas=(), transition=None, is_disassociation_protected=True)
    TABLES.replace(tx, it.scope, record, alone)
