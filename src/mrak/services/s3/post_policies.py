"""The policy of a browser form: what may be uploaded with it.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from mrak.core.context import Context
from mrak.core.errors import ApiError
from mrak.protocol import times
from mrak.services.s3 import errors

# Fields that a policy need not speak of.
_FREE = frozenset(
    {
        "x-amz-signature", "file", "policy", "signature", "awsaccesskeyid", "x-amz-security-token", "submit",
        "x-amz-date", "x-amz-algorithm", "x-amz-credential",
    }
)  # fmt: skip
_MOST_BYTES = 5 << 30
_OPERATORS = ("eq", "starts-with", "content-length-range")
Span = tuple[int, int]


def check(ctx: Context, bucket: str, fields: dict[str, str]) -> Span:
    """(least, most) bytes that the file may have. Raises where the form is not what its policy allows."""
    if "policy" not in fields:
        if ctx.principal.account:
            message = "Bucket POST must contain a field named 'policy'.  If it is specified, please check the order of "
            raise errors.invalid_argument(message + "the fields.", "policy", "")
        return 0, _MOST_BYTES
    policy = _parse(fields["policy"])
    unknown = next((name for name in policy if name not in ("expiration", "conditions")), None)
    if unknown is not None:
        raise _invalid(f"Unexpected: '{unknown.lower()}'")
    expires = _parse_expiration(policy.get("expiration"))
    conditions = _parse_conditions(policy.get("conditions"))
    if expires <= ctx.now:
        raise errors.access_denied("Invalid according to Policy: Policy expired.")
    given = fields | {"bucket": bucket}
    named: set[str] = set()
    span = (0, _MOST_BYTES)
    for condition in conditions:
        span = _check_condition(condition, given, named, span)
    extra = next((name for name in given if name not in named | _FREE and not name.startswith("x-ignore-")), None)
    if extra is not None:
        raise errors.access_denied(f"Invalid according to Policy: Extra input fields: {extra}")
    return span


# --- reading ------------------------------------------------------------------------------------------------------


def _parse(text: str) -> dict[str, msgspec.Raw]:
    if not text:
        raise _invalid("Expecting '{' but found End-of-Input")
    try:
        document = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise _invalid("invalid Base64 encoding.") from None
    try:
        return msgspec.json.decode(document, type=dict[str, msgspec.Raw])
    except (UnicodeDecodeError, msgspec.DecodeError):
        raise _invalid("Invalid JSON.") from None


def _invalid(reason: str) -> ApiError:
    return errors.error("InvalidPolicyDocument", f"Invalid Policy: {reason}")


def _parse_expiration(raw: msgspec.Raw | None) -> float:
    if raw is None:
        raise _invalid("Policy missing expiration.")
    text = msgspec.json.decode(raw)
    if not isinstance(text, str):
        raise _invalid("Invalid JSON.")
    try:
        if "T" not in text:
            raise ValueError(text)
        return times.parse(text)
    except ValueError:
        raise _invalid(f"Invalid 'expiration' value: '{text}'") from None


def _parse_conditions(raw: msgspec.Raw | None) -> list[msgspec.Raw]:
    if raw is None:
        raise _invalid("Policy missing conditions.")
    try:
        return msgspec.json.decode(raw, type=list[msgspec.Raw])
    except msgspec.DecodeError:
        raise _invalid("Invalid 'conditions' value: must be a List.") from None


# --- conditions ---------------------------------------------------------------------------------------------------


def _check_condition(raw: msgspec.Raw, given: dict[str, str], named: set[str], span: Span) -> Span:
    """One condition; `named` learns which field it spoke of. Returns the span of sizes that is allowed by now."""
    condition = msgspec.json.decode(raw)
    if isinstance(condition, dict):
        _check_simple(condition, given, named)
        return span
    if not isinstance(condition, list):
        raise _invalid("Invalid condition test: must be a List or Object.")
    operator, subject, value = _parse_test(condition)
    if operator == "content-length-range":
        return _parse_span(raw, subject, value)
    if not isinstance(subject, str) or not isinstance(value, str):
        raise _invalid("Invalid JSON.")
    name = subject[1:].lower() if subject.startswith("$") else ""
    if name:
        named.add(name)
    # Without a dollar, it is no field that is compared, but the word itself.
    text = given.get(name, "") if name else subject
    holds = text == value if operator == "eq" else not name or _starts_with(name, text, value)
    if not holds:
        raise _failed(bytes(raw).decode())
    return span


def _check_simple(condition: dict[str, Any], given: dict[str, str], named: set[str]) -> None:
    if len(condition) != 1:
        raise _invalid("Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.")
    ((title, value),) = condition.items()
    if not isinstance(value, str):
        raise _invalid("Invalid Simple-Condition: value must be a string.")
    named.add(title.lower())
    if given.get(title.lower(), "") != value:
        # It is shown as the `eq` that it stands for.
        raise _failed(f'["eq", "${title}", "{value}"]')


def _parse_test(condition: list[Any]) -> tuple[str, Any, Any]:
    if not condition:
        raise _invalid("Invalid Condition: missing operation identifier.")
    operator = condition[0]
    if not isinstance(operator, str):
        raise _invalid("Invalid JSON.")
    if operator.lower() not in _OPERATORS:
        raise _invalid(f"Invalid Condition: unknown operation '{operator}'.")
    if len(condition) != 3:
        raise _invalid(f"Invalid {operator}: wrong number of arguments.")
    return operator.lower(), condition[1], condition[2]


def _starts_with(name: str, text: str, start: str) -> bool:
    """Of a Content-Type's list, each has to."""
    if name == "content-type":
        return all(each.strip().startswith(start) for each in text.split(","))
    return text.startswith(start)


def _parse_span(raw: msgspec.Raw, low: Any, high: Any) -> Span:
    if any(isinstance(each, bool) or not isinstance(each, int | str) for each in (low, high)):
        raise _invalid("Invalid JSON.")
    try:
        least, most = int(low), int(high)
    except ValueError:
        raise _failed(bytes(raw).decode()) from None
    if least < 0 or most < 0:
        raise _invalid("Invalid content-length-range condition.")
    return least, min(most, _MOST_BYTES)


def _failed(condition: str) -> ApiError:
    return errors.access_denied(f"Invalid according to Policy: Policy Condition failed: {condition}")
