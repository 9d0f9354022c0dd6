"""Distributions in front of servers and APIs: what is forwarded, what makes the cache key, headers of responses."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from tests.contract.apigateway import fetch, make_functions, serve_upstream
from tests.contract.cloudfront import (
    ALL_VIEWER_EXCEPT_HOST,
    DISABLED,
    Site,
    all_methods,
    behavior,
    config,
    listed,
    server_origin,
)
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

CODE = """
import json
def echo(event, context):
    return {"statusCode": 200, "headers": {"x-from": "function"}, "body": json.dumps(event["rawPath"])}
"""


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with serve_upstream() as url:
        yield url


@pytest.fixture(scope="module")
def cdn(sandbox: Any) -> Any:
    return sandbox.client("cloudfront")


def legacy(query: bool = False, headers: tuple[str, ...] = (), cookies: tuple[str, ...] = ()) -> dict[str, Any]:
    """A behaviour of the older kind, which forwards and keeps by ForwardedValues."""
    forwarded: dict[str, Any] = {
        "QueryString": query,
        "Headers": listed(*headers),
        "Cookies": {"Forward": "whitelist", "WhitelistedNames": listed(*cookies)} if cookies else {"Forward": "none"},
    }
    return behavior(ForwardedValues=forwarded)


def test_a_server_is_asked_as_cloudfront_asks(cdn: Any, upstream: str) -> None:
    """Origins tell CloudFront by its agent, Via and ids; custom headers are how they keep others out."""
    secret = {"HeaderName": "X-Secret", "HeaderValue": "s3cret"}
    origin = server_origin(upstream, OriginPath="/base", CustomHeaders=listed(secret))
    asked = Site(cdn, **config(origin)).get("/a%20b?q=1", X_Mine="no", User_Agent="me", Cookie="a=b").json
    assert asked["path"] == "/base/a%20b"
    headers = asked["headers"]
    assert headers["user-agent"] == "Amazon CloudFront"
    assert headers["x-secret"] == "s3cret"
    assert headers["via"].endswith(".cloudfront.net (CloudFront)")
    assert headers["x-forwarded-for"] == "127.0.0.1" and headers["x-amz-cf-id"]
    assert headers["host"] == upstream.removeprefix("http://")
    assert "x-mine" not in headers and "cookie" not in headers


def test_everything_but_the_host_goes_to_an_api(cdn: Any, upstream: str) -> None:
    """The pair of managed policies that is recommended for APIs."""
    default = behavior(
        CachePolicyId=DISABLED, OriginRequestPolicyId=ALL_VIEWER_EXCEPT_HOST, AllowedMethods=all_methods()
    )
    site = Site(cdn, **config(server_origin(upstream), default=default))
    asked = site.get("/p?a=1&b=%2F", method="POST", body=b"hello", X_Mine="yes", Cookie="a=b", User_Agent="me")
    assert asked.headers["X-Cache"] == "Miss from cloudfront"
    told = asked.json
    assert (told["method"], told["path"], told["body"]) == ("POST", "/p?a=1&b=%2F", "hello")
    assert (told["headers"]["x-mine"], told["headers"]["cookie"], told["headers"]["user-agent"]) == ("yes", "a=b", "me")
    assert site.cache_status("/p") == site.cache_status("/p") == "Miss"


def test_what_makes_the_key_of_the_cache(cdn: Any, upstream: str) -> None:
    """Too little in the key shows one viewer another's page; too much, and nothing is ever found."""
    site = Site(cdn, **config(server_origin(upstream), default=legacy(True, ("X-Version",), ("session",))))
    assert site.cache_status("/k?a=1", X_Version="1", Cookie="session=x; other=1") == "Miss"
    assert site.cache_status("/k?a=1", X_Version="1", Cookie="session=x; other=2", X_Else="2") == "Hit"
    assert site.cache_status("/k?a=2", X_Version="1", Cookie="session=x") == "Miss"
    assert site.cache_status("/k?a=1", X_Version="2", Cookie="session=x") == "Miss"
    assert site.cache_status("/k?a=1", X_Version="1", Cookie="session=y") == "Miss"


