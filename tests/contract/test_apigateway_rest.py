"""REST APIs as callers meet them: events, integrations, templates, authorizers, keys, validation."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.contract.apigateway import fetch, make_functions, serve_upstream, sign

CODE = """
import json

def proxy(event, context):
    return {"statusCode": 200, "body": json.dumps(event)}

def answer(event, context):
    return json.loads(event["body"])

def plain(event, context):
    if event.get("fail"):
        raise Exception("Error: " + event["fail"])
    return event

def token(event, context):
    if event["authorizationToken"] == "unknown":
        raise Exception("Unauthorized")
    effect = "Allow" if event["authorizationToken"] == "good" else "Deny"
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": event["methodArn"]}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return {"principalId": "p1", "context": {"n": 1, "b": True, "type": event["type"]}, "policyDocument": document}

def request(event, context):
    allowed = event["queryStringParameters"].get("q") == "good"
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow" if allowed else "Deny", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    key = event["headers"].get("X-Who")
    return {"principalId": event["httpMethod"], "policyDocument": document, "usageIdentifierKey": key}
"""


class Rest:
    """A REST API under construction; `url` is where its stage answers."""

    def __init__(self, sandbox: Any, **settings: Any) -> None:
        self.client = sandbox.client("apigateway")
        self.server = sandbox.server
        made = self.client.create_rest_api(name=f"r{uuid.uuid4().hex[:8]}", **settings)
        self.id, self.root = made["id"], made["rootResourceId"]
        self.url = f"http://{self.id}.execute-api.localhost:{sandbox.server.port}/test"

    def resource(self, path: str) -> str:
        parent = self.root
        for part in path.strip("/").split("/") if path != "/" else []:
            found = self.client.get_resources(restApiId=self.id, limit=500)["items"]
            child = [row["id"] for row in found if row.get("parentId") == parent and row["pathPart"] == part]
            parent = (
                child[0]
                if child
                else self.client.create_resource(restApiId=self.id, parentId=parent, pathPart=part)["id"]
            )
        return parent

    def method(self, verb: str, path: str, kind: str, responses: dict[str, Any] | None = None, **more: Any) -> str:
        """A method with its integration; `responses` are integration responses by status."""
        resource = self.resource(path)
        where = {"restApiId": self.id, "resourceId": resource, "httpMethod": verb}
        method = {key: more.pop(key) for key in list(more) if key in (
            "authorizationType", "authorizerId", "apiKeyRequired", "requestModels", "requestValidatorId",
            "authorizationScopes", "methodParameters",
        )}  # fmt: skip
        if "methodParameters" in method:
            method["requestParameters"] = method.pop("methodParameters")
        self.client.put_method(**where, **{"authorizationType": "NONE", **method})
        if kind not in ("MOCK",):
            more.setdefault("integrationHttpMethod", "POST")
        self.client.put_integration(**where, type=kind, **more)
        for status, response in (responses or {}).items():
            headers = dict.fromkeys(response.get("responseParameters", {}), False)
            self.client.put_method_response(**where, statusCode=status, responseParameters=headers)
            self.client.put_integration_response(**where, statusCode=status, **response)
        return resource

    def deploy(self, **more: Any) -> str:
        return str(self.client.create_deployment(restApiId=self.id, stageName="test", **more)["id"])


def lambda_uri(function: str) -> str:
    return f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations"


@pytest.fixture(scope="module")
def functions(sandbox: Any) -> dict[str, str]:
    made = make_functions(sandbox, "rest", CODE, ("proxy", "answer", "plain", "token", "request"))
    return {name: lambda_uri(arn) for name, arn in made.items()}


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with serve_upstream() as url:
        yield url


@pytest.fixture(scope="module")
def proxied(sandbox: Any, functions: dict[str, str]) -> Rest:
    api = Rest(sandbox, binaryMediaTypes=["image/png"])
    api.method("ANY", "/{proxy+}", "AWS_PROXY", uri=functions["proxy"])
    api.method("POST", "/answer", "AWS_PROXY", uri=functions["answer"])
    unheeded = {"integration.request.header.x": "'x'", "integration.request.querystring.x": "'x'"}
    api.method("GET", "/fixed/{id}/name", "AWS_PROXY", uri=functions["proxy"], requestParameters=unheeded)
    api.method("GET", "/wrong", "AWS_PROXY", uri=functions["proxy"], integrationHttpMethod="GET")
    api.deploy(variables={"color": "blue"})
    return api


def test_the_event_of_a_proxied_function(proxied: Rest, sandbox: Any) -> None:
    """Every member in AWS's shape. APIGW-002: header names are in title case, since their own case is not kept."""
    headers = {"X-Mine": "v", "User-Agent": "tests", "Content-Type": "application/json", "Accept": "*/*"}
    event = fetch(f"{proxied.url}/a/b?q=1&q=2", "POST", b'{"a": 1}', headers).json
    context, shown = event.pop("requestContext"), event.pop("headers")
    assert event.pop("multiValueHeaders") == {name: [value] for name, value in shown.items()}
    assert event == {
        "resource": "/{proxy+}",
        "path": "/a/b",
        "httpMethod": "POST",
        "queryStringParameters": {"q": "2"},
        "multiValueQueryStringParameters": {"q": ["1", "2"]},
        "pathParameters": {"proxy": "a/b"},
        "stageVariables": {"color": "blue"},
        "body": '{"a": 1}',
        "isBase64Encoded": False,
    }
    assert (shown["X-Mine"], shown["User-Agent"], shown["X-Forwarded-For"]) == ("v", "tests", "127.0.0.1")
    assert shown["X-Amzn-Trace-Id"].startswith("Root=1-")
    assert not {"Connection", "Content-Length"} & set(shown), "those end at the gateway (recorded)"
    for volatile in ("requestId", "extendedRequestId", "requestTime", "requestTimeEpoch", "resourceId", "deploymentId"):
        assert context.pop(volatile)
    assert context == {
        "accountId": sandbox.account,
        "apiId": proxied.id,
        "domainName": f"{proxied.id}.execute-api.localhost",
        "domainPrefix": proxied.id,
        "httpMethod": "POST",
        "identity": {
            "accessKey": None, "accountId": None, "caller": None, "cognitoAuthenticationProvider": None,
            "cognitoAuthenticationType": None, "cognitoIdentityId": None, "cognitoIdentityPoolId": None,
            "principalOrgId": None, "sourceIp": "127.0.0.1", "user": None, "userAgent": "tests", "userArn": None,
        },
        "path": "/test/a/b",
        "protocol": "HTTP/1.1",
        "resourcePath": "/{proxy+}",
        "stage": "test",
    }  # fmt: skip


