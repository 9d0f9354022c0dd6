"""AWS::IAM::*: roles, policies, users and groups in templates."""

from __future__ import annotations

import json
from typing import Any

from mrak.core.errors import ApiError
from mrak.core.resource import Resource, ResourceType, is_missing, resource


class _Entity(ResourceType):
    """What roles, users and groups have in common: inline policies, attached ones, groups."""

    kind = ""

    def _named(self, res: Resource) -> dict[str, Any]:
        return {f"{self.kind}Name": res.name}

    async def _put_policies(self, res: Resource) -> None:
        """Brings inline and attached policies from what they were to what they should be."""
        old, new = _inline(res.old_properties), _inline(res.properties)
        for name in old.keys() - new.keys():
            await res.call(f"Delete{self.kind}Policy", {**self._named(res), "PolicyName": name})
        for name, document in new.items():
            if old.get(name) != document:
                params = {**self._named(res), "PolicyName": name, "PolicyDocument": document}
                await res.call(f"Put{self.kind}Policy", params)
        before = res.old_properties.get("ManagedPolicyArns", [])
        wanted = res.properties.get("ManagedPolicyArns", [])
        for arn in before:
            if arn not in wanted:
                await res.call(f"Detach{self.kind}Policy", {**self._named(res), "PolicyArn": arn})
        for arn in wanted:
            if arn not in before:
                await res.call(f"Attach{self.kind}Policy", {**self._named(res), "PolicyArn": arn})

    async def _move(self, res: Resource) -> None:
        """Another path, which is part of the ARN."""
        if res.changed("Path"):
            await res.call(f"Update{self.kind}", {**self._named(res), "NewPath": res.properties.get("Path", "/")})
            await self.learn(res, await res.call(f"Get{self.kind}", self._named(res)))

    async def _clear(self, res: Resource) -> None:
        """Everything that has to be off before the entity can go, also what was put there from outside."""
        listed = await res.call(f"List{self.kind}Policies", self._named(res))
        for name in listed.get("PolicyNames", []):
            await res.call(f"Delete{self.kind}Policy", {**self._named(res), "PolicyName": name})
        listed = await res.call(f"ListAttached{self.kind}Policies", self._named(res))
        for policy in listed.get("AttachedPolicies", []):
            await res.call(f"Detach{self.kind}Policy", {**self._named(res), "PolicyArn": policy["PolicyArn"]})

    async def create(self, res: Resource) -> None:
        answer = await res.call(f"Create{self.kind}", {**self.input(res), **self._named(res)})
        res.physical_id = res.name
        await self._put_policies(res)
        await self.learn(res, answer)

    async def delete(self, res: Resource) -> None:
        await self._clear(res)
        await res.call(f"Delete{self.kind}", self._named(res))


def _inline(properties: dict[str, Any]) -> dict[str, str]:
    return {item["PolicyName"]: json.dumps(item["PolicyDocument"]) for item in properties.get("Policies", [])}


@resource("AWS::IAM::Role")
class Role(_Entity):
    kind = "Role"
    name = "RoleName"
    required = ("AssumeRolePolicyDocument",)
    replacement = ("RoleName", "Path")
    attributes = {"Arn": "Role.Arn", "RoleId": "Role.RoleId"}

    def input(self, res: Resource) -> dict[str, Any]:
        """A stack's role has a description, if an empty one (recorded: test_cfn_lambda_sqs_source)."""
        return {"Description": "", **super().input(res)}

    async def update(self, res: Resource) -> None:
        if res.changed("AssumeRolePolicyDocument"):
            document = {"PolicyDocument": res.properties["AssumeRolePolicyDocument"]}
            await res.call("UpdateAssumeRolePolicy", {**self._named(res), **document})
        if res.changed("Description", "MaxSessionDuration"):
            settings = {
                "Description": res.properties.get("Description", ""),
                "MaxSessionDuration": res.properties.get("MaxSessionDuration", 3600),
            }
            await res.call("UpdateRole", {**self._named(res), **settings})
        if res.changed("PermissionsBoundary"):
            await self._bound(res)
        await self._put_policies(res)
        gone = [tag["Key"] for tag in res.old_properties.get("Tags", []) if tag not in res.tags]
        if gone:
            await res.call("UntagRole", {**self._named(res), "TagKeys": gone})
        if res.tags:
            await res.call("TagRole", {**self._named(res), "Tags": res.tags})

    async def _bound(self, res: Resource) -> None:
        boundary = res.properties.get("PermissionsBoundary")
        if boundary:
            await res.call("PutRolePermissionsBoundary", {**self._named(res), "PermissionsBoundary": boundary})
        else:
            await res.call("DeleteRolePermissionsBoundary", self._named(res))


