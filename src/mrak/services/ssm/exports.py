"""What other services may use of the Parameter Store: a look-up of values, for templates."""

from __future__ import annotations

from mrak.core.context import Transaction
from mrak.core.scope import Scope
from mrak.services.ssm import parameters


def find_value(tx: Transaction, scope: Scope, selector: str) -> str | None:
    """The value of `name`, `name:version` or `name:label`; None where there is no such parameter."""
    found = parameters.find(tx, scope, selector)
    return None if found is None else found[0].value
