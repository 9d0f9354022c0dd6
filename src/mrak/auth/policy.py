"""IAM policy documents: validated and compiled once by their text.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html

`parse_policy` refuses what AWS refuses, in AWS's words (code MalformedPolicyDocument; services with a code of their
own word it anew). Evaluation is `mrak.auth.evaluation`.

Invariant: a parsed policy is immutable and knows nothing of who holds it, so one serves all that share its text.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

import msgspec

from mrak.auth.conditions import Condition, ConditionError, compile_conditions
from mrak.auth.grammar import (
    CURRENT,
    FIELDS,
    OLD,
    SYNTAX,
    TOP,
    PolicyKind,
    check_document,
    is_strings,
    malformed,
    strings,
)
from mrak.auth.matching import Pattern, compile_pattern

_PRINCIPAL_TYPES: Final = frozenset({"AWS", "Service", "Federated", "CanonicalUser"})


class Statement(msgspec.Struct, frozen=True):
    """One statement, ready to evaluate. `principals` is None where the document has no such element."""

    index: int
    sid: str
    allows: bool
    actions: tuple[Pattern, ...]
    is_not_action: bool
    resources: tuple[Pattern, ...] | None
    is_not_resource: bool
    principals: tuple[tuple[str, str], ...] | None
    is_not_principal: bool
    conditions: tuple[Condition, ...]

    @property
    def label(self) -> str:
        """Its Sid, or its place counted from one."""
        return self.sid or f"statement {self.index + 1}"


class Policy(msgspec.Struct, frozen=True):
    """A compiled document."""

    version: str
    statements: tuple[Statement, ...]


def parse_policy(document: str | dict[str, Any], kind: PolicyKind = "resource") -> Policy:
    """The compiled policy; raises MalformedPolicyDocument with AWS's message."""
    if isinstance(document, str):
        return _parse_text(document, kind)
    return _parse(document, kind)


@lru_cache(maxsize=2048)
def _parse_text(text: str, kind: PolicyKind) -> Policy:
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise malformed("This policy contains invalid Json" if kind == "trust" else SYNTAX) from None
    return _parse(document, kind)


def _parse(document: Any, kind: PolicyKind) -> Policy:
    if not isinstance(document, dict) or not TOP.issuperset(document) or not isinstance(document.get("Id", ""), str):
        raise malformed(SYNTAX)
    version = document.get("Version", OLD)
    if version not in (CURRENT, OLD):
        raise malformed(SYNTAX)
    raw = document.get("Statement")
    if isinstance(raw, dict):
        raw = [raw]
    if not isinstance(raw, list) or not all(isinstance(statement, dict) for statement in raw):
        raise malformed(SYNTAX)
    if kind == "resource":
        for statement in raw:
            _check_resource_policy(statement)
    elif not raw:
        raise malformed(SYNTAX)
    else:
        check_document(document, raw, kind)
    statements = tuple(_statement(index, each, kind, version == CURRENT) for index, each in enumerate(raw))
    sids = [statement.sid for statement in statements if statement.sid]
    if len(set(sids)) != len(sids):
        raise malformed("Statement IDs (SID) in a single policy must be unique.")
    return Policy(version, statements)


def _check_resource_policy(raw: dict[str, Any]) -> None:
    """What each service's policies have in common; the services have rules and words of their own."""
    if not FIELDS.issuperset(raw) or raw.get("Effect") not in ("Allow", "Deny"):
        raise malformed(SYNTAX)
    if not isinstance(raw.get("Sid") or "", str):
        raise malformed(SYNTAX)
    if "Principal" not in raw and "NotPrincipal" not in raw:
        raise malformed(SYNTAX)


def _statement(index: int, raw: dict[str, Any], kind: PolicyKind, with_variables: bool) -> Statement:
    actions, is_not_action = _either(raw, "Action", "NotAction")
    if not actions:
        raise malformed("Policy statement must contain actions.")
    resources, is_not_resource = _either(raw, "Resource", "NotResource")
    principals, is_not_principal = _principals(raw)
    try:
        conditions = compile_conditions(raw.get("Condition", {}), with_variables, denies=raw["Effect"] == "Deny")
    except ConditionError as error:
        raise malformed(str(error) if kind == "resource" else SYNTAX) from None
    return Statement(
        index,
        raw.get("Sid") or "",
        raw["Effect"] == "Allow",
        tuple(compile_pattern(action.lower(), False) for action in actions),
        is_not_action,
        tuple(compile_pattern(resource, with_variables) for resource in resources) if resources else None,
        is_not_resource,
        principals,
        is_not_principal,
        conditions,
    )


def _either(raw: dict[str, Any], name: str, negated: str) -> tuple[list[str], bool]:
    """The strings of an element that has a negated twin, and whether it was the twin."""
    if name in raw and negated in raw:
        raise malformed(SYNTAX)
    name = negated if negated in raw else name
    if not is_strings(raw.get(name, [])):
        raise malformed(SYNTAX)
    return strings(raw, name), name == negated


def _principals(raw: dict[str, Any]) -> tuple[tuple[tuple[str, str], ...] | None, bool]:
    if "Principal" in raw and "NotPrincipal" in raw:
        raise malformed(SYNTAX)
    is_not = "NotPrincipal" in raw
    value = raw.get("NotPrincipal" if is_not else "Principal")
    if value is None:
        return None, False
    if value == "*":
        return (("AWS", "*"),), is_not
    if not isinstance(value, dict) or not value:
        raise malformed("Invalid principal in policy")
    out: list[tuple[str, str]] = []
    for kind, entries in value.items():
        if kind not in _PRINCIPAL_TYPES:
            raise malformed(f'Invalid principal in policy: "{kind}"')
        for entry in [entries] if isinstance(entries, str) else entries if isinstance(entries, list) else [None]:
            if not isinstance(entry, str) or not entry or (kind == "AWS" and not _is_aws_principal(entry)):
                raise malformed(f'Invalid principal in policy: "{kind}":"{entry}"')
            out.append((kind, entry))
    return tuple(out), is_not


_AWS_PRINCIPAL: Final = re.compile(
    r"\*|[0-9]{12}|(?:AIDA|AROA)[A-Z0-9]{8,124}|arn:aws[a-z-]*:(?:iam|sts)::[0-9]{12}:[^*]+|"
    r"arn:aws[a-z-]*:(?:iam|sts)::cloudfront:user/CloudFront Origin Access Identity \S+"
).fullmatch


def _is_aws_principal(text: str) -> bool:
    return _AWS_PRINCIPAL(text) is not None
