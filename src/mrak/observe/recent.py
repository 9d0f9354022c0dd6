"""The last operations of each environment, in memory: what a person asks for right after something went wrong."""

from __future__ import annotations

from collections import deque
from typing import Any

import msgspec

from mrak.core.record import OperationRecord

_MOST = 500


class Recent:
    def __init__(self) -> None:
        self._by_environment: dict[str, deque[OperationRecord]] = {}

    def add(self, record: OperationRecord) -> None:
        records = self._by_environment.get(record.scope.environment)
        if records is None:
            records = self._by_environment[record.scope.environment] = deque(maxlen=_MOST)
        records.append(record)

    def render(self, environment: str, trace: str = "") -> list[dict[str, Any]]:
        """The newest last; of one trace only, where one is named."""
        records = self._by_environment.get(environment, ())
        return [msgspec.to_builtins(record) for record in records if not trace or record.trace_id == trace]
