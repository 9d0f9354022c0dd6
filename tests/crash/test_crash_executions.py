"""Step Functions' executions under kill -9: every execution that was acknowledged comes to its end.

Each goes through a task, two branches and a map; kills meet it between any two transitions. After each start all
executions end well, their histories have no gap and one end, and what their tasks did is there.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.crash.harness import Client, torture

KILLS = int(os.environ.get("CRASH_KILLS", "50"))
ROLE = "arn:aws:iam::000000000000:role/r"


def _send(url: str) -> dict[str, Any]:
    parameters = {"QueueUrl": url, "MessageBody.$": "$$.Execution.Name"}
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": parameters,
        "ResultPath": None,
    }


def definition(url: str) -> dict[str, Any]:
    waiting = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1, "End": True}}}
    sending = {"StartAt": "T", "States": {"T": {**_send(url), "End": True}}}
    each = {"StartAt": "E", "States": {"E": {"Type": "Pass", "End": True}}}
    states = {
        "First": {**_send(url), "Next": "Both"},
        "Both": {"Type": "Parallel", "Branches": [waiting, sending], "ResultPath": "$.both", "Next": "Each"},
        "Each": {"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 1, "ItemProcessor": each, "End": True},
    }
    return {"StartAt": "First", "States": states}


class ExecutionWorkload:
    """Starts executions, and remembers which were acknowledged."""

    def __init__(self) -> None:
        self.machine = ""
        self.url = ""
        self.lock = threading.Lock()
        self.started: set[str] = set()
        self.ended = 0

    def prepare(self, client: Client) -> None:
        self.url = client.call("sqs", "AmazonSQS.CreateQueue", {"QueueName": "executions"})["QueueUrl"]
        request = {"name": "crash", "definition": json.dumps(definition(self.url)), "roleArn": ROLE}
        self.machine = client.call("states", "AWSStepFunctions.CreateStateMachine", request)["stateMachineArn"]

    def step(self, client: Client, chance: random.Random) -> None:
        name = uuid.uuid4().hex
        request = {"stateMachineArn": self.machine, "name": name, "input": '{"items": [1, 2, 3]}'}
        arn = client.call("states", "AWSStepFunctions.StartExecution", request)["executionArn"]
        with self.lock:
            self.started.add(arn)
        time.sleep(chance.uniform(0, 0.02))

    def check(self, client: Client) -> None:
        """Every acknowledged execution ends, once, with the right output."""
        for arn in sorted(self.started):
            self._ends(client, arn)
            self._has_a_whole_history(client, arn)
        sent = self._take_messages(client)
        for arn in self.started:
            # STATES-001: a task whose result was not stored yet is done again.
            assert sent.count(arn.rpartition(":")[2]) >= 2, f"{arn} did not do its tasks"
        self.ended += len(self.started)
        self.started.clear()

    def _ends(self, client: Client, arn: str) -> None:
        deadline = time.monotonic() + 60
        while True:
            found = client.call("states", "AWSStepFunctions.DescribeExecution", {"executionArn": arn})
            if found["status"] != "RUNNING":
                assert (found["status"], found["output"]) == ("SUCCEEDED", "[1,2,3]"), found
                return
            assert time.monotonic() < deadline, f"{arn} hangs"
            time.sleep(0.02)

    def _has_a_whole_history(self, client: Client, arn: str) -> None:
        request = {"executionArn": arn, "maxResults": 1000}
        events = client.call("states", "AWSStepFunctions.GetExecutionHistory", request)["events"]
        assert [event["id"] for event in events] == list(range(1, len(events) + 1)), "the history has a gap"
        kinds = [event["type"] for event in events]
        assert kinds[-1] == "ExecutionSucceeded" and kinds.count("ExecutionSucceeded") == 1
        assert kinds.count("TaskScheduled") == kinds.count("TaskSucceeded") == 2
        assert kinds.count("MapIterationSucceeded") == 3

    def _take_messages(self, client: Client) -> list[str]:
        bodies: list[str] = []
        while True:
            request = {"QueueUrl": self.url, "MaxNumberOfMessages": 10}
            messages = client.call("sqs", "AmazonSQS.ReceiveMessage", request).get("Messages", [])
            if not messages:
                return bodies
            bodies += [message["Body"] for message in messages]


@pytest.mark.timeout(900)
def test_executions_survive(tmp_path: Path) -> None:
    """A durable state machine is one that no kill can stop."""
    workload = ExecutionWorkload()
    torture(tmp_path / "data", [workload], max(KILLS // 5, 2), random.SystemRandom().randrange(2**32))
    assert workload.ended, "the load did nothing"
