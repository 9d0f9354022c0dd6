"""What runs inside functions, as its users package it: Powertools for AWS Lambda in both languages, AWS's own runtime
client as a custom runtime, and the AWS SDK for JavaScript that a package does not bring."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.clients import packages
from tests.clients.conftest import installed
from tests.conftest import Sandbox, start_server, until
from tests.contract.lambda_bench import ROLE, Queue

FUNCTIONS = Path(__file__).parent / "functions"
RUNTIME = f"python3.{sys.version_info[1]}"


@pytest.fixture(scope="session")
def python_packages() -> Path:
    return installed(packages.python_functions)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, node_modules: Path) -> Iterator[Sandbox]:
    """A sandbox of a server whose Node.js functions find the AWS SDK that is installed in a folder."""
    data = tmp_path_factory.mktemp("functions") / "data"
    running = start_server(data, "--durability", "process", node_modules=node_modules)
    yield running.sandbox()
    running.stop()


def make_package(files: dict[str, Path], folder: Path, under: str = "") -> bytes:
    """A zip of single files and of a whole folder."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in files.items():
            archive.write(path, name)
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.write(path, f"{under}{path.relative_to(folder)}")
    return buffer.getvalue()


def deploy(sandbox: Sandbox, package: bytes, runtime: str, handlers: dict[str, str], **more: Any) -> Any:
    """Functions of one package, by name and handler."""
    client = sandbox.client("lambda", read_timeout=60)
    table = {"Variables": {"TABLE": "payments"}}
    for name, handler in handlers.items():
        client.create_function(
            FunctionName=name, Runtime=runtime, Handler=handler, Role=ROLE, Timeout=30, MemorySize=512,
            Code={"ZipFile": package}, Environment=table, **more,
        )  # fmt: skip
    return client


def call(client: Any, name: str, event: Any) -> Any:
    answer = client.invoke(FunctionName=name, Payload=json.dumps(event).encode(), LogType="Tail")
    payload = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, payload
    return payload


def log_lines(sandbox: Sandbox, name: str) -> list[dict[str, Any]]:
    """The log's lines that are JSON."""
    logs = sandbox.client("logs")
    if not logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"]:
        return []
    events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    return [json.loads(event["message"]) for event in events if event["message"].startswith("{")]


