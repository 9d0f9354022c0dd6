"""Uploads by browser forms: the object that is made of one.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from mrak.core.context import Context, Transaction
from mrak.core.http import Response
from mrak.core.operation import dataplane
from mrak.protocol.rest import unquote
from mrak.protocol.xml import XmlError, escape, parse
from mrak.services.s3 import buckets, checksums, contents, errors, names, post_policies, writing
from mrak.services.s3.completion import location
from mrak.services.s3.cors import Headers, identity_headers

# Field -> member of PutObject.
_MEMBERS = {
    "acl": "ACL",
    "cache-control": "CacheControl",
    "content-type": "ContentType",
    "content-disposition": "ContentDisposition",
    "content-encoding": "ContentEncoding",
    "content-language": "ContentLanguage",
    "content-md5": "ContentMD5",
    "expires": "Expires",
    "x-amz-storage-class": "StorageClass",
    "x-amz-website-redirect-location": "WebsiteRedirectLocation",
    "x-amz-server-side-encryption": "ServerSideEncryption",
    "x-amz-server-side-encryption-aws-kms-key-id": "SSEKMSKeyId",
    "x-amz-server-side-encryption-context": "SSEKMSEncryptionContext",
    "x-amz-server-side-encryption-customer-algorithm": "SSECustomerAlgorithm",
    "x-amz-server-side-encryption-customer-key": "SSECustomerKey",
    "x-amz-server-side-encryption-customer-key-md5": "SSECustomerKeyMD5",
    **{f"x-amz-checksum-{name.lower()}": f"Checksum{name}" for name in checksums.SIZES},
}


@dataplane("s3.post")
async def post_object(ctx: Context, form: Any) -> Response:
    """`form` is the request with `fields`, `filename` and the file as `stream` (gateway/forms.py)."""
    fields: dict[str, str] = form.fields
    if form.filename is not None:
        fields = {name: value.replace("${filename}", form.filename) for name, value in fields.items()}
    bucket = unquote(form.path.lstrip("/")).partition("/")[0]
    if form.stream is None:
        raise errors.invalid_argument("POST requires exactly one file upload per request.", "file", "0")
    if "key" not in fields:
        message = (
            "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields."
        )
        raise errors.invalid_argument(message, "key", "")
    least, most = post_policies.check(ctx, bucket, fields)
    req = _parse_fields(bucket, fields)
    names.check_key(req["Key"])
    checksums.check_known_headers(fields)
    expected = checksums.parse_expected(req, {})
    await ctx.transact(lambda tx: buckets.require_allowed(ctx, tx, req, "s3:PutObject"))
    body = await _begin(_limited(aiter(form.stream), least, most))
    async with await contents.receive(ctx, body, expected) as received:
        answer = await ctx.transact(lambda tx: _put(ctx, tx, req, expected, received))
    return _respond(ctx, bucket, req["Key"], fields, answer)


def _put(ctx: Context, tx: Transaction, req: dict[str, Any], expected: Any, received: Any) -> dict[str, Any]:
    return writing.put(ctx, tx, req, expected, received, "Post")


async def _limited(stream: AsyncIterator[bytes], least: int, most: int) -> AsyncIterator[bytes]:
    """A file that may only be so long."""
    size = 0
    async for chunk in stream:
        size += len(chunk)
        if size > most:
            message = "Your proposed upload exceeds the maximum allowed size"
            raise errors.error("EntityTooLarge", message, ProposedSize=size, MaxSizeAllowed=most)
        yield chunk
    if size < least:
        message = "Your proposed upload is smaller than the minimum allowed size"
        raise errors.error("EntityTooSmall", message, ProposedSize=size, MinSizeAllowed=least)


async def _begin(chunks: AsyncIterator[bytes]) -> Any:
    """A file that fits into a row as bytes, any other as it comes."""
    held: list[bytes] = []
    size = 0
    async for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        if size > contents.SMALL_BYTES:
            return _resume(held, chunks)
    return b"".join(held)


async def _resume(held: list[bytes], chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for chunk in held:
        yield chunk
    async for chunk in chunks:
        yield chunk


# --- the object ---------------------------------------------------------------------------------------------------


def _parse_fields(bucket: str, fields: dict[str, str]) -> dict[str, Any]:
    """PutObject's input, as the fields have it."""
    req: dict[str, Any] = {"Bucket": bucket, "Key": fields["key"]}
    req |= {member: fields[name] for name, member in _MEMBERS.items() if fields.get(name)}
    metadata = {name[len("x-amz-meta-") :]: value for name, value in fields.items() if name.startswith("x-amz-meta-")}
    if metadata:
        req["Metadata"] = metadata
    if fields.get("x-amz-server-side-encryption-bucket-key-enabled", "").lower() == "true":
        req["BucketKeyEnabled"] = True
    if fields.get("tagging"):
        req["Tagging"] = _parse_tagging(fields["tagging"])
    return req


def _parse_tagging(document: str) -> str:
    """The tags, which a form gives as XML, as a header would give them."""
    try:
        root = parse(document.encode())
    except XmlError:
        raise errors.malformed_xml() from None
    tags = root.child("TagSet")
    pairs = []
    for tag in tags.all("Tag") if tags is not None else ():
        name, value = tag.child("Key"), tag.child("Value")
        if name is None or value is None:
            raise errors.malformed_xml()
        pairs.append((name.text, value.text))
    return urlencode(pairs)


def _respond(ctx: Context, bucket: str, key: str, fields: dict[str, str], answer: dict[str, Any]) -> Response:
    headers: Headers = [*identity_headers(ctx), ("ETag", answer["ETag"])]
    if "VersionId" in answer:
        headers.append(("x-amz-version-id", answer["VersionId"]))
    place = location(ctx, bucket, key)
    redirect = fields.get("success_action_redirect") or fields.get("redirect")
    if redirect and urlsplit(redirect).scheme in ("http", "https"):
        return Response(303, [*headers, ("Location", _redirect_to(redirect, bucket, key, answer["ETag"]))])
    headers.append(("Location", place))
    status = fields.get("success_action_status")
    if status == "201":
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<PostResponse><Location>{escape(place)}</Location><Bucket>{escape(bucket)}</Bucket>"
            f"<Key>{escape(key)}</Key><ETag>{escape(answer['ETag'])}</ETag></PostResponse>"
        )
        return Response(201, [*headers, ("Content-Type", "application/xml")], body.encode())
    return Response(200 if status == "200" else 204, headers)


def _redirect_to(url: str, bucket: str, key: str, etag: str) -> str:
    parts = urlsplit(url)
    query = "&".join(filter(None, [parts.query, urlencode({"bucket": bucket, "key": key, "etag": etag})]))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, parts.fragment))
