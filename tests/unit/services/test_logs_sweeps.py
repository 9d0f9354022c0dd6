"""What CloudWatch Logs removes behind the scenes: rows that nothing shows any more must not stay for ever."""

from __future__ import annotations

import asyncio
from typing import Any

from mrak.core.scope import DEFAULT_ACCOUNT, DEFAULT_ENVIRONMENT, Scope
from mrak.services.logs.tables import EVENTS, TIMES

SCOPE = Scope(DEFAULT_ENVIRONMENT, DEFAULT_ACCOUNT, "us-east-1")


def fill(cloud: Any, stream: str, number: int, at_ms: int) -> None:
    cloud.call("logs", "CreateLogStream", logGroupName="g", logStreamName=stream)
    events = [{"timestamp": at_ms + each, "message": f"{stream} {each}"} for each in range(number)]
    cloud.call("logs", "PutLogEvents", logGroupName="g", logStreamName=stream, logEvents=events)


def rows(cloud: Any) -> tuple[int, int]:
    """How many rows there are in EVENTS and in TIMES."""

    async def count() -> tuple[int, int]:
        environment = await cloud.app.environments.require(DEFAULT_ENVIRONMENT)
        counted: tuple[int, int] = await environment.transact(
            lambda tx: (EVENTS.count(tx, SCOPE, "g"), TIMES.count(tx, SCOPE, "g"))
        )
        return counted

    return tuple(cloud.loop.run_until_complete(count()))  # type: ignore[return-value]


def settle(cloud: Any, wanted: tuple[int, int]) -> None:
    """Lets timers run, second by second of the cloud's own time, until the rows are as wanted."""
    for _ in range(200):
        if rows(cloud) == wanted:
            return
        cloud.advance_clock(1)
        cloud.loop.run_until_complete(asyncio.sleep(0))
    assert rows(cloud) == wanted


def test_expired_events_are_removed(cloud: Any) -> None:
    """More of them than one run removes; what is retained stays."""
    cloud.call("logs", "CreateLogGroup", logGroupName="g")
    now_ms = int(cloud.clock.now() * 1000)
    fill(cloud, "old", 1200, now_ms)
    cloud.call("logs", "PutRetentionPolicy", logGroupName="g", retentionInDays=1)
    assert rows(cloud) == (1200, 1200)
    cloud.advance_clock(2 * 86_400)
    fill(cloud, "new", 3, now_ms + 2 * 86_400_000)
    settle(cloud, (3, 3))
    assert len(cloud.call("logs", "FilterLogEvents", logGroupName="g")["events"]) == 3


def test_rows_of_a_deleted_stream_are_removed(cloud: Any) -> None:
    """They go in pieces, and those of other streams in the same span of time stay."""
    cloud.call("logs", "CreateLogGroup", logGroupName="g")
    now_ms = int(cloud.clock.now() * 1000)
    fill(cloud, "a", 1100, now_ms)
    fill(cloud, "b", 5, now_ms + 500)
    cloud.call("logs", "DeleteLogStream", logGroupName="g", logStreamName="a")
    settle(cloud, (5, 5))
    assert len(cloud.call("logs", "FilterLogEvents", logGroupName="g")["events"]) == 5
