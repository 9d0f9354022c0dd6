"""AWS::CertificateManager::*: certificates in templates, which are there once they are issued."""

from __future__ import annotations

from typing import Any

from mrak.core.resource import Resource, ResourceType, resource


@resource("AWS::CertificateManager::Certificate")
class Certificate(ResourceType):
    required = ("DomainName",)
    replacement = (
        "DomainName", "SubjectAlternativeNames", "DomainValidationOptions", "KeyAlgorithm", "ValidationMethod",
        "CertificateAuthorityArn",
    )  # fmt: skip
    ref = "CertificateArn"
    identity = {"CertificateArn": "{id}"}
    delete_operation = "DeleteCertificate"

    async def create(self, res: Resource) -> None:
        options = _options(res)
        asked = {**self.input(res), **({"Options": options} if options else {})}
        asked.pop("CertificateTransparencyLoggingPreference", None)
        answer = await res.call("RequestCertificate", asked)
        res.physical_id = answer["CertificateArn"]
        await res.until("DescribeCertificate", self.identify(res), "Certificate.Status", ("ISSUED",))

    async def update(self, res: Resource) -> None:
        named = self.identify(res)
        if res.changed("CertificateTransparencyLoggingPreference"):
            await res.call("UpdateCertificateOptions", {**named, "Options": _options(res)})
        gone = [{"Key": tag["Key"]} for tag in res.old_properties.get("Tags", []) if tag not in res.tags]
        if gone:
            await res.call("RemoveTagsFromCertificate", {**named, "Tags": gone})
        if res.tags:
            await res.call("AddTagsToCertificate", {**named, "Tags": res.tags})


def _options(res: Resource) -> dict[str, Any]:
    name = "CertificateTransparencyLoggingPreference"
    return {name: res.properties[name]} if name in res.properties else {}


@resource("AWS::CertificateManager::Account")
class Account(ResourceType):
    required = ("ExpiryEventsConfiguration",)
    attributes = {"AccountId": "{account}"}

    async def create(self, res: Resource) -> None:
        await self.update(res)
        res.physical_id = res.ctx.scope.account

    async def update(self, res: Resource) -> None:
        await self._put(res, res.properties["ExpiryEventsConfiguration"])
        res.attributes = {"AccountId": res.ctx.scope.account}

    async def delete(self, res: Resource) -> None:
        await self._put(res, {"DaysBeforeExpiry": 45})

    async def _put(self, res: Resource, events: dict[str, Any]) -> None:
        await res.call("PutAccountConfiguration", {"ExpiryEvents": events, "IdempotencyToken": "stack"})
