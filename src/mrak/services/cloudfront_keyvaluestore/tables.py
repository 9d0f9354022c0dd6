"""Key value stores' rows; account-wide, since CloudFront has no regions.

    STORES (id)         -> Store
      BY_NAME (name)
    KEYS   (store, key) -> Entry

Invariant: `count` and `size_bytes` are those of the store's KEYS; each change of them changes `data_etag`.
"""

from __future__ import annotations

import msgspec

from mrak.store.tables import Table


class Store(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`etag` is the store's own version, which `cloudfront` changes; `data_etag` that of its keys."""

    id: str
    name: str
    comment: str
    etag: str
    data_etag: str
    created_at: float
    modified_at: float
    data_modified_at: float
    count: int = 0
    size_bytes: int = 0
    tags: dict[str, str] = {}


class Entry(msgspec.Struct, frozen=True, array_like=True):
    store: str
    key: str
    value: str

    @property
    def size_bytes(self) -> int:
        return len(self.key.encode()) + len(self.value.encode())


STORES = Table("cloudfront-keyvaluestore.store", Store, key=("id",))
BY_NAME = STORES.index("name", ("name",))
KEYS = Table("cloudfront-keyvaluestore.key", Entry, key=("store", "key"), entity=1)
