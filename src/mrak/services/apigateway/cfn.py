"""AWS::ApiGateway::*: REST APIs in templates.

Most of their operations update by patches; `_patch` makes one of the properties that changed.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

from mrak.core.resource import Resource, ResourceType, resource
from mrak.services.s3.exports import read_body


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, separators=(",", ":")) if isinstance(value, dict | list) else str(value)


def _member(name: str) -> str:
    return name[0].lower() + name[1:]


def _patch(res: Resource, kept: tuple[str, ...], structures: tuple[str, ...] = ()) -> list[dict[str, str]]:
    """Patch operations for the plain properties that an update changes, the members of `structures` each by itself."""
    made = []
    for name in sorted(res.properties.keys() | res.old_properties.keys()):
        if name in kept or not res.changed(name):
            continue
        new, old = res.properties.get(name), res.old_properties.get(name)
        path = f"/{_member(name)}"
        if isinstance(new or old, dict) and name != "Schema":
            pair = (old or {}, new or {})
            if name in structures:
                pair = ({_member(key): value for key, value in side.items()} for side in pair)  # type: ignore[assignment]
            made += _patch_map(path, *pair)
        elif new is None:
            made.append({"op": "remove", "path": path})
        else:
            made.append({"op": "replace", "path": path, "value": _text(new)})
    return made


def _patch_map(path: str, old: dict[str, Any], new: dict[str, Any]) -> list[dict[str, str]]:
    def escaped(key: str) -> str:
        return key.replace("~", "~0").replace("/", "~1")

    made = [{"op": "remove", "path": f"{path}/{escaped(key)}"} for key in old if key not in new]
    return made + [
        {"op": "replace", "path": f"{path}/{escaped(key)}", "value": _text(value)}
        for key, value in new.items()
        if old.get(key) != value
    ]


class _Patched(ResourceType):
    """A type whose update is a patch. `kept` are properties that a patch does not touch; the members of `structures`
    are patched each by itself."""

    kept: ClassVar[tuple[str, ...]] = ()
    structures: ClassVar[tuple[str, ...]] = ()

    async def update(self, res: Resource) -> None:
        patch = _patch(res, (*self.kept, *self.parents, *self.replacement, "Tags"), self.structures)
        output: dict[str, Any] = {}
        if patch:
            output = await res.call(self.update_operation, {**self.identify(res), "patchOperations": patch})
        await self.retag(res)
        await self.learn(res, output)


@resource("AWS::ApiGateway::RestApi")
class RestApi(_Patched):
    system_tags = True
    kept = ("Body", "BodyS3Location", "Mode", "FailOnWarnings", "Parameters", "EndpointConfiguration", "CloneFrom")
    noun = "RestApi"
    identity = {"restApiId": "{id}"}
    tag_identity = {"resourceArn": "arn:{partition}:apigateway:{region}::/restapis/{id}"}
    attributes = {"RootResourceId": "", "RestApiId": "{id}"}

    async def create(self, res: Resource) -> None:
        body = await self._body(res)
        params = {"Name": res.logical_id, **self.input(res)}
        if body and "Name" not in res.properties:
            answer = await res.call("ImportRestApi", {"body": body, "parameters": res.properties.get("Parameters", {})})
            res.physical_id = answer["id"]
            await res.call("TagResource", {"resourceArn": res.fill(self.tag_identity["resourceArn"]), "Tags": res.tags})
        else:
            answer = await res.call("CreateRestApi", params)
            res.physical_id = answer["id"]
            await self._import(res, body)
        await self._learn_root(res)

    async def _import(self, res: Resource, body: bytes) -> None:
        if body:
            mode = res.properties.get("Mode", "overwrite")
            params = {"restApiId": res.physical_id, "mode": mode, "body": body}
            await res.call("PutRestApi", {**params, "parameters": res.properties.get("Parameters", {})})
            if "Name" in res.properties:
                # It goes before the definition's title (recorded: test_cfn_apigateway_swagger_import).
                patch = [{"op": "replace", "path": "/name", "value": res.properties["Name"]}]
                await res.call("UpdateRestApi", {**self.identify(res), "patchOperations": patch})

    async def update(self, res: Resource) -> None:
        if res.changed("Body", "BodyS3Location"):
            await self._import(res, await self._body(res))
        patch = _patch(res, (*self.kept, "Tags"))
        if patch:
            await res.call("UpdateRestApi", {**self.identify(res), "patchOperations": patch})
        await self.retag(res)
        await self._learn_root(res)

    async def _learn_root(self, res: Resource) -> None:
        answer = await res.call("GetResources", {"restApiId": res.physical_id})
        root = next(item["id"] for item in answer["items"] if item["path"] == "/")
        res.attributes = {"RootResourceId": root, "RestApiId": res.physical_id}

    async def _body(self, res: Resource) -> bytes:
        if "Body" in res.properties:
            return _text(res.properties["Body"]).encode()
        place = res.properties.get("BodyS3Location")
        if place is None:
            return b""
        answer = await res.call("GetObject", {"Bucket": place["Bucket"], "Key": place["Key"]}, service="s3")
        return await read_body(answer["Body"])


class _Part(_Patched):
    """What belongs to an API."""

    required: ClassVar[tuple[str, ...]] = ("RestApiId",)
    replacement: ClassVar[tuple[str, ...]] = ("RestApiId",)
    parents: ClassVar[tuple[str, ...]] = ("RestApiId",)


@resource("AWS::ApiGateway::Resource")
class PathPart(_Part):
    required = ("ParentId", "PathPart", "RestApiId")
    replacement = ("ParentId", "PathPart", "RestApiId")
    noun = "Resource"
    identity = {"resourceId": "{id}"}
    ref = "id"
    attributes = {"ResourceId": "{id}"}


@resource("AWS::ApiGateway::Method")
class Method(_Part):
    """A method with its integration and responses. An update puts the method anew, which replaces what hung on it."""

    required = ("HttpMethod", "ResourceId", "RestApiId")
    replacement = ("HttpMethod", "ResourceId", "RestApiId")
    delete_operation = "DeleteMethod"
    parents = ("HttpMethod", "ResourceId", "RestApiId")

    async def create(self, res: Resource) -> None:
        properties = res.properties
        named = self.identify(res)
        params = {**properties, "AuthorizationType": properties.get("AuthorizationType", "NONE")}
        await res.call("PutMethod", params)
        res.physical_id = "|".join(properties[name] for name in ("RestApiId", "ResourceId", "HttpMethod"))
        for response in properties.get("MethodResponses", []):
            await res.call("PutMethodResponse", {**named, **response})
        integration = properties.get("Integration")
        if integration is None:
            return
        await res.call("PutIntegration", _integration(named, integration))
        for response in integration.get("IntegrationResponses", []):
            await res.call("PutIntegrationResponse", {**named, **response})

    async def update(self, res: Resource) -> None:
        await self.delete(res)
        await self.create(res)


def _integration(named: dict[str, Any], integration: dict[str, Any]) -> dict[str, Any]:
    params = {**named, **integration}
    if "IntegrationHttpMethod" in integration:
        params["integrationHttpMethod"] = params.pop("IntegrationHttpMethod")
    return params


@resource("AWS::ApiGateway::Deployment")
class Deployment(_Part):
    replacement = ("RestApiId", "DeploymentCanarySettings")
    kept = ("StageName", "StageDescription")
    noun = "Deployment"
    identity = {"deploymentId": "{id}"}
    attributes = {"DeploymentId": "{id}"}

    async def create(self, res: Resource) -> None:
        described = res.properties.get("StageDescription", {})
        params = {**res.properties, "StageDescription": described.get("Description")}
        if "Variables" in described:
            params["Variables"] = described["Variables"]
        answer = await res.call("CreateDeployment", params)
        res.physical_id = answer["id"]
        await self.learn(res, {})

    async def delete(self, res: Resource) -> None:
        """A stage that the deployment itself made goes with it."""
        stage = res.properties.get("StageName")
        if stage:
            found = await res.call("GetStages", self.identify(res))
            if any(item["stageName"] == stage for item in found.get("item", [])):
                await res.call("DeleteStage", {"RestApiId": res.properties["RestApiId"], "StageName": stage})
        await super().delete(res)


@resource("AWS::ApiGateway::Stage")
class Stage(_Part):
    system_tags = True
    required = ("RestApiId",)
    replacement = ("RestApiId", "StageName")
    kept = ("MethodSettings", "AccessLogSetting", "CanarySetting")
    noun = "Stage"
    parents = ("RestApiId", "StageName")
    ref = "{StageName}"
    tag_identity = {"resourceArn": "arn:{partition}:apigateway:{region}::/restapis/{RestApiId}/stages/{StageName}"}

    async def create(self, res: Resource) -> None:
        await super().create(res)
        await self._settings(res)

    async def update(self, res: Resource) -> None:
        await super().update(res)
        await self._settings(res)

    async def _settings(self, res: Resource) -> None:
        patch = []
        for setting in res.properties.get("MethodSettings", []):
            path = str(setting.get("ResourcePath", "/*")).lstrip("/").replace("/", "~1")
            for name, value in setting.items():
                if name in _METHOD_SETTINGS:
                    where = f"/{path}/{setting.get('HttpMethod', '*')}/{_METHOD_SETTINGS[name]}"
                    patch.append({"op": "replace", "path": where, "value": _text(value)})
        access = res.properties.get("AccessLogSetting", {})
        for name, value in access.items():
            patch.append({"op": "replace", "path": f"/accessLogSettings/{_member(name)}", "value": _text(value)})
        if patch:
            await res.call("UpdateStage", {**self.identify(res), "patchOperations": patch})


_METHOD_SETTINGS = {
    "LoggingLevel": "logging/loglevel",
    "DataTraceEnabled": "logging/dataTrace",
    "MetricsEnabled": "metrics/enabled",
    "ThrottlingRateLimit": "throttling/rateLimit",
    "ThrottlingBurstLimit": "throttling/burstLimit",
    "CachingEnabled": "caching/enabled",
    "CacheTtlInSeconds": "caching/ttlInSeconds",
    "CacheDataEncrypted": "caching/dataEncrypted",
}


@resource("AWS::ApiGateway::Authorizer")
class Authorizer(_Part):
    kept = ("ProviderARNs",)
    noun = "Authorizer"
    identity = {"authorizerId": "{id}"}
    ref = "id"
    attributes = {"AuthorizerId": "{id}"}


@resource("AWS::ApiGateway::Model")
class Model(_Part):
    name = "Name"
    replacement = ("RestApiId", "Name", "ContentType")
    noun = "Model"
    identity = {"modelName": "{id}"}

    def input(self, res: Resource) -> dict[str, Any]:
        return {"ContentType": "application/json", **super().input(res)}


@resource("AWS::ApiGateway::RequestValidator")
class RequestValidator(_Part):
    noun = "RequestValidator"
    identity = {"requestValidatorId": "{id}"}
    ref = "id"
    attributes = {"RequestValidatorId": "{id}"}


@resource("AWS::ApiGateway::GatewayResponse")
class GatewayResponse(_Part):
    required = ("ResponseType", "RestApiId")
    replacement = ("ResponseType", "RestApiId")
    create_operation = "PutGatewayResponse"
    delete_operation = "DeleteGatewayResponse"
    parents = ("ResponseType", "RestApiId")
    ref = "{RestApiId}|{ResponseType}"
    attributes = {"Id": "{id}"}

    async def update(self, res: Resource) -> None:
        await res.call("PutGatewayResponse", res.properties)


@resource("AWS::ApiGateway::ApiKey")
class ApiKey(_Patched):
    replacement = ("GenerateDistinctId", "Name", "Value")
    kept = ("StageKeys",)
    noun = "ApiKey"
    identity = {"apiKey": "{id}"}
    tag_identity = {"resourceArn": "arn:{partition}:apigateway:{region}::/apikeys/{id}"}
    ref = "id"
    attributes = {"APIKeyId": "{id}"}


@resource("AWS::ApiGateway::UsagePlan")
class UsagePlan(_Patched):
    kept = ("ApiStages",)
    structures = ("Throttle", "Quota")
    renamed = {"UsagePlanName": "name"}
    noun = "UsagePlan"
    identity = {"usagePlanId": "{id}"}
    tag_identity = {"resourceArn": "arn:{partition}:apigateway:{region}::/usageplans/{id}"}
    ref = "id"
    attributes = {"Id": "{id}"}

    async def update(self, res: Resource) -> None:
        await super().update(res)
        before, wanted = (
            {_stage(item) for item in p.get("ApiStages", [])} for p in (res.old_properties, res.properties)
        )
        patch = [{"op": "remove", "path": "/apiStages", "value": item} for item in sorted(before - wanted)]
        patch += [{"op": "add", "path": "/apiStages", "value": item} for item in sorted(wanted - before)]
        if patch:
            await res.call("UpdateUsagePlan", {**self.identify(res), "patchOperations": patch})

    async def delete(self, res: Resource) -> None:
        """A plan can be deleted once it has no stages any more."""
        stages = [_stage(item) for item in res.properties.get("ApiStages", [])]
        if stages:
            patch = [{"op": "remove", "path": "/apiStages", "value": item} for item in stages]
            await res.call("UpdateUsagePlan", {**self.identify(res), "patchOperations": patch})
        await super().delete(res)


def _stage(item: dict[str, Any]) -> str:
    return f"{item['ApiId']}:{item['Stage']}"


@resource("AWS::ApiGateway::UsagePlanKey")
class UsagePlanKey(ResourceType):
    required = ("KeyId", "KeyType", "UsagePlanId")
    replacement = ("KeyId", "KeyType", "UsagePlanId")
    create_operation = "CreateUsagePlanKey"
    delete_operation = "DeleteUsagePlanKey"
    parents = ("UsagePlanId", "KeyId")
    ref = "{KeyId}:{UsagePlanId}"
    attributes = {"Id": "{id}"}


@resource("AWS::ApiGateway::Account")
class Account(ResourceType):
    """The role by which APIs write logs. It is the account's, so deleting the resource leaves it."""

    attributes = {"Id": "{id}"}

    async def create(self, res: Resource) -> None:
        await self._put(res)
        res.physical_id = res.token

    async def update(self, res: Resource) -> None:
        await self._put(res)

    async def _put(self, res: Resource) -> None:
        role = res.properties.get("CloudWatchRoleArn")
        if role:
            patch = {"op": "replace", "path": "/cloudwatchRoleArn", "value": role}
            await res.call("UpdateAccount", {"patchOperations": [patch]})


