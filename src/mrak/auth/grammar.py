"""What IAM accepts as a policy of an identity or as a trust policy, and in which order it looks.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html

IAM reads the whole document several times, so a mistake in the last statement can hide one in the first: its shape,
its version, what its older parser refuses (the case of Effect, dates, ARNs cut short), Sids, actions, and the services
of resources and actions. Each reading is a function here, in that order.

Invariant: nothing here says what a policy means; `mrak.auth.policy` compiles what passed.
"""

from __future__ import annotations

import re
from typing import Any, Final, Literal

from mrak.auth.conditions import ConditionError, compile_conditions
from mrak.core.errors import ApiError

PolicyKind = Literal["managed", "inline", "session", "trust", "resource"]

CURRENT: Final = "2012-10-17"
OLD: Final = "2008-10-17"
SYNTAX: Final = "Syntax errors in policy."
LEGACY: Final = "The policy failed legacy parsing"

TOP: Final = frozenset({"Version", "Id", "Statement"})
FIELDS: Final = frozenset(
    {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition", "Principal", "NotPrincipal"}
)
_SID: Final = re.compile(r"[A-Za-z0-9]*").fullmatch
_VENDOR: Final = re.compile(r"[A-Za-z0-9*?.-]+").fullmatch
_PARTITIONS: Final = frozenset({"aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-eusc", "*"})
_IAM_PATHS: Final = (
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
)
# What has a region in S3's ARNs: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
_REGIONAL_S3: Final = ("accesspoint/", "access-grants/", "async-request/", "job/", "storage-lens")
_DATE: Final = re.compile(
    r"(-?\d{1,9})(?:-(\d{1,2})(?:-(\d{1,2}))?)?"
    r"(?:t(?:(\d{1,2})(?::(\d{1,2})(?::(\d{1,2})(?:\.\d{1,9})?(?:z|[+-]([01]\d|2[0-3])(?::?[0-5]\d)?)?)?)?)?)?",
    re.IGNORECASE,
).fullmatch
# Months, days, hours, minutes and seconds, by the groups of `_DATE`.
_DATE_RANGES: Final = ((1, 12), (1, 31), (0, 23), (0, 59), (0, 59))
_LATEST_EPOCH: Final = 2**63 - 1


def malformed(message: str) -> ApiError:
    return ApiError("MalformedPolicyDocument", message, 400)


def check_document(document: dict[str, Any], statements: list[dict[str, Any]], kind: PolicyKind) -> None:
    """Raises MalformedPolicyDocument for the first reading that finds something; all but resource policies."""
    for statement in statements:
        _check_shape(statement)
    if kind == "managed" and document.get("Version") != CURRENT:
        raise malformed(f"Policy document must be version {CURRENT} or greater.")
    for statement in statements:
        _check_legacy(statement, kind)
    in_resources = _find_in_resources(statements)
    _check_sids(statements)
    for statement in statements:
        if not strings(statement, "Action") and not strings(statement, "NotAction"):
            raise malformed("Policy statement must contain actions.")
    if in_resources is not None:
        raise malformed(in_resources)
    if kind == "trust":
        for statement in statements:
            _check_trust(statement)
        return
    for statement in statements:
        for action in (*strings(statement, "Action"), *strings(statement, "NotAction")):
            _check_action(action)
    for statement in statements:
        if "Principal" in statement or "NotPrincipal" in statement:
            raise malformed("Policy document should not specify a principal.")
        if not strings(statement, "Resource") and not strings(statement, "NotResource"):
            raise malformed("Policy statement must contain resources.")


def strings(statement: dict[str, Any], name: str) -> list[str]:
    """The strings of an element; AWS skips nulls among them."""
    value = statement.get(name, [])
    return [value] if isinstance(value, str) else [each for each in value if each is not None]


def is_strings(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, list) and all(each is None or isinstance(each, str) for each in value)
    )


def _check_shape(statement: dict[str, Any]) -> None:
    effect = statement.get("Effect")
    both = any(name in statement and f"Not{name}" in statement for name in ("Action", "Resource", "Principal"))
    named = ("Action", "NotAction", "Resource", "NotResource")
    if (
        not FIELDS.issuperset(statement)
        or not isinstance(effect, str)
        or effect.lower() not in ("allow", "deny")
        or not isinstance(statement.get("Sid", ""), str)
        or both
        or not all(is_strings(statement[name]) for name in named if name in statement)
        or not _is_condition(statement.get("Condition", {}))
    ):
        raise malformed(SYNTAX)


