"""celery, kombu (on which it stands) and the AWS SDK for JavaScript on SQS and SNS, unchanged."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tests.clients.conftest import RunScript

TASKS = """
import json, os
from celery import Celery

app = Celery("shop", broker=os.environ["BROKER"])
app.conf.task_default_queue = "shop"
app.conf.broker_transport_options = {
    "region": "us-east-1", "is_secure": False, "visibility_timeout": 30, "wait_time_seconds": 1, "polling_interval": 0.1
}

@app.task(bind=True, acks_late=True)
def charge(self, order):
    if self.request.retries == 0 and order["n"] == 1:
        raise self.retry(countdown=1)
    with open(os.environ["CHARGED"], "a") as charged:
        charged.write(json.dumps({"n": order["n"], "retries": self.request.retries}) + "\\n")
"""


def broker(sandbox: Any) -> str:
    row, port = sandbox.row, sandbox.server.port
    return f"sqs://{quote(row['access_key_id'])}:{quote(row['secret_access_key'], safe='')}@localhost:{port}//"


def test_kombu_moves_messages_through_sqs(fresh_sandbox: Any) -> None:
    """Put, get, acknowledge, and a message that was not acknowledged comes again."""
    from kombu import Connection

    url = broker(fresh_sandbox)
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


def test_a_celery_worker_works_off_its_tasks(fresh_sandbox: Any, tmp_path: Path) -> None:
    """A worker process of its own: five tasks from another process, one of which asks to be tried again later."""
    (tmp_path / "shop.py").write_text(TASKS)
    charged = tmp_path / "charged"
    environ = {**fresh_sandbox.environ, "BROKER": broker(fresh_sandbox), "CHARGED": str(charged)}
    send = "import shop\nfor n in range(5): shop.charge.delay({'n': n})"
    subprocess.run([sys.executable, "-c", send], cwd=tmp_path, env=environ, check=True, timeout=60)
    command = [sys.executable, "-m", "celery", "-A", "shop", "worker", "--pool", "solo", "--loglevel", "info"]
    log = tmp_path / "worker.log"
    with log.open("wb") as output:
        worker = subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 60
        while len(lines := charged.read_text().splitlines() if charged.exists() else []) < 5:
            assert worker.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
    finally:
        worker.terminate()
        worker.wait(timeout=30)
    done = sorted((json.loads(line) for line in lines), key=lambda task: int(task["n"]))
    assert done == [{"n": n, "retries": 1 if n == 1 else 0} for n in range(5)]


@pytest.mark.parametrize("version", ["1", "2"])
def test_an_independent_verifier_takes_the_signatures(run_script: RunScript, version: str) -> None:
    """sns-validator finds the handshake and notifications signed, and refuses a forged one."""
    assert run_script("subscriber.mjs", version) == {
        "types": ["SubscriptionConfirmation", "Notification", "Notification", "UnsubscribeConfirmation"],
        "versions": [version],
        "forged": "The message signature is invalid.",
    }


def test_the_sdk_for_javascript(run_script: RunScript) -> None:
    """Its own checks of MD5s and of modelled errors hold."""
    answer = run_script("messaging.mjs")
    assert answer == {"bodies": ["batch", "direct", "published"], "error": "QueueDoesNotExist"}
