"""HTTP APIs as callers meet them: routes, events, integrations, CORS. Real boto3 builds them, urllib calls them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.contract.apigateway import fetch, serve_upstream


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with serve_upstream() as url:
        yield url


@pytest.fixture(scope="module")
def apis(sandbox: Any) -> Any:
    return sandbox.client("apigatewayv2")


def add_route(apis: Any, api_id: str, key: str, uri: str, **integration: Any) -> str:
    """An HTTP_PROXY integration and a route to it; returns the route's id."""
    made = apis.create_integration(
        ApiId=api_id,
        IntegrationType="HTTP_PROXY",
        IntegrationUri=uri,
        IntegrationMethod="ANY",
        PayloadFormatVersion="1.0",
        **integration,
    )
    route = apis.create_route(ApiId=api_id, RouteKey=key, Target=f"integrations/{made['IntegrationId']}")
    return str(route["RouteId"])


@pytest.fixture(scope="module")
def ranked(apis: Any, upstream: str) -> str:
    """An API whose routes tell which of them was taken."""
    api = apis.create_api(Name="ranked", ProtocolType="HTTP")
    keys = [
        "GET /pets", "ANY /pets", "GET /pets/dog/1", "GET /pets/dog/{id}", "GET /pets/{proxy+}", "ANY /{proxy+}",
        "$default", "POST /{kind}/new", "GET /{kind}/{id}/name",
    ]  # fmt: skip
    for key in keys:
        add_route(
            apis,
            api["ApiId"],
            key,
            f"{upstream}/took",
            RequestParameters={"overwrite:header.x-took": key.replace("$", "")},
        )
    apis.create_stage(ApiId=api["ApiId"], StageName="$default", AutoDeploy=True)
    return str(api["ApiEndpoint"])


@pytest.mark.parametrize(
    ("method", "path", "key"),
    [
        ("GET", "/pets", "GET /pets"),
        ("PUT", "/pets", "ANY /pets"),
        ("GET", "/pets/dog/1", "GET /pets/dog/1"),
        ("GET", "/pets/dog/2", "GET /pets/dog/{id}"),
        ("GET", "/pets/cat/1", "GET /pets/{proxy+}"),
        ("POST", "/pets/cat/1", "ANY /{proxy+}"),
        ("POST", "/test/5", "ANY /{proxy+}"),
        ("POST", "/pets/new", "POST /{kind}/new"),
        ("GET", "/fish/7/name", "GET /{kind}/{id}/name"),
        ("GET", "/", "default"),
    ],
)
def test_the_most_specific_route_is_taken(ranked: str, method: str, path: str, key: str) -> None:
    """AWS's ranking: full matches, then greedy variables, then $default; a method's own route before ANY."""
    answer = fetch(ranked + path, method, b"" if method != "GET" else None)
    assert answer.status == 200
    assert answer.json["headers"]["x-took"] == key


def test_quick_create_makes_an_api_that_answers(apis: Any, upstream: str) -> None:
    """`create-api --target` is the shortest way to an API; it has a route, an integration and a stage at once."""
    api = apis.create_api(Name="quick", ProtocolType="HTTP", Target=f"{upstream}/quick")
    assert api["ProtocolType"] == "HTTP"
    assert api["RouteSelectionExpression"] == "$request.method $request.path"
    assert api["ApiKeySelectionExpression"] == "$request.header.x-api-key"
    answer = fetch(api["ApiEndpoint"] + "/anything?a=1", "POST", b"hello")
    assert (answer.status, answer.json["path"], answer.json["body"]) == (200, "/quick?a=1", "hello")
    (route,) = apis.get_routes(ApiId=api["ApiId"])["Items"]
    assert (route["RouteKey"], route["ApiGatewayManaged"]) == ("$default", True)
    (stage,) = apis.get_stages(ApiId=api["ApiId"])["Items"]
    assert (stage["StageName"], stage["AutoDeploy"]) == ("$default", True)
    apis.update_api(ApiId=api["ApiId"], Target=f"{upstream}/other")
    assert fetch(api["ApiEndpoint"] + "/x").json["path"] == "/other"
    apis.delete_api(ApiId=api["ApiId"])
    assert fetch(api["ApiEndpoint"] + "/x").status == 404


