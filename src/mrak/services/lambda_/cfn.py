"""AWS::Lambda::*: functions and what belongs to them, in templates."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from mrak.core.resource import Resource, ResourceType, resource
from mrak.services.lambda_.inlinecode import RESPONSES

_CODE = ("S3Bucket", "S3Key", "S3ObjectVersion", "ImageUri", "SourceKMSKeyArn")


def _code(properties: dict[str, Any]) -> dict[str, Any]:
    """`Code` as the operations want it: a ZipFile property is source text, which becomes a package with one file."""
    code = properties.get("Code", {})
    found = {name: code[name] for name in _CODE if name in code}
    if "ZipFile" in code:
        found["ZipFile"] = _pack(str(code["ZipFile"]), str(properties.get("Runtime", "")))
    return found


def _pack(source: str, runtime: str) -> bytes:
    """The source as `index`, with the module for answers of custom resources beside it, as AWS does it. The same source
    gives the same bytes."""
    language = "node" if runtime.startswith("nodejs") else "python"
    name, answer_name, answer = RESPONSES[language]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in ((name, source), (answer_name, answer)):
            entry = zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text)
    return packed.getvalue()


@resource("AWS::Lambda::Function")
class Function(ResourceType):
    system_tags = True
    name = "FunctionName"
    longest_name = 64
    required = ("Code", "Role")
    replacement = ("FunctionName", "PackageType")
    delete_operation = "DeleteFunction"
    identity = {"FunctionName": "{id}"}
    attributes = {"Arn": "arn:{partition}:lambda:{region}:{account}:function:{id}"}

    async def create(self, res: Resource) -> None:
        params = {**self.input(res), "FunctionName": res.name, "Code": _code(res.properties)}
        await res.call("CreateFunction", params)
        res.physical_id = res.name
        await res.until("GetFunctionConfiguration", self.identify(res), "State", ("Active",))
        await self._reserve(res)
        await self.learn(res, {})

    async def update(self, res: Resource) -> None:
        named = self.identify(res)
        if res.changed("Code", "Architectures"):
            params = {**named, **_code(res.properties)}
            if "Architectures" in res.properties:
                params["Architectures"] = res.properties["Architectures"]
            await res.call("UpdateFunctionCode", params)
            await self._updated(res)
        rest = {name for name in res.properties.keys() | res.old_properties.keys() if res.changed(name)}
        if rest - {"Code", "Architectures", "Tags", "ReservedConcurrentExecutions"}:
            await res.call("UpdateFunctionConfiguration", {**_cleared(res), **self.input(res), **named})
            await self._updated(res)
        if res.changed("ReservedConcurrentExecutions"):
            await self._reserve(res)
        await self._retag(res)
        await self.learn(res, {})

    async def _updated(self, res: Resource) -> None:
        await res.until(
            "GetFunctionConfiguration", self.identify(res), "LastUpdateStatus", ("Successful", "Failed", "")
        )

    async def _reserve(self, res: Resource) -> None:
        count = res.properties.get("ReservedConcurrentExecutions")
        if count is not None:
            params = {**self.identify(res), "ReservedConcurrentExecutions": count}
            await res.call("PutFunctionConcurrency", params)
        elif "ReservedConcurrentExecutions" in res.old_properties:
            await res.call("DeleteFunctionConcurrency", self.identify(res))

    async def _retag(self, res: Resource) -> None:
        named = {"Resource": res.fill("{Arn}")}
        gone = [tag["Key"] for tag in res.old_properties.get("Tags", [])]
        gone = [key for key in gone if key not in {tag["Key"] for tag in res.tags}]
        if gone:
            await res.call("UntagResource", {**named, "TagKeys": gone})
        if res.tags:
            await res.call("TagResource", {**named, "Tags": res.tags})


def _cleared(res: Resource) -> dict[str, Any]:
    """What settings become that the template no longer has."""
    empty: dict[str, Any] = {
        "Environment": {"Variables": {}},
        "Layers": [],
        "Description": "",
        "Timeout": 3,
        "MemorySize": 128,
        "DeadLetterConfig": {"TargetArn": ""},
        "TracingConfig": {"Mode": "PassThrough"},
        "KmsKeyArn": "",
    }
    return {name: value for name, value in empty.items() if name in res.old_properties and name not in res.properties}


@resource("AWS::Lambda::Version")
class Version(ResourceType):
    required = ("FunctionName",)
    replacement = ("FunctionName", "Description", "CodeSha256")
    ref = "FunctionArn"
    attributes = {"Version": "Version", "FunctionArn": "FunctionArn"}

    async def create(self, res: Resource) -> None:
        answer = await res.call("PublishVersion", res.properties)
        res.physical_id = answer["FunctionArn"]
        await self.learn(res, answer)

    async def update(self, res: Resource) -> None:
        """Only the provisioned concurrency could change, which is not part of the version itself."""

    async def delete(self, res: Resource) -> None:
        name, _, version = res.physical_id.rpartition(":")
        await res.call("DeleteFunction", {"FunctionName": name, "Qualifier": version})


@resource("AWS::Lambda::Alias")
class Alias(ResourceType):
    required = ("FunctionName", "FunctionVersion", "Name")
    replacement = ("FunctionName", "Name")
    ref = "AliasArn"
    delete_operation = "DeleteAlias"
    parents = ("FunctionName", "Name")
    attributes = {"AliasArn": "AliasArn"}

    def input(self, res: Resource) -> dict[str, Any]:
        params = dict(res.properties)
        weights = params.get("RoutingConfig", {}).get("AdditionalVersionWeights")
        if weights is not None:
            by_version = {item["FunctionVersion"]: item["FunctionWeight"] for item in weights}
            params["RoutingConfig"] = {"AdditionalVersionWeights": by_version}
        return params

    async def create(self, res: Resource) -> None:
        await self._put(res, "CreateAlias")

    async def update(self, res: Resource) -> None:
        await self._put(res, "UpdateAlias")

    async def _put(self, res: Resource, operation: str) -> None:
        answer = await res.call(operation, self.input(res))
        res.physical_id = answer["AliasArn"]
        provisioned = res.properties.get("ProvisionedConcurrencyConfig")
        if provisioned is not None:
            named = {"FunctionName": res.properties["FunctionName"], "Qualifier": res.properties["Name"]}
            await res.call("PutProvisionedConcurrencyConfig", {**named, **provisioned})
        await self.learn(res, answer)


@resource("AWS::Lambda::Permission")
class Permission(ResourceType):
    name = "StatementId"
    longest_name = 100
    required = ("Action", "FunctionName", "Principal")
    attributes = {"Id": "{id}"}

    async def create(self, res: Resource) -> None:
        name, qualifier = _qualified(res.properties["FunctionName"])
        params = {**res.properties, "StatementId": res.name, "FunctionName": name}
        await res.call("AddPermission", params | ({"Qualifier": qualifier} if qualifier else {}))
        res.physical_id = res.name
        await self.learn(res, {})

    async def delete(self, res: Resource) -> None:
        name, qualifier = _qualified(res.properties["FunctionName"])
        params = {"FunctionName": name, "StatementId": res.physical_id}
        await res.call("RemovePermission", params | ({"Qualifier": qualifier} if qualifier else {}))


def _qualified(reference: str) -> tuple[str, str]:
    """(function, version or alias) of a function's name or ARN."""
    parts = reference.split(":")
    plain = 7 if reference.startswith("arn:") else 1
    return ":".join(parts[:plain]), parts[plain] if len(parts) > plain else ""


