"""From a publish to its subscribers, by the outbox: each delivery is committed with its cause.

    publish -> fan_out -> sqs.send          a queue: made in one transaction, exactly once
                       -> sns.lambda        a function's asynchronous invocation
                       -> sns.http          a POST; tried again by the subscription's delivery policy
                       -> outbox row        email, SMS, push: kept here instead of sent
                       -> sns.fanout        the rest of a topic with many subscribers, page by page
    sns.dead                                what could not be delivered goes to the subscription's dead-letter queue

Lanes: a FIFO topic keeps each subscription's group in order. A standard topic's deliveries to a function or an HTTP
endpoint are spread over a few lanes of their own for each subscription, so that a slow endpoint delays nobody else.
"""

from __future__ import annotations

import json
import logging
import math
import zlib
from typing import Any

import msgspec

from mrak.auth.principals import service_principal
from mrak.core.arn import find_arn
from mrak.core.background import Delivery, Retry, Undeliverable, parse_dead, settle
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import delivery
from mrak.core.scope import Scope
from mrak.services.sns import outbox, protection, signing, status, subscriptions, topics
from mrak.services.sns.messages import (
    SETTINGS,
    Message,
    Signature,
    confirm_url,
    decode_message,
    encode,
    render_handshake,
    render_lambda_event,
    render_notification,
    timestamp,
)
from mrak.services.sns.subscriptions import dead_letter_arn, subscription_arn
from mrak.services.sns.tables import ARCHIVE, SUBSCRIPTIONS, TOPICS, Subscription, Topic
from mrak.services.sqs import exports as sqs

log = logging.getLogger("mrak.sns")

SERVICE = "sns.amazonaws.com"
DIRECT = 100
"""Subscribers that are served in the publish's own transaction; the rest follow in pages of as many."""
_LANES = 8
# Managed endpoints are tried for 23 days at AWS.
_LAMBDA_RETRY = Retry(attempts=100, first_delay_seconds=1.0, longest_delay_seconds=1200.0)
_HANDSHAKE_TEXT = {
    "SubscriptionConfirmation": (
        "You have chosen to subscribe to the topic {topic}.\n"
        "To confirm the subscription, visit the SubscribeURL included in this message."
    ),
    "UnsubscribeConfirmation": (
        "You have chosen to deactivate subscription {subscription}.\n"
        "To cancel this operation and restore the subscription, visit the SubscribeURL included in this message."
    ),
}


class Page(msgspec.Struct, frozen=True, array_like=True):
    """The next page of a fan-out: subscribers after `after`."""

    topic: str
    after: str
    message: bytes


class ForFunction(msgspec.Struct, frozen=True, array_like=True):
    subscription_arn: str
    message: bytes


class Replay(msgspec.Struct, frozen=True, array_like=True):
    """Archived messages of (after, upto] still to be delivered to one subscription."""

    topic: str
    subscription: str
    after: int
    since: float
    upto: float


_decode_page = msgspec.msgpack.Decoder(Page).decode
_decode_for_function = msgspec.msgpack.Decoder(ForFunction).decode
_decode_replay = msgspec.msgpack.Decoder(Replay).decode


class Publication:
    """A message on its way from a topic to its subscribers, and what of it is made once for all of them."""

    def __init__(self, ctx: Context, tx: Transaction, scope: Scope, topic: Topic, message: Message) -> None:
        self.ctx, self.tx, self.scope, self.topic, self.message = ctx, tx, scope, topic, message
        self.topic_arn = topics.topic_arn(scope, topic.name)
        self._signatures: dict[str, Signature | None] = {}

    def signature(self, protocol: str) -> Signature | None:
        """The signature of the message's body for a protocol."""
        body = self.message.body_for(protocol)
        if body not in self._signatures:
            made = signing.sign_message(self.ctx, self.tx, self.scope, self.message, protocol)
            self._signatures[body] = made
        return self._signatures[body]


