"""The warm pool: which instance runs which request. A state machine without I/O.

`handle(now, event)` takes what happened and returns what is to be done; `validate()` checks the invariants below and
`story(request_id)` tells what happened to a request. The supervisor carries the instructions out.

An instance is STARTING (for one request, its `cause`), IDLE, BUSY with a request, SETTLING (it has answered and has
not asked for more) or DYING (killed, its process not yet seen to end). A request is WAITING for the instance that is
being started for it, QUEUED because the machine has no room, or RUNNING.

Invariants
- A request runs on at most one instance, and an instance runs at most one request.
- Every waiting request is the cause of exactly one instance that is starting or settling, so that no request waits
  for nothing. Any
  other instance of its fleet that becomes free takes the oldest first; the one started for it is then a spare, which
  the next request adopts.
- Idle instances are reused last in, first out, so that the rest can age and be evicted.
- Requests of one account and of one reserved function never exceed their limits; like AWS, what is beyond is
  refused, not queued. Only the machine's own limit (`max_instances`) makes requests queue.
- An instance of an outdated fingerprint gets no more requests than those made for that fingerprint.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Any

import msgspec

from mrak.core.deviations import deviation
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
from mrak.lambdas.fleets import Fleet, Instance, Request, State

STORY_LINES = 20_000
SETTLE_SECONDS = 0.025
"""How long a request waits for an instance that has answered to ask for more, before another is started."""


class Limits(msgspec.Struct, frozen=True):
    """What this machine bears. The initialisation limit is AWS's (lambda-runtime-environment, Init phase)."""

    max_instances: int = 200
    idle_seconds: float = 300.0
    init_seconds: float = 10.0
    queue_seconds: float = 120.0


