"""AWS::CloudFront::*: distributions and what they use, in templates.

Templates write lists plainly; CloudFront's API wraps each in {Quantity, Items}. `_wrap` does that by the operation's
model-independent rule: every list becomes such an object. Updates and deletions name the ETag that they last saw, and
updates the caller reference of the creation.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from mrak.core.resource import Resource, ResourceType, resource


def _wrap(value: Any) -> Any:
    """Some lists have their Items in templates too, though no Quantity."""
    if isinstance(value, dict):
        if isinstance(value.get("Items"), list):
            return {**value, **_wrap(value["Items"])}
        return {key: _wrap(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return {"Quantity": len(value), "Items": [_wrap(inner) for inner in value]}
    return value


def _wrap_behaviour(value: dict[str, Any]) -> dict[str, Any]:
    """AllowedMethods holds CachedMethods in the API and stands beside it in templates; trust has to be enabled."""
    made: dict[str, Any] = _wrap({key: inner for key, inner in value.items() if key != "CachedMethods"})
    cached = value.get("CachedMethods")
    if "AllowedMethods" in made or cached is not None:
        made.setdefault("AllowedMethods", _wrap(["GET", "HEAD"]))
        made["AllowedMethods"]["CachedMethods"] = _wrap(cached or ["GET", "HEAD"])
    for name in ("TrustedKeyGroups", "TrustedSigners"):
        if name in made:
            made[name]["Enabled"] = bool(made[name]["Quantity"])
    if "ForwardedValues" in made:
        made["ForwardedValues"] = {"QueryString": False, "Cookies": {"Forward": "none"}, **made["ForwardedValues"]}
    return made


def _wrap_origin(value: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = _wrap(value)
    if "OriginCustomHeaders" in made:
        made["CustomHeaders"] = made.pop("OriginCustomHeaders")
    if "S3OriginConfig" in made:
        made["S3OriginConfig"] = {"OriginAccessIdentity": "", **made["S3OriginConfig"]}
    if "CustomOriginConfig" in made:
        made["CustomOriginConfig"] = {"HTTPPort": 80, "HTTPSPort": 443, **made["CustomOriginConfig"]}
    return made


def _wrap_distribution(given: dict[str, Any]) -> dict[str, Any]:
    given = {"Comment": "", **given}
    origins = given.pop("Origins", [])
    default = given.pop("DefaultCacheBehavior", {})
    behaviours = given.pop("CacheBehaviors", [])
    if "IPV6Enabled" in given:
        given["IsIPV6Enabled"] = given.pop("IPV6Enabled")
    restriction = given.get("Restrictions", {}).get("GeoRestriction", {})
    if restriction:
        kept = {name: value for name, value in restriction.items() if name != "Locations"}
        given["Restrictions"] = {"GeoRestriction": {**kept, "Items": restriction.get("Locations", [])}}
    config: dict[str, Any] = _wrap(given)
    config["Origins"] = {"Quantity": len(origins), "Items": [_wrap_origin(origin) for origin in origins]}
    config["DefaultCacheBehavior"] = _wrap_behaviour(default)
    if behaviours:
        made = [_wrap_behaviour(behaviour) for behaviour in behaviours]
        config["CacheBehaviors"] = {"Quantity": len(made), "Items": made}
    return config


class _Tagged(ResourceType):
    """What is updated as a whole, by its ETag. Its one property has the name of the operations' member that holds it
    all: CachePolicyConfig for a CachePolicy."""

    config: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.config = f"{cls.noun}Config"
        cls.required = (cls.config,)
        cls.ref = f"{cls.noun}.Id"

    def body(self, res: Resource) -> dict[str, Any]:
        config: dict[str, Any] = _wrap(res.properties[self.config])
        return config

    async def create(self, res: Resource) -> None:
        config = {**self.body(res), "CallerReference": f"{res.stack_name}-{res.logical_id}-{res.token}"}
        answer = await res.call(self.create_operation, {self.config: config})
        res.physical_id = str(res.fill(self.ref, answer))
        await self.learn(res, answer)

    async def learn(self, res: Resource, output: dict[str, Any]) -> None:
        """Times are text in templates."""
        await super().learn(res, output)
        res.attributes = {
            name: f"{datetime.fromtimestamp(value, UTC):%Y-%m-%dT%H:%M:%SZ}" if name.endswith("Time") else value
            for name, value in ((name, res.attributes[name]) for name in res.attributes)
            if not name.endswith("Time") or isinstance(value, int | float)
        }

    async def seen(self, res: Resource) -> tuple[dict[str, Any], str]:
        """(configuration, ETag) as they are now."""
        answer = await res.call(f"Get{self.config}", {"Id": res.physical_id})
        return answer[self.config], str(answer["ETag"])

    async def update(self, res: Resource) -> None:
        old, etag = await self.seen(res)
        config = self.body(res)
        if "CallerReference" in old:
            config["CallerReference"] = old["CallerReference"]
        params = {self.config: config, "Id": res.physical_id, "IfMatch": etag}
        await self.learn(res, await res.call(self.update_operation, params))

    async def delete(self, res: Resource) -> None:
        _, etag = await self.seen(res)
        await res.call(self.delete_operation, {"Id": res.physical_id, "IfMatch": etag})


@resource("AWS::CloudFront::Distribution")
class Distribution(_Tagged):
    noun = "Distribution"
    attributes = {"Id": "{id}", "DomainName": "Distribution.DomainName"}

    def body(self, res: Resource) -> dict[str, Any]:
        return _wrap_distribution(res.properties["DistributionConfig"])

    async def delete(self, res: Resource) -> None:
        """A distribution has to be disabled before it can be deleted."""
        config, etag = await self.seen(res)
        disabled = {**config, "Enabled": False}
        params = {"Id": res.physical_id, "IfMatch": etag, "DistributionConfig": disabled}
        answer = await res.call("UpdateDistribution", params)
        await res.call("DeleteDistribution", {"Id": res.physical_id, "IfMatch": answer["ETag"]})


@resource("AWS::CloudFront::OriginAccessControl")
class OriginAccessControl(_Tagged):
    noun = "OriginAccessControl"
    attributes = {"Id": "{id}"}


@resource("AWS::CloudFront::CloudFrontOriginAccessIdentity")
class OriginAccessIdentity(_Tagged):
    noun = "CloudFrontOriginAccessIdentity"
    attributes = {"Id": "{id}", "S3CanonicalUserId": "CloudFrontOriginAccessIdentity.S3CanonicalUserId"}


@resource("AWS::CloudFront::CachePolicy")
class CachePolicy(_Tagged):
    noun = "CachePolicy"
    attributes = {"Id": "{id}", "LastModifiedTime": "CachePolicy.LastModifiedTime"}


@resource("AWS::CloudFront::OriginRequestPolicy")
class OriginRequestPolicy(_Tagged):
    noun = "OriginRequestPolicy"
    attributes = {"Id": "{id}", "LastModifiedTime": "OriginRequestPolicy.LastModifiedTime"}


@resource("AWS::CloudFront::ResponseHeadersPolicy")
class ResponseHeadersPolicy(_Tagged):
    noun = "ResponseHeadersPolicy"
    attributes = {"Id": "{id}", "LastModifiedTime": "ResponseHeadersPolicy.LastModifiedTime"}


@resource("AWS::CloudFront::PublicKey")
class PublicKey(_Tagged):
    noun = "PublicKey"
    attributes = {"Id": "{id}", "CreatedTime": "PublicKey.CreatedTime"}


@resource("AWS::CloudFront::KeyGroup")
class KeyGroup(_Tagged):
    noun = "KeyGroup"
    attributes = {"Id": "{id}", "LastModifiedTime": "KeyGroup.LastModifiedTime"}

    def body(self, res: Resource) -> dict[str, Any]:
        """Its Items are a plain list in the API too."""
        return dict(res.properties["KeyGroupConfig"])


@resource("AWS::CloudFront::Function")
class Function(ResourceType):
    name = "Name"
    required = ("FunctionCode", "FunctionConfig", "Name")
    replacement = ("Name",)
    ref = "FunctionSummary.FunctionMetadata.FunctionARN"
    attributes = {"FunctionARN": "{id}", "FunctionMetadata.FunctionARN": "{id}", "Stage": ""}

    def _body(self, res: Resource) -> dict[str, Any]:
        config = _wrap(res.properties["FunctionConfig"])
        return {"Name": res.name, "FunctionConfig": config, "FunctionCode": res.properties["FunctionCode"]}

    async def create(self, res: Resource) -> None:
        answer = await res.call("CreateFunction", self._body(res))
        res.physical_id = str(res.fill(self.ref, answer))
        await self._publish(res, answer["ETag"])
        await self.learn(res, answer)

    async def learn(self, res: Resource, output: dict[str, Any]) -> None:
        await super().learn(res, output)
        res.attributes["Stage"] = "LIVE" if self._publishes(res) else "DEVELOPMENT"

    def _publishes(self, res: Resource) -> bool:
        return str(res.properties.get("AutoPublish", True)).lower() == "true"

    async def _publish(self, res: Resource, tag: str) -> None:
        if self._publishes(res):
            await res.call("PublishFunction", {"Name": res.name, "IfMatch": tag})

    async def update(self, res: Resource) -> None:
        tag = (await res.call("DescribeFunction", {"Name": res.name}))["ETag"]
        answer = await res.call("UpdateFunction", {**self._body(res), "IfMatch": tag})
        await self._publish(res, answer["ETag"])
        await self.learn(res, answer)

    async def delete(self, res: Resource) -> None:
        tag = (await res.call("DescribeFunction", {"Name": res.name}))["ETag"]
        await res.call("DeleteFunction", {"Name": res.name, "IfMatch": tag})


@resource("AWS::CloudFront::KeyValueStore")
class KeyValueStore(ResourceType):
    required = ("Name",)
    replacement = ("Name", "ImportSource")
    create_operation = "CreateKeyValueStore"
    parents = ("Name",)
    ref = "KeyValueStore.Name"
    attributes = {"Arn": "KeyValueStore.ARN", "Id": "KeyValueStore.Id", "Status": "KeyValueStore.Status"}
    read_operation = "DescribeKeyValueStore"

    async def update(self, res: Resource) -> None:
        version = await res.call("DescribeKeyValueStore", self.identify(res))
        change = {"Comment": res.properties.get("Comment", ""), "IfMatch": version["ETag"]}
        await res.call("UpdateKeyValueStore", {**self.identify(res), **change})

    async def delete(self, res: Resource) -> None:
        version = await res.call("DescribeKeyValueStore", self.identify(res))
        await res.call("DeleteKeyValueStore", {**self.identify(res), "IfMatch": version["ETag"]})


@resource("AWS::CloudFront::RealtimeLogConfig")
class RealtimeLogConfig(ResourceType):
    required = ("EndPoints", "Fields", "Name", "SamplingRate")
    replacement = ("Name",)
    noun = "RealtimeLogConfig"
    identity = {"ARN": "{id}"}
    ref = "RealtimeLogConfig.ARN"
    attributes = {"Arn": "{id}"}
