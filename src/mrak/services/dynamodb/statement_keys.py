"""The reads of one key each into which DynamoDB takes a statement's WHERE apart.

Alternatives that speak of key attributes are multiplied out, and so are the choices of IN; each product that names a
partition is a read of its own. They may not lead to the same rows, and may not be too many. Where one of them names no
partition, says two things of one key attribute, or what one is not, all is read. What does not speak of keys is left to
the filter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mrak.lang.ddb.expressions import keycondition
from mrak.lang.ddb.expressions.keycondition import KeyTest
from mrak.lang.ddb.expressions.tree import CompareNode, Condition, InNode, LogicNode, NotNode, PathNode
from mrak.lang.ddb.values import Value, encode_item
from mrak.services.dynamodb import errors, statements
from mrak.services.dynamodb.statements import Prepared
from mrak.services.dynamodb.tables import KeyAttribute

MOST_READS = 50

Branch = tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """A partition, what is said of its sort key, and all the conditions that hold for what is read there."""

    partition: Value
    sort: KeyTest | None
    branch: Branch
    # The branch says more than what chooses the rows.
    is_filtered: bool

    @property
    def partition_id(self) -> bytes:
        return encode_item({"": self.partition})


def find_reads(it: Prepared, keys: Sequence[KeyAttribute], *, checks_kinds: bool = True) -> list[Read] | None:
    """What a statement reads by key; None where that is everything."""
    where = getattr(it.statement, "where", None)
    if where is None:
        return None
    names = {key.name for key in keys}
    reads: list[Read] = []
    for branch in _multiplied(where, it, names):
        found = _read_of(branch, it, keys, checks_kinds)
        if found is None:
            return None
        reads.append(found)
    if len(reads) > MOST_READS:
        raise _too_many()
    _check_overlaps(reads)
    return reads


def _too_many() -> Exception:
    return errors.invalid("Too many decomposed read operations for a given query.")


def _multiplied(node: Condition, it: Prepared, names: set[str]) -> list[Branch]:
    if isinstance(node, LogicNode) and node.operator == "OR" and not names.isdisjoint(names_in(node, it)):
        return [branch for part in node.parts for branch in _multiplied(part, it, names)]
    if isinstance(node, InNode) and not names.isdisjoint(statements.key_tests(it, (node,))):
        return [(CompareNode("=", node.operand, choice),) for choice in node.choices]
    if not isinstance(node, LogicNode) or node.operator != "AND":
        return [(node,)]
    branches: list[Branch] = [()]
    for part in node.parts:
        branches = [one + other for one in branches for other in _multiplied(part, it, names)]
        if len(branches) > MOST_READS * MOST_READS:
            raise _too_many()
    return branches


def _read_of(branch: Branch, it: Prepared, keys: Sequence[KeyAttribute], checks_kinds: bool) -> Read | None:
    names = {key.name for key in keys}
    if any(_excludes(node) and not names.isdisjoint(names_in(node, it)) for node in branch):
        return None
    tests = statements.key_tests(it, branch)
    found = [_distinct(tests.get(key.name, ())) for key in keys]
    partition = found[0][0] if found[0] else None
    if partition is None or partition.operator != "EQ" or any(len(distinct) > 1 for distinct in found):
        return None
    if checks_kinds:
        for key, distinct in zip(keys, found, strict=True):
            statements.check_kinds(key, (value for test in distinct for value in test.operands))
    sort = found[1][0] if len(found) > 1 and found[1] else None
    chosen_by = sum(len(tests.get(key.name, ())) for key in keys)
    return Read(partition.operands[0], sort, branch, is_filtered=chosen_by < len(branch))


def _distinct(tests: Sequence[KeyTest]) -> list[KeyTest]:
    """What is said of a key attribute, each thing once."""
    distinct: list[KeyTest] = []
    for test in tests:
        if test not in distinct:
            distinct.append(test)
    return distinct


def _excludes(node: Condition) -> bool:
    return isinstance(node, NotNode) or (isinstance(node, CompareNode) and node.operator == "<>")


def _check_overlaps(reads: list[Read]) -> None:
    told = [(read.partition_id, read.sort) for read in reads]
    for place, (partition, sort) in enumerate(told):
        for other, other_sort in told[:place]:
            if partition == other and keycondition.overlap(sort, other_sort):
                raise errors.invalid("Overlapping conditions with range keys are not supported in where clause")


def names_in(node: Any, it: Prepared) -> Iterator[str]:
    """The attributes that a condition names, at any depth."""
    if isinstance(node, PathNode):
        yield it.statement.names[str(node.raw[0])]
    elif isinstance(node, tuple):
        for part in node:
            yield from names_in(part, it)
    elif hasattr(node, "__dataclass_fields__"):
        for field in node.__dataclass_fields__:
            yield from names_in(getattr(node, field), it)
