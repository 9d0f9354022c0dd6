"""Asynchronous invocations: queued, retried, told to destinations and dead-letter queues. Black box, through boto3."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from tests.conftest import until
from tests.contract.lambda_bench import ECHO, TELL, Held, Queue, create, refusal

FAIL = "def handler(event, context):\n    raise Exception('Test exception (this is intentional)')\n"


@pytest.fixture(scope="module")
def client(sandbox: Any) -> Any:
    return sandbox.client("lambda", read_timeout=30)


def test_event_is_accepted_and_runs_later(client: Any, sandbox: Any) -> None:
    """202 without a payload; the function gets the event."""
    out = Queue(sandbox, "event-out")
    create(client, "event", TELL, Environment={"Variables": {"TELL_URL": out.url}}, Timeout=20, MemorySize=256)
    answer = client.invoke(FunctionName="event", InvocationType="Event", Payload=b'{"n": 1}')
    assert answer["StatusCode"] == 202 and answer["Payload"].read() == b""
    assert out.take_json() == [{"n": 1}]


def test_success_is_told_to_its_destination(client: Any, sandbox: Any) -> None:
    """The envelope of a success."""
    out = Queue(sandbox, "success")
    create(client, "succeeding", ECHO)
    client.put_function_event_invoke_config(
        FunctionName="succeeding", DestinationConfig={"OnSuccess": {"Destination": out.arn}}
    )
    sent = client.invoke(FunctionName="succeeding", InvocationType="Event", Payload=b'{"n": 1}')
    told = out.take_json()[0]
    assert told.pop("timestamp")
    assert told == {
        "version": "1.0",
        "requestContext": {
            "requestId": sent["ResponseMetadata"]["RequestId"],
            "functionArn": f"arn:aws:lambda:us-east-1:{sandbox.account}:function:succeeding:$LATEST",
            "condition": "Success",
            "approximateInvokeCount": 1,
        },
        "requestPayload": {"n": 1},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
        "responsePayload": {"n": 1},
    }


def test_failure_is_retried_after_a_minute_and_two(client: Any, fresh_sandbox: Any) -> None:
    """Recorded: test_lambda_destination_default_retries; two retries, by the environment's clock."""
    client = fresh_sandbox.client("lambda")
    out = Queue(fresh_sandbox, "failure")
    create(client, "failing", FAIL)
    client.put_function_event_invoke_config(
        FunctionName="failing", DestinationConfig={"OnFailure": {"Destination": out.arn}}
    )
    started = time.monotonic()
    client.invoke(FunctionName="failing", InvocationType="Event", Payload=b'{"raise_error": 1}')

    def minutes_later() -> bool:
        fresh_sandbox.advance_clock(5)
        return out.count() == 1

    until(minutes_later)
    assert time.monotonic() - started < 60, "the clock was advanced, not waited for"
    told = out.take_json()[0]
    assert told["requestContext"]["condition"] == "RetriesExhausted"
    assert told["requestContext"]["approximateInvokeCount"] == 3
    assert told["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
    assert told["requestPayload"] == {"raise_error": 1}
    assert told["responsePayload"]["errorMessage"] == "Test exception (this is intentional)"


def test_dead_letter_queue_gets_the_event(client: Any, sandbox: Any) -> None:
    """Recorded: TestLambdaDLQ::test_dead_letter_queue; without retries, so that it ends at once."""
    dead = Queue(sandbox, "dead")
    create(client, "dying", FAIL, DeadLetterConfig={"TargetArn": dead.arn})
    client.put_function_event_invoke_config(FunctionName="dying", MaximumRetryAttempts=0)
    sent = client.invoke(FunctionName="dying", InvocationType="Event", Payload=b'{"raise_error": 1}')
    message = dead.take()[0]
    assert json.loads(message["Body"]) == {"raise_error": 1}
    attributes = {name: (a["DataType"], a["StringValue"]) for name, a in message["MessageAttributes"].items()}
    assert attributes == {
        "RequestID": ("String", sent["ResponseMetadata"]["RequestId"]),
        "ErrorCode": ("Number", "200"),
        "ErrorMessage": ("String", "Test exception (this is intentional)"),
    }
    kept = client.update_function_configuration(FunctionName="dying", DeadLetterConfig={})
    assert kept["DeadLetterConfig"] == {"TargetArn": dead.arn}, "an empty one changes nothing"
    gone = client.update_function_configuration(FunctionName="dying", DeadLetterConfig={"TargetArn": ""})
    assert "DeadLetterConfig" not in gone


def test_what_is_named_of_the_destinations_changes(client: Any, sandbox: Any) -> None:
    """Recorded: an update keeps an outcome that it names without a Destination, and clears it with an empty one; a
    DestinationConfig without an outcome says nothing."""
    create(client, "routed")
    queues = [Queue(sandbox, f"routed-{name}").arn for name in ("good", "bad")]
    named = {"OnSuccess": {"Destination": queues[0]}, "OnFailure": {"Destination": queues[1]}}
    client.put_function_event_invoke_config(FunctionName="routed", DestinationConfig=named)

    def update(config: Any) -> Any:
        return client.update_function_event_invoke_config(FunctionName="routed", DestinationConfig=config)

    assert update({"OnFailure": {}})["DestinationConfig"] == named
    cleared = update({"OnSuccess": {"Destination": ""}})["DestinationConfig"]
    assert cleared == {"OnSuccess": {}, "OnFailure": named["OnFailure"]}
    for ask in (client.put_function_event_invoke_config, client.update_function_event_invoke_config):
        assert refusal(lambda ask=ask: ask(FunctionName="routed", DestinationConfig={})) == (
            400,
            "InvalidParameterValueException",
            "You must specify at least one of error handling or destination setting.",
        )


def test_what_is_no_place_for_results(client: Any, sandbox: Any) -> None:
    """Queues and topics that keep an order take no results, and buckets only failures."""
    create(client, "misrouted")
    queue = f"arn:aws:sqs:us-east-1:{sandbox.account}:q.fifo"
    topic = f"arn:aws:sns:us-east-1:{sandbox.account}:t.fifo"
    dead = "Invalid dead letter queue ARN: "

    def said(outcome: str, arn: str) -> str:
        config = {outcome: {"Destination": arn}}
        return refusal(
            lambda: client.put_function_event_invoke_config(FunctionName="misrouted", DestinationConfig=config)
        )[2]

    def dead_said(arn: str) -> str:
        letters = {"TargetArn": arn}
        return refusal(
            lambda: client.update_function_configuration(FunctionName="misrouted", DeadLetterConfig=letters)
        )[2]

    assert said("OnFailure", queue) == f"The destination ARN {queue} is invalid."
    assert said("OnFailure", topic) == "FIFO-type Amazon SNS topics aren't supported as a destination."
    assert said("OnSuccess", "arn:aws:s3:::b") == "The destination ARN arn:aws:s3:::b is invalid."
    assert dead_said(queue) == f"{dead}FIFO SQS queue is not supported for dead letter configuration"
    assert dead_said(topic) == f"{dead}FIFO SNS topic is not supported for dead letter configuration"
    assert dead_said("arn:aws:s3:::b") == f"{dead}Only Amazon SQS queues and Amazon SNS topics are supported."


def test_a_success_is_told_as_one(client: Any, fresh_sandbox: Any) -> None:
    """Recorded: the count of a success is one though it failed before, and nobody's client context arrives."""
    client = fresh_sandbox.client("lambda")
    out = Queue(fresh_sandbox, "second")
    create(
        client,
        "second",
        "import os\n"
        "def handler(event, context):\n"
        "    if not os.path.exists('/tmp/failed'):\n"
        "        open('/tmp/failed', 'w').close()\n"
        "        raise ValueError\n"
        "    return str(context.client_context)\n",
    )
    client.put_function_event_invoke_config(
        FunctionName="second", DestinationConfig={"OnSuccess": {"Destination": out.arn}}
    )
    client.invoke(FunctionName="second", InvocationType="Event", Payload=b"{}", ClientContext="no base64!")

    def minutes_later() -> bool:
        fresh_sandbox.advance_clock(5)
        return out.count() == 1

    until(minutes_later)
    told = out.take_json()[0]
    assert told["requestContext"]["approximateInvokeCount"] == 1
    assert told["responsePayload"] == "None"


def test_events_of_a_function_with_nothing_reserved_end_at_once(client: Any, sandbox: Any) -> None:
    """LocalStack's test_reserved_concurrency, run against AWS: the destination hears that it never ran."""
    told, dead = Queue(sandbox, "blocked-told"), Queue(sandbox, "blocked-dead")
    create(client, "blocked", DeadLetterConfig={"TargetArn": dead.arn})
    client.put_function_concurrency(FunctionName="blocked", ReservedConcurrentExecutions=0)
    client.put_function_event_invoke_config(
        FunctionName="blocked", DestinationConfig={"OnFailure": {"Destination": told.arn}}
    )
    client.invoke(FunctionName="blocked", InvocationType="Event", Payload=b'{"a": 1}')
    envelope = told.take_json()[0]
    context = envelope["requestContext"]
    assert (context["condition"], context["approximateInvokeCount"]) == ("ZeroReservedConcurrency", 0)
    assert set(envelope) == {"version", "timestamp", "requestContext", "requestPayload"}
    assert "ErrorCode" not in dead.take()[0]["MessageAttributes"], "recorded: it has no code"


def test_results_reach_an_event_bus(client: Any, sandbox: Any) -> None:
    """Recorded: test_invoke_lambda_eventbridge; the event names the bus and the function with its version."""
    events, told = sandbox.client("events"), Queue(sandbox, "bus-told")
    bus = events.create_event_bus(Name="results")["EventBusArn"]
    allowed = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**allowed, "Resource": told.arn}]})
    sandbox.client("sqs").set_queue_attributes(QueueUrl=told.url, Attributes={"Policy": policy})
    events.put_rule(Name="all", EventBusName="results", EventPattern=json.dumps({"source": ["lambda"]}))
    events.put_targets(Rule="all", EventBusName="results", Targets=[{"Id": "1", "Arn": told.arn}])
    made = create(client, "to-bus")
    client.put_function_event_invoke_config(
        FunctionName="to-bus", DestinationConfig={"OnSuccess": {"Destination": bus}}
    )
    client.invoke(FunctionName="to-bus", InvocationType="Event", Payload=b"{}")
    event = told.take_json()[0]
    assert event["detail-type"] == "Lambda Function Invocation Result - Success"
    assert event["resources"] == [bus, f"{made['FunctionArn']}:$LATEST"]
    assert event["detail"]["requestContext"]["condition"] == "Success"


