"""A distribution's configuration: the defaults that CloudFront fills in, and what it refuses.

https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_DistributionConfig.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from mrak.services.cloudfront import errors

ERROR_CODES = frozenset({400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504})
_RESPONSE_CODES = frozenset(str(code) for code in (200, *ERROR_CODES))
_DEFAULT_METHODS = {
    "Quantity": 2,
    "Items": ["HEAD", "GET"],
    "CachedMethods": {"Quantity": 2, "Items": ["HEAD", "GET"]},
}
_METHODS = (
    {"GET", "HEAD"},
    {"GET", "HEAD", "OPTIONS"},
    {"GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"},
)
_ROOT_OBJECT = re.compile(r"[A-Za-z0-9_\-.*$/~\"'&]{1,255}")
# Buckets by AWS's names and by those that they have here.
_S3_HOST = re.compile(
    r"(?P<bucket>.+)\.s3(?:[.-](?:dualstack\.)?[a-z]{2}(?:-gov)?-[a-z]+-\d)?"
    r"\.(?:amazonaws\.com|localhost|localhost\.localstack\.cloud|[a-z0-9-]+\.localhost)(?::\d+)?"
)
MOST_BEHAVIORS = 75
MOST_ORIGINS = 100
MOST_ALIASES = 100

_NOTHING: dict[str, Any] = {"Quantity": 0}


def find_bucket(domain: str) -> str | None:
    """The bucket that an S3 REST origin names."""
    found = _S3_HOST.fullmatch(domain)
    return found["bucket"] if found else None


def items(list_of: dict[str, Any] | None) -> list[Any]:
    """The Items of one of CloudFront's {Quantity, Items}."""
    return [] if list_of is None else list_of.get("Items") or []


def behaviors(config: dict[str, Any]) -> list[dict[str, Any]]:
    """All behaviours, the default one last."""
    return [*items(config.get("CacheBehaviors")), config["DefaultCacheBehavior"]]