def test_an_http_endpoint_gets_the_request_and_its_answer_comes_back(apis: Any, upstream: str) -> None:
    """HTTP_PROXY passes on method, body, query and headers, and fills in path variables."""
    api = apis.create_api(Name="proxy", ProtocolType="HTTP")
    add_route(apis, api["ApiId"], "ANY /items/{proxy+}", f"{upstream}/in/{{proxy}}?fixed=1")
    add_route(apis, api["ApiId"], "GET /teapot", f"{upstream}/status/418")
    apis.create_stage(ApiId=api["ApiId"], StageName="$default", AutoDeploy=True)
    url = api["ApiEndpoint"]
    answer = fetch(f"{url}/items/a%20b/c?q=x%20y", "PATCH", b"\x00\xff", {"x-mine": "1", "content-type": "a/b"})
    assert answer.json["method"] == "PATCH"
    assert answer.json["path"] == "/in/a%20b/c?fixed=1&q=x%20y"
    assert answer.json["body"] == "\x00\xff"
    assert answer.json["headers"]["x-mine"] == "1"
    assert answer.json["headers"]["x-forwarded-for"] == "127.0.0.1"
    assert answer.headers["x-upstream"] == "yes"
    assert answer.headers["apigw-requestid"]
    assert fetch(f"{url}/teapot").status == 418


def test_parameters_are_mapped(apis: Any, upstream: str) -> None:
    """Parameter mapping changes what the endpoint gets and what the caller gets."""
    api = apis.create_api(Name="mapped", ProtocolType="HTTP")
    add_route(
        apis,
        api["ApiId"],
        "POST /orders/{id}",
        upstream,
        RequestParameters={
            "overwrite:path": "/v2/${request.path.id}",
            "append:querystring.from": "$request.header.x-from",
            "overwrite:header.x-name": "$request.body.customer.names[1]",
            "remove:header.x-secret": "''",
            "append:header.x-stage": "${context.stage}-${stageVariables.color}",
        },
        ResponseParameters={"200": {"overwrite:statuscode": "201", "append:header.x-up": "$response.body.method"}},
    )
    apis.create_stage(ApiId=api["ApiId"], StageName="$default", AutoDeploy=True, StageVariables={"color": "blue"})
    body = json.dumps({"customer": {"names": ["a", "b"]}}).encode()
    answer = fetch(api["ApiEndpoint"] + "/orders/7?q=1", "POST", body, {"x-from": "me", "x-secret": "s"})
    assert answer.status == 201
    assert answer.headers["x-up"] == "POST"
    assert answer.json["path"] == "/v2/7?q=1&from=me"
    assert answer.json["headers"]["x-name"] == "b"
    assert "x-secret" not in answer.json["headers"]
    assert answer.json["headers"]["x-stage"] == "$default-blue"


def test_stages_serve_their_own_deployment(apis: Any, upstream: str) -> None:
    """A stage without AutoDeploy goes on serving what was deployed, whatever is changed since."""
    api = apis.create_api(Name="staged", ProtocolType="HTTP")
    route = add_route(apis, api["ApiId"], "GET /a", f"{upstream}/a")
    apis.create_stage(ApiId=api["ApiId"], StageName="prod")
    assert fetch(api["ApiEndpoint"] + "/prod/a").status == 404
    deployment = apis.create_deployment(ApiId=api["ApiId"], StageName="prod", Description="first")
    assert deployment["DeploymentStatus"] == "DEPLOYED"
    assert fetch(api["ApiEndpoint"] + "/prod/a").json["path"] == "/a"
    apis.update_route(ApiId=api["ApiId"], RouteId=route, RouteKey="GET /b")
    assert fetch(api["ApiEndpoint"] + "/prod/a").status == 200
    assert fetch(api["ApiEndpoint"] + "/prod/b").status == 404
    apis.create_deployment(ApiId=api["ApiId"], StageName="prod")
    assert fetch(api["ApiEndpoint"] + "/prod/b").status == 200
    apis.update_stage(ApiId=api["ApiId"], StageName="prod", DeploymentId=deployment["DeploymentId"])
    assert fetch(api["ApiEndpoint"] + "/prod/a").status == 200


