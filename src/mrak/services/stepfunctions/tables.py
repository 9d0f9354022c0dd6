"""Step Functions' rows.

    MACHINES     (name)                    -> Machine      a state machine as it is now
    REVISIONS    (machine, revision)       -> Revision     what an update made of it; executions keep theirs
    VERSIONS     (machine, number)         -> Version
    ALIASES      (machine, name)           -> Alias
    EXECUTIONS   (machine, name)           -> Execution    status and dates, no data
      STARTED    (machine, started_at)                     for lists
      BY_STATUS  (machine, status, started_at)
    PAYLOADS     (machine, name, kind)     -> Payload      "input", "output", "variables", "item"
    PROGRESS     (machine, name)           -> Progress     the next ids; rewritten by each transition
    FRAMES       (machine, name, id)       -> FrameRow     where the execution stands
    EVENTS       (machine, name, id)       -> EventRow     its history; never rewritten
    TOKENS       (token)                   -> Token        task tokens that are waited for
    WATCHERS     (machine, name, by, frame, attempt) -> Watcher   who waits for an execution (.sync)
      WATCHED    (by, frame, attempt)
    ACTIVITIES   (name)                    -> Activity
    SCHEDULED    (activity, sequence)      -> Scheduled    activity tasks that no worker has taken
    MAP_RUNS     (machine, label, id)      -> MapRun       a distributed Map
    ITEMS        (map_run, number)         -> Item         items of it, each a child execution's input
    TAGS         (arn)                     -> Tags

`machine` of a child execution is "machine/label", as in its ARN. Invariants: a running execution has a root frame and a
PROGRESS row, and its events are numbered without gaps; a token is there exactly as long as its frame waits for it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.lang.asl.frames import Frame
from mrak.store.tables import Table


class Machine(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`revision` is "" until the first update, as AWS shows none; `next_version` never goes back."""

    name: str
    kind: str
    created_at: float
    revision: str = ""
    next_version: int = 1


class Revision(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    machine: str
    revision: str
    definition: str
    role_arn: str
    kind: str
    updated_at: float
    logging: dict[str, Any] = {}
    tracing: bool = False
    encryption: dict[str, Any] = {}


class Version(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    machine: str
    number: int
    revision: str
    created_at: float
    description: str = ""


class Alias(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`routes` are (version, weight); `updated_at` 0 for one that never was updated."""

    machine: str
    name: str
    routes: list[tuple[int, int]]
    created_at: float
    updated_at: float = 0.0
    description: str = ""


class Execution(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`revision` names the definition that it runs; for a child execution that of its Map's processor is `processor`, a
    path of state names and branch numbers."""

    machine: str
    name: str
    revision: str
    status: str
    started_at: float
    stopped_at: float = 0.0
    version: int = 0
    alias: str = ""
    trace: str = ""
    error: str | None = None
    cause: str | None = None
    redrive_count: int = 0
    redriven_at: float = 0.0
    map_run: str | None = None
    processor: tuple[str, ...] = ()
    item_number: int = 0
    item_count: int = 0
    expires_at: float = 0.0
    """When the machine's TimeoutSeconds are over."""


class Payload(msgspec.Struct, frozen=True, array_like=True):
    machine: str
    name: str
    kind: str
    text: str


class Progress(msgspec.Struct, frozen=True, array_like=True):
    machine: str
    name: str
    next_event: int
    next_frame: int


class FrameRow(msgspec.Struct, frozen=True, array_like=True):
    machine: str
    name: str
    id: int
    frame: Frame


class EventRow(msgspec.Struct, frozen=True, array_like=True):
    machine: str
    name: str
    id: int
    previous: int
    type: str
    at: float
    details: str = ""


class Token(msgspec.Struct, frozen=True, array_like=True):
    token: str
    machine: str
    name: str
    frame: int
    attempt: int


class Watcher(msgspec.Struct, frozen=True, array_like=True):
    """`by` is the waiting execution: account, region, machine and name, in lines. `shape` is the pattern, .sync or
    .sync:2."""

    machine: str
    name: str
    by: str
    frame: int
    attempt: int
    shape: str


class Activity(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    name: str
    created_at: float
    encryption: dict[str, Any] = {}


class Scheduled(msgspec.Struct, frozen=True, array_like=True):
    activity: str
    sequence: int
    token: str
    input: str


class MapRun(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`parent` is the execution's name, `machine` its machine. Counts are of child executions, `items_*` of items."""

    machine: str
    label: str
    id: str
    parent: str
    frame: int
    attempt: int
    status: str
    started_at: float
    plan: str
    stopped_at: float = 0.0
    max_concurrency: int = 0
    tolerated_count: int = 0
    tolerated_percentage: float = 0.0
    total: int = 0
    next_item: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    timed_out: int = 0
    aborted: int = 0
    items_total: int = 0
    items_succeeded: int = 0
    items_failed: int = 0
    results_written: int = 0
    redrive_count: int = 0
    redriven_at: float = 0.0


class Item(msgspec.Struct, frozen=True, array_like=True):
    """`input` is the child's; `output` its result, once it has one. `count` items are in it (a batch)."""

    map_run: str
    number: int
    input: str
    context: str
    count: int = 1
    output: str = ""


class Tags(msgspec.Struct, frozen=True, array_like=True):
    arn: str
    tags: dict[str, str]


MACHINES = Table("stepfunctions.machine", Machine, key=("name",))
REVISIONS = Table("stepfunctions.revision", Revision, key=("machine", "revision"))
VERSIONS = Table("stepfunctions.version", Version, key=("machine", "number"))
ALIASES = Table("stepfunctions.alias", Alias, key=("machine", "name"))
EXECUTIONS = Table("stepfunctions.execution", Execution, key=("machine", "name"))
STARTED = EXECUTIONS.index("started", ("machine", "started_at"))
BY_STATUS = EXECUTIONS.index("status", ("machine", "status", "started_at"))
PAYLOADS = Table("stepfunctions.payload", Payload, key=("machine", "name", "kind"), entity=2)
PROGRESS = Table("stepfunctions.progress", Progress, key=("machine", "name"))
FRAMES = Table("stepfunctions.frame", FrameRow, key=("machine", "name", "id"), entity=2)
EVENTS = Table("stepfunctions.event", EventRow, key=("machine", "name", "id"), append_only=True)
TOKENS = Table("stepfunctions.token", Token, key=("token",))
WATCHERS = Table("stepfunctions.watcher", Watcher, key=("machine", "name", "by", "frame", "attempt"), entity=2)
WATCHED = WATCHERS.index("by", ("by", "frame", "attempt"))
ACTIVITIES = Table("stepfunctions.activity", Activity, key=("name",))
SCHEDULED = Table("stepfunctions.scheduled", Scheduled, key=("activity", "sequence"))
MAP_RUNS = Table("stepfunctions.maprun", MapRun, key=("machine", "label", "id"))
ITEMS = Table("stepfunctions.item", Item, key=("map_run", "number"))
TAGS = Table("stepfunctions.tags", Tags, key=("arn",))
