"""CloudWatch Logs as boto3 sees it, over HTTP: what it promises and each error that it makes."""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest
from tests.conftest import error_of, until

DAY_MS = 86_400_000


@pytest.fixture
def logs(sandbox: Any) -> Any:
    return sandbox.client("logs")


def unique(prefix: str = "n") -> str:
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


@pytest.fixture
def group(logs: Any) -> str:
    name = unique("group")
    logs.create_log_group(logGroupName=name)
    return name


@pytest.fixture
def stream(logs: Any, group: str) -> str:
    logs.create_log_stream(logGroupName=group, logStreamName="s1")
    return "s1"


def now_ms() -> int:
    return int(time.time() * 1000)


def put(logs: Any, group: str, stream: str, *messages: str, at: int | None = None) -> Any:
    at = at or now_ms()
    events = [{"timestamp": at + number, "message": message} for number, message in enumerate(messages)]
    return logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def messages_of(answer: Any) -> list[str]:
    return [event["message"] for event in answer["events"]]


def test_values_against_a_pattern_are_not_repeated(logs: Any) -> None:
    """AWS no longer puts what failed a pattern into its message."""
    assert error_of(logs.create_log_group, logGroupName="x!x")[:2] == (
        "InvalidParameterException",
        r"1 validation error detected: Value at 'logGroupName' failed to satisfy constraint: Member must satisfy "
        r"regular expression pattern: [\.\-_/#A-Za-z0-9]+",
    )


def test_group_as_aws_shows_it(logs: Any, sandbox: Any, group: str) -> None:
    """Members and defaults. LOGS-001: stored bytes stay at nought."""
    (shown,) = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    arn = f"arn:aws:logs:us-east-1:{sandbox.account}:log-group:{group}"
    assert shown == {
        "arn": f"{arn}:*",
        "creationTime": shown["creationTime"],
        "deletionProtectionEnabled": False,
        "logGroupArn": arn,
        "logGroupClass": "STANDARD",
        "logGroupName": group,
        "metricFilterCount": 0,
        "storedBytes": 0,
    }
    assert error_of(logs.create_log_group, logGroupName=group) == (
        "ResourceAlreadyExistsException",
        "The specified log group already exists",
        400,
    )


def test_names_that_are_too_long(logs: Any, group: str) -> None:
    """Recorded from AWS: a sentence of its own instead of the framework's."""
    message = "Invalid LogGroup or LogStream, both must have length less than or equal to 512."
    assert error_of(logs.create_log_group, logGroupName="x" * 513) == ("InvalidParameterException", message, 400)
    assert error_of(logs.create_log_stream, logGroupName=group, logStreamName="x" * 513)[1] == message


def test_listing_groups(fresh_sandbox: Any) -> None:
    """By prefix, by a part of the name, and page by page."""
    logs = fresh_sandbox.client("logs")
    for name in ("/a/one", "/a/two", "/b/one"):
        logs.create_log_group(logGroupName=name)

    def names(**params: Any) -> list[str]:
        pages = logs.get_paginator("describe_log_groups").paginate(**params, PaginationConfig={"PageSize": 1})
        return [row["logGroupName"] for page in pages for row in page["logGroups"]]

    assert names(logGroupNamePrefix="/a/") == ["/a/one", "/a/two"]
    assert names(logGroupNamePattern="ONE") == ["/a/one", "/b/one"]
    assert names() == ["/a/one", "/a/two", "/b/one"]
    assert [row["logGroupName"] for row in logs.list_log_groups(logGroupNamePattern="^/b/|wo1")["logGroups"]] == [
        "/b/one"
    ]
    assert logs.list_log_groups(logGroupNamePattern="none")["logGroups"] == []
    assert error_of(logs.describe_log_groups, logGroupNamePrefix="/a", logGroupNamePattern="b")[0] == (
        "InvalidParameterException"
    )
    assert error_of(logs.describe_log_groups, nextToken="nonsense!")[1] == "The specified nextToken is invalid."


