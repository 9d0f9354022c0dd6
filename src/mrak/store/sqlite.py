"""The embedded default: one SQLite file (WAL) for each environment, with group commit.

Handlers run on the event loop, one after the other. What they write waits in memory (`_pending`) until the commit
before it has ended; then the whole group is applied here and its COMMIT, with the fsync, runs on another thread, so
that the two threads do not fight over the interpreter lock row by row. Reads go through the waiting groups to a second
connection that sees committed rows only.

    own writes > _pending > _committing > reader

Invariants: the writer connection is in use by one side at a time (`_committing` is empty or its COMMIT runs); a
transaction's future is done only when all it wrote or saw is on disk; when a commit fails, everything built on it
fails too, and nothing of it is kept.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

from mrak.config import Durability
from mrak.core.context import Transaction
from mrak.store.api import Aftermath, Damaged, NewerFormat, OnDurable, StoreError, Unavailable
from mrak.store.overlay import Base, Layer
from mrak.store.transaction import BufferedTransaction

T = TypeVar("T")

FORMAT_VERSION = 1
_APPLICATION_ID = 0x6D72616B  # "mrak"
_PAGE_BYTES = 8192
_CACHE_KIB = 4096
_CACHED_ROW_BYTES = 4096
_MOST_CACHED_ROWS = 1024

# What turns a file of format N into one of format N + 1, by N.
_MIGRATIONS: dict[int, str] = {
    0: "CREATE TABLE kv (k BLOB PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID",
}


class _Reader(Base):
    """Committed rows, on a connection of its own, and the small ones that were read lately.

    Invariant: a cached row is the committed one unless a layer above holds its key; `learn` is called before that
    layer is gone.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute
        self._lately: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        found = self._lately.get(key)
        if found is not None:
            return found
        row = self._execute("SELECT v FROM kv WHERE k = ?", (key,)).fetchone()
        if row is None:
            return None
        value: bytes = row[0]
        if len(value) <= _CACHED_ROW_BYTES:
            if len(self._lately) >= _MOST_CACHED_ROWS:
                self._lately.clear()
            self._lately[key] = value
        return value

    def learn(self, layer: Layer) -> None:
        """Takes over what a committed layer has changed: what is written again and again (counters, hot items) need
        not be read from the file each time."""
        lately = self._lately
        if layer.ranges:
            lately.clear()
        for key in lately.keys() & layer.values.keys():
            value = layer.values[key]
            if value is None or len(value) > _CACHED_ROW_BYTES:
                del lately[key]
            else:
                lately[key] = value

    def chunk(self, start: bytes, end: bytes, limit: int, reverse: bool) -> list[tuple[bytes, bytes]]:
        order = "DESC" if reverse else "ASC"
        statement = f"SELECT k, v FROM kv WHERE k >= ? AND k < ? ORDER BY k {order} LIMIT ?"
        return self._execute(statement, (start, end, limit)).fetchall()

    def count(self, start: bytes, end: bytes) -> int:
        found: int = self._execute("SELECT count(*) FROM kv WHERE k >= ? AND k < ?", (start, end)).fetchone()[0]
        return found


class _Group:
    """Transactions that are committed together."""

    __slots__ = ("aftermaths", "layer", "waiting")

    def __init__(self) -> None:
        self.layer = Layer()
        self.waiting: list[asyncio.Future[None]] = []
        self.aftermaths: list[Aftermath] = []


