"""EventBridge Scheduler as boto3 sees it, over HTTP: schedules, groups, what they fire, and each error."""

from __future__ import annotations

import datetime
import json
import re
import uuid
from typing import Any

import pytest
from tests.conftest import TAKES_DELIVERIES, error_of

ROLE = "arn:aws:iam::000000000000:role/r"
OFF = {"Mode": "OFF"}


@pytest.fixture
def scheduler(sandbox: Any) -> Any:
    return sandbox.client("scheduler")


class Queue:
    """A queue as a target, and what has arrived there."""

    def __init__(self, sandbox: Any) -> None:
        self._sqs = sandbox.client("sqs")
        attributes = {"Policy": TAKES_DELIVERIES}
        self.url = self._sqs.create_queue(QueueName=f"q-{uuid.uuid4().hex}", Attributes=attributes)["QueueUrl"]
        found = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        self.arn = found["Attributes"]["QueueArn"]

    def take(self) -> dict[str, Any]:
        answer = self._sqs.receive_message(QueueUrl=self.url, WaitTimeSeconds=5, MessageAttributeNames=["All"])
        assert "Messages" in answer, "nothing came"
        (message,) = answer["Messages"]
        self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        found: dict[str, Any] = message
        return found

    def is_empty(self) -> bool:
        return "Messages" not in self._sqs.receive_message(QueueUrl=self.url)


@pytest.fixture
def queue(sandbox: Any) -> Queue:
    return Queue(sandbox)


def name() -> str:
    return f"s-{uuid.uuid4().hex[:20]}"


def schedule(arn: str, expression: str = "rate(1 hour)", **more: Any) -> dict[str, Any]:
    target = {"Arn": arn, "RoleArn": ROLE, **more.pop("target", {})}
    return {"ScheduleExpression": expression, "FlexibleTimeWindow": OFF, "Target": target, **more}


@pytest.mark.parametrize(
    "expression",
    [
        "at(2021-12-31)",
        "cron(0 dummy ? * MON-FRI *)",
        "cron(7 20 * * NOT *)",
        "cron(71 8 1 * ? *)",
        "rate(10 minutess)",
        "rate(10 years)",
        "rate(10)",
        "rate(foo minutes)",
    ],
)
def test_refused_expressions(scheduler: Any, expression: str) -> None:
    """Recorded from AWS."""
    refused = error_of(scheduler.create_schedule, Name=name(), **schedule("arn:aws:sqs:us-east-1:1:q", expression))
    assert refused == ("ValidationException", f"Invalid Schedule Expression {expression}.", 400)


@pytest.mark.parametrize("expression", ["cron(*/15 * * * ? *)", "cron(1-31/30 1-1 ? * 1,7 *)", "rate(1 minutes)"])
def test_taken_expressions(scheduler: Any, expression: str) -> None:
    """Recorded from AWS: forms that EventBridge's rules do not show."""
    assert scheduler.create_schedule(Name=name(), **schedule("arn:aws:sqs:us-east-1:1:q", expression))["ScheduleArn"]


def test_schedules(scheduler: Any, sandbox: Any, queue: Queue) -> None:
    """Create, get, update, list, delete; and each refusal."""
    this = name()
    arn = scheduler.create_schedule(Name=this, Description="d", ClientToken="t" * 20, **schedule(queue.arn))[
        "ScheduleArn"
    ]
    assert arn == f"arn:aws:scheduler:us-east-1:{sandbox.account}:schedule/default/{this}"
    shown = scheduler.get_schedule(Name=this)
    assert (shown["Arn"], shown["GroupName"], shown["State"]) == (arn, "default", "ENABLED")
    assert (shown["ScheduleExpressionTimezone"], shown["ActionAfterCompletion"]) == ("UTC", "NONE")
    assert shown["Target"]["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}
    again = {"Name": this, "ClientToken": "t" * 20, **schedule(queue.arn)}
    assert scheduler.create_schedule(**again)["ScheduleArn"] == arn
    exists = ("ConflictException", f"Schedule {this} already exists.", 409)
    assert error_of(scheduler.create_schedule, Name=this, **schedule(queue.arn)) == exists
    scheduler.update_schedule(Name=this, State="DISABLED", **schedule(queue.arn, "rate(2 hours)"))
    shown = scheduler.get_schedule(Name=this)
    assert (shown["ScheduleExpression"], shown["State"], "Description" in shown) == ("rate(2 hours)", "DISABLED", False)
    (listed,) = scheduler.list_schedules(NamePrefix=this)["Schedules"]
    assert listed["Target"] == {"Arn": queue.arn}
    scheduler.delete_schedule(Name=this)
    gone = ("ResourceNotFoundException", f"Schedule {this} does not exist.", 404)
    assert error_of(scheduler.get_schedule, Name=this) == gone
    assert error_of(scheduler.delete_schedule, Name=this) == gone
    assert error_of(scheduler.update_schedule, Name=this, **schedule(queue.arn)) == gone
    no_group = ("ResourceNotFoundException", "Schedule group none does not exist.", 404)
    assert error_of(scheduler.create_schedule, Name=this, GroupName="none", **schedule(queue.arn)) == no_group


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"ScheduleExpressionTimezone": "No/Where"}, "Invalid timezone No/Where."),
        (
            {"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}},
            "MaximumWindowInMinutes must be specified for FLEXIBLE FlexibleTimeWindow.",
        ),
        (
            {"StartDate": datetime.datetime(2030, 1, 2), "EndDate": datetime.datetime(2030, 1, 1)},
            "The StartDate you specify must come before the EndDate.",
        ),
        (
            {"StartDate": datetime.datetime(2020, 1, 1)},
            "The StartDate you specify cannot be earlier than 5 minutes ago.",
        ),
    ],
)
def test_refused_schedules(scheduler: Any, more: dict[str, Any], text: str) -> None:
    """What is checked beyond the expression."""
    params = {**schedule("arn:aws:sqs:us-east-1:1:q"), **more}
    assert error_of(scheduler.create_schedule, Name=name(), **params)[:2] == ("ValidationException", text)