def test_streams(logs: Any, sandbox: Any, group: str, stream: str) -> None:
    """A stream before and after its first event, and both orders."""
    logs.create_log_stream(logGroupName=group, logStreamName="s2")
    (first, _) = logs.describe_log_streams(logGroupName=group)["logStreams"]
    assert first == {
        "arn": f"arn:aws:logs:us-east-1:{sandbox.account}:log-group:{group}:log-stream:s1",
        "creationTime": first["creationTime"],
        "logStreamName": "s1",
        "storedBytes": 0,
    }
    at = now_ms() - 1000
    put(logs, group, "s1", "late", at=at)
    put(logs, group, "s2", "early", at=at - 5000)
    shown = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="s1")["logStreams"][0]
    assert (shown["firstEventTimestamp"], shown["lastEventTimestamp"]) == (at, at)

    def names(**params: Any) -> list[str]:
        pages = logs.get_paginator("describe_log_streams").paginate(
            logGroupName=group, **params, PaginationConfig={"PageSize": 1}
        )
        return [row["logStreamName"] for page in pages for row in page["logStreams"]]

    assert names(orderBy="LastEventTime") == ["s2", "s1"]
    assert names(orderBy="LastEventTime", descending=True) == ["s1", "s2"]
    assert names(descending=True) == ["s2", "s1"]
    assert error_of(
        logs.describe_log_streams, logGroupName=group, orderBy="LastEventTime", logStreamNamePrefix="s"
    )[1] == "Cannot order by LastEventTime with a logStreamNamePrefix."  # fmt: skip
    assert error_of(logs.create_log_stream, logGroupName=group, logStreamName="s1") == (
        "ResourceAlreadyExistsException",
        "The specified log stream already exists",
        400,
    )


def test_what_does_not_exist(logs: Any, group: str) -> None:
    """Recorded from AWS."""
    events = [{"timestamp": now_ms(), "message": "x"}]
    assert error_of(logs.put_log_events, logGroupName=unique(), logStreamName="s", logEvents=events) == (
        "ResourceNotFoundException",
        "The specified log group does not exist.",
        400,
    )
    for call, more in (
        (logs.put_log_events, {"logEvents": events}),
        (logs.get_log_events, {}),
        (logs.delete_log_stream, {}),
    ):
        assert error_of(call, logGroupName=group, logStreamName="nope", **more) == (
            "ResourceNotFoundException",
            "The specified log stream does not exist.",
            400,
        )
    assert error_of(logs.delete_log_group, logGroupName=unique())[0] == "ResourceNotFoundException"


def test_pages_in_both_directions(logs: Any, group: str, stream: str) -> None:
    """The tokens' contract: forward and back without loss, and the same token at an end."""
    put(logs, group, stream, *(f"m{number}" for number in range(10)))
    where = {"logGroupName": group, "logStreamName": stream}
    head = logs.get_log_events(**where, startFromHead=True, limit=4)
    assert messages_of(head) == ["m0", "m1", "m2", "m3"]
    middle = logs.get_log_events(**where, nextToken=head["nextForwardToken"], limit=4)
    assert messages_of(middle) == ["m4", "m5", "m6", "m7"]
    back = logs.get_log_events(**where, nextToken=middle["nextBackwardToken"], limit=3)
    assert messages_of(back) == ["m1", "m2", "m3"]
    rest = logs.get_log_events(**where, nextToken=middle["nextForwardToken"], limit=4)
    assert messages_of(rest) == ["m8", "m9"]
    end = logs.get_log_events(**where, nextToken=rest["nextForwardToken"])
    assert (end["events"], end["nextForwardToken"]) == ([], rest["nextForwardToken"])
    put(logs, group, stream, "new", at=now_ms() + 1000)
    assert messages_of(logs.get_log_events(**where, nextToken=end["nextForwardToken"])) == ["new"]
    assert messages_of(logs.get_log_events(**where, limit=2)) == ["m9", "new"]
    assert error_of(logs.get_log_events, **where, nextToken="x")[1] == "The specified nextToken is invalid."
    assert error_of(logs.get_log_events, **where, limit=10001) == (
        "InvalidParameterException",
        "1 validation error detected: Value '10001' at 'limit' failed to satisfy constraint: Member must have value "
        "less than or equal to 10000",
        400,
    )


