"""A problem of a definition, as AWS reports it."""

from __future__ import annotations

from typing import NamedTuple

SCHEMA = "SCHEMA_VALIDATION_FAILED"
MISSING_TARGET = "MISSING_TRANSITION_TARGET"
MISSING_END = "MISSING_END_STATE"
INVALID_JSON = "INVALID_JSON_DESCRIPTION"
INVALID_JSONATA = "INVALID_JSONATA_EXPRESSION"
UNSUPPORTED_JSONATA = "UNSUPPORTED_JSONATA_EXPRESSION"


class Problem(NamedTuple):
    code: str
    message: str
    location: str

    def __str__(self) -> str:
        if self.code == MISSING_END:
            # It has no location, which an InvalidDefinition shows as Java does.
            return f"{self.code}: {self.message} at null"
        return f"{self.code}: {self.message} at {self.location}" if self.location else f"{self.code}: {self.message}"
