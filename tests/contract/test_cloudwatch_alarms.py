"""Alarms on alarms and on expressions, whom alarms tell, anomaly detectors and insight rules, as boto3 sees them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.conftest import error_of, until
from tests.contract.lambda_bench import TELL, Queue, create, permit


@pytest.fixture
def cloudwatch(fresh_sandbox: Any) -> Any:
    return fresh_sandbox.client("cloudwatch")


SIMPLE = {
    "Namespace": "app",
    "MetricName": "m",
    "Statistic": "Sum",
    "Period": 3600,
    "EvaluationPeriods": 1,
    "Threshold": 1.0,
    "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "ignore",
}


def _put(cloudwatch: Any, *names: str, **more: Any) -> None:
    for name in names:
        cloudwatch.put_metric_alarm(AlarmName=name, **{**SIMPLE, **more})


def _set(cloudwatch: Any, name: str, state: str) -> None:
    cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="testing alarm")


def _composite(cloudwatch: Any, name: str = "both") -> Any:
    return cloudwatch.describe_alarms(AlarmNames=[name], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"][0]


def test_a_composite_alarm_follows_its_children(fresh_sandbox: Any, cloudwatch: Any) -> None:
    """Recorded: test_trigger_composite_alarm; a change that leaves the rule's value changes nothing."""
    topic = fresh_sandbox.client("sns").create_topic(Name="t")["TopicArn"]
    queue = Queue(fresh_sandbox, "q")
    attributes = {"RawMessageDelivery": "true"}
    fresh_sandbox.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes=attributes)
    _put(cloudwatch, "one", "two")
    cloudwatch.put_composite_alarm(
        AlarmName="both", AlarmRule='ALARM("one") OR ALARM(two)', AlarmActions=[topic], AlarmDescription="d"
    )
    assert _composite(cloudwatch)["StateReason"].endswith("was created and its alarm rule evaluates to OK")
    _set(cloudwatch, "one", "ALARM")
    first = _composite(cloudwatch)
    arn = cloudwatch.describe_alarms(AlarmNames=["one"])["MetricAlarms"][0]["AlarmArn"]
    assert first["StateValue"] == "ALARM"
    assert first["StateReason"].startswith(f"{arn} transitioned to ALARM at ")
    data = json.loads(first["StateReasonData"])
    assert [(row["arn"], row["state"]["value"]) for row in data["triggeringAlarms"]] == [(arn, "ALARM")]
    _set(cloudwatch, "two", "ALARM")
    assert _composite(cloudwatch) == first
    (message,) = queue.client.receive_message(QueueUrl=queue.url, WaitTimeSeconds=20)["Messages"]
    told = json.loads(message["Body"])
    assert (told["NewStateValue"], told["AlarmRule"]) == ("ALARM", 'ALARM("one") OR ALARM(two)')
    assert "Trigger" not in told
    related = cloudwatch.describe_alarms(ChildrenOfAlarmName="both")["MetricAlarms"]
    assert [row["AlarmName"] for row in related] == ["one", "two"]
    parents = cloudwatch.describe_alarms(ParentsOfAlarmName="one")["CompositeAlarms"]
    assert [row["AlarmName"] for row in parents] == ["both"]
    assert cloudwatch.describe_alarms(AlarmNames=["both"])["CompositeAlarms"] == [], "by default, metric alarms only"
    history = cloudwatch.describe_alarm_history(AlarmName="both", AlarmTypes=["CompositeAlarm"])["AlarmHistoryItems"]
    assert {row["AlarmType"] for row in history} == {"CompositeAlarm"}
    cloudwatch.delete_alarms(AlarmNames=["both"])
    _set(cloudwatch, "one", "OK")
    assert cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"] == []


