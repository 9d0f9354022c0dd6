"""The process itself: how soon it answers, how much it holds when it does nothing, and what the edge alone costs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

from bench import Bench, Row, scenario
from servers import start_least, start_mrak
from signing import Signer

from scenarios import dynamodb

READY_BAR_SECONDS = 0.25
MEMORY_BAR_MIB = 45
SETTLE_SECONDS = 2.0


@scenario("start")
def start(bench: Bench) -> Iterator[Row]:
    """From exec to the first successful SDK call, on a fresh data folder; and memory at rest afterwards."""
    probe = Signer("http://localhost:4566").call("sqs", "list_queues")
    times, held, processes = [], 0.0, 0
    for number in range(3 if bench.quick else 7):
        with start_mrak(bench.scratch / f"start-{number}", bench.durability, probe) as server:
            times.append(server.ready_seconds)
            if number == 0:
                time.sleep(SETTLE_SECONDS)
                held, processes = server.resident_mib(), server.processes()
    seconds = statistics.median(times)
    yield Row(
        "start to first call", note=f"{seconds * 1000:.0f} ms (best {min(times) * 1000:.0f})",
        bar=f"≤ {READY_BAR_SECONDS * 1000:.0f} ms", met=seconds <= READY_BAR_SECONDS,
    )  # fmt: skip
    yield Row(
        "memory at rest", note=f"{held:.1f} MiB in {processes} process(es)", bar=f"≤ {MEMORY_BAR_MIB} MiB",
        met=held <= MEMORY_BAR_MIB,
    )  # fmt: skip


@scenario("empty")
def empty(bench: Bench) -> Iterator[Row]:
    yield bench.empty_row([bench.signer.call("sqs", "send_message", QueueUrl="http://x/q", MessageBody="hello")])


@scenario("least")
def least(bench: Bench) -> Iterator[Row]:
    """What checking a signature and keeping a row cost under this server when nothing else is done: no operation can
    come nearer to the empty handler than this."""
    numbers = range(dynamodb.KEYS)
    with bench.beside(start_least) as server:
        yield server.measure("least durable put", dynamodb.puts(server, "any", numbers))
        yield server.measure("least get", dynamodb.gets(server, "any", numbers))
