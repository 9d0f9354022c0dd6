"""A function's code on its way in: a zip in the request or in S3, or a folder for hot reload.

https://docs.aws.amazon.com/lambda/latest/api/API_FunctionCode.html
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
from typing import Any

import msgspec

from mrak.core.context import Context
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError, NotBuilt
from mrak.core.http import FileSlice
from mrak.services.lambda_ import errors

HOT_RELOAD_BUCKET = "hot-reload"
"""A bucket of this name means: the key is a folder of this machine, and changes there apply at once."""
_UPLOAD_LIMIT_BYTES = 70_167_211


class Package(msgspec.Struct, frozen=True):
    code_id: str
    code_bytes: int
    sha256: str
    folder: str = ""
    image_uri: str = ""


async def store(ctx: Context, code: dict[str, Any], operation: str) -> Package:
    """Checks and keeps the code that a request of an operation brings or names."""
    if "ImageUri" in code:
        return _name_image(code["ImageUri"])
    if code.get("S3Bucket") == HOT_RELOAD_BUCKET:
        return _hot_reload(ctx, code.get("S3Key", ""))
    return await store_zip(ctx, await read_zip(ctx, code, operation))


def _name_image(uri: str) -> Package:
    """An image is kept by its name; a name without a digest stands for itself (LAMBDA-009)."""
    deviation("LAMBDA-009")
    _, _, digest = uri.partition("@sha256:")
    return Package("", 0, digest or hashlib.sha256(uri.encode()).hexdigest(), image_uri=uri)


async def read_zip(ctx: Context, code: dict[str, Any], operation: str) -> bytes:
    """The bytes of a zip, inline or from S3. AWS's limit is for the request, in which they travel as base64."""
    if "ZipFile" in code:
        content: bytes = code["ZipFile"]
        if len(content) > _UPLOAD_LIMIT_BYTES // 4 * 3:
            raise errors.request_too_large(_UPLOAD_LIMIT_BYTES, operation)
        return content
    if not code.get("S3Bucket") or not code.get("S3Key"):
        raise errors.invalid("Please provide a source for function code.")
    return await _fetch(ctx, code)


async def _fetch(ctx: Context, code: dict[str, Any]) -> bytes:
    params = {"Bucket": code["S3Bucket"], "Key": code["S3Key"]}
    if "S3ObjectVersion" in code:
        params["VersionId"] = code["S3ObjectVersion"]
    try:
        body = (await ctx.call("s3", "GetObject", params))["Body"]
    except ApiError as error:
        if isinstance(error, NotBuilt):
            raise
        raise errors.invalid(
            f"Error occurred while GetObject. S3 Error Code: {error.code}. S3 Error Message: {error.message}"
        ) from None
    return await _read_body(body)


async def _read_body(body: Any) -> bytes:
    """An object's body comes as bytes, as (a part of) a file, or in chunks."""
    if isinstance(body, bytes):
        return body
    if isinstance(body, FileSlice):
        return await asyncio.to_thread(_read_slice, body)
    return b"".join([chunk async for chunk in body])


def _read_slice(part: FileSlice) -> bytes:
    with open(part.path, "rb") as file:
        file.seek(part.offset)
        return file.read(part.length)


async def store_zip(ctx: Context, content: bytes) -> Package:
    try:
        ctx.part("lambdas").check_package(content)
    except ValueError as error:
        raise errors.too_large_unzipped() if str(error) == "too large" else errors.bad_zip() from None
    async with ctx.blobs.writer() as blob:
        await blob.write(content)
        code_id = await blob.finish()
    return Package(code_id, len(content), base64.b64encode(hashlib.sha256(content).digest()).decode())


def _hot_reload(ctx: Context, folder: str) -> Package:
    if not ctx.part("lambdas").allow_hot_reload:
        raise errors.invalid("Hot reload is for servers that listen on this machine only.")
    if not os.path.isabs(folder) or not os.path.isdir(folder):
        raise errors.invalid(f"Hot reload needs the path of a folder as S3Key; {folder!r} is none.")
    digest = base64.b64encode(hashlib.sha256(folder.encode()).digest()).decode()
    return Package("", 0, digest, folder)


def folder_state(folder: str) -> str:
    """A text that changes whenever a file in a hot-reloaded folder does."""
    digest = hashlib.blake2b(digest_size=16)
    pending, seen = [folder], 0
    while pending and seen < 20_000:
        with os.scandir(pending.pop()) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                seen += 1
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in ("node_modules", "__pycache__", ".git"):
                        pending.append(entry.path)
                    continue
                status = entry.stat(follow_symlinks=False)
                digest.update(f"{entry.path}\0{status.st_mtime_ns}\0{status.st_size}\n".encode())
    return digest.hexdigest()
