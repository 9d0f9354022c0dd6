"""Recursive loops: found by the lineage in trace headers, stopped unless the function allows them. Black box, boto3."""

from __future__ import annotations

from typing import Any

import pytest
from tests.conftest import until
from tests.contract.lambda_bench import Queue, create, permit

COUNT = """
import boto3, os
tell = boto3.client("sqs")
def handler(event, context):
    tell.send_message(QueueUrl=os.environ["TELL_URL"], MessageBody="invoked")
    again(event, context)
"""
TO_QUEUE = (
    COUNT
    + """
def again(event, context):
    tell.send_message(QueueUrl=os.environ["AGAIN"], MessageBody="again")
"""
)
TO_ITSELF = (
    COUNT
    + """
def again(event, context):
    boto3.client("lambda").invoke(FunctionName=os.environ["AGAIN"], InvocationType="Event", Payload=b"{}")
"""
)
TO_TOPIC = (
    COUNT
    + """
def again(event, context):
    boto3.client("sns").publish(TopicArn=os.environ["AGAIN"], Message="again")
"""
)


@pytest.fixture
def client(fresh_sandbox: Any) -> Any:
    return fresh_sandbox.client("lambda", read_timeout=30)


def variables(told: Queue, again: str) -> dict[str, Any]:
    return {"Environment": {"Variables": {"TELL_URL": told.url, "AGAIN": again}}, "Timeout": 20, "MemorySize": 256}


def test_a_function_and_its_queue(client: Any, fresh_sandbox: Any) -> None:
    """After sixteen invocations the message ends in the queue's dead-letter queue."""
    told, dead = Queue(fresh_sandbox, "told"), Queue(fresh_sandbox, "dead")
    redrive = f'{{"deadLetterTargetArn": "{dead.arn}", "maxReceiveCount": "1"}}'
    queue = Queue(fresh_sandbox, "looped", VisibilityTimeout="20", RedrivePolicy=redrive)
    create(client, "loop", TO_QUEUE, **variables(told, queue.url))
    client.create_event_source_mapping(FunctionName="loop", EventSourceArn=queue.arn)
    queue.send("begin")
    told.take(16, 60)

    def given_up() -> bool:
        fresh_sandbox.advance_clock(21)
        return dead.count() == 1

    until(given_up)
    assert told.count() == 0


def test_a_function_and_a_queue_without_dead_letters(client: Any, fresh_sandbox: Any) -> None:
    """The looping message is dropped."""
    told, queue = Queue(fresh_sandbox, "told"), Queue(fresh_sandbox, "looped", VisibilityTimeout="20")
    create(client, "loop", TO_QUEUE, **variables(told, queue.url))
    client.create_event_source_mapping(FunctionName="loop", EventSourceArn=queue.arn)
    queue.send("begin")
    told.take(16, 60)
    until(lambda: queue.count() == 0)
    assert told.count() == 0


def test_a_function_that_invokes_itself(client: Any, fresh_sandbox: Any) -> None:
    """What is stopped goes to the function's dead-letter queue; the metric counts it."""
    told, dead = Queue(fresh_sandbox, "told"), Queue(fresh_sandbox, "dead")
    create(client, "self", TO_ITSELF, DeadLetterConfig={"TargetArn": dead.arn}, **variables(told, "self"))
    client.invoke(FunctionName="self", InvocationType="Event", Payload=b"{}")
    told.take(16, 60)
    dead.take(1)
    cloudwatch = fresh_sandbox.client("cloudwatch")
    until(lambda: bool(cloudwatch.list_metrics(MetricName="RecursiveInvocationsDropped")["Metrics"]))
    assert told.count() == 0


def test_a_function_and_its_topic(client: Any, fresh_sandbox: Any) -> None:
    """The lineage goes through SNS."""
    told = Queue(fresh_sandbox, "told")
    sns = fresh_sandbox.client("sns")
    topic = sns.create_topic(Name="round")["TopicArn"]
    arn = create(client, "topical", TO_TOPIC, **variables(told, topic))["FunctionArn"]
    permit(client, "topical", "sns")
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="begin")
    told.take(16, 60)
    cloudwatch = fresh_sandbox.client("cloudwatch")
    until(lambda: bool(cloudwatch.list_metrics(MetricName="RecursiveInvocationsDropped")["Metrics"]))
    assert told.count() == 0


def test_a_loop_that_is_allowed(client: Any, fresh_sandbox: Any) -> None:
    """RecursiveLoop Allow: it goes on, until it is told otherwise."""
    told = Queue(fresh_sandbox, "told")
    create(client, "allowed", TO_ITSELF, **variables(told, "allowed"))
    client.put_function_recursion_config(FunctionName="allowed", RecursiveLoop="Allow")
    client.invoke(FunctionName="allowed", InvocationType="Event", Payload=b"{}")
    told.take(20, 60)
    client.put_function_recursion_config(FunctionName="allowed", RecursiveLoop="Terminate")
    cloudwatch = fresh_sandbox.client("cloudwatch")
    until(lambda: bool(cloudwatch.list_metrics(MetricName="RecursiveInvocationsDropped")["Metrics"]))


def test_many_messages_are_no_loop(client: Any, fresh_sandbox: Any) -> None:
    """One function that sends to another's queue over and over has a short lineage each time."""
    told, queue = Queue(fresh_sandbox, "told"), Queue(fresh_sandbox, "many", VisibilityTimeout="20")
    create(client, "sender", TO_QUEUE, **variables(Queue(fresh_sandbox, "unread"), queue.url))
    code = COUNT + "\ndef again(event, context):\n    pass\n"
    create(client, "taker", code, **variables(told, ""))
    client.create_event_source_mapping(FunctionName="taker", EventSourceArn=queue.arn, BatchSize=1)
    for _ in range(20):
        client.invoke(FunctionName="sender", Payload=b"{}")
    told.take(20, 60)
