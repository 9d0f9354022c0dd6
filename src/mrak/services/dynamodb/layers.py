"""In whose words an operation refuses a request: DynamoDB has a current and an older layer of validation.

    with Enveloped(req):    PutItem, UpdateItem, DeleteItem: the current words, as "1 validation error detected: ..."
    (nothing)               GetItem, BatchGetItem, Query: the current words as they are
    with OlderWords():     Scan, BatchWriteItem, transactions, PartiQL

A request for one item that holds a value of 62 levels or more is read by the older layer, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

from mrak.core.errors import ApiError
from mrak.lang.ddb.errors import InvalidValue
from mrak.protocol.dynamodb_words import ENVELOPE, is_very_deep
from mrak.services.dynamodb import errors
from mrak.services.dynamodb.writes import RETURN_VALUES


class Enveloped:
    """Around what is said of a write of one item before its table is known."""

    __slots__ = ("_req",)

    def __init__(self, req: Mapping[str, Any]) -> None:
        self._req = req

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if not isinstance(error, ApiError) or error.code != "ValidationException":
            return
        if is_very_deep(self._req):
            # The older layer looks at ReturnValues before it looks at values.
            if "UpdateExpression" not in self._req and self._req.get("ReturnValues", "NONE") not in ("NONE", "ALL_OLD"):
                raise errors.invalid(RETURN_VALUES) from None
            raise errors.invalid(_older(error)) from None
        raise errors.invalid(ENVELOPE + error.message) from None


class OlderWords:
    """Around what is said of values."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if isinstance(error, InvalidValue) and error.older != error.message:
            raise errors.invalid(error.older) from None


def _older(error: ApiError) -> str:
    return error.older if isinstance(error, InvalidValue) else error.message
