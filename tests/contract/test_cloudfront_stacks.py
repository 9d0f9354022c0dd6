"""Distributions in templates: what the API writes otherwise than templates do, updates, and deletion."""

from __future__ import annotations

import json
from typing import Any

from tests.contract.apigateway import fetch

FUNCTION = "function handler(event) { event.request.headers['x-seen'] = { value: '1' }; return event.request; }"


def template(comment: str) -> dict[str, Any]:
    distribution = {
        "Enabled": True,
        "Comment": comment,
        "DefaultRootObject": "index.html",
        "IPV6Enabled": True,
        "Origins": [
            {
                "Id": "bucket",
                "DomainName": {"Fn::GetAtt": ["Bucket", "RegionalDomainName"]},
                "OriginAccessControlId": {"Fn::GetAtt": ["Control", "Id"]},
                "S3OriginConfig": {},
                "OriginCustomHeaders": [{"HeaderName": "X-From", "HeaderValue": "cdn"}],
            },
            {
                "Id": "api",
                "DomainName": "example.com",
                "CustomOriginConfig": {"OriginProtocolPolicy": "https-only", "OriginSSLProtocols": ["TLSv1.2"]},
            },
        ],
        "DefaultCacheBehavior": {
            "TargetOriginId": "bucket",
            "ViewerProtocolPolicy": "redirect-to-https",
            "CachePolicyId": {"Ref": "Policy"},
            "ResponseHeadersPolicyId": {"Ref": "Headers"},
            "FunctionAssociations": [
                {"EventType": "viewer-request", "FunctionARN": {"Fn::GetAtt": ["Rewrite", "FunctionARN"]}}
            ],
        },
        "CacheBehaviors": [
            {
                "PathPattern": "/api/*",
                "TargetOriginId": "api",
                "ViewerProtocolPolicy": "allow-all",
                "AllowedMethods": ["GET", "HEAD", "OPTIONS"],
                "CachedMethods": ["GET", "HEAD"],
                "ForwardedValues": {"QueryString": True},
            }
        ],
        "CustomErrorResponses": [{"ErrorCode": 403, "ResponseCode": 200, "ResponsePagePath": "/index.html"}],
        "Restrictions": {"GeoRestriction": {"RestrictionType": "whitelist", "Locations": ["DE", "CZ"]}},
    }
    source = {"Fn::Sub": "arn:aws:cloudfront::${AWS::AccountId}:distribution/${Site}"}
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": "s3:GetObject",
        "Resource": {"Fn::Sub": "${Bucket.Arn}/*"},
        "Condition": {"StringEquals": {"AWS:SourceArn": source}},
    }
    control = {
        "Name": "stack-control",
        "OriginAccessControlOriginType": "s3",
        "SigningBehavior": "always",
        "SigningProtocol": "sigv4",
    }
    parameters = {
        "EnableAcceptEncodingGzip": True,
        "HeadersConfig": {"HeaderBehavior": "whitelist", "Headers": ["X-Version"]},
        "CookiesConfig": {"CookieBehavior": "none"},
        "QueryStringsConfig": {"QueryStringBehavior": "none"},
    }
    policy = {
        "Name": "stack-policy",
        "MinTTL": 0,
        "DefaultTTL": 60,
        "MaxTTL": 600,
        "ParametersInCacheKeyAndForwardedToOrigin": parameters,
    }
    cors = {
        "AccessControlAllowOrigins": {"Items": ["*"]},
        "AccessControlAllowHeaders": {"Items": ["*"]},
        "AccessControlAllowMethods": {"Items": ["GET"]},
        "AccessControlAllowCredentials": False,
        "OriginOverride": True,
    }
    headers = {
        "Name": "stack-headers",
        "CorsConfig": cors,
        "CustomHeadersConfig": {"Items": [{"Header": "X-Stack", "Value": comment, "Override": True}]},
    }
    rewrite = {
        "Name": "stack-rewrite",
        "AutoPublish": True,
        "FunctionCode": FUNCTION,
        "FunctionConfig": {"Comment": "", "Runtime": "cloudfront-js-2.0"},
    }
    grants = {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
    types = {
        "Bucket": ("AWS::S3::Bucket", {}),
        "Control": ("AWS::CloudFront::OriginAccessControl", {"OriginAccessControlConfig": control}),
        "Policy": ("AWS::CloudFront::CachePolicy", {"CachePolicyConfig": policy}),
        "Headers": ("AWS::CloudFront::ResponseHeadersPolicy", {"ResponseHeadersPolicyConfig": headers}),
        "Rewrite": ("AWS::CloudFront::Function", rewrite),
        "Site": ("AWS::CloudFront::Distribution", {"DistributionConfig": distribution}),
        "Grants": ("AWS::S3::BucketPolicy", grants),
    }
    return {
        "Resources": {name: {"Type": kind, "Properties": given} for name, (kind, given) in types.items()},
        "Outputs": {
            "Bucket": {"Value": {"Ref": "Bucket"}},
            "Id": {"Value": {"Ref": "Site"}},
            "Domain": {"Value": {"Fn::GetAtt": ["Site", "DomainName"]}},
        },
    }


def test_a_site_as_a_stack(fresh_sandbox: Any) -> None:
    """The usual static site: a private bucket, access control, policies, a function; deployed, changed, removed."""
    formation, cdn = fresh_sandbox.client("cloudformation"), fresh_sandbox.client("cloudfront")
    quick = {"Delay": 1, "MaxAttempts": 60}
    formation.create_stack(StackName="site", TemplateBody=json.dumps(template("one")))
    formation.get_waiter("stack_create_complete").wait(StackName="site", WaiterConfig=quick)
    stack = formation.describe_stacks(StackName="site")["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    shown = cdn.get_distribution_config(Id=outputs["Id"])["DistributionConfig"]
    assert shown["Origins"]["Items"][0]["CustomHeaders"]["Quantity"] == 1
    assert shown["CacheBehaviors"]["Items"][0]["AllowedMethods"]["CachedMethods"]["Quantity"] == 2
    assert sorted(shown["Restrictions"]["GeoRestriction"]["Items"]) == ["CZ", "DE"]
    assert shown["IsIPV6Enabled"] is True
    fresh_sandbox.client("s3").put_object(
        Bucket=outputs["Bucket"], Key="index.html", Body=b"home", ContentType="text/html"
    )
    page = fetch(f"http://{outputs['Domain']}/", headers={"Origin": "https://a.example"})
    assert (page.status, page.body, page.headers["X-Stack"]) == (200, b"home", "one")
    assert page.headers["Access-Control-Allow-Origin"] == "*"
    formation.update_stack(StackName="site", TemplateBody=json.dumps(template("two")))
    formation.get_waiter("stack_update_complete").wait(StackName="site", WaiterConfig=quick)
    assert cdn.get_distribution_config(Id=outputs["Id"])["DistributionConfig"]["Comment"] == "two"
    assert fetch(f"http://{outputs['Domain']}/").headers["X-Stack"] == "two"
    fresh_sandbox.client("s3").delete_object(Bucket=outputs["Bucket"], Key="index.html")
    formation.delete_stack(StackName="site")
    formation.get_waiter("stack_delete_complete").wait(StackName="site", WaiterConfig=quick)
    assert cdn.list_distributions()["DistributionList"]["Quantity"] == 0
    assert cdn.list_cache_policies(Type="custom")["CachePolicyList"]["Quantity"] == 0
