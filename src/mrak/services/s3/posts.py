"""Uploads by browser forms: the policy of what may be uploaded, and the object that is made.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.http import Response
from mrak.core.operation import dataplane
from mrak.protocol import times
from mrak.protocol.rest import unquote
from mrak.protocol.xml import XmlError, escape, parse
from mrak.services.s3 import buckets, checksums, contents, errors, names, writing
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
    "x-amz-server-side-encryption-customer-algorithm": "SSECustomerAlgorithm",
    "x-amz-server-side-encryption-customer-key": "SSECustomerKey",
    "x-amz-server-side-encryption-customer-key-md5": "SSECustomerKeyMD5",
    **{f"x-amz-checksum-{name.lower()}": f"Checksum{name}" for name in checksums.SIZES},
}
# Fields that a policy need not speak of.
_FREE = frozenset(
    {
        "x-amz-signature", "file", "policy", "signature", "awsaccesskeyid", "x-amz-security-token", "submit",
        "x-amz-date", "x-amz-algorithm", "x-amz-credential",
    }
)  # fmt: skip
_MOST_BYTES = 5 << 30


@dataplane("s3.post")
async def post_object(ctx: Context, form: Any) -> Response:
    """`form` is the request with `fields`, `titles`, `filename` and the file as `stream` (gateway/forms.py)."""
    fields: dict[str, str] = form.fields
    bucket = unquote(form.path.lstrip("/")).partition("/")[0]
    if form.filename is None:
        raise errors.invalid_argument("POST requires exactly one file upload per request.", "file", "0")
    if "key" not in fields:
        message = (
            "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields."
        )
        raise errors.invalid_argument(message, "key", "")
    if form.filename:
        fields["key"] = fields["key"].replace("${filename}", form.filename)
    least, most = _check_policy(ctx, bucket, fields)
    req = _parse_fields(bucket, fields)
    names.check_key(req["Key"])
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


# --- the policy ---------------------------------------------------------------------------------------------------


def _check_policy(ctx: Context, bucket: str, fields: dict[str, str]) -> tuple[int, int]:
    """(least, most) bytes that the file may have. Raises where the form is not what its policy allows."""
    if "policy" not in fields:
        if ctx.principal.account:
            message = "Bucket POST must contain a field named 'policy'.  If it is specified, please check the order of "
            raise errors.invalid_argument(message + "the fields.", "policy", "")
        return 0, _MOST_BYTES
    policy = _parse_policy(fields["policy"])
    expires = _parse_expiration(policy.get("expiration"))
    if expires <= ctx.now:
        raise errors.access_denied("Invalid according to Policy: Policy expired.")
    conditions = policy.get("conditions")
    if not isinstance(conditions, list):
        raise _invalid_policy("Policy missing conditions.")
    given = fields | {"bucket": bucket}
    named: set[str] = set()
    span = (0, _MOST_BYTES)
    for condition in conditions:
        span = _check_condition(condition, given, named, span)
    extra = next((name for name in fields if name not in named | _FREE and not name.startswith("x-ignore-")), None)
    if extra is not None:
        raise errors.access_denied(f"Invalid according to Policy: Extra input fields: {extra}")
    return span


def _parse_policy(text: str) -> dict[str, Any]:
    try:
        policy = msgspec.json.decode(base64.b64decode(text))
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise _invalid_policy("Invalid JSON.") from None
    if not isinstance(policy, dict):
        raise _invalid_policy("Invalid JSON.")
    return policy


def _invalid_policy(reason: str) -> ApiError:
    return errors.error("InvalidPolicyDocument", f"Invalid Policy: {reason}")


def _parse_expiration(text: Any) -> float:
    if text is None:
        raise _invalid_policy("Policy missing expiration.")
    try:
        if not isinstance(text, str) or "T" not in text:
            raise ValueError(text)
        return times.parse(text)
    except ValueError:
        raise _invalid_policy(f"Invalid 'expiration' value: '{text}'") from None


def _check_condition(condition: Any, given: dict[str, str], named: set[str], span: tuple[int, int]) -> tuple[int, int]:
    """One condition; `named` learns which field it spoke of. Returns the span of sizes that is allowed by now."""
    if isinstance(condition, dict):
        if len(condition) != 1:
            raise _invalid_policy(
                "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."
            )
        ((name, value),) = condition.items()
        _require_equal(condition, str(name).lower(), value, given, named)
        return span
    if not isinstance(condition, list) or len(condition) != 3 or not isinstance(condition[0], str):
        raise _invalid_policy("Invalid Condition: wrong number of arguments.")
    operator, subject, value = condition
    if operator.lower() == "content-length-range":
        return _parse_span(condition)
    if not isinstance(subject, str) or not isinstance(value, str):
        raise _invalid_policy("Invalid Condition.")
    if not subject.startswith("$"):
        # It speaks of no field.
        return span
    name = subject[1:].lower()
    if operator.lower() == "eq":
        _require_equal(condition, name, value, given, named)
    elif operator.lower() == "starts-with":
        named.add(name)
        if not _starts_with(name, given.get(name, ""), value):
            raise _failed(condition)
    else:
        raise _invalid_policy(f"Invalid Condition: unknown operation '{operator}'.")
    return span


def _starts_with(name: str, text: str, start: str) -> bool:
    """Of a Content-Type's list, each has to."""
    if name == "content-type":
        return all(each.strip().startswith(start) for each in text.split(","))
    return text.startswith(start)


def _require_equal(condition: Any, name: str, value: Any, given: dict[str, str], named: set[str]) -> None:
    if not isinstance(value, str):
        raise _invalid_policy("Invalid Simple-Condition: value must be a string.")
    named.add(name)
    if given.get(name, "") != value:
        raise _failed(condition)


def _parse_span(condition: list[Any]) -> tuple[int, int]:
    try:
        least, most = int(condition[1]), int(condition[2])
    except (TypeError, ValueError):
        raise _failed(condition) from None
    if least < 0 or most < 0:
        raise _invalid_policy("Invalid content-length-range condition.")
    return least, min(most, _MOST_BYTES)


def _failed(condition: Any) -> ApiError:
    """The condition as the policy has it; a simple one is shown as the `eq` that it stands for."""
    if isinstance(condition, dict):
        ((name, value),) = condition.items()
        condition = ["eq", f"${name}", value]
    shown = ", ".join(f'"{each}"' for each in condition)
    return errors.access_denied(f"Invalid according to Policy: Policy Condition failed: [{shown}]")


# --- the object ---------------------------------------------------------------------------------------------------


def _parse_fields(bucket: str, fields: dict[str, str]) -> dict[str, Any]:
    """PutObject's input, as the fields have it."""
    req: dict[str, Any] = {"Bucket": bucket, "Key": fields["key"]}
    req |= {member: fields[name] for name, member in _MEMBERS.items() if fields.get(name)}
    metadata = {name[len("x-amz-meta-") :]: value for name, value in fields.items() if name.startswith("x-amz-meta-")}
    if metadata:
        req["Metadata"] = metadata
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
