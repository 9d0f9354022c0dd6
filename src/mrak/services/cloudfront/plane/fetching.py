"""From the cache or from the origin: what is fresh, what is asked again, which errors become pages.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/HTTPStatusCodes.html
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/GeneratingCustomErrorResponses.html
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from mrak.core.context import Context
from mrak.core.http import FileSlice
from mrak.services.cloudfront import configs
from mrak.services.cloudfront.plane import behaviors, cache, selection
from mrak.services.cloudfront.plane.behaviors import Behavior
from mrak.services.cloudfront.plane.cache import Cache, Entry, Headers
from mrak.services.cloudfront.plane.origins import Fetched, fetch
from mrak.services.cloudfront.plane.selection import Viewed
from mrak.services.cloudfront.tables import Distribution

HIT, MISS = "Hit from cloudfront", "Miss from cloudfront"
REFRESHED, ERROR = "RefreshHit from cloudfront", "Error from cloudfront"


class Answer(msgspec.Struct):
    """`entry` is what is kept of it; `age_seconds` is told where it came from the cache."""

    status: int
    headers: Headers
    body: bytes | FileSlice | AsyncIterator[bytes]
    cache_status: str
    age_seconds: int | None = None
    entry: Entry | None = None


class Asked(msgspec.Struct, frozen=True):
    """A request behind its cache key. `at_origin` is the request with the default root object's name."""

    ctx: Context
    distribution: Distribution
    behavior: Behavior
    viewed: Viewed
    at_origin: Viewed
    key: str


async def answer(ctx: Context, distribution: Distribution, behavior: Behavior, viewed: Viewed) -> Answer:
    root = distribution.config["DefaultRootObject"]
    at_origin = msgspec.structs.replace(viewed, path=f"/{root}") if root and viewed.path == "/" else viewed
    if viewed.method == "HEAD" and behavior.lifetimes.caches:
        # One entry answers both, so that the origin is asked for all of it.
        at_origin = msgspec.structs.replace(at_origin, method="GET")
    asked = Asked(
        ctx, distribution, behavior, viewed, at_origin, selection.cache_key(distribution.id, behavior, viewed)
    )
    if viewed.method not in behavior.cached_methods:
        return await _pass_through(asked)
    kept = ctx.live(Cache).find(asked.key)
    now = ctx.clock()
    if kept is not None and now < kept.fresh_until:
        return _from_cache(kept, HIT if kept.status < 400 and not kept.error_page else ERROR, now)
    if kept is not None and kept.status < 400:
        return await _ask_again(asked, kept)
    return await _ask(asked)


def _from_cache(kept: Entry, status: str, now: float) -> Answer:
    return Answer(kept.status, kept.headers, kept.body, status, kept.age_seconds(now), kept)


async def _pass_through(asked: Asked) -> Answer:
    got = await _origin(asked, asked.at_origin)
    paged = await _error_page(asked, got)
    return paged or Answer(got.status, got.headers, got.body, ERROR if got.status >= 400 else MISS)


async def _ask_again(asked: Asked, kept: Entry) -> Answer:
    """What is stale is asked for by its ETag; where the origin has failed it serves a little longer."""
    etag = kept.header("etag")
    generation = asked.ctx.live(Cache).generation(asked.distribution.id)
    got = await _origin(asked, asked.at_origin, etag)
    now = asked.ctx.clock()
    if got.status == 304:
        renewed = {name.lower(): (name, value) for name, value in got.headers}
        headers = [pair for pair in kept.headers if pair[0].lower() not in renewed]
        kept.headers = headers + [pair for name, pair in renewed.items() if name != "content-type"]
        kept.fetched_at, kept.initial_age_seconds = now, 0.0
        kept.fresh_until = now + cache.lifetime_seconds(asked.behavior.lifetimes, kept.headers, now)
        asked.ctx.live(Cache).keep(asked.key, kept, generation)
        return _from_cache(kept, REFRESHED, now)
    if got.status >= 500:
        kept.fresh_until = now + _error_ttl_seconds(asked.distribution, got.status)
        return _from_cache(kept, HIT, now)
    return await _take(asked, got, generation)


