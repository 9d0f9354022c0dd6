"""What hosts and requests say about where they go. The router is a table; these are its rows."""

from __future__ import annotations

from typing import Any

import pytest

from mrak.auth.signature import parse_signature
from mrak.core.http import Request
from mrak.gateway.hosts import HostParts, may_name_environment, parse_host
from mrak.gateway.router import route, route_plane

HOSTS = [
    ("localhost:4566", HostParts()),
    ("127.0.0.1:4566", HostParts()),
    ("[::1]:4566", HostParts()),
    ("example.com", HostParts()),
    ("alice.localhost:4566", HostParts("", "", "", "alice")),
    ("assets.s3.localhost", HostParts("s3", "assets")),
    ("a.b.c.s3.localhost", HostParts("s3", "a.b.c")),
    ("assets.s3.eu-central-1.localhost", HostParts("s3", "assets", "eu-central-1")),
    ("assets.s3.localhost.localstack.cloud:4566", HostParts("s3", "assets")),
    ("assets.s3.us-west-2.amazonaws.com", HostParts("s3", "assets", "us-west-2")),
    ("assets.s3.alice.localhost", HostParts("s3", "assets", "", "alice")),
    ("site.s3-website.us-east-1.localhost", HostParts("s3-website", "site", "us-east-1")),
    ("site.s3-website-us-east-1.amazonaws.com", HostParts("s3-website", "site", "us-east-1")),
    ("abc.execute-api.localhost", HostParts("execute-api", "abc")),
    ("abc.execute-api.us-east-1.amazonaws.com", HostParts("execute-api", "abc", "us-east-1")),
    ("xyz.lambda-url.us-east-1.localhost", HostParts("lambda-url", "xyz", "us-east-1")),
    ("d111.cloudfront.localhost", HostParts("cloudfront", "d111")),
    ("d111.cloudfront.net", HostParts("cloudfront", "d111")),
    ("sqs.us-east-1.localhost", HostParts("service", "sqs", "us-east-1")),
    ("sqs.localhost", HostParts("service", "sqs")),
    ("s3.localhost", HostParts("service", "s3")),
    ("111122223333.localhost", HostParts()),
    ("111122223333.alice.localhost:4566", HostParts("", "", "", "alice")),
    ("111122223333.s3-control.us-east-1.amazonaws.com", HostParts("service", "s3-control", "us-east-1")),
    ("111122223333.s3.localhost", HostParts("s3", "111122223333")),
    ("door-111122223333.localhost", HostParts("s3", "door-111122223333")),
    ("door-111122223333.alice.localhost", HostParts("s3", "door-111122223333", "", "alice")),
    ("door-111122223333.s3-accesspoint.eu-west-1.amazonaws.com", HostParts("s3", "door-111122223333", "eu-west-1")),
    ("app-111122223333.auth.us-east-1.localhost", HostParts("cognito-idp", "app-111122223333", "us-east-1")),
]


@pytest.mark.parametrize(("host", "parts"), HOSTS)
def test_hosts(host: str, parts: HostParts) -> None:
    """Virtual hosts in all the spellings that SDKs, browsers and LocalStack's users have."""
    assert parse_host(host) == parts


def test_names_that_hosts_take_for_something_else() -> None:
    """An environment of such a name could not be reached by its host."""
    refused = ["sqs", "s3", "us-east-1", "123456789012", "point-123456789012"]
    assert [name for name in [*refused, "alice", "pr-12"] if may_name_environment(name)] == ["alice", "pr-12"]


def request(method: str, path: str, *, host: str = "localhost:4566", query: str = "", **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(method, path, query, {"host": host, "x-amz-date": "20261123T000000Z", **named})


def signed(service: str) -> str:
    scope = f"AKIAIOSFODNN7EXAMPLE/20261123/us-east-1/{service}/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'a' * 64}"


FORM = "application/x-www-form-urlencoded"
SERVICES: list[tuple[Request, tuple[str, str]]] = [
    (request("POST", "/", x_amz_target="AmazonSQS.SendMessage", authorization=signed("sqs")), ("sqs", "json")),
    (request("POST", "/", x_amz_target="DynamoDB_20120810.GetItem"), ("dynamodb", "json")),
    (request("POST", "/", x_amz_target="DynamoDBStreams_20120810.ListStreams"), ("dynamodbstreams", "json")),
    (request("POST", "/", x_amz_target="AWSStepFunctions.ListStateMachines"), ("stepfunctions", "json")),
    (request("POST", "/", authorization=signed("sqs"), content_type=FORM), ("sqs", "query")),
    (request("POST", "/000000000000/q", authorization=signed("sqs"), content_type=FORM), ("sqs", "query")),
    (request("POST", "/", authorization=signed("iam"), content_type=FORM), ("iam", "query")),
    (request("POST", "/", authorization=signed("monitoring"), content_type=FORM), ("cloudwatch", "query")),
    (request("GET", "/2015-03-31/functions", authorization=signed("lambda")), ("lambda", "")),
    (request("GET", "/2015-03-31/functions"), ("lambda", "")),
    (request("GET", "/v2/apis", authorization=signed("apigateway")), ("apigatewayv2", "")),
    (request("GET", "/restapis", authorization=signed("apigateway")), ("apigateway", "")),
    (request("GET", "/bucket/key", authorization=signed("s3")), ("s3", "")),
    (request("GET", "/bucket/key"), ("s3", "")),
    (request("GET", "/", host="assets.s3.localhost"), ("s3", "")),
    (request("POST", "/", query="Action=GetCallerIdentity&Version=2011-06-15"), ("sts", "query")),
    (
        request(
            "POST",
            "/service/GraniteServiceVersion20100801/operation/ListMetrics",
            smithy_protocol="rpc-v2-cbor",
            authorization=signed("monitoring"),
        ),
        ("cloudwatch", "smithy-rpc-v2-cbor"),
    ),
]


@pytest.mark.parametrize(("made", "expected"), SERVICES)
def test_services(made: Request, expected: tuple[str, str]) -> None:
    """Every way in which SDKs name a service, signed or not."""
    assert route_plane(made) is None
    found = route(made, parse_signature(made))
    assert (found.service, found.protocol) == expected


PLANES: list[tuple[Request, dict[str, Any]]] = [
    (
        request("GET", "/items", host="abc.execute-api.localhost:4566"),
        {"plane": "execute-api", "resource": "abc", "path": "/items"},
    ),
    (request("GET", "/_aws/execute-api/abc/items"), {"plane": "execute-api", "resource": "abc", "path": "/items"}),
    (
        request("GET", "/restapis/abc/dev/_user_request_/items"),
        {"plane": "execute-api", "resource": "abc", "path": "/dev/items"},
    ),
    (request("GET", "/x", host="f1.lambda-url.us-east-1.localhost"), {"plane": "lambda-url", "resource": "f1"}),
    (request("GET", "/x", host="d1.cloudfront.localhost"), {"plane": "cloudfront", "resource": "d1"}),
    (
        request("GET", "/", host="site.s3-website.us-east-1.localhost"),
        {"plane": "s3-website", "resource": "site", "region": "us-east-1"},
    ),
    (
        request("GET", "/", host="abc.execute-api.alice.localhost"),
        {"plane": "execute-api", "resource": "abc", "environment": "alice"},
    ),
]


@pytest.mark.parametrize(("made", "expected"), PLANES)
def test_data_planes(made: Request, expected: dict[str, Any]) -> None:
    """Requests to what users built go to its data plane, by host or by LocalStack's paths."""
    found = route_plane(made)
    assert found is not None
    assert {name: getattr(found, name) for name in expected} == expected
