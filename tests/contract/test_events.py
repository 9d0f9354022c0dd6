"""EventBridge as boto3 sees it, over HTTP: buses, rules, targets, events, archives, and each error that it makes.

Messages and shapes are those recorded from AWS; what patterns mean is tested in tests/unit/lang.
"""

from __future__ import annotations

import datetime
import http.server
import json
import queue
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.conftest import TAKES_DELIVERIES, Sandbox, until

PATTERN = json.dumps({"source": ["shop"]})
ROLE = "arn:aws:iam::123456789012:role/events"


@pytest.fixture
def events(sandbox: Any) -> Any:
    return sandbox.client("events")


class Queue:
    """A queue as a target, and what has arrived there."""

    def __init__(self, sandbox: Any, region: str = "us-east-1") -> None:
        self._sqs = sandbox.client("sqs", region)
        attributes = {"Policy": TAKES_DELIVERIES}
        self.url = self._sqs.create_queue(QueueName=f"q-{uuid.uuid4().hex}", Attributes=attributes)["QueueUrl"]
        found = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        self.arn = found["Attributes"]["QueueArn"]

    def take(self, count: int = 1) -> list[dict[str, Any]]:
        taken: list[dict[str, Any]] = []
        while len(taken) < count:
            answer = self._sqs.receive_message(
                QueueUrl=self.url, WaitTimeSeconds=5, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
            )
            assert "Messages" in answer, f"{len(taken)} of {count} messages came"
            for message in answer["Messages"]:
                self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
            taken += answer["Messages"]
        return taken

    def count(self) -> int:
        name = "ApproximateNumberOfMessages"
        return int(self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=[name])["Attributes"][name])

    def events(self, count: int = 1) -> list[Any]:
        return [json.loads(message["Body"]) for message in self.take(count)]


@pytest.fixture
def target(sandbox: Any) -> Queue:
    return Queue(sandbox)


def error_of(call: Callable[..., Any], **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    answer = caught.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
    return answer["Error"]["Code"], answer["Error"]["Message"]


def name() -> str:
    return f"n-{uuid.uuid4().hex[:20]}"


def entry(detail: Any = None, source: str = "shop", **more: Any) -> dict[str, Any]:
    return {"Source": source, "DetailType": "Order", "Detail": json.dumps(detail or {"id": 1}), **more}


def rule_to(events: Any, arn: str, pattern: str = PATTERN, bus: str = "default", **more: Any) -> str:
    """A rule of a new name with one target."""
    rule = name()
    events.put_rule(Name=rule, EventPattern=pattern, EventBusName=bus)
    events.put_targets(Rule=rule, EventBusName=bus, Targets=[{"Id": "t", "Arn": arn, **more}])
    return rule


# Buses


def test_buses(events: Any, sandbox: Any) -> None:
    """Create, describe, list, delete; the default one is always there and stays."""
    bus = name()
    arn = events.create_event_bus(Name=bus, Tags=[{"Key": "k", "Value": "v"}])["EventBusArn"]
    assert arn == f"arn:aws:events:us-east-1:{sandbox.account}:event-bus/{bus}"
    described = events.describe_event_bus(Name=bus)
    assert (described["Arn"], "Policy" in described) == (arn, False)
    assert [row["Name"] for row in events.list_event_buses(NamePrefix=bus)["EventBuses"]] == [bus]
    assert "default" in {row["Name"] for row in events.list_event_buses()["EventBuses"]}
    exists = ("ResourceAlreadyExistsException", f"Event bus {bus} already exists.")
    assert error_of(events.create_event_bus, Name=bus) == exists
    assert error_of(events.delete_event_bus, Name="default") == (
        "ValidationException",
        "Cannot delete event bus default.",
    )
    events.put_rule(Name="r", EventPattern=PATTERN, EventBusName=bus)
    assert error_of(events.delete_event_bus, Name=bus)[1] == "EventBus can't be deleted since it has rules."
    events.delete_rule(Name="r", EventBusName=bus)
    events.delete_event_bus(Name=bus)
    events.delete_event_bus(Name=bus)
    gone = ("ResourceNotFoundException", f"Event bus {bus} does not exist.")
    assert error_of(events.describe_event_bus, Name=bus) == gone
    assert error_of(events.put_rule, Name="r", EventPattern=PATTERN, EventBusName=bus) == gone


def test_listing_buses_pages(fresh_sandbox: Any) -> None:
    """Limit and NextToken, in the order of names."""
    events = fresh_sandbox.client("events")
    for n in range(6):
        events.create_event_bus(Name=f"x-{n}")
    first = events.list_event_buses(NamePrefix="x-", Limit=3)
    second = events.list_event_buses(NamePrefix="x-", Limit=3, NextToken=first["NextToken"])
    listed = [row["Name"] for row in first["EventBuses"] + second["EventBuses"]]
    assert (listed, "NextToken" in second) == ([f"x-{n}" for n in range(6)], False)
    assert error_of(events.list_event_buses, NextToken="?")[0] == "ValidationException"


def test_permissions(events: Any, sandbox: Any) -> None:
    """Recorded: statements by their id, a whole policy, removal of one and of all."""
    bus = name()
    arn = events.create_event_bus(Name=bus)["EventBusArn"]
    put = events.put_permission
    put(EventBusName=bus, Action="events:PutEvents", Principal=sandbox.account, StatementId="one")
    put(EventBusName=bus, Action="events:PutEvents", Principal="*", StatementId="two")
    policy = json.loads(events.describe_event_bus(Name=bus)["Policy"])
    assert policy["Version"] == "2012-10-17"
    assert policy["Statement"][0] == {
        "Sid": "one",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{sandbox.account}:root"},
        "Action": "events:PutEvents",
        "Resource": arn,
    }
    assert policy["Statement"][1]["Principal"] == "*"
    other = {"EventBusName": bus, "Action": "events:PutRule", "Principal": "*", "StatementId": "x"}
    unsupported = ("ValidationException", "Provided value in parameter 'action' is not supported.")
    assert error_of(events.put_permission, **other) == unsupported
    missing = ("ResourceNotFoundException", "Statement with the provided id does not exist.")
    assert error_of(events.remove_permission, EventBusName=bus, StatementId="x") == missing
    events.remove_permission(EventBusName=bus, StatementId="one")
    events.remove_permission(EventBusName=bus, RemoveAllPermissions=True)
    assert "Policy" not in events.describe_event_bus(Name=bus)
    no_policy = ("ResourceNotFoundException", "Statement with the provided id does not exist.")
    assert error_of(events.remove_permission, EventBusName=bus, StatementId="x") == no_policy
    for removal, words in (
        ({}, "Parameter(s) StatementId must be specified."),
        ({"StatementId": "x", "RemoveAllPermissions": True}, "StatementId could not be combined with All parameter."),
    ):
        assert error_of(events.remove_permission, EventBusName=bus, **removal) == ("ValidationException", words)
    assert (
        error_of(put, EventBusName=bus, StatementId="x", Principal="*")[1] == "Parameter(s) Action must be specified."
    )
    for condition, part in (
        ({"Type": "StringLike", "Key": "aws:PrincipalOrgID", "Value": "o-*"}, "condition.type' is not supported."),
        ({"Type": "StringEquals", "Key": "events:source", "Value": "x"}, "condition.key' is not supported."),
        ({"Type": "StringEquals", "Key": "aws:PrincipalOrgID", "Value": "x"}, "condition.value' is invalid."),
    ):
        brief = {"Action": "events:PutEvents", "Principal": "*", "StatementId": "x"}
        wrong = error_of(put, EventBusName=bus, **brief, Condition=condition)
        assert wrong == ("ValidationException", f"Provided value in parameter '{part}")
    assert error_of(put, EventBusName="nope", StatementId="x", Action="events:PutEvents", Principal="*") == (
        "ResourceNotFoundException",
        "Event bus nope does not exist.",
    )


def test_a_whole_policy_of_a_bus(events: Any, sandbox: Any) -> None:
    """Recorded: what is wrong with one is told in AWS's words, and accounts are kept as their roots."""
    bus = name()
    arn = events.create_event_bus(Name=bus)["EventBusArn"]
    statement = {
        "Sid": "a",
        "Effect": "Allow",
        "Principal": {"AWS": sandbox.account},
        "Action": "events:PutEvents",
        "Resource": arn,
    }

    def policy(*statements: Any) -> str:
        return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, separators=(",", ":"))

    without = {key: {field: statement[field] for field in statement if field != key} for key in ("Sid", "Resource")}
    vendor = "Action field includes AWS services that are inconsistent with specified vendor"
    place = "Invalid statement at line 1 column 38"
    for text, words in (
        ("{", "This policy contains invalid Json"),
        ("", "This policy contains invalid Json"),
        ("[]", "This policy contains invalid Json"),
        ("null", "This text appears not to be a policy"),
        ("{}", "Missing required field Version"),
        (policy(), "Could not parse the policy: Statement is empty!"),
        (policy(without["Sid"]), "Missing required field Sid"),
        (policy(without["Resource"]), "Missing required field Resource"),
        (policy(statement | {"Action": "iam:ListUsers"}), f"{place}: {vendor}"),
        (policy(statement | {"Action": "events:No"}), f'{place}: The following action names are invalid: "events:No"'),
        (
            policy(statement | {"Resource": arn + "x"}),
            f'The relative-id "event-bus/{bus}x" is invalid for ARN "{arn}x"',
        ),
    ):
        assert error_of(events.put_permission, EventBusName=bus, Policy=text) == ("ValidationException", words), text
    twice = error_of(events.put_permission, EventBusName=bus, Policy=policy(statement, statement))
    assert twice[1].endswith(": The Statement Ids in the policy are not unique")
    both = error_of(events.put_permission, EventBusName=bus, Policy=policy(statement), StatementId="a")
    assert both[1] == "Action, Principal, StatementId and Condition could not be combined with Policy parameter."
    assert "Policy" not in events.describe_event_bus(Name=bus)
    single = json.dumps({"Version": "2012-10-17", "Statement": statement | {"Action": "events:*"}})
    events.put_permission(EventBusName=bus, Policy=single)
    (kept,) = json.loads(events.describe_event_bus(Name=bus)["Policy"])["Statement"]
    assert kept["Principal"] == {"AWS": f"arn:aws:iam::{sandbox.account}:root"}


