"""AWS::Events::*: buses, rules, archives, connections, API destinations and global endpoints in templates."""

from __future__ import annotations

import json
from typing import Any

from mrak.core.resource import Resource, ResourceType, resource


@resource("AWS::Events::Rule")
class Rule(ResourceType):
    name = "Name"
    longest_name = 64
    replacement = ("Name", "EventBusName")
    attributes = {"Arn": "RuleArn"}

    def _named(self, res: Resource, member: str) -> dict[str, Any]:
        bus = res.properties.get("EventBusName")
        return {member: res.name, **({"EventBusName": bus} if bus else {})}

    async def _put(self, res: Resource) -> None:
        answer = await res.call("PutRule", {**res.properties, **self._named(res, "Name"), "Tags": res.tags})
        bus = res.properties.get("EventBusName", "default")
        # Ref of a rule on another bus than the default one names both.
        res.physical_id = res.name if bus == "default" else f"{bus.rpartition('/')[2]}|{res.name}"
        targets = res.properties.get("Targets", [])
        gone = [t["Id"] for t in res.old_properties.get("Targets", []) if t["Id"] not in {t["Id"] for t in targets}]
        if gone:
            await res.call("RemoveTargets", {**self._named(res, "Rule"), "Ids": gone})
        if targets:
            failed = await res.call("PutTargets", {**self._named(res, "Rule"), "Targets": targets})
            _check(failed)
        await self.learn(res, answer)

    async def create(self, res: Resource) -> None:
        await self._put(res)

    async def update(self, res: Resource) -> None:
        await self._put(res)

    async def delete(self, res: Resource) -> None:
        answer = await res.call("ListTargetsByRule", self._named(res, "Rule"))
        ids = [target["Id"] for target in answer.get("Targets", [])]
        if ids:
            await res.call("RemoveTargets", {**self._named(res, "Rule"), "Ids": ids})
        await res.call("DeleteRule", self._named(res, "Name"))


def _check(answer: dict[str, Any]) -> None:
    from mrak.core.errors import ApiError

    for entry in answer.get("FailedEntries", []):
        raise ApiError(entry.get("ErrorCode", "ValidationException"), entry.get("ErrorMessage", "A target failed."))


@resource("AWS::Events::EventBus")
class EventBus(ResourceType):
    name = "Name"
    longest_name = 256
    required = ("Name",)
    replacement = ("Name",)
    noun = "EventBus"
    identity = {"Name": "{id}"}
    attributes = {"Arn": "arn:{partition}:events:{region}:{account}:event-bus/{id}", "Name": "{id}"}
    tag_identity = {"ResourceARN": "{Arn}"}


@resource("AWS::Events::EventBusPolicy")
class EventBusPolicy(ResourceType):
    required = ("StatementId",)
    replacement = ("StatementId", "EventBusName")

    async def create(self, res: Resource) -> None:
        properties = res.properties
        is_whole = "Statement" in properties
        names = ["EventBusName"] if is_whole else ["EventBusName", "StatementId", "Action", "Principal", "Condition"]
        params = {name: properties[name] for name in names if name in properties}
        if is_whole:
            params["Policy"] = await self._with_statement(res)
        await res.call("PutPermission", params)
        res.physical_id = properties["StatementId"]

    async def _with_statement(self, res: Resource) -> dict[str, Any]:
        """The bus's whole policy with this statement: others on the same bus have theirs."""
        statement = {**res.properties["Statement"], "Sid": res.properties["StatementId"]}
        shown = await res.call("DescribeEventBus", {"Name": res.properties.get("EventBusName", "default")})
        empty: dict[str, Any] = {"Version": "2012-10-17", "Statement": []}
        policy = json.loads(shown["Policy"]) if "Policy" in shown else empty
        others = [other for other in policy["Statement"] if other.get("Sid") != statement["Sid"]]
        return {**policy, "Statement": [*others, statement]}

    async def update(self, res: Resource) -> None:
        await self.create(res)

    async def delete(self, res: Resource) -> None:
        await res.call("RemovePermission", res.properties)


@resource("AWS::Events::Archive")
class Archive(ResourceType):
    name = "ArchiveName"
    longest_name = 48
    replacement = ("ArchiveName", "SourceArn")
    noun = "Archive"
    renamed = {"SourceArn": "EventSourceArn"}
    identity = {"ArchiveName": "{id}"}
    attributes = {"Arn": "ArchiveArn", "ArchiveName": "{id}"}


@resource("AWS::Events::Connection")
class Connection(ResourceType):
    name = "Name"
    longest_name = 64
    replacement = ("Name",)
    noun = "Connection"
    read_operation = "DescribeConnection"
    identity = {"Name": "{id}"}
    attributes = {"Arn": "ConnectionArn", "SecretArn": "SecretArn"}


@resource("AWS::Events::ApiDestination")
class ApiDestination(ResourceType):
    name = "Name"
    longest_name = 64
    replacement = ("Name",)
    noun = "ApiDestination"
    identity = {"Name": "{id}"}
    attributes = {"Arn": "ApiDestinationArn"}


@resource("AWS::Events::Endpoint")
class Endpoint(ResourceType):
    name = "Name"
    longest_name = 64
    required = ("EventBuses", "RoutingConfig")
    replacement = ("Name",)
    noun = "Endpoint"
    read_operation = "DescribeEndpoint"
    identity = {"Name": "{id}"}
    attributes = {"Arn": "Arn", "EndpointId": "EndpointId", "EndpointUrl": "EndpointUrl", "State": "State"}
