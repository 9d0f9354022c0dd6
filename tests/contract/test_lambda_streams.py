"""Streams in parallel, shard after shard, records that are too old, and the metrics of mappings. Black box, through
boto3."""

from __future__ import annotations

import time
from typing import Any

import pytest
from tests.conftest import until
from tests.contract.lambda_bench import TELL, Queue, create, refusal
from tests.contract.test_lambda_mappings import fifo, stream_table, teller
from tests.streams import asking, records_in, records_of, sequence_of, shards_of

PAIRS = """
import boto3, os, time
queue = boto3.client("sqs")
def tell(what, record, context):
    key = record["dynamodb"]["Keys"]["id"]["S"]
    queue.send_message(QueueUrl=os.environ["TELL_URL"], MessageBody=f"{what} {key}", MessageGroupId="x",
                       MessageDeduplicationId=f"{context.aws_request_id}-{what}")
def handler(event, context):
    for record in event["Records"]:
        tell("start", record, context)
        time.sleep(0.3)
        tell("end", record, context)
"""


@pytest.fixture(scope="module")
def client(sandbox: Any) -> Any:
    return sandbox.client("lambda", read_timeout=30)


def put(sandbox: Any, table: str, *keys: str) -> None:
    dynamodb = sandbox.client("dynamodb")
    for number, key in enumerate(keys):
        dynamodb.put_item(TableName=table, Item={"id": {"S": key}, "n": {"N": str(number)}})


def test_batches_run_side_by_side_and_an_item_in_order(client: Any, sandbox: Any) -> None:
    """ParallelizationFactor: different items at once, changes of one item one after another. LAMBDA-002: more is read
    when all of what was read has been handled."""
    _, arn = stream_table(sandbox, "parallel")
    told = fifo(sandbox, "parallel-told")
    create(client, "parallel", PAIRS, Timeout=20, Environment={"Variables": {"TELL_URL": told.url}})
    keys = ["a", "b", "c", "a", "d", "a"]
    put(sandbox, "parallel", *keys)
    made = client.create_event_source_mapping(
        FunctionName="parallel",
        EventSourceArn=arn,
        StartingPosition="TRIM_HORIZON",
        BatchSize=1,
        ParallelizationFactor=10,
    )
    assert made["ParallelizationFactor"] == 10
    bodies = [message["Body"] for message in told.take(2 * len(keys), 60)]
    assert bodies[0].startswith("start ") and bodies[1].startswith("start "), f"nothing ran side by side: {bodies}"
    assert [body for body in bodies if body.endswith(" a")] == ["start a", "end a"] * 3


# Fails for the first turn as long as nobody has opened it.
HOLDING = TELL.replace(
    "    queue.send",
    "    turn = event['Records'][0]['dynamodb']['NewImage']['turn']['N']\n"
    "    assert turn != '0' or os.environ.get('OPEN')\n    queue.send",
)
ON_DEMAND = {"BillingMode": "PAY_PER_REQUEST"}


def keys_of(events: list[dict[str, Any]]) -> list[str]:
    return [record["dynamodb"]["Keys"]["id"]["S"] for event in events for record in event["Records"]]


def take_records(told: Queue, count: int) -> list[dict[str, Any]]:
    """Events until these many records have come, and no more of them."""
    events: list[dict[str, Any]] = []
    while len(keys_of(events)) < count:
        events += told.take_json()
    assert len(keys_of(events)) == count
    return events


def raise_writes(dynamodb: Any, table: str, units: int) -> None:
    dynamodb.update_table(TableName=table, WarmThroughput={"WriteUnitsPerSecond": units})


def test_a_mapping_reads_all_shards_and_finds_new_ones(client: Any, fresh_sandbox: Any) -> None:
    """A batch comes from one shard, so that a few writes to a table on demand come in several. Children of shards that
    were split, or closed after four hours, are read without a restart, nothing is lost and nothing comes twice."""
    sandbox = fresh_sandbox
    client = sandbox.client("lambda", read_timeout=30)
    dynamodb, arn = stream_table(sandbox, "spread", **ON_DEMAND)
    told = Queue(sandbox, "spread-told")
    teller(client, "spread", told)
    names = [f"item {number}" for number in range(12)]
    put(sandbox, "spread", *names)
    client.create_event_source_mapping(FunctionName="spread", EventSourceArn=arn, StartingPosition="TRIM_HORIZON")
    events = take_records(told, 12)
    raise_writes(dynamodb, "spread", 8000)
    put(sandbox, "spread", *reversed(names))
    events += take_records(told, 12)
    sandbox.advance_clock(4 * 3600)
    ask = asking(sandbox.client("dynamodbstreams"))
    until(lambda: len(shards_of(ask, arn)) == 4 + 8 + 8)
    put(sandbox, "spread", *names)
    events += take_records(told, 12)
    got = [record for event in events for record in event["Records"]]
    assert sorted(map(sequence_of, got)) == list(map(sequence_of, records_of(ask, arn)))
    homes = {sequence_of(it): shard["ShardId"] for shard in shards_of(ask, arn)
             for it in records_in(ask, arn, shard["ShardId"])}  # fmt: skip
    batches = [{homes[sequence_of(record)] for record in event["Records"]} for event in events]
    assert all(len(shards) == 1 for shards in batches) and len(set().union(*batches)) > 8
    for name in names:
        numbers = [sequence_of(record) for record in got if record["dynamodb"]["Keys"]["id"]["S"] == name]
        assert len(numbers) == 3 and numbers == sorted(numbers)


