"""S3: small objects by the second, large ones by the mebibyte, and what many transfers at once take of memory."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from urllib.parse import quote

from bench import Bench, Row, scenario
from load import Outcome

KIB, MIB = 1 << 10, 1 << 20
LARGE_BYTES = 64 * MIB
KEYS = 200
SMALL_BAR = 0.35
LARGE_BAR = 0.5
PARALLEL = 16
PARALLEL_BAR_MIB = 200
_FILL = 20_000


@scenario("s3.small")
def small(bench: Bench) -> Iterator[Row]:
    bench.signer.client("s3").create_bucket(Bucket="bench-small")
    body = os.urandom(KIB)
    sign = bench.signer.call
    puts = [sign("s3", "put_object", Bucket="bench-small", Key=f"a/{n}", Body=body) for n in range(KEYS)]
    yield bench.measure("s3 PutObject 1 KiB", puts, bar=SMALL_BAR)
    gets = [sign("s3", "get_object", Bucket="bench-small", Key=f"a/{n}") for n in range(KEYS)]
    yield bench.measure("s3 GetObject 1 KiB", gets, bar=SMALL_BAR)


@scenario("s3.large")
def large(bench: Bench) -> Iterator[Row]:
    """Beside the same server where it only forgets what comes, or only sends a file."""
    bench.signer.client("s3").create_bucket(Bucket="bench-large")
    body = os.urandom(LARGE_BYTES)
    # The SDK's default checksum and payload hash are made here, not in the measure.
    put = bench.signer.call("s3", "put_object", Bucket="bench-large", Key="large", Body=body)
    get = bench.signer.call("s3", "get_object", Bucket="bench-large", Key="large")
    file = bench.scratch / "large"
    file.write_bytes(body)
    discard = _raw(f"PUT /discard HTTP/1.1\r\ncontent-length: {LARGE_BYTES}", body)
    send = _raw(f"GET /file?path={quote(str(file))}&length={LARGE_BYTES} HTTP/1.1")
    yield _throughput(bench, "s3 PutObject 64 MiB", put, discard)
    yield _throughput(bench, "s3 GetObject 64 MiB", get, send)


def _raw(head: str, body: bytes = b"") -> bytes:
    return f"{head}\r\nhost: localhost\r\n\r\n".encode() + body


def _throughput(bench: Bench, name: str, request: bytes, plain: bytes) -> Row:
    """One connection; the two in turn, so that what else the machine does falls on both."""
    rounds = 3 if bench.quick else 8
    pairs = [(_one(bench.load, request), _one(bench.load_empty, plain)) for _ in range(rounds)]
    seconds, empty_seconds = (sorted(times)[len(times) // 2] for times in zip(*pairs, strict=True))
    ratio = empty_seconds / seconds
    rate, empty_rate = (LARGE_BYTES / MIB / each for each in (seconds, empty_seconds))
    note = f"{rate:,.0f} MiB/s, {empty_rate:,.0f} MiB/s without S3"
    bar = f"ratio ≥ {LARGE_BAR}"
    return Row(name, None, seconds * 1000, None, ratio, note, bar, ratio >= LARGE_BAR)


def _one(load: object, request: bytes) -> float:
    assert callable(load)
    outcome: Outcome = load([request], once=True, connections=1)
    return outcome.latencies[0]


def fill(bench: Bench, bucket: str, count: int) -> None:
    """Makes a bucket with `count` small objects, a hundred under each prefix."""
    bench.signer.client("s3").create_bucket(Bucket=bucket)
    # Signed once: a server in the open mode, as this one is, checks no signatures of keys it has not given out.
    request = bench.signer.call("s3", "put_object", Bucket=bucket, Key="KEY", Body=b"x")
    head, tail = request.split(b"KEY", 1)
    for start in range(0, count, _FILL):
        numbers = range(start, min(start + _FILL, count))
        bench.load([b"%s%08d/%02d%s" % (head, n // 100, n % 100, tail) for n in numbers], once=True)


@scenario("s3.parallel")
def parallel(bench: Bench) -> Iterator[Row]:
    """Many large transfers at once, on a server of their own, take no memory to speak of."""
    with bench.beside() as other:
        other.signer.client("s3").create_bucket(Bucket="bench-parallel")
        body = os.urandom(LARGE_BYTES)
        sign = other.signer.call
        # The same bytes for all, since the load generator holds them.
        put = sign("s3", "put_object", Bucket="bench-parallel", Key="large", Body=body)
        get = sign("s3", "get_object", Bucket="bench-parallel", Key="large")
        for name, request in (("PutObject", put), ("GetObject", get)):
            with _Peak(other) as peak:
                other.load([request] * PARALLEL, once=True, connections=PARALLEL)
            yield Row(
                f"s3 {PARALLEL} × {name} 64 MiB",
                note=f"{peak.mib:.0f} MiB resident at most",
                bar=f"≤ {PARALLEL_BAR_MIB} MiB",
                met=peak.mib <= PARALLEL_BAR_MIB,
            )


class _Peak:
    """The most memory that a server had while something ran."""

    def __init__(self, bench: Bench) -> None:
        self._server = bench.mrak
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.mib = 0.0

    def __enter__(self) -> _Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.02):
            self.mib = max(self.mib, self._server.resident_mib())
