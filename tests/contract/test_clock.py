"""Advancing a sandbox's clock: what waits in a chain comes to its end in the right order and at the right times."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.conftest import until
from tests.contract.lambda_bench import create

DAY = 86_400


def machine(sandbox: Any, name: str, states: dict[str, Any]) -> str:
    definition = json.dumps({"StartAt": next(iter(states)), "States": states})
    role = f"arn:aws:iam::{sandbox.account}:role/r"
    made = sandbox.client("stepfunctions").create_state_machine(name=name, definition=definition, roleArn=role)
    return str(made["stateMachineArn"])


def test_waits_that_follow_each_other(fresh_sandbox: Any) -> None:
    """Fourteen days, a function, seven days, seven more: all within the thirty that pass, each at its own time."""
    create(fresh_sandbox.client("lambda"), "step")
    wait = {"Type": "Wait", "Seconds": 14 * DAY, "Next": "Call"}
    call = {
        "Type": "Task",
        "Resource": f"arn:aws:lambda:us-east-1:{fresh_sandbox.account}:function:step",
        "Next": "Second",
    }
    second = {"Type": "Wait", "Seconds": 7 * DAY, "Next": "Third"}
    third = {"Type": "Wait", "Seconds": 7 * DAY, "End": True}
    arn = machine(fresh_sandbox, "chain", {"First": wait, "Call": call, "Second": second, "Third": third})
    client = fresh_sandbox.client("stepfunctions")
    execution = client.start_execution(stateMachineArn=arn)["executionArn"]
    fresh_sandbox.advance_clock(30 * DAY)
    until(lambda: client.describe_execution(executionArn=execution)["status"] == "SUCCEEDED")
    history = client.get_execution_history(executionArn=execution)["events"]
    entered = {
        e["stateEnteredEventDetails"]["name"]: e["timestamp"] for e in history if "stateEnteredEventDetails" in e
    }
    assert near(entered["Call"] - entered["First"], 14)
    assert near(entered["Third"] - entered["First"], 21)
    assert near(history[-1]["timestamp"] - entered["First"], 28)


def near(passed: timedelta, days: int) -> bool:
    return timedelta(days=days) <= passed < timedelta(days=days, minutes=5)


def test_the_clock_moves_by_what_was_asked(fresh_sandbox: Any) -> None:
    """However many stops there are on the way, and however often it is asked."""
    stop = {"Variable": "$.stop", "IsPresent": True, "Next": "End"}
    states = {
        "W": {"Type": "Wait", "Seconds": 60, "Next": "C"},
        "C": {"Type": "Choice", "Choices": [stop], "Default": "W"},
        "End": {"Type": "Succeed"},
    }
    arn = machine(fresh_sandbox, "loop", states)
    client = fresh_sandbox.client("stepfunctions")
    execution = client.start_execution(stateMachineArn=arn)["executionArn"]
    for _ in range(2):
        fresh_sandbox.advance_clock(2 * DAY)
    ask = fresh_sandbox.server.ask
    now = ask("POST", f"/_mrak/environments/{fresh_sandbox.name}/clock", {"advance_seconds": 0})["now"]
    assert abs(now - time.time() - 4 * DAY) < 60
    row = next(r for r in ask("GET", "/_mrak/environments")["environments"] if r["name"] == fresh_sandbox.name)
    assert row["clock_offset_seconds"] == pytest.approx(4 * DAY, abs=1e-3)
    events = client.get_execution_history(executionArn=execution, maxResults=1000)["events"]
    rounds = sum(event["type"] == "WaitStateExited" for event in events)
    assert rounds >= 50, "moments that are close together share a stop, and there are many stops"
    client.stop_execution(executionArn=execution)


def test_what_is_under_way_is_done_before_time_passes(fresh_sandbox: Any) -> None:
    """A function that a message has set going runs at the message's time, not days later."""
    sqs, client = fresh_sandbox.client("sqs"), fresh_sandbox.client("lambda")
    url = sqs.create_queue(QueueName="told")["QueueUrl"]
    inner = sqs.create_queue(QueueName="source")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=inner, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    tell = (
        "import boto3\ndef handler(event, context):\n"
        f"    boto3.client('sqs').send_message(QueueUrl={url!r}, MessageBody='done')\n"
    )
    create(client, "teller", tell, Timeout=20)
    client.create_event_source_mapping(FunctionName="teller", EventSourceArn=arn)
    sqs.send_message(QueueUrl=inner, MessageBody="go")
    fresh_sandbox.advance_clock(3 * DAY)
    wanted = {"MessageSystemAttributeNames": ["SentTimestamp"], "WaitTimeSeconds": 20}
    (message,) = sqs.receive_message(QueueUrl=url, **wanted)["Messages"]
    sent_at = datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000)
    assert sent_at < datetime.now() + timedelta(days=1)
