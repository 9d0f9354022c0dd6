"""CloudWatch as boto3 sees it (which speaks CBOR to it): metrics, alarms with their actions, dashboards."""

from __future__ import annotations

import datetime
import json
import re
import time
from typing import Any

import pytest
from tests.conftest import TAKES_DELIVERIES, error_of, until
from tests.contract.dynamodb import eventually, index, make_table


@pytest.fixture
def cloudwatch(fresh_sandbox: Any) -> Any:
    return fresh_sandbox.client("cloudwatch")


def window(minutes: int = 60) -> dict[str, Any]:
    now = datetime.datetime.now(datetime.UTC)
    return {
        "StartTime": now - datetime.timedelta(minutes=minutes),
        "EndTime": now + datetime.timedelta(minutes=5),
    }


def test_statistics_of_what_was_put(cloudwatch: Any) -> None:
    """Single values, values with counts and ready-made sums add up; CLOUDWATCH-001: percentiles are exact for few."""
    dimensions = [{"Name": "b", "Value": "2"}, {"Name": "a", "Value": "1"}]
    base = {"MetricName": "m", "Dimensions": dimensions}
    sums = {"SampleCount": 2.0, "Sum": 10.0, "Minimum": 4.0, "Maximum": 6.0}
    cloudwatch.put_metric_data(
        Namespace="app",
        MetricData=[
            base | {"Value": 1.0},
            base | {"Values": [2.0, 3.0], "Counts": [1.0, 2.0]},
            base | {"StatisticValues": sums},
        ],
    )
    names = ["Sum", "SampleCount", "Minimum", "Maximum", "Average"]
    (point,) = cloudwatch.get_metric_statistics(
        Namespace="app", MetricName="m", Dimensions=dimensions[::-1], Period=3600, Statistics=names, **window()
    )["Datapoints"]
    assert [point[name] for name in names] == [19.0, 6.0, 1.0, 6.0, pytest.approx(19 / 6)]
    metric = {"Namespace": "app", "MetricName": "m", "Dimensions": dimensions}
    query = {"Id": "q", "MetricStat": {"Metric": metric, "Period": 3600, "Stat": "p50"}}
    (result,) = cloudwatch.get_metric_data(MetricDataQueries=[query], **window())["MetricDataResults"]
    assert result["Values"] == [3.0]


