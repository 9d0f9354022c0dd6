"""What AWS would send out into the world: email, SMS, push notifications. Here it stays, to be looked at.

`GET /_mrak/outbox` shows it. One list for each environment, newest first, of bounded length.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.scope import Scope
from mrak.services.sns.messages import Message
from mrak.services.sns.tables import OUTGOING, Outgoing

KEPT = 10_000
_SWEEP = 200


class Mail(msgspec.Struct, frozen=True):
    """Something to be sent out. `protocol` is email, sms, application, ..."""

    protocol: str
    to: str
    body: str
    subject: str = ""
    topic_arn: str = ""
    message_id: str = ""
    attributes: dict[str, str] = {}


def mail_of(message: Message, protocol: str, to: str, body: str) -> Mail:
    attributes = {name: str(value.get("StringValue", "")) for name, value in message.attributes.items()}
    return Mail(protocol, to, body, message.subject or "", message.topic_arn, message.id, attributes)


def keep(ctx: Context, tx: Transaction, scope: Scope, mail: Mail) -> None:
    """Keeps what AWS would send."""
    deviation("SNS-002")
    home, sequence = scope.environment_wide(), ctx.draw.sequence()
    OUTGOING.insert(tx, home, Outgoing(sequence=sequence, sent_at=ctx.now, **msgspec.structs.asdict(mail)))
    if sequence % 100 == 0 and OUTGOING.count(tx, home) > KEPT:
        for old in list(OUTGOING.scan(tx, home, limit=_SWEEP)):
            OUTGOING.delete(tx, home, old)


def list_newest(tx: Transaction, environment: str, limit: int) -> list[dict[str, Any]]:
    """The newest messages, as the page shows them."""
    rows = OUTGOING.scan(tx, Scope(environment, "", ""), limit=limit, reverse=True)
    return [
        {
            "protocol": row.protocol,
            "to": row.to,
            "subject": row.subject,
            "body": row.body,
            "sent_at": row.sent_at,
            "topic_arn": row.topic_arn,
            "message_id": row.message_id,
            "attributes": row.attributes,
        }
        for row in rows
    ]
