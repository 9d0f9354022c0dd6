"""CSV and JSON: bytes to records, rows to bytes.

Readers take bytes as they come and give whole records, each with where it begins, for scan ranges.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

import msgspec

from mrak.lang.select import times, values
from mrak.lang.select.errors import SelectError
from mrak.lang.select.query import Row
from mrak.lang.select.values import MISSING

LONGEST_RECORD_BYTES = 1 << 20

Placed = tuple[int, Any]
"""Where a record begins, and the record."""


class Reader(Protocol):
    def feed(self, data: bytes) -> Iterator[Placed]: ...

    def finish(self) -> Iterator[Placed]: ...


def check_size(size: int) -> None:
    if size > LONGEST_RECORD_BYTES:
        message = "The length of a record in the input or result is greater than maxCharsPerRecord of 1 MB."
        raise SelectError("OverMaxRecordSize", message)


def _decode(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        message = "Invalid encoding type. Only UTF-8 encoding is supported."
        raise SelectError("InvalidTextEncoding", message) from None


class _Lines:
    """Records that end with a delimiter. `at` is where the first byte is; what begins before `since` is passed over."""

    def __init__(self, delimiter: bytes, at: int, since: int) -> None:
        self.at = at
        self._since = since
        self._delimiter = delimiter
        self._held = b""

    def feed(self, data: bytes) -> Iterator[Placed]:
        *whole, self._held = (self._held + data).split(self._delimiter)
        for line in whole:
            yield from self._line(line, len(self._delimiter))
        check_size(len(self._held))

    def finish(self) -> Iterator[Placed]:
        if self._held:
            yield from self._line(self._held, 0)
            self._held = b""

    def _line(self, line: bytes, ending: int) -> Iterator[Placed]:
        start = self.at
        self.at += len(line) + ending
        if start >= self._since:
            yield from self.parse(line, start)

    def parse(self, line: bytes, start: int) -> Iterator[Placed]:
        raise NotImplementedError


class CsvFormat(msgspec.Struct, frozen=True):
    record_delimiter: str = "\n"
    field_delimiter: str = ","
    quote: str = '"'
    escape: str = '"'
    comments: str = ""
    may_quote_delimiter: bool = False
    always_quotes: bool = False

    def options(self) -> dict[str, Any]:
        """As Python's csv module takes them."""
        doubles = self.escape == self.quote
        return {
            "delimiter": self.field_delimiter,
            "quotechar": self.quote or None,
            "quoting": csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            "doublequote": doubles,
            "escapechar": None if doubles else self.escape or None,
        }


class CsvReader(_Lines):
    def __init__(self, form: CsvFormat, at: int = 0, since: int = 0) -> None:
        super().__init__(form.record_delimiter.encode(), at, since)
        self._form = form
        self._options = form.options()
        self._quote = form.quote.encode() if form.may_quote_delimiter else b""
        self._open: tuple[int, bytes] | None = None

    def parse(self, line: bytes, start: int) -> Iterator[Placed]:
        if self._open is not None:
            start, before = self._open
            line = before + self._delimiter + line
            self._open = None
        if self._quote and line.count(self._quote) % 2:
            # The delimiter stood between quotes.
            check_size(len(line))
            self._open = (start, line)
            return
        yield from self._fields(line, start)

    def finish(self) -> Iterator[Placed]:
        yield from super().finish()
        if self._open is not None:
            start, line = self._open
            self._open = None
            yield from self._fields(line, start)

    def _fields(self, line: bytes, start: int) -> Iterator[Placed]:
        if self._form.record_delimiter == "\n" and line.endswith(b"\r"):
            line = line[:-1]
        text = _decode(line)
        if not text or (self._form.comments and text.startswith(self._form.comments)):
            return
        if self._form.quote and self._form.escape != self._form.quote:
            yield start, _split_escaped(text, self._form)
            return
        try:
            yield start, _split(text, self._options)
        except (csv.Error, StopIteration):
            message = "Encountered an error parsing the CSV file. Check the file and try again."
            raise SelectError("CSVParsingError", message) from None


def _split(text: str, options: dict[str, Any]) -> list[str]:
    if "\n" not in text and "\r" not in text:
        return next(csv.reader([text], **options))
    # The module takes line breaks for the end of a record; here they are like other characters.
    unused = (chr(code) for code in range(0xE000, 0xF8FF) if chr(code) not in text)
    line_feed, carriage_return = next(unused), next(unused)
    text = text.replace("\n", line_feed).replace("\r", carriage_return)
    fields = next(csv.reader([text], **options))
    return [field.replace(line_feed, "\n").replace(carriage_return, "\r") for field in fields]


