"""What Secrets Manager does without a request: it removes secrets whose recovery window is over, and rotates."""

from __future__ import annotations

import msgspec

from mrak.core.background import Delivery, Timer
from mrak.core.context import Context, Transaction
from mrak.core.operation import delivery, timer
from mrak.services.secretsmanager import operations, rotation
from mrak.services.secretsmanager.tables import SECRETS


@timer(operations.PURGE)
def purge(ctx: Context, tx: Transaction, due: Timer) -> None:
    """A secret that was restored or marked anew meanwhile has another time."""
    secret = SECRETS.open(tx, due.scope, due.key)
    if secret is not None and secret.deleted_at and secret.purge_at <= ctx.now:
        operations.remove(tx, due.scope, secret)


@timer(rotation.DUE)
def rotate(ctx: Context, tx: Transaction, due: Timer) -> None:
    """A secret whose rules changed meanwhile has another time, or none."""
    secret = SECRETS.open(tx, due.scope, due.key)
    if secret is None or secret.rotation is None or secret.deleted_at:
        return
    if secret.rotation.enabled and secret.rotation.next_at == due.due_at:
        rotation.rotate_again(ctx, tx, due.scope, secret)


@delivery(rotation.STEPS)
async def make_steps(ctx: Context, made: Delivery) -> None:
    await rotation.make_steps(ctx, made.scope, msgspec.msgpack.decode(made.payload, type=rotation.Steps))