def test_role(scheduler: Any, sandbox: Any) -> None:
    """SCHEDULER-001: of roles that exist only those are taken that trust the Scheduler, and where they name a source
    (as the CDK's do) the one of the schedule's group."""
    iam, this = sandbox.client("iam"), name()

    def role(service: str, group: str) -> str:
        source = f"arn:aws:scheduler:us-east-1:{sandbox.account}:schedule-group/{group}"
        trust = {
            "Version": "2012-10-17",
            "Statement": {
                "Effect": "Allow",
                "Principal": {"Service": service},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"aws:SourceArn": source, "aws:SourceAccount": sandbox.account}},
            },
        }
        made: str = iam.create_role(RoleName=name(), AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        return made

    def params(role_arn: str) -> dict[str, Any]:
        return schedule("arn:aws:sqs:us-east-1:1:q", target={"RoleArn": role_arn})

    words = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
    refused = ("ValidationException", words, 400)
    trusting = role("scheduler.amazonaws.com", "default")
    scheduler.create_schedule(Name=this, **params(trusting))
    for wrong in (role("lambda.amazonaws.com", "default"), role("scheduler.amazonaws.com", "other")):
        assert error_of(scheduler.create_schedule, Name=name(), **params(wrong)) == refused
        assert error_of(scheduler.update_schedule, Name=this, **params(wrong)) == refused
    assert scheduler.get_schedule(Name=this)["Target"]["RoleArn"] == trusting


def test_groups(scheduler: Any, queue: Queue) -> None:
    """A group's schedules go with it; the default one stays."""
    group = name()
    arn = scheduler.create_schedule_group(Name=group, Tags=[{"Key": "k", "Value": "v"}])["ScheduleGroupArn"]
    assert scheduler.get_schedule_group(Name=group)["State"] == "ACTIVE"
    listed = {row["Name"] for row in scheduler.list_schedule_groups()["ScheduleGroups"]}
    assert {"default", group} <= listed
    scheduler.create_schedule(Name="a", GroupName=group, **schedule(queue.arn))
    scheduler.create_schedule(Name="b", GroupName=group, **schedule(queue.arn))
    first = scheduler.list_schedules(GroupName=group, MaxResults=1)
    second = scheduler.list_schedules(GroupName=group, MaxResults=1, NextToken=first["NextToken"])
    assert [first["Schedules"][0]["Name"], second["Schedules"][0]["Name"]] == ["a", "b"]
    assert "NextToken" not in second
    scheduler.tag_resource(ResourceArn=arn, Tags=[{"Key": "l", "Value": "w"}])
    scheduler.untag_resource(ResourceArn=arn, TagKeys=["k"])
    assert scheduler.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "l", "Value": "w"}]
    exists = ("ConflictException", f"Schedule group {group} already exists.", 409)
    assert error_of(scheduler.create_schedule_group, Name=group) == exists
    scheduler.delete_schedule_group(Name=group)
    gone = ("ResourceNotFoundException", f"Schedule group {group} does not exist.", 404)
    assert error_of(scheduler.get_schedule_group, Name=group) == gone
    assert error_of(scheduler.list_schedules, GroupName=group) == gone
    assert error_of(scheduler.delete_schedule_group, Name="default")[0] == "ValidationException"


def test_a_rate_begins_now_and_goes_on(fresh_sandbox: Any) -> None:
    """The first time is the schedule's birth; then every hour of the environment's clock."""
    scheduler, queue = fresh_sandbox.client("scheduler"), Queue(fresh_sandbox)
    arn = scheduler.create_schedule(Name="s", **schedule(queue.arn))["ScheduleArn"]
    event = json.loads(queue.take()["Body"])
    assert (event["source"], event["detail-type"], event["resources"]) == ("aws.scheduler", "Scheduled Event", [arn])
    fresh_sandbox.advance_clock(3601)
    assert json.loads(queue.take()["Body"])["id"] != event["id"]


