"""Operations on cache, origin request and response headers policies.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/working-with-policies.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.cloudfront import parts
from mrak.services.cloudfront.parts import CACHE_POLICY, ORIGIN_REQUEST_POLICY, RESPONSE_HEADERS_POLICY

_DEFAULT_TTL, _LONGEST_TTL = 86_400, 31_536_000


def _cache_config(config: dict[str, Any]) -> dict[str, Any]:
    """With the times that CloudFront fills in: a default below the minimum is the minimum."""
    low = config["MinTTL"]
    usual = config.get("DefaultTTL", max(low, _DEFAULT_TTL))
    return {**config, "DefaultTTL": usual, "MaxTTL": config.get("MaxTTL", max(usual, _LONGEST_TTL))}


@operation("CreateCachePolicy")
def create_cache_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    made = parts.create(ctx, tx, CACHE_POLICY, _cache_config(req["CachePolicyConfig"]))
    return parts.answer(CACHE_POLICY, made, created=True)


@operation("GetCachePolicy")
def get_cache_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return parts.answer(CACHE_POLICY, parts.require(ctx, tx, CACHE_POLICY, req["Id"]))


@operation("GetCachePolicyConfig")
def get_cache_policy_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = parts.require(ctx, tx, CACHE_POLICY, req["Id"])
    return {"CachePolicyConfig": found.config, "ETag": found.etag}


@operation("UpdateCachePolicy")
def update_cache_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    filled = {**req, "CachePolicyConfig": _cache_config(req["CachePolicyConfig"])}
    return parts.answer(CACHE_POLICY, parts.update(ctx, tx, CACHE_POLICY, filled))


@operation("DeleteCachePolicy")
def delete_cache_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    parts.delete(ctx, tx, CACHE_POLICY, req)


@operation("ListCachePolicies")
def list_cache_policies(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"CachePolicyList": parts.policies(ctx, tx, CACHE_POLICY, req)}


@operation("CreateOriginRequestPolicy")
def create_origin_request_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    made = parts.create(ctx, tx, ORIGIN_REQUEST_POLICY, req["OriginRequestPolicyConfig"])
    return parts.answer(ORIGIN_REQUEST_POLICY, made, created=True)


@operation("GetOriginRequestPolicy")
def get_origin_request_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return parts.answer(ORIGIN_REQUEST_POLICY, parts.require(ctx, tx, ORIGIN_REQUEST_POLICY, req["Id"]))


@operation("GetOriginRequestPolicyConfig")
def get_origin_request_policy_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = parts.require(ctx, tx, ORIGIN_REQUEST_POLICY, req["Id"])
    return {"OriginRequestPolicyConfig": found.config, "ETag": found.etag}


@operation("UpdateOriginRequestPolicy")
def update_origin_request_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return parts.answer(ORIGIN_REQUEST_POLICY, parts.update(ctx, tx, ORIGIN_REQUEST_POLICY, req))


@operation("DeleteOriginRequestPolicy")
def delete_origin_request_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    parts.delete(ctx, tx, ORIGIN_REQUEST_POLICY, req)


@operation("ListOriginRequestPolicies")
def list_origin_request_policies(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"OriginRequestPolicyList": parts.policies(ctx, tx, ORIGIN_REQUEST_POLICY, req)}


@operation("CreateResponseHeadersPolicy")
def create_response_headers_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    made = parts.create(ctx, tx, RESPONSE_HEADERS_POLICY, req["ResponseHeadersPolicyConfig"])
    return parts.answer(RESPONSE_HEADERS_POLICY, made, created=True)


@operation("GetResponseHeadersPolicy")
def get_response_headers_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return parts.answer(RESPONSE_HEADERS_POLICY, parts.require(ctx, tx, RESPONSE_HEADERS_POLICY, req["Id"]))


@operation("GetResponseHeadersPolicyConfig")
def get_response_headers_policy_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = parts.require(ctx, tx, RESPONSE_HEADERS_POLICY, req["Id"])
    return {"ResponseHeadersPolicyConfig": found.config, "ETag": found.etag}


@operation("UpdateResponseHeadersPolicy")
def update_response_headers_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return parts.answer(RESPONSE_HEADERS_POLICY, parts.update(ctx, tx, RESPONSE_HEADERS_POLICY, req))


@operation("DeleteResponseHeadersPolicy")
def delete_response_headers_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    parts.delete(ctx, tx, RESPONSE_HEADERS_POLICY, req)


@operation("ListResponseHeadersPolicies")
def list_response_headers_policies(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"ResponseHeadersPolicyList": parts.policies(ctx, tx, RESPONSE_HEADERS_POLICY, req)}
