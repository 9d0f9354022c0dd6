"""AWS::Pipes::*: pipes in templates."""

from __future__ import annotations

from mrak.core.resource import Resource, ResourceType, resource

_RUNS = ("RUNNING", "STOPPED")


@resource("AWS::Pipes::Pipe")
class Pipe(ResourceType):
    name = "Name"
    required = ("RoleArn", "Source", "Target")
    replacement = ("Name", "Source")
    noun = "Pipe"
    read_operation = "DescribePipe"
    identity = {"Name": "{id}"}
    attributes = {
        "Arn": "Arn",
        "CurrentState": "CurrentState",
        "StateReason": "StateReason",
        "CreationTime": "CreationTime",
        "LastModifiedTime": "LastModifiedTime",
    }
    tag_identity = {"resourceArn": "{Arn}"}

    async def create(self, res: Resource) -> None:
        await super().create(res)
        await res.until("DescribePipe", {"Name": res.physical_id}, "CurrentState", (*_RUNS, "CREATE_FAILED"))

    async def update(self, res: Resource) -> None:
        await super().update(res)
        await res.until("DescribePipe", {"Name": res.physical_id}, "CurrentState", (*_RUNS, "UPDATE_FAILED"))
