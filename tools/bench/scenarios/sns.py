"""SNS: one publication to one and to ten queues, and how soon a receiver that waits has it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator

from bench import Bench, BenchFailed, Row, scenario

from scenarios.sqs import wake_times

QUEUES = 10
WAIT_SECONDS = 60


# What AWS asks of a queue that a topic sends to.
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "sns.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": "*",
            }
        ],
    }
)


def make_topic(bench: Bench, name: str, queues: int) -> tuple[str, list[str]]:
    """A topic and the URLs of its queues."""
    sns, sqs = bench.signer.client("sns"), bench.signer.client("sqs")
    topic: str = sns.create_topic(Name=name)["TopicArn"]
    urls = []
    for number in range(queues):
        url = sqs.create_queue(QueueName=f"{name}-{number}", Attributes={"Policy": POLICY})["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
        urls.append(url)
    return topic, urls


@scenario("sns.publish")
def publish_to_one(bench: Bench) -> Iterator[Row]:
    yield _measure(bench, "bench-publish", 1)


@scenario("sns.fanout")
def publish_to_ten(bench: Bench) -> Iterator[Row]:
    yield _measure(bench, "bench-fanout", QUEUES)


def _measure(bench: Bench, name: str, queues: int) -> Row:
    """Publications a second, and deliveries until the last is in its queue."""
    topic, urls = make_topic(bench, name, queues)
    count = 300 if bench.quick else 1500
    publish = bench.signer.call("sns", "publish", TopicArn=topic, Message="x" * 200)
    row = bench.measure(f"sns Publish to {queues} queue{'s' if queues > 1 else ''}", [publish] * count, once=True)
    sqs = bench.signer.client("sqs")
    _wait_for(sqs, urls, count * queues)
    outcome = bench.load([publish] * count, once=True)
    ended = time.perf_counter()
    _wait_for(sqs, urls, 2 * count * queues)
    seconds = count / outcome.rate + time.perf_counter() - ended
    row.note = f"{count * queues / seconds:,.0f} deliveries/s until the last is in its queue"
    return row


def _wait_for(sqs: object, urls: list[str], messages: int) -> None:
    began = time.perf_counter()
    while sum(_depth(sqs, url) for url in urls) < messages:
        if time.perf_counter() - began > WAIT_SECONDS:
            raise BenchFailed("not all deliveries were made")


@scenario("sns.wake")
def wake(bench: Bench) -> Iterator[Row]:
    """From a publication to the moment when a receiver that waited for it has it."""
    topic, (url,) = make_topic(bench, "bench-latency", 1)
    publish = bench.signer.call("sns", "publish", TopicArn=topic, Message="wake")
    receive = bench.signer.call("sqs", "receive_message", QueueUrl=url, WaitTimeSeconds=20)
    times = sorted(asyncio.run(wake_times(bench, publish, receive, 30 if bench.quick else 100)))
    yield Row(
        "sns publish to a long-polling receiver", None, times[len(times) // 2] * 1000,
        times[int(len(times) * 0.99)] * 1000, note="from publish to received",
    )  # fmt: skip


def _depth(sqs: object, url: str) -> int:
    name = "ApproximateNumberOfMessages"
    return int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])  # type: ignore[attr-defined]
