"""What a handler holds: one operation under way, in one environment, for one principal."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from mrak.core.context import Principal, Transaction
from mrak.core.entropy import Draws, format_uuid
from mrak.core.lineage import find_lineage
from mrak.core.scope import Scope
from mrak.engine.wakeups import TopicListener

if TYPE_CHECKING:
    from mrak.core.http import Request
    from mrak.engine.environment import Environment
    from mrak.engine.invoke import Engine
    from mrak.store.blobs import BlobStore

T = TypeVar("T")


class OperationContext:
    """core.context.Context. Made for each operation, so it is slots and no more."""

    __slots__ = (
        "annotations",
        "draw",
        "endpoint",
        "engine",
        "environment",
        "http",
        "lineage",
        "now",
        "operation",
        "parent_id",
        "principal",
        "request_bytes",
        "request_id",
        "resource",
        "response_bytes",
        "root_id",
        "scope",
        "source",
        "span_id",
        "traced",
        "usage",
    )  # fmt: skip

    def __init__(
        self, engine: Engine, environment: Environment, scope: Scope, principal: Principal, trace: str = ""
    ) -> None:
        self.engine = engine
        self.environment = environment
        self.scope = scope
        self.principal = principal
        self.operation = ""
        self.now = environment.clock.now()
        self.draw = Draws(engine.entropy)
        self.endpoint = engine.settings.endpoint
        drawn = engine.entropy.bytes(36)
        self.request_id = format_uuid(drawn[:16])
        self.span_id = drawn[16:24].hex()
        self.root_id, self.parent_id = _parse_trace(trace) if trace else ("", None)
        self.lineage = find_lineage(trace) if trace else ""
        self.traced = self.parent_id is not None
        if not self.root_id:
            self.root_id = f"1-{int(self.now):08x}-{drawn[24:].hex()}"
        self.usage: dict[str, float] | None = None
        self.resource: str | None = None
        self.request_bytes = 0
        self.response_bytes = 0
        self.annotations: dict[str, Any] | None = None
        self.source = ""
        """The caller's address, where it came over the network."""
        self.http: Request | None = None

    @property
    def trace(self) -> str:
        self.traced = True
        header = f"Root={self.root_id};Parent={self.span_id};Sampled=1"
        return f"{header};Lineage={self.lineage}" if self.lineage else header

    @property
    def joined_trace(self) -> str:
        return self.trace if self.parent_id is not None else ""

    @property
    def blobs(self) -> BlobStore:
        return self.environment.blobs

    def clock(self) -> float:
        return self.environment.clock.now()

    def meter(self, unit: str, amount: float) -> None:
        if self.usage is None:
            self.usage = {unit: amount}
        else:
            self.usage[unit] = self.usage.get(unit, 0.0) + amount

    def about(self, resource: str) -> None:
        self.resource = resource

    def tally(self, name: str, place: str, amount: float) -> None:
        """Adds up, by place, what an annotation counts."""
        if self.annotations is None:
            self.annotations = {}
        counts = self.annotations.setdefault(name, {})
        counts[place] = counts.get(place, 0.0) + amount

    def annotate(self, name: str, value: Any) -> None:
        """Adds something worth seeing to the operation's record (a rule that did not match, a target)."""
        if self.annotations is None:
            self.annotations = {}
        self.annotations[name] = value

    async def transact(self, function: Callable[[Transaction], T]) -> T:
        mark = self.draw.mark()

        def attempt(tx: Transaction) -> T:
            self.draw.rewind(mark)
            return function(tx)

        return await self.environment.transact(attempt)

    async def call(
        self, service: str, operation: str, params: dict[str, Any], *,
        scope: Scope | None = None, principal: Principal | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        inner = OperationContext(
            self.engine, self.environment, scope or self.scope, principal or self.principal, self.trace
        )
        inner.endpoint = self.endpoint
        return await self.engine.call(inner, service, operation, params)

    def in_trace(self, trace: str, principal: Principal | None = None) -> OperationContext:
        made = OperationContext(self.engine, self.environment, self.scope, principal or self.principal, trace)
        made.endpoint = self.endpoint
        # It leaves no record of its own, so what it calls is the cause's child.
        made.span_id = made.parent_id or made.span_id
        return made

    def resource_id(self, length: int, alphabet: str = "abcdefghijklmnopqrstuvwxyz0123456789") -> str:
        code = self.environment.code
        return self.draw.alphanumeric(length - len(code), alphabet) + (code.upper() if alphabet.isupper() else code)

    def live(self, kind: type[T]) -> T:
        return self.environment.live(kind)

    def listen(self, topic: str) -> TopicListener:
        return self.environment.wakeups.listen(topic, None if self.http is None else self.http.disconnected)

    async def sleep_until(self, moment: float) -> None:
        await self.environment.sleep_until(moment)

    def part(self, name: str) -> Any:
        return self.engine.parts[name]


@lru_cache(maxsize=256)
def _parse_trace(header: str) -> tuple[str, str | None]:
    """Root and parent of an X-Amzn-Trace-Id header; what is malformed is as if absent. All deliveries of one
    operation come with the same header."""
    root, parent = "", None
    if header:
        for field in header.split(";"):
            name, _, value = field.strip().partition("=")
            if name == "Root" and len(value) == 35 and value.startswith("1-"):
                root = value
            elif name == "Parent" and value:
                parent = value[:64]
    return root, parent
