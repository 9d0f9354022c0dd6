"""What is behind a behaviour: a bucket, another resource of this cloud, or any HTTP server.

Buckets are asked as CloudFront, so that their policies decide, whether by an origin access control or identity; without
either as anybody. APIs, function URLs and buckets' websites of this cloud are asked inside the process.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-s3.html
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, unquote

import msgspec

from mrak.auth.principals import ANONYMOUS, Principal
from mrak.core.context import Context
from mrak.core.errors import ApiError
from mrak.core.http import FileSlice, HttpSender, OutgoingError, Request, Response
from mrak.core.operation import require_work
from mrak.protocol.codec import codec
from mrak.services.cloudfront import configs
from mrak.services.cloudfront.distributions import distribution_arn
from mrak.services.cloudfront.plane import pages
from mrak.services.cloudfront.plane.cache import MOST_ENTRY_BYTES, Headers
from mrak.services.cloudfront.plane.selection import Selected, Viewed
from mrak.services.cloudfront.tables import Distribution

_OWN_HOST = re.compile(
    r"(?P<name>.+)\.(?P<kind>execute-api|lambda-url|s3-website)(?:[.-](?P<region>[a-z]{2}(?:-gov)?-[a-z]+-\d))?"
    r"(?:\.(?P<environment>[a-z0-9-]+))??\.(?:localhost|localhost\.localstack\.cloud|amazonaws\.com|on\.aws)(?::\d+)?"
)
_NOT_PASSED = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "content-length", "upgrade", "date", "trailer",
     "proxy-authenticate", "proxy-authorization"}
)  # fmt: skip
_MOST_PASSES = 5


class Fetched(msgspec.Struct):
    """An origin's answer. `body` is bytes unless it is too large to be kept. `failed` says that there was no origin."""

    status: int
    headers: Headers
    body: bytes | FileSlice | AsyncIterator[bytes]
    failed: bool = False


class Target(msgspec.Struct, frozen=True):
    """One origin of a distribution, for one request."""

    ctx: Context
    distribution: Distribution
    origin: dict[str, Any]

    @property
    def path(self) -> str:
        return str(self.origin["OriginPath"])

    @property
    def custom_headers(self) -> dict[str, str]:
        listed = configs.items(self.origin["CustomHeaders"])
        return {header["HeaderName"].lower(): header["HeaderValue"] for header in listed}


async def fetch(ctx: Context, distribution: Distribution, target: str, viewed: Viewed, selected: Selected) -> Fetched:
    """The answer of an origin, or of the first member of an origin group that does not fail."""
    origins = {origin["Id"]: origin for origin in configs.items(distribution.config["Origins"])}
    if target in origins:
        return await _ask(Target(ctx, distribution, origins[target]), viewed, selected)
    group = next(one for one in configs.items(distribution.config["OriginGroups"]) if one["Id"] == target)
    failing = set(configs.items(group["FailoverCriteria"]["StatusCodes"]))
    members = [origins[member["OriginId"]] for member in configs.items(group["Members"])]
    if viewed.method not in ("GET", "HEAD", "OPTIONS"):
        members = members[:1]
    answer = None
    for origin in members:
        answer = await _ask(Target(ctx, distribution, origin), viewed, selected)
        if not answer.failed and answer.status not in failing:
            return answer
    assert answer is not None
    return answer


async def _ask(target: Target, viewed: Viewed, selected: Selected) -> Fetched:
    if "S3OriginConfig" in target.origin:
        return await _ask_bucket(target, viewed, selected)
    return await _ask_server(target, viewed, selected)


def failure(ctx: Context, status: int, reason: str) -> Fetched:
    page = pages.error_page(status, reason, ctx.request_id)
    assert isinstance(page.body, bytes)
    return Fetched(status, page.headers, page.body, failed=True)


# --- buckets ----------------------------------------------------------------------------------------------------


async def _ask_bucket(target: Target, viewed: Viewed, selected: Selected) -> Fetched:
    bucket = configs.find_bucket(target.origin["DomainName"])
    assert bucket is not None
    key = unquote(target.path + viewed.path)[1:]
    ctx = target.ctx
    asked = Request(
        viewed.method, f"/{bucket}/{quote(key, safe='/~')}", selected.query, selected.headers | target.custom_headers
    )
    if viewed.method == "OPTIONS":
        answer: Response = await _guarded_preflight(ctx, asked)
        return await _whole(answer)
    operation, params = _object_operation(viewed, selected, bucket, key)
    if operation is None:
        return failure(ctx, 405, "The bucket does not take this method.")
    plan = codec("s3")
    try:
        output = await ctx.call("s3", operation, params, principal=_principal(target))
        answer = plan.encode(operation, output, ctx.request_id)
    except ApiError as error:
        answer = plan.encode_error(operation, error, ctx.request_id)
    if "origin" in asked.headers:
        answer = await require_work("dataplane", "s3.cors", "s3").handler(ctx, asked, answer)
    answer.headers.append(("Server", "AmazonS3"))
    return await _whole(answer)


async def _guarded_preflight(ctx: Context, asked: Request) -> Response:
    try:
        answer: Response = await require_work("dataplane", "s3.preflight", "s3").handler(ctx, asked)
    except ApiError as error:
        answer = codec("s3").encode_error(None, error, ctx.request_id)
    return answer


