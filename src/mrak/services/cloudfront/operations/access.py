"""Operations on origin access controls and identities, public keys and key groups.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-s3.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.cloudfront import errors, listing, parts
from mrak.services.cloudfront.parts import ACCESS_CONTROL, ACCESS_IDENTITY, KEY_GROUP, PUBLIC_KEY
from mrak.services.cloudfront.plane.signed import load_key
from mrak.services.cloudfront.tables import PARTS, Part


def _part_id(part: Part) -> str:
    return part.id


@operation("CreateOriginAccessControl")
def create_origin_access_control(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    made = parts.create(ctx, tx, ACCESS_CONTROL, req["OriginAccessControlConfig"])
    return parts.answer(ACCESS_CONTROL, made, created=True)


@operation("GetOriginAccessControl")
def get_origin_access_control(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return parts.answer(ACCESS_CONTROL, parts.require(ctx, tx, ACCESS_CONTROL, req["Id"]))


@operation("GetOriginAccessControlConfig")
def get_origin_access_control_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = parts.require(ctx, tx, ACCESS_CONTROL, req["Id"])
    return {"OriginAccessControlConfig": found.config, "ETag": found.etag}


@operation("UpdateOriginAccessControl")
def update_origin_access_control(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return parts.answer(ACCESS_CONTROL, parts.update(ctx, tx, ACCESS_CONTROL, req))


@operation("DeleteOriginAccessControl")
def delete_origin_access_control(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    parts.delete(ctx, tx, ACCESS_CONTROL, req)


@operation("ListOriginAccessControls")
def list_origin_access_controls(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    def show(part: Part) -> dict[str, Any]:
        return {"Id": part.id, "Description": "", **part.config}

    page = listing.render_page(req, parts.rows(ctx, tx, ACCESS_CONTROL, req), show, _part_id)
    return {"OriginAccessControlList": page}


@operation("CreateCloudFrontOriginAccessIdentity")
def create_cloud_front_origin_access_identity(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    made = parts.create(ctx, tx, ACCESS_IDENTITY, req["CloudFrontOriginAccessIdentityConfig"])
    return parts.answer(ACCESS_IDENTITY, made, created=True)


@operation("GetCloudFrontOriginAccessIdentity")
def get_cloud_front_origin_access_identity(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return parts.answer(ACCESS_IDENTITY, parts.require(ctx, tx, ACCESS_IDENTITY, req["Id"]))


@operation("GetCloudFrontOriginAccessIdentityConfig")
def get_cloud_front_origin_access_identity_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = parts.require(ctx, tx, ACCESS_IDENTITY, req["Id"])
    return {"CloudFrontOriginAccessIdentityConfig": found.config, "ETag": found.etag}


@operation("UpdateCloudFrontOriginAccessIdentity")
def update_cloud_front_origin_access_identity(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return parts.answer(ACCESS_IDENTITY, parts.update(ctx, tx, ACCESS_IDENTITY, req))


@operation("DeleteCloudFrontOriginAccessIdentity")
def delete_cloud_front_origin_access_identity(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    parts.delete(ctx, tx, ACCESS_IDENTITY, req)


@operation("ListCloudFrontOriginAccessIdentities")
def list_cloud_front_origin_access_identities(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    def show(part: Part) -> dict[str, Any]:
        return {
            "Id": part.id,
            "S3CanonicalUserId": parts.canonical_user(part.id),
            "Comment": part.config.get("Comment", ""),
        }

    page = listing.render_page(req, parts.rows(ctx, tx, ACCESS_IDENTITY, req), show, _part_id)
    return {"CloudFrontOriginAccessIdentityList": page}


@operation("CreatePublicKey")
def create_public_key(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    try:
        load_key(req["PublicKeyConfig"]["EncodedKey"])
    except ValueError:
        raise errors.invalid_argument(
            "The specified public key is not a PEM document of an RSA or ECDSA key."
        ) from None
    config = {"Comment": ""} | req["PublicKeyConfig"]
    return parts.answer(PUBLIC_KEY, parts.create(ctx, tx, PUBLIC_KEY, config), created=True)


@operation("GetPublicKey")
def get_public_key(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return parts.answer(PUBLIC_KEY, parts.require(ctx, tx, PUBLIC_KEY, req["Id"]))


@operation("GetPublicKeyConfig")
def get_public_key_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = parts.require(ctx, tx, PUBLIC_KEY, req["Id"])
    return {"PublicKeyConfig": found.config, "ETag": found.etag}


@operation("UpdatePublicKey")
def update_public_key(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    old = parts.require(ctx, tx, PUBLIC_KEY, req["Id"])
    given = req["PublicKeyConfig"]
    if any(given[name] != old.config[name] for name in ("CallerReference", "EncodedKey", "Name")):
        raise errors.illegal_update()
    return parts.answer(PUBLIC_KEY, parts.update(ctx, tx, PUBLIC_KEY, req))


@operation("DeletePublicKey")
def delete_public_key(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    groups = PARTS.scan(tx, ctx.scope.account_wide(), KEY_GROUP.name)
    if any(req["Id"] in group.config["Items"] for group in groups):
        raise PUBLIC_KEY.in_use()
    parts.delete(ctx, tx, PUBLIC_KEY, req)


@operation("ListPublicKeys")
def list_public_keys(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    def show(part: Part) -> dict[str, Any]:
        return {"Id": part.id, "CreatedTime": part.created_at, **part.config}

    return {"PublicKeyList": listing.render_page(req, parts.rows(ctx, tx, PUBLIC_KEY, req), show, _part_id)}


@operation("CreateKeyGroup")
def create_key_group(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    _check_keys(ctx, tx, req)
    return parts.answer(KEY_GROUP, parts.create(ctx, tx, KEY_GROUP, req["KeyGroupConfig"]), created=True)


def _check_keys(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    for key in req["KeyGroupConfig"]["Items"]:
        if parts.find(tx, ctx.scope, PUBLIC_KEY.name, key) is None:
            raise errors.invalid_argument(f"The specified public key {key} does not exist.")


@operation("GetKeyGroup")
def get_key_group(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return parts.answer(KEY_GROUP, parts.require(ctx, tx, KEY_GROUP, req["Id"]))


@operation("GetKeyGroupConfig")
def get_key_group_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = parts.require(ctx, tx, KEY_GROUP, req["Id"])
    return {"KeyGroupConfig": found.config, "ETag": found.etag}


@operation("UpdateKeyGroup")
def update_key_group(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    _check_keys(ctx, tx, req)
    return parts.answer(KEY_GROUP, parts.update(ctx, tx, KEY_GROUP, req))


@operation("DeleteKeyGroup")
def delete_key_group(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    parts.delete(ctx, tx, KEY_GROUP, req)


@operation("ListKeyGroups")
def list_key_groups(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    def show(part: Part) -> dict[str, Any]:
        return {"KeyGroup": parts.render(KEY_GROUP, part)}

    return {"KeyGroupList": listing.render_page(req, parts.rows(ctx, tx, KEY_GROUP, req), show, _part_id)}
