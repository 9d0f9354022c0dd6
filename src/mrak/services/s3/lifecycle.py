"""tbd"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.services.s3.tables import Bucket, Version


def render_expiration(ctx: Context, tx: Transaction, bucket: Bucket, version: Version) -> dict[str, Any]:
    return {}
