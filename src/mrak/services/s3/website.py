"""Buckets as websites: index and error documents, redirects. A data plane of its own, which answers in HTML.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteHosting.html
"""

from __future__ import annotations

from html import escape
from typing import Any
from urllib.parse import quote

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.http import FileSlice, Request, Response
from mrak.core.operation import dataplane
from mrak.protocol.codec import codec
from mrak.protocol.rest import unquote
from mrak.protocol.rest_xml import host_id, s3_identity
from mrak.services.s3 import access, buckets, conditions, errors
from mrak.services.s3 import objects as versions
from mrak.services.s3.reading import find_range, get_object
from mrak.services.s3.tables import Bucket, Version

_TITLES = {
    301: "Moved Permanently", 302: "Found", 303: "See Other", 307: "Temporary Redirect", 308: "Permanent Redirect",
    400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 412: "Precondition Failed",
    416: "Requested Range Not Satisfiable", 500: "Internal Server Error",
}  # fmt: skip
_FIELDS = ("Key", "BucketName", "Method", "ResourceType", "VersionId", "Condition")


class _Site:
    """A website's request: its bucket, and what it was configured to do."""

    def __init__(self, ctx: Context, tx: Transaction, name: str, request: Request) -> None:
        self.ctx, self.tx, self.request = ctx, tx, request
        self.bucket: Bucket = buckets.require(ctx, tx, {"Bucket": name})
        found = buckets.find_setting(tx, ctx.scope, self.bucket, "website")
        if found is None:
            message = "The specified bucket does not have a website configuration"
            raise errors.missing_setting("NoSuchWebsiteConfiguration", message, name)
        self.configuration: dict[str, Any] = found

    def find_rule(self, key: str, status: int | None) -> dict[str, Any] | None:
        """The first routing rule for a key: those without an error code before the object is looked for (status None),
        those with one after."""
        for rule in self.configuration.get("RoutingRules") or ():
            condition = rule.get("Condition") or {}
            code = condition.get("HttpErrorCodeReturnedEquals")
            if key.startswith(condition.get("KeyPrefixEquals", "")) and (str(status) if status else None) == code:
                found: dict[str, Any] = rule
                return found
        return None

    def redirect(self, rule: dict[str, Any], key: str) -> Response:
        wanted = rule["Redirect"]
        name = key
        if "ReplaceKeyWith" in wanted:
            name = wanted["ReplaceKeyWith"]
        elif "ReplaceKeyPrefixWith" in wanted:
            start = (rule.get("Condition") or {}).get("KeyPrefixEquals", "")
            name = wanted["ReplaceKeyPrefixWith"] + key[len(start) :]
        host = wanted.get("HostName") or self.request.host
        protocol = wanted.get("Protocol") or self.request.scheme
        status = int(wanted.get("HttpRedirectCode") or 301)
        return self.moved(status, f"{protocol}://{host}/{quote(name, safe='/~')}")

    def moved(self, status: int, location: str) -> Response:
        return Response(status, [*s3_identity(self.ctx.request_id), ("Location", location)])

    def read(self, key: str) -> tuple[Version, dict[str, Any]]:
        """An object as GetObject finds it, for anybody."""
        req: dict[str, Any] = {"Bucket": self.bucket.name, "Key": key}
        version = versions.require_readable(self.ctx, self.tx, self.bucket, req, "s3:GetObject")
        return version, get_object(self.ctx, self.tx, req)


@dataplane("s3-website")
async def serve_website(ctx: Context, request: Request, route: Any) -> Response:
    """Any request to a website's host; `route.resource` is the bucket."""
    try:
        response: Response = await ctx.transact(lambda tx: _serve(ctx, tx, route.resource, request))
    except ApiError as error:
        response = _error_page(ctx, error)
    if request.method == "HEAD" and isinstance(response.body, bytes):
        response.headers.append(("Content-Length", str(len(response.body))))
        response.body = b""
    return response


