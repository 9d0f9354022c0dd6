"""X-Ray as who looks at traces sees it: filter expressions, groups, statistics; sampling rules and settings."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from tests.conftest import error_of
from tests.contract.test_xray import window

TRACES = [f"1-67891233-{number:024x}" for number in range(3)]


@pytest.fixture
def xray(fresh_sandbox: Any) -> Any:
    return fresh_sandbox.client("xray")


def _http(status: int, url: str = "http://shop.example/v2/cart", method: str = "GET") -> dict[str, Any]:
    return {"request": {"url": url, "method": method, "client_ip": "10.0.0.1"}, "response": {"status": status}}


@pytest.fixture
def traces(xray: Any) -> None:
    """The first: shop, whose subsegments call bank (which sends a segment and fails) and a table (which sends none).
    The second: shop fails. The third: shop, slow and unfinished."""
    now = time.time() - 60

    def segment(trace: int, number: int, name: str, seconds: float = 1.0, **more: Any) -> str:
        times = {"start_time": now, "end_time": now + seconds}
        return json.dumps({"id": f"{number:016x}", "trace_id": TRACES[trace], "name": name, **times, **more})

    def call(number: int, name: str, namespace: str, **more: Any) -> dict[str, Any]:
        times = {"start_time": now, "end_time": now + 0.5}
        return {"id": f"{number:016x}", "name": name, "namespace": namespace, **times, **more}

    calls = [
        call(0x11, "bank", "remote", error=True, annotations={"paid": True}),
        call(0x12, "DynamoDB", "aws", aws={"table_name": "carts"}),
    ]
    documents = [
        segment(0, 1, "shop", user="ann", http=_http(200), annotations={"age": 30, "tier": "gold"}, subsegments=calls,
                origin="AWS::Lambda"),
        segment(0, 2, "bank", 0.5, parent_id=f"{0x11:016x}", error=True, throttle=True, http=_http(429),
                cause={"exceptions": [{"id": "e", "message": "no money left"}]}),
        segment(1, 3, "shop", origin="AWS::Lambda", fault=True, http=_http(500, method="POST"), user="bob",
                annotations={"age": 20}),
        segment(2, 4, "shop", 9.0, origin="AWS::EC2::Instance", in_progress=True,
                aws={"ec2": {"instance_id": "i-1", "availability_zone": "eu-west-1a"}}),
    ]  # fmt: skip
    assert xray.put_trace_segments(TraceSegmentDocuments=documents)["UnprocessedTraceSegments"] == []


FILTERS = [
    ("", [0, 1, 2]),
    ("ok", [2]),
    ("!ok", [0, 1]),
    ("fault = true", [1]),
    ("fault != true", [0, 2]),
    ("error", []),
    ('service("bank") { error }', [0]),
    ("service() { throttle OR fault }", [0, 1]),
    ("throttle", [0]),
    ("ok !partial", []),
    ("partial", [2]),
    ("responsetime > 5", [2]),
    ("duration >= 1 AND duration < 2", [0, 1]),
    ("http.status = 500", [1]),
    ('http.url BEGINSWITH "http://shop" and http.url ENDSWITH "cart"', [0, 1]),
    ('http.method = "POST" OR user = "ann"', [0, 1]),
    ('(http.method = "POST" OR user = "ann") AND annotation.age > 25', [0]),
    ('http.clientip = "10.0.0.1" !service("bank")', [1]),
    ("annotation[age] <= 20", [1]),
    ('annotation[tier] = "gold"', [0]),
    ("annotation.paid = true", [0]),
    ("annotation.age", [0, 1]),
    ('annotation.age = "30"', []),
    ('edge("shop", "bank")', [0]),
    ('edge("shop", "bank") { fault }', []),
    ('edge("shop", "carts") { inferred }', [0]),
    ('service(id(name: "carts", type: "AWS::DynamoDB::Table"))', [0]),
    ('service(id(type: "AWS::EC2::Instance"))', [2]),
    ('instance.id = "i-1" AND availabilityzone = "eu-west-1a"', [2]),
    ('message CONTAINS "money"', [0]),
    ("service(\"shop\") { responsetime > 0.9 AND http.method != 'GET' }", [1]),
]


@pytest.mark.parametrize(("expression", "found"), FILTERS)
def test_filter_expressions_pick_traces(xray: Any, traces: None, expression: str, found: list[int]) -> None:
    """Outside of service() and edge(), error and fault are the root's: what it handled isn't found."""
    filtered = {"FilterExpression": expression} if expression else {}
    summaries = xray.get_trace_summaries(**window(), **filtered)["TraceSummaries"]
    assert [row["Id"] for row in summaries] == [TRACES[number] for number in found]


@pytest.mark.parametrize(
    "expression",
    ["bogus", "responsetime", "responsetime > fast", 'user > "a"', "ok AND", "(ok", 'service("a"', "ok )", "ok = maybe",
     'edge("a", "b", "c")', "#", 'group.name = "none"', "service(id(color: \"red\"))", "annotation[a] CONTAINS 3"],
)  # fmt: skip
def test_what_is_no_expression_is_refused(xray: Any, expression: str) -> None:
    code, message, _ = error_of(xray.get_trace_summaries, **window(), FilterExpression=expression)
    assert (code, message.startswith("Invalid filter expression")) == ("InvalidRequestException", True)


def test_summaries_say_what_can_be_filtered(xray: Any, traces: None) -> None:
    first, _, third = xray.get_trace_summaries(**window())["TraceSummaries"]
    assert first["Http"] == {
        "HttpURL": "http://shop.example/v2/cart", "HttpMethod": "GET", "ClientIp": "10.0.0.1", "HttpStatus": 200,
    }  # fmt: skip
    shop = {"Name": "shop", "Names": ["shop"], "Type": "AWS::Lambda"}
    assert first["EntryPoint"] == shop
    assert first["Users"] == [{"UserName": "ann", "ServiceIds": [shop]}]
    assert first["Annotations"]["age"] == [{"AnnotationValue": {"NumberValue": 30.0}, "ServiceIds": [shop]}]
    assert first["Annotations"]["paid"][0]["AnnotationValue"] == {"BooleanValue": True}
    assert (first["HasError"], first["HasThrottle"], third["IsPartial"]) == (False, True, True)
    assert third["InstanceIds"] == [{"Id": "i-1"}]


def test_graphs_follow_subsegments(xray: Any, traces: None) -> None:
    """SDKs name the subsegment as the parent of what it called; what sends no segments is inferred."""
    nodes = {node["Name"]: node for node in xray.get_trace_graph(TraceIds=[TRACES[0]])["Services"]}
    assert {name: node["Type"] for name, node in nodes.items()} == {
        "shop": "AWS::Lambda", "bank": "remote", "carts": "AWS::DynamoDB::Table",
    }  # fmt: skip
    assert sorted(edge["ReferenceId"] for edge in nodes["shop"]["Edges"]) == sorted(
        nodes[name]["ReferenceId"] for name in ("bank", "carts")
    )
    assert nodes["bank"]["ResponseTimeHistogram"] == [{"Value": 0.5, "Count": 1}]


def test_documents_with_anything_in_them_can_be_looked_at(xray: Any) -> None:
    """An application's mistake in one document must not hide the others."""
    now = time.time()
    odd: dict[str, Any] = {
        "id": "0" * 16, "trace_id": TRACES[0], "name": "odd", "start_time": now, "end_time": "later", "http": "x",
        "aws": [], "annotations": {"a": [1], "b": None}, "subsegments": [1, {"id": 3}, {"id": "x"}], "cause": "e",
        "user": 3,
    }  # fmt: skip
    xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(odd)])
    assert len(xray.get_trace_summaries(**window())["TraceSummaries"]) == 1
    assert len(xray.get_service_graph(**window())["Services"]) == 1


