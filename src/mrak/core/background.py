"""What runs without a request, as rows: deliveries (outbox), timers and consumers.

A row is committed together with its cause and is deleted together with its effect, so that a crash anywhere loses
neither. `kind` names the registered function (core/operation.py); `payload` is that function's own encoding.
"""

from __future__ import annotations

import msgspec

from mrak.core.errors import ApiError, NotBuilt
from mrak.core.scope import Scope


class Retry(msgspec.Struct, frozen=True, array_like=True):
    """How often and how long to try. Back-off doubles from `first_delay_seconds` to `longest_delay_seconds`."""

    attempts: int = 3
    first_delay_seconds: float = 1.0
    longest_delay_seconds: float = 60.0
    max_age_seconds: float = 86_400.0

    def delay_seconds(self, attempts_made: int) -> float:
        exponent = min(attempts_made - 1, 32)
        return float(min(self.first_delay_seconds * 2**exponent, self.longest_delay_seconds))


class Delivery(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """Something to hand to a target. Deliveries of one lane are made in order, one at a time.

    `dead` is the kind that gets the delivery when it can't be made (its function sees `failure`); "" drops it with a
    log line. `at_once` is for a plain `def` that need not wait for earlier ones of its lane: it is made in the very
    transaction that causes it, and becomes a row only if that fails.
    """

    kind: str
    lane: str
    scope: Scope
    payload: bytes
    retry: Retry = Retry()
    dead: str = ""
    trace: str = ""
    enqueued_at: float = 0.0
    due_at: float = 0.0
    attempts: int = 0
    failure: str = ""
    at_once: bool = False
    is_exhausted: bool = False
    """In what its `dead` kind gets: whether it was tried as often or as long as it may be."""


class Timer(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """Something to do at `due_at` (epoch seconds of the environment's clock). `key` tells timers of a kind apart:
    setting the same kind, key and time again sets one timer."""

    kind: str
    key: str
    due_at: float
    scope: Scope
    payload: bytes = b""
    trace: str = ""


class Consumer(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A source to be drained as long as the row exists: an event source mapping, a pipe."""

    kind: str
    key: str
    scope: Scope
    payload: bytes = b""


class Undeliverable(Exception):
    """Raised by a delivery's function: trying again is no use; the delivery goes to its `dead` kind at once."""


def settle(error: ApiError) -> Exception:
    """What a delivery's function raises for an error of an operation that it called: where the caller is at fault, or
    the operation is not built, trying again is no use."""
    is_final = (error.sender and not error.retryable) or isinstance(error, NotBuilt)
    return Undeliverable(str(error)) if is_final else error


def render_dead(delivery: Delivery) -> bytes:
    """The payload of the delivery that is made to a `dead` kind: the failed delivery itself."""
    return msgspec.msgpack.encode(delivery)


def parse_dead(payload: bytes) -> Delivery:
    """The failed delivery, with `failure` and `attempts`, from the payload that a `dead` kind gets."""
    return msgspec.msgpack.decode(payload, type=Delivery)
