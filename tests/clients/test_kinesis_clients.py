"""Kinesis through the AWS SDK for JavaScript, which speaks HTTP/2 to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def test_the_sdk_for_javascript(run_script: Callable[..., Any]) -> None:
    assert run_script("stream.mjs") == {
        "failed": 0,
        "bytes": 1_000_000,
        "pushed": 30,
        "error": "ResourceNotFoundException",
    }
