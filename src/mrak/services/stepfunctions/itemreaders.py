"""What a distributed Map reads its items from: an object of S3 (JSON, JSON lines, CSV, a manifest) or a listing.

https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
"""

from __future__ import annotations

import csv
import io
from typing import Any

import msgspec

from mrak.core.context import Context
from mrak.core.errors import ApiError
from mrak.lang.asl.failures import ITEM_READER, StateFailed
from mrak.services.stepfunctions import integrations, services
from mrak.services.stepfunctions.integrations import Job

MOST_ITEMS = 1_000_000


def reader_failed(cause: str) -> StateFailed:
    return StateFailed(ITEM_READER, cause)


async def read_items(ctx: Context, job: Job, reader: dict[str, Any]) -> list[Any]:
    """The items, at most as many as the configuration allows; raises StateFailed."""
    config, params = reader["Config"], reader["Parameters"]
    most = int(config.get("MaxItems") or 0) or MOST_ITEMS
    if reader["Resource"].endswith(":s3:listObjectsV2"):
        return await _list_objects(ctx, job, params, most)
    raw = await _get_object(ctx, job, params)
    if config.get("InputType") == "MANIFEST":
        return await _read_manifest(ctx, job, raw, config, most)
    return parse_items(raw, config, most)


def parse_items(raw: bytes, config: dict[str, Any], most: int = MOST_ITEMS) -> list[Any]:
    """The items in an object, by its type."""
    kind = config.get("InputType", "JSON")
    if kind == "CSV":
        return _parse_csv(raw, config, most)
    if kind == "JSONL":
        return _parse_json_lines(raw, most)
    found = _at_pointer(_parse_json(raw), config.get("ItemsPointer", ""))
    if not isinstance(found, list):
        raise reader_failed("Attempting to map over non-iterable node.")
    return found[:most]


def _at_pointer(document: Any, pointer: str) -> Any:
    """What a JSON pointer (RFC 6901) finds; None where there is nothing."""
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict):
            document = document.get(name)
        elif isinstance(document, list) and name.isascii() and name.isdigit() and len(name) < 10:
            document = document[int(name)] if int(name) < len(document) else None
        else:
            return None
    return document


async def _get_object(ctx: Context, job: Job, params: Any) -> bytes:
    if not isinstance(params, dict) or "Bucket" not in params or "Key" not in params:
        raise reader_failed("The ItemReader needs a Bucket and a Key.")
    wanted = {name: params[name] for name in ("Bucket", "Key", "VersionId", "ExpectedBucketOwner") if name in params}
    try:
        output = await integrations.call(ctx, job, "s3", "GetObject", wanted, most_body_bytes=1 << 30)
    except ApiError as error:
        _, cause = services.optimised_error("s3", error, ctx.request_id)
        raise reader_failed(cause) from None
    body = output.get("Body", "")
    return body if isinstance(body, bytes) else str(body).encode()


async def _list_objects(ctx: Context, job: Job, params: dict[str, Any], most: int) -> list[Any]:
    items: list[Any] = []
    token: dict[str, Any] = {}
    while True:
        try:
            page = await integrations.call(ctx, job, "s3", "ListObjectsV2", {**params, **token})
        except ApiError as error:
            _, cause = services.optimised_error("s3", error, ctx.request_id)
            raise reader_failed(cause) from None
        for entry in page.get("Contents", ()):
            items.append({("Etag" if name == "ETag" else name): value for name, value in entry.items()})
        if len(items) >= most or not page.get("IsTruncated"):
            return items[:most]
        token = {"ContinuationToken": page["NextContinuationToken"]}


def _parse_json(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise reader_failed("Unable to parse the JSON file.") from None


def _parse_json_lines(raw: bytes, most: int) -> list[Any]:
    lines = [line for line in raw.splitlines() if line.strip()]
    return [_parse_json(line) for line in lines[:most]]


_DELIMITERS = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}


def _parse_csv(raw: bytes, config: dict[str, Any], most: int) -> list[Any]:
    """A row is an object of its columns; fields that are missing are empty, fields beyond the headers are left out."""
    try:
        text = raw.decode("utf-8-sig")
        delimiter = _DELIMITERS.get(config.get("CSVDelimiter", "COMMA"), ",")
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        given = config.get("CSVHeaderLocation", "FIRST_ROW") == "GIVEN"
        headers = list(config.get("CSVHeaders", ())) if given else next(rows, [])
        if len(set(headers)) != len(headers):
            raise reader_failed("CSV headers cannot contain duplicates.")
        items: list[Any] = []
        for row in rows:
            if len(items) == most:
                break
            padded = row + [""] * (len(headers) - len(row))
            items.append(dict(zip(headers, padded, strict=False)))
        return items
    except (UnicodeDecodeError, csv.Error) as error:
        raise reader_failed(f"Unable to parse the CSV file. {error}") from None


async def _read_manifest(ctx: Context, job: Job, raw: bytes, config: dict[str, Any], most: int) -> list[Any]:
    """An S3 inventory's manifest names CSV files, whose rows are the items."""
    manifest = _parse_json(raw)
    if not isinstance(manifest, dict) or "files" not in manifest:
        raise reader_failed("The manifest names no files.")
    bucket = str(manifest.get("destinationBucket", "")).removeprefix("arn:aws:s3:::")
    headers = [name.strip() for name in str(manifest.get("fileSchema", "")).split(",") if name.strip()]
    items: list[Any] = []
    for file in manifest["files"]:
        content = await _get_object(ctx, job, {"Bucket": bucket, "Key": file["key"]})
        if file["key"].endswith(".gz"):
            content = _unzip(content)
        given = {**config, "CSVHeaderLocation": "GIVEN", "CSVHeaders": headers}
        items += _parse_csv(content, given, most - len(items))
        if len(items) >= most:
            break
    return items


def _unzip(content: bytes) -> bytes:
    """A bounded gunzip: a bomb must not fill the memory."""
    import zlib

    machine = zlib.decompressobj(wbits=31)
    try:
        found = machine.decompress(content, 1 << 30)
    except zlib.error as error:
        raise reader_failed(f"Unable to unzip a file of the manifest. {error}") from None
    if machine.unconsumed_tail:
        raise reader_failed("A file of the manifest is too large.")
    return found
