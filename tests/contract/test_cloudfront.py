"""CloudFront's control plane over boto3: distributions, their versions, what they are made of, and every error."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.contract.cloudfront import (
    DISABLED,
    OPTIMIZED,
    Site,
    behavior,
    bucket_origin,
    config,
    listed,
    server_origin,
)

VALUES = {"QueryString": False, "Cookies": {"Forward": "none"}}


@pytest.fixture(scope="module")
def cdn(sandbox: Any) -> Any:
    return sandbox.client("cloudfront")


def plain(**settings: Any) -> dict[str, Any]:
    return config(server_origin("http://example.com"), **settings)


def refused(call: Any, **params: Any) -> tuple[str, int]:
    """(code, status) of the error that a call ends in."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def create(cdn: Any, **settings: Any) -> tuple[str, int]:
    return refused(cdn.create_distribution, DistributionConfig=plain(**settings))


def test_a_distributions_life(sandbox: Any, cdn: Any) -> None:
    """What deployment tools do: create, wait, read, disable with the right version, delete."""
    made = cdn.create_distribution(DistributionConfig=plain(Comment="first"))
    shown = made["Distribution"]
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert made["Location"].endswith(f"/2020-05-31/distribution/{shown['Id']}")
    assert shown["Status"] == "InProgress"
    assert shown["ARN"] == f"arn:aws:cloudfront::{sandbox.account}:distribution/{shown['Id']}"
    assert shown["DomainName"].endswith(f".cloudfront.localhost:{sandbox.server.port}")
    cdn.get_waiter("distribution_deployed").wait(Id=shown["Id"])
    got = cdn.get_distribution(Id=shown["Id"])
    assert (got["ETag"], got["Distribution"]["Status"]) == (made["ETag"], "Deployed")
    assert got["Distribution"]["DistributionConfig"] == shown["DistributionConfig"]
    assert refused(cdn.delete_distribution, Id=shown["Id"], IfMatch=made["ETag"]) == ("DistributionNotDisabled", 409)
    given = cdn.get_distribution_config(Id=shown["Id"])["DistributionConfig"]
    updated = cdn.update_distribution(
        Id=shown["Id"], IfMatch=made["ETag"], DistributionConfig={**given, "Enabled": False}
    )
    assert updated["ETag"] != made["ETag"]
    stale = {"Id": shown["Id"], "IfMatch": made["ETag"]}
    assert refused(cdn.delete_distribution, **stale) == ("PreconditionFailed", 412)
    assert refused(cdn.delete_distribution, Id=shown["Id"]) == ("InvalidIfMatchVersion", 400)
    cdn.delete_distribution(Id=shown["Id"], IfMatch=updated["ETag"])
    assert refused(cdn.get_distribution, Id=shown["Id"]) == ("NoSuchDistribution", 404)
    assert refused(cdn.get_distribution_config, Id=shown["Id"]) == ("NoSuchDistribution", 404)


def test_defaults_that_are_filled_in(cdn: Any) -> None:
    """Tools compare what they sent with what they read, so every default has to be there."""
    shown = cdn.create_distribution(DistributionConfig=plain(default=behavior(ForwardedValues=VALUES)))
    filled = shown["Distribution"]["DistributionConfig"]
    assert filled["PriceClass"] == "PriceClass_All"
    assert filled["HttpVersion"] == "http2"
    assert filled["ViewerCertificate"]["CloudFrontDefaultCertificate"] is True
    assert filled["Restrictions"]["GeoRestriction"] == {"RestrictionType": "none", "Quantity": 0}
    assert filled["CacheBehaviors"] == filled["CustomErrorResponses"] == filled["Aliases"] == {"Quantity": 0}
    default = filled["DefaultCacheBehavior"]
    assert sorted(default["AllowedMethods"]["Items"]) == ["GET", "HEAD"]
    assert (default["MinTTL"], default["DefaultTTL"], default["MaxTTL"]) == (0, 86400, 31536000)
    origin = filled["Origins"]["Items"][0]
    assert (origin["ConnectionAttempts"], origin["ConnectionTimeout"]) == (3, 10)
    assert origin["CustomOriginConfig"]["OriginReadTimeout"] == 30