def test_event_too_old_is_given_up(client: Any, sandbox: Any) -> None:
    """Recorded: test_maxeventage; a retry that would come too late is not made."""
    out = Queue(sandbox, "aged")
    create(client, "ageing", FAIL)
    client.put_function_event_invoke_config(
        FunctionName="ageing",
        MaximumEventAgeInSeconds=60,
        MaximumRetryAttempts=2,
        DestinationConfig={"OnFailure": {"Destination": out.arn}},
    )
    client.invoke(FunctionName="ageing", InvocationType="Event", Payload=b"{}")
    told = out.take_json()[0]["requestContext"]
    assert (told["condition"], told["approximateInvokeCount"]) == ("EventAgeExceeded", 1)


def test_function_as_destination(client: Any, sandbox: Any) -> None:
    """A chain of functions."""
    out = Queue(sandbox, "chain-out")
    create(client, "first", ECHO)
    create(client, "second", TELL, Environment={"Variables": {"TELL_URL": out.url}}, Timeout=20, MemorySize=256)
    second = f"arn:aws:lambda:us-east-1:{sandbox.account}:function:second"
    client.put_function_event_invoke_config(
        FunctionName="first", DestinationConfig={"OnSuccess": {"Destination": second}}
    )
    client.invoke(FunctionName="first", InvocationType="Event", Payload=b'"x"')
    assert out.take_json()[0]["responsePayload"] == "x"


