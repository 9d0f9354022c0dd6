"""SelectObjectContent: SQL over one object of CSV or JSON, answered as a stream of events.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_SelectObjectContent.html
"""

from __future__ import annotations

import asyncio
import bz2
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.lang.select import formats
from mrak.lang.select.errors import SelectError
from mrak.lang.select.query import CsvRecords, JsonRecords, Row, Selection
from mrak.services.s3 import buckets, contents, encryption, errors
from mrak.services.s3 import objects as versions
from mrak.services.s3.names import bucket_arn
from mrak.services.s3.reading import is_archived

_MESSAGE_BYTES = 128 * 1024
_COMPRESSED_BYTES = 8 * 1024
_PROGRESS_BYTES = 8 << 20
_HEADER_BYTES = formats.LONGEST_RECORD_BYTES
Span = tuple[int, int]


class Plan(msgspec.Struct):
    """What a request asks for. `span` is [start, end) of a scan range."""

    selection: Selection
    records: CsvRecords | JsonRecords
    form: formats.CsvFormat | None
    header: str
    json_type: str
    compression: str
    writer: formats.Writer
    span: Span | None


@operation("SelectObjectContent", action="s3:GetObject")
async def select_object_content(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    try:
        plan = _plan(ctx, req)
    except SelectError as error:
        raise _told(error) from None
    body, beginning = await ctx.transact(lambda tx: _open(ctx, tx, req, plan))
    shows_progress = bool((req.get("RequestProgress") or {}).get("Enabled"))
    return {"Payload": _events(_Scan(plan), body, beginning, shows_progress)}


def _told(error: SelectError) -> ApiError:
    return ApiError(error.code, error.message, 400)


# --- what is asked for --------------------------------------------------------------------------------------------


def _plan(ctx: Context, req: dict[str, Any]) -> Plan:
    if req["ExpressionType"] != "SQL":
        message = "The ExpressionType is invalid. Only SQL expressions are supported."
        raise SelectError("InvalidExpressionType", message)
    read, write = req["InputSerialization"], req["OutputSerialization"]
    compression = _one_of(
        read.get("CompressionType", "NONE"),
        ("NONE", "GZIP", "BZIP2"),
        "InvalidCompressionFormat",
        "The file is not in a supported compression format. Only GZIP and BZIP2 are supported.",
    )
    given = [kind for kind in ("CSV", "JSON", "Parquet") if read.get(kind) is not None]
    if len(given) != 1 or sum(write.get(kind) is not None for kind in ("CSV", "JSON")) != 1:
        message = (
            "The SelectRequest entity can only contain one of CSV, JSON, or Parquet. Check the service documentation "
            "and try again."
        )
        raise SelectError("ObjectSerializationConflict", message)
    if given == ["Parquet"]:
        deviation("S3-008")
        raise errors.error("NotImplemented", "Selecting from Parquet is not implemented.")
    now = datetime.fromtimestamp(ctx.now, UTC)
    form = _csv_form(read["CSV"]) if given == ["CSV"] else None
    records = JsonRecords() if form is None else CsvRecords()
    plan = Plan(
        selection=Selection(req["Expression"], now, records),
        records=records,
        form=form,
        header=_header(read.get("CSV") or {}),
        json_type=_json_type(read["JSON"]) if form is None else "",
        compression=compression,
        writer=_writer(write),
        span=None,
    )
    _check_range(req, plan)
    return plan


def _one_of(value: str, allowed: tuple[str, ...], code: str, message: str) -> str:
    if value not in allowed:
        raise SelectError(code, message)
    return value


def _header(given: dict[str, Any]) -> str:
    message = "The FileHeaderInfo is invalid. Only NONE, USE, and IGNORE are supported."
    return _one_of(given.get("FileHeaderInfo", "NONE"), ("NONE", "USE", "IGNORE"), "InvalidFileHeaderInfo", message)


def _json_type(given: dict[str, Any]) -> str:
    message = "The JsonType is invalid. Only DOCUMENT and LINES are supported."
    return _one_of(given.get("Type", ""), ("DOCUMENT", "LINES"), "InvalidJsonType", message)


def _csv_form(given: dict[str, Any]) -> formats.CsvFormat:
    quote = given.get("QuoteCharacter", '"')
    form = formats.CsvFormat(
        record_delimiter=given.get("RecordDelimiter") or "\n",
        field_delimiter=given.get("FieldDelimiter") or ",",
        quote=quote,
        escape=given.get("QuoteEscapeCharacter") or quote,
        comments=given.get("Comments", ""),
        may_quote_delimiter=bool(given.get("AllowQuotedRecordDelimiter")),
        always_quotes=_quotes(given),
    )
    singles = (form.field_delimiter, form.quote or '"', form.escape or '"')
    if any(len(character) != 1 for character in singles) or len(form.record_delimiter) > 2 or len(form.comments) > 1:
        message = (
            "The value of a parameter in SelectRequest element is invalid. Check the service API documentation and "
            "try again."
        )
        raise SelectError("InvalidRequestParameter", message)
    return form


def _quotes(given: dict[str, Any]) -> bool:
    message = "The QuoteFields is invalid. Only ALWAYS and ASNEEDED are supported."
    return _one_of(given.get("QuoteFields", "ASNEEDED"), ("ALWAYS", "ASNEEDED"), "InvalidQuoteFields", message) == (
        "ALWAYS"
    )


def _writer(write: dict[str, Any]) -> formats.Writer:
    if write.get("CSV") is not None:
        return formats.CsvWriter(_csv_form(write["CSV"]))
    return formats.JsonWriter(write["JSON"].get("RecordDelimiter") or "\n")


def _check_range(req: dict[str, Any], plan: Plan) -> None:
    if req.get("ScanRange") is None:
        return
    quotes_delimiters = plan.form is not None and plan.form.may_quote_delimiter
    if plan.compression != "NONE" or plan.json_type == "DOCUMENT" or quotes_delimiters:
        message = "Scan range queries are not supported on this type of object."
        raise SelectError("UnsupportedScanRangeInput", message)


def _span(given: dict[str, Any], size: int) -> Span:
    """The bytes in which records have to begin; with an end only, the last ones."""
    start, end = given.get("Start"), given.get("End")
    if start is None:
        last = size if end is None else end
        found = (max(size - last, 0), size)
    else:
        found = (start, size if end is None else min(end + 1, size))
    if (start or 0) < 0 or (end or 0) < 0 or (size and found[0] >= found[1]):
        raise errors.error("InvalidArgument", "The scan range is invalid.", ArgumentName="ScanRange")
    return found


# --- the object ---------------------------------------------------------------------------------------------------


def _open(ctx: Context, tx: Transaction, req: dict[str, Any], plan: Plan) -> tuple[Any, bytes]:
    """The body to scan, and what the header is read from if that begins later."""
    bucket = buckets.require(ctx, tx, req)
    version = versions.require_readable(ctx, tx, bucket, req, "s3:GetObject")
    ctx.about(bucket_arn(bucket.name, version.key))
    if is_archived(version, ctx.now):
        raise errors.invalid_object_state(version.storage_class)
    encryption.check_customer_key(version.encryption, req, refusal=encryption.WRONG_KEY)
    encryption.check_key(ctx, tx, version.encryption)
    size = version.size_bytes
    offset = 0
    beginning: Any = b""
    if req.get("ScanRange") is not None:
        plan.span = _span(req["ScanRange"], size)
        # From the delimiter before the range, so that a record that begins with it is seen to begin.
        offset = max(plan.span[0] - _delimiter_bytes(plan), 0)
        if offset and plan.header == "USE":
            beginning = contents.open_version(ctx, tx, version, 0, min(size, _HEADER_BYTES))
    return contents.open_version(ctx, tx, version, offset, size - offset), beginning


def _delimiter_bytes(plan: Plan) -> int:
    return 1 if plan.form is None else len(plan.form.record_delimiter.encode())


class _Scan:
    """Bytes of an object to bytes of rows. It is fed off the event loop, one piece at a time."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._selection = plan.selection
        self._decompressor = _Decompressor(plan.compression)
        self._wants_header = plan.form is not None and plan.header != "NONE"
        since = plan.span[0] if plan.span else 0
        self._end = plan.span[1] if plan.span else None
        at = max(since - _delimiter_bytes(plan), 0)
        if at:
            self._wants_header = False
        self._reader = self._make_reader(at, since)
        self._is_over = False
        self.scanned = self.processed = self.returned = 0

    def _make_reader(self, at: int, since: int) -> formats.Reader:
        if self._plan.form is not None:
            return formats.CsvReader(self._plan.form, at, since)
        return formats.JsonLinesReader(at, since) if self._plan.json_type == "LINES" else formats.JsonDocumentReader()

    @property
    def is_done(self) -> bool:
        return self._is_over or self._selection.is_done

    def read_header(self, data: bytes) -> None:
        assert self._plan.form is not None
        reader = formats.CsvReader(self._plan.form)
        self._take_header(next(reader.feed(data), (0, []))[1])

    def feed(self, data: bytes) -> bytes:
        self.scanned += len(data)
        if self._plan.compression == "NONE":
            return self._feed_plain(data)
        # Little by little, since it may grow a thousandfold.
        pieces = (data[start : start + _COMPRESSED_BYTES] for start in range(0, len(data), _COMPRESSED_BYTES))
        return b"".join(self._feed_plain(self._decompressor.feed(piece)) for piece in pieces)

    def _feed_plain(self, data: bytes) -> bytes:
        self.processed += len(data)
        return self._render(self._reader.feed(data))

    def finish(self) -> bytes:
        found = b""
        if not self.is_done:
            self._decompressor.finish()
            found = self._render(self._reader.finish())
        rows = b"".join(self._plan.writer.write(row) for row in self._selection.finish())
        self.returned += len(rows)
        return found + rows

    def _render(self, placed: Iterable[formats.Placed]) -> bytes:
        found: list[bytes] = []
        for row in self._rows(placed):
            line = self._plan.writer.write(row)
            formats.check_size(len(line))
            found.append(line)
        rows = b"".join(found)
        self.returned += len(rows)
        return rows

    def _rows(self, placed: Iterable[formats.Placed]) -> Iterator[Row]:
        for start, record in placed:
            if self._end is not None and start >= self._end:
                self._is_over = True
            if self.is_done:
                return
            if self._wants_header:
                self._wants_header = False
                self._take_header(record)
                continue
            yield from self._selection.rows(record)

    def _take_header(self, record: list[str]) -> None:
        if isinstance(self._plan.records, CsvRecords) and self._plan.header == "USE":
            self._plan.records.names = record

    def details(self) -> dict[str, Any]:
        sizes = {"BytesScanned": self.scanned, "BytesProcessed": self.processed, "BytesReturned": self.returned}
        return {"Details": sizes}


class _Decompressor:
    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._inner: Any = None

    def _make(self) -> Any:
        return zlib.decompressobj(wbits=31) if self._kind == "GZIP" else bz2.BZ2Decompressor()

    def feed(self, data: bytes) -> bytes:
        found: list[bytes] = []
        try:
            while data:
                if self._inner is None:
                    self._inner = self._make()
                found.append(self._inner.decompress(data))
                data = self._inner.unused_data
                if self._inner.eof:
                    # Members may follow one another.
                    self._inner = None
        except (zlib.error, OSError):
            raise _damaged() from None
        return b"".join(found)

    def finish(self) -> None:
        if self._inner is not None:
            raise _damaged()


def _damaged() -> SelectError:
    message = (
        "Object decompression failed. Check that the object is properly compressed using the format specified in the "
        "request."
    )
    return SelectError("TruncatedInput", message)


# --- the answer ---------------------------------------------------------------------------------------------------


async def _events(scan: _Scan, body: Any, beginning: Any, shows_progress: bool) -> AsyncIterator[dict[str, Any]]:
    loop = asyncio.get_running_loop()
    told = 0
    # Rows leave together, so that a small answer is one message, as readers of such answers expect.
    rows = bytearray()
    try:
        if beginning:
            scan.read_header(await contents.read_whole(beginning))
        async for chunk in contents.stream(body):
            rows += await loop.run_in_executor(None, scan.feed, chunk)
            for message in _take_messages(rows, _MESSAGE_BYTES):
                yield message
            if shows_progress and scan.scanned >= told + _PROGRESS_BYTES:
                told = scan.scanned
                yield {"Progress": scan.details()}
            if scan.is_done:
                break
        rows += scan.finish()
        for message in _take_messages(rows, 1):
            yield message
    except SelectError as error:
        raise _told(error) from None
    if shows_progress:
        yield {"Progress": scan.details()}
    yield {"Stats": scan.details()}
    yield {"End": {}}


def _take_messages(rows: bytearray, least: int) -> Iterator[dict[str, Any]]:
    """Takes what fills messages off the rows; the last one may be as small as `least`."""
    while len(rows) >= least:
        yield {"Records": {"Payload": bytes(rows[:_MESSAGE_BYTES])}}
        del rows[:_MESSAGE_BYTES]
