"""Lifecycle at work: once a day, by the environment's clock, what the rules say is due.

Each page of rows is a transaction of its own, so that a bucket of any size holds nothing up; a crash in between leaves
the timer, which begins again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
Visitor = Callable[["_Visit", Any], None]


@timer(lifecycle.DUE)
async def run(ctx: Context, due: Timer) -> None:
    found = await ctx.transact(lambda tx: _find(ctx, tx, due.key))
    if found is None:
        return
    bucket, rules = found
    await _Pass(ctx, OBJECTS, bucket, rules, _Visit.key).run()
    aborting = [rule for rule in rules if "AbortIncompleteMultipartUpload" in rule]
    if aborting:
        await _Pass(ctx, UPLOADS, bucket, aborting, _Visit.upload).run()
    await ctx.transact(lambda tx: tx.at(lifecycle.timer_for(ctx.scope, bucket, ctx.clock())))


def _find(ctx: Context, tx: Transaction, name: str) -> tuple[Bucket, list[Rule]] | None:
    bucket = BUCKETS.get(tx, everywhere(ctx.scope), name)
    configuration = None if bucket is None else buckets.find_setting(tx, ctx.scope, bucket, lifecycle.KIND)
    if bucket is None or configuration is None:
        return None
    return bucket, [rule for rule in configuration["Rules"] if rule.get("Status") == "Enabled"]


class _Pass:
    """Visits each row of a table under the rules' prefixes once, a page in a transaction."""

    def __init__(self, ctx: Context, table: Table[Any], bucket: Bucket, rules: list[Rule], visit: Visitor) -> None:
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
        visit = _Visit(self._ctx, tx, self._bucket, self._rules)
        for row in rows:
            self._visit(visit, row)
        return prefix_end(self._base + encode_part(rows[-1].key)) if len(rows) == _PAGE else None


def _prefixes(rules: list[Rule]) -> list[str]:
    """The prefixes of all rules, without those that lie under another."""
    kept: list[str] = []
    for prefix in sorted(lifecycle.prefix_of(rule) for rule in rules):
        if not any(prefix.startswith(shorter) for shorter in kept):
            kept.append(prefix)
    return kept


class _Visit:
    """A page's transaction: what the rules say of each of its rows."""

    def __init__(self, ctx: Context, tx: Transaction, bucket: Bucket, rules: list[Rule]) -> None:
        self.ctx, self.tx, self.bucket, self.rules = ctx, tx, bucket, rules
        self.scope = everywhere(ctx.scope)

    def upload(self, upload: Any) -> None:
        for rule in self.rules:
            days = rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
            due = lifecycle.due_at(upload.initiated_at, days) <= self.ctx.now
            if due and upload.key.startswith(lifecycle.prefix_of(rule)):
                multipart.abort(self.ctx, self.tx, upload)
                return

    def key(self, latest: Version) -> None:
        """A key: its old versions first, so that a marker that is left alone is seen as such."""
        if self.bucket.versioning:
            self._noncurrent(latest)
            latest = OBJECTS.get(self.tx, self.scope, latest.bucket, latest.key) or latest
        for rule in self.rules:
            if latest.is_marker:
                if self._expire_marker(rule, latest):
                    return
            elif lifecycle.applies(rule, latest) and self._expire_latest(rule, latest):
                return
        if not latest.is_marker:
            self._move(latest, "Transitions", latest.modified_at)

    def _expire_latest(self, rule: Rule, latest: Version) -> bool:
        moment = lifecycle.moment_of(rule.get("Expiration"), latest.modified_at)
        if moment is None or moment > self.ctx.now:
            return False
        marker = versions.delete_latest(self.ctx, self.tx, self.bucket, latest.key)
        how = "Delete" if marker is None else "DeleteMarkerCreated"
        effects.expired(self.ctx, self.tx, self.bucket, marker or latest, how)
        return True

    def _expire_marker(self, rule: Rule, marker: Version) -> bool:
        """A marker that hides nothing any more is removed."""
        expiration = rule.get("Expiration") or {}
        moment = lifecycle.moment_of(expiration, marker.modified_at)
        due = expiration.get("ExpiredObjectDeleteMarker") or (moment is not None and moment <= self.ctx.now)
        if not due or not marker.key.startswith(lifecycle.prefix_of(rule)):
            return False
        if next(VERSIONS.scan(self.tx, self.scope, marker.bucket, marker.key, limit=1), None) is not None:
            return False
        versions.delete_version(self.ctx, self.tx, self.bucket, marker, {})
        effects.expired(self.ctx, self.tx, self.bucket, marker, "Delete")
        return True

    def _noncurrent(self, latest: Version) -> None:
        """Old versions, newest first; each is noncurrent since the one after it was made."""
        since, newer = latest.modified_at, 0
        for older in list(VERSIONS.scan(self.tx, self.scope, latest.bucket, latest.key)):
            if not any(self._expire_noncurrent(rule, older, since, newer) for rule in self.rules):
                self._move(older, "NoncurrentVersionTransitions", since)
            since, newer = older.modified_at, newer + 1

    def _expire_noncurrent(self, rule: Rule, older: Version, since: float, newer: int) -> bool:
        action = rule.get("NoncurrentVersionExpiration")
        if not action or not lifecycle.applies(rule, older) or newer < action.get("NewerNoncurrentVersions", 0):
            return False
        if lifecycle.due_at(since, action.get("NoncurrentDays", 1)) > self.ctx.now:
            return False
        try:
            versions.delete_version(self.ctx, self.tx, self.bucket, older, {})
        except ApiError as error:
            # What object lock protects stays, whatever the rules say.
            if error.code != "AccessDenied":
                raise
            return False
        effects.expired(self.ctx, self.tx, self.bucket, older, "Delete")
        return True

    def _move(self, version: Version, member: str, since: float) -> None:
        """The transition that is due last decides about the storage class."""
        best: tuple[float, str] | None = None
        for rule in self.rules:
            for action in (rule.get(member) or ()) if lifecycle.applies(rule, version) else ():
                days = action.get("NoncurrentDays", action.get("Days"))
                moment = lifecycle.due_at(since, days) if days is not None else action["Date"]
                if moment <= self.ctx.now and (best is None or moment > best[0]):
                    best = (moment, action["StorageClass"])
        if best is None or version.is_marker or version.storage_class == best[1]:
            return
        moved = versions.rewrite(self.ctx, self.tx, version, storage_class=best[1])
        effects.moved(self.ctx, self.tx, self.bucket, moved)
