"""Deletions: of a whole stack, of what a failed creation left, and the cleanup that ends an update."""

from __future__ import annotations

from msgspec.structs import replace

from mrak.core.context import Transaction
from mrak.core.errors import ApiError
from mrak.services.cloudformation import events, exporting
from mrak.services.cloudformation.graph import walk
from mrak.services.cloudformation.process import Process
from mrak.services.cloudformation.tables import Row


async def remove_all(process: Process) -> None:
    """DELETE_IN_PROGRESS and ROLLBACK_IN_PROGRESS: everything goes, what needs others first."""
    status = process.stack.status
    rolling_back = status == "ROLLBACK_IN_PROGRESS"
    standing = {
        name: row for name, row in process.rows.items() if row.status not in ("DELETE_COMPLETE", "DELETE_SKIPPED")
    }

    async def work(name: str) -> bool:
        return await _remove(process, standing[name], rolling_back)

    done = await walk(_reversed(standing), work, stop_at_failure=False)
    failed = sorted(standing.keys() - done)
    if not await process.still(status):
        return
    if failed:
        stuck = [name for name in failed if process.rows[name].status == "DELETE_FAILED"]
        reason = f"The following resource(s) failed to delete: [{', '.join(stuck)}]. "
        await process.set_status("ROLLBACK_FAILED" if rolling_back else "DELETE_FAILED", reason)
    elif rolling_back:
        await process.set_status("ROLLBACK_COMPLETE")
    else:
        await _end(process)


async def _end(process: Process) -> None:
    now = process.ctx.clock()

    def end(tx: Transaction) -> None:
        exporting.drop_all(tx, process.ctx.scope, process.stack)
        events.set_status(process.ctx, tx, process.stack.id, "DELETE_COMPLETE", deleted_at=now, live_name=None)

    await process.transact(end)


def _reversed(rows: dict[str, Row]) -> dict[str, set[str]]:
    """name -> those that need it, which go before."""
    needed_by: dict[str, set[str]] = {name: set() for name in sorted(rows, reverse=True)}
    for name, row in rows.items():
        for need in row.needs:
            if need in needed_by:
                needed_by[need].add(name)
    return needed_by


async def _remove(process: Process, row: Row, rolling_back: bool) -> bool:
    if row.before is not None and row.before.physical_id not in ("", row.physical_id):
        # A replacement that never came to its cleanup.
        await process.destroy(row, row.before.physical_id, row.before.properties, row.before.attributes)
    keeps = row.deletion_policy == "Retain" or (row.deletion_policy == "RetainExceptOnCreate" and not rolling_back)
    if (keeps or row.logical_id in process.stack.retain) and row.physical_id:
        await process.put(replace(row, status="DELETE_SKIPPED", reason=""))
        return True
    if not row.physical_id and row.status != "CREATE_IN_PROGRESS":
        await process.put(replace(row, status="DELETE_COMPLETE", reason="", change="", before=None))
        return True
    row = await process.put(replace(row, status="DELETE_IN_PROGRESS", reason=""))
    try:
        if row.physical_id:
            await process.destroy(row, row.physical_id, row.properties, row.attributes)
    except ApiError as error:
        await process.put(replace(row, status="DELETE_FAILED", reason=error.message))
        return False
    gone = replace(row, status="DELETE_COMPLETE", change="", before=None)
    await process.put(gone)
    return True


async def clean_up(process: Process) -> None:
    """The end of an update, or of its rollback: what was replaced or is no longer in the template goes. That something
    can't be deleted does not fail the update, as at AWS."""
    status = process.stack.status
    after_rollback = status.startswith("UPDATE_ROLLBACK")
    stale = {name: row for name, row in process.rows.items() if _is_stale(process, row, after_rollback)}

    async def work(name: str) -> bool:
        await _clean(process, stale[name])
        return True

    await walk(_reversed(stale), work, stop_at_failure=False)
    if not await process.still(status):
        return
    for row in list(process.rows.values()):
        if row.change or row.before is not None:
            await process.put(replace(row, change="", before=None), tell=False)
    await process.set_status("UPDATE_ROLLBACK_COMPLETE" if after_rollback else "UPDATE_COMPLETE", target=0)


def _is_stale(process: Process, row: Row, after_rollback: bool) -> bool:
    if row.change in ("replace", "discard", "remove"):
        return True
    return not after_rollback and row.settled != process.stack.version


async def _clean(process: Process, row: Row) -> None:
    if row.change in ("replace", "discard"):
        await _clean_replaced(process, row)
        return
    if row.physical_id:
        await _destroy_told(process, row, row.deletion_policy, row.properties, made_now=row.change == "remove")
    await process.drop(row)


async def _clean_replaced(process: Process, row: Row) -> None:
    old = row.before
    assert old is not None
    if old.physical_id and old.physical_id != row.physical_id:
        shown = replace(row, physical_id=old.physical_id, name=old.name, attributes=old.attributes)
        await _destroy_told(process, shown, old.policy, old.properties)
    await process.put(replace(row, change="", before=None), tell=False)


async def _destroy_told(process: Process, shown: Row, policy: str, properties: str, *, made_now: bool = False) -> None:
    """Deletes with events, unless the policy keeps it. The row is left to the caller, since `shown` may not be it."""
    if policy == "Retain" or (policy == "RetainExceptOnCreate" and not made_now):
        await process.tell(replace(shown, status="DELETE_SKIPPED", reason=""))
        return
    await process.tell(replace(shown, status="DELETE_IN_PROGRESS", reason=""))
    try:
        await process.destroy(shown, shown.physical_id, properties, shown.attributes)
    except ApiError as error:
        await process.tell(replace(shown, status="DELETE_FAILED", reason=error.message))
    else:
        await process.tell(replace(shown, status="DELETE_COMPLETE", reason=""))
