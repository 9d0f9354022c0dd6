"""HTTP APIs in front of real functions: events as the function sees them, answers as the caller sees them."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from tests.contract.apigateway import fetch, make_functions, sign

CODE = """
import json

def echo(event, context):
    return event

def answer(event, context):
    return json.loads(event["body"])

def fail(event, context):
    raise RuntimeError("inside")

def simple(event, context):
    token = event["identitySource"][0]
    return {"isAuthorized": token.startswith("good"), "context": {"who": token, "asked": event["routeArn"]}}

def policy(event, context):
    token = event["authorizationToken"]
    if token == "unknown":
        raise Exception("Unauthorized")
    effect = "Allow" if token == "good" else "Deny"
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": event["methodArn"]}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return {"principalId": "p", "context": {"n": 1}, "policyDocument": document}

def wrap(event, context):
    return {"statusCode": 200, "body": json.dumps(event)}
"""


@pytest.fixture(scope="module")
def apis(sandbox: Any) -> Any:
    return sandbox.client("apigatewayv2")


@pytest.fixture(scope="module")
def functions(sandbox: Any) -> dict[str, str]:
    """ARNs of the functions above, by handler; each may be called by API Gateway."""
    return make_functions(sandbox, "http", CODE, ("echo", "answer", "fail", "simple", "policy", "wrap"))


def make_api(apis: Any, function: str, version: str, key: str = "ANY /{proxy+}", **route: Any) -> dict[str, Any]:
    api: dict[str, Any] = apis.create_api(Name="f", ProtocolType="HTTP")
    integration = apis.create_integration(
        ApiId=api["ApiId"], IntegrationType="AWS_PROXY", IntegrationUri=function, PayloadFormatVersion=version
    )
    target = f"integrations/{integration['IntegrationId']}"
    apis.create_route(ApiId=api["ApiId"], RouteKey=key, Target=target, **route)
    apis.create_stage(ApiId=api["ApiId"], StageName="$default", AutoDeploy=True, StageVariables={"color": "blue"})
    return api


def test_the_event_of_payload_2(apis: Any, functions: dict[str, str], sandbox: Any) -> None:
    """Every member of the event, in AWS's shape; what has no value is absent."""
    api = make_api(apis, functions["echo"], "2.0", "POST /a/{id}")
    before = int(time.time() * 1000)
    headers = {"Cookie": "c1=1; c2=2", "content-type": "application/json", "User-Agent": "tests", "X-Mine": "v"}
    event = fetch(api["ApiEndpoint"] + "/a/x%20y?q=1&q=2&r=%20", "POST", b'{"a": 1}', headers).json
    host = f"{api['ApiId']}.execute-api.localhost"
    context = event.pop("requestContext")
    shown = event.pop("headers")
    assert event == {
        "version": "2.0",
        "routeKey": "POST /a/{id}",
        "rawPath": "/a/x y",
        "rawQueryString": "q=1&q=2&r=%20",
        "cookies": ["c1=1", "c2=2"],
        "queryStringParameters": {"q": "1,2", "r": " "},
        "body": '{"a": 1}',
        "pathParameters": {"id": "x y"},
        "isBase64Encoded": False,
        "stageVariables": {"color": "blue"},
    }
    assert shown["x-mine"] == "v"
    assert shown["host"] == f"{host}:{sandbox.server.port}"
    assert shown["x-forwarded-for"] == "127.0.0.1"
    assert shown["x-amzn-trace-id"].startswith("Root=1-")
    assert "cookie" not in shown
    assert context.pop("timeEpoch") >= before
    assert context.pop("time").endswith("+0000")
    assert context.pop("requestId")
    assert context == {
        "accountId": sandbox.account,
        "apiId": api["ApiId"],
        "domainName": host,
        "domainPrefix": api["ApiId"],
        "http": {
            "method": "POST",
            "path": "/a/x y",
            "protocol": "HTTP/1.1",
            "sourceIp": "127.0.0.1",
            "userAgent": "tests",
        },
        "routeKey": "POST /a/{id}",
        "stage": "$default",
    }


def test_the_least_event_of_payload_2(apis: Any, functions: dict[str, str]) -> None:
    """A GET without anything: members without a value are left out, not null."""
    api = make_api(apis, functions["echo"], "2.0", "GET /")
    event = fetch(api["ApiEndpoint"] + "/").json
    assert set(event) == {
        "version", "routeKey", "rawPath", "rawQueryString", "headers", "requestContext", "isBase64Encoded",
        "stageVariables",
    }  # fmt: skip
    assert (event["rawPath"], event["rawQueryString"]) == ("/", "")


def test_binary_bodies_come_in_base64(apis: Any, functions: dict[str, str]) -> None:
    """What is no text by its type is encoded, forms too."""
    api = make_api(apis, functions["echo"], "2.0")
    event = fetch(api["ApiEndpoint"] + "/a", "POST", b"\x00\xff", {"content-type": "image/png"}).json
    assert (event["body"], event["isBase64Encoded"]) == ("AP8=", True)


