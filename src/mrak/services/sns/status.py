"""Delivery status logging: what became of a message, in CloudWatch Logs, for topics that ask for it.

A topic's attributes name a role for successes and one for failures, by kind of endpoint, and how many per cent of the
successes are logged (all, where it does not say). A role that does not let SNS assume it logs nothing, as at AWS.

https://docs.aws.amazon.com/sns/latest/dg/sns-topic-attributes.html
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import md5
from typing import Any
from uuid import UUID

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.scope import Scope
from mrak.services.iam import exports as iam
from mrak.services.logs import exports as logs
from mrak.services.sns import errors
from mrak.services.sns.messages import Message
from mrak.services.sns.tables import TOPICS, Subscription, Topic
from mrak.services.sns.topics import topic_arn

_FAMILIES = {
    "application": "Application",
    "firehose": "Firehose",
    "http": "HTTP",
    "https": "HTTP",
    "lambda": "Lambda",
    "sqs": "SQS",
}
_SERVICE = "sns.amazonaws.com"
ROLE = "FeedbackRoleArn"
_NO_QUEUE = "AWS.SimpleQueueService.NonExistentQueue"
_STATUSES = {
    "AccessDeniedException": 403,
    _NO_QUEUE: 400,
    "ResourceNotFoundException": 404,
}


class Notice(msgspec.Struct, frozen=True, array_like=True):
    """What a line says of a message and its destination."""

    topic: str
    family: str
    destination: str
    message_id: str
    message_md5: str
    published_at: float


class Outcome(msgspec.Struct, frozen=True):
    """What the destination answered. `attempts` counts those that failed before."""

    status_code: int
    response: str
    is_failure: bool = False
    attempts: int = 0


encode = msgspec.msgpack.Encoder().encode
decode_note = msgspec.msgpack.Decoder(tuple[str, Notice]).decode
"""A notice on its way with a message, after the ARN of its topic."""


def find_notice(topic: Topic, subscription: Subscription, message: Message) -> Notice | None:
    """The notice of a delivery, where the topic logs those of its kind."""
    family = _FAMILIES.get(subscription.protocol, "")
    wanted = topic.attributes
    if f"{family}SuccessFeedbackRoleArn" not in wanted and f"{family}FailureFeedbackRoleArn" not in wanted:
        return None
    digest = md5(message.body_for(subscription.protocol).encode(), usedforsecurity=False).hexdigest()
    return Notice(topic.name, family, subscription.endpoint, message.id, digest, message.published_at)


def check_role(ctx: Context, tx: Transaction, attribute: str, role_arn: str, topic_arn: str) -> None:
    """Refuses a role that does not trust SNS. One that does not exist is taken (SNS-004)."""
    deviation("SNS-004")
    if iam.role_distrusts_service(tx, ctx.scope.environment, role_arn, _SERVICE, ctx.now, topic_arn):
        reason = f"{role_arn} is not a valid role to allow SNS to write to Cloudwatch Logs"
        raise errors.invalid_parameter(f"{attribute}: {reason}")


def render_response(request_id_name: str, request_id: str, **more: str) -> str:
    return json.dumps({**more, request_id_name: request_id}, separators=(",", ":"))


def parse_failure(failure: str, request_id_name: str, attempts: int) -> Outcome:
    """The outcome of a delivery to one of our own services, of its `CODE: message`. Recorded: SQS does not tell a queue
    that is not there from one that lets nobody in."""
    code, _, text = failure.partition(": ")
    if code in ("AccessDenied", _NO_QUEUE):
        code, text = _NO_QUEUE, "The specified queue does not exist or you do not have access to it."
    response = render_response(request_id_name, "Unrecoverable", ErrorCode=code, ErrorMessage=text or failure)
    return Outcome(_STATUSES.get(code, 500), response, is_failure=True, attempts=max(0, attempts - 1))


def log_outcome(ctx: Context, tx: Transaction, scope: Scope, notice: Notice, outcome: Outcome) -> None:
    """Writes the line, if the topic wants it."""
    topic = TOPICS.get(tx, scope, notice.topic)
    if topic is None:
        return
    failed = outcome.is_failure
    role = topic.attributes.get(f"{notice.family}{'Failure' if failed else 'Success'}FeedbackRoleArn")
    if not role or (not failed and not _is_sampled(ctx, topic, notice.family)):
        return
    arn = topic_arn(scope, topic.name)
    if not iam.role_trusts_service(tx, scope.environment, role, _SERVICE, ctx.now, arn):
        ctx.annotate("hint", f"the role {role} does not let {_SERVICE} assume it: no delivery status is logged")
        return
    group = f"sns/{scope.region}/{scope.account}/{topic.name}{'/Failure' if failed else ''}"
    line = json.dumps(_render(ctx, arn, notice, outcome), separators=(",", ":"))
    logs.append(ctx, tx, scope, group, _stream(ctx, group), [(int(ctx.now * 1000), line)])


def _is_sampled(ctx: Context, topic: Topic, family: str) -> bool:
    rate = int(topic.attributes.get(f"{family}SuccessFeedbackSampleRate") or 100)
    return int(ctx.draw.hex(8), 16) % 100 < rate


def _stream(ctx: Context, group: str) -> str:
    """AWS names streams by UUIDs that tell nothing; here a group has one for each day."""
    day = datetime.fromtimestamp(ctx.now, UTC).date()
    return str(UUID(bytes=md5(f"{group} {day}".encode(), usedforsecurity=False).digest(), version=4))


def _render(ctx: Context, topic: str, notice: Notice, outcome: Outcome) -> dict[str, Any]:
    published = datetime.fromtimestamp(notice.published_at, UTC)
    delivered: dict[str, Any] = {
        "deliveryId": ctx.draw.uuid(),
        "destination": notice.destination,
        "providerResponse": outcome.response,
        "dwellTimeMs": max(0, int((ctx.now - notice.published_at) * 1000)),
    }
    if outcome.attempts:
        delivered["attempts"] = outcome.attempts
    delivered["statusCode"] = outcome.status_code
    return {
        "notification": {
            "messageMD5Sum": notice.message_md5,
            "messageId": notice.message_id,
            "topicArn": topic,
            "timestamp": published.strftime("%Y-%m-%d %H:%M:%S.") + f"{published.microsecond // 1000:03d}",
        },
        "delivery": delivered,
        "status": "FAILURE" if outcome.is_failure else "SUCCESS",
    }
