"""S3's rows. Bucket names are unique in an environment, so all of them live in its environment-wide scope.

    BUCKETS    (name)                   -> Bucket      what most requests need to know of a bucket
      OWNED    (account, name)                         the buckets of an account
    SETTINGS   (bucket, kind, id)       -> Setting     what few requests need: CORS, lifecycle, notifications ...
    OBJECTS    (bucket, key)            -> Version     a key's latest version, or the delete marker that hides it
    VERSIONS   (bucket, key, order)     -> Version     what came before it, newest first
    CONTENTS   (content)                -> Content     bodies that are small enough for a row
    ANNOTATIONS (bucket, key, order, name) -> Annotation  texts that hang on a version
    SEGMENTS   (content, offset)        -> Segment     the parts that a multipart object consists of
      NUMBERED (content, number)                       the same by part number
    UPLOADS    (bucket, key, order)     -> Upload      multipart uploads under way
    PARTS      (upload, number)         -> Part        their parts
    LOG_LINES  (bucket, at, request)    -> LogLine     what the access log of a bucket is to be told
    ACCOUNTS   (account)                -> Account     what is set for all of an account's buckets

Invariants: a listing is a range of OBJECTS, which holds no bodies over 1 KiB and no old versions; a key in VERSIONS is
in OBJECTS too; a content belongs to exactly one version, part or segment, so it is freed with that one. `content` says
where a body is: "" empty, "i" in the version itself, "r..." a row, "b..." a blob, "p..." segments.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.scope import Scope
from mrak.store.tables import Table

Grant = tuple[str, str, str]
"""(kind, grantee, permission): ("id", account, "READ") or ("uri", group, "READ")."""

# Bucket.public_access: what was set, as bits in the order below.
BLOCK_DEFAULT = -1
BLOCK_NONE = 0
# Bucket.ownership once its controls were deleted: writers own what they write.
OWNERSHIP_REMOVED = "removed"
PUBLIC_ACCESS_BITS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


class Bucket(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`ownership` "" is that of a new bucket (S3-001). `settings` names the kinds that SETTINGS has."""

    name: str
    account: str
    region: str
    created_at: float
    versioning: str = ""
    ownership: str = ""
    acl: tuple[Grant, ...] | None = None
    policy: str = ""
    public_access: int = BLOCK_DEFAULT
    public_access_deleted: bool = False
    encryption: dict[str, Any] | None = None
    lock_enabled: bool = False
    lock_mode: str = ""
    lock_days: int = 0
    lock_years: int = 0
    requester_pays: bool = False
    acceleration: str = ""
    location: str = ""
    settings: tuple[str, ...] = ()


class Setting(msgspec.Struct, frozen=True, array_like=True):
    bucket: str
    kind: str
    id: str
    value: bytes
    """msgpack of the setting in AWS's own spelling."""


class Version(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """An object's version or a delete marker. `order` falls with time. `account` is its owner, "" for nobody.

    `null_order` is that of the key's null version where that is not the latest; only the row in OBJECTS has it.
    """

    bucket: str
    key: str
    order: int
    id: str = "null"
    is_marker: bool = False
    modified_at: float = 0.0
    size_bytes: int = 0
    etag: str = ""
    content: str = ""
    account: str = ""
    storage_class: str = "STANDARD"
    headers: dict[str, str] = {}
    metadata: dict[str, str] = {}
    checksum_algorithm: str = ""
    checksum: str = ""
    checksum_type: str = ""
    parts: int = 0
    tags: dict[str, str] = {}
    acl: tuple[Grant, ...] | None = None
    encryption: dict[str, Any] = {}
    lock_mode: str = ""
    lock_until: float = 0.0
    legal_hold: str = ""
    restored_until: float = 0.0
    replication: str = ""
    null_order: int = 0
    data: bytes = b""
    annotations: int = 0
    """How many there are in ANNOTATIONS."""


class Annotation(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`order` is that of its version."""

    bucket: str
    key: str
    order: int
    name: str
    modified_at: float
    size_bytes: int
    etag: str
    checksum_algorithm: str
    checksum: str
    content: str


class Content(msgspec.Struct, frozen=True, array_like=True):
    id: str
    data: bytes


class Segment(msgspec.Struct, frozen=True, array_like=True):
    owner: str
    offset: int
    number: int
    size_bytes: int
    content: str
    checksum: str = ""
    etag: str = ""


class Upload(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`template` is the version that completing it makes, without what only the parts decide."""

    bucket: str
    key: str
    order: int
    id: str
    initiated_at: float
    initiator: str
    initiator_arn: str
    template: Version
    checksum_algorithm: str = ""
    checksum_type: str = ""
    existed: bool = False
    """Whether the key had an object when the upload began."""


class Part(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    upload: str
    number: int
    size_bytes: int
    etag: str
    modified_at: float
    content: str
    checksum_algorithm: str = ""
    checksum: str = ""


class Account(msgspec.Struct, frozen=True, array_like=True):
    account: str
    public_access: int


class LogLine(msgspec.Struct, frozen=True, array_like=True):
    bucket: str
    at: float
    request: str
    line: str


BUCKETS = Table("s3.bucket", Bucket, key=("name",))
OWNED = BUCKETS.index("owned", ("account", "name"))
SETTINGS = Table("s3.setting", Setting, key=("bucket", "kind", "id"), entity=1)
OBJECTS = Table("s3.object", Version, key=("bucket", "key"))
VERSIONS = Table("s3.version", Version, key=("bucket", "key", "order"), entity=2)
ANNOTATIONS = Table("s3.annotation", Annotation, key=("bucket", "key", "order", "name"), entity=3)
CONTENTS = Table("s3.content", Content, key=("id",))
SEGMENTS = Table("s3.segment", Segment, key=("owner", "offset"), entity=1)
NUMBERED = SEGMENTS.index("numbered", ("owner", "number"))
UPLOADS = Table("s3.upload", Upload, key=("bucket", "key", "order"))
PARTS = Table("s3.part", Part, key=("upload", "number"), entity=1)
LOG_LINES = Table("s3.log", LogLine, key=("bucket", "at", "request"), entity=1)
ACCOUNTS = Table("s3.account", Account, key=("account",))


def everywhere(scope: Scope) -> Scope:
    """The scope in which all of S3's rows are."""
    return scope.environment_wide()