def test_statistics_come_by_the_minute(xray: Any, traces: None) -> None:
    selected = {**window(), "EntitySelectorExpression": 'service("shop")'}
    (row,) = xray.get_time_series_service_statistics(**selected)["TimeSeriesServiceStatistics"]
    assert row["ServiceSummaryStatistics"]["TotalCount"] == 3
    assert row["ServiceSummaryStatistics"]["FaultStatistics"]["TotalCount"] == 1
    assert row["ResponseTimeHistogram"] == [{"Value": 1.0, "Count": 2}, {"Value": 9.0, "Count": 1}]
    selected["EntitySelectorExpression"] = 'edge("shop", "bank")'
    (row,) = xray.get_time_series_service_statistics(**selected)["TimeSeriesServiceStatistics"]
    assert row["EdgeSummaryStatistics"]["ErrorStatistics"]["ThrottleCount"] == 1
    for wrong in ({"Period": 7}, {"EntitySelectorExpression": "ok"}, {"ForecastStatistics": True}):
        code = error_of(xray.get_time_series_service_statistics, **window(), **wrong)[0]
        assert code == "InvalidRequestException"


def test_groups_are_kept_filters(xray: Any, traces: None) -> None:
    group = xray.create_group(GroupName="bad", FilterExpression="fault", Tags=[{"Key": "a", "Value": "1"}])["Group"]
    assert group["GroupARN"].split(":")[-1].startswith("group/bad/")
    assert group["InsightsConfiguration"] == {"InsightsEnabled": False, "NotificationsEnabled": False}
    assert [row["GroupName"] for row in xray.get_groups()["Groups"]] == ["Default", "bad"]
    graph = xray.get_service_graph(**window(), GroupName="bad")["Services"]
    assert [(node["Name"], node["SummaryStatistics"]["TotalCount"]) for node in graph] == [("shop", 1)]
    (summary,) = xray.get_trace_summaries(**window(), FilterExpression='group.name = "bad"')["TraceSummaries"]
    assert summary["Id"] == TRACES[1]
    insights = {"InsightsEnabled": True, "NotificationsEnabled": True}
    changed = xray.update_group(GroupARN=group["GroupARN"], FilterExpression="ok", InsightsConfiguration=insights)
    assert (changed["Group"]["FilterExpression"], changed["Group"]["InsightsConfiguration"]) == ("ok", insights)
    assert xray.get_group(GroupName="bad")["Group"] == changed["Group"]
    xray.tag_resource(ResourceARN=group["GroupARN"], Tags=[{"Key": "b", "Value": "2"}])
    xray.untag_resource(ResourceARN=group["GroupARN"], TagKeys=["a"])
    assert xray.list_tags_for_resource(ResourceARN=group["GroupARN"])["Tags"] == [{"Key": "b", "Value": "2"}]
    xray.delete_group(GroupName="bad")
    for call, asked in (
        (xray.get_group, {"GroupName": "bad"}),
        (xray.delete_group, {"GroupName": "Default"}),
        (xray.get_group, {}),
        (xray.create_group, {"GroupName": "x", "FilterExpression": "bogus"}),
        (xray.create_group, {"GroupName": "x", "InsightsConfiguration": {"NotificationsEnabled": True}}),
        (xray.create_group, {"GroupName": "Default"}),
    ):
        assert error_of(call, **asked)[0] == "InvalidRequestException", asked
    missing = error_of(xray.list_tags_for_resource, ResourceARN=group["GroupARN"])
    assert (missing[0], missing[2]) == ("ResourceNotFoundException", 404)


