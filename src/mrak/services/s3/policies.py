"""Operations on who may reach a bucket: its policy, blocks of public access, ownership of objects.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-iam.html
"""

from __future__ import annotations

import re
from fnmatch import translate
from typing import Any

import msgspec

from mrak.auth.policy import parse_policy
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.services.s3 import access, acls, buckets, errors, policy_conditions
from mrak.services.s3.bucket_operations import OWNERSHIPS
from mrak.services.s3.policy_actions import BUCKET, OBJECT, kinds_of
from mrak.services.s3.tables import BLOCK_DEFAULT, BLOCK_NONE, OWNERSHIP_REMOVED, PUBLIC_ACCESS_BITS, Bucket

_MOST_POLICY_BYTES = 20 * 1024
_VERSIONS = ("2008-10-17", "2012-10-17")
_INVALID_PRINCIPAL = "Invalid principal in policy"
_ALL_BITS = (1 << len(PUBLIC_ACCESS_BITS)) - 1
_RESOURCE = re.compile(r"arn:[a-z*-]+:s3:[^:]*:[^:]*:([^/]+)(/.*)?", re.DOTALL)


@operation("PutBucketPolicy")
def put_bucket_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    bucket = _require_own(ctx, tx, req, "PUT", "s3:PutBucketPolicy")
    text = req.get("Policy", "")
    parsed = check_policy(bucket, text)
    if access.blocks(ctx, tx, bucket, req, access.BLOCK_POLICY) and access.is_public_policy(parsed):
        raise errors.access_denied()
    buckets.change(ctx, tx, bucket, policy=_with_version(text))


def _with_version(text: str) -> str:
    """A policy that names no version is kept, and given back, as one of the first."""
    document = msgspec.json.decode(text)
    if "Version" in document:
        return text
    return msgspec.json.encode({"Version": _VERSIONS[0], **document}).decode()


def _require_own(ctx: Context, tx: Transaction, req: dict[str, Any], method: str, action: str) -> Bucket:
    """A bucket's policy is its account's matter, even where the policy itself says otherwise."""
    bucket = buckets.require_allowed(ctx, tx, req, action)
    if ctx.principal.account != bucket.account:
        raise errors.method_not_allowed(method, "BUCKETPOLICY")
    return bucket


def check_policy(bucket: Bucket, text: str) -> Any:
    """The compiled policy; raises MalformedPolicy."""
    if not text.startswith("{"):
        raise errors.malformed_policy("Policies must be valid JSON and the first byte must be '{'")
    if len(text.encode()) > _MOST_POLICY_BYTES:
        raise errors.malformed_policy("Policy exceeds the maximum allowed document size.")
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise errors.malformed_policy("This policy contains invalid Json") from None
    if document.get("Version", _VERSIONS[0]) not in _VERSIONS:
        raise errors.malformed_policy("The policy must contain a valid version string")
    statements = document.get("Statement")
    if statements is None:
        raise errors.malformed_policy("Missing required field Statement")
    if statements == []:
        raise errors.malformed_policy("Could not parse the policy: Statement is empty!")
    for statement in statements if isinstance(statements, list) else [statements]:
        _check_statement(bucket, statement)
    try:
        return parse_policy(text)
    except ApiError as error:
        # What is wrong with a principal stands beside the message here.
        message, colon, detail = error.message.partition(_INVALID_PRINCIPAL + ": ")
        if colon and not message:
            raise errors.error("MalformedPolicy", _INVALID_PRINCIPAL, Detail=detail) from None
        raise errors.malformed_policy(error.message) from None


def _check_statement(bucket: Bucket, statement: Any) -> None:
    if not isinstance(statement, dict):
        raise errors.malformed_policy("Statement is not an object")
    for field in ("Effect", "Principal", "Action", "Resource"):
        if field not in statement and f"Not{field}" not in statement:
            raise errors.malformed_policy(f"Missing required field {field}")
    effect = statement.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise errors.malformed_policy(f"Invalid effect: {effect}")
    principal = statement.get("Principal", statement.get("NotPrincipal"))
    if principal in ("", []) or (isinstance(principal, dict) and [] in principal.values()):
        raise errors.malformed_policy(_INVALID_PRINCIPAL)
    resources = _listed(statement.get("Resource", statement.get("NotResource")))
    kinds = {kind for resource in resources for kind in _check_resource(bucket, resource)}
    if not resources:
        raise errors.malformed_policy("Policy has invalid resource")
    actions = _listed(statement.get("Action", statement.get("NotAction")))
    found = [kinds_of(action) if isinstance(action, str) else None for action in actions]
    if not found or None in found:
        raise errors.malformed_policy("Policy has invalid action")
    keys = _condition_keys(statement)
    if not all(policy_conditions.is_known(key) for key in keys):
        raise errors.malformed_policy("Policy has an invalid condition key")
    if "Action" in statement and "Resource" in statement and not all(each and each & kinds for each in found):
        raise errors.malformed_policy("Action does not apply to any resource(s) in statement")
    if "Action" in statement and not all(policy_conditions.belongs_to(key, each) for key in keys for each in actions):
        message = "Conditions do not apply to combination of actions and resources in statement"
        raise errors.malformed_policy(message)


