"""AddPermission and RemovePermission: statements of the queue's policy, named by their label."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from mrak.core.scope import Scope
from mrak.services.sqs import errors
from mrak.services.sqs.queue import queue_arn
from mrak.services.sqs.tables import Queue

_MOST_ACTIONS = 7
_ACCOUNT = re.compile("[0-9]{12}")
_LABEL = re.compile("[A-Za-z0-9_-]{1,80}")
_OWNERS_ACTIONS = (
    *("AddPermission", "RemovePermission", "CreateQueue", "DeleteQueue", "ListQueues", "SetQueueAttributes"),
    *("PurgeQueue", "ListDeadLetterSourceQueues", "TagQueue", "UntagQueue", "ListQueueTags"),
    *("StartMessageMoveTask", "CancelMessageMoveTask", "ListMessageMoveTasks"),
)
_VERSION = "2008-10-17"
# The actions that a permission can be given for; the rest is the owner's.
_ACTIONS = (
    *("*", "SendMessage", "ReceiveMessage", "DeleteMessage"),
    *("ChangeMessageVisibility", "GetQueueAttributes", "GetQueueUrl"),
)


def add(scope: Scope, queue: Queue, req: dict[str, Any]) -> Queue:
    """The queue with one more statement in its policy."""
    label, actions, accounts = req["Label"], req["Actions"], req["AWSAccountIds"]
    _check_actions(actions)
    if not accounts or not all(map(_ACCOUNT.fullmatch, accounts)):
        raise errors.invalid_value(f"[{', '.join(accounts)}]", "PrincipalId", "Unable to verify.")
    if not _LABEL.fullmatch(label):
        reason = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length."
        raise errors.invalid_value(label, "Label", reason)
    arn = queue_arn(scope, queue.name)
    policy = _policy(queue) or {"Version": _VERSION, "Id": f"{arn}/SQSDefaultPolicy", "Statement": []}
    if any(statement.get("Sid") == label for statement in policy["Statement"]):
        raise errors.invalid_value(label, "Label", "Already exists.")
    # Last first: so AWS writes them.
    principals = [f"arn:{scope.partition}:iam::{account}:root" for account in reversed(accounts)]
    named = [f"SQS:{action}" for action in actions]
    policy["Statement"].append(
        {
            "Sid": label,
            "Effect": "Allow",
            "Principal": {"AWS": principals[0] if len(principals) == 1 else principals},
            "Action": named[0] if len(named) == 1 else named,
            "Resource": arn,
        }
    )
    return _with_policy(queue, policy)


def _check_actions(actions: list[str]) -> None:
    if not actions:
        raise errors.missing_parameter("Actions")
    if len(actions) > _MOST_ACTIONS:
        raise errors.over_limit_actions(len(actions))
    for action in actions:
        if action in _ACTIONS:
            continue
        reason = "Only the queue owner is allowed to invoke this action."
        if action not in _OWNERS_ACTIONS:
            reason = "Please refer to the appropriate WSDL for a list of valid actions. "
        raise errors.invalid_value(f"SQS:{action}", "ActionName", reason)


def remove(queue: Queue, label: str) -> Queue:
    """The queue without the statement of that label; without a policy when it was the last."""
    policy = _policy(queue) or {"Statement": []}
    kept = [statement for statement in policy["Statement"] if statement.get("Sid") != label]
    if len(kept) == len(policy["Statement"]):
        raise errors.invalid_value(label, "Label", "can't find label.")
    policy["Statement"] = kept
    return _with_policy(queue, policy if kept else None)


def _policy(queue: Queue) -> dict[str, Any] | None:
    text = queue.settings.get("Policy")
    if not text:
        return None
    policy: dict[str, Any] = msgspec.json.decode(text)
    statements = policy["Statement"]
    # One statement may stand without its list.
    return {**policy, "Statement": [statements] if isinstance(statements, dict) else statements}


def _with_policy(queue: Queue, policy: dict[str, Any] | None) -> Queue:
    settings = {name: value for name, value in queue.settings.items() if name != "Policy"}
    if policy is not None:
        settings["Policy"] = msgspec.json.encode(policy).decode()
    return msgspec.structs.replace(queue, settings=settings)
