"""What requests are about, for the policies of their callers.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.operation import Target, targets
from mrak.services.sqs.queue import parse_url, queue_arn
from mrak.services.sqs.tables import QUEUES


@targets
def targets_of(ctx: Context, tx: Transaction, req: dict[str, Any]) -> list[Target]:
    """A queue, whether it is there or not. A batch needs the permission of what it has many of. Whoever has the handle
    of a move of messages is not asked again."""
    if ctx.operation == "CancelMessageMoveTask":
        return []
    if "QueueUrl" in req:
        account, name = parse_url(req["QueueUrl"])
    elif "QueueName" in req:
        account, name = req.get("QueueOwnerAWSAccountId", ""), req["QueueName"]
    else:
        return [Target(req.get("SourceArn", "*"))]
    scope = ctx.scope.in_account(account) if account else ctx.scope
    queue = QUEUES.get(tx, scope, name)
    policy = None if queue is None else queue.settings.get("Policy") or None
    return [Target(queue_arn(scope, name), policy, scope.account, ctx.operation.removesuffix("Batch"))]