def test_an_api_answers_by_path_too(apis: Any, sandbox: Any, upstream: str) -> None:
    """Where names under localhost don't resolve, /_aws/execute-api/ID/ is the way."""
    api = apis.create_api(Name="by-path", ProtocolType="HTTP", Target=f"{upstream}/x")
    assert fetch(f"{sandbox.server.endpoint}/_aws/execute-api/{api['ApiId']}/a").status == 200


def test_an_api_of_another_region_answers(sandbox: Any, upstream: str) -> None:
    """An id names its API; the host need not name the region."""
    far = sandbox.client("apigatewayv2", region="eu-west-1")
    api = far.create_api(Name="far", ProtocolType="HTTP", Target=f"{upstream}/far")
    assert fetch(api["ApiEndpoint"] + "/").json["path"] == "/far"


def test_a_disabled_endpoint_answers_nothing(apis: Any, upstream: str) -> None:
    """DisableExecuteApiEndpoint closes the API's own host."""
    api = apis.create_api(Name="off", ProtocolType="HTTP", Target=f"{upstream}/x", DisableExecuteApiEndpoint=True)
    answer = fetch(api["ApiEndpoint"] + "/")
    assert (answer.status, answer.json) == (404, {"message": "Not Found"})


def test_what_is_not_there_is_not_found(apis: Any, sandbox: Any, upstream: str) -> None:
    """An API without a matching route, and a host of no API, answer as AWS does."""
    api = apis.create_api(Name="few", ProtocolType="HTTP", Target=upstream, RouteKey="GET /only")
    for url in (api["ApiEndpoint"] + "/other", f"http://aaaaaaaaaa.execute-api.localhost:{sandbox.server.port}/"):
        answer = fetch(url)
        assert (answer.status, answer.json) == (404, {"message": "Not Found"})


def test_an_endpoint_that_does_not_answer(apis: Any, upstream: str) -> None:
    """Nobody listens: 503. Too slow: 504. Both without details of the inside."""
    api = apis.create_api(Name="broken", ProtocolType="HTTP")
    add_route(apis, api["ApiId"], "GET /closed", "http://127.0.0.1:1/")
    add_route(apis, api["ApiId"], "GET /slow", f"{upstream}/slow", TimeoutInMillis=50)
    apis.create_stage(ApiId=api["ApiId"], StageName="$default", AutoDeploy=True)
    closed, slow = fetch(api["ApiEndpoint"] + "/closed"), fetch(api["ApiEndpoint"] + "/slow")
    assert (closed.status, closed.json) == (503, {"message": "Service Unavailable"})
    assert (slow.status, slow.json) == (504, {"message": "Gateway Timeout"})


def test_a_body_over_ten_megabytes_is_refused(apis: Any, upstream: str) -> None:
    """The payload quota of HTTP APIs."""
    api = apis.create_api(Name="large", ProtocolType="HTTP", Target=upstream)
    answer = fetch(api["ApiEndpoint"] + "/", "POST", b"x" * ((10 << 20) + 1))
    assert answer.status == 413


