"""AWS::Kinesis::*: streams, consumers and resource policies in templates."""

from __future__ import annotations

import json
from typing import Any

from mrak.core.resource import Resource, ResourceType, resource

_LEAST_HOURS = 24


@resource("AWS::Kinesis::Stream")
class Stream(ResourceType):
    name = "Name"
    longest_name = 128
    replacement = ("Name",)
    renamed = {"Name": "StreamName"}
    identity = {"StreamName": "{id}"}
    attributes = {"Arn": "arn:{partition}:kinesis:{region}:{account}:stream/{id}"}
    tag_identity = {"ResourceARN": "arn:{partition}:kinesis:{region}:{account}:stream/{id}"}

    async def create(self, res: Resource) -> None:
        await res.call("CreateStream", {**self.input(res), "StreamName": res.name})
        res.physical_id = res.name
        await self._put_settings(res, res.properties, {})
        await self.learn(res, {})

    async def update(self, res: Resource) -> None:
        await self._put_shards(res, res.properties, res.old_properties)
        await self._put_settings(res, res.properties, res.old_properties)
        await self.retag(res)
        await self.learn(res, {})

    async def delete(self, res: Resource) -> None:
        await res.call("DeleteStream", {**self.identify(res), "EnforceConsumerDeletion": True})

    async def _put_shards(self, res: Resource, new: dict[str, Any], old: dict[str, Any]) -> None:
        """The mode first, since only a provisioned stream has a count."""
        stream, arn = self.identify(res), {"StreamARN": res.fill(self.attributes["Arn"])}
        mode = new.get("StreamModeDetails")
        if mode != old.get("StreamModeDetails"):
            await res.call("UpdateStreamMode", {**arn, "StreamModeDetails": mode or {"StreamMode": "PROVISIONED"}})
        if "ShardCount" in new and int(new["ShardCount"]) != int(old.get("ShardCount", 0)):
            wanted = {"TargetShardCount": new["ShardCount"], "ScalingType": "UNIFORM_SCALING"}
            await res.call("UpdateShardCount", {**stream, **wanted})
        if new.get("MaxRecordSizeInKiB", 1024) != old.get("MaxRecordSizeInKiB", 1024):
            await res.call("UpdateMaxRecordSize", {**arn, "MaxRecordSizeInKiB": new.get("MaxRecordSizeInKiB", 1024)})

    async def _put_settings(self, res: Resource, new: dict[str, Any], old: dict[str, Any]) -> None:
        """What streams have by operations of their own."""
        stream = self.identify(res)
        hours, before = (int(it.get("RetentionPeriodHours", _LEAST_HOURS)) for it in (new, old))
        if hours != before:
            way = "Increase" if hours > before else "Decrease"
            await res.call(f"{way}StreamRetentionPeriod", {**stream, "RetentionPeriodHours": hours})
        wanted, known = (it.get("StreamEncryption") for it in (new, old))
        if wanted != known and wanted:
            await res.call("StartStreamEncryption", {**stream, **wanted})
        elif wanted != known:
            await res.call("StopStreamEncryption", {**stream, **(known or {})})
        metrics, former = (set(it.get("DesiredShardLevelMetrics") or ()) for it in (new, old))
        if former - metrics:
            gone = {"ShardLevelMetrics": sorted(former - metrics)}
            await res.call("DisableEnhancedMonitoring", {**stream, **gone})
        if metrics - former:
            await res.call("EnableEnhancedMonitoring", {**stream, "ShardLevelMetrics": sorted(metrics - former)})


@resource("AWS::Kinesis::StreamConsumer")
class StreamConsumer(ResourceType):
    required = ("ConsumerName", "StreamARN")
    replacement = ("ConsumerName", "StreamARN")
    create_operation = "RegisterStreamConsumer"
    delete_operation = "DeregisterStreamConsumer"
    ref = "Consumer.ConsumerARN"
    identity = {"ConsumerARN": "{id}"}
    read_operation = "DescribeStreamConsumer"
    attributes = {
        "ConsumerARN": "ConsumerDescription.ConsumerARN",
        "ConsumerCreationTimestamp": "ConsumerDescription.ConsumerCreationTimestamp",
        "ConsumerName": "ConsumerDescription.ConsumerName",
        "ConsumerStatus": "ConsumerDescription.ConsumerStatus",
        "StreamARN": "ConsumerDescription.StreamARN",
    }
    tag_identity = {"ResourceARN": "{id}"}

    async def update(self, res: Resource) -> None:
        """Only tags can be changed in place."""
        await self.retag(res)
        await self.learn(res, {})


@resource("AWS::Kinesis::ResourcePolicy")
class ResourcePolicy(ResourceType):
    required = ("ResourceArn", "ResourcePolicy")
    replacement = ("ResourceArn",)

    async def create(self, res: Resource) -> None:
        await self._put(res)
        res.physical_id = res.properties["ResourceArn"]

    async def update(self, res: Resource) -> None:
        await self._put(res)

    async def _put(self, res: Resource) -> None:
        policy = res.properties["ResourcePolicy"]
        text = policy if isinstance(policy, str) else json.dumps(policy)
        await res.call("PutResourcePolicy", {"ResourceARN": res.properties["ResourceArn"], "Policy": text})

    async def delete(self, res: Resource) -> None:
        await res.call("DeleteResourcePolicy", {"ResourceARN": res.physical_id})
