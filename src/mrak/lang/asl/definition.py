"""From a definition's text to its states. `validation` says what is wrong with a text; here it is known to be right.

`parse` is cached by text: an execution parses its definition once per process, not once per transition.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

JSONATA = "JSONata"
JSONPATH = "JSONPath"


@dataclass(frozen=True, slots=True)
class State:
    """One state. `raw` is the JSON object; `branches` are a Parallel's branches or a Map's one processor."""

    name: str
    kind: str
    raw: dict[str, Any]
    is_jsonata: bool
    branches: tuple[States, ...] = ()

    @property
    def next(self) -> str | None:
        """The state that follows; None where this one ends its branch."""
        return self.raw.get("Next")

    @property
    def processor(self) -> dict[str, Any]:
        """A Map's ItemProcessor, or Iterator as it was called."""
        return self.raw.get("ItemProcessor") or self.raw.get("Iterator") or {}

    @property
    def is_distributed(self) -> bool:
        return bool(self.processor.get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED")


@dataclass(frozen=True, slots=True)
class States:
    """The states of a machine, of a branch or of a Map's processor, and where they start."""

    start_at: str
    states: dict[str, State]


@dataclass(frozen=True, slots=True)
class Definition:
    text: str
    root: States
    timeout_seconds: int | None

    def find(self, path: tuple[str, ...]) -> States:
        """The states at a path of (state, branch index) pairs, flattened: ("Fork", "0", "Each", "0")."""
        found = self.root
        for name, branch in zip(path[::2], path[1::2], strict=True):
            found = found.states[name].branches[int(branch)]
        return found


@lru_cache(maxsize=512)
def parse(text: str) -> Definition:
    """The plan of a valid definition."""
    raw = msgspec.json.decode(text)
    language = raw.get("QueryLanguage", JSONPATH)
    return Definition(text, _parse_states(raw, language), raw.get("TimeoutSeconds"))


def narrowed(whole: Definition, path: tuple[str, ...]) -> Definition:
    """The states at a path as a definition of its own: what a child execution of a distributed Map runs."""
    return Definition(whole.text, whole.find(path), None)


def all_states(states: States) -> Iterator[State]:
    """Every state, those of branches after the state that has them."""
    for state in states.states.values():
        yield state
        for branch in state.branches:
            yield from all_states(branch)


def parse_state(name: str, raw: dict[str, Any], language: str = JSONPATH) -> State:
    """One state by itself."""
    own = raw.get("QueryLanguage", language)
    kind = raw.get("Type", "")
    inner: list[dict[str, Any]] = []
    if kind == "Parallel":
        inner = raw.get("Branches", [])
    elif kind == "Map":
        inner = [raw.get("ItemProcessor") or raw.get("Iterator") or {"StartAt": "", "States": {}}]
    # States inside inherit the language of the machine, not of the state around them.
    branches = tuple(_parse_states(branch, language) for branch in inner)
    return State(name, kind, raw, own == JSONATA, branches)


def _parse_states(raw: dict[str, Any], language: str) -> States:
    states = {name: parse_state(name, state, language) for name, state in raw["States"].items()}
    return States(raw.get("StartAt", ""), states)
