"""Cross-origin requests to buckets: the rules, preflights, and the headers of answers.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.http import Request, Response
from mrak.core.operation import dataplane, operation
from mrak.protocol.rest import unquote
from mrak.services.s3 import buckets, errors
from mrak.services.s3.tables import BUCKETS, everywhere

_METHODS = ("GET", "PUT", "HEAD", "POST", "DELETE")
_MOST_RULES = 100
_VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"
Headers = list[tuple[str, str]]


@operation("PutBucketCors", action="s3:PutBucketCORS")
def put_bucket_cors(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:PutBucketCORS")
    rules = buckets.require_hashed_document(ctx, req, "CORSConfiguration").get("CORSRules") or []
    if not 1 <= len(rules) <= _MOST_RULES:
        raise errors.malformed_xml()
    for rule in rules:
        _check_rule(rule)
    buckets.put_setting(ctx, tx, bucket, "cors", rules)


def _check_rule(rule: dict[str, Any]) -> None:
    if not rule.get("AllowedMethods") or not rule.get("AllowedOrigins"):
        raise errors.malformed_xml()
    for method in rule["AllowedMethods"]:
        if method not in _METHODS:
            message = f"Found unsupported HTTP method in CORS config. Unsupported method is {method}"
            raise errors.invalid_request(message)
    for origin in rule["AllowedOrigins"]:
        if origin.count("*") > 1:
            raise errors.invalid_request(f'AllowedOrigin "{origin}" can not have more than one wildcard.')
    for header in rule.get("AllowedHeaders") or ():
        if header.count("*") > 1:
            raise errors.invalid_request(f'AllowedHeader "{header}" can not have more than one wildcard.')
    for header in rule.get("ExposeHeaders") or ():
        if "*" in header:
            raise errors.invalid_request(
                f'ExposeHeader "{header}" contains wildcard. We currently do not support wildcard for ExposeHeader.'
            )


@operation("GetBucketCors", action="s3:GetBucketCORS")
def get_bucket_cors(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:GetBucketCORS")
    rules = buckets.find_setting(tx, ctx.scope, bucket, "cors")
    if rules is None:
        message = "The CORS configuration does not exist"
        raise errors.missing_setting("NoSuchCORSConfiguration", message, bucket.name)
    return {"CORSRules": rules}


@operation("DeleteBucketCors", action="s3:PutBucketCORS")
def delete_bucket_cors(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:PutBucketCORS")
    buckets.delete_setting(ctx, tx, bucket, "cors")


# --- browsers -----------------------------------------------------------------------------------------------------


def _find_rules(ctx: Context, tx: Transaction, name: str) -> tuple[bool, list[dict[str, Any]] | None]:
    """(whether there is such a bucket, its rules)."""
    bucket = BUCKETS.get(tx, everywhere(ctx.scope), name)
    if bucket is None:
        return False, None
    return True, buckets.find_setting(tx, ctx.scope, bucket, "cors")


@dataplane("s3.preflight")
async def preflight(ctx: Context, request: Request) -> Response:
    """The answer to OPTIONS, which needs no credentials."""
    bucket, _, key = unquote(request.path.lstrip("/")).partition("/")
    origin = request.headers.get("origin")
    method = request.headers.get("access-control-request-method")
    if origin is None:
        message = "Insufficient information. Origin request header needed."
        raise errors.error("BadRequest", message)
    kind = "OBJECT" if key else "BUCKET"
    exists, rules = await ctx.transact(lambda tx: _find_rules(ctx, tx, bucket))
    if not exists:
        raise _forbidden("CORSResponse: Bucket not found", method or "OPTIONS", "BUCKET")
    if method is not None and method not in _METHODS:
        raise errors.error("BadRequest", f"Invalid Access-Control-Request-Method: {method}")
    if rules is None:
        raise _forbidden("CORSResponse: CORS is not enabled for this bucket.", method or "OPTIONS", "BUCKET")
    if method is None:
        raise errors.error("BadRequest", "Invalid Access-Control-Request-Method: null")
    wanted = _split(request.headers.get("access-control-request-headers", ""))
    found = find_rule(rules, origin, method, wanted)
    if found is None:
        raise _forbidden(
            "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request "
            "method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the "
            "resource's CORS spec.",
            method,
            kind,
        )
    headers = identity_headers(ctx)
    headers += render(found, origin)
    if wanted:
        headers.append(("Access-Control-Allow-Headers", ", ".join(wanted)))
    return Response(200, headers)


def identity_headers(ctx: Context) -> Headers:
    from mrak.protocol.rest_xml import s3_identity

    return s3_identity(ctx.request_id)


def _forbidden(message: str, method: str, resource_type: str) -> ApiError:
    return errors.error("AccessForbidden", message, Method=method, ResourceType=resource_type)


def _split(text: str) -> list[str]:
    return [each.strip().lower() for each in text.split(",") if each.strip()]


@dataplane("s3.cors")
async def allow(ctx: Context, request: Request, response: Response) -> Response:
    """The answer to a request with an Origin, with the headers that the bucket's rules give it."""
    bucket, origin = unquote(request.path.lstrip("/")).partition("/")[0], request.headers["origin"]
    if request.method == "OPTIONS" or not bucket:
        return response
    _, rules = await ctx.transact(lambda tx: _find_rules(ctx, tx, bucket))
    method = request.headers.get("access-control-request-method", request.method)
    wanted = _split(request.headers.get("access-control-request-headers", ""))
    found = find_rule(rules or [], origin, method, wanted)
    if found is not None:
        response.headers += render(found, origin)
    return response


def find_rule(rules: list[dict[str, Any]], origin: str, method: str, headers: list[str]) -> dict[str, Any] | None:
    """The first rule that allows the origin, the method and all of the headers."""
    for rule in rules:
        if (
            method in rule["AllowedMethods"]
            and any(_matches(pattern, origin) for pattern in rule["AllowedOrigins"])
            and all(
                any(_matches(pattern.lower(), header) for pattern in rule.get("AllowedHeaders") or ())
                for header in headers
            )
        ):
            return rule
    return None


def _matches(pattern: str, text: str) -> bool:
    before, star, after = pattern.partition("*")
    if not star:
        return pattern == text
    return len(text) >= len(before) + len(after) and text.startswith(before) and text.endswith(after)


def render(rule: dict[str, Any], origin: str) -> Headers:
    anybody = "*" in rule["AllowedOrigins"]
    headers: Headers = [
        ("Access-Control-Allow-Origin", "*" if anybody else origin),
        ("Access-Control-Allow-Methods", ", ".join(rule["AllowedMethods"])),
    ]
    if not anybody:
        headers.append(("Access-Control-Allow-Credentials", "true"))
    if rule.get("ExposeHeaders"):
        headers.append(("Access-Control-Expose-Headers", ", ".join(rule["ExposeHeaders"])))
    if "MaxAgeSeconds" in rule:
        headers.append(("Access-Control-Max-Age", str(rule["MaxAgeSeconds"])))
    headers.append(("Vary", _VARY))
    return headers
