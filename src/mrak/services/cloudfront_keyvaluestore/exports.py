"""What `cloudfront` may use: stores by name and ARN, their creation and deletion, and what its functions read."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.cloudfront_keyvaluestore import errors
from mrak.services.cloudfront_keyvaluestore.tables import BY_NAME, KEYS, STORES, Entry
from mrak.services.cloudfront_keyvaluestore.tables import Store as Store

MOST_BYTES = 5 << 20
_LONGEST_KEY, _LONGEST_VALUE = 512, 1024
_TAG_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def new_etag(ctx: Context) -> str:
    return "KV" + ctx.draw.alphanumeric(12, _TAG_LETTERS)


def store_arn(scope: Scope, store: Store) -> str:
    return f"arn:aws:cloudfront::{scope.account}:key-value-store/{store.id}"


def find_store(tx: Transaction, scope: Scope, name: str) -> Store | None:
    return next(iter(BY_NAME.scan(tx, scope.account_wide(), name, limit=1)), None)


def find_by_arn(tx: Transaction, scope: Scope, arn: str) -> Store | None:
    prefix = f"arn:aws:cloudfront::{scope.account}:key-value-store/"
    return STORES.get(tx, scope.account_wide(), arn.removeprefix(prefix)) if arn.startswith(prefix) else None


def list_stores(tx: Transaction, scope: Scope, after: str | None) -> Iterator[Store]:
    return BY_NAME.scan(tx, scope.account_wide(), after=after)


def create_store(ctx: Context, tx: Transaction, name: str, comment: str, content: dict[str, str]) -> Store:
    """A new store with its first keys; that the name is free was checked."""
    scope = ctx.scope.account_wide()
    made = Store(
        id=ctx.draw.uuid(),
        name=name,
        comment=comment,
        etag=new_etag(ctx),
        data_etag=new_etag(ctx),
        created_at=ctx.now,
        modified_at=ctx.now,
        data_modified_at=ctx.now,
    )
    STORES.lock(tx, scope, made.id)
    STORES.insert(tx, scope, made)
    return change_keys(ctx, tx, made, content, []) if content else made


def update_store(ctx: Context, tx: Transaction, old: Store, comment: str) -> Store:
    scope = ctx.scope.account_wide()
    STORES.lock(tx, scope, old.id)
    new = replace(old, comment=comment, etag=new_etag(ctx), modified_at=ctx.now)
    STORES.replace(tx, scope, old, new)
    return new


def tag_store(ctx: Context, tx: Transaction, old: Store, tags: dict[str, str]) -> Store:
    """Other tags are no other version."""
    scope = ctx.scope.account_wide()
    STORES.lock(tx, scope, old.id)
    new = replace(old, tags=tags)
    STORES.replace(tx, scope, old, new)
    return new


def delete_store(ctx: Context, tx: Transaction, store: Store) -> None:
    scope = ctx.scope.account_wide()
    STORES.lock(tx, scope, store.id)
    STORES.delete(tx, scope, store)
    KEYS.lock(tx, scope, store.id)
    KEYS.delete_all(tx, scope, store.id)


def change_keys(ctx: Context, tx: Transaction, store: Store, puts: dict[str, str], deletes: list[str]) -> Store:
    """The store after its keys were changed, all of them or none."""
    scope = ctx.scope.account_wide()
    STORES.lock(tx, scope, store.id)
    KEYS.lock(tx, scope, store.id)
    count, size = store.count, store.size_bytes
    for key, value in puts.items():
        _check(key, value)
        old, new = KEYS.get(tx, scope, store.id, key), Entry(store.id, key, value)
        if old is None:
            KEYS.insert(tx, scope, new)
            count += 1
        else:
            KEYS.replace(tx, scope, old, new)
            size -= old.size_bytes
        size += new.size_bytes
    for key in deletes:
        old = KEYS.get(tx, scope, store.id, key)
        if old is None:
            raise errors.no_key()
        KEYS.delete(tx, scope, old)
        count, size = count - 1, size - old.size_bytes
    if size > MOST_BYTES:
        raise errors.too_large("The key value store would exceed its maximum size of 5 MB.")
    changed = replace(store, count=count, size_bytes=size, data_etag=new_etag(ctx), data_modified_at=ctx.now)
    STORES.replace(tx, scope, store, changed)
    return changed


def _check(key: str, value: str) -> None:
    if not key or len(key.encode()) > _LONGEST_KEY:
        raise errors.invalid(f"The key must have 1 to {_LONGEST_KEY} bytes.")
    if len(value.encode()) > _LONGEST_VALUE:
        raise errors.invalid(f"The value must have at most {_LONGEST_VALUE} bytes.")


def content(tx: Transaction, scope: Scope, store: Store) -> dict[str, str]:
    """All that a function can read. A store has 5 MB at most."""
    return {entry.key: entry.value for entry in KEYS.scan(tx, scope.account_wide(), store.id)}
