"""Batches: each entry succeeds or fails by itself, and the answer lists both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mrak.core.errors import ApiError
from mrak.services.sqs import rules


def run(
    entries: list[dict[str, Any]], entry_name: str, one: Callable[[dict[str, Any]], dict[str, Any]]
) -> dict[str, Any]:
    """Runs `one` for each entry; its result joins `Successful`, its ApiError `Failed`. An entry that fails must not
    have written anything, so checks come before writes."""
    rules.check_entries(entries, entry_name)
    successful: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for entry in entries:
        try:
            successful.append({"Id": entry["Id"], **one(entry)})
        except ApiError as error:
            failed.append(
                {"Id": entry["Id"], "SenderFault": error.sender, "Code": error.code, "Message": error.message}
            )
    return {"Successful": successful, "Failed": failed} if failed else {"Successful": successful}
