"""EventBridge's global endpoints, partner event sources and policies by stacks, as boto3 sees them."""

from __future__ import annotations

import json
import urllib.request
import uuid
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from tests.contract.test_cloudformation import create, delete
from tests.contract.test_events import Queue, error_of

DAY_SECONDS = 86_400


def offer(sandbox: Any) -> str:
    """A partner's source for its own account."""
    name = f"aws.partner/acme/{uuid.uuid4().hex}"
    made = sandbox.client("events").create_partner_event_source(Name=name, Account=sandbox.account)
    assert made["EventSourceArn"] == f"arn:aws:events:us-east-1::event-source/{name}"
    return name


def listen(sandbox: Any, bus: str, region: str = "us-east-1") -> Queue:
    """A queue that gets all events of a bus."""
    events, queue = sandbox.client("events", region), Queue(sandbox, region)
    events.put_rule(Name="all", EventBusName=bus, EventPattern=json.dumps({"detail-type": [{"exists": True}]}))
    events.put_targets(Rule="all", EventBusName=bus, Targets=[{"Id": "q", "Arn": queue.arn}])
    return queue


def test_a_partners_events(sandbox: Any) -> None:
    """PENDING until there is a bus of its name, whose rules then get what the partner puts. EVENTS-005: who makes the
    source is its own customer, and the name tells the partner."""
    events, name = sandbox.client("events"), offer(sandbox)
    source = events.describe_event_source(Name=name)
    assert (source["State"], source["CreatedBy"], source["Name"]) == ("PENDING", "acme", name)
    assert (source["ExpirationTime"] - source["CreationTime"]).days == 14
    events.create_event_bus(Name=name, EventSourceName=name)
    assert events.describe_event_source(Name=name)["State"] == "ACTIVE"
    queue = listen(sandbox, name)
    entry = {"Source": name, "DetailType": "Order", "Detail": '{"id": 1}'}
    answer = events.put_partner_events(Entries=[entry, {"Source": name}])
    assert answer["FailedEntryCount"] == 1
    (event,) = queue.events()
    assert (event["id"], event["source"], event["detail"]) == (answer["Entries"][0]["EventId"], name, {"id": 1})
    assert event["account"] == sandbox.account


def test_a_source_that_is_off_gets_nothing(sandbox: Any) -> None:
    """Deactivated it is PENDING and its bus stays; activated again events come again."""
    events, name = sandbox.client("events"), offer(sandbox)
    assert error_of(events.activate_event_source, Name=name)[0] == "InvalidStateException"
    events.create_event_bus(Name=name, EventSourceName=name)
    queue = listen(sandbox, name)
    events.deactivate_event_source(Name=name)
    assert events.describe_event_source(Name=name)["State"] == "PENDING"
    entry = {"Source": name, "DetailType": "Order", "Detail": '{"id": 1}'}
    events.put_partner_events(Entries=[entry])
    events.activate_event_source(Name=name)
    events.put_partner_events(Entries=[{**entry, "Detail": '{"id": 2}'}])
    assert queue.events()[0]["detail"] == {"id": 2}


def test_both_sides_of_a_source(sandbox: Any) -> None:
    """The partner sees its sources and their accounts; deleted sources are DELETED as long as their bus stays."""
    events, name = sandbox.client("events"), offer(sandbox)
    events.create_event_bus(Name=name, EventSourceName=name)
    assert [one["Name"] for one in events.list_event_sources(NamePrefix=name)["EventSources"]] == [name]
    listed = events.list_partner_event_sources(NamePrefix="aws.partner/acme/")["PartnerEventSources"]
    assert {"Name": name, "Arn": f"arn:aws:events:us-east-1::event-source/{name}"} in listed
    accounts = events.list_partner_event_source_accounts(EventSourceName=name)["PartnerEventSourceAccounts"]
    assert [(one["Account"], one["State"]) for one in accounts] == [(sandbox.account, "ACTIVE")]
    events.delete_partner_event_source(Name=name, Account=sandbox.account)
    assert events.describe_event_source(Name=name)["State"] == "DELETED"
    gone = ("ResourceNotFoundException", f"Event source {name} does not exist.")
    assert error_of(events.describe_partner_event_source, Name=name) == gone
    events.delete_event_bus(Name=name)
    assert error_of(events.describe_event_source, Name=name) == gone


def test_sources_that_nobody_takes(fresh_sandbox: Any) -> None:
    """Two weeks without a bus delete a source; a bus is made for a source of its name alone."""
    events, name = fresh_sandbox.client("events"), offer(fresh_sandbox)
    assert error_of(events.create_partner_event_source, Name=name, Account=fresh_sandbox.account) == (
        "ResourceAlreadyExistsException",
        f"Event source {name} already exists.",
    )
    assert error_of(events.create_event_bus, Name="other", EventSourceName=name)[0] == "ValidationException"
    assert error_of(events.create_event_bus, Name=f"{name}x", EventSourceName=f"{name}x") == (
        "ResourceNotFoundException",
        f"Event source {name}x does not exist.",
    )
    fresh_sandbox.advance_clock(15 * DAY_SECONDS)
    assert events.describe_event_source(Name=name)["State"] == "DELETED"


@pytest.fixture
def buses(sandbox: Any) -> list[dict[str, str]]:
    """A bus in two regions."""
    name = f"b-{uuid.uuid4().hex}"
    regions = ("us-east-1", "eu-west-1")
    return [
        {"EventBusArn": sandbox.client("events", region).create_event_bus(Name=name)["EventBusArn"]}
        for region in regions
    ]


ROUTING = {
    "FailoverConfig": {
        "Primary": {"HealthCheck": "arn:aws:route53:::healthcheck/a1"},
        "Secondary": {"Route": "eu-west-1"},
    }
}


