"""Logs of CloudFront: files in S3, vended logs, configurations of those in real time."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.conftest import Sandbox, until
from tests.contract.apigateway import serve_upstream
from tests.contract.cloudfront import Site, behavior, config, server_origin

FIELDS = ["cs-method", "timestamp", "sc-status", "cs-uri-stem"]


@pytest.fixture(scope="module")
def upstream() -> Any:
    with serve_upstream() as url:
        yield url


def site(sandbox: Sandbox, upstream: str, **settings: Any) -> Site:
    return Site(sandbox.client("cloudfront"), **config(server_origin(upstream), **settings))


def files(sandbox: Sandbox, bucket: str) -> dict[str, str]:
    """The files of a bucket, once the minute is over and there are any."""
    s3 = sandbox.client("s3")
    sandbox.advance_clock(61)
    listed = until(lambda: s3.list_objects_v2(Bucket=bucket).get("Contents"))
    bodies = {row["Key"]: s3.get_object(Bucket=bucket, Key=row["Key"])["Body"].read() for row in listed}
    return {key: gzip.decompress(body).decode() for key, body in bodies.items()}


def table(text: str) -> list[dict[str, str]]:
    """The records of a file, by field."""
    version, fields, *lines = text.splitlines()
    assert version == "#Version: 1.0"
    names = fields.removeprefix("#Fields: ").split()
    return [dict(zip(names, line.split("\t"), strict=True)) for line in lines]


def test_files(fresh_sandbox: Sandbox, upstream: str) -> None:
    """A minute's requests stand in one file, with what each asked and got."""
    fresh_sandbox.client("s3").create_bucket(Bucket="access")
    logging = {"Enabled": True, "IncludeCookies": False, "Bucket": "access.s3.amazonaws.com", "Prefix": "cdn/"}
    cdn = site(fresh_sandbox, upstream, Logging=logging)
    cdn.get("/one?a=b", User_Agent="a browser", Cookie="c=1")
    cdn.get("/one?a=b")
    cdn.get("/status/404")
    found = files(fresh_sandbox, "access")
    assert len(found) == 1
    name, text = next(iter(found.items()))
    assert name.startswith(f"cdn/{cdn.id}.")
    assert name.endswith(".gz")
    first, second, third = table(text)
    assert len(first) == 33
    shown = [first[field] for field in ("cs-method", "cs-uri-stem", "cs-uri-query", "sc-status", "cs(User-Agent)")]
    assert shown == ["GET", "/one", "a=b", "200", "a%20browser"]
    assert first["cs(Cookie)"] == "-"
    assert first["x-host-header"] in cdn.url
    results = [row["x-edge-result-type"] for row in (first, second, third)]
    assert results == ["Miss", "Hit", "Error"]
    assert third["sc-status"] == "404"


def test_vended_logs(fresh_sandbox: Sandbox, upstream: str) -> None:
    """A delivery of access logs has its own fields, form and place."""
    fresh_sandbox.client("s3").create_bucket(Bucket="vended")
    logs = fresh_sandbox.client("logs")
    logs.create_log_group(logGroupName="cdn")
    cdn = site(fresh_sandbox, upstream)
    logs.put_delivery_source(name="cdn", resourceArn=cdn.arn, logType="ACCESS_LOGS")
    group = logs.describe_log_groups(logGroupNamePrefix="cdn")["logGroups"][0]["arn"]
    # CLOUDFRONT-005: what should be Parquet is JSON, and what should go to Firehose is not written.
    for name, arn, form in (
        ("group", group, "json"),
        ("bucket", "arn:aws:s3:::vended/top", "w3c"),
        ("parquet", "arn:aws:s3:::vended/other", "parquet"),
        ("firehose", "arn:aws:firehose:us-east-1:123456789012:deliverystream/cdn", "plain"),
    ):
        made = logs.put_delivery_destination(
            name=name, outputFormat=form, deliveryDestinationConfiguration={"destinationResourceArn": arn}
        )
        paths = {"s3DeliveryConfiguration": {"suffixPath": "{DistributionId}/{yyyy}"}} if ":s3:" in arn else {}
        logs.create_delivery(
            deliverySourceName="cdn",
            deliveryDestinationArn=made["deliveryDestination"]["arn"],
            recordFields=["cs-method", "DistributionId", "sc-status"],
            **paths,
        )
    cdn.get("/status/500")
    record = {"cs-method": "GET", "DistributionId": cdn.id, "sc-status": "500"}
    events = logs.get_log_events(logGroupName="cdn", logStreamName=f"CloudFront_{cdn.id}")["events"]
    assert [json.loads(event["message"]) for event in events] == [record]
    found = files(fresh_sandbox, "vended")
    plain, tabled = (found[key] for key in sorted(found))
    assert [json.loads(line) for line in plain.splitlines()] == [record]
    assert table(tabled) == [record]
    assert max(found).startswith(f"top/{cdn.id}/20")