def test_refused_composite_alarms(cloudwatch: Any) -> None:
    """Rules that are none, alarms that are not there, circles, names that are taken."""
    _put(cloudwatch, "one")
    cloudwatch.put_composite_alarm(AlarmName="a", AlarmRule="ALARM(one)")
    cloudwatch.put_composite_alarm(AlarmName="b", AlarmRule="ALARM(a)")
    rules = {"a": ["ALARM(b)", "ALARM(a)", "ALARM(", "ALARM(missing)"], "one": ["ALARM(a)"]}
    for name, each in rules.items():
        for rule in each:
            assert error_of(cloudwatch.put_composite_alarm, AlarmName=name, AlarmRule=rule)[0] == "ValidationError"
    code, message, _ = error_of(cloudwatch.put_composite_alarm, AlarmName="c", AlarmRule="OK(missing)")
    assert message == "Could not save the composite alarm as alarms [missing] in the alarm rule do not exist"
    assert error_of(cloudwatch.put_metric_alarm, AlarmName="a", **SIMPLE)[0] == "ValidationError"
    suppressed = {"AlarmName": "c", "AlarmRule": "OK(one)", "ActionsSuppressor": "one"}
    assert error_of(cloudwatch.put_composite_alarm, **suppressed)[0] == "ValidationError"


def test_an_alarm_on_an_expression(fresh_sandbox: Any, cloudwatch: Any) -> None:
    """The share of errors decides, of two metrics that alone would not."""
    stat = {"Period": 60, "Stat": "Sum"}
    queries = [
        {
            "Id": "e",
            "MetricStat": {"Metric": {"Namespace": "app", "MetricName": "errors"}, **stat},
            "ReturnData": False,
        },
        {"Id": "n", "MetricStat": {"Metric": {"Namespace": "app", "MetricName": "calls"}, **stat}, "ReturnData": False},
        {"Id": "share", "Expression": "100 * e / n"},
    ]
    asked = {"AlarmName": "share", "EvaluationPeriods": 1, "Threshold": 10.0, "Metrics": queries}
    asked["ComparisonOperator"] = "GreaterThanOrEqualToThreshold"
    cloudwatch.put_metric_alarm(**asked)
    cloudwatch.put_metric_data(
        Namespace="app", MetricData=[{"MetricName": "errors", "Value": 2}, {"MetricName": "calls", "Value": 20}]
    )
    fresh_sandbox.advance_clock(60)
    until(lambda: cloudwatch.describe_alarms()["MetricAlarms"][0]["StateValue"] == "ALARM")
    (alarm,) = cloudwatch.describe_alarms()["MetricAlarms"]
    assert "datapoints [10.0 (" in alarm["StateReason"]
    assert [query["Id"] for query in alarm["Metrics"]] == ["e", "n", "share"]
    assert (alarm["Dimensions"], "Period" in alarm) == ([], False)
    assert alarm["Metrics"][0]["MetricStat"]["Metric"]["Dimensions"] == []
    assert error_of(cloudwatch.put_metric_alarm, **{**asked, "Period": 60})[0] == "ValidationError"
    every = [{**query, "ReturnData": True} for query in queries]
    assert error_of(cloudwatch.put_metric_alarm, **{**asked, "Metrics": every})[0] == "ValidationError"


def test_expressions_in_metric_data(cloudwatch: Any) -> None:
    """Expressions may name each other in any order; arrays give a result each; mistakes name the query."""
    now = datetime.now(UTC)
    cloudwatch.put_metric_data(
        Namespace="app", MetricData=[{"MetricName": "a", "Value": 3, "Timestamp": now}, {"MetricName": "b", "Value": 4}]
    )
    stat = {"Period": 60, "Stat": "Sum"}
    plain = [
        {
            "Id": f"m{at}",
            "MetricStat": {"Metric": {"Namespace": "app", "MetricName": name}, **stat},
            "ReturnData": False,
        }
        for at, name in enumerate("ab")
    ]
    span = {"StartTime": now - timedelta(minutes=5), "EndTime": now + timedelta(minutes=5)}

    def ask(*expressions: tuple[str, str]) -> list[Any]:
        asked = [{"Id": name, "Expression": text} for name, text in expressions]
        return list(cloudwatch.get_metric_data(MetricDataQueries=plain + asked, **span)["MetricDataResults"])

    rows = ask(("e2", "e1 * 2"), ("e1", "SUM(METRICS())"), ("each", "METRICS() + 1"))
    assert [(row["Id"], row["Label"], sum(row["Values"])) for row in rows] == [
        ("e2", "e2", 14.0),
        ("e1", "e1", 7.0),
        ("each", "a", 4.0),
        ("each", "b", 5.0),
    ]
    for text, reason in (("m0 +", "Invalid syntax"), ("x", "Undefined variable x"), ("1", "must be a time series")):
        asked = [{"Id": "e1", "Expression": text}]
        code, message, _ = error_of(cloudwatch.get_metric_data, MetricDataQueries=asked, **span)
        assert (code, message.startswith("Error in expression 'e1': "), reason in message) == (
            "ValidationError",
            True,
            True,
        )
    circle = [{"Id": "e1", "Expression": "e2"}, {"Id": "e2", "Expression": "e1"}]
    assert error_of(cloudwatch.get_metric_data, MetricDataQueries=circle, **span)[0] == "ValidationError"
    twice = [{"Id": "e1", "Expression": "1"}] * 2
    assert error_of(cloudwatch.get_metric_data, MetricDataQueries=twice, **span)[0] == "ValidationError"


