"""Stack policies: which resources an update may change.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/protect-stack-resources.html
"""

from __future__ import annotations

import fnmatch
import json
from typing import Any

from msgspec.structs import replace

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.cloudformation import errors
from mrak.services.cloudformation.tables import RESOURCES, STACKS, VERSIONS, Stack, Version

_ACTIONS = ("Update:Modify", "Update:Replace", "Update:Delete", "Update:*")


async def read(ctx: Context, req: dict[str, Any], name: str) -> str:
    """The policy of a request, from its Body or its URL member; "" for none. Raises for one that is none."""
    from mrak.services.cloudformation.preparation import read_url

    text: str = req.get(f"{name}Body", "")
    if text and req.get(f"{name}URL"):
        raise errors.validation(f"You cannot specify both {name}URL and {name}Body")
    if not text and req.get(f"{name}URL"):
        text = (await read_url(ctx, req[f"{name}URL"], errors.bad_template_url)).decode("utf-8", "replace")
    if text:
        _check(text)
    return text


def _check(text: str) -> None:
    try:
        policy = json.loads(text)
    except ValueError:
        raise errors.invalid_policy() from None
    if not isinstance(policy, dict):
        raise errors.invalid_policy()
    for statement in policy.get("Statement", []):
        if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
            raise errors.invalid_policy()
        if any(action not in _ACTIONS for action in _listed(statement.get("Action", "Update:*"))):
            raise errors.invalid_policy()
        if statement.get("Principal", "*") != "*":
            raise errors.invalid_policy()


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def put(tx: Transaction, scope: Scope, stack: Stack, text: str) -> None:
    old = STACKS.open(tx, scope, stack.id)
    assert old is not None
    STACKS.replace(tx, scope, old, replace(old, policy=text))


def check_version(ctx: Context, tx: Transaction, stack: Stack, version: Version, during: str = "") -> None:
    """Refuses an update that changes what the policy protects. What is declared otherwise counts as changed."""
    text = during or stack.policy
    if not text:
        return
    policy = json.loads(text)
    old = VERSIONS.get(tx, ctx.scope, stack.id, stack.version)
    before = json.loads(old.processed).get("Resources", {}) if old is not None else {}
    after = json.loads(version.processed).get("Resources", {})
    for name, declared in before.items():
        action = "Update:Delete" if name not in after else "Update:Modify" if after[name] != declared else ""
        if action and RESOURCES.get(tx, ctx.scope, stack.id, name) is not None:
            _check_allowed(policy, name, declared["Type"], action)


def _check_allowed(policy: dict[str, Any], name: str, type_name: str, action: str) -> None:
    allowed = False
    for statement in policy.get("Statement", []):
        if _matches(statement, name, type_name, action):
            if statement["Effect"] == "Deny":
                raise _denied(name, action)
            allowed = True
    if not allowed:
        raise _denied(name, action)


def _denied(name: str, action: str) -> Exception:
    return errors.validation(
        f"Action denied by stack policy: Statement [#1] does not allow [{action}] for resource [{name}]"
    )


def _matches(statement: dict[str, Any], name: str, type_name: str, action: str) -> bool:
    actions = _listed(statement.get("Action", "Update:*"))
    if not any(fnmatch.fnmatchcase(action, pattern) for pattern in actions):
        return False
    patterns = _listed(statement.get("Resource", "*"))
    if not any(fnmatch.fnmatchcase(f"LogicalResourceId/{name}", str(p)) or p == "*" for p in patterns):
        return False
    condition = statement.get("Condition", {})
    types = [t for test in condition.values() for t in _listed(test.get("ResourceType", []))]
    return not types or any(fnmatch.fnmatchcase(type_name, pattern) for pattern in types)