def test_the_least_event(proxied: Rest) -> None:
    """Null for what is not there; a slash at the end is in the path only; several slashes are one."""
    event = fetch(f"{proxied.url}//value/").json
    for member in ("queryStringParameters", "multiValueQueryStringParameters", "body"):
        assert event[member] is None
    assert (event["path"], event["pathParameters"]) == ("/value/", {"proxy": "value"})
    encoded = fetch(f"{proxied.url}/user/a%2Bb@c.d").json
    assert encoded["path"] == "/user/a%2Bb@c.d"


def test_the_most_specific_resource_is_taken(proxied: Rest) -> None:
    """Static parts before variables before greedy ones."""
    event = fetch(f"{proxied.url}/fixed/7/name").json
    assert (event["resource"], event["pathParameters"]) == ("/fixed/{id}/name", {"id": "7"})
    assert "x" not in event["headers"] and event["queryStringParameters"] is None, "nothing is mapped for a proxy"
    assert fetch(f"{proxied.url}/fixed/7/other").json["resource"] == "/{proxy+}"


def test_binary_bodies(proxied: Rest) -> None:
    """A media type of binaryMediaTypes comes in base64, and goes out decoded where the caller accepts it."""
    event = fetch(f"{proxied.url}/x", "POST", b"\x00\xff", {"Content-Type": "image/png"}).json
    assert (event["body"], event["isBase64Encoded"]) == ("AP8=", True)
    body = json.dumps({"statusCode": 200, "body": "AP8=", "isBase64Encoded": True}).encode()
    assert fetch(f"{proxied.url}/answer", "POST", body, {"Accept": "image/png"}).body == b"\x00\xff"
    assert fetch(f"{proxied.url}/answer", "POST", body).body == b"AP8="


@pytest.mark.parametrize(
    ("returned", "status", "body"),
    [
        ({"statusCode": 201, "body": "made"}, 201, "made"),
        ({"statusCode": "202"}, 202, ""),
        ({"headers": {"a": "b"}}, 200, ""),
        ({"body": "only"}, 200, "only"),
        ({}, 502, None),
        ("text", 502, None),
        ({"statusCode": "wrong"}, 502, None),
        ({"statusCode": 200, "other": 1}, 502, None),
        ({"statusCode": 101}, 502, None),
        ({"statusCode": 200, "headers": {"a": "b\r\nx: y"}}, 502, None),
        ({"statusCode": 200, "headers": {"a\r\nb": "c"}}, 502, None),
        ({"statusCode": 200, "multiValueHeaders": {"a": "b"}}, 502, None),
    ],
)
def test_forms_of_a_proxied_answer(proxied: Rest, returned: Any, status: int, body: str | None) -> None:
    """As recorded: no member is mandatory, others than the known ones are an error."""
    answer = fetch(f"{proxied.url}/answer", "POST", json.dumps(returned).encode())
    assert answer.status == status
    assert answer.body.decode() == (body if body is not None else '{"message":"Internal server error"}')
    assert answer.headers["content-type"] == "application/json"


def test_headers_of_a_proxied_answer(proxied: Rest) -> None:
    """Multi-value headers come before single ones of the same name."""
    returned = {"statusCode": 200, "headers": {"a": "solo", "t": True}, "multiValueHeaders": {"a": ["x", "y"]}}
    answer = fetch(f"{proxied.url}/answer", "POST", json.dumps(returned).encode())
    assert answer.headers.get_all("a") == ["x", "y", "solo"]
    assert answer.headers["t"] == "true"
    assert answer.headers["x-amzn-requestid"] and answer.headers["x-amz-apigw-id"]
    assert ";Parent=" in answer.headers["x-amzn-trace-id"]
    traced = {"x-amzn-trace-id": "Root=1-3152b799-8954dae64eda91bc9a23a7e8;Parent=7fa8c0f79203be72;Sampled=1"}
    again = fetch(f"{proxied.url}/answer", "POST", json.dumps(returned).encode(), traced)
    assert again.headers["x-amzn-trace-id"] == traced["x-amzn-trace-id"], "the caller's own, where it names a parent"


