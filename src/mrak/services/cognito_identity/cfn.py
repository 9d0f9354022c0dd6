"""AWS::Cognito::IdentityPool and its roles, in templates."""

from __future__ import annotations

from typing import Any

from mrak.core.resource import Resource, ResourceType, resource


@resource("AWS::Cognito::IdentityPool")
class IdentityPool(ResourceType):
    name = "IdentityPoolName"
    longest_name = 128
    required = ("AllowUnauthenticatedIdentities",)
    noun = "IdentityPool"
    identity = {"IdentityPoolId": "{id}"}
    ref = "IdentityPoolId"
    attributes = {"Id": "{id}", "Name": "IdentityPoolName"}


@resource("AWS::Cognito::IdentityPoolRoleAttachment")
class RoleAttachment(ResourceType):
    required = ("IdentityPoolId",)
    replacement = ("IdentityPoolId",)
    attributes = {"Id": "{id}"}

    async def create(self, res: Resource) -> None:
        await self._put(res)
        res.physical_id = res.token

    async def update(self, res: Resource) -> None:
        await self._put(res)

    async def _put(self, res: Resource) -> None:
        mappings = {}
        for key, mapping in res.properties.get("RoleMappings", {}).items():
            mappings[mapping.get("IdentityProvider", key)] = mapping
        params = {"IdentityPoolId": res.properties["IdentityPoolId"], "Roles": res.properties.get("Roles", {})}
        await res.call("SetIdentityPoolRoles", params | ({"RoleMappings": mappings} if mappings else {}))

    async def delete(self, res: Resource) -> None:
        await res.call("SetIdentityPoolRoles", {"IdentityPoolId": res.properties["IdentityPoolId"], "Roles": {}})


@resource("AWS::Cognito::IdentityPoolPrincipalTag")
class PrincipalTag(ResourceType):
    """Which of a token's claims become tags of the session."""

    required = ("IdentityPoolId", "IdentityProviderName")
    replacement = ("IdentityPoolId", "IdentityProviderName")

    def _named(self, res: Resource) -> dict[str, Any]:
        return {name: res.properties[name] for name in self.required}

    async def create(self, res: Resource) -> None:
        await self._put(res)
        res.physical_id = "|".join(self._named(res).values())

    async def update(self, res: Resource) -> None:
        await self._put(res)

    async def _put(self, res: Resource) -> None:
        given: dict[str, Any] = {
            name: res.properties[name] for name in ("UseDefaults", "PrincipalTags") if name in res.properties
        }
        await res.call("SetPrincipalTagAttributeMap", {**self._named(res), **given})

    async def delete(self, res: Resource) -> None:
        await res.call("SetPrincipalTagAttributeMap", {**self._named(res), "UseDefaults": False, "PrincipalTags": {}})
