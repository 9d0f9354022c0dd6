"""Operations on subscriptions: subscribe, confirm, unsubscribe, list, attributes."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.page import find_position, render_token
from mrak.core.scope import Scope
from mrak.services.sns import deliveries, errors, subscriptions, topics
from mrak.services.sns.subscriptions import PENDING_ARN, subscription_arn
from mrak.services.sns.tables import BY_ENDPOINT, SUBSCRIPTIONS, TOPICS, Subscription

PAGE_SIZE = 100
_ATTRIBUTES = "Attributes Reason: "


@operation("Subscribe")
def subscribe(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    protocol, endpoint = req["Protocol"], req.get("Endpoint", "")
    attributes = req.get("Attributes") or {}
    if protocol not in subscriptions.PROTOCOLS:
        raise errors.invalid_parameter(f"Amazon SNS does not support this protocol string: {protocol}")
    topics.locate(ctx.scope, req["TopicArn"])
    scope, topic = topics.require_open(tx, ctx.scope, req["TopicArn"])
    ctx.about(req["TopicArn"])
    subscriptions.check_endpoint(tx, ctx.scope, topic, protocol, endpoint)
    subscriptions.check_attributes(topic.name, protocol, endpoint, attributes, _ATTRIBUTES)
    attributes = subscriptions.normal_attributes(attributes)
    existing = next(BY_ENDPOINT.scan(tx, scope, topic.name, protocol, endpoint, limit=1), None)
    if existing is not None:
        _check_same(existing, attributes)
        subscription = existing
    else:
        subscriptions.check_filter_quota(tx, scope, topic.name, attributes)
        subscription = _insert(ctx, tx, scope, topic.name, req, attributes)
    if subscription.is_pending:
        deliveries.ask_for_confirmation(ctx, tx, scope, subscription)
    shown = subscription.is_pending and not req.get("ReturnSubscriptionArn")
    return {"SubscriptionArn": PENDING_ARN if shown else subscription_arn(scope, subscription)}


def _check_same(existing: Subscription, attributes: dict[str, str]) -> None:
    defaults = {"RawMessageDelivery": "false", "FilterPolicyScope": "MessageAttributes"}
    for name, value in attributes.items():
        if existing.attributes.get(name, defaults.get(name)) != value:
            raise errors.invalid_parameter(f"{_ATTRIBUTES}Subscription already exists with different attributes")


def _insert(
    ctx: Context, tx: Transaction, scope: Scope, topic: str, req: dict[str, Any], attributes: dict[str, str]
) -> Subscription:
    identifier = ctx.draw.uuid()
    is_pending = subscriptions.needs_confirmation(req["Protocol"], req["Endpoint"], ctx.scope.account)
    subscription = Subscription(
        topic=topic,
        id=identifier,
        protocol=req["Protocol"],
        endpoint=req["Endpoint"],
        owner=ctx.scope.account,
        principal=ctx.principal.arn,
        attributes=attributes,
        is_pending=is_pending,
        token=subscriptions.make_token(ctx, scope, topic, identifier) if is_pending else "",
        was_authenticated=not is_pending,
        created_at=ctx.now,
    )
    SUBSCRIPTIONS.lock(tx, scope, topic, identifier)
    SUBSCRIPTIONS.insert(tx, scope, subscription)
    if "ReplayPolicy" in attributes:
        deliveries.start_replay(ctx, tx, scope, subscription)
    return subscription


@operation("ConfirmSubscription")
def confirm_subscription(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """Anybody who has the token may confirm, signed or not; it names its subscription, so the caller's scope is
    none of its matter."""
    scope, topic, identifier = subscriptions.parse_token(req["Token"], ctx.scope)
    if req["TopicArn"].count(":") != 5 or req["TopicArn"].split(":")[3] != scope.region:
        raise errors.invalid_parameter("Topic")
    subscription = SUBSCRIPTIONS.open(tx, scope, topic, identifier)
    if subscription is None or subscription.token != req["Token"]:
        raise errors.invalid_parameter("Token")
    ctx.about(subscription_arn(scope, subscription))
    authenticated = str(req.get("AuthenticateOnUnsubscribe", "")).lower() == "true"
    confirmed = replace(
        subscription,
        is_pending=False,
        was_authenticated=ctx.principal.account != "",
        needs_authentication_to_unsubscribe=authenticated,
    )
    SUBSCRIPTIONS.replace(tx, scope, subscription, confirmed)
    return {"SubscriptionArn": subscription_arn(scope, confirmed)}


@operation("Unsubscribe")
def unsubscribe(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    """Unsubscribing what is not there succeeds, as at AWS."""
    found_scope = ctx.scope if ctx.principal.account else _scope_of(ctx, req["SubscriptionArn"])
    scope, topic_name, identifier = subscriptions.locate(found_scope, req["SubscriptionArn"])
    ctx.about(req["SubscriptionArn"])
    topic = TOPICS.open(tx, scope, topic_name)
    subscription = SUBSCRIPTIONS.open(tx, scope, topic_name, identifier)
    if subscription is None or topic is None:
        return
    if subscription.needs_authentication_to_unsubscribe and not ctx.principal.account:
        raise errors.not_authorized("Unsubscribe", req["SubscriptionArn"])
    SUBSCRIPTIONS.delete(tx, scope, subscription)
    TOPICS.replace(tx, scope, topic, replace(topic, deleted_subscriptions=topic.deleted_subscriptions + 1))
    if subscription.protocol in ("http", "https") and not subscription.is_pending:
        deliveries.tell_unsubscribed(ctx, tx, scope, topic, subscription)


def _scope_of(ctx: Context, text: str) -> Scope:
    """An unsigned request (the link in a notification) is for the region that its ARN names."""
    parts = text.split(":")
    return ctx.scope.in_region(parts[3]) if len(parts) > 3 and parts[3] else ctx.scope


@operation("ListSubscriptions")
def list_subscriptions(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    topic, identifier = _read_position(req, 2) or (None, "")
    rows: list[Subscription] = []
    if topic is not None:
        rows += SUBSCRIPTIONS.scan(tx, ctx.scope, topic, after=identifier, limit=PAGE_SIZE + 1)
    if len(rows) <= PAGE_SIZE:
        rows += SUBSCRIPTIONS.scan(tx, ctx.scope, after=topic, limit=PAGE_SIZE + 1 - len(rows))
    return _render_page(ctx.scope, rows, lambda row: f"{row.topic}\n{row.id}")


@operation("ListSubscriptionsByTopic")
def list_subscriptions_by_topic(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    position = _read_position(req, 1)
    scope, topic = topics.require(tx, ctx.scope, req["TopicArn"])
    ctx.about(req["TopicArn"])
    after = position[0] if position else None
    rows = list(SUBSCRIPTIONS.scan(tx, scope, topic.name, after=after, limit=PAGE_SIZE + 1))
    return _render_page(scope, rows, lambda row: row.id)


def _read_position(req: dict[str, Any], parts: int) -> list[str] | None:
    token = req.get("NextToken")
    if not token:
        return None
    position = find_position(token)
    if position is None or position.count("\n") != parts - 1:
        raise errors.invalid_parameter("NextToken Reason: Invalid token")
    return position.split("\n")


def _render_page(scope: Scope, rows: list[Subscription], position_of: Any) -> dict[str, Any]:
    page = rows[:PAGE_SIZE]
    listed = {"Subscriptions": [_render(scope, subscription) for subscription in page]}
    if len(rows) > PAGE_SIZE:
        return listed | {"NextToken": render_token(position_of(page[-1]))}
    return listed


def _render(scope: Scope, subscription: Subscription) -> dict[str, str]:
    arn = "PendingConfirmation" if subscription.is_pending else subscription_arn(scope, subscription)
    return {
        "SubscriptionArn": arn,
        "Owner": subscription.owner,
        "Protocol": subscription.protocol,
        "Endpoint": subscription.endpoint,
        "TopicArn": topics.topic_arn(scope, subscription.topic),
    }


@operation("GetSubscriptionAttributes")
def get_subscription_attributes(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, subscription = subscriptions.require(tx, ctx.scope, req["SubscriptionArn"])
    ctx.about(req["SubscriptionArn"])
    topic = TOPICS.get(tx, scope, subscription.topic)
    return {"Attributes": subscriptions.render_attributes(scope, topic, subscription)}


@operation("SetSubscriptionAttributes")
def set_subscription_attributes(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    name, value = req["AttributeName"], req.get("AttributeValue", "")
    scope, subscription = subscriptions.require_open(tx, ctx.scope, req["SubscriptionArn"])
    ctx.about(req["SubscriptionArn"])
    attributes = {**subscription.attributes, name: value}
    subscriptions.check_attributes(subscription.topic, subscription.protocol, subscription.endpoint, attributes, "")
    attributes = subscriptions.normal_attributes(attributes)
    if not subscription.filtered:
        subscriptions.check_filter_quota(tx, scope, subscription.topic, attributes)
    changed = replace(subscription, attributes=attributes)
    SUBSCRIPTIONS.replace(tx, scope, subscription, changed)
    if name == "ReplayPolicy" and name in attributes:
        deliveries.start_replay(ctx, tx, scope, changed)
