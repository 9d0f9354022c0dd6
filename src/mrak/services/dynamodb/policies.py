"""Documents of resource policies: checked, and brought into the one form in which AWS keeps them. Pure."""

from __future__ import annotations

import json
import re
from typing import Any

from mrak.core.arn import find_arn
from mrak.core.errors import ApiError
from mrak.services.dynamodb import errors

_MOST_POLICY_BYTES = 20_480
_DOCUMENT = ("Version", "Id", "Statement")
_STREAM_ACTIONS = frozenset({"describestream", "getrecords", "getsharditerator"})
_OWN_ACTIONS = frozenset({"putresourcepolicy", "getresourcepolicy", "deleteresourcepolicy"})
# None of accounts, of backups, exports and imports, nor the names of PartiQL's operations:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/rbac-iam-actions.html
_OF_TABLES = """
associatetablereplica batchgetitem batchwriteitem conditioncheckitem createbackup createtablereplica deleteitem
deletetable deletetablereplica describecontinuousbackups describecontributorinsights
describekinesisstreamingdestination describetable describetablereplicaautoscaling describetimetolive
disablekinesisstreamingdestination enablekinesisstreamingdestination exporttabletopointintime getitem
listtagsofresource partiqldelete partiqlinsert partiqlselect partiqlupdate putitem query readdataforreplication
replicatesettings restoretabletopointintime scan startawsbackupjob tagresource transactgetitems transactwriteitems
untagresource updatecontinuousbackups updatecontributorinsights updateglobaltableversion updateitem
updatekinesisstreamingdestination updatetable updatetablereplicaautoscaling updatetimetolive writedataforreplication
"""
_TABLE_ACTIONS = frozenset(_OF_TABLES.split())
_BARE_PRINCIPAL = re.compile(r'"Principal"\s*:\s*"[^"*]*"')
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


def normalise(text: str, is_stream: bool = False) -> str:
    """The document as AWS keeps it; raises what AWS has against it as a policy of a table, or of a stream."""
    document = _parse(text)
    for statement in document["Statement"]:
        _check_principal(text, statement)
        _check_resources(statement, is_stream)
        _check_actions(statement, is_stream)
        _check_bounds(statement)
    return _normal(document)


def shown(policy: str) -> str:
    """The document as AWS gives it back: with a version, even where it was kept without."""
    document = {"Version": "2008-10-17", **json.loads(policy)}
    return _text({name: document[name] for name in _DOCUMENT if name in document})


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


def _check_principal(text: str, statement: dict[str, Any]) -> None:
    principal = statement.get("Principal")
    if isinstance(principal, str) and principal != "*":
        found = _BARE_PRINCIPAL.search(text)
        end = len(text) if found is None else found.end()
        line, column = text.count("\n", 0, end) + 1, end - text.rfind("\n", 0, end)
        raise _malformed(f"Syntax error at position ({line},{column})")


def _check_resources(statement: dict[str, Any], is_stream: bool) -> None:
    for resource in _strings(statement.get("Resource")):
        parts = find_arn(resource)
        if parts is None or not parts.resource.startswith("table/"):
            continue
        if ("/stream/" in parts.resource) != is_stream:
            raise _malformed(f'The relative-id "{parts.resource}" is invalid for ARN "{resource}"')


def _check_actions(statement: dict[str, Any], is_stream: bool) -> None:
    right = _OWN_ACTIONS | (_STREAM_ACTIONS if is_stream else _TABLE_ACTIONS)
    wrong = []
    for action in _strings(statement.get("Action")):
        verb = action.lower().removeprefix("dynamodb:")
        is_exact = "*" not in verb and "?" not in verb
        if is_exact and verb not in right:
            wrong.append(f'"{action}"')
    if wrong:
        raise _malformed(f"The following action names are invalid: {', '.join(wrong)}")


def _check_bounds(statement: dict[str, Any]) -> None:
    """Nobody allows something to everyone, unless on a condition."""
    principal = statement.get("Principal")
    everyone = principal == "*" or (isinstance(principal, dict) and "*" in _strings(principal.get("AWS")))
    if everyone and str(statement.get("Effect")).lower() == "allow" and not statement.get("Condition"):
        raise errors.invalid(
            "Resource-based policy grants unbounded access in one or more elements. Please revise the policy to ensure "
            "least-privilege form of access"
        )


def _strings(value: Any) -> list[str]:
    return [it for it in (value if isinstance(value, list) else [value]) if isinstance(it, str)]


def _malformed(why: str) -> ApiError:
    return errors.invalid_parameter(f"Invalid policy document: {why}")


def _normal(document: dict[str, Any]) -> str:
    """The document in one order, with lists of one as their element."""
    kept = {**document, "Statement": [_normal_statement(statement) for statement in document["Statement"]]}
    return _text({name: kept[name] for name in _DOCUMENT if name in kept})


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


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
