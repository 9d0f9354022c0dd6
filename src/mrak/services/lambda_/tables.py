"""Lambda's rows.

    FUNCTIONS    (name)               -> Function     what all versions share
    VERSIONS     (name, number)       -> Version      code and configuration; number 0 is $LATEST
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

Invariants: every function has a version 0; a published version never changes; an alias and a URL point to what exists;
ACCOUNTS holds the sum of the functions' reserved concurrency; a mapping that is on has its consumer row.
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

    @property
    def build(self) -> str:
        """Changes with all that instances are made of, and with nothing else."""
        return self.made_of or self.revision_id

    @property
    def label(self) -> str:
        return str(self.number) if self.number else "$LATEST"


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
    """How far a mapping has read its stream. While a tumbling window is open: when it began, and
    the state that the function returned last, as JSON."""

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


FUNCTIONS = Table("lambda.function", Function, key=("name",))
VERSIONS = Table("lambda.version", Version, key=("name", "number"), entity=1)
ALIASES = Table("lambda.alias", Alias, key=("name", "alias"), entity=1)
POLICIES = Table("lambda.policy", Policy, key=("name", "qualifier"), entity=1)
ACCOUNTS = Table("lambda.account", Account, key=("key",))
MAPPINGS = Table("lambda.mapping", Mapping, key=("uuid",))
BY_FUNCTION = MAPPINGS.index("function", ("function",))
CHECKPOINTS = Table("lambda.checkpoint", Checkpoint, key=("uuid",))
URLS = Table("lambda.url", Url, key=("name", "qualifier"), entity=1)
URL_IDS = Table("lambda.urlid", UrlId, key=("url_id",))
EVENTS = Table("lambda.events", EventConfig, key=("name", "qualifier"), entity=1)
PROVISIONED = Table("lambda.provisioned", Provisioned, key=("name", "qualifier"), entity=1)
LAYERS = Table("lambda.layer", Layer, key=("name", "version"), entity=1)

SIGNING = Table("lambda.signing", SigningConfig, key=("config_id",))

ACCOUNT_KEY = "account"
"""The one row of ACCOUNTS in a scope."""
