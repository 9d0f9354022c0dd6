"""AWS::CloudFront::*: distributions and what they use, in templates.

Templates write lists plainly; CloudFront's API wraps each in {Quantity, Items}. `_wrap` does that by the operation's
model-independent rule: every list becomes such an object. Updates and deletions name the ETag that they last saw.
"""

from __future__ import annotations

from typing import Any, ClassVar

from mrak.core.resource import Resource, ResourceType, resource


def _wrap(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _wrap(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return {"Quantity": len(value), "Items": [_wrap(inner) for inner in value]}
    return value


def _wrap_behaviour(value: dict[str, Any]) -> dict[str, Any]:
    """AllowedMethods holds CachedMethods in the API and stands beside it in templates."""
    cached = value.get("CachedMethods")
    made: dict[str, Any] = _wrap({key: inner for key, inner in value.items() if key != "CachedMethods"})
    if "AllowedMethods" in made and cached is not None:
        made["AllowedMethods"]["CachedMethods"] = _wrap(cached)
    return made


class _Tagged(ResourceType):
    """What is updated as a whole, by its ETag. `config` is the property and member that holds it all."""

    config: ClassVar[str] = ""
    kind: ClassVar[str] = ""

    def body(self, res: Resource) -> dict[str, Any]:
        return {self.config: {**_wrap(res.properties[self.config]), "CallerReference": res.token}}

    async def create(self, res: Resource) -> None:
        answer = await res.call(f"Create{self.kind}", self.body(res))
        res.physical_id = str(res.fill(self.ref, answer))
        await self.learn(res, answer)

    async def _tag(self, res: Resource) -> str:
        answer = await res.call(f"Get{self.kind}", {"Id": res.physical_id})
        return str(answer["ETag"])

    async def update(self, res: Resource) -> None:
        params = {**self.body(res), "Id": res.physical_id, "IfMatch": await self._tag(res)}
        await self.learn(res, await res.call(f"Update{self.kind}", params))

    async def delete(self, res: Resource) -> None:
        await res.call(f"Delete{self.kind}", {"Id": res.physical_id, "IfMatch": await self._tag(res)})


@resource("AWS::CloudFront::Distribution")
class Distribution(_Tagged):
    config = "DistributionConfig"
    kind = "Distribution"
    required = ("DistributionConfig",)
    ref = "Distribution.Id"
    attributes = {"Id": "{id}", "DomainName": "Distribution.DomainName"}

    def body(self, res: Resource) -> dict[str, Any]:
        return {"DistributionConfig": self._config(res, enabled=None)}

    def _config(self, res: Resource, enabled: bool | None) -> dict[str, Any]:
        given = dict(res.properties["DistributionConfig"])
        default = given.pop("DefaultCacheBehavior", {})
        behaviours = given.pop("CacheBehaviors", [])
        config: dict[str, Any] = _wrap(given)
        config["DefaultCacheBehavior"] = _wrap_behaviour(default)
        if behaviours:
            made = [_wrap_behaviour(behaviour) for behaviour in behaviours]
            config["CacheBehaviors"] = {"Quantity": len(made), "Items": made}
        config.setdefault("Comment", "")
        config["CallerReference"] = f"{res.stack_name}-{res.logical_id}-{res.token}"
        if enabled is not None:
            config["Enabled"] = enabled
        return config

    async def delete(self, res: Resource) -> None:
        """A distribution has to be disabled before it can be deleted."""
        params = {"Id": res.physical_id, "IfMatch": await self._tag(res)}
        await res.call("UpdateDistribution", {**params, "DistributionConfig": self._config(res, enabled=False)})
        await super().delete(res)


@resource("AWS::CloudFront::OriginAccessControl")
class OriginAccessControl(_Tagged):
    config = "OriginAccessControlConfig"
    kind = "OriginAccessControl"
    required = ("OriginAccessControlConfig",)
    ref = "OriginAccessControl.Id"
    attributes = {"Id": "{id}"}


@resource("AWS::CloudFront::CloudFrontOriginAccessIdentity")
class OriginAccessIdentity(_Tagged):
    config = "CloudFrontOriginAccessIdentityConfig"
    kind = "CloudFrontOriginAccessIdentity"
    required = ("CloudFrontOriginAccessIdentityConfig",)
    ref = "CloudFrontOriginAccessIdentity.Id"
    attributes = {"Id": "{id}", "S3CanonicalUserId": "CloudFrontOriginAccessIdentity.S3CanonicalUserId"}


@resource("AWS::CloudFront::CachePolicy")
class CachePolicy(_Tagged):
    config = "CachePolicyConfig"
    kind = "CachePolicy"
    required = ("CachePolicyConfig",)
    ref = "CachePolicy.Id"
    attributes = {"Id": "{id}"}


@resource("AWS::CloudFront::OriginRequestPolicy")
class OriginRequestPolicy(_Tagged):
    config = "OriginRequestPolicyConfig"
    kind = "OriginRequestPolicy"
    required = ("OriginRequestPolicyConfig",)
    ref = "OriginRequestPolicy.Id"
    attributes = {"Id": "{id}"}


@resource("AWS::CloudFront::ResponseHeadersPolicy")
class ResponseHeadersPolicy(_Tagged):
    config = "ResponseHeadersPolicyConfig"
    kind = "ResponseHeadersPolicy"
    required = ("ResponseHeadersPolicyConfig",)
    ref = "ResponseHeadersPolicy.Id"
    attributes = {"Id": "{id}"}


@resource("AWS::CloudFront::Function")
class Function(ResourceType):
    name = "Name"
    required = ("FunctionCode", "FunctionConfig", "Name")
    replacement = ("Name",)
    ref = "FunctionSummary.FunctionMetadata.FunctionARN"
    attributes = {"FunctionARN": "{id}", "FunctionMetadata.FunctionARN": "{id}", "Stage": "Stage"}

    def _body(self, res: Resource) -> dict[str, Any]:
        config = _wrap(res.properties["FunctionConfig"])
        return {"Name": res.name, "FunctionConfig": config, "FunctionCode": res.properties["FunctionCode"]}

    async def create(self, res: Resource) -> None:
        answer = await res.call("CreateFunction", self._body(res))
        res.physical_id = str(res.fill(self.ref, answer))
        await self._publish(res, answer["ETag"])
        await self.learn(res, answer)

    async def _publish(self, res: Resource, tag: str) -> None:
        if str(res.properties.get("AutoPublish", True)).lower() == "true":
            await res.call("PublishFunction", {"Name": res.name, "IfMatch": tag})

    async def update(self, res: Resource) -> None:
        tag = (await res.call("DescribeFunction", {"Name": res.name}))["ETag"]
        answer = await res.call("UpdateFunction", {**self._body(res), "IfMatch": tag})
        await self._publish(res, answer["ETag"])

    async def delete(self, res: Resource) -> None:
        tag = (await res.call("DescribeFunction", {"Name": res.name}))["ETag"]
        await res.call("DeleteFunction", {"Name": res.name, "IfMatch": tag})
