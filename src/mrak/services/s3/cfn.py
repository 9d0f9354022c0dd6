"""AWS::S3::*: buckets and their policies in templates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mrak.core.errors import ApiError
from mrak.core.resource import Resource, ResourceType, is_missing, resource


def _encryption(value: dict[str, Any]) -> dict[str, Any]:
    names = {"ServerSideEncryptionByDefault": "ApplyServerSideEncryptionByDefault"}
    given = value.get("ServerSideEncryptionConfiguration", [])
    return {"ServerSideEncryptionConfiguration": {"Rules": [_renamed(rule, names) for rule in given]}}


def _renamed(value: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {names.get(name, name): item for name, item in value.items()}


def _cors(value: dict[str, Any]) -> dict[str, Any]:
    names = {"ExposedHeaders": "ExposeHeaders", "MaxAge": "MaxAgeSeconds", "Id": "ID"}
    return {"CORSConfiguration": {"CORSRules": [_renamed(rule, names) for rule in value.get("CorsRules", [])]}}


def _website(value: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if "IndexDocument" in value:
        made["IndexDocument"] = {"Suffix": value["IndexDocument"]}
    if "ErrorDocument" in value:
        made["ErrorDocument"] = {"Key": value["ErrorDocument"]}
    if "RedirectAllRequestsTo" in value:
        made["RedirectAllRequestsTo"] = value["RedirectAllRequestsTo"]
    rules = [
        {"Condition": rule.get("RoutingRuleCondition"), "Redirect": rule["RedirectRule"]}
        for rule in value.get("RoutingRules", [])
    ]
    return {"WebsiteConfiguration": made | ({"RoutingRules": rules} if rules else {})}


def _notifications(value: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for section, target, member in (
        ("LambdaConfigurations", "Function", "LambdaFunctionConfigurations"),
        ("QueueConfigurations", "Queue", "QueueConfigurations"),
        ("TopicConfigurations", "Topic", "TopicConfigurations"),
    ):
        arn = {"Function": "LambdaFunctionArn", "Queue": "QueueArn", "Topic": "TopicArn"}[target]
        entries = []
        for item in value.get(section, []):
            entry: dict[str, Any] = {arn: item[target], "Events": [item["Event"]]}
            rules = item.get("Filter", {}).get("S3Key", {}).get("Rules")
            if rules:
                entry["Filter"] = {"Key": {"FilterRules": rules}}
            entries.append(entry)
        if entries:
            made[member] = entries
    if value.get("EventBridgeConfiguration", {}).get("EventBridgeEnabled", "EventBridgeConfiguration" in value):
        made["EventBridgeConfiguration"] = {}
    return {"NotificationConfiguration": made}


def _lifecycle(value: dict[str, Any]) -> dict[str, Any]:
    return {"LifecycleConfiguration": {"Rules": [_lifecycle_rule(rule) for rule in value.get("Rules", [])]}}


def _lifecycle_rule(rule: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"ID": rule.get("Id"), "Status": rule["Status"], "Filter": _lifecycle_filter(rule)}
    expiration = {
        member: rule[name]
        for name, member in (("ExpirationInDays", "Days"), ("ExpirationDate", "Date"),
                             ("ExpiredObjectDeleteMarker", "ExpiredObjectDeleteMarker"))
        if name in rule
    }  # fmt: skip
    if expiration:
        made["Expiration"] = expiration
    transitions = rule.get("Transitions", []) + ([rule["Transition"]] if "Transition" in rule else [])
    if transitions:
        made["Transitions"] = [
            {
                "Days": item.get("TransitionInDays"),
                "Date": item.get("TransitionDate"),
                "StorageClass": item["StorageClass"],
            }
            for item in transitions
        ]
    if "NoncurrentVersionExpiration" in rule:
        made["NoncurrentVersionExpiration"] = rule["NoncurrentVersionExpiration"]
    elif "NoncurrentVersionExpirationInDays" in rule:
        made["NoncurrentVersionExpiration"] = {"NoncurrentDays": rule["NoncurrentVersionExpirationInDays"]}
    if "AbortIncompleteMultipartUpload" in rule:
        made["AbortIncompleteMultipartUpload"] = rule["AbortIncompleteMultipartUpload"]
    return made


def _lifecycle_filter(rule: dict[str, Any]) -> dict[str, Any]:
    wanted: dict[str, Any] = {
        name: rule[name] for name in ("Prefix", "ObjectSizeGreaterThan", "ObjectSizeLessThan") if name in rule
    }
    tags = rule.get("TagFilters", [])
    if len(wanted) + len(tags) > 1:
        return {"And": {**wanted, "Tags": tags}}
    if tags:
        return {"Tag": tags[0]}
    return wanted or {"Prefix": ""}


def _logging(value: dict[str, Any]) -> dict[str, Any]:
    target = {"TargetBucket": value.get("DestinationBucketName"), "TargetPrefix": value.get("LogFilePrefix", "")}
    return {"BucketLoggingStatus": {"LoggingEnabled": target}}


def _same(member: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda value: {member: value}


# property -> (operation that sets it, its input, operation that takes it away). In the order of their setting.
_SETTINGS: dict[str, tuple[str, Callable[[Any], dict[str, Any]], str]] = {
    "OwnershipControls": ("PutBucketOwnershipControls", _same("OwnershipControls"), "DeleteBucketOwnershipControls"),
    "PublicAccessBlockConfiguration": (
        "PutPublicAccessBlock", _same("PublicAccessBlockConfiguration"), "DeletePublicAccessBlock",
    ),
    "VersioningConfiguration": ("PutBucketVersioning", _same("VersioningConfiguration"), ""),
    "BucketEncryption": ("PutBucketEncryption", _encryption, "DeleteBucketEncryption"),
    "CorsConfiguration": ("PutBucketCors", _cors, "DeleteBucketCors"),
    "WebsiteConfiguration": ("PutBucketWebsite", _website, "DeleteBucketWebsite"),
    "LifecycleConfiguration": ("PutBucketLifecycleConfiguration", _lifecycle, "DeleteBucketLifecycle"),
    "NotificationConfiguration": ("PutBucketNotificationConfiguration", _notifications, ""),
    "LoggingConfiguration": ("PutBucketLogging", _logging, ""),
    "AccelerateConfiguration": ("PutBucketAccelerateConfiguration", _same("AccelerateConfiguration"), ""),
    "ObjectLockConfiguration": ("PutObjectLockConfiguration", _same("ObjectLockConfiguration"), ""),
}  # fmt: skip

# What takes a setting away that has no operation for it.
_OFF: dict[str, dict[str, Any]] = {
    "VersioningConfiguration": {"VersioningConfiguration": {"Status": "Suspended"}},
    "NotificationConfiguration": {"NotificationConfiguration": {}},
    "LoggingConfiguration": {"BucketLoggingStatus": {}},
    "AccelerateConfiguration": {"AccelerateConfiguration": {"Status": "Suspended"}},
}


@resource("AWS::S3::Bucket")
class Bucket(ResourceType):
    name = "BucketName"
    longest_name = 63
    lower_case = True
    replacement = ("BucketName",)
    delete_operation = "DeleteBucket"
    identity = {"Bucket": "{id}"}
    attributes = {
        "Arn": "arn:{partition}:s3:::{id}",
        "DomainName": "{id}.s3.amazonaws.com",
        "DualStackDomainName": "{id}.s3.dualstack.{region}.amazonaws.com",
        "RegionalDomainName": "{id}.s3.{region}.amazonaws.com",
        "WebsiteURL": "http://{id}.s3-website-{region}.amazonaws.com",
    }

    async def create(self, res: Resource) -> None:
        params: dict[str, Any] = {"Bucket": res.name}
        if res.ctx.scope.region != "us-east-1":
            params["CreateBucketConfiguration"] = {"LocationConstraint": res.ctx.scope.region}
        if "ObjectLockEnabled" in res.properties:
            params["ObjectLockEnabledForBucket"] = res.properties["ObjectLockEnabled"]
        if "AccessControl" in res.properties and "OwnershipControls" in res.properties:
            params["ObjectOwnership"] = res.properties["OwnershipControls"]["Rules"][0]["ObjectOwnership"]
        await res.call("CreateBucket", params)
        res.physical_id = res.name
        await self._set(res)
        await self._tag(res)
        await self.learn(res, {})

    async def update(self, res: Resource) -> None:
        await self._set(res)
        await self._tag(res)
        await self.learn(res, {})

    async def _set(self, res: Resource) -> None:
        named = {"Bucket": res.physical_id}
        for name, (operation, render, removal) in _SETTINGS.items():
            if not res.changed(name):
                continue
            if name in res.properties:
                await res.call(operation, {**named, **render(res.properties[name])})
            elif removal:
                await res.call(removal, named)
            elif name in _OFF:
                await res.call(operation, {**named, **_OFF[name]})

    async def _tag(self, res: Resource) -> None:
        if res.tags:
            await res.call("PutBucketTagging", {"Bucket": res.physical_id, "Tagging": {"TagSet": res.tags}})
        elif res.old_properties.get("Tags"):
            await res.call("DeleteBucketTagging", {"Bucket": res.physical_id})


@resource("AWS::S3::BucketPolicy")
class BucketPolicy(ResourceType):
    required = ("Bucket", "PolicyDocument")
    replacement = ("Bucket",)
    renamed = {"PolicyDocument": "Policy"}
    create_operation = "PutBucketPolicy"
    update_operation = "PutBucketPolicy"
    ref = "{Bucket}"
    parents = ("Bucket",)

    async def delete(self, res: Resource) -> None:
        try:
            await res.call("DeleteBucketPolicy", {"Bucket": res.properties["Bucket"]})
        except ApiError as error:
            if not is_missing(error):
                raise
