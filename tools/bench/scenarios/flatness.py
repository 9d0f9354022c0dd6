"""Cost must not grow with what is stored: the same calls on a server with a thousand rows and on one with a million.

Both are measured in turn, when both are loaded, so that what else the machine does falls on both. One caller, since
what is compared is latency and not how requests queue for two cores.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from bench import Bench, Row, as_row, scenario
from load import Outcome

from scenarios import dynamodb, s3, sqs

BAR = 1.5
FEW = 1000
ROUNDS = 5
MEMORY_BAR_MIB = 100
TABLE = "bench-flat"


def _many(bench: Bench) -> int:
    return bench.items or (50_000 if bench.quick else 1_000_000)


@scenario("flatness.dynamodb")
def dynamodb_items(bench: Bench) -> Iterator[Row]:
    many = _many(bench)
    with bench.beside() as small:
        for one in (small, bench):
            dynamodb.make_table(one, TABLE)
        dynamodb.fill(small, TABLE, 0, FEW)
        dynamodb.fill(bench, TABLE, 0, FEW)
        held, began = bench.mrak.own_mib(), time.perf_counter()
        dynamodb.fill(bench, TABLE, FEW, many)
        loaded = f"{many / (time.perf_counter() - began):,.0f} items/s loaded"
        few_keys, many_keys = range(0, FEW, 2), range(0, many, many // 500)
        for kind, make in (
            ("GetItem", dynamodb.gets), ("Query of 10", dynamodb.queries), ("PutItem", dynamodb.puts),
            ("UpdateItem", dynamodb.updates), ("TransactWriteItems of 4", dynamodb.transactions),
        ):  # fmt: skip
            yield _compared(
                f"dynamodb {kind}, {many:,} items", loaded,
                _repeated(small, make(small, TABLE, few_keys)), _repeated(bench, make(bench, TABLE, many_keys)),
            )  # fmt: skip
        grown = bench.mrak.own_mib() - held
        yield Row(
            f"memory, {many:,} items", note=f"{grown:+.1f} MiB since {FEW:,} items; {held:.0f} MiB then",
            bar=f"≤ {MEMORY_BAR_MIB} MiB more", met=grown <= MEMORY_BAR_MIB,
        )  # fmt: skip


@scenario("flatness.sqs")
def sqs_backlog(bench: Bench) -> Iterator[Row]:
    many = _many(bench)
    with bench.beside() as small:
        calls = []
        loaded = ""
        for one, count in ((small, 3 * FEW), (bench, many)):
            url = sqs.make_queue(one, "bench-backlog", VisibilityTimeout="600")
            began = time.perf_counter()
            sqs.fill(one, url, count)
            loaded = f"{count / (time.perf_counter() - began):,.0f} messages/s loaded"
            calls.append(_each_once(one, one.signer.call("sqs", "receive_message", QueueUrl=url), FEW // ROUNDS))
        yield _compared(f"sqs ReceiveMessage, {many:,} waiting", loaded, *calls)


@scenario("flatness.s3")
def s3_listing(bench: Bench) -> Iterator[Row]:
    """A page of keys, and a page of common prefixes, from the middle of the bucket."""
    many, bucket = _many(bench), "bench-list"
    with bench.beside() as small:
        s3.fill(small, bucket, FEW)
        began = time.perf_counter()
        s3.fill(bench, bucket, many)
        loaded = f"{many / (time.perf_counter() - began):,.0f} objects/s loaded"
        pages: dict[str, dict[str, object]] = {
            "prefix": {"Prefix": f"{FEW // 200:08d}/"},
            "delimiter": {"Delimiter": "/", "MaxKeys": 8},
        }
        for kind, asked in pages.items():
            calls = [
                _repeated(one, [one.signer.call("s3", "list_objects_v2", Bucket=bucket, **asked)])
                for one in (small, bench)
            ]
            yield _compared(f"s3 ListObjectsV2 {kind}, {many:,} keys", loaded, *calls)


def _repeated(bench: Bench, requests: list[bytes]) -> Callable[[], Outcome]:
    return lambda: bench.load(requests, connections=1, seconds=bench.seconds / ROUNDS)


def _each_once(bench: Bench, request: bytes, count: int) -> Callable[[], Outcome]:
    return lambda: bench.load([request] * count, connections=1, once=True)


def _compared(name: str, loaded: str, few: Callable[[], Outcome], many: Callable[[], Outcome]) -> Row:
    """In turn; the best round of each counts, as the one that was disturbed least."""
    pairs = [(few(), many()) for _ in range(ROUNDS)]
    best = min(pair[1].percentile_ms(50) for pair in pairs)
    times = best / min(pair[0].percentile_ms(50) for pair in pairs)
    row = as_row(name, min((pair[1] for pair in pairs), key=lambda outcome: outcome.percentile_ms(50)), "")
    row.note = f"{times:.2f} times the latency beside {FEW:,}; {loaded}"
    row.bar, row.met = f"≤ {BAR} times", times <= BAR
    return row
