"""A server where only keys open anything, as teams run it: each developer's functions share its machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from tests.conftest import Server, start_server
from tests.contract.lambda_bench import call, create
from tests.contract.test_cli import mrak
from tests.contract.test_faults import send

SPY = """
import json, os, urllib.error, urllib.request

def handler(event, context):
    try:
        with open(event["file"]) as file:
            read = file.read()
    except OSError as error:
        read = type(error).__name__
    try:
        with urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/_mrak/environments", timeout=10) as answer:
            asked = answer.read().decode()
    except urllib.error.HTTPError as error:
        asked = error.code
    return {"read": read, "asked": asked}
"""


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = start_server(tmp_path_factory.mktemp("closed") / "data", "--access", "keys", "--durability", "process")
    yield running
    running.stop()


def command(server: Server, *words: str) -> str:
    ended = mrak(*words, AWS_ENDPOINT_URL=server.endpoint)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_command_line_makes_sandboxes(closed: Server) -> None:
    """Whoever may read the data folder needs no more to give out keys."""
    command(closed, "env", "create", "alice")
    assert "alice" in command(closed, "env", "list")


def test_pages_that_give_out_keys_want_the_admin_key(closed: Server) -> None:
    """Any process of this machine reaches the port, the functions of other people too."""
    for method, path, body in (
        ("GET", "/_mrak/environments", b""),
        ("POST", "/_mrak/environments", b'{"name": "stolen"}'),
        ("GET", "/_mrak/outbox?environment=default", b""),
    ):
        status, _, answer = send(closed.endpoint + path, body, {"x-mrak": "1"}, method)
        assert (status, b"admin-key" in answer) == (403, True)
    assert "stolen" not in closed.ask("GET", "/_mrak/status")["environments"]
    assert (closed.data / "admin-key").stat().st_mode & 0o077 == 0


def test_unknown_keys_open_nothing(closed: Server) -> None:
    """Neither `test`, nor twelve digits, which are accounts in the open mode."""
    for key in ("test", "111122223333"):
        unknown = boto3.client(
            "sts",
            endpoint_url=closed.endpoint,
            region_name="us-east-1",
            aws_access_key_id=key,
            aws_secret_access_key="test",
        )
        with pytest.raises(ClientError) as caught:
            unknown.get_caller_identity()
        assert caught.value.response["Error"]["Code"] == "InvalidClientTokenId"


def test_a_function_gets_nobodys_keys(closed: Server) -> None:
    """Function code cannot read the server's data, and so not the key to the pages that show it."""
    command(closed, "env", "create", "spy")
    exports = dict(
        line.removeprefix("export ").split("=", 1)
        for line in command(closed, "use", "spy").splitlines()
        if line.startswith("export AWS_")
    )
    functions = boto3.client(
        "lambda",
        endpoint_url=closed.endpoint,
        region_name="us-east-1",
        aws_access_key_id=exports["AWS_ACCESS_KEY_ID"].strip("'\""),
        aws_secret_access_key=exports["AWS_SECRET_ACCESS_KEY"].strip("'\""),
    )
    create(functions, "spy", SPY, Timeout=20)
    found = call(functions, "spy", {"file": str(Path(closed.data) / "admin-key")})
    assert found["asked"] == 403
    assert found["read"] in ("FileNotFoundError", "PermissionError")