def test_what_is_not_there(proxied: Rest, sandbox: Any) -> None:
    """A path without a method, a stage that is not there, a function called otherwise than by POST."""
    answer = fetch(f"{proxied.url}")
    assert (answer.status, answer.json) == (403, {"message": "Missing Authentication Token"})
    assert answer.headers["x-amzn-errortype"] == "MissingAuthenticationTokenException"
    nowhere = fetch(proxied.url.replace("/test", "/none/x"))
    assert (nowhere.status, nowhere.json) == (403, {"message": "Forbidden"})
    wrong = fetch(f"{proxied.url}/wrong")
    assert (wrong.status, wrong.json) == (500, {"message": "Internal server error"})


def test_the_paths_of_localstack(proxied: Rest, sandbox: Any) -> None:
    """/restapis/ID/STAGE/_user_request_/ is what many scripts have."""
    url = f"{sandbox.server.endpoint}/restapis/{proxied.id}/test/_user_request_/a"
    assert fetch(url).json["path"] == "/a"


def test_mock_with_templates(sandbox: Any) -> None:
    """Request and response templates with parameters, $context and overrides."""
    api = Rest(sandbox)
    template = """#set($name = $input.params('name'))
    #if($name == "fail"){"statusCode": 400}#else{"statusCode": 200}#end"""
    response = """{"name": "$util.escapeJavaScript($input.params('name'))", "path": "$context.resourcePath",
      "stage": "$stageVariables.color", "ip": "$context.identity.sourceIp"}"""
    api.method(
        "GET",
        "/hello/{name}",
        "MOCK",
        requestTemplates={"application/json": template},
        responses={
            "200": {
                "responseTemplates": {"application/json": response},
                "responseParameters": {
                    "method.response.header.x-fixed": "'yes'",
                    "method.response.header.x-path": "method.request.path.name",
                },
            },
            "400": {"selectionPattern": "4\\d\\d", "responseTemplates": {"application/json": '{"error": true}'}},
        },
    )
    override = '#set($context.responseOverride.status = 418)#set($context.responseOverride.header.x-over = "o"){}'
    api.method(
        "GET",
        "/override",
        "MOCK",
        requestTemplates={"application/json": "{statusCode: 200}"},
        responses={"200": {"responseTemplates": {"application/json": override}}},
    )
    api.method("GET", "/none", "MOCK", requestTemplates={"application/json": "{}"}, responses={"200": {}})
    api.method("GET", "/broken", "MOCK", requestTemplates={"application/json": "#if("}, responses={"200": {}})
    api.deploy(variables={"color": "red"})
    answer = fetch(f"{api.url}/hello/me")
    assert answer.json == {"name": "me", "path": "/hello/{name}", "stage": "red", "ip": "127.0.0.1"}
    assert (answer.headers["x-fixed"], answer.headers["x-path"]) == ("yes", "me")
    failed = fetch(f"{api.url}/hello/fail")
    assert (failed.status, failed.json) == (400, {"error": True})
    overridden = fetch(f"{api.url}/override")
    assert (overridden.status, overridden.headers["x-over"]) == (418, "o")
    for path in ("/none", "/broken"):
        assert (fetch(api.url + path).status, fetch(api.url + path).json["message"]) == (500, "Internal server error")


def test_http_endpoints(sandbox: Any, upstream: str) -> None:
    """HTTP_PROXY passes all on; HTTP maps parameters, body and status."""
    api = Rest(sandbox)
    api.method(
        "ANY",
        "/proxy/{id}",
        "HTTP_PROXY",
        uri=f"{upstream}/in/{{id}}",
        integrationHttpMethod="ANY",
        methodParameters={"method.request.path.id": True},
        requestParameters={
            "integration.request.path.id": "method.request.path.id",
            "integration.request.header.x-mapped": "'mapped'",
        },
    )
    api.method("GET", "/teapot", "HTTP_PROXY", uri=f"{upstream}/status/418", integrationHttpMethod="GET")
    api.method(
        "POST",
        "/mapped",
        "HTTP",
        uri=f"{upstream}/status/400",
        requestTemplates={"application/json": "{\"wrapped\": $input.json('$.a')}"},
        requestParameters={"integration.request.querystring.q": "method.request.querystring.q"},
        methodParameters={"method.request.querystring.q": False},
        passthroughBehavior="WHEN_NO_TEMPLATES",
        responses={
            "200": {},
            "409": {
                "selectionPattern": "4\\d{2}",
                "responseParameters": {"method.response.header.x-up": "integration.response.header.x-upstream"},
                "responseTemplates": {
                    "application/json": '{"got": $input.json(\'$.body\'), "q": "$input.path(\'$.path\')"}'
                },
            },
        },
    )
    api.deploy()
    answer = fetch(f"{api.url}/proxy/7?q=1", "PATCH", b"body", {"x-mine": "1"})
    assert (answer.json["method"], answer.json["path"], answer.json["body"]) == ("PATCH", "/in/7?q=1", "body")
    assert (answer.json["headers"]["x-mapped"], answer.json["headers"]["x-mine"]) == ("mapped", "1")
    assert answer.headers["x-amzn-remapped-server"]
    assert fetch(f"{api.url}/teapot").status == 418
    mapped = fetch(f"{api.url}/mapped?q=x", "POST", b'{"a": {"b": 1}}', {"content-type": "application/json"})
    assert (mapped.status, mapped.headers["x-up"]) == (409, "yes")
    assert mapped.json == {"got": '{"wrapped": {"b":1}}', "q": "/status/400?q=x"}
    refused = fetch(f"{api.url}/mapped", "POST", b"x", {"content-type": "text/plain"})
    assert (refused.status, refused.json) == (415, {"message": "Unsupported Media Type"})


