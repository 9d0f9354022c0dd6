"""Bulk operations, as boto3 sees them: a bucket's objects put into a table that is there, reports, every refusal."""

from __future__ import annotations

import gzip
import json
import uuid
from typing import Any

import pytest
from tests.contract.dynamodb import INVALID, error_of, eventually, index, make_table
from tests.streams import asking, records_of

ENDED = {"COMPLETED", "COMPLETED_WITH_ERRORS", "CANCELLED", "FAILED"}
BOTH = ["ERROR", "CONDITION_CHECK_FAILURE"]


@pytest.fixture(scope="module")
def ddb(sandbox: Any) -> Any:
    return sandbox.client("dynamodb", parameter_validation=False)


@pytest.fixture(scope="module")
def s3(sandbox: Any) -> Any:
    return sandbox.client("s3")


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"b-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    return name


def start(ddb: Any, table: str, bucket: str, **more: Any) -> dict[str, Any]:
    source = {"S3Bucket": bucket, "S3KeyPrefix": "in/", "InputFormat": "DYNAMODB_JSON"} | more.pop("source", {})
    target = {"S3Bucket": bucket, "S3KeyPrefix": "out", "OutputType": BOTH} | more.pop("target", {})
    return ddb.start_bulk_put_items(TableName=table, InputS3Configuration=source, OutputS3Configuration=target, **more)[
        "BulkOperationDescription"
    ]