class SqliteStore:
    def __init__(self, path: Path, durability: Durability, on_durable: OnDurable, sequence: Callable[[], int]) -> None:
        self._path = path
        self._on_durable = on_durable
        self._sequence = sequence
        self._writer = _open(path, durability)
        self._reader_connection = _connect(path)
        self._reader = _Reader(self._reader_connection)
        self._pending = _Group()
        self._committing: _Group | None = None
        self._flush_scheduled = False
        self._closed = False
        self._commits: SimpleQueue[bool] = SimpleQueue()
        self._thread = Thread(target=self._commit_groups, name="commit", daemon=True)
        self._thread.start()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def transact(self, function: Callable[[Transaction], T]) -> T:
        if self._closed:
            raise Unavailable("the store is closed")
        committing = self._committing
        lower = [self._pending.layer] if committing is None else [self._pending.layer, committing.layer]
        tx = BufferedTransaction(lower, self._reader, self._sequence)
        try:
            result = function(tx)
        except sqlite3.DatabaseError as error:
            raise _explain(error, self._path) from error
        except Exception:
            if tx.saw is not None:
                await self._until_durable(tx.saw)
            raise
        if tx.own or tx.aftermath:
            await self._commit(tx)
        elif tx.saw is not None:
            await self._until_durable(tx.saw)
        return result

    async def close(self) -> None:
        while self._pending.layer or self._pending.waiting or self._committing is not None:
            await self._until_durable(0)
        self._closed = True
        self._commits.put(False)
        self._thread.join()
        self._reader_connection.close()
        self._writer.close()

    def _commit(self, tx: BufferedTransaction) -> asyncio.Future[None]:
        group = self._pending
        group.layer.absorb(tx.own)
        if tx.aftermath:
            group.aftermaths.append(tx.aftermath)
        return self._join(group)

    def _until_durable(self, depth: int) -> asyncio.Future[None]:
        """Done when the group at that depth (0 = pending, 1 = committing) is on disk."""
        group = self._pending if depth == 0 or self._committing is None else self._committing
        return self._join(group)

    def _join(self, group: _Group) -> asyncio.Future[None]:
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        group.waiting.append(future)
        if not self._flush_scheduled and self._committing is None:
            # Handlers that are ready in this turn of the loop join the group before it goes.
            self._flush_scheduled = True
            loop.call_soon(self._flush)
        return future

    def _flush(self) -> None:
        self._flush_scheduled = False
        group = self._pending
        if self._committing is not None or not group.waiting:
            return
        self._pending = _Group()
        if not group.layer:
            self._finish(group)
            return
        self._committing = group
        try:
            self._apply(group.layer)
        except sqlite3.Error as error:
            self._fail(error)
            return
        self._commits.put(True)

    def _commit_groups(self) -> None:
        """The commit thread: as little Python as can be, since it competes with the loop for the interpreter lock."""
        while self._commits.get():
            error: sqlite3.Error | None = None
            try:
                self._writer.execute("COMMIT")
            except sqlite3.Error as failed:
                error = failed
            assert self._loop is not None
            self._loop.call_soon_threadsafe(self._committed, error)

    def _apply(self, layer: Layer) -> None:
        writer = self._writer
        writer.execute("BEGIN IMMEDIATE")
        for span in layer.ranges:
            writer.execute("DELETE FROM kv WHERE k >= ? AND k < ?", span)
        gone = [(key,) for key, value in layer.values.items() if value is None]
        if gone:
            writer.executemany("DELETE FROM kv WHERE k = ?", gone)
        writer.executemany(
            "INSERT INTO kv VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v",
            [row for row in layer.values.items() if row[1] is not None],
        )

    def _committed(self, error: sqlite3.Error | None) -> None:
        if error is not None:
            self._fail(error)
            return
        group = self._committing
        assert group is not None
        self._reader.learn(group.layer)
        self._committing = None
        self._flush()
        self._finish(group)

    def _finish(self, group: _Group) -> None:
        for aftermath in group.aftermaths:
            self._on_durable(aftermath)
        for future in group.waiting:
            if not future.done():
                future.set_result(None)

    def _fail(self, error: BaseException) -> None:
        """The group did not happen, nor did what was built on it."""
        if self._writer.in_transaction:
            self._writer.execute("ROLLBACK")
        failed = [group for group in (self._committing, self._pending) if group is not None]
        self._committing, self._pending = None, _Group()
        explained = _explain(error, self._path)
        for group in failed:
            for future in group.waiting:
                if not future.done():
                    future.set_exception(explained)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=32)
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    connection.execute("PRAGMA busy_timeout = 5000")
    return connection


def _open(path: Path, durability: Durability) -> sqlite3.Connection:
    """The writer connection; creates the file, migrates an older format, refuses a newer one untouched."""
    connection: sqlite3.Connection | None = None
    try:
        connection = _connect(path)
        _check_format(connection, path)
        connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {'FULL' if durability == 'power' else 'NORMAL'}")
        _migrate(connection)
    except (sqlite3.DatabaseError, StoreError) as error:
        if connection is not None:
            connection.close()
        raise _explain(error, path) from error
    return connection


def _check_format(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (objects,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if objects and application != _APPLICATION_ID:
        raise Damaged(f"{path} is an SQLite file of another program. Choose another folder with --data.")
    if version > FORMAT_VERSION:
        raise NewerFormat(
            f"{path} has format {version}; this mrak knows {FORMAT_VERSION}. It was left untouched: "
            "upgrade mrak, or choose another folder with --data."
        )


def _migrate(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    while version < FORMAT_VERSION:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(_MIGRATIONS[version])
        version += 1
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        connection.execute("COMMIT")


def _explain(error: BaseException, path: Path) -> StoreError:
    """SQLite's error in words that say what to do."""
    if isinstance(error, StoreError):
        return error
    name = getattr(error, "sqlite_errorname", "")
    if name == "SQLITE_FULL":
        return Unavailable(f"The disk that holds {path} is full. Nothing of this request was kept; free some space.")
    if name in ("SQLITE_CORRUPT", "SQLITE_NOTADB"):
        return Damaged(
            f"{path} is damaged ({error}). It was left as it is: restore it from a copy, or choose another folder "
            "with --data."
        )
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return Unavailable(f"{path} can't be written ({error}). Check the folder's owner and permissions.")
    return Unavailable(f"{path} failed ({name or type(error).__name__}: {error}). Nothing of this request was kept.")
