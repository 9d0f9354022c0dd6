"""Server certificates of the account, and signing certificates and SSH keys of users: checked, kept, shown.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_server-certs.html
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.iam import entities, errors, names, pem, tagging
from mrak.services.iam.entities import USER
from mrak.services.iam.tables import (
    SERVER_CERTIFICATES,
    SIGNING_CERTIFICATES,
    SSH_KEYS,
    ServerCertificate,
    SigningCertificate,
    SshKey,
)
from mrak.services.iam.users import name_or_caller

_MOST_SIGNING, _MOST_SSH = 2, 5
_CERTIFICATE_ID = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


@operation("UploadServerCertificate")
def upload_server_certificate(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name, wide = req["ServerCertificateName"], ctx.scope.account_wide()
    expires_at = pem.check_pair(req["CertificateBody"], req["PrivateKey"], req.get("CertificateChain", ""))
    if SERVER_CERTIFICATES.open(tx, wide, name.lower()) is not None:
        raise errors.exists(f"The Server Certificate with name {name} already exists.")
    certificate = ServerCertificate(
        key=name.lower(),
        name=name,
        path=names.check_path(req.get("Path", "/")),
        id=names.new_id(ctx, "server-certificate"),
        body=req["CertificateBody"].strip(),
        chain=req.get("CertificateChain", "").strip(),
        private_key=req["PrivateKey"],
        uploaded_at=ctx.now,
        expires_at=expires_at,
        tags=names.parse_tags(req.get("Tags", [])),
    )
    SERVER_CERTIFICATES.insert(tx, wide, certificate)
    return {"ServerCertificateMetadata": _metadata(ctx.scope, certificate)} | tagging.rendered(certificate)


@operation("GetServerCertificate")
def get_server_certificate(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    certificate = _require_server(ctx, tx, req)
    shown: dict[str, Any] = {
        "ServerCertificateMetadata": _metadata(ctx.scope, certificate),
        "CertificateBody": certificate.body,
        "Tags": names.render_tags(certificate.tags),
    }
    return {"ServerCertificate": shown | ({"CertificateChain": certificate.chain} if certificate.chain else {})}


@operation("ListServerCertificates")
def list_server_certificates(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    prefix = req.get("PathPrefix", "/")
    rows = SERVER_CERTIFICATES.scan(tx, ctx.scope.account_wide(), after=names.marker_position(req))
    wanted = (row for row in rows if row.path.startswith(prefix))
    return names.page_of(
        req, "ServerCertificateMetadataList", wanted, lambda row: row.key, lambda row: _metadata(ctx.scope, row)
    )


@operation("UpdateServerCertificate")
def update_server_certificate(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    old, wide = _open_server(ctx, tx, req), ctx.scope.account_wide()
    name = req.get("NewServerCertificateName", old.name)
    if name.lower() != old.key and SERVER_CERTIFICATES.open(tx, wide, name.lower()) is not None:
        raise errors.exists(f"The Server Certificate with name {name} already exists.")
    changed = msgspec.structs.replace(old, key=name.lower(), name=name, path=req.get("NewPath", old.path))
    SERVER_CERTIFICATES.delete(tx, wide, old)
    SERVER_CERTIFICATES.lock(tx, wide, changed.key)
    SERVER_CERTIFICATES.insert(tx, wide, changed)


@operation("DeleteServerCertificate")
def delete_server_certificate(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    SERVER_CERTIFICATES.delete(tx, ctx.scope.account_wide(), _open_server(ctx, tx, req))


@operation("TagServerCertificate")
def tag_server_certificate(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    tagging.tag(tx, ctx.scope, SERVER_CERTIFICATES, _open_server(ctx, tx, req), req)


@operation("UntagServerCertificate")
def untag_server_certificate(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    tagging.untag(tx, ctx.scope, SERVER_CERTIFICATES, _open_server(ctx, tx, req), req)


@operation("ListServerCertificateTags")
def list_server_certificate_tags(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return tagging.list_tags(_require_server(ctx, tx, req), req)


def _require_server(ctx: Context, tx: Transaction, req: dict[str, Any]) -> ServerCertificate:
    name = req["ServerCertificateName"]
    found = SERVER_CERTIFICATES.get(tx, ctx.scope.account_wide(), name.lower())
    if found is None:
        raise errors.no_such_entity(f"The Server Certificate with name {name} cannot be found.")
    return found


def _open_server(ctx: Context, tx: Transaction, req: dict[str, Any]) -> ServerCertificate:
    SERVER_CERTIFICATES.lock(tx, ctx.scope.account_wide(), req["ServerCertificateName"].lower())
    return _require_server(ctx, tx, req)


def _metadata(scope: Scope, certificate: ServerCertificate) -> dict[str, Any]:
    return {
        "Path": certificate.path,
        "ServerCertificateName": certificate.name,
        "ServerCertificateId": certificate.id,
        "Arn": names.arn_of(scope, "server-certificate", certificate.path, certificate.name),
        "UploadDate": certificate.uploaded_at,
        "Expiration": certificate.expires_at,
    }


# Signing certificates ---------------------------------------------------------------------------------------------


@operation("UploadSigningCertificate")
def upload_signing_certificate(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    user = entities.open_(tx, ctx.scope, USER, name_or_caller(ctx, req))
    body, wide = req["CertificateBody"], ctx.scope.account_wide()
    pem.check_certificate(body)
    rows = list(SIGNING_CERTIFICATES.scan(tx, wide, user.key))
    if any(row.body == body for row in rows):
        raise errors.duplicate_certificate()
    if len(rows) >= _MOST_SIGNING:
        raise errors.quota("CertificatesPerUser", _MOST_SIGNING)
    fresh = SigningCertificate(
        user=user.key, id=ctx.draw.alphanumeric(32, _CERTIFICATE_ID), body=body, uploaded_at=ctx.now
    )
    SIGNING_CERTIFICATES.lock(tx, wide, user.key, fresh.id)
    SIGNING_CERTIFICATES.insert(tx, wide, fresh)
    return {"Certificate": _render_signing(user.name, fresh)}


@operation("ListSigningCertificates")
def list_signing_certificates(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    user = entities.require(tx, ctx.scope, USER, name_or_caller(ctx, req))
    rows = SIGNING_CERTIFICATES.scan(tx, ctx.scope.account_wide(), user.key)
    shown = [_render_signing(user.name, row) for row in rows]
    return names.page_of_names(req, "Certificates", shown, lambda row: row["CertificateId"])


@operation("UpdateSigningCertificate")
def update_signing_certificate(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    row = _open_signing(ctx, tx, req)
    changed = msgspec.structs.replace(row, is_active=req["Status"] == "Active")
    SIGNING_CERTIFICATES.replace(tx, ctx.scope.account_wide(), row, changed)


@operation("DeleteSigningCertificate")
def delete_signing_certificate(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    SIGNING_CERTIFICATES.delete(tx, ctx.scope.account_wide(), _open_signing(ctx, tx, req))


def _open_signing(ctx: Context, tx: Transaction, req: dict[str, Any]) -> SigningCertificate:
    user = entities.require(tx, ctx.scope, USER, name_or_caller(ctx, req))
    row = SIGNING_CERTIFICATES.open(tx, ctx.scope.account_wide(), user.key, req["CertificateId"])
    if row is None:
        raise errors.no_such_entity(f"The Certificate with id {req['CertificateId']} cannot be found.")
    return row


def _render_signing(user: str, row: SigningCertificate) -> dict[str, Any]:
    return {
        "UserName": user,
        "CertificateId": row.id,
        "CertificateBody": row.body,
        "Status": "Active" if row.is_active else "Inactive",
        "UploadDate": row.uploaded_at,
    }


# SSH public keys --------------------------------------------------------------------------------------------------


@operation("UploadSSHPublicKey")
def upload_ssh_public_key(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    user = entities.open_(tx, ctx.scope, USER, req["UserName"])
    body, wide = pem.ssh_key(req["SSHPublicKeyBody"]), ctx.scope.account_wide()
    rows = list(SSH_KEYS.scan(tx, wide, user.key))
    if any(row.body == body for row in rows):
        raise errors.duplicate_ssh_key()
    if len(rows) >= _MOST_SSH:
        raise errors.quota("SSHPublicKeysPerUser", _MOST_SSH)
    fresh = SshKey(user=user.key, id=names.new_id(ctx, "ssh-key"), body=body, uploaded_at=ctx.now)
    SSH_KEYS.lock(tx, wide, user.key, fresh.id)
    SSH_KEYS.insert(tx, wide, fresh)
    return {"SSHPublicKey": _summary(user.name, fresh) | _whole(fresh, "SSH")}


@operation("GetSSHPublicKey")
def get_ssh_public_key(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    user = entities.require(tx, ctx.scope, USER, req["UserName"])
    row = _open_ssh(ctx, tx, req)
    return {"SSHPublicKey": _summary(user.name, row) | _whole(row, req["Encoding"])}


@operation("ListSSHPublicKeys")
def list_ssh_public_keys(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    user = entities.require(tx, ctx.scope, USER, name_or_caller(ctx, req))
    shown = [_summary(user.name, row) for row in SSH_KEYS.scan(tx, ctx.scope.account_wide(), user.key)]
    return names.page_of_names(req, "SSHPublicKeys", shown, lambda row: row["SSHPublicKeyId"])


@operation("UpdateSSHPublicKey")
def update_ssh_public_key(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    row = _open_ssh(ctx, tx, req)
    changed = msgspec.structs.replace(row, is_active=req["Status"] == "Active")
    SSH_KEYS.replace(tx, ctx.scope.account_wide(), row, changed)


@operation("DeleteSSHPublicKey")
def delete_ssh_public_key(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    SSH_KEYS.delete(tx, ctx.scope.account_wide(), _open_ssh(ctx, tx, req))


def _open_ssh(ctx: Context, tx: Transaction, req: dict[str, Any]) -> SshKey:
    user = entities.require(tx, ctx.scope, USER, req["UserName"])
    row = SSH_KEYS.open(tx, ctx.scope.account_wide(), user.key, req["SSHPublicKeyId"])
    if row is None:
        raise errors.no_such_entity(f"The Public Key with id {req['SSHPublicKeyId']} cannot be found.")
    return row


def _summary(user: str, row: SshKey) -> dict[str, Any]:
    return {
        "UserName": user,
        "SSHPublicKeyId": row.id,
        "Status": "Active" if row.is_active else "Inactive",
        "UploadDate": row.uploaded_at,
    }


def _whole(row: SshKey, encoding: str) -> dict[str, Any]:
    digest = hashlib.md5(pem.ssh_blob(row.body), usedforsecurity=False).hexdigest()
    fingerprint = ":".join(digest[at : at + 2] for at in range(0, 32, 2))
    body = row.body if encoding == "SSH" else pem.ssh_as_pem(row.body)
    return {"Fingerprint": fingerprint, "SSHPublicKeyBody": body}
