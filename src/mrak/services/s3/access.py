"""Who may do what: bucket policies, access control lists and the blocks of public access, for every S3 request.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/how-s3-evaluates-access-control.html

The bucket's own account may do everything that no policy denies it; its users and roles need a policy of theirs, or the
bucket's. Others need the bucket's policy to allow it, or an ACL that grants it (and their own account's leave). What an
object's owner wrote into another account's bucket is the writer's, unless the bucket's ownership says otherwise.

A request through an access point needs the point's policy as well: whoever is of another account has to be allowed by
both, and a deny in either is one (https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-policies.html).

Invariant: a request that reaches a row has passed `check_bucket` or `check_object`.
"""

from __future__ import annotations

from typing import Any

from mrak.auth.evaluation import RESOURCE, AuthorizationRequest, Named, PolicySet, evaluate, matching_statements
from mrak.auth.policy import Policy, parse_policy
from mrak.auth.principals import service_principal
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.services.s3 import acls, errors, identities, points, policy_conditions
from mrak.services.s3.names import bucket_arn
from mrak.services.s3.points import AccessPoint
from mrak.services.s3.tables import ACCOUNTS, BLOCK_DEFAULT, PUBLIC_ACCESS_BITS, Bucket, Version, everywhere

deviation("S3-001")
_LOG_SERVICE = "logging.s3.amazonaws.com"
BLOCK_ACLS, IGNORE_ACLS, BLOCK_POLICY, RESTRICT = 1, 2, 4, 8

# What an ACL's permission stands for (acl-overview.html, "Mapping of ACL permissions").
_BUCKET_PERMISSIONS = {
    "s3:ListBucket": "READ",
    "s3:ListBucketVersions": "READ",
    "s3:ListBucketMultipartUploads": "READ",
    "s3:PutObject": "WRITE",
    "s3:DeleteObject": "WRITE",
    "s3:AbortMultipartUpload": "WRITE",
    "s3:ListMultipartUploadParts": "WRITE",
    "s3:GetBucketAcl": "READ_ACP",
    "s3:PutBucketAcl": "WRITE_ACP",
}
_OBJECT_PERMISSIONS = {
    "s3:GetObject": "READ",
    "s3:GetObjectVersion": "READ",
    "s3:GetObjectAttributes": "READ",
    "s3:GetObjectVersionAttributes": "READ",
    "s3:GetObjectTorrent": "READ",
    "s3:GetObjectAcl": "READ_ACP",
    "s3:GetObjectVersionAcl": "READ_ACP",
    "s3:PutObjectAcl": "WRITE_ACP",
    "s3:PutObjectVersionAcl": "WRITE_ACP",
}
# Only the bucket's own account ever: a bucket cannot be locked away from its owner, nor given away.
_OWNER_ONLY = frozenset({"s3:PutBucketPolicy", "s3:GetBucketPolicy", "s3:DeleteBucketPolicy"})


def parse_blocks(configuration: dict[str, Any]) -> int:
    return sum(1 << at for at, name in enumerate(PUBLIC_ACCESS_BITS) if configuration.get(name))


def render_blocks(bits: int) -> dict[str, bool]:
    return {name: bool(bits & (1 << at)) for at, name in enumerate(PUBLIC_ACCESS_BITS)}


def blocks(ctx: Context, tx: Transaction, bucket: Bucket, req: dict[str, Any], bit: int) -> bool:
    """Whether a block of public access is on: the bucket's, its account's or that of the access point of a request.

    S3-001: a new bucket's is reported as on, and not enforced until set.
    """
    if bucket.public_access != BLOCK_DEFAULT and bucket.public_access & bit:
        return True
    account = ACCOUNTS.get(tx, everywhere(ctx.scope), bucket.account)
    if account is not None and account.public_access & bit:
        return True
    point = find_point(ctx, tx, bucket, req)
    return point is not None and bool(point.public_access & bit)


def find_point(ctx: Context, tx: Transaction, bucket: Bucket, req: dict[str, Any]) -> AccessPoint | None:
    """The access point by which a request calls the bucket."""
    return None if req["Bucket"] == bucket.name else points.find_called(tx, ctx.scope, req["Bucket"])