def test_metric_data_pages(cloudwatch: Any) -> None:
    """MaxDatapoints counts the points of all queries; a result that goes on in the next page says so."""
    now = datetime.datetime.now(datetime.UTC).replace(second=0, microsecond=0)
    times = [now - datetime.timedelta(minutes=minutes) for minutes in range(5)]
    data = [{"MetricName": "m", "Timestamp": at, "Value": float(index)} for index, at in enumerate(times)]
    cloudwatch.put_metric_data(Namespace="paged", MetricData=data)
    stat = {"Metric": {"Namespace": "paged", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}
    asked = {"MetricDataQueries": [{"Id": name, "MetricStat": stat} for name in ("a", "b")], **window()}
    pages, more = [], {}
    while True:
        page = cloudwatch.get_metric_data(**asked, MaxDatapoints=4, **more)
        pages.append({row["Id"]: (row["Values"], row["StatusCode"]) for row in page["MetricDataResults"]})
        if "NextToken" not in page:
            break
        more = {"NextToken": page["NextToken"]}
    assert pages == [
        {"a": ([0.0, 1.0, 2.0, 3.0], "PartialData"), "b": ([], "PartialData")},
        {"a": ([4.0], "Complete"), "b": ([0.0, 1.0, 2.0], "PartialData")},
        {"a": ([], "Complete"), "b": ([3.0, 4.0], "Complete")},
    ]
    assert error_of(cloudwatch.get_metric_data, **asked, NextToken="?")[0] == "InvalidNextToken"
    assert error_of(cloudwatch.get_metric_data, **asked, MaxDatapoints=0)[0] == "ValidationError"


def test_metrics_are_listed_by_dimension(cloudwatch: Any) -> None:
    for value in ("1", "2"):
        datum = {"MetricName": "m", "Dimensions": [{"Name": "a", "Value": value}], "Value": 1.0}
        cloudwatch.put_metric_data(Namespace="app", MetricData=[datum])
    assert len(cloudwatch.list_metrics(Namespace="app")["Metrics"]) == 2
    (found,) = cloudwatch.list_metrics(Dimensions=[{"Name": "a", "Value": "2"}])["Metrics"]
    assert found["Dimensions"] == [{"Name": "a", "Value": "2"}]


def test_an_alarm_goes_off_and_tells_its_topic(fresh_sandbox: Any, cloudwatch: Any) -> None:
    """The timer evaluates when the sandbox's clock has passed the period; the message is what AWS sends."""
    sns, sqs = fresh_sandbox.client("sns"), fresh_sandbox.client("sqs")
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    queue = sqs.create_queue(QueueName="alarms", Attributes={"Policy": TAKES_DELIVERIES})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    cloudwatch.put_metric_alarm(
        AlarmName="too-many",
        Namespace="app",
        MetricName="errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=2.0,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[topic],
    )
    (alarm,) = cloudwatch.describe_alarms()["MetricAlarms"]
    assert (alarm["StateValue"], alarm["StateReason"]) == ("INSUFFICIENT_DATA", "Unchecked: Initial alarm creation")
    cloudwatch.put_metric_data(Namespace="app", MetricData=[{"MetricName": "errors", "Value": 5.0}])
    fresh_sandbox.advance_clock(60)
    (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
    told = json.loads(message["Body"])
    assert (told["OldStateValue"], told["NewStateValue"]) == ("INSUFFICIENT_DATA", "ALARM")
    assert told["Trigger"]["Statistic"] == "SUM"
    (alarm,) = cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"]
    assert re.fullmatch(
        r"Threshold Crossed: 1 out of the last 1 datapoints \[5.0 \(\d\d/\d\d/\d\d \d\d:\d\d:00\)\] was greater than "
        r"the threshold \(2.0\) \(minimum 1 datapoint for INSUFFICIENT_DATA -> ALARM transition\).",
        alarm["StateReason"],
    )
    history = cloudwatch.describe_alarm_history(AlarmName="too-many", HistoryItemType="StateUpdate")
    assert history["AlarmHistoryItems"][0]["HistorySummary"] == "Alarm updated from INSUFFICIENT_DATA to ALARM"


def test_a_new_queue_is_measured(fresh_sandbox: Any, cloudwatch: Any) -> None:
    """As test_sqs_approximate_metrics has it: how full a queue is can be seen before anything was sent to it."""
    fresh_sandbox.client("sqs").create_queue(QueueName="fresh")
    dimension = {"Name": "QueueName", "Value": "fresh"}

    def names() -> set[str]:
        listed = cloudwatch.list_metrics(Namespace="AWS/SQS", Dimensions=[dimension])["Metrics"]
        return {row["MetricName"] for row in listed}

    until(names)
    assert names() == {f"ApproximateNumberOfMessages{kind}" for kind in ("Visible", "NotVisible", "Delayed")}


def test_an_alarm_watches_a_dead_letter_queue(fresh_sandbox: Any, cloudwatch: Any) -> None:
    """CLOUDWATCH-005: nobody sends to it or receives from it, and yet the alarm goes off, until it is empty."""
    sqs = fresh_sandbox.client("sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    attributes = {"RedrivePolicy": redrive, "VisibilityTimeout": "0"}
    queue = sqs.create_queue(QueueName="jobs", Attributes=attributes)["QueueUrl"]
    cloudwatch.put_metric_alarm(
        AlarmName="dead-letters",
        Namespace="AWS/SQS",
        MetricName="ApproximateNumberOfMessagesVisible",
        Dimensions=[{"Name": "QueueName", "Value": "dead"}],
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )

    def state_after(seconds: int) -> str:
        fresh_sandbox.advance_clock(seconds)
        until(lambda: cloudwatch.describe_alarms()["MetricAlarms"][0]["StateValue"] != "INSUFFICIENT_DATA")
        return str(cloudwatch.describe_alarms()["MetricAlarms"][0]["StateValue"])

    assert state_after(60) == "OK"
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    assert sqs.receive_message(QueueUrl=queue)["Messages"]
    assert "Messages" not in sqs.receive_message(QueueUrl=queue), "it is in the dead-letter queue now"
    fresh_sandbox.advance_clock(60)
    until(lambda: cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"])
    sqs.purge_queue(QueueUrl=dead)
    fresh_sandbox.advance_clock(120)
    until(lambda: cloudwatch.describe_alarms(StateValue="OK")["MetricAlarms"])


def test_queues_say_how_full_they_are(fresh_sandbox: Any, cloudwatch: Any) -> None:
    """In the minutes in which they are used."""
    sqs = fresh_sandbox.client("sqs")
    queue = sqs.create_queue(QueueName="full")["QueueUrl"]
    sqs.send_message_batch(QueueUrl=queue, Entries=[{"Id": body, "MessageBody": body} for body in ("a", "b")])
    fresh_sandbox.server.ask("GET", f"/_mrak/bill?environment={fresh_sandbox.name}")  # writes what waits
    asked = {
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateNumberOfMessagesVisible",
        "Dimensions": [{"Name": "QueueName", "Value": "full"}],
        "Period": 7200,
        **window(),
        "Statistics": ["Maximum"],
    }
    (point,) = cloudwatch.get_metric_statistics(**asked)["Datapoints"]
    assert point["Maximum"] == 2.0


def test_missing_data_is_treated_as_asked(fresh_sandbox: Any, cloudwatch: Any) -> None:
    for treatment in ("breaching", "notBreaching", "missing"):
        cloudwatch.put_metric_alarm(
            AlarmName=treatment,
            Namespace="app",
            MetricName="nothing",
            Statistic="Average",
            Period=10,
            EvaluationPeriods=2,
            Threshold=2.0,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData=treatment,
        )
    fresh_sandbox.advance_clock(30)
    expected = {"breaching": "ALARM", "notBreaching": "OK", "missing": "INSUFFICIENT_DATA"}

    def alarms() -> dict[str, Any]:
        return {alarm["AlarmName"]: alarm for alarm in cloudwatch.describe_alarms()["MetricAlarms"]}

    until(lambda: {name: alarm["StateValue"] for name, alarm in alarms().items()} == expected)
    assert alarms()["breaching"]["StateReason"] == (
        "Threshold Crossed: no datapoints were received for 2 periods and 2 missing datapoints were treated as "
        "[Breaching]."
    )


def test_states_actions_and_tags(cloudwatch: Any) -> None:
    alarm = {
        "AlarmName": "a",
        "Namespace": "app",
        "MetricName": "m",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "LessThanThreshold",
    }
    cloudwatch.put_metric_alarm(**alarm, Tags=[{"Key": "team", "Value": "x"}])
    cloudwatch.set_alarm_state(AlarmName="a", StateValue="OK", StateReason="because")
    cloudwatch.disable_alarm_actions(AlarmNames=["a"])
    (shown,) = cloudwatch.describe_alarms_for_metric(Namespace="app", MetricName="m")["MetricAlarms"]
    assert (shown["StateValue"], shown["StateReason"], shown["ActionsEnabled"]) == ("OK", "because", False)
    cloudwatch.enable_alarm_actions(AlarmNames=["a"])
    arn = shown["AlarmArn"]
    cloudwatch.tag_resource(ResourceARN=arn, Tags=[{"Key": "b", "Value": "2"}])
    cloudwatch.untag_resource(ResourceARN=arn, TagKeys=["team"])
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    cloudwatch.delete_alarms(AlarmNames=["a"])
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []


def test_dashboards(cloudwatch: Any) -> None:
    """As recorded at AWS: bodies without spaces, names that no dashboard has passed over."""
    cloudwatch.put_dashboard(DashboardName="main", DashboardBody='{ "widgets": [],\n "start": "\\u2603" }')
    assert cloudwatch.get_dashboard(DashboardName="main")["DashboardBody"] == '{"widgets":[],"start":"☃"}'
    (entry,) = cloudwatch.list_dashboards(DashboardNamePrefix="ma")["DashboardEntries"]
    assert entry["Size"] == 28
    assert entry["LastModified"].microsecond == 0
    refused = error_of(cloudwatch.delete_dashboards, DashboardNames=["main", "a/b"])
    assert refused[1].startswith("The value for field DashboardNames[1] contains invalid characters. ")
    cloudwatch.delete_dashboards(DashboardNames=["main", "none", "none"])
    assert cloudwatch.list_dashboards()["DashboardEntries"] == []


def test_tags_of_dashboards(cloudwatch: Any) -> None:
    """As recorded at AWS: given with a new dashboard, then only by TagResource."""
    body = '{"widgets":[]}'
    cloudwatch.put_dashboard(DashboardName="main", DashboardBody=body, Tags=[{"Key": "a", "Value": "1"}])
    cloudwatch.put_dashboard(DashboardName="main", DashboardBody=body, Tags=[{"Key": "a", "Value": "2"}])
    resource = {"ResourceARN": cloudwatch.get_dashboard(DashboardName="main")["DashboardArn"]}
    assert cloudwatch.list_tags_for_resource(**resource)["Tags"] == [{"Key": "a", "Value": "1"}]
    cloudwatch.tag_resource(**resource, Tags=[{"Key": "b", "Value": "3"}])
    cloudwatch.untag_resource(**resource, TagKeys=["a"])
    assert cloudwatch.list_tags_for_resource(**resource)["Tags"] == [{"Key": "b", "Value": "3"}]


def widgets(*changes: dict[str, Any]) -> dict[str, Any]:
    return {"widgets": [{"type": "text", "properties": {"markdown": "x"}} | change for change in changes]}


AT_PROPERTIES = "/widgets/0/properties"
NO_SOURCE = "The metric widget should have specified a region and a data source or an alarm annotation"
MISTAKES: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({}, [("", "Should have required property 'widgets'")]),
    ({"widgets": None}, [("/widgets", "Should be array")]),
    ({"widgets": [], "variables": {}}, [("/variables", "Should be array")]),
    (widgets(*[{}] * 501), [("/widgets", "Should NOT have more than 500 items")]),
    ({"widgets": [1]}, [("/widgets/0", "Should be object")]),
    ({"widgets": [{"properties": {}}]}, [("/widgets/0", "Should have required property 'type'")]),
    ({"widgets": [{"type": "text"}]}, [("/widgets/0", "Should have required property 'properties'")]),
    (widgets({"x": 1}), [("/widgets/0", "Should have property y when property x is present")]),
    (widgets({"x": -1, "y": -1}), [("/widgets/0/x", "Should be >= 0"), ("/widgets/0/y", "Should be >= 0")]),
    (widgets({"x": 24, "y": 0.5}), [("/widgets/0/x", "Should be <= 23"), ("/widgets/0/y", "Should be integer")]),
    (
        widgets({"width": 25, "height": 1001}),
        [("/widgets/0/height", "Should be <= 1000"), ("/widgets/0/width", "Should be <= 24")],
    ),
    (widgets({"properties": []}), [(AT_PROPERTIES, "Should be object")]),
    (widgets({}, {"properties": {}}), [("/widgets/1/properties", "Should have required property 'markdown'")]),
    (widgets({"properties": {"markdown": 3}}), [(f"{AT_PROPERTIES}/markdown", "Should be string")]),
    (widgets({"type": "alarm"}), [(AT_PROPERTIES, "Should have required property 'alarms'")]),
    (
        widgets({"type": "metric", "properties": {"metrics": [["AWS/EC2", "CPUUtilization"]]}}),
        [
            (AT_PROPERTIES, "Should have required property 'region'"),
            (AT_PROPERTIES, NO_SOURCE),
            (AT_PROPERTIES, "Should have required property 'annotations'"),
        ],
    ),
    (
        widgets({"type": "metric", "properties": {"region": "us-west-2", "metrics": [], "period": 7}}),
        [
            (f"{AT_PROPERTIES}/period", "Should be >= 60"),
            (f"{AT_PROPERTIES}/period", "Should be multiple of 60"),
            (f"{AT_PROPERTIES}/period", "Should match exactly one schema in oneOf"),
        ],
    ),
]


@pytest.mark.parametrize(("body", "mistakes"), MISTAKES, ids=range(len(MISTAKES)))
def test_bodies_of_dashboards(cloudwatch: Any, body: dict[str, Any], mistakes: list[tuple[str, str]]) -> None:
    """As recorded at AWS: every mistake of a body by its place. What there was is kept."""
    kept = '{"widgets":[],"start":"-PT1H"}'
    cloudwatch.put_dashboard(DashboardName="main", DashboardBody=kept)
    code, message, status = error_of(cloudwatch.put_dashboard, DashboardName="main", DashboardBody=json.dumps(body))
    assert (code, status) == ("InvalidParameterInput", 400)
    said, _, listed = message.partition(":\n")
    assert said == f"The dashboard body is invalid, there are {len(mistakes)} validation errors"
    wanted = [{"dataPath": place, "message": text} for place, text in mistakes]
    assert listed == json.dumps(wanted, indent=2)
    assert cloudwatch.get_dashboard(DashboardName="main")["DashboardBody"] == kept


def test_warnings_of_dashboards(cloudwatch: Any) -> None:
    """As recorded at AWS: kept, though AWS would not show it."""
    text = {"future": 1, "properties": {"markdown": "x", "odd": 2}}
    body = widgets(text, {"type": "novel"}) | {"periodOverride": "bogus", "more": []}
    answer = cloudwatch.put_dashboard(DashboardName="main", DashboardBody=json.dumps(body))
    of_widget = "property is not expected to be part of a widget definition, will be ignored"
    assert [(row["DataPath"], row["Message"]) for row in answer["DashboardValidationMessages"]] == [
        ("", 'The "more" property is not expected, will be ignored'),
        ("/periodOverride", 'Should match pattern "^(inherit|auto)$"'),
        ("/widgets/0", f'The "future" {of_widget}'),
        ("/widgets/0/properties", f'The "odd" {of_widget}'),
        (
            "/widgets/1/type",
            "The specified widget type is unknown. Use one of the allowed values: chart,custom,metric,service,text,"
            "log,alarm,explorer,timeline,serviceMap,serviceTable,trace",
        ),
    ]
    assert json.loads(cloudwatch.get_dashboard(DashboardName="main")["DashboardBody"]) == body


def test_tables_have_metrics_of_their_own(fresh_sandbox: Any, cloudwatch: Any) -> None:
    """CLOUDWATCH-002: monitoring without adding code: what a table consumed is a metric."""
    dynamodb = fresh_sandbox.client("dynamodb")
    dynamodb.create_table(
        TableName="table",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    dynamodb.put_item(TableName="table", Item={"id": {"S": "1"}})
    asked = {
        "Namespace": "AWS/DynamoDB",
        "MetricName": "ConsumedWriteCapacityUnits",
        "Dimensions": [{"Name": "TableName", "Value": "table"}],
        "Period": 3600,
        "Statistics": ["Sum"],
    }
    points = until(lambda: cloudwatch.get_metric_statistics(**asked, **window())["Datapoints"])
    assert [point["Sum"] for point in points] == [1.0]


def test_tables_metrics_by_index_and_statement(fresh_sandbox: Any, cloudwatch: Any) -> None:
    """As recorded at AWS: indexes by themselves, writes also by their source, refused conditions of transactions one by
    one but no duplicate insertions, and statements by what they do."""
    dynamodb = fresh_sandbox.client("dynamodb")
    table = make_table(
        dynamodb, sort=None, attributes={"g": "S"}, GlobalSecondaryIndexes=[index("by-g", "g", projection="KEYS_ONLY")]
    )
    item = {"pk": {"S": "a"}, "g": {"S": "g"}, "text": {"S": "x" * 3000}}
    dynamodb.put_item(TableName=table, Item=item)
    found = {"KeyConditionExpression": "g = :g", "ExpressionAttributeValues": {":g": {"S": "g"}}}
    dynamodb.query(TableName=table, IndexName="by-g", **found)
    dynamodb.get_item(TableName=table, Key={"pk": {"S": "a"}})
    never = {"Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
    free = {"Item": {"pk": {"S": "b"}}}
    puts = [{"Put": {"TableName": table, **each}} for each in (never, free)]
    insert = {"Statement": f"INSERT INTO \"{table}\" VALUE {{'pk': 'a'}}"}
    assert error_of(dynamodb.transact_write_items, TransactItems=puts)[0] == "TransactionCanceledException"
    assert error_of(dynamodb.execute_transaction, TransactStatements=[insert])[0] == "TransactionCanceledException"
    dynamodb.execute_statement(Statement=f"UPDATE \"{table}\" SET n = 1 WHERE pk = 'a'")
    dynamodb.execute_transaction(TransactStatements=[{"Statement": f"SELECT * FROM \"{table}\" WHERE pk = 'a'"}])

    def total(name: str, *more: tuple[str, str], statistic: str = "Sum") -> float:
        points = cloudwatch.get_metric_statistics(
            Namespace="AWS/DynamoDB",
            MetricName=name,
            Dimensions=[{"Name": key, "Value": value} for key, value in (("TableName", table), *more)],
            Period=3600,
            Statistics=[statistic],
            **window(),
        )["Datapoints"]
        return float(sum(point[statistic] for point in points))

    by_g, customer = ("GlobalSecondaryIndexName", "by-g"), ("Source", "Customer")
    until(lambda: total("ConsumedReadCapacityUnits") == 0.5 + 2)
    assert total("ConsumedReadCapacityUnits", by_g) == 0.5
    written = 3 + 2 * (3 + 1) + 2 * 3 + 3
    assert (total("ConsumedWriteCapacityUnits"), total("ConsumedWriteCapacityUnits", customer)) == (written, written)
    assert (total("ConsumedWriteCapacityUnits", by_g), total("ConsumedWriteCapacityUnits", by_g, customer)) == (1, 1)
    assert total("ConditionalCheckFailedRequests") == 1
    for operation, told in (
        ("ExecuteStatement", ("Verb", "PartiQLUpdate")),
        ("ExecuteTransaction", ("OperationType", "Read")),
    ):
        asked = (("Operation", operation), told)
        assert total("SuccessfulRequestLatency", *asked, statistic="SampleCount") == 1


def test_replication_has_a_latency(fresh_sandbox: Any, cloudwatch: Any) -> None:
    """A metric of the table that was written, by the region that received; and both regions consumed capacity."""
    here, there = (fresh_sandbox.client("dynamodb", region=region) for region in ("us-east-1", "eu-west-1"))
    table = make_table(here, sort=None)
    here.update_table(TableName=table, ReplicaUpdates=[{"Create": {"RegionName": "eu-west-1"}}])
    eventually(lambda: here.describe_table(TableName=table)["Table"]["TableStatus"] == "ACTIVE")
    here.put_item(TableName=table, Item={"pk": {"S": "1"}})
    eventually(lambda: "Item" in there.get_item(TableName=table, Key={"pk": {"S": "1"}}))

    def points(client: Any, name: str, *dimensions: tuple[str, str]) -> list[dict[str, Any]]:
        asked = {
            "Namespace": "AWS/DynamoDB",
            "MetricName": name,
            "Dimensions": [{"Name": key, "Value": value} for key, value in (("TableName", table), *dimensions)],
            "Period": 3600,
            "Statistics": ["Sum", "SampleCount"],
        }
        found: list[dict[str, Any]] = client.get_metric_statistics(**asked, **window())["Datapoints"]
        return found

    (latency,) = until(lambda: points(cloudwatch, "ReplicationLatency", ("ReceivingRegion", "eu-west-1")))
    assert (latency["SampleCount"], latency["Unit"]) == (1.0, "Milliseconds")
    for client in (cloudwatch, fresh_sandbox.client("cloudwatch", region="eu-west-1")):
        (consumed,) = until(lambda client=client: points(client, "ConsumedWriteCapacityUnits"))
        assert consumed["Sum"] == 1.0


ALARM = {
    "AlarmName": "a", "Namespace": "n", "MetricName": "m", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1.0,
    "ComparisonOperator": "GreaterThanThreshold",
}  # fmt: skip
ERRORS: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "put_metric_data",
        {"Namespace": "n", "MetricData": [{"MetricName": "m", "Value": 1.0, "Values": [1.0]}]},
        "InvalidParameterCombination",
        "The parameters MetricData.member.1.Value and MetricData.member.1.Values are mutually exclusive and you have "
        "specified both.",
    ),
    (
        "put_metric_data",
        {"Namespace": "n", "MetricData": [{"MetricName": "m", "Values": [1.0], "Counts": [1.0, 2.0]}]},
        "InvalidParameterValue",
        "The parameters MetricData.member.1.Values and MetricData.member.1.Counts must be of the same size.",
    ),
    (
        "get_metric_statistics",
        {
            "Namespace": "n",
            "MetricName": "m",
            "StartTime": 0,
            "EndTime": 86_400,
            "Period": 1,
            "Statistics": ["Sum"],
        },
        "InvalidParameterCombination",
        "You have requested up to 86400 datapoints, which exceeds the limit of 1440. You may reduce the datapoints "
        "requested by increasing Period, or decreasing the time range.",
    ),
    (
        "get_metric_statistics",
        {"Namespace": "n", "MetricName": "m", "StartTime": 9, "EndTime": 1, "Period": 60, "Statistics": ["Sum"]},
        "InvalidParameterValue",
        "The parameter StartTime must be less than the parameter EndTime.",
    ),
    ("set_alarm_state", {"AlarmName": "none", "StateValue": "OK", "StateReason": "x"}, "ResourceNotFound", ""),
    (
        "set_alarm_state",
        {"AlarmName": "none", "StateValue": "INVALID", "StateReason": "x"},
        "ValidationError",
        "1 validation error detected: Value 'INVALID' at 'stateValue' failed to satisfy constraint: Member must "
        "satisfy enum value set: [INSUFFICIENT_DATA, ALARM, OK]",
    ),
    (
        "put_dashboard",
        {"DashboardName": "a b", "DashboardBody": "{}"},
        "InvalidParameterValue",
        "The value for field DashboardName contains invalid characters. It can only contain alphanumerics, dash (-) "
        "and underscore (_).\n",
    ),
    ("get_dashboard", {"DashboardName": "none"}, "ResourceNotFound", "Dashboard none does not exist"),
    (
        "delete_dashboards",
        {"DashboardNames": []},
        "InvalidParameterValue",
        "Field DashboardNames is required and has to contain at least 1 element.\n",
    ),
    (
        "get_metric_statistics",
        {"Namespace": "n", "MetricName": "m", "StartTime": 9.02, "EndTime": 9.9, "Period": 60, "Statistics": ["Sum"]},
        "InvalidParameterValue",
        "The parameter StartTime must be less than the parameter EndTime.",
    ),
    (
        "get_metric_statistics",
        {"Namespace": "n", "MetricName": "m", "StartTime": 1, "EndTime": 9, "Period": 60},
        "InvalidParameterCombination",
        "At least one of the parameters Statistics and ExtendedStatistics must be specified.",
    ),
    ("put_dashboard", {"DashboardName": "a", "DashboardBody": ""}, "InvalidParameterValue",
     "The parameter DashboardBody is required.\n"),
    ("list_dashboards", {"DashboardNamePrefix": "x" * 256}, "InvalidParameterValue",
     "The value for field DashboardNamePrefix is too long. It must have length less than or equal to 255.\n"),
    ("list_dashboards", {"NextToken": "not-a-token"}, "ValidationError", "Invalid NextToken"),
    (
        "put_metric_data",
        {"Namespace": "n", "MetricData": [{"MetricName": "m", "Value": float("nan")}]},
        "InvalidParameterValue",
        "The value NaN for parameter MetricData.member.1.Value is invalid.",
    ),
    (
        "put_metric_data",
        {"Namespace": "n", "MetricData": [{"MetricName": "m", "Values": [1.0, float("-inf")]}]},
        "InvalidParameterValue",
        "The value -Infinity for parameter MetricData.member.1.Values.member.2 is invalid.",
    ),
    ("put_metric_alarm", ALARM | {"ExtendedStatistic": "90"}, "InvalidParameterValue",
     "The value 90 for parameter ExtendedStatistic is not supported."),
    ("put_metric_alarm", ALARM | {"Statistic": "Sum", "TreatMissingData": "x"}, "ValidationError",
     "Option x is not supported. Supported options for parameter TreatMissingData are breaching, notBreaching, ignore "
     "and missing."),
    ("put_metric_alarm", ALARM | {"Statistic": "Sum", "EvaluateLowSampleCountPercentile": "x"}, "ValidationError",
     "Option x is not supported. Supported options for parameter EvaluateLowSampleCountPercentile are evaluate and "
     "ignore."),
    ("tag_resource", {"ResourceARN": "arn:aws:cloudwatch:us-east-1:000000000000:alarm:none",
                      "Tags": [{"Key": "k", "Value": "v"}]}, "ResourceNotFoundException", ""),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "params", "code", "message"), ERRORS)
def test_errors(cloudwatch: Any, operation: str, params: dict[str, Any], code: str, message: str) -> None:
    assert error_of(getattr(cloudwatch, operation), **params)[:2] == (code, message)


def test_queries_over_all_metrics_of_a_namespace(fresh_sandbox: Any) -> None:
    """Metrics Insights: the same SQL that dashboards use finds, groups, orders and limits metrics."""
    cloudwatch = fresh_sandbox.client("cloudwatch")
    at = int(time.time()) // 300 * 300 - 600

    def put(value: float, **dimensions: str) -> None:
        pairs = [{"Name": name, "Value": text} for name, text in dimensions.items()]
        datum = {"MetricName": "Latency", "Dimensions": pairs, "Timestamp": at, "Value": value}
        cloudwatch.put_metric_data(Namespace="My/App", MetricData=[datum])

    put(10, Path="/a", Method="GET")
    put(30, Path="/a", Method="PUT")
    put(50, Path="/b", Method="GET")
    put(99, Path="/a")

    def ask(expression: str, **more: Any) -> list[tuple[str, list[float]]]:
        query = {"Id": "q", "Expression": expression, "Period": 300} | more
        answer = cloudwatch.get_metric_data(StartTime=at - 60, EndTime=at + 600, MetricDataQueries=[query])
        return [(row["Label"], row["Values"]) for row in answer["MetricDataResults"]]

    whole = 'FROM SCHEMA("My/App", Path, Method)'
    assert ask(f"SELECT SUM(Latency) {whole}") == [("q", [90.0])], "exactly these dimensions"
    assert ask('SELECT COUNT(Latency) FROM "My/App"') == [("q", [4.0])], "any dimensions"
    assert ask(f"select avg(Latency) {whole} where Path = '/a' and Method != 'PUT'") == [("q", [10.0])]
    by_path = f"SELECT MAX(Latency) {whole} GROUP BY Path ORDER BY SUM()"
    assert ask(by_path) == [("/a", [30.0]), ("/b", [50.0])]
    assert ask(f"{by_path} DESC LIMIT 1", Label="path") == [("path /b", [50.0])]
    assert ask(f"SELECT MIN(Latency) {whole} GROUP BY Path, Method")[0] == ("/a GET", [10.0])
    assert ask('SELECT SUM(Other) FROM "My/App"') == []
    for wrong in (
        "SELECT",
        "SELECT P99(Latency) FROM x",
        "SELECT SUM(x) FROM y WHERE a > 'b'",
        "SELECT SUM(x) FROM y z",
    ):
        with pytest.raises(cloudwatch.exceptions.ClientError) as caught:
            ask(wrong)
        assert caught.value.response["Error"]["Message"].startswith("Error in expression 'q': ")


def test_an_alarm_on_a_query(fresh_sandbox: Any) -> None:
    """A query without groups is one series; nothing at all is missing data, and groups are refused."""
    cloudwatch = fresh_sandbox.client("cloudwatch")
    alarm: dict[str, Any] = {
        "AlarmName": "a", "EvaluationPeriods": 1, "Threshold": 5.0, "ComparisonOperator": "GreaterThanThreshold",
    }  # fmt: skip
    query = {"Id": "q", "Expression": "SELECT SUM(m) FROM n", "Period": 60}
    cloudwatch.put_metric_alarm(**alarm, Metrics=[query])
    fresh_sandbox.advance_clock(120)
    assert cloudwatch.describe_alarms()["MetricAlarms"][0]["StateValue"] == "INSUFFICIENT_DATA"
    cloudwatch.put_metric_data(Namespace="n", MetricData=[{"MetricName": "m", "Value": 9}])
    fresh_sandbox.advance_clock(120)
    states = [
        row["HistorySummary"]
        for row in cloudwatch.describe_alarm_history(HistoryItemType="StateUpdate")["AlarmHistoryItems"]
    ]
    assert "Alarm updated from INSUFFICIENT_DATA to ALARM" in states
    grouped = [query | {"Expression": "SELECT SUM(m) FROM n GROUP BY d"}]
    assert error_of(cloudwatch.put_metric_alarm, **alarm, Metrics=grouped)[0] == "ValidationError"
