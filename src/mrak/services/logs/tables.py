"""CloudWatch Logs' rows. Times are epoch milliseconds, as in the service's API.

Invariants: an event is a row in EVENTS and one in TIMES. TIMES may hold rows whose event is gone with its stream;
readers skip them and a sweep removes them. Sequences are never used twice, so a stream made anew under an old name
sees nothing of the old one.
"""

from __future__ import annotations

import msgspec

from mrak.store.tables import Table


class Group(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    name: str
    created_ms: int
    retention_days: int | None = None
    kms_key: str = ""
    log_class: str = "STANDARD"
    is_protected: bool = False
    tags: dict[str, str] = {}


class Stream(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    group: str
    name: str
    created_ms: int
    first_event_ms: int | None = None
    last_event_ms: int | None = None
    last_ingestion_ms: int | None = None

    @property
    def latest_ms(self) -> int:
        """By which streams are listed: the last event, or the creation where there is none yet."""
        return self.created_ms if self.last_event_ms is None else self.last_event_ms


class Event(msgspec.Struct, frozen=True, array_like=True):
    group: str
    stream: str
    timestamp_ms: int
    sequence: int
    message: str
    ingested_ms: int


class Time(msgspec.Struct, frozen=True, array_like=True):
    """An event's place in its group's order."""

    group: str
    timestamp_ms: int
    sequence: int
    stream: str


class SubscriptionFilter(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    group: str
    name: str
    pattern: str
    destination_arn: str
    created_ms: int
    role_arn: str = ""
    distribution: str = "ByLogStream"
    is_transformed: bool = False
    """What was asked for; there are no transformers."""
    system_fields: list[str] = []
    criteria: str = ""


class MetricFilter(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`transformations` are in AWS's spelling."""

    group: str
    name: str
    pattern: str
    transformations: tuple[dict[str, object], ...]
    created_ms: int
    is_transformed: bool = False
    system_fields: list[str] = []
    """Which of them are dimensions."""
    criteria: str = ""


class AccountPolicy(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`excluded` are the groups that its criteria leave out."""

    kind: str
    name: str
    document: str
    updated_ms: int
    criteria: str = ""
    excluded: list[str] = []


class GroupPolicy(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A group's only policy of a kind: data protection, or field indexes."""

    kind: str
    group: str
    document: str
    updated_ms: int


class Destination(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    name: str
    target_arn: str
    role_arn: str
    created_ms: int
    policy: str = ""
    tags: dict[str, str] = {}


class ResourcePolicy(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    name: str
    document: str
    updated_ms: int


class QueryDefinition(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    id: str
    name: str
    query: str
    modified_ms: int
    groups: tuple[str, ...] = ()


class QueryRun(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A query that was started, and what came of it. `results` is JSON: rows of [field, value] pairs."""

    id: str
    groups: tuple[str, ...]
    text: str
    shown_text: str
    start_ms: int
    end_ms: int
    created_ms: int
    limit: int | None = None
    status: str = "Scheduled"
    results: bytes = b"[]"
    matched: int = 0
    scanned: int = 0
    scanned_bytes: int = 0


class DeliverySource(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A resource whose service writes logs of its own (vended logs)."""

    name: str
    resource_arn: str
    log_type: str
    tags: dict[str, str] = {}


class DeliveryDestination(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    name: str
    kind: str
    resource_arn: str = ""
    output_format: str = ""
    policy: str = ""
    tags: dict[str, str] = {}


class VendedDelivery(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """From a source to a destination; `fields` are the columns of each record."""

    id: str
    source: str
    destination_arn: str
    kind: str
    fields: tuple[str, ...] = ()
    delimiter: str = ""
    suffix_path: str = ""
    is_hive_compatible: bool = False
    tags: dict[str, str] = {}


class ExportTask(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    id: str
    group: str
    since_ms: int
    until_ms: int
    bucket: str
    prefix: str
    created_ms: int
    name: str = ""
    stream_prefix: str = ""
    status: str = "PENDING"
    message: str = ""
    completed_ms: int | None = None


GROUPS = Table("logs.group", Group, key=("name",))
STREAMS = Table("logs.stream", Stream, key=("group", "name"))
LATEST = STREAMS.index("latest", ("group", "latest_ms"))
EVENTS = Table("logs.event", Event, key=("group", "stream", "timestamp_ms", "sequence"), append_only=True)
TIMES = Table("logs.time", Time, key=("group", "timestamp_ms", "sequence"), append_only=True)
SUBSCRIPTIONS = Table("logs.subscription", SubscriptionFilter, key=("group", "name"))
METRIC_FILTERS = Table("logs.metric-filter", MetricFilter, key=("group", "name"))
DESTINATIONS = Table("logs.destination", Destination, key=("name",))
RESOURCE_POLICIES = Table("logs.resource-policy", ResourcePolicy, key=("name",))
DELIVERY_SOURCES = Table("logs.delivery-source", DeliverySource, key=("name",))
DELIVERY_DESTINATIONS = Table("logs.delivery-destination", DeliveryDestination, key=("name",))
DELIVERIES = Table("logs.delivery", VendedDelivery, key=("id",))
DELIVERIES_BY_SOURCE = DELIVERIES.index("source", ("source",))
EXPORT_TASKS = Table("logs.export-task", ExportTask, key=("id",))
TASKS_BY_STATUS = EXPORT_TASKS.index("status", ("status",))
QUERY_RUNS = Table("logs.query-run", QueryRun, key=("id",))
RUNS_BY_TIME = QUERY_RUNS.index("time", ("created_ms",))
QUERY_DEFINITIONS = Table("logs.query-definition", QueryDefinition, key=("id",))
ACCOUNT_POLICIES = Table("logs.account-policy", AccountPolicy, key=("kind", "name"))
GROUP_POLICIES = Table("logs.group-policy", GroupPolicy, key=("kind", "group"))
