"""What the pool keeps: fleets, their instances, and the requests that are not over."""

from __future__ import annotations

from collections import deque
from enum import IntEnum

from mrak.lambdas.events import InvokeRequested


class State(IntEnum):
    STARTING = 1
    IDLE = 2
    BUSY = 3
    SETTLING = 4
    DYING = 5


class Request:
    """A request that is not over. `inits_timed_out` counts initialisations that took too long."""

    __slots__ = ("event", "fleet", "inits_timed_out", "instance", "queued")

    def __init__(self, event: InvokeRequested, fleet: Fleet) -> None:
        self.event = event
        self.fleet = fleet
        self.instance: Instance | None = None
        self.queued = False
        self.inits_timed_out = 0


class Instance:
    __slots__ = ("cause", "fleet", "id", "idle_since", "request", "state")

    def __init__(self, number: int, fleet: Fleet, cause: Request) -> None:
        self.id = number
        self.fleet = fleet
        self.state = State.STARTING
        self.cause: Request | None = cause
        self.request: Request | None = None
        self.idle_since = 0.0


class Fleet:
    """The instances of one fingerprint of one version, and the requests that no instance has taken yet."""

    __slots__ = ("fingerprint", "function", "idle", "instances", "pending", "retired", "settling", "spares", "version")

    def __init__(self, function: str, version: str, fingerprint: str) -> None:
        self.function = function
        self.version = version
        self.fingerprint = fingerprint
        self.idle: list[Instance] = []
        self.instances: dict[int, Instance] = {}
        self.pending: deque[Request] = deque()
        self.spares: dict[int, None] = {}
        self.settling: dict[int, None] = {}
        self.retired = False