def _object_operation(viewed: Viewed, selected: Selected, bucket: str, key: str) -> tuple[str | None, dict[str, Any]]:
    named: dict[str, Any] = {"Bucket": bucket, "Key": key}
    if viewed.method in ("GET", "HEAD"):
        if not key:
            return "ListObjects", {"Bucket": bucket}
        if "if-none-match" in selected.headers:
            named["IfNoneMatch"] = selected.headers["if-none-match"]
        return "GetObject", named
    if viewed.method == "PUT" and key:
        content_type = selected.headers.get("content-type")
        return "PutObject", {**named, "Body": viewed.body, **({"ContentType": content_type} if content_type else {})}
    return ("DeleteObject", named) if viewed.method == "DELETE" and key else (None, {})


def _principal(target: Target) -> Principal:
    """CloudFront itself for an access control (it belongs to no account, so the bucket's policy decides alone), the
    identity where the origin has one, else anybody."""
    account = target.ctx.scope.account
    control = target.origin["OriginAccessControlId"]
    if control:
        name = "cloudfront.amazonaws.com"
        source = distribution_arn(account, target.distribution.id)
        return Principal("service", "", name, name, name, source_arn=source)
    identity = target.origin["S3OriginConfig"]["OriginAccessIdentity"].rpartition("/")[2]
    if identity:
        name = f"CloudFront Origin Access Identity {identity}"
        return Principal("user", "cloudfront", f"arn:aws:iam::cloudfront:user/{name}", identity, name)
    return ANONYMOUS


# --- servers ----------------------------------------------------------------------------------------------------


async def _ask_server(target: Target, viewed: Viewed, selected: Selected) -> Fetched:
    headers = {**selected.headers, **target.custom_headers}
    ctx = target.ctx
    passes = headers.get("via", "").count("(CloudFront)")
    if passes >= _MOST_PASSES:
        return failure(ctx, 403, "The request goes round in a circle.")
    earlier = f"{headers['via']}, " if "via" in headers else ""
    headers["via"] = f"{earlier}1.1 {ctx.request_id.replace('-', '')}.cloudfront.net (CloudFront)"
    headers["x-amz-cf-id"] = new_request_id(ctx)
    path = target.path + viewed.path
    own = _OWN_HOST.fullmatch(target.origin["DomainName"].lower())
    if own is not None:
        return await _ask_ourselves(ctx, own, path, viewed, (selected.query, headers))
    url = _base_url(target.origin) + path + (f"?{selected.query}" if selected.query else "")
    sender: HttpSender = ctx.part("http")
    host = headers.pop("host", "")
    if host:
        headers["x-forwarded-host"] = host
    timeout_seconds = float(target.origin["CustomOriginConfig"]["OriginReadTimeout"])
    try:
        reply = await sender.send(viewed.method, url, headers.items(), viewed.body, timeout_seconds)
    except OutgoingError as error:
        timed_out = str(error).startswith("no reply within")
        return failure(ctx, 504 if timed_out else 502, pages.TOO_SLOW if timed_out else pages.UNREACHABLE)
    return Fetched(reply.status, [pair for pair in reply.headers if pair[0] not in _NOT_PASSED], reply.body)


def new_request_id(ctx: Context) -> str:
    import base64

    return base64.urlsafe_b64encode(ctx.draw.bytes(40)).decode()


def _base_url(origin: dict[str, Any]) -> str:
    """A port in the domain wins: what this cloud serves has one in its name."""
    settings = origin["CustomOriginConfig"]
    secure = settings["OriginProtocolPolicy"] == "https-only"
    domain = origin["DomainName"]
    if ":" in domain:
        return f"{'https' if secure and 'localhost' not in domain else 'http'}://{domain}"
    return f"https://{domain}:{settings['HTTPSPort']}" if secure else f"http://{domain}:{settings['HTTPPort']}"


async def _ask_ourselves(
    ctx: Context, own: re.Match[str], path: str, viewed: Viewed, given: tuple[str, dict[str, str]]
) -> Fetched:
    """An API, function URL or website of this cloud; it is told our environment unless its name tells another."""
    query, headers = given
    environment = own["environment"] or ctx.scope.environment
    region = f".{own['region']}" if own["region"] else ""
    port = ctx.endpoint.rpartition(":")[2]
    suffix = f":{port}" if port.isdigit() else ""
    host = f"{own['name']}.{own['kind']}{region}.{environment}.localhost{suffix}"
    asked = Request(
        viewed.method, path, query, headers | {"host": host}, viewed.body, peer=viewed.peer, scheme=viewed.scheme
    )
    answer: Response = await ctx.part("gateway").handle(asked)
    return await _whole(answer)


# --- bodies -----------------------------------------------------------------------------------------------------


async def _whole(answer: Response) -> Fetched:
    """The answer with its body in memory, unless it is too large for that."""
    headers = [pair for pair in answer.headers if pair[0].lower() not in _NOT_PASSED]
    body = answer.body
    if isinstance(body, FileSlice) and body.length <= MOST_ENTRY_BYTES:
        body = await asyncio.to_thread(_read_slice, body)
    elif not isinstance(body, bytes | FileSlice):
        length = next((value for name, value in answer.headers if name.lower() == "content-length"), "")
        if length.isdigit() and int(length) <= MOST_ENTRY_BYTES:
            body = b"".join([chunk async for chunk in body])
        elif length:
            headers.append(("Content-Length", length))
    return Fetched(answer.status, headers, body)


def _read_slice(part: FileSlice) -> bytes:
    file = os.open(part.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.pread(file, part.length, part.offset)
    finally:
        os.close(file)
