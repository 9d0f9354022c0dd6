"""Lifecycle rules: their checks, and what they say of an object.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html

S3 counts days from the object's creation and rounds up to the next midnight (UTC). `expiry.py` does what is due.
"""

from __future__ import annotations

import math
from typing import Any

from mrak.core.background import Timer
from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.protocol import times
from mrak.services.s3 import buckets, errors
from mrak.services.s3.tables import Bucket, Upload, Version

KIND = "lifecycle"
DUE = "s3.lifecycle"
DAY = 86_400.0
_MOST_RULES = 1000
_DEFAULT_MINIMUM = "all_storage_classes_128K"
_ACTIONS = (
    "Expiration", "Transitions", "NoncurrentVersionExpiration", "NoncurrentVersionTransitions",
    "AbortIncompleteMultipartUpload",
)  # fmt: skip


@operation("PutBucketLifecycleConfiguration", action="s3:PutLifecycleConfiguration")
def put_bucket_lifecycle_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:PutLifecycleConfiguration")
    rules = buckets.require_hashed_document(ctx, req, "LifecycleConfiguration").get("Rules") or []
    if not 1 <= len(rules) <= _MOST_RULES:
        raise errors.malformed_xml()
    kept = [rule if rule.get("ID") else {**rule, "ID": ctx.draw.uuid()} for rule in rules]
    for rule in kept:
        check_rule(rule)
    if len({rule["ID"] for rule in kept}) != len(kept):
        message = "Rule ID must be unique. Found same ID for more than one rule"
        raise errors.invalid_argument(message)
    minimum = req.get("TransitionDefaultMinimumObjectSize", _DEFAULT_MINIMUM)
    buckets.put_setting(ctx, tx, bucket, KIND, {"Rules": kept, "TransitionDefaultMinimumObjectSize": minimum})
    tx.at(timer_for(ctx.scope, bucket, ctx.now))
    return {"TransitionDefaultMinimumObjectSize": minimum}


