"""ECR's operations on repositories. Those on images and layers are not built: there is no registry (ECR-001).

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/
"""

from __future__ import annotations

import json
from typing import Any

from msgspec.structs import replace

from mrak.auth.policy import parse_policy
from mrak.core.arn import arn, find_arn
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.core.page import find_position, take_page
from mrak.core.scope import Scope
from mrak.services.ecr import errors
from mrak.services.ecr.tables import REPOSITORIES, Repository
from mrak.services.kms.exports import require_encryption_key

_DEFAULTS = {
    "imageTagMutability": "MUTABLE",
    "imageScanningConfiguration": {"scanOnPush": False},
    "encryptionConfiguration": {"encryptionType": "AES256"},
}
_NO_POLICY = "'{}' failed to satisfy constraint: 'Invalid repository policy provided'"
_PAGE = 100


def _render(scope: Scope, repository: Repository) -> dict[str, Any]:
    return {
        "repositoryArn": arn(scope, "ecr", f"repository/{repository.name}"),
        "registryId": scope.account,
        "repositoryName": repository.name,
        "repositoryUri": f"{scope.account}.dkr.ecr.{scope.region}.amazonaws.com/{repository.name}",
        "createdAt": repository.created_at,
        **repository.settings,
    }


def _open(ctx: Context, tx: Transaction, name: str) -> Repository:
    found = REPOSITORIES.open(tx, ctx.scope, name)
    if found is None:
        raise errors.no_repository(ctx.scope, name)
    return found


def _named(scope: Scope, repository: Repository) -> dict[str, Any]:
    return {"registryId": scope.account, "repositoryName": repository.name}


