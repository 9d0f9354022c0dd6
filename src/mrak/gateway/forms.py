"""Forms that upload a file to S3 (multipart/form-data), read as they arrive.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTForms.html

The fields come first and are small; then the file, which is streamed; what follows it is ignored, as S3 does. Nothing
of a file is held but what came last.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from mrak.core.errors import ApiError
from mrak.core.http import Request

_MOST_FIELD_BYTES = 20 * 1024
_MOST_HEAD_BYTES = 8 * 1024
_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,70})"|([^;\s]{1,70}))', re.IGNORECASE)
_NAME = re.compile(r';\s*name="((?:[^"\\]|\\.)*)"', re.IGNORECASE)
_FILENAME = re.compile(r';\s*filename="((?:[^"\\]|\\.)*)"', re.IGNORECASE)


class Form(Request):
    """A request that is a form: `fields` with names in lower case, and the file as `stream`, None where it has none.

    `filename` is the last part of the path that the file came with, None where it came without.
    """

    __slots__ = ("fields", "filename")

    fields: dict[str, str]
    filename: str | None


class _Source:
    """The body with what was read ahead of it."""

    def __init__(self, request: Request) -> None:
        self._chunks = _chunks_of(request)
        self.held = b""

    async def more(self) -> None:
        chunk = await anext(self._chunks, None)
        if chunk is None:
            raise _malformed()
        self.held += chunk

    async def until(self, mark: bytes, most_bytes: int) -> bytes:
        """What comes before a mark, which is taken too."""
        while (at := self.held.find(mark)) < 0:
            if len(self.held) > most_bytes:
                raise _too_long()
            await self.more()
        found, self.held = self.held[:at], self.held[at + len(mark) :]
        return found


class FileBody:
    """The file: a BodyStream that ends at the next boundary."""

    def __init__(self, source: _Source, mark: bytes) -> None:
        self._source = source
        self._mark = mark

    async def __aiter__(self) -> AsyncIterator[bytes]:
        source, mark = self._source, self._mark
        while (at := source.held.find(mark)) < 0:
            keep = len(mark) - 1
            if len(source.held) > keep:
                chunk, source.held = source.held[:-keep], source.held[-keep:]
                yield chunk
            await source.more()
        if at:
            yield source.held[:at]
        source.held = b""

    async def read(self) -> bytes:
        return b"".join([chunk async for chunk in self])


async def read_form(request: Request) -> Form:
    """The form up to its file. Raises what S3 answers to requests that are no such form."""
    content_type = request.headers.get("content-type", "")
    if not content_type.lower().startswith("multipart/form-data"):
        raise ApiError(
            "PreconditionFailed",
            "At least one of the pre-conditions you specified did not hold",
            412,
            {"Condition": "Bucket POST must be of the enclosure-type multipart/form-data"},
        )
    match = _BOUNDARY.search(content_type)
    if match is None:
        raise _malformed()
    form = Form(request.method, request.path, request.query, request.headers, None, None, request.peer, request.scheme)
    form.fields, form.filename = {}, None
    mark = b"\r\n--" + (match[1] or match[2]).encode()
    source = _Source(request)
    source.held = b"\r\n"
    await source.until(mark, _MOST_HEAD_BYTES)
    left = _MOST_FIELD_BYTES
    while form.stream is None and not await _is_last(source):
        left -= await _read_part(source, form, mark, left)
    return form


async def _is_last(source: _Source) -> bool:
    """After a boundary: two hyphens end the form, a line's end begins a part."""
    while len(source.held) < 2:
        await source.more()
    if source.held.startswith(b"--"):
        return True
    await source.until(b"\r\n", _MOST_HEAD_BYTES)
    return False


async def _read_part(source: _Source, form: Form, mark: bytes, most_bytes: int) -> int:
    """Takes one field, and returns how long it is; the file is left to be streamed."""
    head = _parse_head((b"\r\n" + await source.until(b"\r\n\r\n", _MOST_HEAD_BYTES)).decode("utf-8", "replace"))
    disposition = head.get("content-disposition", "")
    found = _NAME.search(disposition)
    if found is None:
        raise _malformed()
    name = found[1].lower()
    if name == "file":
        file = _FILENAME.search(disposition)
        form.filename = re.split(r"[/\\]", file[1])[-1] if file is not None else None
        form.stream = FileBody(source, mark)
        return 0
    value = await source.until(mark, most_bytes)
    if len(value) > most_bytes:
        raise _too_long()
    text = value.decode("utf-8", "replace")
    # Of several fields with one name, the values are separated by commas.
    form.fields[name] = f"{form.fields[name]},{text}" if name in form.fields else text
    return len(value)


def _parse_head(text: str) -> dict[str, str]:
    head = {}
    for line in text.split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            head[name.strip().lower()] = value.strip()
    return head


async def _chunks_of(request: Request) -> AsyncIterator[bytes]:
    if request.body is not None:
        yield request.body
        return
    assert request.stream is not None
    async for chunk in request.stream:
        yield chunk


def _malformed() -> ApiError:
    message = "The body of your POST request is not well-formed multipart/form-data."
    return ApiError("MalformedPOSTRequest", message, 400)


def _too_long() -> ApiError:
    message = "Your POST request fields preceeding the upload file was too large."
    fields = {"MaxPostPreDataLengthBytes": str(_MOST_FIELD_BYTES)}
    return ApiError("MaxPostPreDataLengthExceeded", message, 400, fields)
