"""Policies of advanced parameters: they expire, and the default bus is told before that, or of a long time without a
change.

https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-policies.html
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from mrak.core.background import Timer
from mrak.core.context import Context, Transaction
from mrak.core.operation import timer
from mrak.core.scope import Scope
from mrak.services.ssm import changes, errors
from mrak.services.ssm.tables import PARAMETERS, VERSIONS, Version

DUE = "ssm.policy"
_MOST = 10
_LEAST_TOO_MANY = 8_760_000
_SECONDS = {"Days": 86_400.0, "Hours": 3600.0}
_EXPIRATION, _BEFORE, _UNCHANGED = "Expiration", "ExpirationNotification", "NoChangeNotification"
_ATTRIBUTES = {_EXPIRATION: {"Timestamp"}, _BEFORE: {"Before", "Unit"}, _UNCHANGED: {"After", "Unit"}}


def parse(text: str, tier: str) -> list[dict[str, Any]]:
    """The policies of a text, which has to be what they can be; `[{}]` is none."""
    try:
        found = [policy for policy in msgspec.json.decode(text or "[]", type=list[dict[str, Any]]) if policy]
    except (msgspec.DecodeError, RecursionError):
        raise errors.malformed_policies(text) from None
    if found and tier != "Advanced":
        raise errors.policies_of_a_standard_parameter()
    if len(found) > _MOST:
        raise errors.too_many_policies()
    for policy in found:
        _check(policy)
    found = [policy for at, policy in enumerate(found) if policy not in found[:at]]
    kinds = [policy["Type"] for policy in found]
    if kinds.count(_EXPIRATION) > 1 or (_BEFORE in kinds and _EXPIRATION not in kinds):
        raise errors.incompatible_policies()
    return found


def _check(policy: dict[str, Any]) -> None:
    kind, attributes = policy.get("Type"), policy.get("Attributes")
    if not isinstance(kind, str) or kind not in _ATTRIBUTES:
        raise errors.policy_type(str(kind))
    if not isinstance(attributes, dict) or set(attributes) != _ATTRIBUTES[kind]:
        raise errors.policy_attribute(f"The attributes of {kind} are {', '.join(sorted(_ATTRIBUTES[kind]))}.")
    for name in ("Before", "After"):
        if name in attributes:
            _check_count(name, str(attributes[name]))
    try:
        _due(policy, 0.0, 0.0)
    except (ValueError, KeyError, TypeError, OverflowError):
        raise errors.policy_attribute(f"The attributes of {kind} are not valid.") from None


def _check_count(name: str, text: str) -> None:
    if not re.fullmatch(r"-?[0-9]{1,9}", text) or int(text) >= _LEAST_TOO_MANY:
        raise errors.policy_attribute(f"Attribute {name} must be a positive integer smaller than {_LEAST_TOO_MANY} .")
    if int(text) <= 0:
        raise errors.policy_attribute(f"Attribute {name} must be a positive integer.")


def _moment(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _due(policy: dict[str, Any], expires_at: float, modified_at: float) -> float:
    attributes = policy["Attributes"]
    if policy["Type"] == _EXPIRATION:
        return _moment(str(attributes["Timestamp"]))
    if policy["Type"] == _BEFORE:
        return expires_at - int(attributes["Before"]) * _SECONDS[attributes["Unit"]]
    return modified_at + int(attributes["After"]) * _SECONDS[attributes["Unit"]]


def _moments(version: Version) -> list[tuple[dict[str, Any], float]]:
    """Each policy of a version, and when it is due."""
    found = [policy for policy in msgspec.json.decode(version.policies or "[]") if policy]
    ends = [_moment(policy["Attributes"]["Timestamp"]) for policy in found if policy["Type"] == _EXPIRATION]
    return [(policy, _due(policy, ends[0] if ends else 0.0, version.modified_at)) for policy in found]


def render(version: Version, now: float) -> list[dict[str, str]]:
    """How far each policy is; AWS shows the last one first."""
    moments = reversed(_moments(version))
    return [_render(policy) | {"PolicyStatus": "Finished" if due <= now else "Pending"} for policy, due in moments]


def render_history(version: Version) -> list[dict[str, str]]:
    """What the policies of a version were, which may be an old one."""
    return [_render(policy) for policy, _ in _moments(version)]


def _render(policy: dict[str, Any]) -> dict[str, str]:
    return {"PolicyText": msgspec.json.encode(policy).decode(), "PolicyType": policy["Type"]}


def arm(ctx: Context, tx: Transaction, version: Version) -> None:
    """Sets the timers of a new version."""
    for at, (_, due) in enumerate(_moments(version)):
        key = f"{version.name}\x1f{version.version}\x1f{at}"
        tx.at(Timer(kind=DUE, key=key, due_at=max(due, ctx.now), scope=ctx.scope))


@timer(DUE)
async def run(ctx: Context, due: Timer) -> None:
    name, number, at = due.key.split("\x1f")
    await ctx.transact(lambda tx: _run(ctx, tx, due.scope, (name, int(number), int(at))))


def _run(ctx: Context, tx: Transaction, scope: Scope, place: tuple[str, int, int]) -> None:
    """What a policy asks for, unless the parameter has another version by now."""
    name, number, at = place
    row = PARAMETERS.open(tx, scope, name)
    version = VERSIONS.get(tx, scope, name, number)
    if row is None or version is None or row.version != number:
        return
    policy = _moments(version)[at][0]
    changes.tell_policy(ctx, tx, scope, version, policy)
    if policy["Type"] == _EXPIRATION:
        PARAMETERS.delete(tx, scope, row)
        VERSIONS.delete_all(tx, scope, name)
        changes.tell(ctx, tx, "Delete", version, scope)
