"""Query and Scan: a range of rows, read until the page is full, filtered, projected.

A page ends with the item that fills `Limit` or brings what was read to 1 MB; the last item that was read, whether it
passed the filter or not, is where the next page starts.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.lang.ddb import capacity
from mrak.lang.ddb.errors import InvalidValue
from mrak.lang.ddb.expressions.condition import ConditionPlan
from mrak.lang.ddb.expressions.projection import ProjectionPlan
from mrak.lang.ddb.legacy import LegacyCondition
from mrak.lang.ddb.values import Item, Value, check_value
from mrak.protocol.dynamodb_words import ENVELOPE
from mrak.services.dynamodb import consumption, errors, items, partitions, throttling
from mrak.services.dynamodb.tables import (
    IndexSchema,
    KeyAttribute,
    Schema,
    row_json,
    row_size_bytes,
    unpack_row,
)
from mrak.store.keys import encode_part

PAGE_BYTES = 1 << 20

Filter = ConditionPlan | LegacyCondition


@dataclass(slots=True)
class Source:
    """What is read: a table or one of its indexes."""

    schema: Schema
    index: IndexSchema | None

    @property
    def prefix(self) -> bytes:
        return self.schema.prefix if self.index is None else self.index.prefix

    @property
    def keys(self) -> tuple[KeyAttribute, ...]:
        return self.schema.keys if self.index is None else self.index.keys

    @property
    def partition_count(self) -> int:
        return 1 if self.index is None else self.index.partition_count

    @property
    def physical_partitions(self) -> int:
        return partitions.count(self.schema.record, None if self.index is None else self.index.record)

    @property
    def is_global(self) -> bool:
        return self.index is not None and self.index.record.is_global

    @property
    def start_names(self) -> tuple[str, ...]:
        """The attributes of a key to start from: the table's key, then the index's."""
        names = (*self.schema.key_names, *(key.name for key in self.keys))
        return tuple(dict.fromkeys(names))


@dataclass(slots=True)
class Page:
    """What was read, and what of it goes out."""

    rows: list[Any] = field(default_factory=list)
    count: int = 0
    scanned: int = 0
    read_bytes: int = 0
    units: float = 0.0
    fetched_units: float = 0.0
    last: Item | None = None
    last_row: bytes = b""


@dataclass(slots=True)
class Reading:
    """A page's worth of a range: which rows, which of them pass, what is shown of them."""

    source: Source
    start: bytes
    end: bytes
    reverse: bool = False
    limit: int | None = None
    filter: Filter | None = None
    values: Mapping[str, Value] = field(default_factory=dict)
    projection: ProjectionPlan | None = None
    # PartiQL's own way to show an item.
    shows: Callable[[Item], Item] | None = None
    counts_only: bool = False
    # Whole items are fetched from the table, since the (local) index does not hold what is asked for.
    fetches: bool = False
    consistent: bool = False
    most_bytes: int = PAGE_BYTES
    # How many partitions the rows may lie in: a scan pays for each that it comes to.
    partitions: int = 1

    def run(self, tx: Transaction) -> Page:
        page = Page()
        # The partitions that were entered, with what had been read before each.
        entered: list[tuple[int, int]] = []
        bound = b"" if self.partitions > 1 else self.end
        for key, row in tx.scan(self.start, self.end, self.limit, self.reverse):
            if key >= bound:
                place = partitions.find(self.source.prefix, key, self.partitions)
                bound = partitions.bounds(self.source.prefix, place, self.partitions)[1]
                entered.append((place, page.read_bytes))
            page.scanned += 1
            page.read_bytes += row_size_bytes(row)
            full = page.read_bytes >= self.most_bytes or page.scanned == self.limit
            self._take(tx, page, row, full)
            if full:
                page.last_row = key
                break
        page.units = self._units(page, entered)
        return page

    def _units(self, page: Page, entered: Sequence[tuple[int, int]]) -> float:
        if self.partitions == 1:
            return capacity.page_read_units(page.read_bytes, self.consistent)
        ends = [before for _, before in entered[1:]] + [page.read_bytes]
        spread = {place: end - before for (place, before), end in zip(entered, ends, strict=False)}
        prefix = self.source.prefix
        first = partitions.find(prefix, self.start, self.partitions)
        if page.last is not None:
            last = partitions.find(prefix, page.last_row, self.partitions)
        else:
            last = partitions.find_last(prefix, self.end, self.partitions)
        visited = range(first, last + 1)
        return sum(capacity.page_read_units(spread.get(place, 0), self.consistent) for place in visited)

    def _take(self, tx: Transaction, page: Page, row: bytes, is_last: bool) -> None:
        item: Item | None = None
        if is_last or self._looks_inside:
            item = unpack_row(row)
            if is_last:
                page.last = {name: item[name] for name in self.source.start_names}
        if self.fetches:
            assert item is not None
            row, item = self._fetch(tx, page, item)
        if self.filter is not None and not self.filter.test(item, self.values):  # type: ignore[arg-type]
            return
        page.count += 1
        if self.counts_only:
            return
        if self.shows is not None:
            page.rows.append(self.shows(item))  # type: ignore[arg-type]
        elif self.projection is None:
            page.rows.append(row_json(row))
        else:
            page.rows.append(self.projection.apply(item))  # type: ignore[arg-type]

    @property
    def _looks_inside(self) -> bool:
        return self.fetches or self.filter is not None or self.projection is not None or self.shows is not None

    def _fetch(self, tx: Transaction, page: Page, entry: Item) -> tuple[bytes, Item]:
        key = items.require_key(self.source.schema, self.source.schema.key_of(entry))
        row = tx.get(key.row)
        assert row is not None, "an index row without its item"
        page.fetched_units += capacity.read_units(row_size_bytes(row), self.consistent)
        return row, unpack_row(row)


