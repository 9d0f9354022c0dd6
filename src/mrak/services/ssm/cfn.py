"""AWS::SSM::*: parameters in templates."""

from __future__ import annotations

from typing import Any

from mrak.core.resource import Resource, ResourceType, resource


@resource("AWS::SSM::Parameter")
class Parameter(ResourceType):
    name = "Name"
    longest_name = 900
    name_prefix = "CFN"
    required = ("Type", "Value")
    replacement = ("Name",)
    delete_operation = "DeleteParameter"
    identity = {"Name": "{id}"}
    attributes = {"Type": "{Type}", "Value": "{Value}"}

    async def create(self, res: Resource) -> None:
        await self._put(res, False)
        res.physical_id = res.name
        await self.learn(res, {})

    async def update(self, res: Resource) -> None:
        await self._put(res, True)
        gone = [key for key in res.old_properties.get("Tags", {}) if key not in {tag["Key"] for tag in res.tags}]
        named = {"ResourceType": "Parameter", "ResourceId": res.name}
        if gone:
            await res.call("RemoveTagsFromResource", {**named, "TagKeys": gone})
        if res.tags:
            await res.call("AddTagsToResource", {**named, "Tags": res.tags})
        await self.learn(res, {})

    async def _put(self, res: Resource, overwrite: bool) -> None:
        params: dict[str, Any] = {**res.properties, "Name": res.name, "Overwrite": overwrite}
        params.pop("Tags", None)
        if res.tags and not overwrite:
            params["Tags"] = res.tags
        await res.call("PutParameter", params)