@resource("AWS::IAM::User")
class User(_Entity):
    kind = "User"
    name = "UserName"
    replacement = ("UserName",)
    attributes = {"Arn": "User.Arn"}

    async def create(self, res: Resource) -> None:
        await super().create(res)
        for group in res.properties.get("Groups", []):
            await res.call("AddUserToGroup", {"GroupName": group, "UserName": res.name})
        if "LoginProfile" in res.properties:
            await res.call("CreateLoginProfile", {**res.properties["LoginProfile"], "UserName": res.name})

    async def update(self, res: Resource) -> None:
        await self._move(res)
        await self._put_policies(res)
        before, wanted = res.old_properties.get("Groups", []), res.properties.get("Groups", [])
        for group in before:
            if group not in wanted:
                await res.call("RemoveUserFromGroup", {"GroupName": group, "UserName": res.name})
        for group in wanted:
            if group not in before:
                await res.call("AddUserToGroup", {"GroupName": group, "UserName": res.name})
        if res.changed("LoginProfile"):
            await self._set_login(res)

    async def _set_login(self, res: Resource) -> None:
        """A password that is new, another one, or none any more."""
        named = {"UserName": res.name}
        if "LoginProfile" not in res.properties:
            await res.call("DeleteLoginProfile", named)
        else:
            verb = "Update" if "LoginProfile" in res.old_properties else "Create"
            await res.call(f"{verb}LoginProfile", {**res.properties["LoginProfile"], **named})

    async def delete(self, res: Resource) -> None:
        if "LoginProfile" in res.properties:
            await res.call("DeleteLoginProfile", {"UserName": res.name})
        listed = await res.call("ListGroupsForUser", self._named(res))
        for group in listed.get("Groups", []):
            await res.call("RemoveUserFromGroup", {"GroupName": group["GroupName"], "UserName": res.name})
        await super().delete(res)


@resource("AWS::IAM::Group")
class Group(_Entity):
    kind = "Group"
    name = "GroupName"
    longest_name = 128
    replacement = ("GroupName",)
    attributes = {"Arn": "Group.Arn"}

    async def update(self, res: Resource) -> None:
        await self._move(res)
        await self._put_policies(res)


@resource("AWS::IAM::Policy")
class Policy(ResourceType):
    """An inline policy on roles, users and groups."""

    required = ("PolicyDocument", "PolicyName")
    attributes = {"Id": "{id}"}

    async def create(self, res: Resource) -> None:
        res.physical_id = res.token
        await self._put(res)

    async def update(self, res: Resource) -> None:
        await self._put(res)
        renamed = res.changed("PolicyName")
        for kind in ("Role", "User", "Group"):
            for holder in res.old_properties.get(f"{kind}s", []):
                if renamed or holder not in res.properties.get(f"{kind}s", []):
                    await self._remove(res, kind, holder, res.old_properties["PolicyName"])

    async def delete(self, res: Resource) -> None:
        for kind in ("Role", "User", "Group"):
            for holder in res.properties.get(f"{kind}s", []):
                await self._remove(res, kind, holder, res.properties["PolicyName"])

    async def _put(self, res: Resource) -> None:
        params = {name: res.properties[name] for name in ("PolicyName", "PolicyDocument")}
        for kind in ("Role", "User", "Group"):
            for holder in res.properties.get(f"{kind}s", []):
                await res.call(f"Put{kind}Policy", {**params, f"{kind}Name": holder})

    async def _remove(self, res: Resource, kind: str, holder: str, name: str) -> None:
        try:
            await res.call(f"Delete{kind}Policy", {f"{kind}Name": holder, "PolicyName": name})
        except ApiError as error:
            if not is_missing(error):
                raise


