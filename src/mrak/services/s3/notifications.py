"""Notifications of what happens to objects: the configuration, and events to queues, topics, functions, EventBridge.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html

An event is a delivery that is committed with its cause.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.protocol import times
from mrak.protocol.rest_xml import host_id
from mrak.services.s3 import buckets, errors
from mrak.services.s3.events import Happening, matches_event, render_bridge_event, render_record
from mrak.services.s3.tables import Bucket

KIND = "notification"
_LISTS = {
    "TopicConfigurations": ("TopicArn", "Topic", "sns", "topic"),
    "QueueConfigurations": ("QueueArn", "Queue", "sqs", "queue"),
    "LambdaFunctionConfigurations": ("LambdaFunctionArn", "CloudFunction", "lambda", "Lambda"),
}
# By service, what AWS says of a destination whose policy does not let S3 notify it.
_REFUSALS = {
    "sns": "Permissions on the destination topic do not allow S3 to publish notifications from this bucket",
    "sqs": "Permissions on the destination queue do not allow S3 to publish notifications from this bucket",
    "lambda": "Not authorized to invoke function [{}]",
}
_EVENTS = frozenset(
    {
        "s3:ReducedRedundancyLostObject", "s3:ObjectCreated:*", "s3:ObjectCreated:Put", "s3:ObjectCreated:Post",
        "s3:ObjectCreated:Copy", "s3:ObjectCreated:CompleteMultipartUpload", "s3:ObjectRemoved:*",
        "s3:ObjectRemoved:Delete", "s3:ObjectRemoved:DeleteMarkerCreated", "s3:ObjectRestore:*",
        "s3:ObjectRestore:Post", "s3:ObjectRestore:Completed", "s3:ObjectRestore:Delete", "s3:Replication:*",
        "s3:Replication:OperationFailedReplication", "s3:Replication:OperationNotTracked",
        "s3:Replication:OperationMissedThreshold", "s3:Replication:OperationReplicatedAfterThreshold",
        "s3:LifecycleExpiration:*", "s3:LifecycleExpiration:Delete", "s3:LifecycleExpiration:DeleteMarkerCreated",
        "s3:LifecycleTransition", "s3:IntelligentTiering", "s3:ObjectAcl:Put", "s3:ObjectTagging:*",
        "s3:ObjectTagging:Put", "s3:ObjectTagging:Delete", "s3:ObjectAnnotation:*", "s3:ObjectAnnotation:Put",
        "s3:ObjectAnnotation:Delete",
    }
)  # fmt: skip


@operation("PutBucketNotificationConfiguration", action="s3:PutBucketNotification")
def put_bucket_notification_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:PutBucketNotification")
    wanted = buckets.require_document(req, "NotificationConfiguration")
    configuration: dict[str, Any] = {}
    for member, (field, name, service, _) in _LISTS.items():
        found = [_parse(ctx, each, field, name, service) for each in wanted.get(member) or ()]
        if found:
            configuration[member] = found
    if "EventBridgeConfiguration" in wanted:
        configuration["EventBridgeConfiguration"] = {}
    _check_overlaps(configuration)
    if not req.get("SkipDestinationValidation"):
        _check_destinations(ctx, tx, bucket, configuration)
    if configuration:
        buckets.put_setting(ctx, tx, bucket, KIND, configuration)
        _send_tests(ctx, tx, bucket, configuration)
    else:
        buckets.delete_setting(ctx, tx, bucket, KIND)


def _parse(ctx: Context, wanted: dict[str, Any], field: str, name: str, service: str) -> dict[str, Any]:
    """One configuration, with an id and filters as S3 gives them back."""
    target = wanted[field]
    parsed = find_arn(target)
    if parsed is None or parsed.service != service:
        raise errors.invalid_argument("The ARN could not be parsed", name, target)
    events = wanted.get("Events") or []
    for event in events:
        if event not in _EVENTS:
            raise errors.invalid_argument("The event is not supported for notifications", "Event", event)
    if not events:
        raise errors.malformed_xml()
    kept: dict[str, Any] = {"Id": wanted.get("Id") or ctx.draw.uuid(), field: target, "Events": events}
    rules = ((wanted.get("Filter") or {}).get("Key") or {}).get("FilterRules")
    if rules:
        kept["Filter"] = {"Key": {"FilterRules": [_parse_rule(rule) for rule in rules]}}
    return kept


def _parse_rule(rule: dict[str, Any]) -> dict[str, str]:
    if rule.get("Name") is None or rule.get("Value") is None:
        raise errors.malformed_xml()
    name, value = rule["Name"].lower(), rule["Value"]
    if name not in ("prefix", "suffix"):
        message = "filter rule name must be either prefix or suffix"
        raise errors.invalid_argument(message, "FilterRule.Name", rule["Name"])
    if len(value.encode()) > 1024:
        raise errors.invalid_argument("Filter rule value is too long", "FilterRule.Value", value)
    return {"Name": name.capitalize(), "Value": value}


def bounds(configuration: dict[str, Any]) -> tuple[str, str]:
    """(prefix, suffix) that a configuration's keys have."""
    rules = configuration.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    found = {rule["Name"]: rule["Value"] for rule in rules}
    return found.get("Prefix", ""), found.get("Suffix", "")


