"""Step Functions: starting executions, and what a transition costs however long the history is."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from bench import Bench, BenchFailed, Row, scenario

ROLE = "arn:aws:iam::000000000000:role/bench"


def make_machine(bench: Bench, name: str, states: dict[str, Any], kind: str = "STANDARD") -> str:
    definition = json.dumps({"StartAt": next(iter(states)), "States": states})
    client = bench.signer.client("stepfunctions")
    arn: str = client.create_state_machine(name=name, definition=definition, roleArn=ROLE, type=kind)["stateMachineArn"]
    return arn


@scenario("stepfunctions.StartExecution")
def start_execution(bench: Bench) -> Iterator[Row]:
    """Ten Pass states: the reply leaves when the whole execution is on disk."""
    states: dict[str, Any] = {f"S{n}": {"Type": "Pass", "Next": f"S{n + 1}"} for n in range(9)}
    arn = make_machine(bench, "bench-pass", states | {"S9": {"Type": "Pass", "End": True}})
    requests = [bench.signer.call("stepfunctions", "start_execution", stateMachineArn=arn, input='{"a": 1}')]
    yield bench.measure("stepfunctions StartExecution, ten Pass states", requests)


@scenario("stepfunctions.loop")
def long_history(bench: Bench) -> Iterator[Row]:
    """A loop up to the limit of the history: its last transitions must not cost more than its first."""
    stop = {"Variable": "$.stop", "IsPresent": True, "Next": "End"}
    states = {
        "A": {"Type": "Pass", "Next": "B"},
        "B": {"Type": "Choice", "Choices": [stop], "Default": "A"},
        "End": {"Type": "Succeed"},
    }
    arn = make_machine(bench, "bench-loop", states)
    client = bench.signer.client("stepfunctions")
    execution = client.start_execution(stateMachineArn=arn)["executionArn"]
    deadline = time.monotonic() + 60
    while client.describe_execution(executionArn=execution)["status"] == "RUNNING":
        if time.monotonic() > deadline:
            raise BenchFailed("a loop of 25,000 events took more than a minute")
        time.sleep(0.05)
    newest = {"executionArn": execution, "reverseOrder": True, "maxResults": 10}
    request = bench.signer.call("stepfunctions", "get_execution_history", **newest)
    yield bench.measure("stepfunctions GetExecutionHistory, the end of 25,000 events", [request])