def test_tags(events: Any) -> None:
    """Of buses and of rules; a rule put again keeps its own."""
    rule = name()
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    arn = events.put_rule(Name=rule, EventPattern=PATTERN, Tags=tags)["RuleArn"]
    events.put_rule(Name=rule, EventPattern=PATTERN)
    assert events.list_tags_for_resource(ResourceARN=arn)["Tags"] == tags
    events.untag_resource(ResourceARN=arn, TagKeys=["b", "none"])
    events.tag_resource(ResourceARN=arn, Tags=[{"Key": "c", "Value": "3"}])
    assert [tag["Key"] for tag in events.list_tags_for_resource(ResourceARN=arn)["Tags"]] == ["a", "c"]
    bus = events.create_event_bus(Name=name(), Tags=tags)["EventBusArn"]
    assert events.list_tags_for_resource(ResourceARN=bus)["Tags"] == tags
    wrong = error_of(events.list_tags_for_resource, ResourceARN=bus + "x")
    assert wrong == ("ResourceNotFoundException", f"Event bus {bus.rpartition('/')[2]}x does not exist.")
    assert error_of(events.tag_resource, ResourceARN=arn + "x", Tags=tags)[1].endswith(
        "does not exist on EventBus default."
    )


# Rules and targets


def test_rules(events: Any, sandbox: Any) -> None:
    """Recorded: what a rule shows, on the default bus and on another."""
    bus = name()
    events.create_event_bus(Name=bus)
    rule = name()
    arn = events.put_rule(Name=rule, EventPattern=PATTERN, EventBusName=bus)["RuleArn"]
    assert arn == f"arn:aws:events:us-east-1:{sandbox.account}:rule/{bus}/{rule}"
    shown = {"Name": rule, "Arn": arn, "EventPattern": PATTERN, "State": "ENABLED", "EventBusName": bus}
    described = events.describe_rule(Name=rule, EventBusName=bus)
    described.pop("ResponseMetadata")
    assert described == {**shown, "CreatedBy": sandbox.account}
    assert events.list_rules(EventBusName=bus, NamePrefix=rule[:5])["Rules"] == [shown]
    assert events.list_rules(EventBusName=bus, NamePrefix="zzz")["Rules"] == []
    events.disable_rule(Name=rule, EventBusName=bus)
    assert events.describe_rule(Name=rule, EventBusName=bus)["State"] == "DISABLED"
    events.enable_rule(Name=rule, EventBusName=bus)
    assert events.describe_rule(Name=rule, EventBusName=bus)["State"] == "ENABLED"
    events.delete_rule(Name=rule, EventBusName=bus)
    events.delete_rule(Name=rule, EventBusName=bus)
    gone = ("ResourceNotFoundException", f"Rule {rule} does not exist on EventBus {bus}.")
    assert error_of(events.describe_rule, Name=rule, EventBusName=bus) == gone
    assert error_of(events.enable_rule, Name=rule, EventBusName=bus) == gone


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({}, ("ValidationException", "Parameter(s) EventPattern or ScheduleExpression must be specified.")),
        (
            {"EventPattern": '{"a": []}'},
            (
                "InvalidEventPatternException",
                "Event pattern is not valid. Reason: Empty arrays are not allowed\n at [Source: "
                '(String)"{"a": []}"; line: 1, column: 9]',
            ),
        ),
        (
            {"ScheduleExpression": "cron(0 1 * * * *)"},
            ("ValidationException", "Parameter ScheduleExpression is not valid."),
        ),
        (
            {"ScheduleExpression": "at(2030-01-01T00:00:00)"},
            ("ValidationException", "Parameter ScheduleExpression is not valid."),
        ),
    ],
)
def test_refused_rules(events: Any, params: dict[str, Any], error: tuple[str, str]) -> None:
    """Each refusal of PutRule."""
    assert error_of(events.put_rule, Name=name(), **params) == error


def test_schedules_are_for_the_default_bus(events: Any) -> None:
    """As at AWS."""
    bus = name()
    events.create_event_bus(Name=bus)
    wrong = error_of(events.put_rule, Name="r", ScheduleExpression="rate(1 minute)", EventBusName=bus)
    assert wrong[1] == "ScheduleExpression is supported only on the default event bus."