def test_the_gateway_answers_preflights(apis: Any, upstream: str) -> None:
    """With a CORS configuration no route is needed for OPTIONS, and the integration's own CORS headers are replaced."""
    api = apis.create_api(
        Name="cors",
        ProtocolType="HTTP",
        Target=upstream,
        RouteKey="GET /data",
        CorsConfiguration={
            "AllowOrigins": ["https://app.example.com"],
            "AllowMethods": ["GET", "POST"],
            "AllowHeaders": ["content-type", "x-mine"],
            "ExposeHeaders": ["x-upstream"],
            "AllowCredentials": True,
            "MaxAge": 300,
        },
    )
    url = api["ApiEndpoint"] + "/data"
    asked = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "GET"}
    answer = fetch(url, "OPTIONS", None, asked | {"Access-Control-Request-Headers": "X-Mine"})
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == "https://app.example.com"
    assert answer.headers["access-control-allow-methods"] == "GET,POST"
    assert answer.headers["access-control-allow-headers"] == "content-type,x-mine"
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["access-control-max-age"] == "300"
    actual = fetch(url, headers={"Origin": "https://app.example.com"})
    assert actual.headers["access-control-allow-origin"] == "https://app.example.com"
    assert actual.headers["access-control-expose-headers"] == "x-upstream"
    stranger = fetch(url, "OPTIONS", None, asked | {"Origin": "https://evil.example.com"})
    assert stranger.status == 204
    assert stranger.headers["access-control-allow-origin"] is None
    apis.delete_cors_configuration(ApiId=api["ApiId"])
    assert fetch(url, headers={"Origin": "https://app.example.com"}).headers["access-control-allow-origin"] is None


def test_a_queue_is_an_integration(apis: Any, sandbox: Any) -> None:
    """First-class integrations call an AWS service without a function in between."""
    sqs = sandbox.client("sqs")
    queue = sqs.create_queue(QueueName="from-http")["QueueUrl"]
    api = apis.create_api(Name="to-sqs", ProtocolType="HTTP")
    wanted = {"QueueUrl": queue, "MessageBody": "$request.body.text", "DelaySeconds": "0"}
    integration = apis.create_integration(
        ApiId=api["ApiId"],
        IntegrationType="AWS_PROXY",
        IntegrationSubtype="SQS-SendMessage",
        PayloadFormatVersion="1.0",
        CredentialsArn=f"arn:aws:iam::{sandbox.account}:role/r",
        RequestParameters=wanted,
    )
    target = f"integrations/{integration['IntegrationId']}"
    apis.create_route(ApiId=api["ApiId"], RouteKey="POST /send", Target=target)
    apis.create_stage(ApiId=api["ApiId"], StageName="$default", AutoDeploy=True)
    sent = fetch(api["ApiEndpoint"] + "/send", "POST", b'{"text": "hello"}')
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert (message["Body"], message["MessageId"]) == ("hello", sent.json["MessageId"])


def definition(upstream: str) -> dict[str, Any]:
    return {
        "openapi": "3.0.1",
        "info": {"title": "imported", "version": "7", "description": "d"},
        "tags": [{"name": "team", "x-amazon-apigateway-tag-value": "a"}],
        "servers": [{"url": "https://example.com/{basePath}", "variables": {"basePath": {"default": "/base"}}}],
        "x-amazon-apigateway-cors": {"allowOrigins": ["https://a.example.com"], "maxAge": 5},
        "components": {
            "securitySchemes": {
                "tokens": {
                    "type": "oauth2",
                    "x-amazon-apigateway-authorizer": {
                        "type": "jwt",
                        "jwtConfiguration": {"issuer": "https://issuer.example.com", "audience": ["a"]},
                        "identitySource": "$request.header.Authorization",
                    },
                }
            },
            "x-amazon-apigateway-integrations": {
                "shared": {
                    "type": "http_proxy",
                    "httpMethod": "ANY",
                    "uri": f"{upstream}/shared",
                    "payloadFormatVersion": 1.0,
                }
            },
        },
        "paths": {
            "/a/{id}": {
                "get": {
                    "operationId": "getA",
                    "x-amazon-apigateway-integration": {"$ref": "#/components/x-amazon-apigateway-integrations/shared"},
                },
                "post": {
                    "security": [{"tokens": ["write"]}],
                    "x-amazon-apigateway-integration": {"$ref": "#/components/x-amazon-apigateway-integrations/shared"},
                },
            },
            "/$default": {
                "x-amazon-apigateway-any-method": {
                    "x-amazon-apigateway-integration": {
                        "type": "HTTP_PROXY",
                        "httpMethod": "GET",
                        "uri": f"{upstream}/rest",
                    }
                }
            },
            "/open": {"get": {}},
        },
    }


