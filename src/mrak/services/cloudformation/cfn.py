"""CloudFormation's own resource types: nested stacks, custom resources, wait conditions, macros."""

from __future__ import annotations

import json
from typing import Any

from msgspec.structs import replace

from mrak.core.context import Transaction
from mrak.core.errors import ApiError
from mrak.core.resource import Resource, ResourceType, resource
from mrak.services.cloudformation import events, signals
from mrak.services.cloudformation.tables import MACROS, STACKS, Macro, Stack

_FUNCTION_TIMEOUT_SECONDS = 3600.0


def failed(message: str, code: str = "CustomResourceFailed") -> ApiError:
    return ApiError(code, message)


@resource("AWS::CDK::Metadata")
class Metadata(ResourceType):
    """What the CDK knows about its constructs. It makes nothing."""

    async def create(self, res: Resource) -> None:
        res.physical_id = res.token

    async def update(self, res: Resource) -> None:
        """Nothing to be done."""


@resource("AWS::CloudFormation::WaitConditionHandle")
class WaitConditionHandle(ResourceType):
    """Its Ref is a URL to which machines and functions put their signals."""

    async def create(self, res: Resource) -> None:
        token = res.ctx.resource_id(40)
        await signals.open_token(res.ctx, token, res.stack_id, handle=res.logical_id)
        res.attributes = {"Token": token}
        res.physical_id = signals.url(res.ctx, token)

    async def update(self, res: Resource) -> None:
        """A handle has no properties."""

    async def delete(self, res: Resource) -> None:
        await signals.close_token(res.ctx, res.physical_id.rpartition("/")[2])


@resource("AWS::CloudFormation::WaitCondition")
class WaitCondition(ResourceType):
    """Complete once its handle's URL has had as many signals as it waits for."""

    attributes = {"Data": ""}

    async def create(self, res: Resource) -> None:
        properties = res.properties
        for name in ("Handle", "Timeout"):
            if name not in properties:
                raise failed(f"Property {name} cannot be empty.")
        wanted = int(properties.get("Count", 1))
        token = str(properties["Handle"]).rpartition("/")[2]
        found = await signals.wait(res.ctx, token, wanted, float(properties["Timeout"]))
        bad = next((answer for answer in found if answer["Status"] != "SUCCESS"), None)
        if bad is not None:
            raise failed(
                f"WaitCondition received failed message: '{bad.get('Reason', '')}' for uniqueId: {bad.get('UniqueId')}"
            )
        if len(found) < wanted:
            raise failed(f"WaitCondition timed out. Received {len(found)} conditions when expecting {wanted}")
        res.attributes = {"Data": json.dumps({str(a.get("UniqueId")): a.get("Data", "") for a in found})}
        # Named by its handle (recorded: test_waitcondition).
        res.physical_id = f"{res.stack_id}/{await signals.handle_of(res.ctx, token) or res.logical_id}"

    async def update(self, res: Resource) -> None:
        """Updates of a wait condition are refused by AWS; without a change there is none."""
        raise failed("Update to resource type AWS::CloudFormation::WaitCondition is not supported.")

    async def delete(self, res: Resource) -> None:
        """It is nothing but the wait."""


@resource("AWS::CloudFormation::CustomResource")
class CustomResource(ResourceType):
    """A function of the user makes it: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html"""

    open_attributes = True
    required = ("ServiceToken",)
    replacement = ("ServiceToken",)

    async def create(self, res: Resource) -> None:
        await self._ask(res, "Create")

    async def update(self, res: Resource) -> None:
        before = res.physical_id
        await self._ask(res, "Update")
        if before != res.physical_id:
            # The answer names another physical resource: the update replaced it, and the old one is to go.
            after, attributes = res.physical_id, res.attributes
            res.physical_id = before
            await self._ask(res, "Delete", res.old_properties)
            res.physical_id, res.attributes = after, attributes

    async def delete(self, res: Resource) -> None:
        await self._ask(res, "Delete")

    async def _ask(self, res: Resource, kind: str, properties: dict[str, Any] | None = None) -> None:
        properties = res.properties if properties is None else properties
        token = res.ctx.resource_id(40)
        await signals.open_token(res.ctx, token, res.stack_id)
        event = self._event(res, kind, properties, token)
        try:
            await self._send(res, str(properties["ServiceToken"]), json.dumps(event))
            timeout = float(properties.get("ServiceTimeout", _FUNCTION_TIMEOUT_SECONDS))
            found = await signals.wait(res.ctx, token, 1, timeout)
        finally:
            await signals.close_token(res.ctx, token)
        if not found:
            raise failed(
                "CloudFormation did not receive a response from your Custom Resource. "
                f"Please check your logs for requestId [{event['RequestId']}]."
            )
        self._take(res, kind, found[0], event["RequestId"])

    def _event(self, res: Resource, kind: str, properties: dict[str, Any], token: str) -> dict[str, Any]:
        event: dict[str, Any] = {
            "RequestType": kind,
            "ServiceToken": properties["ServiceToken"],
            "ResponseURL": signals.url(res.ctx, token),
            "StackId": res.stack_id,
            "RequestId": res.ctx.draw.uuid(),
            "LogicalResourceId": res.logical_id,
            "ResourceType": res.type,
            "ResourceProperties": _texts({**properties, "ServiceToken": properties["ServiceToken"]}),
        }
        if kind != "Create":
            event["PhysicalResourceId"] = res.physical_id
        if kind == "Update":
            event["OldResourceProperties"] = _texts(res.old_properties)
        return event

    async def _send(self, res: Resource, service_token: str, event: str) -> None:
        if ":sns:" in service_token:
            message = {
                "TopicArn": service_token,
                "Subject": "AWS CloudFormation custom resource request",
                "Message": event,
            }
            await res.call("Publish", message, service="sns")
            return
        params = {"FunctionName": service_token, "InvocationType": "Event", "Payload": event.encode()}
        await res.call("Invoke", params, service="lambda")

    def _take(self, res: Resource, kind: str, answer: dict[str, Any], request_id: str) -> None:
        if answer["Status"] != "SUCCESS":
            reason = answer.get("Reason", "")
            raise failed(
                f"Received response status [FAILED] from custom resource. Message returned: {reason} "
                f"(RequestId: {request_id})"
            )
        if kind == "Delete":
            return
        if not answer.get("PhysicalResourceId"):
            raise failed("Invalid PhysicalResourceId")
        res.physical_id = str(answer["PhysicalResourceId"])
        data = answer.get("Data") or {}
        res.attributes = data if isinstance(data, dict) else {}


