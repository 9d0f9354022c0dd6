"""What an execution is started with."""

from __future__ import annotations

import msgspec

from mrak.lang.asl.failures import MOST_BYTES
from mrak.lang.asl.validation import explain_json
from mrak.services.stepfunctions import errors


def check_input(text: str) -> str:
    """An execution's input: JSON that is not too large."""
    if not text:
        raise errors.invalid_execution_input("Invalid execution input.")
    if len(text.encode()) > MOST_BYTES:
        raise errors.validation(
            f"1 validation error detected: Value at 'input' failed to satisfy constraint: Member must have length less "
            f"than or equal to {MOST_BYTES}"
        )
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise errors.invalid_execution_input(explain_json(text, str(error))) from None
    return text