def test_points_of_different_units_stay_apart(cloudwatch: Any) -> None:
    """Recorded: test_handle_different_units, test_get_metric_data_different_units_no_unit_in_query."""
    at = datetime.now(UTC) - timedelta(minutes=1)
    units = (("Count", 5.0), ("Milliseconds", 60000.0), ("Seconds", 60.0))
    cloudwatch.put_metric_data(
        Namespace="app", MetricData=[{"MetricName": "m", "Value": v, "Unit": u, "Timestamp": at} for u, v in units]
    )
    span = {"StartTime": at - timedelta(minutes=5), "EndTime": at + timedelta(minutes=5)}
    points = cloudwatch.get_metric_statistics(
        Namespace="app", MetricName="m", Period=60, Statistics=["Average"], **span
    )["Datapoints"]
    assert sorted((row["Unit"], row["Average"]) for row in points) == list(units)
    stat = {"Metric": {"Namespace": "app", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}
    (row,) = cloudwatch.get_metric_data(MetricDataQueries=[{"Id": "m", "MetricStat": stat}], **span)[
        "MetricDataResults"
    ]
    assert (row["Values"], row["Messages"]) == (
        [5.0],
        [{"Code": "MultipleUnits", "Value": "Multiple units returned: '[Count, Milliseconds, Seconds]'"}],
    )


EXTENDED = [("p50", 5.0), ("tm80", 4.5), ("TM(20%:80%)", 5.5), ("IQM", 5.5), ("tc80", 8.0), ("TS(8:)", 109.0)]
EXTENDED += [("PR(0:5)", 50.0), ("wm80", 5.2), ("p100", 100.0)]


def test_extended_statistics(cloudwatch: Any) -> None:
    """Of 1 to 9 and 100, worked out by hand; a name that is none is refused."""
    values = [*range(1, 10), 100]
    cloudwatch.put_metric_data(Namespace="app", MetricData=[{"MetricName": "x", "Values": values}])
    now = datetime.now(UTC)
    ask = {"Namespace": "app", "MetricName": "x", "Period": 60}
    ask |= {"StartTime": now - timedelta(minutes=5), "EndTime": now + timedelta(minutes=5)}
    (row,) = cloudwatch.get_metric_statistics(ExtendedStatistics=[name for name, _ in EXTENDED], **ask)["Datapoints"]
    assert row["ExtendedStatistics"] == pytest.approx(dict(EXTENDED))
    code = error_of(cloudwatch.get_metric_statistics, ExtendedStatistics=["tm"], **ask)[0]
    assert code == "InvalidParameterValue"


def test_an_alarm_calls_a_function_that_lets_it(fresh_sandbox: Any, cloudwatch: Any) -> None:
    """Recorded: test_alarm_lambda_target; without permission nothing is invoked."""
    functions, queue = fresh_sandbox.client("lambda", read_timeout=30), Queue(fresh_sandbox, "told")
    environment = {"Variables": {"TELL_URL": queue.url}}
    arns = [create(functions, name, TELL, Environment=environment)["FunctionArn"] for name in ("open", "closed")]
    permit(functions, "open", "lambda.alarms.cloudwatch", StatementId="alarms")
    asked = {"AlarmActions": arns, "AlarmDescription": "testing lambda alarm action"}
    cloudwatch.put_metric_alarm(AlarmName="a", **{**SIMPLE, "Statistic": "Average", **asked})
    _set(cloudwatch, "a", "ALARM")
    (message,) = queue.client.receive_message(QueueUrl=queue.url, WaitTimeSeconds=20)["Messages"]
    told = json.loads(message["Body"])
    data = told["alarmData"]
    assert (told["source"], data["state"]["value"], data["state"]["reason"]) == (
        "aws.cloudwatch",
        "ALARM",
        "testing alarm",
    )
    assert data["previousState"]["reason"] == "Unchecked: Initial alarm creation"
    assert data["configuration"]["metrics"][0]["metricStat"] == {
        "metric": {"namespace": "app", "name": "m", "dimensions": {}},
        "period": 3600,
        "stat": "Average",
    }
    assert "Messages" not in queue.client.receive_message(QueueUrl=queue.url)


def test_a_change_of_state_is_an_event(fresh_sandbox: Any, cloudwatch: Any) -> None:
    """Rules on the default bus see it, as CloudWatch sends it."""
    queue, events = Queue(fresh_sandbox, "events"), fresh_sandbox.client("events")
    pattern = {"source": ["aws.cloudwatch"], "detail": {"state": {"value": ["ALARM"]}}}
    events.put_rule(Name="r", EventPattern=json.dumps(pattern))
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": queue.arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    queue.client.set_queue_attributes(QueueUrl=queue.url, Attributes={"Policy": policy})
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": queue.arn}])
    _put(cloudwatch, "a")
    _set(cloudwatch, "a", "OK")
    _set(cloudwatch, "a", "ALARM")
    (message,) = queue.client.receive_message(QueueUrl=queue.url, WaitTimeSeconds=20)["Messages"]
    event = json.loads(message["Body"])
    assert (event["detail-type"], event["detail"]["alarmName"]) == ("CloudWatch Alarm State Change", "a")
    assert (event["detail"]["previousState"]["value"], event["resources"][0].endswith(":alarm:a")) == ("OK", True)


def test_anomaly_detectors_are_kept(cloudwatch: Any) -> None:
    """Recorded: test_anomaly_detector_lifecycle. CLOUDWATCH-003: they stay untrained."""
    metric = {"Namespace": "n", "MetricName": "m", "Stat": "Sum", "Dimensions": [{"Name": "d", "Value": "v"}]}
    cloudwatch.put_anomaly_detector(SingleMetricAnomalyDetector=metric)
    (row,) = cloudwatch.describe_anomaly_detectors(Namespace="n")["AnomalyDetectors"]
    assert row["StateValue"] == "PENDING_TRAINING"
    assert row["SingleMetricAnomalyDetector"].items() >= metric.items()
    assert cloudwatch.describe_anomaly_detectors(Namespace="other")["AnomalyDetectors"] == []
    cloudwatch.delete_anomaly_detector(SingleMetricAnomalyDetector=metric)
    code = error_of(cloudwatch.delete_anomaly_detector, SingleMetricAnomalyDetector=metric)[0]
    assert code == "ResourceNotFoundException"


RULE = {
    "Schema": {"Name": "CloudWatchLogRule", "Version": 1},
    "LogGroupNames": ["api*"],
    "LogFormat": "JSON",
    "Contribution": {"Keys": ["$.ip"], "Filters": [{"Match": "$.status", "GreaterThan": 399}]},
    "AggregateOn": "Count",
}


def test_an_insight_rule_names_the_contributors(fresh_sandbox: Any, cloudwatch: Any) -> None:
    """CLOUDWATCH-004: real lines are counted by key, filters leave out the rest, groups match by their beginning."""
    logs = fresh_sandbox.client("logs")
    cloudwatch.put_insight_rule(RuleName="r", RuleDefinition=json.dumps(RULE))
    now = datetime.now(UTC)
    lines = [
        {"ip": "a", "status": 500},
        {"ip": "b", "status": 404},
        {"ip": "a", "status": 403},
        {"ip": "a", "status": 1},
    ]
    events = [{"timestamp": int(now.timestamp() * 1000) + 1000, "message": json.dumps(line)} for line in lines]
    events.append({"timestamp": int(now.timestamp() * 1000) + 1000, "message": "not JSON"})
    for group in ("api-one", "other"):
        logs.create_log_group(logGroupName=group)
        logs.create_log_stream(logGroupName=group, logStreamName="s")
        logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)
    ask = {"RuleName": "r", "StartTime": now - timedelta(hours=1), "EndTime": now + timedelta(minutes=1), "Period": 300}
    report = cloudwatch.get_insight_rule_report(Metrics=["UniqueContributors"], **ask)
    assert (report["KeyLabels"], report["AggregationStatistic"]) == (["$.ip"], "SampleCount")
    assert (report["AggregateValue"], report["ApproximateUniqueCount"]) == (3.0, 2)
    rows = [(row["Keys"], row["ApproximateAggregateValue"]) for row in report["Contributors"]]
    assert rows == [(["a"], 2.0), (["b"], 1.0)]
    assert sum(point["UniqueContributors"] for point in report["MetricDatapoints"]) == 2.0
    (shown,) = cloudwatch.describe_insight_rules()["InsightRules"]
    assert (shown["Schema"], shown["State"], shown["ManagedRule"]) == ("CloudWatchLogRule/1", "ENABLED", False)
    assert cloudwatch.disable_insight_rules(RuleNames=["r"])["Failures"] == []
    assert cloudwatch.get_insight_rule_report(**ask)["Contributors"] == []
    assert cloudwatch.enable_insight_rules(RuleNames=["missing"])["Failures"][0]["FailureResource"] == "missing"
    assert cloudwatch.delete_insight_rules(RuleNames=["r"])["Failures"] == []
    assert error_of(cloudwatch.get_insight_rule_report, **ask)[0] == "ResourceNotFoundException"
    assert error_of(cloudwatch.put_insight_rule, RuleName="r", RuleDefinition="{}")[0] == "InvalidParameterValue"


