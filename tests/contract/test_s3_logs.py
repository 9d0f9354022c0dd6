"""S3's server access logs over HTTP with boto3, by the environment's clock."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from tests.conftest import Sandbox
from tests.contract.s3_support import Raw, failure, new_bucket

# The documented fields, from the bucket's owner to whether the list decided.
LINE = re.compile(
    r"(?P<owner>\S+) (?P<bucket>\S+) \[(?P<time>[^]]+)\] (?P<ip>\S+) (?P<requester>\S+) (?P<request>\S+) "
    r'(?P<operation>\S+) (?P<key>\S+) "(?P<uri>[^"]*)" (?P<status>\d+) (?P<error>\S+) (?P<sent>\S+) (?P<size>\S+) '
    r'(?P<total>\d+) (?P<turnaround>\d+) "(?P<referer>[^"]*)" "(?P<agent>[^"]*)" (?P<version>\S+) (?P<host_id>\S+) '
    r"(?P<signature>\S+) (?P<cipher>\S+) (?P<authentication>\S+) (?P<host>\S+) (?P<tls>\S+) (?P<point>\S+) (?P<acl>\S+)"
)


@pytest.fixture
def s3(fresh_sandbox: Sandbox) -> Any:
    return fresh_sandbox.client("s3")


def _let_log(s3: Any, target: str, source: str, account: str) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{target}/*",
        "Condition": {
            "ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{source}"},
            "StringEquals": {"aws:SourceAccount": account},
        },
    }
    s3.put_bucket_policy(Bucket=target, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


def _log(s3: Any, source: str, target: str, **more: Any) -> None:
    enabled = {"TargetBucket": target, "TargetPrefix": "logs/", **more}
    s3.put_bucket_logging(Bucket=source, BucketLoggingStatus={"LoggingEnabled": enabled})


def _pass_time(sandbox: Sandbox, s3: Any) -> None:
    """Until a request that was made after all others has been told: records are written in their order, but not at
    once, and lines wait for the end of their five minutes."""
    source, target = new_bucket(s3), new_bucket(s3)
    _let_log(s3, target, source, sandbox.account)
    _log(s3, source, target)
    s3.head_bucket(Bucket=source)
    deadline = time.monotonic() + 20
    while "Contents" not in s3.list_objects_v2(Bucket=target):
        assert time.monotonic() < deadline, "nothing is delivered"
        sandbox.advance_clock(600)


def _delivered(sandbox: Sandbox, s3: Any, target: str) -> dict[str, list[dict[str, str]]]:
    """The lines of each object of a target."""
    _pass_time(sandbox, s3)
    found = {}
    for row in s3.list_objects_v2(Bucket=target).get("Contents", ()):
        text = s3.get_object(Bucket=target, Key=row["Key"])["Body"].read().decode()
        lines = [LINE.fullmatch(line) for line in text.splitlines()]
        assert all(lines), text
        found[row["Key"]] = [line.groupdict() for line in lines if line]
    return found


def test_lines(fresh_sandbox: Sandbox, s3: Any) -> None:
    """Requests that succeed, fail and come from nobody are told in AWS's format, under AWS's key."""
    source, target = new_bucket(s3), new_bucket(s3)
    _let_log(s3, target, source, fresh_sandbox.account)
    s3.put_object(Bucket=source, Key="before", Body=b"x")
    _log(s3, source, target)
    s3.put_object(Bucket=source, Key="a b", Body=b"hello")
    s3.get_object(Bucket=source, Key="a b", Range="bytes=1-2")["Body"].read()
    assert failure(s3.get_object, Bucket=source, Key="none") == ("NoSuchKey", 404)
    s3.get_bucket_versioning(Bucket=source)
    path = f"/{source}/before?versionId=null"
    raw = Raw(fresh_sandbox.server.endpoint)
    raw("GET", path, headers={"Referer": "http://a/", "User-Agent": "me"}, host=f"{fresh_sandbox.name}.localhost")
    found = _delivered(fresh_sandbox, s3, target)
    assert all(re.fullmatch(r"logs/\d{4}(-\d\d){5}-[0-9A-F]{16}", key) for key in found)
    lines = [line for each in found.values() for line in each]
    shown = [tuple(line[name] for name in ("operation", "key", "status", "error", "sent", "size")) for line in lines]
    assert shown[:3] == [
        ("REST.PUT.OBJECT", "a%20b", "200", "-", "-", "5"),
        ("REST.GET.OBJECT", "a%20b", "206", "-", "2", "5"),
        ("REST.GET.OBJECT", "none", "404", "NoSuchKey", lines[2]["sent"], "-"),
    ]
    assert shown[3][:4] == ("REST.GET.VERSIONING", "-", "200", "-")
    owner = s3.list_buckets()["Owner"]["ID"]
    for line in lines[:4]:
        assert (line["owner"], line["bucket"], line["requester"]) == (owner, source, owner)
        assert (line["signature"], line["authentication"], line["ip"]) == ("SigV4", "AuthHeader", "127.0.0.1")
    nobody = lines[4]
    assert (nobody["requester"], nobody["signature"], nobody["status"]) == ("-", "-", "403")
    assert (nobody["uri"], nobody["version"]) == (f"GET {path} HTTP/1.1", "null")
    assert (nobody["referer"], nobody["agent"]) == ("http://a/", "me")


@pytest.mark.parametrize("date", ["EventTime", "DeliveryTime"])
def test_partitioned_keys(fresh_sandbox: Sandbox, s3: Any, date: str) -> None:
    """Keys by account, region, bucket and day; by the time of events they have no time of the day."""
    source, target = new_bucket(s3), new_bucket(s3)
    _let_log(s3, target, source, fresh_sandbox.account)
    _log(s3, source, target, TargetObjectKeyFormat={"PartitionedPrefix": {"PartitionDateSource": date}})
    s3.head_bucket(Bucket=source)
    (key,) = _delivered(fresh_sandbox, s3, target)
    place = f"logs/{fresh_sandbox.account}/us-east-1/{source}/"
    assert re.fullmatch(re.escape(place) + r"\d{4}/\d\d/\d\d/\d{4}(-\d\d){5}-[0-9A-F]{16}", key)
    assert ("-00-00-00-" in key) == (date == "EventTime")


def test_whom_a_target_lets_write(fresh_sandbox: Sandbox, s3: Any) -> None:
    """Without a policy or grants for the log service nothing is delivered, as on AWS; another bucket's is none."""
    source, target, granted = new_bucket(s3), new_bucket(s3), new_bucket(s3, ObjectOwnership="ObjectWriter")
    _log(s3, source, target)
    s3.head_bucket(Bucket=source)
    assert _delivered(fresh_sandbox, s3, target) == {}
    _let_log(s3, target, "another", fresh_sandbox.account)
    s3.head_bucket(Bucket=source)
    assert _delivered(fresh_sandbox, s3, target) == {}
    s3.put_bucket_acl(Bucket=granted, ACL="log-delivery-write")
    _log(s3, source, granted)
    s3.head_bucket(Bucket=source)
    lines = [line for each in _delivered(fresh_sandbox, s3, granted).values() for line in each]
    assert lines[-1]["operation"] == "REST.HEAD.BUCKET"


def test_a_bucket_that_stopped(fresh_sandbox: Sandbox, s3: Any) -> None:
    """What was asked of a bucket after its logging ended is not told; the target itself need not log."""
    source, target = new_bucket(s3), new_bucket(s3)
    _let_log(s3, target, source, fresh_sandbox.account)
    _log(s3, source, target)
    s3.put_bucket_logging(Bucket=source, BucketLoggingStatus={})
    s3.head_bucket(Bucket=source)
    assert _delivered(fresh_sandbox, s3, target) == {}
