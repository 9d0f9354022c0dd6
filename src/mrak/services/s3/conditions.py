"""Conditional requests: on reading, on writing, and on the source of a copy.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.errors import ApiError
from mrak.protocol import times
from mrak.services.s3 import errors
from mrak.services.s3.tables import Upload, Version

_WRITE_CONDITIONS = {"IfMatch": "If-Match", "IfNoneMatch": "If-None-Match"}


def matches(wanted: str, etag: str) -> bool:
    return any(each.strip().removeprefix("W/").strip('"') in (etag, "*") for each in wanted.split(","))


def check_read(req: dict[str, Any], version: Version, now: float) -> None:
    """Raises 412 or 304. The ETag conditions go before those on dates (RFC 9110, 13.2.2)."""
    if "IfMatch" in req:
        if not matches(req["IfMatch"], version.etag):
            raise errors.precondition_failed("If-Match")
    elif "IfUnmodifiedSince" in req and int(version.modified_at) > req["IfUnmodifiedSince"]:
        raise errors.precondition_failed("If-Unmodified-Since")
    if "IfNoneMatch" in req:
        if matches(req["IfNoneMatch"], version.etag):
            raise not_modified(version)
    elif "IfModifiedSince" in req and int(version.modified_at) <= req["IfModifiedSince"] <= now:
        raise not_modified(version)


def not_modified(version: Version) -> ApiError:
    found = errors.error("NotModified", "Not Modified")
    found.headers = {"ETag": f'"{version.etag}"', "Last-Modified": times.render_rfc822(version.modified_at)}
    return found


def check_copy_source(req: dict[str, Any], version: Version, now: float) -> None:
    """Everything that does not hold is 412 here."""
    if "CopySourceIfMatch" in req:
        if not matches(req["CopySourceIfMatch"], version.etag):
            raise errors.precondition_failed("x-amz-copy-source-If-Match")
    elif "CopySourceIfUnmodifiedSince" in req and int(version.modified_at) > req["CopySourceIfUnmodifiedSince"]:
        raise errors.precondition_failed("x-amz-copy-source-If-Unmodified-Since")
    if "CopySourceIfNoneMatch" in req:
        if matches(req["CopySourceIfNoneMatch"], version.etag):
            raise errors.precondition_failed("x-amz-copy-source-If-None-Match")
    elif "CopySourceIfModifiedSince" in req:
        since = req["CopySourceIfModifiedSince"]
        if int(version.modified_at) <= since <= now:
            raise errors.precondition_failed("x-amz-copy-source-If-Modified-Since")


def check_write_headers(req: dict[str, Any]) -> None:
    """Before anything is read: S3 takes `*` for If-None-Match only, and ETags for If-Match only."""
    refusal = "We don't accept the provided value of {} header for this API"
    none_match, match = req.get("IfNoneMatch"), req.get("IfMatch")
    if none_match is not None and match is not None:
        raise errors.not_implemented_header(
            "If-Match,If-None-Match", "Multiple conditional request headers present in the request"
        )
    if none_match is not None and none_match != "*":
        raise errors.not_implemented_header("If-None-Match", refusal.format("If-None-Match"))
    if match == "*":
        raise errors.not_implemented_header("If-Match", refusal.format("If-Match"))


def check_write(req: dict[str, Any], latest: Version | None) -> None:
    """In the transaction that writes: `latest` is the key's latest version, perhaps a delete marker."""
    exists = latest is not None and not latest.is_marker
    if req.get("IfNoneMatch") is not None and exists:
        raise errors.precondition_failed("If-None-Match")
    wanted = req.get("IfMatch")
    if wanted is None:
        return
    if latest is None or not exists:
        raise errors.no_such_key(req["Key"])
    if not matches(wanted, latest.etag):
        raise errors.precondition_failed("If-Match")


def check_undisturbed(req: dict[str, Any], latest: Version | None, upload: Upload) -> None:
    """An upload that is completed on a condition is refused where the key was written or deleted since it began, even
    if the condition holds (409: begin anew). Orders grow with time, and a version's is the negative of it."""
    condition = next((name for member, name in _WRITE_CONDITIONS.items() if member in req), None)
    if condition is None:
        return
    if is_overtaken(latest, upload):
        raise errors.conditional_conflict(condition, upload.key)


def is_overtaken(latest: Version | None, upload: Upload) -> bool:
    """Whether the key was written or deleted since an upload began."""
    return -latest.order > upload.order if latest is not None else upload.existed


def check_delete(req: dict[str, Any], version: Version | None) -> None:
    """If-Match on a delete: `*` is "if it is there"."""
    wanted = req.get("IfMatch")
    if wanted is None:
        return
    if version is None or version.is_marker:
        raise errors.no_such_key(req["Key"])
    if not matches(wanted, version.etag):
        raise errors.precondition_failed("If-Match")
