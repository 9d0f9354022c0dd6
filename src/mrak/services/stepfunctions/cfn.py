"""AWS::StepFunctions::*: state machines and activities in templates."""

from __future__ import annotations

import json
import re
from typing import Any

from mrak.core.resource import Resource, ResourceType, resource
from mrak.services.s3.exports import read_body

_PLACEHOLDER = re.compile(r"\$\{([A-Za-z0-9_.:-]+)\}")


@resource("AWS::StepFunctions::StateMachine")
class StateMachine(ResourceType):
    name = "StateMachineName"
    longest_name = 80
    required = ("RoleArn",)
    replacement = ("StateMachineName", "StateMachineType")
    delete_operation = "DeleteStateMachine"
    identity = {"stateMachineArn": "{id}"}
    attributes = {"Arn": "{id}", "Name": "{name}", "StateMachineRevisionId": "stateMachineVersionArn"}
    tag_identity = {"resourceArn": "{id}"}

    async def _input(self, res: Resource) -> dict[str, Any]:
        properties = res.properties
        params = {**properties, "definition": await self._definition(res), "tags": res.tags}
        params |= {"name": res.name, "type": properties.get("StateMachineType", "STANDARD")}
        return params

    async def _definition(self, res: Resource) -> str:
        properties = res.properties
        if "DefinitionString" in properties:
            text = str(properties["DefinitionString"])
        elif "Definition" in properties:
            text = json.dumps(properties["Definition"])
        else:
            place = properties.get("DefinitionS3Location", {})
            answer = await res.call("GetObject", {"Bucket": place.get("Bucket"), "Key": place.get("Key")}, service="s3")
            text = (await read_body(answer["Body"])).decode()
        substitutions = properties.get("DefinitionSubstitutions", {})

        def value(match: re.Match[str]) -> str:
            return _text(substitutions[match[1]]) if match[1] in substitutions else match[0]

        return _PLACEHOLDER.sub(value, text)

    async def create(self, res: Resource) -> None:
        answer = await res.call("CreateStateMachine", await self._input(res))
        res.physical_id = answer["stateMachineArn"]
        await self.learn(res, answer)

    async def update(self, res: Resource) -> None:
        params = await self._input(res)
        answer = await res.call("UpdateStateMachine", {**params, "stateMachineArn": res.physical_id})
        await self.retag(res)
        await self.learn(res, answer)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


@resource("AWS::StepFunctions::Activity")
class Activity(ResourceType):
    name = "Name"
    longest_name = 80
    replacement = ("Name", "EncryptionConfiguration")
    create_operation = "CreateActivity"
    delete_operation = "DeleteActivity"
    ref = "activityArn"
    identity = {"activityArn": "{id}"}
    attributes = {"Arn": "{id}", "Name": "{name}"}
    tag_identity = {"resourceArn": "{id}"}

    async def update(self, res: Resource) -> None:
        await self.retag(res)


@resource("AWS::StepFunctions::StateMachineVersion")
class StateMachineVersion(ResourceType):
    required = ("StateMachineArn",)
    create_operation = "PublishStateMachineVersion"
    delete_operation = "DeleteStateMachineVersion"
    ref = "stateMachineVersionArn"
    identity = {"stateMachineVersionArn": "{id}"}
    attributes = {"Arn": "{id}"}

    def input(self, res: Resource) -> dict[str, Any]:
        revision = res.properties.get("StateMachineRevisionId")
        known = {"RevisionId": revision} if revision and revision != "INITIAL" else {}
        described = {name: res.properties[name] for name in ("Description",) if name in res.properties}
        return {"StateMachineArn": res.properties["StateMachineArn"], **described, **known}


@resource("AWS::StepFunctions::StateMachineAlias")
class StateMachineAlias(ResourceType):
    name = "Name"
    replacement = ("Name",)
    noun = "StateMachineAlias"
    ref = "stateMachineAliasArn"
    identity = {"stateMachineAliasArn": "{id}"}
    attributes = {"Arn": "{id}"}

    def input(self, res: Resource) -> dict[str, Any]:
        params = super().input(res)
        preference = params.pop("DeploymentPreference", None)
        if preference is not None:
            route = {"stateMachineVersionArn": preference["StateMachineVersionArn"], "weight": 100}
            params["RoutingConfiguration"] = [route]
        return params