PLAIN = {
    "Namespace": "app", "MetricName": "plain", "Statistic": "Average", "Period": 60, "EvaluationPeriods": 3,
    "Threshold": 10.0, "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "ignore",
}  # fmt: skip


def _history(cloudwatch: Any, name: str, kind: str) -> list[tuple[str, dict[str, Any]]]:
    found = cloudwatch.describe_alarm_history(AlarmName=name, HistoryItemType=kind, ScanBy="TimestampAscending")
    return [(row["HistorySummary"], json.loads(row["HistoryData"])) for row in found["AlarmHistoryItems"]]


def test_what_changes_nothing_leaves_no_trace(sandbox: Any) -> None:
    """The same settings, the same switch and the same state are no news to AWS: neither times nor history move."""
    cloudwatch = sandbox.client("cloudwatch")

    def shown() -> dict[str, Any]:
        return dict(cloudwatch.describe_alarms(AlarmNames=["same"])["MetricAlarms"][0])

    cloudwatch.put_metric_alarm(AlarmName="same", **PLAIN)
    first = {"StateReason": "first", "StateReasonData": '{ "a": [1] }'}
    cloudwatch.set_alarm_state(AlarmName="same", StateValue="ALARM", **first)
    before = shown()
    sandbox.advance_clock(1)
    cloudwatch.put_metric_alarm(AlarmName="same", **PLAIN)
    cloudwatch.enable_alarm_actions(AlarmNames=["same", "missing"])
    cloudwatch.set_alarm_state(AlarmName="same", StateValue="ALARM", StateReason="second")
    assert shown() == before
    cloudwatch.disable_alarm_actions(AlarmNames=["same", "missing"])
    assert shown()["AlarmConfigurationUpdatedTimestamp"] > before["AlarmConfigurationUpdatedTimestamp"]
    states = _history(cloudwatch, "same", "StateUpdate")
    assert [data["newState"] for _, data in states] == [
        {"stateValue": "ALARM", "stateReason": "first", "stateReasonData": {"a": [1]}}
    ]
    refused = error_of(
        cloudwatch.set_alarm_state, AlarmName="same", StateValue="OK", StateReason="x", StateReasonData='{"a":'
    )
    assert refused == ("InvalidFormat", "", 400)


