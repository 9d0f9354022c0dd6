"""Alarm mute rules: windows by a schedule, in which alarms change their states and tell nobody."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.conftest import error_of, until


@pytest.fixture
def cloudwatch(fresh_sandbox: Any) -> Any:
    return fresh_sandbox.client("cloudwatch")


@pytest.fixture
def told(fresh_sandbox: Any, cloudwatch: Any) -> Any:
    """The states that an alarm named `a` told its topic, as far as they have arrived."""
    sns, sqs = fresh_sandbox.client("sns"), fresh_sandbox.client("sqs")
    topic = sns.create_topic(Name="t")["TopicArn"]
    queue = sqs.create_queue(QueueName="q")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allowed = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    cloudwatch.put_metric_alarm(
        AlarmName="a", Namespace="n", MetricName="m", Statistic="Sum", Period=86_400, EvaluationPeriods=1, Threshold=1,
        ComparisonOperator="GreaterThanThreshold", TreatMissingData="ignore", AlarmActions=[topic], OKActions=[topic],
    )  # fmt: skip
    found: list[str] = []

    def read() -> list[str]:
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
            body = json.loads(message["Body"])
            found.append(f"{body['OldStateValue']}>{body['NewStateValue']}")
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return found

    return read


def _put(cloudwatch: Any, expression: str, duration: str = "PT2H", **more: Any) -> None:
    schedule = {"Expression": expression, "Duration": duration, **more.pop("schedule", {})}
    asked = {"Name": "r", "Rule": {"Schedule": schedule}, "MuteTargets": {"AlarmNames": ["a"]}, **more}
    cloudwatch.put_alarm_mute_rule(**asked)


def _at(moment: datetime) -> str:
    return f"at({moment:%Y-%m-%dT%H:%M})"


def _state(cloudwatch: Any, state: str) -> None:
    cloudwatch.set_alarm_state(AlarmName="a", StateValue=state, StateReason="test")


def test_actions_wait_for_the_end_of_a_mute(fresh_sandbox: Any, cloudwatch: Any, told: Any) -> None:
    """The state changes at once. What it tells is told at the end, where it still holds."""
    _put(cloudwatch, _at(datetime.now(UTC) - timedelta(minutes=30)))
    assert cloudwatch.get_alarm_mute_rule(AlarmMuteRuleName="r")["Status"] == "ACTIVE"
    _state(cloudwatch, "ALARM")
    assert cloudwatch.describe_alarms(AlarmNames=["a"])["MetricAlarms"][0]["StateValue"] == "ALARM"
    fresh_sandbox.advance_clock(3600)
    assert told() == []
    fresh_sandbox.advance_clock(3600)
    until(lambda: told() == ["INSUFFICIENT_DATA>ALARM"])
    assert cloudwatch.get_alarm_mute_rule(AlarmMuteRuleName="r")["Status"] == "EXPIRED"
    _state(cloudwatch, "OK")
    until(lambda: told() == ["INSUFFICIENT_DATA>ALARM", "ALARM>OK"])


def test_only_the_last_change_is_told(fresh_sandbox: Any, cloudwatch: Any, told: Any) -> None:
    _put(cloudwatch, _at(datetime.now(UTC) - timedelta(minutes=30)))
    _state(cloudwatch, "ALARM")
    _state(cloudwatch, "OK")
    fresh_sandbox.advance_clock(2 * 3600)
    until(lambda: told() == ["ALARM>OK"])


def test_a_deleted_rule_lets_go(cloudwatch: Any, told: Any) -> None:
    """So does one that is put for other alarms; a rule that isn't there is deleted without complaint."""
    _put(cloudwatch, _at(datetime.now(UTC) - timedelta(minutes=30)))
    _state(cloudwatch, "ALARM")
    cloudwatch.delete_alarm_mute_rule(AlarmMuteRuleName="r")
    cloudwatch.delete_alarm_mute_rule(AlarmMuteRuleName="r")
    until(lambda: told() == ["INSUFFICIENT_DATA>ALARM"])
    _put(cloudwatch, _at(datetime.now(UTC) - timedelta(minutes=30)))
    _state(cloudwatch, "OK")
    _put(cloudwatch, _at(datetime.now(UTC) - timedelta(minutes=30)), MuteTargets={"AlarmNames": ["b"]})
    until(lambda: told() == ["INSUFFICIENT_DATA>ALARM", "ALARM>OK"])