def test_an_endpoint_that_does_not_answer(sandbox: Any, upstream: str) -> None:
    """Nobody listens: 500; too slow: 504."""
    api = Rest(sandbox)
    api.method("GET", "/closed", "HTTP_PROXY", uri="http://127.0.0.1:1/", integrationHttpMethod="GET")
    api.method("GET", "/slow", "HTTP_PROXY", uri=f"{upstream}/slow", integrationHttpMethod="GET", timeoutInMillis=50)
    api.deploy()
    assert fetch(f"{api.url}/closed").status == 500
    slow = fetch(f"{api.url}/slow")
    assert (slow.status, slow.json) == (504, {"message": "Endpoint request timed out"})


def test_a_function_behind_templates(sandbox: Any, functions: dict[str, str]) -> None:
    """A function's error chooses the response by its message."""
    api = Rest(sandbox)
    api.method(
        "POST",
        "/f",
        "AWS",
        uri=functions["plain"],
        requestTemplates={"application/json": '{"fail": $input.json(\'$.fail\'), "seen": true}'},
        responses={
            "200": {"responseTemplates": {"application/json": "{\"ok\": $input.path('$.seen')}"}},
            "404": {
                "selectionPattern": ".*missing.*",
                "responseTemplates": {"application/json": '{"why": "$input.path(\'$.errorMessage\')"}'},
            },
        },
    )
    api.deploy()
    fine = fetch(f"{api.url}/f", "POST", b'{"fail": null}', {"content-type": "application/json"})
    assert (fine.status, fine.json) == (200, {"ok": True})
    failed = fetch(f"{api.url}/f", "POST", b'{"fail": "it is missing"}', {"content-type": "application/json"})
    assert (failed.status, failed.json) == (404, {"why": "Error: it is missing"})


