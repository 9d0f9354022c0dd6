"""A problem of a definition, as AWS reports it."""

from __future__ import annotations

from typing import NamedTuple

SCHEMA = "SCHEMA_VALIDATION_FAILED"
MISSING_TARGET = "MISSING_TRANSITION_TARGET"
INVALID_JSON = "INVALID_JSON_DESCRIPTION"


class Problem(NamedTuple):
    code: str
    message: str
    location: str

    def __str__(self) -> str:
        return f"{self.code}: {self.message} at {self.location}" if self.location else f"{self.code}: {self.message}"
