"""The Serverless Framework 3, and osls, which goes on from it, against a real server."""

from __future__ import annotations

import subprocess
import urllib.request
from pathlib import Path

import pytest
from tests.clients import packages
from tests.clients.conftest import installed
from tests.conftest import Sandbox

pytestmark = pytest.mark.timeout(600)

DEFINITION = Path(__file__).parent / "serverless" / "serverless.yml"
HANDLER = """exports.hello = async () => {
  console.log("said hello");
  return { statusCode: 200, body: "%s" };
};
"""
# Version 3 has the second version of the SDK for JavaScript, which knows no AWS_ENDPOINT_URL: the plugin tells it.
PLUGIN = """
plugins: [serverless-localstack]
custom: {localstack: {stages: [dev], host: "http://127.0.0.1", edgePort: %d}}
"""


class Tool:
    """One of the two, with an application of its own."""

    def __init__(self, name: str, modules: Path, sandbox: Sandbox, folder: Path) -> None:
        self.name, self.folder, self.sandbox = name, folder, sandbox
        # Both call their command `serverless`.
        self._program = modules / name / "bin" / "serverless.js"
        (folder / "node_modules").symlink_to(modules)
        plugin = PLUGIN % sandbox.server.port if name == "serverless" else ""
        (folder / "serverless.yml").write_text(DEFINITION.read_text() + plugin)
        self.answer("one")

    def answer(self, body: str) -> None:
        (self.folder / "handler.js").write_text(HANDLER % body)

    def run(self, *arguments: str) -> str:
        endpoint = f"http://127.0.0.1:{self.sandbox.server.port}"
        environ = {**self.sandbox.environ, "AWS_ENDPOINT_URL": endpoint, "SLS_NOTIFICATIONS_MODE": "off"}
        environ |= {"SLS_TELEMETRY_DISABLED": "1", "SLS_INTERACTIVE_SETUP_ENABLE": "0"}
        command = ["node", str(self._program), *arguments]
        ended = subprocess.run(
            command, cwd=self.folder, env=environ, capture_output=True, text=True, timeout=280, check=False
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout + ended.stderr


@pytest.fixture(params=["serverless", "osls"])
def tool(request: pytest.FixtureRequest, fresh_sandbox: Sandbox, tmp_path: Path) -> Tool:
    return Tool(request.param, installed(packages.serverless), fresh_sandbox, tmp_path)


def ask(sandbox: Sandbox, path: str) -> bytes:
    with urllib.request.urlopen(f"{sandbox.server.endpoint}{path}", timeout=30) as reply:
        return bytes(reply.read())


def outputs(sandbox: Sandbox) -> dict[str, str]:
    stack = sandbox.client("cloudformation").describe_stacks(StackName="shop-dev")["Stacks"][0]
    return {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}


def test_the_life_of_a_service(tool: Tool, fresh_sandbox: Sandbox) -> None:
    """Its bucket, both kinds of API, a queue, a schedule and a URL; invocations, logs, one function's code, removal."""
    tool.run("deploy")
    rest = fresh_sandbox.client("apigateway").get_rest_apis()["items"][0]["id"]
    assert ask(fresh_sandbox, f"/_aws/execute-api/{outputs(fresh_sandbox)['HttpApiId']}/hello") == b"one"
    assert ask(fresh_sandbox, f"/_aws/execute-api/{rest}/dev/rest") == b"one"
    assert '"body": "one"' in tool.run("invoke", "--function", "hello")
    assert "said hello" in tool.run("logs", "--function", "hello")
    tool.answer("two")
    tool.run("deploy", "function", "--function", "hello")
    assert '"body": "two"' in tool.run("invoke", "--function", "hello")
    tool.answer("three")
    tool.run("deploy")
    assert '"body": "three"' in tool.run("invoke", "--function", "hello")
    tool.run("remove")
    assert fresh_sandbox.client("lambda").list_functions()["Functions"] == []
    assert fresh_sandbox.client("s3").list_buckets()["Buckets"] == []