def fan_out(
    ctx: Context, tx: Transaction, scope: Scope, topic: Topic, message: Message, after: str | None = None
) -> None:
    """Enqueues a published message for all subscribers of its topic, or those after one of them."""
    page = list(SUBSCRIPTIONS.scan(tx, scope, topic.name, after=after, limit=DIRECT + 1))
    publication = Publication(ctx, tx, scope, topic, message)
    for subscription in page[:DIRECT]:
        deliver(publication, subscription)
    if len(page) > DIRECT:
        payload = encode(Page(topic.name, page[DIRECT - 1].id, encode(message)))
        lane = f"sns/{publication.topic_arn}/{message.group_id}"
        tx.enqueue(_delivery(ctx, "sns.fanout", lane, scope, payload))


def _delivery(ctx: Context, kind: str, lane: str, scope: Scope, payload: bytes, **more: Any) -> Delivery:
    return Delivery(kind=kind, lane=lane, scope=scope, payload=payload, trace=ctx.trace, enqueued_at=ctx.now, **more)


@delivery("sns.fanout")
def go_on_fanning_out(ctx: Context, tx: Transaction, made: Delivery) -> None:
    page = _decode_page(made.payload)
    topic = TOPICS.get(tx, made.scope, page.topic)
    if topic is not None:
        fan_out(ctx, tx, made.scope, topic, decode_message(page.message), page.after)


def deliver(publication: Publication, subscription: Subscription) -> None:
    """Enqueues a message for one subscription, if that is confirmed, its filter policy takes it, and the topic's data
    protection policy lets it have it."""
    ctx, tx, scope, message = publication.ctx, publication.tx, publication.scope, publication.message
    protocol = subscription.protocol
    if subscription.is_pending or not subscriptions.takes(subscription, message.body_for(protocol), message.attributes):
        return
    let_out = protection.let_out(publication.topic, subscription, message)
    if let_out is None:
        ctx.annotate("hint", f"the data protection policy of {publication.topic_arn} denies it to {subscription.id}")
        return
    if let_out is not message:
        publication = Publication(ctx, tx, scope, publication.topic, let_out)
        message = let_out
    body = message.body_for(protocol)
    arn = f"{publication.topic_arn}:{subscription.id}"
    if protocol == "sqs":
        sent = _render_for_queue(publication, subscription, arn)
        ordered = bool(message.sequence_number)
        lane = f"sns/{arn}/{message.group_id if ordered else message.id}"
        sender = _sender(message.topic_arn, status.find_notice(publication.topic, subscription, message))
        queue = subscription.endpoint
        tx.enqueue(sqs.delivery(ctx, queue, sent, lane=lane, dead="sns.dead", sender=sender, at_once=not ordered))
    elif protocol == "lambda":
        payload = encode(ForFunction(arn, encode(message)))
        lane = _lane(arn, message)
        tx.enqueue(_delivery(ctx, "sns.lambda", lane, scope, payload, retry=_LAMBDA_RETRY, dead="sns.dead"))
    elif protocol in ("http", "https"):
        ctx.meter("HttpDeliveries", 1)
        enqueue_http(ctx, tx, scope, arn, message)
    else:
        text = render_notification(message, protocol, arn, publication.signature(protocol))
        shown = text if protocol == "email-json" else body
        outbox.keep(ctx, tx, scope, outbox.mail_of(message, protocol, subscription.endpoint, shown))
        notice = status.find_notice(publication.topic, subscription, message)
        if notice is not None:
            status.log_outcome(ctx, tx, scope, notice, status.Outcome(200, ""))


def _sender(topic_arn: str, notice: status.Notice | None = None) -> sqs.Sender:
    """A queue's policy has to let the topic send; a notice comes back once the message is there."""
    if notice is None:
        return sqs.Sender(SERVICE, topic_arn)
    return sqs.Sender(SERVICE, topic_arn, "sns.delivered", status.encode((topic_arn, notice)))


