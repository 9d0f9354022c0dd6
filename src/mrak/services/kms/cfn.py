"""AWS::KMS::*: keys and aliases in templates."""

from __future__ import annotations

import json
from typing import ClassVar

from mrak.core.arn import find_arn
from mrak.core.errors import ApiError
from mrak.core.resource import Resource, ResourceType, resource


@resource("AWS::KMS::Key")
class Key(ResourceType):
    replacement: ClassVar[tuple[str, ...]] = ("KeySpec", "KeyUsage", "MultiRegion", "Origin")
    ref = "KeyMetadata.KeyId"
    identity = {"KeyId": "{id}"}
    attributes = {"Arn": "KeyMetadata.Arn", "KeyId": "{id}"}
    renamed = {"KeyPolicy": "Policy"}
    tag_identity = {"KeyId": "{id}"}

    async def create(self, res: Resource) -> None:
        params = self.input(res)
        params["Tags"] = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in res.tags]
        answer = await res.call("CreateKey", params)
        res.physical_id = answer["KeyMetadata"]["KeyId"]
        await self._set(res)
        await self.learn(res, answer)

    async def update(self, res: Resource) -> None:
        named = self.identify(res)
        if res.changed("KeyPolicy"):
            await res.call("PutKeyPolicy", {**named, "PolicyName": "default", "Policy": res.properties["KeyPolicy"]})
        if res.changed("Description"):
            await res.call("UpdateKeyDescription", {**named, "Description": res.properties.get("Description", "")})
        await self._set(res)
        if res.tags:
            tags = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in res.tags]
            await res.call("TagResource", {**named, "Tags": tags})

    async def _set(self, res: Resource) -> None:
        """What a key has by operations of their own."""
        if res.changed("RotationPeriodInDays") and str(res.properties.get("EnableKeyRotation")).lower() == "true":
            days = {"RotationPeriodInDays": res.properties.get("RotationPeriodInDays", 365)}
            await res.call("EnableKeyRotation", {**self.identify(res), **days})
            return
        for name, by_default, on, off in (
            ("EnableKeyRotation", False, "EnableKeyRotation", "DisableKeyRotation"),
            ("Enabled", True, "EnableKey", "DisableKey"),
        ):
            wanted = str(res.properties.get(name, by_default)).lower() == "true"
            before = str(res.old_properties.get(name, by_default)).lower() == "true"
            if wanted != before:
                await res.call(on if wanted else off, self.identify(res))

    async def delete(self, res: Resource) -> None:
        days = res.properties.get("PendingWindowInDays", 30)
        await res.call("ScheduleKeyDeletion", {**self.identify(res), "PendingWindowInDays": days})


@resource("AWS::KMS::Alias")
class Alias(ResourceType):
    required = ("AliasName", "TargetKeyId")
    replacement = ("AliasName",)
    noun = "Alias"
    parents = ("AliasName",)
    ref = "{AliasName}"


@resource("AWS::KMS::ReplicaKey")
class ReplicaKey(Key):
    """A primary's copy in the stack's region; asked of the primary's region, which its ARN names."""

    required = ("KeyPolicy", "PrimaryKeyArn")
    replacement = ("PrimaryKeyArn",)

    async def create(self, res: Resource) -> None:
        primary = find_arn(res.properties["PrimaryKeyArn"])
        if primary is None:
            raise ApiError("ValidationException", "PrimaryKeyArn is no ARN")
        asked = {
            "KeyId": str(primary),
            "ReplicaRegion": res.ctx.scope.region,
            "Policy": json.dumps(res.properties["KeyPolicy"]),
            "Description": res.properties.get("Description", ""),
            "Tags": [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in res.tags],
        }
        there = primary.scope_in(res.ctx.scope.environment)
        answer = await res.ctx.call("kms", "ReplicateKey", asked, scope=there)
        res.physical_id = answer["ReplicaKeyMetadata"]["KeyId"]
        await self._set(res)
        res.attributes = {"Arn": answer["ReplicaKeyMetadata"]["Arn"], "KeyId": res.physical_id}
