"""UPDATE_ROLLBACK_IN_PROGRESS: every resource that the failed update changed goes back to what it was."""

from __future__ import annotations

from msgspec.structs import replace

from mrak.core.errors import ApiError
from mrak.services.cloudformation.graph import walk
from mrak.services.cloudformation.process import Process
from mrak.services.cloudformation.tables import Row, Snapshot


async def revert(process: Process) -> None:
    """Restores from the rows' snapshots; the cleanup then deletes what was made anew."""
    changed = {name: row for name, row in process.rows.items() if row.change in ("create", "update", "replace")}

    async def work(name: str) -> bool:
        return await _revert(process, changed[name])

    done = await walk({name: set(row.needs) for name, row in changed.items()}, work, stop_at_failure=False)
    failed = sorted(changed.keys() - done)
    if failed:
        reason = f"The following resource(s) failed to update: [{', '.join(failed)}]. "
        await process.set_status("UPDATE_ROLLBACK_FAILED", reason)
        return
    await process.set_status("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")


async def _revert(process: Process, row: Row) -> bool:
    if row.logical_id in process.stack.retain:
        # ContinueUpdateRollback's ResourcesToSkip.
        await process.put(replace(row, status="UPDATE_COMPLETE", change="", before=None))
        return True
    if row.change == "create":
        await process.put(replace(row, change="remove"), tell=False)
        return True
    assert row.before is not None
    if row.change == "replace":
        return await _swap(process, row, row.before)
    return await _restore(process, row, row.before)


def _as_before(row: Row, before: Snapshot) -> Row:
    return replace(
        row,
        physical_id=before.physical_id,
        properties=before.properties,
        attributes=before.attributes,
        name=before.name,
        needs=before.needs,
        reason="",
    )


async def _swap(process: Process, row: Row, before: Snapshot) -> bool:
    """The old physical resource is still there: the row names it again, and the new one is discarded."""
    discarded = replace(row.snapshot(), policy="Delete")
    restored = replace(_as_before(row, before), change="discard", before=discarded, status="UPDATE_COMPLETE")
    await process.put(restored)
    return True


async def _restore(process: Process, row: Row, before: Snapshot) -> bool:
    row = await process.put(replace(row, status="UPDATE_IN_PROGRESS", reason=""))
    kind, handle = await process.handle(row, before.properties, row.properties)
    try:
        await kind.update(handle)
    except ApiError as error:
        await process.put(replace(row, status="UPDATE_FAILED", reason=error.message))
        return False
    restored = replace(_as_before(row, before), physical_id=handle.physical_id, attributes=handle.attributes)
    await process.put(replace(restored, status="UPDATE_COMPLETE", change="", before=None))
    return True
