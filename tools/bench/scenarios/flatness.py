"""Cost must not grow with what is stored: the same calls beside a thousand and beside a million rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from bench import Bench, Row, as_row, scenario
from load import Outcome

from scenarios import dynamodb, sqs

BAR = 1.5
FEW = 1000
# One caller: what is compared is latency, not how requests queue for two cores.
CALLERS = 1


def _many(bench: Bench) -> int:
    return 50_000 if bench.quick else 1_000_000


@scenario("flatness.dynamodb")
def dynamodb_items(bench: Bench) -> Iterator[Row]:
    table = "bench-flat"
    dynamodb.make_table(bench, table)
    dynamodb.fill(bench, table, 0, FEW)
    kinds: dict[str, Callable[[Bench, str, range], list[bytes]]] = {"GetItem": dynamodb.gets, "PutItem": dynamodb.puts}
    first = {kind: bench.load(make(bench, table, range(500)), connections=CALLERS) for kind, make in kinds.items()}
    began = time.perf_counter()
    dynamodb.fill(bench, table, FEW, _many(bench))
    loaded = f"{(_many(bench) - FEW) / (time.perf_counter() - began):,.0f} items/s loaded"
    spread = range(0, _many(bench), _many(bench) // 500)
    for kind, make in kinds.items():
        then = bench.load(make(bench, table, spread), connections=CALLERS)
        yield _compared(f"dynamodb {kind}, {_many(bench):,} items", first[kind], then, loaded)


@scenario("flatness.sqs")
def sqs_backlog(bench: Bench) -> Iterator[Row]:
    url = sqs.make_queue(bench, "bench-backlog", VisibilityTimeout="600")
    sqs.fill(bench, url, 3 * FEW)
    receive = bench.signer.call("sqs", "receive_message", QueueUrl=url)
    first = bench.load([receive] * FEW, once=True, connections=CALLERS)
    began = time.perf_counter()
    sqs.fill(bench, url, _many(bench))
    loaded = f"{_many(bench) / (time.perf_counter() - began):,.0f} messages/s loaded"
    receive = bench.signer.call("sqs", "receive_message", QueueUrl=url)
    then = bench.load([receive] * FEW, once=True, connections=CALLERS)
    yield _compared(f"sqs ReceiveMessage, {_many(bench):,} waiting", first, then, loaded)


def _compared(name: str, few: Outcome, many: Outcome, loaded: str) -> Row:
    times = many.percentile_ms(50) / few.percentile_ms(50)
    row = as_row(name, many, f"{times:.2f} times the latency beside {FEW:,}; {loaded}")
    row.bar, row.met = f"≤ {BAR} times", times <= BAR
    return row
