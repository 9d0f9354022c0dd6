"""Event source mappings: queues and DynamoDB streams feed functions. Black box, through boto3."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.conftest import until
from tests.contract.lambda_bench import ECHO, TELL, Held, Queue, create, refusal
from tests.streams import asking, shards_of

PICKY = """
import json
def handler(event, context):
    bad = [r["messageId"] for r in event["Records"] if "bad" in r["body"]]
    return {"batchItemFailures": [{"itemIdentifier": i} for i in bad]}
"""


@pytest.fixture(scope="module")
def client(sandbox: Any) -> Any:
    return sandbox.client("lambda", read_timeout=30)


def teller(client: Any, name: str, out: Queue, code: str = TELL, **more: Any) -> None:
    create(client, name, code, Environment={"Variables": {"TELL_URL": out.url}}, Timeout=20, MemorySize=256, **more)


def test_queue_feeds_function(client: Any, sandbox: Any) -> None:
    """The event's members are those recorded in test_message_body_and_attributes_passed_correctly; done messages go."""
    source, out = Queue(sandbox, "feed"), Queue(sandbox, "feed-out")
    teller(client, "feed", out)
    source.send("hello", MessageAttributes={"Title": {"DataType": "String", "StringValue": "T"}})
    made = client.create_event_source_mapping(EventSourceArn=source.arn, FunctionName="feed")
    assert made.pop("ResponseMetadata")["HTTPStatusCode"] == 202
    uuid = made.pop("UUID")
    assert made.pop("LastModified") and made.pop("EventSourceMappingArn").endswith(f":event-source-mapping:{uuid}")
    assert made == {
        "BatchSize": 10,
        "EventSourceArn": source.arn,
        "FunctionArn": f"arn:aws:lambda:us-east-1:{sandbox.account}:function:feed",
        "FunctionResponseTypes": [],
        "MaximumBatchingWindowInSeconds": 0,
        "State": "Creating",
        "StateTransitionReason": "USER_INITIATED",
    }
    record = out.take_json()[0]["Records"][0]
    assert record["messageAttributes"] == {
        "Title": {"stringValue": "T", "stringListValues": [], "binaryListValues": [], "dataType": "String"}
    }
    assert (record["body"], record["eventSource"], record["eventSourceARN"], record["awsRegion"]) == (
        "hello",
        "aws:sqs",
        source.arn,
        "us-east-1",
    )
    assert set(record["attributes"]) >= {"ApproximateReceiveCount", "SentTimestamp", "SenderId"}
    assert set(record) == {
        *("attributes", "awsRegion", "body", "eventSource", "eventSourceARN", "md5OfBody"),
        *("md5OfMessageAttributes", "messageAttributes", "messageId", "receiptHandle"),
    }
    until(lambda: source.count() == 0)
    assert client.get_event_source_mapping(UUID=uuid)["State"] == "Enabled"


def test_disabled_and_deleted_mappings_take_nothing(client: Any, sandbox: Any) -> None:
    """Switched off, messages wait; switched on, they go; deleted, the mapping is gone."""
    source, out = Queue(sandbox, "switch"), Queue(sandbox, "switch-out")
    teller(client, "switch", out)
    made = client.create_event_source_mapping(EventSourceArn=source.arn, FunctionName="switch", Enabled=False)
    assert made["State"] == "Disabled", "recorded: test_fifo_message_group_parallelism"
    source.send("1")
    assert client.get_event_source_mapping(UUID=made["UUID"])["State"] == "Disabled"
    assert source.count() == 1
    assert client.update_event_source_mapping(UUID=made["UUID"], Enabled=True)["State"] == "Enabling"
    assert out.take_json()[0]["Records"][0]["body"] == "1"
    assert client.delete_event_source_mapping(UUID=made["UUID"])["State"] == "Deleting"
    assert refusal(lambda: client.get_event_source_mapping(UUID=made["UUID"])) == (
        404,
        "ResourceNotFoundException",
        "The resource you requested does not exist.",
    )


