"""AWS::ApiGatewayV2::*: HTTP and WebSocket APIs in templates."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from mrak.core.resource import Resource, ResourceType, resource
from mrak.services.s3.exports import read_body


@resource("AWS::ApiGatewayV2::Api")
class Api(ResourceType):
    replacement = ("ProtocolType",)
    delete_operation = "DeleteApi"
    ref = "ApiId"
    identity = {"ApiId": "{id}"}
    tag_identity = {"ResourceArn": "arn:{partition}:apigateway:{region}::/apis/{id}"}
    attributes = {"ApiId": "{id}", "ApiEndpoint": "ApiEndpoint"}

    async def create(self, res: Resource) -> None:
        body = await _body(res)
        answer = await res.call("ImportApi", {"Body": body}) if body else await res.call("CreateApi", self.input(res))
        res.physical_id = answer["ApiId"]
        if body and _overrides(res.properties):
            answer = await res.call("UpdateApi", {**_overrides(res.properties), "ApiId": res.physical_id})
        await self.learn(res, answer)

    async def update(self, res: Resource) -> None:
        body = await _body(res)
        if body:
            answer = await res.call("ReimportApi", {"ApiId": res.physical_id, "Body": body})
            if _overrides(res.properties):
                answer = await res.call("UpdateApi", {**_overrides(res.properties), "ApiId": res.physical_id})
        else:
            answer = await res.call("UpdateApi", {**self.input(res), "ApiId": res.physical_id})
        await self.retag(res)
        await self.learn(res, answer)


def _overrides(properties: dict[str, Any]) -> dict[str, Any]:
    """What the template says beside the definition."""
    names = ("Name", "Description", "CorsConfiguration", "DisableExecuteApiEndpoint", "Version")
    return {name: properties[name] for name in names if name in properties}


async def _body(res: Resource) -> str:
    """The definition of the API as text; "" where the template has none."""
    if "Body" in res.properties:
        body = res.properties["Body"]
        return body if isinstance(body, str) else json.dumps(body)
    place = res.properties.get("BodyS3Location")
    if place is None:
        return ""
    answer = await res.call("GetObject", {"Bucket": place["Bucket"], "Key": place["Key"]}, service="s3")
    return (await read_body(answer["Body"])).decode()


class _WithId(ResourceType):
    """What has an id that AWS makes: RouteId for a Route."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.ref = f"{cls.noun}Id"
        cls.identity = {cls.ref: "{id}"}
        cls.attributes = {cls.ref: "{id}"}


class _Part(_WithId):
    """What belongs to an API."""

    required: ClassVar[tuple[str, ...]] = ("ApiId",)
    replacement: ClassVar[tuple[str, ...]] = ("ApiId",)
    parents: ClassVar[tuple[str, ...]] = ("ApiId",)


@resource("AWS::ApiGatewayV2::Stage")
class Stage(ResourceType):
    required = ("ApiId", "StageName")
    replacement = ("ApiId", "StageName")
    noun = "Stage"
    parents = ("ApiId", "StageName")
    ref = "{StageName}"
    tag_identity = {"ResourceArn": "arn:{partition}:apigateway:{region}::/apis/{ApiId}/stages/{StageName}"}


@resource("AWS::ApiGatewayV2::Route")
class Route(_Part):
    required = ("ApiId", "RouteKey")
    noun = "Route"


@resource("AWS::ApiGatewayV2::Integration")
class Integration(_Part):
    required = ("ApiId", "IntegrationType")
    noun = "Integration"


@resource("AWS::ApiGatewayV2::Authorizer")
class Authorizer(_Part):
    required = ("ApiId", "AuthorizerType", "Name")
    noun = "Authorizer"


@resource("AWS::ApiGatewayV2::Deployment")
class Deployment(_Part):
    noun = "Deployment"


@resource("AWS::ApiGatewayV2::Model")
class Model(_Part):
    noun = "Model"


@resource("AWS::ApiGatewayV2::IntegrationResponse")
class IntegrationResponse(_Part):
    noun = "IntegrationResponse"
    parents = ("ApiId", "IntegrationId")


@resource("AWS::ApiGatewayV2::RouteResponse")
class RouteResponse(_Part):
    noun = "RouteResponse"
    parents = ("ApiId", "RouteId")


@resource("AWS::ApiGatewayV2::DomainName")
class DomainName(ResourceType):
    required = ("DomainName",)
    replacement = ("DomainName",)
    noun = "DomainName"
    parents = ("DomainName",)
    ref = "{DomainName}"
    tag_identity = {"ResourceArn": "arn:{partition}:apigateway:{region}::/domainnames/{id}"}
    attributes = {
        "RegionalDomainName": "ApiGatewayDomainName",
        "RegionalHostedZoneId": "HostedZoneId",
        "DomainNameArn": "DomainNameArn",
    }

    async def learn(self, res: Resource, output: dict[str, Any]) -> None:
        """The names stand in the first configuration."""
        first: dict[str, Any] = next(iter(output.get("DomainNameConfigurations", [])), {})
        await super().learn(res, {**output, **first})


@resource("AWS::ApiGatewayV2::ApiMapping")
class ApiMapping(_WithId):
    required = ("ApiId", "DomainName", "Stage")
    replacement = ("DomainName",)
    noun = "ApiMapping"
    parents = ("DomainName",)


@resource("AWS::ApiGatewayV2::VpcLink")
class VpcLink(_WithId):
    required = ("Name", "SubnetIds")
    replacement = ("SubnetIds", "SecurityGroupIds")
    noun = "VpcLink"
    tag_identity = {"ResourceArn": "arn:{partition}:apigateway:{region}::/vpclinks/{id}"}
