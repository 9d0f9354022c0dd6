"""Identifiers, ARNs and pages: what all of CloudWatch Logs' resources share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from mrak.auth.principals import Principal, service_principal
from mrak.core.arn import arn
from mrak.core.context import Transaction
from mrak.core.page import find_position, take_page
from mrak.core.scope import Scope
from mrak.services.logs import errors
from mrak.services.logs.tables import GROUPS, Group

T = TypeVar("T")

_PAGE = 50
_LONGEST_NAME = 512


def group_arn(scope: Scope, name: str) -> str:
    return arn(scope, "logs", f"log-group:{name}")


def service(scope: Scope, group: str) -> Principal:
    """CloudWatch Logs, acting for a log group."""
    return service_principal(f"logs.{scope.region}.amazonaws.com", scope.account, f"{group_arn(scope, group)}:*")


def stream_arn(scope: Scope, group: str, stream: str) -> str:
    return arn(scope, "logs", f"log-group:{group}:log-stream:{stream}")


def name_in(identifier: str) -> str:
    """The name of the group that a name or an ARN (with or without `:*`) stands for."""
    if not identifier.startswith("arn:"):
        return identifier
    return identifier.partition(":log-group:")[2].removesuffix(":*").partition(":log-stream:")[0]


def group_of(req: dict[str, Any]) -> str:
    """The group that a request names, by its name or its identifier."""
    name, identifier = req.get("logGroupName"), req.get("logGroupIdentifier")
    if name is not None and identifier is not None:
        raise errors.invalid_parameter("LogGroup name and LogGroup ARN are mutually exclusive parameters.")
    if name is None and identifier is None:
        raise errors.invalid_parameter("Either LogGroup name or LogGroup ARN must be specified.")
    return str(name) if name is not None else name_in(str(identifier))


def check_name(name: str) -> None:
    """The model's limit, in the service's own words."""
    if not 1 <= len(name) <= _LONGEST_NAME:
        raise errors.invalid_name_length()


def require_group(tx: Transaction, scope: Scope, name: str) -> Group:
    check_name(name)
    found = GROUPS.get(tx, scope, name)
    if found is None:
        raise errors.group_not_found()
    return found


def open_group(tx: Transaction, scope: Scope, name: str) -> Group:
    check_name(name)
    found = GROUPS.open(tx, scope, name)
    if found is None:
        raise errors.group_not_found()
    return found


def token_position(req: dict[str, Any]) -> str | None:
    """Where a listing goes on."""
    if "nextToken" not in req:
        return None
    position = find_position(req["nextToken"])
    if position is None:
        raise errors.invalid_token()
    return position


def page_of(
    req: dict[str, Any], member: str, rows: Iterable[T], position: Callable[[T], str], render: Callable[[T], Any]
) -> dict[str, Any]:
    """One page of a listing in the service's shape."""
    page, token = take_page(rows, req.get("limit", _PAGE), position)
    answer: dict[str, Any] = {member: [render(row) for row in page]}
    return answer | ({"nextToken": token} if token is not None else {})
