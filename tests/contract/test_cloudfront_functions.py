"""CloudFront functions: their stages, the events they get, what their answers do to requests and responses."""

from __future__ import annotations

import hmac
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.contract.apigateway import serve_upstream
from tests.contract.cloudfront import DISABLED, Site, behavior, config, listed, server_origin

RUNTIME = {"Comment": "", "Runtime": "cloudfront-js-2.0"}


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with serve_upstream() as url:
        yield url


@pytest.fixture(scope="module")
def cdn(sandbox: Any) -> Any:
    return sandbox.client("cloudfront")


def create(cdn: Any, code: str) -> dict[str, Any]:
    return dict(
        cdn.create_function(Name=f"f{uuid.uuid4().hex[:10]}", FunctionConfig=RUNTIME, FunctionCode=code.encode())
    )


def site_with(cdn: Any, upstream: str, **functions: str) -> Site:
    """A distribution whose functions are given by event type (viewer_request=...)."""
    associations = []
    for event, code in functions.items():
        made = create(cdn, code)
        name = made["FunctionSummary"]["Name"]
        cdn.publish_function(Name=name, IfMatch=made["ETag"])
        arn = made["FunctionSummary"]["FunctionMetadata"]["FunctionARN"]
        associations.append({"FunctionARN": arn, "EventType": event.replace("_", "-")})
    default = behavior(
        CachePolicyId=DISABLED,
        OriginRequestPolicyId="216adef6-5c7f-47e4-b989-5492eafa07d3",
        FunctionAssociations=listed(*associations),
    )
    return Site(cdn, **config(server_origin(upstream), default=default))


def test_a_viewer_request_function_rewrites(cdn: Any, upstream: str) -> None:
    """The commonest function: a folder's index, an added header, a changed query and cookie."""
    site = site_with(
        cdn,
        upstream,
        viewer_request="""
        function handler(event) {
          var request = event.request;
          if (request.uri.endsWith('/')) request.uri += 'index.html';
          request.headers['x-added'] = { value: event.viewer.ip };
          request.querystring.extra = { value: '1' };
          request.cookies.seen = { value: 'yes' };
          return request;
        }""",
    )
    asked = site.get("/docs/?a=1&a=2", Cookie="one=1").json
    assert asked["path"] == "/docs/index.html?a=1&a=2&extra=1"
    assert asked["headers"]["x-added"] == "127.0.0.1"
    assert asked["headers"]["cookie"] == "one=1; seen=yes"


def test_a_viewer_request_function_answers_itself(cdn: Any, upstream: str) -> None:
    """Redirects and basic authentication never reach the origin."""
    site = site_with(
        cdn,
        upstream,
        viewer_request="""
        async function handler(event) {
          if (!event.request.headers.authorization) return {
            statusCode: 401, statusDescription: 'Unauthorized',
            headers: { 'www-authenticate': { value: 'Basic' } },
            cookies: { tried: { value: '1', attributes: 'Path=/; Secure' } },
            body: { encoding: 'text', data: 'who are you?' },
          };
          return event.request;
        }""",
    )
    refused = site.get("/secret")
    assert (refused.status, refused.body) == (401, b"who are you?")
    assert refused.headers["WWW-Authenticate"] == "Basic"
    assert refused.headers["Set-Cookie"] == "tried=1; Path=/; Secure"
    assert refused.headers["X-Cache"] == "FunctionGeneratedResponse from cloudfront"
    assert site.get("/secret", Authorization="Basic abc").status == 200


def test_a_viewer_response_function_changes_headers(cdn: Any, upstream: str) -> None:
    """It sees the request and the origin's headers, and leaves the body alone."""
    site = site_with(
        cdn,
        upstream,
        viewer_response="""
        function handler(event) {
          var response = event.response;
          response.headers['x-path'] = { value: event.request.uri };
          delete response.headers['x-upstream'];
          return response;
        }""",
    )
    changed = site.get("/seen")
    assert (changed.headers["X-Path"], changed.headers["X-Upstream"]) == ("/seen", None)
    assert changed.json["path"] == "/seen"
    assert site.get("/status/404").headers["X-Path"] is None


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("function handler(event) { throw new Error('no'); }", "FunctionExecutionError"),
        ("function handler(event) { while (true) {} }", "FunctionExecutionError"),
        ("function handler(event) { return 5; }", "FunctionValidationError"),
        ("function handler(event) { event.request.method = 'PUT'; return event.request; }", "FunctionValidationError"),
    ],
)
def test_a_function_that_fails(cdn: Any, upstream: str, code: str, told: str) -> None:
    """Viewers get a 503 that says whose fault it was; CLOUDFRONT-003: time and memory are bounded as ours are."""
    failed = site_with(cdn, upstream, viewer_request=code).get("/")
    assert (failed.status, failed.headers["X-Cache"]) == (503, f"{told} from cloudfront")


