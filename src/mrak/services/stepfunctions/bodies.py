"""Streaming bodies of outputs, read whole: an object that a state gets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from mrak.core.http import FileSlice
from mrak.lang.asl.failures import data_limit


async def read_body(value: Any, most_bytes: int) -> Any:
    """The bytes of a body; what is no body passes. Raises StateFailed where it is larger than a state can hold."""
    if isinstance(value, FileSlice):
        if value.length > most_bytes:
            raise data_limit("s3")
        return await asyncio.to_thread(_read_slice, value)
    if isinstance(value, AsyncIterator):
        chunks: list[bytes] = []
        size = 0
        async for chunk in value:
            size += len(chunk)
            if size > most_bytes:
                raise data_limit("s3")
            chunks.append(chunk)
        return b"".join(chunks)
    return value


def _read_slice(part: FileSlice) -> bytes:
    with open(part.path, "rb") as file:
        file.seek(part.offset)
        return file.read(part.length)