def test_failed_batch_comes_back_and_ends_in_the_dead_letter_queue(client: Any, sandbox: Any) -> None:
    """The queue's redrive policy decides when to give up (recorded: test_redrive_policy_with_failing_lambda)."""
    dead = Queue(sandbox, "poison-dead")
    redrive = json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 2})
    source = Queue(sandbox, "poison", VisibilityTimeout="3", RedrivePolicy=redrive)
    create(client, "poison", "def handler(event, context):\n    raise ValueError('poison')\n")
    client.create_event_source_mapping(EventSourceArn=source.arn, FunctionName="poison")
    source.send("p")
    assert dead.take(seconds=40)[0]["Body"] == "p"


def test_partial_batch_response_keeps_only_failures(client: Any, sandbox: Any) -> None:
    """ReportBatchItemFailures: good messages are gone though their batch had a bad one."""
    dead = Queue(sandbox, "partial-dead")
    redrive = json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 1})
    source = Queue(sandbox, "partial", VisibilityTimeout="3", RedrivePolicy=redrive)
    create(client, "partial", PICKY)
    source.send("good", "bad", "fine")
    client.create_event_source_mapping(
        EventSourceArn=source.arn, FunctionName="partial", FunctionResponseTypes=["ReportBatchItemFailures"]
    )
    assert dead.take(seconds=30)[0]["Body"] == "bad"
    assert source.count() == 0


def test_filters_drop_what_does_not_match(client: Any, sandbox: Any) -> None:
    """A pattern on a JSON body; what does not match, or is no JSON, is deleted unseen."""
    source, out = Queue(sandbox, "filter"), Queue(sandbox, "filter-out")
    teller(client, "filter", out)
    pattern = json.dumps({"body": {"kind": ["wanted"], "n": [{"numeric": [">", 5]}]}})
    client.create_event_source_mapping(
        EventSourceArn=source.arn, FunctionName="filter", FilterCriteria={"Filters": [{"Pattern": pattern}]}
    )
    source.send('{"kind": "other", "n": 9}', "no json", '{"kind": "wanted", "n": 1}', '{"kind": "wanted", "n": 6}')
    taken = [record for event in out.take_json() for record in event["Records"]]
    assert [record["body"] for record in taken] == ['{"kind": "wanted", "n": 6}']
    assert "md5OfMessageAttributes" not in taken[0], "recorded: test_report_batch_item_failures, without a window"
    until(lambda: source.count() == 0)


def test_window_gathers_a_batch(client: Any, sandbox: Any) -> None:
    """Messages that come within the window make one event, beyond the ten that a receive can give."""
    source, out = Queue(sandbox, "window", VisibilityTimeout="60"), Queue(sandbox, "window-out")
    teller(client, "window", out)
    source.send(*[str(n) for n in range(12)])
    client.create_event_source_mapping(
        EventSourceArn=source.arn, FunctionName="window", BatchSize=12, MaximumBatchingWindowInSeconds=5
    )
    records = out.take_json()[0]["Records"]
    assert sorted(int(record["body"]) for record in records) == list(range(12))
    assert records[0]["md5OfMessageAttributes"] is None, "recorded: test_sqs_event_source_mapping, with a window"


def test_mapping_survives_an_update_of_its_function(client: Any, sandbox: Any) -> None:
    """A mapping can be moved to an alias-like qualifier or another function while it runs."""
    source, out = Queue(sandbox, "moved"), Queue(sandbox, "moved-out")
    teller(client, "moved-a", out, TELL.replace("json.dumps(event)", "'a'"))
    teller(client, "moved-b", out, TELL.replace("json.dumps(event)", "'b'"))
    made = client.create_event_source_mapping(EventSourceArn=source.arn, FunctionName="moved-a")
    source.send("1")
    assert out.take()[0]["Body"] == "a"
    client.update_event_source_mapping(UUID=made["UUID"], FunctionName="moved-b")
    source.send("2")
    assert out.take()[0]["Body"] == "b"


def test_a_batch_under_way_is_finished_when_the_mapping_ends(client: Any, sandbox: Any) -> None:
    """Deleting a mapping must not make its last batch come back."""
    source, held = Queue(sandbox, "ending"), Held(sandbox, client, "ending")
    made = client.create_event_source_mapping(EventSourceArn=source.arn, FunctionName="ending")
    source.send("last")
    held.wait_begun()
    client.delete_event_source_mapping(UUID=made["UUID"])
    held.let_go()
    until(lambda: source.count() == 0, 10)