def test_the_event_of_payload_1(apis: Any, functions: dict[str, str]) -> None:
    """The REST-like form: null for what is not there, multi-value members beside single ones."""
    api = make_api(apis, functions["wrap"], "1.0", "GET /a/{id}")
    event = fetch(api["ApiEndpoint"] + "/a/7?q=1&q=2").json
    assert event["version"] == "1.0"
    assert (event["resource"], event["path"], event["httpMethod"]) == ("/a/{id}", "/a/7", "GET")
    assert event["queryStringParameters"] == {"q": "2"}
    assert event["multiValueQueryStringParameters"] == {"q": ["1", "2"]}
    assert event["pathParameters"] == {"id": "7"}
    assert (event["body"], event["isBase64Encoded"]) == (None, False)
    context = event["requestContext"]
    assert (context["resourcePath"], context["stage"], context["httpMethod"]) == ("/a/{id}", "$default", "GET")
    assert context["identity"]["sourceIp"] == "127.0.0.1"
    assert context["identity"]["userArn"] is None


@pytest.mark.parametrize(
    ("returned", "status", "content_type", "body"),
    [
        ({"hello": 1}, 200, "application/json", b'{"hello": 1}'),
        ("text", 200, "application/json", b'"text"'),
        ({"statusCode": 201, "body": "made"}, 201, "text/plain; charset=utf-8", b"made"),
        ({"statusCode": "202", "headers": {"Content-Type": "a/b"}}, 202, "a/b", b""),
        ({"statusCode": 200, "body": "AP8=", "isBase64Encoded": True}, 200, "text/plain; charset=utf-8", b"\x00\xff"),
        ({"statusCode": "x"}, 500, "application/json", b'{"message":"Internal Server Error"}'),
        ({"statusCode": 101}, 500, "application/json", b'{"message":"Internal Server Error"}'),
        (
            {"statusCode": 200, "headers": {"a": "b\r\nx: y"}},
            500,
            "application/json",
            b'{"message":"Internal Server Error"}',
        ),
        ({"statusCode": 200, "headers": 5}, 500, "application/json", b'{"message":"Internal Server Error"}'),
    ],
)
def test_forms_of_answers(
    apis: Any, functions: dict[str, str], answering: str, returned: Any, status: int, content_type: str, body: bytes
) -> None:
    """Payload 2.0 takes a whole response, or anything else as a JSON body; what is malformed is a 500."""
    answer = fetch(answering + "/x", "POST", json.dumps(returned).encode(), {"content-type": "application/json"})
    assert (answer.status, answer.headers["content-type"], answer.body) == (status, content_type, body)


@pytest.fixture(scope="module")
def answering(apis: Any, functions: dict[str, str]) -> str:
    return str(make_api(apis, functions["answer"], "2.0")["ApiEndpoint"])


def test_cookies_and_headers_of_answers(answering: str) -> None:
    """Each cookie is a header of its own; values that are no text are written as text."""
    returned = {"statusCode": 200, "headers": {"x-n": 5, "X-B": True}, "cookies": ["a=1; Path=/", "b=2"], "body": "ok"}
    answer = fetch(answering + "/x", "POST", json.dumps(returned).encode(), {"content-type": "application/json"})
    assert answer.headers.get_all("set-cookie") == ["a=1; Path=/", "b=2"]
    assert (answer.headers["x-n"], answer.headers["x-b"]) == ("5", "true")


def test_a_function_that_fails(apis: Any, functions: dict[str, str]) -> None:
    """A function's exception is no business of the caller."""
    api = make_api(apis, functions["fail"], "2.0")
    answer = fetch(api["ApiEndpoint"] + "/x")
    assert (answer.status, answer.json) == (500, {"message": "Internal Server Error"})


def test_a_function_that_may_not_be_called(apis: Any, functions: dict[str, str], sandbox: Any) -> None:
    """A function that is not there, or whose policy is for other methods, is a 500; the method of the policy works."""
    missing = f"arn:aws:lambda:us-east-1:{sandbox.account}:function:missing"
    answer = fetch(make_api(apis, missing, "2.0")["ApiEndpoint"] + "/x")
    assert (answer.status, answer.json) == (500, {"message": "Internal Server Error"})
    function = make_functions(sandbox, "closed", CODE, ("echo",))["echo"]
    client = sandbox.client("lambda")
    client.remove_permission(FunctionName=function, StatementId="api")
    api = make_api(apis, function, "2.0", "GET /a/{id}")
    assert fetch(api["ApiEndpoint"] + "/a/1").status == 500
    for at, path in enumerate(("b/{id}", "a/{id}")):
        source = f"arn:aws:execute-api:us-east-1:{sandbox.account}:{api['ApiId']}/*/*/{path}"
        client.add_permission(
            FunctionName=function,
            StatementId=f"s{at}",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn=source,
        )
        assert fetch(api["ApiEndpoint"] + "/a/1").status == (200 if at else 500)


