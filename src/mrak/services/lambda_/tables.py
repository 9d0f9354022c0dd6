"""Lambda's rows.

    FUNCTIONS    (name)               -> Function     what all versions share
    VERSIONS     (name, number)       -> Version      code and configuration; number 0 is $LATEST
    NUMBERS      (name)               -> Numbers      which version numbers a function that is gone has used
    ALIASES      (name, alias)        -> Alias
    POLICIES     (name, qualifier)    -> Policy       resource policies; qualifier "" is the function's own
    ACCOUNTS     (key)                -> Account      what is reserved of the account's concurrency; one row
    MAPPINGS     (uuid)               -> Mapping      event source mappings
    CHECKPOINTS  (uuid)               -> Checkpoint   how far a mapping has read its stream
    URLS         (name, qualifier)    -> Url          function URLs
    URL_IDS      (url_id)             -> UrlId        whose URL an id is; environment-wide
    EVENTS       (name, qualifier)    -> EventConfig  how asynchronous invocations are retried and where results go
    PROVISIONED  (name, qualifier)    -> Provisioned
    LAYERS       (name, version)      -> Layer
    SIGNING      (config_id)          -> SigningConfig   code signing configurations
    CAPACITY     (name)               -> CapacityProvider
    EXECUTIONS   (execution)          -> Execution    durable executions
    STEPS        (execution, step)    -> Step         what a durable execution has checkpointed (AWS: operations)
    HISTORY      (execution, number)  -> HistoryEvent what happened to a durable execution
    NAMES        (function, name)     -> ExecutionName   which execution has a name

Invariants: a durable execution that runs has an invocation under way, a delivery that makes one, or a step that waits
for something; every function has a version 0; a published version's build never changes; an alias and a URL point to
what exists; ACCOUNTS holds the sum of the functions' reserved concurrency; a mapping that is on has its consumer row.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.store.tables import Table


class Function(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`settings` are kept as they came, by operation: RecursiveLoop, RuntimeManagement, CodeSigning."""

    name: str
    created_at: float
    last_version: int = 0
    reserved: int | None = None
    tags: dict[str, str] = {}
    settings: dict[str, Any] = {}


