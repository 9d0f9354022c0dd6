"""A full disk, for real: a small file system of its own, which needs the right to mount one."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from tests.conftest import start_server


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command here")
    if mounted.returncode != 0:
        pytest.skip(f"a small file system can't be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True, timeout=20)


def test_a_full_disk_is_said_and_loses_nothing(small_disk: Path) -> None:
    """The request that no longer fits gets an error that says what to do; what was acknowledged is there, also after a
    restart, and when there is room again it goes on."""
    server = start_server(small_disk / "data")
    sandbox = server.sandbox("full")
    sqs = sandbox.client("sqs")
    queue = sqs.create_queue(QueueName="q")["QueueUrl"]
    sent = 0
    with pytest.raises(ClientError) as caught:
        for _ in range(100):
            sqs.send_message(QueueUrl=queue, MessageBody="x" * 200_000)
            sent += 1
    error = caught.value.response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert "full" in error["Error"]["Message"] and "free some space" in error["Error"]["Message"]
    server.stop()
    again = start_server(small_disk / "data")
    sandbox.server = again
    sqs = sandbox.client("sqs")
    shown = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert shown["ApproximateNumberOfMessages"] == str(sent)
    again.stop()
