"""Node.js functions and custom runtimes in real processes."""

from __future__ import annotations

import asyncio
import shutil
import subprocess

import pytest
from tests.unit.lambdas.function_bench import Bench

from mrak.core.functions import Outcome, ResponseStream
from mrak.lambdas.interpreters import nodes

needs_node = pytest.mark.skipif(not nodes(), reason="Node.js is not installed")


@needs_node
def test_node_async_callback_and_silent_handlers(bench: Bench) -> None:
    """Three styles of handlers; one that never answers is null once nothing is left to do."""
    code = bench.write(
        index_js="""
        exports.a = async (event, context) => ({ event, id: context.awsRequestId.length });
        exports.c = (event, context, callback) => { setTimeout(() => callback(null, "later"), 5); };
        exports.n = () => {};
        """
    )
    run = {"runtime": "nodejs20.x"}
    assert bench.ask(bench.spec(code, "index.a", **run), {"é": 1}) == {"event": {"é": 1}, "id": 36}
    assert bench.ask(bench.spec(code, "index.c", **run)) == "later"
    assert bench.ask(bench.spec(code, "index.n", **run)) is None


@needs_node
def test_node_es_modules(bench: Bench) -> None:
    """Both ways to say that a file is an ES module."""
    source = "import os from 'node:os';\nexport const handler = async () => typeof os.EOL;\n"
    assert bench.ask(bench.spec(bench.write(index_mjs=source), "index.handler", "nodejs20.x")) == "string"
    code = bench.write(index_js=source, package_json='{"type": "module"}')
    assert bench.ask(bench.spec(code, "index.handler", "nodejs20.x")) == "string"


@needs_node
def test_node_errors_and_console(bench: Bench) -> None:
    """Recorded: test_uncaught_exception_invoke[nodejs20.x] and test_invocation_with_logs[nodejs16.x]."""
    spec = bench.node("exports.handler = async () => { console.log({}); throw new TypeError('some_error_msg'); };")
    error = bench.fail(spec)
    assert (error["errorType"], error["errorMessage"]) == ("TypeError", "some_error_msg")
    assert error["trace"][0] == "TypeError: some_error_msg"
    parts = next(line for line in bench.log(spec) if "\tINFO\t" in line).split("\t")
    assert len(parts[0]) == 24 and len(parts[1]) == 36 and parts[2:] == ["INFO", "{}\n"]


@needs_node
def test_node_uncaught_and_missing(bench: Bench) -> None:
    """Errors outside the handler's promise end the process; a missing module is worded as on AWS."""
    spec = bench.node("exports.handler = (e, c, cb) => { setTimeout(() => { throw new Error('late'); }, 1); };")
    assert bench.fail(spec)["errorMessage"] == "late"
    rejected = bench.node("exports.handler = (e, c, cb) => { Promise.reject(new Error('r')); setTimeout(cb, 999); };")
    error = bench.fail(rejected)
    assert (error["errorType"], error["errorMessage"]) == ("Runtime.UnhandledPromiseRejection", "Error: r")
    error = bench.fail(bench.node("", handler="absent.handler"))
    assert error["errorType"] == "Runtime.ImportModuleError"
    assert error["errorMessage"] == "Error: Cannot find module 'absent'\nRequire stack:\n- /var/runtime/index.mjs"
    error = bench.fail(bench.node("exports.other = 1;"))
    assert (error["errorType"], error["errorMessage"]) == (
        "Runtime.HandlerNotFound",
        "index.handler is undefined or not exported",
    )


@needs_node
def test_node_streams_its_response(bench: Bench) -> None:
    """Chunks reach the caller as they are written, after the prelude of an HTTP integration."""
    spec = bench.node(
        """
        exports.handler = awslambda.streamifyResponse(async (event, stream) => {
          stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201 });
          stream.write("one");
          stream.write("two");
          stream.end();
        });
        """
    )
    stream = ResponseStream()

    async def call() -> tuple[Outcome, list[bytes]]:
        task = asyncio.ensure_future(bench.supervisor.invoke(spec, bench.invocation({}, stream=stream)))
        chunks = [chunk async for chunk in stream]
        return await task, chunks

    outcome, chunks = bench.loop.run_until_complete(call())
    assert stream.content_type == "application/vnd.awslambda.http-integration-response"
    assert b"".join(chunks) == b'{"statusCode":201}' + bytes(8) + b"onetwo"
    assert outcome.function_error is None and outcome.payload == b""


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_bootstrap_script(bench: Bench) -> None:
    """The tutorial's custom runtime: a shell script with curl."""
    code = bench.write(
        _bootstrap="""#!/bin/sh
        while true; do
          H=$(mktemp)
          E=$(curl -sS -LD "$H" "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next")
          ID=$(grep -Fi Lambda-Runtime-Aws-Request-Id "$H" | tr -d '[:space:]' | cut -d: -f2)
          curl -sS -X POST "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/$ID/response" -d "[$E]"
        done
        """
    )
    spec = bench.spec(code, "any", "provided.al2023")
    assert bench.ask(spec, {"a": 1}) == [{"a": 1}]
    assert bench.ask(spec, 2) == [2]


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler is installed")
def test_compiled_bootstrap(bench: Bench) -> None:
    """A compiled custom runtime that knows only host and port, without any library."""
    source = r"""
    #include <arpa/inet.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    #include <unistd.h>
    int main(void) {
      char host[64], buf[8192], id[64], out[8192];
      strncpy(host, getenv("AWS_LAMBDA_RUNTIME_API"), 63);
      char *port = strchr(host, ':'); *port++ = 0;
      for (;;) {
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
        inet_pton(AF_INET, host, &at.sin_addr);
        int s = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(s, (struct sockaddr *)&at, sizeof at)) return 9;
        const char *next = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: a\r\n\r\n";
        write(s, next, strlen(next));
        long n = read(s, buf, sizeof buf - 1); buf[n] = 0;
        sscanf(strstr(buf, "Request-Id: ") + 12, "%60[^\r]", id);
        char *body = strstr(buf, "\r\n\r\n") + 4;
        n = snprintf(out, sizeof out, "POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nHost: a\r\n"
                     "Content-Length: %zu\r\n\r\n%s", id, strlen(body), body);
        write(s, out, n); read(s, buf, sizeof buf); close(s);
      }
    }
    """
    code = bench.write()
    subprocess.run(["cc", "-x", "c", "-w", "-o", f"{code}/bootstrap", "-"], input=source.encode(), check=True)
    spec = bench.spec(code, "any", "provided.al2023")
    assert [bench.ask(spec, event) for event in ({"a": 1}, [2])] == [{"a": 1}, [2]]


def test_missing_bootstrap(bench: Bench) -> None:
    """AWS names the places where it looked."""
    error = bench.fail(bench.spec(bench.write(), "any", "provided.al2023"))
    assert error["errorType"] == "Runtime.InvalidEntrypoint"
    assert error["errorMessage"].endswith(
        "Error: Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"
    )