def test_aws_services_behind_methods(sandbox: Any) -> None:
    """SQS by its query protocol, DynamoDB by its JSON: each answers in its own wire format."""
    sqs, dynamodb = sandbox.client("sqs"), sandbox.client("dynamodb")
    queue = sqs.create_queue(QueueName="from-rest")["QueueUrl"]
    dynamodb.create_table(
        TableName="from-rest",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    api = Rest(sandbox)
    role = f"arn:aws:iam::{sandbox.account}:role/r"
    api.method(
        "POST",
        "/queue",
        "AWS",
        uri=f"arn:aws:apigateway:us-east-1:sqs:path/{sandbox.account}/from-rest",
        credentials=role,
        requestParameters={"integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"},
        requestTemplates={"application/json": "Action=SendMessage&MessageBody=$util.urlEncode($input.body)"},
        responses={"200": {}},
    )
    sandbox.client("ssm").put_parameter(Name="from-rest", Value="kept", Type="String")
    api.method(
        "GET",
        "/stored",
        "AWS",
        uri="arn:aws:apigateway:us-east-1:ssm:action/GetParameter",
        credentials=role,
        requestParameters={"integration.request.querystring.Name": "'from-rest'"},
        responses={"200": {}},
    )
    sandbox.client("s3").create_bucket(Bucket="from-rest")
    api.method(
        "ANY",
        "/object/{key}",
        "AWS",
        uri="arn:aws:apigateway:us-east-1:s3:path/from-rest/{key}",
        integrationHttpMethod="ANY",
        credentials=role,
        methodParameters={"method.request.path.key": True},
        requestParameters={"integration.request.path.key": "method.request.path.key"},
        responses={"200": {}},
    )
    item = '{"TableName": "from-rest", "Item": {"id": {"S": "$input.path(\'$.id\')"}}}'
    api.method(
        "PUT",
        "/item",
        "AWS",
        uri="arn:aws:apigateway:us-east-1:dynamodb:action/PutItem",
        credentials=role,
        requestTemplates={"application/json": item},
        responses={
            "200": {"responseTemplates": {"application/json": '{"put": true}'}},
            "400": {"selectionPattern": "4.*"},
        },
    )
    api.deploy()
    sent = fetch(f"{api.url}/queue", "POST", b'{"a": "b c"}', {"content-type": "application/json"})
    (received,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert (received["Body"], sent.status) == ('{"a": "b c"}', 200)
    told = sent.json["SendMessageResponse"]  # JSON, since API Gateway accepts that
    assert told["SendMessageResult"]["MessageId"] == received["MessageId"] and told["ResponseMetadata"]["RequestId"]
    assert sent.headers["x-amzn-trace-id"].startswith("Root=")
    assert fetch(f"{api.url}/stored").json["GetParameterResponse"]["GetParameterResult"]["Parameter"]["Value"] == "kept"
    assert fetch(f"{api.url}/object/from-rest.txt", "PUT", b"text", {"content-type": "text/plain"}).status == 200
    assert fetch(f"{api.url}/object/from-rest.txt").body == b"text", "ANY is the caller's method"
    assert fetch(f"{api.url}/item", "PUT", b'{"id": "i1"}', {"content-type": "application/json"}).json == {"put": True}
    assert dynamodb.get_item(TableName="from-rest", Key={"id": {"S": "i1"}})["Item"] == {"id": {"S": "i1"}}
    empty = fetch(f"{api.url}/item", "PUT", b'{"id": ""}', {"content-type": "application/json"})
    assert empty.status == 400
    assert "ValidationException" in empty.body.decode()


def test_a_function_that_sees_the_token(sandbox: Any, functions: dict[str, str]) -> None:
    """401 without a token, or with one that the expression or the function does not know; 403 denied."""
    api = Rest(sandbox)
    authorizer = api.client.create_authorizer(
        restApiId=api.id,
        name="t",
        type="TOKEN",
        authorizerUri=functions["token"],
        identitySource="method.request.header.Auth",
        identityValidationExpression="[a-z]+",
    )
    custom = {"authorizationType": "CUSTOM", "authorizerId": authorizer["id"]}
    api.method("GET", "/one", "AWS_PROXY", uri=functions["proxy"], **custom)
    api.method("GET", "/two", "AWS_PROXY", uri=functions["proxy"], **custom)
    api.deploy()
    for headers in ({}, {"Auth": "123"}, {"Auth": "unknown"}):
        answer = fetch(f"{api.url}/one", headers=headers)
        assert (answer.status, answer.json) == (401, {"message": "Unauthorized"})
    denied = fetch(f"{api.url}/one", headers={"Auth": "bad"})
    assert (denied.status, denied.json) == (403, {"message": "User is not authorized to access this resource"})
    found = fetch(f"{api.url}/one", headers={"Auth": "good"}).json["requestContext"]["authorizer"]
    assert (found["principalId"], found["n"], found["b"], found["type"]) == ("p1", "1", "true", "TOKEN")
    assert fetch(f"{api.url}/two", headers={"Auth": "good"}).status == 403  # the kept policy is for the first method
    api.client.flush_stage_authorizers_cache(restApiId=api.id, stageName="test")
    assert fetch(f"{api.url}/two", headers={"Auth": "good"}).status == 200


def test_a_function_that_sees_the_request(sandbox: Any, functions: dict[str, str]) -> None:
    """All identity sources have to be there, or it is not asked."""
    api = Rest(sandbox)
    authorizer = api.client.create_authorizer(
        restApiId=api.id,
        name="r",
        type="REQUEST",
        authorizerUri=functions["request"],
        identitySource="method.request.querystring.q, method.request.header.X-Who",
    )
    custom = {"authorizationType": "CUSTOM", "authorizerId": authorizer["id"]}
    api.method("GET", "/one", "AWS_PROXY", uri=functions["proxy"], **custom)
    api.deploy()
    assert fetch(f"{api.url}/one?q=good").status == 401
    assert fetch(f"{api.url}/one?q=bad", headers={"X-Who": "me"}).status == 403
    allowed = fetch(f"{api.url}/one?q=good", headers={"X-Who": "me"})
    assert allowed.json["requestContext"]["authorizer"]["principalId"] == "GET"
    tested = api.client.test_invoke_authorizer(
        restApiId=api.id, authorizerId=authorizer["id"], pathWithQueryString="/?q=good", headers={"X-Who": "me"}
    )
    assert (tested["clientStatus"], tested["principalId"]) == (0, "GET")


def test_api_keys(sandbox: Any, functions: dict[str, str]) -> None:
    """A key counts where it is enabled and in a usage plan of the stage."""
    api = Rest(sandbox)
    api.method("GET", "/one", "AWS_PROXY", uri=functions["proxy"], apiKeyRequired=True)
    api.deploy()
    value = uuid.uuid4().hex
    key = api.client.create_api_key(name="k", value=value, enabled=True)
    assert fetch(f"{api.url}/one").json == {"message": "Forbidden"}
    assert fetch(f"{api.url}/one", headers={"x-api-key": value}).status == 403
    plan = api.client.create_usage_plan(name="p", apiStages=[{"apiId": api.id, "stage": "test"}])
    api.client.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
    identity = fetch(f"{api.url}/one", headers={"x-api-key": value}).json["requestContext"]["identity"]
    assert (identity["apiKey"], identity["apiKeyId"]) == (value, key["id"])
    api.client.update_api_key(
        apiKey=key["id"], patchOperations=[{"op": "replace", "path": "/enabled", "value": "false"}]
    )
    assert fetch(f"{api.url}/one", headers={"x-api-key": value}).status == 403


def test_request_validation(sandbox: Any) -> None:
    """Required parameters and bodies by their model, which may refer to another."""
    api = Rest(sandbox)
    other = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    url = f"https://apigateway.amazonaws.com/restapis/{api.id}/models/Inner"
    schema = {"type": "object", "properties": {"inner": {"$ref": url}, "s": {"type": "string", "pattern": "^a+$"}}}
    schema["required"] = ["inner"]
    for name, one in (("Inner", other), ("Outer", schema)):
        api.client.create_model(restApiId=api.id, name=name, contentType="application/json", schema=json.dumps(one))
    validator = api.client.create_request_validator(
        restApiId=api.id, name="v", validateRequestBody=True, validateRequestParameters=True
    )
    api.method(
        "POST",
        "/v",
        "MOCK",
        requestTemplates={"application/json": '{"statusCode": 200}'},
        responses={"200": {"responseTemplates": {"application/json": '{"ok": true}'}}},
        requestModels={"application/json": "Outer"},
        requestValidatorId=validator["id"],
        methodParameters={"method.request.querystring.q": True, "method.request.header.x-h": False},
    )
    api.deploy()
    kind = {"content-type": "application/json"}
    missing = fetch(f"{api.url}/v", "POST", b"{}", kind)
    assert (missing.status, missing.json) == (400, {"message": "Missing required request parameters: [q]"})
    for wrong in (b"{}", b"no json", b'{"inner": {"n": "x"}}', b'{"inner": {"n": 1}, "s": "b"}'):
        answer = fetch(f"{api.url}/v?q=1", "POST", wrong, kind)
        assert (answer.status, answer.json) == (400, {"message": "Invalid request body"})
    assert fetch(f"{api.url}/v?q=1", "POST", b'{"inner": {"n": 1}, "s": "aa"}', kind).json == {"ok": True}


def test_gateway_responses_change_the_gateways_own_answers(proxied: Rest, sandbox: Any) -> None:
    """Status, headers and templates of a kind."""
    api = Rest(sandbox)
    api.method("GET", "/a", "MOCK", requestTemplates={"application/json": '{"statusCode": 200}'}, responses={"200": {}})
    api.client.put_gateway_response(
        restApiId=api.id,
        responseType="MISSING_AUTHENTICATION_TOKEN",
        statusCode="404",
        responseParameters={
            "gatewayresponse.header.x-fixed": "'f'",
            "gatewayresponse.header.x-q": "method.request.querystring.q",
        },
        responseTemplates={
            "application/json": '{"m": $context.error.messageString, "t": "$context.error.responseType"}'
        },
    )
    api.deploy()
    answer = fetch(f"{api.url}/none?q=1")
    assert (answer.status, answer.headers["x-fixed"], answer.headers["x-q"]) == (404, "f", "1")
    assert answer.json == {"m": "Missing Authentication Token", "t": "MISSING_AUTHENTICATION_TOKEN"}


def test_iam_authorization(sandbox: Any, functions: dict[str, str]) -> None:
    """AWS_IAM methods are for signed requests."""
    api = Rest(sandbox)
    api.method("GET", "/me", "AWS_PROXY", uri=functions["proxy"], authorizationType="AWS_IAM")
    api.deploy()
    assert fetch(f"{api.url}/me").json == {"message": "Missing Authentication Token"}
    headers = sign(f"{api.url}/me", sandbox.row["access_key_id"], sandbox.row["secret_access_key"])
    identity = fetch(f"{api.url}/me", headers=headers).json["requestContext"]["identity"]
    assert (identity["accountId"], identity["accessKey"]) == (sandbox.account, sandbox.row["access_key_id"])


def test_a_canary_gets_its_share(sandbox: Any) -> None:
    """At 100 percent all requests see the canary's deployment and variables, until it is promoted."""
    api = Rest(sandbox)
    where = {"restApiId": api.id, "resourceId": api.resource("/c"), "httpMethod": "GET"}
    body = '{"v": "$stageVariables.v", "isCanary": "$context.isCanaryRequest"}'
    api.method(
        "GET",
        "/c",
        "MOCK",
        requestTemplates={"application/json": '{"statusCode": 200}'},
        responses={"200": {"responseTemplates": {"application/json": body}}},
    )
    first = api.deploy(variables={"v": "one"})
    api.deploy(canarySettings={"percentTraffic": 100.0, "stageVariableOverrides": {"v": "two"}})
    assert fetch(f"{api.url}/c").json == {"v": "two", "isCanary": "true"}
    promote = [
        {"op": "copy", "from": "/canarySettings/stageVariableOverrides", "path": "/variables"},
        {"op": "copy", "from": "/canarySettings/deploymentId", "path": "/deploymentId"},
        {"op": "remove", "path": "/canarySettings"},
    ]
    stage = api.client.update_stage(restApiId=api.id, stageName="test", patchOperations=promote)
    assert stage["deploymentId"] != first and "canarySettings" not in stage
    assert fetch(f"{api.url}/c").json == {"v": "two", "isCanary": "false"}
    assert where["httpMethod"] == "GET"


def test_a_method_is_tested_without_a_deployment(sandbox: Any) -> None:
    """TestInvokeMethod answers with status, body, headers and a log, as recorded."""
    api = Rest(sandbox)
    resource = api.method(
        "GET",
        "/pets/{petId}",
        "MOCK",
        requestTemplates={"application/json": '{"statusCode": 200}'},
        responses={"200": {"responseTemplates": {"application/json": '{"petId": "$input.params(\'petId\')"}'}}},
    )
    where = {"restApiId": api.id, "resourceId": resource, "httpMethod": "GET"}
    for path, pet in (("/pets/123?foo=bar", "123"), ("", "{petId}"), ("/random/test", "")):
        answer = api.client.test_invoke_method(**where, pathWithQueryString=path)
        assert (answer["status"], json.loads(answer["body"])) == (200, {"petId": pet})
        assert answer["headers"] == {"Content-Type": "application/json"}
        assert answer["multiValueHeaders"] == {"Content-Type": ["application/json"]}
    lines = answer["log"].split("\n")
    assert lines[0].startswith("Execution log for request ")
    assert [line.partition(" : ")[2] for line in lines[2:6]] == [
        "HTTP Method: GET, Resource Path: /random/test",
        "Method request path: {}",
        "Method request query string: {}",
        "Method request headers: {}",
    ]
    assert lines[9].endswith(" : Successfully completed execution")
    assert lines[10].endswith(" : Method completed with status: 200")


def test_content_handling(sandbox: Any, upstream: str) -> None:
    """CONVERT_TO_TEXT makes base64 of a binary body, CONVERT_TO_BINARY undoes it."""
    api = Rest(sandbox, binaryMediaTypes=["image/png"])
    for path, handling in (("/text", "CONVERT_TO_TEXT"), ("/binary", "CONVERT_TO_BINARY")):
        api.method("POST", path, "HTTP", uri=upstream, contentHandling=handling, responses={"200": {}})
    api.deploy()
    text = fetch(f"{api.url}/text", "POST", b"\x00\xff", {"content-type": "image/png"})
    assert text.json["body"] == "AP8="
    binary = fetch(f"{api.url}/binary", "POST", base64.b64encode(b"\x00\xff"), {"content-type": "text/plain"})
    assert binary.json["body"] == "\x00\xff"


def test_iam_authorization_asks_the_callers_policies(sandbox: Any, functions: dict[str, str]) -> None:
    """A user without a policy may not invoke; with one for this method it may."""
    api = Rest(sandbox)
    api.method("GET", "/me", "AWS_PROXY", uri=functions["proxy"], authorizationType="AWS_IAM")
    api.deploy()
    url, arn = f"{api.url}/me", f"arn:aws:execute-api:us-east-1:{sandbox.account}:{api.id}/test/GET/me"
    iam = sandbox.client("iam")
    name = "rest-caller"
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    headers = sign(url, key["AccessKeyId"], key["SecretAccessKey"])
    assert fetch(url, headers=headers).status == 403
    statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": arn}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    assert fetch(url, headers=headers).status == 200


def test_a_resource_policy_decides(sandbox: Any) -> None:
    """With a policy everybody needs an Allow, and a Deny wins; the short form of resources is understood."""
    statements = [
        {"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/test/GET/*"},
        {"Effect": "Deny", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/test/GET/no"},
    ]
    api = Rest(sandbox, policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    for verb, path in (("GET", "/yes"), ("GET", "/no"), ("POST", "/yes")):
        template = {"application/json": '{"statusCode": 200}'}
        api.method(verb, path, "MOCK", requestTemplates=template, responses={"200": {}})
    api.deploy()
    assert fetch(f"{api.url}/yes").status == 200
    denied, unknown = fetch(f"{api.url}/no"), fetch(f"{api.url}/yes", "POST", b"")
    arn = f"arn:aws:execute-api:us-east-1:********{sandbox.account[-4:]}:{api.id}/test/GET/no"
    start = f"User: anonymous is not authorized to perform: execute-api:Invoke on resource: {arn}"
    assert denied.status == 403 and denied.json["message"].startswith(f"{start} with an explicit deny")
    assert unknown.status == 403


def test_access_logs(sandbox: Any) -> None:
    """Each request leaves a line in the stage's log group, refused ones too."""
    api = Rest(sandbox)
    template = {"application/json": '{"statusCode": 200}'}
    api.method("GET", "/a/{id}", "MOCK", requestTemplates=template, responses={"200": {}})
    api.deploy()
    group = f"arn:aws:logs:us-east-1:{sandbox.account}:log-group:rest-access"
    line = "$context.httpMethod $context.resourcePath $context.status $context.identity.sourceIp $context.none"
    operations = [
        {"op": "add", "path": "/accessLogSettings/destinationArn", "value": group},
        {"op": "add", "path": "/accessLogSettings/format", "value": line},
    ]
    api.client.update_stage(restApiId=api.id, stageName="test", patchOperations=operations)
    fetch(f"{api.url}/a/1")
    fetch(f"{api.url}/none")
    logs = sandbox.client("logs")
    lines = [event["message"] for event in logs.filter_log_events(logGroupName="rest-access")["events"]]
    assert lines == ["GET /a/{id} 200 127.0.0.1 -", "GET - 403 127.0.0.1 -"]


def test_execution_logs(sandbox: Any) -> None:
    """A stage logs its executions as far as its settings say: what failed, all, or with what was asked and answered."""
    api = Rest(sandbox)
    template = {"application/json": '{"statusCode": 200}'}
    api.method("GET", "/a", "MOCK", requestTemplates=template, responses={"200": {}})
    api.method("GET", "/keyed", "MOCK", requestTemplates=template, responses={"200": {}}, apiKeyRequired=True)
    api.deploy()
    logs, group = sandbox.client("logs"), f"API-Gateway-Execution-Logs_{api.id}/test"

    def logged(path: str, **settings: str) -> list[str]:
        operations = [{"op": "replace", "path": f"/*/*/logging/{name}", "value": to} for name, to in settings.items()]
        api.client.update_stage(restApiId=api.id, stageName="test", patchOperations=operations)
        request_id = fetch(f"{api.url}{path}").headers["x-amzn-requestid"]
        found = logs.filter_log_events(logGroupName=group, filterPattern=f'"{request_id}"')["events"]
        return [event["message"].removeprefix(f"({request_id}) ") for event in found]

    every = logged("/a?q=1", loglevel="INFO")
    assert every[-4].startswith("Starting execution for request: ")
    assert every[-3:] == [
        "HTTP Method: GET, Resource Path: /a",
        "Successfully completed execution",
        "Method completed with status: 200",
    ]
    assert "Method request query string: {q=1}" in logged("/a?q=1", dataTrace="true")
    assert logged("/a", loglevel="ERROR") == []
    assert logged("/keyed")[0] == "Gateway response type: INVALID_API_KEY with status code: 403"
    assert logged("/keyed", loglevel="OFF") == []


def test_throttling(sandbox: Any) -> None:
    """The stage's burst, then a usage plan's: one request too many is a 429, until tokens have come back."""
    api = Rest(sandbox)
    template = {"application/json": '{"statusCode": 200}'}
    api.method("GET", "/a", "MOCK", requestTemplates=template, responses={"200": {}})
    api.method("GET", "/keyed", "MOCK", requestTemplates=template, responses={"200": {}}, apiKeyRequired=True)
    api.deploy()
    operations = [
        {"op": "replace", "path": "/~1a/GET/throttling/burstLimit", "value": "2"},
        {"op": "replace", "path": "/~1a/GET/throttling/rateLimit", "value": "0.001"},
    ]
    api.client.update_stage(restApiId=api.id, stageName="test", patchOperations=operations)
    assert [fetch(f"{api.url}/a").status for _ in range(4)] == [200, 200, 429, 429]
    assert fetch(f"{api.url}/a").json == {"message": "Too Many Requests"}
    sandbox.advance_clock(1001)
    assert [fetch(f"{api.url}/a").status for _ in range(2)] == [200, 429]
    key = api.client.create_api_key(name="t", enabled=True)
    stages = [{"apiId": api.id, "stage": "test"}]
    plan = api.client.create_usage_plan(name="t", apiStages=stages, throttle={"burstLimit": 1, "rateLimit": 0.001})
    api.client.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
    headers = {"x-api-key": key["value"]}
    assert [fetch(f"{api.url}/keyed", headers=headers).status for _ in range(2)] == [200, 429]


def test_limits_of_methods_in_plans(sandbox: Any) -> None:
    """A method's limit in a usage plan counts instead of the plan's own."""
    api, key, stages = keyed(sandbox)
    limits = {"/keyed/GET": {"burstLimit": 2, "rateLimit": 0.001}}
    plan = api.client.create_usage_plan(
        name="m", apiStages=[stages[0] | {"throttle": limits}], throttle={"burstLimit": 1, "rateLimit": 0.001}
    )
    api.client.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
    headers = {"x-api-key": key["value"]}
    assert [fetch(f"{api.url}/keyed", headers=headers).status for _ in range(3)] == [200, 200, 429]


def test_quotas(fresh_sandbox: Any) -> None:
    """A key has so many requests in its period; what it used is told day by day, and more can be granted."""
    api, key, stages = keyed(fresh_sandbox)
    quota = {"limit": 3, "offset": 1, "period": "DAY"}
    plan = api.client.create_usage_plan(name="q", apiStages=stages, quota=quota)["id"]
    api.client.create_usage_plan_key(usagePlanId=plan, keyId=key["id"], keyType="API_KEY")

    def ask(times: int) -> list[int]:
        return [fetch(f"{api.url}/keyed", headers={"x-api-key": key["value"]}).status for _ in range(times)]

    assert ask(3) == [200, 200, 429]
    assert fetch(f"{api.url}/keyed", headers={"x-api-key": key["value"]}).json == {"message": "Limit Exceeded"}
    more = [{"op": "replace", "path": "/remaining", "value": "1"}]
    granted = api.client.update_usage(usagePlanId=plan, keyId=key["id"], patchOperations=more)
    assert granted["items"] == {key["id"]: [[2, 1]]}
    assert ask(2) == [200, 429]
    fresh_sandbox.advance_clock(86_400)
    assert ask(1) == [200]
    last = date.fromisoformat(granted["startDate"]) + timedelta(days=1)
    days = {"startDate": granted["startDate"], "endDate": last.isoformat()}
    shown = api.client.get_usage(usagePlanId=plan, **days)
    assert shown["items"] == {key["id"]: [[3, 0], [1, 2]]}
    assert api.client.get_usage(usagePlanId=plan, keyId=key["id"], **days)["items"] == shown["items"]
    with pytest.raises(ClientError, match="Date"):
        api.client.get_usage(usagePlanId=plan, startDate="soon", endDate="later")


def keyed(sandbox: Any) -> tuple[Rest, dict[str, Any], list[dict[str, Any]]]:
    """An API with a method for keys, a key, and the stage as plans name it."""
    api = Rest(sandbox)
    template = {"application/json": '{"statusCode": 200}'}
    api.method("GET", "/keyed", "MOCK", requestTemplates=template, responses={"200": {}}, apiKeyRequired=True)
    api.deploy()
    return api, api.client.create_api_key(name="k", enabled=True), [{"apiId": api.id, "stage": "test"}]


def test_the_authorizer_names_the_api_key(sandbox: Any, functions: dict[str, str]) -> None:
    """With the key source AUTHORIZER, the caller sends none."""
    api = Rest(sandbox, apiKeySource="AUTHORIZER")
    authorizer = api.client.create_authorizer(
        restApiId=api.id,
        name="r",
        type="REQUEST",
        authorizerUri=functions["request"],
        identitySource="method.request.querystring.q, method.request.header.X-Who",
    )
    custom = {"authorizationType": "CUSTOM", "authorizerId": authorizer["id"], "apiKeyRequired": True}
    api.method("GET", "/one", "AWS_PROXY", uri=functions["proxy"], **custom)
    api.deploy()
    key = api.client.create_api_key(name="a", enabled=True)
    plan = api.client.create_usage_plan(name="a", apiStages=[{"apiId": api.id, "stage": "test"}])
    api.client.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
    assert fetch(f"{api.url}/one?q=good", headers={"X-Who": "nobody"}).json == {"message": "Forbidden"}
    identity = fetch(f"{api.url}/one?q=good", headers={"X-Who": key["value"]}).json["requestContext"]["identity"]
    assert identity["apiKeyId"] == key["id"]