_NOT_CONSISTENT = "Consistent reads are not supported on global secondary indexes"


def find_source(schema: Schema, req: Mapping[str, Any], operation: str) -> Source:
    """The table or index of a request; `operation` is Query or Scan."""
    name = req.get("IndexName")
    if name is None:
        return Source(schema, None)
    index = schema.find_index(name)
    if index is None:
        if all(vector.record.name != name for vector in schema.vectors):
            raise errors.invalid(f"The table does not have the specified index: {name}")
        raise errors.invalid(_vector_refusal(operation, bool(req.get("ConsistentRead"))))
    if index.record.is_global and req.get("ConsistentRead"):
        raise errors.invalid(_NOT_CONSISTENT)
    if index.record.status == "CREATING":
        raise errors.invalid(f"Cannot read from backfilling global secondary index: {name}")
    return Source(schema, index)


def _vector_refusal(operation: str, is_consistent: bool) -> str:
    """Only a query minds first that its read is consistent, and ends its sentence."""
    if operation == "Query":
        return _NOT_CONSISTENT if is_consistent else "Query operation not supported on this index type."
    return "Scan operation not supported on this index type"


BAD_START = "The provided starting key is invalid"
# AWS tells these of a starting key without saying that it is one.
_TOLD_BARE = ("contains duplicates", "number set", "numeric value", "significant digits", "number with magnitude")


def check_start_values(start: Item | None) -> None:
    """ExclusiveStartKey's values, whatever the table."""
    for value in (start or {}).values():
        try:
            check_value(value)
        except InvalidValue as error:
            if any(words in error.message for words in _TOLD_BARE):
                raise
            raise errors.invalid(f"{BAD_START}: {error.message}") from None


def check_start_size(source: Source, start: Item) -> None:
    if len(start) != len(source.start_names):
        raise errors.invalid(BAD_START)


def check_start_part(key: KeyAttribute, start: Item) -> None:
    """One attribute of what is read, in the starting key; AWS does not say that it speaks of a starting key."""
    if key.name not in start:
        raise errors.invalid(BAD_START)
    items.require_part(key, start[key.name])


def start_row_key(source: Source, start: Item) -> bytes:
    """The row that a page starts after."""
    schema = source.schema
    try:
        key = items.require_key(schema, {name: start[name] for name in schema.key_names if name in start})
    except ApiError as error:
        raise errors.invalid(f"{BAD_START}: {error.message}") from None
    if source.index is None:
        return key.row
    found = source.index.key_of(start, key.suffix)
    if found is None:
        raise errors.invalid(BAD_START)
    return found


