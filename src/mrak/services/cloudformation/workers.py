"""What CloudFormation does without a request: it goes on with stacks."""

from __future__ import annotations

from mrak.core.background import Delivery, parse_dead
from mrak.core.context import Context, Transaction
from mrak.core.operation import delivery
from mrak.services.cloudformation import deploying, events, removing, reverting
from mrak.services.cloudformation.process import ABANDONED, STEP, open_process
from mrak.services.cloudformation.tables import STACKS

_PHASES = {
    "CREATE_IN_PROGRESS": deploying.deploy,
    "UPDATE_IN_PROGRESS": deploying.deploy,
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": removing.clean_up,
    "UPDATE_ROLLBACK_IN_PROGRESS": reverting.revert,
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": removing.clean_up,
    "ROLLBACK_IN_PROGRESS": removing.remove_all,
    "DELETE_IN_PROGRESS": removing.remove_all,
}

# What a stack becomes where our own code fails: the state from which the user can delete it or try again.
_STUCK = {
    "CREATE_IN_PROGRESS": "CREATE_FAILED",
    "UPDATE_IN_PROGRESS": "UPDATE_FAILED",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_IN_PROGRESS": "UPDATE_ROLLBACK_FAILED",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": "UPDATE_ROLLBACK_COMPLETE",
    "ROLLBACK_IN_PROGRESS": "ROLLBACK_FAILED",
    "DELETE_IN_PROGRESS": "DELETE_FAILED",
}


@delivery(STEP)
async def step(ctx: Context, made: Delivery) -> None:
    """Runs phase after phase until the stack has come to an end."""
    process = await open_process(ctx, made.payload.decode())
    while (phase := _PHASES.get(process.stack.status)) is not None:
        await phase(process)
        process = await open_process(ctx, made.payload.decode())


@delivery(ABANDONED)
def abandon(ctx: Context, tx: Transaction, made: Delivery) -> None:
    """A step that can't be made must not leave its stack in progress for ever."""
    failed = parse_dead(made.payload)
    stack = STACKS.get(tx, ctx.scope, failed.payload.decode())
    if stack is not None and stack.status in _STUCK:
        events.set_status(ctx, tx, stack.id, _STUCK[stack.status], f"Internal Failure: {failed.failure}")
