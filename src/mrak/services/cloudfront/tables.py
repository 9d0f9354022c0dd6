"""CloudFront's rows. All but INDEX live account-wide, since CloudFront has no regions.

    INDEX          (name)                -> Indexed        which distribution a host name or id is; environment-wide
    DISTRIBUTIONS  (id)                  -> Distribution
      BY_REFERENCE (reference)                             for creations that are tried again
    USES           (used, distribution)  -> Use            which distributions use a policy, function or access control,
                                                           and which functions a key value store
    INVALIDATIONS  (distribution, id)    -> Invalidation
      NEWEST       (distribution, made_at)
    PARTS          (kind, id)            -> Part           policies, access controls, keys: configs with ETags
      BY_NAME      (kind, name)
    FUNCTIONS      (name, stage)         -> Function       `stage` is DEVELOPMENT or LIVE
    LINES          (distribution, window, sequence) -> Line    access logs until they are in a file

Invariants: a distribution has INDEX rows for its id, its domain and each alias, and USES rows for all that its
configuration names; a LIVE function has a DEVELOPMENT one beside it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.store.tables import Table


class Indexed(msgspec.Struct, frozen=True, array_like=True):
    """`name` is in lower case: an id, the first label of a domain, or an alternate domain name."""

    name: str
    account: str
    distribution: str


class Distribution(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`label` is the first label of its domain; `config` is DistributionConfig with all defaults filled in."""

    id: str
    label: str
    reference: str
    etag: str
    config: dict[str, Any]
    created_at: float
    modified_at: float
    tags: dict[str, str] = {}


class Use(msgspec.Struct, frozen=True, array_like=True):
    used: str
    distribution: str


class Invalidation(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    distribution: str
    id: str
    made_at: float
    reference: str
    paths: list[str]


class Part(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    kind: str
    id: str
    name: str
    etag: str
    config: dict[str, Any]
    created_at: float
    modified_at: float


class Function(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    name: str
    stage: str
    etag: str
    config: dict[str, Any]
    code: bytes
    created_at: float
    modified_at: float
    status: str = "UNPUBLISHED"
    tags: dict[str, str] = {}


class Line(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A record that waits for its file; `header` begins the file."""

    distribution: str
    window: int
    sequence: int
    bucket: str
    prefix: str
    header: str
    text: str


INDEX = Table("cloudfront.index", Indexed, key=("name",))
DISTRIBUTIONS = Table("cloudfront.distribution", Distribution, key=("id",))
BY_REFERENCE = DISTRIBUTIONS.index("reference", ("reference",))
USES = Table("cloudfront.use", Use, key=("used", "distribution"))
INVALIDATIONS = Table("cloudfront.invalidation", Invalidation, key=("distribution", "id"))
NEWEST = INVALIDATIONS.index("newest", ("distribution", "made_at"))
INVALIDATIONS_BY_REFERENCE = INVALIDATIONS.index("reference", ("distribution", "reference"))
PARTS = Table("cloudfront.part", Part, key=("kind", "id"))
BY_NAME = PARTS.index("name", ("kind", "name"))
FUNCTIONS = Table("cloudfront.function", Function, key=("name", "stage"), entity=1)
LINES = Table("cloudfront.line", Line, key=("distribution", "window", "sequence"), append_only=True)