def test_targets(events: Any, target: Queue) -> None:
    """Recorded: put, list, by target, remove; a rule with targets stays."""
    rule = rule_to(events, target.arn)
    assert events.list_targets_by_rule(Rule=rule)["Targets"] == [{"Id": "t", "Arn": target.arn}]
    assert events.list_rule_names_by_target(TargetArn=target.arn)["RuleNames"] == [rule]
    assert events.list_rule_names_by_target(TargetArn=target.arn + "x")["RuleNames"] == []
    in_use = ("ValidationException", "Rule can't be deleted since it has targets.")
    assert error_of(events.delete_rule, Name=rule) == in_use
    events.put_rule(Name=rule, EventPattern='{"source": ["other"]}')
    assert len(events.list_targets_by_rule(Rule=rule)["Targets"]) == 1
    removed = events.remove_targets(Rule=rule, Ids=["t", "none"])
    assert (removed["FailedEntryCount"], removed["FailedEntries"]) == (0, [])
    assert events.list_targets_by_rule(Rule=rule)["Targets"] == []
    events.delete_rule(Name=rule)


def test_refused_targets(events: Any, target: Queue) -> None:
    """Each refusal of PutTargets."""
    rule = name()
    events.put_rule(Name=rule, EventPattern=PATTERN)

    def refused(**more: Any) -> tuple[str, str]:
        return error_of(events.put_targets, Rule=rule, Targets=[{"Id": "t", "Arn": target.arn, **more}])

    assert refused(Input="{}", InputPath="$") == (
        "ValidationException",
        "Only one of Input, InputPath, or InputTransformer must be provided for target t.",
    )
    assert refused(Input="{")[1] == "JSON syntax error in input for target t."
    assert refused(Arn="nope")[1] == "Parameter nope is not valid. Reason: Provided Arn is not in correct format."
    assert refused(Arn=target.arn + ".fifo")[1] == "Parameter(s) SqsParameters must be specified for target: t."
    for kind in ("states:us-east-1:1:stateMachine:m", "events:us-east-1:1:api-destination/d/1"):
        assert refused(Arn=f"arn:aws:{kind}")[1] == f"RoleArn is required for target arn:aws:{kind}."
    for bus in ("arn:aws:events:eu-west-1:1:event-bus/default", "arn:aws:events:us-east-1:1:event-bus/other"):
        assert refused(Arn=bus)[1] == f"RoleArn is required for target {bus}."
        for changed in ({"Input": "{}"}, {"InputPath": "$"}, {"InputTransformer": {"InputTemplate": "{}"}}):
            again = refused(Arn=bus, RoleArn=ROLE, **changed)
            assert again[1] == "Modifying the input for target t is not supported."
        retried = refused(Arn=bus, RoleArn=ROLE, RetryPolicy={"MaximumRetryAttempts": 0})
        assert retried[1] == "Retry policy is not supported for Event bus targets."
    own = refused(Arn=events.describe_event_bus()["Arn"], RoleArn=ROLE)
    assert own[1] == "Source EventBus and Target EventBus must not be the same."
    group = "arn:aws:logs:us-east-1:1:log-group:g"
    assert refused(Arn=group, RoleArn=ROLE)[1] == f"RoleArn is not supported for target {group}."
    assert refused(Arn=group, Input="{}")[1] == (
        "Input and InputPath are not valid forms of input for target t. The only valid form of input is "
        "InputTransformer."
    )
    assert refused(InputPath="$..x")[1] == "InputPath for target t is invalid."
    transformer = {"InputPathsMap": {"a": "$.id"}, "InputTemplate": '"<a> <b>"'}
    assert refused(InputTransformer=transformer)[1] == "InputTemplate for target t contains invalid placeholder b."
    six = [{"Id": str(n), "Arn": target.arn} for n in range(6)]
    limit = ("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
    assert error_of(events.put_targets, Rule=rule, Targets=six) == limit
    gone = error_of(events.put_targets, Rule="none", Targets=[{"Id": "t", "Arn": target.arn}])
    assert gone == ("ResourceNotFoundException", "Rule none does not exist on EventBus default.")


def test_the_eventbus_pattern_sandbox(events: Any) -> None:
    """TestEventPattern answers yes or no, or which of the two is wrong."""
    event = json.dumps({"id": "1", "source": "shop", "account": "1", "time": "2026-01-01T00:00:00Z", "region": "r"})
    assert events.test_event_pattern(EventPattern=PATTERN, Event=event)["Result"] is True
    assert events.test_event_pattern(EventPattern='{"source": ["x"]}', Event=event)["Result"] is False
    for wrong in ("plain", "[]"):
        invalid = ("ValidationException", "Parameter Event is not valid.")
        assert error_of(events.test_event_pattern, EventPattern=PATTERN, Event=wrong) == invalid
    assert error_of(events.test_event_pattern, EventPattern="{", Event=event)[0] == "InvalidEventPatternException"


def test_a_rules_role_has_to_trust_eventbridge(events: Any, sandbox: Any) -> None:
    """Recorded: for this rule, where its trust policy names one. EVENTS-007: one that nobody created is taken."""
    rule = name()
    source = f"arn:aws:events:us-east-1:{sandbox.account}:rule/{rule}"

    def role(service: str) -> str:
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sts:AssumeRole",
            "Condition": {"ArnEquals": {"aws:SourceArn": source}},
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        made = sandbox.client("iam").create_role(RoleName=name(), AssumeRolePolicyDocument=document)
        arn: str = made["Role"]["Arn"]
        return arn

    trusting, other = role("events.amazonaws.com"), role("lambda.amazonaws.com")
    events.put_rule(Name=rule, EventPattern=PATTERN, RoleArn=trusting)
    assert error_of(events.put_rule, Name=name(), EventPattern=PATTERN, RoleArn=trusting)[0] == "ValidationException"
    assert error_of(events.put_rule, Name=rule, EventPattern=PATTERN, RoleArn=other) == (
        "ValidationException",
        f"Provided role '{other}' cannot be assumed by principal 'events.amazonaws.com'.",
    )
    events.put_rule(Name=rule, EventPattern=PATTERN, RoleArn=ROLE)
    assert events.describe_rule(Name=rule)["RoleArn"] == ROLE


# Events


def test_an_event_reaches_its_target(events: Any, sandbox: Any, target: Queue) -> None:
    """Recorded: the members of an event."""
    rule_to(events, target.arn, json.dumps({"source": ["shop"], "detail": {"id": [{"numeric": [">", 5]}]}}))
    at = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    put = events.put_events(
        Entries=[entry({"id": 3}), entry({"id": 7, "x": 1.5}, Time=at, Resources=["arn:a"]), entry(source="y")]
    )
    assert put["FailedEntryCount"] == 0
    assert target.events() == [
        {
            "version": "0",
            "id": put["Entries"][1]["EventId"],
            "detail-type": "Order",
            "source": "shop",
            "account": sandbox.account,
            "time": "2026-01-02T03:04:05Z",
            "region": "us-east-1",
            "resources": ["arn:a"],
            "detail": {"id": 7, "x": 1.5},
        }
    ]


@pytest.mark.parametrize(
    ("wrong", "code", "message"),
    [
        ({"Source": ""}, "InvalidArgument", "Parameter Source is not valid. Reason: Source is a required argument."),
        (
            {"DetailType": ""},
            "InvalidArgument",
            "Parameter DetailType is not valid. Reason: DetailType is a required argument.",
        ),
        ({"Detail": ""}, "InvalidArgument", "Parameter Detail is not valid. Reason: Detail is a required argument."),
        ({"Detail": "plain"}, "MalformedDetail", "Detail is malformed."),
        ({"Detail": '"string"'}, "MalformedDetail", "Detail is malformed."),
        ({"Detail": '{"a": NaN}'}, "MalformedDetail", "Detail is malformed."),
        ({"Source": "aws.s3"}, "NotAuthorizedForSourceException", "Not authorized for the source."),
    ],
)
def test_refused_entries(events: Any, wrong: dict[str, Any], code: str, message: str) -> None:
    """Recorded: one bad entry does not stop the others, and results are in order."""
    answer = events.put_events(Entries=[entry(), {**entry(), **wrong}])
    assert answer["FailedEntryCount"] == 1
    assert "EventId" in answer["Entries"][0]
    assert answer["Entries"][1] == {"ErrorCode": code, "ErrorMessage": message}


def test_requests_that_are_too_large(events: Any) -> None:
    """Eleven entries, or more than a megabyte."""
    too_big = ("ValidationException", "Total size of the entries in the request is over the limit.")
    assert error_of(events.put_events, Entries=[entry({"a": "x" * 1_048_576})]) == too_big
    assert error_of(events.put_events, Entries=[entry()] * 11)[0] == "ValidationException"


def test_an_unknown_bus_takes_events_and_forgets_them(events: Any) -> None:
    """As at AWS, where the sender is not told."""
    assert "EventId" in events.put_events(Entries=[entry(EventBusName="nope")])["Entries"][0]


def test_inputs(events: Any, target: Queue) -> None:
    """A constant, a part, a template."""
    source = name()
    pattern = json.dumps({"source": [source]})
    rule_to(events, target.arn, pattern, Input='{"constant": true}')
    rule_to(events, target.arn, pattern, InputPath="$.detail.payload")
    transformer = {
        "InputPathsMap": {"id": "$.detail.id"},
        "InputTemplate": '{"id": <id>, "r": "<aws.events.rule-name>"}',
    }
    rule = rule_to(events, target.arn, pattern, InputTransformer=transformer)
    events.put_events(Entries=[entry({"id": "x", "payload": {"a": 1}}, source=source)])
    got = target.events(3)
    for expected in ({"constant": True}, {"a": 1}, {"id": "x", "r": rule}):
        assert expected in got


def test_why_a_rule_did_not_match(events: Any, sandbox: Any, target: Queue) -> None:
    """The page that explains: for each rule, the field that kept an event from it."""
    rule = rule_to(events, target.arn, json.dumps({"source": ["shop"], "detail": {"total": [{"numeric": [">", 10]}]}}))
    event = {"source": "shop", "detail": {"total": 5}}
    asked = {"environment": sandbox.name, "region": "us-east-1", "event": event}
    rules = sandbox.server.ask("POST", "/_mrak/events/explain", asked)["rules"]
    (found,) = [row for row in rules if row["rule"] == rule]
    assert found["matches"] is False
    (field,) = found["fields"]
    assert (field["path"], field["wanted"], field["found"]) == ("detail.total", ['{"numeric": [">", 10]}'], ["5"])


def test_disabled_rules_are_quiet(events: Any, target: Queue) -> None:
    """And wake up when they are enabled."""
    source = name()
    rule = rule_to(events, target.arn, json.dumps({"source": [source]}))
    events.disable_rule(Name=rule)
    events.put_events(Entries=[entry({"n": 1}, source=source)])
    events.enable_rule(Name=rule)
    events.put_events(Entries=[entry({"n": 2}, source=source)])
    assert target.events()[0]["detail"] == {"n": 2}


def test_a_topic_as_a_target(events: Any, sandbox: Any, target: Queue) -> None:
    """The notification's message is the event. The topic's policy has to let EventBridge publish; the default one does
    not, and then the event is dead-lettered."""
    sns, source, dead = sandbox.client("sns"), name(), Queue(sandbox)
    topic = sns.create_topic(Name=name())["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=target.arn, Attributes={"RawMessageDelivery": "true"})
    rule = rule_to(events, topic, json.dumps({"source": [source]}), DeadLetterConfig={"Arn": dead.arn})
    events.put_events(Entries=[entry(source=source)])
    assert dead.take()[0]["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic,
        "Condition": {"ArnEquals": {"aws:SourceArn": events.describe_rule(Name=rule)["Arn"]}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    events.put_events(Entries=[entry(source=source)])
    assert target.events()[0]["source"] == source


def test_a_queue_that_does_not_let_the_rule_send(events: Any, sandbox: Any, target: Queue) -> None:
    """AWS asks for the queue's permission in the same account too; the dead letter says what lacks, as recorded."""
    source, dead = name(), Queue(sandbox)
    sandbox.client("sqs").set_queue_attributes(QueueUrl=target.url, Attributes={"Policy": ""})
    rule_to(events, target.arn, json.dumps({"source": [source]}), DeadLetterConfig={"Arn": dead.arn})
    events.put_events(Entries=[entry(source=source)])
    (letter,) = dead.take()
    said = letter["MessageAttributes"]
    assert set(said) == {"ERROR_CODE", "ERROR_MESSAGE", "RULE_ARN", "TARGET_ARN"}
    assert said["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    assert said["ERROR_MESSAGE"]["StringValue"].startswith(
        f"User: events.amazonaws.com is not authorized to perform: sqs:sendmessage on resource: {target.arn} because "
        "no resource-based policy allows the sqs:sendmessage action (Service: AmazonSQS; Status Code: 403; Error Code: "
        "AccessDenied; Request ID: "
    )


def test_a_bus_as_a_target(events: Any, sandbox: Any, target: Queue) -> None:
    """Recorded: it stays the same event, and goes on to no third bus. What is for a bus that is not there is gone."""
    source, other, dead = name(), name(), Queue(sandbox)
    arn = events.create_event_bus(Name=other)["EventBusArn"]
    default = events.describe_event_bus()["Arn"]
    pattern = json.dumps({"source": [source]})
    rule_to(events, arn, pattern, RoleArn=ROLE)
    rule_to(events, default, pattern, bus=other, RoleArn=ROLE, DeadLetterConfig={"Arn": dead.arn})
    rule_to(events, target.arn, pattern, bus=other)
    rule_to(events, arn + "-gone", pattern, RoleArn=ROLE, DeadLetterConfig={"Arn": dead.arn})
    foreign = arn.replace(sandbox.account, "999000999000")
    rule_to(events, foreign, pattern, RoleArn=ROLE, DeadLetterConfig={"Arn": dead.arn})
    put = events.put_events(Entries=[entry(source=source)])
    assert [event["id"] for event in target.events()] == [put["Entries"][0]["EventId"]]
    letters = [letter["MessageAttributes"] for letter in dead.take(2)]
    said = {tuple(letter[key]["StringValue"] for key in ("ERROR_CODE", "ERROR_MESSAGE")) for letter in letters}
    assert said == {
        (
            "THIRD_ACCOUNT_HOP_DETECTED",
            "Events received from another event bus cannot be forwarded to this event bus.",
        ),
        ("NO_PERMISSIONS", "Lack of permissions to invoke cross account target."),
    }


def test_a_bus_of_another_account_lets_in_whom_its_policy_names(events: Any, sandbox: Any) -> None:
    """Nobody's rules write to a bus that was not asked: while its policy says nothing there are dead letters."""
    made = sandbox.server.ask("POST", f"/_mrak/environments/{sandbox.name}/accounts")
    second = Sandbox(sandbox.server, made)
    theirs, source, dead, target = second.client("events"), name(), Queue(sandbox), Queue(second)
    bus = theirs.create_event_bus(Name=name())["EventBusArn"]
    pattern = json.dumps({"source": [source]})
    rule_to(theirs, target.arn, pattern, bus=bus.rpartition("/")[2])
    rule_to(events, bus, pattern, RoleArn=ROLE, DeadLetterConfig={"Arn": dead.arn})
    events.put_events(Entries=[entry(source=source)])
    (letter,) = dead.take()
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    theirs.put_permission(
        EventBusName=bus.rpartition("/")[2], StatementId="a", Action="events:PutEvents", Principal=sandbox.account
    )
    put = events.put_events(Entries=[entry(source=source)])
    assert [event["id"] for event in target.events()] == [put["Entries"][0]["EventId"]]


def test_a_bus_in_another_region(events: Any, sandbox: Any) -> None:
    """Recorded: there it is another event, but for its account, region and detail; a third region gets nothing."""
    source, abroad = name(), sandbox.client("events", "eu-west-1")
    pattern, dead, target = json.dumps({"source": [source]}), Queue(sandbox, "eu-west-1"), Queue(sandbox, "eu-west-1")
    rule_to(events, abroad.describe_event_bus()["Arn"], pattern, RoleArn=ROLE)
    rule_to(abroad, target.arn, pattern)
    home = events.describe_event_bus()["Arn"]
    rule_to(abroad, home, pattern, RoleArn=ROLE, DeadLetterConfig={"Arn": dead.arn})
    at = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    put = events.put_events(Entries=[entry({"n": 1}, source=source, Time=at)])
    (got,) = target.events()
    assert (got["account"], got["region"], got["detail"]) == (sandbox.account, "us-east-1", {"n": 1})
    assert got["id"] != put["Entries"][0]["EventId"] and got["time"] > "2026-01-02T03:04:05Z"
    (letter,) = dead.take()
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "THIRD_REGION_HOP_DETECTED"


def test_dead_letters_say_why(events: Any, sandbox: Any, target: Queue) -> None:
    """A target that is gone; the event is not."""
    source, dead = name(), Queue(sandbox)
    rule = rule_to(events, target.arn + "-gone", json.dumps({"source": [source]}), DeadLetterConfig={"Arn": dead.arn})
    events.put_events(Entries=[entry({"n": 1}, source=source)])
    (message,) = dead.take()
    assert json.loads(message["Body"])["detail"] == {"n": 1}
    attributes = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
    assert attributes["TARGET_ARN"] == target.arn + "-gone"
    assert attributes["RULE_ARN"].endswith(f"rule/{rule}")
    assert attributes["ERROR_CODE"] == "NO_RESOURCE"
    assert attributes["ERROR_MESSAGE"].startswith(
        "The specified queue does not exist or you do not have access to it. (Service: AmazonSQS; Status Code: 400; "
        "Error Code: AWS.SimpleQueueService.NonExistentQueue; Request ID: "
    )
    assert not attributes.keys() & {"RETRY_ATTEMPTS", "EXHAUSTED_RETRY_CONDITION"}


def test_what_a_queue_refuses_dead_letters_at_once(events: Any, sandbox: Any) -> None:
    """A message that is too large for its queue stays too large: no day of trying."""
    sqs, source, dead = sandbox.client("sqs"), name(), Queue(sandbox)
    small = Queue(sandbox)
    sqs.set_queue_attributes(QueueUrl=small.url, Attributes={"MaximumMessageSize": "1024"})
    rule_to(events, small.arn, json.dumps({"source": [source]}), DeadLetterConfig={"Arn": dead.arn})
    events.put_events(Entries=[entry({"a": "x" * 2000}, source=source)])
    (message,) = dead.take()
    assert json.loads(message["Body"])["source"] == source


def test_what_cannot_be_a_target_dead_letters(events: Any, sandbox: Any) -> None:
    """EVENTS-002: ECS tasks and the like are taken as targets, and their events dead-lettered."""
    source, dead = name(), Queue(sandbox)
    cluster = f"arn:aws:ecs:us-east-1:{sandbox.account}:cluster/c"
    rule_to(events, cluster, json.dumps({"source": [source]}), DeadLetterConfig={"Arn": dead.arn}, RoleArn=ROLE)
    events.put_events(Entries=[entry({"n": 1}, source=source)])
    (message,) = dead.take()
    assert message["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"] == "ecs cannot be a target here"


def test_dead_letters_hold_the_transformed_input(events: Any, sandbox: Any, target: Queue) -> None:
    """Recorded: what the target should have got, also where a template made something of it that is no JSON."""
    source, dead = name(), Queue(sandbox)
    rule_to(
        events,
        target.arn + "-gone",
        json.dumps({"source": [source]}),
        InputPath="$.detail",
        DeadLetterConfig={"Arn": dead.arn},
    )
    events.put_events(Entries=[entry({"n": 1}, source=source)])
    assert dead.events() == [{"n": 1}]
    transformer = {"InputTemplate": '{"value":<undefined>}'}
    rule_to(
        events,
        target.arn,
        json.dumps({"source": [source + "-2"]}),
        InputTransformer=transformer,
        DeadLetterConfig={"Arn": dead.arn},
    )
    events.put_events(Entries=[entry({"n": 1}, source=source + "-2")])
    (letter,) = dead.take()
    assert letter["Body"] == '{"value":<undefined>}'
    said = {key: value["StringValue"] for key, value in letter["MessageAttributes"].items()}
    assert (said["ERROR_CODE"], said["ERROR_MESSAGE"]) == ("INVALID_JSON", "Invalid input for target.")
    assert set(said) == {"ERROR_CODE", "ERROR_MESSAGE", "RULE_ARN", "TARGET_ARN"}


def test_schedules_fire(events: Any, sandbox: Any, target: Queue) -> None:
    """Recorded: the event of a schedule, each minute of the environment's clock. Other rules of the bus can match it; a
    rule that matches its own event gets it once."""
    rule = name()
    arn = events.put_rule(Name=rule, ScheduleExpression="rate(1 minute)")["RuleArn"]
    events.put_targets(Rule=rule, Targets=[{"Id": "t", "Arn": target.arn}])
    watching, mirror = Queue(sandbox), name()
    pattern = json.dumps({"source": ["aws.events"], "resources": [arn]})
    events.put_rule(Name=mirror, EventPattern=pattern)
    events.put_targets(Rule=mirror, Targets=[{"Id": "t", "Arn": watching.arn}])
    sandbox.advance_clock(61)
    (first,) = target.events()
    assert watching.events() == [first]
    events.put_rule(Name=rule, ScheduleExpression="rate(1 minute)", EventPattern=pattern)
    assert (first["source"], first["detail-type"], first["detail"]) == ("aws.events", "Scheduled Event", {})
    assert first["resources"] == [arn]
    sandbox.advance_clock(60)
    (second,) = target.events()
    assert second["id"] != first["id"]
    events.put_rule(Name=rule, ScheduleExpression="rate(1 hour)")
    events.disable_rule(Name=rule)
    sandbox.advance_clock(7200)
    events.enable_rule(Name=rule)
    sandbox.advance_clock(3601)
    assert target.events()[0]["resources"] == [arn]


# Archives and replays


def test_an_archive_shows_as_a_rule(fresh_sandbox: Any) -> None:
    """AWS archives by a rule of its own for each archive, which its account sees and cannot change."""
    events = fresh_sandbox.client("events")
    source = events.describe_event_bus()["Arn"]
    events.create_archive(ArchiveName="all", EventSourceArn=source)
    events.create_archive(ArchiveName="some", EventSourceArn=source, EventPattern=PATTERN)
    rules = {rule["Name"]: rule for rule in events.list_rules()["Rules"]}
    assert list(rules) == ["Events-Archive-all", "Events-Archive-some"]
    unreplayed = {"replay-name": [{"exists": False}]}
    assert json.loads(rules["Events-Archive-all"]["EventPattern"]) == unreplayed
    assert json.loads(rules["Events-Archive-some"]["EventPattern"]) == json.loads(PATTERN) | unreplayed
    named = {"Rule": "Events-Archive-all"}
    assert events.describe_rule(Name=named["Rule"])["ManagedBy"] == "prod.vhs.events.aws.internal"
    (target,) = events.list_targets_by_rule(**named)["Targets"]
    assert target["Arn"] == "arn:aws:events:us-east-1:::"
    template = target["InputTransformer"]["InputTemplate"]
    assert '"event": <aws.events.event.json>' in template and '"archive-arn"' in template
    for refused in (
        lambda: events.delete_rule(Name=named["Rule"]),
        lambda: events.disable_rule(Name=named["Rule"]),
        lambda: events.put_rule(Name=named["Rule"], EventPattern=PATTERN),
        lambda: events.put_targets(**named, Targets=[{"Id": "x", "Arn": "arn:aws:sqs:us-east-1:1:q"}]),
        lambda: events.remove_targets(**named, Ids=[target["Id"]]),
    ):
        assert error_of(refused)[0] == "ManagedRuleException"
    entry = {"Source": "s", "DetailType": "t", "Detail": "{}"}
    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
    assert events.describe_archive(ArchiveName="all")["EventCount"] == 1
    events.update_archive(ArchiveName="all", EventPattern=PATTERN)
    changed = json.loads(events.describe_rule(Name=named["Rule"])["EventPattern"])
    assert changed == json.loads(PATTERN) | unreplayed
    for archive in ("all", "some"):
        events.delete_archive(ArchiveName=archive)
    assert events.list_rules()["Rules"] == []


def test_archives(events: Any, sandbox: Any) -> None:
    """Recorded: what an archive shows, and each refusal."""
    archive, bus = name(), name()
    key = sandbox.client("kms").create_key()["KeyMetadata"]["KeyId"]
    source = events.create_event_bus(Name=bus)["EventBusArn"]
    made = events.create_archive(
        ArchiveName=archive, EventSourceArn=source, Description="d", EventPattern=PATTERN, RetentionDays=1
    )
    assert (made["State"], made["ArchiveArn"].rpartition(":")[2]) == ("ENABLED", f"archive/{archive}")
    shown = events.describe_archive(ArchiveName=archive)
    assert (shown["EventCount"], shown["SizeBytes"], shown["RetentionDays"]) == (0, 0, 1)
    assert (shown["EventPattern"], shown["Description"], shown["EventSourceArn"]) == (PATTERN, "d", source)
    (listed,) = events.list_archives(EventSourceArn=source)["Archives"]
    assert listed["ArchiveName"] == archive and "Description" not in listed
    assert events.list_archives(NamePrefix="zzz")["Archives"] == []
    exists = ("ResourceAlreadyExistsException", f"Archive {archive} already exists.")
    assert error_of(events.create_archive, ArchiveName=archive, EventSourceArn=source) == exists
    no_bus = ("ResourceNotFoundException", f"Event bus {bus}x does not exist.")
    assert error_of(events.create_archive, ArchiveName="x", EventSourceArn=source + "x") == no_bus
    rule = error_of(events.create_archive, ArchiveName="x", EventSourceArn=source.replace("event-bus", "rule"))
    assert rule[1] == "Parameter EventSourceArn is not valid. Reason: Must contain an event bus ARN."
    assert error_of(events.list_archives, EventSourceArn=source + "x") == no_bus
    assert error_of(events.list_archives, EventSourceArn=source, NamePrefix="a")[0] == "ValidationException"
    events.put_events(Entries=[entry(EventBusName=bus) for _ in range(3)] + [entry(source="no", EventBusName=bus)])
    shown = events.describe_archive(ArchiveName=archive)
    # Recorded: the bytes of time (20), source (4), detail type (5) and detail (9).
    assert (shown["EventCount"], shown["SizeBytes"]) == (3, 3 * 38)
    nothing = "At least one of EventPattern, RetentionDays or Description must be provided."
    assert error_of(events.update_archive, ArchiveName=archive) == ("ValidationException", nothing)
    # EVENTS-008: the key has to be there, and encrypts nothing.
    events.update_archive(ArchiveName=archive, Description="e", KmsKeyIdentifier=key)
    assert events.describe_archive(ArchiveName=archive)["KmsKeyIdentifier"] == key
    missing = {"Description": "f", "KmsKeyIdentifier": str(uuid.uuid4())}
    for refused in (
        error_of(events.update_archive, ArchiveName=archive, **missing),
        error_of(events.create_archive, ArchiveName="x", EventSourceArn=source, **missing),
    ):
        assert refused[0] == "ValidationException"
        assert refused[1].startswith("The provided KMS key does not exist. Please ensure that the key identifier is ")
    events.update_archive(ArchiveName=archive, Description="e", KmsKeyIdentifier="")
    assert "KmsKeyIdentifier" not in events.describe_archive(ArchiveName=archive)
    assert events.describe_archive(ArchiveName=archive)["Description"] == "e"
    events.delete_archive(ArchiveName=archive)
    gone = ("ResourceNotFoundException", f"Archive {archive} does not exist.")
    assert error_of(events.describe_archive, ArchiveName=archive) == gone


def test_replays(events: Any, target: Queue) -> None:
    """All of a span come again, more than a page of them, with the replay's name; and each refusal."""
    bus, archive, replay = name(), name(), name()
    source = events.create_event_bus(Name=bus)["EventBusArn"]
    arn = events.create_archive(ArchiveName=archive, EventSourceArn=source)["ArchiveArn"]
    for batch in range(12):
        events.put_events(Entries=[entry({"n": batch * 10 + n}, EventBusName=bus) for n in range(10)])
    rule_to(events, target.arn, bus=bus)
    end = datetime.datetime(2100, 1, 1, tzinfo=datetime.UTC)
    span = {"EventStartTime": datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), "EventEndTime": end}
    params: dict[str, Any] = {"EventSourceArn": arn, "Destination": {"Arn": source}, **span}
    started = events.start_replay(ReplayName=replay, **params)
    assert started["State"] == "STARTING"
    got = target.events(120)
    assert {event["detail"]["n"] for event in got} == set(range(120))
    assert {event["replay-name"] for event in got} == {replay}
    shown = until(lambda: [row for row in [events.describe_replay(ReplayName=replay)] if row["State"] == "COMPLETED"])
    assert shown[0]["EventLastReplayedTime"]
    assert replay in {row["ReplayName"] for row in events.list_replays(State="COMPLETED")["Replays"]}
    exists = ("ResourceAlreadyExistsException", f"Replay {replay} already exists.")
    assert error_of(events.start_replay, ReplayName=replay, **params) == exists
    over = ("IllegalStatusException", f"Replay {replay} is not in a valid state for this operation.")
    assert error_of(events.cancel_replay, ReplayName=replay) == over
    reverse_span = {"EventEndTime": span["EventStartTime"]}
    reverse = {**params, **reverse_span}
    assert error_of(events.start_replay, ReplayName=name(), **reverse) == (
        "ValidationException",
        "Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.",
    )
    elsewhere = {**params, "Destination": {"Arn": events.describe_event_bus()["Arn"]}}
    assert error_of(events.start_replay, ReplayName=name(), **elsewhere) == (
        "ValidationException",
        "Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted.",
    )
    assert "EventEndTime" in error_of(events.start_replay, ReplayName=name(), **{**elsewhere, **reverse_span})[1]
    nowhere = {**params, "Destination": {"Arn": source + "x"}}
    assert error_of(events.start_replay, ReplayName=name(), **nowhere) == (
        "ResourceNotFoundException",
        f"Event bus {bus}x does not exist.",
    )
    unknown = {**params, "EventSourceArn": arn + "x"}
    assert error_of(events.start_replay, ReplayName=name(), **unknown) == (
        "ResourceNotFoundException",
        f"Archive {archive}x does not exist.",
    )
    assert error_of(events.describe_replay, ReplayName="none") == (
        "ResourceNotFoundException",
        "Replay none does not exist.",
    )


# API destinations


class Endpoint:
    """A real HTTP endpoint that remembers its requests."""

    def __init__(self) -> None:
        self.requests: queue.Queue[tuple[str, str, dict[str, str], bytes]] = queue.Queue()
        self.statuses: list[int] = []
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {key.lower(): value for key, value in self.headers.items()}
                answer = b'{"access_token": "token"}' if self.path == "/oauth" else b"{}"
                self.send_response(endpoint.statuses.pop(0) if endpoint.statuses else 200)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
                endpoint.requests.put((self.command, self.path, headers, body))

            do_PUT = do_POST

            def log_message(self, *_: Any) -> None:
                """Keeps the test's output quiet."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self) -> tuple[str, str, dict[str, str], bytes]:
        return self.requests.get(timeout=10)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    yield made
    made.close()


def test_connections(events: Any, sandbox: Any) -> None:
    """What a connection shows: never its secrets, which are in Secrets Manager (recorded); and each refusal."""
    secrets = sandbox.client("secretsmanager")
    connection = name()
    auth = {
        "ApiKeyAuthParameters": {"ApiKeyName": "ApiKey", "ApiKeyValue": "secret"},
        "InvocationHttpParameters": {
            "HeaderParameters": [
                {"Key": "a", "Value": "open", "IsValueSecret": False},
                {"Key": "b", "Value": "hidden", "IsValueSecret": True},
            ]
        },
    }
    made = events.create_connection(Name=connection, AuthorizationType="API_KEY", AuthParameters=auth)
    assert made["ConnectionState"] == "AUTHORIZED"
    shown = events.describe_connection(Name=connection)
    assert shown["AuthParameters"] == {
        "ApiKeyAuthParameters": {"ApiKeyName": "ApiKey"},
        "InvocationHttpParameters": {
            "HeaderParameters": [
                {"Key": "a", "Value": "open", "IsValueSecret": False},
                {"Key": "b", "IsValueSecret": True},
            ]
        },
    }
    assert f":secret:events!connection/{connection}/" in shown["SecretArn"]
    described = secrets.describe_secret(SecretId=shown["SecretArn"])
    assert described["OwningService"] == "events"
    assert described["Tags"] == [{"Key": "aws:secretsmanager:owningService", "Value": "events"}]
    secret = secrets.get_secret_value(SecretId=shown["SecretArn"])
    assert secret["Name"].startswith(f"events!connection/{connection}/")
    kept = json.loads(secret["SecretString"])
    added = kept.pop("invocation_http_parameters")
    assert kept == {"api_key_name": "ApiKey", "api_key_value": "secret"}
    assert {"key": "a", "value": "open", "is_value_secret": False} in added["header_parameters"]
    (listed,) = events.list_connections(NamePrefix=connection)["Connections"]
    assert (listed["AuthorizationType"], "AuthParameters" in listed) == ("API_KEY", False)
    exists = ("ResourceAlreadyExistsException", f"Connection {connection} already exists.")
    again = error_of(events.create_connection, Name=connection, AuthorizationType="API_KEY", AuthParameters=auth)
    assert again == exists
    basic = {"BasicAuthParameters": {"Username": "u", "Password": "p"}}
    events.update_connection(Name=connection, AuthorizationType="BASIC", AuthParameters=basic)
    foreign = error_of(secrets.put_secret_value, SecretId=shown["SecretArn"], SecretString="x")
    assert foreign == ("InvalidRequestException", "Operation is not allowed on secret owned by events")
    described = events.describe_connection(Name=connection)["AuthParameters"]
    assert described == {"BasicAuthParameters": {"Username": "u"}}
    changed = json.loads(secrets.get_secret_value(SecretId=shown["SecretArn"])["SecretString"])
    assert changed == {"username": "u", "password": "p"}
    assert events.delete_connection(Name=connection)["ConnectionState"] == "DELETING"
    with pytest.raises(ClientError):
        secrets.get_secret_value(SecretId=shown["SecretArn"])
    gone = f"Failed to describe the connection(s). Connection '{connection}' does not exist."
    assert error_of(events.describe_connection, Name=connection) == ("ResourceNotFoundException", gone)


def test_a_connection_is_updated_in_part(events: Any, sandbox: Any) -> None:
    """Recorded: a password alone, what is too little, and what a deauthorisation leaves; parameters of another type
    than is named are refused."""
    secrets, connection = sandbox.client("secretsmanager"), name()
    basic = {
        "BasicAuthParameters": {"Username": "u", "Password": "p"},
        "InvocationHttpParameters": {"QueryStringParameters": [{"Key": "q", "Value": "v"}]},
    }
    key = {"ApiKeyAuthParameters": {"ApiKeyName": "k", "ApiKeyValue": "v"}}
    wrong = error_of(events.create_connection, Name=connection, AuthorizationType="BASIC", AuthParameters=key)
    assert wrong[0] == "ValidationException"
    events.create_connection(Name=connection, AuthorizationType="BASIC", AuthParameters=basic)
    password = {"BasicAuthParameters": {"Password": "p2"}}
    too_little = "Failed to update the connection(s). At least one of the following is required: Description, "
    for params in ({"AuthParameters": password}, {"AuthorizationType": "BASIC"}, {}):
        refused = error_of(events.update_connection, Name=connection, **params)
        assert (refused[0], refused[1].startswith(too_little)) == ("ValidationException", True)
    events.update_connection(Name=connection, AuthorizationType="BASIC", AuthParameters=password)
    shown = events.describe_connection(Name=connection)
    query = {"QueryStringParameters": [{"Key": "q", "Value": "v", "IsValueSecret": False}]}
    assert shown["AuthParameters"] == {"BasicAuthParameters": {"Username": "u"}, "InvocationHttpParameters": query}
    text = secrets.get_secret_value(SecretId=shown["SecretArn"])["SecretString"]
    assert text.startswith('{"username":"u","password":"p2","invocation_http_parameters":{"query_string_parameters":[')
    events.update_connection(Name=connection, Description="d")
    assert events.describe_connection(Name=connection)["LastAuthorizedTime"] == shown["LastAuthorizedTime"]
    assert events.deauthorize_connection(Name=connection)["ConnectionState"] == "DEAUTHORIZING"
    bare = events.describe_connection(Name=connection)
    assert (bare["ConnectionState"], bare["AuthParameters"]) == ("DEAUTHORIZED", {})
    assert bare["StateReason"].endswith("were removed from this connection by a DeauthorizeConnection operation.")
    assert error_of(secrets.describe_secret, SecretId=shown["SecretArn"])[0] == "ResourceNotFoundException"
    events.update_connection(Name=connection, AuthorizationType="API_KEY", AuthParameters=key)
    again = events.describe_connection(Name=connection)
    assert (again["ConnectionState"], again["AuthorizationType"]) == ("AUTHORIZED", "API_KEY")
    assert again["SecretArn"] != shown["SecretArn"]
    assert "StateReason" not in again
    kept = secrets.get_secret_value(SecretId=again["SecretArn"])["SecretString"]
    assert kept == '{"api_key_name":"k","api_key_value":"v"}'


def test_an_api_destination(events: Any, sandbox: Any, endpoint: Endpoint) -> None:
    """The request that reaches the endpoint: method, path, query, headers, authorisation, body."""
    auth = {
        "BasicAuthParameters": {"Username": "u", "Password": "p"},
        "InvocationHttpParameters": {
            "HeaderParameters": [{"Key": "x-fixed", "Value": "1"}],
            "BodyParameters": [{"Key": "extra", "Value": "y"}],
        },
    }
    connection = events.create_connection(Name=name(), AuthorizationType="BASIC", AuthParameters=auth)
    destination = name()
    params = {"ConnectionArn": connection["ConnectionArn"], "HttpMethod": "PUT"}
    url = endpoint.url.replace("http://", "https://") + "/orders/*"
    made = events.create_api_destination(Name=destination, InvocationEndpoint=url, **params)
    assert made["ApiDestinationState"] == "ACTIVE"
    shown = events.describe_api_destination(Name=destination)
    assert (shown["InvocationRateLimitPerSecond"], shown["HttpMethod"]) == (300, "PUT")
    events.update_api_destination(Name=destination, InvocationEndpoint=endpoint.url + "/orders/*")
    assert [row["Name"] for row in events.list_api_destinations(NamePrefix=destination)["ApiDestinations"]] == [
        destination
    ]
    source = name()
    http_parameters = {
        "PathParameterValues": ["a b"],
        "QueryStringParameters": {"q": "1"},
        "HeaderParameters": {"x-own": "2"},
    }
    rule_to(
        events,
        made["ApiDestinationArn"],
        json.dumps({"source": [source]}),
        RoleArn=ROLE,
        HttpParameters=http_parameters,
        InputPath="$.detail",
    )
    endpoint.statuses = [503]
    events.put_events(Entries=[entry({"n": 1}, source=source)])
    endpoint.take()
    sandbox.advance_clock(2)
    method, path, headers, body = endpoint.take()
    assert (method, path) == ("PUT", "/orders/a%20b?q=1")
    assert headers["authorization"] == "Basic dTpw"
    assert (headers["x-fixed"], headers["x-own"]) == ("1", "2")
    assert json.loads(body) == {"n": 1, "extra": "y"}
    exists = ("ResourceAlreadyExistsException", f"An api-destination '{destination}' already exists.")
    again = error_of(events.create_api_destination, Name=destination, InvocationEndpoint=url, **params)
    assert again == exists
    unknown = {"ConnectionArn": connection["ConnectionArn"] + "x", "HttpMethod": "PUT"}
    assert error_of(events.create_api_destination, Name=name(), InvocationEndpoint=url, **unknown) == (
        "ResourceNotFoundException",
        f"Connection '{connection['ConnectionArn']}x' does not exist.",
    )
    events.delete_api_destination(Name=destination)
    gone = f"Failed to describe the api-destination(s). An api-destination '{destination}' does not exist."
    assert error_of(events.describe_api_destination, Name=destination) == ("ResourceNotFoundException", gone)


def test_a_stage_of_an_api(events: Any, sandbox: Any, endpoint: Endpoint) -> None:
    """EVENTS-006: the request that a method gets; what it refuses goes to the dead-letter queue."""
    apis = sandbox.client("apigateway")
    api = apis.create_rest_api(name=name())
    made = apis.create_resource(restApiId=api["id"], parentId=api["rootResourceId"], pathPart="{proxy+}")
    of_resource = {"restApiId": api["id"], "resourceId": made["id"], "httpMethod": "POST"}
    apis.put_method(**of_resource, authorizationType="NONE", requestParameters={"method.request.path.proxy": True})
    passed = {"integration.request.path.proxy": "method.request.path.proxy"}
    uri = endpoint.url + "/{proxy}"
    apis.put_integration(
        **of_resource, type="HTTP_PROXY", uri=uri, integrationHttpMethod="POST", requestParameters=passed
    )
    apis.create_deployment(restApiId=api["id"], stageName="test")
    source, dead = name(), Queue(sandbox)
    rule_to(
        events,
        f"arn:aws:execute-api:us-east-1:{sandbox.account}:{api['id']}/test/POST/orders/*",
        json.dumps({"source": [source]}),
        HttpParameters={"PathParameterValues": ["7"], "QueryStringParameters": {"q": "1"}},
        InputPath="$.detail",
        DeadLetterConfig={"Arn": dead.arn},
    )
    events.put_events(Entries=[entry({"n": 1}, source=source)])
    method, path, headers, body = endpoint.take()
    assert (method, path, json.loads(body)) == ("POST", "/orders/7?q=1", {"n": 1})
    assert headers["content-type"].startswith("application/json")
    endpoint.statuses = [400]
    events.put_events(Entries=[entry({"n": 2}, source=source)])
    (refused,) = dead.take()
    assert refused["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "HTTP_400"
    assert json.loads(refused["Body"]) == {"n": 2}


def test_an_oauth_connection(events: Any, endpoint: Endpoint) -> None:
    """EVENTS-001: a token is fetched with the client's credentials, for each request, and shown to the endpoint."""
    auth = {
        "OAuthParameters": {
            "AuthorizationEndpoint": endpoint.url + "/oauth",
            "HttpMethod": "POST",
            "ClientParameters": {"ClientID": "id", "ClientSecret": "s"},
        }
    }
    connection = name()
    made = events.create_connection(Name=connection, AuthorizationType="OAUTH_CLIENT_CREDENTIALS", AuthParameters=auth)
    assert made["ConnectionState"] == "AUTHORIZING"
    assert events.describe_connection(Name=connection)["AuthParameters"]["OAuthParameters"]["ClientParameters"] == {
        "ClientID": "id"
    }
    source = name()
    destination = events.create_api_destination(
        Name=name(), ConnectionArn=made["ConnectionArn"], InvocationEndpoint=endpoint.url + "/x", HttpMethod="POST"
    )
    rule_to(events, destination["ApiDestinationArn"], json.dumps({"source": [source]}), RoleArn=ROLE)
    events.put_events(Entries=[entry(source=source)])
    _, path, _, form = endpoint.take()
    assert (path, b"grant_type=client_credentials" in form) == ("/oauth", True)
    _, path, headers, _ = endpoint.take()
    assert (path, headers["authorization"]) == ("/x", "Bearer token")
