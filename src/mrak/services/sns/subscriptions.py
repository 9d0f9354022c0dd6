"""Subscriptions: their ARNs, endpoints, attributes and confirmation tokens."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

import msgspec

from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.lang import filterpolicies
from mrak.lang.filterpolicies import FilterPolicyError
from mrak.services.sns import errors, platforms, retrypolicies, topics
from mrak.services.sns.tables import FILTERED, PENDING, SUBSCRIPTIONS, Subscription, Topic

PROTOCOLS = frozenset({"http", "https", "email", "email-json", "sms", "sqs", "application", "lambda", "firehose"})
_CONFIRMED_BY_HAND = frozenset({"http", "https", "email", "email-json"})
RAW_PROTOCOLS = frozenset({"sqs", "http", "https", "firehose"})
SETTABLE = frozenset(
    {
        "DeliveryPolicy",
        "FilterPolicy",
        "FilterPolicyScope",
        "RawMessageDelivery",
        "RedrivePolicy",
        "ReplayPolicy",
        "SubscriptionRoleArn",
    }
)
_FIFO, _STANDARD = "FIFO", "Standard"
PENDING_ARN = "pending confirmation"
MAX_FILTER_POLICIES = 200
_PHONE = re.compile(r"\+?[0-9](?:[ ()./-]?[0-9]){2,25}|\+[0-9]{3,15}")
_EMAIL = re.compile(r"[^@\s]{1,256}@[^@\s]{1,256}")
_TOKEN = re.compile(r"[0-9a-f]{1,4096}")


def subscription_arn(scope: Scope, subscription: Subscription) -> str:
    return f"{topics.topic_arn(scope, subscription.topic)}:{subscription.id}"


def locate(scope: Scope, text: str) -> tuple[Scope, str, str]:
    """Scope, topic and id that a subscription's ARN names."""
    if not text:
        raise errors.invalid_parameter("SubscriptionArn Reason: no value for required parameter")
    found = find_arn(text)
    if found is None:
        raise errors.short_arn("SubscriptionArn", text)
    topic, colon, identifier = found.resource.partition(":")
    if not colon or not identifier:
        raise errors.invalid_parameter("SubscriptionId")
    if found.region != scope.region:
        raise errors.invalid_parameter("SubscriptionArn")
    return scope.in_account(found.account), topic, identifier


def require(tx: Transaction, scope: Scope, text: str) -> tuple[Scope, Subscription]:
    home, topic, identifier = locate(scope, text)
    subscription = SUBSCRIPTIONS.get(tx, home, topic, identifier)
    if subscription is None:
        raise errors.no_subscription()
    return home, subscription


def require_open(tx: Transaction, scope: Scope, text: str) -> tuple[Scope, Subscription]:
    home, topic, identifier = locate(scope, text)
    subscription = SUBSCRIPTIONS.open(tx, home, topic, identifier)
    if subscription is None:
        raise errors.no_subscription()
    return home, subscription


def count_by_state(tx: Transaction, scope: Scope, topic: str) -> tuple[int, int]:
    """How many subscriptions of a topic are confirmed, and how many pending."""
    pending = PENDING.count(tx, scope, topic)
    return SUBSCRIPTIONS.count(tx, scope, topic) - pending, pending


def needs_confirmation(protocol: str, endpoint: str, account: str) -> bool:
    """Whether the endpoint is asked first: servers and mailboxes always, queues where somebody else subscribes them.

    https://docs.aws.amazon.com/sns/latest/dg/sns-send-message-to-sqs-cross-account.html
    """
    if protocol != "sqs":
        return protocol in _CONFIRMED_BY_HAND
    found = find_arn(endpoint)
    assert found is not None, endpoint
    return found.account != account


def check_filter_quota(tx: Transaction, scope: Scope, topic: str, attributes: dict[str, str]) -> None:
    """A topic takes 200 subscriptions with filter policies."""
    if attributes.get("FilterPolicy") and FILTERED.count(tx, scope, topic) >= MAX_FILTER_POLICIES:
        raise errors.too_many_filter_policies()


def make_token(ctx: Context, scope: Scope, topic: str, identifier: str) -> str:
    """A token that tells which subscription it confirms, and that nobody can guess."""
    return f"{scope.region}:{scope.account}:{topic}:{identifier}:{ctx.draw.hex(64)}".encode().hex()


def parse_token(token: str, scope: Scope) -> tuple[Scope, str, str]:
    """Scope, topic and id of the subscription that a token is for."""
    if not _TOKEN.fullmatch(token):
        raise errors.invalid_token()
    try:
        parts = bytes.fromhex(token).decode().split(":")
    except ValueError:
        parts = []
    if len(parts) != 5:
        raise errors.invalid_parameter("Token")
    region, account, topic, identifier, _ = parts
    return Scope(scope.environment, account, region), topic, identifier


