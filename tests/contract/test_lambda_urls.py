"""Function URLs and streamed responses. Black box, over HTTP."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from tests.contract.lambda_bench import Queue, create, make_zip, refusal

from mrak.lambdas.interpreters import nodes

STREAM = """
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { "x-kind": "streamed" } });
  stream.write("one,");
  stream.write("two");
  stream.end();
});
"""


@pytest.fixture(scope="module")
def client(sandbox: Any) -> Any:
    return sandbox.client("lambda", read_timeout=30)


def open_url(client: Any, name: str, **more: Any) -> str:
    """A URL that everybody may call."""
    url = client.create_function_url_config(FunctionName=name, AuthType="NONE", **more)["FunctionUrl"]
    client.add_permission(
        FunctionName=name,
        StatementId="everybody",
        Action="lambda:InvokeFunctionUrl",
        Principal="*",
        FunctionUrlAuthType="NONE",
    )
    return str(url)


def fetch(url: str, data: bytes | None = None, method: str | None = None, **headers: str) -> tuple[int, bytes, Any]:
    """Status, body and headers. The name under localhost is resolved here, as browsers do."""
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    port = host.rpartition(":")[2]
    request = urllib.request.Request(
        f"{scheme}://127.0.0.1:{port}/{path}", data=data, method=method, headers={"Host": host, **headers}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read(), response.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read(), error.headers


def test_event_has_payload_format_two(client: Any) -> None:
    """Recorded: test_lambda_url_echo_http_fixture_default; the raw path stays as it came, the other one is decoded. The
    response tells the invocation's id (recorded: test_request_id_invoke_url).
    """
    create(client, "url-echo")
    url = open_url(client, "url-echo")
    status, body, headers = fetch(
        url + "pa2%Fth/1?q=query&multiQuery=foo&multiQuery=%2Fbar",
        b'{"foo": "bar"}',
        **{"Content-Type": "application/json", "Cookie": "a=1; b=2", "X-Own": "yes"},
    )
    event = json.loads(body)
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert (event["version"], event["routeKey"], event["rawPath"]) == ("2.0", "$default", "/pa2%Fth/1")
    assert event["rawQueryString"] == "q=query&multiQuery=foo&multiQuery=%2Fbar"
    assert event["queryStringParameters"] == {"q": "query", "multiQuery": "foo,/bar"}
    assert (event["body"], event["isBase64Encoded"], event["cookies"]) == ('{"foo": "bar"}', False, ["a=1", "b=2"])
    assert event["headers"]["x-own"] == "yes" and "x-forwarded-for" in event["headers"]
    assert "connection" not in event["headers"]
    context = event["requestContext"]
    assert headers["x-amzn-RequestId"] == context["requestId"]
    assert headers["X-Amzn-Trace-Id"] == event["headers"]["x-amzn-trace-id"]
    assert json.loads(fetch(url + "a%252F/b")[1])["requestContext"]["http"]["path"] == "/a%2F/b"
    assert context["http"]["method"] == "POST" and context["domainName"].startswith(context["apiId"])
    assert context["accountId"] == "anonymous" and context["stage"] == "$default"


@pytest.mark.parametrize(
    ("answer", "content"),
    [("True", b"true"), ("{'hello': 'world'}", b'{"hello":"world"}'), ("'hello'", b"hello"), ("3.1", b"3.1")],
)
def test_plain_answers_become_bodies(client: Any, answer: str, content: bytes) -> None:
    """Recorded: test_lambda_url_invocation[boolean, dict, string, float]."""
    name = f"url-plain-{abs(hash(answer))}"
    create(client, name, f"def handler(event, context):\n    return {answer}\n")
    status, body, headers = fetch(open_url(client, name))
    assert (status, body, headers["Content-Type"]) == (200, content, "application/json")


def test_shaped_answer_becomes_a_response(client: Any) -> None:
    """Status, headers, cookies and a binary body."""
    code = """
def handler(event, context):
    return {"statusCode": 418, "headers": {"X-A": "b", "Content-Type": "image/png"}, "cookies": ["c=1", "d=2"],
            "body": "AAEC", "isBase64Encoded": True} if "teapot" not in event["rawPath"] else {
            "statusCode": "418", "body": "i'm a teapot"}
