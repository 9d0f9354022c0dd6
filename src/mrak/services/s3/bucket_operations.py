"""Operations on buckets themselves: create, delete, find, list, versioning, payment, acceleration.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.http import Request
from mrak.core.operation import dataplane, operation
from mrak.core.page import find_position, take_page
from mrak.protocol.rest import unquote
from mrak.services.s3 import access, acls, buckets, errors, identities, listings, multipart, names, points, tagging
from mrak.services.s3.names import bucket_arn, render_owner
from mrak.services.s3.tables import BUCKETS, OWNED, SETTINGS, UPLOADS, Bucket, everywhere
from mrak.store.keys import prefix_end

OWNERSHIPS = ("BucketOwnerPreferred", "ObjectWriter", "BucketOwnerEnforced")
_HOME = "us-east-1"
_MOST_BUCKETS = 10_000


@operation("CreateBucket")
def create_bucket(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name = req["Bucket"]
    account = ctx.principal.account
    if not account or not identities.allow_account(ctx, tx, "s3:CreateBucket", bucket_arn(name)):
        raise errors.access_denied()
    names.check_bucket_name(name)
    configuration = req.get("CreateBucketConfiguration") or {}
    region, location = _parse_location(ctx, configuration)
    names.check_namespace(name, account, region, req.get("BucketNamespace", ""))
    tags = tagging.parse_new_bucket(configuration.get("Tags") or [])
    existing = BUCKETS.open(tx, everywhere(ctx.scope), name)
    if existing is not None:
        return _recreate(ctx, tx, req, existing, region, tags)
    ownership = _parse_ownership(req)
    locked = bool(req.get("ObjectLockEnabledForBucket"))
    bucket = Bucket(
        name=name,
        account=account,
        region=region,
        created_at=ctx.now,
        versioning="Enabled" if locked else "",
        ownership=ownership,
        acl=acls.parse_request(req, account, account),
        lock_enabled=locked,
        location=location,
    )
    BUCKETS.insert(tx, everywhere(ctx.scope), bucket)
    if tags:
        buckets.put_setting(ctx, tx, bucket, "tagging", tags)
    ctx.about(bucket_arn(name))
    return _render_created(bucket)


def _recreate(
    ctx: Context, tx: Transaction, req: dict[str, Any], existing: Bucket, region: str, tags: dict[str, str]
) -> dict[str, Any]:
    """us-east-1 takes it as done where the bucket is one's own there and no tags are given; other regions never. The
    list of grants is made anew."""
    if existing.account != ctx.principal.account:
        message = (
            "The requested bucket name is not available. The bucket namespace is shared by all users of the system. "
            "Please select a different name and try again."
        )
        raise errors.error("BucketAlreadyExists", message, BucketName=existing.name)
    if region == existing.region == _HOME and not tags:
        if existing.ownership != "BucketOwnerEnforced":
            acl = acls.parse_request(req, existing.account, existing.account)
            if acls.is_public(acl) and access.blocks(ctx, tx, existing, req, access.BLOCK_ACLS):
                raise errors.access_denied()
            buckets.change(ctx, tx, existing, acl=acl)
        return _render_created(existing)
    message = "Your previous request to create the named bucket succeeded and you already own it."
    raise errors.error("BucketAlreadyOwnedByYou", message, BucketName=existing.name)


def _render_created(bucket: Bucket) -> dict[str, Any]:
    at_home = bucket.region == _HOME
    location = f"/{bucket.name}" if at_home else f"http://{bucket.name}.s3.amazonaws.com/"
    return {"Location": location, "BucketArn": bucket_arn(bucket.name)}


def _parse_location(ctx: Context, configuration: dict[str, Any]) -> tuple[str, str]:
    """(region, constraint): us-east-1's endpoint makes buckets anywhere, others only in their own region."""
    here = ctx.scope.region
    wanted = configuration.get("LocationConstraint")
    if here == _HOME or here == "aws-global":
        if wanted is None:
            return _HOME, ""
        if wanted == "EU":
            return "eu-west-1", "EU"
        if wanted == _HOME or not _is_region(wanted):
            message = "The specified location-constraint is not valid"
            raise errors.error("InvalidLocationConstraint", message, LocationConstraint=wanted)
        return wanted, wanted
    if not _is_region(here):
        # What s3cmd signs first, and tries again with the region that it is told.
        message = f"The authorization header is malformed; the region '{here}' is wrong; expecting '{_HOME}'"
        raise errors.error("AuthorizationHeaderMalformed", message, Region=_HOME)
    if wanted == here or (wanted == "EU" and here == "eu-west-1"):
        return here, wanted
    raise errors.error(
        "IllegalLocationConstraintException",
        f"The {wanted or 'unspecified'} location constraint is incompatible for the region specific endpoint this "
        "request was sent to.",
    )