def test_configurations_are_kept_in_the_history(sandbox: Any) -> None:
    """Whole alarms, with what an update changed; also after the alarm is gone. Items come in pages."""
    cloudwatch = sandbox.client("cloudwatch")
    cloudwatch.put_metric_alarm(AlarmName="kept", **PLAIN, AlarmDescription="d")
    cloudwatch.put_metric_alarm(AlarmName="kept", **PLAIN | {"Threshold": 20.5}, AlarmDescription="d")
    cloudwatch.delete_alarms(AlarmNames=["kept"])
    items = _history(cloudwatch, "kept", "ConfigurationUpdate")
    assert [summary for summary, _ in items] == [f'Alarm "kept" {verb}' for verb in ("created", "updated", "deleted")]
    created, updated, deleted = (data for _, data in items)
    assert list(created["createdAlarm"]) == [
        "alarmName", "alarmDescription", "alarmArn", "alarmConfigurationUpdatedTimestamp", "namespace", "metricName",
        "extendedStatistic", "period", "dimensions", "evaluationPeriods", "threshold", "comparisonOperator",
        "treatMissingData", "stateValue", "stateUpdatedTimestamp", "actionsEnabled", "alarmActions",
        "insufficientDataActions", "okactions",
    ]  # fmt: skip
    assert created["createdAlarm"]["extendedStatistic"] == "AVERAGE"
    assert updated["originalUpdatedFields"].keys() == {"alarmConfigurationUpdatedTimestamp", "threshold"}
    assert (deleted["type"], deleted["deletedAlarm"]["threshold"]) == ("Delete", 20.5)
    pages = cloudwatch.get_paginator("describe_alarm_history").paginate(AlarmName="kept", MaxRecords=2)
    assert [len(page["AlarmHistoryItems"]) for page in pages] == [2, 1]
    bad = error_of(cloudwatch.describe_alarm_history, AlarmName="kept", NextToken="bad")
    assert bad == ("InvalidNextToken", "Invalid NextToken : bad", 400)


