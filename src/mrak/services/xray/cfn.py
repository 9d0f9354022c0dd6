"""AWS::XRay::*: groups, sampling rules and resource policies in templates."""

from __future__ import annotations

from typing import Any

from mrak.core.resource import Resource, ResourceType, resource


@resource("AWS::XRay::Group")
class Group(ResourceType):
    name = "GroupName"
    longest_name = 32
    replacement = ("GroupName",)
    noun = "Group"
    ref = "Group.GroupARN"
    identity = {"GroupARN": "{id}"}
    attributes = {"GroupARN": "{id}"}
    tag_identity = {"ResourceARN": "{id}"}

    def input(self, res: Resource) -> dict[str, Any]:
        return {**super().input(res), "GroupName": res.name}


@resource("AWS::XRay::SamplingRule")
class SamplingRule(ResourceType):
    ref = "SamplingRuleRecord.SamplingRule.RuleARN"
    required = ("SamplingRule",)
    create_operation = "CreateSamplingRule"
    delete_operation = "DeleteSamplingRule"
    identity = {"RuleARN": "{id}"}
    attributes = {"RuleARN": "{id}"}
    tag_identity = {"ResourceARN": "{id}"}

    def input(self, res: Resource) -> dict[str, Any]:
        """The version may be left out of a template."""
        rule = {"Version": 1, "RuleName": f"{res.stack_name}-{res.logical_id}"[:32], **res.properties["SamplingRule"]}
        return {**super().input(res), "SamplingRule": rule}

    async def update(self, res: Resource) -> None:
        changes = dict(res.properties["SamplingRule"])
        for name in ("RuleName", "Version"):
            changes.pop(name, None)
        await res.call("UpdateSamplingRule", {"SamplingRuleUpdate": {**changes, "RuleARN": res.physical_id}})
        await self.retag(res)


@resource("AWS::XRay::ResourcePolicy")
class ResourcePolicy(ResourceType):
    required = ("PolicyName", "PolicyDocument")
    replacement = ("PolicyName",)
    create_operation = "PutResourcePolicy"
    update_operation = "PutResourcePolicy"
    delete_operation = "DeleteResourcePolicy"
    ref = "{PolicyName}"
    identity = {"PolicyName": "{id}"}
