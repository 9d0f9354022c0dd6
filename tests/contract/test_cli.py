"""The command line as a new user meets it, in processes of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Sandbox, free_port, start_server


def mrak(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mrak", *arguments]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MRAK_"))}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env={**clean, **environ}, check=False)


def test_up_says_what_runs_and_stops_cleanly(tmp_path: Path) -> None:
    """Endpoint, data folder, durability, access mode, time to ready; SIGTERM and SIGINT end it with 0."""
    for number in (signal.SIGTERM, signal.SIGINT):
        server = start_server(tmp_path / "data")
        server.process.send_signal(number)
        assert server.process.wait(timeout=20) == 0
        said = server.log.read_text()
        for word in (server.endpoint, str(tmp_path / "data"), "power", "open", "ready in"):
            assert word in said, said
        assert "Traceback" not in said


def test_a_port_in_use_is_said_and_nothing_else_is_touched(server: Any, tmp_path: Path) -> None:
    ended = mrak("up", "--port", str(server.port), "--data", str(tmp_path / "data"))
    assert ended.returncode == 1
    assert f"port {server.port}" in ended.stderr and "in use" in ended.stderr


def test_a_data_folder_has_one_owner(server: Any) -> None:
    ended = mrak("up", "--port", str(free_port()), "--data", str(server.data))
    assert ended.returncode == 1
    assert "Another mrak uses the data folder" in ended.stderr


def test_a_data_folder_that_is_no_folder(tmp_path: Path) -> None:
    """The same message as for a folder without write permission, which root cannot be refused."""
    (tmp_path / "file").write_text("mine")
    ended = mrak("up", "--port", str(free_port()), "--data", str(tmp_path / "file" / "data"))
    assert ended.returncode == 1
    assert "can't be written" in ended.stderr and "--data" in ended.stderr
    assert (tmp_path / "file").read_text() == "mine"


def test_a_damaged_file_is_named_and_kept(tmp_path: Path) -> None:
    data = tmp_path / "data"
    start_server(data).stop()
    damaged = data / "environments" / "default" / "store.db"
    damaged.write_bytes(b"this is not a database, at all" * 300)
    ended = mrak("up", "--port", str(free_port()), "--data", str(data))
    assert ended.returncode == 1
    assert str(damaged) in ended.stderr and "damaged" in ended.stderr
    assert damaged.read_bytes().startswith(b"this is not")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["up", "--port", "http"], "invalid int value"),
        (["up", "--durability", "none"], "invalid choice"),
        (["nonsense"], "usage: mrak"),
        (["clock", "advance", "1y"], "is no duration"),
        (["where", "nothing"], "know no service nothing"),
        (["where", "sqs", "Nothing"], "has no operation Nothing"),
        (["where", "budgets", "DescribeBudgets"], "is not built; it answers 501"),
    ],
)
def test_wrong_calls_say_what_is_wrong(arguments: list[str], text: str) -> None:
    ended = mrak(*arguments)
    assert ended.returncode in (1, 2)
    assert text in ended.stderr + ended.stdout


def test_no_server_is_said_with_the_command_that_starts_one() -> None:
    ended = mrak("status", AWS_ENDPOINT_URL=f"http://localhost:{free_port()}")
    assert (ended.returncode, "mrak up" in ended.stderr) == (1, True)


def test_where_points_at_the_handler() -> None:
    """The first thing that a newcomer asks."""
    place = mrak("where", "sqs", "SendMessage").stdout.strip()
    path, _, line = place.rpartition(":")
    assert "def send_message(" in "".join(Path(path).read_text().splitlines()[int(line) - 1 : int(line) + 2])
    assert "SendMessage" in mrak("where", "sqs").stdout


def test_sandboxes_from_the_command_line(server: Any) -> None:
    """create, use, clock and delete; what `use` prints works with unchanged tools."""
    at = {"AWS_ENDPOINT_URL": server.endpoint}
    assert mrak("env", "create", "cli-box", **at).returncode == 0
    assert "already" in mrak("env", "create", "cli-box", **at).stderr
    assert "lower case letters" in mrak("env", "create", "CLI", **at).stderr
    assert "cli-box" in mrak("env", "list", **at).stdout
    script = f'eval "$({sys.executable} -m mrak use cli-box)" && {sys.executable} -m awscli sts get-caller-identity'
    said = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env={**os.environ, **at}, check=True)
    row = server.ask("GET", "/_mrak/environments/cli-box")
    assert row["account"] in said.stdout
    assert "cli-box:" in mrak("clock", "--env", "cli-box", "advance", "30d", **at).stdout
    assert "gone" in mrak("env", "delete", "cli-box", **at).stdout
    assert "There is no environment" in mrak("env", "delete", "cli-box", **at).stderr
    assert "There is no environment" in mrak("use", "cli-box", **at).stderr


def test_accounts_of_one_sandbox(tmp_path: Path) -> None:
    """Several accounts with verified keys meet in one cloud, also after a restart, and end with it."""
    import boto3
    from botocore.exceptions import ClientError

    server = start_server(tmp_path / "data", "--access", "keys")
    try:
        at = {"AWS_ENDPOINT_URL": server.endpoint}
        own = server.sandbox("shared")
        said = mrak("env", "account", "shared", **at).stdout
        accounts = server.ask("GET", "/_mrak/environments/shared/accounts")["accounts"]
        assert len(accounts) == 2 and accounts[0]["account"] == own.account
        assert accounts[1]["access_key_id"] in said and accounts[1]["secret_access_key"] in said
        other = Sandbox(server, accounts[1])
        assert other.client("sts").get_caller_identity()["Account"] == accounts[1]["account"] != own.account
        own.client("s3").create_bucket(Bucket="accounts-meet")
        with pytest.raises(ClientError, match="BucketAlreadyExists"):
            other.client("s3").create_bucket(Bucket="accounts-meet")
        server.stop()
        server = start_server(tmp_path / "data", "--access", "keys", port=server.port)
        with pytest.raises(ClientError, match="AccessDenied"):
            other.client("s3").list_objects_v2(Bucket="accounts-meet")
        iam = other.client("iam")
        iam.create_user(UserName="u")
        key = iam.create_access_key(UserName="u")["AccessKey"]
        sts = boto3.client(
            "sts", endpoint_url=server.endpoint, region_name="us-east-1", aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
        )  # fmt: skip
        assert sts.get_caller_identity()["Arn"] == f"arn:aws:iam::{accounts[1]['account']}:user/u"
        own.delete()
        with pytest.raises(ClientError, match="InvalidAccessKeyId"):
            other.client("s3").list_buckets()
        assert "There is no environment" in mrak("env", "account", "shared", **at).stderr
    finally:
        server.stop()


def test_status_and_doctor(server: Any) -> None:
    said = mrak("status", AWS_ENDPOINT_URL=server.endpoint).stdout
    assert str(server.process.pid) in said and "durability    process" in said
    said = mrak("doctor").stdout
    assert "python3.11" in said and "isolation" in said


RELOADED = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: reloaded, CodeUri: src/, Runtime: python3.11, Handler: app.handler}
"""


def test_functions_of_a_template_run_from_their_folders(sandbox: Any, tmp_path: Path) -> None:
    """Edit, save, call: nothing is packed or deployed again."""
    (tmp_path / "src").mkdir()
    (tmp_path / "template.yaml").write_text(RELOADED)
    code = tmp_path / "src" / "app.py"
    functions = sandbox.client("lambda")
    for answer in ("first", "second"):
        code.write_text(f"def handler(event, context):\n    return {answer!r}\n")
        if answer == "first":
            words = ("deploy", str(tmp_path), "--stack", "reloaded", "--environment", sandbox.name, "--hot-reload")
            ended = mrak(*words, AWS_ENDPOINT_URL=sandbox.server.endpoint)
            assert ended.returncode == 0, ended.stderr
        assert functions.invoke(FunctionName="reloaded")["Payload"].read() == f'"{answer}"'.encode()
