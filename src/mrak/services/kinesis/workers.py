"""What Kinesis does without a request: it takes deliveries of other services."""

from __future__ import annotations

from mrak.core.background import Delivery, Undeliverable, settle
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import delivery
from mrak.services.kinesis import errors, records, streams, trimming
from mrak.services.kinesis.exports import PUT, parse_parcel
from mrak.services.kinesis.records import Put

__all__ = ["put", "trimming"]


@delivery(PUT)
def put(ctx: Context, tx: Transaction, made: Delivery) -> None:
    """Appends the records in the transaction that removes the delivery from the outbox: exactly once."""
    parcel = parse_parcel(made.payload)
    found = streams.find(tx, made.scope, parcel.stream)
    if found is None:
        raise Undeliverable(str(errors.stream_not_found(parcel.stream, made.scope.account)))
    puts = [Put(data, key) for data, key in parcel.puts]
    try:
        records.check(found, puts, [""] * len(puts))
        records.put_all(ctx, tx, found, puts)
    except ApiError as error:
        raise settle(error) from error
