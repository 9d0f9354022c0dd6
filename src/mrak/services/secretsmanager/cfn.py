"""AWS::SecretsManager::*: secrets in templates, with values that are made up where the template has none."""

from __future__ import annotations

import json
from typing import Any

from mrak.core.resource import Resource, ResourceType, resource


@resource("AWS::SecretsManager::Secret")
class Secret(ResourceType):
    system_tags = True
    name = "Name"
    longest_name = 512
    replacement = ("Name",)
    attributes = {"Id": "{id}"}

    async def create(self, res: Resource) -> None:
        params = {**self.input(res), "Name": res.name, "SecretString": await self._value(res)}
        if "ReplicaRegions" in params:
            params["AddReplicaRegions"] = params.pop("ReplicaRegions")
        answer = await res.call("CreateSecret", params)
        res.physical_id = answer["ARN"]
        await self.learn(res, {})

    async def _value(self, res: Resource) -> str:
        """SecretString, or one made as GenerateSecretString says: alone, or as a member of a JSON template."""
        if "SecretString" in res.properties:
            return str(res.properties["SecretString"])
        wanted = res.properties.get("GenerateSecretString", {})
        answer = await res.call("GetRandomPassword", wanted)
        password: str = answer["RandomPassword"]
        if "SecretStringTemplate" not in wanted:
            return password
        return json.dumps({**json.loads(wanted["SecretStringTemplate"]), wanted["GenerateStringKey"]: password})

    async def update(self, res: Resource) -> None:
        params: dict[str, Any] = {"SecretId": res.physical_id}
        for name in ("Description", "KmsKeyId"):
            if name in res.properties:
                params[name] = res.properties[name]
        if res.changed("SecretString", "GenerateSecretString"):
            params["SecretString"] = await self._value(res)
        await res.call("UpdateSecret", params)
        gone = [tag["Key"] for tag in res.old_properties.get("Tags", []) if tag not in res.tags]
        if gone:
            await res.call("UntagResource", {"SecretId": res.physical_id, "TagKeys": gone})
        if res.tags:
            await res.call("TagResource", {"SecretId": res.physical_id, "Tags": res.tags})

    async def delete(self, res: Resource) -> None:
        await res.call("DeleteSecret", {"SecretId": res.physical_id, "ForceDeleteWithoutRecovery": True})


@resource("AWS::SecretsManager::ResourcePolicy")
class ResourcePolicy(ResourceType):
    required = ("ResourcePolicy", "SecretId")
    replacement = ("SecretId",)
    create_operation = "PutResourcePolicy"
    update_operation = "PutResourcePolicy"
    delete_operation = "DeleteResourcePolicy"
    ref = "ARN"
    parents = ("SecretId",)
    attributes = {"Id": "{id}"}


@resource("AWS::SecretsManager::RotationSchedule")
class RotationSchedule(ResourceType):
    required = ("SecretId",)
    replacement = ("SecretId",)
    create_operation = "RotateSecret"
    update_operation = "RotateSecret"
    renamed = {"RotateImmediatelyOnUpdate": "RotateImmediately"}
    delete_operation = "CancelRotateSecret"
    ref = "ARN"
    parents = ("SecretId",)
    attributes = {"Id": "{id}"}
