"""Key value stores as functions read them: kept in memory by the version of their keys."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.services.cloudfront.plane.javascript import Content
from mrak.services.cloudfront.tables import Function
from mrak.services.cloudfront_keyvaluestore import exports

_MOST_STORES = 16


class Contents:
    """What was read of stores, the latest at the end."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, Content]] = {}

    def find(self, store_id: str, version: str) -> Content | None:
        kept = self._kept.get(store_id)
        return kept[1] if kept is not None and kept[0] == version else None

    def keep(self, version: str, content: Content) -> Content:
        self._kept.pop(content.id, None)
        self._kept[content.id] = (version, content)
        if len(self._kept) > _MOST_STORES:
            self._kept.pop(next(iter(self._kept)))
        return content


def stores_of(config: dict[str, Any]) -> list[str]:
    """The ARNs of the stores that a function's configuration names."""
    associations = config.get("KeyValueStoreAssociations") or {}
    return [item["KeyValueStoreARN"] for item in associations.get("Items") or ()]


async def load(ctx: Context, function: Function) -> Content | None:
    """The content of the function's store; None where it has none."""
    arns = stores_of(function.config)
    if not arns:
        return None
    contents = ctx.live(Contents)

    def read(tx: Transaction) -> Content | None:
        store = exports.find_by_arn(tx, ctx.scope, arns[0])
        if store is None:
            return None
        found = contents.find(store.id, store.data_etag)
        if found is not None:
            return found
        values = exports.content(tx, ctx.scope, store)
        text = msgspec.json.encode(values).decode()
        content = Content(store.id, store.created_at, store.data_modified_at, text, store.count)
        return contents.keep(store.data_etag, content)

    return await ctx.transact(read)