def test_time_range(logs: Any, group: str, stream: str) -> None:
    """The start is in the range, the end is not; for both readers."""
    at = now_ms() - 1000
    put(logs, group, stream, "a", "b", "c", "d", at=at)
    span = {"startTime": at + 1, "endTime": at + 3}
    assert messages_of(logs.get_log_events(logGroupName=group, logStreamName=stream, **span)) == ["b", "c"]
    assert messages_of(logs.filter_log_events(logGroupName=group, **span)) == ["b", "c"]


def test_batches(logs: Any, group: str, stream: str) -> None:
    """What a batch may not be."""
    where = {"logGroupName": group, "logStreamName": stream}
    at = now_ms()

    def lines(*times: int, message: str = "x") -> list[dict[str, Any]]:
        return [{"timestamp": at + each, "message": message} for each in times]

    assert error_of(logs.put_log_events, **where, logEvents=lines(1, 0)) == (
        "InvalidParameterException",
        "Log events in a single PutLogEvents request must be in chronological order.",
        400,
    )
    assert "24 hours" in error_of(logs.put_log_events, **where, logEvents=lines(-DAY_MS - 1, 0))[1]
    assert error_of(logs.put_log_events, **where, logEvents=lines(*range(2), message="x" * 600_000))[1] == (
        "Upload too large: 1200052 bytes exceeds limit of 1048576"
    )
    assert error_of(logs.put_log_events, **where, logEvents=lines(0, message="é" * 524_276))[1] == (
        "Log event too large: 1048578 bytes exceeds limit of 1048576"
    )


