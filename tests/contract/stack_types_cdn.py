"""Resource types of CloudFront, each with a small template."""

from __future__ import annotations

from tests.contract.stack_types import Case, of, ref, resource


def _cdn(operation: str, *path: str):  # type: ignore[no-untyped-def]
    return of(lambda client, o: getattr(client("cloudfront"), operation)(Id=o["Ref"]), *path)


def _distribution(comment: str) -> dict[str, object]:
    return {
        "DistributionConfig": {
            "Enabled": True,
            "Comment": comment,
            "Origins": [
                {"Id": "o", "DomainName": "example.com", "CustomOriginConfig": {"OriginProtocolPolicy": "https-only"}}
            ],
            "DefaultCacheBehavior": {
                "TargetOriginId": "o",
                "ViewerProtocolPolicy": "allow-all",
                "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
            },
        }
    }


def _cache_policy(seconds: int) -> dict[str, object]:
    nothing = {"CookieBehavior": "none"}, {"HeaderBehavior": "none"}, {"QueryStringBehavior": "none"}
    forwarded = dict(zip(("CookiesConfig", "HeadersConfig", "QueryStringsConfig"), nothing, strict=True))
    forwarded |= {"EnableAcceptEncodingGzip": True}  # type: ignore[dict-item]
    config = {
        "Name": "mine",
        "MinTTL": 0,
        "DefaultTTL": seconds,
        "MaxTTL": 900,
        "ParametersInCacheKeyAndForwardedToOrigin": forwarded,
    }
    return {"CachePolicyConfig": config}


def _origin_policy(comment: str) -> dict[str, object]:
    config = {
        "Name": "mine", "Comment": comment, "CookiesConfig": {"CookieBehavior": "none"},
        "HeadersConfig": {"HeaderBehavior": "none"}, "QueryStringsConfig": {"QueryStringBehavior": "all"},
    }  # fmt: skip
    return {"OriginRequestPolicyConfig": config}


PEM = (
    "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAu1SU1LfVLPHCozMxH2Mo\n"
    "4lgOEePzNm0tRgeLezV6ffAt0gunVTLw7onLRnrq0/IzW7yWR7QkrmBL7jTKEn5u\n"
    "+qKhbwKfBstIs+bMY2Zkp18gnTxKLxoS2tFczGkPLPgizskuemMghRniWaoLcyeh\n"
    "kd3qqGElvW/VDL5AaWTg0nLVkjRo9z+40RQzuVaE8AkAFmxZzow3x+VJYKdjykkJ\n"
    "0iT9wCS0DRTXu269V264Vf/3jvredZiKRkgwlL9xNAwxXFg0x/XFw005UWVRIkdg\n"
    "cKWTjpBP2dPwVZ4WWC+9aGVd+Gyn1o0CLelf4rEjGoXbAAEgAqeGUxrcIlbjXfbc\nmwIDAQAB\n-----END PUBLIC KEY-----\n"
)
PUBLIC_KEY = {
    "Key": resource("CloudFront::PublicKey", PublicKeyConfig={"Name": "k", "EncodedKey": PEM, "CallerReference": "r"})
}

_LOGGED: dict[str, object] = {
    "Name": "live",
    "Fields": ["timestamp", "sc-status"],
    "EndPoints": [
        {
            "StreamType": "Kinesis",
            "KinesisStreamConfig": {
                "RoleArn": "arn:aws:iam::123456789012:role/r",
                "StreamArn": "arn:aws:kinesis:us-east-1:123456789012:stream/s",
            },
        }
    ],
}

