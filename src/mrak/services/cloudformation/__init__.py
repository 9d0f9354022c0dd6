"""AWS CloudFormation: stacks of other services' resources, made from templates.

stack_operations, read_operations, change_set_operations     one function for each operation
preparation   from a request to a checked template         transforms, serverless   macros, SAM
comparing     what a change set shows
evaluation    what a template's names mean in a stack      handles, fitting   a resource for its type's functions
process       a stack operation as a durable process; its phases are deploying, removing, reverting
stacks, events, exporting, importing, policies, names      the domain
stack_set_operations, stack_set_work, stack_set_tables     stacks of several accounts and regions
signals       answers of custom resources and wait handles cfn   CloudFormation's own resource types
tables        rows and their invariants                    errors   the service's errors

The language of templates is `mrak.lang.cloudformation`; resource types stand in each service's `cfn.py`.
"""

from mrak.services.cloudformation import (
    change_set_operations,
    read_operations,
    signals,
    stack_operations,
    stack_set_operations,
    workers,
)

__all__ = ["change_set_operations", "read_operations", "signals", "stack_operations", "stack_set_operations", "workers"]