def timer_for(scope: Scope, bucket: Bucket, now: float) -> Timer:
    """The next midnight, when what is due is done."""
    return Timer(
        kind=DUE,
        key=bucket.name,
        due_at=(now // DAY + 1) * DAY,
        scope=scope.in_account(bucket.account).in_region(bucket.region),
    )


def check_rule(rule: dict[str, Any]) -> None:
    if len(rule["ID"]) > 255:
        raise errors.invalid_argument("ID length should not exceed allowed limit of 255")
    if ("Filter" in rule) == ("Prefix" in rule):
        raise errors.malformed_xml()
    if len(rule.get("Filter") or {}) > 1:
        raise errors.malformed_xml()
    tags = (rule.get("Filter") or {}).get("And", {}).get("Tags") or ()
    if len({tag["Key"] for tag in tags}) != len(tags):
        raise errors.invalid_request("Duplicate Tag Keys are not allowed.")
    if not any(rule.get(action) for action in _ACTIONS):
        raise errors.invalid_request("At least one action needs to be specified in a rule")
    if "Expiration" in rule:
        _check_expiration(rule["Expiration"])
    for transition in rule.get("Transitions") or ():
        _check_transition(transition)
    transitions = rule.get("NoncurrentVersionTransitions") or ()
    if any("StorageClass" not in each for each in transitions):
        raise errors.malformed_xml()
    noncurrent = [rule.get("NoncurrentVersionExpiration"), *transitions]
    for each in noncurrent:
        if each is not None and not {"NoncurrentDays", "NewerNoncurrentVersions"} & set(each):
            raise errors.malformed_xml()
        if each is not None and each.get("NoncurrentDays", 1) < 1:
            raise _not_positive("NoncurrentDays", "NoncurrentVersionExpiration")
    abort = rule.get("AbortIncompleteMultipartUpload")
    if abort is not None:
        if abort.get("DaysAfterInitiation", 0) < 1:
            raise _not_positive("DaysAfterInitiation", "AbortIncompleteMultipartUpload")
        if _filter_of(rule)[1]:
            message = "AbortIncompleteMultipartUpload cannot be specified with Tags."
            raise errors.invalid_request(message)


def _not_positive(field: str, action: str) -> Exception:
    return errors.invalid_argument(f"'{field}' for {action} action must be a positive integer")


def _check_expiration(expiration: dict[str, Any]) -> None:
    if len(set(expiration) & {"Days", "Date", "ExpiredObjectDeleteMarker"}) != 1:
        raise errors.malformed_xml()
    if expiration.get("Days", 1) < 1:
        raise _not_positive("Days", "Expiration")
    _check_midnight(expiration)


def _check_transition(transition: dict[str, Any]) -> None:
    if ("Days" in transition) == ("Date" in transition) or "StorageClass" not in transition:
        raise errors.malformed_xml()
    days, target = transition.get("Days"), transition["StorageClass"]
    if days is not None and days < 0:
        raise errors.invalid_argument("'Days' in Transition action must be nonnegative")
    if days is not None and target in ("STANDARD_IA", "ONEZONE_IA") and days < 30:
        message = f"'Days' in Transition action must be greater than or equal to 30 for storageClass '{target}'"
        raise errors.invalid_argument(message)
    _check_midnight(transition)


def _check_midnight(action: dict[str, Any]) -> None:
    if action.get("Date", 0.0) % DAY:
        moment = times.render_iso8601(action["Date"], always_millis=True)
        raise errors.invalid_argument("'Date' must be at midnight GMT", "Date", moment)


@operation("GetBucketLifecycleConfiguration", action="s3:GetLifecycleConfiguration")
def get_bucket_lifecycle_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:GetLifecycleConfiguration")
    configuration: dict[str, Any] | None = buckets.find_setting(tx, ctx.scope, bucket, KIND)
    if configuration is None:
        message = "The lifecycle configuration does not exist"
        raise errors.missing_setting("NoSuchLifecycleConfiguration", message, bucket.name)
    return configuration


@operation("DeleteBucketLifecycle", action="s3:PutLifecycleConfiguration")
def delete_bucket_lifecycle(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:PutLifecycleConfiguration")
    buckets.delete_setting(ctx, tx, bucket, KIND)


# --- what rules say -----------------------------------------------------------------------------------------------


def _filter_of(rule: dict[str, Any]) -> tuple[str, dict[str, str], int | None, int | None]:
    """(prefix, tags, larger than, smaller than)."""
    chosen = rule.get("Filter") or {}
    inner = chosen.get("And") or chosen
    tags = inner.get("Tags") or ([inner["Tag"]] if "Tag" in inner else [])
    return (
        inner.get("Prefix", rule.get("Prefix") or ""),
        {tag["Key"]: tag["Value"] for tag in tags},
        inner.get("ObjectSizeGreaterThan"),
        inner.get("ObjectSizeLessThan"),
    )


def prefix_of(rule: dict[str, Any]) -> str:
    return _filter_of(rule)[0]


def applies(rule: dict[str, Any], version: Version) -> bool:
    """Whether an enabled rule is about a version."""
    prefix, tags, larger, smaller = _filter_of(rule)
    return (
        rule.get("Status") == "Enabled"
        and version.key.startswith(prefix)
        and all(version.tags.get(name) == value for name, value in tags.items())
        and (larger is None or version.size_bytes > larger)
        and (smaller is None or version.size_bytes < smaller)
    )


def due_at(since: float, days: int) -> float:
    """The midnight at which so many days are over."""
    return math.ceil((since + days * DAY) / DAY) * DAY


def moment_of(action: dict[str, Any] | None, since: float) -> float | None:
    """When an action by days or date is due for what was made at `since`."""
    if not action:
        return None
    if "Days" in action:
        return due_at(since, action["Days"])
    moment: float | None = action.get("Date")
    return moment


def render_abort(ctx: Context, tx: Transaction, bucket: Bucket, upload: Upload) -> dict[str, Any]:
    """The x-amz-abort- headers: the first rule that will abort the upload."""
    configuration = buckets.find_setting(tx, ctx.scope, bucket, KIND)
    due = [
        (due_at(upload.initiated_at, rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]), rule["ID"])
        for rule in (configuration or {}).get("Rules", ())
        if "AbortIncompleteMultipartUpload" in rule
        and rule.get("Status") == "Enabled"
        and upload.key.startswith(prefix_of(rule))
    ]
    if not due:
        return {}
    moment, rule_id = min(due)
    return {"AbortDate": moment, "AbortRuleId": rule_id}


def render_expiration(ctx: Context, tx: Transaction, bucket: Bucket, version: Version) -> dict[str, Any]:
    """The x-amz-expiration header: the first rule that will expire the object."""
    configuration = buckets.find_setting(tx, ctx.scope, bucket, KIND)
    first: tuple[float, str] | None = None
    for rule in (configuration or {}).get("Rules", ()):
        moment = moment_of(rule.get("Expiration"), version.modified_at) if applies(rule, version) else None
        if moment is not None and (first is None or moment < first[0]):
            first = (moment, rule["ID"])
    if first is None:
        return {}
    return {"Expiration": f'expiry-date="{times.render_rfc822(first[0])}", rule-id="{first[1]}"'}
