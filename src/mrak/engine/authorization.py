"""Whether the policies of users and roles let them do what they ask, for services that say what a request is about.

A service registers that with `@targets`; DynamoDB, Kinesis and S3 ask by themselves, since their policies speak of what
only they can tell. Root, and services that act on their own, have no policies and pay nothing here.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mrak.auth.evaluation import AuthorizationRequest, denial_message
from mrak.auth.flavours import flavour_of
from mrak.core.context import Transaction
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError
from mrak.core.operation import Operation, Target, find_targets

deviation("IAM-004")

Check = Callable[[Transaction], None]

# How services spell their actions in a denial, where it is not as policies do.
_SPELLINGS: dict[str, Callable[[str], str]] = {"sns": lambda action: f"SNS{action[3:]}", "sqs": str.lower}
_CODES = {"sns": ("AuthorizationError", 403)}


def find_check(ctx: Any, operation: Operation, req: dict[str, Any]) -> Check | None:
    """What has to run in a transaction before the operation does; None where there is nothing to ask."""
    if not ctx.principal.is_judged:
        return None
    targets = find_targets(operation.service)
    if targets is None:
        return None

    def check(tx: Transaction) -> None:
        for target in targets(ctx, tx, req):
            _check(ctx, tx, (operation, req), target)

    return check


def after(check: Check, handler: Callable[..., Any]) -> Callable[..., Any]:
    """The handler, behind the check, in one transaction."""

    def checked(ctx: Any, tx: Transaction, req: dict[str, Any]) -> Any:
        check(tx)
        return handler(ctx, tx, req)

    return checked


def _check(ctx: Any, tx: Transaction, asked: tuple[Operation, dict[str, Any]], target: Target) -> None:
    from mrak.services.iam import exports as iam

    operation, req = asked
    tagged = {f"aws:resourcetag/{name.lower()}": tag for name, tag in target.tags.items()}
    prefix = operation.action.partition(":")[0]
    request = AuthorizationRequest(
        ctx.principal,
        f"{prefix}:{target.action}" if target.action else operation.action,
        target.resource,
        ctx.now,
        target.account or ctx.scope.account,
        iam.request_conditions(ctx) | tagged | iam.tag_conditions(req),
    )
    decision = iam.decide(ctx, tx, request, target.policy)
    if decision.allowed:
        return
    message = denial_message(decision, request)
    spelling = _SPELLINGS.get(prefix)
    if spelling is not None:
        message = message.replace(request.action, spelling(request.action))
    if prefix in _CODES:
        raise ApiError(_CODES[prefix][0], message, _CODES[prefix][1])
    raise flavour_of(prefix).error("denied", message)