@operation("CreateRepository")
def create_repository(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    deviation("ECR-001")
    name = req["repositoryName"]
    if REPOSITORIES.open(tx, ctx.scope, name) is not None:
        raise errors.repository_exists(ctx.scope, name)
    settings = {member: req.get(member, default) for member, default in _DEFAULTS.items()}
    settings["encryptionConfiguration"] = _encryption(ctx, tx, settings["encryptionConfiguration"])
    tags = {tag["Key"]: tag.get("Value", "") for tag in req.get("tags", ())}
    made = Repository(name=name, created_at=ctx.now, settings=settings, tags=tags)
    REPOSITORIES.insert(tx, ctx.scope, made)
    return {"repository": _render(ctx.scope, made)}


def _encryption(ctx: Context, tx: Transaction, given: dict[str, Any]) -> dict[str, Any]:
    """With KMS and no key it is ECR's own."""
    if given["encryptionType"] == "AES256" or "kmsKey" in given:
        return given
    return given | {"kmsKey": require_encryption_key(ctx, tx, "alias/aws/ecr")}


@operation("DescribeRepositories")
def describe_repositories(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    names = req.get("repositoryNames")
    if names:
        found = [REPOSITORIES.get(tx, ctx.scope, name) for name in names]
        missing = [name for name, row in zip(names, found, strict=True) if row is None]
        if missing:
            raise errors.no_repository(ctx.scope, missing[0])
        return {"repositories": [_render(ctx.scope, row) for row in found if row is not None]}
    rows = REPOSITORIES.scan(tx, ctx.scope, after=find_position(req.get("nextToken", "")))
    page, token = take_page(rows, req.get("maxResults", _PAGE), lambda row: row.name)
    shown = [_render(ctx.scope, row) for row in page]
    return {"repositories": shown, **({"nextToken": token} if token else {})}


@operation("DeleteRepository")
def delete_repository(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = _open(ctx, tx, req["repositoryName"])
    REPOSITORIES.delete(tx, ctx.scope, found)
    return {"repository": _render(ctx.scope, found)}


@operation("ListImages")
def list_images(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """None: nothing can be pushed."""
    _open(ctx, tx, req["repositoryName"])
    return {"imageIds": []}


@operation("PutImageTagMutability")
def put_image_tag_mutability(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _set(ctx, tx, req, "imageTagMutability")


@operation("PutImageScanningConfiguration")
def put_image_scanning_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _set(ctx, tx, req, "imageScanningConfiguration")


def _set(ctx: Context, tx: Transaction, req: dict[str, Any], member: str) -> dict[str, Any]:
    old = _open(ctx, tx, req["repositoryName"])
    REPOSITORIES.replace(tx, ctx.scope, old, replace(old, settings={**old.settings, member: req[member]}))
    return {**_named(ctx.scope, old), member: req[member]}


@operation("SetRepositoryPolicy")
def set_repository_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    old = _open(ctx, tx, req["repositoryName"])
    text = req["policyText"]
    _check_policy(text)
    REPOSITORIES.replace(tx, ctx.scope, old, replace(old, policy=text))
    return {**_named(ctx.scope, old), "policyText": text}


@operation("GetRepositoryPolicy")
def get_repository_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = _open(ctx, tx, req["repositoryName"])
    if not found.policy:
        raise errors.no_policy(ctx.scope, found.name)
    return {**_named(ctx.scope, found), "policyText": found.policy}


@operation("DeleteRepositoryPolicy")
def delete_repository_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    shown = get_repository_policy(ctx, tx, req)
    old = _open(ctx, tx, req["repositoryName"])
    REPOSITORIES.replace(tx, ctx.scope, old, replace(old, policy=""))
    return shown


@operation("PutLifecyclePolicy")
def put_lifecycle_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    old = _open(ctx, tx, req["repositoryName"])
    text = req["lifecyclePolicyText"]
    _parse_json(text, "LifecyclePolicyText")
    REPOSITORIES.replace(tx, ctx.scope, old, replace(old, lifecycle=text, lifecycle_at=ctx.now))
    return {**_named(ctx.scope, old), "lifecyclePolicyText": text}


@operation("GetLifecyclePolicy")
def get_lifecycle_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = _open(ctx, tx, req["repositoryName"])
    if not found.lifecycle:
        raise errors.no_lifecycle(ctx.scope, found.name)
    shown = {"lifecyclePolicyText": found.lifecycle, "lastEvaluatedAt": found.lifecycle_at}
    return {**_named(ctx.scope, found), **shown}


@operation("DeleteLifecyclePolicy")
def delete_lifecycle_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    shown = get_lifecycle_policy(ctx, tx, req)
    old = _open(ctx, tx, req["repositoryName"])
    REPOSITORIES.replace(tx, ctx.scope, old, replace(old, lifecycle=""))
    return shown


def _parse_json(text: str, member: str) -> dict[str, Any]:
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise errors.invalid(_NO_POLICY.format(member))
    return parsed


def _check_policy(text: str) -> None:
    """Unlike other services', ECR's policies may have two statements of one Sid."""
    policy = _parse_json(text, "PolicyText")
    given = policy.get("Statement")
    if isinstance(given, list):
        named = [isinstance(each, dict) and isinstance(each.get("Sid"), str) for each in given]
        policy["Statement"] = [each | {"Sid": ""} if by else each for each, by in zip(given, named, strict=True)]
    try:
        parse_policy(policy)
    except ApiError:
        raise errors.invalid(_NO_POLICY.format("PolicyText")) from None


def _tagged(ctx: Context, tx: Transaction, req: dict[str, Any]) -> Repository:
    parsed = find_arn(req["resourceArn"])
    if parsed is None or not parsed.resource.startswith("repository/"):
        raise errors.invalid("'resourceArn' failed to satisfy constraint: 'Invalid ARN'")
    return _open(ctx, tx, parsed.resource.removeprefix("repository/"))


@operation("TagResource")
def tag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    old = _tagged(ctx, tx, req)
    tags = old.tags | {tag["Key"]: tag.get("Value", "") for tag in req["tags"]}
    REPOSITORIES.replace(tx, ctx.scope, old, replace(old, tags=tags))
    return {}


@operation("UntagResource")
def untag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    old = _tagged(ctx, tx, req)
    kept = {key: value for key, value in old.tags.items() if key not in req["tagKeys"]}
    REPOSITORIES.replace(tx, ctx.scope, old, replace(old, tags=kept))
    return {}


@operation("ListTagsForResource")
def list_tags_for_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"tags": [{"Key": key, "Value": value} for key, value in _tagged(ctx, tx, req).tags.items()]}