def test_rejected_events(logs: Any, group: str, stream: str) -> None:
    """Events out of their time are left out, and the answer says from where to where."""
    where = {"logGroupName": group, "logStreamName": stream}
    at = now_ms()
    new = [{"timestamp": at, "message": "now"}, {"timestamp": at + 3 * 3_600_000, "message": "later"}]
    answer = logs.put_log_events(**where, logEvents=new)
    assert answer["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 1}
    assert answer["nextSequenceToken"]
    old = [{"timestamp": at - 15 * DAY_MS, "message": "then"}]
    assert logs.put_log_events(**where, logEvents=old)["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    weeks = logs.put_log_events(**where, logEvents=old + new)
    assert weeks["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 2}, (
        "the day that a batch may span is measured over what is taken"
    )
    assert messages_of(logs.get_log_events(**where)) == ["now", "now"]


def test_filtering(logs: Any, group: str, stream: str) -> None:
    """Across streams, in order of time, by pattern, stream and page."""
    logs.create_log_stream(logGroupName=group, logStreamName="t2")
    at = now_ms() - 10_000
    for number in range(6):
        put(logs, group, "t2" if number % 2 else stream, f"ERROR {number}" if number != 3 else "fine", at=at + number)

    def found(**params: Any) -> list[str]:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=group, **params, PaginationConfig={"PageSize": 2}
        )
        return [event["message"] for page in pages for event in page["events"]]

    assert found() == ["ERROR 0", "ERROR 1", "ERROR 2", "fine", "ERROR 4", "ERROR 5"]
    assert found(filterPattern="ERROR -4") == ["ERROR 0", "ERROR 1", "ERROR 2", "ERROR 5"]
    assert found(logStreamNames=["t2"]) == ["ERROR 1", "fine", "ERROR 5"]
    assert found(logStreamNamePrefix="s", filterPattern="ERROR") == ["ERROR 0", "ERROR 2", "ERROR 4"]
    event = logs.filter_log_events(logGroupName=group, limit=1)["events"][0]
    assert (event["logStreamName"], len(event["eventId"])) == (stream, 56)
    assert error_of(logs.filter_log_events, logGroupName=group, filterPattern="{ $.a")[:2] == (
        "InvalidParameterException",
        "Invalid filter pattern",
    )
    assert error_of(logs.filter_log_events, logGroupName=group, logStreamNames=["none"])[0] == (
        "ResourceNotFoundException"
    )
    assert error_of(logs.filter_log_events, logGroupName=group, logStreamNames=["t2"], logStreamNamePrefix="t")[0] == (
        "InvalidParameterException"
    )


def test_group_by_its_arn(logs: Any, sandbox: Any, group: str, stream: str) -> None:
    """Readers take an identifier in place of the name, but not both."""
    put(logs, group, stream, "x")
    arn = f"arn:aws:logs:us-east-1:{sandbox.account}:log-group:{group}"
    assert messages_of(logs.get_log_events(logGroupIdentifier=arn, logStreamName=stream)) == ["x"]
    assert messages_of(logs.filter_log_events(logGroupIdentifier=arn)) == ["x"]
    assert (
        error_of(logs.filter_log_events, logGroupIdentifier=arn, logGroupName=group)[0] == "InvalidParameterException"
    )
    assert error_of(logs.filter_log_events)[0] == "InvalidParameterException"


def test_retention(fresh_sandbox: Any) -> None:
    """Events past the retention are neither shown nor taken; without the policy they stay."""
    logs = fresh_sandbox.client("logs")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    put(logs, "g", "s", "old")
    logs.put_retention_policy(logGroupName="g", retentionInDays=3)
    assert logs.describe_log_groups()["logGroups"][0]["retentionInDays"] == 3
    assert messages_of(logs.filter_log_events(logGroupName="g")) == ["old"]
    fresh_sandbox.advance_clock(4 * 86_400)
    assert messages_of(logs.filter_log_events(logGroupName="g")) == []
    assert messages_of(logs.get_log_events(logGroupName="g", logStreamName="s")) == []
    answer = put(logs, "g", "s", "expired", at=now_ms())
    assert answer["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}
    logs.delete_retention_policy(logGroupName="g")
    assert "retentionInDays" not in logs.describe_log_groups()["logGroups"][0]
    assert "enum value set: [1, 3, 5," in error_of(logs.put_retention_policy, logGroupName="g", retentionInDays=2)[1]


def test_deleted_stream_does_not_come_back(logs: Any, group: str, stream: str) -> None:
    """A stream made anew under an old name is empty."""
    put(logs, group, stream, "before")
    logs.delete_log_stream(logGroupName=group, logStreamName=stream)
    assert messages_of(logs.filter_log_events(logGroupName=group)) == []
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    assert messages_of(logs.get_log_events(logGroupName=group, logStreamName=stream)) == []
    put(logs, group, stream, "after")
    assert messages_of(logs.filter_log_events(logGroupName=group)) == ["after"]


def test_deletion(logs: Any, group: str, stream: str) -> None:
    """Everything goes with the group, unless it is protected."""
    put(logs, group, stream, "x")
    logs.put_log_group_deletion_protection(logGroupIdentifier=group, deletionProtectionEnabled=True)
    assert error_of(logs.delete_log_group, logGroupName=group)[0] == "ValidationException"
    logs.put_log_group_deletion_protection(logGroupIdentifier=group, deletionProtectionEnabled=False)
    logs.delete_log_group(logGroupName=group)
    logs.create_log_group(logGroupName=group)
    assert logs.describe_log_streams(logGroupName=group)["logStreams"] == []
    assert messages_of(logs.filter_log_events(logGroupName=group)) == []


def test_tags(logs: Any, sandbox: Any) -> None:
    """Both generations of the tagging operations."""
    name = unique("group")
    logs.create_log_group(logGroupName=name, tags={"env": "testing"})
    arn = f"arn:aws:logs:us-east-1:{sandbox.account}:log-group:{name}"
    logs.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2"})
    logs.untag_resource(resourceArn=arn, tagKeys=["a"])
    logs.tag_log_group(logGroupName=name, tags={"c": "3"})
    logs.untag_log_group(logGroupName=name, tags=["b"])
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"env": "testing", "c": "3"}
    assert logs.list_tags_log_group(logGroupName=name)["tags"] == {"env": "testing", "c": "3"}
    assert error_of(logs.list_tags_for_resource, resourceArn=arn + "x")[0] == "ResourceNotFoundException"
    assert error_of(logs.list_tags_for_resource, resourceArn="arn:aws:s3:::bucket")[0] == "InvalidParameterException"


def test_kms_key_is_kept(logs: Any, group: str) -> None:
    """LOGS-002: shown, though events are not encrypted with it."""
    key = "arn:aws:kms:us-east-1:111111111111:key/x"
    logs.associate_kms_key(logGroupName=group, kmsKeyId=key)
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["kmsKeyId"] == key
    logs.disassociate_kms_key(logGroupName=group)
    assert "kmsKeyId" not in logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]