def authorized_api(
    apis: Any, functions: dict[str, str], function: str, version: str, **authorizer: Any
) -> dict[str, Any]:
    api: dict[str, Any] = apis.create_api(Name="authorized", ProtocolType="HTTP")
    made = apis.create_authorizer(
        ApiId=api["ApiId"],
        Name="a",
        AuthorizerType="REQUEST",
        IdentitySource=["$request.header.authorization"],
        AuthorizerUri=f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations",
        AuthorizerPayloadFormatVersion=version,
        **authorizer,
    )
    integration = apis.create_integration(
        ApiId=api["ApiId"], IntegrationType="AWS_PROXY", IntegrationUri=functions["echo"], PayloadFormatVersion="2.0"
    )
    target = f"integrations/{integration['IntegrationId']}"
    custom = {"AuthorizationType": "CUSTOM", "AuthorizerId": made["AuthorizerId"]}
    for key in ("GET /one", "GET /two"):
        apis.create_route(ApiId=api["ApiId"], RouteKey=key, Target=target, **custom)
    apis.create_stage(ApiId=api["ApiId"], StageName="$default", AutoDeploy=True)
    return api


def test_a_function_authorizes_with_simple_answers(apis: Any, functions: dict[str, str], sandbox: Any) -> None:
    """Without the identity 401, denied 403, allowed with the authorizer's context; kept for its time to live."""
    api = authorized_api(apis, functions, functions["simple"], "2.0", EnableSimpleResponses=True)
    url = api["ApiEndpoint"]
    missing = fetch(f"{url}/one")
    assert (missing.status, missing.json) == (401, {"message": "Unauthorized"})
    denied = fetch(f"{url}/one", headers={"Authorization": "bad"})
    assert (denied.status, denied.json) == (403, {"message": "Forbidden"})
    context = fetch(f"{url}/one", headers={"Authorization": "good"}).json["requestContext"]["authorizer"]["lambda"]
    assert context["who"] == "good"
    assert context["asked"].endswith(f":{sandbox.account}:{api['ApiId']}/$default/GET/one")
    again = fetch(f"{url}/two", headers={"Authorization": "good"}).json["requestContext"]["authorizer"]["lambda"]
    assert again == context  # asked once: the second answer tells the first route
    apis.reset_authorizers_cache(ApiId=api["ApiId"], StageName="$default")
    third = fetch(f"{url}/two", headers={"Authorization": "good"}).json["requestContext"]["authorizer"]["lambda"]
    assert third["asked"].endswith("/GET/two")
    sandbox.advance_clock(301)
    fourth = fetch(f"{url}/one", headers={"Authorization": "good"}).json["requestContext"]["authorizer"]["lambda"]
    assert fourth["asked"].endswith("/GET/one")


def test_a_function_authorizes_with_a_policy(apis: Any, functions: dict[str, str]) -> None:
    """A kept policy is evaluated for each route: it allowed the first one only."""
    url = authorized_api(apis, functions, functions["policy"], "1.0")["ApiEndpoint"]
    allowed = fetch(f"{url}/one", headers={"Authorization": "good"})
    assert allowed.json["requestContext"]["authorizer"]["lambda"] == {"n": 1}
    assert fetch(f"{url}/two", headers={"Authorization": "good"}).status == 403
    assert fetch(f"{url}/one", headers={"Authorization": "bad"}).status == 403
    assert fetch(f"{url}/one", headers={"Authorization": "unknown"}).status == 401


def test_an_authorizer_that_fails(apis: Any, functions: dict[str, str]) -> None:
    """An authorizer without a proper answer lets nobody in."""
    url = authorized_api(apis, functions, functions["echo"], "2.0", EnableSimpleResponses=True)["ApiEndpoint"]
    answer = fetch(f"{url}/one", headers={"Authorization": "good"})
    assert (answer.status, answer.json) == (500, {"message": "Internal Server Error"})


def test_iam_authorization(apis: Any, functions: dict[str, str], sandbox: Any) -> None:
    """AWS_IAM routes are for signed requests; the function learns who signed."""
    api = make_api(apis, functions["echo"], "2.0", "GET /me", AuthorizationType="AWS_IAM")
    url = api["ApiEndpoint"] + "/me"
    unsigned = fetch(url)
    assert (unsigned.status, unsigned.json) == (403, {"message": "Forbidden"})
    headers = sign(url, sandbox.row["access_key_id"], sandbox.row["secret_access_key"])
    event = fetch(url, headers=headers).json
    assert event["requestContext"]["authorizer"]["iam"]["accountId"] == sandbox.account
    assert event["requestContext"]["authorizer"]["iam"]["accessKey"] == sandbox.row["access_key_id"]


def test_iam_authorization_asks_the_callers_policies(apis: Any, functions: dict[str, str], sandbox: Any) -> None:
    """A user without a policy may not invoke; with one for this method it may."""
    api = make_api(apis, functions["echo"], "2.0", "GET /me", AuthorizationType="AWS_IAM")
    url = api["ApiEndpoint"] + "/me"
    arn = f"arn:aws:execute-api:us-east-1:{sandbox.account}:{api['ApiId']}/$default/GET/me"
    iam = sandbox.client("iam")
    name = "http-caller"
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    headers = sign(url, key["AccessKeyId"], key["SecretAccessKey"])
    assert fetch(url, headers=headers).status == 403
    statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": arn}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    assert fetch(url, headers=headers).status == 200