CASES = [
    Case(
        "AWS::CloudFront::CachePolicy",
        _cache_policy(60),
        _cdn("get_cache_policy", "CachePolicy", "CachePolicyConfig", "DefaultTTL"),
        60,
        _cache_policy(61),
        61,
        ("Id", "LastModifiedTime"),
    ),
    Case(
        "AWS::CloudFront::CloudFrontOriginAccessIdentity",
        {"CloudFrontOriginAccessIdentityConfig": {"Comment": "a"}},
        _cdn(
            "get_cloud_front_origin_access_identity",
            "CloudFrontOriginAccessIdentity",
            "CloudFrontOriginAccessIdentityConfig",
            "Comment",
        ),
        "a",
        {"CloudFrontOriginAccessIdentityConfig": {"Comment": "b"}},
        "b",
        ("S3CanonicalUserId", "Id"),
    ),
    Case(
        "AWS::CloudFront::Distribution",
        _distribution("a"),
        _cdn("get_distribution", "Distribution", "DistributionConfig", "Comment"),
        "a",
        _distribution("b"),
        "b",
        ("DomainName", "Id"),
    ),
    Case(
        "AWS::CloudFront::Function",
        {
            "Name": "fn",
            "FunctionCode": "function handler(e){return e.request}",
            "AutoPublish": True,
            "FunctionConfig": {"Comment": "a", "Runtime": "cloudfront-js-2.0"},
        },
        of(
            lambda client, o: client("cloudfront").describe_function(Name="fn", Stage="LIVE"),
            "FunctionSummary",
            "FunctionConfig",
            "Comment",
        ),
        "a",
        {
            "Name": "fn",
            "FunctionCode": "function handler(e){return e.request}",
            "AutoPublish": True,
            "FunctionConfig": {"Comment": "b", "Runtime": "cloudfront-js-2.0"},
        },
        "b",
        ("FunctionARN", "FunctionMetadata.FunctionARN", "Stage"),
    ),
    Case(
        "AWS::CloudFront::KeyGroup",
        {"KeyGroupConfig": {"Name": "g", "Comment": "a", "Items": [ref("Key")]}},
        _cdn("get_key_group", "KeyGroup", "KeyGroupConfig", "Comment"),
        "a",
        {"KeyGroupConfig": {"Name": "g", "Comment": "b", "Items": [ref("Key")]}},
        "b",
        ("Id", "LastModifiedTime"),
        needs=PUBLIC_KEY,
    ),
    Case(
        "AWS::CloudFront::KeyValueStore",
        {"Name": "store", "Comment": "a"},
        of(lambda client, o: client("cloudfront").describe_key_value_store(Name="store"), "KeyValueStore", "Comment"),
        "a",
        {"Name": "store", "Comment": "b"},
        "b",
        ("Arn", "Id", "Status"),
    ),
    Case(
        "AWS::CloudFront::RealtimeLogConfig",
        _LOGGED | {"SamplingRate": 5},
        of(
            lambda client, o: client("cloudfront").get_realtime_log_config(Name="live"),
            "RealtimeLogConfig",
            "SamplingRate",
        ),
        5,
        _LOGGED | {"SamplingRate": 50},
        50,
        ("Arn",),
    ),
    Case(
        "AWS::CloudFront::OriginAccessControl",
        {
            "OriginAccessControlConfig": {
                "Name": "o",
                "Description": "a",
                "OriginAccessControlOriginType": "s3",
                "SigningBehavior": "always",
                "SigningProtocol": "sigv4",
            }
        },
        _cdn("get_origin_access_control", "OriginAccessControl", "OriginAccessControlConfig", "Description"),
        "a",
        {
            "OriginAccessControlConfig": {
                "Name": "o",
                "Description": "b",
                "OriginAccessControlOriginType": "s3",
                "SigningBehavior": "always",
                "SigningProtocol": "sigv4",
            }
        },
        "b",
        ("Id",),
    ),
    Case(
        "AWS::CloudFront::OriginRequestPolicy",
        _origin_policy("a"),
        _cdn("get_origin_request_policy", "OriginRequestPolicy", "OriginRequestPolicyConfig", "Comment"),
        "a",
        _origin_policy("b"),
        "b",
        ("Id", "LastModifiedTime"),
    ),
    Case(
        "AWS::CloudFront::PublicKey",
        {"PublicKeyConfig": {"Name": "k", "EncodedKey": PEM, "CallerReference": "r", "Comment": "a"}},
        _cdn("get_public_key", "PublicKey", "PublicKeyConfig", "Comment"),
        "a",
        {"PublicKeyConfig": {"Name": "k", "EncodedKey": PEM, "CallerReference": "r", "Comment": "b"}},
        "b",
        ("Id", "CreatedTime"),
    ),
    Case(
        "AWS::CloudFront::ResponseHeadersPolicy",
        {
            "ResponseHeadersPolicyConfig": {
                "Name": "h",
                "Comment": "a",
                "CustomHeadersConfig": {"Items": [{"Header": "x-a", "Value": "1", "Override": True}]},
            }
        },
        _cdn("get_response_headers_policy", "ResponseHeadersPolicy", "ResponseHeadersPolicyConfig", "Comment"),
        "a",
        {
            "ResponseHeadersPolicyConfig": {
                "Name": "h",
                "Comment": "b",
                "CustomHeadersConfig": {"Items": [{"Header": "x-a", "Value": "1", "Override": True}]},
            }
        },
        "b",
        ("Id", "LastModifiedTime"),
    ),
]
