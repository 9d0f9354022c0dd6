"""Distributions in front of buckets, as viewers meet them: access, caching, error pages, ranges, compression."""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from tests.contract.cloudfront import DISABLED, Site, all_methods, behavior, bucket_origin, config, listed

TEXT = b"some words that repeat themselves, " * 100


@pytest.fixture(scope="module")
def cdn(sandbox: Any) -> Any:
    return sandbox.client("cloudfront")


@pytest.fixture(scope="module")
def s3(sandbox: Any) -> Any:
    return sandbox.client("s3")


@pytest.fixture
def bucket(s3: Any) -> Iterator[str]:
    name = f"site-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="index.html", Body=b"<h1>home</h1>", ContentType="text/html")
    yield name


def let_in(s3: Any, bucket: str, principal: Any, **condition: Any) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": principal,
        "Action": ["s3:GetObject", "s3:ListBucket"],
        "Resource": [f"arn:aws:s3:::{bucket}/*", f"arn:aws:s3:::{bucket}"],
        **({"Condition": condition} if condition else {}),
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


@pytest.fixture
def site(cdn: Any, s3: Any, bucket: str) -> Site:
    """A bucket that anybody may read, with an index page."""
    let_in(s3, bucket, "*")
    return Site(cdn, **config(bucket_origin(bucket), DefaultRootObject="index.html"))


def test_it_answers_for_the_bucket_and_keeps_the_answer(s3: Any, bucket: str, site: Site) -> None:
    """The whole point: the first viewer waits for the origin, the second does not see its change."""
    first = site.get("/")
    assert (first.status, first.body) == (200, b"<h1>home</h1>")
    assert first.headers["X-Cache"] == "Miss from cloudfront"
    assert first.headers["Content-Type"] == "text/html"
    assert first.headers["Age"] is None
    assert first.headers["Via"].endswith(".cloudfront.net (CloudFront)")
    assert first.headers["X-Amz-Cf-Id"] and first.headers["X-Amz-Cf-Pop"]
    s3.put_object(Bucket=bucket, Key="index.html", Body=b"new", ContentType="text/html")
    second = site.get("/")
    assert (second.headers["X-Cache"], second.body) == ("Hit from cloudfront", b"<h1>home</h1>")
    assert second.headers["Age"] == "0"
    assert second.headers["ETag"] == first.headers["ETag"]


def test_an_id_leads_to_it_as_well_as_its_domain(sandbox: Any, site: Site) -> None:
    """Tools that know only the id need a URL too; the path form serves callers whose names do not resolve."""
    from tests.contract.apigateway import fetch

    port = sandbox.server.port
    assert fetch(f"http://{site.id}.cloudfront.localhost:{port}/").body == b"<h1>home</h1>"
    assert fetch(f"http://localhost:{port}/_aws/cloudfront/{site.id}/index.html").body == b"<h1>home</h1>"


def test_only_the_distribution_may_read_with_an_access_control(cdn: Any, s3: Any, bucket: str) -> None:
    """The usual private bucket: its policy names CloudFront and one distribution by aws:SourceArn."""
    control = cdn.create_origin_access_control(
        OriginAccessControlConfig={
            "Name": bucket,
            "SigningProtocol": "sigv4",
            "SigningBehavior": "always",
            "OriginAccessControlOriginType": "s3",
        }
    )["OriginAccessControl"]["Id"]
    let_in_site = Site(cdn, **config(bucket_origin(bucket, control)))
    other = Site(cdn, **config(bucket_origin(bucket, control)))
    let_in(s3, bucket, {"Service": "cloudfront.amazonaws.com"}, StringEquals={"AWS:SourceArn": let_in_site.arn})
    assert let_in_site.get("/index.html").status == 200
    refused = other.get("/index.html")
    assert (refused.status, refused.headers["X-Cache"]) == (403, "Error from cloudfront")
    assert b"<Code>AccessDenied</Code>" in refused.body


