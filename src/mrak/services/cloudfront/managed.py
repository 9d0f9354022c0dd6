"""AWS's managed policies, which every account has under the same ids.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-origin-request-policies.html
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-response-headers-policies.html
"""

from __future__ import annotations

from typing import Any

from mrak.services.cloudfront.tables import Part

_AT = 1_585_699_200.0
_YEAR = 31_536_000
_AMPLIFY_HEADERS = ("Authorization", "CloudFront-Viewer-Country", "Host")
_ORIGIN_CONTROLLED_HEADERS = (
    "Host", "Origin", "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override",
)  # fmt: skip


def _items(*names: str) -> dict[str, Any]:
    return {"Quantity": len(names), "Items": list(names)}


def _cache(
    name: str,
    ttls: tuple[int, int, int],
    headers: tuple[str, ...] = (),
    queries: str | tuple[str, ...] = "none",
    cookies: str = "none",
    encodings: tuple[bool, bool] = (True, True),
) -> dict[str, Any]:
    query: dict[str, Any] = {"QueryStringBehavior": queries}
    if isinstance(queries, tuple):
        query = {"QueryStringBehavior": "whitelist", "QueryStrings": _items(*queries)}
    header: dict[str, Any] = {"HeaderBehavior": "none"}
    if headers:
        header = {"HeaderBehavior": "whitelist", "Headers": _items(*headers)}
    return {
        "Name": f"Managed-{name}",
        "Comment": "",
        "MinTTL": ttls[0],
        "DefaultTTL": ttls[1],
        "MaxTTL": ttls[2],
        "ParametersInCacheKeyAndForwardedToOrigin": {
            "EnableAcceptEncodingGzip": encodings[0],
            "EnableAcceptEncodingBrotli": encodings[1],
            "HeadersConfig": header,
            "CookiesConfig": {"CookieBehavior": cookies},
            "QueryStringsConfig": query,
        },
    }


def _request(name: str, headers: dict[str, Any], cookies: str = "none", queries: str = "none") -> dict[str, Any]:
    return {
        "Name": f"Managed-{name}",
        "Comment": "",
        "HeadersConfig": headers,
        "CookiesConfig": {"CookieBehavior": cookies},
        "QueryStringsConfig": {"QueryStringBehavior": queries},
    }


def _listed(behavior: str, *names: str) -> dict[str, Any]:
    return {"HeaderBehavior": behavior, "Headers": _items(*names)}


def _cors(*, preflight: bool) -> dict[str, Any]:
    methods = ("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS") if preflight else ("GET", "HEAD")
    cors = {
        "AccessControlAllowOrigins": _items("*"),
        "AccessControlAllowHeaders": _items("*"),
        "AccessControlAllowMethods": _items(*methods),
        "AccessControlAllowCredentials": False,
        "OriginOverride": False,
    }
    return cors | {"AccessControlExposeHeaders": _items("*")} if preflight else cors


_SECURITY = {
    "XSSProtection": {"Override": False, "Protection": True, "ModeBlock": True},
    "FrameOptions": {"Override": False, "FrameOption": "SAMEORIGIN"},
    "ReferrerPolicy": {"Override": False, "ReferrerPolicy": "strict-origin-when-cross-origin"},
    "ContentTypeOptions": {"Override": True},
    "StrictTransportSecurity": {"Override": False, "AccessControlMaxAgeSec": _YEAR},
}


def _response(name: str, cors: dict[str, Any] | None, security: dict[str, Any] | None) -> dict[str, Any]:
    config: dict[str, Any] = {"Name": f"Managed-{name}", "Comment": ""}
    if cors is not None:
        config["CorsConfig"] = cors
    if security is not None:
        config["SecurityHeadersConfig"] = security
    return config


