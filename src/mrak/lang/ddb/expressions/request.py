"""A request's expressions, names and values taken together, in the order in which AWS checks them.

check_usage    which parameters go together (expressions and legacy parameters do not)
bind           names and values themselves, each expression, then names and values that none of them used
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mrak.core.errors import ApiError
from mrak.lang.ddb import legacy
from mrak.lang.ddb.errors import InvalidValue, invalid
from mrak.lang.ddb.expressions import condition, keycondition, projection, update
from mrak.lang.ddb.expressions.condition import ConditionPlan
from mrak.lang.ddb.expressions.keycondition import KeyTest
from mrak.lang.ddb.expressions.projection import ProjectionPlan
from mrak.lang.ddb.expressions.update import UpdatePlan
from mrak.lang.ddb.values import Value, check_value
from mrak.lang.hashorder import in_hash_order

_is_name = re.compile(r"#[0-9a-zA-Z_]+", re.ASCII).fullmatch
_is_value = re.compile(r":[0-9a-zA-Z_]+", re.ASCII).fullmatch

NAMES = "ExpressionAttributeNames"
VALUES = "ExpressionAttributeValues"
# In the order in which AWS parses them.
_PARSED = ("UpdateExpression", "ConditionExpression", "KeyConditionExpression", "FilterExpression")
_EXPRESSIONS = frozenset({*_PARSED, "SearchConditionExpression", "ProjectionExpression"})

MAX_PLACEHOLDER_BYTES = 255
_TOO_LONG = "The expression attribute map contains a key that is too long;"


@dataclass(frozen=True, slots=True)
class Usage:
    """What an operation takes: its expressions and its legacy parameters, in the order of AWS's messages."""

    expressions: tuple[str, ...]
    legacy: tuple[str, ...]
    # Whether the message on values without expressions tells which expressions those would be.
    tells_missing: bool = True
    # An action of a transaction: its expressions are judged before its key, and names and values need none.
    in_transaction: bool = False

    @property
    def valued(self) -> tuple[str, ...]:
        """The expressions that may use values."""
        return tuple(name for name in self.expressions if name != "ProjectionExpression")


GET = Usage(("ProjectionExpression",), ("AttributesToGet",))
PUT = Usage(("ConditionExpression",), ("Expected", "ConditionalOperator"), tells_missing=False)
DELETE = PUT
UPDATE = Usage(
    ("UpdateExpression", "ConditionExpression"),
    ("AttributeUpdates", "Expected", "ConditionalOperator"),
    tells_missing=False,
)
QUERY = Usage(
    ("ProjectionExpression", "FilterExpression", "KeyConditionExpression"),
    ("AttributesToGet", "QueryFilter", "ConditionalOperator", "KeyConditions"),
)
SCAN = Usage(("ProjectionExpression", "FilterExpression"), ("AttributesToGet", "ScanFilter", "ConditionalOperator"))
TRANSACT_UPDATE = Usage(("UpdateExpression", "ConditionExpression"), (), in_transaction=True)
TRANSACT_WRITE = Usage(("ConditionExpression",), (), in_transaction=True)
TRANSACT_GET = Usage(("ProjectionExpression",), (), in_transaction=True)
SEARCH = Usage(("ProjectionExpression", "SearchConditionExpression"), ())


@dataclass(slots=True)
class Bound:
    """A request's expressions as plans, checked against its values."""

    values: dict[str, Value]
    names: dict[str, str]
    values_bytes: int = 0
    update: UpdatePlan | None = None
    condition: ConditionPlan | None = None
    filter: ConditionPlan | None = None
    projection: ProjectionPlan | None = None


def check_usage(req: Mapping[str, Any], usage: Usage) -> None:
    """Which parameters may stand together."""
    given = [name for name in usage.expressions if name in req]
    if usage.in_transaction and not given:
        return
    if given:
        old = [name for name in usage.legacy if name in req]
        # A filter expression may go with the legacy KeyConditions, as long as there is no key condition expression.
        if "KeyConditions" in old and "KeyConditionExpression" not in req:
            old.remove("KeyConditions")
        if old:
            raise invalid(
                "Can not use both expression and non-expression parameters in the same request: "
                f"Non-expression parameters: {{{', '.join(old)}}} Expression parameters: {{{', '.join(given)}}}"
            )
    elif NAMES in req:
        raise invalid("ExpressionAttributeNames can only be specified when using expressions")
    if VALUES in req:
        valued = usage.valued
        if valued and not any(name in req for name in valued):
            verb = "are" if len(valued) > 1 else "is"
            missing = f": {' and '.join(valued)} {verb} null" if usage.tells_missing else ""
            raise invalid(f"ExpressionAttributeValues can only be specified when using expressions{missing}")


