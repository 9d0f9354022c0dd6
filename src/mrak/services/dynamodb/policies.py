"""Documents of resource policies: checked, and brought into the one form in which AWS keeps them. Pure."""

from __future__ import annotations

import json
from typing import Any

from mrak.core.errors import ApiError
from mrak.services.dynamodb import errors

_MOST_POLICY_BYTES = 20_480
_DOCUMENT = ("Version", "Id", "Statement")
_STATEMENT = (
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
)


def normalise(text: str) -> str:
    """The document as AWS gives it back; raises what AWS has against it."""
    return _normal(_parse(text))


def _parse(text: str) -> dict[str, Any]:
    if len(text.encode()) > _MOST_POLICY_BYTES:
        raise errors.invalid_parameter(f"Maximum policy size of {_MOST_POLICY_BYTES} bytes exceeded")
    try:
        document = json.loads(text)
    except ValueError:
        raise _malformed("This policy contains invalid Json") from None
    if document is None:
        raise _malformed("This text appears not to be a policy")
    if not isinstance(document, dict):
        raise _malformed("This policy contains invalid Json")
    if not document:
        raise _malformed("Syntax error at position (1,3)")
    if "Statement" not in document:
        raise _malformed("Missing required field Statement")
    statements = document["Statement"]
    document["Statement"] = statements = statements if isinstance(statements, list) else [statements]
    if not statements:
        raise _malformed("Could not parse the policy: Statement is empty!")
    for statement in statements:
        _check_statement(statement)
    names = [statement["Sid"] for statement in statements if "Sid" in statement]
    if len(set(names)) != len(names):
        raise _malformed("The Statement Ids in the policy are not unique")
    return document


def _check_statement(statement: Any) -> None:
    if not isinstance(statement, dict):
        raise _malformed("This policy contains invalid Json")
    for field in ("Effect", "Principal", "Action", "Resource"):
        if field not in statement and f"Not{field}" not in statement:
            raise _malformed(f"Missing required field {field}")


def _malformed(why: str) -> ApiError:
    return errors.invalid_parameter(f"Invalid policy document: {why}")


def _normal(document: dict[str, Any]) -> str:
    """The document as AWS keeps it: minified, in one order, lists of one as their element."""
    shown = {"Version": "2008-10-17", **document}
    shown["Statement"] = [_normal_statement(statement) for statement in document["Statement"]]
    ordered = {name: shown[name] for name in _DOCUMENT if name in shown}
    return json.dumps(ordered, separators=(",", ":"), ensure_ascii=False)


def _normal_statement(statement: dict[str, Any]) -> dict[str, Any]:
    out = {name: _single(statement[name]) for name in _STATEMENT if name in statement}
    out["Effect"] = str(out.get("Effect", "")).capitalize()
    principal = out.get("Principal")
    if isinstance(principal, dict):
        out["Principal"] = {
            kind: _single(_as_roots(who)) if kind == "AWS" else _single(who) for kind, who in principal.items()
        }
    return out


def _single(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _as_roots(who: Any) -> Any:
    """Account ids as the ARNs of their roots."""
    names = who if isinstance(who, list) else [who]
    roots = [f"arn:aws:iam::{name}:root" if isinstance(name, str) and name.isdigit() else name for name in names]
    return [name for place, name in enumerate(roots) if name not in roots[:place]]
