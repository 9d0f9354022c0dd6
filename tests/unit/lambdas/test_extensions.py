"""Extensions in real processes: programs of a layer that hear of each invocation before the function's next one."""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path

import pytest
from tests.unit.lambdas.function_bench import Bench

from mrak.lambdas.interpreters import nodes

EXTENSION = """#!{python} -I
import json, os, sys, urllib.request
base = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2020-01-01/extension"
def ask(path, data=None, **headers):
    headers = {{name.replace("_", "-"): value for name, value in headers.items()}}
    return urllib.request.urlopen(urllib.request.Request(base + path, data=data, headers=headers))
body = json.dumps({{"events": ["INVOKE", "SHUTDOWN"]}}).encode()
answer = ask("/register", body, Lambda_Extension_Name="watcher")
identifier = answer.headers["Lambda-Extension-Identifier"]
print("registered for", json.load(answer)["handler"], flush=True)
while True:
    event = json.load(ask("/event/next", Lambda_Extension_Identifier=identifier))
    print("heard", event["eventType"], event.get("requestId", ""), flush=True)
    if event["eventType"] == "SHUTDOWN":
        sys.exit(0)
"""


def write_layer(bench: Bench, name: str, source: str) -> str:
    """A layer with one extension."""
    python = getattr(sys, "_base_executable", sys.executable)
    folder = Path(bench.folder) / name / "extensions"
    folder.mkdir(parents=True)
    program = folder / "watcher"
    program.write_text(textwrap.dedent(source).format(python=str(Path(python).resolve())))
    program.chmod(0o755)
    return str(folder.parent)


def test_an_external_extension_hears_of_invocations_and_of_the_end(bench: Bench) -> None:
    """Its output is in the function's log, and each invocation is announced to it."""
    layer = write_layer(bench, "layer-watcher", EXTENSION)
    spec = bench.python(
        "def handler(event, context):\n    return context.aws_request_id\n", layer_dirs=(layer,), fingerprint="x"
    )
    first, second = bench.ask(spec), bench.ask(spec)
    for text in ("registered for app.handler\n", f"heard INVOKE {first}\n", f"heard INVOKE {second}\n"):
        bench.wait_for_log(spec, text)
    bench.supervisor.retire(spec.key)
    bench.wait_for_log(spec, "heard SHUTDOWN")


@pytest.mark.skipif(not nodes(), reason="Node.js is not installed")
def test_beside_a_node_function(bench: Bench) -> None:
    """Extensions do not depend on the runtime's language."""
    layer = write_layer(bench, "layer-node", EXTENSION)
    spec = bench.node("exports.handler = async () => 7;", layer_dirs=(layer,), fingerprint="x")
    assert bench.ask(spec) == 7


def test_wrong_requests_are_refused(bench: Bench) -> None:
    """Registration without a name, with unknown events, and events without registration."""
    code = """
        import os, urllib.error, urllib.request
        def ask(path, data=None, **headers):
            url = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2020-01-01/extension" + path
            headers = {name.replace("_", "-"): value for name, value in headers.items()}
            try:
                return urllib.request.urlopen(urllib.request.Request(url, data=data, headers=headers)).status
            except urllib.error.HTTPError as error:
                return error.code
        def handler(event, context):
            return [
                ask("/register", b"{}"),
                ask("/register", b'{"events": ["DANCE"]}', Lambda_Extension_Name="x"),
                ask("/event/next", Lambda_Extension_Identifier="nobody"),
            ]
        """
    assert json.dumps(bench.ask(bench.python(code))) == "[403, 400, 403]"
