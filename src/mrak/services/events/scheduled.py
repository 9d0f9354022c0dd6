"""Rules with a schedule: a timer for each, which fires the rule and sets the next.

A rule that slept through several of its times (the process was down, the clock was moved) fires once.
"""

from __future__ import annotations

import logging

from msgspec.structs import replace

from mrak.core.background import Timer
from mrak.core.context import Context, Transaction
from mrak.core.operation import timer
from mrak.core.scope import Scope
from mrak.lang import schedules
from mrak.services.events import buses, matching
from mrak.services.events.matching import Given
from mrak.services.events.tables import RULES, Rule

_KIND = "events.schedule"
log = logging.getLogger("mrak.services.events")


def plan(ctx: Context, tx: Transaction, scope: Scope, rule: Rule, after: float | None = None) -> Rule:
    """Sets the timer of a rule's next time, if it has one, and returns the rule that knows it."""
    if not rule.schedule or not rule.is_enabled:
        return replace(rule, next_due_at=None)
    schedule = schedules.find_stored(rule.schedule)
    if schedule is None:
        log.warning("the rule %s is never due: %s is no schedule", rule.name, rule.schedule)
        return replace(rule, next_due_at=None)
    due_at = schedule.next_after(after if after is not None else ctx.now, rule.created_at)
    if due_at is None:
        return replace(rule, next_due_at=None)
    tx.at(_timer(scope, rule, due_at))
    return replace(rule, next_due_at=due_at)


def cancel(tx: Transaction, scope: Scope, rule: Rule) -> None:
    if rule.next_due_at is not None:
        tx.cancel(_timer(scope, rule, rule.next_due_at))


def _timer(scope: Scope, rule: Rule, due_at: float) -> Timer:
    return Timer(kind=_KIND, key=f"{rule.bus}/{rule.name}", due_at=due_at, scope=scope)


@timer(_KIND)
def fire(ctx: Context, tx: Transaction, due: Timer) -> None:
    bus, _, name = due.key.rpartition("/")
    rule = RULES.open(tx, due.scope, bus, name)
    if rule is None or rule.next_due_at != due.due_at:
        return
    given = Given("aws.events", "Scheduled Event", {}, [buses.rule_arn(due.scope, rule)], due.due_at)
    event = matching.new_event(ctx, due.scope, given)
    matching.send_to_targets(ctx, tx, due.scope, rule, event)
    # The bus's other rules can match it; a rule that has both a schedule and a fitting pattern gets it once.
    others = [other for other in matching.listening_rules(tx, due.scope, bus) if other.name != name]
    matching.put(ctx, tx, due.scope, bus, event, rules=others)
    RULES.replace(tx, due.scope, rule, plan(ctx, tx, due.scope, rule, max(ctx.now, due.due_at)))