def test_children_wait_until_their_parent_is_through(client: Any, sandbox: Any) -> None:
    """A batch that fails holds up its shard and all that descends from it: nothing overtakes it."""
    dynamodb, arn = stream_table(sandbox, "held", **ON_DEMAND)
    told = Queue(sandbox, "held-told")
    teller(client, "held", told, HOLDING)
    for turn, units in enumerate((8000, 16_000, 32_000)):
        dynamodb.put_item(TableName="held", Item={"id": {"S": "one"}, "turn": {"N": str(turn)}})
        raise_writes(dynamodb, "held", units)
    made = client.create_event_source_mapping(
        FunctionName="held", EventSourceArn=arn, StartingPosition="TRIM_HORIZON", BatchSize=1
    )
    look = {"UUID": made["UUID"]}
    until(lambda: "PROBLEM" in client.get_event_source_mapping(**look).get("LastProcessingResult", ""))
    environment = {"TELL_URL": told.url, "OPEN": "yes"}
    client.update_function_configuration(FunctionName="held", Environment={"Variables": environment})
    numbers = [sequence_of(event["Records"][0]) for event in take_records(told, 3)]
    assert numbers == list(map(sequence_of, records_of(asking(sandbox.client("dynamodbstreams")), arn)))


def test_a_mapping_that_begins_with_the_latest_passes_over_closed_shards(client: Any, sandbox: Any) -> None:
    """What is in them is old; their children are read from where they are, and those of later from their beginning."""
    dynamodb, arn = stream_table(sandbox, "late", **ON_DEMAND)
    told = Queue(sandbox, "late-told")
    teller(client, "late", told)
    put(sandbox, "late", "a", "b", "c", "d")
    raise_writes(dynamodb, "late", 8000)
    put(sandbox, "late", "e", "f", "g", "h")
    client.create_event_source_mapping(FunctionName="late", EventSourceArn=arn, StartingPosition="LATEST")
    put(sandbox, "late", "i", "j", "k", "l")
    raise_writes(dynamodb, "late", 16_000)
    put(sandbox, "late", "m", "n", "o", "p")
    assert sorted(keys_of(take_records(told, 8))) == list("ijklmnop")


def test_records_too_old_are_given_up_unseen(fresh_sandbox: Any) -> None:
    """Recorded (for Kinesis): test_kinesis_maximum_record_age_exceeded, expire-before-ingestion: no response."""
    client = fresh_sandbox.client("lambda", read_timeout=30)
    _, arn = stream_table(fresh_sandbox, "aged")
    told, failed = Queue(fresh_sandbox, "told"), Queue(fresh_sandbox, "failed")
    create(client, "aged", TELL, Timeout=20, Environment={"Variables": {"TELL_URL": told.url}})
    put(fresh_sandbox, "aged", "old")
    fresh_sandbox.advance_clock(200)
    put(fresh_sandbox, "aged", "new")
    client.create_event_source_mapping(
        FunctionName="aged",
        EventSourceArn=arn,
        StartingPosition="TRIM_HORIZON",
        MaximumRecordAgeInSeconds=60,
        DestinationConfig={"OnFailure": {"Destination": failed.arn}},
    )
    (envelope,) = failed.take_json()
    assert envelope["requestContext"]["condition"] == "RecordAgeExceeded"
    assert envelope["requestContext"]["approximateInvokeCount"] == 1
    assert "responseContext" not in envelope
    assert envelope["DDBStreamBatchInfo"]["batchSize"] == 1
    (event,) = told.take_json()
    assert [record["dynamodb"]["Keys"]["id"]["S"] for record in event["Records"]] == ["new"]


def sums(sandbox: Any, uuid: str) -> dict[str, float]:
    """What the mapping's metrics add up to."""
    cloudwatch = sandbox.client("cloudwatch")
    dimensions = [{"Name": "EventSourceMappingUUID", "Value": uuid}]
    found = {}
    for metric in cloudwatch.list_metrics(Namespace="AWS/Lambda", Dimensions=dimensions)["Metrics"]:
        points = cloudwatch.get_metric_statistics(
            Namespace="AWS/Lambda", MetricName=metric["MetricName"], Dimensions=dimensions, Period=86_400,
            StartTime=time.time() - 86_400, EndTime=time.time() + 86_400, Statistics=["Sum"],
        )["Datapoints"]  # fmt: skip
        found[metric["MetricName"]] = sum(point["Sum"] for point in points)
    return found