def _inline_policy(kind: str) -> type[ResourceType]:
    """AWS::IAM::RolePolicy and alike: one inline policy of a role, user or group."""

    @resource(f"AWS::IAM::{kind}Policy")
    class InlinePolicy(ResourceType):
        required = ("PolicyName", f"{kind}Name")
        replacement = ("PolicyName", f"{kind}Name")
        create_operation = f"Put{kind}Policy"
        update_operation = f"Put{kind}Policy"
        delete_operation = f"Delete{kind}Policy"
        ref = f"{{PolicyName}}|{{{kind}Name}}"
        parents = ("PolicyName", f"{kind}Name")

    return InlinePolicy


RolePolicy, UserPolicy, GroupPolicy = map(_inline_policy, ("Role", "User", "Group"))


@resource("AWS::IAM::ManagedPolicy")
class ManagedPolicy(ResourceType):
    name = "ManagedPolicyName"
    longest_name = 128
    required = ("PolicyDocument",)
    replacement = ("ManagedPolicyName", "Path", "Description")
    attributes = {"PolicyArn": "{id}", "PolicyId": "Policy.PolicyId"}

    async def create(self, res: Resource) -> None:
        params = {**self.input(res), "PolicyName": res.name}
        answer = await res.call("CreatePolicy", params)
        res.physical_id = answer["Policy"]["Arn"]
        await self._attach(res)
        await self.learn(res, answer)

    async def _attach(self, res: Resource) -> None:
        for kind in ("Role", "User", "Group"):
            before, wanted = res.old_properties.get(f"{kind}s", []), res.properties.get(f"{kind}s", [])
            for holder in wanted:
                if holder not in before:
                    await res.call(f"Attach{kind}Policy", {f"{kind}Name": holder, "PolicyArn": res.physical_id})
            for holder in before:
                if holder not in wanted:
                    await res.call(f"Detach{kind}Policy", {f"{kind}Name": holder, "PolicyArn": res.physical_id})

    async def update(self, res: Resource) -> None:
        if res.changed("PolicyDocument"):
            await self._drop_versions(res)
            document = {"PolicyDocument": res.properties["PolicyDocument"], "SetAsDefault": True}
            await res.call("CreatePolicyVersion", {"PolicyArn": res.physical_id, **document})
        await self._attach(res)

    async def _drop_versions(self, res: Resource) -> None:
        """A policy has five versions at most: those that are not in force go."""
        listed = await res.call("ListPolicyVersions", {"PolicyArn": res.physical_id})
        for version in listed.get("Versions", []):
            if not version["IsDefaultVersion"]:
                await res.call("DeletePolicyVersion", {"PolicyArn": res.physical_id, "VersionId": version["VersionId"]})

    async def delete(self, res: Resource) -> None:
        holders = await res.call("ListEntitiesForPolicy", {"PolicyArn": res.physical_id})
        for kind in ("Role", "User", "Group"):
            for holder in holders.get(f"Policy{kind}s", []):
                params = {f"{kind}Name": holder[f"{kind}Name"], "PolicyArn": res.physical_id}
                await res.call(f"Detach{kind}Policy", params)
        await self._drop_versions(res)
        await res.call("DeletePolicy", {"PolicyArn": res.physical_id})


@resource("AWS::IAM::AccessKey")
class AccessKey(ResourceType):
    required = ("UserName",)
    replacement = ("UserName", "Serial")
    noun = "AccessKey"
    ref = "AccessKey.AccessKeyId"
    identity = {"AccessKeyId": "{id}"}
    parents = ("UserName",)
    attributes = {"SecretAccessKey": "AccessKey.SecretAccessKey"}


@resource("AWS::IAM::UserToGroupAddition")
class UserToGroupAddition(ResourceType):
    required = ("GroupName", "Users")
    replacement = ("GroupName",)

    async def create(self, res: Resource) -> None:
        res.physical_id = res.token
        await self._move(res)

    async def update(self, res: Resource) -> None:
        await self._move(res)

    async def _move(self, res: Resource) -> None:
        before, wanted = res.old_properties.get("Users", []), res.properties["Users"]
        for operation, users in (
            ("AddUserToGroup", [user for user in wanted if user not in before]),
            ("RemoveUserFromGroup", [user for user in before if user not in wanted]),
        ):
            for user in users:
                await res.call(operation, {"GroupName": res.properties["GroupName"], "UserName": user})

    async def delete(self, res: Resource) -> None:
        for user in res.properties["Users"]:
            await res.call("RemoveUserFromGroup", {"GroupName": res.properties["GroupName"], "UserName": user})


