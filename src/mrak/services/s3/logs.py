"""Server access logs: a line for each request to a bucket that logs, delivered as objects to its target bucket.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html

A request leaves its facts in its operation's record; they are written with all other telemetry (`record_requests`), and
every five minutes of the environment's clock the lines so far become objects. As on AWS, delivery is by best effort,
and only where the target lets the log service write: by its policy, or by the grants of `log-delivery-write`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, quote

import msgspec

from mrak.core.background import Timer
from mrak.core.context import Context, Transaction
from mrak.core.http import FileSlice, Request, Response
from mrak.core.operation import dataplane, timer
from mrak.core.record import OperationRecord
from mrak.core.scope import Scope
from mrak.protocol.rest import unquote
from mrak.protocol.rest_xml import host_id
from mrak.services.s3 import access, buckets, checksums, contents, log_operations, writing
from mrak.services.s3.names import canonical_id
from mrak.services.s3.tables import BUCKETS, LOG_LINES, Bucket, LogLine, everywhere

KIND = "logging"
DELIVER = "s3.logs"
_ANNOTATION = "access_log"
_PERIOD_SECONDS = 300.0
_MOST_LINES = 1000
_NOTHING = "-"


class Entry(msgspec.Struct, frozen=True):
    """A line without its error, which only the operation's record knows."""

    bucket: str
    head: str
    tail: str


# --- the request --------------------------------------------------------------------------------------------------


@dataplane("s3.log")
async def note(ctx: Context, request: Request, response: Response, operation: str, logged: tuple[str, str]) -> None:
    """Leaves the facts of an answered request in its record. It never waits: the record may be taken at any moment."""
    bucket, owner = logged
    name, _, key = unquote(request.path.lstrip("/")).partition("/")
    headers = {name.lower(): value for name, value in response.headers}
    sent, size = _sizes(request, response, headers)
    milliseconds = str(max(round((ctx.clock() - ctx.now) * 1000), 1))
    head = _join(
        canonical_id(owner),
        bucket,
        datetime.fromtimestamp(ctx.now, UTC).strftime("[%d/%b/%Y:%H:%M:%S +0000]"),
        ctx.source,
        _requester(ctx),
        ctx.request_id,
        log_operations.name_of(operation),
        quote(key, safe="/-_.~") or _NOTHING,
        _quoted(f"{request.method} {_uri(request, name)} HTTP/1.1"),
        str(response.status),
    )
    query = parse_qs(request.query)
    tail = _join(
        sent,
        size if key else _NOTHING,
        milliseconds,
        milliseconds,
        _quoted(request.headers.get("referer", "")),
        _quoted(request.headers.get("user-agent", "")),
        query.get("versionId", [_NOTHING])[0],
        host_id(ctx.request_id),
        *_signature(request, query),
        request.headers.get("host", _NOTHING),
        _NOTHING,
        _NOTHING,
        _NOTHING,
    )
    ctx.annotate(_ANNOTATION, Entry(bucket, head, tail))


def _join(*fields: str) -> str:
    return " ".join(fields)


def _quoted(text: str) -> str:
    return '"{}"'.format(text.replace('"', "%22").replace("\n", "%0A")) if text else '"-"'


def _requester(ctx: Context) -> str:
    """Root is its account's canonical id, anybody else of an account an ARN."""
    principal: Any = ctx.principal
    if not principal.account:
        return _NOTHING
    return canonical_id(principal.account) if principal.kind == "root" else str(principal.arn)


def _uri(request: Request, bucket: str) -> str:
    """As the client sent it: a bucket of the host's name was put into the path on the way."""
    in_host = request.headers.get("host", "").startswith(f"{bucket}.")
    path = request.path.removeprefix(f"/{bucket}") if in_host else request.path
    return f"{path or '/'}?{request.query}" if request.query else path or "/"


def _sizes(request: Request, response: Response, headers: dict[str, str]) -> tuple[str, str]:
    """(bytes sent, size of the object)."""
    if isinstance(response.body, bytes):
        sent = len(response.body)
    else:
        sent = response.body.length if isinstance(response.body, FileSlice) else int(headers.get("content-length", "0"))
    if request.method == "PUT":
        given = request.headers.get("x-amz-decoded-content-length") or request.headers.get("content-length", "")
        return str(sent or _NOTHING), given or _NOTHING
    whole = headers.get("content-range", "").rpartition("/")[2] or headers.get("content-length", "") or str(sent or "")
    if response.status >= 300 or not whole:
        whole = _NOTHING
    return _NOTHING if request.method == "HEAD" or not sent else str(sent), whole


