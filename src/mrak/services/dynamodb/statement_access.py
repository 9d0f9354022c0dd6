"""A statement, with its parameters, on the table that it names, for a caller who may do it.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.lang.ddb.expressions import condition
from mrak.lang.ddb.partiql.parser import parse
from mrak.lang.ddb.partiql.tree import Insert, Select
from mrak.lang.ddb.values import Value, check_item
from mrak.services.dynamodb import statement_keys, statements
from mrak.services.dynamodb.access import require_schema
from mrak.services.dynamodb.layers import OlderWords
from mrak.services.dynamodb.statements import Prepared
from mrak.services.dynamodb.tables import KeyAttribute


def prepare(ctx: Context, tx: Transaction, text: str, parameters: Sequence[Value]) -> Prepared:
    statements.check_parameters(parameters)
    statement = parse(text)
    values = statement.bind(parameters)
    with OlderWords():
        # An item that is inserted is no value itself.
        check_item(values[":0"].get("M", values) if isinstance(statement, Insert) else values)
    where = getattr(statement, "where", None)
    plan = None if where is None else condition.plan_of(where, "ConditionExpression", statement.names)
    if plan is not None:
        statements.check_plan(plan, values)
    action = f"PartiQL{type(statement).__name__}"
    index = getattr(statement, "index", None)
    schema = require_schema(
        ctx,
        tx,
        statement.table,
        action,
        index,
        asked=lambda schema: _asked(Prepared(statement, schema, values, plan), index),
    )
    if not getattr(statement, "is_exists", False):
        ctx.annotate("verb", action)
    return Prepared(statement, schema, values, plan)


def _asked(it: Prepared, index: str | None) -> dict[str, Any]:
    """What a policy may ask of a statement, as `conditions.Conditions` takes it."""
    statement = it.statement
    names = list(statement.names.values())
    if isinstance(statement, Insert):
        return {"Keys": [it.values[":0"].get("M", {})], "Names": names}
    read = None if index is None else it.schema.find_index(index)
    keys = it.schema.keys if read is None else read.keys
    if isinstance(statement, Select) and not statement.is_exists:
        with suppress(ApiError):
            return {"Names": names, **_read(it, statement, keys)}
    partition = keys[0].name
    tests = statements.key_tests(it, statements.conjuncts(getattr(statement, "where", None)))
    pinned = [test for test in tests.get(partition, ()) if test.operator in ("EQ", "IN")]
    named = [{partition: operand} for test in pinned for operand in test.operands]
    return {"Keys": named, "Names": names, "FullTableScan": not pinned}


def _read(it: Prepared, statement: Select, keys: Sequence[KeyAttribute]) -> dict[str, Any]:
    """What would have to be ordered is no scan, since it is refused: AWS says of it neither that it is one nor that it
    is none."""
    reads = statement_keys.find_reads(it, keys)
    if reads is not None:
        return {"Keys": [{keys[0].name: read.partition} for read in reads], "FullTableScan": False}
    return {} if statement.order else {"FullTableScan": True}
