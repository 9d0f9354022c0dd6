"""Lifecycle at work: once a day, by the environment's clock, what the rules say is due.

Each page of rows is a transaction of its own, so that a bucket of any size holds nothing up; a crash in between leaves
the timer, which begins again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from mrak.core.background import Timer
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import timer
from mrak.services.s3 import buckets, effects, lifecycle, multipart
from mrak.services.s3 import objects as versions
from mrak.services.s3.listing import text_start
from mrak.services.s3.tables import BUCKETS, OBJECTS, UPLOADS, VERSIONS, Bucket, Version, everywhere
from mrak.store.keys import encode_part, prefix_end
from mrak.store.tables import Table

_PAGE = 100
Rule = dict[str, Any]
Visit = Callable[[Context, Transaction, Bucket, list[Rule], Any], None]


@timer(lifecycle.DUE)
async def run(ctx: Context, due: Timer) -> None:
    found = await ctx.transact(lambda tx: _find(ctx, tx, due.key))
    if found is None:
        return
    bucket, rules = found
    await _Pass(ctx, OBJECTS, bucket, rules, _visit_object).run()
    aborting = [rule for rule in rules if "AbortIncompleteMultipartUpload" in rule]
    if aborting:
        await _Pass(ctx, UPLOADS, bucket, aborting, _visit_upload).run()
    await ctx.transact(lambda tx: tx.at(lifecycle.timer_for(ctx.scope, bucket, ctx.clock())))


def _find(ctx: Context, tx: Transaction, name: str) -> tuple[Bucket, list[Rule]] | None:
    bucket = BUCKETS.get(tx, everywhere(ctx.scope), name)
    configuration = None if bucket is None else buckets.find_setting(tx, ctx.scope, bucket, lifecycle.KIND)
    if bucket is None or configuration is None:
        return None
    return bucket, [rule for rule in configuration["Rules"] if rule.get("Status") == "Enabled"]


class _Pass:
    """Visits each row of a table under the rules' prefixes once, a page in a transaction."""

    def __init__(self, ctx: Context, table: Table[Any], bucket: Bucket, rules: list[Rule], visit: Visit) -> None:
        self._ctx, self._table, self._bucket, self._rules, self._visit = ctx, table, bucket, rules, visit
        self._base = table.key(everywhere(ctx.scope), bucket.name)
        self._start: bytes | None = None
        self._end = b""

    async def run(self) -> None:
        for prefix in _prefixes(self._rules):
            self._start = self._base + text_start(prefix)
            self._end = prefix_end(self._start)
            while self._start is not None:
                self._start = await self._ctx.transact(self._page)

    def _page(self, tx: Transaction) -> bytes | None:
        """Where the next page begins."""
        assert self._start is not None
        rows = list(self._table.scan_between(tx, self._start, self._end, _PAGE))
        for row in rows:
            self._visit(self._ctx, tx, self._bucket, self._rules, row)
        return prefix_end(self._base + encode_part(rows[-1].key)) if len(rows) == _PAGE else None


def _prefixes(rules: list[Rule]) -> list[str]:
    """The prefixes of all rules, without those that lie under another."""
    kept: list[str] = []
    for prefix in sorted(lifecycle.prefix_of(rule) for rule in rules):
        if not any(prefix.startswith(shorter) for shorter in kept):
            kept.append(prefix)
    return kept


def _visit_upload(ctx: Context, tx: Transaction, bucket: Bucket, rules: list[Rule], upload: Any) -> None:
    for rule in rules:
        days = rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
        if upload.key.startswith(lifecycle.prefix_of(rule)) and lifecycle.due_at(upload.initiated_at, days) <= ctx.now:
            multipart.abort(ctx, tx, upload)
            return


