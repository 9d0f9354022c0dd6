"""The pool under thousands of seeded schedules: crashes at any moment, late answers, time-outs, throttles, updates.

The world here is a naive model of instances (what each would do next). After every event the pool's own invariants
are checked, and at the end that every request was completed exactly once. A failure prints its seed.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest

from mrak.lambdas.events import (
    CancelTimer,
    Complete,
    Event,
    Exited,
    FunctionRetired,
    InitFailed,
    Instruction,
    InvokeRequested,
    Kill,
    Killed,
    NextPolled,
    Responded,
    Result,
    Send,
    SetTimer,
    Start,
    Stopped,
    TimerFired,
)
from mrak.lambdas.pool import Limits, Pool

LIMITS = Limits(max_instances=4, idle_seconds=20.0, init_seconds=10.0, queue_seconds=30.0)
ACCOUNT_LIMIT = 7
RESERVED = {"f0": 2, "f1": None, "f2": None, "f3": 0}
PROVISIONED = 2


class World:
    """Carries instructions out on imaginary instances; knows which events could happen next."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.pool = Pool(LIMITS)
        self.now = 0.0
        self.timers: dict[str, float] = {}
        self.starting: set[int] = set()
        self.waiting: set[int] = set()
        self.running: dict[int, str] = {}
        self.settling: set[int] = set()
        self.dying: set[int] = set()
        self.completed: Counter[str] = Counter()
        self.asked: list[str] = []
        self.fingerprints: Counter[str] = Counter()

    def feed(self, event: Event) -> None:
        for instruction in self.pool.handle(self.now, event):
            self.carry_out(instruction)
        self.pool.validate()
        self.check_limits()

    def carry_out(self, instruction: Instruction) -> None:
        match instruction:
            case Start(instance):
                assert instance not in self.alive()
                self.starting.add(instance)
            case Send(instance, request_id):
                assert instance in self.waiting, "sent to an instance that does not wait"
                self.waiting.remove(instance)
                self.running[instance] = request_id
            case Kill(instance):
                assert instance in self.alive() - self.dying, "killed what does not live"
                self.forget(instance)
                self.dying.add(instance)
            case SetTimer(timer, at):
                assert at >= self.now
                self.timers[timer] = at
            case CancelTimer(timer):
                self.timers.pop(timer, None)
            case Complete(request_id):
                self.completed[request_id] += 1
                assert self.completed[request_id] == 1, "completed twice"

    def alive(self) -> set[int]:
        return self.starting | self.waiting | set(self.running) | self.settling | self.dying

    def forget(self, instance: int) -> None:
        for group in (self.starting, self.waiting, self.settling, self.dying):
            group.discard(instance)
        self.running.pop(instance, None)

    def check_limits(self) -> None:
        live = [request for request in self.asked if not self.completed[request]]
        own = sum(limit + PROVISIONED for limit in RESERVED.values() if limit is not None)
        assert len(live) <= ACCOUNT_LIMIT + own
        assert len(self.alive()) <= LIMITS.max_instances

    # --- what can happen

    def step(self) -> None:
        choices = [self.ask, self.ask, self.poll, self.poll, self.answer, self.answer, self.settle, self.settle]
        choices += [self.crash, self.bury, self.bury, self.fire, self.fire, self.fail_init, self.rare]
        self.now += self.random.choice([0.0, 0.001, 0.5, 3.0])
        self.random.choice(choices)()

    def pick(self, group: set[int] | dict[int, str]) -> int | None:
        return self.random.choice(sorted(group)) if group else None

    def ask(self) -> None:
        function = self.random.choice(list(RESERVED))
        request_id = f"r{len(self.asked)}"
        self.asked.append(request_id)
        version = self.random.choice(["$LATEST", "1"])
        fingerprint = str(self.fingerprints[function])
        timeout = self.random.choice([1.0, 5.0])
        # A published version of a function with reserved concurrency has a share of its own, as provisioned ones have.
        share = version if version == "1" and RESERVED[function] is not None else ""
        limit = PROVISIONED if share else RESERVED[function]
        self.feed(
            InvokeRequested(request_id, "a", function, version, fingerprint, timeout, ACCOUNT_LIMIT, limit, share)
        )

    def poll(self) -> None:
        instance = self.pick(self.starting)
        if instance is not None:
            self.starting.remove(instance)
            self.waiting.add(instance)
            self.feed(NextPolled(instance))

    def answer(self) -> None:
        instance = self.pick(self.running)
        if instance is not None:
            request_id = self.running.pop(instance)
            self.settling.add(instance)
            self.feed(Responded(instance, request_id, self.random.random() < 0.2))

    def settle(self) -> None:
        instance = self.pick(self.settling)
        if instance is not None:
            self.settling.remove(instance)
            self.waiting.add(instance)
            self.feed(NextPolled(instance))

    def crash(self) -> None:
        instance = self.pick(self.alive())
        if instance is not None:
            self.forget(instance)
            self.feed(Exited(instance))

    def bury(self) -> None:
        instance = self.pick(self.dying)
        if instance is not None:
            self.dying.remove(instance)
            self.feed(Exited(instance))

    def fail_init(self) -> None:
        instance = self.pick(self.starting)
        if instance is not None:
            self.feed(InitFailed(instance))

    def fire(self) -> None:
        if self.timers:
            timer = min(self.timers, key=lambda name: (self.timers[name], name))
            self.now = max(self.now, self.timers.pop(timer))
            self.feed(TimerFired(timer))

    def rare(self) -> None:
        """Late and wrong events, updates, memory kills."""
        instance = self.pick(self.alive())
        function = self.random.choice(list(RESERVED))
        what = self.random.randrange(5)
        if what == 0:
            self.fingerprints[function] += 1
        elif what == 1:
            self.feed(FunctionRetired(function))
        elif what == 2 and instance is not None:
            self.feed(Responded(instance, "r-nobody-asked"))
        elif what == 3 and self.random.random() < 0.3 and instance is not None and instance not in self.waiting:
            self.feed(Killed(instance))
        elif what == 4 and (busy := self.pick(self.running)) is not None:
            self.running.pop(busy)
            self.waiting.add(busy)
            self.feed(NextPolled(busy))

    def drain(self) -> None:
        """Lets time pass until nothing is left; every request must have ended by then."""
        for _ in range(2_000):
            if not (self.timers or self.dying or self.running or self.settling or self.starting):
                return
            self.random.choice([self.bury, self.answer, self.settle, self.poll, self.fire])()
        raise AssertionError("the pool never came to rest")


@pytest.mark.parametrize("block", range(8))
def test_every_schedule_completes_each_request_once(block: int) -> None:
    """2,400 random schedules in eight blocks; the seed of a failing one is in the message."""
    for seed in range(block * 300, block * 300 + 300):
        world = World(seed)
        try:
            for _ in range(world.random.choice([20, 60, 150])):
                world.step()
            world.drain()
            assert set(world.completed) == set(world.asked)
            assert not world.alive(), "idle instances are evicted at last"
        except (AssertionError, KeyError, ValueError) as error:
            raise AssertionError(f"seed {seed}: {error!r}") from error


def test_a_stopped_pool_ends_everything() -> None:
    """Stopping at any moment completes every request and kills every instance; later requests are refused."""
    for seed in range(200):
        world = World(seed)
        for _ in range(40):
            world.step()
        world.feed(Stopped())
        assert set(world.completed) == set(world.asked), f"seed {seed}"
        assert world.alive() == world.dying, f"seed {seed}"
        assert world.pool.handle(world.now, invoke("late"))[0] == Complete("late", Result.STOPPED)


def invoke(request_id: str) -> InvokeRequested:
    return InvokeRequested(request_id, "a", "f", "$LATEST", "1", 3.0, 1000)
