"""Operations on topics: create, delete, list, attributes, permissions, tags, data protection."""

from __future__ import annotations

import json
import re
from typing import Any

from msgspec.structs import replace

from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.page import find_position, take_page
from mrak.core.scope import Scope
from mrak.services.sns import errors, protection, status, topics
from mrak.services.sns.messages import timestamp
from mrak.services.sns.subscriptions import count_by_state
from mrak.services.sns.tables import ARCHIVE, DEDUPLICATED, SUBSCRIPTIONS, TOPICS, Topic

PAGE_SIZE = 100
MAX_TAGS = 50
_ATTRIBUTES = "Attributes Reason: "
_ACCOUNT = re.compile("[0-9]{12}").fullmatch
_CREATABLE = topics.SETTABLE | {"FifoTopic"}


@operation("CreateTopic")
def create_topic(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name, attributes = req["Name"], topics.spell_switches(req.get("Attributes") or {})
    tags = _read_tags(req.get("Tags") or [])
    topics.check_name(name, attributes.get("FifoTopic") == "true")
    for attribute, value in attributes.items():
        if attribute not in _CREATABLE:
            raise errors.invalid_parameter(f"{_ATTRIBUTES}Unknown attribute {attribute}")
        attributes[attribute] = topics.check_attribute(attribute, value, _ATTRIBUTES)
        if attribute.endswith(status.ROLE) and value:
            status.check_role(ctx, tx, attribute, value, topics.topic_arn(ctx.scope, name))
    if attributes.get("FifoTopic") == "false":
        del attributes["FifoTopic"]
    topic_arn = topics.topic_arn(ctx.scope, name)
    ctx.about(topic_arn)
    existing = TOPICS.open(tx, ctx.scope, name)
    if existing is not None:
        _check_same(existing, attributes, tags)
        return {"TopicArn": topic_arn}
    if "FifoTopic" in attributes:
        attributes.setdefault("ContentBasedDeduplication", "false")
    if attributes.get("ArchivePolicy"):
        attributes["BeginningArchiveTime"] = timestamp(ctx.now)
    policy = req.get("DataProtectionPolicy", "")
    protection.check("FifoTopic" in attributes, policy)
    TOPICS.insert(tx, ctx.scope, Topic(name, attributes, tags, policy, created_at=ctx.now))
    return {"TopicArn": topic_arn}


def _check_same(existing: Topic, attributes: dict[str, str], tags: dict[str, str]) -> None:
    """CreateTopic is idempotent for the same topic; what is not named is not compared. Recorded: an archive policy is
    never the same."""
    given = {**attributes}
    archive = given.pop("ArchivePolicy", None)
    archives = archive is not None and bool(archive or existing.attributes.get("ArchivePolicy"))
    if archives or any(existing.attributes.get(name) != value for name, value in given.items()):
        raise errors.invalid_parameter(f"{_ATTRIBUTES}Topic already exists with different attributes")
    if not tags.items() <= existing.tags.items():
        raise errors.invalid_parameter("Tags Reason: Topic already exists with different tags")


def _read_tags(tags: list[dict[str, str]]) -> dict[str, str]:
    if len({tag["Key"] for tag in tags}) != len(tags):
        raise errors.invalid_parameter("Duplicated keys are not allowed.")
    if len(tags) > MAX_TAGS:
        raise errors.too_many_tags()
    return {tag["Key"]: tag["Value"] for tag in tags}


@operation("DeleteTopic")
def delete_topic(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    """Deleting a topic that is not there succeeds, as at AWS."""
    scope, name = topics.locate(ctx.scope, req["TopicArn"])
    ctx.about(req["TopicArn"])
    topic = TOPICS.open(tx, scope, name)
    if topic is None:
        return
    if topic.attributes.get("ArchivePolicy"):
        raise errors.archive_is_active()
    SUBSCRIPTIONS.delete_all(tx, scope, name)
    if topic.is_fifo:
        DEDUPLICATED.lock(tx, scope, name)
        DEDUPLICATED.delete_all(tx, scope, name)
        ARCHIVE.delete_all(tx, scope, name)
    TOPICS.delete(tx, scope, topic)


@operation("ListTopics")
def list_topics(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    after = _read_token(req)
    rows = TOPICS.scan(tx, ctx.scope, after=after, limit=PAGE_SIZE + 1)
    page, token = take_page(rows, PAGE_SIZE, lambda topic: topic.name)
    listed = {"Topics": [{"TopicArn": topics.topic_arn(ctx.scope, topic.name)} for topic in page]}
    return listed | ({"NextToken": token} if token else {})


def _read_token(req: dict[str, Any]) -> str | None:
    token = req.get("NextToken")
    if not token:
        return None
    position = find_position(token)
    if position is None:
        raise errors.invalid_parameter("NextToken Reason: Invalid token")
    return position


@operation("GetTopicAttributes")
def get_topic_attributes(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, topic = topics.require(tx, ctx.scope, req["TopicArn"])
    ctx.about(req["TopicArn"])
    confirmed, pending = count_by_state(tx, scope, topic.name)
    shown = {
        "DisplayName": "",
        **topic.attributes,
        "TopicArn": topics.topic_arn(scope, topic.name),
        "Owner": scope.account,
        "Policy": topics.render_policy(topics.policy_of(scope, topic)),
        "SubscriptionsConfirmed": str(confirmed),
        "SubscriptionsPending": str(pending),
        "SubscriptionsDeleted": str(topic.deleted_subscriptions),
        "EffectiveDeliveryPolicy": json.dumps(topics.effective_delivery_policy(topic), separators=(",", ":")),
    }
    return {"Attributes": shown}


@operation("SetTopicAttributes")
def set_topic_attributes(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    ((name, value),) = topics.spell_switches({req["AttributeName"]: req.get("AttributeValue", "")}).items()
    scope, topic = topics.require_open(tx, ctx.scope, req["TopicArn"])
    ctx.about(req["TopicArn"])
    topics.check_settable(topic, name, value)
    checked = topics.check_attribute(name, value)
    if name.endswith(status.ROLE) and value:
        status.check_role(ctx, tx, name, value, req["TopicArn"])
    attributes = dict(topic.attributes)
    if checked or name == "DisplayName":
        attributes[name] = checked
    else:
        attributes.pop(name, None)
    if name == "ArchivePolicy":
        attributes.pop("BeginningArchiveTime", None)
        if checked:
            attributes["BeginningArchiveTime"] = timestamp(ctx.now)
    TOPICS.replace(tx, scope, topic, replace(topic, attributes=attributes))


@operation("AddPermission")
def add_permission(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    """What is there already, word for word, may be added again."""
    scope, topic = topics.require_open(tx, ctx.scope, req["TopicArn"])
    ctx.about(req["TopicArn"])
    policy = topics.policy_of(scope, topic)
    known = {action.lower(): action for action in (*topics.POLICY_ACTIONS, "ListTagsForResource", "Receive")}
    actions = [f"SNS:{known.get(action.lower(), action)}" for action in req["ActionName"]]
    principals = [f"arn:{scope.partition}:iam::{account}:root" for account in req["AWSAccountId"]]
    statement = {
        "Sid": req["Label"],
        "Effect": "Allow",
        "Principal": {"AWS": principals[0] if len(principals) == 1 else principals},
        "Action": actions[0] if len(actions) == 1 else actions,
        "Resource": topics.topic_arn(scope, topic.name),
    }
    same = [existing for existing in policy["Statement"] if existing.get("Sid") == req["Label"]]
    if same == [statement]:
        return
    if same:
        raise errors.invalid_parameter("Statement already exists")
    if any(action != "*" and action.lower() not in known for action in req["ActionName"]):
        raise errors.invalid_parameter("Policy statement action out of service scope!")
    if not all(map(_ACCOUNT, req["AWSAccountId"])):
        raise errors.invalid_parameter("Policy Error: PrincipalNotFound")
    _set_policy(tx, scope, topic, {**policy, "Statement": [*policy["Statement"], statement]})


@operation("RemovePermission")
def remove_permission(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    scope, topic = topics.require_open(tx, ctx.scope, req["TopicArn"])
    ctx.about(req["TopicArn"])
    policy = topics.policy_of(scope, topic)
    left = [statement for statement in policy["Statement"] if statement.get("Sid") != req["Label"]]
    _set_policy(tx, scope, topic, {**policy, "Statement": left})


def _set_policy(tx: Transaction, scope: Scope, topic: Topic, policy: dict[str, Any]) -> None:
    attributes = {**topic.attributes, "Policy": topics.render_policy(policy)}
    TOPICS.replace(tx, scope, topic, replace(topic, attributes=attributes))


@operation("TagResource")
def tag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    added = _read_tags(req["Tags"])
    scope, topic = _require_tagged(ctx, tx, req["ResourceArn"])
    tags = {**topic.tags, **added}
    if len(tags) > MAX_TAGS:
        raise errors.too_many_tags()
    TOPICS.replace(tx, scope, topic, replace(topic, tags=tags))


@operation("UntagResource")
def untag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    scope, topic = _require_tagged(ctx, tx, req["ResourceArn"])
    tags = {key: value for key, value in topic.tags.items() if key not in req["TagKeys"]}
    TOPICS.replace(tx, scope, topic, replace(topic, tags=tags))


@operation("ListTagsForResource")
def list_tags_for_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    _, topic = _require_tagged(ctx, tx, req["ResourceArn"])
    return {"Tags": [{"Key": key, "Value": value} for key, value in topic.tags.items()]}


def _require_tagged(ctx: Context, tx: Transaction, text: str) -> tuple[Scope, Topic]:
    ctx.about(text)
    found = find_arn(text)
    scope, name = (ctx.scope, "") if found is None else topics.locate(ctx.scope, text, "ResourceArn")
    topic = TOPICS.open(tx, scope, name) if name else None
    if topic is None:
        raise errors.no_resource()
    return scope, topic


@operation("PutDataProtectionPolicy")
def put_data_protection_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    scope, topic = topics.require_open(tx, ctx.scope, req["ResourceArn"])
    ctx.about(req["ResourceArn"])
    policy = req["DataProtectionPolicy"]
    protection.check(topic.is_fifo, policy)
    TOPICS.replace(tx, scope, topic, replace(topic, data_protection_policy=policy))


@operation("GetDataProtectionPolicy")
def get_data_protection_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    _, topic = topics.require(tx, ctx.scope, req["ResourceArn"])
    ctx.about(req["ResourceArn"])
    policy = topic.data_protection_policy
    return {"DataProtectionPolicy": policy} if policy else {}