def test_creations_by_the_same_reference(cdn: Any) -> None:
    """A creation that is tried again must not make a second distribution."""
    wanted = plain()
    made = cdn.create_distribution(DistributionConfig=wanted)["Distribution"]["Id"]
    with pytest.raises(ClientError, match=f"Already exists: {made}"):
        cdn.create_distribution(DistributionConfig=wanted)
    assert refused(cdn.create_distribution, DistributionConfig=wanted) == ("DistributionAlreadyExists", 409)
    changed = {**wanted, "CallerReference": "other"}
    etag = cdn.get_distribution(Id=made)["ETag"]
    assert refused(cdn.update_distribution, Id=made, IfMatch=etag, DistributionConfig=changed) == ("IllegalUpdate", 400)


def test_configurations_that_are_refused(cdn: Any) -> None:
    """Mistakes are told at creation, not by viewers later."""
    assert create(cdn, default=behavior("nothing")) == ("NoSuchOrigin", 404)
    assert create(cdn, Aliases={"Quantity": 2, "Items": ["a.example"]}) == ("InconsistentQuantities", 400)
    assert create(cdn, default=behavior(CachePolicyId="nothing")) == ("NoSuchCachePolicy", 404)
    assert create(cdn, default=behavior(OriginRequestPolicyId="nothing")) == ("NoSuchOriginRequestPolicy", 404)
    assert create(cdn, default=behavior(ResponseHeadersPolicyId="no")) == ("NoSuchResponseHeadersPolicy", 404)
    assert create(cdn, default=behavior(ForwardedValues=VALUES, CachePolicyId=OPTIMIZED)) == ("InvalidArgument", 400)
    assert create(cdn, default={"TargetOriginId": "origin", "ViewerProtocolPolicy": "allow-all"}) == (
        "InvalidArgument", 400,
    )  # fmt: skip
    assert create(cdn, DefaultRootObject="/index.html") == ("InvalidDefaultRootObject", 400)
    pages = listed({"ErrorCode": 402})
    assert create(cdn, CustomErrorResponses=pages) == ("InvalidErrorCode", 400)
    pages = listed({"ErrorCode": 404, "ResponsePagePath": "/e.html"})
    assert create(cdn, CustomErrorResponses=pages) == ("InvalidResponseCode", 400)
    backwards = behavior(ForwardedValues=VALUES, MinTTL=10, DefaultTTL=5, MaxTTL=1)
    assert create(cdn, default=backwards) == ("InvalidArgument", 400)
    many = listed(*({**behavior(), "PathPattern": f"/{number}/*"} for number in range(76)))
    assert create(cdn, CacheBehaviors=many) == ("TooManyCacheBehaviors", 400)
    edge = listed({"LambdaFunctionARN": "arn:aws:lambda:us-east-1:1:function:f:1", "EventType": "origin-request"})
    assert create(cdn, default=behavior(LambdaFunctionAssociations=edge)) == ("InvalidLambdaFunctionAssociation", 400)


def test_origins_that_are_refused(cdn: Any) -> None:
    """An S3 origin has to be a bucket, and what guards it has to exist."""

    def origin(**settings: Any) -> tuple[str, int]:
        return refused(cdn.create_distribution, DistributionConfig=config({**bucket_origin("b"), **settings}))

    assert origin(DomainName="example.com") == ("InvalidOrigin", 400)
    assert origin(OriginAccessControlId="E123") == ("InvalidOriginAccessControl", 400)
    identity = {"OriginAccessIdentity": "origin-access-identity/cloudfront/E123"}
    assert origin(S3OriginConfig=identity) == ("InvalidOriginAccessIdentity", 400)
    assert origin(OriginPath="/ends/") == ("InvalidArgument", 400)


def test_an_alias_leads_to_one_distribution(cdn: Any) -> None:
    """Two distributions cannot answer for one name; a removed alias is free again."""
    first = Site(cdn, **plain(Aliases=listed("one.example")))
    assert create(cdn, Aliases=listed("one.example")) == ("CNAMEAlreadyExists", 409)
    got = cdn.get_distribution_config(Id=first.id)
    freed = {**got["DistributionConfig"], "Aliases": {"Quantity": 0}}
    cdn.update_distribution(Id=first.id, IfMatch=got["ETag"], DistributionConfig=freed)
    Site(cdn, **plain(Aliases=listed("one.example")))


def test_lists_have_pages(fresh_sandbox: Any) -> None:
    """Accounts have more distributions than a page; the SDK's paginator follows the markers."""
    cdn = fresh_sandbox.client("cloudfront")
    assert cdn.list_distributions()["DistributionList"]["Quantity"] == 0
    made = {Site(cdn, **plain()).id for _ in range(5)}
    pages = list(cdn.get_paginator("list_distributions").paginate(PaginationConfig={"PageSize": 2}))
    assert [page["DistributionList"]["Quantity"] for page in pages] == [2, 2, 1]
    assert {item["Id"] for page in pages for item in page["DistributionList"]["Items"]} == made
    assert refused(cdn.list_distributions, MaxItems="x") == ("InvalidArgument", 400)


