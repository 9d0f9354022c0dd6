"""Tags of what is no role, user or group: one set of functions for all tables whose records have `tags`."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Transaction
from mrak.core.scope import Scope
from mrak.services.iam import names
from mrak.store.tables import Table


def tag(tx: Transaction, scope: Scope, table: Table[Any], row: Any, req: dict[str, Any]) -> None:
    """Adds tags to an open row."""
    tags = names.parse_tags(req["Tags"], row.tags)
    table.replace(tx, scope.account_wide(), row, msgspec.structs.replace(row, tags=tags))


def untag(tx: Transaction, scope: Scope, table: Table[Any], row: Any, req: dict[str, Any]) -> None:
    tags = names.without_tags(row.tags, req["TagKeys"])
    table.replace(tx, scope.account_wide(), row, msgspec.structs.replace(row, tags=tags))


def list_tags(row: Any, req: dict[str, Any]) -> dict[str, Any]:
    return names.page_of_names(req, "Tags", names.render_tags(row.tags), lambda shown: shown["Key"])


def rendered(row: Any) -> dict[str, Any]:
    """`Tags`, where there are any: what most answers show."""
    return {"Tags": names.render_tags(row.tags)} if row.tags else {}