def check_shop(sandbox: Sandbox, client: Any, prefix: str) -> None:
    """The same three functions in either language: what they log and count, what they leave, what they do once."""
    call(client, f"{prefix}-telling", {"order": "o-1"})
    until(lambda: any(line.get("order") == "o-1" for line in log_lines(sandbox, f"{prefix}-telling")))
    lines = log_lines(sandbox, f"{prefix}-telling")
    sold = next(line for line in lines if line.get("order") == "o-1")
    assert (sold["message"], sold["service"], sold["function_name"]) == ("sold", "shop", f"{prefix}-telling")
    assert len(sold["function_request_id"]) == 36
    until(lambda: any("_aws" in line and "Sold" in line for line in log_lines(sandbox, f"{prefix}-telling")))

    dead = Queue(sandbox, f"{prefix}-dead")
    redrive = json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 1})
    source = Queue(sandbox, prefix, VisibilityTimeout="30", RedrivePolicy=redrive)
    source.send("good", "bad", "fine")
    client.create_event_source_mapping(
        EventSourceArn=source.arn, FunctionName=f"{prefix}-batch", FunctionResponseTypes=["ReportBatchItemFailures"]
    )
    took = {"good", "fine"}
    until(lambda: {line.get("body") for line in log_lines(sandbox, f"{prefix}-batch")} >= took)
    sandbox.advance_clock(31)
    assert dead.take(seconds=30)[0]["Body"] == "bad"

    dynamodb = sandbox.client("dynamodb")
    if "payments" not in dynamodb.list_tables()["TableNames"]:
        dynamodb.create_table(
            TableName="payments",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
    first, again, other = (call(client, f"{prefix}-paying", {"order": order}) for order in ("a", "a", "b"))
    assert first == again != other


def test_powertools_for_python(shop: Sandbox, python_packages: Path) -> None:
    """Logger, metrics, partial batch responses and idempotency on DynamoDB, unchanged."""
    package = make_package({"app.py": FUNCTIONS / "powertools_app.py"}, python_packages)
    handlers = {f"py-{name}": f"app.{name}" for name in ("telling", "batch", "paying")}
    check_shop(shop, deploy(shop, package, RUNTIME, handlers), "py")


def test_powertools_for_typescript_with_lambdas_own_sdk(shop: Sandbox) -> None:
    """The same in Node.js as an ES module; its DynamoDB client is the one that the server was told of."""
    modules = installed(packages.powertools_for_javascript)
    assert not (modules / "@aws-sdk").exists(), "the SDK must be Lambda's own"
    package = make_package({"app.mjs": FUNCTIONS / "powertools.mjs"}, modules, "node_modules/")
    handlers = {f"js-{name}": f"app.{name}" for name in ("telling", "batch", "paying")}
    check_shop(shop, deploy(shop, package, "nodejs20.x", handlers), "js")


def test_the_sdk_is_there_for_commonjs_too(shop: Sandbox) -> None:
    """A package of one file that requires the SDK and asks S3."""
    code = """
    const { S3Client, ListBucketsCommand } = require("@aws-sdk/client-s3");
    const s3 = new S3Client({ forcePathStyle: true });
    exports.handler = async () => (await s3.send(new ListBucketsCommand({}))).Buckets;
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.js", code)
    client = deploy(shop, buffer.getvalue(), "nodejs20.x", {"own-sdk": "index.handler"})
    shop.client("s3").create_bucket(Bucket="seen-by-node")
    assert [bucket["Name"] for bucket in call(client, "own-sdk", {})] == ["seen-by-node"]


def test_awslambdaric_as_a_custom_runtime(shop: Sandbox, python_packages: Path, tmp_path: Path) -> None:
    """AWS's runtime client speaks to the Runtime API itself: events, context, errors."""
    bootstrap = tmp_path / "bootstrap"
    python = Path(sys.executable).resolve()  # a virtual environment is out of a function's sight
    bootstrap.write_text(f'#!/bin/sh\nexec {python} -m awslambdaric "$_HANDLER"\n')
    bootstrap.chmod(0o755)
    package = make_package({"bootstrap": bootstrap, "app.py": FUNCTIONS / "ric_app.py"}, python_packages)
    client = deploy(shop, package, "provided.al2023", {"ric": "app.handler"})
    for n in range(3):
        answer = call(client, "ric", {"n": n})
        assert answer["event"] == {"n": n} and len(answer["id"]) == 36 and answer["left"]
    failed = client.invoke(FunctionName="ric", Payload=b'{"fail": true}')
    error = json.loads(failed["Payload"].read())
    assert failed["FunctionError"] == "Unhandled"
    assert (error["errorType"], error["errorMessage"]) == ("LookupError", "as asked")


@pytest.mark.skipif(shutil.which("cc") is None, reason="a compiled runtime needs a C compiler: apt-get install gcc")
def test_a_compiled_custom_runtime(shop: Sandbox, tmp_path: Path) -> None:
    """A static binary that knows nothing but the Runtime API's HTTP."""
    built = subprocess.run(
        ["cc", "-O1", "-static", "-o", "bootstrap", str(FUNCTIONS / "bootstrap.c")],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    package = make_package({"bootstrap": tmp_path / "bootstrap"}, tmp_path / "nothing")
    client = deploy(shop, package, "provided.al2023", {"compiled": "any"})
    for n in range(3):
        assert call(client, "compiled", {"n": n}) == {"n": n}


def test_the_sdk_for_durable_functions(shop: Sandbox) -> None:
    """AWS's own SDK, unchanged: retries, waits, branches, chains and callbacks over several invocations."""
    modules = installed(packages.durable_functions)
    package = make_package({"durable_app.py": FUNCTIONS / "durable_app.py"}, modules)
    durable = {"DurableConfig": {"ExecutionTimeout": 600}}
    client = deploy(shop, package, RUNTIME, {"durable": "durable_app.handler"}, **durable)
    link = io.BytesIO()
    with zipfile.ZipFile(link, "w") as archive:
        archive.writestr("app.py", "def handler(event, context):\n    return event['n'] * 10\n")
    deploy(shop, link.getvalue(), RUNTIME, {"durable-link": "app.handler"})
    begun = client.invoke(
        FunctionName="durable:$LATEST", InvocationType="Event", Payload=b'{"n": 1}', DurableExecutionName="client"
    )
    arn = begun["DurableExecutionArn"]

    def callback() -> str:
        events = client.get_durable_execution_history(DurableExecutionArn=arn, MaxItems=1000)["Events"]
        started = [event["CallbackStartedDetails"] for event in events if event["EventType"] == "CallbackStarted"]
        return str(started[0]["CallbackId"]) if started else ""

    until(lambda: callback() != "", 60)
    client.send_durable_execution_callback_success(CallbackId=callback(), Result=b'"heard"')
    until(lambda: client.get_durable_execution(DurableExecutionArn=arn)["Status"] != "RUNNING", 60)
    ended = client.get_durable_execution(DurableExecutionArn=arn)
    assert ended["Status"] == "SUCCEEDED", ended.get("Error")
    result = json.loads(ended["Result"])
    assert result.pop("answer") in ("heard", '"heard"')
    assert result == {"total": 2, "tried": "at last", "chained": 20, "squares": [1, 4, 9]}