def test_tags(cdn: Any) -> None:
    """Cost allocation and policies go by tags, of which some are made with the distribution."""
    tags = {"Items": [{"Key": "team", "Value": "web"}]}
    arn = cdn.create_distribution_with_tags(DistributionConfigWithTags={"DistributionConfig": plain(), "Tags": tags})[
        "Distribution"
    ]["ARN"]
    cdn.tag_resource(Resource=arn, Tags={"Items": [{"Key": "stage", "Value": "test"}]})
    cdn.untag_resource(Resource=arn, TagKeys={"Items": ["team"]})
    assert cdn.list_tags_for_resource(Resource=arn)["Tags"]["Items"] == [{"Key": "stage", "Value": "test"}]
    assert refused(cdn.list_tags_for_resource, Resource=arn + "X") == ("NoSuchResource", 404)
    wrong = {"Items": [{"Key": "aws:x", "Value": ""}]}
    assert refused(cdn.tag_resource, Resource=arn, Tags=wrong) == ("InvalidTagging", 400)


def test_invalidations(sandbox: Any, cdn: Any) -> None:
    """Deployments invalidate and wait; a reference makes repeating it harmless."""
    site = Site(cdn, **plain())
    batch = {"Paths": listed("/a", "/b/*"), "CallerReference": "one"}
    made = cdn.create_invalidation(DistributionId=site.id, InvalidationBatch=batch)
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert made["Invalidation"]["Status"] == "InProgress"
    again = cdn.create_invalidation(DistributionId=site.id, InvalidationBatch=batch)
    assert again["Invalidation"]["Id"] == made["Invalidation"]["Id"]
    got = cdn.get_invalidation(DistributionId=site.id, Id=made["Invalidation"]["Id"])["Invalidation"]
    assert (got["Status"], got["InvalidationBatch"]) == ("Completed", batch)
    ids = [made["Invalidation"]["Id"]]
    for _ in range(3):
        sandbox.advance_clock(1)
        ids.append(site.invalidate("/*"))
    pages = cdn.get_paginator("list_invalidations").paginate(DistributionId=site.id, PaginationConfig={"PageSize": 3})
    assert [item["Id"] for page in pages for item in page["InvalidationList"]["Items"]] == ids[::-1]

    def wrong(**given: Any) -> tuple[str, int]:
        params = {"DistributionId": site.id, "InvalidationBatch": {**batch, **given}}
        return refused(cdn.create_invalidation, **params)

    assert wrong(Paths=listed("/other")) == ("InvalidArgument", 400)
    assert wrong(Paths=listed("no-slash"), CallerReference="2") == ("InvalidArgument", 400)
    assert wrong(Paths=listed("/a*b"), CallerReference="2") == ("InvalidArgument", 400)
    assert wrong(Paths={"Quantity": 2, "Items": ["/a"]}, CallerReference="2") == ("InconsistentQuantities", 400)
    assert wrong(Paths=listed(*["/a"] * 3001), CallerReference="2") == ("BatchTooLarge", 413)
    assert refused(cdn.get_invalidation, DistributionId=site.id, Id="INO") == ("NoSuchInvalidation", 404)
    assert refused(cdn.list_invalidations, DistributionId="ENO") == ("NoSuchDistribution", 404)


def test_managed_policies_are_known(cdn: Any) -> None:
    """Templates name them by id; nobody may change them."""
    got = cdn.get_cache_policy(Id=DISABLED)["CachePolicy"]["CachePolicyConfig"]
    assert (got["Name"], got["MaxTTL"]) == ("Managed-CachingDisabled", 0)
    names = [
        item["CachePolicy"]["CachePolicyConfig"]["Name"]
        for item in cdn.list_cache_policies(Type="managed")["CachePolicyList"]["Items"]
    ]
    assert "Managed-CachingOptimized" in names
    assert cdn.list_origin_request_policies(Type="managed")["OriginRequestPolicyList"]["Quantity"] == 6
    assert cdn.list_response_headers_policies(Type="managed")["ResponseHeadersPolicyList"]["Quantity"] == 5
    assert refused(cdn.delete_cache_policy, Id=DISABLED, IfMatch="x") == ("IllegalDelete", 400)