def test_the_history_goes_back_a_month(fresh_sandbox: Any, cloudwatch: Any) -> None:
    """Whole alarms stand in it: one that flaps for years must not keep them all."""
    cloudwatch.put_metric_alarm(AlarmName="old", **PLAIN)
    fresh_sandbox.advance_clock(31 * 86_400)
    cloudwatch.disable_alarm_actions(AlarmNames=["old"])
    items = _history(cloudwatch, "old", "ConfigurationUpdate")
    assert [summary for summary, _ in items] == ['Alarm "old" updated']


def test_configurations_are_told_to_the_bus(fresh_sandbox: Any, cloudwatch: Any) -> None:
    """An event for each of create, update and delete; the id of the metric stays as long as the settings do."""
    queue, events = Queue(fresh_sandbox, "told"), fresh_sandbox.client("events")
    pattern = json.dumps({"detail-type": ["CloudWatch Alarm Configuration Change"]})
    events.put_rule(Name="told", EventPattern=pattern)
    events.put_targets(Rule="told", Targets=[{"Id": "q", "Arn": queue.arn}])

    def next_detail() -> dict[str, Any]:
        return dict(queue.take_json()[0]["detail"])

    cloudwatch.put_metric_alarm(AlarmName="told", **PLAIN)
    created = next_detail()
    assert (created["operation"], created["state"].keys()) == ("create", {"value", "timestamp"})
    asked = created["configuration"]
    assert (asked["threshold"], asked["alarmName"], asked["okActions"]) == (10, "told", [])
    assert asked["metrics"][0]["metricStat"]["metric"] == {"namespace": "app", "name": "plain", "dimensions": {}}
    cloudwatch.disable_alarm_actions(AlarmNames=["told"])
    updated = next_detail()
    assert (updated["operation"], updated["previousConfiguration"]) == ("update", asked)
    assert updated["configuration"]["metrics"] == asked["metrics"]
    cloudwatch.delete_alarms(AlarmNames=["told"])
    deleted = next_detail()
    assert (deleted["operation"], deleted["state"]["reason"]) == ("delete", "Unchecked: Initial alarm creation")