"""
    create(client, "url-shaped", code)
    status, body, headers = fetch(open_url(client, "url-shaped"))
    assert (status, body, headers["X-A"], headers["Content-Type"]) == (418, b"\x00\x01\x02", "b", "image/png")
    assert headers.get_all("Set-Cookie") == ["c=1", "d=2"]
    url = client.get_function_url_config(FunctionName="url-shaped")["FunctionUrl"]
    assert fetch(url + "teapot")[:2] == (418, b"i'm a teapot"), "a status in words"


def test_failure_is_bad_gateway(client: Any) -> None:
    """A function error must not show its details to the world."""
    create(client, "url-failing", "def handler(event, context):\n    raise ValueError('secret')\n")
    status, body, _ = fetch(open_url(client, "url-failing"))
    assert status == 502 and b"secret" not in body


def test_access(client: Any) -> None:
    """Without a policy a public URL is forbidden, and without a signature one of type AWS_IAM."""
    create(client, "url-closed")
    url = client.create_function_url_config(FunctionName="url-closed", AuthType="NONE")["FunctionUrl"]
    status, body, _ = fetch(url)
    assert status == 403 and json.loads(body)["Message"].startswith("Forbidden")
    create(client, "url-iam")
    url = client.create_function_url_config(FunctionName="url-iam", AuthType="AWS_IAM")["FunctionUrl"]
    assert fetch(url)[0] == 403


def test_cors(client: Any) -> None:
    """Preflights are answered without the function; answers carry the origin."""
    create(client, "url-cors")
    cors = {"AllowOrigins": ["https://a.example"], "AllowMethods": ["GET"], "MaxAge": 60}
    url = open_url(client, "url-cors", Cors=cors)
    asking = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
    status, _, headers = fetch(url, method="OPTIONS", **asking)
    assert (status, headers["Access-Control-Allow-Methods"], headers["Access-Control-Max-Age"]) == (200, "GET", "60")
    assert fetch(url, Origin="https://a.example")[2]["Access-Control-Allow-Origin"] == "https://a.example"
    assert fetch(url, Origin="https://b.example")[2]["Access-Control-Allow-Origin"] is None


def test_life_of_a_url(client: Any) -> None:
    """Recorded: test_url_config_lifecycle."""
    create(client, "url-life")
    made = client.create_function_url_config(FunctionName="url-life", AuthType="NONE")
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201 and "InvokeMode" not in made
    status, code, message = refusal(lambda: client.create_function_url_config(FunctionName="url-life", AuthType="NONE"))
    assert (status, code) == (409, "ResourceConflictException") and "FunctionUrlConfig exists" in message
    shown = client.get_function_url_config(FunctionName="url-life")
    assert (shown["FunctionUrl"], shown["InvokeMode"]) == (made["FunctionUrl"], "BUFFERED")
    assert client.update_function_url_config(FunctionName="url-life", AuthType="AWS_IAM")["AuthType"] == "AWS_IAM"
    assert len(client.list_function_url_configs(FunctionName="url-life")["FunctionUrlConfigs"]) == 1
    client.delete_function_url_config(FunctionName="url-life")
    assert refusal(lambda: client.get_function_url_config(FunctionName="url-life")) == (
        404,
        "ResourceNotFoundException",
        "The resource you requested does not exist.",
    )
    status, body, headers = fetch(made["FunctionUrl"])
    assert (status, body, headers["x-amzn-ErrorType"]) == (403, b'{"Message":null}', "AccessDeniedException")
    assert refusal(lambda: client.create_function_url_config(FunctionName="nobody", AuthType="NONE")) == (
        404,
        "ResourceNotFoundException",
        "Function does not exist",
    )


@pytest.mark.skipif(not nodes(), reason="Node.js is not installed")
def test_streams(client: Any) -> None:
    """A streamed response through the URL, and as an event stream of the API."""
    package = {"ZipFile": make_zip(index_js=STREAM)}
    create(client, "url-stream", Runtime="nodejs20.x", Handler="index.handler", Code=package, MemorySize=256)
    status, body, headers = fetch(open_url(client, "url-stream", InvokeMode="RESPONSE_STREAM"))
    assert (status, body, headers["x-kind"]) == (201, b"one,two", "streamed")
    answer = client.invoke_with_response_stream(FunctionName="url-stream", Payload=b"{}")
    events = list(answer["EventStream"])
    content = b"".join(event["PayloadChunk"]["Payload"] for event in events if "PayloadChunk" in event)
    assert content.partition(bytes(8))[2] == b"one,two"
    assert "InvokeComplete" in events[-1] and "ErrorCode" not in events[-1]["InvokeComplete"]


BROKEN = """
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  if (event.first) stream.write(event.first);
  throw new Error("over");
});
"""


@pytest.mark.skipif(not nodes(), reason="Node.js is not installed")
def test_nobody_hears_of_an_error_in_a_stream(client: Any, sandbox: Any) -> None:
    """Recorded: a streaming handler that throws, before its first byte or after, has answered what it wrote, to Invoke
    and to InvokeWithResponseStream, whatever the type of invocation; its event is a success, told without an answer
    where there is none, or with why there is none."""
    out = Queue(sandbox, "broken-off")
    create(
        client, "url-broken", Runtime="nodejs20.x", Handler="index.handler", Code={"ZipFile": make_zip(index_js=BROKEN)}
    )
    client.put_function_event_invoke_config(
        FunctionName="url-broken", DestinationConfig={"OnSuccess": {"Destination": out.arn}}
    )
    for payload, written in ((b"{}", b""), (b'{"first": "so far"}', b"so far")):
        whole = client.invoke(FunctionName="url-broken", Payload=payload)
        assert ("FunctionError" in whole, whole["Payload"].read()) == (False, written)
        for kind in ("RequestResponse", "DryRun"):
            answer = client.invoke_with_response_stream(FunctionName="url-broken", Payload=payload, InvocationType=kind)
            assert answer["ResponseStreamContentType"] == "application/vnd.amazon.eventstream"
            chunks = [{"PayloadChunk": {"Payload": written}}] if written else []
            assert list(answer["EventStream"]) == [*chunks, {"InvokeComplete": {}}]
        client.invoke(FunctionName="url-broken", Payload=payload, InvocationType="Event")
    told = out.take_json(2)
    reason = "The function response payload could not be parsed as JSON."
    assert sorted(("responsePayload" in one, json.dumps(one.get("deliveryError"))) for one in told) == [
        (False, "null"),
        (
            False,
            json.dumps({"statusCode": 400, "errorCode": "InvalidRequestContentException", "errorMessage": reason}),
        ),
    ]
    assert {one["requestContext"]["condition"] for one in told} == {"Success"}


def test_stream_of_an_ordinary_function(client: Any) -> None:
    """One chunk, also of the error that its runtime tells; the last event tells of errors that the service finds."""
    create(client, "no-stream", "def handler(event, context):\n    return 1 / event\n")
    events = list(client.invoke_with_response_stream(FunctionName="no-stream", Payload=b"1")["EventStream"])
    assert events[0]["PayloadChunk"]["Payload"] == b"1.0" and "InvokeComplete" in events[1]
    events = list(client.invoke_with_response_stream(FunctionName="no-stream", Payload=b"0")["EventStream"])
    assert json.loads(events[0]["PayloadChunk"]["Payload"])["errorType"] == "ZeroDivisionError"
    assert events[1:] == [{"InvokeComplete": {}}]
    create(client, "no-exit", "import os\ndef handler(event, context):\n    os._exit(1)\n")
    events = list(client.invoke_with_response_stream(FunctionName="no-exit", Payload=b"0")["EventStream"])
    assert events[-1]["InvokeComplete"]["ErrorCode"] == "Unhandled"
    assert "Runtime.ExitError" in events[-1]["InvokeComplete"]["ErrorDetails"]


def test_an_answer_that_is_not_streamed_passes_a_streaming_url_whole(client: Any) -> None:
    """LocalStack's test_lambda_url_echo_invoke[RESPONSE_STREAM], run against AWS."""
    create(client, "url-whole", 'def handler(event, context):\n    return {"statusCode": 201, "body": "b"}\n')
    status, body, _ = fetch(open_url(client, "url-whole", InvokeMode="RESPONSE_STREAM"))
    assert (status, json.loads(body)) == (200, {"statusCode": 201, "body": "b"})


def test_package_can_be_fetched(client: Any) -> None:
    """GetFunction's Location is a URL of the very package."""
    package = make_zip(app_py="def handler(event, context):\n    return 1\n")
    create(client, "fetched", Code={"ZipFile": package})
    location = client.get_function(FunctionName="fetched")["Code"]["Location"]
    assert fetch(location)[:2] == (200, package)
    assert fetch(location.replace(location[11:19], "00000000"))[0] == 404
