"""What a handler sees of the engine and the store: two protocols, so that services sit below both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from mrak.core.background import Consumer, Delivery, Timer
from mrak.core.entropy import Draws
from mrak.core.http import Request
from mrak.core.scope import Scope

T = TypeVar("T")


class Transaction(Protocol):
    """One atomic, durable change. Bytes in, bytes out, ordered. A function that gets one acts only through it,
    never waits, and may run again. Typed access is `store.tables.Table`."""

    def lock(self, entity: bytes) -> None:
        """Opens an entity: transactions that open the same one are serial, and only what is open may be written."""
        ...

    def check_open(self, entity: bytes) -> None:
        """Fails where the entity was not opened; on every backend, so that a forgotten lock shows at once."""
        ...

    def get(self, key: bytes) -> bytes | None: ...

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]: ...

    def scan(
        self, start: bytes, end: bytes, limit: int | None = None, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """Rows with start <= key < end in key order. Lazy: what is not drawn is not read."""
        ...

    def count(self, start: bytes, end: bytes) -> int:
        """How many rows there are from start to end. Costs as much as it counts, though little for each."""
        ...

    def put(self, key: bytes, value: bytes) -> None: ...

    def delete(self, key: bytes) -> None: ...

    def delete_range(self, start: bytes, end: bytes) -> None: ...

    def claim(self, start: bytes, end: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Up to `limit` first rows, opened for this transaction; rows that another holds are passed over."""
        ...

    def notify(self, topic: str) -> None:
        """Wakes those who listen to the topic, after the commit."""
        ...

    def enqueue(self, delivery: Delivery) -> None:
        """Commits a delivery with its cause; it is made right after the commit."""
        ...

    def at(self, timer: Timer) -> None:
        """Sets a timer."""
        ...

    def cancel(self, timer: Timer) -> None:
        """Removes a timer that was set with the same kind, key and time; nothing where there is none."""
        ...

    def consume(self, consumer: Consumer) -> None:
        """Starts a consumer after the commit, or restarts it with a new payload."""
        ...

    def unconsume(self, consumer: Consumer) -> None:
        """Ends a consumer after the commit."""
        ...


class Principal(Protocol):
    """Who asks. The struct is auth.principals.Principal."""

    @property
    def account(self) -> str: ...

    @property
    def arn(self) -> str: ...

    @property
    def is_judged(self) -> bool:
        """Whether it may do only what its own policies allow: a user, or a session."""
        ...

    @property
    def policy_arn(self) -> str:
        """As policies name it: for a session the role's own ARN."""
        ...

    @property
    def user_id(self) -> str: ...


class Listener(Protocol):
    @property
    def abandoned(self) -> bool:
        """Whether nobody is left to answer: the client has gone, or the server stops. Ends a wait."""
        ...

    async def wait(self, timeout_seconds: float) -> bool:
        """Until the topic was notified since the last wait (or the listener's start): True; or time's up: False."""
        ...


class Blobs(Protocol):
    """Bodies too large for a row, as immutable files. Write, then commit the reference; orphans are swept."""

    def writer(self) -> Any:
        """A new blob being written (store.blobs.BlobWriter)."""
        ...

    def path(self, blob_id: str) -> str: ...

    def discard(self, blob_id: str) -> None:
        """Removes a blob that no row refers to any more."""
        ...

    def is_writing(self, blob_id: str) -> bool:
        """Whether a writer of this blob is open."""
        ...

    async def duplicate(self, blob_id: str) -> Any:
        """A writer of a new blob that has the same content already, at no cost that grows with it."""
        ...


class Context(Protocol):
    """One operation under way. `now` is fixed at its start, `draw` gives its ids: a second attempt sees the same."""

    scope: Scope
    principal: Principal
    operation: str
    """The operation's name, "" outside of one."""
    request_id: str
    now: float
    draw: Draws
    trace: str
    """The trace header that goes on with what this operation causes: Root=...;Parent=...;Sampled=1."""

    @property
    def joined_trace(self) -> str:
        """`trace` where this operation came with one; "" where it would be the first of its own, for what is only kept
        for later."""
        ...

    lineage: str
    """Which functions the request came through (core.lineage); "" where none."""
    source: str
    """The caller's address, "" where it did not come over the network."""
    http: Request | None
    """The request as it came, where it came over HTTP: for what S3 decides by headers that its model lacks."""

    @property
    def blobs(self) -> Blobs: ...

    @property
    def endpoint(self) -> str:
        """The base URL under which the caller reached us, for URLs in outputs (http://localhost:4566)."""
        ...

    def clock(self) -> float:
        """The environment's time at this moment, for handlers that wait."""
        ...

    def meter(self, unit: str, amount: float) -> None:
        """Adds to what this operation uses, in AWS's billing units."""
        ...

    def about(self, resource: str) -> None:
        """Names the resource (ARN) that this operation is about, for records and authorisation."""
        ...

    def tally(self, name: str, place: str, amount: float) -> None:
        """Adds up, by place, what an annotation of the operation's record counts. Places are texts, since records are
        shown as JSON."""
        ...

    def annotate(self, name: str, value: Any) -> None:
        """Adds something worth seeing to the operation's record (a rule that did not match, a function's error)."""
        ...

    async def transact(self, function: Callable[[Transaction], T]) -> T:
        """Runs a function in one transaction; returns after the commit."""
        ...

    async def call(
        self,
        service: str,
        operation: str,
        params: dict[str, Any],
        *,
        scope: Scope | None = None,
        principal: Principal | None = None,
    ) -> dict[str, Any]:
        """Another operation, as the same principal unless another is named; same trace. Raises its ApiError."""
        ...

    def in_trace(self, trace: str, principal: Principal | None = None) -> Context:
        """A context for what goes on with another trace than this one's ("" begins a new one): a consumer's batches,
        each in the trace of its cause; as the same principal unless another is named."""
        ...

    def resource_id(self, length: int, alphabet: str = "abcdefghijklmnopqrstuvwxyz0123456789") -> str:
        """A fresh id for something that anonymous requests name in a host or path (an API, a function URL): its end
        tells the environment. An alphabet of capitals makes it of capitals."""
        ...

    def live(self, kind: type[T]) -> T:
        """This environment's one object of a class, made when first asked for: what may end with the process (open
        connections, caches)."""
        ...

    def listen(self, topic: str) -> AbstractContextManager[Listener]:
        """Listens to a topic of `tx.notify`; open it before looking, then wait: no wake-up is missed."""
        ...

    async def sleep_until(self, moment: float) -> None:
        """Waits until the environment's clock shows `moment`; advancing the clock ends the wait."""
        ...

    def part(self, name: str) -> Any:
        """A part of the process that the composition root provides by name ("lambdas": the supervisor)."""
        ...
