"""The files of exports and imports: items as lines of DynamoDB JSON, as Ion, and as rows of CSV, compressed or not.

A file from outside is read item by item; `Unreadable` says that the rest of it cannot be read.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataImport.Format.html
"""

from __future__ import annotations

import base64
import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from mrak.lang.ddb.values import AttributeValue, Item, Value, encode_item

_ION_SETS = {"SS": "$dynamodb_SS", "NS": "$dynamodb_NS", "BS": "$dynamodb_BS"}
_SETS_OF_ION = {name: kind for kind, name in _ION_SETS.items()}
# A file that would not fit into memory is not read: compressed ones are expanded as far as this.
MOST_BYTES = 1 << 30


class Unreadable(Exception):
    """A file, or the rest of one, that holds no items."""


class Line(msgspec.Struct):
    """An item of a file; in a file of bulk puts it can have a condition."""

    item: dict[str, AttributeValue] = msgspec.field(name="Item")
    condition: str | None = msgspec.field(name="ConditionExpression", default=None)
    names: dict[str, str] | None = msgspec.field(name="ExpressionAttributeNames", default=None)
    values: dict[str, AttributeValue] | None = msgspec.field(name="ExpressionAttributeValues", default=None)

    def request(self) -> dict[str, Any]:
        """What PutItem would be asked for it."""
        asked = {
            "Item": self.item,
            "ConditionExpression": self.condition,
            "ExpressionAttributeNames": self.names,
            "ExpressionAttributeValues": self.values,
        }
        return {name: value for name, value in asked.items() if value is not None}


_decode_line = msgspec.json.Decoder(Line).decode
_encode = msgspec.json.Encoder().encode


def expand(body: bytes, compression: str) -> bytes:
    """A file's content. Raises Unreadable where it is not compressed as was said."""
    if compression == "NONE":
        return body
    content = _gunzip(body) if compression == "GZIP" else _expand_zstd(body)
    if len(content) > MOST_BYTES:
        raise Unreadable("too large")
    return content


def _gunzip(body: bytes) -> bytes:
    try:
        with gzip.open(io.BytesIO(body)) as file:
            return file.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise Unreadable(str(error)) from error


def _expand_zstd(body: bytes) -> bytes:
    import zstandard

    try:
        with zstandard.ZstdDecompressor().stream_reader(body, read_across_frames=True) as reader:
            return bytes(reader.read(MOST_BYTES + 1))
    except zstandard.ZstdError as error:
        raise Unreadable(str(error)) from error


def read_json(content: bytes) -> Iterator[Line]:
    """Lines of one item each; AWS also takes several in a line, one right after the other."""
    for line in content.splitlines():
        if not line.strip():
            continue
        try:
            try:
                yield _decode_line(line)
            except (msgspec.DecodeError, RecursionError):
                yield from map(_decode_line, _objects(line.decode()))
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise Unreadable(str(error)) from error


def _next_value(line: str, at: int) -> int:
    while at < len(line) and line[at].isspace():
        at += 1
    return at


def _objects(line: str) -> Iterator[str]:
    """The JSON values of a line."""
    find_end = json.JSONDecoder().raw_decode
    at = _next_value(line, 0)
    while at < len(line):
        _, end = find_end(line, at)
        yield line[at:end]
        at = _next_value(line, end)


def read_ion(content: bytes) -> Iterator[Line]:
    from amazon.ion import simpleion
    from amazon.ion.exceptions import IonException

    try:
        for value in simpleion.load(io.BytesIO(content), single_value=False, parse_eagerly=False):
            yield _ion_line(value)
    except (IonException, UnicodeError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Unreadable(str(error)) from error


def _ion_line(value: Any) -> Line:
    condition, names, values = (
        value.get(name) for name in ("ConditionExpression", "ExpressionAttributeNames", "ExpressionAttributeValues")
    )
    return Line(
        _from_ion_struct(value["Item"]),
        None if condition is None else str(condition),
        None if names is None else {str(name): str(attribute) for name, attribute in names.items()},
        None if values is None else _from_ion_struct(values),
    )


def _from_ion_struct(value: Any) -> Any:
    return {str(name): _from_ion(member) for name, member in value.items()}


def read_csv(
    content: bytes, kinds: Mapping[str, str], delimiter: str = ",", headers: list[str] | None = None
) -> Iterator[Item]:
    """Rows of text; only key attributes have other types. Empty fields are left out."""
    try:
        rows = csv.reader(io.StringIO(content.decode()), delimiter=delimiter, strict=True)
        names = headers or next(rows, [])
        for row in rows:
            if row:
                pairs = zip(names, row, strict=False)
                yield {name: _from_text(text, kinds.get(name, "S")) for name, text in pairs if text}
    except (csv.Error, UnicodeError, ValueError) as error:
        raise Unreadable(str(error)) from error


def _from_text(text: str, kind: str) -> Value:
    return {"B": base64.b64decode(text, validate=True)} if kind == "B" else {kind: text}


def render_json(members: Mapping[str, Any]) -> bytes:
    """A line: {"Item": {...}}, or an item's images and keys."""
    return _encode(members) + b"\n"


def render_ion(members: Mapping[str, Any]) -> bytes:
    from amazon.ion import simpleion

    shown = {name: _to_ion_struct(item) for name, item in members.items()}
    return str(simpleion.dumps(shown, binary=False)).encode() + b"\n"


def line_of(members: Mapping[str, Item], format_: str) -> bytes:
    if format_ == "ION":
        return render_ion(members)
    return render_json({name: msgspec.Raw(encode_item(item)) for name, item in members.items()})


def _to_ion_struct(item: Item) -> dict[str, Any]:
    return {name: _to_ion(value) for name, value in item.items()}


def _to_ion(value: Value) -> Any:
    ((kind, content),) = value.items()
    if kind == "N":
        return Decimal(content)
    if kind == "NULL":
        return None
    if kind == "L":
        return [_to_ion(member) for member in content]
    if kind == "M":
        return _to_ion_struct(content)
    if kind not in _ION_SETS:
        return content
    from amazon.ion.core import IonType
    from amazon.ion.simple_types import IonPyList

    members = [Decimal(member) for member in content] if kind == "NS" else list(content)
    return IonPyList.from_value(IonType.LIST, members, annotations=(_ION_SETS[kind],))


def _from_ion(value: Any) -> Value:
    from amazon.ion.simple_types import IonPyNull

    if value is None or isinstance(value, IonPyNull):
        return {"NULL": True}
    annotations = getattr(value, "ion_annotations", ())
    kind = _SETS_OF_ION.get(annotations[0].text) if annotations else None
    if kind is not None:
        return {kind: [bytes(it) if kind == "BS" else str(it) for it in value]}
    for python, convert in _OF_ION:
        if isinstance(value, python):
            return convert(value)
    raise ValueError(f"no attribute value: {type(value).__name__}")


def _boolean_or_number(value: int) -> Value:
    from amazon.ion.core import IonType

    is_boolean = isinstance(value, bool) or getattr(value, "ion_type", None) is IonType.BOOL
    return {"BOOL": bool(value)} if is_boolean else {"N": str(int(value))}


_OF_ION: tuple[tuple[Any, Callable[[Any], Value]], ...] = (
    (int, _boolean_or_number),
    (Decimal, lambda value: {"N": str(value)}),
    (str, lambda value: {"S": str(value)}),
    (bytes, lambda value: {"B": bytes(value)}),
    (list, lambda value: {"L": [_from_ion(member) for member in value]}),
    (Mapping, lambda value: {"M": {str(name): _from_ion(member) for name, member in value.items()}}),
)