@delivery("sns.delivered")
def log_delivered(ctx: Context, tx: Transaction, made: Delivery) -> None:
    """A message is in its queue."""
    receipt = sqs.parse_receipt(made.payload)
    response = status.render_response("sqsRequestId", ctx.request_id, sqsMessageId=receipt.message_id)
    scope, notice = _noticed(made.scope, receipt.note)
    status.log_outcome(ctx, tx, scope, notice, status.Outcome(200, response))


def _noticed(scope: Scope, note: bytes) -> tuple[Scope, status.Notice]:
    """A notice that came back, with its topic's scope: the queue's may be another account or region."""
    topic_arn, notice = status.decode_note(note)
    found = find_arn(topic_arn)
    assert found is not None, topic_arn
    return found.scope_in(scope.environment), notice


def _lane(arn: str, message: Message) -> str:
    return f"sns/{arn}/{zlib.crc32(message.id.encode()) % _LANES}"


def enqueue_http(ctx: Context, tx: Transaction, scope: Scope, arn: str, message: Message) -> None:
    """A message for an HTTP endpoint; services.sns.http makes it."""
    payload = encode((arn, encode(message), 1))
    tx.enqueue(_delivery(ctx, "sns.http", _lane(arn, message), scope, payload, retry=Retry(attempts=1)))


def _render_for_queue(publication: Publication, subscription: Subscription, arn: str) -> dict[str, Any]:
    """SendMessage's input: the notification, or the bare message with its attributes where delivery is raw."""
    message = publication.message
    if subscription.is_raw:
        sent: dict[str, Any] = {"MessageBody": message.body_for("sqs")}
        # Queues take no names that AWS has reserved.
        attributes = {name: value for name, value in message.attributes.items() if not name.startswith(SETTINGS)}
        if attributes:
            sent["MessageAttributes"] = attributes
    else:
        sent = {"MessageBody": render_notification(message, "sqs", arn, publication.signature("sqs"))}
    sent |= sqs.traced(message.trace)
    if message.group_id:
        sent["MessageGroupId"] = message.group_id
    # A standard queue on a FIFO topic takes neither group nor deduplication id.
    if message.sequence_number and subscription.endpoint.endswith(".fifo"):
        sent["MessageDeduplicationId"] = message.deduplication_id
    elif message.sequence_number:
        sent.pop("MessageGroupId", None)
    return sent


@delivery("sns.lambda")
async def invoke_function(ctx: Context, made: Delivery) -> None:
    """Hands the event to Lambda's own asynchronous invocation, whose retries then begin."""
    work = _decode_for_function(made.payload)
    message = decode_message(work.message)

    def prepare(tx: Transaction) -> tuple[Subscription | None, Topic | None, Signature | None]:
        subscription = find_subscription(tx, made.scope, work.subscription_arn)
        topic = None if subscription is None else TOPICS.get(tx, made.scope, subscription.topic)
        return subscription, topic, signing.sign_message(ctx, tx, made.scope, message, "lambda")

    subscription, topic, signature = await ctx.transact(prepare)
    if subscription is None or topic is None:
        return
    found = find_arn(subscription.endpoint)
    assert found is not None, subscription.endpoint
    event = render_lambda_event(message, work.subscription_arn, signature)
    params = {
        "FunctionName": subscription.endpoint,
        "InvocationType": "Event",
        "Payload": json.dumps(event).encode(),
    }
    topic_arn = work.subscription_arn.rpartition(":")[0]
    caller = service_principal(SERVICE, made.scope.account, topic_arn)
    try:
        await ctx.call("lambda", "Invoke", params, scope=found.scope_in(made.scope.environment), principal=caller)
    except ApiError as error:
        raise settle(error) from error
    notice = status.find_notice(topic, subscription, message)
    if notice is not None:
        outcome = status.Outcome(202, status.render_response("lambdaRequestId", ctx.request_id))
        await ctx.transact(lambda tx: status.log_outcome(ctx, tx, made.scope, notice, outcome))


def find_subscription(tx: Transaction, scope: Scope, arn: str) -> Subscription | None:
    """The subscription of an ARN; None where it was deleted meanwhile."""
    topic, _, identifier = arn.split(":", 5)[5].partition(":")
    return SUBSCRIPTIONS.get(tx, scope, topic, identifier)


