"""What a distribution keeps of its origins' answers, and for how long.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/Expiration.html

One cache for each environment, in memory, bounded; the least recently used goes first. Times are the environment's.

Invariant: what was asked of an origin before an invalidation is not kept after it (`generation`).
"""

from __future__ import annotations

import re
from collections import OrderedDict
from email.utils import parsedate_to_datetime

import msgspec

from mrak.core.deviations import deviation

MOST_BYTES = 256 << 20
MOST_ENTRY_BYTES = 16 << 20
_ENTRY_OVERHEAD_BYTES = 1024
_DIRECTIVE = re.compile(r'([a-z-]+)(?:\s*=\s*"?([^",\s]*)"?)?', re.IGNORECASE)
Headers = list[tuple[str, str]]
# How long errors are kept unless the distribution says otherwise.
ERROR_TTL_SECONDS = 10


class Entry(msgspec.Struct):
    """`error_page` is the answer that a custom error response made of it. `gzip` is made when first asked for."""

    distribution: str
    paths: tuple[str, ...]
    status: int
    headers: Headers
    body: bytes
    fetched_at: float
    fresh_until: float
    initial_age_seconds: float = 0.0
    error_page: bool = False
    gzip: bytes | None = None

    def header(self, name: str) -> str:
        return find_header(self.headers, name) or ""

    @property
    def size_bytes(self) -> int:
        return len(self.body) + _ENTRY_OVERHEAD_BYTES

    def age_seconds(self, now: float) -> int:
        return int(max(0.0, now - self.fetched_at) + self.initial_age_seconds)


def find_header(headers: Headers, name: str) -> str | None:
    return next((value for key, value in headers if key.lower() == name), None)


class Cache:
    """This environment's entries by key. CLOUDFRONT-001: in memory, so it ends with the process."""

    def __init__(self) -> None:
        deviation("CLOUDFRONT-001")
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._size_bytes = 0
        self._generations: dict[str, int] = {}

    def find(self, key: str) -> Entry | None:
        """The entry, fresh or not."""
        found = self._entries.get(key)
        if found is not None:
            self._entries.move_to_end(key)
        return found

    def generation(self, distribution: str) -> int:
        """Changes with each invalidation."""
        return self._generations.get(distribution, 0)

    def keep(self, key: str, entry: Entry, generation: int) -> None:
        if generation != self.generation(entry.distribution) or len(entry.body) > MOST_ENTRY_BYTES:
            return
        self._drop(key)
        self._entries[key] = entry
        self._size_bytes += entry.size_bytes
        while self._size_bytes > MOST_BYTES:
            _, oldest = self._entries.popitem(last=False)
            self._size_bytes -= oldest.size_bytes

    def _drop(self, key: str) -> None:
        gone = self._entries.pop(key, None)
        if gone is not None:
            self._size_bytes -= gone.size_bytes

    def purge(self, distribution: str, patterns: list[str]) -> None:
        """Removes what invalidation paths name: `/a/*` all that begins so, others that very path."""
        self._generations[distribution] = self.generation(distribution) + 1
        exact = {pattern for pattern in patterns if not pattern.endswith("*")}
        starts = tuple(pattern[:-1] for pattern in patterns if pattern.endswith("*"))
        for key, entry in list(self._entries.items()):
            if entry.distribution == distribution and any(_matches(path, exact, starts) for path in entry.paths):
                self._drop(key)


def _matches(path: str, exact: set[str], starts: tuple[str, ...]) -> bool:
    """A path without a query string stands for all query strings."""
    return path in exact or path.partition("?")[0] in exact or path.startswith(starts)


class Lifetimes(msgspec.Struct, frozen=True):
    """A behaviour's times to live."""

    low: int
    usual: int
    high: int

    @property
    def caches(self) -> bool:
        return self.high > 0


def directives(headers: Headers) -> dict[str, str]:
    text = ",".join(value for name, value in headers if name.lower() == "cache-control")
    return {name.lower(): value for name, value in _DIRECTIVE.findall(text)}


def lifetime_seconds(lifetimes: Lifetimes, headers: Headers, now: float) -> float:
    """How long an origin's success is fresh; 0 where it is not to be kept.

    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/Expiration.html#ExpirationDownloadDist
    """
    told = directives(headers)
    if told.keys() & {"no-store", "no-cache", "private"}:
        return lifetimes.low
    wanted = _told_seconds(told, headers, now)
    if wanted is None:
        return max(lifetimes.low, min(lifetimes.usual, lifetimes.high))
    return max(lifetimes.low, min(wanted, lifetimes.high))


def _told_seconds(told: dict[str, str], headers: Headers, now: float) -> float | None:
    for name in ("s-maxage", "max-age"):
        value = told.get(name, "")
        if value.isascii() and value.isdigit():
            return float(min(int(value), 10**10))
    expires = find_header(headers, "expires")
    if expires is None:
        return None
    try:
        return max(0.0, parsedate_to_datetime(expires).timestamp() - now)
    except (ValueError, OverflowError):
        return 0.0


def error_lifetime_seconds(minimum_seconds: float, headers: Headers, now: float) -> float:
    """How long an origin's error is kept: what the distribution says, or longer where the origin says so."""
    told = _told_seconds(directives(headers), headers, now)
    return max(minimum_seconds, told or 0.0)
