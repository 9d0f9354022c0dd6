"""EventBridge's rows.

    BUSES          (name)                  -> Bus            "default" has no row until something is set on it
    RULES          (bus, name)             -> Rule
    TARGETS        (bus, rule, id)         -> Target         the rule's entity; BY_ARN: (bus, arn, rule)
    ARCHIVES       (name)                  -> Archive        BY_BUS: (bus)
    ARCHIVED       (archive, at, id)       -> ArchivedEvent  append-only
    REPLAYS        (name)                  -> Replay
    CONNECTIONS    (name)                  -> Connection
    DESTINATIONS   (name)                  -> ApiDestination
    ENDPOINTS      (name)                  -> Endpoint       BY_ENDPOINT_ID: (id)
    OFFERED        (name, account)         -> Offered        a partner's sources
    SOURCES        (name)                  -> Source         an account's own side of one

Invariants: a target's rule exists; an enabled rule with a schedule has one timer, due at `next_due_at`; an archive's
`count` and `size_bytes` tell its ARCHIVED rows.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.store.tables import Table


class Bus(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`settings` are those members of CreateEventBus that are given back as they came."""

    name: str
    created_at: float = 0.0
    modified_at: float = 0.0
    policy: str = ""
    tags: dict[str, str] = {}
    settings: dict[str, Any] = {}


class Rule(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    bus: str
    name: str
    created_by: str
    created_at: float
    pattern: str = ""
    schedule: str = ""
    is_enabled: bool = True
    state: str = "ENABLED"
    description: str = ""
    role_arn: str = ""
    tags: dict[str, str] = {}
    next_due_at: float | None = None
    managed_by: str = ""
    """The service that keeps it, where that is not its account."""


class Target(msgspec.Struct, frozen=True, array_like=True):
    """`settings` is PutTargets' entry as it came."""

    bus: str
    rule: str
    id: str
    arn: str
    settings: dict[str, Any]


class Archive(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    name: str
    bus: str
    source_arn: str
    created_at: float
    pattern: str = ""
    description: str = ""
    retention_days: int = 0
    count: int = 0
    size_bytes: int = 0
    key_id: str = ""


class ArchivedEvent(msgspec.Struct, frozen=True, array_like=True):
    archive: str
    at: float
    id: str
    event: str


class Replay(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    name: str
    archive: str
    source_arn: str
    destination: dict[str, Any]
    since: float
    until: float
    started_at: float
    description: str = ""
    state: str = "STARTING"
    last_replayed_at: float | None = None
    ended_at: float | None = None


class Connection(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`auth` holds the secrets as they came; they are never given back."""

    name: str
    id: str
    authorization_type: str
    auth: dict[str, Any]
    created_at: float
    modified_at: float
    authorized_at: float
    state: str
    description: str = ""
    secret_arn: str = ""


class ApiDestination(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    name: str
    id: str
    connection_arn: str
    endpoint: str
    method: str
    created_at: float
    modified_at: float
    description: str = ""
    rate_limit: int = 300


class Endpoint(msgspec.Struct, frozen=True, array_like=True):
    """`settings` are members of CreateEndpoint as they came."""

    name: str
    id: str
    settings: dict[str, Any]
    created_at: float
    modified_at: float


class Offered(msgspec.Struct, frozen=True, array_like=True):
    """An event source that a partner made for an account."""

    name: str
    account: str


class Source(msgspec.Struct, frozen=True, array_like=True):
    """A partner's event source as its account has it. PENDING since `waiting_since`, ACTIVE or DELETED."""

    name: str
    partner: str
    created_at: float
    waiting_since: float
    state: str = "PENDING"


BUSES = Table("events.bus", Bus, key=("name",))
RULES = Table("events.rule", Rule, key=("bus", "name"))
TARGETS = Table("events.target", Target, key=("bus", "rule", "id"), entity=2)
BY_ARN = TARGETS.index("arn", ("bus", "arn", "rule"))
ARCHIVES = Table("events.archive", Archive, key=("name",))
BY_BUS = ARCHIVES.index("bus", ("bus",))
ARCHIVED = Table("events.archived", ArchivedEvent, key=("archive", "at", "id"), append_only=True)
REPLAYS = Table("events.replay", Replay, key=("name",))
CONNECTIONS = Table("events.connection", Connection, key=("name",))
DESTINATIONS = Table("events.destination", ApiDestination, key=("name",))
ENDPOINTS = Table("events.endpoint", Endpoint, key=("name",))
BY_ENDPOINT_ID = ENDPOINTS.index("id", ("id",))
OFFERED = Table("events.offered", Offered, key=("name", "account"))
SOURCES = Table("events.source", Source, key=("name",))
