"""kill -9 at any moment loses nothing that was acknowledged, nor its consequences.

Fifty kills of a loaded server (CRASH_KILLS changes that), with the default durability: messages, deliveries still to be
made, items with their index, objects in rows and in files.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.crash.harness import torture
from tests.crash.workloads import BucketWorkload, QueueWorkload, TableWorkload, TopicWorkload

KILLS = int(os.environ.get("CRASH_KILLS", "50"))


@pytest.mark.timeout(900)
def test_a_killed_server_loses_nothing(tmp_path: Path) -> None:
    """The promise of the whole project."""
    queue, topic, table, bucket = QueueWorkload(), TopicWorkload(), TableWorkload(), BucketWorkload()
    seed = random.SystemRandom().randrange(2**32)
    torture(tmp_path / "data", [queue, topic, table, bucket], KILLS, seed)
    assert queue.deleted and topic.number and table.put and bucket.number, "the load did nothing"
