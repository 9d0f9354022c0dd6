"""CloudFormation's rows. All belong to the stack's account and region.

    STACKS      (id)                     -> Stack        also those deleted, as at AWS
      BY_NAME   (live_name)                              the one stack that holds a name
      BY_TIME   (created_at)
    VERSIONS    (stack_id, number)       -> Version      a template with the values that it was applied with
    RESOURCES   (stack_id, logical_id)   -> Row          a resource as it stands, and how it was before a running update
    EVENTS      (stack_id, sequence)     -> Event        never rewritten
    CHANGE_SETS (stack_id, id)           -> ChangeSet
      SETS_BY_ID (id)
    EXPORTS     (name)                   -> Export
      OF_STACK  (stack_id)
    IMPORTS     (name, stack_id)         -> Import       which stacks use an export
    MACROS      (name)                   -> Macro        transforms of the account, each a function
    TOKENS      (token)                  -> Token        who may answer at the URL of a custom resource or wait handle

Invariants: a stack whose status ends in _IN_PROGRESS has a delivery in the outbox (except REVIEW_IN_PROGRESS) that goes
on with it; its status alone says what is to be done. A row has a `physical_id` if and only if something may exist that
has to be deleted. `before` is the state to which a rollback returns.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.store.tables import Table


class Stack(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`version` is the template in force, `target` the one being applied, `policy` the stack policy's text."""

    id: str
    name: str
    status: str
    created_at: float
    live_name: str | None
    reason: str = ""
    updated_at: float | None = None
    deleted_at: float | None = None
    version: int = 0
    target: int = 0
    outputs: list[dict[str, Any]] = []
    role_arn: str = ""
    principal: bytes = b""
    on_failure: str = "ROLLBACK"
    termination_protection: bool = False
    change_set_id: str = ""
    notification_arns: list[str] = []
    timeout_minutes: int = 0
    parent_id: str = ""
    root_id: str = ""
    policy: str = ""
    cancelled: bool = False
    retain: list[str] = []
    rollback_configuration: dict[str, Any] = {}
    endpoint: str = ""
    """Where its maker reached us, for the URLs of its resources."""


class Version(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`original` as it came, `processed` after its transforms (JSON). Parameters: [name, given, resolved, NoEcho]."""

    stack_id: str
    number: int
    original: str
    processed: str
    parameters: list[tuple[str, str, str, bool]]
    capabilities: list[str] = []
    tags: list[dict[str, str]] = []
    failure: str = ""
    """Why its transforms failed: what is to be deployed is not known, and the operation turns round at once."""

    def secrets(self) -> set[str]:
        """The values of NoEcho parameters."""
        return {resolved or given for _, given, resolved, no_echo in self.parameters if no_echo and (resolved or given)}


class Snapshot(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """What a resource was made with. `properties` is JSON as evaluated, secrets still named and not resolved."""

    physical_id: str
    properties: str
    attributes: dict[str, Any]
    name: str = ""
    policy: str = "Delete"
    status: str = ""
    needs: list[str] = []


class Row(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`change` is what the running update does to it: "" | create | update | replace | discard | remove.

    With `replace` and `discard`, what `before` names is deleted in the cleanup. `settled` is the version whose turn
    this resource has had. `deletion_policy` and `replace_policy` are the template's."""

    stack_id: str
    logical_id: str
    type: str
    status: str
    updated_at: float
    reason: str = ""
    physical_id: str = ""
    properties: str = "{}"
    attributes: dict[str, Any] = {}
    name: str = ""
    needs: list[str] = []
    deletion_policy: str = "Delete"
    replace_policy: str = "Delete"
    change: str = ""
    before: Snapshot | None = None
    settled: int = 0
    metadata: str = ""
    token: str = ""

    def snapshot(self) -> Snapshot:
        return Snapshot(
            physical_id=self.physical_id,
            properties=self.properties,
            attributes=self.attributes,
            name=self.name,
            policy=self.replace_policy,
            status=self.status,
            needs=self.needs,
        )


class Event(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    stack_id: str
    sequence: int
    id: str
    stack_name: str
    logical_id: str
    physical_id: str
    type: str
    status: str
    at: float
    reason: str = ""
    properties: str = ""


class ChangeSet(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    id: str
    name: str
    stack_id: str
    kind: str
    status: str
    execution: str
    created_at: float
    version: int
    reason: str = ""
    description: str = ""
    changes: list[dict[str, Any]] = []
    role_arn: str = ""
    notification_arns: list[str] = []
    on_failure: str = ""
    imports: list[dict[str, Any]] = []
    nested: bool = False
    valued: list[dict[str, Any]] = []
    """The changes as IncludePropertyValues shows them."""
    warning: str = ""


class Export(msgspec.Struct, frozen=True, array_like=True):
    name: str
    value: str
    stack_id: str


class Import(msgspec.Struct, frozen=True, array_like=True):
    name: str
    stack_id: str
    stack_name: str


class Token(msgspec.Struct, frozen=True, array_like=True):
    """`answers` are the bodies that came, by unique id; a custom resource has one. `handle` is a wait handle's logical
    id."""

    token: str
    stack_id: str
    account: str
    region: str
    answers: list[str] = []
    handle: str = ""


STACKS = Table("cloudformation.stack", Stack, key=("id",))
BY_NAME = STACKS.index("name", ("live_name",))
BY_TIME = STACKS.index("time", ("created_at",))
VERSIONS = Table("cloudformation.version", Version, key=("stack_id", "number"), append_only=True)
RESOURCES = Table("cloudformation.resource", Row, key=("stack_id", "logical_id"))
EVENTS = Table("cloudformation.event", Event, key=("stack_id", "sequence"), append_only=True)
CHANGE_SETS = Table("cloudformation.change-set", ChangeSet, key=("stack_id", "id"))
SETS_BY_ID = CHANGE_SETS.index("id", ("id",))
EXPORTS = Table("cloudformation.export", Export, key=("name",))
EXPORTS_OF_STACK = EXPORTS.index("stack", ("stack_id",))
IMPORTS = Table("cloudformation.import", Import, key=("name", "stack_id"))
IMPORTS_OF_STACK = IMPORTS.index("stack", ("stack_id",))
TOKENS = Table("cloudformation.token", Token, key=("token",))


class Macro(msgspec.Struct, frozen=True, array_like=True):
    name: str
    function: str


MACROS = Table("cloudformation.macro", Macro, key=("name",))
