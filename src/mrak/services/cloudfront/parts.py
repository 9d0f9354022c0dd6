"""What distributions are made of: policies, access controls, keys. Each is a config with an id, a name and an ETag."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.scope import Scope
from mrak.services.cloudfront import errors, listing
from mrak.services.cloudfront.managed import MANAGED, find_managed
from mrak.services.cloudfront.tables import BY_NAME, PARTS, USES, Part

CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """`noun` is how messages call it, `member` its member of outputs, `config` that of its configuration. `code` stands
    between NoSuch and AlreadyExists or InUse in error codes."""

    name: str
    noun: str
    code: str
    member: str
    config: str
    path: str
    uuid: bool = False
    prefix: str = "E"
    reference: bool = False
    """Whether creations are told apart by CallerReference, rather than by Name."""

    def missing(self) -> ApiError:
        code = "NoSuchResource" if self.name == "key-group" else f"NoSuch{self.code}"
        return ApiError(code, f"The specified {self.noun} does not exist.", 404)

    def exists(self) -> ApiError:
        text = f"The {self.noun} already exists: its name or caller reference is taken."
        return ApiError(f"{self.code}AlreadyExists", text, 409)

    def in_use(self) -> ApiError:
        code = "ResourceInUse" if self.name == "key-group" else f"{self.code}InUse"
        return ApiError(code, f"Cannot delete the {self.noun} because it is in use.", 409)

    def illegal(self, verb: str) -> ApiError:
        return ApiError(f"Illegal{verb}", f"You cannot {verb.lower()} a managed {self.noun}.", 400)


CACHE_POLICY = Kind(
    name="cache-policy", noun="cache policy", code="CachePolicy", member="CachePolicy", config="CachePolicyConfig",
    path="cache-policy", uuid=True,
)  # fmt: skip
ORIGIN_REQUEST_POLICY = Kind(
    name="origin-request-policy", noun="origin request policy", code="OriginRequestPolicy",
    member="OriginRequestPolicy", config="OriginRequestPolicyConfig", path="origin-request-policy", uuid=True,
)  # fmt: skip
RESPONSE_HEADERS_POLICY = Kind(
    name="response-headers-policy", noun="response headers policy", code="ResponseHeadersPolicy",
    member="ResponseHeadersPolicy", config="ResponseHeadersPolicyConfig", path="response-headers-policy", uuid=True,
)  # fmt: skip
ACCESS_CONTROL = Kind(
    name="origin-access-control", noun="origin access control", code="OriginAccessControl",
    member="OriginAccessControl", config="OriginAccessControlConfig", path="origin-access-control",
)  # fmt: skip
ACCESS_IDENTITY = Kind(
    name="origin-access-identity", noun="origin access identity", code="CloudFrontOriginAccessIdentity",
    member="CloudFrontOriginAccessIdentity", config="CloudFrontOriginAccessIdentityConfig",
    path="origin-access-identity/cloudfront", reference=True,
)  # fmt: skip
KEY_GROUP = Kind(
    name="key-group", noun="key group", code="KeyGroup", member="KeyGroup", config="KeyGroupConfig", path="key-group",
    uuid=True,
)  # fmt: skip
PUBLIC_KEY = Kind(
    name="public-key", noun="public key", code="PublicKey", member="PublicKey", config="PublicKeyConfig",
    path="public-key",
    prefix="K",
)  # fmt: skip
REALTIME_LOG = Kind(
    name="realtime-log", noun="real-time log configuration", code="RealtimeLogConfig", member="RealtimeLogConfig",
    config="RealtimeLogConfig", path="realtime-log-config",
)  # fmt: skip
KINDS = {
    kind.name: kind
    for kind in (
        CACHE_POLICY, ORIGIN_REQUEST_POLICY, RESPONSE_HEADERS_POLICY, ACCESS_CONTROL, ACCESS_IDENTITY, KEY_GROUP,
        PUBLIC_KEY, REALTIME_LOG,
    )
}  # fmt: skip


def new_etag(ctx: Context) -> str:
    return "E" + ctx.draw.alphanumeric(13, CAPITALS)


def check_etag(given: str | None, current: str) -> None:
    """If-Match has to be there, and to be the resource's present version."""
    if not given:
        raise errors.invalid_if_match()
    if given.strip('"') != current:
        raise errors.precondition_failed()


def find(tx: Transaction, scope: Scope, kind: str, part_id: str) -> Part | None:
    return find_managed(kind, part_id) or PARTS.get(tx, scope.account_wide(), kind, part_id)


