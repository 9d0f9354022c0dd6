"""SQS: the three calls of every queue user, batches, FIFO, and how soon a waiting receiver is woken."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator

from bench import Bench, BenchFailed, Row, scenario

BODY = "x" * 200


def make_queue(bench: Bench, name: str, **attributes: str) -> str:
    url: str = bench.signer.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url


def fill(bench: Bench, url: str, messages: int) -> None:
    """Through the public API, ten at a time, with bodies that differ."""
    for start in range(0, messages, 20_000):
        requests = [
            bench.signer.json("sqs", "SendMessageBatch", {"QueueUrl": url, "Entries": _entries(number)})
            for number in range(start, min(start + 20_000, messages), 10)
        ]
        bench.load(requests, once=True)


def _entries(first: int) -> list[dict[str, str]]:
    return [{"Id": str(number), "MessageBody": f"{first + number} {BODY}"} for number in range(10)]


@scenario("sqs.SendMessage")
def send_message(bench: Bench) -> Iterator[Row]:
    url = make_queue(bench, "bench-send")
    requests = [bench.signer.call("sqs", "send_message", QueueUrl=url, MessageBody=f"{n} {BODY}") for n in range(100)]
    yield bench.measure("sqs SendMessage", requests, bar=0.4)


@scenario("sqs.SendMessageBatch")
def send_batch(bench: Bench) -> Iterator[Row]:
    url = make_queue(bench, "bench-batch")
    requests = [
        bench.signer.json("sqs", "SendMessageBatch", {"QueueUrl": url, "Entries": _entries(number * 10)})
        for number in range(100)
    ]
    yield bench.measure("sqs SendMessageBatch of ten", requests)


@scenario("sqs.fifo")
def send_fifo(bench: Bench) -> Iterator[Row]:
    """Each message once, in a hundred groups; deduplicated by its own id."""
    count = 2_000 if bench.quick else 10_000
    url = make_queue(bench, "bench.fifo", FifoQueue="true")
    requests = [
        bench.signer.json(
            "sqs",
            "SendMessage",
            {
                "QueueUrl": url,
                "MessageBody": BODY,
                "MessageGroupId": str(number % 100),
                "MessageDeduplicationId": str(number),
            },
        )
        for number in range(count)
    ]
    yield bench.measure("sqs SendMessage FIFO", requests, once=True)


@scenario("sqs.ReceiveMessage")
def receive_and_delete(bench: Bench) -> Iterator[Row]:
    """Each message once: what a receive takes is gone for the next."""
    count = 5_000 if bench.quick else 20_000
    url = make_queue(bench, "bench-receive", VisibilityTimeout="600")
    fill(bench, url, count + 2000)
    receive = bench.signer.call("sqs", "receive_message", QueueUrl=url, MaxNumberOfMessages=1)
    row = bench.measure("sqs ReceiveMessage", [receive] * count, once=True)
    yield row
    ten = bench.signer.call("sqs", "receive_message", QueueUrl=url, MaxNumberOfMessages=10)
    fill(bench, url, count)
    handles = []
    for body in bench.load([ten] * (count // 10), once=True, keep_bodies=True).bodies:
        handles += [message["ReceiptHandle"] for message in json.loads(body).get("Messages", ())]
    if len(handles) < count // 2:
        raise BenchFailed(f"only {len(handles)} of {count} messages were received")
    deletes = [bench.signer.json("sqs", "DeleteMessage", {"QueueUrl": url, "ReceiptHandle": h}) for h in handles]
    yield bench.measure("sqs DeleteMessage", deletes, once=True)


@scenario("sqs.wake")
def wake(bench: Bench) -> Iterator[Row]:
    """From sending a message to the moment when a receiver that waited for it has it."""
    url = make_queue(bench, "bench-wake")
    send = bench.signer.call("sqs", "send_message", QueueUrl=url, MessageBody="wake")
    receive = bench.signer.call("sqs", "receive_message", QueueUrl=url, WaitTimeSeconds=20)
    times = sorted(asyncio.run(wake_times(bench, send, receive, 30 if bench.quick else 100)))
    yield Row(
        "sqs long poll wake-up", None, times[len(times) // 2] * 1000, times[int(len(times) * 0.99)] * 1000,
        note="from send to received",
    )  # fmt: skip


async def wake_times(bench: Bench, send: bytes, receive: bytes, rounds: int) -> list[float]:
    polls = await asyncio.open_connection(bench.mrak.host, bench.mrak.port)
    sends = await asyncio.open_connection(bench.mrak.host, bench.mrak.port)
    times = []
    for _ in range(rounds):
        polls[1].write(receive)
        await asyncio.sleep(0.02)  # let the poll wait
        began = time.perf_counter()
        sends[1].write(send)
        body = await _read_body(polls[0])
        times.append(time.perf_counter() - began)
        if not json.loads(body).get("Messages"):
            raise BenchFailed("the poll ended without a message")
        await _read_body(sends[0])
    for _, writer in (polls, sends):
        writer.close()
    return times


async def _read_body(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if not head.startswith(b"http/1.1 200"):
        raise BenchFailed(head.decode())
    return await reader.readexactly(int(head.partition(b"content-length:")[2].partition(b"\r\n")[0]))