def test_a_definition_is_imported(apis: Any, upstream: str) -> None:
    """OpenAPI with API Gateway's extensions makes routes, integrations, authorizers, CORS and tags."""
    api = apis.import_api(Body=json.dumps(definition(upstream)), Basepath="prepend")
    assert (api["Name"], api["Version"], api["Description"], api["Tags"]) == ("imported", "7", "d", {"team": "a"})
    assert api["CorsConfiguration"] == {"AllowOrigins": ["https://a.example.com"], "MaxAge": 5}
    assert api["Warnings"] == ["No integration for the route GET /base/open"]
    routes = {route["RouteKey"]: route for route in apis.get_routes(ApiId=api["ApiId"])["Items"]}
    assert set(routes) == {"GET /base/a/{id}", "POST /base/a/{id}", "$default", "GET /base/open"}
    assert routes["GET /base/a/{id}"]["OperationName"] == "getA"
    assert routes["POST /base/a/{id}"]["AuthorizationType"] == "JWT"
    assert routes["POST /base/a/{id}"]["AuthorizationScopes"] == ["write"]
    assert len(apis.get_integrations(ApiId=api["ApiId"])["Items"]) == 2
    apis.create_stage(ApiId=api["ApiId"], StageName="$default", AutoDeploy=True)
    assert fetch(api["ApiEndpoint"] + "/base/a/1").json["path"] == "/shared"
    assert fetch(api["ApiEndpoint"] + "/base/a/1", "POST", b"").status == 401
    assert fetch(api["ApiEndpoint"] + "/else").json["path"] == "/rest"
    again = definition(upstream)
    del again["paths"]["/a/{id}"]
    apis.reimport_api(ApiId=api["ApiId"], Body=json.dumps(again))
    assert fetch(api["ApiEndpoint"] + "/base/a/1").json["path"] == "/rest"


def test_a_definition_is_exported(apis: Any, upstream: str) -> None:
    """As it is, or as a stage serves it; what was exported can be imported, and says the same then."""
    given = definition(upstream)
    given["paths"]["/a/{id}"]["put"] = {
        "x-amazon-apigateway-auth": {"type": "AWS_IAM"},
        "x-amazon-apigateway-integration": {"$ref": "#/components/x-amazon-apigateway-integrations/shared"},
    }
    key = {"ApiId": apis.import_api(Body=json.dumps(given))["ApiId"], "Specification": "OAS30"}
    body = apis.export_api(**key, OutputType="JSON")["body"].read()
    shown = json.loads(body)
    assert shown["info"] == given["info"]
    assert shown["tags"] == given["tags"]
    assert shown["x-amazon-apigateway-cors"] == given["x-amazon-apigateway-cors"]
    assert set(shown["paths"]) == {"/a/{id}", "/$default", "/open"}
    assert shown["paths"]["/$default"]["x-amazon-apigateway-any-method"]["isDefaultRoute"] is True
    assert shown["paths"]["/a/{id}"]["post"]["security"] == [{"tokens": ["write"]}]
    assert shown["paths"]["/a/{id}"]["put"]["x-amazon-apigateway-auth"] == {"type": "AWS_IAM"}
    assert shown["paths"]["/a/{id}"]["get"]["x-amazon-apigateway-integration"]["uri"] == f"{upstream}/shared"
    again = {"ApiId": apis.import_api(Body=body.decode())["ApiId"], "Specification": "OAS30"}
    repeated = json.loads(apis.export_api(**again, OutputType="JSON")["body"].read())
    assert repeated | {"servers": 0} == shown | {"servers": 0}
    apis.create_stage(ApiId=key["ApiId"], StageName="dev", AutoDeploy=True)
    served = apis.export_api(**key, OutputType="YAML", StageName="dev", IncludeExtensions=False)["body"].read().decode()
    assert "default: dev" in served
    assert "x-amazon-apigateway-integration" not in served
    with pytest.raises(apis.exceptions.NotFoundException):
        apis.export_api(**key, OutputType="JSON", StageName="none")
    with pytest.raises(apis.exceptions.BadRequestException):
        apis.export_api(**key, OutputType="XML")


