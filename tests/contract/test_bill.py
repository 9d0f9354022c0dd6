"""What a sandbox used, and what it would cost: by service, by operation and for one trace."""

from __future__ import annotations

from typing import Any

import pytest

from mrak.observe.prices import load_prices, make_bill


def bill(sandbox: Any, **asked: str) -> dict[str, Any]:
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    answer: dict[str, Any] = sandbox.server.ask("GET", f"/_mrak/bill?environment={sandbox.name}&{query}")
    return answer


def test_every_request_has_a_price(fresh_sandbox: Any) -> None:
    """Three SQS actions, one of them of 65 KB, which is two requests; the bill shows them at once."""
    sqs = fresh_sandbox.client("sqs")
    queue = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="x" * 66_000)
    sqs.get_queue_url(QueueName="q")
    (line,) = bill(fresh_sandbox)["lines"]
    assert (line["service"], line["unit"], line["amount"]) == ("sqs", "Requests", 4.0)
    assert line["usd"] == pytest.approx(4 * 0.40e-6)
    by_operation = {line["name"]: line["amount"] for line in bill(fresh_sandbox, by="operation")["lines"]}
    assert by_operation == {"sqs:CreateQueue": 1.0, "sqs:SendMessage": 2.0, "sqs:GetQueueUrl": 1.0}
    assert bill(fresh_sandbox, free_tier="1")["total_usd"] == 0.0


def test_a_trace_has_a_price(fresh_sandbox: Any) -> None:
    """Operations of one trace are added up under it."""
    sqs = fresh_sandbox.client("sqs")
    root = "1-67891233-abcdef012345678912345678"

    def trace(request: Any, **_: Any) -> None:
        request.headers["X-Amzn-Trace-Id"] = f"Root={root};Parent=53995c3f42cd8ad8;Sampled=1"

    sqs.meta.events.register("before-send.sqs", trace)
    sqs.list_queues()
    sqs.list_queues()
    (line,) = bill(fresh_sandbox, by="trace", trace=root)["lines"]
    assert (line["name"], line["amount"]) == (root, 2.0)


def test_refused_requests_are_recent_but_cost_nothing(fresh_sandbox: Any) -> None:
    """What went wrong is seen right after it did."""
    sqs = fresh_sandbox.client("sqs")
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.get_queue_url(QueueName="missing")
    (record,) = fresh_sandbox.server.ask("GET", f"/_mrak/recent?environment={fresh_sandbox.name}")["operations"]
    assert (record["operation"], record["error_code"]) == ("GetQueueUrl", "QueueDoesNotExist")


def test_a_unit_without_a_price_is_named() -> None:
    """A missing price must not look like a free service; a region without a price of its own has us-east-1's."""
    used = [("x", "sqs", "Requests", 2_000_000.0), ("x", "nothing", "Units", 1.0)]
    made = make_bill(used, "eu-central-1", free_tier=True, prices=load_prices())
    assert made.unpriced == ["nothing Units"]
    assert made.total_usd == pytest.approx(0.40)


def test_prices_say_where_they_are_from() -> None:
    assert all(
        price.source
        for services in load_prices().regions.values()
        for units in services.values()
        for price in units.values()
    )