def test_refused_alarms(sandbox: Any) -> None:
    """Words as recorded at AWS; nothing is kept of what is refused."""
    cloudwatch = sandbox.client("cloudwatch")
    cloudwatch.put_metric_alarm(AlarmName="there", **PLAIN)
    cloudwatch.put_composite_alarm(AlarmName="composed", AlarmRule="FALSE")
    stat = {"Metric": {"Namespace": "app", "MetricName": "plain"}, "Period": 60, "Stat": "Average"}
    queries = [{"Id": "m", "MetricStat": stat}]
    other_type = "AlarmName [{}] is already used by another alarm of a different type"
    both = (
        "PutMetricAlarm request can not be made with both Statistic and ExtendedStatistic parameters. Only one of them "
        "should be present"
    )
    reserved = 'The provided tag keys must not start with any case of "aws:"'
    many = [{"Key": f"k{at}", "Value": "v"} for at in range(51)]
    put = cloudwatch.put_metric_alarm
    for operation, given, refused in (
        (put, {"Metrics": queries}, "MetricName should not be set if list of Metrics is set."),
        (put, {"ExtendedStatistic": "p90"}, both),
        (put, {"AlarmActions": ["not-an-arn"], "ActionsEnabled": False}, "Invalid arn syntax: not-an-arn"),
        (put, {"Tags": many}, "The resultant tag set must not have more than 50 user tags."),
        (put, {"AlarmName": "composed"}, other_type.format("composed")),
    ):
        assert error_of(operation, **{"AlarmName": "new", **PLAIN} | given) == ("ValidationError", refused, 400)
    composed = error_of(cloudwatch.put_composite_alarm, AlarmName="there", AlarmRule="FALSE")
    assert composed == ("ValidationError", other_type.format("there"), 400)
    tagged = error_of(put, AlarmName="new", **PLAIN, Tags=[{"Key": "AWS:x", "Value": "v"}])
    assert tagged == ("AccessDenied", reserved, 403)
    assert cloudwatch.describe_alarms(AlarmNames=["new"])["MetricAlarms"] == []
    arn = cloudwatch.describe_alarms(AlarmNames=["there"])["MetricAlarms"][0]["AlarmArn"]
    assert error_of(cloudwatch.tag_resource, ResourceARN=arn, Tags=[{"Key": "aws:x", "Value": ""}])[1] == reserved
    assert error_of(cloudwatch.tag_resource, ResourceARN=arn, Tags=many)[:2] == (
        "InvalidParameterValue",
        "tags are invalid.",
    )
    absent = error_of(cloudwatch.list_tags_for_resource, ResourceARN=arn + "-not")
    assert absent == ("ResourceNotFoundException", "", 404)


def test_alarms_of_a_metric_are_chosen_by_how_they_watch_it(sandbox: Any) -> None:
    """By statistic, period and unit, each only where the request names it."""
    cloudwatch = sandbox.client("cloudwatch")
    metric = {"Namespace": "app", "MetricName": "chosen"}
    cloudwatch.put_metric_alarm(AlarmName="mean", **PLAIN | metric)
    counted = {"Statistic": "Sum", "Period": 120, "Unit": "Count"}
    cloudwatch.put_metric_alarm(AlarmName="sum", **PLAIN | metric | counted)
    for asked, names in (
        ({}, ["mean", "sum"]),
        ({"Statistic": "Sum"}, ["sum"]),
        ({"Statistic": "Average", "Period": 120}, []),
        ({"Unit": "Count"}, ["sum"]),
    ):
        found = cloudwatch.describe_alarms_for_metric(**metric, **asked)["MetricAlarms"]
        assert sorted(row["AlarmName"] for row in found) == names, asked
