"""WebSocket APIs with real clients and functions: connecting, routes, @connections, limits."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from tests.contract.apigateway import fetch, make_functions
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

CODE = """
import json

def connect(event, context):
    query = event.get("queryStringParameters") or {}
    if query.get("fail"):
        raise RuntimeError("inside")
    return {
        "statusCode": int(query.get("status", 200)),
        "headers": {"Sec-WebSocket-Protocol": "v1"} if query.get("sub") else {},
    }

def echo(event, context):
    return {"statusCode": 200, "body": json.dumps(event)}

def mapped(event, context):
    return event

def fail(event, context):
    raise RuntimeError("inside")

def authorize(event, context):
    token = event["headers"].get("authorization")
    effect = "Allow" if token == "good" else "Deny"
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": event["methodArn"]}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return {"principalId": "p", "context": {"n": 1}, "policyDocument": document}

def tell(event, context):
    import os, boto3
    sqs = boto3.client("sqs", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    sqs.send_message(QueueUrl=event["stageVariables"]["queue"], MessageBody=json.dumps(event))
    return {"statusCode": 200}
"""


class Chat:
    """A WebSocket API with a route for everything below."""

    def __init__(self, sandbox: Any, functions: dict[str, str], **connect_route: Any) -> None:
        self.sandbox = sandbox
        self.apis = sandbox.client("apigatewayv2")
        api = self.apis.create_api(
            Name="chat", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
        )
        self.api_id = api["ApiId"]
        self.endpoint = api["ApiEndpoint"]
        self.functions = functions
        self.targets = {name: self.target(function) for name, function in functions.items()}

    def target(self, function: str) -> str:
        made = self.apis.create_integration(
            ApiId=self.api_id, IntegrationType="AWS_PROXY", IntegrationUri=function, IntegrationMethod="POST"
        )
        return f"integrations/{made['IntegrationId']}"

    def route(self, key: str, function: str, reply: bool = False, **more: Any) -> None:
        if reply:
            more["RouteResponseSelectionExpression"] = "$default"
        made = self.apis.create_route(ApiId=self.api_id, RouteKey=key, Target=self.targets[function], **more)
        if reply:
            self.apis.create_route_response(ApiId=self.api_id, RouteId=made["RouteId"], RouteResponseKey="$default")

    def deploy(self, **variables: str) -> None:
        deployment = self.apis.create_deployment(ApiId=self.api_id)["DeploymentId"]
        self.apis.create_stage(ApiId=self.api_id, StageName="dev", DeploymentId=deployment, StageVariables=variables)

    def open(self, query: str = "", **options: Any) -> ClientConnection:
        port = self.sandbox.server.port
        return connect(
            f"{self.endpoint}/dev{query}",
            sock=socket.create_connection(("127.0.0.1", port)),
            open_timeout=30,
            **options,
        )

    def connections(self) -> Any:
        """A client of @connections, which is at the API's own host; by path, since not every resolver knows it."""
        return boto3.client(
            "apigatewaymanagementapi",
            endpoint_url=f"{self.sandbox.server.endpoint}/_aws/execute-api/{self.api_id}/dev",
            region_name="us-east-1",
            aws_access_key_id=self.sandbox.row["access_key_id"],
            aws_secret_access_key=self.sandbox.row["secret_access_key"],
        )


@pytest.fixture(scope="module")
def functions(sandbox: Any) -> dict[str, str]:
    return make_functions(sandbox, "ws", CODE, ("connect", "echo", "fail", "authorize", "tell", "mapped"))


@pytest.fixture(scope="module")
def chat(sandbox: Any, functions: dict[str, str]) -> Chat:
    made = Chat(sandbox, functions)
    made.route("$connect", "connect")
    made.route("echo", "echo", reply=True)
    made.route("quiet", "echo")
    made.route("fail", "fail")
    made.deploy(color="blue")
    return made


def ask(client: ClientConnection, message: Any) -> Any:
    client.send(message if isinstance(message, str | bytes) else json.dumps(message))
    return json.loads(client.recv(timeout=30))


def error_of(call: Callable[..., Any], **params: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_a_websocket_api_has_aws_defaults(chat: Chat) -> None:
    """Its endpoint is a ws URL; integrations have their own defaults."""
    assert chat.endpoint.startswith(f"ws://{chat.api_id}.execute-api.localhost:")
    integration = chat.apis.get_integrations(ApiId=chat.api_id)["Items"][0]
    assert integration["TimeoutInMillis"] == 29000
    assert integration["PassthroughBehavior"] == "WHEN_NO_MATCH"
    assert integration["IntegrationResponseSelectionExpression"] == "${integration.response.statuscode}"


def test_a_message_finds_its_route_and_is_answered(chat: Chat) -> None:
    """The event of a message, member by member; a route with a response sends the function's body back.

    APIGW-001: domainName has the port, so that the URL of @connections can be made of it.
    """
    with chat.open() as client:
        event = ask(client, {"action": "echo", "n": 1})
        again = ask(client, {"action": "echo"})
    context = event["requestContext"]
    assert event["body"] == '{"action": "echo", "n": 1}'
    assert (event["isBase64Encoded"], event["stageVariables"]) == (False, {"color": "blue"})
    assert (context["routeKey"], context["eventType"], context["messageDirection"]) == ("echo", "MESSAGE", "IN")
    assert (context["stage"], context["apiId"]) == ("dev", chat.api_id)
    assert context["domainName"] == f"{chat.api_id}.execute-api.localhost:{chat.sandbox.server.port}"
    assert context["identity"] == {"sourceIp": "127.0.0.1"}
    assert context["requestTimeEpoch"] >= context["connectedAt"]
    assert context["connectionId"] == again["requestContext"]["connectionId"]
    assert context["messageId"] != again["requestContext"]["messageId"]


def test_a_message_without_a_route(chat: Chat) -> None:
    """Without $default the client is told, and stays connected; a text that is no JSON has no action."""
    with chat.open() as client:
        for message in ({"action": "none"}, {"x": 1}, "no json"):
            told = ask(client, message)
            assert told["message"] == "Forbidden"
            assert set(told) == {"message", "connectionId", "requestId"}
        assert ask(client, {"action": "fail"})["message"] == "Internal server error"
        client.send(json.dumps({"action": "quiet"}))
        assert ask(client, {"action": "echo", "after": 1})["body"] == '{"action": "echo", "after": 1}'


def test_connect_decides(chat: Chat) -> None:
    """The status of $connect's function refuses the upgrade; its failure does too."""
    for query, status in (("?status=401", 401), ("?status=403", 403), ("?fail=1", 502)):
        with pytest.raises(InvalidStatus) as refused:
            chat.open(query)
        assert refused.value.response.status_code == status


def test_connect_chooses_a_subprotocol(chat: Chat) -> None:
    """The header of $connect's answer goes to the client."""
    with chat.open("?sub=1", subprotocols=["v0", "v1"]) as client:
        assert client.subprotocol == "v1"


def test_a_stage_or_api_that_is_not_there(chat: Chat) -> None:
    """Nothing opens; and a WebSocket API does not answer plain requests."""
    port = chat.sandbox.server.port
    for url in (f"{chat.endpoint}/none", f"ws://aaaaaaaaaa.execute-api.localhost:{port}/dev"):
        with pytest.raises(InvalidStatus) as refused:
            connect(url, sock=socket.create_connection(("127.0.0.1", port)))
        assert refused.value.response.status_code == 403
    assert fetch(chat.endpoint.replace("ws://", "http://") + "/dev").status == 403


def test_backends_post_to_connections(chat: Chat) -> None:
    """@connections: post, tell about, close; gone afterwards."""
    management = chat.connections()
    with chat.open(user_agent_header="tests") as client:
        connection_id = ask(client, {"action": "echo"})["requestContext"]["connectionId"]
        management.post_to_connection(ConnectionId=connection_id, Data=b"from behind")
        assert client.recv(timeout=10) == "from behind"
        management.post_to_connection(ConnectionId=connection_id, Data=b"\xff\xfe")
        assert client.recv(timeout=10) == b"\xff\xfe"
        ask_bill = chat.sandbox.server.ask
        lines = ask_bill("GET", f"/_mrak/bill?environment={chat.sandbox.name}")["lines"]
        (line,) = [line for line in lines if line["unit"] == "ApiGatewayMessages"]
        assert line["amount"] >= 2 and line["usd"] > 0
        told = management.get_connection(ConnectionId=connection_id)
        assert told["Identity"] == {"SourceIp": "127.0.0.1", "UserAgent": "tests"}
        assert told["LastActiveAt"] >= told["ConnectedAt"]
        too_large = b"x" * ((128 << 10) + 1)
        assert error_of(management.post_to_connection, ConnectionId=connection_id, Data=too_large) == (
            "PayloadTooLargeException",
            413,
        )
        management.delete_connection(ConnectionId=connection_id)
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=10)
    for call, more in (
        (management.post_to_connection, {"Data": b"x"}),
        (management.get_connection, {}),
        (management.delete_connection, {}),
    ):
        assert error_of(call, ConnectionId=connection_id, **more) == ("GoneException", 410)


def test_connections_are_not_for_everybody(chat: Chat) -> None:
    """Without a signature nobody posts."""
    with chat.open() as client:
        connection_id = ask(client, {"action": "echo"})["requestContext"]["connectionId"]
        url = f"{chat.sandbox.server.endpoint}/_aws/execute-api/{chat.api_id}/dev/@connections/{connection_id}"
        assert fetch(url.replace("=", "%3D"), "POST", b"x").status == 403


@pytest.mark.parametrize("size", [(32 << 10) + 1, (128 << 10) + 1])
def test_a_message_that_is_too_long_ends_the_connection(chat: Chat, size: int) -> None:
    """A frame has 32 KB at most, a message 128 KB: close code 1009."""
    with chat.open(max_size=None) as client:
        message = json.dumps({"action": "echo", "x": "x" * size})
        half = 30 << 10
        client.send(message if size < 64 << 10 else [message[at : at + half] for at in range(0, len(message), half)])
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=10)
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 1009


