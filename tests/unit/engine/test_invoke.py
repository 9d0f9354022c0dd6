"""The one way in: retries see the same ids, bugs become the service's own 500, every operation leaves a record."""

from __future__ import annotations

from typing import Any

import pytest

from mrak.core.errors import ApiError
from mrak.core.operation import Operation
from mrak.core.scope import DEFAULT_ENVIRONMENT
from mrak.store.faulty import FaultyStore


def with_faults(cloud: Any, faults: list[str]) -> None:
    environment = cloud.app.environments.find_open(DEFAULT_ENVIRONMENT)
    environment.store = FaultyStore(environment.store, lambda: faults.pop(0) if faults else None)  # type: ignore[arg-type]


def test_a_conflict_runs_the_handler_again_with_the_same_ids(cloud: Any) -> None:
    """Else a retried request could answer with an id that was never stored."""
    url = cloud.call("sqs", "CreateQueue", QueueName="q")["QueueUrl"]
    with_faults(cloud, ["conflict", "conflict"])
    sent = cloud.call("sqs", "SendMessage", QueueUrl=url, MessageBody="x")
    (message,) = cloud.call("sqs", "ReceiveMessage", QueueUrl=url)["Messages"]
    assert message["MessageId"] == sent["MessageId"]
    assert "Messages" not in cloud.call("sqs", "ReceiveMessage", QueueUrl=url)


def test_an_unavailable_store_is_the_services_own_error_and_changes_nothing(cloud: Any) -> None:
    url = cloud.call("sqs", "CreateQueue", QueueName="q")["QueueUrl"]
    with_faults(cloud, ["unavailable"])
    with pytest.raises(ApiError) as caught:
        cloud.call("sqs", "SendMessage", QueueUrl=url, MessageBody="x")
    assert (caught.value.status, caught.value.retryable) == (500, True)
    assert "Messages" not in cloud.call("sqs", "ReceiveMessage", QueueUrl=url)


def test_a_bug_is_a_500_with_the_request_id_that_the_log_explains(cloud: Any, caplog: pytest.LogCaptureFixture) -> None:
    from mrak.auth.principals import root_of
    from mrak.core.scope import DEFAULT_ACCOUNT, Scope

    def buggy(ctx: Any, tx: Any, req: Any) -> None:
        raise KeyError("oops")

    environment = cloud.app.environments.find_open(DEFAULT_ENVIRONMENT)
    scope = Scope(DEFAULT_ENVIRONMENT, DEFAULT_ACCOUNT, "us-east-1")
    ctx = cloud.app.engine.context(environment, scope, root_of(DEFAULT_ACCOUNT))
    operation = Operation("dynamodb", "PutItem", buggy, False, "dynamodb:PutItem")
    with pytest.raises(ApiError) as caught:
        cloud.loop.run_until_complete(cloud.app.engine.invoke(ctx, operation, {}))
    assert (caught.value.code, caught.value.status) == ("InternalServerError", 500)
    assert ctx.request_id in caught.value.message
    assert ctx.request_id in caplog.text
    assert "oops" in caplog.text


def test_every_operation_leaves_one_record(cloud: Any) -> None:
    """Failed ones too, with their error; that is what logs, metrics and bills are made of."""
    records: list[Any] = []
    cloud.app.engine.sinks.append(records.append)
    url = cloud.call("sqs", "CreateQueue", QueueName="q")["QueueUrl"]
    with pytest.raises(ApiError):
        cloud.call("sqs", "SendMessage", QueueUrl=url + "x", MessageBody="x")
    assert [(r.service, r.operation, r.error_code) for r in records] == [
        ("sqs", "CreateQueue", None),
        ("sqs", "SendMessage", "QueueDoesNotExist"),
    ]
    assert records[0].trace_id != records[1].trace_id