def test_rules_recur_in_their_time_zone(fresh_sandbox: Any, cloudwatch: Any) -> None:
    """Five fields, weekdays from 0: as cron on any machine, not as EventBridge."""
    now = datetime.now(UTC)
    tokyo = now + timedelta(hours=9)
    weekday = (tokyo.weekday() + 1) % 7
    expression = f"cron({tokyo.minute} {tokyo.hour} * * {weekday})"
    _put(cloudwatch, expression, "PT1H", schedule={"Timezone": "Asia/Tokyo"}, Description="d")

    def status() -> str:
        return str(cloudwatch.get_alarm_mute_rule(AlarmMuteRuleName="r")["Status"])

    shown = cloudwatch.get_alarm_mute_rule(AlarmMuteRuleName="r")
    assert (shown["MuteType"], shown["Description"], shown["Status"]) == ("RECURRING", "d", "ACTIVE")
    assert shown["Rule"]["Schedule"]["Expression"] == expression
    fresh_sandbox.advance_clock(2 * 3600)
    assert status() == "SCHEDULED"
    fresh_sandbox.advance_clock(7 * 86_400 - 2 * 3600)
    assert status() == "ACTIVE"


def test_rules_begin_and_expire(fresh_sandbox: Any, cloudwatch: Any) -> None:
    now = datetime.now(UTC)
    dates = {"StartDate": now + timedelta(hours=2), "ExpireDate": now + timedelta(hours=4)}
    _put(cloudwatch, "cron(* * * * *)", "PT1M", **dates)
    seen = []
    for _ in range(3):
        (row,) = cloudwatch.list_alarm_mute_rules()["AlarmMuteRuleSummaries"]
        seen.append(row["Status"])
        fresh_sandbox.advance_clock(3 * 3600)
    assert seen == ["SCHEDULED", "ACTIVE", "EXPIRED"]
    assert row["ExpireDate"] and row["AlarmMuteRuleArn"].endswith(":alarm-mute-rule:r")


def test_rules_are_listed_and_tagged(cloudwatch: Any) -> None:
    _put(cloudwatch, "at(2050-01-01T00:00)", Tags=[{"Key": "a", "Value": "1"}])
    _put(cloudwatch, "at(2000-01-01T00:00)", Name="old", MuteTargets={"AlarmNames": ["b"]})

    def listed(**asked: Any) -> list[str]:
        rows = cloudwatch.list_alarm_mute_rules(**asked)["AlarmMuteRuleSummaries"]
        return [row["AlarmMuteRuleArn"].rpartition(":")[2] for row in rows]

    assert (listed(), listed(AlarmName="b"), listed(Statuses=["SCHEDULED"])) == (["old", "r"], ["old"], ["r"])
    first = cloudwatch.list_alarm_mute_rules(MaxRecords=1)
    assert listed(NextToken=first["NextToken"]) == ["r"]
    arn = cloudwatch.get_alarm_mute_rule(AlarmMuteRuleName="r")["AlarmMuteRuleArn"]
    cloudwatch.tag_resource(ResourceARN=arn, Tags=[{"Key": "b", "Value": "2"}])
    cloudwatch.untag_resource(ResourceARN=arn, TagKeys=["a"])
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    missing = error_of(cloudwatch.get_alarm_mute_rule, AlarmMuteRuleName="none")
    assert missing[0].startswith("ResourceNotFound")


@pytest.mark.parametrize(
    ("expression", "duration", "more"),
    [
        ("rate(1 day)", "PT1H", {}),
        ("cron(0 2 * * ? *)", "PT1H", {}),
        ("cron(99 2 * * *)", "PT1H", {}),
        ("at(soon)", "PT1H", {}),
        ("cron(0 2 * * *)", "1h", {}),
        ("cron(0 2 * * *)", "P16D", {}),
        ("cron(0 2 * * *)", "PT1H", {"schedule": {"Timezone": "Mars/Olympus"}}),
        ("cron(0 2 * * *)", "PT1H", {"StartDate": datetime(2030, 1, 2), "ExpireDate": datetime(2030, 1, 1)}),
    ],
)
def test_rules_are_checked(cloudwatch: Any, expression: str, duration: str, more: dict[str, Any]) -> None:
    refused = error_of(lambda: _put(cloudwatch, expression, duration, **more))
    assert refused[0].startswith("InvalidParameterValue")
    assert cloudwatch.list_alarm_mute_rules()["AlarmMuteRuleSummaries"] == []