def ended(ddb: Any, started: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def has_ended() -> bool:
        answer = ddb.describe_bulk_operation(BulkOperationArn=started["BulkOperationArn"])
        found.update(answer["BulkOperationDescription"])
        return found["BulkOperationStatus"] in ENDED

    eventually(has_ended)
    return found


def put(ddb: Any, table: str, bucket: str, **more: Any) -> dict[str, Any]:
    return ended(ddb, start(ddb, table, bucket, **more))


def write(s3: Any, bucket: str, key: str, *lines: dict[str, Any] | str) -> int:
    text = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
    s3.put_object(Bucket=bucket, Key=key, Body=text.encode())
    return len(text)


def report(s3: Any, bucket: str, operation: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    folder = f"out/AWSDynamoDB/{operation['BulkOperationArn'].rpartition('/')[2]}"
    summary = json.loads(s3.get_object(Bucket=bucket, Key=f"{folder}/manifest-summary.json")["Body"].read())
    assert summary["processedItemCount"] == operation["ProcessedItemCount"]
    for file in summary["files"]:
        if file["outputType"] == kind:
            body = s3.get_object(Bucket=bucket, Key=file["dataFileS3Key"])["Body"].read()
            lines = [json.loads(line) for line in body.splitlines()]
            assert len(lines) == file["itemCount"]
            return lines
    return []


def scanned(ddb: Any, table: str) -> list[dict[str, Any]]:
    return sorted(ddb.scan(TableName=table, ConsistentRead=True)["Items"], key=lambda it: it["pk"]["S"])


def test_puts_all_objects_under_a_prefix_and_counts_them(ddb: Any, s3: Any, bucket: str) -> None:
    """Each line is a put: items of before are replaced, others stay, and the description says how much was done."""
    table = make_table(ddb, sort=None)
    ddb.put_item(TableName=table, Item={"pk": {"S": "a"}, "old": {"S": "x"}})
    ddb.put_item(TableName=table, Item={"pk": {"S": "z"}})
    size = write(s3, bucket, "in/1", {"Item": {"pk": {"S": "a"}, "n": {"N": "1"}}}, {"Item": {"pk": {"S": "b"}}})
    size += write(s3, bucket, "in/2", {"Item": {"pk": {"S": "c"}}})
    write(s3, bucket, "elsewhere", {"Item": {"pk": {"S": "d"}}})
    started = start(ddb, table, bucket)
    assert started["BulkOperationStatus"] == "IN_PROGRESS" and started["PerformanceTier"] == "STANDARD"
    assert started["InputS3Configuration"]["InputCompressionType"] == "NONE"
    done = ended(ddb, started)
    assert done["BulkOperationStatus"] == "COMPLETED" and done["EndTime"] >= done["StartTime"]
    assert (done["ProcessedItemCount"], done["FailedItemCount"]) == (3, 0)
    assert done["ProcessedInputBytes"] == done["TotalInputBytes"] == size
    assert done["TableDetails"][0]["TableName"] == table
    found = scanned(ddb, table)
    assert found == [{"pk": {"S": "a"}, "n": {"N": "1"}}, {"pk": {"S": "b"}}, {"pk": {"S": "c"}}, {"pk": {"S": "z"}}]


def test_reads_ion_and_compressed_objects(ddb: Any, s3: Any, bucket: str) -> None:
    """Both formats of imports, in GZIP too."""
    table = make_table(ddb, sort=None)
    ion = b'$ion_1_0 {Item:{pk:"a",n:1.5}} {Item:{pk:"b"},ConditionExpression:"attribute_not_exists(pk)"}'
    s3.put_object(Bucket=bucket, Key="in/1", Body=gzip.compress(ion))
    done = put(ddb, table, bucket, source={"InputFormat": "ION", "InputCompressionType": "GZIP"})
    assert (done["BulkOperationStatus"], done["ProcessedItemCount"]) == ("COMPLETED", 2)
    assert scanned(ddb, table) == [{"pk": {"S": "a"}, "n": {"N": "1.5"}}, {"pk": {"S": "b"}}]


def test_a_condition_that_fails_is_no_error_and_is_reported(ddb: Any, s3: Any, bucket: str) -> None:
    """Lines carry PutItem's condition, its names and values; DYNAMODB-009: where the report stands is ours."""
    table = make_table(ddb, sort=None)
    ddb.put_item(TableName=table, Item={"pk": {"S": "a"}, "v": {"N": "5"}})
    condition = {
        "ConditionExpression": "#v < :v",
        "ExpressionAttributeNames": {"#v": "v"},
        "ExpressionAttributeValues": {":v": {"N": "5"}},
    }
    newer = {"Item": {"pk": {"S": "a"}, "v": {"N": "4"}}, **condition}
    write(s3, bucket, "in/1", newer, {"Item": {"pk": {"S": "b"}}, "ConditionExpression": "attribute_not_exists(pk)"})
    done = put(ddb, table, bucket)
    assert (done["BulkOperationStatus"], done["ProcessedItemCount"], done["FailedItemCount"]) == ("COMPLETED", 2, 0)
    assert scanned(ddb, table) == [{"pk": {"S": "a"}, "v": {"N": "5"}}, {"pk": {"S": "b"}}]
    (failure,) = report(s3, bucket, done, "CONDITION_CHECK_FAILURE")
    assert failure["Item"] == newer["Item"] and failure["ExistingItem"]["v"] == {"N": "5"}
    assert report(s3, bucket, done, "ERROR") == []


def test_lines_that_cannot_be_put_are_reported_and_the_rest_is_put(ddb: Any, s3: Any, bucket: str) -> None:
    """An item without its key, a faulty expression, and text that is no JSON, at which its object ends."""
    table = make_table(ddb, sort=None)
    faulty = {"Item": {"pk": {"S": "x"}}, "ConditionExpression": "nonsense("}
    write(s3, bucket, "in/1", {"Item": {"other": {"S": "a"}}}, faulty, {"Item": {"pk": {"S": "a"}}}, "{nonsense")
    write(s3, bucket, "in/2", {"Item": {"pk": {"S": "b"}}})
    done = put(ddb, table, bucket)
    assert done["BulkOperationStatus"] == "COMPLETED_WITH_ERRORS"
    assert (done["ProcessedItemCount"], done["FailedItemCount"]) == (5, 3)
    assert scanned(ddb, table) == [{"pk": {"S": "a"}}, {"pk": {"S": "b"}}]
    keyless, unparsed, unreadable = report(s3, bucket, done, "ERROR")
    assert "Missing the key pk" in keyless["Error"] and keyless["Item"] == {"other": {"S": "a"}}
    assert "Invalid ConditionExpression" in unparsed["Error"]
    assert unreadable["S3Key"] == "in/1"


def test_only_the_kinds_of_output_that_are_asked_for_are_written(ddb: Any, s3: Any, bucket: str) -> None:
    """Who asks for errors alone gets no file of failed conditions."""
    table = make_table(ddb, sort=None)
    never = {"Item": {"pk": {"S": "a"}}, "ConditionExpression": "attribute_exists(pk)"}
    write(s3, bucket, "in/1", never, {"Item": {}})
    done = put(ddb, table, bucket, target={"OutputType": ["ERROR"]})
    assert report(s3, bucket, done, "CONDITION_CHECK_FAILURE") == [] and len(report(s3, bucket, done, "ERROR")) == 1


def test_puts_reach_indexes_and_streams_and_are_measured(ddb: Any, sandbox: Any, s3: Any, bucket: str) -> None:
    """A bulk put has all consequences of a put; its usage is in bytes per table and index."""
    streamed = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}}
    table = make_table(ddb, sort=None, GlobalSecondaryIndexes=[index("by-g", "g")], attributes={"g": "S"}, **streamed)
    write(s3, bucket, "in/1", {"Item": {"pk": {"S": "a"}, "g": {"S": "g"}}}, {"Item": {"pk": {"S": "b"}}})
    done = put(ddb, table, bucket)
    (usage,) = done["BulkOperationUsage"]
    assert usage["Table"]["BulkPutBytes"] == 3 + 2 + 3
    assert usage["GlobalSecondaryIndexes"] == {"by-g": {"BulkPutBytes": 5}} and usage["BulkPutBytes"] == 13
    asked = {"KeyConditionExpression": "g = :g", "ExpressionAttributeValues": {":g": {"S": "g"}}}
    assert ddb.query(TableName=table, IndexName="by-g", **asked)["Count"] == 1
    streams = sandbox.client("dynamodbstreams")
    stream = ddb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
    records = records_of(asking(streams), stream)
    assert [it["dynamodb"]["Keys"]["pk"]["S"] for it in records] == ["a", "b"]