def bind(req: Mapping[str, Any], *, in_older_layer: bool = False) -> Bound:
    """The request's expressions as plans. Raises for what is wrong in any of them, and for what none of them uses."""
    names: dict[str, str] | None = req.get(NAMES)
    values: dict[str, Value] | None = req.get(VALUES)
    if names is not None:
        check_names(names)
    bound = Bound(values or {}, names or {})
    if values is not None:
        bound.values_bytes = check_values(values, in_older_layer)
    used_names, used_values = _parse_all(req, names or {}, bound)
    if _EXPRESSIONS.isdisjoint(req):
        return bound
    if names is not None and len(used_names) < len(names):
        raise _unused(NAMES, names, used_names)
    if values is not None and len(used_values) < len(values):
        raise _unused(VALUES, values, used_values)
    return bound


def _parse_all(req: Mapping[str, Any], names: dict[str, str], bound: Bound) -> tuple[set[str], set[str]]:
    used_names: set[str] = set()
    used_values: set[str] = set()
    text = req.get("UpdateExpression")
    if text is not None:
        bound.update = update.plan(text, names)
        bound.update.check(bound.values)
        used_names |= bound.update.names
        used_values |= bound.update.values
    text = req.get("ConditionExpression")
    if text is not None:
        bound.condition = _checked(text, "ConditionExpression", names, bound.values, used_names, used_values)
    text = req.get("KeyConditionExpression")
    if text is not None:
        _checked(text, "KeyConditionExpression", names, bound.values, used_names, used_values)
    text = req.get("FilterExpression")
    if text is not None:
        bound.filter = _checked(text, "FilterExpression", names, bound.values, used_names, used_values)
    text = req.get("SearchConditionExpression")
    if text is not None:
        bound.condition = _checked(text, "SearchConditionExpression", names, bound.values, used_names, used_values)
    text = req.get("ProjectionExpression")
    if text is not None:
        bound.projection = projection.plan(text, names)
        used_names |= bound.projection.names
    return used_names, used_values


def _checked(
    text: str, kind: str, names: dict[str, str], values: dict[str, Value], used_names: set[str], used_values: set[str]
) -> ConditionPlan:
    plan = condition.plan(text, kind, names)
    plan.check(values)
    used_names |= plan.names
    used_values |= plan.values
    return plan


def key_tests(req: Mapping[str, Any]) -> dict[str, KeyTest]:
    """A query's key conditions, from an expression or from KeyConditions; names and values were checked."""
    text = req.get("KeyConditionExpression")
    if text is None:
        return legacy.key_tests(req["KeyConditions"])
    values = req.get(VALUES) or {}
    return keycondition.key_plan(text, req.get(NAMES) or {}, values).bind(values)


def check_names(names: Mapping[str, str]) -> None:
    if not names:
        raise invalid("ExpressionAttributeNames must not be empty")
    for name, attribute in names.items():
        size_bytes = len(name.encode("utf-8", "surrogatepass"))
        if size_bytes > MAX_PLACEHOLDER_BYTES:
            raise invalid(f"ExpressionAttributeNames contains invalid key: {_TOO_LONG} size of key: {size_bytes}")
        if not _is_name(name):
            raise invalid(f'ExpressionAttributeNames contains invalid key: Syntax error; key: "{name}"')
        if not attribute:
            raise invalid(f"ExpressionAttributeNames contains invalid value: Empty attribute name for key {name}")


def check_values(values: Mapping[str, Value], in_older_layer: bool) -> int:
    """The size of all values. The older layer lets one be a level deeper than an item may hold it."""
    if not values:
        raise invalid("ExpressionAttributeValues must not be empty")
    for name in values:
        if len(name.encode("utf-8", "surrogatepass")) > MAX_PLACEHOLDER_BYTES:
            raise invalid(f"ExpressionAttributeValues contains invalid key: {_TOO_LONG}")
        if not _is_value(name):
            raise invalid(f'ExpressionAttributeValues contains invalid key: Syntax error; key: "{name}"')
    size_bytes = 0
    for name, value in values.items():
        try:
            size_bytes += check_value(value, 0 if in_older_layer else 1)
        except ApiError as error:
            older = error.older if isinstance(error, InvalidValue) else error.message
            wrapped = f"ExpressionAttributeValues contains invalid value: {older} for key {name}"
            raise InvalidValue(error.message, wrapped) from None
    return size_bytes


def _unused(parameter: str, given: Mapping[str, Any], used: set[str]) -> ApiError:
    names = in_hash_order([name for name in given if name not in used], len(given))
    return invalid(f"Value provided in {parameter} unused in expressions: keys: {{{', '.join(names)}}}")