def test_once(fresh_sandbox: Any) -> None:
    """at() in its own time zone, context attributes in the input, and deletion after completion."""
    scheduler, queue = fresh_sandbox.client("scheduler"), Queue(fresh_sandbox)
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=30)
    local = soon.astimezone(datetime.timezone(datetime.timedelta(hours=9)))
    text = json.dumps({"at": "<aws.scheduler.scheduled-time>", "by": "<aws.scheduler.schedule-arn>"})
    params = schedule(queue.arn, f"at({local:%Y-%m-%dT%H:%M:%S})", target={"Input": text})
    arn = scheduler.create_schedule(
        Name="s", ScheduleExpressionTimezone="Asia/Tokyo", ActionAfterCompletion="DELETE", **params
    )["ScheduleArn"]
    assert queue.is_empty()
    fresh_sandbox.advance_clock(30 * 3600 + 1)
    assert json.loads(queue.take()["Body"]) == {"at": f"{soon:%Y-%m-%dT%H:%M:%SZ}", "by": arn}
    assert error_of(scheduler.get_schedule, Name="s")[0] == "ResourceNotFoundException"


def test_start_and_end(fresh_sandbox: Any) -> None:
    """Nothing before the start and nothing after the end."""
    scheduler, queue = fresh_sandbox.client("scheduler"), Queue(fresh_sandbox)
    now = datetime.datetime.now(datetime.UTC)
    span = {"StartDate": now + datetime.timedelta(hours=2), "EndDate": now + datetime.timedelta(hours=3, minutes=30)}
    scheduler.create_schedule(Name="s", **schedule(queue.arn), **span)
    assert queue.is_empty()
    fresh_sandbox.advance_clock(2 * 3600 + 5)
    queue.take()
    fresh_sandbox.advance_clock(3600)
    queue.take()
    fresh_sandbox.advance_clock(3600)
    assert queue.is_empty()


def test_universal_targets(fresh_sandbox: Any) -> None:
    """Any operation of any service, named as in AWS's SDK."""
    scheduler, queue = fresh_sandbox.client("scheduler"), Queue(fresh_sandbox)
    text = json.dumps({"QueueUrl": queue.url, "MessageBody": "universal"})
    params = schedule("arn:aws:scheduler:::aws-sdk:sqs:sendMessage", target={"Input": text})
    scheduler.create_schedule(Name="s", **params)
    assert queue.take()["Body"] == "universal"


def test_an_event_bus_as_a_target(fresh_sandbox: Any) -> None:
    """The input is the event's detail."""
    scheduler, events, queue = fresh_sandbox.client("scheduler"), fresh_sandbox.client("events"), Queue(fresh_sandbox)
    events.put_rule(Name="r", EventPattern='{"source": ["clock"]}')
    events.put_targets(Rule="r", Targets=[{"Id": "t", "Arn": queue.arn}])
    target = {"Input": '{"n": 1}', "EventBridgeParameters": {"Source": "clock", "DetailType": "Tick"}}
    scheduler.create_schedule(Name="s", **schedule(events.describe_event_bus()["Arn"], target=target))
    event = json.loads(queue.take()["Body"])
    assert (event["detail-type"], event["detail"]) == ("Tick", {"n": 1})


def test_dead_letters(fresh_sandbox: Any) -> None:
    """What cannot be delivered goes to the dead-letter queue, with the reason and what AWS tells besides."""
    scheduler, dead = fresh_sandbox.client("scheduler"), Queue(fresh_sandbox)
    target = {"Input": "lost?", "DeadLetterConfig": {"Arn": dead.arn}}
    arn = scheduler.create_schedule(Name="s", **schedule(dead.arn + "-gone", target=target))["ScheduleArn"]
    message = dead.take()
    attributes = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
    assert message["Body"] == "lost?"
    assert re.fullmatch("[0-9a-f]{16}", attributes.pop("EXECUTION_ID"))
    assert datetime.datetime.fromisoformat(attributes.pop("SCHEDULED_TIME"))
    assert attributes == {
        "SCHEDULE_ARN": arn,
        "TARGET_ARN": dead.arn + "-gone",
        "ERROR_CODE": "AWS.SimpleQueueService.NonExistentQueue",
        "ERROR_MESSAGE": "The specified queue does not exist.",
        "RETRY_ATTEMPTS": "0",
        "IS_PAYLOAD_TRUNCATED": "false",
    }


def test_flexible_windows(fresh_sandbox: Any) -> None:
    """The schedule fires somewhere in its window, and by its end at the latest."""
    scheduler, queue = fresh_sandbox.client("scheduler"), Queue(fresh_sandbox)
    params = schedule(queue.arn, FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 10})
    scheduler.create_schedule(Name="s", **params)
    fresh_sandbox.advance_clock(601)
    queue.take()
