"""Parsed statements. Literals are templates, since a parameter may stand anywhere inside of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mrak.lang.ddb.errors import invalid
from mrak.lang.ddb.expressions.tree import ActionNode, Condition, Path
from mrak.lang.ddb.values import Value


@dataclass(frozen=True, slots=True)
class Parameter:
    """The question mark at this place."""

    place: int


@dataclass(frozen=True, slots=True)
class ListTemplate:
    members: tuple[Template, ...]


@dataclass(frozen=True, slots=True)
class MapTemplate:
    members: tuple[tuple[str, Template], ...]


@dataclass(frozen=True, slots=True)
class BagTemplate:
    """<< >>: a set, of the type of its members."""

    members: tuple[Template, ...]


Template = Parameter | ListTemplate | MapTemplate | BagTemplate | dict[str, Any]


@dataclass(frozen=True, slots=True)
class Statement:
    """What all statements have: names and values behind the placeholders "#0", ":0" of their trees."""

    table: str
    names: dict[str, str]
    values: tuple[Template, ...]
    parameter_count: int

    def bind(self, parameters: Sequence[Value]) -> dict[str, Value]:
        """The values by placeholder."""
        if len(parameters) != self.parameter_count:
            raise invalid("Number of parameters in request and statement don't match.")
        return {f":{place}": fill(template, parameters) for place, template in enumerate(self.values)}


@dataclass(frozen=True, slots=True)
class Select(Statement):
    index: str | None
    # None for all attributes.
    paths: tuple[Path, ...] | None
    where: Condition | None
    # Attributes, and whether each descends.
    order: tuple[tuple[str, bool], ...]
    is_exists: bool = False
    # Why what is selected cannot be; told when table and index are known.
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Insert(Statement):
    # The value whose placeholder is ":0".
    ignores_duplicate: bool = False


@dataclass(frozen=True, slots=True)
class Update(Statement):
    actions: tuple[ActionNode, ...]
    where: Condition | None
    # "ALL OLD", "MODIFIED NEW", ...
    returning: str | None


@dataclass(frozen=True, slots=True)
class Delete(Statement):
    where: Condition | None
    returning: str | None


AnyStatement = Select | Insert | Update | Delete


def fill(template: Template, parameters: Sequence[Value]) -> Value:
    """The attribute value of a template."""
    if isinstance(template, Parameter):
        return dict(parameters[template.place])
    if isinstance(template, ListTemplate):
        return {"L": [fill(member, parameters) for member in template.members]}
    if isinstance(template, MapTemplate):
        return {"M": {name: fill(member, parameters) for name, member in template.members}}
    if isinstance(template, BagTemplate):
        return _fill_bag(template, parameters)
    return dict(template)


def _fill_bag(template: BagTemplate, parameters: Sequence[Value]) -> Value:
    members = [fill(member, parameters) for member in template.members]
    if not members:
        raise invalid("Empty bags are not supported")
    kinds = {next(iter(member)) for member in members}
    kind = kinds.pop()
    if kinds or kind not in ("S", "N", "B"):
        raise invalid("Unsupported data type in Bag. DynamoDB only supports either numbers or strings in bags")
    return {f"{kind}S": [member[kind] for member in members]}
