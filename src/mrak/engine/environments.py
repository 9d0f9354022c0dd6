"""Sandboxes: which there are, whose keys they have, and the open ones.

The list is rows of a store of its own (`control.db`); each environment has a folder with its rows and blobs, so that
making one costs milliseconds and dropping one removes a folder.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from mrak.auth.credentials import new_access_key_id, new_secret_access_key
from mrak.config import Settings
from mrak.core.clock import Clock, EnvironmentClock
from mrak.core.context import Transaction
from mrak.core.scope import DEFAULT_ACCOUNT, DEFAULT_ENVIRONMENT, Scope
from mrak.engine.consumers import Consumers
from mrak.engine.deliveries import Deliveries
from mrak.engine.environment import Environment
from mrak.engine.invoke import Engine
from mrak.engine.passage import Passage
from mrak.engine.timers import Timers
from mrak.store.api import Aftermath, Store, StoreError
from mrak.store.blobs import BlobStore
from mrak.store.tables import Table

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
_CONTROL = Scope("", "", "")
CODE_LENGTH = 3
_CODE_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


class SandboxError(Exception):
    """A request about environments that can't be met; the message says why."""


class EnvironmentRow(msgspec.Struct, frozen=True, array_like=True):
    """A sandbox as it is listed. The key belongs to the account's root. `code` is how ids that stand in host names
    (APIs, function URLs, distributions) end, so that a request without credentials finds its sandbox."""

    name: str
    account: str
    access_key_id: str
    secret_access_key: str
    created_at: float
    clock_offset_seconds: float = 0.0
    code: str = ""


class AccountRow(msgspec.Struct, frozen=True, array_like=True):
    """One more account of a sandbox, with its root's key: buckets and queues of several accounts meet in one cloud."""

    name: str
    """The sandbox's."""
    account: str
    access_key_id: str
    secret_access_key: str
    created_at: float


class ServerRow(msgspec.Struct, frozen=True, array_like=True):
    """What a data folder has once: the secret from which temporary credentials are derived."""

    name: str
    secret: bytes


ENVIRONMENTS = Table("control.environment", EnvironmentRow, key=("name",))
ACCOUNTS = Table("control.account", AccountRow, key=("name", "account"), entity=1)
SERVER = Table("control.server", ServerRow, key=("name",))


