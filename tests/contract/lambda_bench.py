"""What the tests of Lambda share: packages, functions, and waiting for what happens later."""

from __future__ import annotations

import io
import json
import stat
import time
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.conftest import TAKES_DELIVERIES

ROLE = "arn:aws:iam::000000000000:role/lambda-role"
ECHO = "def handler(event, context):\n    return event\n"
# Sends the event, as the function got it, to the queue named in its environment.
TELL = """
import boto3, json, os
queue = boto3.client("sqs")
def handler(event, context):
    queue.send_message(QueueUrl=os.environ["TELL_URL"], MessageBody=json.dumps(event))
    return event
"""
# Says that it has begun and stays until there is a message at the gate, or answers "at once".
HELD = """
import boto3, os
queue = boto3.client("sqs")
def handler(event, context):
    if event != "at once":
        queue.send_message(QueueUrl=os.environ["BEGUN_URL"], MessageBody="begun")
        while "Messages" not in queue.receive_message(QueueUrl=os.environ["GATE_URL"], WaitTimeSeconds=20):
            pass
    return os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]
"""


def make_zip(**files: str) -> bytes:
    """A deployment package; keyword `app_py` is the file app.py."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            stem, _, suffix = name.rpartition("_")
            entry = zipfile.ZipInfo(f"{stem}.{suffix}" if stem else suffix)
            entry.external_attr = (stat.S_IFREG | 0o755) << 16
            archive.writestr(entry, text)
    return out.getvalue()


def create(client: Any, name: str, code: str = ECHO, **more: Any) -> dict[str, Any]:
    package = {"ZipFile": make_zip(app_py=code)}
    params = {"Runtime": "python3.11", "Handler": "app.handler", "Role": ROLE, "Code": package}
    return client.create_function(FunctionName=name, **{**params, **more})


def permit(client: Any, name: str, service: str, **more: Any) -> None:
    """Lets a service invoke a function (`sns`); tests that push events need it as their users do."""
    asked = {"StatementId": f"let-{service}", "Action": "lambda:InvokeFunction"}
    client.add_permission(FunctionName=name, Principal=f"{service}.amazonaws.com", **{**asked, **more})


def call(client: Any, name: str, event: Any = None, **more: Any) -> Any:
    answer = client.invoke(FunctionName=name, Payload=json.dumps(event).encode(), **more)
    assert "FunctionError" not in answer, answer["Payload"].read()
    return json.loads(answer["Payload"].read())


def refusal(work: Callable[[], Any]) -> tuple[int, str, str]:
    """Status, code and message of the error that a call must raise."""
    with pytest.raises(ClientError) as caught:
        work()
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"], response["Error"]["Message"]


class Queue:
    """A queue to look into."""

    def __init__(self, sandbox: Any, name: str, **attributes: str) -> None:
        self.client = sandbox.client("sqs", read_timeout=40)
        attributes.setdefault("Policy", TAKES_DELIVERIES)
        self.url = self.client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        answer = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        self.arn = answer["Attributes"]["QueueArn"]

    def send(self, *bodies: str, **more: Any) -> None:
        for body in bodies:
            self.client.send_message(QueueUrl=self.url, MessageBody=body, **more)

    def take(self, count: int = 1, seconds: float = 20) -> list[dict[str, Any]]:
        """The next `count` messages, waited for and removed."""
        taken: list[dict[str, Any]] = []
        deadline = time.monotonic() + seconds
        while len(taken) < count and (left := deadline - time.monotonic()) > 0:
            answer = self.client.receive_message(
                QueueUrl=self.url, WaitTimeSeconds=min(20, int(left) + 1), MessageAttributeNames=["All"]
            )
            for message in answer.get("Messages", []):
                self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
                taken.append(message)
        assert len(taken) == count, f"{len(taken)} of {count} messages came"
        return taken

    def take_json(self, count: int = 1) -> list[Any]:
        return [json.loads(message["Body"]) for message in self.take(count)]

    def count(self) -> int:
        """Messages that are there, visible or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        shown = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return sum(int(shown[name]) for name in names)


class Held:
    """A function whose calls stay until they are let go, for tests of what happens meanwhile."""

    def __init__(self, sandbox: Any, client: Any, name: str, **more: Any) -> None:
        self._begun, self._gate = Queue(sandbox, f"{name}-begun"), Queue(sandbox, f"{name}-gate")
        environment = {"Variables": {"BEGUN_URL": self._begun.url, "GATE_URL": self._gate.url}}
        create(client, name, HELD, Timeout=20, Environment=environment, **more)

    def wait_begun(self) -> None:
        self._begun.take()

    def let_go(self) -> None:
        self._gate.send("go")
