"""The pool's rules one by one; random schedules are in tests/sim/test_lambda_pool.py."""

from __future__ import annotations

from mrak.lambdas.events import (
    Complete,
    Event,
    Exited,
    InitFailed,
    Instruction,
    InvokeRequested,
    Kill,
    NextPolled,
    Responded,
    Result,
    Send,
    Start,
    TimerFired,
)
from mrak.lambdas.pool import Limits, Pool


class Bench:
    """A pool with a clock, which keeps only the instructions that a test asks about."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.pool = Pool(limits)
        self.now = 0.0

    def feed(self, event: Event) -> list[Instruction]:
        self.now += 0.001
        out = self.pool.handle(self.now, event)
        self.pool.validate()
        return [i for i in out if isinstance(i, Start | Send | Kill | Complete)]


def ask(request_id: str, fingerprint: str = "1", function: str = "f", reserved: int | None = None) -> InvokeRequested:
    return InvokeRequested(request_id, "a", function, "$LATEST", fingerprint, 3.0, 2, reserved)


def test_first_request_starts_an_instance_and_the_second_reuses_it() -> None:
    """A warm start must not start anything."""
    bench = Bench()
    assert bench.feed(ask("r1")) == [Start(1, "r1")]
    assert bench.feed(NextPolled(1)) == [Send(1, "r1")]
    assert bench.feed(Responded(1, "r1")) == [Complete("r1", Result.RESPONDED, 1)]
    bench.feed(NextPolled(1))
    assert bench.feed(ask("r2")) == [Send(1, "r2")]


def test_the_last_to_rest_is_the_first_to_work() -> None:
    """LIFO reuse lets surplus instances age until they are evicted."""
    bench = Bench()
    for number in (1, 2):
        bench.feed(ask(f"r{number}"))
    for number in (1, 2):
        bench.feed(NextPolled(number))
        bench.feed(Responded(number, f"r{number}"))
        bench.feed(NextPolled(number))
    assert bench.feed(ask("r3")) == [Send(2, "r3")]


def test_limits_refuse_rather_than_queue() -> None:
    """AWS throttles synchronous calls beyond the account's or the function's concurrency (429)."""
    bench = Bench()
    assert bench.feed(ask("r0", reserved=0)) == [Complete("r0", Result.THROTTLED_RESERVED)]
    bench.feed(ask("r1"))
    bench.feed(ask("r2"))
    assert bench.feed(ask("r3")) == [Complete("r3", Result.THROTTLED_ACCOUNT)]


def test_failed_initialisation_is_the_invocations_error() -> None:
    """LAMBDA-006: AWS would initialise once more; here the first failure is the answer."""
    bench = Bench()
    bench.feed(ask("r1"))
    out = bench.feed(InitFailed(1))
    assert out == [Complete("r1", Result.INIT_FAILED, 1), Kill(1, "initialisation failed")]


def test_an_update_replaces_instances() -> None:
    """Code changed: the idle instance of the old code ends, the busy one after its request."""
    bench = Bench()
    bench.feed(ask("r1"))
    bench.feed(NextPolled(1))
    assert bench.feed(ask("r2", fingerprint="2")) == [Start(2, "r2")]
    bench.feed(Responded(1, "r1"))
    assert bench.feed(NextPolled(1)) == [Kill(1, "outdated")]


def test_timeout_completes_and_kills() -> None:
    """A function that runs too long answers with an error, and its instance is not used again."""
    bench = Bench()
    bench.feed(ask("r1"))
    bench.feed(NextPolled(1))
    assert bench.feed(TimerFired("run:1")) == [Complete("r1", Result.TIMED_OUT, 1), Kill(1, "timed out")]


def test_slow_initialisation_is_tried_again_within_the_function_time() -> None:
    """AWS repeats an initialisation of more than ten seconds as part of the invocation, then gives up."""
    bench = Bench()
    bench.feed(ask("r1"))
    assert bench.feed(TimerFired("init:1")) == [Kill(1, "initialisation took too long"), Start(2, "r1")]
    out = bench.feed(TimerFired("init:2"))
    assert Complete("r1", Result.TIMED_OUT, 2) in out


def test_a_full_machine_queues_and_evicts_what_rests() -> None:
    """The machine's own limit is no throttle: another function's idle instance makes room."""
    bench = Bench(Limits(max_instances=1))
    bench.feed(ask("r1"))
    bench.feed(NextPolled(1))
    bench.feed(Responded(1, "r1"))
    bench.feed(NextPolled(1))
    assert bench.feed(ask("r2", function="g")) == [Kill(1, "room for another function")]
    assert bench.feed(Exited(1)) == [Start(2, "r2")]


def test_a_burst_starts_no_more_instances_than_requests_run_at_once() -> None:
    """While instances start, freed ones serve later requests; their starting instances are adopted, not doubled."""
    bench = Bench()
    bench.feed(ask("r1"))
    bench.feed(NextPolled(1))
    assert bench.feed(ask("r2")) == [Start(2, "r2")]
    bench.feed(Responded(1, "r1"))
    assert bench.feed(NextPolled(1)) == [Send(1, "r2")]
    assert bench.feed(ask("r3")) == [], "instance 2 is starting anyway"
    assert bench.feed(NextPolled(2)) == [Send(2, "r3")]


def test_a_request_waits_a_moment_for_an_instance_that_has_answered() -> None:
    """Runtimes answer and ask for more in two steps: a caller that comes in between must not start an instance."""
    bench = Bench()
    bench.feed(ask("r1"))
    bench.feed(NextPolled(1))
    bench.feed(Responded(1, "r1"))
    assert bench.feed(ask("r2")) == []
    assert bench.feed(NextPolled(1)) == [Send(1, "r2")]
    bench.feed(Responded(1, "r2"))
    bench.feed(ask("r3"))
    assert bench.feed(TimerFired("settle:1")) == [Start(2, "r3")], "it takes too long"


def test_story_tells_what_happened() -> None:
    """Debugging a lost request begins with its story."""
    bench = Bench()
    bench.feed(ask("r1"))
    bench.feed(NextPolled(1))
    bench.feed(Exited(1))
    told = [line.split(" ", 1)[1] for line in bench.pool.story("r1")]
    assert told == ["starting an instance (instance 1)", "sent (instance 1)", "exited (instance 1)"]
