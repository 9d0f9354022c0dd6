"""Vended log deliveries and export tasks of CloudWatch Logs, over HTTP."""

from __future__ import annotations

import gzip
import time
import uuid
from typing import Any

import pytest
from tests.conftest import error_of, until


@pytest.fixture
def logs(sandbox: Any) -> Any:
    return sandbox.client("logs")


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


def test_delivery_of_access_logs(logs: Any, sandbox: Any) -> None:
    """Source, destination and delivery with the members and defaults that were recorded from AWS."""
    source, destination = unique("source"), unique("destination")
    distribution = f"arn:aws:cloudfront::{sandbox.account}:distribution/E19DL18TOXN9JU"
    base = f"arn:aws:logs:us-east-1:{sandbox.account}"
    logs.put_delivery_source(name=source, resourceArn=distribution, logType="ACCESS_LOGS")
    assert logs.get_delivery_source(name=source)["deliverySource"] == {
        "arn": f"{base}:delivery-source:{source}",
        "logType": "ACCESS_LOGS",
        "name": source,
        "resourceArns": [distribution],
        "service": "cloudfront",
    }
    bucket = {"destinationResourceArn": "arn:aws:s3:::first"}
    logs.put_delivery_destination(name=destination, deliveryDestinationConfiguration=bucket)
    bucket = {"destinationResourceArn": "arn:aws:s3:::second"}
    wrong = error_of(logs.put_delivery_destination, name="x", outputFormat="x", deliveryDestinationConfiguration=bucket)
    assert wrong[0] == "ValidationException", "newer operations know no InvalidParameterException"
    made = logs.put_delivery_destination(name=destination, deliveryDestinationConfiguration=bucket)
    arn = f"{base}:delivery-destination:{destination}"
    assert made["deliveryDestination"] == {
        "arn": arn,
        "deliveryDestinationConfiguration": bucket,
        "deliveryDestinationType": "S3",
        "name": destination,
    }
    delivery = logs.create_delivery(deliverySourceName=source, deliveryDestinationArn=arn)["delivery"]
    assert len(delivery.pop("recordFields")) == 33
    assert delivery == {
        "arn": f"{base}:delivery:{delivery['id']}",
        "deliveryDestinationArn": arn,
        "deliveryDestinationType": "S3",
        "deliverySourceName": source,
        "id": delivery["id"],
        "s3DeliveryConfiguration": {
            "enableHiveCompatiblePath": False,
            "suffixPath": "AWSLogs/{account-id}/CloudFront/",
        },
    }
    changed = {"suffixPath": "x/", "enableHiveCompatiblePath": True}
    logs.update_delivery_configuration(id=delivery["id"], recordFields=["date"], s3DeliveryConfiguration=changed)
    shown = logs.get_delivery(id=delivery["id"])["delivery"]
    assert (shown["recordFields"], shown["s3DeliveryConfiguration"]) == (["date"], changed)
    assert shown in logs.describe_deliveries(deliverySourceNames=[source])["deliveries"]
    assert error_of(logs.create_delivery, deliverySourceName=source, deliveryDestinationArn=arn)[0] == (
        "ConflictException"
    )
    for call in (logs.delete_delivery_source, logs.delete_delivery_destination):
        name = source if call == logs.delete_delivery_source else destination
        assert error_of(call, name=name)[0] == "ConflictException"
    logs.delete_delivery(id=delivery["id"])
    logs.delete_delivery_source(name=source)
    logs.delete_delivery_destination(name=destination)


def test_delivery_errors(logs: Any, sandbox: Any) -> None:
    """Recorded from AWS."""
    missing = "Requested Delivery Destination does not exist in this account."
    for call in (logs.get_delivery_destination, logs.delete_delivery_destination):
        assert error_of(call, name="nope") == ("ResourceNotFoundException", missing, 400)
    assert error_of(logs.get_delivery_source, name="nope")[0] == "ResourceNotFoundException"
    assert error_of(logs.get_delivery, id="nope")[0] == "ResourceNotFoundException"
    assert error_of(logs.put_delivery_source, name="x", resourceArn="x", logType="ACCESS_LOGS")[0] == (
        "ValidationException"
    )


def test_destination_policy(logs: Any) -> None:
    """Kept and given back as it was."""
    name = unique("destination")
    bucket = {"destinationResourceArn": "arn:aws:s3:::b"}
    logs.put_delivery_destination(name=name, deliveryDestinationConfiguration=bucket)
    policy = '{"Version":"2012-10-17","Statement":[]}'
    put = logs.put_delivery_destination_policy(deliveryDestinationName=name, deliveryDestinationPolicy=policy)
    assert put["policy"] == {"deliveryDestinationPolicy": policy}
    assert logs.get_delivery_destination_policy(deliveryDestinationName=name)["policy"] == put["policy"]
    logs.delete_delivery_destination_policy(deliveryDestinationName=name)
    assert logs.get_delivery_destination_policy(deliveryDestinationName=name)["policy"] == {}


def wait_for_task(logs: Any, task: str) -> Any:
    """An export task once it has ended."""

    def look() -> Any:
        (shown,) = logs.describe_export_tasks(taskId=task)["exportTasks"]
        return None if shown["status"]["code"] in ("PENDING", "RUNNING") else shown

    return until(look)


def test_export_to_a_bucket(fresh_sandbox: Any) -> None:
    """What a task writes can be read: AWS's layout of keys and lines."""
    logs, s3 = fresh_sandbox.client("logs"), fresh_sandbox.client("s3")
    s3.create_bucket(Bucket="exports-" + fresh_sandbox.name)
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    at = int(time.time()) * 1000
    lines = [{"timestamp": at + number, "message": f"line {number}"} for number in range(3)]
    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=lines)
    span = {"fromTime": at, "to": at + 2}
    asked = {"logGroupName": "g", "destination": "exports-" + fresh_sandbox.name, **span}
    task = logs.create_export_task(**asked)["taskId"]
    shown = wait_for_task(logs, task)
    assert (shown["status"]["code"], shown["destinationPrefix"]) == ("COMPLETED", "exportedlogs")
    proof = s3.get_object(Bucket=asked["destination"], Key="aws-logs-write-test")["Body"].read()
    assert proof == b"Permission Check Successful"
    wait_for_task(logs, logs.create_export_task(**asked, destinationPrefix="own")["taskId"])
    assert s3.head_object(Bucket=asked["destination"], Key="own/aws-logs-write-test")
    body = s3.get_object(Bucket=asked["destination"], Key=f"exportedlogs/{task}/s/000000.gz")["Body"].read()
    written = gzip.decompress(body).decode().splitlines()
    assert [line.partition(" ")[2] for line in written] == ["line 0", "line 1"]
    assert written[0].partition(" ")[0].endswith(".000Z")
    assert error_of(logs.cancel_export_task, taskId=task)[0] == "InvalidOperationException"
    assert error_of(logs.cancel_export_task, taskId="nope")[0] == "ResourceNotFoundException"
    assert logs.describe_export_tasks(taskId="nope")["exportTasks"] == []
    assert error_of(logs.create_export_task, **(asked | {"logGroupName": "none"}))[0] == "ResourceNotFoundException"
    bucketless = error_of(logs.create_export_task, **(asked | {"destination": "no-such-bucket"}))
    assert bucketless[1] == "The given bucket does not exist. Please make sure the bucket is valid."
    assert error_of(logs.create_export_task, **(asked | {"to": at - 1}))[0] == "InvalidParameterException"
