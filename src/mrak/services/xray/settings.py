"""What an account sets: resource policies, encryption, and tags."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.operation import operation
from mrak.services.xray import errors
from mrak.services.xray.tables import GROUPS, POLICIES, RULES, SETTINGS, Policy, Settings
from mrak.services.xray.tags import parse_tags

_MOST_POLICIES = 5
_MOST_BYTES = 5 * 1024


@operation("PutResourcePolicy")
def put_resource_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """With a revision, only in that one's place; with revision 0, only where there is none."""
    deviation("XRAY-004")
    name, document = req["PolicyName"], req["PolicyDocument"]
    _check(document)
    old = POLICIES.open(tx, ctx.scope, name)
    latest = 0 if old is None else old.revision
    if req.get("PolicyRevisionId", str(latest)) != str(latest):
        raise errors.wrong_revision()
    policy = Policy(name=name, document=document, revision=latest + 1, updated_at=ctx.now)
    if old is not None:
        POLICIES.replace(tx, ctx.scope, old, policy)
    elif len(list(POLICIES.scan(tx, ctx.scope))) >= _MOST_POLICIES:
        raise errors.too_many_policies()
    else:
        POLICIES.insert(tx, ctx.scope, policy)
    return {"ResourcePolicy": _render(policy)}


def _check(document: str) -> None:
    if len(document.encode()) > _MOST_BYTES:
        raise errors.policy_too_large()
    try:
        parsed = msgspec.json.decode(document, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        raise errors.malformed_policy("The policy document is not valid JSON.") from None
    if not parsed.get("Statement"):
        raise errors.malformed_policy("The policy document has no statement.")


def _render(policy: Policy) -> dict[str, Any]:
    return {
        "PolicyName": policy.name,
        "PolicyDocument": policy.document,
        "PolicyRevisionId": str(policy.revision),
        "LastUpdatedTime": policy.updated_at,
    }


@operation("DeleteResourcePolicy")
def delete_resource_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    policy = POLICIES.open(tx, ctx.scope, req["PolicyName"])
    if policy is None:
        raise errors.invalid_request(f"Resource policy {req['PolicyName']} does not exist")
    if req.get("PolicyRevisionId", str(policy.revision)) != str(policy.revision):
        raise errors.wrong_revision()
    POLICIES.delete(tx, ctx.scope, policy)


@operation("ListResourcePolicies")
def list_resource_policies(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"ResourcePolicies": [_render(policy) for policy in POLICIES.scan(tx, ctx.scope)]}


@operation("GetEncryptionConfig")
def get_encryption_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = SETTINGS.get(tx, ctx.scope, "") or Settings()
    return {"EncryptionConfig": _encryption(found.key_id, "ACTIVE")}


@operation("PutEncryptionConfig")
def put_encryption_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    deviation("XRAY-004")
    key_id = req.get("KeyId", "")
    if (req["Type"] == "KMS") != bool(key_id):
        raise errors.invalid_request("A KeyId has to be given with the type KMS, and only with it")
    old, fresh = SETTINGS.open(tx, ctx.scope, ""), Settings(key_id=key_id)
    if old is None:
        SETTINGS.insert(tx, ctx.scope, fresh)
    else:
        SETTINGS.replace(tx, ctx.scope, old, fresh)
    return {"EncryptionConfig": _encryption(key_id, "UPDATING")}


def _encryption(key_id: str, status: str) -> dict[str, Any]:
    shown = {"Type": "KMS" if key_id else "NONE", "Status": status}
    return shown | ({"KeyId": key_id} if key_id else {})


def _find(ctx: Context, tx: Transaction, resource_arn: str) -> tuple[Any, Any]:
    """(table, row) of what an ARN names."""
    kind, _, rest = resource_arn.partition(":xray:")[2].split(":", 2)[-1].partition("/")
    table: Any = {"group": GROUPS, "sampling-rule": RULES}.get(kind)
    found = None if table is None else table.open(tx, ctx.scope, rest.partition("/")[0])
    if found is None:
        raise errors.resource_not_found(resource_arn)
    return table, found


@operation("TagResource")
def tag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    table, found = _find(ctx, tx, req["ResourceARN"])
    tags = parse_tags(found.tags, req["Tags"])
    table.replace(tx, ctx.scope, found, msgspec.structs.replace(found, tags=tags))


@operation("UntagResource")
def untag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    table, found = _find(ctx, tx, req["ResourceARN"])
    tags = {name: value for name, value in found.tags.items() if name not in req["TagKeys"]}
    table.replace(tx, ctx.scope, found, msgspec.structs.replace(found, tags=tags))


@operation("ListTagsForResource")
def list_tags_for_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    _, found = _find(ctx, tx, req["ResourceARN"])
    return {"Tags": [{"Key": name, "Value": value} for name, value in found.tags.items()]}