def _texts(value: Any) -> Any:
    """Custom resources get numbers and booleans as text."""
    if isinstance(value, dict):
        return {key: _texts(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_texts(inner) for inner in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


@resource("AWS::CloudFormation::Macro")
class MacroType(ResourceType):
    """A transform of the account: a name for a function."""

    name = "Name"
    required = ("Name", "FunctionName")
    replacement = ("Name",)

    async def create(self, res: Resource) -> None:
        await self._put(res)
        res.physical_id = res.properties["Name"]

    async def update(self, res: Resource) -> None:
        await self._put(res)

    async def _put(self, res: Resource) -> None:
        macro = Macro(res.properties["Name"], res.properties["FunctionName"])

        def write(tx: Transaction) -> None:
            old = MACROS.open(tx, res.ctx.scope, macro.name)
            if old is None:
                MACROS.insert(tx, res.ctx.scope, macro)
            else:
                MACROS.replace(tx, res.ctx.scope, old, macro)

        await res.ctx.transact(write)

    async def delete(self, res: Resource) -> None:
        def remove(tx: Transaction) -> None:
            old = MACROS.open(tx, res.ctx.scope, res.physical_id)
            if old is not None:
                MACROS.delete(tx, res.ctx.scope, old)

        await res.ctx.transact(remove)


@resource("AWS::CloudFormation::Stack")
class NestedStack(ResourceType):
    """A stack of its own, whose template is in S3. Ref is its id, and its outputs are attributes `Outputs.NAME`."""

    open_attributes = True
    required = ("TemplateURL",)

    def _request(self, res: Resource) -> dict[str, Any]:
        properties = res.properties
        given = properties.get("Parameters", {})
        parameters = [
            {
                "ParameterKey": name,
                "ParameterValue": ",".join(map(str, value)) if isinstance(value, list) else str(value),
            }
            for name, value in _texts(given).items()
        ]
        request: dict[str, Any] = {
            "TemplateURL": properties["TemplateURL"],
            "Parameters": parameters,
            "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            "Tags": res.tags,
        }
        if "NotificationARNs" in properties:
            request["NotificationARNs"] = properties["NotificationARNs"]
        return request

    async def create(self, res: Resource) -> None:
        random = res.ctx.draw.alphanumeric(12, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
        name = f"{res.stack_name}-{res.logical_id}"[:115] + f"-{random}"
        request = {**self._request(res), "StackName": name, "OnFailure": "DO_NOTHING"}
        answer = await res.call("CreateStack", request)
        res.physical_id = answer["StackId"]
        await self._adopt_child(res)
        await self._settled(res, "CREATE_COMPLETE")

    async def _adopt_child(self, res: Resource) -> None:
        def write(tx: Transaction) -> None:
            parent = STACKS.get(tx, res.ctx.scope, res.stack_id)
            child = STACKS.open(tx, res.ctx.scope, res.physical_id)
            assert parent is not None and child is not None
            linked = replace(child, parent_id=parent.id, root_id=parent.root_id or parent.id)
            STACKS.replace(tx, res.ctx.scope, child, linked)

        await res.ctx.transact(write)

    async def update(self, res: Resource) -> None:
        request = {**self._request(res), "StackName": res.physical_id}
        try:
            await res.call("UpdateStack", request)
        except ApiError as error:
            if error.message != "No updates are to be performed.":
                raise
        await self._settled(res, "UPDATE_COMPLETE", "CREATE_COMPLETE")

    async def delete(self, res: Resource) -> None:
        await res.call("DeleteStack", {"StackName": res.physical_id})
        await self._settled(res, "DELETE_COMPLETE")

    async def _settled(self, res: Resource, *wanted: str) -> None:
        """Waits until the nested stack has come to an end, and takes its outputs."""
        with res.ctx.listen(events.topic(res.physical_id)) as listener:
            while True:
                stack = await res.ctx.transact(lambda tx: STACKS.get(tx, res.ctx.scope, res.physical_id))
                if stack is None or not stack.status.endswith("_IN_PROGRESS"):
                    break
                await listener.wait(60.0)
        if stack is None or stack.status not in wanted:
            raise failed(
                f"Embedded stack {res.physical_id} was not successfully {_participle(wanted[0])}: {_reason(stack)}",
                "NestedStackFailed",
            )
        res.attributes = {f"Outputs.{output['OutputKey']}": output["OutputValue"] for output in stack.outputs}


def _participle(status: str) -> str:
    return {"CREATE": "created", "UPDATE": "updated", "DELETE": "deleted"}[status.partition("_")[0]]


def _reason(stack: Stack | None) -> str:
    return stack.reason if stack is not None else "it is gone"
