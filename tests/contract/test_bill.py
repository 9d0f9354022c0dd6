"""What a sandbox used, and what it would cost: by service, by operation and for one trace."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest
from tests.contract.dynamodb import eventually, make_table

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


def test_replicated_writes_have_units_of_their_own(fresh_sandbox: Any) -> None:
    """A write to a global table costs where it is made and in each region that it reaches."""
    here, there = fresh_sandbox.client("dynamodb"), fresh_sandbox.client("dynamodb", region="eu-west-1")
    table = make_table(here, sort=None)
    here.put_item(TableName=table, Item={"pk": {"S": "before"}})
    here.update_table(TableName=table, ReplicaUpdates=[{"Create": {"RegionName": "eu-west-1"}}])
    eventually(lambda: here.describe_table(TableName=table)["Table"]["TableStatus"] == "ACTIVE")
    answer = here.put_item(TableName=table, Item={"pk": {"S": "after"}}, ReturnConsumedCapacity="TOTAL")
    assert answer["ConsumedCapacity"]["CapacityUnits"] == 1.0
    eventually(lambda: "Item" in there.get_item(TableName=table, Key={"pk": {"S": "after"}}))
    units = {line["unit"]: line["amount"] for line in bill(fresh_sandbox)["lines"]}
    assert (units["WriteRequestUnits"], units["ReplicatedWriteRequestUnits"]) == (1.0, 2.0)


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


def test_what_tables_consumed_is_shown_among_the_recent(fresh_sandbox: Any) -> None:
    """Records count what a table's operations cost by place; a count that is no JSON would hide all of them."""
    dynamodb = fresh_sandbox.client("dynamodb")
    dynamodb.create_table(
        TableName="seen",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.put_item(TableName="seen", Item={"k": {"S": "1"}})
    shown = fresh_sandbox.server.ask("GET", f"/_mrak/recent?environment={fresh_sandbox.name}")["operations"]
    assert shown[-1]["annotations"]["consumed"] == {"Write/seen/": 1.0}


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


# A function that puts an event onto the default bus, which belongs to no stack.
TELLER = """
import boto3
def handler(event, context):
    entry = {"Source": "shop", "DetailType": "Sold", "Detail": "{}"}
    boto3.client("events").put_events(Entries=[entry])
"""


def make_stack(sandbox: Any, name: str, tags: dict[str, str] | None = None) -> dict[str, str]:
    """A queue, a table and a function with a role; their physical ids."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    allowed = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    role = {
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
        "Policies": [{"PolicyName": "all", "PolicyDocument": {"Version": "2012-10-17", "Statement": [allowed]}}],
    }
    table = {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    }
    function = {
        "Runtime": "python3.11",
        "Handler": "index.handler",
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        "Code": {"ZipFile": TELLER},
        "Timeout": 20,
    }
    resources = {
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {}},
        "Table": {"Type": "AWS::DynamoDB::Table", "Properties": table},
        "Role": {"Type": "AWS::IAM::Role", "Properties": role},
        "Teller": {"Type": "AWS::Lambda::Function", "Properties": function},
    }
    stacks = sandbox.client("cloudformation")
    stacks.create_stack(
        StackName=name,
        TemplateBody=json.dumps({"Resources": resources}),
        Capabilities=["CAPABILITY_IAM"],
        Tags=[{"Key": key, "Value": value} for key, value in (tags or {}).items()],
    )
    stacks.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    listed = stacks.list_stack_resources(StackName=name)["StackResourceSummaries"]
    return {row["LogicalResourceId"]: row["PhysicalResourceId"] for row in listed}


def by_context(sandbox: Any, **asked: str) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for line in bill(sandbox, by="context", **asked)["lines"]:
        found.setdefault(line["name"], {})[f"{line['service']} {line['unit']}"] = line["amount"]
    return found


def test_a_context_is_a_stack_or_its_tag(fresh_sandbox: Any) -> None:
    """Usage belongs to the stack that owns what was used; what no stack owns is shown as such."""
    shop = make_stack(fresh_sandbox, "shop")
    store = make_stack(fresh_sandbox, "store-tables", {"service-context": "store"})
    sqs, dynamodb = fresh_sandbox.client("sqs"), fresh_sandbox.client("dynamodb")
    before = by_context(fresh_sandbox).get("shop", {}).get("sqs Requests", 0.0)
    sqs.send_message(QueueUrl=shop["Queue"], MessageBody="x")
    dynamodb.put_item(TableName=store["Table"], Item={"id": {"S": "1"}})
    alone = sqs.create_queue(QueueName="alone")["QueueUrl"]
    sqs.send_message(QueueUrl=alone, MessageBody="x")
    found = by_context(fresh_sandbox)
    assert found["shop"]["sqs Requests"] == before + 1
    assert found["store"]["dynamodb WriteRequestUnits"] == 1
    assert "dynamodb WriteRequestUnits" not in found["shop"]
    assert found["(none)"]["sqs Requests"] >= 2


def test_what_nobody_owns_belongs_to_who_asked(fresh_sandbox: Any) -> None:
    """An event on the default bus belongs to the stack of the function's role; a trace is shared out the same way."""
    teller = make_stack(fresh_sandbox, "shop")["Teller"]
    client = fresh_sandbox.client("lambda", read_timeout=60)
    root = "1-67891233-abcdef012345678912345678"

    def trace(request: Any, **_: Any) -> None:
        request.headers["X-Amzn-Trace-Id"] = f"Root={root};Parent=53995c3f42cd8ad8;Sampled=1"

    client.meta.events.register("before-send.lambda", trace)
    assert "FunctionError" not in client.invoke(FunctionName=teller)
    found = by_context(fresh_sandbox)
    assert found["shop"]["events EventBridge-Events"] == 1
    assert found["shop"]["lambda Requests"] == 1
    assert by_context(fresh_sandbox, trace=root)["shop"]["events EventBridge-Events"] == 1


def test_a_deleted_stack_still_has_its_bill(fresh_sandbox: Any) -> None:
    """What was used in a month does not lose its context when a sandbox is tidied up."""
    shop = make_stack(fresh_sandbox, "shop")
    fresh_sandbox.client("dynamodb").put_item(TableName=shop["Table"], Item={"id": {"S": "1"}})
    stacks = fresh_sandbox.client("cloudformation")
    stacks.delete_stack(StackName="shop")
    stacks.get_waiter("stack_delete_complete").wait(StackName="shop", WaiterConfig={"Delay": 1})
    assert by_context(fresh_sandbox)["shop"]["dynamodb WriteRequestUnits"] == 1


def test_a_rest_api_has_a_price(fresh_sandbox: Any) -> None:
    """Its unit was once spelt otherwise than the price list has it, which made it look free."""
    apis = fresh_sandbox.client("apigateway")
    api = apis.create_rest_api(name="priced")["id"]
    root = apis.get_resources(restApiId=api)["items"][0]["id"]
    apis.put_method(restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")
    template = {"requestTemplates": {"application/json": '{"statusCode": 204}'}}
    apis.put_integration(restApiId=api, resourceId=root, httpMethod="GET", type="MOCK", **template)
    apis.put_method_response(restApiId=api, resourceId=root, httpMethod="GET", statusCode="204")
    apis.put_integration_response(restApiId=api, resourceId=root, httpMethod="GET", statusCode="204")
    apis.create_deployment(restApiId=api, stageName="live")
    with urllib.request.urlopen(f"{fresh_sandbox.server.endpoint}/_aws/execute-api/{api}/live", timeout=20) as answer:
        assert answer.status == 204
    made = bill(fresh_sandbox)
    (line,) = [line for line in made["lines"] if line["service"] == "execute-api"]
    assert (line["amount"], made["unpriced"]) == (1.0, [])
    assert line["usd"] == pytest.approx(3.5e-6)
