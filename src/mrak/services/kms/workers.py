"""What KMS does without a request: it removes keys whose waiting period is over, rotates, and lets imported material
expire."""

from __future__ import annotations

from mrak.core.background import Timer
from mrak.core.context import Context, Transaction
from mrak.core.operation import timer
from mrak.services.kms import grants, imports, regions, rotation
from mrak.services.kms.tables import ALIASES, IMPORTS, KEYS, OF_KEY


@timer(regions.PURGE)
def purge(ctx: Context, tx: Transaction, due: Timer) -> None:
    """A key whose deletion was cancelled, or scheduled anew, has another time."""
    key = KEYS.open(tx, due.scope, due.key)
    if key is None or key.state != "PendingDeletion" or key.delete_at > ctx.now:
        return
    regions.forget(ctx, tx, due.scope, key)
    KEYS.delete(tx, due.scope, key)
    for alias in list(OF_KEY.scan(tx, due.scope, key.key_id)):
        ALIASES.lock(tx, due.scope, alias.name)
        ALIASES.delete(tx, due.scope, alias)
    for row in list(IMPORTS.scan(tx, due.scope, key.key_id)):
        IMPORTS.lock(tx, due.scope, row.key_id, row.token)
        IMPORTS.delete(tx, due.scope, row)
    grants.end_all(tx, due.scope, key)


@timer(rotation.ROTATE)
def rotate(ctx: Context, tx: Transaction, due: Timer) -> None:
    """A key that was set to another period meanwhile, or no longer rotates, has another timer or none."""
    key = KEYS.open(tx, due.scope, due.key)
    if key is not None and key.rotates_every_days and rotation.next_rotation_at(key) == due.due_at:
        rotation.rotate_automatically(ctx, tx, due.scope, key)


@timer(imports.EXPIRE)
def expire(ctx: Context, tx: Transaction, due: Timer) -> None:
    """Material that was imported again meanwhile expires later, or never."""
    key = KEYS.open(tx, due.scope, due.key)
    if key is not None and key.valid_to == due.due_at:
        KEYS.replace(tx, due.scope, key, imports.without_material(key, len(key.materials) - 1))
