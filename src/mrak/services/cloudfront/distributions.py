"""Distributions: their rows, the names that lead to them, and how they show."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.core.urls import resource_url
from mrak.services.cloudfront import configs, errors, parts
from mrak.services.cloudfront.parts import CAPITALS
from mrak.services.cloudfront.tables import (
    BY_REFERENCE,
    DISTRIBUTIONS,
    FUNCTIONS,
    INDEX,
    USES,
    Distribution,
    Indexed,
    Use,
)


def distribution_arn(account: str, distribution: str) -> str:
    return f"arn:aws:cloudfront::{account}:distribution/{distribution}"


def require(ctx: Context, tx: Transaction, distribution: str) -> Distribution:
    found = DISTRIBUTIONS.get(tx, ctx.scope.account_wide(), distribution)
    if found is None:
        raise errors.no_such_distribution()
    return found


def find_by_name(tx: Transaction, environment: str, name: str) -> tuple[str, Distribution] | None:
    """(account, distribution) that an id, domain label or alternate domain name leads to."""
    indexed = INDEX.get(tx, Scope(environment, "", ""), name.lower())
    if indexed is None:
        return None
    found = DISTRIBUTIONS.get(tx, Scope(environment, indexed.account, ""), indexed.distribution)
    return None if found is None else (indexed.account, found)


def create(ctx: Context, tx: Transaction, given: dict[str, Any], tags: dict[str, str]) -> Distribution:
    scope = ctx.scope.account_wide()
    reference = given["CallerReference"]
    existing = next(BY_REFERENCE.scan(tx, scope, reference, limit=1), None)
    if existing is not None:
        raise errors.distribution_exists(existing.id)
    made = Distribution(
        id="E" + ctx.resource_id(13, CAPITALS),
        label="d" + ctx.resource_id(13),
        reference=reference,
        etag=parts.new_etag(ctx),
        config=_checked(ctx, tx, given),
        created_at=ctx.now,
        modified_at=ctx.now,
        tags=tags,
    )
    DISTRIBUTIONS.lock(tx, scope, made.id)
    DISTRIBUTIONS.insert(tx, scope, made)
    for name in (made.id.lower(), made.label, *_aliases(made.config)):
        _enter(ctx, tx, made.id, name)
    _note_uses(tx, scope, made.id, set(), _uses(made.config))
    return made


def update(ctx: Context, tx: Transaction, old: Distribution, given: dict[str, Any]) -> Distribution:
    scope = ctx.scope.account_wide()
    if given["CallerReference"] != old.reference:
        raise errors.illegal_update()
    new = msgspec.structs.replace(old, config=_checked(ctx, tx, given), etag=parts.new_etag(ctx), modified_at=ctx.now)
    DISTRIBUTIONS.replace(tx, scope, old, new)
    before, after = _aliases(old.config), _aliases(new.config)
    for name in sorted(before - after):
        _leave(ctx, tx, name)
    for name in sorted(after - before):
        _enter(ctx, tx, new.id, name)
    _note_uses(tx, scope, new.id, _uses(old.config), _uses(new.config))
    return new


def delete(ctx: Context, tx: Transaction, old: Distribution) -> None:
    scope = ctx.scope.account_wide()
    for name in (old.id.lower(), old.label, *sorted(_aliases(old.config))):
        _leave(ctx, tx, name)
    _note_uses(tx, scope, old.id, _uses(old.config), set())
    DISTRIBUTIONS.delete(tx, scope, old)


def _checked(ctx: Context, tx: Transaction, given: dict[str, Any]) -> dict[str, Any]:
    configs.check(given)
    for kind, name in configs.references(given):
        _check_reference(ctx, tx, kind, name)
    return configs.fill(given)


def _check_reference(ctx: Context, tx: Transaction, kind: str, name: str) -> None:
    if kind == "function":
        if FUNCTIONS.get(tx, ctx.scope.account_wide(), name.rpartition("/")[2], "LIVE") is None:
            raise errors.invalid_function_association(
                "The function ARN is not valid, or the function has not been published."
            )
    elif parts.find(tx, ctx.scope, kind, name) is None:
        if kind == "origin-access-identity":
            raise errors.invalid_origin_access_identity()
        if kind == "origin-access-control":
            raise errors.invalid_origin_access_control()
        if kind == "key-group":
            raise errors.invalid_argument("One or more of the specified trusted key groups do not exist.")
        raise parts.KINDS[kind].missing()


def _aliases(config: dict[str, Any]) -> set[str]:
    return {alias.lower() for alias in configs.items(config.get("Aliases"))}


def _uses(config: dict[str, Any]) -> set[str]:
    return {name for _, name in configs.references(config)}


def _enter(ctx: Context, tx: Transaction, distribution: str, name: str) -> None:
    scope = ctx.scope.environment_wide()
    if INDEX.open(tx, scope, name) is not None:
        raise errors.alias_exists()
    INDEX.insert(tx, scope, Indexed(name, ctx.scope.account, distribution))


def _leave(ctx: Context, tx: Transaction, name: str) -> None:
    scope = ctx.scope.environment_wide()
    indexed = INDEX.open(tx, scope, name)
    if indexed is not None:
        INDEX.delete(tx, scope, indexed)


def _note_uses(tx: Transaction, scope: Scope, distribution: str, before: set[str], after: set[str]) -> None:
    for used in sorted(before ^ after):
        USES.lock(tx, scope, used, distribution)
        if used in after:
            USES.insert(tx, scope, Use(used, distribution))
        else:
            USES.delete(tx, scope, Use(used, distribution))


def domain_name(ctx: Context, distribution: Distribution) -> str:
    """The host (with our port) under which the distribution answers the caller."""
    return resource_url(ctx.endpoint, "cloudfront", distribution.label).partition("://")[2]


def render(ctx: Context, distribution: Distribution, status: str = "Deployed") -> dict[str, Any]:
    """What we change is in use at once, so only the answer to the change itself says InProgress."""
    groups = {
        group
        for behavior in configs.behaviors(distribution.config)
        for group in configs.items(behavior["TrustedKeyGroups"])
    }
    active: dict[str, Any] = {"Enabled": bool(groups), "Quantity": len(groups)}
    if groups:
        active["Items"] = [{"KeyGroupId": group} for group in sorted(groups)]
    return {
        "Id": distribution.id,
        "ARN": distribution_arn(ctx.scope.account, distribution.id),
        "Status": status,
        "LastModifiedTime": distribution.modified_at,
        "InProgressInvalidationBatches": 0,
        "DomainName": domain_name(ctx, distribution),
        "ActiveTrustedSigners": {"Enabled": False, "Quantity": 0},
        "ActiveTrustedKeyGroups": active,
        "DistributionConfig": distribution.config,
    }


_SUMMARY = (
    "Aliases", "Origins", "OriginGroups", "DefaultCacheBehavior", "CacheBehaviors", "CustomErrorResponses", "Comment",
    "PriceClass", "Enabled", "ViewerCertificate", "Restrictions", "WebACLId", "HttpVersion", "IsIPV6Enabled", "Staging",
)  # fmt: skip


def render_summary(ctx: Context, distribution: Distribution) -> dict[str, Any]:
    return {
        "Id": distribution.id,
        "ARN": distribution_arn(ctx.scope.account, distribution.id),
        "ETag": distribution.etag,
        "Status": "Deployed",
        "LastModifiedTime": distribution.modified_at,
        "DomainName": domain_name(ctx, distribution),
        **{name: distribution.config[name] for name in _SUMMARY},
    }
