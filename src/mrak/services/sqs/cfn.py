"""AWS::SQS::*: queues and their policies in templates."""

from __future__ import annotations

import json
from typing import Any

from mrak.core.resource import Resource, ResourceType, resource

# What a property is again once a template no longer names it.
_DEFAULTS: dict[str, Any] = {
    "DelaySeconds": 0,
    "MaximumMessageSize": 1_048_576,
    "MessageRetentionPeriod": 345_600,
    "ReceiveMessageWaitTimeSeconds": 0,
    "VisibilityTimeout": 30,
    "RedrivePolicy": "",
    "RedriveAllowPolicy": "",
    "ContentBasedDeduplication": False,
    "KmsMasterKeyId": "",
    "KmsDataKeyReusePeriodSeconds": 300,
}


@resource("AWS::SQS::Queue")
class Queue(ResourceType):
    name = "QueueName"
    longest_name = 80
    replacement = ("QueueName", "FifoQueue")
    attributes = {
        "Arn": "arn:{partition}:sqs:{region}:{account}:{name}",
        "QueueName": "{name}",
        "QueueUrl": "{id}",
    }

    def name_suffix(self, properties: dict[str, Any]) -> str:
        return ".fifo" if str(properties.get("FifoQueue", False)).lower() == "true" else ""

    def _settings(self, properties: dict[str, Any]) -> dict[str, Any]:
        settings = {key: value for key, value in properties.items() if key not in ("QueueName", "Tags")}
        if str(settings.get("FifoQueue", "")).lower() == "false":
            del settings["FifoQueue"]
        return settings

    async def create(self, res: Resource) -> None:
        answer = await res.call(
            "CreateQueue",
            {"QueueName": res.name, "Attributes": self._settings(res.properties), "tags": res.tags},
        )
        res.physical_id = answer["QueueUrl"]
        await self.learn(res, {})

    async def update(self, res: Resource) -> None:
        settings = self._settings(res.properties)
        for name in res.old_properties:
            if name not in res.properties and name in _DEFAULTS:
                settings[name] = _DEFAULTS[name]
        settings.pop("FifoQueue", None)
        if settings:
            await res.call("SetQueueAttributes", {"QueueUrl": res.physical_id, "Attributes": settings})
        gone = [tag["Key"] for tag in res.old_properties.get("Tags", []) if tag not in res.tags]
        if gone:
            await res.call("UntagQueue", {"QueueUrl": res.physical_id, "TagKeys": gone})
        if res.tags:
            await res.call("TagQueue", {"QueueUrl": res.physical_id, "Tags": res.tags})

    async def delete(self, res: Resource) -> None:
        await res.call("DeleteQueue", {"QueueUrl": res.physical_id})


@resource("AWS::SQS::QueuePolicy")
class QueuePolicy(ResourceType):
    required = ("PolicyDocument", "Queues")
    attributes = {"Id": "{id}"}

    async def create(self, res: Resource) -> None:
        res.physical_id = res.token
        await self._put(res, res.properties["Queues"], json.dumps(res.properties["PolicyDocument"]))
        await self.learn(res, {})

    async def update(self, res: Resource) -> None:
        gone = [queue for queue in res.old_properties["Queues"] if queue not in res.properties["Queues"]]
        await self._put(res, gone, "")
        await self._put(res, res.properties["Queues"], json.dumps(res.properties["PolicyDocument"]))

    async def delete(self, res: Resource) -> None:
        await self._put(res, res.properties["Queues"], "")

    async def _put(self, res: Resource, queues: list[str], policy: str) -> None:
        for queue in queues:
            await res.call("SetQueueAttributes", {"QueueUrl": queue, "Attributes": {"Policy": policy}})


@resource("AWS::SQS::QueueInlinePolicy")
class QueueInlinePolicy(QueuePolicy):
    required = ("PolicyDocument", "Queue")
    replacement = ("Queue",)

    async def create(self, res: Resource) -> None:
        res.physical_id = res.properties["Queue"]
        await self._put(res, [res.physical_id], json.dumps(res.properties["PolicyDocument"]))

    async def update(self, res: Resource) -> None:
        await self._put(res, [res.physical_id], json.dumps(res.properties["PolicyDocument"]))

    async def delete(self, res: Resource) -> None:
        await self._put(res, [res.physical_id], "")