def test_errors_of_mappings(client: Any, sandbox: Any) -> None:
    """Recorded: test_event_source_mapping_exceptions, test_esm_with_not_existing_sqs_queue and the batching ones."""
    source = Queue(sandbox, "strict")
    create(client, "strict-mapping", ECHO)
    invalid = (400, "InvalidParameterValueException")
    missing = f"arn:aws:sqs:us-east-1:{sandbox.account}:nowhere"
    cases: list[tuple[dict[str, Any], str]] = [
        ({"EventSourceArn": None}, "Unrecognized event source."),
        ({"FunctionName": "nobody"}, "Function does not exist"),
        (
            {"EventSourceArn": missing},
            "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
            "SQS Error Message: The specified queue does not exist.",
        ),
        (
            {"BatchSize": 11},
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
        ),
        ({"FilterCriteria": {"Filters": [{"Pattern": "simple string"}]}}, "Invalid filter pattern definition."),
        (
            {"DestinationConfig": {"OnFailure": {"Destination": source.arn}}},
            "Unsupported DestinationConfig parameter for given event source mapping type.",
        ),
    ]
    for change, message in cases:
        params = {"EventSourceArn": source.arn, "FunctionName": "strict-mapping", **change}
        params = {key: value for key, value in params.items() if value is not None}
        assert refusal(lambda params=params: client.create_event_source_mapping(**params)) == (*invalid, message)
    made = client.create_event_source_mapping(EventSourceArn=source.arn, FunctionName="strict-mapping", Enabled=False)
    status, code, message = refusal(
        lambda: client.create_event_source_mapping(EventSourceArn=source.arn, FunctionName="strict-mapping")
    )
    assert (status, code) == (409, "ResourceConflictException")
    assert message == (
        f'An event source mapping with SQS arn (" {source.arn} ") and function (" strict-mapping ") already exists. '
        f"Please update or delete the existing mapping with UUID {made['UUID']}"
    )


def test_list_by_source_and_function(client: Any, sandbox: Any) -> None:
    """Both filters of the list."""
    one, two = Queue(sandbox, "list-1"), Queue(sandbox, "list-2")
    create(client, "listed")
    for queue in (one, two):
        client.create_event_source_mapping(EventSourceArn=queue.arn, FunctionName="listed", Enabled=False)
    by_function = client.list_event_source_mappings(FunctionName="listed")["EventSourceMappings"]
    assert {row["EventSourceArn"] for row in by_function} == {one.arn, two.arn}
    by_source = client.list_event_source_mappings(EventSourceArn=one.arn)["EventSourceMappings"]
    assert [row["EventSourceArn"] for row in by_source] == [one.arn]


# --- DynamoDB streams


def stream_table(sandbox: Any, name: str, **throughput: Any) -> tuple[Any, str]:
    """A table of one partition, so that its stream has one shard, unless its throughput is given."""
    dynamodb = sandbox.client("dynamodb")
    made = dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        **throughput or {"ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}},
    )
    dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 5})
    return dynamodb, made["TableDescription"]["LatestStreamArn"]


def test_stream_feeds_function_in_order(client: Any, sandbox: Any) -> None:
    """From the oldest record on, each once, in order; the record's shape is test_dynamodb_event_source_mapping's."""
    dynamodb, arn = stream_table(sandbox, "stream-order")
    out = Queue(sandbox, "stream-out")
    teller(client, "stream", out)
    for n in range(3):
        dynamodb.put_item(TableName="stream-order", Item={"id": {"S": str(n)}})
    client.create_event_source_mapping(
        EventSourceArn=arn, FunctionName="stream", StartingPosition="TRIM_HORIZON", BatchSize=2
    )
    dynamodb.put_item(TableName="stream-order", Item={"id": {"S": "3"}, "b": {"B": b"foobar"}})
    records: list[Any] = []
    while len(records) < 4:
        records += out.take_json()[0]["Records"]
    assert [record["dynamodb"]["Keys"]["id"]["S"] for record in records] == ["0", "1", "2", "3"]
    last = records[-1]
    assert (last["eventName"], last["eventSource"], last["eventSourceARN"]) == ("INSERT", "aws:dynamodb", arn)
    assert last["dynamodb"]["NewImage"]["b"] == {"B": "Zm9vYmFy"}
    assert isinstance(last["dynamodb"]["ApproximateCreationDateTime"], float), "AWS writes 1.7E9"
    *_, message = refusal(
        lambda: client.create_event_source_mapping(
            EventSourceArn=arn, FunctionName="stream", StartingPosition="TRIM_HORIZON"
        )
    )
    assert message.startswith(f'The event source arn (" {arn} ") and function (" stream ") provided mapping already')