def check_bucket(ctx: Context, tx: Transaction, bucket: Bucket, action: str, req: dict[str, Any]) -> None:
    """Raises AccessDenied unless the caller may do this to the bucket (or write a new object into it)."""
    if not may(ctx, tx, bucket, action, req):
        raise errors.access_denied()


def may(
    ctx: Context,
    tx: Transaction,
    bucket: Bucket,
    action: str,
    req: dict[str, Any],
    version: Version | None = None,
) -> bool:
    """Whether the caller may do it; of `version` where that is there, else of the bucket or of a key to be written."""
    caller = ctx.principal.account
    if ctx.principal.is_judged and not _identity_allows(ctx, tx, bucket, action, req, version):
        return False
    if bucket.policy or req["Bucket"] != bucket.name:
        verdict = _Judgement(ctx, tx, bucket, action, req, version).find()
        if verdict is not None:
            return verdict
    if caller == bucket.account and caller:
        if version is None and bucket.acl is not None and _has_revoked_own(ctx, bucket, action):
            return False
        if version is None or version.account == caller or bucket.ownership == "BucketOwnerEnforced":
            return True
        if action not in _OBJECT_PERMISSIONS:
            return True
    if action in _OWNER_ONLY or bucket.ownership == "BucketOwnerEnforced":
        return False
    ignore_public = blocks(ctx, tx, bucket, req, IGNORE_ACLS)
    permission = _OBJECT_PERMISSIONS.get(action)
    if permission is not None:
        if permission in ("READ_ACP", "WRITE_ACP") and version is not None and caller and version.account == caller:
            # An owner can always reach the list, whatever it says.
            return True
        return version is not None and acls.permits(version.acl, version.account, caller, permission, ignore_public)
    permission = _BUCKET_PERMISSIONS.get(action)
    return permission is not None and acls.permits(bucket.acl, bucket.account, caller, permission, ignore_public)


def _identity_allows(
    ctx: Context,
    tx: Transaction,
    bucket: Bucket,
    action: str,
    req: dict[str, Any],
    version: Version | None,
) -> bool:
    """A caller's policies may name a bucket, or the access point by which it is called."""
    conditions = policy_conditions.find(ctx, bucket, req, version)
    key = req.get("Key", "")
    point = find_point(ctx, tx, bucket, req)
    if point is not None:
        conditions |= points.conditions(point)
        if identities.allow(ctx, tx, bucket, action, points.resource_arn(point, key), conditions):
            return True
    return identities.allow(ctx, tx, bucket, action, bucket_arn(bucket.name, key), conditions)


def _has_revoked_own(ctx: Context, bucket: Bucket, action: str) -> bool:
    """Whether the owner has left itself out of the bucket's list, which binds its root (users have policies of their
    own). Nobody can lock itself out of the list itself."""
    permission = _BUCKET_PERMISSIONS.get(action)
    if permission is None or permission.endswith("_ACP") or bucket.ownership == "BucketOwnerEnforced":
        return False
    is_root = getattr(ctx.principal, "kind", "") == "root"
    return is_root and not acls.permits(bucket.acl, bucket.account, bucket.account, permission, False)


def check_object(
    ctx: Context,
    tx: Transaction,
    bucket: Bucket,
    action: str,
    req: dict[str, Any],
    version: Version,
) -> None:
    if not may(ctx, tx, bucket, action, req, version):
        raise errors.access_denied()


def check_delete(ctx: Context, tx: Transaction, bucket: Bucket, req: dict[str, Any], latest: Version | None) -> None:
    """Whom only the bucket's list lets write may delete no objects but its own."""
    check_bucket(ctx, tx, bucket, "s3:DeleteObject", req)
    if latest is None or latest.is_marker or ctx.principal.account in (bucket.account, latest.account):
        return
    if not bucket.policy or not _Judgement(ctx, tx, bucket, "s3:DeleteObject", req, None).find():
        raise errors.access_denied()