def test_a_function_decides_who_connects(sandbox: Any, functions: dict[str, str]) -> None:
    """$connect's authorizer: no identity 401, denied 403; its context comes with every event."""
    chat = Chat(sandbox, functions)
    authorizer = chat.apis.create_authorizer(
        ApiId=chat.api_id,
        Name="a",
        AuthorizerType="REQUEST",
        AuthorizerUri=functions["authorize"],
        IdentitySource=["route.request.header.Authorization"],
    )
    chat.route("$connect", "connect", AuthorizationType="CUSTOM", AuthorizerId=authorizer["AuthorizerId"])
    chat.route("$default", "echo", reply=True)
    chat.deploy()
    for headers, status in (({}, 401), ({"Authorization": "bad"}, 403)):
        with pytest.raises(InvalidStatus) as refused:
            chat.open(additional_headers=headers)
        assert refused.value.response.status_code == status
    with chat.open(additional_headers={"Authorization": "good"}) as client:
        context = ask(client, "anything")["requestContext"]
    assert context["authorizer"] == {"principalId": "p", "n": "1"}
    assert context["routeKey"] == "$default"


def test_the_end_is_told(sandbox: Any, functions: dict[str, str]) -> None:
    """$connect's and $disconnect's events; ten minutes of silence end a connection."""
    sqs = sandbox.client("sqs", read_timeout=30)
    queue = sqs.create_queue(QueueName="ws-events")["QueueUrl"]
    chat = Chat(sandbox, functions)
    chat.route("$connect", "tell")
    chat.route("$disconnect", "tell")
    chat.deploy(queue=queue)

    def next_event() -> Any:
        (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return json.loads(message["Body"])

    with chat.open("?a=1&a=2", user_agent_header="tests") as client:
        connected = next_event()
        client.close(4001, "enough")
    assert (connected["requestContext"]["eventType"], connected["requestContext"]["routeKey"]) == (
        "CONNECT",
        "$connect",
    )
    assert connected["requestContext"]["identity"] == {"userAgent": "tests", "sourceIp": "127.0.0.1"}
    assert connected["queryStringParameters"] == {"a": "2"}
    assert connected["multiValueQueryStringParameters"] == {"a": ["1", "2"]}
    assert connected["isBase64Encoded"] is False
    gone = next_event()["requestContext"]
    assert (gone["eventType"], gone["routeKey"]) == ("DISCONNECT", "$disconnect")
    assert (gone["disconnectStatusCode"], gone["disconnectReason"]) == (4001, "enough")
    assert gone["connectionId"] == connected["requestContext"]["connectionId"]
    with chat.open() as client:
        assert next_event()["requestContext"]["eventType"] == "CONNECT"
        sandbox.advance_clock(601)
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=10)
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1001
    assert next_event()["requestContext"]["disconnectStatusCode"] == 1001


