"""A stack whose server is killed while it is made goes on after the restart, with each resource once."""

from __future__ import annotations

import json
import time
from pathlib import Path

from tests.conftest import start_server

COUNT = 120


def test_a_stack_goes_on_after_a_kill(tmp_path: Path) -> None:
    """kill -9 in the middle of a creation: rows tell where it was, and what was begun is finished, not made twice."""
    server = start_server(tmp_path / "data", "--durability", "process")
    sandbox = server.sandbox("killed")
    resources = {f"T{n}": {"Type": "AWS::SQS::Queue"} for n in range(COUNT)}
    cfn = sandbox.client("cloudformation")
    cfn.create_stack(StackName="long", TemplateBody=json.dumps({"Resources": resources}))
    deadline = time.monotonic() + 30
    while not cfn.list_stack_resources(StackName="long")["StackResourceSummaries"]:
        assert time.monotonic() < deadline
    server.kill_and_start()
    try:
        waiter = cfn.get_waiter("stack_create_complete")
        waiter.wait(StackName="long", WaiterConfig={"Delay": 0.1, "MaxAttempts": 300})
        queues = sandbox.client("sqs").list_queues(MaxResults=1000)["QueueUrls"]
        assert len(queues) == COUNT
    finally:
        server.stop()
