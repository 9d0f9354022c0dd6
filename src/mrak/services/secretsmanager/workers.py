"""What Secrets Manager does without a request: it removes secrets whose recovery window is over."""

from __future__ import annotations

from mrak.core.background import Timer
from mrak.core.context import Context, Transaction
from mrak.core.operation import timer
from mrak.services.secretsmanager import operations
from mrak.services.secretsmanager.tables import SECRETS


@timer(operations.PURGE)
def purge(ctx: Context, tx: Transaction, due: Timer) -> None:
    """A secret that was restored or marked anew meanwhile has another time."""
    secret = SECRETS.open(tx, due.scope, due.key)
    if secret is not None and secret.deleted_at and secret.purge_at <= ctx.now:
        operations.remove(ctx, tx, secret)
