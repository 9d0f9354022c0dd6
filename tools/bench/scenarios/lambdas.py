"""Lambda: warm invocations with few and many callers, large payloads, asynchronous ones, queues as sources, what a cold
start takes, and what functions cost that nobody calls."""

from __future__ import annotations

import io
import shutil
import statistics
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

from bench import Bench, BenchFailed, Row, as_row, scenario

ROLE = "arn:aws:iam::000000000000:role/bench"
# Each environment has an identity, so that a cold start is told from a warm one.
PYTHON = "import uuid\nIDENTITY = str(uuid.uuid4())\n\n\ndef handler(event, context):\n    return IDENTITY\n"
NODE = "const identity = require('crypto').randomUUID();\nexports.handler = async () => identity;\n"
RUBY = "require 'securerandom'\nIDENTITY = SecureRandom.uuid\ndef handler(event:, context:)\n  IDENTITY\nend\n"
JAVA = """public class Index {
    static final String IDENTITY = java.util.UUID.randomUUID().toString();
    public String handler(Object event) { return IDENTITY; }
}
"""
ECHO = "def handler(event, context):\n    return len(event['text'])\n"
SILENT = "def handler(event, context):\n    return None\n"
# Tells how long a message took from its queue to here.
LATENCY = """
import boto3, os, time
queue = boto3.client("sqs")
def handler(event, context):
    now = time.time()
    took = [now * 1000 - int(record["attributes"]["SentTimestamp"]) for record in event["Records"]]
    queue.send_message(QueueUrl=os.environ["TOLD"], MessageBody=" ".join(f"{ms:.1f}" for ms in took))
"""
WARM_RATE_BAR = 2000
WARM_P50_BAR_MS = 1.5


def make_function(bench: Bench, name: str, runtime: str, file: str, source: str | bytes, **more: Any) -> Any:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(file, source)
    client = bench.signer.client("lambda")
    settings = {"Handler": "index.handler", "MemorySize": 256, "Timeout": 30, **more}
    client.create_function(
        FunctionName=name, Runtime=runtime, Role=ROLE, Code={"ZipFile": buffer.getvalue()}, **settings
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    return client


@scenario("lambda.warm")
def warm(bench: Bench) -> Iterator[Row]:
    make_function(bench, "bench-warm", "python3.11", "index.py", PYTHON)
    invoke = bench.signer.call("lambda", "invoke", FunctionName="bench-warm", Payload=b"{}")
    for callers in (1, 8, 32):
        bench.load([invoke] * callers * 4, once=True, connections=callers)  # their environments start
        row = as_row(f"lambda Invoke, {callers} caller(s)", bench.load([invoke], connections=callers), "")
        if callers == 1:
            row.bar, row.met = f"p50 ≤ {WARM_P50_BAR_MS} ms", (row.p50_ms or 0) <= WARM_P50_BAR_MS
        if callers == 8:
            row.bar, row.met = f"≥ {WARM_RATE_BAR}/s", (row.rate or 0) >= WARM_RATE_BAR
        yield row


@scenario("lambda.payload")
def payload(bench: Bench) -> Iterator[Row]:
    make_function(bench, "bench-payload", "python3.11", "index.py", ECHO)
    content = b'{"text": "' + b"x" * (1 << 20) + b'"}'
    invoke = bench.signer.call("lambda", "invoke", FunctionName="bench-payload", Payload=content)
    bench.load([invoke] * 4, once=True, connections=1)
    yield as_row("lambda Invoke, 1 MB, 1 caller", bench.load([invoke], connections=1), "")


@scenario("lambda.async")
def asynchronous(bench: Bench) -> Iterator[Row]:
    """Accepted, and how fast all of them have run: their results are counted in a queue."""
    sqs = bench.signer.client("sqs")
    url = sqs.create_queue(QueueName="bench-async")["QueueUrl"]
    client = make_function(bench, "bench-async", "python3.11", "index.py", SILENT)
    destination = {"OnSuccess": {"Destination": _arn(sqs, url)}}
    client.put_function_event_invoke_config(FunctionName="bench-async", DestinationConfig=destination)
    invoke = bench.signer.call("lambda", "invoke", FunctionName="bench-async", InvocationType="Event", Payload=b"{}")
    count = 500 if bench.quick else 3000
    began = time.perf_counter()
    outcome = bench.load([invoke] * count, once=True, connections=8, status=202)
    yield as_row("lambda Invoke, Event, accepted", outcome, "8 callers")
    _wait_until(lambda: _count(sqs, url) >= count)
    seconds = time.perf_counter() - began
    yield Row("lambda Invoke, Event, run", count / seconds, note="until the last result is in its destination")


@scenario("lambda.queue")
def queue(bench: Bench) -> Iterator[Row]:
    """A queue as source: one message after another, and a queue that is full."""
    sqs = bench.signer.client("sqs")
    told = sqs.create_queue(QueueName="bench-told")["QueueUrl"]
    source = sqs.create_queue(QueueName="bench-source", Attributes={"VisibilityTimeout": "60"})["QueueUrl"]
    variables = {"Environment": {"Variables": {"TOLD": told}}}
    client = make_function(bench, "bench-queue", "python3.11", "index.py", LATENCY, **variables)
    mapping = client.create_event_source_mapping(FunctionName="bench-queue", EventSourceArn=_arn(sqs, source))
    times: list[float] = []
    for number in range(20 if bench.quick else 100):
        sqs.send_message(QueueUrl=source, MessageBody="x")
        took = _take(sqs, told)
        times += took if number > 2 else []  # the first ones start the function
    times.sort()
    yield Row("lambda from a queue, end to end", None, statistics.median(times), times[int(len(times) * 0.99)])
    client.delete_event_source_mapping(UUID=mapping["UUID"])
    make_function(bench, "bench-drain", "python3.11", "index.py", SILENT)
    count = 500 if bench.quick else 3000
    for _ in range(count // 10):
        entries = [{"Id": str(number), "MessageBody": "x"} for number in range(10)]
        sqs.send_message_batch(QueueUrl=source, Entries=entries)
    began = time.perf_counter()
    mapping = client.create_event_source_mapping(FunctionName="bench-drain", EventSourceArn=_arn(sqs, source))
    _wait_until(lambda: _count(sqs, source) == 0)
    yield Row("lambda from a full queue", count / (time.perf_counter() - began), note="messages, ten to a batch")
    client.delete_event_source_mapping(UUID=mapping["UUID"])


@scenario("lambda.idle")
def idle(bench: Bench) -> Iterator[Row]:
    """Functions that nobody calls: no process, and what memory."""
    count = 100 if bench.quick else 1000
    with bench.beside() as other:
        before = other.mrak.resident_mib()
        for number in range(count):
            make_function(other, f"bench-idle-{number}", "python3.11", "index.py", f"# {number}\n{PYTHON}")
        processes, held = other.mrak.processes(), other.mrak.resident_mib() - before
    yield Row(
        f"lambda, {count} functions at rest", note=f"{processes} process(es), {held:.1f} MiB more",
        bar="1 process", met=processes == 1,
    )  # fmt: skip


@scenario("lambda.reload")
def reload(bench: Bench) -> Iterator[Row]:
    """A file that was changed answers the next call."""
    folder = bench.scratch / "reload"
    folder.mkdir()
    client = bench.signer.client("lambda")
    source = folder / "index.py"
    source.write_text("def handler(event, context):\n    return -1\n")
    client.create_function(
        FunctionName="bench-reload", Runtime="python3.11", Handler="index.handler", Role=ROLE,
        Code={"S3Bucket": "hot-reload", "S3Key": str(folder)},
    )  # fmt: skip
    times: list[float] = []
    stale = 0
    for number in range(5 if bench.quick else 20):
        source.write_text(f"def handler(event, context):\n    return {number}\n")
        began = time.perf_counter()
        answer = client.invoke(FunctionName="bench-reload", Payload=b"{}")["Payload"].read()
        times.append((time.perf_counter() - began) * 1000)
        stale += answer != str(number).encode()
    yield Row(
        "lambda, changed file to answer", None, statistics.median(times), max(times),
        bar="the next call", met=stale == 0,
    )  # fmt: skip


def _arn(sqs: Any, url: str) -> str:
    return str(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])


def _count(sqs: Any, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    shown = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(shown[name]) for name in names)


def _take(sqs: Any, url: str) -> list[float]:
    """What the function told next."""
    messages = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20).get("Messages", [])
    if not messages:
        raise BenchFailed("the message did not come")
    for message in messages:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return [float(text) for message in messages for text in message["Body"].split()]


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        if time.monotonic() > deadline:
            raise BenchFailed("it did not end in two minutes")
        time.sleep(0.02)