def _is_region(text: str) -> bool:
    parts = text.split("-")
    return len(parts) >= 3 and parts[-1].isdigit() and all(part.isalnum() for part in parts)


def _parse_ownership(req: dict[str, Any]) -> str:
    ownership: str = req.get("ObjectOwnership", "")
    if "ObjectOwnership" in req and ownership not in OWNERSHIPS:
        message = f"Invalid x-amz-object-ownership header: {ownership}"
        raise errors.invalid_argument(message, "x-amz-object-ownership")
    has_grants = any(name.startswith("Grant") for name in req)
    if ownership == "BucketOwnerEnforced" and (has_grants or req.get("ACL", "private") != "private"):
        message = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"
        raise errors.error("InvalidBucketAclWithObjectOwnership", message)
    return ownership


@operation("DeleteBucket")
def delete_bucket(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:DeleteBucket")
    ctx.about(bucket_arn(bucket.name))
    if not listings.is_empty(ctx, tx, bucket):
        message = "The bucket you tried to delete is not empty"
        if bucket.versioning:
            message += ". You must delete all versions in the bucket."
        raise errors.error("BucketNotEmpty", message, BucketName=bucket.name)
    if points.are_attached(tx, ctx.scope, bucket.name):
        message = (
            "The bucket you tried to delete has access points attached. Delete your access points before deleting your "
            "bucket."
        )
        raise errors.error("BucketHasAccessPointsAttached", message, BucketName=bucket.name)
    scope = everywhere(ctx.scope)
    start = UPLOADS.key(scope, bucket.name)
    for upload in UPLOADS.scan_between(tx, start, prefix_end(start)):
        multipart.abort(ctx, tx, upload)
    SETTINGS.lock(tx, scope, bucket.name)
    SETTINGS.delete_all(tx, scope, bucket.name)
    BUCKETS.lock(tx, scope, bucket.name)
    BUCKETS.delete(tx, scope, bucket)
    return {}


@operation("HeadBucket", action="s3:ListBucket")
def head_bucket(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:ListBucket")
    facts = {
        "BucketRegion": bucket.region,
        "BucketArn": bucket_arn(bucket.name),
        "AccessPointAlias": req["Bucket"] != bucket.name,
    }
    return facts | {"ContentType": "application/xml"}


@operation("GetBucketLocation")
def get_bucket_location(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:GetBucketLocation")
    location = bucket.location or (bucket.region if bucket.region != _HOME else "")
    return {"LocationConstraint": location} if location else {}


@operation("ListBuckets", action="s3:ListAllMyBuckets")
def list_buckets(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    account = ctx.principal.account
    if not account or not identities.allow_account(ctx, tx, "s3:ListAllMyBuckets", "*"):
        raise errors.access_denied()
    size = req.get("MaxBuckets", _MOST_BUCKETS)
    if not 1 <= size <= _MOST_BUCKETS:
        message = f"Argument max-buckets must be an integer between 1 and {_MOST_BUCKETS}."
        raise errors.invalid_argument(message, "max-buckets", str(size))
    prefix, region = req.get("Prefix", ""), req.get("BucketRegion")
    if region is not None and not _is_region(region):
        raise errors.invalid_argument(f"Argument value {region} is not a valid AWS Region", "bucket-region")
    after = _parse_token(req)
    scope = everywhere(ctx.scope)
    if after:
        rows = OWNED.scan(tx, scope, account, after=after)
    else:
        rows = OWNED.scan(tx, scope, account, since=prefix or None)
    matching = (row for row in rows if row.name.startswith(prefix) and region in (None, row.region))
    page, token = take_page(matching, size, lambda row: row.name)
    detailed = bool({"MaxBuckets", "Prefix", "BucketRegion", "ContinuationToken"} & set(req))
    answer: dict[str, Any] = {
        "Owner": render_owner(account),
        "Buckets": [_render_listed(bucket, detailed) for bucket in page],
    }
    if token is not None:
        answer["ContinuationToken"] = token
    if "Prefix" in req:
        answer["Prefix"] = prefix
    return answer


def _parse_token(req: dict[str, Any]) -> str:
    token = req.get("ContinuationToken")
    if token is None:
        return ""
    position = find_position(token)
    if not position:
        raise errors.invalid_argument("The continuation token provided is incorrect", "continuation-token", token)
    return position


def _render_listed(bucket: Bucket, detailed: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "Name": bucket.name,
        "CreationDate": float(int(bucket.created_at)),
        "BucketArn": bucket_arn(bucket.name),
    }
    return shown | {"BucketRegion": bucket.region} if detailed else shown


# --- versioning, payment, acceleration ----------------------------------------------------------------------------


@operation("PutBucketVersioning")
def put_bucket_versioning(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:PutBucketVersioning")
    status = buckets.require_document(req, "VersioningConfiguration").get("Status")
    if status is None:
        message = "The Versioning element must be specified"
        raise errors.error("IllegalVersioningConfigurationException", message)
    if status not in ("Enabled", "Suspended"):
        raise errors.malformed_xml()
    if status == "Suspended" and bucket.lock_enabled:
        raise errors.error(
            "InvalidBucketState",
            "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.",
        )
    if status == "Suspended" and "replication" in bucket.settings:
        raise errors.error(
            "InvalidBucketState",
            "A replication configuration is present on this bucket, so the versioning state cannot be changed.",
        )
    buckets.change(ctx, tx, bucket, versioning=status)


@operation("GetBucketVersioning")
def get_bucket_versioning(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:GetBucketVersioning")
    return {"Status": bucket.versioning} if bucket.versioning else {}


@operation("PutBucketRequestPayment")
def put_bucket_request_payment(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:PutBucketRequestPayment")
    payer = buckets.require_document(req, "RequestPaymentConfiguration").get("Payer")
    if payer not in ("Requester", "BucketOwner"):
        raise errors.malformed_xml()
    buckets.change(ctx, tx, bucket, requester_pays=payer == "Requester")


@operation("GetBucketRequestPayment")
def get_bucket_request_payment(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:GetBucketRequestPayment")
    return {"Payer": "Requester" if bucket.requester_pays else "BucketOwner"}


@operation("PutBucketAccelerateConfiguration", action="s3:PutAccelerateConfiguration")
def put_bucket_accelerate_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:PutAccelerateConfiguration")
    if "." in bucket.name:
        message = "S3 Transfer Acceleration is not supported for buckets with periods (.) in their names"
        raise errors.invalid_request(message)
    status = buckets.require_document(req, "AccelerateConfiguration").get("Status")
    if status not in ("Enabled", "Suspended"):
        raise errors.malformed_xml()
    if status == "Suspended" and not bucket.acceleration:
        return
    buckets.change(ctx, tx, bucket, acceleration=status)


@operation("GetBucketAccelerateConfiguration", action="s3:GetAccelerateConfiguration")
def get_bucket_accelerate_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:GetAccelerateConfiguration")
    return {"Status": bucket.acceleration} if bucket.acceleration else {}


@dataplane("s3.malformed")
async def require_bucket_of_malformed(ctx: Context, request: Request) -> None:
    """What is wrong with a document is told of a bucket that is there; raises NoSuchBucket else."""
    name = unquote(request.path.lstrip("/")).partition("/")[0]
    await ctx.transact(lambda tx: buckets.require(ctx, tx, {"Bucket": name}))
