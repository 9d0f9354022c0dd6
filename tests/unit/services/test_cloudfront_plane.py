"""What decides at the edge, without a server: patterns, lifetimes, the cache's bound, functions' limits."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest

from mrak.services.cloudfront.plane import cache, javascript
from mrak.services.cloudfront.plane.behaviors import matches
from mrak.services.cloudfront.plane.cache import Cache, Entry, Lifetimes, lifetime_seconds

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("*", "/anything/at/all", True),
        ("/img/*.png", "/img/a/b.png", True),
        ("img/*.png", "/img/a.png", True),
        ("/img/*.png", "/img/a.PNG", False),
        ("/a?c", "/abc", True),
        ("/a?c", "/ac", False),
        ("*.js", "/deep/x.js", True),
        ("*.js", "/deep/x.json", False),
        ("/*a*b*c", "/xxaxxbxxc", True),
        ("/api", "/api/", False),
    ],
)
def test_path_patterns(pattern: str, path: str, expected: bool) -> None:
    """The documented signs, and no others: what looks like a regular expression is none."""
    assert matches(pattern, path) is expected


def test_a_hostile_pattern_is_not_slow() -> None:
    """Patterns come from users; with backtracking this one would not end."""
    assert not matches("/" + "*a" * 100, "/" + "a" * 2000 + "b")


@pytest.mark.parametrize(
    ("lifetimes", "headers", "expected"),
    [
        ((0, 100, 1000), [], 100),
        ((200, 100, 1000), [], 200),
        ((0, 100, 1000), [("Cache-Control", "max-age=50")], 50),
        ((60, 100, 1000), [("Cache-Control", "max-age=50")], 60),
        ((0, 100, 1000), [("Cache-Control", "max-age=5000")], 1000),
        ((0, 100, 1000), [("cache-control", "public, max-age=5, s-maxage=70")], 70),
        ((0, 100, 1000), [("Cache-Control", "private, max-age=50")], 0),
        ((30, 100, 1000), [("Cache-Control", "no-store")], 30),
        ((0, 100, 1000), [("Expires", "Tue, 14 Nov 2023 22:14:20 GMT")], 60),
        ((0, 100, 1000), [("Expires", "0")], 0),
        ((0, 0, 0), [("Cache-Control", "max-age=50")], 0),
    ],
)
def test_lifetimes(lifetimes: tuple[int, int, int], headers: list[tuple[str, str]], expected: int) -> None:
    """The table in "Managing how long content stays in the cache", row by row."""
    assert lifetime_seconds(Lifetimes(*lifetimes), headers, NOW) == expected


def entry(path: str, size_bytes: int = 10) -> Entry:
    return Entry("E1", (path,), 200, [], b"x" * size_bytes, NOW, NOW + 60)


def test_what_was_asked_before_an_invalidation_is_not_kept_after_it() -> None:
    """Else a slow origin's old answer would come back after the deployment."""
    store = Cache()
    before = store.generation("E1")
    store.purge("E1", ["/*"])
    store.keep("k", entry("/a"), before)
    assert store.find("k") is None
    store.keep("k", entry("/a"), store.generation("E1"))
    assert store.find("k") is not None


def test_the_cache_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """CLOUDFRONT-001: memory is finite; the least recently used goes first."""
    monkeypatch.setattr(cache, "MOST_BYTES", 3 * (1000 + 1024))
    store = Cache()
    for name in "abc":
        store.keep(name, entry(f"/{name}", 1000), 0)
    store.find("a")
    store.keep("d", entry("/d", 1000), 0)
    assert [store.find(name) is not None for name in "abcd"] == [True, False, True, True]


@pytest.mark.parametrize("text", ["", "abc", "x" * 55, "x" * 56, "y" * 64, "ž" * 100, "z" * 1000])
@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256"])
def test_digests_are_those_of_everybody_else(algorithm: str, text: str) -> None:
    """The engine has no digests of its own; ours must agree with the library at every padding."""
    code = """
    const crypto = require('crypto');
    function handler(e) {
      return [crypto.createHash(e.a).update(e.t).digest('hex'),
              crypto.createHmac(e.a, 'k'.repeat(70)).update(e.t).digest('hex')];
    }"""
    found: Any = javascript.run(code, {"a": algorithm, "t": text}).value
    assert found[0] == hashlib.new(algorithm, text.encode()).hexdigest()
    assert found[1] == hmac.new(b"k" * 70, text.encode(), algorithm).hexdigest()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("function handler() { for (;;) {} }", "interrupted"),
        ("function handler() { const a = []; for (;;) a.push(new Array(100000).fill(1)); }", "out of memory"),
        ("function handler() { return handler(); }", "call stack"),
        ("async function handler() { for (;;) await null; }", "too long"),
        ("async function handler() { await new Promise(() => {}); }", "did not return"),
        ("function other() {}", "handler is not defined"),
        ("function handler( {", "SyntaxError"),
        ("function handler() { return require('fs'); }", "Cannot find module"),
    ],
)
def test_a_function_cannot_take_more_than_its_share(code: str, message: str) -> None:
    """Users' code runs in our process, so nothing that it does may hold or break it."""
    assert message in javascript.run(code, {}).error