def test_metric_filters(logs: Any, group: str) -> None:
    """Kept, listed by group and by metric, and checked."""
    transformation = {"metricName": unique("m"), "metricNamespace": "ns", "metricValue": "1", "defaultValue": 0.0}
    logs.put_metric_filter(
        logGroupName=group,
        filterName="f",
        filterPattern='{$.message = "test"}',
        metricTransformations=[transformation],
    )
    (shown,) = logs.describe_metric_filters(logGroupName=group)["metricFilters"]
    assert shown == {
        "applyOnTransformedLogs": False,
        "creationTime": shown["creationTime"],
        "filterName": "f",
        "filterPattern": '{$.message = "test"}',
        "logGroupName": group,
        "metricTransformations": [transformation],
    }
    metric = {"metricName": transformation["metricName"], "metricNamespace": "ns"}
    assert logs.describe_metric_filters(**metric)["metricFilters"] == [shown]
    assert logs.describe_metric_filters(logGroupName=group, filterNamePrefix="g")["metricFilters"] == []
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["metricFilterCount"] == 1
    assert error_of(logs.describe_metric_filters, metricName="m")[0] == "InvalidParameterException"
    broken = {"filterName": "g", "filterPattern": "{ $.a", "metricTransformations": [transformation]}
    assert error_of(logs.put_metric_filter, logGroupName=group, **broken)[0] == "InvalidParameterException"
    many = [{"metricName": f"metric{n}", "metricNamespace": f"namespace{n}", "metricValue": "1"} for n in (1, 2)]
    assert error_of(
        logs.put_metric_filter, logGroupName=group, filterName="g", filterPattern="x", metricTransformations=many
    )[1].endswith(
        "at 'metricTransformations' failed to satisfy constraint: Member must have length less than or equal to 1"
    )
    colons = {"filterName": "c", "filterPattern": "x"}
    named = {"metricName": "m", "metricNamespace": "A.B-c_d/1#2:n"}
    logs.put_metric_filter(logGroupName=group, **colons, metricTransformations=[named | {"metricValue": "1"}])
    assert [row["filterName"] for row in logs.describe_metric_filters(**named)["metricFilters"]] == ["c"]
    stars = [named | {"metricValue": "1", "metricNamespace": "a*"}]
    refused = error_of(logs.put_metric_filter, logGroupName=group, **colons, metricTransformations=stars)
    assert refused[0] == "InvalidParameterException"
    logs.delete_metric_filter(logGroupName=group, filterName="f")
    assert error_of(logs.delete_metric_filter, logGroupName=group, filterName="f")[0] == "ResourceNotFoundException"


def test_testing_a_metric_filter(logs: Any) -> None:
    """What a pattern would match, and what it would take out."""
    line = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'
    answer = logs.test_metric_filter(
        filterPattern="[..., request=*.html*, status=4*, bytes]", logEventMessages=["other line", line]
    )
    (match,) = answer["matches"]
    assert (match["eventNumber"], match["eventMessage"]) == (2, line)
    assert match["extractedValues"]["$status"] == "404"


def test_subscription_filter_errors(logs: Any, group: str) -> None:
    """Recorded from AWS."""
    asked = {"logGroupName": group, "filterName": "f", "filterPattern": ""}
    other = "arn:aws:lambda:us-east-1:999999999999:function:f"
    assert error_of(logs.put_subscription_filter, **asked, destinationArn=other) == (
        "AccessDeniedException",
        "Cross-account lambda invocation passing is not allowed. You must use DestinationPolicies to create cross "
        "account lambda triggers.",
        400,
    )
    kinesis = "arn:aws:kinesis:us-east-1:999999999999:stream/s"
    assert error_of(logs.put_subscription_filter, **asked, destinationArn=kinesis) == (
        "InvalidParameterException",
        "destinationArn for vendor kinesis cannot be used without roleArn",
        400,
    )
    assert error_of(logs.put_subscription_filter, **asked, destinationArn="arn:aws:s3:::b")[0] == (
        "InvalidParameterException"
    )
    assert logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"] == []