@scenario("lambda.cold")
def cold(bench: Bench) -> Iterator[Row]:
    yield _cold(bench, "python3.11", "index.py", PYTHON, 100)
    yield _cold(bench, "nodejs22.x", "index.js", NODE, 150)
    if shutil.which("ruby"):
        yield _cold(bench, "ruby3.3", "index.rb", RUBY, None)
    if compiler := shutil.which("javac"):
        yield _cold(bench, "java21", "Index.class", _compile(bench, compiler), None, handler="Index::handler")


def _compile(bench: Bench, compiler: str) -> bytes:
    folder = bench.scratch / "java"
    folder.mkdir()
    (folder / "Index.java").write_text(JAVA)
    subprocess.run([compiler, "--release", "11", "Index.java"], cwd=folder, check=True)
    return (folder / "Index.class").read_bytes()


def _cold(
    bench: Bench, runtime: str, file: str, source: str | bytes, bar_ms: float | None, handler: str = "index.handler"
) -> Row:
    """A changed configuration makes the next invocation start a new environment."""
    name = f"bench-cold-{runtime.replace('.', '-')}"
    client = make_function(bench, name, runtime, file, source, Handler=handler)
    times: list[float] = []
    seen: set[str] = set()
    for number in range(5 if bench.quick else 15):
        client.update_function_configuration(FunctionName=name, Environment={"Variables": {"NUMBER": str(number)}})
        waiter = client.get_waiter("function_updated_v2")
        waiter.wait(FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
        began = time.perf_counter()
        identity = client.invoke(FunctionName=name, Payload=b"{}")["Payload"].read().decode()
        times.append((time.perf_counter() - began) * 1000)
        if identity in seen or "errorMessage" in identity:
            raise BenchFailed(f"not a cold start: {identity}")
        seen.add(identity)
    median = statistics.median(times)
    return Row(
        f"lambda cold start {runtime}", None, median, max(times), note="the caller's whole wait",
        bar=f"≤ {bar_ms:.0f} ms" if bar_ms else "", met=median <= bar_ms if bar_ms else None,
    )  # fmt: skip
