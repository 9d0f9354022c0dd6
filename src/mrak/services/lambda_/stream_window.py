"""Tumbling windows: what a function has made of a stream so far, handed from invocation to invocation of a window.

A window is a span of the records' arrival times. The state lives in the mapping's checkpoint, committed with the
position that it is the state of, so that a crash repeats a batch with the state that it had.
https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-windows.html
"""

from __future__ import annotations

import datetime
import json
from typing import Any

_STATE_LIMIT_BYTES = 1 << 20


class Window:
    """The open window of a mapping, or none yet (`start` is None)."""

    def __init__(self, length_seconds: float, start: float | None, state: bytes) -> None:
        self._length = length_seconds
        self.start = start
        self.state = state

    @property
    def end(self) -> float | None:
        return None if self.start is None else self.start + self._length

    @property
    def is_full(self) -> bool:
        """Whether the state has outgrown what AWS keeps: the window then ends early."""
        return len(self.state) > _STATE_LIMIT_BYTES

    def holds(self, arrived_at: float) -> bool:
        """Whether a record belongs to this window; one that comes late belongs to it too. Opens it where none is."""
        if self.start is None:
            self.start = arrived_at // self._length * self._length
        return bool(arrived_at < self.start + self._length)

    def is_over(self, now: float) -> bool:
        return self.end is not None and now >= self.end

    def close(self) -> None:
        self.start, self.state = None, b"{}"

    def empty(self) -> None:
        """The state was handed over early; the window goes on without."""
        self.state = b"{}"

    def render(self, shard_id: str, stream_arn: str, is_final: bool) -> dict[str, Any]:
        """What an event of the window says beside its records."""
        assert self.start is not None, "no window is open"
        return {
            "window": {"start": _render_time(self.start), "end": _render_time(self.start + self._length)},
            "state": json.loads(self.state),
            "shardId": shard_id,
            "eventSourceARN": stream_arn,
            "isFinalInvokeForWindow": is_final,
            "isWindowTerminatedEarly": is_final and self.is_full,
        }

    def take_state(self, payload: bytes) -> bool:
        """Keeps the state that the function returned; False where it returned none, which is a failure."""
        try:
            answer = json.loads(payload or b"null")
        except ValueError:
            return False
        state = answer.get("state") if isinstance(answer, dict) else None
        if not isinstance(state, dict):
            return False
        self.state = json.dumps(state, ensure_ascii=False, separators=(",", ":")).encode()
        return True


def _render_time(at: float) -> str:
    return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
