"""The CDK, unchanged: bootstrap, deploy, diff, hotswap and destroy, against a real server."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.clients import packages
from tests.clients.conftest import installed
from tests.conftest import Sandbox, start_server

pytestmark = pytest.mark.timeout(600)

APPLICATION = Path(__file__).parent / "cdk" / "app.js"
HANDLER = "exports.handler = async () => '{}';\n"


@pytest.fixture
def cdk_modules() -> Path:
    return installed(packages.cdk)


@pytest.fixture
def sandbox(cdk_modules: Path, tmp_path: Path) -> Iterator[Sandbox]:
    """An environment of a server whose Node.js functions find the AWS SDK, as at AWS."""
    server = start_server(tmp_path / "data", "--memory", node_modules=cdk_modules)
    yield server.sandbox()
    server.stop()


def run(folder: Path, sandbox: Sandbox, modules: Path, *arguments: str) -> str:
    """The CDK's command; names under localhost need not resolve, since an endpoint with an address has paths."""
    endpoint = sandbox.server.endpoint.replace("localhost", "127.0.0.1")
    environ = {**sandbox.environ, "AWS_ENDPOINT_URL": endpoint, "NODE_PATH": str(modules), "SHOP_BUCKET": "shop-files"}
    command = [str(modules / ".bin" / "cdk"), "--ci", *arguments]
    ended = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=280, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def test_the_life_of_an_application(cdk_modules: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    """The bootstrap stack and its roles, assets, the CDK's own functions for custom resources (which answer by TLS to
    port 443 unless they are led to us), differences by change set, code without a deployment, deletion."""
    folder = tmp_path / "app"
    (folder / "fn").mkdir(parents=True)
    shutil.copy(APPLICATION, folder / "app.js")
    (folder / "cdk.json").write_text('{"app": "node app.js"}')
    (folder / "fn" / "index.js").write_text(HANDLER.format("one"))
    run(folder, sandbox, cdk_modules, "bootstrap")
    shown = run(folder, sandbox, cdk_modules, "deploy", "--require-approval", "never", "--progress", "events")
    assert "Shop.Shown = hello you" in shown
    assert sandbox.client("ssm").get_parameter(Name="from-cdk")["Parameter"]["Value"] == "v"
    assert answer(sandbox) == "one"
    (folder / "fn" / "index.js").write_text(HANDLER.format("two"))
    assert "AWS::Lambda::Function Fn" in run(folder, sandbox, cdk_modules, "diff")
    stack = sandbox.client("cloudformation").describe_stacks(StackName="Shop")["Stacks"][0]
    run(folder, sandbox, cdk_modules, "deploy", "--hotswap")
    assert answer(sandbox) == "two"
    after = sandbox.client("cloudformation").describe_stacks(StackName="Shop")["Stacks"][0]
    assert after["LastUpdatedTime"] == stack["LastUpdatedTime"], "a hotswap leaves the stack alone"
    sandbox.client("s3").put_object(Bucket="shop-files", Key="left", Body=b"x")
    run(folder, sandbox, cdk_modules, "destroy", "-f")
    assert sandbox.client("lambda").list_functions()["Functions"] == []
    assert "shop-files" not in [bucket["Name"] for bucket in sandbox.client("s3").list_buckets()["Buckets"]]
    names = [item["Name"] for item in sandbox.client("ssm").describe_parameters()["Parameters"]]
    assert "from-cdk" not in names


def answer(sandbox: Sandbox) -> str:
    payload = sandbox.client("lambda").invoke(FunctionName="shop")["Payload"].read()
    return str(json.loads(payload))