def test_an_access_identity_may_read(cdn: Any, s3: Any, bucket: str) -> None:
    """The older way, which many templates still use."""
    identity = cdn.create_cloud_front_origin_access_identity(
        CloudFrontOriginAccessIdentityConfig={"CallerReference": bucket, "Comment": ""}
    )["CloudFrontOriginAccessIdentity"]["Id"]
    name = f"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity {identity}"
    let_in(s3, bucket, {"AWS": name})
    origin = bucket_origin(
        bucket, S3OriginConfig={"OriginAccessIdentity": f"origin-access-identity/cloudfront/{identity}"}
    )
    assert Site(cdn, **config(origin)).get("/index.html").status == 200
    assert Site(cdn, **config(bucket_origin(bucket))).get("/index.html").status == 403


def test_times_to_live(sandbox: Any, cdn: Any, s3: Any, bucket: str) -> None:
    """Cache-Control decides within the behaviour's bounds; what is stale is asked for by its ETag."""
    let_in(s3, bucket, "*")
    values = {"QueryString": False, "Cookies": {"Forward": "none"}}
    timed = behavior(ForwardedValues=values, MinTTL=0, DefaultTTL=100, MaxTTL=1000)
    site = Site(cdn, **config(bucket_origin(bucket), default=timed))
    for key, control in {"none": "", "short": "max-age=10", "long": "max-age=5000", "no": "no-store"}.items():
        s3.put_object(Bucket=bucket, Key=key, Body=b"x", **({"CacheControl": control} if control else {}))
        assert site.cache_status(f"/{key}") == "Miss"
    assert [site.cache_status(f"/{key}") for key in ("none", "short", "long", "no")] == ["Hit", "Hit", "Hit", "Miss"]
    sandbox.advance_clock(11)
    assert [site.cache_status(f"/{key}") for key in ("none", "short", "long")] == ["Hit", "RefreshHit", "Hit"]
    sandbox.advance_clock(100)
    s3.put_object(Bucket=bucket, Key="none", Body=b"changed")
    assert site.cache_status("/none") == "Miss"
    assert site.cache_status("/long") == "Hit"
    sandbox.advance_clock(1000)
    assert site.cache_status("/long") == "RefreshHit"