def test_more_lines_than_one_transaction_takes(ddb: Any, s3: Any, bucket: str) -> None:
    """Work is cut into chunks; none is lost or done twice at the seams."""
    table = make_table(ddb, sort=None)
    for part in range(2):
        lines = [
            {"Item": {"pk": {"S": f"{part}-{n}"}}, "ConditionExpression": "attribute_not_exists(pk)"}
            for n in range(1001)
        ]
        write(s3, bucket, f"in/{part}", *lines)
    done = put(ddb, table, bucket)
    assert (done["ProcessedItemCount"], report(s3, bucket, done, "CONDITION_CHECK_FAILURE")) == (2002, [])
    assert ddb.scan(TableName=table, Select="COUNT")["Count"] == 2002


def test_a_token_starts_an_operation_once(ddb: Any, s3: Any, bucket: str) -> None:
    """The same token and parameters give the same operation."""
    table, token = make_table(ddb, sort=None), str(uuid.uuid4())
    write(s3, bucket, "in/1", {"Item": {"pk": {"S": "a"}}})
    first = start(ddb, table, bucket, ClientToken=token)
    assert start(ddb, table, bucket, ClientToken=token)["BulkOperationArn"] == first["BulkOperationArn"]
    assert ended(ddb, first)["ClientToken"] == token


def test_operations_are_listed_newest_first_in_pages(fresh_sandbox: Any) -> None:
    """MaxResults and NextToken; a token of nothing is refused."""
    ddb, s3 = fresh_sandbox.client("dynamodb"), fresh_sandbox.client("s3")
    s3.create_bucket(Bucket="bulk-lists")
    table = make_table(ddb, sort=None)
    started = [start(ddb, table, "bulk-lists")["BulkOperationArn"] for _ in range(3)]
    first = ddb.list_bulk_operations(MaxResults=2)
    second = ddb.list_bulk_operations(MaxResults=2, NextToken=first["NextToken"])
    pages = [*first["BulkOperationsSummaryList"], *second["BulkOperationsSummaryList"]]
    assert [it["BulkOperationArn"] for it in pages] == started[::-1] and "NextToken" not in second
    assert error_of(ddb.list_bulk_operations, NextToken="x" * 120)[0] == INVALID