def _find_both(tx: Transaction, scope: Scope, arn: str) -> tuple[Topic, Subscription] | None:
    subscription = find_subscription(tx, scope, arn)
    topic = None if subscription is None else TOPICS.get(tx, scope, subscription.topic)
    return None if subscription is None or topic is None else (topic, subscription)


@delivery("sns.dead")
def bury(ctx: Context, tx: Transaction, made: Delivery) -> None:
    """Takes what could not be delivered to the subscription's dead-letter queue, or drops it where there is none."""
    failed = parse_dead(made.payload)
    if failed.kind == sqs.SEND:
        _bury_for_queue(ctx, tx, made.scope, failed)
        return
    work = _decode_for_function(failed.payload)
    message = decode_message(work.message)
    outcome = status.parse_failure(failed.failure, "lambdaRequestId", failed.attempts)
    found = _find_both(tx, made.scope, work.subscription_arn)
    notice = None if found is None else status.find_notice(*found, message)
    if notice is not None:
        status.log_outcome(ctx, tx, made.scope, notice, outcome)
    bury_message(ctx, tx, made.scope, work.subscription_arn, message, failed.failure)


def _bury_for_queue(ctx: Context, tx: Transaction, scope: Scope, failed: Delivery) -> None:
    arn = failed.lane.split("/")[1]
    found = find_arn(arn)
    assert found is not None, failed.lane
    subscription = find_subscription(tx, found.scope_in(scope.environment), arn)
    sender = sqs.parse_parcel(failed.payload).sender
    if sender is not None and sender.note:
        home, notice = _noticed(scope, sender.note)
        outcome = status.parse_failure(failed.failure, "sqsRequestId", failed.attempts)
        status.log_outcome(ctx, tx, home, notice, outcome)
    target = dead_letter_arn(subscription) if subscription is not None else ""
    if target:
        tx.enqueue(sqs.redirected(ctx, failed, target, _sender(arn.rpartition(":")[0])))
    else:
        _warn_of_loss(arn, failed.failure)


def _warn_of_loss(arn: str, failure: str) -> None:
    log.warning("a message for %s was dropped, since it has no dead-letter queue: %s", arn, failure)


def bury_message(ctx: Context, tx: Transaction, scope: Scope, arn: str, message: Message, failure: str) -> None:
    """A message as its subscriber should have got it, for the dead-letter queue."""
    found = _find_both(tx, scope, arn)
    if found is None:
        return
    topic, subscription = found
    target = dead_letter_arn(subscription)
    if not target:
        _warn_of_loss(arn, failure)
        return
    sent = _render_for_queue(Publication(ctx, tx, scope, topic, message), subscription, arn)
    tx.enqueue(sqs.delivery(ctx, target, sent, sender=_sender(message.topic_arn)))


def ask_for_confirmation(ctx: Context, tx: Transaction, scope: Scope, subscription: Subscription) -> None:
    """Sends the token to the endpoint: to an HTTP server, to a queue, or to the outbox for who reads the mail."""
    topic_arn = topics.topic_arn(scope, subscription.topic)
    _send_handshake(ctx, tx, scope, subscription, "SubscriptionConfirmation", topic_arn)


def tell_unsubscribed(ctx: Context, tx: Transaction, scope: Scope, topic: Topic, subscription: Subscription) -> None:
    """Tells an HTTP endpoint that it was unsubscribed."""
    token = subscriptions.make_token(ctx, scope, topic.name, subscription.id)
    gone = msgspec.structs.replace(subscription, token=token)
    topic_arn = topics.topic_arn(scope, topic.name)
    _send_handshake(ctx, tx, scope, gone, "UnsubscribeConfirmation", topic_arn)


