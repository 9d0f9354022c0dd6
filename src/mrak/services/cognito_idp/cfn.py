"""AWS::Cognito::UserPool and what belongs to one, in templates."""

from __future__ import annotations

import base64
from typing import Any, ClassVar

from mrak.core.resource import Resource, ResourceType, resource

_WEB_AUTHN = {
    "WebAuthnRelyingPartyID": "RelyingPartyId",
    "WebAuthnUserVerification": "UserVerification",
    "WebAuthnFactorConfiguration": "FactorConfiguration",
}


@resource("AWS::Cognito::UserPool")
class UserPool(ResourceType):
    name = "UserPoolName"
    longest_name = 128
    replacement = ("UsernameAttributes", "AliasAttributes", "UsernameConfiguration")
    renamed = {"UserPoolName": "PoolName"}
    noun = "UserPool"
    identity = {"UserPoolId": "{id}"}
    ref = "UserPool.Id"
    attributes = {
        "Arn": "arn:{partition}:cognito-idp:{region}:{account}:userpool/{id}",
        "ProviderName": "cognito-idp.{region}.amazonaws.com/{id}",
        "ProviderURL": "https://cognito-idp.{region}.amazonaws.com/{id}",
        "UserPoolId": "{id}",
    }

    def input(self, res: Resource) -> dict[str, Any]:
        params = super().input(res)
        params["UserPoolTags"] = res.properties.get("UserPoolTags", {}) | {t["Key"]: t["Value"] for t in res.tags}
        for name in _WEB_AUTHN:
            params.pop(name, None)
        mfa = params.pop("EnabledMfas", None)
        if mfa and "MfaConfiguration" in params and "SMS_MFA" not in mfa:
            params.pop("SmsConfiguration", None)
        return params

    async def create(self, res: Resource) -> None:
        await super().create(res)
        await self._mfa(res)

    async def update(self, res: Resource) -> None:
        before = {item["Name"] for item in res.old_properties.get("Schema", [])}
        added = [item for item in res.properties.get("Schema", []) if item["Name"] not in before]
        if added:
            await res.call("AddCustomAttributes", {**self.identify(res), "CustomAttributes": added})
        await super().update(res)
        await self._mfa(res)

    async def _mfa(self, res: Resource) -> None:
        passkeys = {member: res.properties[name] for name, member in _WEB_AUTHN.items() if name in res.properties}
        if passkeys:
            await res.call("SetUserPoolMfaConfig", {**self.identify(res), "WebAuthnConfiguration": passkeys})
        enabled = res.properties.get("EnabledMfas", [])
        if "SOFTWARE_TOKEN_MFA" not in enabled or res.properties.get("MfaConfiguration", "OFF") == "OFF":
            return
        token = {"SoftwareTokenMfaConfiguration": {"Enabled": True}}
        mode = {"MfaConfiguration": res.properties["MfaConfiguration"]}
        await res.call("SetUserPoolMfaConfig", {**self.identify(res), **token, **mode})


class _Part(ResourceType):
    """What belongs to a user pool."""

    required: ClassVar[tuple[str, ...]] = ("UserPoolId",)
    replacement: ClassVar[tuple[str, ...]] = ("UserPoolId",)
    parents: ClassVar[tuple[str, ...]] = ("UserPoolId",)


@resource("AWS::Cognito::UserPoolClient")
class UserPoolClient(_Part):
    name = "ClientName"
    longest_name = 128
    replacement = ("UserPoolId", "GenerateSecret")
    noun = "UserPoolClient"
    identity = {"ClientId": "{id}"}
    ref = "UserPoolClient.ClientId"
    attributes = {
        "ClientId": "{id}",
        "Name": "UserPoolClient.ClientName",
        "ClientSecret": "UserPoolClient.ClientSecret",
    }


@resource("AWS::Cognito::UserPoolDomain")
class UserPoolDomain(_Part):
    required = ("Domain", "UserPoolId")
    replacement = ("Domain", "UserPoolId")
    noun = "UserPoolDomain"
    parents = ("Domain", "UserPoolId")
    ref = "{Domain}"
    attributes = {"CloudFrontDistribution": "CloudFrontDomain"}


@resource("AWS::Cognito::UserPoolGroup")
class UserPoolGroup(_Part):
    name = "GroupName"
    replacement = ("GroupName", "UserPoolId")
    noun = "Group"
    identity = {"GroupName": "{id}"}