def test_a_cancelled_operation_stops(ddb: Any, s3: Any, bucket: str) -> None:
    """Cancelling is a request: what was put stays. One that ended is left as it is."""
    table = make_table(ddb, sort=None)
    for part in range(4):
        write(s3, bucket, f"in/{part}", *({"Item": {"pk": {"S": f"{part}-{n}"}}} for n in range(2000)))
    started = start(ddb, table, bucket)
    arn = started["BulkOperationArn"]
    answer = ddb.cancel_bulk_operation(BulkOperationArn=arn)
    assert answer["BulkOperationArn"] == arn and answer["BulkOperationStatus"] in ENDED | {"CANCELLING"}
    done = ended(ddb, started)
    if answer["BulkOperationStatus"] == "CANCELLING":
        assert done["BulkOperationStatus"] == "CANCELLED" and done["FailureCode"] == "Cancelled"
    assert ddb.scan(TableName=table, Select="COUNT")["Count"] == done["ProcessedItemCount"]
    assert ddb.cancel_bulk_operation(BulkOperationArn=arn)["BulkOperationStatus"] == done["BulkOperationStatus"]


def test_fails_where_the_bucket_cannot_be_read(ddb: Any, bucket: str) -> None:
    """The start is accepted; the description says what was wrong with the source."""
    done = put(ddb, make_table(ddb, sort=None), bucket, source={"S3Bucket": f"absent-{uuid.uuid4().hex}"})
    assert done["BulkOperationStatus"] == "FAILED" and done["FailureCode"] == "S3NoSuchBucket"


def test_fails_where_the_table_goes_away(ddb: Any, s3: Any, bucket: str) -> None:
    """A table that was deleted and made again is another one: it gets nothing of the operation."""
    table = make_table(ddb, sort=None)
    write(s3, bucket, "in/1", *({"Item": {"pk": {"S": str(n)}}} for n in range(5000)))
    started = start(ddb, table, bucket)
    ddb.delete_table(TableName=table)
    assert ended(ddb, started)["BulkOperationStatus"] in ("FAILED", "COMPLETED")


def test_what_a_start_refuses(ddb: Any, bucket: str) -> None:
    """A table that is not there, output of no kind, a key without its algorithm, and too low a rate."""
    table = make_table(ddb, sort=None)
    source = {"S3Bucket": bucket, "InputFormat": "DYNAMODB_JSON"}

    def refusal(**more: Any) -> tuple[str, str]:
        target = {"S3Bucket": bucket, "OutputType": BOTH} | more.pop("target", {})
        asked = {"TableName": table, "InputS3Configuration": source, "OutputS3Configuration": target} | more
        return error_of(ddb.start_bulk_put_items, **asked)

    assert refusal(TableName="absent")[0] == "ResourceNotFoundException"
    assert refusal(target={"OutputType": []})[0] == INVALID
    code, message = refusal(target={"S3SseKmsKeyId": "alias/aws/s3"})
    assert code == INVALID and "KMS Key Id is not supported" in message
    code, message = refusal(MaxWriteRequestUnits=1023)
    assert code == INVALID and "greater than or equal to 1024" in message
    start(ddb, table, bucket, ClientToken=table)
    assert refusal(ClientToken=table)[0] == "IdempotentParameterMismatchException"


def test_operations_that_are_not_there(ddb: Any) -> None:
    """An ARN of no operation, for both that take one."""
    arn = "arn:aws:dynamodb:us-east-1:000000000000:bulk-operation/01700000000000-aaaaaaaa"
    for call in (ddb.describe_bulk_operation, ddb.cancel_bulk_operation):
        assert error_of(call, BulkOperationArn=arn)[0] == "ResourceNotFoundException"
