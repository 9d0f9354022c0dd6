"""What of a viewer's request goes into the cache key, and what to the origin.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/controlling-the-cache-key.html
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/RequestAndResponseBehaviorCustomOrigin.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from mrak.services.cloudfront.configs import items
from mrak.services.cloudfront.plane.behaviors import Behavior

Keep = Callable[[str], bool]
_CONNECTION = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "content-length", "upgrade", "te", "expect", "trailer",
     "proxy-authorization", "proxy-connection"}
)  # fmt: skip
# Always forwarded: they belong to the body, or to conditions and ranges that we answer or pass on.
_ENTITY = frozenset({"content-type", "content-encoding", "content-md5", "content-language", "date"})
# Never forwarded unless a behaviour that has no cache policy names them.
_LEGACY_REMOVED = frozenset(
    {"accept", "accept-charset", "accept-language", "referer", "x-forwarded-proto", "x-http-method-override",
     "x-real-ip", "user-agent", "cookie", "host", "accept-encoding", "if-none-match", "if-modified-since", "if-match",
     "if-unmodified-since", "if-range", "range"}
)  # fmt: skip
_CONDITIONS = frozenset({"if-none-match", "if-modified-since", "if-match", "if-unmodified-since", "if-range", "range"})


class Viewed(msgspec.Struct):
    """A viewer's request, as the viewer-request function left it. `path` and `query` are percent-encoded."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    peer: str
    scheme: str


class Selected(msgspec.Struct, frozen=True):
    query: str
    headers: dict[str, str]
    cookies: str


def _nothing(_: str) -> bool:
    return False


def _everything(_: str) -> bool:
    return True


def _listed(names: list[str]) -> Keep:
    kept = frozenset(name.lower() for name in names)
    return lambda name: name.lower() in kept


def _rule(behavior: str, names: list[str]) -> Keep:
    if behavior in ("all", "allViewer", "allViewerAndWhitelistCloudFront"):
        return _everything
    if behavior == "whitelist":
        return _listed(names)
    if behavior == "allExcept":
        excluded = _listed(names)
        return lambda name: not excluded(name)
    return _nothing


def _policy_rules(told: dict[str, Any]) -> tuple[Keep, Keep, Keep]:
    """(query, headers, cookies) of a cache policy's parameters or an origin request policy."""
    query, header, cookie = told["QueryStringsConfig"], told["HeadersConfig"], told["CookiesConfig"]
    # Names of query parameters and cookies are case-sensitive; no two differ by case alone in practice.
    return (
        _rule(query["QueryStringBehavior"], items(query.get("QueryStrings"))),
        _rule(header["HeaderBehavior"], items(header.get("Headers"))),
        _rule(cookie["CookieBehavior"], items(cookie.get("Cookies"))),
    )


def _legacy_rules(values: dict[str, Any]) -> tuple[Keep, Keep, Keep]:
    names = items(values.get("QueryStringCacheKeys"))
    query = _nothing if not values["QueryString"] else _listed(names) if names else _everything
    headers = items(values.get("Headers"))
    cookies = values["Cookies"]
    return (
        query,
        _everything if "*" in headers else _listed(headers),
        _rule(cookies["Forward"], items(cookies.get("WhitelistedNames"))),
    )


def _select(viewed: Viewed, rules: tuple[Keep, Keep, Keep]) -> Selected:
    query, header, cookie = rules
    return Selected(
        _filter_query(viewed.query, query),
        {name: value for name, value in viewed.headers.items() if name != "cookie" and header(name)},
        _filter_cookies(viewed.headers.get("cookie", ""), cookie),
    )


def _filter_query(text: str, keep: Keep) -> str:
    if keep is _everything or not text:
        return text
    return "&".join(part for part in text.split("&") if keep(unquote_plus(part.partition("=")[0])))


def _filter_cookies(text: str, keep: Keep) -> str:
    if keep is _everything or not text:
        return text
    return "; ".join(part for part in (p.strip() for p in text.split(";")) if keep(part.partition("=")[0].strip()))


def accepted_encodings(behavior: Behavior, viewed: Viewed) -> str:
    """Accept-Encoding as it goes into keys and to origins: what both the viewer and the policy take."""
    offered = {part.partition(";")[0].strip().lower() for part in viewed.headers.get("accept-encoding", "").split(",")}
    return ",".join(name for name in ("br", "gzip") if name in offered and name in behavior.encodings)


def cache_key(distribution: str, behavior: Behavior, viewed: Viewed) -> str:
    if behavior.cache is None:
        rules = _legacy_rules(behavior.settings["ForwardedValues"])
    else:
        rules = _policy_rules(behavior.cache["ParametersInCacheKeyAndForwardedToOrigin"])
    chosen = _select(viewed, rules)
    headers = sorted((name, value) for name, value in chosen.headers.items() if name != "accept-encoding")
    method = "OPTIONS" if viewed.method == "OPTIONS" else "GET"
    return repr((distribution, method, viewed.path, chosen.query, headers, chosen.cookies,
                 accepted_encodings(behavior, viewed)))  # fmt: skip


