"""A published message, and its forms for each kind of subscriber.

The JSON is laid out as SNS lays it out (one member on each line, ` : ` between), since people compare bodies as text.
A message of a standard topic is signed; its signature covers nothing of the subscription, so one serves all.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import msgspec

SETTINGS = ("AWS.SNS.", "AWS.MM.")
"""How the names of attributes begin that are settings of a push or a text message (AWS.SNS.MOBILE.APNS.TOPIC)."""


class Message(msgspec.Struct, frozen=True, array_like=True):
    """One message on its way. `bodies` are by protocol where the publisher gave JSON, else "default" alone.
    `base_url` is where links in the notification lead; `attributes` are in AWS's shape; `trace` is the header
    that queues get."""

    id: str
    topic_arn: str
    bodies: dict[str, str]
    published_at: float
    base_url: str
    subject: str | None = None
    attributes: dict[str, dict[str, Any]] = {}
    group_id: str = ""
    deduplication_id: str = ""
    sequence_number: str = ""
    signature_version: str = "1"
    trace: str = ""
    is_structured: bool = False
    is_replayed: bool = False

    def body_for(self, protocol: str) -> str:
        return self.bodies.get(protocol, self.bodies["default"])


class Signature(msgspec.Struct, frozen=True, array_like=True):
    """The signature of a notification; `url` is that of the certificate."""

    version: str
    value: str
    url: str


_SIGNED_NOTIFICATION: tuple[str, ...] = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_SIGNED_HANDSHAKE: tuple[str, ...] = (
    "Message",
    "MessageId",
    "SubscribeURL",
    "Timestamp",
    "Token",
    "TopicArn",
    "Type",
)
encode = msgspec.msgpack.Encoder().encode
decode_message = msgspec.msgpack.Decoder(Message).decode


def timestamp(seconds: float) -> str:
    """`2026-11-20T13:00:00.123Z`."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def unsubscribe_url(base_url: str, subscription_arn: str) -> str:
    return f"{base_url}/?Action=Unsubscribe&SubscriptionArn={quote(subscription_arn, safe=':')}"


def confirm_url(base_url: str, topic_arn: str, token: str) -> str:
    return f"{base_url}/?Action=ConfirmSubscription&TopicArn={quote(topic_arn, safe=':')}&Token={token}"


def attribute_values(attributes: dict[str, dict[str, Any]]) -> dict[str, dict[str, str]]:
    """Message attributes as notifications show them: {"Type", "Value"}, binary values in base64."""
    shown = {}
    for name, attribute in attributes.items():
        value = attribute.get("StringValue")
        if value is None:
            value = base64.b64encode(attribute.get("BinaryValue") or b"").decode()
        shown[name] = {"Type": attribute["DataType"], "Value": value}
    return shown


def render_notification(message: Message, protocol: str, subscription_arn: str, signature: Signature | None) -> str:
    """The JSON that a queue or an HTTP endpoint gets."""
    members: dict[str, Any] = {"Type": "Notification", "MessageId": message.id}
    # AWS leaves the number out where the publisher gave a body for each protocol.
    if message.sequence_number and not message.is_structured:
        members["SequenceNumber"] = message.sequence_number
    members["TopicArn"] = message.topic_arn
    if message.subject is not None:
        members["Subject"] = message.subject
    members["Message"] = message.body_for(protocol)
    members["Timestamp"] = timestamp(message.published_at)
    if signature is not None:
        members |= {
            "SignatureVersion": signature.version,
            "Signature": signature.value,
            "SigningCertURL": signature.url,
        }
    members["UnsubscribeURL"] = unsubscribe_url(message.base_url, subscription_arn)
    if message.is_replayed:
        members["Replayed"] = "true"
    text = _layout(members)
    if not message.attributes:
        return text
    attributes = ",\n".join(
        f"    {json.dumps(name, ensure_ascii=False)} : "
        f'{{"Type":{json.dumps(value["Type"])},"Value":{json.dumps(value["Value"], ensure_ascii=False)}}}'
        for name, value in attribute_values(message.attributes).items()
    )
    return f'{text[:-2]},\n  "MessageAttributes" : {{\n{attributes}\n  }}\n}}'


def render_lambda_event(message: Message, subscription_arn: str, signature: Signature | None) -> dict[str, Any]:
    """The event that a function gets; its member names differ a little from the JSON's."""
    notification: dict[str, Any] = {
        "Type": "Notification",
        "MessageId": message.id,
        "TopicArn": message.topic_arn,
        "Subject": message.subject,
        "Message": message.body_for("lambda"),
        "Timestamp": timestamp(message.published_at),
    }
    if signature is not None:
        notification |= {
            # AWS's functions are told version 1 by topics of version 2 too, whose signature is of SHA256.
            "SignatureVersion": "1",
            "Signature": signature.value,
            "SigningCertUrl": signature.url,
        }
    notification["UnsubscribeUrl"] = unsubscribe_url(message.base_url, subscription_arn)
    notification["MessageAttributes"] = attribute_values(message.attributes)
    record = {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription_arn,
        "Sns": notification,
    }
    return {"Records": [record]}


def render_handshake(members: dict[str, str], signature: Signature) -> str:
    """SubscriptionConfirmation and UnsubscribeConfirmation. `members`: Type, MessageId, Token, TopicArn, Message,
    SubscribeURL, Timestamp."""
    return _layout(
        {
            **members,
            "SignatureVersion": signature.version,
            "Signature": signature.value,
            "SigningCertURL": signature.url,
        }
    )


def _layout(members: dict[str, Any]) -> str:
    lines = ",\n".join(f'  "{name}" : {json.dumps(value, ensure_ascii=False)}' for name, value in members.items())
    return f"{{\n{lines}\n}}"


def text_to_sign(members: dict[str, str | None]) -> bytes:
    """The canonical text of a notification or a handshake message: names and values on lines of their own.

    https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
    """
    names = _SIGNED_NOTIFICATION if members["Type"] == "Notification" else _SIGNED_HANDSHAKE
    return "".join(f"{name}\n{members[name]}\n" for name in names if members.get(name) is not None).encode()
