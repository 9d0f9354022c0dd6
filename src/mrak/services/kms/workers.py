"""What KMS does without a request: it removes keys whose waiting period is over."""

from __future__ import annotations

from mrak.core.background import Timer
from mrak.core.context import Context, Transaction
from mrak.core.operation import timer
from mrak.services.kms.key_operations import PURGE
from mrak.services.kms.tables import ALIASES, KEYS, OF_KEY


@timer(PURGE)
def purge(ctx: Context, tx: Transaction, due: Timer) -> None:
    """A key whose deletion was cancelled, or scheduled anew, has another time."""
    key = KEYS.open(tx, due.scope, due.key)
    if key is None or key.state != "PendingDeletion" or key.delete_at > ctx.now:
        return
    KEYS.delete(tx, due.scope, key)
    for alias in list(OF_KEY.scan(tx, due.scope, key.key_id)):
        ALIASES.lock(tx, due.scope, alias.name)
        ALIASES.delete(tx, due.scope, alias)