def origin_request(behavior: Behavior, viewed: Viewed) -> Selected:
    """What the origin gets; Host among the headers only where the viewer's is to be passed on."""
    if behavior.cache is None:
        chosen = _legacy_request(behavior, viewed)
    else:
        chosen = _policy_request(behavior, viewed)
    headers = {name: value for name, value in chosen.headers.items() if name not in _CONNECTION}
    headers = {name: value for name, value in headers.items() if not name.startswith("x-edge-")}
    if viewed.method in ("GET", "HEAD"):
        # We ask for the whole, and answer conditions and ranges ourselves.
        headers = {name: value for name, value in headers.items() if name not in _CONDITIONS}
    headers.setdefault("user-agent", "Amazon CloudFront")
    encodings = accepted_encodings(behavior, viewed)
    headers.pop("accept-encoding", None)
    if encodings and behavior.settings["Compress"] is False:
        headers["accept-encoding"] = encodings
    if chosen.cookies:
        headers["cookie"] = chosen.cookies
    forwarded = viewed.headers.get("x-forwarded-for")
    headers["x-forwarded-for"] = f"{forwarded}, {viewed.peer}" if forwarded else viewed.peer
    return Selected(chosen.query, headers, chosen.cookies)


def _legacy_request(behavior: Behavior, viewed: Viewed) -> Selected:
    values = behavior.settings["ForwardedValues"]
    query, named, cookies = _legacy_rules(values)
    if values["QueryString"]:
        query = _everything
    authorized = viewed.method not in ("GET", "HEAD", "OPTIONS")

    def header(name: str) -> bool:
        if named(name):
            return True
        return name not in _LEGACY_REMOVED and (name != "authorization" or authorized)

    return _select(viewed, (query, header, cookies))


def _policy_request(behavior: Behavior, viewed: Viewed) -> Selected:
    assert behavior.cache is not None
    keyed = _policy_rules(behavior.cache["ParametersInCacheKeyAndForwardedToOrigin"])
    more = (_nothing, _nothing, _nothing) if behavior.forward is None else _policy_rules(behavior.forward)
    query, header, cookie = (_either(one, other) for one, other in zip(keyed, more, strict=True))

    def with_entity(name: str) -> bool:
        return name in _ENTITY or header(name)

    chosen = _select(viewed, (query, with_entity, cookie))
    return Selected(chosen.query, chosen.headers | _generated(behavior, viewed), chosen.cookies)


def _either(one: Keep, other: Keep) -> Keep:
    if one is _everything or other is _everything:
        return _everything
    if one is _nothing:
        return other
    return one if other is _nothing else lambda name: one(name) or other(name)


def _generated(behavior: Behavior, viewed: Viewed) -> dict[str, str]:
    """The CloudFront-* headers that policies ask for. Where the viewer is on Earth we do not know, and say nothing.

    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/adding-cloudfront-headers.html
    """
    wanted: set[str] = set()
    if behavior.cache is not None:
        told = behavior.cache["ParametersInCacheKeyAndForwardedToOrigin"]["HeadersConfig"]
        wanted |= {name.lower() for name in items(told.get("Headers"))}
    if behavior.forward is not None:
        told = behavior.forward["HeadersConfig"]
        if told["HeaderBehavior"] in ("whitelist", "allViewerAndWhitelistCloudFront"):
            wanted |= {name.lower() for name in items(told.get("Headers"))}
    return {name: value for name, value in device_headers(viewed).items() if name in wanted}


def device_headers(viewed: Viewed) -> dict[str, str]:
    agent = viewed.headers.get("user-agent", "")
    tablet = "iPad" in agent or ("Android" in agent and "Mobile" not in agent)
    mobile = not tablet and ("Mobile" in agent or "iPhone" in agent)
    television = "SmartTV" in agent or "SMART-TV" in agent
    told = {
        "is-mobile-viewer": mobile,
        "is-tablet-viewer": tablet,
        "is-smarttv-viewer": television,
        "is-desktop-viewer": not (mobile or tablet or television),
        "is-android-viewer": "Android" in agent,
        "is-ios-viewer": "iPhone" in agent or "iPad" in agent,
    }
    found = {f"cloudfront-{name}": "true" if value else "false" for name, value in told.items()}
    found["cloudfront-forwarded-proto"] = viewed.headers.get("x-forwarded-proto", viewed.scheme)
    found["cloudfront-viewer-http-version"] = "1.1"
    found["cloudfront-viewer-address"] = f"{viewed.peer}:0"
    return found
