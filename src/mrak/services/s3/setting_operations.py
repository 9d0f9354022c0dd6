"""Operations on settings that a bucket keeps as they came: tags, website, logging, default encryption.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.operation import operation
from mrak.services.s3 import acls, buckets, encryption, errors, tagging
from mrak.services.s3.tables import BUCKETS, Bucket, everywhere

deviation("S3-010")
_MOST_ROUTING_RULES = 50
_REDIRECT_CODES = frozenset({*range(301, 309)} - {306})
_ERROR_CODES = frozenset({*range(400, 418), *range(500, 506)})


# --- tags ---------------------------------------------------------------------------------------------------------


@operation("PutBucketTagging")
def put_bucket_tagging(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:PutBucketTagging")
    tags = tagging.parse_bucket(buckets.require_hashed_document(ctx, req, "Tagging"))
    if tags:
        buckets.put_setting(ctx, tx, bucket, "tagging", tags)
    else:
        buckets.delete_setting(ctx, tx, bucket, "tagging")


@operation("GetBucketTagging")
def get_bucket_tagging(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:GetBucketTagging")
    tags = buckets.find_setting(tx, ctx.scope, bucket, "tagging")
    if tags is None:
        raise errors.missing_setting("NoSuchTagSet", "The TagSet does not exist", bucket.name)
    return {"TagSet": tagging.render(tags)}


@operation("DeleteBucketTagging", action="s3:PutBucketTagging")
def delete_bucket_tagging(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:PutBucketTagging")
    buckets.delete_setting(ctx, tx, bucket, "tagging")


@operation("PutBucketAbac", action="s3:PutBucketABAC")
def put_bucket_abac(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    """Deviation S3-010: the status is kept; tags of buckets are no condition keys."""
    bucket = buckets.require_allowed(ctx, tx, req, "s3:PutBucketABAC")
    status = buckets.require_document(req, "AbacStatus").get("Status")
    if status not in ("Enabled", "Disabled"):
        raise errors.malformed_xml()
    buckets.put_setting(ctx, tx, bucket, "abac", status)


@operation("GetBucketAbac", action="s3:GetBucketABAC")
def get_bucket_abac(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:GetBucketABAC")
    return {"AbacStatus": {"Status": buckets.find_setting(tx, ctx.scope, bucket, "abac") or "Disabled"}}


# --- website ------------------------------------------------------------------------------------------------------


@operation("PutBucketWebsite")
def put_bucket_website(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:PutBucketWebsite")
    configuration = buckets.require_document(req, "WebsiteConfiguration")
    check_website(configuration)
    buckets.put_setting(ctx, tx, bucket, "website", configuration)


def check_website(configuration: dict[str, Any]) -> None:
    redirect = configuration.get("RedirectAllRequestsTo")
    if redirect is not None:
        if set(configuration) != {"RedirectAllRequestsTo"}:
            raise errors.invalid_argument(
                "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.",
                "RedirectAllRequestsTo",
                "not null",
            )
        _check_protocol(redirect)
        return
    index = configuration.get("IndexDocument")
    if index is None:
        raise errors.invalid_argument(
            "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty",
            "IndexDocument",
            "null",
        )
    suffix = index.get("Suffix")
    if not suffix or "/" in suffix:
        raise errors.invalid_argument("The IndexDocument Suffix is not well formed", "IndexDocument", suffix or "")
    failed = configuration.get("ErrorDocument")
    if failed is not None and not failed.get("Key"):
        raise errors.invalid_argument("The ErrorDocument Key is not well formed", "ErrorDocument", "")
    rules: list[dict[str, Any]] | None = configuration.get("RoutingRules")
    if rules is None:
        return
    if not rules:
        raise errors.malformed_xml()
    if len(rules) > _MOST_ROUTING_RULES:
        raise errors.invalid_request(
            f"{len(rules)} routing rules provided, the number of routing rules in a website configuration is limited "
            f"to {_MOST_ROUTING_RULES}."
        )
    for rule in rules:
        _check_routing_rule(rule)


def _check_routing_rule(rule: dict[str, Any]) -> None:
    redirect = rule.get("Redirect")
    if not redirect:
        raise errors.malformed_xml()
    _check_protocol(redirect)
    if "ReplaceKeyPrefixWith" in redirect and "ReplaceKeyWith" in redirect:
        raise errors.invalid_request("You can only define ReplaceKeyPrefix or ReplaceKey but not both.")
    if "Condition" in rule and not rule["Condition"]:
        raise errors.invalid_request(
            "Condition cannot be empty. To redirect all requests without a condition, the condition element shouldn't "
            "be present."
        )
    _check_code(redirect.get("HttpRedirectCode"), _REDIRECT_CODES, "redirect", "3XX except 300")
    code = (rule.get("Condition") or {}).get("HttpErrorCodeReturnedEquals")
    _check_code(code, _ERROR_CODES, "error", "4XX or 5XX")


def _check_code(code: str | None, known: frozenset[int], kind: str, valid: str) -> None:
    if code is None:
        return
    if not code.isdecimal():
        raise errors.malformed_xml()
    if int(code) not in known:
        raise errors.invalid_request(f"The provided HTTP {kind} code ({code}) is not valid. Valid codes are {valid}.")


def _check_protocol(redirect: dict[str, Any]) -> None:
    if redirect.get("Protocol") not in (None, "http", "https"):
        raise errors.invalid_request(
            "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected "
            "automatically."
        )


@operation("GetBucketWebsite")
def get_bucket_website(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:GetBucketWebsite")
    configuration: dict[str, Any] | None = buckets.find_setting(tx, ctx.scope, bucket, "website")
    if configuration is None:
        message = "The specified bucket does not have a website configuration"
        raise errors.missing_setting("NoSuchWebsiteConfiguration", message, bucket.name)
    return configuration


@operation("DeleteBucketWebsite")
def delete_bucket_website(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:DeleteBucketWebsite")
    buckets.delete_setting(ctx, tx, bucket, "website")


# --- logging ------------------------------------------------------------------------------------------------------


@operation("PutBucketLogging")
def put_bucket_logging(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:PutBucketLogging")
    enabled = buckets.require_document(req, "BucketLoggingStatus").get("LoggingEnabled")
    if enabled is None:
        buckets.delete_setting(ctx, tx, bucket, "logging")
        return
    if any(grant.get("Permission") not in acls.PERMISSIONS for grant in enabled.get("TargetGrants", [])):
        raise errors.malformed_xml()  # AWS takes permissions beyond the three that its documentation names
    _check_log_target(ctx, tx, bucket, enabled)
    buckets.put_setting(ctx, tx, bucket, "logging", enabled)


def _check_log_target(ctx: Context, tx: Transaction, bucket: Bucket, enabled: dict[str, Any]) -> None:
    target = BUCKETS.get(tx, everywhere(ctx.scope), enabled["TargetBucket"])
    if target is None or target.account != bucket.account:
        message = "The target bucket for logging does not exist"
        if target is not None:
            message = "The owner for the bucket to be logged and the target bucket must be the same."
        raise errors.error("InvalidTargetBucketForLogging", message, TargetBucket=enabled["TargetBucket"])
    if target.region != bucket.region:
        fields = {"TargetBucketLocation": target.region}
        if bucket.region != "us-east-1":
            fields["SourceBucketLocation"] = bucket.region
        message = "Cross S3 location logging not allowed. "
        raise errors.error("CrossLocationLoggingProhibitted", message, **fields)


@operation("GetBucketLogging")
def get_bucket_logging(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:GetBucketLogging")
    enabled = buckets.find_setting(tx, ctx.scope, bucket, "logging")
    return {} if enabled is None else {"LoggingEnabled": enabled}


# --- encryption ---------------------------------------------------------------------------------------------------


@operation("PutBucketEncryption", action="s3:PutEncryptionConfiguration")
def put_bucket_encryption(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:PutEncryptionConfiguration")
    rules = buckets.require_document(req, "ServerSideEncryptionConfiguration").get("Rules") or []
    if len(rules) != 1:
        raise errors.malformed_xml()
    buckets.change(ctx, tx, bucket, encryption=encryption.parse_rule(rules[0], bucket.encryption))


@operation("GetBucketEncryption", action="s3:GetEncryptionConfiguration")
def get_bucket_encryption(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:GetEncryptionConfiguration")
    default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}
    return {"ServerSideEncryptionConfiguration": {"Rules": [default | (bucket.encryption or {})]}}


@operation("DeleteBucketEncryption", action="s3:PutEncryptionConfiguration")
def delete_bucket_encryption(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:PutEncryptionConfiguration")
    buckets.change(ctx, tx, bucket, encryption=encryption.without_default(bucket.encryption) or None)