def _split_escaped(text: str, form: CsvFormat) -> list[str]:
    """With an escape of its own, which counts between quotes only: Python's module heeds it everywhere."""
    fields: list[str] = []
    at = 0
    while True:
        field = ""
        if text.startswith(form.quote, at):
            field, at = _unquote(text, at + 1, form)
        end = text.find(form.field_delimiter, at)
        fields.append(field + (text[at:] if end < 0 else text[at:end]))
        if end < 0:
            return fields
        at = end + 1


def _unquote(text: str, at: int, form: CsvFormat) -> tuple[str, int]:
    """(what stands up to the closing quote, where it goes on after that)."""
    found: list[str] = []
    while at < len(text) and text[at] != form.quote:
        if text[at] == form.escape and at + 1 < len(text):
            at += 1
        found.append(text[at])
        at += 1
    return "".join(found), at + 1


class JsonLinesReader(_Lines):
    def __init__(self, at: int = 0, since: int = 0) -> None:
        super().__init__(b"\n", at, since)

    def parse(self, line: bytes, start: int) -> Iterator[Placed]:
        if line.strip():
            for each in _documents(_decode(line), is_whole=True)[0]:
                yield start, each


class JsonDocumentReader:
    """Values one after the other, over any number of lines."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> Iterator[Placed]:
        self._held += data
        text, rest = _whole_characters(self._held)
        found, left = _documents(text, is_whole=False)
        self._held = left.encode() + rest
        for each in found:
            yield 0, each
        check_size(len(self._held))

    def finish(self) -> Iterator[Placed]:
        for each in _documents(_decode(self._held), is_whole=True)[0]:
            yield 0, each


def _whole_characters(data: bytes) -> tuple[str, bytes]:
    """(text, the bytes of a character that is not whole yet)."""
    for cut in range(4):
        try:
            return data[: len(data) - cut].decode(), data[len(data) - cut :]
        except UnicodeDecodeError as error:
            if error.start < len(data) - 4:
                break
    return _decode(data), b""


_JSON = json.JSONDecoder(parse_float=lambda text: _number(text), parse_constant=lambda text: _no_constant(text))


def _number(text: str) -> Decimal:
    found = values.find_decimal(text)
    if found is None:
        raise ValueError(text)
    return found


def _no_constant(text: str) -> None:
    raise ValueError(text)


def _documents(text: str, *, is_whole: bool) -> tuple[list[Any], str]:
    """The values of a text, and what is left of it where the last one is not whole."""
    found: list[Any] = []
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        try:
            value, end = _JSON.raw_decode(text, position)
        except (ValueError, RecursionError):
            if is_whole:
                message = "Encountered an error parsing the JSON file. Check the file and try again."
                raise SelectError("JSONParsingError", message) from None
            break
        if end == len(text) and not is_whole and not isinstance(value, dict | list):
            # A number may go on.
            break
        found.append(value)
        position = end
    return found, text[position:]


# --- rows ---------------------------------------------------------------------------------------------------------


class Writer(Protocol):
    def write(self, row: Row) -> bytes: ...


class CsvWriter:
    def __init__(self, form: CsvFormat) -> None:
        self._buffer = io.StringIO()
        options = form.options()
        if form.always_quotes:
            options["quoting"] = csv.QUOTE_ALL
        elif options["escapechar"] is None and not form.quote:
            options["escapechar"] = "\\"
        self._writer = csv.writer(self._buffer, lineterminator=form.record_delimiter, **options)
        self._empty = None if form.always_quotes else form.record_delimiter.encode()

    def write(self, row: Row) -> bytes:
        cells = [_cell(value) for _, value in row]
        if self._empty is not None and cells == [""]:
            # Python's module would quote it, to tell it from a row without fields.
            return self._empty
        self._writer.writerow(cells)
        text = self._buffer.getvalue()
        self._buffer.seek(0)
        self._buffer.truncate()
        return text.encode()


def _cell(value: Any) -> str:
    if isinstance(value, list | dict):
        return _render_json(value).decode()
    return values.text(value)


class JsonWriter:
    def __init__(self, delimiter: str) -> None:
        self._delimiter = delimiter.encode()

    def write(self, row: Row) -> bytes:
        return _render_json({name: value for name, value in row if value is not MISSING}) + self._delimiter


_ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=lambda value: _render_other(value))


def _render_other(value: Any) -> Any:
    raise TypeError(type(value))


def _render_json(value: Any) -> bytes:
    return _ENCODER.encode(_shown(value))


def _shown(value: Any) -> Any:
    """Timestamps as text; integers that no JSON encoder of ours takes as such stay exact."""
    if isinstance(value, datetime):
        return times.render(value)
    if isinstance(value, int) and not isinstance(value, bool) and not -(1 << 63) <= value < 1 << 64:
        return Decimal(value)
    if isinstance(value, dict):
        return {name: _shown(each) for name, each in value.items()}
    return [_shown(each) for each in value] if isinstance(value, list) else value
