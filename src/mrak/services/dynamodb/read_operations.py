"""Query and Scan.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.lang.ddb import keys, legacy
from mrak.lang.ddb.expressions import keycondition, projection, request
from mrak.lang.ddb.expressions.keycondition import KeyTest
from mrak.lang.ddb.expressions.projection import ProjectionPlan
from mrak.lang.ddb.values import Item, Value
from mrak.services.dynamodb import errors, items, reading
from mrak.services.dynamodb.access import require_schema
from mrak.services.dynamodb.layers import OlderWords
from mrak.services.dynamodb.reading import Filter, Reading, Source
from mrak.services.dynamodb.tables import KeyAttribute
from mrak.store.keys import encode_part, prefix_end

_HASHES = 1 << 64


@operation("Query")
def query(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    request.check_usage(req, request.QUERY)
    reading.check_select(req)
    plan = _attributes_plan(req)
    legacy_filter = _legacy_filter(req, "QueryFilter")
    start = req.get("ExclusiveStartKey")
    reading.check_start_values(start)
    if "KeyConditions" not in req and "KeyConditionExpression" not in req:
        raise errors.invalid(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."
        )
    bound = request.bind(req)
    tests = request.key_tests(req)
    found_filter = legacy_filter or bound.filter
    schema = require_schema(ctx, tx, req["TableName"], index=req.get("IndexName"), asked=req)
    source = reading.find_source(schema, req, "Query")
    _check_key_tests(source, tests, start)
    begin, end = key_range(source, tests)
    reverse = req.get("ScanIndexForward") is False
    if start is not None:
        begin, end = _continue_query(source, tests, start, begin, end, reverse)
    plan = plan or bound.projection
    _check_paths(source, plan)
    _check_filter(source, found_filter, "QueryFilter" if legacy_filter else "Filter Expression")
    reading.check_all_attributes(source, req)
    _check_paths(source, found_filter)
    page_of = _reading(source, begin, end, req, found_filter, bound.values)
    page_of.reverse = reverse
    reading.shape(page_of, req, plan)
    return reading.render(ctx, page_of, page_of.run(tx), req)


@operation("Scan")
def scan(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    request.check_usage(req, request.SCAN)
    reading.check_select(req)
    plan = _attributes_plan(req)
    start = req.get("ExclusiveStartKey")
    with OlderWords():
        legacy_filter = _legacy_filter(req, "ScanFilter")
        reading.check_start_values(start)
        _check_segment(req)
        bound = request.bind(req, in_older_layer=True)
    found_filter = legacy_filter or bound.filter
    schema = require_schema(ctx, tx, req["TableName"], index=req.get("IndexName"), asked=req)
    source = reading.find_source(schema, req, "Scan")
    begin, end = _segment_range(source, req)
    if start is not None:
        _check_scan_start(source, start)
    reading.check_all_attributes(source, req)
    if start is not None:
        begin = _continue_scan(source, req, start, begin, end)
    plan = plan or bound.projection
    page_of = _reading(source, begin, end, req, found_filter, bound.values)
    page_of.partitions = source.physical_partitions
    reading.shape(page_of, req, plan)
    _check_paths(source, plan)
    _check_paths(source, found_filter)
    return reading.render(ctx, page_of, page_of.run(tx), req)


def _reading(
    source: Source,
    begin: bytes,
    end: bytes,
    req: Mapping[str, Any],
    found_filter: Filter | None,
    values: Mapping[str, Value],
) -> Reading:
    return Reading(
        source,
        begin,
        end,
        limit=req.get("Limit"),
        filter=found_filter,
        values=values,
        consistent=req.get("ConsistentRead", False),
    )


def _attributes_plan(req: Mapping[str, Any]) -> ProjectionPlan | None:
    names = req.get("AttributesToGet")
    return None if names is None else projection.attributes_plan(names)


def _legacy_filter(req: Mapping[str, Any], parameter: str) -> Filter | None:
    conditions = req.get(parameter)
    operator = req.get("ConditionalOperator")
    if not conditions:
        legacy.check_operator(parameter, conditions, operator)
        return None
    return legacy.filter_plan(parameter, conditions, operator)


def _check_key_tests(source: Source, tests: Mapping[str, KeyTest], start: Item | None) -> None:
    """The conditions, and a starting key, against the key schema: attribute by attribute, the starting key first."""
    if start is not None:
        reading.check_start_size(source, start)
    keycondition.check_count(tests, len(source.keys))
    simple = source.partition_count == 1 and len(source.keys) <= 2
    schema = [(key.name, key.kind) for key in source.keys]
    for place, key in enumerate(source.keys):
        if start is not None:
            reading.check_start_part(key, start)
        if simple:
            keycondition.check_element(tests, schema, place)
    if not simple:
        _check_composite(source, tests)
    for key in source.keys:
        if key.name in tests:
            _check_key_operands(key, tests[key.name])


def _check_composite(source: Source, tests: Mapping[str, KeyTest]) -> None:
    """An index of several attributes: equality on the whole partition key, then on sort keys from the left; only the
    last that is named may be a range."""
    partition, sort = source.keys[: source.partition_count], source.keys[source.partition_count :]
    for key in partition:
        if key.name not in tests:
            raise errors.invalid(f"Query condition missed key schema element: {key.name}")
        if tests[key.name].operator != "EQ":
            raise errors.invalid("Query key condition not supported")
    named = [key for key in sort if key.name in tests]
    if len(tests) != len(partition) + len(named):
        missed = next((key.name for key in sort if key.name not in tests), source.keys[-1].name)
        raise errors.invalid(f"Query condition missed key schema element: {missed}")
    before = sort[: sort.index(named[-1])] if named else ()
    open_ones = [key.name for key in before if key.name not in tests or tests[key.name].operator != "EQ"]
    if open_ones:
        raise errors.invalid(
            f"RANGE key attributes {', '.join(open_ones)} must have equality conditions specified in the query because "
            f"a condition is present on key attribute {named[-1].name}"
        )
    for key in (*partition, *named):
        if any(key.kind not in operand for operand in tests[key.name].operands):
            raise errors.invalid_parameter("Condition parameter type does not match schema type")


def _check_key_operands(key: KeyAttribute, test: KeyTest) -> None:
    if test.operator == "BEGINS_WITH" and key.kind == "N":
        raise errors.invalid_parameter(f"ComparisonOperator {test.operator} is not valid for N AttributeValue type")
    for operand in test.operands:
        encoded = keys.sort_bytes(operand)
        if test.operator == "EQ":
            keys.check_not_empty(key.name, key.kind, encoded)
        if key.is_partition:
            keys.check_partition_size(encoded, key.kind)
        else:
            keys.check_sort_size(encoded, key.kind)


def key_range(source: Source, tests: Mapping[str, KeyTest]) -> tuple[bytes, bytes]:
    """The rows of the partition whose sort keys the conditions leave."""
    count = source.partition_count
    head = reading.partition_range(
        source, [keys.sort_bytes(tests[key.name].operands[0]) for key in source.keys[:count]]
    )
    last: KeyTest | None = None
    for key in source.keys[count:]:
        test = tests.get(key.name)
        if test is None:
            break
        if last is not None:
            head += encode_part(keys.sort_bytes(last.operands[0]))
        last = test
    bounds = keycondition.sort_range(last)
    begin = head
    if bounds.start is not None:
        # A prefix of the encoded part, without its end mark, begins all parts that start with it.
        part = encode_part(bounds.start)
        begin = head + part if bounds.includes_start else prefix_end(head + part)
    if bounds.end is None:
        return begin, prefix_end(head)
    part = head + encode_part(bounds.end)
    return begin, prefix_end(part) if bounds.includes_end else part


def _continue_query(
    source: Source, tests: Mapping[str, KeyTest], start: Item, begin: bytes, end: bytes, reverse: bool
) -> tuple[bytes, bytes]:
    position = reading.start_row_key(source, start)
    partition = source.keys[: source.partition_count]
    is_here = all(start[key.name] == tests[key.name].operands[0] for key in partition)
    ranged = [key for key in source.keys[source.partition_count :] if key.name in tests]
    if not ranged:
        if not is_here:
            raise errors.invalid("The provided starting key is outside query boundaries based on provided conditions")
    else:
        if not all(tests[key.name].holds(start[key.name]) for key in ranged):
            raise errors.invalid("The provided starting key does not match the range key predicate")
        if not is_here:
            raise errors.invalid("The query can return at most one row and cannot be restarted")
    return (begin, min(end, position)) if reverse else (max(begin, position + b"\x00"), end)


def _check_segment(req: Mapping[str, Any]) -> None:
    segment, total = req.get("Segment"), req.get("TotalSegments")
    if segment is not None and total is None:
        raise errors.invalid(
            "The TotalSegments parameter is required but was not present in the request "
            "when Segment parameter is present"
        )
    if total is None:
        return
    if segment is None:
        raise errors.invalid(
            "The Segment parameter is required but was not present in the request "
            "when parameter TotalSegments is present"
        )
    if segment >= total:
        raise errors.invalid("The Segment parameter is zero-based and must be less than parameter TotalSegments")


def _segment_range(source: Source, req: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """A segment's share of the hashes."""
    total = req.get("TotalSegments", 1)
    segment = req.get("Segment", 0)
    first, last = _HASHES * segment // total, _HASHES * (segment + 1) // total
    begin = source.prefix + first.to_bytes(8, "big")
    end = prefix_end(source.prefix) if last == _HASHES else source.prefix + last.to_bytes(8, "big")
    return begin, end