def _signature(request: Request, query: dict[str, list[str]]) -> tuple[str, str, str]:
    """(version of the signature, cipher suite, type of authentication)."""
    header = request.headers.get("authorization", "")
    if header:
        return ("SigV4" if header.startswith("AWS4") else "SigV2"), _NOTHING, "AuthHeader"
    if "X-Amz-Signature" in query or "Signature" in query:
        return ("SigV4" if "X-Amz-Signature" in query else "SigV2"), _NOTHING, "QueryString"
    return _NOTHING, _NOTHING, _NOTHING


def record_requests(tx: Transaction, records: Iterable[OperationRecord]) -> None:
    """Writes the lines of those among these operations that are to be logged."""
    for record in records:
        entry = (record.annotations or {}).get(_ANNOTATION)
        if not isinstance(entry, Entry):
            continue
        scope = everywhere(record.scope)
        bucket = BUCKETS.get(tx, scope, entry.bucket)
        if bucket is None or KIND not in bucket.settings:
            continue
        line = f"{entry.head} {record.error_code or _NOTHING} {entry.tail}"
        LOG_LINES.lock(tx, scope, bucket.name)
        LOG_LINES.insert(tx, scope, LogLine(bucket.name, record.started_at, record.request_id, line))
        tx.at(_timer(record.scope, bucket, record.started_at))


def _timer(scope: Scope, bucket: Bucket, now: float) -> Timer:
    return Timer(
        kind=DELIVER,
        key=bucket.name,
        due_at=(now // _PERIOD_SECONDS + 1) * _PERIOD_SECONDS,
        scope=scope.in_account(bucket.account).in_region(bucket.region),
    )


# --- the objects --------------------------------------------------------------------------------------------------


class _Batch(msgspec.Struct):
    """Lines that become an object; `target` "" where nothing may be delivered any more."""

    lines: list[LogLine]
    target: str
    key: str


@timer(DELIVER)
async def deliver(ctx: Context, due: Timer) -> None:
    while True:
        batch = await ctx.transact(lambda tx: _take(ctx, tx, due.key))
        if batch is None:
            return
        body = "".join(f"{row.line}\n" for row in batch.lines).encode()
        async with await contents.receive(ctx, body, checksums.Expected()) as received:
            await ctx.transact(_storing(ctx, batch, received))


def _take(ctx: Context, tx: Transaction, name: str) -> _Batch | None:
    scope = everywhere(ctx.scope)
    lines = list(LOG_LINES.scan(tx, scope, name, limit=_MOST_LINES))
    if not lines:
        return None
    bucket = BUCKETS.get(tx, scope, name)
    wanted = None if bucket is None else buckets.find_setting(tx, ctx.scope, bucket, KIND)
    if bucket is None or wanted is None:
        return _Batch(lines, "", "")
    target = BUCKETS.get(tx, scope, wanted["TargetBucket"])
    key = _key(ctx, bucket, wanted, lines[0].at)
    if target is None or not access.may_log(ctx, tx, target, bucket, key):
        return _Batch(lines, "", "")
    return _Batch(lines, target.name, key)


def _storing(ctx: Context, batch: _Batch, received: contents.Received) -> Any:
    """The object and the end of its lines are one transaction, so that no line is delivered twice or lost."""

    def store(tx: Transaction) -> None:
        if batch.target:
            req = {"Bucket": batch.target, "Key": batch.key, "ContentType": "text/plain"}
            writing.put(ctx, tx, req, checksums.Expected(), received, "Put")
        scope = everywhere(ctx.scope)
        LOG_LINES.lock(tx, scope, batch.lines[0].bucket)
        for row in batch.lines:
            LOG_LINES.delete(tx, scope, row)

    return store


def _key(ctx: Context, bucket: Bucket, wanted: dict[str, Any], first: float) -> str:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html#server-log-keyname-format"""
    prefix, unique = wanted.get("TargetPrefix", ""), ctx.draw.hex(16).upper()
    partitioned = (wanted.get("TargetObjectKeyFormat") or {}).get("PartitionedPrefix")
    delivered = datetime.fromtimestamp(ctx.now, UTC)
    if partitioned is None:
        return f"{prefix}{delivered:%Y-%m-%d-%H-%M-%S}-{unique}"
    if partitioned.get("PartitionDateSource") == "EventTime":
        # All events of a day stand under its beginning.
        delivered = datetime.fromtimestamp(first, UTC).replace(hour=0, minute=0, second=0)
    place = f"{bucket.account}/{bucket.region}/{bucket.name}/{delivered:%Y/%m/%d}"
    return f"{prefix}{place}/{delivered:%Y-%m-%d-%H-%M-%S}-{unique}"