@resource("AWS::ApiGateway::DocumentationPart")
class DocumentationPart(_Part):
    replacement = ("Location", "RestApiId")
    noun = "DocumentationPart"
    identity = {"documentationPartId": "{id}"}
    ref = "id"
    attributes = {"DocumentationPartId": "{id}"}


@resource("AWS::ApiGateway::DocumentationVersion")
class DocumentationVersion(_Part):
    required = ("DocumentationVersion", "RestApiId")
    replacement = ("DocumentationVersion", "RestApiId")
    noun = "DocumentationVersion"
    parents = ("DocumentationVersion", "RestApiId")
    ref = "{DocumentationVersion}"


@resource("AWS::ApiGateway::VpcLink")
class VpcLink(_Patched):
    required = ("Name", "TargetArns")
    replacement = ("TargetArns",)
    noun = "VpcLink"
    identity = {"vpcLinkId": "{id}"}
    tag_identity = {"resourceArn": "arn:{partition}:apigateway:{region}::/vpclinks/{id}"}
    ref = "id"
    attributes = {"VpcLinkId": "{id}"}


@resource("AWS::ApiGateway::ClientCertificate")
class ClientCertificate(_Patched):
    create_operation = "GenerateClientCertificate"
    delete_operation = "DeleteClientCertificate"
    update_operation = "UpdateClientCertificate"
    identity = {"clientCertificateId": "{id}"}
    tag_identity = {"resourceArn": "arn:{partition}:apigateway:{region}::/clientcertificates/{id}"}
    ref = "clientCertificateId"
    attributes = {"ClientCertificateId": "{id}"}


@resource("AWS::ApiGateway::DomainName")
class DomainName(_Patched):
    replacement = ("DomainName",)
    kept = ("EndpointConfiguration", "MutualTlsAuthentication")
    noun = "DomainName"
    parents = ("DomainName",)
    ref = "{DomainName}"
    tag_identity = {"resourceArn": "arn:{partition}:apigateway:{region}::/domainnames/{id}"}
    attributes = {
        "DistributionDomainName": "distributionDomainName",
        "DistributionHostedZoneId": "distributionHostedZoneId",
        "RegionalDomainName": "regionalDomainName",
        "RegionalHostedZoneId": "regionalHostedZoneId",
        "DomainNameArn": "domainNameArn",
    }


@resource("AWS::ApiGateway::BasePathMapping")
class BasePathMapping(_Patched):
    replacement = ("DomainName", "BasePath")
    noun = "BasePathMapping"
    ref = "{DomainName}|{BasePath}"

    def identify(self, res: Resource) -> dict[str, Any]:
        return {"domainName": res.properties["DomainName"], "basePath": res.properties.get("BasePath", "(none)")}
