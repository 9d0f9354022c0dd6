"""Operations on access keys and on credentials for single services.

An access key's id names its account (auth.credentials), so that a request finds its account without a look-up here.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.auth.credentials import new_access_key_id, new_secret_access_key
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.operation import operation
from mrak.services.iam import entities, errors, names
from mrak.services.iam.entities import USER
from mrak.services.iam.tables import (
    ACCESS_KEYS,
    KEYS_BY_USER,
    SERVICE_CREDENTIALS,
    AccessKey,
    ServiceCredential,
    User,
)
from mrak.services.iam.users import name_or_caller

_MOST_KEYS = 2
_MOST_SERVICE_CREDENTIALS = 2
_STATUSES = {True: "Active", False: "Inactive"}
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceSpecificCredential.html
_SERVICES = ("codecommit.amazonaws.com", "cassandra.amazonaws.com", "bedrock.amazonaws.com")


@operation("CreateAccessKey")
def create_access_key(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    user = entities.open_(tx, ctx.scope, USER, name_or_caller(ctx, req))
    wide = ctx.scope.account_wide()
    if KEYS_BY_USER.count(tx, wide, user.key) >= _MOST_KEYS:
        raise errors.quota("AccessKeysPerUser", _MOST_KEYS)
    key = AccessKey(
        new_access_key_id(ctx.scope.account, False, ctx.draw), user.key, new_secret_access_key(ctx.draw), ctx.now
    )
    ACCESS_KEYS.lock(tx, wide, key.id)
    ACCESS_KEYS.insert(tx, wide, key)
    return {"AccessKey": _render(key, user) | {"SecretAccessKey": key.secret}}


@operation("ListAccessKeys")
def list_access_keys(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    user = entities.require(tx, ctx.scope, USER, name_or_caller(ctx, req))
    keys = list(KEYS_BY_USER.scan(tx, ctx.scope.account_wide(), user.key))
    return {"AccessKeyMetadata": [_render(key, user) for key in keys], "IsTruncated": False}


@operation("UpdateAccessKey")
def update_access_key(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    key = _open(ctx, tx, req)
    changed = msgspec.structs.replace(key, is_active=req["Status"] == "Active")
    ACCESS_KEYS.replace(tx, ctx.scope.account_wide(), key, changed)


@operation("DeleteAccessKey")
def delete_access_key(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    ACCESS_KEYS.delete(tx, ctx.scope.account_wide(), _open(ctx, tx, req))


@operation("GetAccessKeyLastUsed")
def get_access_key_last_used(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    key = ACCESS_KEYS.get(tx, ctx.scope.account_wide(), req["AccessKeyId"])
    if key is None:
        raise errors.access_key_not_found(req["AccessKeyId"])
    # It would be a write for each request.
    deviation("IAM-002")
    user = entities.require(tx, ctx.scope, USER, key.user)
    return {"UserName": user.name, "AccessKeyLastUsed": {"Region": "N/A", "ServiceName": "N/A"}}


def _open(ctx: Context, tx: Transaction, req: dict[str, Any]) -> AccessKey:
    user = entities.require(tx, ctx.scope, USER, name_or_caller(ctx, req))
    key = ACCESS_KEYS.open(tx, ctx.scope.account_wide(), req["AccessKeyId"])
    if key is None or key.user != user.key:
        raise errors.access_key_not_found(req["AccessKeyId"])
    return key


def _render(key: AccessKey, user: User) -> dict[str, Any]:
    return {
        "UserName": user.name,
        "AccessKeyId": key.id,
        "Status": _STATUSES[key.is_active],
        "CreateDate": key.created_at,
    }


# Credentials for one service --------------------------------------------------------------------------------------


@operation("CreateServiceSpecificCredential")
def create_service_specific_credential(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    user = entities.open_(tx, ctx.scope, USER, req["UserName"])
    _check_service(req["ServiceName"])
    wide = ctx.scope.account_wide()
    of_user = list(SERVICE_CREDENTIALS.scan(tx, wide, user.key))
    same = [row for row in of_user if row.service == req["ServiceName"]]
    if len(same) >= _MOST_SERVICE_CREDENTIALS:
        raise errors.quota("ServiceSpecificCredentialsPerUserPerService", _MOST_SERVICE_CREDENTIALS)
    service_user = f"{user.name}-at-{ctx.scope.account}"
    credential = ServiceCredential(
        user=user.key,
        id=names.new_id(ctx, "credential"),
        service=req["ServiceName"],
        service_user=f"{service_user}+{len(same)}" if same else service_user,
        password=_new_password(ctx),
        created_at=ctx.now,
    )
    SERVICE_CREDENTIALS.lock(tx, wide, user.key, credential.id)
    SERVICE_CREDENTIALS.insert(tx, wide, credential)
    return {"ServiceSpecificCredential": _render_secret(credential, user)}


@operation("ListServiceSpecificCredentials")
def list_service_specific_credentials(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    user = entities.require(tx, ctx.scope, USER, name_or_caller(ctx, req))
    service = req.get("ServiceName", "")
    if service:
        _check_service(service)
    rows = SERVICE_CREDENTIALS.scan(tx, ctx.scope.account_wide(), user.key)
    shown = [_render_credential(row, user) for row in rows if service in ("", row.service)]
    return {"ServiceSpecificCredentials": shown}


@operation("UpdateServiceSpecificCredential")
def update_service_specific_credential(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _, credential = _open_credential(ctx, tx, req)
    changed = msgspec.structs.replace(credential, is_active=req["Status"] == "Active")
    SERVICE_CREDENTIALS.replace(tx, ctx.scope.account_wide(), credential, changed)


@operation("ResetServiceSpecificCredential")
def reset_service_specific_credential(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    user, credential = _open_credential(ctx, tx, req)
    changed = msgspec.structs.replace(credential, password=_new_password(ctx))
    SERVICE_CREDENTIALS.replace(tx, ctx.scope.account_wide(), credential, changed)
    return {"ServiceSpecificCredential": _render_secret(changed, user)}


@operation("DeleteServiceSpecificCredential")
def delete_service_specific_credential(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _, credential = _open_credential(ctx, tx, req)
    SERVICE_CREDENTIALS.delete(tx, ctx.scope.account_wide(), credential)


def _open_credential(ctx: Context, tx: Transaction, req: dict[str, Any]) -> tuple[User, ServiceCredential]:
    user = entities.require(tx, ctx.scope, USER, name_or_caller(ctx, req))
    wide, credential_id = ctx.scope.account_wide(), req["ServiceSpecificCredentialId"]
    credential = SERVICE_CREDENTIALS.open(tx, wide, user.key, credential_id)
    if credential is None:
        raise errors.service_credential_not_found(credential_id)
    return user, credential


def _check_service(service: str) -> None:
    if service not in _SERVICES:
        raise errors.service_not_supported(service)


def _new_password(ctx: Context) -> str:
    return new_secret_access_key(ctx.draw) + "="


def _render_credential(credential: ServiceCredential, user: User) -> dict[str, Any]:
    return {
        "UserName": user.name,
        "Status": _STATUSES[credential.is_active],
        "ServiceUserName": credential.service_user,
        "CreateDate": credential.created_at,
        "ServiceSpecificCredentialId": credential.id,
        "ServiceName": credential.service,
    }


def _render_secret(credential: ServiceCredential, user: User) -> dict[str, Any]:
    return _render_credential(credential, user) | {"ServicePassword": credential.password}