def test_definitions_in_yaml(apis: Any) -> None:
    """YAML as well, but not with aliases, by which a few lines become gigabytes."""
    api = apis.import_api(Body="openapi: 3.0.0\ninfo: {title: y, version: '1'}\npaths:\n  /a: {get: {}}\n")
    assert [route["RouteKey"] for route in apis.get_routes(ApiId=api["ApiId"])["Items"]] == ["GET /a"]
    for wrong in ("a: &x [1]\nb: *x\n", "{", "[]", "openapi: '2.0'", "openapi: 3.0.0\ninfo: {}"):
        with pytest.raises(apis.exceptions.BadRequestException):
            apis.import_api(Body=wrong)
    with pytest.raises(apis.exceptions.BadRequestException):
        apis.import_api(
            Body='{"openapi": "3.0.0", "info": {"title": "t"}, "paths": {"/a": {"get": {}}}}', FailOnWarnings=True
        )


def test_warnings_can_fail_an_import(apis: Any) -> None:
    """A schema that the document lacks is a warning, which AWS tells of only where it is to fail the import."""
    api = apis.create_api(Name="before", ProtocolType="HTTP")["ApiId"]
    schema = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/None"}}}}
    integration = {"type": "HTTP_PROXY", "httpMethod": "GET", "payloadFormatVersion": "1.0", "uri": "http://x"}
    operation = {"x-amazon-apigateway-integration": integration, "responses": {"200": {"description": "d"} | schema}}
    definition = {"openapi": "3.0.1", "info": {"title": "after"}, "paths": {"/update": {"get": operation}}}
    with pytest.raises(apis.exceptions.BadRequestException) as caught:
        apis.reimport_api(ApiId=api, Body=json.dumps(definition), FailOnWarnings=True)
    assert caught.value.response["Error"]["Message"] == (
        "Warnings found during import:\n\tParse issue: attribute paths.'/update'(get).responses.200.content.schema."
        "#/components/schemas/None is missing"
    )
    assert apis.get_api(ApiId=api)["Name"] == "before"
    apis.reimport_api(ApiId=api, Body=json.dumps(definition))
    assert apis.get_api(ApiId=api)["Name"] == "after"


def test_access_logs(apis: Any, sandbox: Any, upstream: str) -> None:
    """Each request leaves a line in the stage's log group."""
    api = apis.create_api(Name="logged", ProtocolType="HTTP", Target=f"{upstream}/status/418")
    group = f"arn:aws:logs:us-east-1:{sandbox.account}:log-group:http-access"
    settings = {"DestinationArn": group, "Format": '{"k":"$context.routeKey","s":$context.status,"p":"$context.path"}'}
    apis.update_stage(ApiId=api["ApiId"], StageName="$default", AccessLogSettings=settings)
    fetch(api["ApiEndpoint"] + "/a")
    (event,) = sandbox.client("logs").filter_log_events(logGroupName="http-access")["events"]
    assert json.loads(event["message"]) == {"k": "$default", "s": 418, "p": "/a"}


def test_throttling(apis: Any, upstream: str) -> None:
    """A route's limits come before the stage's."""
    api = apis.create_api(Name="throttled", ProtocolType="HTTP", Target=upstream, RouteKey="GET /a")
    limits = {"ThrottlingBurstLimit": 1, "ThrottlingRateLimit": 0.001}
    apis.update_stage(ApiId=api["ApiId"], StageName="$default", RouteSettings={"GET /a": limits})
    assert fetch(api["ApiEndpoint"] + "/a").status == 200
    answer = fetch(api["ApiEndpoint"] + "/a")
    assert (answer.status, answer.json) == (429, {"message": "Too Many Requests"})
