"""How a state fails while it runs: an error name and a cause, as an execution reports them.

A `StateFailed` is data of the execution, not an error of ours: retriers and catchers look at its name.
"""

from __future__ import annotations

RUNTIME = "States.Runtime"
QUERY = "States.QueryEvaluationError"
TIMEOUT = "States.Timeout"
HEARTBEAT = "States.HeartbeatTimeout"
DATA_LIMIT = "States.DataLimitExceeded"
TASK_FAILED = "States.TaskFailed"
NO_CHOICE = "States.NoChoiceMatched"
THRESHOLD = "States.ExceedToleratedFailureThreshold"
ITEM_READER = "States.ItemReaderFailed"
RESULT_WRITER = "States.ResultWriterFailed"
INTRINSIC = "States.IntrinsicFailure"

MOST_BYTES = 262_144
# Of all variables of a scope together.
MOST_VARIABLE_BYTES = 10 * 1024 * 1024
ASSIGN = "Assign"


class StateFailed(Exception):
    """`error` and `cause` may be None, as a task's failure may name neither. `field` is the place of a JSONata
    expression that failed; then an EvaluationFailed event tells of it. `is_located` causes begin with where it was."""

    def __init__(
        self, error: str | None, cause: str | None, *, field: str | None = None, is_located: bool = False
    ) -> None:
        super().__init__(error, cause)
        self.error = error
        self.cause = cause
        self.field = field
        self.is_located = is_located
        self.matched = error
        """The name that retriers and catchers compare: a heartbeat that stays away is reported as a time-out."""

    @property
    def is_evaluation(self) -> bool:
        return self.error == QUERY or self.is_too_large

    @property
    def is_too_large(self) -> bool:
        """Whether variables were to become too large."""
        return self.error == DATA_LIMIT and self.field == ASSIGN


def runtime(cause: str) -> StateFailed:
    """A field that cannot be worked out from the data there is."""
    return StateFailed(RUNTIME, cause, is_located=True)


def intrinsic(call: str, reason: str) -> StateFailed:
    """An intrinsic function that does not take its arguments."""
    return StateFailed(INTRINSIC, f"The function '{call}' had the following error: {reason}", is_located=True)


def query(cause: str, field: str | None = None) -> StateFailed:
    """A JSONata expression that has no (usable) value."""
    return StateFailed(QUERY, cause, field=field, is_located=True)


def data_limit(what: str) -> StateFailed:
    return StateFailed(
        DATA_LIMIT,
        f"The state/task '{what}' returned a result with a size exceeding the maximum number of bytes service limit.",
    )


def variable_limit(cause: str) -> StateFailed:
    """What a state assigns is too large (recorded)."""
    return StateFailed(DATA_LIMIT, cause, field=ASSIGN)


def at_state(failure: StateFailed, state: str, entered: int) -> StateFailed:
    """The failure with its place said in front of the cause, where AWS says it."""
    if not failure.is_located:
        return failure
    cause = (
        f"An error occurred while executing the state '{state}' (entered at the event id #{entered}). {failure.cause}"
    )
    return StateFailed(failure.error, cause, field=failure.field)