class Environments:
    """`rows`, `by_key`, `by_account` and `by_code` mirror the control store; they are what a request looks into."""

    def __init__(self, engine: Engine, settings: Settings, clock: Clock) -> None:
        self._engine = engine
        self._settings = settings
        self._clock = clock
        self._open: dict[str, Environment] = {}
        self._opening: dict[str, asyncio.Task[Environment]] = {}
        self._lock_file: int | None = None
        self._control: Store
        self.server_secret = b""
        self.rows: dict[str, EnvironmentRow] = {}
        self.by_key: dict[str, EnvironmentRow | AccountRow] = {}
        self.by_account: dict[str, EnvironmentRow | AccountRow] = {}
        self.by_code: dict[str, EnvironmentRow] = {}

    async def start(self) -> None:
        """Opens the control store and the default environment; the others follow in the background or when asked."""
        if not self._settings.memory:
            self._take_folder()
        self._control = self._new_store(self._settings.data / "control.db", _ignore)
        secret, rows, accounts = await self._control.transact(self._read_control)
        self.server_secret = self._engine.parts["server_secret"] = secret
        for row in rows:
            self._remember(row if row.code else await self._give_code(row))
        for account in accounts:
            self._remember_account(account)
        await self.require(DEFAULT_ENVIRONMENT)

    async def start_others(self) -> None:
        """Opens every environment, so that what was pending in it goes on."""
        for name in list(self.rows):
            if name in self.rows:
                await self.require(name)

    async def require(self, name: str) -> Environment:
        """The open environment of that name; KeyError where there is none."""
        found = self._open.get(name)
        if found is not None:
            return found
        if name not in self._opening:
            self._opening[name] = asyncio.create_task(self._open_environment(self.rows[name]))
        return await asyncio.shield(self._opening[name])

    def find_by_resource(self, resource_id: str) -> EnvironmentRow | None:
        """The sandbox of a resource by the end of its id (`Context.resource_id`); None where it ends otherwise."""
        return self.by_code.get(resource_id[-CODE_LENGTH:].lower())

    def find_open(self, name: str) -> Environment | None:
        return self._open.get(name)

    async def create(self, name: str) -> EnvironmentRow:
        """A new sandbox with an account and a key of its own."""
        if not _NAME.fullmatch(name):
            raise SandboxError("An environment's name has 1 to 32 lower case letters, digits and dashes.")
        if name in self.rows:
            raise SandboxError(f"There is an environment {name} already.")
        row = self._new_row(name, self._new_account())
        self._remember(row)
        try:
            await self._control.transact(lambda tx: _insert(tx, row))
        except StoreError:
            self._forget(row)
            raise
        return row

    async def add_account(self, name: str) -> AccountRow:
        """One more account in a sandbox, with a key of its own."""
        if name not in self.rows:
            raise SandboxError(f"There is no environment {name}.")
        account = self._new_account()
        row = AccountRow(name, account, *self._new_key(account), self._clock.now())
        self._remember_account(row)
        try:
            await self._control.transact(lambda tx: _insert_account(tx, row))
        except StoreError:
            self._forget_account(row)
            raise
        return row

    def accounts_of(self, name: str) -> list[EnvironmentRow | AccountRow]:
        """A sandbox's accounts, its own first."""
        rows = [row for row in self.by_account.values() if row.name == name]
        return sorted(rows, key=lambda row: row.created_at)

    async def delete(self, name: str) -> None:
        """Drops a sandbox with everything in it. The default one is emptied and stays."""
        row = self.rows.get(name)
        if row is None:
            raise SandboxError(f"There is no environment {name}.")
        if name == DEFAULT_ENVIRONMENT:
            raise SandboxError("The default environment can't be deleted.")
        self._forget(row)
        opened = await self._close_environment(name)
        await self._control.transact(lambda tx: _delete(tx, row))
        if opened or not self._settings.memory:
            await asyncio.to_thread(shutil.rmtree, self._folder(name), True)

    async def advance_clock(self, name: str, seconds: float) -> float:
        """Moves a sandbox's clock forward, for good, from one due time to the next; returns its time."""
        row = self.rows.get(name)
        if row is None:
            raise SandboxError(f"There is no environment {name}.")
        if seconds < 0:
            raise SandboxError("Time does not run backwards.")
        environment = await self.require(name)
        runs = partial(self._engine.parts["lambdas"].count_running, name)
        async with environment.advancing:
            await Passage(environment, partial(self._move_clock, environment), runs).advance(seconds)
        return environment.clock.now()

    async def _move_clock(self, environment: Environment, seconds: float) -> None:
        row = self.rows.get(environment.name)
        if row is None:
            raise SandboxError(f"{environment.name} was deleted while its clock was advanced.")
        moved = msgspec.structs.replace(row, clock_offset_seconds=row.clock_offset_seconds + seconds)
        await self._control.transact(lambda tx: _replace(tx, row, moved))
        self._remember(moved)
        environment.advance_clock(seconds)

    async def close(self) -> None:
        for name in list(self._open):
            await self._close_environment(name)
        await self._control.close()
        if self._lock_file is not None:
            os.close(self._lock_file)

    async def _open_environment(self, row: EnvironmentRow) -> Environment:
        try:
            clock = EnvironmentClock(self._clock, row.clock_offset_seconds)
            folder = self._folder(row.name)
            fsync = self._settings.durability == "power" and not self._settings.memory
            blobs = BlobStore(folder / "blobs", lambda: self._engine.entropy.bytes(16).hex(), fsync=fsync)
            environment = Environment(row.name, row.account, row.code, clock, blobs)
            environment.store = self._new_store(folder / "store.db", environment.on_durable)
            environment.deliveries = Deliveries(self._engine, environment)
            environment.timers = Timers(self._engine, environment)
            environment.consumers = Consumers(self._engine, environment)
            self._open[row.name] = environment
            await environment.start()
            return environment
        finally:
            self._opening.pop(row.name, None)

    async def _close_environment(self, name: str) -> bool:
        if name in self._opening:
            await self._opening[name]
        environment = self._open.pop(name, None)
        if environment is None:
            return False
        await environment.close()
        return True

    def _new_store(self, path: Path, on_durable: Callable[[Aftermath], None]) -> Store:
        if self._settings.memory:
            from mrak.store.memory import MemoryStore

            return MemoryStore(on_durable, self._engine.entropy.sequence)
        from mrak.store.sqlite import SqliteStore

        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return SqliteStore(path, self._settings.durability, on_durable, self._engine.entropy.sequence)

    def _folder(self, name: str) -> Path:
        return self._settings.data / "environments" / name

    def _take_folder(self) -> None:
        """The data folder is one process's; a second one is told so."""
        data = self._settings.data
        try:
            data.mkdir(parents=True, exist_ok=True, mode=0o700)
            data.chmod(0o700)
            self._lock_file = os.open(data / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreError(
                f"The data folder {data} can't be written ({error.strerror}). "
                "Choose another with --data, or run with --memory."
            ) from error
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(
                f"Another mrak uses the data folder {data}. Stop it, or choose another folder with --data."
            ) from None

    def _read_control(self, tx: Transaction) -> tuple[bytes, list[EnvironmentRow], list[AccountRow]]:
        server = SERVER.open(tx, _CONTROL, "server")
        if server is None:
            server = ServerRow("server", self._engine.entropy.bytes(32))
            SERVER.insert(tx, _CONTROL, server)
        rows = list(ENVIRONMENTS.scan(tx, _CONTROL))
        if not any(row.name == DEFAULT_ENVIRONMENT for row in rows):
            row = self._new_row(DEFAULT_ENVIRONMENT, DEFAULT_ACCOUNT)
            _insert(tx, row)
            rows.append(row)
        return server.secret, rows, list(ACCOUNTS.scan(tx, _CONTROL))

    def _new_row(self, name: str, account: str) -> EnvironmentRow:
        access_key_id, secret_access_key = self._new_key(account)
        return EnvironmentRow(
            name=name,
            account=account,
            access_key_id=access_key_id,
            secret_access_key=secret_access_key,
            created_at=self._clock.now(),
            code=self._new_code(),
        )

    def _new_key(self, account: str) -> tuple[str, str]:
        entropy = self._engine.entropy
        return new_access_key_id(account, False, entropy), new_secret_access_key(entropy)

    def _new_code(self) -> str:
        while True:
            code = "".join(_CODE_LETTERS[byte % len(_CODE_LETTERS)] for byte in self._engine.entropy.bytes(CODE_LENGTH))
            if code not in self.by_code:
                return code

    async def _give_code(self, row: EnvironmentRow) -> EnvironmentRow:
        """For a row that was written before environments had codes."""
        changed = msgspec.structs.replace(row, code=self._new_code())
        await self._control.transact(lambda tx: _replace(tx, row, changed))
        return changed

    def _new_account(self) -> str:
        while True:
            number = int.from_bytes(self._engine.entropy.bytes(8), "big") % 900_000_000_000
            account = str(100_000_000_000 + number)
            if account not in self.by_account:
                return account

    def _remember(self, row: EnvironmentRow) -> None:
        self.rows[row.name] = self.by_key[row.access_key_id] = self.by_account[row.account] = row
        self.by_code[row.code] = row

    def _remember_account(self, row: AccountRow) -> None:
        self.by_key[row.access_key_id] = self.by_account[row.account] = row

    def _forget_account(self, row: EnvironmentRow | AccountRow) -> None:
        self.by_key.pop(row.access_key_id, None)
        self.by_account.pop(row.account, None)

    def _forget(self, row: EnvironmentRow) -> None:
        for account in self.accounts_of(row.name):
            self._forget_account(account)
        self.rows.pop(row.name, None)
        self.by_code.pop(row.code, None)


def _insert(tx: Transaction, row: EnvironmentRow) -> None:
    ENVIRONMENTS.open(tx, _CONTROL, row.name)
    ENVIRONMENTS.insert(tx, _CONTROL, row)


def _replace(tx: Transaction, old: EnvironmentRow, new: EnvironmentRow) -> None:
    ENVIRONMENTS.open(tx, _CONTROL, old.name)
    ENVIRONMENTS.replace(tx, _CONTROL, old, new)


def _delete(tx: Transaction, row: EnvironmentRow) -> None:
    ENVIRONMENTS.open(tx, _CONTROL, row.name)
    ENVIRONMENTS.delete(tx, _CONTROL, row)
    ACCOUNTS.lock(tx, _CONTROL, row.name)
    ACCOUNTS.delete_all(tx, _CONTROL, row.name)


def _insert_account(tx: Transaction, row: AccountRow) -> None:
    ACCOUNTS.lock(tx, _CONTROL, row.name)
    ACCOUNTS.insert(tx, _CONTROL, row)


def _ignore(aftermath: Aftermath) -> None:
    assert not aftermath, "the control store has no background work"
