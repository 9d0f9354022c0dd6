"""Known differences from AWS. Each has an id here in the code, a line in `docs/compat/<service>.md`, and a test."""

from __future__ import annotations

import re

_ID = re.compile(r"[A-Z0-9]+-\d{3}")


def deviation(identifier: str) -> None:
    """Marks the place where we knowingly differ from AWS. It does nothing; `tests/tidy` looks for the calls."""
    assert _ID.fullmatch(identifier), identifier