def test_a_policys_life(cdn: Any) -> None:
    """Made, read, changed by version, kept while it is in use, and deleted."""
    wanted = {
        "Name": f"p{uuid.uuid4().hex[:8]}",
        "HeadersConfig": {"HeaderBehavior": "none"},
        "CookiesConfig": {"CookieBehavior": "all"},
        "QueryStringsConfig": {"QueryStringBehavior": "all"},
    }
    made = cdn.create_origin_request_policy(OriginRequestPolicyConfig=wanted)
    policy = made["OriginRequestPolicy"]["Id"]
    assert refused(cdn.create_origin_request_policy, OriginRequestPolicyConfig=wanted) == (
        "OriginRequestPolicyAlreadyExists", 409,
    )  # fmt: skip
    site = Site(cdn, **plain(default=behavior(OriginRequestPolicyId=policy)))
    users = cdn.list_distributions_by_origin_request_policy_id(OriginRequestPolicyId=policy)
    assert users["DistributionIdList"]["Items"] == [site.id]
    changed = cdn.update_origin_request_policy(
        Id=policy, IfMatch=made["ETag"], OriginRequestPolicyConfig={**wanted, "Comment": "new"}
    )
    stale = {"Id": policy, "IfMatch": made["ETag"]}
    assert refused(cdn.delete_origin_request_policy, **stale) == ("PreconditionFailed", 412)
    current = {"Id": policy, "IfMatch": changed["ETag"]}
    assert refused(cdn.delete_origin_request_policy, **current) == ("OriginRequestPolicyInUse", 409)
    got = cdn.get_distribution_config(Id=site.id)
    freed = {**got["DistributionConfig"], "DefaultCacheBehavior": behavior()}
    cdn.update_distribution(Id=site.id, IfMatch=got["ETag"], DistributionConfig=freed)
    cdn.delete_origin_request_policy(**current)
    assert refused(cdn.get_origin_request_policy, Id=policy) == ("NoSuchOriginRequestPolicy", 404)


def test_access_controls_and_identities(cdn: Any) -> None:
    """Both ways to guard a bucket, as tools create and list them."""
    name = uuid.uuid4().hex[:10]
    wanted = {
        "Name": name,
        "SigningProtocol": "sigv4",
        "SigningBehavior": "always",
        "OriginAccessControlOriginType": "s3",
    }
    made = cdn.create_origin_access_control(OriginAccessControlConfig=wanted)
    control = made["OriginAccessControl"]["Id"]
    assert refused(cdn.create_origin_access_control, OriginAccessControlConfig=wanted) == (
        "OriginAccessControlAlreadyExists", 409,
    )  # fmt: skip
    listing = cdn.list_origin_access_controls()["OriginAccessControlList"]["Items"]
    assert name in [item["Name"] for item in listing]
    Site(cdn, **config(bucket_origin("b", control)))
    used = refused(cdn.delete_origin_access_control, Id=control, IfMatch=made["ETag"])
    assert used == ("OriginAccessControlInUse", 409)
    given = {"CallerReference": name, "Comment": "c"}
    made = cdn.create_cloud_front_origin_access_identity(CloudFrontOriginAccessIdentityConfig=given)
    identity = made["CloudFrontOriginAccessIdentity"]
    assert len(identity["S3CanonicalUserId"]) == 96
    again = cdn.create_cloud_front_origin_access_identity(CloudFrontOriginAccessIdentityConfig=given)
    assert again["CloudFrontOriginAccessIdentity"]["Id"] == identity["Id"]
    given["Comment"] = "d"
    assert refused(cdn.create_cloud_front_origin_access_identity, CloudFrontOriginAccessIdentityConfig=given) == (
        "CloudFrontOriginAccessIdentityAlreadyExists", 409,
    )  # fmt: skip
    cdn.delete_cloud_front_origin_access_identity(Id=identity["Id"], IfMatch=made["ETag"])
    missing = refused(cdn.get_cloud_front_origin_access_identity, Id=identity["Id"])
    assert missing == ("NoSuchCloudFrontOriginAccessIdentity", 404)


def test_a_copy(cdn: Any) -> None:
    """Staging distributions begin as copies."""
    site = Site(cdn, **plain(Comment="origin of the copy", Aliases=listed("copied.example")))
    etag = cdn.get_distribution(Id=site.id)["ETag"]
    copy = cdn.copy_distribution(
        PrimaryDistributionId=site.id, IfMatch=etag, CallerReference=uuid.uuid4().hex, Staging=True
    )["Distribution"]["DistributionConfig"]
    assert (copy["Comment"], copy["Staging"], copy["Aliases"]["Quantity"]) == ("origin of the copy", True, 0)
