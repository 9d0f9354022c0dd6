"""What a policy may ask about a request: DynamoDB's condition keys, for access to single items and attributes.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mrak.core.context import Context
from mrak.lang.ddb.expressions import request
from mrak.lang.ddb.values import Item, Value
from mrak.services.iam import exports as iam

_BY_ATTRIBUTE = ("Expected", "AttributeUpdates", "QueryFilter", "ScanFilter", "KeyConditions")
_READS = ("GetItem", "BatchGetItem", "Query", "Scan")
_WRITES = ("PutItem", "UpdateItem", "DeleteItem")
_PLACES = ("first", "second", "third", "fourth")


class Conditions:
    """The keys of one request about one table, each worked out when a policy names it.

    `asked` is the request, or the part of it that is about the table; a statement says the same by `Keys`, `Names` and
    `FullTableScan`. `partition` are the partition key attributes of the table, or of the index that is read.
    """

    def __init__(
        self,
        ctx: Context,
        action: str,
        asked: Mapping[str, Any],
        partition: Sequence[str] = (),
        tags: Mapping[str, str] | None = None,
    ) -> None:
        self._ctx = ctx
        self._action = action
        self._asked = asked
        self._partition = partition
        self._tags = tags or {}

    def get(self, key: str) -> Any:
        space, _, name = key.partition(":")
        if space == "dynamodb":
            return self._own(name)
        kind, _, tag = name.partition("/")
        if kind == "resourcetag":
            return _find_tag(self._tags, tag)
        if kind in ("requesttag", "tagkeys"):
            given = {it["Key"]: it["Value"] for it in self._asked.get("Tags", ())}
            return _find_tag(given, tag) if tag else list(given) + list(self._asked.get("TagKeys", ())) or None
        return iam.request_conditions(self._ctx).get(key)

    def _own(self, name: str) -> Any:
        if name == "leadingkeys":
            return self._partition_values(0)
        if name.endswith("partitionkeyvalues"):
            return self._partition_values(_PLACES.index(name.removesuffix("partitionkeyvalues")))
        if name == "attributes":
            # A search of vectors has no keys for single items and attributes: a statement that names one is not for it.
            return None if self._action == "SearchVectors" else sorted(self._attributes()) or None
        if name == "select":
            return self._select()
        if name == "returnvalues":
            return self._asked.get("ReturnValues", "NONE") if self._action in _WRITES else None
        if name == "returnconsumedcapacity":
            return self._asked.get("ReturnConsumedCapacity", "NONE") if "TableName" in self._asked else None
        if name == "enclosingoperation":
            return self._ctx.operation if self._ctx.operation != self._action else None
        if name == "fulltablescan":
            return self._asked.get("FullTableScan")
        return None

    def _items(self) -> Iterator[Item]:
        """The items, or their keys, that the request names whole."""
        asked = self._asked
        yield from (asked[member] for member in ("Key", "Item") if member in asked)
        yield from asked.get("Keys", ())
        for write in asked.get("Writes", ()):
            yield write["PutRequest"]["Item"] if "PutRequest" in write else write["DeleteRequest"]["Key"]

    def _partition_values(self, place: int) -> list[str] | None:
        if place >= len(self._partition):
            return None
        name = self._partition[place]
        if self._action == "Query":
            test = request.key_tests(self._asked).get(name)
            return None if test is None else [_text(operand) for operand in test.operands]
        return [_text(item[name]) for item in self._items() if name in item] or None

    def _attributes(self) -> set[str]:
        """The attributes at the top of all paths, and of all items."""
        asked = self._asked
        names = {*asked.get("AttributesToGet", ()), *asked.get("Names", ())}
        for source in (*(asked[member] for member in _BY_ATTRIBUTE if member in asked), *self._items()):
            names.update(source)
        if "KeyConditionExpression" in asked:
            names.update(request.key_tests(asked))
        bound = request.bind(asked)
        for plan in (bound.update, bound.condition, bound.filter, bound.projection):
            if plan is not None:
                names |= plan.heads
        return names

    def _select(self) -> str | None:
        if self._action not in _READS:
            return None
        if "Select" in self._asked:
            return str(self._asked["Select"])
        if "ProjectionExpression" in self._asked or "AttributesToGet" in self._asked:
            return "SPECIFIC_ATTRIBUTES"
        return "ALL_PROJECTED_ATTRIBUTES" if "IndexName" in self._asked else "ALL_ATTRIBUTES"


def _find_tag(tags: Mapping[str, str], wanted: str) -> str | None:
    return next((value for name, value in tags.items() if name.lower() == wanted), None)


def _text(value: Value) -> str:
    (content,) = value.values()
    return base64.b64encode(content).decode() if isinstance(content, bytes) else str(content)