class Pool:
    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._fleets: dict[tuple[str, str, str], Fleet] = {}
        self._current: dict[tuple[str, str], Fleet] = {}
        self._instances: dict[int, Instance] = {}
        self._requests: dict[str, Request] = {}
        self._queue: deque[Request] = deque()
        self._by_account: Counter[str] = Counter()
        self._by_function: Counter[str] = Counter()
        self._last_instance = 0
        self._idle_timer_set = False
        self._stopped = False
        self._story: deque[tuple[float, str, int | None, str]] = deque(maxlen=STORY_LINES)
        self._now = 0.0
        self._out: list[Instruction] = []
        self._handlers: dict[type, Callable[[Any], None]] = {
            InvokeRequested: self._on_invoke,
            NextPolled: self._on_next,
            Responded: self._on_response,
            InitFailed: self._on_init_failed,
            Exited: self._on_exit,
            Killed: self._on_killed,
            TimerFired: self._on_timer,
            FunctionRetired: self._on_retired,
            Stopped: self._on_stopped,
        }

    def handle(self, now: float, event: Event) -> list[Instruction]:
        """Takes one event; returns what is to be done, in this order."""
        self._now = now
        self._out = []
        self._handlers[type(event)](event)
        return self._out

    # --- what can be asked

    def state_of(self, instance: int) -> State | None:
        found = self._instances.get(instance)
        return found.state if found else None

    def running_on(self, instance: int) -> str | None:
        """The request that the instance runs now."""
        found = self._instances.get(instance)
        return found.request.event.request_id if found and found.request else None

    def counts(self) -> dict[str, int]:
        """Instances by state and requests by kind, for status pages."""
        states = Counter(instance.state.name.lower() for instance in self._instances.values())
        return {**states, "requests": len(self._requests), "queued": len(self._queue)}

    def story(self, request_id: str) -> list[str]:
        """What happened to a request, oldest first; the instances that had to do with it are named."""
        return [
            f"{at:.6f} {what}" + (f" (instance {instance})" if instance is not None else "")
            for at, request, instance, what in self._story
            if request == request_id
        ]

    # --- requests

    def _on_invoke(self, event: InvokeRequested) -> None:
        assert event.request_id not in self._requests, f"request {event.request_id} is already under way"
        refused = self._find_refusal(event)
        if refused is not None:
            self._tell(event.request_id, None, refused.value)
            self._out.append(Complete(event.request_id, refused))
            return
        fleet = self._fleet_of(event)
        request = Request(event, fleet)
        self._requests[event.request_id] = request
        self._by_account[event.account] += 1
        self._by_function[event.counted] += 1
        if fleet.idle:
            self._send(fleet.idle.pop(), request)
        else:
            fleet.pending.append(request)
            self._adopt_or_start(request)

    def _find_refusal(self, event: InvokeRequested) -> Result | None:
        if self._stopped:
            return Result.STOPPED
        if event.reserved is not None:
            return Result.THROTTLED_RESERVED if self._by_function[event.counted] >= event.reserved else None
        return Result.THROTTLED_ACCOUNT if self._by_account[event.account] >= event.account_limit else None

    def _fleet_of(self, event: InvokeRequested) -> Fleet:
        version = (event.function, event.version)
        current = self._current.get(version)
        if current is not None and current.fingerprint == event.fingerprint:
            return current
        if current is not None:
            self._retire(current)
        key = (*version, event.fingerprint)
        fleet = self._fleets.get(key)
        if fleet is None:
            fleet = self._fleets[key] = Fleet(*key)
        fleet.retired = False
        self._current[version] = fleet
        return fleet

    def _adopt_or_start(self, request: Request) -> None:
        """An instance that has just answered, or a spare that is starting already, is better than a new one."""
        fleet = request.fleet
        soon_free = next(iter(fleet.settling), None)
        spare = soon_free if soon_free is not None else next(iter(fleet.spares), None)
        if spare is None:
            self._start_or_queue(request)
            return
        fleet.settling.pop(spare, None)
        fleet.spares.pop(spare, None)
        instance = self._instances[spare]
        instance.cause, request.instance = request, instance
        self._tell(request.event.request_id, spare, "waits for an instance that is nearly free")
        if soon_free is not None:
            self._out.append(SetTimer(f"settle:{spare}", self._now + SETTLE_SECONDS))

    def _release_cause(self, instance: Instance) -> None:
        """The request that waits for this instance needs another."""
        cause, instance.cause = instance.cause, None
        if cause is not None and cause.instance is instance:
            cause.instance = None
            self._adopt_or_start(cause)

    def _start_or_queue(self, request: Request) -> None:
        if len(self._instances) < self.limits.max_instances:
            self._start(request)
            return
        request.queued = True
        self._queue.append(request)
        self._tell(request.event.request_id, None, "queued: the machine has no room")
        self._out.append(SetTimer(f"queue:{request.event.request_id}", self._now + self.limits.queue_seconds))
        if not any(instance.state == State.DYING for instance in self._instances.values()):
            self._evict_longest_idle()

    def _start(self, request: Request) -> None:
        self._last_instance += 1
        instance = Instance(self._last_instance, request.fleet, request)
        self._instances[instance.id] = request.fleet.instances[instance.id] = instance
        request.instance = instance
        self._tell(request.event.request_id, instance.id, "starting an instance")
        self._out.append(Start(instance.id, request.event.request_id))
        # AWS gives the first initialisation ten seconds; one that is repeated within the invocation gets the
        # function's own time (Lambda developer guide, Runtime environment, Init phase).
        seconds = request.event.timeout_seconds if request.inits_timed_out else self.limits.init_seconds
        self._out.append(SetTimer(f"init:{instance.id}", self._now + seconds))

    def _send(self, instance: Instance, request: Request) -> None:
        cause = request.instance
        if cause is not None and cause is not instance:
            cause.cause = None
            if cause.state == State.STARTING:
                cause.fleet.spares[cause.id] = None
        instance.cause = None
        instance.fleet.spares.pop(instance.id, None)
        instance.state = State.BUSY
        instance.request = request
        request.instance = instance
        self._tell(request.event.request_id, instance.id, "sent")
        self._out.append(Send(instance.id, request.event.request_id))
        self._out.append(SetTimer(f"run:{instance.id}", self._now + request.event.timeout_seconds))

    def _complete(self, request: Request, result: Result, instance: Instance | None) -> None:
        event = request.event
        del self._requests[event.request_id]
        self._release(self._by_account, event.account)
        self._release(self._by_function, event.counted)
        number = instance.id if instance else None
        self._tell(event.request_id, number, result.value)
        self._out.append(Complete(event.request_id, result, number))

    @staticmethod
    def _release(counter: Counter[str], key: str) -> None:
        counter[key] -= 1
        if not counter[key]:
            del counter[key]

    def _abandon(self, request: Request) -> None:
        """Takes a request that nothing runs out of all lines."""
        request.fleet.pending.remove(request)
        if request.queued:
            self._unqueue(request)

    def _unqueue(self, request: Request) -> None:
        request.queued = False
        self._queue.remove(request)
        self._out.append(CancelTimer(f"queue:{request.event.request_id}"))

    # --- instances

    def _on_next(self, event: NextPolled) -> None:
        instance = self._instances.get(event.instance)
        if instance is None or instance.state in (State.DYING, State.IDLE):
            return
        if instance.state == State.STARTING:
            self._out.append(CancelTimer(f"init:{instance.id}"))
        else:
            self._stop_run(instance)
        if instance.state == State.BUSY:
            # It asks for more without having answered: there is no telling what it would do next.
            self._fail_running(instance, Result.EXITED)
            self._kill(instance, "asked for the next invocation without answering the last")
            return
        self._free(instance)

    def _stop_run(self, instance: Instance) -> None:
        """The run is over: its time-out with it, and the wait for its instance to settle."""
        self._out.append(CancelTimer(f"run:{instance.id}"))
        instance.fleet.settling.pop(instance.id, None)
        if instance.state == State.SETTLING and instance.cause is not None:
            self._out.append(CancelTimer(f"settle:{instance.id}"))

    def _free(self, instance: Instance) -> None:
        """Gives a free instance its next request, or a rest, or an end."""
        fleet = instance.fleet
        starved = self._find_starved(fleet)
        if starved is not None:
            self._discharge(instance, "another function has waited longer for room")
        elif fleet.pending:
            request = instance.cause or fleet.pending[0]
            self._abandon(request)
            self._send(instance, request)
        elif fleet.retired or self._stopped:
            self._discharge(instance, "outdated")
        elif self._queue:
            self._discharge(instance, "other requests need its room")
        else:
            self._rest(instance)

    def _find_starved(self, fleet: Fleet) -> Request | None:
        """The longest queued request, if its fleet has no instance at all and it is older than this fleet's own."""
        if not self._queue:
            return None
        oldest = self._queue[0]
        if oldest.fleet is fleet or oldest.fleet.instances:
            return None
        return oldest

    def _rest(self, instance: Instance) -> None:
        instance.state = State.IDLE
        instance.cause = instance.request = None
        instance.fleet.spares.pop(instance.id, None)
        instance.idle_since = self._now
        instance.fleet.idle.append(instance)
        if not self._idle_timer_set:
            self._idle_timer_set = True
            self._out.append(SetTimer("idle", self._now + self.limits.idle_seconds))

    def _discharge(self, instance: Instance, why: str) -> None:
        """Ends an instance that nothing runs on; a request that it was started for gets another."""
        cause, instance.cause = instance.cause, None
        self._kill(instance, why)
        if cause is not None and cause.instance is instance:
            cause.instance = None
            self._start_or_queue(cause)

    def _kill(self, instance: Instance, why: str) -> None:
        if instance.state == State.DYING:
            return
        if instance.state == State.IDLE:
            instance.fleet.idle.remove(instance)
        elif instance.state == State.STARTING:
            instance.fleet.spares.pop(instance.id, None)
            self._out.append(CancelTimer(f"init:{instance.id}"))
        else:
            self._stop_run(instance)
        instance.state = State.DYING
        self._out.append(Kill(instance.id, why))

    def _on_response(self, event: Responded) -> None:
        instance = self._instances.get(event.instance)
        if instance is None or instance.state != State.BUSY or instance.request is None:
            return
        if instance.request.event.request_id != event.request_id:
            return
        self._fail_running(instance, Result.FAILED if event.failed else Result.RESPONDED)
        instance.state = State.SETTLING
        instance.fleet.settling[instance.id] = None

    def _fail_running(self, instance: Instance, result: Result) -> None:
        request, instance.request = instance.request, None
        if request is not None:
            self._complete(request, result, instance)

    def _on_init_failed(self, event: InitFailed) -> None:
        instance = self._instances.get(event.instance)
        if instance is None or instance.state != State.STARTING:
            return
        deviation("LAMBDA-006")
        self._fail_cause(instance, Result.INIT_FAILED)
        self._kill(instance, "initialisation failed")

    def _fail_cause(self, instance: Instance, result: Result) -> None:
        cause, instance.cause = instance.cause, None
        if cause is not None:
            self._abandon(cause)
            self._complete(cause, result, instance)

    def _on_killed(self, event: Killed) -> None:
        instance = self._instances.get(event.instance)
        if instance is None:
            return
        if instance.state == State.STARTING:
            self._fail_cause(instance, Result.INIT_EXITED)
        else:
            self._fail_running(instance, Result.EXITED)
        self._kill(instance, "over its memory")
        self._release_cause(instance)

    def _on_exit(self, event: Exited) -> None:
        instance = self._instances.pop(event.instance, None)
        if instance is None:
            return
        fleet = instance.fleet
        del fleet.instances[instance.id]
        fleet.spares.pop(instance.id, None)
        if instance.state == State.STARTING:
            self._out.append(CancelTimer(f"init:{instance.id}"))
            self._fail_cause(instance, Result.INIT_EXITED)
        elif instance.state in (State.BUSY, State.SETTLING):
            self._stop_run(instance)
            self._fail_running(instance, Result.EXITED)
        elif instance.state == State.IDLE:
            fleet.idle.remove(instance)
        self._release_cause(instance)
        self._drop_if_empty(fleet)
        self._admit()

    def _admit(self) -> None:
        """Starts instances for queued requests as far as there is room."""
        while self._queue and len(self._instances) < self.limits.max_instances:
            request = self._queue[0]
            self._unqueue(request)
            self._start(request)

    def _drop_if_empty(self, fleet: Fleet) -> None:
        if fleet.instances or fleet.pending:
            return
        self._fleets.pop((fleet.function, fleet.version, fleet.fingerprint), None)
        if self._current.get((fleet.function, fleet.version)) is fleet:
            del self._current[fleet.function, fleet.version]

    # --- time and changes

    def _on_timer(self, event: TimerFired) -> None:
        kind, _, subject = event.timer.partition(":")
        if kind == "idle":
            self._sweep_idle()
        elif kind == "queue":
            self._on_queue_timeout(subject)
        else:
            instance = self._instances.get(int(subject))
            if instance is not None and kind == "init" and instance.state == State.STARTING:
                self._on_init_timeout(instance)
            elif instance is not None and kind == "run" and instance.state in (State.BUSY, State.SETTLING):
                self._fail_running(instance, Result.TIMED_OUT)
                self._kill(instance, "timed out")
                self._release_cause(instance)
            elif instance is not None and kind == "settle" and instance.state == State.SETTLING:
                self._release_cause(instance)

    def _on_queue_timeout(self, request_id: str) -> None:
        request = self._requests.get(request_id)
        if request is not None and request.queued:
            self._abandon(request)
            self._complete(request, Result.THROTTLED_HOST, None)
            self._drop_if_empty(request.fleet)

    def _on_init_timeout(self, instance: Instance) -> None:
        cause, instance.cause = instance.cause, None
        self._kill(instance, "initialisation took too long")
        if cause is None:
            return
        cause.instance = None
        cause.inits_timed_out += 1
        if cause.inits_timed_out > 1:
            self._abandon(cause)
            self._complete(cause, Result.TIMED_OUT, instance)
        else:
            self._start_or_queue(cause)

    def _sweep_idle(self) -> None:
        self._idle_timer_set = False
        oldest = None
        for instance in list(self._instances.values()):
            if instance.state != State.IDLE:
                continue
            if instance.idle_since + self.limits.idle_seconds <= self._now:
                self._kill(instance, "idle")
            elif oldest is None or instance.idle_since < oldest:
                oldest = instance.idle_since
        if oldest is not None:
            self._idle_timer_set = True
            self._out.append(SetTimer("idle", oldest + self.limits.idle_seconds))

    def _evict_longest_idle(self) -> None:
        idle = [instance for instance in self._instances.values() if instance.state == State.IDLE]
        if idle:
            self._kill(min(idle, key=lambda instance: instance.idle_since), "room for another function")

    def _on_retired(self, event: FunctionRetired) -> None:
        for fleet in [fleet for fleet in self._fleets.values() if fleet.function == event.function]:
            self._retire(fleet)

    def _retire(self, fleet: Fleet) -> None:
        fleet.retired = True
        if self._current.get((fleet.function, fleet.version)) is fleet:
            del self._current[fleet.function, fleet.version]
        for instance in list(fleet.idle):
            self._kill(instance, "outdated")

    def _on_stopped(self, event: Stopped) -> None:
        self._stopped = True
        for request in list(self._requests.values()):
            if request in request.fleet.pending:
                self._abandon(request)
            self._complete(request, Result.STOPPED, None)
        for instance in list(self._instances.values()):
            instance.cause = instance.request = None
            self._kill(instance, "the server stops")
        for fleet in list(self._fleets.values()):
            self._drop_if_empty(fleet)

    def _tell(self, request_id: str, instance: int | None, what: str) -> None:
        self._story.append((self._now, request_id, instance, what))

    # --- invariants

    def validate(self) -> None:
        """Fails where an invariant of this module does not hold."""
        assert len(self._instances) <= self.limits.max_instances
        for instance in self._instances.values():
            self._validate_instance(instance)
        for request_id, request in self._requests.items():
            assert request.event.request_id == request_id
            self._validate_request(request)
        for fleet in self._fleets.values():
            assert fleet.instances or fleet.pending, "a fleet of nothing"
            assert not (fleet.idle and fleet.retired), "an outdated instance rests"
            assert len(fleet.idle) == sum(i.state == State.IDLE for i in fleet.instances.values())
            assert not (fleet.idle and fleet.pending), "a request waits beside an idle instance"
            starting = [i for i in fleet.instances.values() if i.state == State.STARTING and i.cause is None]
            assert set(fleet.spares) == {i.id for i in starting}
            assert all(fleet.instances[i].state == State.SETTLING for i in fleet.settling)
        assert self._by_account == Counter(r.event.account for r in self._requests.values())
        assert self._by_function == Counter(r.event.counted for r in self._requests.values())
        assert all(request.queued for request in self._queue)
        if self._queue:
            assert len(self._instances) >= self.limits.max_instances, "a request is queued beside free room"

    def _validate_instance(self, instance: Instance) -> None:
        assert instance.fleet.instances.get(instance.id) is instance
        assert (instance.request is not None) == (instance.state == State.BUSY)
        assert (instance in instance.fleet.idle) == (instance.state == State.IDLE)
        if instance.cause is not None:
            assert instance.state in (State.STARTING, State.SETTLING) and instance.cause.instance is instance
        if instance.request is not None:
            assert instance.request.instance is instance
            assert self._requests.get(instance.request.event.request_id) is instance.request

    def _validate_request(self, request: Request) -> None:
        pending = request in request.fleet.pending
        if request.queued:
            assert pending and request in self._queue and request.instance is None
        elif pending:
            assert request.instance is not None and request.instance.cause is request
        else:
            assert request.instance is not None and request.instance.request is request
