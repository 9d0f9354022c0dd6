"""Work on resources that need each other, as many at once as are ready."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

MOST_AT_ONCE = 12


async def walk(
    needs: Mapping[str, set[str]],
    work: Callable[[str], Awaitable[bool]],
    *,
    go_on: Callable[[], bool] = lambda: True,
    stop_at_failure: bool = True,
) -> set[str]:
    """Does `work(name)` for every name once all that it needs is done. False from `work` is a failure: what needs that
    name is left out, and with `stop_at_failure` nothing else is begun. Returns what was done or left standing in needs:
    the names that were done."""
    waiting = {name: set(wanted) & needs.keys() for name, wanted in needs.items()}
    running: dict[asyncio.Task[bool], str] = {}
    done: set[str] = set()
    open_for_more = True
    try:
        while True:
            while open_for_more and go_on() and len(running) < MOST_AT_ONCE:
                ready = next((name for name, wanted in waiting.items() if wanted <= done), None)
                if ready is None:
                    break
                del waiting[ready]
                running[asyncio.ensure_future(work(ready))] = ready
            if not running:
                return done
            finished, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in finished:
                name = running.pop(task)
                if task.result():
                    done.add(name)
                elif stop_at_failure:
                    open_for_more = False
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
