"""`make bench`: mrak's speed and size, each line beside an empty handler under the same server in the same run.

    python -m tools.bench [--only NAME...] [--quick] [--items N] [--durability power|process] [--data DIR]

Prints a table and writes bench-results/<time>.json. Shows, does not judge: a missed bar is marked, the exit code is 0
unless a scenario fails. Scenarios are the functions marked `@scenario` in tools/bench/scenarios/.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pickle
import platform
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # the modules here import each other by their names

from load import Job, Outcome  # noqa: E402
from servers import ROOT, Started, start_empty, start_mrak  # noqa: E402
from signing import Signer  # noqa: E402

CONNECTIONS = 16
SCENARIO_MODULES = ("process", "sqs", "stepfunctions", "dynamodb", "s3", "sns", "lambdas", "flatness")


@dataclass
class Row:
    """A line of the table. `ratio` is to the empty handler, or what `note` says; `bar` is what it should reach."""

    name: str
    rate: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    ratio: float | None = None
    note: str = ""
    bar: str = ""
    met: bool | None = None


class BenchFailed(Exception):
    """A scenario cannot be measured; the message says why."""


@dataclass(frozen=True)
class Scenario:
    name: str
    run: Callable[[Bench], Iterator[Row]]


SCENARIOS: list[Scenario] = []


def scenario(name: str) -> Callable[[Callable[[Bench], Iterator[Row]]], Callable[[Bench], Iterator[Row]]]:
    def register(run: Callable[[Bench], Iterator[Row]]) -> Callable[[Bench], Iterator[Row]]:
        SCENARIOS.append(Scenario(name, run))
        return run

    return register


class Bench:
    """What scenarios work with: the running server, the empty one, signed requests and the load generator."""

    def __init__(self, mrak: Started, empty: Started, options: argparse.Namespace, scratch: Path) -> None:
        self.mrak = mrak
        self.empty = empty
        self._options = options
        self.quick: bool = options.quick
        self.items: int | None = options.items
        self.durability: str = options.durability
        self.scratch = scratch
        self.signer = Signer(mrak.endpoint)

    @contextmanager
    def beside(self, start: Callable[[Path, str], Started] = start_mrak) -> Iterator[Bench]:
        """Another mrak, empty, or another server, at the same time."""
        folder = self.scratch / f"beside-{time.monotonic_ns()}"
        with start(folder, self.durability) as other:
            yield Bench(other, self.empty, self._options, self.scratch)

    @property
    def seconds(self) -> float:
        return 1.0 if self.quick else 3.0

    def load(self, requests: list[bytes], **options: object) -> Outcome:
        """Run a job against mrak; any unexpected response fails the scenario."""
        outcome = self._run(self.mrak, requests, {"seconds": self.seconds, **options})
        if outcome.failed:
            raise BenchFailed(f"{outcome.failed} unexpected responses, the first: {outcome.failure}")
        return outcome

    def load_empty(self, requests: list[bytes], **options: object) -> Outcome:
        """Run a job against the empty server."""
        return self._run(self.empty, requests, {"seconds": self.seconds, **options})

    def measure(
        self, name: str, requests: list[bytes], *, bar: float | None = None, note: str = "", **options: object
    ) -> Row:
        """A row: the load on mrak, between two shorter ones on the empty handler with the same requests."""
        sample = requests[:200]
        empty_options = {"seconds": self.seconds / 2, "connections": options.get("connections", CONNECTIONS)}
        before = self._run(self.empty, sample, empty_options).rate
        cpu = self.mrak.cpu_seconds()
        outcome = self.load(requests, **options)
        cpu = self.mrak.cpu_seconds() - cpu
        after = self._run(self.empty, sample, empty_options).rate
        row = as_row(name, outcome, note)
        row.ratio = outcome.rate / ((before + after) / 2)
        row.note = note or f"{cpu / max(1, outcome.answered) * 1e6:.0f} µs of the server's processor each"
        if bar is not None:
            row.bar, row.met = f"ratio ≥ {bar}", row.ratio >= bar
        return row

    def empty_row(self, requests: list[bytes]) -> Row:
        return as_row("empty handler", self._run(self.empty, requests, {"seconds": self.seconds}), "")

    def _run(self, server: Started, requests: list[bytes], options: dict[str, object]) -> Outcome:
        job = Job(server.host, server.port, requests, **options)  # type: ignore[arg-type]
        # By files: a gigabyte of requests through a pipe takes its time.
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as told:
            pickle.dump(job, given)
            given.seek(0)
            ran = subprocess.run([sys.executable, HERE / "load.py"], stdin=given, stdout=told)
            if ran.returncode != 0:
                raise BenchFailed("the load generator failed")
            told.seek(0)
            return pickle.load(told)  # our own process's output


def as_row(name: str, outcome: Outcome, note: str) -> Row:
    return Row(name, outcome.rate, outcome.percentile_ms(50), outcome.percentile_ms(99), note=note)


def main() -> int:
    options = _parse()
    for module in SCENARIO_MODULES:
        importlib.import_module(f"scenarios.{module}")
    chosen = [one for one in SCENARIOS if not options.only or any(word in one.name for word in options.only)]
    rows: list[Row] = []
    failures: dict[str, str] = {}
    began = time.time()
    Path(options.data).mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="mrak-bench-", dir=options.data) as scratch,
        start_mrak(Path(scratch) / "data", options.durability) as mrak,
        start_empty() as empty,
    ):
        bench = Bench(mrak, empty, options, Path(scratch))
        print(HEADER)
        for one in chosen:
            _run_scenario(one, bench, rows, failures)
    path = _write(options, rows, failures, began)
    print(f"\n{time.time() - began:.0f} s; written to {path.relative_to(ROOT)}")
    return 1 if failures else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="scenarios whose name contains one of these")
    parser.add_argument("--quick", action="store_true", help="shorter and smaller")
    parser.add_argument("--items", type=int, metavar="N", help="how many rows the flatness scenarios store: 10000000")
    parser.add_argument("--durability", choices=("power", "process"), default="power")
    parser.add_argument("--data", default=str(ROOT / "bench-results"), help="the folder that holds the data meanwhile")
    return parser.parse_args()


def _run_scenario(one: Scenario, bench: Bench, rows: list[Row], failures: dict[str, str]) -> None:
    try:
        for row in one.run(bench):
            rows.append(row)
            print(render(row), flush=True)
    except KeyboardInterrupt:
        raise
    except Exception as error:
        # One service that cannot be measured must not hide the others.
        failures[one.name] = "".join(traceback.format_exception(error))
        print(f"{one.name:34} FAILED: {str(error).splitlines()[0] if str(error) else type(error).__name__}", flush=True)


HEADER = f"{'':34} {'req/s':>9} {'p50 ms':>8} {'p99 ms':>8} {'ratio':>7}"


def render(row: Row) -> str:
    def number(value: float | None, form: str) -> str:
        return "" if value is None else format(value, form)

    mark = "" if row.met is None else ("  ok" if row.met else "  MISSED")
    bar = f"  [{row.bar}{mark}]" if row.bar else ""
    return (
        f"{row.name:34} {number(row.rate, ',.0f'):>9} {number(row.p50_ms, '.2f'):>8} {number(row.p99_ms, '.2f'):>8} "
        f"{number(row.ratio, '.2f'):>7}  {row.note}{bar}"
    )


def _write(options: argparse.Namespace, rows: list[Row], failures: dict[str, str], began: float) -> Path:
    folder = ROOT / "bench-results"
    folder.mkdir(exist_ok=True)
    path = folder / time.strftime("%Y%m%d-%H%M%S.json", time.gmtime(began))
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    content = {
        "began": began, "commit": commit, "durability": options.durability, "quick": options.quick,
        "python": platform.python_version(), "machine": platform.platform(), "cores": os.cpu_count(),
        "rows": [asdict(row) for row in rows], "failures": failures,
    }  # fmt: skip
    path.write_text(json.dumps(content, indent=1))
    return path
