"""What requests are about, for the policies of their callers.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.operation import Target, targets
from mrak.services.sns.tables import TOPICS
from mrak.services.sns.topics import topic_arn


@targets
def targets_of(ctx: Context, tx: Transaction, req: dict[str, Any]) -> list[Target]:
    """A topic, whether it is there or not, also by one of its subscriptions; a phone number, or an endpoint. The policy
    with which a topic begins lets in nobody but its own account."""
    action = ctx.operation.removesuffix("Batch")
    if ctx.operation == "CreateTopic":
        return [Target(topic_arn(ctx.scope, req["Name"]))]
    text = next((req[name] for name in ("TopicArn", "TargetArn", "ResourceArn", "SubscriptionArn") if name in req), "")
    found = find_arn(text)
    if found is None or "/" in found.resource:
        return [Target(text or req.get("PhoneNumber", "*"), action=action)]
    scope, name = ctx.scope.in_account(found.account), found.resource.partition(":")[0]
    topic = TOPICS.get(tx, scope, name)
    policy, tags = (None, {}) if topic is None else (topic.attributes.get("Policy"), topic.tags)
    return [Target(topic_arn(scope, name), policy, scope.account, action, tags)]