def test_subscription_filters_are_kept(logs: Any, sandbox: Any, group: str) -> None:
    """Five for a group, changed by name. A stream has to take a test message."""
    role, stream = "arn:aws:iam::999999999999:role/r", unique("stream")
    kinesis = f"arn:aws:kinesis:us-east-1:{sandbox.account}:stream/{stream}"
    asked = {"logGroupName": group, "filterPattern": "ERROR", "destinationArn": kinesis, "roleArn": role}
    assert error_of(logs.put_subscription_filter, **asked, filterName="a") == (
        "InvalidParameterException",
        "Could not deliver test message to specified Kinesis stream. Check if the given Kinesis stream is in ACTIVE "
        "state.",
        400,
    )
    sandbox.client("kinesis").create_stream(StreamName=stream, ShardCount=1)
    for name in ("a", "b", "a", "c", "d", "e"):
        logs.put_subscription_filter(**asked, filterName=name)
    assert error_of(logs.put_subscription_filter, **asked, filterName="f") == (
        "LimitExceededException",
        "Resource limit exceeded.",
        400,
    )
    (shown,) = logs.describe_subscription_filters(logGroupName=group, filterNamePrefix="a")["subscriptionFilters"]
    assert (shown["destinationArn"], shown["roleArn"], shown["distribution"]) == (kinesis, role, "ByLogStream")
    logs.delete_subscription_filter(logGroupName=group, filterName="a")
    assert error_of(logs.delete_subscription_filter, logGroupName=group, filterName="a")[0] == (
        "ResourceNotFoundException"
    )


def test_destinations_and_policies(logs: Any, sandbox: Any) -> None:
    """Kept and shown as AWS does."""
    name = unique("destination")
    target, role = "arn:aws:kinesis:us-east-1:111111111111:stream/s", "arn:aws:iam::111111111111:role/r"
    made = logs.put_destination(destinationName=name, targetArn=target, roleArn=role)["destination"]
    assert made == {
        "arn": f"arn:aws:logs:us-east-1:{sandbox.account}:destination:{name}",
        "creationTime": made["creationTime"],
        "destinationName": name,
        "roleArn": role,
        "targetArn": target,
    }
    logs.put_destination_policy(destinationName=name, accessPolicy="{}")
    assert logs.describe_destinations(DestinationNamePrefix=name)["destinations"] == [made | {"accessPolicy": "{}"}]
    logs.delete_destination(destinationName=name)
    assert error_of(logs.delete_destination, destinationName=name)[0] == "ResourceNotFoundException"

    document = '{"Version":"2008-10-17","Statement":[]}'
    logs.put_resource_policy(policyName=name, policyDocument=document)
    policies = logs.describe_resource_policies()["resourcePolicies"]
    assert [(row["policyDocument"], row["policyScope"]) for row in policies if row["policyName"] == name] == [
        (document, "ACCOUNT")
    ]
    assert error_of(logs.put_resource_policy, policyName=name, policyDocument="x")[0] == "InvalidParameterException"
    logs.delete_resource_policy(policyName=name)
    assert error_of(logs.delete_resource_policy, policyName=name)[0] == "ResourceNotFoundException"


def test_saved_queries(logs: Any) -> None:
    """Kept for the console."""
    name = unique("query")
    identifier = logs.put_query_definition(name=name, queryString="fields @message")["queryDefinitionId"]
    (shown,) = logs.describe_query_definitions(queryDefinitionNamePrefix=name)["queryDefinitions"]
    assert (shown["queryDefinitionId"], shown["queryString"]) == (identifier, "fields @message")
    assert logs.delete_query_definition(queryDefinitionId=identifier)["success"] is True
    assert error_of(logs.delete_query_definition, queryDefinitionId=identifier)[0] == "ResourceNotFoundException"