@resource("AWS::Lambda::EventSourceMapping")
class EventSourceMapping(ResourceType):
    system_tags = True
    tag_identity = {"Resource": "{EventSourceMappingArn}"}
    required = ("FunctionName",)
    replacement = ("EventSourceArn", "StartingPosition", "StartingPositionTimestamp", "SelfManagedEventSource")
    noun = "EventSourceMapping"
    ref = "UUID"
    identity = {"UUID": "{id}"}
    attributes = {
        "Id": "{id}",
        "EventSourceMappingArn": "arn:{partition}:lambda:{region}:{account}:event-source-mapping:{id}",
    }


@resource("AWS::Lambda::Url")
class Url(ResourceType):
    required = ("AuthType", "TargetFunctionArn")
    replacement = ("TargetFunctionArn", "Qualifier")
    noun = "FunctionUrlConfig"
    renamed = {"TargetFunctionArn": "FunctionName"}
    ref = "FunctionArn"
    attributes = {"FunctionArn": "FunctionArn", "FunctionUrl": "FunctionUrl"}

    def identify(self, res: Resource) -> dict[str, Any]:
        named = {"FunctionName": res.properties["TargetFunctionArn"]}
        return named | ({"Qualifier": res.properties["Qualifier"]} if "Qualifier" in res.properties else {})


@resource("AWS::Lambda::LayerVersion")
class LayerVersion(ResourceType):
    unique_name = False
    name = "LayerName"
    required = ("Content",)
    ref = "LayerVersionArn"
    create_operation = "PublishLayerVersion"
    attributes = {"LayerVersionArn": "{id}"}

    async def delete(self, res: Resource) -> None:
        name, _, version = res.physical_id.rpartition(":")
        await res.call("DeleteLayerVersion", {"LayerName": name, "VersionNumber": int(version)})


@resource("AWS::Lambda::LayerVersionPermission")
class LayerVersionPermission(ResourceType):
    required = ("Action", "LayerVersionArn", "Principal")
    attributes = {"Id": "{id}"}

    async def create(self, res: Resource) -> None:
        layer, _, version = res.properties["LayerVersionArn"].rpartition(":")
        params = {**res.properties, "LayerName": layer, "VersionNumber": int(version), "StatementId": res.token}
        await res.call("AddLayerVersionPermission", params)
        res.physical_id = res.token

    async def delete(self, res: Resource) -> None:
        layer, _, version = res.properties["LayerVersionArn"].rpartition(":")
        params = {"LayerName": layer, "VersionNumber": int(version), "StatementId": res.physical_id}
        await res.call("RemoveLayerVersionPermission", params)


@resource("AWS::Lambda::EventInvokeConfig")
class EventInvokeConfig(ResourceType):
    required = ("FunctionName", "Qualifier")
    replacement = ("FunctionName", "Qualifier")
    update_operation = "PutFunctionEventInvokeConfig"
    delete_operation = "DeleteFunctionEventInvokeConfig"
    parents = ("FunctionName", "Qualifier")

    async def create(self, res: Resource) -> None:
        await res.call("PutFunctionEventInvokeConfig", res.properties)
        res.physical_id = f"{res.properties['FunctionName']}|{res.properties['Qualifier']}"


@resource("AWS::Lambda::CodeSigningConfig")
class CodeSigningConfig(ResourceType):
    required = ("AllowedPublishers",)
    noun = "CodeSigningConfig"
    ref = "CodeSigningConfig.CodeSigningConfigArn"
    identity = {"CodeSigningConfigArn": "{id}"}
    attributes = {"CodeSigningConfigArn": "{id}", "CodeSigningConfigId": "CodeSigningConfig.CodeSigningConfigId"}
