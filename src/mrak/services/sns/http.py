"""Deliveries to HTTP and HTTPS endpoints, with SNS's headers and its retry policies.

Each attempt is a delivery of its own: a failed one enqueues the next, due when the subscription's policy says. So
endpoints that fail hold no lane, and a policy changed meanwhile counts. Whatever else an endpoint answers than 429 or
5xx counts as delivered at AWS (recorded: a 400 is logged as SUCCESS, and goes to no dead-letter queue).

https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
"""

from __future__ import annotations

from http.client import responses
from typing import Any

import msgspec

from mrak.core.background import Delivery, Retry
from mrak.core.context import Context, Transaction
from mrak.core.http import OutgoingError
from mrak.core.operation import delivery
from mrak.services.sns import deliveries, signing, status, subscriptions
from mrak.services.sns.messages import Message, Signature, decode_message, encode, render_notification
from mrak.services.sns.tables import TOPICS, Subscription, Topic

TIMEOUT_SECONDS = 15.0
_AGENT = ("User-Agent", "Amazon Simple Notification Service Agent")
_TEXT = "text/plain; charset=UTF-8"


@delivery("sns.http")
async def post(ctx: Context, made: Delivery) -> None:
    """One attempt."""
    arn, raw, attempt = msgspec.msgpack.decode(made.payload)
    message = decode_message(raw)

    def prepare(tx: Transaction) -> tuple[Subscription | None, Topic | None, Signature | None]:
        subscription = deliveries.find_subscription(tx, made.scope, arn)
        topic = TOPICS.get(tx, made.scope, subscription.topic) if subscription is not None else None
        needs_signature = subscription is not None and not subscription.is_raw
        protocol = subscription.protocol if subscription is not None else ""
        signature = signing.sign_message(ctx, tx, made.scope, message, protocol) if needs_signature else None
        return subscription, topic, signature

    subscription, topic, signature = await ctx.transact(prepare)
    if subscription is None or topic is None:
        return
    policy = subscriptions.effective_delivery_policy(topic, subscription)
    body, headers = _render(subscription, arn, message, signature, policy)
    code, phrase = await _send(ctx, subscription.endpoint, headers, body)
    is_delivered = _is_delivered(code)
    outcome = status.Outcome(code, phrase, is_failure=not is_delivered, attempts=0 if is_delivered else attempt - 1)
    notice = status.find_notice(topic, subscription, message)
    if is_delivered and notice is None:
        return
    delay_seconds = find_delay(policy["healthyRetryPolicy"], attempt)

    def go_on(tx: Transaction) -> None:
        if notice is not None:
            status.log_outcome(ctx, tx, made.scope, notice, outcome)
        if is_delivered:
            return
        if delay_seconds is None:
            deliveries.bury_message(ctx, tx, made.scope, arn, message, phrase)
        else:
            tx.enqueue(_next_attempt(ctx, made, delay_seconds))

    await ctx.transact(go_on)


def _next_attempt(ctx: Context, made: Delivery, delay_seconds: float) -> Delivery:
    arn, raw, attempt = msgspec.msgpack.decode(made.payload)
    return Delivery(
        kind="sns.http",
        # Deliveries of one attempt wait equally long: a few lanes hold them in the order in which they are due.
        lane=f"{made.lane.partition('/retry/')[0]}/retry/{attempt}",
        scope=made.scope,
        payload=encode((arn, raw, attempt + 1)),
        retry=Retry(attempts=1),
        trace=made.trace,
        enqueued_at=ctx.now,
        due_at=ctx.clock() + delay_seconds,
    )


@delivery("sns.handshake")
async def post_handshake(ctx: Context, made: Delivery) -> None:
    """SubscriptionConfirmation or UnsubscribeConfirmation."""
    kind, endpoint, topic_arn, message_id, text = msgspec.msgpack.decode(made.payload)
    headers = [
        ("x-amz-sns-message-type", kind),
        ("x-amz-sns-message-id", message_id),
        ("x-amz-sns-topic-arn", topic_arn),
        ("Content-Type", _TEXT),
        _AGENT,
        ("Accept-Encoding", "gzip,deflate"),
    ]
    code, _ = await _send(ctx, endpoint, headers, text.encode())
    if not _is_delivered(code):
        raise ConfirmationRefused(f"{endpoint} answered {code}")


class ConfirmationRefused(Exception):
    """The endpoint did not take the handshake message; it is tried again."""


def _is_delivered(code: int) -> bool:
    """`code` is 0 where nobody answered."""
    return 0 < code < 500 and code != 429


async def _send(ctx: Context, url: str, headers: list[tuple[str, str]], body: bytes) -> tuple[int, str]:
    """The reply's status and what that is called; 0 and the reason where there was none."""
    client = ctx.part("http")
    try:
        reply = await client.send("POST", url, headers, body, TIMEOUT_SECONDS)
    except OutgoingError as error:
        return 0, str(error)
    return int(reply.status), responses.get(int(reply.status), "")


def _render(
    subscription: Subscription, arn: str, message: Message, signature: Signature | None, policy: dict[str, Any]
) -> tuple[bytes, list[tuple[str, str]]]:
    headers = [
        ("x-amz-sns-message-type", "Notification"),
        ("x-amz-sns-message-id", message.id),
        ("x-amz-sns-topic-arn", message.topic_arn),
        ("x-amz-sns-subscription-arn", arn),
    ]
    if subscription.is_raw:
        headers.append(("x-amz-sns-rawdelivery", "true"))
        text = message.body_for(subscription.protocol)
    else:
        text = render_notification(message, subscription.protocol, arn, signature)
    headers += [("Content-Type", policy["requestPolicy"]["headerContentType"]), _AGENT]
    headers.append(("Accept-Encoding", "gzip,deflate"))
    return text.encode(), headers


def find_delay(policy: dict[str, Any], attempt: int) -> float | None:
    """How long to wait after the `attempt`th failed; None where the policy gives up.

    The phases are: at once, at the shortest delay, backing off, at the longest delay.
    """
    shortest, longest = float(policy["minDelayTarget"]), float(policy["maxDelayTarget"])
    at_once, pre, post = (
        int(policy.get(name) or 0) for name in ("numNoDelayRetries", "numMinDelayRetries", "numMaxDelayRetries")
    )
    total = int(policy["numRetries"])
    if attempt > total:
        return None
    if attempt <= at_once:
        return 0.0
    if attempt <= at_once + pre:
        return shortest
    if attempt > total - post:
        return longest
    steps = total - at_once - pre - post
    step = attempt - at_once - pre - 1
    return _back_off(str(policy.get("backoffFunction") or "linear"), shortest, longest, step / max(1, steps - 1))


def _back_off(function: str, shortest: float, longest: float, share: float) -> float:
    """The delay at `share` (0 to 1) of the way from the shortest to the longest."""
    if function == "geometric":
        share **= 2
    elif function == "exponential":
        share = (2.0 ** (share * 5) - 1) / 31
    elif function == "arithmetic":
        share = share * (share + 1) / 2
    return shortest + (longest - shortest) * share
