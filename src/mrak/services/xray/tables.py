"""X-Ray's rows.

    SEGMENTS   (trace, segment)   -> Segment     documents as JSON
      BY_TIME  (started_at)                      for summaries of a span of time, and for forgetting old ones

    GROUPS     (name)             -> Group
    RULES      (name)             -> Rule        sampling rules, without the default one until it is changed
    REPORTS    (rule, client)     -> Report      what samplers last said
    POLICIES   (name)             -> Policy
    SETTINGS   ()                 -> Settings

Invariant: a segment is its trace's; a trace is nothing but its segments.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.store.tables import Table


class Segment(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    trace: str
    segment: str
    started_at: float
    ended_at: float
    document: str
    is_root: bool = False


SEGMENTS = Table("xray.segment", Segment, key=("trace", "segment"))
BY_TIME = SEGMENTS.index("time", ("started_at",))


class Group(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    name: str
    id: str
    expression: str = ""
    insights: dict[str, bool] = {}
    tags: dict[str, str] = {}


class Rule(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    name: str
    settings: dict[str, Any]
    created_at: float
    modified_at: float
    tags: dict[str, str] = {}


class Report(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    rule: str
    client: str
    at: float
    requests: int
    sampled: int
    borrowed: int


class Policy(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    name: str
    document: str
    revision: int
    updated_at: float


class Settings(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    key_id: str = ""
    """What encrypts, "" for nothing of the account's own."""
    key: str = ""


GROUPS = Table("xray.group", Group, key=("name",))
RULES = Table("xray.rule", Rule, key=("name",))
REPORTS = Table("xray.report", Report, key=("rule", "client"))
POLICIES = Table("xray.policy", Policy, key=("name",))
SETTINGS = Table("xray.settings", Settings, key=("key",))