def test_what_websocket_apis_refuse(chat: Chat) -> None:
    """Responses of routes and integrations are for WebSocket APIs only, and exist once for a key."""
    apis = chat.apis
    (route,) = [row for row in apis.get_routes(ApiId=chat.api_id)["Items"] if row["RouteKey"] == "echo"]
    where = {"ApiId": chat.api_id, "RouteId": route["RouteId"]}
    assert error_of(apis.create_route_response, **where, RouteResponseKey="$default") == ("ConflictException", 409)
    (response,) = apis.get_route_responses(**where)["Items"]
    found = apis.get_route_response(**where, RouteResponseId=response["RouteResponseId"])
    assert found["RouteResponseKey"] == "$default"
    assert error_of(apis.get_route_response, **where, RouteResponseId="none") == ("NotFoundException", 404)
    integration = {"ApiId": chat.api_id, "IntegrationId": route["Target"].partition("/")[2]}
    made = apis.create_integration_response(**integration, IntegrationResponseKey="$default")
    assert error_of(apis.create_integration_response, **integration, IntegrationResponseKey="$default")[1] == 409
    apis.update_integration_response(
        **integration, IntegrationResponseId=made["IntegrationResponseId"], ResponseTemplates={"a": "b"}
    )
    (shown,) = apis.get_integration_responses(**integration)["Items"]
    assert shown["ResponseTemplates"] == {"a": "b"}
    apis.delete_integration_response(**integration, IntegrationResponseId=made["IntegrationResponseId"])
    assert error_of(apis.get_integration_response, **integration, IntegrationResponseId="none")[1] == 404
    http = apis.create_api(Name="h", ProtocolType="HTTP")["ApiId"]
    other = apis.create_route(ApiId=http, RouteKey="GET /a")["RouteId"]
    assert error_of(apis.create_route_response, ApiId=http, RouteId=other, RouteResponseKey="$default")[1] == 400
    late = {"IntegrationType": "AWS_PROXY", "IntegrationUri": chat.functions["echo"], "TimeoutInMillis": 30000}
    assert error_of(apis.create_integration, ApiId=chat.api_id, **late)[1] == 400


