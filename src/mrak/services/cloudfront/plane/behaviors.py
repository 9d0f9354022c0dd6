"""Which behaviour a path is for, and all that it says, looked up once for a request.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesCacheBehavior.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Transaction
from mrak.core.scope import Scope
from mrak.services.cloudfront import configs, parts
from mrak.services.cloudfront.plane.cache import Lifetimes
from mrak.services.cloudfront.tables import FUNCTIONS, Distribution, Function


class Behavior(msgspec.Struct, frozen=True):
    """`cache`, `forward` and `respond` are the configs of its policies, None where it has none; `functions` are by
    event type."""

    settings: dict[str, Any]
    cache: dict[str, Any] | None
    forward: dict[str, Any] | None
    respond: dict[str, Any] | None
    functions: dict[str, Function]
    keys: dict[str, str] | None = None
    """Public keys (PEM, by id) of those who may sign for viewers; None where everybody may see."""

    @property
    def methods(self) -> list[str]:
        return configs.items(self.settings["AllowedMethods"])

    @property
    def cached_methods(self) -> list[str]:
        return configs.items(self.settings["AllowedMethods"]["CachedMethods"])

    @property
    def lifetimes(self) -> Lifetimes:
        source = self.settings if self.cache is None else self.cache
        if self.cache is None and "*" in configs.items(self.settings["ForwardedValues"].get("Headers")):
            # All headers to the origin means that nothing is kept.
            return Lifetimes(0, 0, 0)
        return Lifetimes(source["MinTTL"], source["DefaultTTL"], source["MaxTTL"])

    @property
    def encodings(self) -> frozenset[str]:
        """What may be asked of origins, and be made of their answers."""
        if self.cache is None:
            return frozenset({"gzip"})
        told = self.cache.get("ParametersInCacheKeyAndForwardedToOrigin", {})
        wanted = {"gzip"} if told.get("EnableAcceptEncodingGzip") else set()
        return frozenset(wanted | {"br"} if told.get("EnableAcceptEncodingBrotli") else wanted)


def matches(pattern: str, path: str) -> bool:
    """Whether a path pattern, which may leave out its first slash, is for a path."""
    return glob_matches(pattern if pattern.startswith(("/", "*")) else "/" + pattern, path)


def glob_matches(pattern: str, path: str) -> bool:
    """`*` is any text, `?` any character. Two pointers and the last star: no pattern makes it slow."""
    at = mark = position = 0
    star = -1
    while position < len(path):
        if at < len(pattern) and pattern[at] == "*":
            star, mark = at, position
            at += 1
        elif at < len(pattern) and pattern[at] in ("?", path[position]):
            at += 1
            position += 1
        elif star >= 0:
            mark += 1
            at, position = star + 1, mark
        else:
            return False
    return pattern[at:].strip("*") == ""


def choose(config: dict[str, Any], path: str) -> dict[str, Any]:
    """The first behaviour whose pattern matches, else the default one."""
    for behavior in configs.items(config["CacheBehaviors"]):
        if matches(behavior["PathPattern"], path):
            chosen: dict[str, Any] = behavior
            return chosen
    default: dict[str, Any] = config["DefaultCacheBehavior"]
    return default


def load(tx: Transaction, scope: Scope, distribution: Distribution, path: str) -> Behavior:
    settings = choose(distribution.config, path)
    functions = {}
    for association in configs.items(settings["FunctionAssociations"]):
        name = association["FunctionARN"].rpartition("/")[2]
        function = FUNCTIONS.get(tx, scope.account_wide(), name, "LIVE")
        if function is not None:
            functions[association["EventType"]] = function
    return Behavior(
        settings,
        _config(tx, scope, "cache-policy", settings.get("CachePolicyId")),
        _config(tx, scope, "origin-request-policy", settings.get("OriginRequestPolicyId")),
        _config(tx, scope, "response-headers-policy", settings.get("ResponseHeadersPolicyId")),
        functions,
        _keys(tx, scope, settings),
    )


def _keys(tx: Transaction, scope: Scope, settings: dict[str, Any]) -> dict[str, str] | None:
    if not settings["TrustedKeyGroups"]["Enabled"]:
        return None
    found: dict[str, str] = {}
    for group_id in configs.items(settings["TrustedKeyGroups"]):
        group = parts.find(tx, scope, "key-group", group_id)
        for key_id in group.config["Items"] if group is not None else ():
            key = parts.find(tx, scope, "public-key", key_id)
            if key is not None:
                found[key_id] = key.config["EncodedKey"]
    return found


def _config(tx: Transaction, scope: Scope, kind: str, part_id: str | None) -> dict[str, Any] | None:
    part = parts.find(tx, scope, kind, part_id) if part_id else None
    return None if part is None else part.config
