"""What a bucket's policy may ask about a request: S3's condition keys, in lower case.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html#amazons3-policy-keys
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from mrak.auth.signature import parse_timestamp
from mrak.core.context import Context
from mrak.core.deviations import deviation
from mrak.core.http import Request
from mrak.protocol import times
from mrak.services.iam import exports as iam
from mrak.services.s3 import tagging
from mrak.services.s3.policy_actions import matches_any
from mrak.services.s3.tables import Bucket, Version

_DAY = 86_400.0
_HEADERS = {
    "x-amz-content-sha256": "s3:x-amz-content-sha256",
}
# Keys that a policy may name though no request to a bucket has them.
_OTHERS = """
    accessgrantscope accessgrantsinstancearn accessgrantslocationscope accesspointnetworkorigin dataaccesspointaccount
    dataaccesspointarn destinationregion existingjoboperation existingjobpriority inventoryaccessibleoptionalfields
    isreplicationpauserequest jobsuspendedcause locationconstraint requestjoboperation requestjobpriority tlsversion
    x-amz-bucket-namespace x-amz-object-ownership
"""
_OF_TAGS = ("s3:accesspointtag/", "s3:buckettag/", "s3:existingobjecttag/", "s3:requestobjecttag/")

# Member of a request -> condition key.
_CONDITIONS = {
    "Prefix": "s3:prefix",
    "Delimiter": "s3:delimiter",
    "MaxKeys": "s3:max-keys",
    "ACL": "s3:x-amz-acl",
    "CopySource": "s3:x-amz-copy-source",
    "MetadataDirective": "s3:x-amz-metadata-directive",
    "ServerSideEncryption": "s3:x-amz-server-side-encryption",
    "SSEKMSKeyId": "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "SSECustomerAlgorithm": "s3:x-amz-server-side-encryption-customer-algorithm",
    "StorageClass": "s3:x-amz-storage-class",
    "WebsiteRedirectLocation": "s3:x-amz-website-redirect-location",
    "GrantFullControl": "s3:x-amz-grant-full-control",
    "GrantRead": "s3:x-amz-grant-read",
    "GrantWrite": "s3:x-amz-grant-write",
    "GrantReadACP": "s3:x-amz-grant-read-acp",
    "GrantWriteACP": "s3:x-amz-grant-write-acp",
    "VersionId": "s3:versionid",
    "ObjectLockMode": "s3:object-lock-mode",
    "ObjectLockLegalHoldStatus": "s3:object-lock-legal-hold",
    "IfMatch": "s3:if-match",
    "IfNoneMatch": "s3:if-none-match",
}


# Keys that only some actions have, with these.
_ONLY_OF = {
    key: actions.lower().split()
    for keys, actions in (
        ("prefix delimiter max-keys", "ListBucket ListBucketVersions"),
        (
            "versionid",
            "DeleteObjectVersion DeleteObjectVersionTagging GetObjectVersion GetObjectVersionAcl "
            "GetObjectVersionAttributes GetObjectVersionTagging GetObjectVersionTorrent PutObjectVersionAcl "
            "PutObjectVersionTagging",
        ),
        (
            "x-amz-acl x-amz-grant-full-control x-amz-grant-read x-amz-grant-read-acp x-amz-grant-write "
            "x-amz-grant-write-acp",
            "BypassGovernanceRetention CreateBucket PutBucketAcl PutObject PutObjectAcl PutObjectVersionAcl",
        ),
        (
            "x-amz-copy-source x-amz-metadata-directive x-amz-website-redirect-location",
            "BypassGovernanceRetention PutObject",
        ),
        (
            "x-amz-server-side-encryption x-amz-server-side-encryption-aws-kms-key-id "
            "x-amz-server-side-encryption-customer-algorithm",
            "BypassGovernanceRetention PutObject ReplicateObject UpdateObjectEncryption",
        ),
        ("x-amz-storage-class", "BypassGovernanceRetention PutObject PutObjectAcl PutObjectVersionAcl"),
        ("requestobjecttagkeys", "BypassGovernanceRetention PutObject PutObjectTagging PutObjectVersionTagging"),
        ("object-lock-legal-hold", "PutObject PutObjectLegalHold"),
        (
            "object-lock-mode object-lock-retain-until-date object-lock-remaining-retention-days",
            "PutObject PutObjectRetention",
        ),
        ("if-match", "DeleteObject PutObject"),
        ("if-none-match objectcreationoperation", "PutObject"),
    )
    for key in keys.split()
}
_KNOWN = frozenset(
    {
        *_CONDITIONS.values(), *_HEADERS.values(), *(f"s3:{name}" for name in _OTHERS.split()),
        "s3:authtype", "s3:objectcreationoperation", "s3:object-lock-remaining-retention-days",
        "s3:object-lock-retain-until-date", "s3:requestobjecttagkeys", "s3:resourceaccount", "s3:signatureage",
        "s3:signatureversion",
    }
)  # fmt: skip


def is_known(key: str) -> bool:
    """Whether a policy may name a condition key; those of other services are not judged here."""
    lowered = key.lower()
    return not lowered.startswith("s3:") or lowered in _KNOWN or lowered.startswith(_OF_TAGS)


def belongs_to(key: str, action: str) -> bool:
    """Whether an action that a pattern names has the key."""
    names = _ONLY_OF.get(key.lower().removeprefix("s3:")) if key.lower().startswith("s3:") else None
    return names is None or matches_any(action, names)


def find(ctx: Context, bucket: Bucket, req: dict[str, Any], version: Version | None) -> dict[str, Any]:
    context = {key: req[member] for member, key in _CONDITIONS.items() if member in req}
    deviation("S3-020")
    context |= iam.request_conditions(ctx)
    context["s3:resourceaccount"] = bucket.account
    if ctx.http is not None:
        context |= _of_request(ctx.http, ctx.now)
    if version is not None:
        for name, value in version.tags.items():
            context[f"s3:existingobjecttag/{name.lower()}"] = value
    if "Tagging" in req:
        context |= _of_tags(req["Tagging"])
    return context | _of_lock(req, ctx.now)


def _of_request(request: Request, now: float) -> dict[str, Any]:
    headers, query = request.headers, parse_qs(request.query, keep_blank_values=True)
    found: dict[str, Any] = {}
    for header, key in _HEADERS.items():
        if header in headers:
            found[key] = headers[header]
    if "authorization" in headers:
        found["s3:authtype"] = "REST-HEADER"
        found["s3:signatureversion"] = headers["authorization"].partition(" ")[0]
    elif "X-Amz-Signature" in query or "Signature" in query:
        found["s3:authtype"] = "REST-QUERY-STRING"
        found["s3:signatureversion"] = query.get("X-Amz-Algorithm", ["AWS"])[0]
        signed_at = parse_timestamp(query.get("X-Amz-Date", [""])[0])
        if signed_at is not None:
            found["s3:signatureage"] = max(round((now - signed_at) * 1000), 0)
    elif request.method == "POST" and headers.get("content-type", "").startswith("multipart/form-data"):
        found["s3:authtype"] = "POST"
    if request.method in ("PUT", "POST"):
        # A multipart upload makes an object when it is completed.
        found["s3:objectcreationoperation"] = "uploads" not in query and "partNumber" not in query
    return found


def _of_tags(given: Any) -> dict[str, Any]:
    wanted = tagging.parse_header(given) if isinstance(given, str) else tagging.parse_object(given)
    named: dict[str, Any] = {f"s3:requestobjecttag/{name.lower()}": value for name, value in wanted.items()}
    return named | {"s3:requestobjecttagkeys": list(wanted)}


def _of_lock(req: dict[str, Any], now: float) -> dict[str, Any]:
    """The lock that a request asks for: in the headers of a write, or in a document of its own."""
    found: dict[str, Any] = {}
    retention = req.get("Retention") or {}
    if "Mode" in retention:
        found["s3:object-lock-mode"] = retention["Mode"]
    if "Status" in (req.get("LegalHold") or {}):
        found["s3:object-lock-legal-hold"] = req["LegalHold"]["Status"]
    until = req.get("ObjectLockRetainUntilDate", retention.get("RetainUntilDate"))
    if until is not None:
        found["s3:object-lock-retain-until-date"] = times.render_iso8601(until)
        found["s3:object-lock-remaining-retention-days"] = int((until - now) // _DAY)
    return found