def test_stream_failure_is_retried_then_told_to_the_destination(client: Any, sandbox: Any) -> None:
    """Recorded: test_dynamodb_event_source_mapping_with_on_failure_destination_config; the shard goes on after it."""
    dynamodb, arn = stream_table(sandbox, "stream-fail")
    failures, out = Queue(sandbox, "stream-failures"), Queue(sandbox, "stream-fail-out")
    code = TELL.replace(
        "    queue.send", "    assert event['Records'][0]['dynamodb']['Keys']['id']['S'] != 'bad'\n    queue.send"
    )
    teller(client, "stream-fail", out, code)
    client.create_event_source_mapping(
        EventSourceArn=arn,
        FunctionName="stream-fail",
        StartingPosition="LATEST",
        BatchSize=1,
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": failures.arn}},
    )
    for key in ("bad", "good"):
        dynamodb.put_item(TableName="stream-fail", Item={"id": {"S": key}})
    told = failures.take_json()[0]
    assert told["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert told["requestContext"]["approximateInvokeCount"] == 2
    assert told["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
    assert told["requestContext"]["requestId"], "LAMBDA-003: an id of its own"
    info = told["DDBStreamBatchInfo"]
    assert info["batchSize"] == 1 and info["streamArn"] == arn
    assert info["startSequenceNumber"] == info["endSequenceNumber"]
    (shard,) = shards_of(asking(sandbox.client("dynamodbstreams")), arn)
    assert info["shardId"] == shard["ShardId"]
    assert out.take_json()[0]["Records"][0]["dynamodb"]["Keys"]["id"]["S"] == "good"


def test_bucket_as_failure_destination(client: Any, sandbox: Any) -> None:
    """Recorded: test_dynamodb_event_source_mapping_with_s3_on_failure_destination: the records are in the object."""
    dynamodb, arn = stream_table(sandbox, "stream-bucket")
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket="failures")
    create(client, "stream-bucket", "def handler(event, context):\n    raise ValueError('no')\n")
    made = client.create_event_source_mapping(
        EventSourceArn=arn,
        FunctionName="stream-bucket",
        StartingPosition="TRIM_HORIZON",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:s3:::failures"}},
    )
    dynamodb.put_item(TableName="stream-bucket", Item={"id": {"S": "x"}})
    until(lambda: s3.list_objects_v2(Bucket="failures")["KeyCount"] == 1)
    key = s3.list_objects_v2(Bucket="failures")["Contents"][0]["Key"]
    told = json.loads(s3.get_object(Bucket="failures", Key=key)["Body"].read())
    assert key.startswith(f"aws/lambda/{made['UUID']}/{told['DDBStreamBatchInfo']['shardId']}/")
    assert told["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert told["payload"]["Records"][0]["dynamodb"]["Keys"] == {"id": {"S": "x"}}


COUNT = """
import boto3, json, os
queue = boto3.client("sqs")
def handler(event, context):
    state = event["state"]
    state["n"] = state.get("n", 0) + len(event["Records"])
    if event["isFinalInvokeForWindow"]:
        queue.send_message(QueueUrl=os.environ["TELL_URL"], MessageBody=json.dumps(event))
    return {"state": state}
"""


def test_tumbling_window_hands_its_state_on(client: Any, fresh_sandbox: Any) -> None:
    """Each batch sees the state of the one before; the window's end hands it over once, and the next begins empty."""
    sandbox = fresh_sandbox
    client = sandbox.client("lambda", read_timeout=30)
    dynamodb, arn = stream_table(sandbox, "tumbling")
    out = Queue(sandbox, "tumbling-out")
    teller(client, "tumbling", out, COUNT)
    client.create_event_source_mapping(
        EventSourceArn=arn,
        FunctionName="tumbling",
        StartingPosition="TRIM_HORIZON",
        BatchSize=2,
        TumblingWindowInSeconds=900,
    )
    for counted in (3, 1):
        for n in range(counted):
            dynamodb.put_item(TableName="tumbling", Item={"id": {"S": str(n)}, "c": {"N": str(counted)}})
        sandbox.advance_clock(1000)
        final = out.take_json()[0]
        assert final["state"] == {"n": counted} and final["Records"] == []
        assert (final["eventSourceARN"], final["isWindowTerminatedEarly"]) == (arn, False)
        assert final["shardId"] and final["window"]["start"] < final["window"]["end"]


def test_a_window_whose_state_outgrows_its_limit_ends_early(client: Any, sandbox: Any) -> None:
    """State is at most 1 MB: the function is told that its window was terminated early, and goes on without state."""
    dynamodb, arn = stream_table(sandbox, "early")
    out = Queue(sandbox, "early-out")
    code = COUNT.replace('return {"state": state}', 'return {"state": {"text": "x" * 1100000}}').replace(
        "json.dumps(event)", 'json.dumps([event["isWindowTerminatedEarly"], len(event["state"]["text"])])'
    )
    teller(client, "early", out, code)
    client.create_event_source_mapping(
        EventSourceArn=arn, FunctionName="early", StartingPosition="TRIM_HORIZON", TumblingWindowInSeconds=900
    )
    dynamodb.put_item(TableName="early", Item={"id": {"S": "1"}})
    assert out.take_json()[0] == [True, 1_100_000]


# --- FIFO queues

ORDER = """
import boto3, json, os, time
queue = boto3.client("sqs")
def handler(event, context):
    bodies = [r["body"] for r in event["Records"]]
    queue.send_message(QueueUrl=os.environ["TELL_URL"], MessageBody="start " + " ".join(bodies),
                       MessageGroupId="x", MessageDeduplicationId=context.aws_request_id + "s")
    time.sleep(0.3)
    queue.send_message(QueueUrl=os.environ["TELL_URL"], MessageBody="end " + " ".join(bodies),
                       MessageGroupId="x", MessageDeduplicationId=context.aws_request_id + "e")
    bad = [r for r in event["Records"] if r["body"].endswith("bad")
           and r["attributes"]["ApproximateReceiveCount"] == "1"]
    return {"batchItemFailures": [{"itemIdentifier": r["messageId"]} for r in bad]}
"""


def fifo(sandbox: Any, name: str, **attributes: str) -> Queue:
    return Queue(sandbox, f"{name}.fifo", FifoQueue="true", ContentBasedDeduplication="true", **attributes)


def test_fifo_keeps_each_groups_order_with_one_batch_in_flight(client: Any, sandbox: Any) -> None:
    """Two groups run side by side; within each, a batch starts only when the one before has ended."""
    source, out = fifo(sandbox, "ordered", VisibilityTimeout="60"), fifo(sandbox, "ordered-out")
    for n in range(4):
        for group in "ab":
            source.send(f"{group}{n}", MessageGroupId=group)
    teller(client, "ordered", out, ORDER)
    client.create_event_source_mapping(EventSourceArn=source.arn, FunctionName="ordered", BatchSize=1)
    said = [message["Body"] for message in out.take(16, 40)]
    for group in "ab":
        expected = [f"{word} {group}{n}" for n in range(4) for word in ("start", "end")]
        assert [line for line in said if line.split()[1][0] == group] == expected
    until(lambda: source.count() == 0)


def test_fifo_group_waits_for_its_failed_message(client: Any, sandbox: Any) -> None:
    """A partial failure stops its group until the message has been handled; another group goes on meanwhile."""
    source, out = fifo(sandbox, "stopped", VisibilityTimeout="3"), fifo(sandbox, "stopped-out")
    source.send("a-bad", "a-next", MessageGroupId="a")
    teller(
        client,
        "stopped",
        out,
        ORDER,
    )
    client.update_function_configuration(FunctionName="stopped", Timeout=3)
    client.create_event_source_mapping(
        EventSourceArn=source.arn,
        FunctionName="stopped",
        BatchSize=1,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    assert [m["Body"] for m in out.take(2)] == ["start a-bad", "end a-bad"]
    source.send("b", MessageGroupId="b")
    said = [message["Body"] for message in out.take(6, 40)]
    assert said == ["start b", "end b", "start a-bad", "end a-bad", "start a-next", "end a-next"]
