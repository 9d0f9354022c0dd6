"""What a search of vectors asks of the items: attributes of its search schema that equal values, joined by AND."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mrak.core.deviations import deviation
from mrak.lang.ddb import keys
from mrak.lang.ddb.expressions.request import Bound
from mrak.lang.ddb.expressions.tree import CompareNode, Condition, LogicNode, Path, PathNode, ValueNode
from mrak.lang.ddb.values import Value, kind_of
from mrak.services.dynamodb import errors
from mrak.services.dynamodb.vectors import VectorSchema

_EXPRESSION = "SearchConditionExpression"


def equalities(node: Condition, bound: Bound) -> dict[str, Value]:
    """The value that each attribute has to equal."""
    deviation("DYNAMODB-014")
    found: dict[str, Value] = {}
    for part in _conjuncts(node):
        path, value = _equality(part, bound)
        if len(path) > 1:
            raise _invalid(f"{_EXPRESSION} cannot have conditions on nested attributes")
        head = str(path[0])
        name = bound.names.get(head, head)
        if name in found:
            raise _invalid(f"{_EXPRESSION} must only contain one condition per attribute")
        found[name] = value
    return found


def _conjuncts(node: Condition) -> Iterator[Condition]:
    if isinstance(node, LogicNode) and node.operator == "AND":
        for part in node.parts:
            yield from _conjuncts(part)
    else:
        yield node


def _equality(node: Condition, bound: Bound) -> tuple[Path, Value]:
    if isinstance(node, CompareNode):
        if node.operator != "=":
            raise _invalid(f"Invalid comparator used in {_EXPRESSION}")
        for one, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(one, PathNode) and isinstance(other, ValueNode):
                return one.raw, bound.values[other.name]
    raise _invalid(f"Invalid operator used in {_EXPRESSION}")


def _invalid(message: str) -> Exception:
    return errors.invalid(f"Invalid {_EXPRESSION}: {message}")


def check(index: VectorSchema, kinds: Mapping[str, str], asked: Mapping[str, Value] | None) -> None:
    """What is asked against the search schema: an index that has partitions is only searched in one of them."""
    partition = index.record.partition
    if asked is None:
        if partition is not None:
            raise errors.invalid(f"{_EXPRESSION} must be provided when SearchSchema has a HASH key")
        return
    foreign = sorted(asked.keys() - {name for name, _ in index.record.search})
    if foreign:
        raise errors.invalid(
            f"{_EXPRESSION} must not contain any attributes that is not in SearchSchema. "
            f"Invalid attribute: {foreign[0]}"
        )
    if partition is not None and partition not in asked:
        raise errors.invalid(f"{_EXPRESSION} must have all HASH attributes in configured SearchSchema")
    for name, value in asked.items():
        if kind_of(value) != kinds[name]:
            raise errors.invalid(
                f"Type of '{name}' attribute in {_EXPRESSION} ({kind_of(value)}) does not match type in search schema "
                f"({kinds[name]})"
            )
    if partition is not None:
        keys.check_not_empty(partition, kinds[partition], keys.sort_bytes(asked[partition]))