def put_to_endpoint(sandbox: Any, endpoint_id: str, entry: dict[str, Any]) -> Any:
    """PutEvents to an endpoint; boto3 itself would sign it with SigV4a, for which it wants another package."""
    body = json.dumps({"EndpointId": endpoint_id, "Entries": [entry]})
    headers = {"X-Amz-Target": "AWSEvents.PutEvents", "Content-Type": "application/x-amz-json-1.1"}
    request = AWSRequest("POST", f"{sandbox.server.endpoint}/", headers, body)
    keys = Credentials(sandbox.row["access_key_id"], sandbox.row["secret_access_key"])
    SigV4Auth(keys, "events", "us-east-1").add_auth(request)
    sent = urllib.request.Request(request.url, body.encode(), dict(request.headers))
    with urllib.request.urlopen(sent) as answer:
        return json.load(answer)


@pytest.mark.parametrize("replication", ["ENABLED", "DISABLED"])
def test_events_for_an_endpoint(sandbox: Any, buses: list[dict[str, str]], replication: str) -> None:
    """EVENTS-004: they are in the primary bus, and replicated in the secondary one."""
    events, name = sandbox.client("events"), f"e-{uuid.uuid4().hex}"
    role = f"arn:aws:iam::{sandbox.account}:role/replicates"
    settings = {"RoutingConfig": ROUTING, "ReplicationConfig": {"State": replication}, "EventBuses": buses}
    made = events.create_endpoint(Name=name, RoleArn=role, **settings)
    made.pop("ResponseMetadata")
    arn = f"arn:aws:events:us-east-1:{sandbox.account}:endpoint/{name}"
    assert made == {"Name": name, "Arn": arn, "RoleArn": role, **settings, "State": "CREATING"}
    shown = events.describe_endpoint(Name=name)
    assert shown["State"] == "ACTIVE"
    assert shown["EndpointUrl"] == f"https://{shown['EndpointId']}.endpoint.events.amazonaws.com"
    bus = buses[0]["EventBusArn"].rpartition("/")[2]
    queues = [listen(sandbox, bus, region) for region in ("us-east-1", "eu-west-1")]
    entry = {"Source": "shop", "DetailType": "Order", "Detail": "{}", "EventBusName": bus}
    identifier = put_to_endpoint(sandbox, shown["EndpointId"], entry)["Entries"][0]["EventId"]
    assert queues[0].events()[0]["id"] == identifier
    if replication == "ENABLED":
        assert queues[1].events()[0]["id"] == identifier
    else:
        assert queues[1].count() == 0


def test_endpoints_are_listed_changed_and_deleted(sandbox: Any, buses: list[dict[str, str]]) -> None:
    events, name = sandbox.client("events"), f"e-{uuid.uuid4().hex}"
    off = {"State": "DISABLED"}
    events.create_endpoint(Name=name, RoutingConfig=ROUTING, ReplicationConfig=off, EventBuses=buses)
    assert error_of(events.create_endpoint, Name=name, RoutingConfig=ROUTING, EventBuses=buses) == (
        "ResourceAlreadyExistsException",
        f"Endpoint {name} already exists.",
    )
    changed = events.update_endpoint(Name=name, Description="changed")
    assert (changed["State"], changed["ReplicationConfig"]) == ("UPDATING", off)
    (listed,) = events.list_endpoints(NamePrefix=name)["Endpoints"]
    assert listed["Description"] == "changed"
    abroad = sandbox.client("events", "eu-west-1")
    assert abroad.describe_endpoint(Name=name, HomeRegion="us-east-1")["Arn"] == listed["Arn"]
    events.delete_endpoint(Name=name)
    gone = ("ResourceNotFoundException", f"Endpoint {name} does not exist.")
    assert error_of(events.describe_endpoint, Name=name) == gone


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({}, "Parameter RoleArn is not valid. Reason: RoleArn is required when event replication is enabled."),
        ({"same": True}, "Parameter EventBuses is not valid. Reason: One event bus is in this region, the other in a "),
    ],
)
def test_endpoints_that_are_refused(
    sandbox: Any, buses: list[dict[str, str]], change: dict[str, Any], text: str
) -> None:
    """Replication acts by a role; the buses are in two regions."""
    events = sandbox.client("events")
    asked = [buses[0], buses[0]] if change else buses
    code, message = error_of(events.create_endpoint, Name="e", RoutingConfig=ROUTING, EventBuses=asked)
    assert (code, message.startswith(text)) == ("ValidationException", True), message


def test_policies_of_one_bus_in_a_stack(sandbox: Any) -> None:
    """Each statement is put for itself, and taken away for itself."""
    events, cfn, bus = sandbox.client("events"), sandbox.client("cloudformation"), f"b-{uuid.uuid4().hex}"
    arn = events.create_event_bus(Name=bus)["EventBusArn"]

    def policy(identifier: str, action: str, **more: Any) -> dict[str, Any]:
        statement = {"Effect": "Allow", "Principal": "*", "Action": action, "Resource": arn}
        properties = {"EventBusName": bus, "StatementId": identifier, "Statement": statement}
        return {"Type": "AWS::Events::EventBusPolicy", "Properties": properties, **more}

    others = {"B": policy("b", "events:PutRule", DependsOn="A")}
    create(cfn, bus, {"Resources": {"A": policy("a", "events:PutEvents"), **others}})
    shown = json.loads(events.describe_event_bus(Name=bus)["Policy"])
    assert [one["Sid"] for one in shown["Statement"]] == ["a", "b"]
    delete(cfn, bus)
    assert "Policy" not in events.describe_event_bus(Name=bus)