def test_there_are_no_insights(xray: Any) -> None:
    """XRAY-003: nothing looks for anomalies; a group may have them switched on."""
    assert xray.get_insight_summaries(**window(), GroupName="Default")["InsightSummaries"] == []
    missing = {"InsightId": "12345678-1234-1234-1234-123456789012"}
    for call, asked in (
        (xray.get_insight, missing),
        (xray.get_insight_events, missing),
        (xray.get_insight_impact_graph, missing | window()),
    ):
        assert error_of(call, **asked)[0] == "InvalidRequestException"


RULE = {
    "RuleName": "r", "ResourceARN": "*", "Priority": 5, "FixedRate": 0.5, "ReservoirSize": 3, "ServiceName": "shop",
    "ServiceType": "*", "Host": "*", "HTTPMethod": "GET", "URLPath": "/a/*", "Version": 1,
}  # fmt: skip


def test_sampling_rules_are_kept_by_priority(xray: Any) -> None:
    record = xray.create_sampling_rule(SamplingRule=RULE)["SamplingRuleRecord"]
    assert record["SamplingRule"]["RuleARN"].endswith(":sampling-rule/r") and record["CreatedAt"]
    xray.create_sampling_rule(SamplingRule={**RULE, "RuleName": "first", "Priority": 1})
    names = [row["SamplingRule"]["RuleName"] for row in xray.get_sampling_rules()["SamplingRuleRecords"]]
    assert names == ["first", "r", "Default"]
    changed = xray.update_sampling_rule(SamplingRuleUpdate={"RuleName": "r", "FixedRate": 0.25})["SamplingRuleRecord"]
    assert (changed["SamplingRule"]["FixedRate"], changed["SamplingRule"]["Host"]) == (0.25, "*")
    xray.update_sampling_rule(SamplingRuleUpdate={"RuleName": "Default", "FixedRate": 0.1})
    assert xray.get_sampling_rules()["SamplingRuleRecords"][-1]["SamplingRule"]["FixedRate"] == 0.1
    assert xray.delete_sampling_rule(RuleName="r")["SamplingRuleRecord"]["SamplingRule"]["RuleName"] == "r"
    for call, asked in (
        (xray.delete_sampling_rule, {"RuleName": "r"}),
        (xray.delete_sampling_rule, {"RuleName": "Default"}),
        (xray.delete_sampling_rule, {}),
        (xray.update_sampling_rule, {"SamplingRuleUpdate": {"RuleName": "r", "Priority": 1}}),
        (xray.update_sampling_rule, {"SamplingRuleUpdate": {"RuleName": "Default", "Priority": 1}}),
        (xray.create_sampling_rule, {"SamplingRule": {**RULE, "RuleName": "first"}}),
        (xray.create_sampling_rule, {"SamplingRule": {**RULE, "Version": 2}}),
    ):
        assert error_of(call, **asked)[0] == "InvalidRequestException", asked
    for number in range(24):
        xray.create_sampling_rule(SamplingRule={**RULE, "RuleName": f"n{number}"})
    assert error_of(xray.create_sampling_rule, SamplingRule=RULE)[0] == "RuleLimitExceededException"


