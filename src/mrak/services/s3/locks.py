"""Object lock: retention, legal holds, and what they forbid.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.protocol import times
from mrak.services.s3 import access, errors
from mrak.services.s3.checksums import Expected
from mrak.services.s3.tables import Bucket, Version

MODES = ("GOVERNANCE", "COMPLIANCE")
_DAY = 86_400.0
_MODE, _DATE, _HOLD = "x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date", "x-amz-object-lock-legal-hold"


def parse_request(req: dict[str, Any], bucket: Bucket, now: float) -> dict[str, Any]:
    """The lock of a new version: from the request's headers, else the bucket's default; fields of Version."""
    mode, until, hold = (
        req.get("ObjectLockMode"), req.get("ObjectLockRetainUntilDate"), req.get("ObjectLockLegalHoldStatus"),
    )  # fmt: skip
    if mode is None and until is None and hold is None:
        return default_of(bucket, now)
    fields = _parse_headers(mode, until, hold, now)
    if not bucket.lock_enabled:
        # Without spaces where an object is made; operations on locks have them.
        raise errors.invalid_request("Bucket is missing ObjectLockConfiguration")
    return fields if "lock_mode" in fields else default_of(bucket, now) | fields


def _parse_headers(mode: str | None, until: float | None, hold: str | None, now: float) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if (mode is None) != (until is None):
        missing = _MODE if mode is None else _DATE
        raise errors.invalid_argument(f"{_DATE} and {_MODE} must both be supplied", missing)
    if mode is not None and until is not None:
        if mode not in MODES:
            raise errors.invalid_argument("Unknown wormMode directive.", _MODE, mode)
        if until <= now:
            message = "The retain until date must be in the future!"
            raise errors.invalid_argument(message, _DATE, times.render_iso8601(until))
        fields = {"lock_mode": mode, "lock_until": until}
    if hold is not None:
        if hold not in ("ON", "OFF"):
            raise errors.invalid_argument("Legal Hold must be either of 'ON' or 'OFF'", _HOLD, hold)
        fields["legal_hold"] = hold
    return fields


def check_integrity(ctx: Context, draft: Version, expected: Expected) -> None:
    """What is to be locked, by its own headers or by the bucket's default, comes with a hash of itself."""
    if ctx.http is None or not (draft.lock_mode or draft.legal_hold) or expected.algorithm or expected.md5:
        return
    raise errors.invalid_request(
        "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters"
    )


def default_of(bucket: Bucket, now: float) -> dict[str, Any]:
    if not bucket.lock_mode:
        return {}
    days = bucket.lock_days or bucket.lock_years * 365
    return {"lock_mode": bucket.lock_mode, "lock_until": now + days * _DAY}


def check_bypass(bucket: Bucket, req: dict[str, Any]) -> None:
    """The header means something only where there may be locks, whatever it says."""
    if "BypassGovernanceRetention" in req and not bucket.lock_enabled:
        name = "x-amz-bypass-governance-retention"
        raise errors.invalid_argument(f"{name} is only applicable to Object Lock enabled buckets.", name)


def check_delete(ctx: Context, tx: Transaction, bucket: Bucket, version: Version, req: dict[str, Any]) -> None:
    """Raises AccessDenied where a lock protects the version."""
    if version.legal_hold == "ON":
        raise errors.object_locked()
    if not version.lock_mode or version.lock_until <= ctx.now:
        return
    if version.lock_mode == "GOVERNANCE" and may_bypass(ctx, tx, bucket, req, version):
        return
    raise errors.object_locked()


def may_bypass(ctx: Context, tx: Transaction, bucket: Bucket, req: dict[str, Any], version: Version) -> bool:
    return bool(req.get("BypassGovernanceRetention")) and access.may(
        ctx, tx, bucket, "s3:BypassGovernanceRetention", req, version
    )


def check_retention_change(
    ctx: Context, tx: Transaction, bucket: Bucket, version: Version, req: dict[str, Any], wanted: dict[str, Any]
) -> None:
    """Retention may be made longer; anything else needs the permission to bypass governance."""
    if not version.lock_mode or version.lock_until <= ctx.now:
        return
    if wanted["lock_mode"] == version.lock_mode and wanted["lock_until"] >= version.lock_until:
        return
    if version.lock_mode == "GOVERNANCE" and may_bypass(ctx, tx, bucket, req, version):
        return
    raise errors.object_locked()


def render(version: Version) -> dict[str, Any]:
    """The members of an answer."""
    shown: dict[str, Any] = {}
    if version.lock_mode:
        shown["ObjectLockMode"] = version.lock_mode
        shown["ObjectLockRetainUntilDate"] = version.lock_until
    if version.legal_hold:
        shown["ObjectLockLegalHoldStatus"] = version.legal_hold
    return shown
