"""Regions that others cannot reach, for tests of what comes of writes that are late."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from mrak.core.background import Delivery
from mrak.core.errors import ApiError
from mrak.core.operation import Work, require_work
from mrak.engine import deliveries


@contextmanager
def cut_regions() -> Iterator[set[str]]:
    """No delivery is made in the regions of this set; each is tried again after its back-off, as one that failed is."""
    unreachable: set[str] = set()

    def gated(sort: str, kind: str, service: str = "") -> Work:
        work = require_work(sort, kind, service)

        def handler(ctx: Any, tx: Any, delivery: Delivery) -> None:
            if delivery.scope.region in unreachable:
                raise ApiError("Unreachable", delivery.scope.region)
            work.handler(ctx, tx, delivery)

        return work if work.is_async else Work(kind, handler, is_async=False)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deliveries, "require_work", gated)
        yield unreachable