def _send_handshake(
    ctx: Context, tx: Transaction, scope: Scope, subscription: Subscription, kind: str, topic_arn: str
) -> None:
    topic = TOPICS.get(tx, scope, subscription.topic)
    url = ctx.endpoint
    arn = subscription_arn(scope, subscription)
    members = {
        "Type": kind,
        "MessageId": ctx.draw.uuid(),
        "Token": subscription.token,
        "TopicArn": topic_arn,
        "Message": _HANDSHAKE_TEXT[kind].format(topic=topic_arn, subscription=arn),
        "SubscribeURL": confirm_url(url, topic_arn, subscription.token),
        "Timestamp": timestamp(ctx.now),
    }
    version = topic.signature_version if topic is not None else "1"
    signature = signing.sign(ctx, tx, scope, members, version, url)
    text = render_handshake(members, signature)
    if subscription.protocol in ("http", "https"):
        payload = encode((kind, subscription.endpoint, topic_arn, members["MessageId"], text))
        retry = Retry(attempts=4, first_delay_seconds=20.0, longest_delay_seconds=20.0)
        tx.enqueue(_delivery(ctx, "sns.handshake", f"sns/{arn}/handshake", scope, payload, retry=retry))
        return
    if subscription.protocol == "sqs":
        sent = {"MessageBody": text}
        if subscription.endpoint.endswith(".fifo"):
            sent |= {"MessageGroupId": subscription.id, "MessageDeduplicationId": members["MessageId"]}
        tx.enqueue(sqs.delivery(ctx, subscription.endpoint, sent, sender=_sender(topic_arn)))
        return
    subject = "AWS Notification - Subscription Confirmation"
    message = Message(members["MessageId"], topic_arn, {"default": text}, ctx.now, url, subject)
    shown = text if subscription.protocol == "email-json" else f"{members['Message']}\n{members['SubscribeURL']}"
    outbox.keep(ctx, tx, scope, outbox.mail_of(message, subscription.protocol, subscription.endpoint, shown))


def start_replay(ctx: Context, tx: Transaction, scope: Scope, subscription: Subscription) -> None:
    """Delivers a FIFO topic's archived messages from the replay policy's starting point to its end, or now."""
    policy = json.loads(subscription.attributes["ReplayPolicy"])
    since, upto = topics.parse_timestamp(policy.get("StartingPoint"), "StartingPoint"), ctx.now
    if "EndingPoint" in policy:
        # The start is part of it, the end is not.
        upto = min(upto, math.nextafter(topics.parse_timestamp(policy["EndingPoint"], "EndingPoint"), 0.0))
    replay = Replay(subscription.topic, subscription.id, 0, since, upto)
    waiting = msgspec.structs.replace(subscription, replay_status="Pending")
    SUBSCRIPTIONS.replace(tx, scope, subscription, waiting)
    lane = f"sns/{subscription_arn(scope, subscription)}/replay"
    tx.enqueue(_delivery(ctx, "sns.replay", lane, scope, encode(replay)))


@delivery("sns.replay")
def go_on_replaying(ctx: Context, tx: Transaction, made: Delivery) -> None:
    replay = _decode_replay(made.payload)
    topic = TOPICS.get(tx, made.scope, replay.topic)
    subscription = SUBSCRIPTIONS.open(tx, made.scope, replay.topic, replay.subscription)
    if topic is None or subscription is None:
        raise Undeliverable("the subscription was deleted")
    page = list(ARCHIVE.scan(tx, made.scope, replay.topic, after=replay.after, limit=DIRECT))
    for archived in page:
        if replay.since <= archived.published_at <= replay.upto:
            message = msgspec.structs.replace(decode_message(archived.message), is_replayed=True)
            deliver(Publication(ctx, tx, made.scope, topic, message), subscription)
    is_done = len(page) < DIRECT
    if not is_done:
        later = msgspec.structs.replace(replay, after=page[-1].sequence)
        tx.enqueue(_delivery(ctx, "sns.replay", made.lane, made.scope, encode(later)))
    told = msgspec.structs.replace(subscription, replay_status="Completed" if is_done else "In progress")
    SUBSCRIPTIONS.replace(tx, made.scope, subscription, told)
