"""Publish and PublishBatch."""

from __future__ import annotations

import logging
import re
from typing import Any

import msgspec
from msgspec.structs import replace

from mrak.auth.principals import service_principal
from mrak.core.arn import find_arn
from mrak.core.background import Delivery, Undeliverable, settle
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import delivery, operation
from mrak.core.scope import Scope
from mrak.services.sns import deliveries, errors, outbox, platforms, protection, publishing, topics
from mrak.services.sns.exports import PUBLISH
from mrak.services.sns.messages import Message, encode
from mrak.services.sns.outbox import mail_of
from mrak.services.sns.sms import is_opted_out
from mrak.services.sns.tables import DEDUPLICATED, TOPICS, Topic

log = logging.getLogger("mrak.sns")

_E164 = re.compile(r"\+[0-9]{1,15}")
_ENTRY_ID = re.compile(r"[A-Za-z0-9_-]*")
_MAX_ENTRIES = 10
_MAX_ENTRY_ID = 80
_CHUNK_BYTES = 65_536


@operation("Publish")
def publish(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    if not req["Message"]:
        raise errors.invalid_parameter("Empty message")
    if req.get("PhoneNumber") is not None:
        return _publish_sms(ctx, tx, req)
    target = req.get("TopicArn") or req.get("TargetArn")
    if not target:
        raise errors.invalid_parameter("TopicArn or TargetArn Reason: no value for required parameter")
    ctx.about(target)
    if ":endpoint/" in target:
        return _publish_push(ctx, tx, req, target)
    scope, topic = _require_topic(ctx, tx, target, "TopicArn" if req.get("TopicArn") else "TargetArn")
    return _publish_entry(ctx, tx, scope, topic, req)


def _require_topic(ctx: Context, tx: Transaction, target: str, parameter: str) -> tuple[Scope, Topic]:
    scope, name = topics.locate(ctx.scope, target, parameter)
    topic = TOPICS.get(tx, scope, name)
    if topic is None:
        raise errors.no_topic()
    return scope, topic


def _publish_entry(ctx: Context, tx: Transaction, scope: Scope, topic: Topic, entry: dict[str, Any]) -> dict[str, Any]:
    """One message to a topic: checked, put in order, handed to the outbox."""
    publishing.check_attributes(entry)
    publishing.check_content(entry, topic)
    bodies = publishing.parse_bodies(entry)
    deduplication_id = publishing.check_ordering(entry, topic)
    group = entry.get("MessageGroupId") or ""
    ctx.meter("SNS-Requests", -(-publishing.message_bytes(entry) // _CHUNK_BYTES))
    message = Message(
        id=ctx.draw.uuid(),
        topic_arn=topics.topic_arn(scope, topic.name),
        bodies=bodies,
        published_at=ctx.now,
        base_url=ctx.endpoint,
        subject=entry.get("Subject"),
        attributes=entry.get("MessageAttributes") or {},
        is_structured="MessageStructure" in entry,
        group_id=group,
        deduplication_id=deduplication_id,
        signature_version=topic.signature_version,
        trace=_trace_of(ctx, topic),
    )
    if topic.data_protection_policy:
        message = protection.take_in(ctx, tx, scope, topic, message)
    publishing.check_key(ctx, tx, scope, topic)
    if not topic.is_fifo:
        deliveries.fan_out(ctx, tx, scope, topic, message)
        return {"MessageId": message.id}
    DEDUPLICATED.lock(tx, scope, topic.name)
    key = publishing.deduplication_key(topic, group, deduplication_id)
    duplicate = publishing.find_duplicate(ctx, tx, scope, topic, key)
    if duplicate is not None:
        return {"MessageId": duplicate.message_id, "SequenceNumber": duplicate.sequence_number}
    number = publishing.admit(ctx, tx, scope, topic, key, message.id)
    message = replace(message, sequence_number=number)
    publishing.archive(tx, scope, topic, number, ctx.now, encode(message))
    deliveries.fan_out(ctx, tx, scope, topic, message)
    return {"MessageId": message.id, "SequenceNumber": number}


def _trace_of(ctx: Context, topic: Topic) -> str:
    """What queues get as AWSTraceHeader: a topic that does not trace hands on the publisher's header as it is."""
    if topic.attributes.get("TracingConfig") == "Active":
        return ctx.trace
    return ctx.http.headers.get("x-amzn-trace-id", "") if ctx.http is not None else ""


def _publish_sms(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    number = req["PhoneNumber"]
    if not _E164.fullmatch(number):
        raise errors.invalid_parameter(f"PhoneNumber Reason: {number} is not valid to publish to")
    publishing.check_attributes(req)
    publishing.check_content(req, None)
    message = _direct_message(ctx, req)
    if not is_opted_out(tx, ctx.scope, number):
        outbox.keep(ctx, tx, ctx.scope, mail_of(message, "sms", number, message.body_for("sms")))
    return {"MessageId": message.id}


def _publish_push(ctx: Context, tx: Transaction, req: dict[str, Any], target: str) -> dict[str, Any]:
    found = platforms.find_endpoint(tx, ctx.scope, target, "TargetArn")
    if found is None:
        raise errors.invalid_parameter("TargetArn Reason: No endpoint found for the target arn specified")
    scope, application, endpoint = found
    if application.attributes.get("Enabled", "true") == "false":
        raise errors.application_disabled()
    if endpoint.attributes.get("Enabled") == "false":
        raise errors.endpoint_disabled()
    publishing.check_attributes(req)
    publishing.check_content(req, None)
    message = _direct_message(ctx, req)
    outbox.keep(ctx, tx, scope, mail_of(message, "application", target, message.body_for(application.platform)))
    return {"MessageId": message.id}


def _direct_message(ctx: Context, req: dict[str, Any]) -> Message:
    return Message(
        id=ctx.draw.uuid(),
        topic_arn="",
        bodies=publishing.parse_bodies(req),
        published_at=ctx.now,
        base_url=ctx.endpoint,
        subject=req.get("Subject"),
        attributes=req.get("MessageAttributes") or {},
    )


@operation("PublishBatch", action="sns:Publish")
def publish_batch(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    entries = req["PublishBatchRequestEntries"]
    found = find_arn(req["TopicArn"])
    if found is None:
        raise errors.short_arn("TopicArn", req["TopicArn"])
    ctx.about(req["TopicArn"])
    _check_batch(entries)
    scope, topic = _require_topic(ctx, tx, req["TopicArn"], "TopicArn")
    if sum(publishing.message_bytes(entry) for entry in entries) > topics.max_message_bytes(topic):
        raise errors.batch_too_long()
    for entry in entries:
        publishing.check_attributes(entry)
    # What is wrong with one message of a FIFO topic refuses all, since nothing may overtake it.
    accepted, failed = (entries, []) if topic.is_fifo else _sort_out(entries, topic)
    sent = [{"Id": entry["Id"], **_publish_entry(ctx, tx, scope, topic, entry)} for entry in accepted]
    return {"Successful": sent, "Failed": failed}


def _sort_out(entries: list[dict[str, Any]], topic: Topic) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The entries of a batch that may be sent, and what is wrong with each of the others."""
    accepted, failed = [], []
    for entry in entries:
        try:
            publishing.check_content(entry, topic)
            publishing.parse_bodies(entry)
            publishing.check_ordering(entry, topic)
        except ApiError as error:
            failed.append({"Id": entry["Id"], "Code": error.code, "Message": error.message, "SenderFault": True})
        else:
            accepted.append(entry)
    return accepted, failed


def _check_batch(entries: list[dict[str, Any]]) -> None:
    if not entries:
        raise errors.empty_batch()
    if len(entries) > _MAX_ENTRIES:
        raise errors.too_many_entries()
    identifiers = [entry["Id"] for entry in entries]
    for identifier in identifiers:
        if len(identifier) > _MAX_ENTRY_ID:
            raise errors.entry_id_too_long(identifier)
        if not identifier or not _ENTRY_ID.fullmatch(identifier):
            raise errors.entry_id_impermissible(identifier)
    if len(set(identifiers)) != len(identifiers):
        raise errors.ids_not_distinct()


@delivery(PUBLISH)
def publish_delivered(ctx: Context, tx: Transaction, made: Delivery) -> None:
    """A message from another service, published in the transaction that removes the delivery: exactly once."""
    topic_arn, message, *rest = msgspec.msgpack.decode(made.payload)
    ctx.about(topic_arn)
    scope, name = topics.locate(made.scope, topic_arn)
    topic = TOPICS.get(tx, scope, name)
    if topic is None:
        raise Undeliverable("NotFound: Topic does not exist")
    if rest and rest[0] is not None:
        _check_permission(ctx, scope, topic, *rest[0])
    try:
        _publish_entry(ctx, tx, scope, topic, message)
    except ApiError as error:
        raise settle(error) from error


def _check_permission(
    ctx: Context, scope: Scope, topic: Topic, service: str, source_arn: str, account: str = ""
) -> None:
    """A service needs the permission of the topic's policy, in its own account too; the default policy gives none."""
    arn = topics.topic_arn(scope, topic.name)
    if topics.lets_publish(scope, topic, service_principal(service, account, source_arn), ctx.now):
        return
    ctx.annotate("hint", f"the policy of {arn} does not let {service} publish for {source_arn}")
    log.warning(
        "%s did not get a message: its policy does not let %s do sns:Publish for aws:SourceArn %s",
        arn,
        service,
        source_arn,
    )
    raise Undeliverable(f"AuthorizationError: {service} is not authorized to perform: SNS:Publish on resource: {arn}")
