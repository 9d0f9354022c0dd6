"""SAM and `aws cloudformation deploy`, unchanged, against a real server."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from tests.clients import packages
from tests.clients.conftest import installed
from tests.conftest import Sandbox

pytestmark = pytest.mark.timeout(600)


TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/
      Runtime: python3.11
      Handler: app.handler
      Events:
        Http: {Type: HttpApi, Properties: {Path: /hello, Method: get}}
        Rest: {Type: Api, Properties: {Path: /hello, Method: get}}
Outputs:
  Api: {Value: !Ref ServerlessHttpApi}
"""
PLAIN = """
Parameters: {Shown: {Type: String}}
Resources: {Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Shown}}}
Outputs: {Arn: {Value: !Ref Topic}}
"""


@pytest.fixture(scope="session")
def sam() -> str:
    return str(installed(packages.sam) / "sam")


def run(command: list[str], sandbox: Sandbox, folder: Path) -> str:
    environ = {**sandbox.environ, "SAM_CLI_TELEMETRY": "0"}
    ended = subprocess.run(
        command, cwd=folder, env=environ, input="y\n", capture_output=True, text=True, check=False, timeout=280
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def write_application(folder: Path) -> None:
    (folder / "src").mkdir()
    (folder / "template.yaml").write_text(TEMPLATE)
    (folder / "src" / "app.py").write_text(
        'def handler(event, context):\n    print("said hi")\n    return {"statusCode": 200, "body": "hi"}\n'
    )


def output(sandbox: Sandbox, stack: str, name: str) -> str:
    shown = sandbox.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
    return next(item["OutputValue"] for item in shown if item["OutputKey"] == name)


def ask(sandbox: Sandbox, api: str) -> bytes:
    with urllib.request.urlopen(f"{sandbox.server.endpoint}/_aws/execute-api/{api}/hello", timeout=30) as reply:
        return bytes(reply.read())


def test_sam_deploys_and_deletes(sam: str, fresh_sandbox: Sandbox, tmp_path: Path) -> None:
    """`sam deploy --resolve-s3`: a bucket of its own, whose policy wants TLS (S3-020), change sets, waiters; then an
    invocation, the logs, and new code without a deployment."""
    write_application(tmp_path)
    options = ["--stack-name", "sammy", "--no-confirm-changeset", "--no-progressbar"]
    run([sam, "deploy", *options, "--resolve-s3", "--capabilities", "CAPABILITY_IAM"], fresh_sandbox, tmp_path)
    assert ask(fresh_sandbox, output(fresh_sandbox, "sammy", "Api")) == b"hi"
    invoked = run([sam, "remote", "invoke", "Hello", "--stack-name", "sammy"], fresh_sandbox, tmp_path)
    assert '"body": "hi"' in invoked
    assert "said hi" in run([sam, "logs", "--stack-name", "sammy"], fresh_sandbox, tmp_path)
    source = tmp_path / "src" / "app.py"
    source.write_text(source.read_text().replace('"hi"', '"ho"'))
    run([sam, "sync", "--code", "--no-watch", "--stack-name", "sammy"], fresh_sandbox, tmp_path)
    assert ask(fresh_sandbox, output(fresh_sandbox, "sammy", "Api")) == b"ho"
    run([sam, "delete", "--stack-name", "sammy", "--no-prompts"], fresh_sandbox, tmp_path)
    assert fresh_sandbox.client("lambda").list_functions()["Functions"] == []


def test_aws_deploys_and_updates(fresh_sandbox: Sandbox, tmp_path: Path) -> None:
    """`aws cloudformation deploy` creates, updates, and says so where nothing changes."""
    (tmp_path / "plain.yaml").write_text(PLAIN)
    aws = [sys.executable, "-m", "awscli", "--endpoint-url", fresh_sandbox.server.endpoint, "cloudformation", "deploy"]
    command = [*aws, "--stack-name", "plain", "--template-file", "plain.yaml"]
    command += ["--no-fail-on-empty-changeset", "--parameter-overrides"]
    assert "Successfully created/updated stack - plain" in run([*command, "Shown=one"], fresh_sandbox, tmp_path)
    run([*command, "Shown=two"], fresh_sandbox, tmp_path)
    arn = output(fresh_sandbox, "plain", "Arn")
    attributes = fresh_sandbox.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
    assert attributes["DisplayName"] == "two"
    assert "No changes to deploy" in run([*command, "Shown=two"], fresh_sandbox, tmp_path)


def test_mrak_deploys_a_folder(fresh_sandbox: Sandbox, tmp_path: Path) -> None:
    """`mrak deploy FOLDER` does without any other tool: packs code, uploads it, applies the template, shows outputs."""
    write_application(tmp_path)
    command = [sys.executable, "-m", "mrak", "deploy", str(tmp_path), "--stack", "mine"]
    shown = run(command, fresh_sandbox, tmp_path)
    assert "CREATE_COMPLETE" in shown and output(fresh_sandbox, "mine", "Api") in shown
    assert ask(fresh_sandbox, output(fresh_sandbox, "mine", "Api")) == b"hi"
    assert "nothing to change" in run(command, fresh_sandbox, tmp_path)
    (tmp_path / "src" / "app.py").write_text(
        'def handler(event, context):\n    return {"statusCode": 200, "body": "2"}\n'
    )
    run(command, fresh_sandbox, tmp_path)
    assert ask(fresh_sandbox, output(fresh_sandbox, "mine", "Api")) == b"2"