def test_a_cache_policy_of_ones_own(cdn: Any, upstream: str) -> None:
    """Policies name what counts; what the policy leaves out does not even reach the origin."""
    parameters = {
        "EnableAcceptEncodingGzip": False,
        "HeadersConfig": {"HeaderBehavior": "none"},
        "CookiesConfig": {"CookieBehavior": "none"},
        "QueryStringsConfig": {"QueryStringBehavior": "whitelist", "QueryStrings": listed("page")},
    }
    policy = cdn.create_cache_policy(
        CachePolicyConfig={
            "Name": "by-page",
            "MinTTL": 1,
            "ParametersInCacheKeyAndForwardedToOrigin": parameters,
        }
    )["CachePolicy"]
    assert policy["CachePolicyConfig"]["DefaultTTL"] == 86400
    site = Site(cdn, **config(server_origin(upstream), default=behavior(CachePolicyId=policy["Id"])))
    first = site.get("/list?page=1&utm=x")
    assert first.json["path"] == "/list?page=1"
    assert site.cache_status("/list?page=1&utm=y") == "Hit"
    assert site.cache_status("/list?page=2") == "Miss"


def test_head_and_get_share_an_entry(cdn: Any, upstream: str) -> None:
    """Link checkers ask by HEAD: they get the length, and what they asked for serves the next GET."""
    site = Site(cdn, **config(server_origin(upstream)))
    head = site.get("/both", method="HEAD")
    body = site.get("/both")
    assert (head.body, body.headers["X-Cache"]) == (b"", "Hit from cloudfront")
    assert int(head.headers["Content-Length"]) == len(body.body) > 0


def test_no_origin_is_a_bad_gateway(cdn: Any) -> None:
    """What viewers see while an origin is down: CloudFront's own page."""
    from tests.conftest import free_port

    failed = Site(cdn, **config(server_origin(f"http://127.0.0.1:{free_port()}"))).get("/")
    assert (failed.status, failed.headers["X-Cache"]) == (502, "Error from cloudfront")
    assert b"The request could not be satisfied" in failed.body


def test_what_is_stale_serves_while_the_origin_is_down(sandbox: Any, cdn: Any) -> None:
    """A broken origin must not take the site down with it."""
    with serve_upstream() as url:
        site = Site(cdn, **config(server_origin(url)))
        before = site.get("/page")
    sandbox.advance_clock(86401)
    after = site.get("/page")
    assert (after.status, after.body) == (200, before.body)
    assert site.get("/other").status == 502


def test_an_origin_group_fails_over(cdn: Any, upstream: str) -> None:
    """The second origin answers where the first has a status of the list."""
    origins = [server_origin(upstream, OriginPath="/status"), server_origin(upstream, Id="second")]
    group = {
        "Id": "group",
        "FailoverCriteria": {"StatusCodes": listed(503)},
        "Members": listed({"OriginId": "origin"}, {"OriginId": "second"}),
    }
    site = Site(cdn, **config(*origins, default=behavior("group"), OriginGroups=listed(group)))
    assert site.get("/503").json["path"] == "/503"
    assert site.get("/201").json["path"] == "/status/201"


def test_an_api_and_a_function_url_behind_a_distribution(sandbox: Any, cdn: Any) -> None:
    """The usual serverless site: paths of one host lead to an API and to a function, by the names they have here."""
    function = make_functions(sandbox, "cdn", CODE, ("echo",))["echo"]
    gateway, functions = sandbox.client("apigatewayv2"), sandbox.client("lambda")
    api = gateway.create_api(Name="behind", ProtocolType="HTTP", Target=function)
    link = functions.create_function_url_config(FunctionName=function, AuthType="NONE")["FunctionUrl"]
    for action in ("lambda:InvokeFunctionUrl", "lambda:InvokeFunction"):
        extra = {"FunctionUrlAuthType": "NONE"} if action.endswith("Url") else {"InvokedViaFunctionUrl": True}
        functions.add_permission(
            FunctionName=function, StatementId=action.partition(":")[2], Action=action, Principal="*", **extra
        )
    named = f"{api['ApiId']}.execute-api.us-east-1.amazonaws.com"
    origins = [
        {**server_origin("http://x"), "DomainName": named},
        {**server_origin("http://x"), "Id": "url", "DomainName": link.removeprefix("http://").rstrip("/")},
    ]
    default = behavior(CachePolicyId=DISABLED, OriginRequestPolicyId=ALL_VIEWER_EXCEPT_HOST)
    site = Site(
        cdn,
        **config(
            *origins,
            default=default,
            CacheBehaviors=listed({**default, "TargetOriginId": "url", "PathPattern": "/f/*"}),
        ),
    )
    answer = site.get("/hello")
    assert (answer.status, answer.json, answer.headers["x-from"]) == (200, "/hello", "function")
    assert site.get("/f/there").json == "/f/there"