async def _ask(asked: Asked) -> Answer:
    generation = asked.ctx.live(Cache).generation(asked.distribution.id)
    return await _take(asked, await _origin(asked, asked.at_origin), generation)


async def _origin(asked: Asked, viewed: Viewed, etag: str = "") -> Fetched:
    selected = selection.origin_request(asked.behavior, viewed)
    if etag:
        selected.headers["if-none-match"] = etag
    return await fetch(asked.ctx, asked.distribution, asked.behavior.settings["TargetOriginId"], viewed, selected)


async def _take(asked: Asked, got: Fetched, generation: int) -> Answer:
    """Keeps what may be kept."""
    paged = await _error_page(asked, got)
    found = paged or Answer(got.status, got.headers, got.body, ERROR if got.status >= 400 else MISS)
    lifetimes = asked.behavior.lifetimes
    if not isinstance(found.body, bytes) or not lifetimes.caches:
        return found
    now = asked.ctx.clock()
    if got.status >= 400:
        if got.status not in configs.ERROR_CODES:
            return found
        ttl = cache.error_lifetime_seconds(_error_ttl_seconds(asked.distribution, got.status), got.headers, now)
    else:
        ttl = cache.lifetime_seconds(lifetimes, got.headers, now)
    if ttl > 0 and got.status != 206:
        age = cache.find_header(got.headers, "age") or "0"
        entry = Entry(
            distribution=asked.distribution.id,
            paths=_paths(asked),
            status=found.status,
            headers=[pair for pair in found.headers if pair[0].lower() != "age"],
            body=found.body,
            fetched_at=now,
            fresh_until=now + ttl,
            initial_age_seconds=float(age) if age.isascii() and age.isdigit() else 0.0,
            error_page=paged is not None,
        )
        asked.ctx.live(Cache).keep(asked.key, entry, generation)
        found.entry = entry
    return found


def _paths(asked: Asked) -> tuple[str, ...]:
    """What invalidations may call it."""
    query = asked.viewed.query
    paths = {asked.viewed.path, asked.at_origin.path}
    return tuple(sorted(paths | {f"{path}?{query}" for path in paths} if query else paths))


def _error_settings(distribution: Distribution, status: int) -> dict[str, Any]:
    for response in configs.items(distribution.config["CustomErrorResponses"]):
        if response["ErrorCode"] == status:
            found: dict[str, Any] = response
            return found
    return {}


def _error_ttl_seconds(distribution: Distribution, status: int) -> float:
    seconds: float = _error_settings(distribution, status).get("ErrorCachingMinTTL", cache.ERROR_TTL_SECONDS)
    return seconds


async def _error_page(asked: Asked, got: Fetched) -> Answer | None:
    """The page that the distribution shows for an error; None where it has none, or the page cannot be had."""
    settings = _error_settings(asked.distribution, got.status)
    page = settings.get("ResponsePagePath")
    if not page:
        return None
    path, _, query = page.partition("?")
    viewed = msgspec.structs.replace(asked.viewed, method="GET", path=path, query=query, body=b"")
    distribution = asked.distribution
    scope = asked.ctx.scope
    behavior = await asked.ctx.transact(lambda tx: behaviors.load(tx, scope, distribution, path))
    inner = Asked(
        asked.ctx, distribution, behavior, viewed, viewed, selection.cache_key(distribution.id, behavior, viewed)
    )
    found = await _page(inner)
    if found.status >= 400:
        return None
    return Answer(int(settings["ResponseCode"]), list(found.headers), found.body, ERROR)


async def _page(asked: Asked) -> Answer:
    """An error page, which is kept like any file, but is not itself replaced by another page."""
    store = asked.ctx.live(Cache)
    kept, now = store.find(asked.key), asked.ctx.clock()
    if kept is not None and now < kept.fresh_until and kept.status < 400:
        return _from_cache(kept, HIT, now)
    generation = store.generation(asked.distribution.id)
    got = await _origin(asked, asked.viewed)
    if got.status >= 400:
        return Answer(got.status, got.headers, got.body, ERROR)
    return await _take(asked, got, generation)