@resource("AWS::Cognito::UserPoolUser")
class UserPoolUser(_Part):
    name = "Username"
    replacement = ("UserPoolId", "Username", "UserAttributes", "DesiredDeliveryMediums", "MessageAction")
    create_operation = "AdminCreateUser"
    delete_operation = "AdminDeleteUser"
    identity = {"Username": "{id}"}


@resource("AWS::Cognito::UserPoolUserToGroupAttachment")
class UserToGroup(_Part):
    required = ("GroupName", "UserPoolId", "Username")
    replacement = ("GroupName", "UserPoolId", "Username")
    create_operation = "AdminAddUserToGroup"
    delete_operation = "AdminRemoveUserFromGroup"
    parents = ("GroupName", "UserPoolId", "Username")
    ref = "{UserPoolId}|{Username}|{GroupName}"


@resource("AWS::Cognito::UserPoolResourceServer")
class ResourceServer(_Part):
    required = ("Identifier", "Name", "UserPoolId")
    replacement = ("Identifier", "UserPoolId")
    noun = "ResourceServer"
    parents = ("Identifier", "UserPoolId")
    ref = "{Identifier}"


@resource("AWS::Cognito::UserPoolIdentityProvider")
class IdentityProvider(_Part):
    required = ("ProviderDetails", "ProviderName", "ProviderType", "UserPoolId")
    replacement = ("ProviderName", "ProviderType", "UserPoolId")
    noun = "IdentityProvider"
    parents = ("ProviderName", "UserPoolId")
    ref = "{ProviderName}"


@resource("AWS::Cognito::ManagedLoginBranding")
class ManagedLoginBranding(_Part):
    replacement = ("ClientId", "UserPoolId")
    noun = "ManagedLoginBranding"
    identity = {"ManagedLoginBrandingId": "{ManagedLoginBrandingId}"}
    ref = "{UserPoolId}|{ManagedLoginBranding.ManagedLoginBrandingId}"
    attributes = {"ManagedLoginBrandingId": "ManagedLoginBranding.ManagedLoginBrandingId"}

    def input(self, res: Resource) -> dict[str, Any]:
        params = super().input(res)
        if "Assets" in params:
            params["Assets"] = [_picture(asset) for asset in params["Assets"]]
        return params


def _picture(asset: dict[str, Any]) -> dict[str, Any]:
    return asset | ({"Bytes": base64.b64decode(asset["Bytes"])} if "Bytes" in asset else {})


@resource("AWS::Cognito::Terms")
class Terms(_Part):
    required = ("ClientId", "Enforcement", "Links", "TermsName", "TermsSource", "UserPoolId")
    replacement = ("ClientId", "UserPoolId")
    noun = "Terms"
    identity = {"TermsId": "{TermsId}"}
    ref = "{UserPoolId}|{Terms.TermsId}"
    attributes = {"TermsId": "Terms.TermsId"}


@resource("AWS::Cognito::LogDeliveryConfiguration")
class LogDeliveryConfiguration(_Part):
    defaults = {"LogConfigurations": []}
    create_operation = "SetLogDeliveryConfiguration"
    update_operation = "SetLogDeliveryConfiguration"
    ref = "{UserPoolId}"
    attributes = {"Id": "{UserPoolId}"}

    async def delete(self, res: Resource) -> None:
        await res.call("SetLogDeliveryConfiguration", {**self.identify(res), "LogConfigurations": []})


class _Attachment(_Part):
    """Settings of one client of a pool, or of `ALL`."""

    required = ("ClientId", "UserPoolId")
    replacement = ("ClientId", "UserPoolId")
    parents = ("ClientId", "UserPoolId")

    async def delete(self, res: Resource) -> None:
        await res.call(self.create_operation, self.identify(res))


@resource("AWS::Cognito::UserPoolRiskConfigurationAttachment")
class RiskConfigurationAttachment(_Attachment):
    create_operation = "SetRiskConfiguration"
    update_operation = "SetRiskConfiguration"
    ref = "UserPoolRiskConfigurationAttachment-{UserPoolId}-{ClientId}"


@resource("AWS::Cognito::UserPoolUICustomizationAttachment")
class UICustomizationAttachment(_Attachment):
    create_operation = "SetUICustomization"
    update_operation = "SetUICustomization"
    ref = "UserPoolUICustomizationAttachment-{UserPoolId}-{ClientId}"
