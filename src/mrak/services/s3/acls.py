"""Access control lists: canned ones, grants in headers and documents, and what they say of a caller.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html

None stands for the list that nearly everything has: its owner's full control, and nothing else.
"""

from __future__ import annotations

import re
from typing import Any

from mrak.services.s3 import errors
from mrak.services.s3.names import find_account, render_owner
from mrak.services.s3.tables import Bucket, Grant

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
AUTHENTICATED = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
LOG_DELIVERY = "http://acs.amazonaws.com/groups/s3/LogDelivery"
_GROUPS = (ALL_USERS, AUTHENTICATED, LOG_DELIVERY)
_PUBLIC = (ALL_USERS, AUTHENTICATED)
FULL = "FULL_CONTROL"
PERMISSIONS = (FULL, "READ", "WRITE", "READ_ACP", "WRITE_ACP")
_HEADERS = {
    "GrantFullControl": FULL,
    "GrantRead": "READ",
    "GrantWrite": "WRITE",
    "GrantReadACP": "READ_ACP",
    "GrantWriteACP": "WRITE_ACP",
}
_GRANTEE = re.compile(r'\s*(id|uri|emailaddress)\s*=\s*"?([^",]*)"?\s*', re.IGNORECASE)
_MOST_GRANTS = 100

_CANNED: dict[str, tuple[tuple[str, str], ...]] = {
    "private": (),
    "public-read": ((ALL_USERS, "READ"),),
    "public-read-write": ((ALL_USERS, "READ"), (ALL_USERS, "WRITE")),
    "authenticated-read": ((AUTHENTICATED, "READ"),),
    "log-delivery-write": ((LOG_DELIVERY, "WRITE"), (LOG_DELIVERY, "READ_ACP")),
    "aws-exec-read": (),
}
_OWNER_READS = {"bucket-owner-read": "READ", "bucket-owner-full-control": FULL}


def parse_request(req: dict[str, Any], account: str, bucket_account: str) -> tuple[Grant, ...] | None:
    """The list that a request's headers ask for; None for the private one (or none asked)."""
    canned = req.get("ACL")
    granted = [(member, permission) for member, permission in _HEADERS.items() if member in req]
    if canned is not None and granted:
        raise errors.invalid_request("Specifying both Canned ACLs and Header Grants is not allowed")
    if canned is not None:
        return _canned(canned, account, bucket_account)
    if not granted:
        return None
    grants = [grant for member, permission in granted for grant in _parse_header(req[member], permission)]
    return tuple(grants)


def _canned(name: str, account: str, bucket_account: str) -> tuple[Grant, ...] | None:
    owner: Grant = ("id", account, FULL)
    if name in _OWNER_READS:
        if account == bucket_account:
            return None
        return (owner, ("id", bucket_account, _OWNER_READS[name]))
    if name not in _CANNED:
        raise errors.invalid_argument("", "x-amz-acl", name)
    extra = _CANNED[name]
    return (owner, *(("uri", group, permission) for group, permission in extra)) if extra else None


def _parse_header(text: str, permission: str) -> list[Grant]:
    return [_parse_grantee(piece, permission) for piece in text.split(",")]


def _parse_grantee(piece: str, permission: str) -> Grant:
    match = _GRANTEE.fullmatch(piece)
    if match is None:
        raise errors.invalid_argument(
            "Argument format not recognized", f"x-amz-grant-{permission.lower().replace('_', '-')}", piece
        )
    kind, value = match[1].lower(), match[2]
    if kind == "id":
        return ("id", _require_account(value, "id"), permission)
    if kind == "uri":
        return ("uri", _require_group(value, "uri"), permission)
    raise _unresolvable()


def _require_account(identifier: str, name: str) -> str:
    account = find_account(identifier)
    if account is None:
        raise errors.invalid_argument("Invalid id", name, identifier)
    return account


def _require_group(uri: str, name: str) -> str:
    if uri not in _GROUPS:
        raise errors.invalid_argument("Invalid group uri", name, uri)
    return uri


def _unresolvable() -> Exception:
    message = "The e-mail address you provided does not match any account on record."
    return errors.error("UnresolvableGrantByEmailAddress", message)


def parse_document(document: dict[str, Any], account: str) -> tuple[Grant, ...]:
    """The grants of an AccessControlPolicy, whose owner has to be the resource's."""
    owner = document.get("Owner", {}).get("ID")
    if owner is None or "Grants" not in document:
        raise errors.error("MalformedACLError", _MALFORMED)
    if find_account(owner) != account:
        _require_account(owner, "CanonicalUser/ID")
        raise errors.access_denied()
    grants = document["Grants"]
    if len(grants) > _MOST_GRANTS:
        raise errors.error("MalformedACLError", _MALFORMED)
    return tuple(_parse_grant(grant) for grant in grants)


_MALFORMED = "The XML you provided was not well-formed or did not validate against our published schema"


def _parse_grant(grant: dict[str, Any]) -> Grant:
    grantee, permission = grant.get("Grantee", {}), grant.get("Permission", "")
    if permission not in PERMISSIONS:
        raise errors.error("MalformedACLError", _MALFORMED)
    kind = grantee.get("Type")
    if kind == "CanonicalUser" and "ID" in grantee:
        return ("id", _require_account(grantee["ID"], "CanonicalUser/ID"), permission)
    if kind == "Group" and "URI" in grantee:
        return ("uri", _require_group(grantee["URI"], "Group/URI"), permission)
    if kind == "AmazonCustomerByEmail":
        raise _unresolvable()
    raise errors.error("MalformedACLError", _MALFORMED)


def render(acl: tuple[Grant, ...] | None, account: str) -> dict[str, Any]:
    grants = (("id", account, FULL),) if acl is None else acl
    return {"Owner": render_owner(account), "Grants": [_render_grant(grant) for grant in grants]}


def _render_grant(grant: Grant) -> dict[str, Any]:
    kind, value, permission = grant
    if kind == "uri":
        return {"Grantee": {"Type": "Group", "URI": value}, "Permission": permission}
    return {"Grantee": {"Type": "CanonicalUser", **render_owner(value)}, "Permission": permission}


def is_public(acl: tuple[Grant, ...] | None) -> bool:
    return acl is not None and any(kind == "uri" and value in _PUBLIC for kind, value, _ in acl)


def permits(acl: tuple[Grant, ...] | None, owner: str, caller: str, permission: str, ignore_public: bool) -> bool:
    """Whether the list lets an account ("" is anybody) do what `permission` stands for."""
    if acl is None:
        return bool(caller) and caller == owner
    for kind, value, granted in acl:
        if granted not in (FULL, permission):
            continue
        if kind == "id":
            if caller and value == caller:
                return True
        elif not ignore_public and (value == ALL_USERS or (value == AUTHENTICATED and caller)):
            return True
    return False


def check_allowed(bucket: Bucket, req: dict[str, Any]) -> None:
    """A bucket whose owner owns all objects takes no lists, but for the one that says just that."""
    if bucket.ownership != "BucketOwnerEnforced":
        return
    if req.get("ACL") in (None, "bucket-owner-full-control") and not any(name in req for name in _HEADERS):
        return
    raise errors.acl_not_supported()
