"""Headers that a response headers policy gives, replaces and takes away.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/understanding-response-headers-policies.html
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from mrak.core.http import Response
from mrak.services.cloudfront.configs import items
from mrak.services.cloudfront.plane.cache import find_header
from mrak.services.cloudfront.plane.delivery import set_header
from mrak.services.cloudfront.plane.selection import Viewed


def apply(policy: dict[str, Any], viewed: Viewed, response: Response) -> None:
    """In CloudFront's order: what is removed, then CORS, security and custom headers."""
    removed = {header["Header"].lower() for header in items(policy.get("RemoveHeadersConfig"))}
    response.headers = [pair for pair in response.headers if pair[0].lower() not in removed]
    if "CorsConfig" in policy:
        _apply_cors(policy["CorsConfig"], viewed, response)
    for name, value, override in _security_headers(policy.get("SecurityHeadersConfig", {})):
        _give(response, name, value, override)
    for header in items(policy.get("CustomHeadersConfig")):
        _give(response, header["Header"], header["Value"], header["Override"])


def _give(response: Response, name: str, value: str, override: bool) -> None:
    if override or find_header(response.headers, name.lower()) is None:
        set_header(response.headers, name, value)


def _apply_cors(cors: dict[str, Any], viewed: Viewed, response: Response) -> None:
    """Only for requests of pages; an origin's own CORS headers stay unless the policy overrides them."""
    origin = viewed.headers.get("origin")
    if origin is None:
        return
    override = cors["OriginOverride"]
    if not override and find_header(response.headers, "access-control-allow-origin") is not None:
        return
    if override:
        kept = [pair for pair in response.headers if not pair[0].lower().startswith("access-control-")]
        response.headers = kept
    credentials = cors["AccessControlAllowCredentials"]
    allowed = items(cors["AccessControlAllowOrigins"])
    if "*" in allowed:
        _give(response, "Access-Control-Allow-Origin", origin if credentials else "*", True)
    elif any(_fits(origin, pattern) for pattern in allowed):
        _give(response, "Access-Control-Allow-Origin", origin, True)
        _give(response, "Vary", "Origin", False)
    else:
        return
    if credentials:
        _give(response, "Access-Control-Allow-Credentials", "true", True)
    exposed = items(cors.get("AccessControlExposeHeaders"))
    if exposed:
        _give(response, "Access-Control-Expose-Headers", ", ".join(exposed), True)
    if viewed.method == "OPTIONS" and "access-control-request-method" in viewed.headers:
        _apply_preflight(cors, viewed, response)


def _apply_preflight(cors: dict[str, Any], viewed: Viewed, response: Response) -> None:
    methods = items(cors["AccessControlAllowMethods"])
    if "ALL" in methods:
        methods = ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"]
    _give(response, "Access-Control-Allow-Methods", ", ".join(methods), True)
    headers = items(cors["AccessControlAllowHeaders"])
    if headers == ["*"]:
        headers = [viewed.headers.get("access-control-request-headers", "*")]
    _give(response, "Access-Control-Allow-Headers", ", ".join(headers), True)
    if "AccessControlMaxAgeSec" in cors:
        _give(response, "Access-Control-Max-Age", str(cors["AccessControlMaxAgeSec"]), True)


def _fits(origin: str, pattern: str) -> bool:
    """`https://*.example.com` is any one host below it; a pattern without a scheme takes any."""
    if "://" not in pattern:
        origin = origin.partition("://")[2]
    literal = pattern.replace("[", "[[]").replace("?", "[?]")
    return fnmatchcase(origin.lower(), literal.lower())


def _security_headers(config: dict[str, Any]) -> list[tuple[str, str, bool]]:
    found: list[tuple[str, str, bool]] = []
    if "XSSProtection" in config:
        told = config["XSSProtection"]
        value = "1" if told["Protection"] else "0"
        value += "; mode=block" if told.get("ModeBlock") else ""
        value += f"; report={told['ReportUri']}" if told.get("ReportUri") else ""
        found.append(("X-XSS-Protection", value, told["Override"]))
    for member, name in (
        ("FrameOptions", "X-Frame-Options"),
        ("ReferrerPolicy", "Referrer-Policy"),
        ("ContentSecurityPolicy", "Content-Security-Policy"),
    ):
        if member in config:
            told = config[member]
            found.append((name, told[member.replace("Options", "Option")], told["Override"]))
    if "ContentTypeOptions" in config:
        found.append(("X-Content-Type-Options", "nosniff", config["ContentTypeOptions"]["Override"]))
    if "StrictTransportSecurity" in config:
        told = config["StrictTransportSecurity"]
        value = f"max-age={told['AccessControlMaxAgeSec']}"
        value += "; includeSubDomains" if told.get("IncludeSubdomains") else ""
        value += "; preload" if told.get("Preload") else ""
        found.append(("Strict-Transport-Security", value, told["Override"]))
    return found
