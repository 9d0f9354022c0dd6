"""Lambda: warm invocations with few and many callers, and what a cold start takes."""

from __future__ import annotations

import io
import statistics
import time
import zipfile
from collections.abc import Iterator
from typing import Any

from bench import Bench, BenchFailed, Row, as_row, scenario

ROLE = "arn:aws:iam::000000000000:role/bench"
# Each environment has an identity, so that a cold start is told from a warm one.
PYTHON = "import uuid\nIDENTITY = str(uuid.uuid4())\n\n\ndef handler(event, context):\n    return IDENTITY\n"
NODE = "const identity = require('crypto').randomUUID();\nexports.handler = async () => identity;\n"
WARM_BAR = 1500


def make_function(bench: Bench, name: str, runtime: str, file: str, source: str) -> Any:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(file, source)
    client = bench.signer.client("lambda")
    client.create_function(
        FunctionName=name, Runtime=runtime, Handler="index.handler", Role=ROLE, MemorySize=256, Timeout=30,
        Code={"ZipFile": buffer.getvalue()},
    )  # fmt: skip
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    return client


@scenario("lambda.warm")
def warm(bench: Bench) -> Iterator[Row]:
    make_function(bench, "bench-warm", "python3.11", "index.py", PYTHON)
    invoke = bench.signer.call("lambda", "invoke", FunctionName="bench-warm", Payload=b"{}")
    for callers in (1, 8, 32):
        bench.load([invoke] * callers * 4, once=True, connections=callers)  # their environments start
        row = as_row(f"lambda Invoke, {callers} caller(s)", bench.load([invoke], connections=callers), "")
        if callers == 8:
            row.bar, row.met = f"≥ {WARM_BAR}/s", (row.rate or 0) >= WARM_BAR
        yield row


@scenario("lambda.cold")
def cold(bench: Bench) -> Iterator[Row]:
    yield _cold(bench, "python3.11", "index.py", PYTHON, 150)
    yield _cold(bench, "nodejs22.x", "index.js", NODE, 250)


def _cold(bench: Bench, runtime: str, file: str, source: str, bar_ms: float) -> Row:
    """A changed configuration makes the next invocation start a new environment."""
    name = f"bench-cold-{runtime.replace('.', '-')}"
    client = make_function(bench, name, runtime, file, source)
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
        bar=f"≤ {bar_ms:.0f} ms", met=median <= bar_ms,
    )  # fmt: skip
