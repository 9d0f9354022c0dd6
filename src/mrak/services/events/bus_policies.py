"""Policies of buses: what PutPermission takes, in AWS's words, and the one form in which a bus keeps it. Pure.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus-perms.html
"""

from __future__ import annotations

import json
import re
from typing import Any

from mrak.core.scope import Scope
from mrak.services.events import buses, errors
from mrak.services.events.tables import Bus

_STATEMENT_FIELDS = ("Sid", "Effect", "Principal", "Action", "Resource")
_EXCLUDABLE = ("Principal", "Action", "Resource")
_BRIEF = ("Action", "Principal", "StatementId", "Condition")
_BETWEEN = re.compile(r"[\s,:]*")
_OPENING = re.compile(r"\s*\{\s*")
_LIST_OPENING = re.compile(r"(?:\[\s*)?")
_ACCOUNT = re.compile(r"[0-9]{12}")
_ORGANISATION = re.compile(r"o-[a-z0-9]{10,32}")
_VENDOR = "events:"

Document = dict[str, Any]


def render(policy: Document) -> str:
    return json.dumps(policy, separators=(",", ":"))


def with_statement(scope: Scope, bus: Bus, req: dict[str, Any]) -> Document:
    """The bus's policy with one more statement, which takes the place of another of its id."""
    for member in ("Action", "Principal", "StatementId"):
        if not req.get(member):
            raise errors.validation(f"Parameter(s) {member} must be specified.")
    if req["Action"] != "events:PutEvents":
        raise errors.unsupported_value("action")
    principal = req["Principal"]
    statement: Document = {
        "Sid": req["StatementId"],
        "Effect": "Allow",
        "Principal": "*" if principal == "*" else {"AWS": _root(scope, principal)},
        "Action": req["Action"],
        "Resource": buses.bus_arn(scope, bus.name),
    }
    if "Condition" in req:
        statement["Condition"] = _condition(req["Condition"])
    empty: Document = {"Version": "2012-10-17", "Statement": []}
    policy = json.loads(bus.policy) if bus.policy else empty
    others = [other for other in policy["Statement"] if other.get("Sid") != req["StatementId"]]
    return {**policy, "Statement": [*others, statement]}


def _root(scope: Scope, account: str) -> str:
    return f"arn:{scope.partition}:iam::{account}:root"


def _condition(given: dict[str, str]) -> Document:
    """Only an organisation can be asked for."""
    if given["Type"] != "StringEquals":
        raise errors.unsupported_value("condition.type")
    if given["Key"] != "aws:PrincipalOrgID":
        raise errors.unsupported_value("condition.key")
    if not _ORGANISATION.fullmatch(given["Value"]):
        raise errors.validation("Provided value in parameter 'condition.value' is invalid.")
    return {given["Type"]: {given["Key"]: given["Value"]}}


def read(scope: Scope, bus: Bus, req: dict[str, Any], actions: frozenset[str]) -> Document:
    """The whole policy of a request as it is kept. `actions` are those that there are, in lower case."""
    if any(member in req for member in _BRIEF):
        names = "Action, Principal, StatementId and Condition"
        raise errors.validation(f"{names} could not be combined with Policy parameter.")
    text = req["Policy"]
    document = _parse(text)
    statements = document["Statement"]
    for statement in statements:
        _check_fields(statement)
    seen: set[str] = set()
    for number, statement in enumerate(statements):
        why = _find_fault(statement, seen, actions)
        if why is not None:
            raise errors.validation(f"Invalid statement at {_find_place(text, number)}: {why}")
        seen.add(statement["Sid"])
        _check_resources(buses.bus_arn(scope, bus.name), statement)
    return {**document, "Statement": [_with_roots(scope, statement) for statement in statements]}


def _parse(text: str) -> Document:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise errors.validation("This policy contains invalid Json") from None
    if document is None:
        raise errors.validation("This text appears not to be a policy")
    if not isinstance(document, dict):
        raise errors.validation("This policy contains invalid Json")
    for field in ("Version", "Statement"):
        if field not in document:
            raise errors.validation(f"Missing required field {field}")
    statements = document["Statement"]
    if statements == []:
        raise errors.validation("Could not parse the policy: Statement is empty!")
    return {**document, "Statement": statements if isinstance(statements, list) else [statements]}


def _check_fields(statement: Any) -> None:
    if not isinstance(statement, dict):
        raise errors.validation("This policy contains invalid Json")
    for field in _STATEMENT_FIELDS:
        if field not in statement and not (field in _EXCLUDABLE and f"Not{field}" in statement):
            raise errors.validation(f"Missing required field {field}")
    if not isinstance(statement["Sid"], str):
        raise errors.validation("This policy contains invalid Json")


def _find_fault(statement: Document, seen: set[str], actions: frozenset[str]) -> str | None:
    if statement["Sid"] in seen:
        return "The Statement Ids in the policy are not unique"
    given = _strings(statement.get("Action", statement.get("NotAction")))
    if not all(action == "*" or action.lower().startswith(_VENDOR) for action in given):
        return "Action field includes AWS services that are inconsistent with specified vendor"
    unknown = [f'"{action}"' for action in given if not _is_known(action.lower().removeprefix(_VENDOR), actions)]
    return f"The following action names are invalid: {', '.join(unknown)}" if unknown else None


def _find_place(text: str, number: int) -> str:
    """Where in a document its nth statement begins; of several members of that name the last one counts."""
    decoder, start, at = json.JSONDecoder(), 0, _skip(_OPENING, text, 0)
    while text[at] != "}":
        name, end = decoder.raw_decode(text, at)
        at = _skip(_BETWEEN, text, end)
        start = at if name == "Statement" else start
        at = _skip(_BETWEEN, text, decoder.raw_decode(text, at)[1])
    at = _skip(_LIST_OPENING, text, start)
    for _ in range(number):
        at = _skip(_BETWEEN, text, decoder.raw_decode(text, at)[1])
    return f"line {text.count(chr(10), 0, at) + 1} column {at - text.rfind(chr(10), 0, at)}"


def _skip(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _is_known(action: str, actions: frozenset[str]) -> bool:
    return "*" in action or "?" in action or action in actions


def _check_resources(bus_arn: str, statement: Document) -> None:
    for resource in _strings(statement.get("Resource", statement.get("NotResource"))):
        relative = resource.split(":", 5)[-1]
        if relative.startswith("event-bus/") and "*" not in resource and resource != bus_arn:
            raise errors.validation(f'The relative-id "{relative}" is invalid for ARN "{resource}"')


def _with_roots(scope: Scope, statement: Document) -> Document:
    """AWS keeps accounts as the ARNs of their roots."""
    principal = statement.get("Principal")
    if not isinstance(principal, dict) or "AWS" not in principal:
        return statement
    named = principal["AWS"]
    roots = [_root(scope, each) if _ACCOUNT.fullmatch(each) else each for each in _strings(named)]
    if not roots:
        raise errors.validation("This policy contains invalid Json")
    return {**statement, "Principal": {**principal, "AWS": roots if isinstance(named, list) else roots[0]}}


def _strings(value: Any) -> list[str]:
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]