def fill(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration as CloudFront shows it after a creation or update."""
    return {
        "Aliases": _NOTHING,
        "DefaultRootObject": "",
        "OriginGroups": _NOTHING,
        "CustomErrorResponses": _NOTHING,
        "Comment": "",
        "Logging": {"Enabled": False, "IncludeCookies": False, "Bucket": "", "Prefix": ""},
        "PriceClass": "PriceClass_All",
        "ViewerCertificate": {
            "CloudFrontDefaultCertificate": True,
            "SSLSupportMethod": "vip",
            "MinimumProtocolVersion": "TLSv1",
            "CertificateSource": "cloudfront",
        },
        "Restrictions": {"GeoRestriction": {"RestrictionType": "none", "Quantity": 0}},
        "WebACLId": "",
        "HttpVersion": "http2",
        "IsIPV6Enabled": False,
        "ContinuousDeploymentPolicyId": "",
        "Staging": False,
        **config,
        "Origins": {**config["Origins"], "Items": [_fill_origin(origin) for origin in items(config["Origins"])]},
        "DefaultCacheBehavior": _fill_behavior(config["DefaultCacheBehavior"]),
        "CacheBehaviors": _fill_behaviors(config.get("CacheBehaviors")),
    }


def _fill_behaviors(given: dict[str, Any] | None) -> dict[str, Any]:
    found = items(given)
    return {"Quantity": len(found), "Items": [_fill_behavior(one) for one in found]} if found else _NOTHING


def _fill_origin(origin: dict[str, Any]) -> dict[str, Any]:
    filled: dict[str, Any] = {
        "OriginPath": "",
        "CustomHeaders": _NOTHING,
        "ConnectionAttempts": 3,
        "ConnectionTimeout": 10,
        "OriginShield": {"Enabled": False},
        "OriginAccessControlId": "",
        **origin,
    }
    if "CustomOriginConfig" in origin:
        filled["CustomOriginConfig"] = {
            "OriginSslProtocols": {"Quantity": 3, "Items": ["TLSv1", "TLSv1.1", "TLSv1.2"]},
            "OriginReadTimeout": 30,
            "OriginKeepaliveTimeout": 5,
            **origin["CustomOriginConfig"],
        }
    return filled


def _fill_behavior(behavior: dict[str, Any]) -> dict[str, Any]:
    filled: dict[str, Any] = {
        "TrustedSigners": {"Enabled": False, "Quantity": 0},
        "TrustedKeyGroups": {"Enabled": False, "Quantity": 0},
        "SmoothStreaming": False,
        "Compress": False,
        "LambdaFunctionAssociations": _NOTHING,
        "FunctionAssociations": _NOTHING,
        "FieldLevelEncryptionId": "",
        **behavior,
    }
    methods = {**_DEFAULT_METHODS, **behavior.get("AllowedMethods", {})}
    filled["AllowedMethods"] = methods
    if "ForwardedValues" in behavior:
        values = {"Headers": _NOTHING, "QueryStringCacheKeys": _NOTHING, **behavior["ForwardedValues"]}
        filled |= {"MinTTL": 0, "DefaultTTL": 86_400, "MaxTTL": 31_536_000, "ForwardedValues": values}
        filled |= {name: behavior[name] for name in ("MinTTL", "DefaultTTL", "MaxTTL") if name in behavior}
    return filled


def check(config: dict[str, Any]) -> None:
    """Raises what CloudFront says about a configuration by itself, before it looks at what that names."""
    _check_quantities(config)
    _check_origins(config)
    targets = {origin["Id"] for origin in items(config["Origins"])}
    targets |= {group["Id"] for group in items(config.get("OriginGroups"))}
    if len(items(config.get("CacheBehaviors"))) > MOST_BEHAVIORS:
        raise errors.too_many("TooManyCacheBehaviors", "cache behaviors")
    if len(items(config.get("Aliases"))) > MOST_ALIASES:
        raise errors.too_many("TooManyDistributionCNAMEs", "CNAMEs")
    for behavior in behaviors(config):
        if behavior["TargetOriginId"] not in targets:
            raise errors.no_such_origin()
        _check_behavior(behavior)
    root = config.get("DefaultRootObject", "")
    if root and (root.startswith("/") or not _ROOT_OBJECT.fullmatch(root)):
        raise errors.invalid_root_object()
    _check_error_responses(config)


def _check_quantities(value: Any) -> None:
    """Quantity is repeated everywhere, and has to be right everywhere."""
    if isinstance(value, list):
        for entry in value:
            _check_quantities(entry)
    elif isinstance(value, dict):
        if "Quantity" in value and value["Quantity"] != len(value.get("Items") or ()):
            raise errors.inconsistent_quantities()
        for entry in value.values():
            _check_quantities(entry)


def _check_origins(config: dict[str, Any]) -> None:
    origins = items(config["Origins"])
    if not origins:
        raise errors.invalid_argument("The parameter Origins is required.")
    if len(origins) > MOST_ORIGINS:
        raise errors.too_many("TooManyOrigins", "origins")
    if len({origin["Id"] for origin in origins}) != len(origins):
        raise errors.invalid_argument("The parameter Origin Id must be unique.")
    for origin in origins:
        _check_origin(origin)
    known = {origin["Id"] for origin in origins}
    for group in items(config.get("OriginGroups")):
        if any(member["OriginId"] not in known for member in items(group["Members"])):
            raise errors.no_such_origin()


def _check_origin(origin: dict[str, Any]) -> None:
    domain = origin["DomainName"]
    if "/" in domain or "@" in domain or urlsplit(f"//{domain}").hostname is None:
        raise errors.invalid_argument("The parameter origin name cannot contain a colon or a slash.")
    path = origin.get("OriginPath", "")
    if path and (not path.startswith("/") or path.endswith("/")):
        raise errors.invalid_argument("The parameter OriginPath must begin with a slash and must not end with one.")
    kinds = [name for name in ("S3OriginConfig", "CustomOriginConfig", "VpcOriginConfig") if name in origin]
    if len(kinds) != 1:
        raise errors.invalid_argument("The specified origin must have exactly one kind of origin configuration.")
    if "VpcOriginConfig" in origin:
        raise errors.invalid_argument("VPC origins are not available in this environment.")
    if "S3OriginConfig" in origin and find_bucket(domain) is None:
        raise errors.invalid_s3_origin()
    if origin.get("OriginAccessControlId") and origin.get("S3OriginConfig", {}).get("OriginAccessIdentity"):
        raise errors.invalid_argument(
            "An origin can't have both an origin access control and an origin access identity."
        )


def _check_behavior(behavior: dict[str, Any]) -> None:
    if "CachePolicyId" in behavior and "ForwardedValues" in behavior:
        raise errors.invalid_argument(
            "The parameter ForwardedValues cannot be used when a cache policy is associated to the cache behavior."
        )
    if "CachePolicyId" not in behavior and "ForwardedValues" not in behavior:
        raise errors.invalid_argument("The parameter ForwardedValues is required.")
    if behavior.get("OriginRequestPolicyId") and "CachePolicyId" not in behavior:
        raise errors.invalid_argument(
            "The parameter OriginRequestPolicyId cannot be used without a cache policy in the cache behavior."
        )
    methods = set(items(behavior.get("AllowedMethods", _DEFAULT_METHODS)))
    if methods not in _METHODS:
        raise errors.invalid_argument("The parameter AllowedMethods contains methods that are not allowed together.")
    ttls = [behavior[name] for name in ("MinTTL", "DefaultTTL", "MaxTTL") if name in behavior]
    if ttls != sorted(ttls):
        raise errors.invalid_argument("The parameter MinTTL must be at most DefaultTTL, and that at most MaxTTL.")
    if behavior.get("TrustedSigners", {}).get("Enabled"):
        # Accounts' own key pairs, which AWS advises against too; to ignore them would let everybody in.
        raise errors.invalid_argument("Trusted signers are not available in this environment. Use trusted key groups.")
    if items(behavior.get("LambdaFunctionAssociations")):
        raise errors.edge_functions_not_built()
    kinds = [association["EventType"] for association in items(behavior.get("FunctionAssociations"))]
    if len(set(kinds)) != len(kinds) or not set(kinds) <= {"viewer-request", "viewer-response"}:
        raise errors.invalid_function_association(
            "The function association must be for viewer-request or viewer-response, each at most once."
        )


def _check_error_responses(config: dict[str, Any]) -> None:
    for response in items(config.get("CustomErrorResponses")):
        if response["ErrorCode"] not in ERROR_CODES:
            raise errors.invalid_error_code()
        page, code = response.get("ResponsePagePath", ""), response.get("ResponseCode", "")
        if bool(page) != bool(code) or (code and code not in _RESPONSE_CODES):
            raise errors.invalid_response_code()
        if page and not page.startswith("/"):
            raise errors.invalid_argument("The parameter ResponsePagePath must begin with a slash.")


def references(config: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(kind, id or ARN) of all that a configuration names."""
    for origin in items(config["Origins"]):
        if origin.get("OriginAccessControlId"):
            yield "origin-access-control", origin["OriginAccessControlId"]
        identity = origin.get("S3OriginConfig", {}).get("OriginAccessIdentity", "")
        if identity:
            yield "origin-access-identity", identity.removeprefix("origin-access-identity/cloudfront/")
    for behavior in behaviors(config):
        for member, kind in _REFERENCES:
            if behavior.get(member):
                yield kind, behavior[member]
        for group in items(behavior.get("TrustedKeyGroups")):
            yield "key-group", group
        for association in items(behavior.get("FunctionAssociations")):
            yield "function", association["FunctionARN"]


_REFERENCES = (
    ("CachePolicyId", "cache-policy"),
    ("OriginRequestPolicyId", "origin-request-policy"),
    ("ResponseHeadersPolicyId", "response-headers-policy"),
    ("RealtimeLogConfigArn", "realtime-log"),
)