def test_only_what_is_published_is_live(cdn: Any, upstream: str) -> None:
    """Editing must not change what viewers meet until it is published."""
    code = "function handler(e) { return { statusCode: 200, headers: { 'x-v': { value: '%d' } } } }"
    made = create(cdn, code % 1)
    name, arn = made["FunctionSummary"]["Name"], made["FunctionSummary"]["FunctionMetadata"]["FunctionARN"]
    association = listed({"FunctionARN": arn, "EventType": "viewer-request"})
    wanted = config(server_origin(upstream), default=behavior(FunctionAssociations=association))
    with pytest.raises(ClientError, match="InvalidFunctionAssociation"):
        cdn.create_distribution(DistributionConfig=wanted)
    cdn.publish_function(Name=name, IfMatch=made["ETag"])
    site = Site(cdn, **wanted)
    updated = cdn.update_function(
        Name=name, IfMatch=made["ETag"], FunctionConfig=RUNTIME, FunctionCode=(code % 2).encode()
    )
    assert site.get("/").headers["X-V"] == "1"
    assert cdn.get_function(Name=name, Stage="LIVE")["FunctionCode"].read() == (code % 1).encode()
    cdn.publish_function(Name=name, IfMatch=updated["ETag"])
    assert site.get("/").headers["X-V"] == "2"
    described = cdn.describe_function(Name=name, Stage="LIVE")["FunctionSummary"]
    assert (described["Status"], described["FunctionMetadata"]["Stage"]) == ("ASSOCIATED", "LIVE")
    with pytest.raises(ClientError, match="FunctionInUse"):
        cdn.delete_function(Name=name, IfMatch=updated["ETag"])


def test_functions_are_tested_before_they_are_published(cdn: Any) -> None:
    """TestFunction runs the real engine: output, logs, errors, with crypto and querystring at hand."""
    made = create(
        cdn,
        """
        import crypto from 'crypto';
        import querystring from 'querystring';
        async function handler(event) {
          console.log('asked for', event.request.uri);
          const request = event.request;
          request.headers['x-hash'] = { value: crypto.createHmac('sha256', 'key').update(request.uri).digest('hex') };
          request.headers['x-text'] = { value: Buffer.from('c3bD', 'base64').toString('hex') };
          request.headers['x-query'] = { value: querystring.stringify({ a: [1, 2] }) };
          return request;
        }""",
    )
    name = made["FunctionSummary"]["Name"]
    event = {"version": "1.0", "request": {"method": "GET", "uri": "/x", "headers": {}, "querystring": {}}}
    result = cdn.test_function(Name=name, IfMatch=made["ETag"], EventObject=json.dumps(event).encode())["TestResult"]
    headers = json.loads(result["FunctionOutput"])["request"]["headers"]
    assert headers["x-hash"]["value"] == hmac.new(b"key", b"/x", "sha256").hexdigest()
    assert headers["x-text"]["value"] == "7376c3"
    assert headers["x-query"]["value"] == "a=1&a=2"
    assert result["FunctionExecutionLogs"] == ["asked for /x"]
    assert 0 <= int(result["ComputeUtilization"]) <= 100
    assert result["FunctionErrorMessage"] == ""
    broken = create(cdn, "function handler(event) { return nothing; }")
    result = cdn.test_function(
        Name=broken["FunctionSummary"]["Name"], IfMatch=broken["ETag"], EventObject=json.dumps(event).encode()
    )["TestResult"]
    assert "nothing is not defined" in result["FunctionErrorMessage"]


def test_functions_by_name_and_version(cdn: Any) -> None:
    """The errors that deployment tools handle: taken names, stale versions, unknown functions, too much code."""
    made = create(cdn, "function handler(e) { return e.request; }")
    name = made["FunctionSummary"]["Name"]
    assert (made["FunctionSummary"]["Status"], made["FunctionSummary"]["FunctionMetadata"]["Stage"]) == (
        "UNPUBLISHED", "DEVELOPMENT",
    )  # fmt: skip
    given = {"Name": name, "FunctionConfig": RUNTIME, "FunctionCode": b"x"}
    with pytest.raises(ClientError, match="FunctionAlreadyExists"):
        cdn.create_function(**given)
    with pytest.raises(ClientError, match="PreconditionFailed"):
        cdn.update_function(**given, IfMatch="EWRONG")
    with pytest.raises(ClientError, match="NoSuchFunctionExists"):
        cdn.describe_function(Name="nothing")
    with pytest.raises(ClientError, match="FunctionSizeLimitExceeded"):
        cdn.create_function(**{**given, "Name": "large", "FunctionCode": b" " * 10241})
    assert name in [item["Name"] for item in cdn.list_functions()["FunctionList"]["Items"]]
    cdn.delete_function(Name=name, IfMatch=made["ETag"])
    with pytest.raises(ClientError, match="NoSuchFunctionExists"):
        cdn.get_function(Name=name)