@resource("AWS::IAM::OIDCProvider")
class OidcProvider(ResourceType):
    replacement = ("Url",)
    create_operation = "CreateOpenIDConnectProvider"
    delete_operation = "DeleteOpenIDConnectProvider"
    ref = "OpenIDConnectProviderArn"
    identity = {"OpenIDConnectProviderArn": "{id}"}
    attributes = {"Arn": "{id}"}

    def input(self, res: Resource) -> dict[str, Any]:
        params = super().input(res)
        params["ClientIDList"] = params.pop("ClientIdList", [])
        return params

    async def update(self, res: Resource) -> None:
        named = self.identify(res)
        before, wanted = res.old_properties.get("ClientIdList", []), res.properties.get("ClientIdList", [])
        for client in wanted:
            if client not in before:
                await res.call("AddClientIDToOpenIDConnectProvider", {**named, "ClientID": client})
        for client in before:
            if client not in wanted:
                await res.call("RemoveClientIDFromOpenIDConnectProvider", {**named, "ClientID": client})
        if res.changed("ThumbprintList"):
            prints = {"ThumbprintList": res.properties.get("ThumbprintList", [])}
            await res.call("UpdateOpenIDConnectProviderThumbprint", {**named, **prints})


@resource("AWS::IAM::InstanceProfile")
class InstanceProfile(ResourceType):
    name = "InstanceProfileName"
    longest_name = 128
    required = ("Roles",)
    replacement = ("InstanceProfileName", "Path")
    identity = {"InstanceProfileName": "{id}"}
    attributes = {"Arn": "InstanceProfile.Arn"}

    async def create(self, res: Resource) -> None:
        named = {"InstanceProfileName": res.name}
        answer = await res.call("CreateInstanceProfile", {**self.input(res), **named})
        res.physical_id = res.name
        for role in res.properties["Roles"]:
            await res.call("AddRoleToInstanceProfile", {**named, "RoleName": role})
        await self.learn(res, answer)

    async def update(self, res: Resource) -> None:
        named = self.identify(res)
        for role in res.old_properties["Roles"]:
            if role not in res.properties["Roles"]:
                await res.call("RemoveRoleFromInstanceProfile", {**named, "RoleName": role})
        for role in res.properties["Roles"]:
            if role not in res.old_properties["Roles"]:
                await res.call("AddRoleToInstanceProfile", {**named, "RoleName": role})

    async def delete(self, res: Resource) -> None:
        shown = await res.call("GetInstanceProfile", self.identify(res))
        for role in shown["InstanceProfile"]["Roles"]:
            await res.call("RemoveRoleFromInstanceProfile", {**self.identify(res), "RoleName": role["RoleName"]})
        await res.call("DeleteInstanceProfile", self.identify(res))


@resource("AWS::IAM::SAMLProvider")
class SamlProvider(ResourceType):
    name = "Name"
    longest_name = 128
    required = ("SamlMetadataDocument",)
    replacement = ("Name",)
    noun = "SAMLProvider"
    ref = "SAMLProviderArn"
    identity = {"SAMLProviderArn": "{id}"}
    attributes = {"Arn": "{id}"}

    async def create(self, res: Resource) -> None:
        answer = await res.call("CreateSAMLProvider", {**self.input(res), "Name": res.name})
        res.physical_id = answer["SAMLProviderArn"]
        await self.learn(res, answer)


@resource("AWS::IAM::ServerCertificate")
class ServerCertificate(ResourceType):
    name = "ServerCertificateName"
    longest_name = 128
    required = ("CertificateBody", "PrivateKey")
    replacement = ("ServerCertificateName", "CertificateBody", "CertificateChain", "PrivateKey")
    create_operation = "UploadServerCertificate"
    update_operation = "UpdateServerCertificate"
    delete_operation = "DeleteServerCertificate"
    renamed = {"Path": "NewPath"}
    identity = {"ServerCertificateName": "{id}"}
    attributes = {"Arn": "ServerCertificate.ServerCertificateMetadata.Arn"}
    read_operation = "GetServerCertificate"

    async def create(self, res: Resource) -> None:
        await res.call(
            "UploadServerCertificate", {**res.properties, "Tags": res.tags, "ServerCertificateName": res.name}
        )
        res.physical_id = res.name
        await self.learn(res, {})