def _condition_keys(statement: dict[str, Any]) -> list[str]:
    tests = statement.get("Condition")
    found = tests.values() if isinstance(tests, dict) else ()
    return [key for keys in found if isinstance(keys, dict) for key in keys]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _check_resource(bucket: Bucket, resource: Any) -> tuple[str, ...]:
    """What a resource may stand for: the bucket, its objects, or both."""
    if resource == "*":
        return BUCKET, OBJECT
    match = _RESOURCE.fullmatch(resource) if isinstance(resource, str) else None
    if match is None or not re.fullmatch(translate(match[1]), bucket.name):
        raise errors.malformed_policy("Policy has invalid resource")
    if match[2]:
        return (OBJECT,)
    return (BUCKET, OBJECT) if "*" in match[1] else (BUCKET,)


@operation("GetBucketPolicy")
def get_bucket_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = _require_own(ctx, tx, req, "GET", "s3:GetBucketPolicy")
    if not bucket.policy:
        raise _no_policy(bucket)
    return {"Policy": bucket.policy}


@operation("DeleteBucketPolicy")
def delete_bucket_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    bucket = _require_own(ctx, tx, req, "DELETE", "s3:DeleteBucketPolicy")
    buckets.change(ctx, tx, bucket, policy="")


@operation("GetBucketPolicyStatus")
def get_bucket_policy_status(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:GetBucketPolicyStatus")
    if not bucket.policy and not acls.is_public(bucket.acl):
        raise _no_policy(bucket)
    public = bool(bucket.policy) and access.is_public_policy(parse_policy(bucket.policy))
    return {"PolicyStatus": {"IsPublic": public or acls.is_public(bucket.acl)}}


def _no_policy(bucket: Bucket) -> ApiError:
    return errors.missing_setting("NoSuchBucketPolicy", "The bucket policy does not exist", bucket.name)


# --- public access ------------------------------------------------------------------------------------------------


@operation("PutPublicAccessBlock", action="s3:PutBucketPublicAccessBlock")
def put_public_access_block(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:PutBucketPublicAccessBlock")
    wanted = buckets.require_document(req, "PublicAccessBlockConfiguration")
    buckets.change(ctx, tx, bucket, public_access=access.parse_blocks(wanted), public_access_deleted=False)


@operation("GetPublicAccessBlock", action="s3:GetBucketPublicAccessBlock")
def get_public_access_block(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:GetBucketPublicAccessBlock")
    if bucket.public_access_deleted:
        message = "The public access block configuration was not found"
        raise errors.missing_setting("NoSuchPublicAccessBlockConfiguration", message, bucket.name)
    bits = _ALL_BITS if bucket.public_access == BLOCK_DEFAULT else bucket.public_access
    return {"PublicAccessBlockConfiguration": access.render_blocks(bits)}


@operation("DeletePublicAccessBlock", action="s3:PutBucketPublicAccessBlock")
def delete_public_access_block(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:PutBucketPublicAccessBlock")
    buckets.change(ctx, tx, bucket, public_access=BLOCK_NONE, public_access_deleted=True)


# --- ownership ----------------------------------------------------------------------------------------------------


@operation("PutBucketOwnershipControls")
def put_bucket_ownership_controls(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:PutBucketOwnershipControls")
    rules = buckets.require_document(req, "OwnershipControls").get("Rules") or []
    if len(rules) != 1 or rules[0].get("ObjectOwnership") not in OWNERSHIPS:
        raise errors.malformed_xml()
    ownership = rules[0]["ObjectOwnership"]
    if ownership == "BucketOwnerEnforced" and _grants_others(bucket):
        message = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"
        raise errors.error("InvalidBucketAclWithObjectOwnership", message)
    buckets.change(ctx, tx, bucket, ownership=ownership)


def _grants_others(bucket: Bucket) -> bool:
    return any(kind != "id" or value != bucket.account for kind, value, _ in bucket.acl or ())


@operation("GetBucketOwnershipControls")
def get_bucket_ownership_controls(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:GetBucketOwnershipControls")
    if bucket.ownership == OWNERSHIP_REMOVED:
        message = "The bucket ownership controls were not found"
        raise errors.missing_setting("OwnershipControlsNotFoundError", message, bucket.name)
    return {"OwnershipControls": {"Rules": [{"ObjectOwnership": bucket.ownership or "BucketOwnerEnforced"}]}}


@operation("DeleteBucketOwnershipControls", action="s3:PutBucketOwnershipControls")
def delete_bucket_ownership_controls(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    bucket = buckets.require_allowed(ctx, tx, req, "s3:PutBucketOwnershipControls")
    buckets.change(ctx, tx, bucket, ownership=OWNERSHIP_REMOVED)
