"""What the pool hears and what it answers: plain values, so that a schedule can be written down and replayed.

Events go in, instructions come out (`pool.Pool.handle`). Times are seconds of any clock that only grows.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

# --- events


class InvokeRequested(msgspec.Struct, frozen=True, gc=False):
    """Somebody wants a function to run.

    `function` is the function (for reserved concurrency), `version` one published version of it, `fingerprint`
    its code and configuration: another fingerprint of the same version replaces the older instances. `share` is the
    part of the function's concurrency that it takes: "" or the qualifier with provisioned concurrency of its own.
    """

    request_id: str
    account: str
    function: str
    version: str
    fingerprint: str
    timeout_seconds: float
    account_limit: int
    reserved: int | None = None
    share: str = ""

    @property
    def counted(self) -> str:
        """Whose concurrency it takes."""
        return f"{self.function}#{self.share}" if self.share else self.function


class NextPolled(msgspec.Struct, frozen=True, gc=False):
    """The instance asks for work: its initialisation, or its invocation, is over."""

    instance: int


class Responded(msgspec.Struct, frozen=True, gc=False):
    """The instance answered its invocation; `failed` when it posted a function error."""

    instance: int
    request_id: str
    failed: bool = False


class InitFailed(msgspec.Struct, frozen=True, gc=False):
    """The instance posted an initialisation error."""

    instance: int


class Exited(msgspec.Struct, frozen=True, gc=False):
    """The instance's process is gone."""

    instance: int


class Killed(msgspec.Struct, frozen=True, gc=False):
    """The supervisor had to end the instance by itself (memory); its exit follows."""

    instance: int


class TimerFired(msgspec.Struct, frozen=True, gc=False):
    timer: str


class FunctionRetired(msgspec.Struct, frozen=True, gc=False):
    """The function was deleted or changed: instances end once they are idle, waiting requests still run on
    the code that they were made for."""

    function: str


class Stopped(msgspec.Struct, frozen=True, gc=False):
    """The server stops: everything ends now."""


Event = InvokeRequested | NextPolled | Responded | InitFailed | Exited | Killed | TimerFired | FunctionRetired | Stopped

# --- instructions


class Start(msgspec.Struct, frozen=True, gc=False):
    """Start an instance; `request_id` is the request that it is started for."""

    instance: int
    request_id: str


class Send(msgspec.Struct, frozen=True, gc=False):
    """Hand the request to the instance, which waits for it."""

    instance: int
    request_id: str


class Kill(msgspec.Struct, frozen=True, gc=False):
    instance: int
    why: str


class SetTimer(msgspec.Struct, frozen=True, gc=False):
    timer: str
    at: float


class CancelTimer(msgspec.Struct, frozen=True, gc=False):
    timer: str


class Result(StrEnum):
    """How a request ended."""

    RESPONDED = "responded"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    EXITED = "exited"
    INIT_FAILED = "init failed"
    INIT_EXITED = "exited in init"
    THROTTLED_RESERVED = "throttled by reserved concurrency"
    THROTTLED_ACCOUNT = "throttled by account concurrency"
    THROTTLED_HOST = "no room on this machine"
    STOPPED = "server stopped"


class Complete(msgspec.Struct, frozen=True, gc=False):
    """The request is over; `instance` is where it ran or should have run."""

    request_id: str
    result: Result
    instance: int | None = None


Instruction = Start | Send | Kill | SetTimer | CancelTimer | Complete
