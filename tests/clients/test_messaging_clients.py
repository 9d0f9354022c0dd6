"""kombu (which celery stands on) and the AWS SDK for JavaScript on SQS and SNS, unchanged."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from tests.clients.conftest import RunScript


def test_kombu_moves_messages_through_sqs(fresh_sandbox: Any) -> None:
    """Put, get, acknowledge, and a message that was not acknowledged comes again."""
    from kombu import Connection

    row, port = fresh_sandbox.row, fresh_sandbox.server.port
    url = f"sqs://{quote(row['access_key_id'])}:{quote(row['secret_access_key'], safe='')}@localhost:{port}//"
    options = {"region": "us-east-1", "is_secure": False, "visibility_timeout": 30, "wait_time_seconds": 1}
    with Connection(url, transport_options=options) as connection, connection.SimpleQueue("tasks") as queue:
        for number in range(3):
            queue.put({"number": number})
        numbers = set()
        for _ in range(3):
            message = queue.get(timeout=20)
            numbers.add(message.payload["number"])
            message.ack()
        assert numbers == {0, 1, 2}
        queue.put({"number": 3})
        queue.get(timeout=20).requeue()
        message = queue.get(timeout=20)
        assert message.payload == {"number": 3}
        message.ack()


def test_the_sdk_for_javascript(run_script: RunScript) -> None:
    """Its own checks of MD5s and of modelled errors hold."""
    answer = run_script("messaging.mjs")
    assert answer == {"bodies": ["batch", "direct", "published"], "error": "QueueDoesNotExist"}
