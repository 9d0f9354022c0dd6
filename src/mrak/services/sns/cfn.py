"""AWS::SNS::*: topics, subscriptions and policies in templates."""

from __future__ import annotations

import json
from typing import Any

from mrak.core.resource import Resource, ResourceType, resource

_NO_ATTRIBUTES = ("TopicName", "Tags", "Subscription", "DataProtectionPolicy", "DeliveryStatusLogging")
# What an attribute is again once a template no longer names it, where that is not nothing.
_DEFAULTS = {
    "ContentBasedDeduplication": "false",
    "FifoThroughputScope": "Topic",
    "SignatureVersion": "1",
    "TracingConfig": "PassThrough",
}
_LOGGED = {"http/s": "HTTP", "sqs": "SQS", "lambda": "Lambda", "firehose": "Firehose", "application": "Application"}
"""How attributes about delivery status begin, by the template's protocols."""


@resource("AWS::SNS::Topic")
class Topic(ResourceType):
    name = "TopicName"
    longest_name = 256
    replacement = ("TopicName", "FifoTopic")
    ref = "TopicArn"
    delete_operation = "DeleteTopic"
    identity = {"TopicArn": "{id}"}
    attributes = {"TopicArn": "{id}", "TopicName": "{name}"}
    tag_identity = {"ResourceArn": "{id}"}

    def name_suffix(self, properties: dict[str, Any]) -> str:
        return ".fifo" if str(properties.get("FifoTopic", False)).lower() == "true" else ""

    def _settings(self, properties: dict[str, Any]) -> dict[str, Any]:
        settings = {key: value for key, value in properties.items() if key not in _NO_ATTRIBUTES}
        if str(settings.get("FifoTopic", "")).lower() == "false":
            del settings["FifoTopic"]
        for logged in properties.get("DeliveryStatusLogging", []):
            begin = _LOGGED.get(logged["Protocol"].lower(), logged["Protocol"])
            settings |= {f"{begin}{name}": value for name, value in logged.items() if name != "Protocol"}
        return settings

    async def create(self, res: Resource) -> None:
        answer = await res.call(
            "CreateTopic", {"Name": res.name, "Attributes": self._settings(res.properties), "Tags": res.tags}
        )
        res.physical_id = answer["TopicArn"]
        await self._protect(res)
        await self._subscribe(res, res.properties.get("Subscription", []))
        await self.learn(res, {})

    async def update(self, res: Resource) -> None:
        new, old = self._settings(res.properties), self._settings(res.old_properties)
        for name in new.keys() | old.keys():
            # SNS takes no sample rate away again; without its role it says nothing.
            is_stuck = name not in new and name.endswith("SampleRate")
            if new.get(name) != old.get(name) and not is_stuck:
                value = new.get(name, _DEFAULTS.get(name, ""))
                change = {"TopicArn": res.physical_id, "AttributeName": name, "AttributeValue": value}
                await res.call("SetTopicAttributes", change)
        await self._protect(res)
        before = res.old_properties.get("Subscription", [])
        wanted = res.properties.get("Subscription", [])
        await self._subscribe(res, [item for item in wanted if item not in before])
        await self._unsubscribe(res, [item for item in before if item not in wanted])
        await self.retag(res)

    async def _protect(self, res: Resource) -> None:
        """Puts the topic's data protection policy, where it is another than before."""
        policy = res.properties.get("DataProtectionPolicy", "")
        if policy != res.old_properties.get("DataProtectionPolicy", ""):
            await res.call("PutDataProtectionPolicy", {"ResourceArn": res.physical_id, "DataProtectionPolicy": policy})

    async def _subscribe(self, res: Resource, subscriptions: list[dict[str, Any]]) -> None:
        for item in subscriptions:
            await res.call("Subscribe", {**item, "TopicArn": res.physical_id})

    async def _unsubscribe(self, res: Resource, gone: list[dict[str, Any]]) -> None:
        if not gone:
            return
        answer = await res.call("ListSubscriptionsByTopic", {"TopicArn": res.physical_id})
        for found in answer.get("Subscriptions", []):
            if {"Endpoint": found["Endpoint"], "Protocol": found["Protocol"]} in gone:
                await res.call("Unsubscribe", {"SubscriptionArn": found["SubscriptionArn"]})


_SUBSCRIPTION_ATTRIBUTES = (
    "DeliveryPolicy", "FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy", "ReplayPolicy",
    "SubscriptionRoleArn",
)  # fmt: skip


@resource("AWS::SNS::Subscription")
class Subscription(ResourceType):
    required = ("TopicArn", "Protocol")
    replacement = ("TopicArn", "Protocol", "Endpoint")
    delete_operation = "Unsubscribe"
    identity = {"SubscriptionArn": "{id}"}
    attributes = {"Arn": "{id}"}

    async def create(self, res: Resource) -> None:
        settings = {name: res.properties[name] for name in _SUBSCRIPTION_ATTRIBUTES if name in res.properties}
        params = {**res.properties, "Attributes": settings, "ReturnSubscriptionArn": True}
        answer = await res.call("Subscribe", params)
        res.physical_id = answer["SubscriptionArn"]
        await self.learn(res, {})

    async def update(self, res: Resource) -> None:
        for name in _SUBSCRIPTION_ATTRIBUTES:
            if res.changed(name):
                value = res.properties.get(name, "")
                change = {"SubscriptionArn": res.physical_id, "AttributeName": name, "AttributeValue": value}
                await res.call("SetSubscriptionAttributes", change)


@resource("AWS::SNS::TopicPolicy")
class TopicPolicy(ResourceType):
    required = ("PolicyDocument", "Topics")
    attributes = {"Id": "{id}"}

    async def create(self, res: Resource) -> None:
        res.physical_id = res.token
        for topic in res.properties["Topics"]:
            await self._put(res, topic, json.dumps(res.properties["PolicyDocument"]))
        await self.learn(res, {})

    async def update(self, res: Resource) -> None:
        for topic in res.properties["Topics"]:
            await self._put(res, topic, json.dumps(res.properties["PolicyDocument"]))
        for topic in res.old_properties["Topics"]:
            if topic not in res.properties["Topics"]:
                await self._put(res, topic, _default_policy(topic))

    async def delete(self, res: Resource) -> None:
        for topic in res.properties["Topics"]:
            await self._put(res, topic, _default_policy(topic))

    async def _put(self, res: Resource, topic: str, policy: str) -> None:
        change = {"TopicArn": topic, "AttributeName": "Policy", "AttributeValue": policy}
        await res.call("SetTopicAttributes", change)


@resource("AWS::SNS::TopicInlinePolicy")
class TopicInlinePolicy(TopicPolicy):
    required = ("PolicyDocument", "TopicArn")
    replacement = ("TopicArn",)
    attributes = {}

    async def create(self, res: Resource) -> None:
        res.physical_id = res.properties["TopicArn"]
        await self.update(res)

    async def update(self, res: Resource) -> None:
        await self._put(res, res.physical_id, json.dumps(res.properties["PolicyDocument"]))

    async def delete(self, res: Resource) -> None:
        await self._put(res, res.physical_id, _default_policy(res.physical_id))


def _default_policy(topic: str) -> str:
    """The policy with which a topic begins, which it has again once its policy is deleted."""
    actions = (
        "GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission", "DeleteTopic", "Subscribe",
        "ListSubscriptionsByTopic", "Publish",
    )  # fmt: skip
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{name}" for name in actions],
        "Resource": topic,
        "Condition": {"StringEquals": {"AWS:SourceOwner": topic.split(":")[4]}},
    }
    return json.dumps({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]})
