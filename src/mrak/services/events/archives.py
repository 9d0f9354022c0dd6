"""Operations on archives: what a bus keeps of its events."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from mrak.core.arn import arn, find_arn
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.events import archive_rules, buses, errors, pages
from mrak.services.events.rule_operations import check_pattern
from mrak.services.events.tables import ARCHIVED, ARCHIVES, Archive


def archive_arn(scope: Scope, name: str) -> str:
    return arn(scope, "events", f"archive/{name}")


def require(tx: Transaction, scope: Scope, name: str) -> Archive:
    """An archive, opened."""
    archive = ARCHIVES.open(tx, scope, name)
    if archive is None:
        raise errors.no_archive(name)
    return archive


@operation("CreateArchive")
def create_archive(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name = req["ArchiveName"]
    ctx.about(archive_arn(ctx.scope, name))
    found = find_arn(req["EventSourceArn"])
    if found is None or not found.resource.startswith("event-bus/"):
        raise errors.invalid_parameter("EventSourceArn", "Must contain an event bus ARN.")
    if ARCHIVES.open(tx, ctx.scope, name) is not None:
        raise errors.already_exists(f"Archive {name}")
    _, bus = buses.require(tx, ctx.scope, req["EventSourceArn"])
    if req.get("EventPattern"):
        check_pattern(req["EventPattern"])
    _check_key(ctx, tx, req.get("KmsKeyIdentifier", ""))
    archive = Archive(
        name=name,
        bus=bus.name,
        source_arn=req["EventSourceArn"],
        created_at=ctx.now,
        pattern=req.get("EventPattern", ""),
        description=req.get("Description", ""),
        retention_days=req.get("RetentionDays", 0),
        key_id=req.get("KmsKeyIdentifier", ""),
    )
    ARCHIVES.insert(tx, ctx.scope, archive)
    archive_rules.add(ctx, tx, ctx.scope, archive)
    return _render_state(ctx.scope, archive)


def _check_key(ctx: Context, tx: Transaction, named: str) -> None:
    """Refuses a key that does not exist (recorded), and in KMS's words one that cannot be used."""
    if not named:
        return
    deviation("EVENTS-008")
    from mrak.services.kms.exports import named_arn, require_encryption_key

    try:
        require_encryption_key(ctx, tx, named_arn(ctx.scope, named))
    except ApiError as error:
        reason = error.message
        if error.code == "NotFoundException":
            reason = (
                "The provided KMS key does not exist. Please ensure that the key identifier is correct and your key "
                "exists in the same region as the event source."
            )
        raise errors.validation(reason) from None


def _render_state(scope: Scope, archive: Archive) -> dict[str, Any]:
    return {"ArchiveArn": archive_arn(scope, archive.name), "State": "ENABLED", "CreationTime": archive.created_at}


@operation("UpdateArchive")
def update_archive(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    if not any(member in req for member in ("EventPattern", "RetentionDays", "Description")):
        raise errors.validation("At least one of EventPattern, RetentionDays or Description must be provided.")
    old = require(tx, ctx.scope, req["ArchiveName"])
    ctx.about(archive_arn(ctx.scope, old.name))
    if req.get("EventPattern"):
        check_pattern(req["EventPattern"])
    _check_key(ctx, tx, req.get("KmsKeyIdentifier", ""))
    new = replace(
        old,
        pattern=req.get("EventPattern", old.pattern),
        description=req.get("Description", old.description),
        retention_days=req.get("RetentionDays", old.retention_days),
        key_id=req.get("KmsKeyIdentifier", old.key_id),
    )
    ARCHIVES.replace(tx, ctx.scope, old, new)
    archive_rules.follow(tx, ctx.scope, new)
    return _render_state(ctx.scope, new)


@operation("DeleteArchive")
def delete_archive(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    archive = require(tx, ctx.scope, req["ArchiveName"])
    ctx.about(archive_arn(ctx.scope, archive.name))
    ARCHIVED.delete_all(tx, ctx.scope, archive.name)
    ARCHIVES.delete(tx, ctx.scope, archive)
    archive_rules.remove(tx, ctx.scope, archive)


@operation("DescribeArchive")
def describe_archive(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    archive = require(tx, ctx.scope, req["ArchiveName"])
    ctx.about(archive_arn(ctx.scope, archive.name))
    shown = {"ArchiveArn": archive_arn(ctx.scope, archive.name), **_render(archive)}
    if archive.description:
        shown["Description"] = archive.description
    if archive.pattern:
        shown["EventPattern"] = archive.pattern
    if archive.key_id:
        shown["KmsKeyIdentifier"] = archive.key_id
    return shown


def _render(archive: Archive) -> dict[str, Any]:
    return {
        "ArchiveName": archive.name,
        "EventSourceArn": archive.source_arn,
        "State": "ENABLED",
        "RetentionDays": archive.retention_days,
        "SizeBytes": archive.size_bytes,
        "EventCount": archive.count,
        "CreationTime": archive.created_at,
    }


@operation("ListArchives")
def list_archives(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    if sum(name in req for name in ("NamePrefix", "EventSourceArn", "State")) > 1:
        raise errors.validation(
            "At most one filter is allowed for ListArchives. Use either : State, EventSourceArn, or NamePrefix."
        )
    source = req.get("EventSourceArn")
    if source:
        buses.require(tx, ctx.scope, source)
    prefix = req.get("NamePrefix", "")
    after = pages.read_position(req)
    rows = ARCHIVES.scan(tx, ctx.scope, since=None if after else prefix or None, after=after)
    named = pages.with_prefix(rows, prefix, lambda archive: archive.name)
    wanted = (
        archive for archive in named if source in (None, archive.source_arn) and req.get("State") in (None, "ENABLED")
    )
    return pages.render(req, "Archives", wanted, lambda archive: archive.name, _render)