def _visit_object(ctx: Context, tx: Transaction, bucket: Bucket, rules: list[Rule], latest: Version) -> None:
    """A key: its old versions first, so that a marker that is left alone is seen as such."""
    if bucket.versioning:
        _visit_noncurrent(ctx, tx, bucket, rules, latest)
        latest = OBJECTS.get(tx, everywhere(ctx.scope), latest.bucket, latest.key) or latest
    for rule in rules:
        if latest.is_marker:
            if _expire_marker(ctx, tx, bucket, rule, latest):
                return
        elif lifecycle.applies(rule, latest) and _expire_latest(ctx, tx, bucket, rule, latest):
            return
    if not latest.is_marker:
        _move(ctx, tx, bucket, rules, latest, "Transitions", latest.modified_at)


def _expire_latest(ctx: Context, tx: Transaction, bucket: Bucket, rule: Rule, latest: Version) -> bool:
    moment = lifecycle.moment_of(rule.get("Expiration"), latest.modified_at)
    if moment is None or moment > ctx.now:
        return False
    marker = versions.delete_latest(ctx, tx, bucket, latest.key)
    effects.expired(ctx, tx, bucket, marker or latest, "Delete" if marker is None else "DeleteMarkerCreated")
    return True


def _expire_marker(ctx: Context, tx: Transaction, bucket: Bucket, rule: Rule, marker: Version) -> bool:
    """A marker that hides nothing any more is removed."""
    expiration = rule.get("Expiration") or {}
    moment = lifecycle.moment_of(expiration, marker.modified_at)
    due = expiration.get("ExpiredObjectDeleteMarker") or (moment is not None and moment <= ctx.now)
    if not due or not marker.key.startswith(lifecycle.prefix_of(rule)):
        return False
    older = VERSIONS.scan(tx, everywhere(ctx.scope), marker.bucket, marker.key, limit=1)
    if next(older, None) is not None:
        return False
    versions.delete_version(ctx, tx, bucket, marker, {})
    effects.expired(ctx, tx, bucket, marker, "Delete")
    return True


def _visit_noncurrent(ctx: Context, tx: Transaction, bucket: Bucket, rules: list[Rule], latest: Version) -> None:
    """Old versions, newest first; each is noncurrent since the one after it was made."""
    since, newer = latest.modified_at, 0
    for older in list(VERSIONS.scan(tx, everywhere(ctx.scope), latest.bucket, latest.key)):
        if not any(_expire_noncurrent(ctx, tx, bucket, rule, older, since, newer) for rule in rules):
            _move(ctx, tx, bucket, rules, older, "NoncurrentVersionTransitions", since)
        since, newer = older.modified_at, newer + 1


def _expire_noncurrent(
    ctx: Context, tx: Transaction, bucket: Bucket, rule: Rule, older: Version, since: float, newer: int
) -> bool:
    action = rule.get("NoncurrentVersionExpiration")
    if not action or not lifecycle.applies(rule, older) or newer < action.get("NewerNoncurrentVersions", 0):
        return False
    if lifecycle.due_at(since, action.get("NoncurrentDays", 1)) > ctx.now:
        return False
    try:
        versions.delete_version(ctx, tx, bucket, older, {})
    except ApiError as error:
        # What object lock protects stays, whatever the rules say.
        if error.code != "AccessDenied":
            raise
        return False
    effects.expired(ctx, tx, bucket, older, "Delete")
    return True


def _move(
    ctx: Context, tx: Transaction, bucket: Bucket, rules: list[Rule], version: Version, member: str, since: float
) -> None:
    """The transition that is due last decides about the storage class."""
    best: tuple[float, str] | None = None
    for rule in rules:
        for action in (rule.get(member) or ()) if lifecycle.applies(rule, version) else ():
            days = action.get("NoncurrentDays", action.get("Days"))
            moment = lifecycle.due_at(since, days) if days is not None else action["Date"]
            if moment <= ctx.now and (best is None or moment > best[0]):
                best = (moment, action["StorageClass"])
    if best is None or version.is_marker or version.storage_class == best[1]:
        return
    moved = versions.rewrite(ctx, tx, version, storage_class=best[1])
    effects.moved(ctx, tx, bucket, msgspec.structs.replace(moved))
