"""What CloudWatch does without a request: it evaluates alarms at the end of their periods."""

from __future__ import annotations

from mrak.core.background import Timer
from mrak.core.context import Context, Transaction
from mrak.core.operation import timer
from mrak.services.cloudwatch import alarms
from mrak.services.cloudwatch.tables import ALARMS


@timer(alarms.EVALUATE)
def evaluate(ctx: Context, tx: Transaction, due: Timer) -> None:
    """An alarm that was put again meanwhile has a timer of its own: an earlier one does nothing."""
    alarm = ALARMS.open(tx, due.scope, due.key)
    if alarm is not None and alarm.next_check_at == due.due_at:
        alarms.evaluate(ctx, tx, due.scope, alarm)
