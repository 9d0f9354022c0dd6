"""One supervisor with real processes for each module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.unit.lambdas.function_bench import Bench


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    bench = Bench(tmp_path_factory.mktemp("functions"))
    yield bench
    bench.close()
