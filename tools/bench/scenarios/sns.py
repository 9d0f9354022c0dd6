"""SNS: one publication, ten queues."""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench import Bench, BenchFailed, Row, scenario

QUEUES = 10
WAIT_SECONDS = 60


@scenario("sns.fanout")
def fan_out(bench: Bench) -> Iterator[Row]:
    sns, sqs = bench.signer.client("sns"), bench.signer.client("sqs")
    topic = sns.create_topic(Name="bench-fanout")["TopicArn"]
    urls = [sqs.create_queue(QueueName=f"bench-fanout-{number}")["QueueUrl"] for number in range(QUEUES)]
    for url in urls:
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    count = 300 if bench.quick else 1500
    publish = bench.signer.call("sns", "publish", TopicArn=topic, Message="x" * 200)
    began = time.perf_counter()
    row = bench.measure(f"sns Publish to {QUEUES} queues", [publish] * count, once=True)
    while sum(_depth(sqs, url) for url in urls) < count * QUEUES:
        if time.perf_counter() - began > WAIT_SECONDS:
            raise BenchFailed("not all deliveries were made")
        time.sleep(0.05)
    row.note = f"{count * QUEUES / (time.perf_counter() - began):,.0f} deliveries/s until the last"
    yield row


def _depth(sqs: object, url: str) -> int:
    name = "ApproximateNumberOfMessages"
    return int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])  # type: ignore[attr-defined]
