"""Rows of the work that runs without a request: outbox, timers, consumers. See core/background.py for their meaning.

    outbox     (lane, sequence)     -> Delivery     a lane is a range, in order
    timer      (due_at, kind, key)  -> Timer        due timers are a range
    consumer   (kind, key)          -> Consumer

They belong to the whole environment, so their keys have no scope; the leading byte keeps them apart from all tables.
"""

from __future__ import annotations

import msgspec

from mrak.core.background import Consumer, Delivery, Timer
from mrak.store import keys

OUTBOX = b"\x00outbox\x00"
TIMERS = b"\x00timer\x00"
CONSUMERS = b"\x00consumer\x00"

_encoder = msgspec.msgpack.Encoder()
encode = _encoder.encode
decode_delivery = msgspec.msgpack.Decoder(Delivery).decode
decode_timer = msgspec.msgpack.Decoder(Timer).decode
decode_consumer = msgspec.msgpack.Decoder(Consumer).decode


def delivery_key(lane: str, sequence: int) -> bytes:
    return OUTBOX + keys.encode_part(lane) + keys.encode_part(sequence)


def lane_prefix(lane: str) -> bytes:
    return OUTBOX + keys.encode_part(lane)


def timer_key(timer: Timer) -> bytes:
    return TIMERS + keys.encode_float(timer.due_at) + keys.encode((timer.kind, *_scope_parts(timer), timer.key))


def timers_due_end(now: float) -> bytes:
    """The end of the range of timers that are due at `now`."""
    return keys.prefix_end(TIMERS + keys.encode_float(now))


def consumer_key(consumer: Consumer) -> bytes:
    return CONSUMERS + keys.encode((consumer.kind, *_scope_parts(consumer), consumer.key))


def _scope_parts(row: Timer | Consumer) -> tuple[str, str]:
    return row.scope.account, row.scope.region