def test_metrics_of_a_queues_mapping(client: Any, sandbox: Any) -> None:
    """MetricsConfig EventCount: what was polled, filtered out, handed over and deleted."""
    queue, told = Queue(sandbox, "counted", VisibilityTimeout="30"), Queue(sandbox, "counted-told")
    create(client, "counted", TELL, Timeout=20, Environment={"Variables": {"TELL_URL": told.url}})
    made = client.create_event_source_mapping(
        FunctionName="counted",
        EventSourceArn=queue.arn,
        MetricsConfig={"Metrics": ["EventCount"]},
        FilterCriteria={"Filters": [{"Pattern": '{"body": {"keep": [true]}}'}]},
    )
    assert made["MetricsConfig"] == {"Metrics": ["EventCount"]}
    queue.send('{"keep": true}', '{"keep": false}', '{"keep": true}')
    expected = {"PolledEventCount": 3, "FilteredOutEventCount": 1, "InvokedEventCount": 2, "DeletedEventCount": 2}
    until(lambda: sums(sandbox, made["UUID"]) == expected)


def test_metrics_of_a_streams_mapping(client: Any, sandbox: Any) -> None:
    """Failures, and what is dropped where there is no destination; a mapping that asks for nothing has none."""
    _, arn = stream_table(sandbox, "dropped")
    create(client, "dropping", "def handler(event, context):\n    raise ValueError\n")
    base = {"EventSourceArn": arn, "StartingPosition": "TRIM_HORIZON", "MaximumRetryAttempts": 1, "BatchSize": 10}
    silent = client.create_event_source_mapping(**base, FunctionName="dropping")
    create(client, "counted-dropping", "def handler(event, context):\n    raise ValueError\n")
    made = client.create_event_source_mapping(
        **base, FunctionName="counted-dropping", MetricsConfig={"Metrics": ["EventCount"]}
    )
    put(sandbox, "dropped", "x")
    expected = {"PolledEventCount": 1, "InvokedEventCount": 2, "FailedInvokeEventCount": 2, "DroppedEventCount": 1}
    until(lambda: sums(sandbox, made["UUID"]) == expected, 40)
    assert sums(sandbox, silent["UUID"]) == {}


def test_metrics_of_a_function_count_every_invocation(fresh_sandbox: Any) -> None:
    """Asynchronous ones as well, by function and by alias; throttled ones are no invocations."""
    client = fresh_sandbox.client("lambda", read_timeout=30)
    told = Queue(fresh_sandbox, "told")
    create(client, "seen", TELL, Timeout=20, Publish=True, Environment={"Variables": {"TELL_URL": told.url}})
    client.create_alias(FunctionName="seen", Name="live", FunctionVersion="1")
    client.invoke(FunctionName="seen", Payload=b"{}")
    client.invoke(FunctionName="seen:live", Payload=b"{}", InvocationType="Event")
    told.take(2)
    client.put_function_concurrency(FunctionName="seen", ReservedConcurrentExecutions=0)
    assert refusal(lambda: client.invoke(FunctionName="seen", Payload=b"{}"))[0] == 429
    cloudwatch = fresh_sandbox.client("cloudwatch")

    def total(metric: str, **dimensions: str) -> float:
        named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
        points = cloudwatch.get_metric_statistics(
            Namespace="AWS/Lambda", MetricName=metric, Dimensions=named, Period=86_400,
            StartTime=time.time() - 86_400, EndTime=time.time() + 86_400, Statistics=["Sum"],
        )["Datapoints"]  # fmt: skip
        return float(sum(point["Sum"] for point in points))

    until(lambda: total("Throttles", FunctionName="seen") == 1)
    until(lambda: total("Invocations", FunctionName="seen") == 2)
    assert total("Invocations", FunctionName="seen", Resource="seen:live") == 1


def test_brokers_are_named_as_not_built(client: Any, sandbox: Any) -> None:
    """Kafka and MQ are sources at AWS; here they answer 501, after what AWS checks first (recorded:
    test_create_event_source_self_managed)."""
    endpoints = {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["kafka:1000"]}}
    base = {"FunctionName": "brokerless", "Topics": ["topic"], "SelfManagedEventSource": endpoints}
    bare = refusal(lambda: client.create_event_source_mapping(**base))
    assert bare == (
        400,
        "InvalidParameterValueException",
        "Required 'sourceAccessConfigurations' parameter is missing.",
    )
    access = [{"Type": "BASIC_AUTH", "URI": f"arn:aws:secretsmanager:us-east-1:{sandbox.account}:secret:s"}]
    kafka = refusal(lambda: client.create_event_source_mapping(**base, SourceAccessConfigurations=access))
    assert kafka[:2] == (501, "NotImplemented")
    broker = f"arn:aws:mq:us-east-1:{sandbox.account}:broker:b:b-1"
    mq = refusal(lambda: client.create_event_source_mapping(FunctionName="brokerless", EventSourceArn=broker))
    assert mq[:2] == (501, "NotImplemented")