def test_throttled_event_waits_for_room(client: Any, sandbox: Any) -> None:
    """Recorded: test_reserved_concurrency_async_queue; no room is no failure."""
    out = Queue(sandbox, "roomy")
    held = Held(sandbox, client, "roomless")
    client.put_function_event_invoke_config(
        FunctionName="roomless", DestinationConfig={"OnSuccess": {"Destination": out.arn}}
    )
    client.put_function_concurrency(FunctionName="roomless", ReservedConcurrentExecutions=1)
    client.invoke(FunctionName="roomless", InvocationType="Event", Payload=b'"stay"')
    held.wait_begun()
    client.invoke(FunctionName="roomless", InvocationType="Event", Payload=b'"at once"')
    assert refusal(lambda: client.invoke(FunctionName="roomless", Payload=b'"at once"')) == (
        429,
        "TooManyRequestsException",
        "Rate Exceeded.",
    )
    held.let_go()
    told = [out.take_json()[0], out.take_json()[0]]
    assert [envelope["requestPayload"] for envelope in told] == ["stay", "at once"]
    assert [envelope["requestContext"]["approximateInvokeCount"] for envelope in told] == [1, 1]


def test_errors_of_event_invoke_config(client: Any, sandbox: Any) -> None:
    """Recorded: test_lambda_eventinvokeconfig_exceptions."""
    create(client, "plain")
    arn = f"arn:aws:lambda:us-east-1:{sandbox.account}:function"
    missing = (404, "ResourceNotFoundException")
    invalid = (400, "InvalidParameterValueException")
    assert refusal(lambda: client.get_function_event_invoke_config(FunctionName="plain")) == (
        *missing,
        f"The function {arn}:plain:$LATEST doesn't have an EventInvokeConfig",
    )
    assert refusal(lambda: client.put_function_event_invoke_config(FunctionName="nobody", MaximumRetryAttempts=1)) == (
        *missing,
        "The function doesn't exist.",
    )
    assert refusal(lambda: client.put_function_event_invoke_config(FunctionName="plain")) == (
        *invalid,
        "You must specify at least one of error handling or destination setting.",
    )
    itself = {"OnSuccess": {"Destination": f"{arn}:plain"}}
    assert refusal(lambda: client.put_function_event_invoke_config(FunctionName="plain", DestinationConfig=itself)) == (
        *invalid,
        "You can't specify the function as a destination for itself.",
    )
    gone = {"OnSuccess": {"Destination": f"{arn}:doesnotexist"}}
    assert refusal(lambda: client.put_function_event_invoke_config(FunctionName="plain", DestinationConfig=gone)) == (
        *invalid,
        f"The destination ARN {arn}:doesnotexist is invalid.",
    )
    made = client.put_function_event_invoke_config(FunctionName="plain", MaximumRetryAttempts=1)
    assert made["FunctionArn"] == f"{arn}:plain:$LATEST" and made["MaximumRetryAttempts"] == 1
    changed = client.update_function_event_invoke_config(FunctionName="plain", MaximumEventAgeInSeconds=70)
    assert (changed["MaximumRetryAttempts"], changed["MaximumEventAgeInSeconds"]) == (1, 70)
    listed = client.list_function_event_invoke_configs(FunctionName="plain")["FunctionEventInvokeConfigs"]
    assert [row["FunctionArn"] for row in listed] == [f"{arn}:plain:$LATEST"]
    client.delete_function_event_invoke_config(FunctionName="plain")
    assert refusal(lambda: client.delete_function_event_invoke_config(FunctionName="plain"))[:2] == missing