def _check_scan_start(source: Source, start: Item) -> None:
    reading.check_start_size(source, start)
    if source.index is not None:
        for key in source.index.keys:
            reading.check_start_part(key, start)
    elif any(name not in start for name in source.start_names):
        raise errors.invalid(reading.BAD_START)


def _continue_scan(source: Source, req: Mapping[str, Any], start: Item, begin: bytes, end: bytes) -> bytes:
    position = reading.start_row_key(source, start)
    if not begin <= position < end:
        raise errors.invalid(
            f"{reading.BAD_START}: Invalid ExclusiveStartKey. "
            "Please use ExclusiveStartKey with correct Segment. "
            f"TotalSegments: {req['TotalSegments']} Segment: {req['Segment']}"
        )
    return position + b"\x00"


def _check_paths(source: Source, plan: ProjectionPlan | Filter | None) -> None:
    if plan is not None:
        items.check_nested_paths(source.schema, plan.nested_heads)


def _check_filter(source: Source, found_filter: Filter | None, parameter: str) -> None:
    """A query's filter is for what its key condition cannot say."""
    if found_filter is None:
        return
    for key in source.keys:
        if key.name in found_filter.heads:
            raise errors.invalid(
                f"{parameter} can only contain non-primary key attributes: Primary key attribute: {key.name}"
            )
    reading.check_filtered(source, sorted(found_filter.heads))
