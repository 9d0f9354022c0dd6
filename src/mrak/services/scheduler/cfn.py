"""AWS::Scheduler::*: schedules and their groups in templates."""

from __future__ import annotations

from typing import Any

from mrak.core.resource import Resource, ResourceType, resource


@resource("AWS::Scheduler::Schedule")
class Schedule(ResourceType):
    name = "Name"
    required = ("FlexibleTimeWindow", "ScheduleExpression", "Target")
    replacement = ("Name", "GroupName")
    noun = "Schedule"
    attributes = {"Arn": "ScheduleArn"}

    def identify(self, res: Resource) -> dict[str, Any]:
        group = res.properties.get("GroupName")
        return {"Name": res.physical_id, **({"GroupName": group} if group else {})}


@resource("AWS::Scheduler::ScheduleGroup")
class ScheduleGroup(ResourceType):
    name = "Name"
    replacement = ("Name",)
    create_operation = "CreateScheduleGroup"
    delete_operation = "DeleteScheduleGroup"
    read_operation = "GetScheduleGroup"
    identity = {"Name": "{id}"}
    attributes = {
        "Arn": "Arn",
        "State": "State",
        "CreationDate": "CreationDate",
        "LastModificationDate": "LastModificationDate",
    }
    tag_identity = {"ResourceArn": "{Arn}"}

    async def update(self, res: Resource) -> None:
        await self.retag(res)