def _serve(ctx: Context, tx: Transaction, name: str, request: Request) -> Response:
    site = _Site(ctx, tx, name, request)
    if request.method not in ("GET", "HEAD"):
        raise errors.method_not_allowed(request.method, "OBJECT")
    everything = site.configuration.get("RedirectAllRequestsTo")
    if everything is not None:
        protocol = everything.get("Protocol") or request.scheme
        query = f"?{request.query}" if request.query else ""
        return site.moved(301, f"{protocol}://{everything['HostName']}{request.path}{query}")
    key = unquote(request.path)[1:]
    rule = site.find_rule(key, None)
    if rule is not None:
        return site.redirect(rule, key)
    suffix = site.configuration["IndexDocument"]["Suffix"]
    asked = key + suffix if not key or key.endswith("/") else key
    try:
        version, answer = site.read(asked)
    except ApiError as error:
        return _failed(site, key, asked, suffix, error)
    if "WebsiteRedirectLocation" in version.headers:
        return site.moved(301, version.headers["WebsiteRedirectLocation"])
    return _object_page(ctx, request, version, answer)


def _failed(site: _Site, key: str, asked: str, suffix: str, error: ApiError) -> Response:
    """What is answered instead of an object: a folder's index, a redirect, the error document, or a page of ours."""
    if error.status == 404 and key and not key.endswith("/") and _exists(site, f"{key}/{suffix}"):
        return site.moved(302, f"/{quote(key, safe='/~')}/")
    rule = site.find_rule(key, error.status)
    if rule is not None:
        return site.redirect(rule, key)
    document = site.configuration.get("ErrorDocument")
    if document is None or error.status not in (403, 404):
        return _error_page(site.ctx, error)
    try:
        version, answer = site.read(document["Key"])
    except ApiError as second:
        return _error_page(site.ctx, error, second)
    if "WebsiteRedirectLocation" in version.headers:
        return site.moved(301, version.headers["WebsiteRedirectLocation"])
    response = _object_page(site.ctx, Request("GET", "/"), version, answer)
    response.status = error.status
    return response


def _exists(site: _Site, key: str) -> bool:
    version = versions.find_latest(site.ctx, site.tx, site.bucket.name, key)
    req = {"Bucket": site.bucket.name, "Key": key}
    return (
        version is not None
        and not version.is_marker
        and access.may(site.ctx, site.tx, site.bucket, "s3:GetObject", req, version)
    )


def _object_page(ctx: Context, request: Request, version: Version, answer: dict[str, Any]) -> Response:
    conditions.check_read(_conditions(request), version, ctx.now)
    found = find_range(request.headers.get("range"), version.size_bytes)
    body = answer["Body"]
    if found is not None:
        offset, length = found
        if isinstance(body, bytes):
            body = body[offset : offset + length]
        elif isinstance(body, FileSlice):
            body = FileSlice(body.path, body.offset + offset, length)
        else:
            # Segments are read whole: pages are not made of multipart uploads.
            found = None
    encoded = codec("s3").encode("GetObject", {**answer, "Body": body}, ctx.request_id)
    if found is not None:
        offset, length = found
        encoded.status = 206
        encoded.headers.append(("Content-Range", f"bytes {offset}-{offset + length - 1}/{version.size_bytes}"))
    return encoded


def _conditions(request: Request) -> dict[str, Any]:
    headers = request.headers
    found: dict[str, Any] = {}
    for header, member in (("if-match", "IfMatch"), ("if-none-match", "IfNoneMatch")):
        if header in headers:
            found[member] = headers[header]
    return found


# --- pages --------------------------------------------------------------------------------------------------------


def _error_page(ctx: Context, error: ApiError, second: ApiError | None = None) -> Response:
    """An error in HTML, with the one that its own document met, if any."""
    title = f"{error.status} {_TITLES.get(error.status, 'Error')}"
    lines = [f"<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n<ul>"]
    lines += _details(error)
    lines += [f"<li>RequestId: {ctx.request_id}</li>", f"<li>HostId: {host_id(ctx.request_id)}</li>", "</ul>"]
    if second is not None:
        lines.append("<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>\n<ul>")
        lines += [*_details(second), "</ul>"]
    lines.append("<hr/>\n</body>\n</html>\n")
    headers = [*s3_identity(ctx.request_id), ("x-amz-error-code", error.code), ("x-amz-error-message", error.message)]
    if error.status == 304:
        return Response(304, [*headers, *(error.headers or {}).items()])
    return Response(error.status, [*headers, ("Content-Type", "text/html; charset=utf-8")], "\n".join(lines).encode())


def _details(error: ApiError) -> list[str]:
    shown = [f"<li>Code: {escape(error.code)}</li>", f"<li>Message: {escape(error.message)}</li>"]
    for name in _FIELDS:
        if error.fields and name in error.fields:
            shown.append(f"<li>{name}: {escape(str(error.fields[name]))}</li>")
    return shown
