"""What runs without a request: deliveries, timers and consumers, on a manual clock and a real engine in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from mrak.core.background import Consumer, Delivery, Retry, Timer, Undeliverable, parse_dead
from mrak.core.operation import consumer, delivery, timer
from mrak.core.scope import DEFAULT_ACCOUNT, DEFAULT_ENVIRONMENT, Scope
from mrak.store import background
from mrak.store.keys import prefix_end

SCOPE = Scope(DEFAULT_ENVIRONMENT, DEFAULT_ACCOUNT, "us-east-1")

made: list[str] = []
failing: set[str] = set()


@delivery("test.local")
def make_local(ctx: Any, tx: Any, item: Delivery) -> None:
    if item.payload.decode() in failing:
        raise RuntimeError("not yet")
    tx.put(b"\x7fmade/" + item.payload, b"")
    made.append(item.payload.decode())


@delivery("test.remote")
async def make_remote(ctx: Any, item: Delivery) -> None:
    await asyncio.sleep(0)
    name = item.payload.decode()
    if name in failing:
        raise RuntimeError("not yet")
    if name == "never":
        raise Undeliverable("no such target")
    made.append(name)


@delivery("test.dead")
def bury(ctx: Any, tx: Any, item: Delivery) -> None:
    failed = parse_dead(item.payload)
    made.append(f"dead {failed.payload.decode()} after {failed.attempts}: {failed.failure}")


@timer("test.tick")
def tick(ctx: Any, tx: Any, due: Timer) -> None:
    made.append(f"{due.key} at {ctx.now - START:.0f}")


@consumer("test.source")
async def drain(ctx: Any, source: Consumer) -> None:
    made.append(f"start {source.payload.decode()}")
    try:
        await asyncio.Event().wait()
    finally:
        made.append(f"end {source.payload.decode()}")


START = 1_700_000_000.0


class Driver:
    """The default environment of a cloud in memory."""

    def __init__(self, cloud: Any) -> None:
        self.cloud = cloud
        self.environment = cloud.app.environments.find_open(DEFAULT_ENVIRONMENT)

    def commit(self, function: Callable[[Any], None]) -> None:
        self.cloud.loop.run_until_complete(self.environment.transact(function))

    def until(self, condition: Callable[[], bool]) -> None:
        self.cloud.until(condition)

    def outbox_count(self) -> int:
        found: list[int] = []
        self.commit(lambda tx: found.append(tx.count(background.OUTBOX, prefix_end(background.OUTBOX))))
        return found[0]

    def run(self, work: Awaitable[Any]) -> Any:
        return self.cloud.loop.run_until_complete(work)


@pytest.fixture
def driver(cloud: Any) -> Iterator[Driver]:
    made.clear()
    failing.clear()
    yield Driver(cloud)


def a_delivery(name: str, kind: str = "test.local", **fields: Any) -> Delivery:
    fields.setdefault("lane", "lane")
    return Delivery(kind=kind, scope=SCOPE, payload=name.encode(), enqueued_at=START, **fields)


@pytest.mark.parametrize("kind", ["test.local", "test.remote"])
def test_deliveries_of_a_lane_come_in_order_and_leave_the_outbox(driver: Driver, kind: str) -> None:
    """The outbox is empty when everything was made, and a lane keeps its order."""

    def cause(tx: Any) -> None:
        for number in range(100):
            tx.enqueue(a_delivery(str(number), kind))

    driver.commit(cause)
    driver.until(lambda: len(made) == 100 and driver.outbox_count() == 0)
    assert made == [str(number) for number in range(100)]


@pytest.mark.parametrize("kind", ["test.local", "test.remote"])
def test_a_failing_delivery_holds_up_its_lane_and_no_other(driver: Driver, kind: str) -> None:
    """A slow or broken target must not delay others, nor may its own messages overtake each other."""
    failing.add("first")

    def cause(tx: Any) -> None:
        tx.enqueue(a_delivery("first", kind))
        tx.enqueue(a_delivery("second", kind))
        tx.enqueue(a_delivery("elsewhere", kind, lane="other"))

    driver.commit(cause)
    driver.until(lambda: "elsewhere" in made)
    assert made == ["elsewhere"]
    failing.clear()
    driver.cloud.advance_clock(2)
    driver.until(lambda: driver.outbox_count() == 0)
    assert made == ["elsewhere", "first", "second"]


def test_what_need_not_wait_is_made_with_its_cause(driver: Driver) -> None:
    """In the transaction that causes it: durable when that returns, and never a row of the outbox."""

    def cause(tx: Any) -> None:
        for number in range(3):
            tx.enqueue(a_delivery(str(number), lane=f"lane {number}", at_once=True))
        assert tx.count(background.OUTBOX, prefix_end(background.OUTBOX)) == 0

    driver.commit(cause)
    assert made == ["0", "1", "2"]
    assert driver.outbox_count() == 0
    driver.commit(lambda tx: made.append(str(tx.count(b"\x7fmade/", b"\x7fmade0"))))
    assert made[-1] == "3"


def test_one_that_fails_at_once_waits_in_the_outbox(driver: Driver) -> None:
    """Its cause is committed all the same, nothing is half done, and the others do not wait for it."""
    failing.add("bad")

    def cause(tx: Any) -> None:
        tx.put(b"\x7fcause", b"")
        for name in ("good", "bad"):
            tx.enqueue(a_delivery(name, lane=name, at_once=True))

    driver.commit(cause)
    driver.until(lambda: driver.outbox_count() == 1)
    kept: list[bool] = []
    keys = (b"\x7fcause", b"\x7fmade/good", b"\x7fmade/bad")
    driver.commit(lambda tx: kept.extend(tx.get(key) is not None for key in keys))
    assert kept == [True, True, False]
    failing.clear()
    driver.cloud.advance_clock(2)
    driver.until(lambda: driver.outbox_count() == 0)
    assert made[-1] == "bad"


def test_too_many_at_once_go_through_the_outbox(driver: Driver) -> None:
    """A transaction stays short, however many it causes."""

    def cause(tx: Any) -> None:
        for number in range(100):
            tx.enqueue(a_delivery(str(number), lane=str(number), at_once=True))

    driver.commit(cause)
    driver.until(lambda: driver.outbox_count() == 0)
    assert sorted(made, key=int) == [str(number) for number in range(100)]


def test_back_off_goes_by_the_environments_clock_and_ends_with_the_dead_kind(driver: Driver) -> None:
    """Three attempts, one and two seconds apart, then the delivery that says why."""
    failing.add("x")
    retry = Retry(attempts=3, first_delay_seconds=1, longest_delay_seconds=10)
    driver.commit(lambda tx: tx.enqueue(a_delivery("x", "test.remote", retry=retry, dead="test.dead")))
    for _ in range(3):
        driver.run(asyncio.sleep(0.02))
        driver.cloud.advance_clock(2)
    driver.until(lambda: bool(made))
    assert made == ["dead x after 3: not yet"]
    driver.until(lambda: driver.outbox_count() == 0)


def test_what_can_never_be_delivered_is_not_tried_again(driver: Driver) -> None:
    driver.commit(lambda tx: tx.enqueue(a_delivery("never", "test.remote", dead="test.dead")))
    driver.until(lambda: bool(made))
    assert made == ["dead never after 1: no such target"]


def test_a_transaction_that_fails_delivers_nothing(driver: Driver) -> None:
    """A delivery is committed with its cause, or not at all."""

    def cause(tx: Any) -> None:
        tx.enqueue(a_delivery("ghost"))
        raise ValueError

    with pytest.raises(ValueError):
        driver.commit(cause)
    driver.commit(lambda tx: tx.enqueue(a_delivery("real")))
    driver.until(lambda: driver.outbox_count() == 0)
    assert made == ["real"]


def test_a_lane_longer_than_memory_loses_nothing(driver: Driver) -> None:
    """Beyond a thousand the lane's rest stays in the store and is loaded as it drains, in order."""
    failing.add("0")

    def cause(tx: Any) -> None:
        for number in range(2500):
            tx.enqueue(a_delivery(str(number), "test.remote"))

    driver.commit(cause)
    driver.run(asyncio.sleep(0.05))
    failing.clear()
    driver.cloud.advance_clock(2)
    driver.until(lambda: driver.outbox_count() == 0)
    assert made == [str(number) for number in range(2500)]