def test_samplers_share_the_reservoir(xray: Any) -> None:
    xray.create_sampling_rule(SamplingRule=RULE)

    def report(client: str, rule: str = "r") -> Any:
        counts = {"RequestCount": 10, "SampledCount": 4, "BorrowCount": 1}
        named = {"RuleName": rule, "ClientID": client * 24, "Timestamp": time.time()}
        return xray.get_sampling_targets(SamplingStatisticsDocuments=[named | counts])

    (target,) = report("a")["SamplingTargetDocuments"]
    assert (target["FixedRate"], target["ReservoirQuota"], target["Interval"]) == (0.5, 3, 10)
    (target,) = report("b")["SamplingTargetDocuments"]
    assert target["ReservoirQuota"] == 2
    assert [row["RuleName"] for row in report("a", "none")["UnprocessedStatistics"]] == ["none"]
    (summary,) = xray.get_sampling_statistic_summaries()["SamplingStatisticSummaries"]
    counts = [summary[name] for name in ("RequestCount", "SampledCount", "BorrowCount")]
    assert (summary["RuleName"], counts) == ("r", [20, 8, 2])


def test_settings_are_kept(xray: Any) -> None:
    """XRAY-004: kept and shown; nothing is encrypted or allowed by them."""
    assert xray.get_encryption_config()["EncryptionConfig"] == {"Type": "NONE", "Status": "ACTIVE"}
    assert xray.put_encryption_config(Type="KMS", KeyId="alias/a")["EncryptionConfig"]["Status"] == "UPDATING"
    assert xray.get_encryption_config()["EncryptionConfig"] == {"Type": "KMS", "KeyId": "alias/a", "Status": "ACTIVE"}
    assert error_of(xray.put_encryption_config, Type="KMS")[0] == "InvalidRequestException"
    assert xray.get_trace_segment_destination()["Destination"] == "XRay"
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}]})
    first = xray.put_resource_policy(PolicyName="p", PolicyDocument=document)["ResourcePolicy"]
    second = xray.put_resource_policy(PolicyName="p", PolicyDocument=document, PolicyRevisionId="1")["ResourcePolicy"]
    assert (first["PolicyRevisionId"], second["PolicyRevisionId"]) == ("1", "2")
    assert [row["PolicyDocument"] for row in xray.list_resource_policies()["ResourcePolicies"]] == [document]
    put = xray.put_resource_policy
    for asked, code in (
        ({"PolicyName": "p", "PolicyDocument": document, "PolicyRevisionId": "0"}, "InvalidPolicyRevisionIdException"),
        ({"PolicyName": "q", "PolicyDocument": "{"}, "MalformedPolicyDocumentException"),
        ({"PolicyName": "q", "PolicyDocument": "x" * 5121}, "PolicySizeLimitExceededException"),
    ):
        assert error_of(put, **asked)[0] == code
    for number in range(4):
        put(PolicyName=f"n{number}", PolicyDocument=document)
    assert error_of(put, PolicyName="q", PolicyDocument=document)[0] == "PolicyCountLimitExceededException"
    wrong = error_of(xray.delete_resource_policy, PolicyName="p", PolicyRevisionId="1")
    assert wrong[0] == "InvalidPolicyRevisionIdException"
    xray.delete_resource_policy(PolicyName="p", PolicyRevisionId="2")
    assert error_of(xray.delete_resource_policy, PolicyName="p")[0] == "InvalidRequestException"
