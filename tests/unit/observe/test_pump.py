"""Records go on being written, whatever happens to those of one environment."""

from __future__ import annotations

from typing import Any

from tests.conftest import Cloud

from mrak.store.api import Unavailable


def test_a_failure_does_not_end_the_writing(cloud: Cloud) -> None:
    """As where an environment is deleted while its records are written."""
    written: list[Any] = []

    def write(tx: Any, records: list[Any]) -> None:
        if not written:
            written.append("failed")
            raise Unavailable("the store is closed")
        written.extend(records)

    cloud.app.pump.writers.append(write)
    cloud.call("sqs", "CreateQueue", QueueName="a")
    cloud.until(lambda: written == ["failed"])
    cloud.call("sqs", "CreateQueue", QueueName="b")
    cloud.until(lambda: len(written) > 1)
    assert [record.operation for record in written[1:]] == ["CreateQueue"]
