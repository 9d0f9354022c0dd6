"""What is particular to the SQLite store: group commit, formats, damage, failing commits."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from mrak.store import sqlite
from mrak.store.api import Damaged, NewerFormat, Unavailable
from mrak.store.sqlite import SqliteStore


def open_store(path: Path) -> SqliteStore:
    return SqliteStore(path, "process", lambda _: None, lambda: 1)


def test_rows_outlive_the_process(tmp_path: Path) -> None:
    async def use() -> None:
        first = open_store(tmp_path / "s.db")
        await first.transact(lambda tx: tx.put(b"k", b"v"))
        await first.close()
        second = open_store(tmp_path / "s.db")
        assert await second.transact(lambda tx: tx.get(b"k")) == b"v"
        await second.close()

    asyncio.run(use())


def test_concurrent_transactions_share_commits_and_stay_serial(tmp_path: Path) -> None:
    """A hundred increments at once lose none, though they are committed in a few groups."""

    def increment(tx: Any) -> None:
        tx.put(b"n", str(int(tx.get(b"n") or b"0") + 1).encode())

    async def use() -> tuple[bytes, int]:
        store = open_store(tmp_path / "s.db")
        commits = 0
        apply = store._apply

        def counted(layer: Any) -> None:
            nonlocal commits
            commits += 1
            apply(layer)

        store._apply = counted  # type: ignore[method-assign]
        await asyncio.gather(*(store.transact(increment) for _ in range(100)))
        value = await store.transact(lambda tx: tx.get(b"n"))
        await store.close()
        return value, commits

    value, commits = asyncio.run(use())
    assert value == b"100"
    assert commits < 10


def test_a_reply_waits_for_what_it_saw(tmp_path: Path) -> None:
    """A read must not tell of a write that a crash could still take back: it ends after the write's commit."""

    async def use() -> list[str]:
        store = open_store(tmp_path / "s.db")
        ended: list[str] = []

        async def step(name: str, function: Any) -> None:
            await store.transact(function)
            ended.append(name)

        write = asyncio.create_task(step("write", lambda tx: tx.put(b"k", b"v")))
        await asyncio.sleep(0)
        read = asyncio.create_task(step("read", lambda tx: tx.get(b"k")))
        other = asyncio.create_task(step("other", lambda tx: tx.get(b"elsewhere")))
        await asyncio.gather(write, read, other)
        await store.close()
        return ended

    ended = asyncio.run(use())
    assert ended.index("other") == 0, "a read of something else need not wait"
    assert ended.index("read") > ended.index("write")


def test_a_failed_commit_takes_back_all_that_was_built_on_it(tmp_path: Path) -> None:
    """Disk full: everyone in the group, and those who had seen it, get an error; nothing is kept; later ones work."""

    async def use() -> None:
        store = open_store(tmp_path / "s.db")
        await store.transact(lambda tx: tx.put(b"before", b"1"))
        (pages,) = store._writer.execute("PRAGMA page_count").fetchone()
        store._writer.execute(f"PRAGMA max_page_count = {pages}")
        big = [
            asyncio.create_task(store.transact(lambda tx: tx.put(b"big", b"x" * 200_000))),
            asyncio.create_task(store.transact(lambda tx: tx.put(b"seen", tx.get(b"big")[:1]))),
            asyncio.create_task(store.transact(lambda tx: tx.get(b"big"))),
        ]
        failures = await asyncio.gather(*big, return_exceptions=True)
        assert all(isinstance(failure, Unavailable) and "full" in str(failure) for failure in failures), failures
        store._writer.execute("PRAGMA max_page_count = 1000000")
        await store.transact(lambda tx: tx.put(b"after", b"2"))
        rows = await store.transact(lambda tx: list(tx.scan(b"", b"\xff")))
        assert rows == [(b"after", b"2"), (b"before", b"1")]
        await store.close()

    asyncio.run(use())


def test_a_newer_format_is_refused_and_left_untouched(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    asyncio.run(open_and_close(path))
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {sqlite.FORMAT_VERSION + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(NewerFormat, match="upgrade mrak"):
        open_store(path)
    assert path.read_bytes() == before


def test_an_older_format_is_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Format 1 becomes format 2 by the statement listed for 1, and its rows stay."""
    path = tmp_path / "s.db"

    async def write() -> None:
        store = open_store(path)
        await store.transact(lambda tx: tx.put(b"k", b"v"))
        await store.close()

    asyncio.run(write())
    monkeypatch.setattr(sqlite, "FORMAT_VERSION", 2)
    monkeypatch.setitem(sqlite._MIGRATIONS, 1, "CREATE TABLE later (x)")

    async def read() -> Any:
        store = open_store(path)
        value = await store.transact(lambda tx: tx.get(b"k"))
        version = store._writer.execute("PRAGMA user_version").fetchone()[0]
        await store.close()
        return value, version

    assert asyncio.run(read()) == (b"v", 2)


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_damaged_file_is_named_and_not_overwritten(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "s.db"
    path.write_bytes(content)
    with pytest.raises(Damaged, match="was left as it is"):
        open_store(path)
    assert path.read_bytes() == content


def test_another_programs_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(Damaged, match="another program"):
        open_store(path)


async def open_and_close(path: Path) -> None:
    await open_store(path).close()