def _is_condition(block: Any) -> bool:
    try:
        compile_conditions(block, with_variables=True)
    except ConditionError:
        return False
    return True


def _check_legacy(statement: dict[str, Any], kind: PolicyKind) -> None:
    if statement["Effect"] not in ("Allow", "Deny"):
        raise malformed(LEGACY)
    if kind == "session":
        return
    for operator, keys in statement.get("Condition", {}).items():
        if not operator.rpartition(":")[2].startswith("Date"):
            continue
        for value in keys.values():
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, str) and "${" not in each and not is_date(each):
                    raise malformed(LEGACY)


def is_date(text: str) -> bool:
    """Whether a date condition takes it: ISO 8601 in any length, or seconds since 1970."""
    if text.isascii() and text.isdigit():
        return int(text) <= _LATEST_EPOCH
    match = _DATE(text) if "-" in text or "t" in text.lower() else None
    if match is None:
        return False
    parts = match.groups()[1:6]
    ranges = zip(parts, _DATE_RANGES, strict=True)
    return all(part is None or low <= int(part) <= high for part, (low, high) in ranges)


def _find_in_resources(statements: list[dict[str, Any]]) -> str | None:
    """The message about a resource that is no valid ARN; raises where the older parser already stumbles."""
    found: str | None = None
    for statement in statements:
        for name in ("Resource", "NotResource"):
            # AWS tells of the first in alphabetical order.
            for resource in sorted(strings(statement, name)):
                found = found or _wrong_with(resource)
            if found is None and any(map(_is_cut_short, strings(statement, name))):
                raise malformed(LEGACY)
    return found


def _wrong_with(resource: str) -> str | None:
    if set(resource) == {"*"}:
        return None
    _arn, *rest = resource.split(":", 5)
    if not rest:
        return f'Resource {resource} must be in ARN format or "*".'
    if not (rest[0] in _PARTITIONS or "*" in rest[0] or "${" in rest[0]):
        # Five parts, the last with the colons that are in it.
        parts = [*resource.split(":", 5)[1:], *["*"] * 4][:5]
        return f'Partition "{parts[0]}" is not valid for resource "arn:{":".join(parts)}".'
    if len(rest) == 1 and "*" not in rest[0]:
        return "Resource vendor must be fully qualified and cannot contain regexes."
    service, region, _, path = [*rest[1:], *[""] * 4][:4]
    if service == "iam":
        return _wrong_with_iam(resource, region, path)
    is_regional = "*" in region or "${" in region or path.startswith(_REGIONAL_S3)
    if service == "s3" and region and len(rest) == 5 and not is_regional:
        return f"Resource {resource} can not contain region information."
    return None


def _wrong_with_iam(resource: str, region: str, path: str) -> str | None:
    if region not in ("", "*"):
        return f"IAM resource {resource} cannot contain region information."
    if path and not path.startswith(_IAM_PATHS) and not _has_wildcard(path.partition("/")[0]):
        return f'IAM resource path must either be "*" or start with {", ".join(_IAM_PATHS)}.'
    return None


def _has_wildcard(text: str) -> bool:
    return any(mark in text for mark in ("*", "?", "${"))


def _is_cut_short(resource: str) -> bool:
    if set(resource) == {"*"} or "*" in resource:
        return False
    parts = resource.split(":")
    return ("::" in resource and len(parts) < 6) or (len(parts) > 2 and parts[2] == "")


def _check_sids(statements: list[dict[str, Any]]) -> None:
    sids = [sid for sid in (statement.get("Sid") for statement in statements) if sid]
    if len(set(sids)) != len(sids):
        raise malformed("Statement IDs (SID) in a single policy must be unique.")
    if not all(map(_SID, sids)):
        raise malformed(
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression "
            "[A-Za-z0-9]*"
        )


def _check_trust(statement: dict[str, Any]) -> None:
    for name in ("Resource", "NotResource"):
        if name in statement:
            raise malformed(f"Has prohibited field {name}")
    if "Principal" not in statement and "NotPrincipal" not in statement:
        raise malformed("Missing required field Principal")
    for action in (*strings(statement, "Action"), *strings(statement, "NotAction")):
        if not (action.lower().startswith("sts:") or action == "*"):
            raise malformed("AssumeRole policy may only specify STS AssumeRole actions.")


def _check_action(action: str) -> None:
    if action == "*":
        return
    vendor, colon, name = action.partition(":")
    if not colon:
        raise malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
    if ":" in name:
        raise malformed("Actions/Condition can contain only one colon.")
    if not _VENDOR(vendor):
        raise malformed(f"Vendor {vendor} is not valid")