_USUAL = (1, 86_400, _YEAR)
_CACHE = {
    "658327ea-f89d-4fab-a63d-7e88639e58f6": _cache("CachingOptimized", _USUAL),
    "b2884449-e4de-46a7-ac36-70bc7f1ddd6d": _cache(
        "CachingOptimizedForUncompressedObjects", _USUAL, encodings=(False, False)
    ),
    "4135ea2d-6df8-44a3-9df3-4b5a84be39ad": _cache("CachingDisabled", (0, 0, 0), encodings=(False, False)),
    "08627262-05a9-4f76-9ded-b50ca2e3a84f": _cache(
        "Elemental-MediaPackage", (0, 86_400, _YEAR), ("Origin",), ("aws.manifestfilter", "start", "end", "m"),
        encodings=(True, False),
    ),
    "2e54312d-136d-493c-8eb9-b001f22f67d2": _cache("Amplify", (2, 2, 600), _AMPLIFY_HEADERS, "all", "all"),
    "83da9c7e-98b4-4e11-a168-04f0df8e2c65": _cache(
        "UseOriginCacheControlHeaders", (0, 0, _YEAR), _ORIGIN_CONTROLLED_HEADERS, "none", "all"
    ),
    "4cc15a8a-d715-48a4-82b8-cc0b614638fe": _cache(
        "UseOriginCacheControlHeaders-QueryStrings", (0, 0, _YEAR), _ORIGIN_CONTROLLED_HEADERS, "all", "all"
    ),
}  # fmt: skip
_REQUEST = {
    "216adef6-5c7f-47e4-b989-5492eafa07d3": _request("AllViewer", {"HeaderBehavior": "allViewer"}, "all", "all"),
    "33f36d7e-f396-46d9-90e0-52428a34d9dc": _request(
        "AllViewerAndCloudFrontHeaders-2022-06",
        _listed(
            "allViewerAndWhitelistCloudFront", "CloudFront-Forwarded-Proto", "CloudFront-Is-Android-Viewer",
            "CloudFront-Is-Desktop-Viewer", "CloudFront-Is-IOS-Viewer", "CloudFront-Is-Mobile-Viewer",
            "CloudFront-Is-SmartTV-Viewer", "CloudFront-Is-Tablet-Viewer", "CloudFront-Viewer-Address",
            "CloudFront-Viewer-ASN", "CloudFront-Viewer-City", "CloudFront-Viewer-Country",
            "CloudFront-Viewer-Country-Name", "CloudFront-Viewer-Country-Region",
            "CloudFront-Viewer-Country-Region-Name", "CloudFront-Viewer-Http-Version", "CloudFront-Viewer-Latitude",
            "CloudFront-Viewer-Longitude", "CloudFront-Viewer-Metro-Code", "CloudFront-Viewer-Postal-Code",
            "CloudFront-Viewer-Time-Zone", "CloudFront-Viewer-TLS",
        ), "all", "all",
    ),
    "b689b0a8-53d0-40ab-baf2-68738e2966ac": _request(
        "AllViewerExceptHostHeader", _listed("allExcept", "host"), "all", "all"
    ),
    "59781a5b-3903-41f3-afcb-af62929ccde1": _request("CORS-CustomOrigin", _listed("whitelist", "origin")),
    "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf": _request(
        "CORS-S3Origin",
        _listed("whitelist", "origin", "access-control-request-headers", "access-control-request-method"),
    ),
    "acba4595-bd28-49b8-b9fe-13317c0390fa": _request(
        "UserAgentRefererHeaders", _listed("whitelist", "user-agent", "referer")
    ),
}  # fmt: skip
_RESPONSE = {
    "60669652-455b-4ae9-85a4-c4c02393f86c": _response("SimpleCORS", _cors(preflight=False), None),
    "5cc3b908-e619-4b99-88e5-2cf7f45965bd": _response("CORS-With-Preflight", _cors(preflight=True), None),
    "67f7725c-6f97-4210-82d7-5512b31e9d03": _response("SecurityHeadersPolicy", None, _SECURITY),
    "e61eb60c-9c35-4d20-a928-2b84e02af89c": _response(
        "CORS-and-SecurityHeadersPolicy", _cors(preflight=False), _SECURITY
    ),
    "eaab4381-ed33-4a86-88ca-d9558dc6cd63": _response(
        "CORS-with-preflight-and-SecurityHeadersPolicy", _cors(preflight=True), _SECURITY
    ),
}


def _parts(kind: str, configs: dict[str, dict[str, Any]]) -> dict[str, Part]:
    return {
        part_id: Part(
            kind=kind,
            id=part_id,
            name=config["Name"],
            etag="E23ZP02F085DFQ",
            config=config,
            created_at=_AT,
            modified_at=_AT,
        )
        for part_id, config in configs.items()
    }


MANAGED = {
    "cache-policy": _parts("cache-policy", _CACHE),
    "origin-request-policy": _parts("origin-request-policy", _REQUEST),
    "response-headers-policy": _parts("response-headers-policy", _RESPONSE),
}


def find_managed(kind: str, part_id: str) -> Part | None:
    return MANAGED.get(kind, {}).get(part_id)
