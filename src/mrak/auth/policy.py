"""IAM policy documents: validated and compiled once by their text.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html

`parse_policy` refuses what AWS refuses, in AWS's words (code MalformedPolicyDocument; services with a code of their
own word it anew). Evaluation is `mrak.auth.evaluation`.

Invariant: a parsed policy is immutable and knows nothing of who holds it, so one serves all that share its text.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final, Literal

import msgspec

from mrak.auth.conditions import Condition, ConditionError, compile_conditions
from mrak.auth.matching import Pattern, compile_pattern
from mrak.core.errors import ApiError

PolicyKind = Literal["managed", "inline", "session", "trust", "resource"]

CURRENT: Final = "2012-10-17"
OLD: Final = "2008-10-17"
SYNTAX: Final = "Syntax errors in policy."

_TOP: Final = frozenset({"Version", "Id", "Statement"})
_FIELDS: Final = frozenset(
    {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition", "Principal", "NotPrincipal"}
)
_SID: Final = re.compile(r"[A-Za-z0-9]*").fullmatch
_VENDOR: Final = re.compile(r"[A-Za-z0-9*?.-]+").fullmatch
_PARTITIONS: Final = frozenset({"aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-eusc", "*"})
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


def malformed(message: str) -> ApiError:
    return ApiError("MalformedPolicyDocument", message, 400)


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
    if not isinstance(document, dict) or not _TOP.issuperset(document):
        raise malformed(SYNTAX)
    version = document.get("Version", OLD)
    if version not in (CURRENT, OLD):
        raise malformed(SYNTAX if kind == "resource" else f"Policy document must be version {CURRENT} or greater.")
    if kind == "managed" and version != CURRENT:
        raise malformed(f"Policy document must be version {CURRENT} or greater.")
    raw = document.get("Statement")
    if isinstance(raw, dict):
        raw = [raw]
    if not isinstance(raw, list) or not all(isinstance(statement, dict) for statement in raw):
        raise malformed(SYNTAX)
    if not raw and kind != "resource":
        raise malformed(SYNTAX)
    statements = tuple(_statement(index, each, kind, version == CURRENT) for index, each in enumerate(raw))
    sids = [statement.sid for statement in statements if statement.sid]
    if len(set(sids)) != len(sids):
        raise malformed("Statement IDs (SID) in a single policy must be unique.")
    return Policy(version, statements)


def _statement(index: int, raw: dict[str, Any], kind: PolicyKind, with_variables: bool) -> Statement:
    if not _FIELDS.issuperset(raw) or raw.get("Effect") not in ("Allow", "Deny"):
        raise malformed(SYNTAX)
    sid = raw.get("Sid") or ""
    if not isinstance(sid, str):
        raise malformed(SYNTAX)
    if kind != "resource" and not _SID(sid):
        raise malformed(
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression "
            "[A-Za-z0-9]*"
        )
    _check_fields(raw, kind)
    actions, is_not_action = _either(raw, "Action", "NotAction")
    if not actions:
        raise malformed("Policy statement must contain actions.")
    for action in actions:
        _check_action(action, kind)
    resources, is_not_resource = _either(raw, "Resource", "NotResource")
    if kind in ("managed", "inline", "session"):
        if not resources:
            raise malformed("Policy statement must contain resources.")
        for resource in resources:
            _check_resource(resource)
    principals, is_not_principal = _principals(raw)
    try:
        conditions = compile_conditions(raw.get("Condition", {}), with_variables)
    except ConditionError as error:
        raise malformed(str(error) if kind == "resource" else SYNTAX) from None
    return Statement(
        index,
        sid,
        raw["Effect"] == "Allow",
        tuple(compile_pattern(action.lower(), False) for action in actions),
        is_not_action,
        tuple(compile_pattern(resource, with_variables) for resource in resources) if resources else None,
        is_not_resource,
        principals,
        is_not_principal,
        conditions,
    )


def _check_fields(raw: dict[str, Any], kind: PolicyKind) -> None:
    has_principal = "Principal" in raw or "NotPrincipal" in raw
    if kind in ("managed", "inline", "session"):
        if has_principal:
            raise malformed("Policy document should not specify a principal.")
        return
    if kind == "trust":
        for name in ("Resource", "NotResource"):
            if name in raw:
                raise malformed(f"Has prohibited field {name}")
    if not has_principal:
        raise malformed("Missing required field Principal" if kind == "trust" else SYNTAX)


def _either(raw: dict[str, Any], name: str, negated: str) -> tuple[list[str], bool]:
    """The strings of an element that has a negated twin, and whether it was the twin."""
    if name in raw and negated in raw:
        raise malformed(SYNTAX)
    is_negated = negated in raw
    values = raw.get(negated if is_negated else name, [])
    if isinstance(values, str):
        return [values], is_negated
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise malformed(SYNTAX)
    return values, is_negated


def _check_action(action: str, kind: PolicyKind) -> None:
    if kind == "trust":
        if not (action.lower().startswith("sts:") or action == "*"):
            raise malformed("AssumeRole policy may only specify STS AssumeRole actions.")
        return
    if action == "*" or kind == "resource":
        return
    vendor, colon, name = action.partition(":")
    if not colon:
        raise malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
    if ":" in name:
        raise malformed("Actions/Condition can contain only one colon.")
    if not _VENDOR(vendor):
        raise malformed(f"Vendor {vendor} is not valid")


def _check_resource(resource: str) -> None:
    if resource == "*" or set(resource) == {"*"}:
        return
    parts = resource.split(":", 5)
    if parts[0] != "arn":
        raise malformed(f'Resource {resource} must be in ARN format or "*".')
    if len(parts) > 1 and not _known_partition(parts[1]):
        raise malformed(f'Partition "{parts[1]}" is not valid for resource "{resource}".')
    if len(parts) < 6 and "*" not in resource:
        raise malformed("The policy failed legacy parsing")
    if len(parts) > 2 and parts[2] == "iam" and len(parts) > 3 and parts[3] not in ("", "*"):
        raise malformed(f"IAM resource {resource} cannot contain region information.")


def _known_partition(partition: str) -> bool:
    return partition in _PARTITIONS or "*" in partition or "${" in partition


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
