"""AWS Step Functions. Importing this package registers its operations and background work.

machine_operations   state machines and tags       version_operations   versions and aliases
execution_operations executions and their history  task_operations      task tokens and activities
maprun_operations    distributed Maps              testing              TestState
transitions          one step of an execution: the language's state machine (`lang/asl`) over rows
workers              tasks, timers                 integrations         what a Task calls
express              executions in memory          mapruns              a distributed Map's children
"""

from mrak.services.stepfunctions import (
    access,
    execution_operations,
    express,
    machine_operations,
    maprun_operations,
    mapworkers,
    starting,
    task_operations,
    testing,
    version_operations,
    workers,
)

__all__ = [
    "access",
    "execution_operations",
    "express",
    "machine_operations",
    "maprun_operations",
    "mapworkers",
    "starting",
    "task_operations",
    "testing",
    "version_operations",
    "workers",
]