def _check_overlaps(configuration: dict[str, Any]) -> None:
    everything = [each for member in _LISTS for each in configuration.get(member, ())]
    for at, one in enumerate(everything):
        for other in everything[at + 1 :]:
            if one["Id"] == other["Id"]:
                raise errors.invalid_argument("Configurations should have unique IDs", "Id", one["Id"])
            if _share_events(one, other) and _share_keys(bounds(one), bounds(other)):
                message = "Configurations overlap. Configurations on the same bucket cannot share a common event type."
                raise errors.invalid_argument(message)


def _share_events(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return any(
        matches_event(mine, theirs) or matches_event(theirs, mine)
        for mine in one["Events"]
        for theirs in other["Events"]
    )


def _share_keys(one: tuple[str, str], other: tuple[str, str]) -> bool:
    starts = one[0].startswith(other[0]) or other[0].startswith(one[0])
    ends = one[1].endswith(other[1]) or other[1].endswith(one[1])
    return starts and ends


def _check_destinations(ctx: Context, tx: Transaction, bucket: Bucket, configuration: dict[str, Any]) -> None:
    missing: list[tuple[str, str]] = []
    for member, (field, _, service, noun) in _LISTS.items():
        for each in configuration.get(member, ()):
            if not _exists(ctx, tx, bucket, service, each[field]):
                missing.append((each[field], f"The destination {noun} does not exist"))
            elif not _may_notify(ctx, tx, bucket, service, each[field]):
                missing.append((each[field], _REFUSALS[service].format(each[field])))
    if not missing:
        return
    fields: dict[str, str] = {}
    for at, (name, value) in enumerate(missing, 1):
        number = str(at) if len(missing) > 1 else ""
        fields |= {f"ArgumentName{number}": name, f"ArgumentValue{number}": value}
    raise errors.error("InvalidArgument", "Unable to validate the following destination configurations", **fields)


def _caller(ctx: Context, bucket: Bucket) -> tuple[str, str, str]:
    """S3 as policies of its destinations know it: the service, and the bucket's account and ARN."""
    return "s3.amazonaws.com", bucket.account, f"arn:{ctx.scope.partition}:s3:::{bucket.name}"


def _may_notify(ctx: Context, tx: Transaction, bucket: Bucket, service: str, target: str) -> bool:
    """Whether the destination's own policy lets S3 notify it for this bucket."""
    name, account, arn = caller = _caller(ctx, bucket)
    if service == "sqs":
        from mrak.services.sqs import exports as sqs

        return sqs.may_send(tx, ctx, target, sqs.Sender(name, arn, account=account))
    if service == "sns":
        from mrak.services.sns import exports as sns

        return sns.may_publish(tx, ctx, target, (name, arn, account))
    from mrak.services.lambda_ import exports as functions

    return functions.may_invoke(tx, ctx, target, caller)


def _exists(ctx: Context, tx: Transaction, bucket: Bucket, service: str, target: str) -> bool:
    parsed = find_arn(target)
    assert parsed is not None
    if parsed.region != bucket.region:
        message = "The notification destination service region is not valid for the bucket location constraint"
        raise errors.invalid_argument(message)
    if service == "sqs":
        from mrak.services.sqs import exports as sqs

        return sqs.queue_exists(tx, ctx.scope.environment, target)
    if service == "sns":
        from mrak.services.sns import exports as sns

        return sns.topic_exists(tx, ctx.scope.environment, target)
    from mrak.services.lambda_ import exports as functions

    try:
        return functions.function_exists(tx, parsed.scope_in(ctx.scope.environment), target)
    except ApiError:
        return False


def _send_tests(ctx: Context, tx: Transaction, bucket: Bucket, configuration: dict[str, Any]) -> None:
    """What S3 sends to each queue and topic when it is configured."""
    event = {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": times.render_iso8601(ctx.now, always_millis=True),
        "Bucket": bucket.name,
        "RequestId": ctx.request_id,
        "HostId": host_id(ctx.request_id),
    }
    body = msgspec.json.encode(event).decode()
    for member in ("TopicConfigurations", "QueueConfigurations"):
        for each in configuration.get(member, ()):
            _deliver(ctx, tx, bucket, member, each, body)


@operation("GetBucketNotificationConfiguration", action="s3:GetBucketNotification")
def get_bucket_notification_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:GetBucketNotification")
    configuration: dict[str, Any] = buckets.find_setting(tx, ctx.scope, bucket, KIND) or {}
    return configuration


# --- events -------------------------------------------------------------------------------------------------------


def emit(ctx: Context, tx: Transaction, bucket: Bucket, happening: Happening) -> None:
    """Sends an event to all that want it."""
    configuration = buckets.find_setting(tx, ctx.scope, bucket, KIND)
    if configuration is None:
        return
    for member in _LISTS:
        for each in configuration.get(member, ()):
            prefix, suffix = bounds(each)
            key = happening.version.key
            wanted = any(matches_event(event, f"s3:{happening.name}") for event in each["Events"])
            if wanted and key.startswith(prefix) and key.endswith(suffix):
                record = render_record(ctx, bucket, happening, each["Id"])
                _deliver(ctx, tx, bucket, member, each, msgspec.json.encode({"Records": [record]}).decode())
    if "EventBridgeConfiguration" in configuration:
        _deliver_to_bridge(ctx, tx, bucket, happening)


def _deliver(ctx: Context, tx: Transaction, bucket: Bucket, member: str, target: dict[str, Any], body: str) -> None:
    if member == "QueueConfigurations":
        from mrak.services.sqs import exports as sqs

        message = {"MessageBody": body, **sqs.traced(ctx.trace)}
        name, account, arn = _caller(ctx, bucket)
        sender = sqs.Sender(name, arn, account=account)
        tx.enqueue(sqs.delivery(ctx, target["QueueArn"], message, sender=sender, at_once=True))
    elif member == "TopicConfigurations":
        from mrak.services.sns import exports as sns

        message = {"Message": body, "Subject": "Amazon S3 Notification"}
        name, account, arn = _caller(ctx, bucket)
        tx.enqueue(sns.delivery(ctx, target["TopicArn"], message, sender=(name, arn, account)))
    else:
        from mrak.services.lambda_ import exports as functions

        arn = target["LambdaFunctionArn"]
        tx.enqueue(functions.event_delivery(ctx, arn, body.encode(), caller=_caller(ctx, bucket)))


def _deliver_to_bridge(ctx: Context, tx: Transaction, bucket: Bucket, happening: Happening) -> None:
    found = render_bridge_event(ctx, bucket, happening)
    if found is None:
        return
    from mrak.services.events import exports as bridge

    detail_type, detail, resources = found
    made = bridge.delivery(ctx, "aws.s3", detail_type, detail, resources, lane=f"events/aws.s3/{bucket.name}")
    scope = ctx.scope.in_account(bucket.account).in_region(bucket.region)
    tx.enqueue(msgspec.structs.replace(made, scope=scope))