def check_may_know(ctx: Context, tx: Transaction, bucket: Bucket, req: dict[str, Any]) -> None:
    """Whoever may not list a bucket, or not with the key as prefix, is not told that a key is not there."""
    is_own = ctx.principal.account == bucket.account and not ctx.principal.is_judged
    if is_own and not bucket.policy and req["Bucket"] == bucket.name:
        return
    listing = {name: value for name, value in req.items() if name not in ("Key", "VersionId")}
    if not may(ctx, tx, bucket, "s3:ListBucket", listing | {"Prefix": req["Key"]}):
        raise errors.access_denied()


class _Judgement:
    """What the policies of a bucket and of the access point that leads to it say of one request."""

    def __init__(
        self,
        ctx: Context,
        tx: Transaction,
        bucket: Bucket,
        action: str,
        req: dict[str, Any],
        version: Version | None,
    ) -> None:
        self._ctx, self._tx, self._bucket, self._action, self._req = ctx, tx, bucket, action, req
        self._point = find_point(ctx, tx, bucket, req)
        self._conditions = policy_conditions.find(ctx, bucket, req, version)
        if self._point is not None:
            self._conditions |= points.conditions(self._point)

    def find(self) -> bool | None:
        """None where they say nothing: then the lists decide."""
        through = self._find_of_point()
        own = self._find_of_bucket() if self._bucket.policy else None
        if through is False or own is False:
            return False
        if self._point is not None and through is None and self._ctx.principal.account != self._point.account:
            return False
        return own

    def _find_of_point(self) -> bool | None:
        point = self._point
        if point is None or not point.policy:
            return None
        arn = points.resource_arn(point, self._req.get("Key", ""))
        return self._verdict(parse_policy(point.policy), arn, point.account)

    def _find_of_bucket(self) -> bool | None:
        principal: Any = self._ctx.principal
        bucket = self._bucket
        if self._action in _OWNER_ONLY and principal.kind == "root" and principal.account == bucket.account:
            return None
        arn = bucket_arn(bucket.name, self._req.get("Key", ""))
        return self._verdict(parse_policy(bucket.policy), arn, bucket.account)

    def _verdict(self, policy: Policy, arn: str, owner: str) -> bool | None:
        principal: Any = self._ctx.principal
        request = AuthorizationRequest(principal, self._action, arn, self._ctx.now, owner, self._conditions)
        found = matching_statements(request, PolicySet(resource=Named(arn, policy)))
        if any(not statement.allows for _, _, statement in found):
            return False
        if not any(kind == RESOURCE and statement.allows for kind, _, statement in found):
            return None
        if principal.account != owner and is_public_policy(policy):
            return None if blocks(self._ctx, self._tx, self._bucket, self._req, RESTRICT) else True
        return True


def may_log(ctx: Context, tx: Transaction, target: Bucket, source: Bucket, key: str) -> bool:
    """Whether the service that delivers access logs may write them into a bucket: by its policy or its list."""
    if target.policy:
        arn = bucket_arn(target.name, key)
        principal = service_principal(_LOG_SERVICE, source.account, bucket_arn(source.name))
        request = AuthorizationRequest(principal, "s3:PutObject", arn, ctx.now, target.account, {})
        decision = evaluate(request, PolicySet(resource=Named(target.name, parse_policy(target.policy))))
        if decision.allowed or decision.is_explicit:
            return decision.allowed
    return target.ownership != "BucketOwnerEnforced" and ("uri", acls.LOG_DELIVERY, "WRITE") in (target.acl or ())


def is_public_policy(policy: Policy) -> bool:
    """Whether it lets everybody in: a statement that allows anyone, without a condition that narrows who.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
    """
    narrowing = (
        "aws:principalorgid", "aws:sourceip", "aws:sourcevpc", "aws:sourcevpce", "aws:principalaccount",
        "aws:sourceaccount", "aws:sourcearn", "aws:userid", "s3:dataaccesspointaccount", "aws:principalarn",
    )  # fmt: skip
    for statement in policy.statements:
        if not statement.allows:
            continue
        names = statement.principals or ()
        everybody = statement.is_not_principal or any(value == "*" or value.endswith(":*") for _, value in names)
        if everybody and not any(condition.key in narrowing for condition in statement.conditions):
            return True
    return False