def partition_range(source: Source, parts: list[bytes]) -> bytes:
    """What all rows of a partition begin with."""
    spread = source.schema.spread if source.index is None else source.index.spread
    return source.prefix + spread(parts) + b"".join(map(encode_part, parts))


def check_select(req: Mapping[str, Any]) -> None:
    """Which Select goes with which projection; of two mistakes, the one about the projection is told."""
    select = req.get("Select")
    projecting = next((name for name in ("AttributesToGet", "ProjectionExpression") if name in req), None)
    if select == "SPECIFIC_ATTRIBUTES" and projecting is None:
        raise _wrong_select("Must specify the AttributesToGet or ProjectionExpression", select)
    if projecting is not None and select in ("COUNT", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES"):
        chosen = "only the Count" if select == "COUNT" else select
        raise _wrong_select(f"Cannot specify the {projecting}", chosen)
    if select == "ALL_PROJECTED_ATTRIBUTES" and "IndexName" not in req:
        raise errors.invalid(f"{ENVELOPE}{select} can be used only when Querying using an IndexName")


def _wrong_select(what: str, chosen: str) -> ApiError:
    return errors.invalid(f"{ENVELOPE}{what} when choosing to get {chosen}")


def check_filtered(source: Source, names: Iterable[str]) -> None:
    """A query of an index, a local one too, filters by what the index holds."""
    index = source.index
    if index is None or index.attributes is None:
        return
    missing = [name for name in names if name not in index.attributes]
    if missing:
        raise errors.invalid_parameter(
            f"Secondary index {index.record.name} does not project one or more filter attributes: "
            f"[{', '.join(missing)}]"
        )


def check_all_attributes(source: Source, req: Mapping[str, Any]) -> None:
    """A global index that holds less than the items has not all attributes to give."""
    index = source.index
    if index is None or index.attributes is None or not index.record.is_global:
        return
    if req.get("Select") == "ALL_ATTRIBUTES":
        raise errors.invalid_parameter(
            f"Select type ALL_ATTRIBUTES is not supported for global secondary index {index.record.name} "
            "because its projection type is not ALL"
        )


def shape(reading: Reading, req: Mapping[str, Any], plan: ProjectionPlan | None) -> None:
    """What of the items is shown, and where it comes from."""
    source, select = reading.source, req.get("Select")
    reading.projection = plan
    reading.counts_only = select == "COUNT"
    index = source.index
    if index is None or index.attributes is None:
        return
    if select == "ALL_ATTRIBUTES":
        reading.fetches = True
    elif plan is not None:
        missing = sorted(plan.heads - set(index.attributes))
        if missing and index.record.is_global:
            raise errors.invalid_parameter(
                f"Global secondary index {index.record.name} does not project [{', '.join(missing)}]"
            )
        reading.fetches = bool(missing)


def render(ctx: Context, reading: Reading, page: Page, req: Mapping[str, Any]) -> dict[str, Any]:
    output: dict[str, Any] = {"Count": page.count, "ScannedCount": page.scanned}
    if not reading.counts_only:
        output["Items"] = page.rows
    if page.last is not None:
        output["LastEvaluatedKey"] = page.last
    consumed = render_capacity(ctx, reading.source, page, req)
    if consumed is not None:
        output["ConsumedCapacity"] = consumed
    return output


def render_capacity(ctx: Context, source: Source, page: Page, req: Mapping[str, Any]) -> dict[str, Any] | None:
    """Meters what a page cost, and shows it where that was asked for."""
    units = page.units
    if source.is_global and source.index is not None:
        consumption.read(ctx, source.schema, page.fetched_units, {source.index.record.name: units})
    else:
        consumption.read(ctx, source.schema, units + page.fetched_units)
    throttling.spend_read(ctx, source.schema, units, source.index)
    if page.fetched_units:
        throttling.spend_read(ctx, source.schema, page.fetched_units)
    mode, table = req.get("ReturnConsumedCapacity"), req.get("TableName", source.schema.record.name)
    if source.index is None:
        return capacity.render_consumed(mode, table, units)
    by_name = {source.index.record.name: units}
    if source.is_global:
        return capacity.render_consumed(mode, table, page.fetched_units, None, by_name)
    return capacity.render_consumed(mode, table, page.fetched_units, by_name, None)