def check_endpoint(tx: Transaction, scope: Scope, topic: Topic, protocol: str, endpoint: str) -> None:
    """The form of an endpoint, by its protocol; one for push notifications has to be there."""
    if not endpoint:
        raise errors.invalid_parameter("Endpoint")
    if topic.is_fifo and protocol != "sqs":
        raise errors.invalid_parameter(f"Invalid protocol type: {protocol}")
    if protocol in ("http", "https"):
        parts = urlsplit(endpoint)
        if parts.scheme != protocol or not parts.hostname:
            raise errors.invalid_parameter("Endpoint must match the specified protocol")
    elif protocol in ("email", "email-json"):
        if not _EMAIL.fullmatch(endpoint):
            raise errors.invalid_parameter("Email address")
    elif protocol == "sms":
        if not _PHONE.fullmatch(endpoint):
            raise errors.invalid_parameter(f"Invalid SMS endpoint: {endpoint}")
    else:
        _check_arn_endpoint(topic, protocol, endpoint)
    if protocol == "application" and platforms.find_endpoint(tx, scope, endpoint, "Endpoint") is None:
        raise errors.invalid_parameter(f"Endpoint Reason: Endpoint does not exist for endpoint arn{endpoint}")


def _check_arn_endpoint(topic: Topic, protocol: str, endpoint: str) -> None:
    found = find_arn(endpoint)
    services = {"sqs": "sqs", "lambda": "lambda", "application": "sns", "firehose": "firehose"}
    names = {"sqs": "SQS", "lambda": "Lambda", "application": "Application", "firehose": "Firehose"}
    is_function = found is not None and found.resource.startswith("function:")
    if found is None or found.service != services[protocol] or (protocol == "lambda" and not is_function):
        raise errors.invalid_parameter(f"{names[protocol]} endpoint ARN")
    if protocol == "sqs" and found.resource.endswith(".fifo") and not topic.is_fifo:
        raise errors.invalid_parameter(
            "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics"
        )


def check_attributes(topic: str, protocol: str, endpoint: str, attributes: dict[str, str], prefix: str) -> None:
    """All attributes of a subscription together; `topic` is a name, `prefix` is "Attributes Reason: " for Subscribe."""
    for name, value in attributes.items():
        if name not in SETTABLE:
            raise errors.invalid_parameter(f"{prefix}{name}" if prefix else "AttributeName")
        _check_attribute(protocol, name, value, prefix)
    kind = _FIFO if endpoint.endswith(".fifo") else _STANDARD
    _check_redrive_policy(kind if topic.endswith(".fifo") else "", attributes.get("RedrivePolicy", ""), prefix)
    policy = attributes.get("FilterPolicy")
    # An empty policy takes the one that is there away.
    if policy and policy.strip() != "{}":
        scope = attributes.get("FilterPolicyScope") or filterpolicies.MESSAGE_ATTRIBUTES
        try:
            filterpolicies.parse(policy, scope)
        except FilterPolicyError as error:
            raise errors.invalid_parameter(f"{prefix}FilterPolicy: {error.reason}") from None


def _check_attribute(protocol: str, name: str, value: str, prefix: str) -> None:
    if name == "RawMessageDelivery":
        if value.lower() not in ("true", "false"):
            raise errors.invalid_parameter(
                f"{prefix}RawMessageDelivery: Invalid value [{value}]. Must be true or false."
            )
        if value.lower() == "true" and protocol not in RAW_PROTOCOLS:
            reason = f"RawMessageDelivery: Delivery protocol [{protocol}] does not support raw message delivery."
            raise errors.invalid_parameter(f"{prefix}{reason}")
    elif name == "FilterPolicyScope":
        if value and value not in (filterpolicies.MESSAGE_ATTRIBUTES, filterpolicies.MESSAGE_BODY):
            reason = f"Invalid value [{value}]. Please use either MessageBody or MessageAttributes"
            raise errors.invalid_parameter(f"{prefix}FilterPolicyScope: {reason}")
    elif name == "DeliveryPolicy" and value:
        retrypolicies.check_subscription_policy(_parse_object(name, value, prefix), prefix)
    elif name == "ReplayPolicy" and value:
        _parse_object(name, value, prefix)
    elif errors.CONTROL.search(value):
        raise errors.invalid_parameter(f"{prefix}{name}")


def _parse_object(name: str, value: str, prefix: str) -> dict[str, Any]:
    reason = filterpolicies.find_json_error(value)
    if reason is not None:
        raise errors.invalid_parameter(f"{prefix}{name}: failed to parse JSON. {reason}")
    try:
        document, _ = json.JSONDecoder().raw_decode(value.lstrip())
    except ValueError:
        document = None  # a number with more digits than anything here can mean
    if not isinstance(document, dict):
        raise errors.invalid_parameter(f"{prefix}{name}: failed to parse JSON.")
    return document


