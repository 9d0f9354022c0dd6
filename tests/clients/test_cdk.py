"""The CDK, unchanged: bootstrap, then a stack with an asset, against a real server."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.conftest import Sandbox

APPLICATION = """
const cdk = require("aws-cdk-lib");
const lambda = require("aws-cdk-lib/aws-lambda");
const sqs = require("aws-cdk-lib/aws-sqs");
const app = new cdk.App();
const env = {account: process.env.CDK_DEFAULT_ACCOUNT, region: process.env.CDK_DEFAULT_REGION};
const stack = new cdk.Stack(app, "Shop", {env});
const code = lambda.Code.fromAsset("fn");
const fn = new lambda.Function(stack, "Fn", {runtime: lambda.Runtime.NODEJS_20_X, handler: "index.handler", code});
new sqs.Queue(stack, "Queue").grantSendMessages(fn);
"""


def run(command: list[str], sandbox: Sandbox, folder: Path) -> None:
    ended = subprocess.run(command, cwd=folder, env=sandbox.environ, capture_output=True, text=True, timeout=110)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_bootstrap_and_deploy(fresh_sandbox: Sandbox, tmp_path: Path) -> None:
    """The bootstrap stack (bucket, roles, repository), assets by its bucket, change set, deletion."""
    cdk = shutil.which("cdk")
    if cdk is None or "NODE_PATH" not in os.environ:
        pytest.skip("needs cdk (npm aws-cdk@2) on the path, and aws-cdk-lib with constructs under NODE_PATH")
    (tmp_path / "fn").mkdir()
    (tmp_path / "fn" / "index.js").write_text("exports.handler = async () => 1;\n")
    (tmp_path / "app.js").write_text(APPLICATION)
    (tmp_path / "cdk.json").write_text('{"app": "node app.js"}')
    run([cdk, "bootstrap"], fresh_sandbox, tmp_path)
    run([cdk, "deploy", "--require-approval", "never"], fresh_sandbox, tmp_path)
    assert len(fresh_sandbox.client("lambda").list_functions()["Functions"]) == 1
    run([cdk, "destroy", "-f"], fresh_sandbox, tmp_path)
    assert fresh_sandbox.client("lambda").list_functions()["Functions"] == []
