"""Exports and imports: values that stacks of an account and region share.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-exports.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Transaction
from mrak.core.scope import Scope
from mrak.lang.cloudformation.errors import TemplateError
from mrak.services.cloudformation.tables import (
    EXPORTS,
    EXPORTS_OF_STACK,
    IMPORTS,
    IMPORTS_OF_STACK,
    Export,
    Import,
    Stack,
)


def importers(tx: Transaction, scope: Scope, name: str) -> list[str]:
    """The names of the stacks that use an export."""
    return [row.stack_name for row in IMPORTS.scan(tx, scope, name)]


def put_exports(tx: Transaction, scope: Scope, stack: Stack, outputs: list[dict[str, Any]]) -> None:
    """Makes the stack's exports those of its outputs. Raises TemplateError where that takes one from its users."""
    wanted = {output["ExportName"]: output["OutputValue"] for output in outputs if "ExportName" in output}
    for old in list(EXPORTS_OF_STACK.scan(tx, scope, stack.id)):
        if wanted.get(old.name) != old.value:
            _check_unused(tx, scope, old.name, "updated" if old.name in wanted else "deleted")
            EXPORTS.lock(tx, scope, old.name)
            EXPORTS.delete(tx, scope, old)
    for name, value in wanted.items():
        found = EXPORTS.open(tx, scope, name)
        if found is not None and found.stack_id != stack.id:
            holder = found.stack_id.split("/")[1]
            raise TemplateError(f"Export with name {name} is already exported by stack {holder}.")
        if found is None:
            EXPORTS.insert(tx, scope, Export(name, value, stack.id))


def _check_unused(tx: Transaction, scope: Scope, name: str, verb: str) -> None:
    users = importers(tx, scope, name)
    if users:
        raise TemplateError(f"Export {name} cannot be {verb} as it is in use by {', '.join(users)}")


def check_deletable(tx: Transaction, scope: Scope, stack: Stack) -> None:
    for export in EXPORTS_OF_STACK.scan(tx, scope, stack.id):
        _check_unused(tx, scope, export.name, "deleted")


def put_imports(tx: Transaction, scope: Scope, stack: Stack, names: set[str]) -> None:
    for old in list(IMPORTS_OF_STACK.scan(tx, scope, stack.id)):
        if old.name not in names:
            IMPORTS.lock(tx, scope, old.name, stack.id)
            IMPORTS.delete(tx, scope, old)
    for name in names:
        if IMPORTS.open(tx, scope, name, stack.id) is None:
            IMPORTS.insert(tx, scope, Import(name, stack.id, stack.name))


def drop_all(tx: Transaction, scope: Scope, stack: Stack) -> None:
    put_exports(tx, scope, stack, [])
    put_imports(tx, scope, stack, set())