def test_mapped_integrations(sandbox: Any, functions: dict[str, str]) -> None:
    """A mock answers by templates (ping, pong); a function gets what a template makes of the message."""
    chat = Chat(sandbox, functions)
    mock = chat.apis.create_integration(
        ApiId=chat.api_id,
        IntegrationType="MOCK",
        TemplateSelectionExpression="200",
        RequestTemplates={"200": '{"statusCode": 200}'},
    )["IntegrationId"]
    chat.apis.create_integration_response(
        ApiId=chat.api_id,
        IntegrationId=mock,
        IntegrationResponseKey="/200/",
        TemplateSelectionExpression="200",
        ResponseTemplates={"200": '{"pong": "$context.connectionId"}'},
    )
    plain = chat.apis.create_integration(
        ApiId=chat.api_id,
        IntegrationType="AWS",
        IntegrationMethod="POST",
        IntegrationUri=functions["mapped"],
        TemplateSelectionExpression="$default",
        RequestTemplates={"$default": '{"said": $input.json(\'$.text\'), "stage": "$context.stage"}'},
    )["IntegrationId"]
    chat.targets |= {"mock": f"integrations/{mock}", "plain": f"integrations/{plain}"}
    chat.route("ping", "mock", reply=True)
    chat.route("say", "plain", reply=True)
    chat.deploy()
    with chat.open() as client:
        pong = ask(client, {"action": "ping"})["pong"]
        assert chat.connections().get_connection(ConnectionId=pong)["Identity"]["SourceIp"] == "127.0.0.1"
        assert ask(client, {"action": "say", "text": "hello"}) == {"said": "hello", "stage": "dev"}
