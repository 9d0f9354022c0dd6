"""An execution's history as GetExecutionHistory shows it.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from mrak.lang.asl.frames import HistoryEvent

# Types whose details member is not named after them.
_STATE = re.compile(r"(Pass|Task|Choice|Wait|Succeed|Fail|Parallel|Map)State(Entered|Exited)")
_WITHOUT = frozenset(
    (
        "LambdaFunctionStarted",
        "ParallelStateStarted",
        "ParallelStateSucceeded",
        "ParallelStateFailed",
        "ParallelStateAborted",
        "MapStateSucceeded",
        "MapStateFailed",
        "MapStateAborted",
        "MapRunSucceeded",
        "MapRunAborted",
        "TaskStateAborted",
        "WaitStateAborted",
    )
)


def details_of(event: HistoryEvent) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(event.details) if event.details else {}
    return decoded


def render(event: HistoryEvent, with_data: bool = True) -> dict[str, Any]:
    """An event in AWS's spelling."""
    shown: dict[str, Any] = {
        "timestamp": event.at,
        "type": event.type,
        "id": event.id,
        "previousEventId": event.previous,
    }
    if event.type not in _WITHOUT:
        details = details_of(event)
        if not with_data:
            details = {name: value for name, value in details.items() if name not in ("input", "output", "parameters")}
        shown[details_member(event.type)] = details
    return shown


def details_member(kind: str) -> str:
    """The name of the member that holds the details of a type."""
    state = _STATE.fullmatch(kind)
    name = f"State{state.group(2)}" if state is not None else kind
    return f"{name[0].lower()}{name[1:]}EventDetails"