def wait_for_results(logs: Any, query: str) -> Any:
    """The results of a query once it has ended."""

    def look() -> Any:
        answer = logs.get_query_results(queryId=query)
        return None if answer["status"] in ("Scheduled", "Running") else answer

    return until(look)


def test_insights(logs: Any, sandbox: Any, group: str, stream: str) -> None:
    """A query over events of a time range, its results, and its place in the listings."""
    at = now_ms() - 60_000
    put(logs, group, stream, *(f'{{"n": {n}, "kind": "{"even" if n % 2 == 0 else "odd"}"}}' for n in range(10)), at=at)
    span = {"startTime": at // 1000 - 1, "endTime": at // 1000 + 60}
    text = "filter n > 1 | stats count(*) as number, sum(n) as total by kind | sort kind asc"
    query = logs.start_query(logGroupName=group, queryString=text, **span)["queryId"]
    answer = wait_for_results(logs, query)
    assert (answer["status"], answer["queryLanguage"]) == ("Complete", "CWLI")
    assert [[(cell["field"], cell["value"]) for cell in row] for row in answer["results"]] == [
        [("kind", "even"), ("number", "4"), ("total", "20")],
        [("kind", "odd"), ("number", "4"), ("total", "24")],
    ]
    assert (answer["statistics"]["recordsMatched"], answer["statistics"]["recordsScanned"]) == (8.0, 10.0)
    (shown,) = logs.describe_queries(logGroupName=group, status="Complete")["queries"]
    assert shown == {
        "createTime": shown["createTime"],
        "logGroupName": group,
        "queryId": query,
        "queryLanguage": "CWLI",
        "queryString": f'SOURCE "{group}" START={span["startTime"]}000 END={span["endTime"]}999 | {text}',
        "status": "Complete",
    }
    assert logs.describe_queries(logGroupName=group, status="Scheduled")["queries"] == []
    query = logs.start_query(logGroupName=group, queryString="fields @message, @logStream", limit=2, **span)["queryId"]
    rows = wait_for_results(logs, query)["results"]
    newest = {cell["field"]: cell["value"] for cell in rows[0]}
    assert len(rows) == 2
    assert (newest["@message"], newest["@logStream"]) == ('{"n": 9, "kind": "odd"}', stream)
    record = logs.get_log_record(logRecordPointer=newest["@ptr"])["logRecord"]
    assert (record["kind"], record["@log"]) == ("odd", f"{sandbox.account}:{group}")


def test_insights_errors(logs: Any, group: str) -> None:
    """What can't be asked is refused before it runs."""
    span = {"startTime": 0, "endTime": 10**9}
    asked = {"queryString": "fields @message", **span}
    with pytest.raises(logs.exceptions.MalformedQueryException) as caught:
        logs.start_query(logGroupName=group, queryString="fields @message | nonsense", **span)
    assert caught.value.response["queryCompileError"]["location"]["startCharOffset"] == 18
    missing = unique()
    code, message, _ = error_of(logs.start_query, logGroupName=missing, **asked)
    assert (code, message.startswith(f"Log group '{missing}' does not exist for account ID '")) == (
        "ResourceNotFoundException",
        True,
    )
    assert error_of(logs.start_query, **asked)[0] == "InvalidParameterException"
    assert error_of(logs.start_query, logGroupName=group, **(asked | {"endTime": 0, "startTime": 1}))[0] == (
        "InvalidParameterException"
    )
    # LOGS-003: only AWS's own language is built.
    assert error_of(logs.start_query, logGroupName=group, **asked, queryLanguage="SQL")[2] == 501
    missing = "12345678-1234-1234-1234-123456789012"
    assert error_of(logs.get_query_results, queryId=missing)[0] == "ResourceNotFoundException"
    assert error_of(logs.stop_query, queryId=missing)[0] == "ResourceNotFoundException"
    done = logs.start_query(logGroupName=group, **asked)["queryId"]
    wait_for_results(logs, done)
    assert error_of(logs.stop_query, queryId=done)[0] == "InvalidParameterException"
    assert error_of(logs.get_log_record, logRecordPointer="x")[0] == "InvalidParameterException"