def test_timers_fire_in_order_when_the_clock_is_advanced(driver: Driver) -> None:
    """A month passes at once; what was cancelled does not fire, what is later waits."""

    def cause(tx: Any) -> None:
        for day in (20, 5, 10, 40):
            tx.at(Timer(kind="test.tick", key=f"day {day}", due_at=START + day * 86_400, scope=SCOPE))
        tx.cancel(Timer(kind="test.tick", key="day 10", due_at=START + 10 * 86_400, scope=SCOPE))

    driver.commit(cause)
    driver.cloud.advance_clock(30 * 86_400)
    driver.until(lambda: len(made) == 2)
    assert [line.split(" at ")[0] for line in made] == ["day 5", "day 20"]


def test_consumers_start_restart_and_end_with_their_rows(driver: Driver) -> None:
    """Two generations of one consumer never overlap."""

    def source(payload: bytes) -> Consumer:
        return Consumer(kind="test.source", key="k", scope=SCOPE, payload=payload)

    driver.commit(lambda tx: tx.consume(source(b"one")))
    driver.until(lambda: made == ["start one"])
    driver.commit(lambda tx: tx.consume(source(b"two")))
    driver.until(lambda: len(made) == 3)
    driver.commit(lambda tx: tx.unconsume(source(b"two")))
    driver.until(lambda: len(made) == 4)
    assert made == ["start one", "end one", "start two", "end two"]
