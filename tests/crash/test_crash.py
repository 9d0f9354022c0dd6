"""kill -9 at any moment loses nothing that was acknowledged, nor its consequences.

Fifty kills of a loaded server (CRASH_KILLS changes that), with the default durability: messages, objects in rows
and files, and records of a stream whose shards change. Beside this file: deliveries that were still to be made, tables
with indexes and streams, functions.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.crash.harness import torture
from tests.crash.workloads import BucketWorkload, QueueWorkload, StreamWorkload

KILLS = int(os.environ.get("CRASH_KILLS", "50"))


@pytest.mark.timeout(900)
def test_a_killed_server_loses_nothing(tmp_path: Path) -> None:
    """The promise of the whole project."""
    queue, bucket, stream = QueueWorkload(), BucketWorkload(), StreamWorkload()
    seed = random.SystemRandom().randrange(2**32)
    torture(tmp_path / "data", [queue, bucket, stream], KILLS, seed)
    assert queue.deleted and bucket.number and stream.count, "the load did nothing"
