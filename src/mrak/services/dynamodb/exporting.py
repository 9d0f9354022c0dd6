"""The run of an export: a table's items, or what changed of them, as compressed files with a manifest in a bucket.

    PREFIX/AWSDynamoDB/ID/_started, manifest-summary.json, manifest-files.json, an MD5 of each, data/*.json.gz

The data of incremental exports lies in PREFIX/AWSDynamoDB/data.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec

from mrak.core.background import Delivery, Retry, parse_dead
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import delivery
from mrak.core.scope import Scope
from mrak.lang.ddb.expressions import keycondition, request
from mrak.lang.ddb.expressions.keycondition import KeyTest
from mrak.lang.ddb.values import Item
from mrak.services.dynamodb import errors, history, transfers
from mrak.services.dynamodb.tables import ITEMS, TABLES, TableRecord, row_size_bytes, table_arn, unpack_row
from mrak.services.dynamodb.transfer_formats import line_of
from mrak.services.dynamodb.transfer_objects import write_object
from mrak.services.dynamodb.transfers import EXPORT_ROWS, EXPORTS, Change, Transfer
from mrak.store.keys import prefix_end

EXPORT, EXPORT_FAILED = "dynamodb.export", "dynamodb.export-failed"
_CHUNK_ROWS = 5000
# What an incremental export is billed at least.
_LEAST_BILLED_BYTES = 10_000_000
_encode_change = msgspec.msgpack.Encoder().encode
_decode_change = msgspec.msgpack.Decoder(Change).decode
_encode = msgspec.json.Encoder().encode


class Filter(msgspec.Struct, frozen=True):
    """A FilterSpecification, parsed."""

    bound: request.Bound
    tests: dict[str, KeyTest]

    def passes(self, item: Item) -> bool:
        if any(name not in item or not test.holds(item[name]) for name, test in self.tests.items()):
            return False
        return self.bound.filter is None or self.bound.filter.test(item, self.bound.values)

    def shown(self, item: Item) -> Item:
        return item if self.bound.projection is None else self.bound.projection.apply(item)


def bind_filter(specification: Mapping[str, Any]) -> Filter:
    try:
        if not specification:
            raise errors.invalid("The specification can not be empty")
        request.check_usage(specification, request.QUERY)
        bound = request.bind(specification)
        text = specification.get("KeyConditionExpression")
        tests = {} if text is None else keycondition.key_plan(text, bound.names, bound.values).bind(bound.values)
    except ApiError as error:
        raise errors.invalid(f"Invalid Request: Invalid FilterSpecification: {error.message}") from None
    return Filter(bound, tests)


def begin(ctx: Context, tx: Transaction, scope: Scope, record: TableRecord, job: Transfer) -> None:
    """Takes the rows of the moment that the export shows, and sets it going."""
    if "IncrementalExportSpecification" in job.request:
        _take_changes(tx, scope, record, job)
    else:
        _take_items(tx, scope, record, job)
    transfers.start(tx, scope, EXPORTS, "export", job)
    tx.enqueue(
        Delivery(
            kind=EXPORT,
            lane=f"{EXPORT}/{job.id}",
            scope=scope,
            payload=job.id.encode(),
            retry=Retry(attempts=5),
            dead=EXPORT_FAILED,
            trace=ctx.trace,
            enqueued_at=ctx.now,
        )
    )


def _take_items(tx: Transaction, scope: Scope, record: TableRecord, job: Transfer) -> None:
    rows, place = ITEMS.prefix(scope, record.number), EXPORT_ROWS.prefix(scope, job.number)
    for key, row in tx.scan(rows, prefix_end(rows)):
        tx.put(place + key[len(rows) :], row)
    for entry in history.since(tx, scope, record, job.moment):
        if entry.before is None:
            tx.delete(place + entry.place)
        else:
            tx.put(place + entry.place, entry.before)


def _take_changes(tx: Transaction, scope: Scope, record: TableRecord, job: Transfer) -> None:
    """The net change of each item in the period, from the entries of the history, newest first."""
    period = job.request["IncrementalExportSpecification"]
    rows, place = ITEMS.prefix(scope, record.number), EXPORT_ROWS.prefix(scope, job.number)
    afterwards: dict[bytes, bytes | None] = {}
    changes: dict[bytes, Change] = {}
    for entry in history.since(tx, scope, record, period["ExportFromTime"]):
        if entry.time > period["ExportToTime"]:
            afterwards[entry.place] = entry.before
            continue
        known = changes.get(entry.place)
        if known is not None:
            changes[entry.place] = msgspec.structs.replace(known, before=entry.before)
            continue
        after = afterwards[entry.place] if entry.place in afterwards else tx.get(rows + entry.place)
        changes[entry.place] = Change(entry.before, after, entry.time)
    for name, change in changes.items():
        if change.before is not None or change.after is not None:
            tx.put(place + name, _encode_change(change))


@delivery(EXPORT)
async def run(ctx: Context, made: Delivery) -> None:
    """Writes the files, the manifest last; what S3 refuses ends the export."""
    scope, job_id = made.scope, made.payload.decode()
    job = await ctx.transact(lambda tx: EXPORTS.get(tx, scope, job_id))
    if job is None or job.status != transfers.IN_PROGRESS:
        return
    try:
        outcome = await _Run(ctx, scope, job).write()
    except ApiError as error:
        if not error.sender or error.retryable:
            raise
        outcome = transfers.render_failure(error, ctx.request_id)
    now = ctx.clock()
    await ctx.transact(lambda tx: transfers.end(tx, scope, EXPORTS, job_id, now, outcome))


@delivery(EXPORT_FAILED)
def fail(ctx: Context, tx: Transaction, made: Delivery) -> None:
    dead = parse_dead(made.payload)
    outcome = {"FailureCode": "UNKNOWN", "FailureMessage": dead.failure}
    transfers.end(tx, dead.scope, EXPORTS, dead.payload.decode(), ctx.now, outcome)


class _Run:
    """One export being written."""

    def __init__(self, ctx: Context, scope: Scope, job: Transfer) -> None:
        self.ctx, self.scope, self.job = ctx, scope, job
        self.period: dict[str, Any] | None = job.request.get("IncrementalExportSpecification")
        prefix = job.request.get("S3Prefix", "").rstrip("/")
        self.root = f"{prefix}/AWSDynamoDB" if prefix else "AWSDynamoDB"
        self.folder = f"{self.root}/{job.id}"
        self.data = f"{self.folder}/data" if self.period is None else f"{self.root}/data"
        self.format = job.request.get("ExportFormat", "DYNAMODB_JSON")
        self.filter = bind_filter(job.request["FilterSpecification"]) if "FilterSpecification" in job.request else None
        self.keys: tuple[str, ...] = ()
        self.item_count = 0
        self.read_bytes = 0

    async def write(self) -> dict[str, Any]:
        self.keys = await self.ctx.transact(self._key_names)
        await self._put(f"{self.folder}/_started", b"")
        files: list[dict[str, Any]] = []
        after = b""
        while True:
            rows = await self.ctx.transact(partial(self._read, after=after))
            if rows or not files:
                files.append(await self._write_file(len(files), [row for _, row in rows]))
            if len(rows) < _CHUNK_ROWS:
                break
            after = rows[-1][0]
        files_key, summary_key = f"{self.folder}/manifest-files.json", f"{self.folder}/manifest-summary.json"
        await self._put_with_digest(files_key, b"".join(_encode(file) + b"\n" for file in files))
        billed = self.read_bytes if self.period is None else max(self.read_bytes, _LEAST_BILLED_BYTES)
        await self._put_with_digest(summary_key, _encode(self._summary(files_key, billed)))
        return {"ItemCount": self.item_count, "BilledSizeBytes": billed, "ExportManifest": summary_key}

    def _key_names(self, tx: Transaction) -> tuple[str, ...]:
        """Of the table's key, which incremental exports repeat; the table may be gone by now."""
        record = TABLES.get(tx, self.scope, self.job.table)
        return () if record is None else tuple(name for name, _ in record.keys)

    def _read(self, tx: Transaction, after: bytes) -> list[tuple[bytes, bytes]]:
        prefix = EXPORT_ROWS.prefix(self.scope, self.job.number)
        start = after + b"\x00" if after else prefix
        return list(tx.scan(start, prefix_end(prefix), _CHUNK_ROWS))

    async def _write_file(self, number: int, rows: list[bytes]) -> dict[str, Any]:
        lines = [line for line in map(self._line, rows) if line is not None]
        self.item_count += len(lines)
        body = gzip.compress(b"".join(lines), 6, mtime=0)
        # The same at a second attempt, so that it writes the same files.
        name = base64.b32encode(hashlib.sha256(f"{self.job.id}/{number}".encode()).digest()).decode().lower()[:26]
        suffix = "ion" if self.format == "ION" else "json"
        key = f"{self.data}/{name}.{suffix}.gz"
        answer = await self._put(key, body)
        digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        return {
            "itemCount": len(lines),
            "md5Checksum": digest,
            "etag": answer["ETag"].strip('"'),
            "dataFileS3Key": key,
        }

    def _line(self, row: bytes) -> bytes | None:
        if self.period is not None:
            return self._change_line(_decode_change(row))
        self.read_bytes += row_size_bytes(row)
        item = unpack_row(row)
        if self.filter is not None:
            if not self.filter.passes(item):
                return None
            item = self.filter.shown(item)
        return line_of({"Item": item}, self.format)

    def _change_line(self, change: Change) -> bytes | None:
        assert self.period is not None
        images = {}
        for name, row in (("OldImage", change.before), ("NewImage", change.after)):
            if row is not None:
                self.read_bytes += row_size_bytes(row)
                images[name] = unpack_row(row)
        some = images.get("NewImage") or images["OldImage"]
        if self.filter is not None:
            if not any(map(self.filter.passes, images.values())):
                return None
            images = {name: self.filter.shown(item) for name, item in images.items()}
        if self.period["ExportViewType"] == "NEW_IMAGE":
            images.pop("OldImage", None)
        metadata: Item = {"WriteTimestampMicros": {"N": str(int(change.time * 1_000_000))}}
        keys = {name: some[name] for name in self.keys}
        return line_of({"Metadata": metadata, "Keys": keys, **images}, self.format)

    def _summary(self, files_key: str, billed: int) -> dict[str, Any]:
        job, asked = self.job, self.job.request
        summary: dict[str, Any] = {
            "version": "2020-06-30" if self.period is None else "2023-08-01",
            "exportArn": transfers.export_arn(self.scope, job),
            "startTime": _spelled(job.started_at),
            "endTime": _spelled(self.ctx.clock()),
            "tableArn": table_arn(self.scope, job.table),
            "tableId": job.table_id,
            "exportTime": _spelled(job.moment),
            "s3Bucket": asked["S3Bucket"],
            "s3Prefix": asked.get("S3Prefix"),
            "s3SseAlgorithm": asked.get("S3SseAlgorithm", "AES256"),
            "s3SseKmsKeyId": asked.get("S3SseKmsKeyId"),
            "manifestFilesS3Key": files_key,
            "billedSizeBytes": billed,
            "itemCount": self.item_count,
            "outputFormat": self.format,
            "exportType": "FULL_EXPORT" if self.period is None else "INCREMENTAL_EXPORT",
        }
        if self.period is not None:
            del summary["exportTime"]
            summary["exportFromTime"] = _spelled(self.period["ExportFromTime"])
            summary["exportToTime"] = _spelled(self.period["ExportToTime"])
            summary["outputView"] = self.period["ExportViewType"]
        return summary

    async def _put_with_digest(self, key: str, body: bytes) -> None:
        digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest())
        await self._put(key, body)
        await self._put(key.removesuffix(".json") + ".md5", digest)

    async def _put(self, key: str, body: bytes) -> dict[str, Any]:
        return await write_object(self.ctx, self.job.request, key, body)


def _spelled(moment: float) -> str:
    at = datetime.fromtimestamp(moment, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"