def test_invalidations_remove_what_they_name(cdn: Any, s3: Any, bucket: str, site: Site) -> None:
    """A deployment that has invalidated must be seen at once; what it did not name stays."""
    for key in ("a/1", "a/2", "b"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
        site.get(f"/{key}")
    site.invalidate("/a/*")
    assert [site.cache_status(f"/{key}") for key in ("a/1", "a/2", "b")] == ["Miss", "Miss", "Hit"]
    made = site.invalidate("/b")
    assert [site.cache_status(f"/{key}") for key in ("a/1", "b")] == ["Hit", "Miss"]
    cdn.get_waiter("invalidation_completed").wait(DistributionId=site.id, Id=made)


def test_errors_are_kept_for_a_while(sandbox: Any, s3: Any, bucket: str, site: Site) -> None:
    """A missing file is not asked for by every viewer: ten seconds, unless the distribution says otherwise."""
    assert site.get("/late").status == 404
    s3.put_object(Bucket=bucket, Key="late", Body=b"here")
    assert site.get("/late").status == 404
    sandbox.advance_clock(11)
    assert site.get("/late").body == b"here"


def test_a_single_page_application_gets_its_index(cdn: Any, s3: Any, bucket: str) -> None:
    """Every unknown path is the application's, with a 200: the commonest custom error response."""
    let_in(s3, bucket, "*")
    pages = listed(
        *(
            {"ErrorCode": code, "ResponsePagePath": "/index.html", "ResponseCode": "200", "ErrorCachingMinTTL": 0}
            for code in (403, 404)
        )
    )
    site = Site(cdn, **config(bucket_origin(bucket), CustomErrorResponses=pages))
    page = site.get("/some/route")
    assert (page.status, page.body) == (200, b"<h1>home</h1>")
    assert page.headers["X-Cache"] == "Error from cloudfront"


def test_an_error_page_that_is_missing_leaves_the_error(cdn: Any, s3: Any, bucket: str) -> None:
    """An error page that cannot be had must not hide the error, nor go round in a circle."""
    let_in(s3, bucket, "*")
    pages = listed({"ErrorCode": 404, "ResponsePagePath": "/missing.html", "ResponseCode": "200"})
    assert Site(cdn, **config(bucket_origin(bucket), CustomErrorResponses=pages)).get("/nothing").status == 404


def test_ranges_and_conditions(s3: Any, bucket: str, site: Site) -> None:
    """Players seek by ranges, browsers revalidate: both are answered from what is kept."""
    s3.put_object(Bucket=bucket, Key="film", Body=b"0123456789")
    for _ in range(2):
        part = site.get("/film", Range="bytes=2-4")
        assert (part.status, part.body, part.headers["Content-Range"]) == (206, b"234", "bytes 2-4/10")
    assert site.get("/film", Range="bytes=-3").body == b"789"
    assert site.get("/film", Range="bytes=20-").status == 416
    etag = site.get("/film").headers["ETag"]
    assert site.get("/film", If_None_Match=etag).status == 304
    assert site.get("/film", If_None_Match='"other"').status == 200
    head = site.get("/film", method="HEAD")
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", "10")


def test_text_is_compressed_for_who_asks(cdn: Any, s3: Any, bucket: str) -> None:
    """Compress: only for viewers who take it, only for types and sizes that are worth it; the ETag turns weak."""
    let_in(s3, bucket, "*")
    s3.put_object(Bucket=bucket, Key="a.txt", Body=TEXT, ContentType="text/plain")
    s3.put_object(Bucket=bucket, Key="a.jpg", Body=TEXT, ContentType="image/jpeg")
    site = Site(cdn, **config(bucket_origin(bucket), default=behavior(Compress=True)))
    plain = site.get("/a.txt")
    assert plain.headers["Content-Encoding"] is None and plain.body == TEXT
    packed = site.get("/a.txt", Accept_Encoding="gzip, br")
    assert packed.headers["Content-Encoding"] == "gzip" and gzip.decompress(packed.body) == TEXT
    assert packed.headers["ETag"] == "W/" + plain.headers["ETag"]
    assert packed.headers["Vary"] == "Accept-Encoding"
    assert site.get("/a.jpg", Accept_Encoding="gzip").headers["Content-Encoding"] is None


def test_paths_choose_behaviors_and_origins(cdn: Any, s3: Any, bucket: str) -> None:
    """Patterns are tried in order; the first that matches decides, and its origin's path goes in front."""
    let_in(s3, bucket, "*")
    s3.put_object(Bucket=bucket, Key="assets/img/cat.png", Body=b"cat")
    s3.put_object(Bucket=bucket, Key="docs/v1.txt", Body=b"one")
    origins = [bucket_origin(bucket), bucket_origin(bucket, Id="assets", OriginPath="/assets")]
    patterns = listed(
        {**behavior("assets"), "PathPattern": "/img/*.png"},
        {**behavior(), "PathPattern": "docs/v?.txt"},
    )
    site = Site(cdn, **config(*origins, CacheBehaviors=patterns))
    assert site.get("/img/cat.png").body == b"cat"
    assert site.get("/docs/v1.txt").body == b"one"
    assert site.get("/assets/img/cat.png").body == b"cat"
    assert site.get("/img/cat.jpg").status == 404


def test_methods_that_are_not_allowed(site: Site) -> None:
    """A behaviour for GET and HEAD refuses the rest with CloudFront's own page."""
    refused = site.get("/index.html", method="POST", body=b"x")
    assert refused.status == 403
    assert b"not configured to allow the HTTP request method" in refused.body
    assert refused.headers["Server"] == "CloudFront"


def test_a_disabled_distribution_serves_nobody(cdn: Any, site: Site) -> None:
    """Disabling is how distributions are taken out of service before they are deleted."""
    assert site.get("/").status == 200
    got = cdn.get_distribution_config(Id=site.id)
    cdn.update_distribution(
        Id=site.id, IfMatch=got["ETag"], DistributionConfig={**got["DistributionConfig"], "Enabled": False}
    )
    assert site.get("/").status == 403


def test_plain_requests_that_a_proxy_reports(cdn: Any, s3: Any, bucket: str) -> None:
    """CLOUDFRONT-002: requests count as HTTPS, which only something in front of us can speak, unless that says http."""
    let_in(s3, bucket, "*")
    site = Site(cdn, **config(bucket_origin(bucket), default=behavior(ViewerProtocolPolicy="https-only")))
    assert site.get("/index.html").status == 200
    assert site.get("/index.html", X_Forwarded_Proto="http").status == 403


def test_large_files_are_passed_on_and_not_kept(s3: Any, bucket: str, site: Site) -> None:
    """CLOUDFRONT-001: the cache is memory, so files over 16 MiB come from the origin each time, ranges included."""
    s3.put_object(Bucket=bucket, Key="big", Body=b"a" * (17 << 20) + b"end")
    for _ in range(2):
        part = site.get("/big", Range="bytes=-3")
        assert (part.status, part.body, part.headers["X-Cache"]) == (206, b"end", "Miss from cloudfront")


def test_uploads_and_deletions_through_an_access_control(cdn: Any, s3: Any, bucket: str) -> None:
    """A behaviour with all methods lets CloudFront write too, where the bucket's policy says so."""
    control = cdn.create_origin_access_control(
        OriginAccessControlConfig={
            "Name": bucket,
            "SigningProtocol": "sigv4",
            "SigningBehavior": "always",
            "OriginAccessControlOriginType": "s3",
        }
    )["OriginAccessControl"]["Id"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": ["s3:PutObject", "s3:DeleteObject"],
        "Resource": f"arn:aws:s3:::{bucket}/in/*",
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    # What AWS's new buckets have, and S3-001 has not: else what CloudFront writes is not the owner's to read.
    enforced = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=enforced)
    default = behavior(AllowedMethods=all_methods())
    site = Site(cdn, **config(bucket_origin(bucket, control), default=default))
    assert site.get("/in/a.txt", method="PUT", body=b"sent", Content_Type="text/plain").status == 200
    stored = s3.get_object(Bucket=bucket, Key="in/a.txt")
    assert (stored["Body"].read(), stored["ContentType"]) == (b"sent", "text/plain")
    assert site.get("/out/a.txt", method="PUT", body=b"sent").status == 403
    assert site.get("/in/a.txt", method="DELETE").status == 204
    assert site.get("/in/a.txt", method="PATCH", body=b"x").status == 405


def test_the_buckets_own_cross_origin_rules(cdn: Any, s3: Any, bucket: str) -> None:
    """With the managed policy for it, the bucket sees the page's origin and answers preflights."""
    let_in(s3, bucket, "*")
    rule = {"AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["https://a.example"], "AllowedHeaders": ["*"]}
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    forwarding = "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf"
    default = behavior(CachePolicyId=DISABLED, OriginRequestPolicyId=forwarding, AllowedMethods=all_methods())
    site = Site(cdn, **config(bucket_origin(bucket), default=default))
    page = site.get("/index.html", Origin="https://a.example")
    assert page.headers["Access-Control-Allow-Origin"] == "https://a.example"
    asked = {"Origin": "https://a.example", "Access_Control_Request_Method": "PUT"}
    assert site.get("/index.html", method="OPTIONS", **asked).status == 200
    asked["Access_Control_Request_Method"] = "DELETE"
    assert site.get("/index.html", method="OPTIONS", **asked).status == 403
