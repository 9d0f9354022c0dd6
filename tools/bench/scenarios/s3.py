"""S3: small objects by the second, a large one by the mebibyte."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from bench import Bench, Row, scenario

KIB, MIB = 1 << 10, 1 << 20
LARGE_BYTES = 64 * MIB
KEYS = 200


@scenario("s3.small")
def small(bench: Bench) -> Iterator[Row]:
    bench.signer.client("s3").create_bucket(Bucket="bench-small")
    body = os.urandom(KIB)
    sign = bench.signer.call
    puts = [sign("s3", "put_object", Bucket="bench-small", Key=f"a/{n}", Body=body) for n in range(KEYS)]
    yield bench.measure("s3 PutObject 1 KiB", puts)
    gets = [sign("s3", "get_object", Bucket="bench-small", Key=f"a/{n}") for n in range(KEYS)]
    yield bench.measure("s3 GetObject 1 KiB", gets)


@scenario("s3.large")
def large(bench: Bench) -> Iterator[Row]:
    bench.signer.client("s3").create_bucket(Bucket="bench-large")
    # The SDK's default checksum and payload hash are made here, not in the measure.
    put = bench.signer.call("s3", "put_object", Bucket="bench-large", Key="large", Body=os.urandom(LARGE_BYTES))
    get = bench.signer.call("s3", "get_object", Bucket="bench-large", Key="large")
    rounds = 3 if bench.quick else 8
    yield _throughput("s3 PutObject 64 MiB", bench.load([put] * rounds, once=True, connections=1))
    yield _throughput("s3 GetObject 64 MiB", bench.load([get] * rounds, once=True, connections=1))


def _throughput(name: str, outcome: Any) -> Row:
    rate = outcome.rate * LARGE_BYTES / MIB
    return Row(name, None, outcome.percentile_ms(50), outcome.percentile_ms(99), note=f"{rate:,.0f} MiB/s")