def _check_redrive_policy(kind: str, value: str, prefix: str) -> None:
    """Of a FIFO topic's subscriptions queue and dead-letter queue are of one kind; "" for a standard topic's, of which
    any will do."""
    if not value:
        return
    target = _parse_object("RedrivePolicy", value, prefix).get("deadLetterTargetArn")
    found = find_arn(target) if isinstance(target, str) else None
    if found is None or found.service != "sqs":
        raise errors.invalid_parameter(f"{prefix}RedrivePolicy: deadLetterTargetArn is an invalid arn")
    if kind and kind != (_FIFO if found.resource.endswith(".fifo") else _STANDARD):
        reason = f"must use a {kind} queue as DLQ for a {kind} Subscription to a FIFO Topic."
        raise errors.invalid_parameter(f"{prefix}RedrivePolicy: {reason}")


def normal_attributes(attributes: dict[str, str]) -> dict[str, str]:
    """As they are stored: empty values are unset, booleans in lower case, filter policies without blanks."""
    kept = {name: value for name, value in attributes.items() if value.strip() not in ("", "{}")}
    if "RawMessageDelivery" in kept:
        kept["RawMessageDelivery"] = kept["RawMessageDelivery"].lower()
    if "FilterPolicy" in kept:
        text = kept["FilterPolicy"].lstrip()
        _, end = json.JSONDecoder(parse_int=str).raw_decode(text)
        kept["FilterPolicy"] = msgspec.json.format(text[:end], indent=-1)
    if "DeliveryPolicy" in kept:
        kept["DeliveryPolicy"] = retrypolicies.normal_subscription_policy(json.loads(kept["DeliveryPolicy"]))
    return kept


def dead_letter_arn(subscription: Subscription) -> str:
    """The queue for what cannot be delivered; "" where there is none."""
    text = subscription.attributes.get("RedrivePolicy")
    return str(json.loads(text)["deadLetterTargetArn"]) if text else ""


def takes(subscription: Subscription, body: str, attributes: dict[str, Any]) -> bool:
    """Whether the subscription's filter policy lets a message through."""
    policy = subscription.attributes.get("FilterPolicy")
    if not policy:
        return True
    scope = subscription.attributes.get("FilterPolicyScope") or filterpolicies.MESSAGE_ATTRIBUTES
    return filterpolicies.parse(policy, scope).matches(body, attributes)


def render_attributes(scope: Scope, topic: Topic | None, subscription: Subscription) -> dict[str, str]:
    """GetSubscriptionAttributes' answer."""
    shown = {
        "SubscriptionArn": subscription_arn(scope, subscription),
        "TopicArn": topics.topic_arn(scope, subscription.topic),
        "Protocol": subscription.protocol,
        "Endpoint": subscription.endpoint,
        "Owner": subscription.owner,
        "SubscriptionPrincipal": subscription.principal,
        "PendingConfirmation": "true" if subscription.is_pending else "false",
        "ConfirmationWasAuthenticated": "true" if subscription.was_authenticated else "false",
        "RawMessageDelivery": "false",
        **subscription.attributes,
    }
    if subscription.attributes.get("FilterPolicy"):
        shown.setdefault("FilterPolicyScope", filterpolicies.MESSAGE_ATTRIBUTES)
    else:
        shown.pop("FilterPolicyScope", None)
    if "ReplayPolicy" in subscription.attributes and subscription.replay_status:
        shown["ReplayStatus"] = subscription.replay_status
    if topic is not None and subscription.protocol in ("http", "https"):
        shown["EffectiveDeliveryPolicy"] = json.dumps(effective_delivery_policy(topic, subscription))
    return shown


def effective_delivery_policy(topic: Topic, subscription: Subscription) -> dict[str, Any]:
    """How deliveries to an HTTP endpoint are tried again: the subscription's own policy over the topic's."""
    http = topics.effective_delivery_policy(topic)["http"]
    own: dict[str, Any] = {}
    if subscription.attributes.get("DeliveryPolicy") and not http["disableSubscriptionOverrides"]:
        own = json.loads(subscription.attributes["DeliveryPolicy"])
    retry, request = own.get("healthyRetryPolicy") or {}, own.get("requestPolicy") or {}
    return {
        "healthyRetryPolicy": http["defaultHealthyRetryPolicy"]
        | {key: value for key, value in retry.items() if value is not None},
        "sicklyRetryPolicy": None,
        "throttlePolicy": own.get("throttlePolicy") or http.get("defaultThrottlePolicy"),
        "requestPolicy": http["defaultRequestPolicy"] | request,
        "guaranteed": False,
    }