def require(ctx: Context, tx: Transaction, kind: Kind, part_id: str) -> Part:
    found = find(tx, ctx.scope, kind.name, part_id)
    if found is None:
        raise kind.missing()
    return found


def create(ctx: Context, tx: Transaction, kind: Kind, config: dict[str, Any]) -> Part:
    scope = ctx.scope.account_wide()
    name = config["CallerReference"] if kind.reference else config["Name"]
    existing = next(BY_NAME.scan(tx, scope, kind.name, name, limit=1), None)
    if existing is not None:
        if kind.reference and existing.config == config:
            return existing
        raise kind.exists()
    part = Part(
        kind=kind.name,
        id=ctx.draw.uuid() if kind.uuid else kind.prefix + ctx.draw.alphanumeric(13, CAPITALS),
        name=name,
        etag=new_etag(ctx),
        config=config,
        created_at=ctx.now,
        modified_at=ctx.now,
    )
    PARTS.lock(tx, scope, kind.name, part.id)
    PARTS.insert(tx, scope, part)
    return part


def update(ctx: Context, tx: Transaction, kind: Kind, req: dict[str, Any]) -> Part:
    scope = ctx.scope.account_wide()
    if find_managed(kind.name, req["Id"]) is not None:
        raise kind.illegal("Update")
    old = PARTS.open(tx, scope, kind.name, req["Id"])
    if old is None:
        raise kind.missing()
    check_etag(req.get("IfMatch"), old.etag)
    config = req[kind.config]
    name = config["CallerReference"] if kind.reference else config["Name"]
    if kind.reference and name != old.name:
        raise errors.illegal_update()
    if name != old.name and next(BY_NAME.scan(tx, scope, kind.name, name, limit=1), None) is not None:
        raise kind.exists()
    new = msgspec.structs.replace(old, name=name, config=config, etag=new_etag(ctx), modified_at=ctx.now)
    PARTS.replace(tx, scope, old, new)
    return new


def delete(ctx: Context, tx: Transaction, kind: Kind, req: dict[str, Any]) -> None:
    scope = ctx.scope.account_wide()
    if find_managed(kind.name, req["Id"]) is not None:
        raise kind.illegal("Delete")
    old = PARTS.open(tx, scope, kind.name, req["Id"])
    if old is None:
        raise kind.missing()
    check_etag(req.get("IfMatch"), old.etag)
    if next(USES.scan(tx, scope, old.id, limit=1), None) is not None:
        raise kind.in_use()
    PARTS.delete(tx, scope, old)


def render(kind: Kind, part: Part) -> dict[str, Any]:
    """The resource; the codec leaves out the times that a kind does not show."""
    shown = {
        "Id": part.id,
        "LastModifiedTime": part.modified_at,
        "CreatedTime": part.created_at,
        kind.config: part.config,
    }
    if kind is ACCESS_IDENTITY:
        shown["S3CanonicalUserId"] = canonical_user(part.id)
    return shown


def canonical_user(identity: str) -> str:
    """The canonical user that bucket policies may name instead of an origin access identity."""
    import hashlib

    return hashlib.sha512(identity.encode()).hexdigest()[:96]


def answer(kind: Kind, part: Part, *, created: bool = False) -> dict[str, Any]:
    shown = {kind.member: render(kind, part), "ETag": part.etag}
    if created:
        shown["Location"] = f"https://cloudfront.amazonaws.com/2020-05-31/{kind.path}/{part.id}"
    return shown


def rows(ctx: Context, tx: Transaction, kind: Kind, req: dict[str, Any]) -> Iterator[Part]:
    """A kind's rows after the request's marker."""
    return PARTS.scan(tx, ctx.scope.account_wide(), kind.name, after=listing.marker(req))


def policies(ctx: Context, tx: Transaction, kind: Kind, req: dict[str, Any]) -> dict[str, Any]:
    """A list of policies: managed ones first, unless the request's Type chooses."""
    wanted, after = req.get("Type"), listing.marker(req)
    managed = list(MANAGED[kind.name].values()) if wanted != "custom" else []
    ids = [part.id for part in managed]
    if after in ids:
        managed = managed[ids.index(after) + 1 :]
        after = None
    elif after is not None:
        managed = []
    own = PARTS.scan(tx, ctx.scope.account_wide(), kind.name, after=after) if wanted != "managed" else iter(())

    def merged() -> Iterator[Part]:
        yield from managed
        yield from own

    def show(part: Part) -> dict[str, Any]:
        sort = "managed" if find_managed(kind.name, part.id) is not None else "custom"
        return {"Type": sort, kind.member: render(kind, part)}

    return listing.render_page(req, merged(), show, lambda part: part.id)