class Version(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`config` holds AWS's members as AWS spells them. The code is a blob, or for hot reload a folder."""

    name: str
    number: int
    config: dict[str, Any]
    code_id: str
    code_bytes: int
    code_sha256: str
    revision_id: str
    modified_at: float
    code_folder: str = ""
    updated: bool = False
    """Whether it was ever updated; LastUpdateStatus is shown either way."""
    made_of: str = ""
    """What names code and configuration where the revision, which permissions and publishing change too, does not."""
    image_uri: str = ""

    @property
    def build(self) -> str:
        """Changes with all that instances are made of, and with nothing else."""
        return self.made_of or self.revision_id

    @property
    def label(self) -> str:
        return str(self.number) if self.number else "$LATEST"


class Numbers(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    name: str
    last_version: int


class Alias(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    name: str
    alias: str
    version: str
    revision_id: str
    description: str = ""
    weights: dict[str, float] = {}


class Policy(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    name: str
    qualifier: str
    revision_id: str
    statements: list[dict[str, Any]]


class Account(msgspec.Struct, frozen=True, array_like=True):
    key: str
    reserved: int


class Mapping(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`settings` holds AWS's members as AWS spells them."""

    uuid: str
    source_arn: str
    function: str
    qualifier: str
    enabled: bool
    modified_at: float
    settings: dict[str, Any] = {}
    tags: dict[str, str] = {}
    last_result: str = "No records processed"


class Checkpoint(msgspec.Struct, frozen=True, array_like=True):
    """How far a mapping has read its stream; `uuid` is the mapping's, followed by /N for the shard N of a Kinesis
    stream. While a tumbling window is open: when it began, and the state that the function returned last, as JSON."""

    uuid: str
    position: int
    window_start: float | None = None
    window_state: bytes = b"{}"


class Url(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    name: str
    qualifier: str
    url_id: str
    auth_type: str
    invoke_mode: str
    created_at: float
    modified_at: float
    cors: dict[str, Any] | None = None


class UrlId(msgspec.Struct, frozen=True, array_like=True):
    url_id: str
    account: str
    region: str
    name: str
    qualifier: str


class EventConfig(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    name: str
    qualifier: str
    modified_at: float
    retries: int | None = None
    age_seconds: int | None = None
    destinations: dict[str, Any] = {}


class Provisioned(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    name: str
    qualifier: str
    executions: int
    modified_at: float


class Layer(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    name: str
    version: int
    created_at: float
    code_id: str
    code_bytes: int
    code_sha256: str
    settings: dict[str, Any] = {}
    policy: list[dict[str, Any]] = []
    policy_revision: str = ""
    deleted: bool = False


class SigningConfig(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`settings` holds AWS's members as AWS spells them."""

    config_id: str
    modified_at: float
    settings: dict[str, Any]
    tags: dict[str, str] = {}


class CapacityProvider(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`settings` holds AWS's members as AWS spells them."""

    name: str
    modified_at: float
    settings: dict[str, Any]
    tags: dict[str, str] = {}


class Execution(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A durable execution. `phase` is "idle" (it waits for a step), "queued" or "running" (a delivery is there that
    invokes the function). `token` is the number of the checkpoint token that counts, `changes` how often a step
    changed, `seen` how many of these changes the running invocation knows, and `external` the last change that the
    function did not make itself."""

    execution: str
    name: str
    function: str
    version: str
    payload: str
    started_at: float
    deadline: float
    config: dict[str, Any]
    trace: str = ""
    status: str = "RUNNING"
    phase: str = "idle"
    ended_at: float | None = None
    result: str | None = None
    error: dict[str, Any] | None = None
    token: int = 0
    changes: int = 0
    seen: int = 0
    external: int = 0
    events: int = 0
    failures: int = 0
    last_request: tuple[str, int] = ("", 0)
    """ClientToken of the last checkpoint, and what was seen before it."""
    parent: tuple[str, str] | None = None
    """Execution and step that wait for this one."""
    pause: dict[str, Any] | None = None


class Step(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """One operation of a durable execution, whatever its type."""

    execution: str
    step: str
    position: int
    changed: int
    type: str
    status: str
    started_at: float
    ended_at: float | None = None
    parent: str | None = None
    name: str | None = None
    subtype: str | None = None
    attempt: int = 0
    due_at: float | None = None
    result: str | None = None
    error: dict[str, Any] | None = None
    options: dict[str, Any] = {}


class HistoryEvent(msgspec.Struct, frozen=True, array_like=True):
    execution: str
    number: int
    body: dict[str, Any]


class ExecutionName(msgspec.Struct, frozen=True, array_like=True):
    function: str
    name: str
    execution: str


FUNCTIONS = Table("lambda.function", Function, key=("name",))
VERSIONS = Table("lambda.version", Version, key=("name", "number"), entity=1)
NUMBERS = Table("lambda.numbers", Numbers, key=("name",))
ALIASES = Table("lambda.alias", Alias, key=("name", "alias"), entity=1)
POLICIES = Table("lambda.policy", Policy, key=("name", "qualifier"), entity=1)
ACCOUNTS = Table("lambda.account", Account, key=("key",))
MAPPINGS = Table("lambda.mapping", Mapping, key=("uuid",))
MAPPINGS_OF = MAPPINGS.index("function", ("function",))
CHECKPOINTS = Table("lambda.checkpoint", Checkpoint, key=("uuid",))
URLS = Table("lambda.url", Url, key=("name", "qualifier"), entity=1)
URL_IDS = Table("lambda.urlid", UrlId, key=("url_id",))
EVENTS = Table("lambda.events", EventConfig, key=("name", "qualifier"), entity=1)
PROVISIONED = Table("lambda.provisioned", Provisioned, key=("name", "qualifier"), entity=1)
LAYERS = Table("lambda.layer", Layer, key=("name", "version"), entity=1)

SIGNING = Table("lambda.signing", SigningConfig, key=("config_id",))
CAPACITY = Table("lambda.capacity", CapacityProvider, key=("name",))

EXECUTIONS = Table("lambda.execution", Execution, key=("execution",))
EXECUTIONS_OF = EXECUTIONS.index("function", ("function", "started_at"))
STEPS = Table("lambda.step", Step, key=("execution", "step"), entity=1)
STEPS_BY_POSITION = STEPS.index("position", ("execution", "position"))
STEPS_BY_CHANGE = STEPS.index("change", ("execution", "changed"))
HISTORY = Table("lambda.history", HistoryEvent, key=("execution", "number"), entity=1)
NAMES = Table("lambda.executionname", ExecutionName, key=("function", "name"))

HAS_PROVISIONED = "Provisioned"
"""Among a function's settings when it has had provisioned concurrency: most have not, and are spared the look."""
ACCOUNT_KEY = "account"
"""The one row of ACCOUNTS in a scope."""