def test_a_website_behind_a_distribution(sandbox: Any, cdn: Any) -> None:
    """Website endpoints redirect and find folders' indexes, which the REST origin does not."""
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket="web-behind")
    s3.put_bucket_website(Bucket="web-behind", WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    s3.put_object(Bucket="web-behind", Key="docs/index.html", Body=b"docs", ContentType="text/html", ACL="public-read")
    s3.put_bucket_policy(
        Bucket="web-behind",
        Policy='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject",'
        '"Resource":"arn:aws:s3:::web-behind/*"}]}',
    )
    origin = {**server_origin("http://x"), "DomainName": "web-behind.s3-website-us-east-1.amazonaws.com"}
    assert Site(cdn, **config(origin)).get("/docs/").body == b"docs"


def test_response_headers_policies(cdn: Any, upstream: str) -> None:
    """Security headers and CORS without touching the origin; removal and custom headers of a policy of one's own."""
    managed = "eaab4381-ed33-4a86-88ca-d9558dc6cd63"
    default = behavior(ResponseHeadersPolicyId=managed, AllowedMethods=all_methods())
    site = Site(cdn, **config(server_origin(upstream), default=default))
    plain = site.get("/h")
    assert plain.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert plain.headers["X-Content-Type-Options"] == "nosniff"
    assert plain.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert plain.headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert plain.headers["X-XSS-Protection"] == "1; mode=block"
    assert plain.headers["Access-Control-Allow-Origin"] is None
    assert site.get("/h", Origin="https://a.example").headers["Access-Control-Allow-Origin"] == "*"
    policy = cdn.create_response_headers_policy(
        ResponseHeadersPolicyConfig={
            "Name": "own",
            "CustomHeadersConfig": listed({"Header": "X-Given", "Value": "1", "Override": True}),
            "RemoveHeadersConfig": listed({"Header": "X-Upstream"}),
            "ServerTimingHeadersConfig": {"Enabled": True, "SamplingRate": 100.0},
            "CorsConfig": {
                "AccessControlAllowOrigins": listed("https://*.example"),
                "AccessControlAllowHeaders": listed("*"),
                "AccessControlAllowMethods": listed("GET"),
                "AccessControlAllowCredentials": True,
                "OriginOverride": True,
            },
        }
    )["ResponseHeadersPolicy"]["Id"]
    site = Site(cdn, **config(server_origin(upstream), default=behavior(ResponseHeadersPolicyId=policy)))
    given = site.get("/h", Origin="https://a.example").headers
    assert (given["X-Given"], given["X-Upstream"]) == ("1", None)
    assert given["Server-Timing"].startswith("cdn-cache-miss,cdn-pop;desc=")
    assert given["Access-Control-Allow-Origin"] == "https://a.example"
    assert given["Access-Control-Allow-Credentials"] == "true"
    assert site.get("/h", Origin="https://a.other").headers["Access-Control-Allow-Origin"] is None


def test_an_alternate_domain_name_leads_to_its_distribution(sandbox: Any, cdn: Any, upstream: str) -> None:
    """Sites that know their own name can be asked by it, in front of our domain."""
    Site(cdn, **config(server_origin(upstream), Aliases=listed("www.example.com")))
    host = f"www.example.com.cloudfront.{sandbox.name}.localhost:{sandbox.server.port}"
    assert fetch(f"http://{host}/x").json["path"] == "/x"


def test_websockets_are_refused(sandbox: Any, cdn: Any, upstream: str) -> None:
    """What is not built says so, rather than hanging or failing with a traceback."""
    site = Site(cdn, **config(server_origin(upstream)))
    url = f"ws://{site.url.removeprefix('http://')}/socket"
    with pytest.raises(InvalidStatus) as refused:
        connect(url, sock=socket.create_connection(("127.0.0.1", sandbox.server.port))).close()
    assert refused.value.response.status_code == 501
