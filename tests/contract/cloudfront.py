"""What tests of CloudFront share: distributions, buckets behind them, requests to them."""

from __future__ import annotations

import uuid
from typing import Any

from tests.contract.apigateway import Answer, fetch

OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
ALL_VIEWER_EXCEPT_HOST = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
ALL_METHODS = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]


def listed(*entries: Any) -> dict[str, Any]:
    """CloudFront's {Quantity, Items}."""
    return {"Quantity": len(entries), "Items": list(entries)} if entries else {"Quantity": 0}


def behavior(origin: str = "origin", **settings: Any) -> dict[str, Any]:
    given = {"TargetOriginId": origin, "ViewerProtocolPolicy": "allow-all", **settings}
    if "ForwardedValues" not in given:
        given.setdefault("CachePolicyId", OPTIMIZED)
    return given


def all_methods() -> dict[str, Any]:
    return {**listed(*ALL_METHODS), "CachedMethods": listed("GET", "HEAD")}


def bucket_origin(bucket: str, control: str = "", **settings: Any) -> dict[str, Any]:
    return {
        "Id": "origin",
        "DomainName": f"{bucket}.s3.us-east-1.amazonaws.com",
        "S3OriginConfig": {"OriginAccessIdentity": ""},
        "OriginAccessControlId": control,
        **settings,
    }


def server_origin(url: str, **settings: Any) -> dict[str, Any]:
    host, _, port = url.removeprefix("http://").partition(":")
    return {
        "Id": "origin",
        "DomainName": host,
        "CustomOriginConfig": {
            "HTTPPort": int(port or 80),
            "HTTPSPort": 443,
            "OriginProtocolPolicy": "http-only",
        },
        **settings,
    }


def config(*origins: dict[str, Any], default: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    return {
        "CallerReference": uuid.uuid4().hex,
        "Comment": "",
        "Enabled": True,
        "Origins": listed(*origins),
        "DefaultCacheBehavior": default or behavior(),
        **settings,
    }


class Site:
    """A distribution as its viewers see it."""

    def __init__(self, client: Any, **given: Any) -> None:
        self.client = client
        made = client.create_distribution(DistributionConfig=given)
        self.id: str = made["Distribution"]["Id"]
        self.arn: str = made["Distribution"]["ARN"]
        self.url: str = "http://" + made["Distribution"]["DomainName"]

    def get(self, path: str = "/", method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return fetch(self.url + path, method, body, named)

    def cache_status(self, path: str, **headers: str) -> str:
        return str(self.get(path, **headers).headers["X-Cache"].partition(" ")[0])

    def invalidate(self, *paths: str) -> str:
        made = self.client.create_invalidation(
            DistributionId=self.id,
            InvalidationBatch={"Paths": listed(*paths), "CallerReference": uuid.uuid4().hex},
        )
        return str(made["Invalidation"]["Id"])
