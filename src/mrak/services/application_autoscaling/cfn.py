"""AWS::ApplicationAutoScaling::*: scalable targets with their scheduled actions, and scaling policies."""

from __future__ import annotations

from typing import Any

from mrak.core.resource import Resource, ResourceType, resource

_NAMING = ("ServiceNamespace", "ResourceId", "ScalableDimension")


@resource("AWS::ApplicationAutoScaling::ScalableTarget")
class ScalableTarget(ResourceType):
    required = ("MaxCapacity", "MinCapacity", *_NAMING)
    replacement = _NAMING
    attributes = {"Id": "{id}"}

    async def create(self, res: Resource) -> None:
        await self._put(res)
        res.physical_id = "|".join(res.properties[name] for name in ("ResourceId", "ScalableDimension", _NAMING[0]))
        await self.learn(res, {})

    async def update(self, res: Resource) -> None:
        await self._put(res)

    async def _put(self, res: Resource) -> None:
        await res.call("RegisterScalableTarget", self.input(res))
        wanted: list[dict[str, Any]] = res.properties.get("ScheduledActions", [])
        named = {name: res.properties[name] for name in _NAMING}
        kept = {action["ScheduledActionName"] for action in wanted}
        for action in res.old_properties.get("ScheduledActions", []):
            if action["ScheduledActionName"] not in kept:
                asked = {**named, "ScheduledActionName": action["ScheduledActionName"]}
                await res.call("DeleteScheduledAction", asked)
        for action in wanted:
            await res.call("PutScheduledAction", {**named, **action})

    async def delete(self, res: Resource) -> None:
        await res.call("DeregisterScalableTarget", {name: res.properties[name] for name in _NAMING})


@resource("AWS::ApplicationAutoScaling::ScalingPolicy")
class ScalingPolicy(ResourceType):
    required = ("PolicyName", "PolicyType")
    replacement = ("PolicyName", "ScalingTargetId", *_NAMING)
    attributes = {"Arn": "{id}"}

    def _named(self, res: Resource) -> dict[str, Any]:
        """By name, or by the id of the target, which Ref gives."""
        target = res.properties.get("ScalingTargetId")
        if target is None:
            return {name: res.properties[name] for name in _NAMING}
        resource_id, dimension, namespace = target.rsplit("|", 2)
        return {"ServiceNamespace": namespace, "ResourceId": resource_id, "ScalableDimension": dimension}

    async def create(self, res: Resource) -> None:
        answer = await res.call("PutScalingPolicy", {**self.input(res), **self._named(res)})
        res.physical_id = answer["PolicyARN"]
        await self.learn(res, answer)

    async def update(self, res: Resource) -> None:
        await res.call("PutScalingPolicy", {**self.input(res), **self._named(res)})

    async def delete(self, res: Resource) -> None:
        await res.call("DeleteScalingPolicy", {**self._named(res), "PolicyName": res.properties["PolicyName"]})
