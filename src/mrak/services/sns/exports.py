"""What other services may use of SNS: look-ups, the constructor of a delivery to a topic, and the outbox."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.auth.principals import service_principal
from mrak.core.arn import find_arn
from mrak.core.background import Delivery, Retry
from mrak.core.context import Context, Transaction
from mrak.services.sns import outbox, topics
from mrak.services.sns.tables import TOPICS

PUBLISH = "sns.publish"


def topic_exists(tx: Transaction, environment: str, topic_arn: str) -> bool:
    """Whether an ARN names a topic of the environment."""
    found = find_arn(topic_arn)
    return (
        found is not None
        and found.service == "sns"
        and TOPICS.get(tx, found.scope_in(environment), found.resource) is not None
    )


def may_publish(tx: Transaction, ctx: Context, topic_arn: str, sender: tuple[str, str, str]) -> bool:
    """Whether one of AWS's services may publish to the topic that an ARN names. `sender` is as in `delivery`."""
    service, source_arn, account = sender
    found = find_arn(topic_arn)
    scope = None if found is None else found.scope_in(ctx.scope.environment)
    topic = None if found is None or scope is None else TOPICS.get(tx, scope, found.resource)
    if topic is None or scope is None:
        return False
    return topics.lets_publish(scope, topic, service_principal(service, account, source_arn), ctx.now)


def delivery(
    ctx: Context,
    topic_arn: str,
    message: dict[str, Any],
    *,
    lane: str = "",
    retry: Retry | None = None,
    dead: str = "",
    sender: tuple[str, ...] | None = None,
) -> Delivery:
    """A delivery that publishes to a topic. `message` is Publish's input without TopicArn. `sender` is the service and
    the ARN for which it publishes, where it needs the permission of the topic's policy, and the ARN's account where
    that does not tell it."""
    found = find_arn(topic_arn)
    assert found is not None, topic_arn
    return Delivery(
        kind=PUBLISH,
        lane=lane or topic_arn,
        scope=found.scope_in(ctx.scope.environment),
        payload=msgspec.msgpack.encode([topic_arn, message, sender]),
        retry=retry or Retry(),
        dead=dead,
        trace=ctx.trace,
        enqueued_at=ctx.now,
    )


list_outbox = outbox.list_newest


def keep_email(ctx: Context, tx: Transaction, to: str, subject: str, body: str) -> None:
    """An email that a service would have sent, for the outbox page."""
    outbox.keep(ctx, tx, ctx.scope, outbox.Mail("email", to, body, subject))


def keep_sms(ctx: Context, tx: Transaction, to: str, body: str) -> None:
    """A text message that a service would have sent, for the outbox page."""
    outbox.keep(ctx, tx, ctx.scope, outbox.Mail("sms", to, body))