def test_configurations_of_real_time_logs(sandbox: Sandbox, upstream: str) -> None:
    """Made, found by name or ARN, changed, listed, deleted; fields that there are not are refused."""
    cloudfront = sandbox.client("cloudfront")
    stream = {"RoleARN": "arn:aws:iam::123456789012:role/r", "StreamARN": "arn:aws:kinesis:us-east-1:1:stream/s"}
    given = {"EndPoints": [{"StreamType": "Kinesis", "KinesisStreamConfig": stream}], "SamplingRate": 5}
    with pytest.raises(ClientError, match="InvalidArgument"):
        cloudfront.create_realtime_log_config(Name="kept", Fields=["none"], **given)
    made = cloudfront.create_realtime_log_config(Name="kept", Fields=FIELDS, **given)["RealtimeLogConfig"]
    with pytest.raises(ClientError, match="RealtimeLogConfigAlreadyExists"):
        cloudfront.create_realtime_log_config(Name="kept", Fields=FIELDS, **given)
    changed = cloudfront.update_realtime_log_config(ARN=made["ARN"], SamplingRate=7)["RealtimeLogConfig"]
    assert changed == made | {"SamplingRate": 7}
    assert cloudfront.get_realtime_log_config(Name="kept")["RealtimeLogConfig"] == changed
    assert changed in cloudfront.list_realtime_log_configs()["RealtimeLogConfigs"]["Items"]
    cdn = site(sandbox, upstream, default=behavior(RealtimeLogConfigArn=made["ARN"]))
    used = cloudfront.list_distributions_by_realtime_log_config(RealtimeLogConfigName="kept")["DistributionList"]
    assert [row["Id"] for row in used["Items"]] == [cdn.id]
    with pytest.raises(ClientError, match="RealtimeLogConfigInUse"):
        cloudfront.delete_realtime_log_config(Name="kept")
    shown = cloudfront.get_distribution_config(Id=cdn.id)
    shown["DistributionConfig"]["DefaultCacheBehavior"].pop("RealtimeLogConfigArn")
    cloudfront.update_distribution(Id=cdn.id, IfMatch=shown["ETag"], DistributionConfig=shown["DistributionConfig"])
    cloudfront.delete_realtime_log_config(Name="kept")
    with pytest.raises(ClientError, match="NoSuchRealtimeLogConfig"):
        cloudfront.get_realtime_log_config(Name="kept")


def test_records_in_real_time(sandbox: Sandbox, upstream: str) -> None:
    """A line of tabs for each request, in AWS's order of the fields, in the stream at once."""
    kinesis, cloudfront = sandbox.client("kinesis"), sandbox.client("cloudfront")
    kinesis.create_stream(StreamName="live", ShardCount=1)
    arn = kinesis.describe_stream_summary(StreamName="live")["StreamDescriptionSummary"]["StreamARN"]
    stream = {"RoleARN": "arn:aws:iam::123456789012:role/r", "StreamARN": arn}
    point = {"StreamType": "Kinesis", "KinesisStreamConfig": stream}
    made = cloudfront.create_realtime_log_config(Name="live", Fields=FIELDS, EndPoints=[point], SamplingRate=100)
    cdn = site(sandbox, upstream, default=behavior(RealtimeLogConfigArn=made["RealtimeLogConfig"]["ARN"]))
    cdn.get("/status/404")
    asked = {"StreamName": "live", "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"}

    def look() -> Any:
        return kinesis.get_records(ShardIterator=kinesis.get_shard_iterator(**asked)["ShardIterator"])["Records"]

    (record,) = until(look)
    at, status, method, path = record["Data"].decode().removesuffix("\n").split("\t")
    assert (status, method, path) == ("404", "GET", "/status/404")
    assert float(at) > 0
