"""Event buses and rules by name and ARN: where what is, and the forms in which it is shown."""

from __future__ import annotations

from typing import Any

from mrak.core.arn import arn, find_arn
from mrak.core.context import Transaction
from mrak.core.scope import Scope
from mrak.services.events import errors
from mrak.services.events.tables import BUSES, RULES, Bus, Rule

DEFAULT = "default"


def bus_arn(scope: Scope, name: str) -> str:
    return arn(scope, "events", f"event-bus/{name}")


def rule_arn(scope: Scope, rule: Rule) -> str:
    """A rule of the default bus does not name it."""
    path = rule.name if rule.bus == DEFAULT else f"{rule.bus}/{rule.name}"
    return arn(scope, "events", f"rule/{path}")


def locate(scope: Scope, name_or_arn: str | None) -> tuple[Scope, str]:
    """The scope and name of a bus; its ARN may be in another account or region."""
    if not name_or_arn:
        return scope, DEFAULT
    found = find_arn(name_or_arn)
    if found is None:
        return scope, name_or_arn
    return found.scope_in(scope.environment), found.resource.removeprefix("event-bus/")


def find(tx: Transaction, scope: Scope, name: str) -> Bus | None:
    """A bus. The default one is always there."""
    return BUSES.get(tx, scope, name) or (Bus(name=DEFAULT) if name == DEFAULT else None)


def require(tx: Transaction, scope: Scope, name_or_arn: str | None) -> tuple[Scope, Bus]:
    home, name = locate(scope, name_or_arn)
    bus = find(tx, home, name)
    if bus is None:
        raise errors.no_bus(name)
    return home, bus


def require_open(tx: Transaction, scope: Scope, name_or_arn: str | None) -> tuple[Scope, Bus]:
    """A bus for writing; the default one gets its row."""
    home, name = locate(scope, name_or_arn)
    bus = BUSES.open(tx, home, name)
    if bus is None and name == DEFAULT:
        bus = Bus(name=DEFAULT)
        BUSES.insert(tx, home, bus)
    if bus is None:
        raise errors.no_bus(name)
    return home, bus


def require_rule(tx: Transaction, scope: Scope, bus: str | None, name: str) -> tuple[Scope, Rule]:
    """A rule for reading or writing: it is opened."""
    home, found = require(tx, scope, bus)
    rule = RULES.open(tx, home, found.name, name)
    if rule is None:
        raise errors.no_rule(name, found.name)
    return home, rule


def open_rule(tx: Transaction, scope: Scope, bus: str | None, name: str) -> tuple[Scope, Rule]:
    """A rule that its account may change."""
    home, rule = require_rule(tx, scope, bus, name)
    check_own(rule)
    return home, rule


def check_own(rule: Rule) -> None:
    if rule.managed_by:
        raise errors.managed_rule(rule.name, rule.managed_by)


def parse_rule_arn(resource: str) -> tuple[str, str]:
    """Bus and name of an ARN's resource `rule/name` or `rule/bus/name`."""
    parts = resource.split("/")[1:]
    return (DEFAULT, parts[0]) if len(parts) == 1 else ("/".join(parts[:-1]), parts[-1])


def render_bus(scope: Scope, bus: Bus) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "Name": bus.name,
        "Arn": bus_arn(scope, bus.name),
        "CreationTime": bus.created_at,
        "LastModifiedTime": bus.modified_at,
    }
    if "Description" in bus.settings:
        shown["Description"] = bus.settings["Description"]
    if bus.policy:
        shown["Policy"] = bus.policy
    return shown


def render_rule(scope: Scope, rule: Rule) -> dict[str, Any]:
    shown = {
        "Name": rule.name,
        "Arn": rule_arn(scope, rule),
        "EventPattern": rule.pattern,
        "ScheduleExpression": rule.schedule,
        "State": rule.state,
        "Description": rule.description,
        "RoleArn": rule.role_arn,
        "EventBusName": rule.bus,
        "ManagedBy": rule.managed_by,
    }
    return {name: value for name, value in shown.items() if value}
