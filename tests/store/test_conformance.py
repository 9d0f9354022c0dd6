"""One suite on every store: what a transaction promises, whatever is below."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mrak.core.background import Consumer, Delivery, Timer
from mrak.core.entropy import SeededEntropy
from mrak.core.scope import Scope
from mrak.store.api import Aftermath, UnopenedWrite
from mrak.store.faulty import FaultyStore
from mrak.store.memory import MemoryStore
from mrak.store.sqlite import SqliteStore
from mrak.store.tables import Table

SCOPE = Scope("test", "111111111111", "us-east-1")


class Row(msgspec.Struct, frozen=True, array_like=True):
    owner: str
    number: int
    due_at: float | None = None
    note: str = ""


ROWS = Table("test.rows", Row, key=("owner", "number"))
DUE = ROWS.index("due", ("owner", "due_at"))
LOG = Table("test.log", Row, key=("owner", "number"), append_only=True)
GROUPED = Table("test.grouped", Row, key=("owner", "number"), entity=1)


class Bench:
    """A store under test with what it reported as durable."""

    def __init__(self, make: Callable[[Callable[[Aftermath], None]], Any]) -> None:
        self.loop = asyncio.new_event_loop()
        self.aftermaths: list[Aftermath] = []
        self.store = make(self.aftermaths.append)

    def run(self, function: Callable[[Any], Any]) -> Any:
        return self.loop.run_until_complete(self.store.transact(function))

    def close(self) -> None:
        self.loop.run_until_complete(self.store.close())
        self.loop.close()


def make_bench(kind: str, folder: Path) -> Bench:
    sequence = SeededEntropy(1).sequence
    if kind == "memory":
        return Bench(lambda on_durable: MemoryStore(on_durable, sequence))
    if kind == "sqlite":
        return Bench(lambda on_durable: SqliteStore(folder / "store.db", "process", on_durable, sequence))
    return Bench(lambda on_durable: FaultyStore(MemoryStore(on_durable, sequence), lambda: None))


@pytest.fixture(params=["memory", "sqlite", "faulty"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    made = make_bench(request.param, tmp_path)
    yield made
    made.close()


def test_what_was_put_is_read(bench: Bench) -> None:
    """The least of all promises, within a transaction and after it."""

    def write(tx: Any) -> None:
        tx.put(b"k", b"v")
        assert tx.get(b"k") == b"v"

    bench.run(write)
    assert bench.run(lambda tx: tx.get_many([b"k", b"none"])) == [b"v", None]


def test_an_exception_undoes_everything(bench: Bench) -> None:
    """Errors change nothing: neither rows nor wake-ups nor deliveries."""

    def fail(tx: Any) -> None:
        tx.put(b"k", b"v")
        tx.notify("topic")
        raise ValueError

    with pytest.raises(ValueError):
        bench.run(fail)
    assert bench.run(lambda tx: tx.get(b"k")) is None
    assert bench.aftermaths == []


def test_scans_are_ordered_bounded_and_see_own_writes(bench: Bench) -> None:
    """A scan merges what is committed with what the transaction wrote and deleted, either way, to its limit."""

    def fill(tx: Any) -> None:
        for i in range(50):
            tx.put(b"k%02d" % i, b"old")

    def look(tx: Any) -> list[list[bytes]]:
        tx.delete(b"k03")
        tx.put(b"k05x", b"new")
        tx.delete_range(b"k10", b"k20")
        tx.put(b"k15", b"again")
        forwards = [key for key, _ in tx.scan(b"k02", b"k21")]
        backwards = [key for key, _ in tx.scan(b"k02", b"k21", reverse=True)]
        few = [key for key, _ in tx.scan(b"k02", b"k21", limit=4)]
        return [forwards, backwards, few]

    bench.run(fill)
    forwards, backwards, few = bench.run(look)
    expected = [b"k02", b"k04", b"k05", b"k05x", b"k06", b"k07", b"k08", b"k09", b"k15", b"k20"]
    assert forwards == expected
    assert backwards == expected[::-1]
    assert few == expected[:4]
    assert bench.run(lambda tx: tx.count(b"k", b"l")) == 50 - 1 + 1 - 10 + 1


def test_unopened_writes_fail(bench: Bench) -> None:
    """A forgotten lock has to show on a laptop, not in production."""
    with pytest.raises(UnopenedWrite):
        bench.run(lambda tx: ROWS.insert(tx, SCOPE, Row("a", 1)))
    bench.run(lambda tx: LOG.insert(tx, SCOPE, Row("a", 1)))

    def whole_entity(tx: Any) -> None:
        GROUPED.lock(tx, SCOPE, "a")
        GROUPED.insert(tx, SCOPE, Row("a", 1))
        with pytest.raises(UnopenedWrite):
            GROUPED.insert(tx, SCOPE, Row("b", 1))

    bench.run(whole_entity)


def test_index_rows_follow_their_rows(bench: Bench) -> None:
    """An index is the projection of its table: moved on replace, gone on delete, sparse where a field is None."""

    def put(row: Row) -> Callable[[Any], None]:
        def write(tx: Any) -> None:
            old = ROWS.open(tx, SCOPE, row.owner, row.number)
            if old is None:
                ROWS.insert(tx, SCOPE, row)
            else:
                ROWS.replace(tx, SCOPE, old, row)

        return write

    def due(upto: float | None = None) -> list[int]:
        return bench.run(lambda tx: [row.number for row in DUE.scan(tx, SCOPE, "a", upto=upto)])

    for number, due_at in ((1, 30.0), (2, -10.0), (3, None), (4, 20.0)):
        bench.run(put(Row("a", number, due_at)))
    assert due() == [2, 4, 1]
    assert due(20.0) == [2, 4]
    bench.run(put(Row("a", 2, 25.0)))
    bench.run(put(Row("a", 1, None)))
    assert due() == [4, 2]

    def remove(tx: Any) -> None:
        ROWS.delete(tx, SCOPE, ROWS.open(tx, SCOPE, "a", 4))

    bench.run(remove)
    assert due() == [2]
    bench.run(lambda tx: ROWS.delete_all(tx, SCOPE, "a"))
    assert due() == []
    assert bench.run(lambda tx: ROWS.count(tx, SCOPE, "a")) == 0


def test_aftermath_comes_once_and_only_after_the_commit(bench: Bench) -> None:
    """Deliveries, timers, consumers and wake-ups are set going by the commit that holds their rows."""
    delivery = Delivery(kind="x.y", lane="lane", scope=SCOPE, payload=b"p")
    timer = Timer(kind="x.z", key="k", due_at=5.0, scope=SCOPE)
    consumer = Consumer(kind="x.c", key="k", scope=SCOPE)

    def cause(tx: Any) -> None:
        tx.enqueue(delivery)
        tx.at(timer)
        tx.consume(consumer)
        tx.notify("topic")
        assert bench.aftermaths == []

    bench.run(cause)
    (aftermath,) = bench.aftermaths
    assert [made for _, made in aftermath.deliveries] == [delivery]
    assert (aftermath.next_timer, aftermath.consumers) == (5.0, [(consumer, True)])
    assert aftermath.topics == ["topic"]


KEYS = st.binary(min_size=1, max_size=3)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, st.binary(max_size=3)),
        st.tuples(st.just("delete"), KEYS, st.just(b"")),
        st.tuples(st.just("range"), KEYS, KEYS),
        st.tuples(st.just("commit"), st.just(b""), st.just(b"")),
        st.tuples(st.just("undo"), st.just(b""), st.just(b"")),
    ),
    max_size=60,
)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_a_store_is_a_sorted_dict(kind: str, steps: list[tuple[str, bytes, bytes]], tmp_path_factory: Any) -> None:
    """Any sequence of writes, in any grouping into transactions that commit or fail, leaves what a dict would hold;
    inside each transaction, reads and scans see it too."""
    bench = make_bench(kind, tmp_path_factory.mktemp("store"))
    model: dict[bytes, bytes] = {}
    try:
        for group, fails in _grouped(steps):
            expected = dict(model)
            _apply(expected, group)

            def transaction(tx: Any, group: Any = group, fails: bool = fails, expected: Any = expected) -> None:
                for verb, first, second in group:
                    if verb == "put":
                        tx.put(first, second)
                    elif verb == "delete":
                        tx.delete(first)
                    else:
                        tx.delete_range(first, second)
                assert list(tx.scan(b"", b"\xff" * 4)) == sorted(expected.items())
                assert list(tx.scan(b"", b"\xff" * 4, reverse=True)) == sorted(expected.items(), reverse=True)
                assert tx.count(b"", b"\xff" * 4) == len(expected)
                if fails:
                    raise ValueError

            try:
                bench.run(transaction)
                model = expected
            except ValueError:
                assert fails
        assert bench.run(lambda tx: list(tx.scan(b"", b"\xff" * 4))) == sorted(model.items())
    finally:
        bench.close()


def _grouped(steps: list[tuple[str, bytes, bytes]]) -> Iterator[tuple[list[tuple[str, bytes, bytes]], bool]]:
    group: list[tuple[str, bytes, bytes]] = []
    for step in steps:
        if step[0] in ("commit", "undo"):
            yield group, step[0] == "undo"
            group = []
        else:
            group.append(step)
    yield group, False


def _apply(model: dict[bytes, bytes], group: list[tuple[str, bytes, bytes]]) -> None:
    for verb, first, second in group:
        if verb == "put":
            model[first] = second
        elif verb == "delete":
            model.pop(first, None)
        else:
            for key in [key for key in model if first <= key < second]:
                del model[key]
