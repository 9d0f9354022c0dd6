"""Exports to S3 and imports from it, as boto3 sees them: files, manifests, statuses, and every refusal."""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from tests.conftest import until
from tests.contract.dynamodb import INVALID, error_of, make_table
from tests.contract.wire import post

QUARTER_HOUR = 900
KEYS = {
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}
ITEM = {
    "pk": {"S": "a b"},
    "n": {"N": "1.5"},
    "whole": {"N": "123456789012345678901234567890"},
    "b": {"B": b"\x00\xff"},
    "none": {"NULL": True},
    "yes": {"BOOL": True},
    "list": {"L": [{"S": "x"}, {"N": "-3"}]},
    "map": {"M": {"with-dash": {"S": "é"}}},
    "ss": {"SS": ["p", "q"]},
    "ns": {"NS": ["1", "2.5"]},
    "bs": {"BS": [b"x"]},
}


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


def recoverable_table(ddb: Any) -> tuple[str, str]:
    name = make_table(ddb, sort=None)
    specification = {"PointInTimeRecoveryEnabled": True}
    ddb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=specification)
    return name, ddb.describe_table(TableName=name)["Table"]["TableArn"]


def ended(describe: Callable[[], dict[str, Any]], status: str) -> dict[str, Any]:
    """The description of a job once it has ended."""

    def look() -> dict[str, Any] | None:
        found = describe()
        return None if found[status] == "IN_PROGRESS" else found

    return until(look)


def exported(ddb: Any, **params: Any) -> dict[str, Any]:
    started = ddb.export_table_to_point_in_time(**params)["ExportDescription"]
    assert started["ExportStatus"] == "IN_PROGRESS" and "ItemCount" not in started
    arn = started["ExportArn"]
    return ended(lambda: ddb.describe_export(ExportArn=arn)["ExportDescription"], "ExportStatus")


def imported(ddb: Any, bucket: str, name: str, **params: Any) -> dict[str, Any]:
    source = {"S3Bucket": bucket, "S3KeyPrefix": params.pop("prefix", "")}
    table = {"TableName": name, **KEYS}
    params = {"InputFormat": "DYNAMODB_JSON", "S3BucketSource": source, "TableCreationParameters": table} | params
    started = ddb.import_table(**params)["ImportTableDescription"]
    assert started["ImportStatus"] == "IN_PROGRESS" and started["TableArn"].endswith(f"table/{name}")
    arn = started["ImportArn"]
    return ended(lambda: ddb.describe_import(ImportArn=arn)["ImportTableDescription"], "ImportStatus")


def files_of(s3: Any, bucket: str, manifest: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    def read(key: str) -> bytes:
        return bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    summary = json.loads(read(manifest))
    return summary, [json.loads(line) for line in read(summary["manifestFilesS3Key"]).splitlines()]


def lines_of(s3: Any, bucket: str, files: list[dict[str, Any]]) -> list[dict[str, Any]]:
    bodies = [gzip.decompress(s3.get_object(Bucket=bucket, Key=it["dataFileS3Key"])["Body"].read()) for it in files]
    return [json.loads(line) for body in bodies for line in body.splitlines()]


@pytest.mark.parametrize("kind", ["DYNAMODB_JSON", "ION"])
def test_what_is_exported_can_be_imported(ddb: Any, s3: Any, bucket: str, kind: str) -> None:
    """Every type goes there and back; the files lie where AWS's do."""
    table, arn = recoverable_table(ddb)
    ddb.put_item(TableName=table, Item=ITEM)
    done = exported(ddb, TableArn=arn, S3Bucket=bucket, S3Prefix="to", ExportFormat=kind)
    assert (done["ExportStatus"], done["ItemCount"], done["ExportFormat"]) == ("COMPLETED", 1, kind)
    export_id = done["ExportArn"].rpartition("/")[2]
    assert done["ExportManifest"] == f"to/AWSDynamoDB/{export_id}/manifest-summary.json"
    summary, files = files_of(s3, bucket, done["ExportManifest"])
    assert summary["itemCount"] == 1 and summary["outputFormat"] == kind and summary["exportType"] == "FULL_EXPORT"
    assert [it["itemCount"] for it in files] == [1]
    folder = f"to/AWSDynamoDB/{export_id}/data/"
    name = f"{table}-copy"
    back = imported(ddb, bucket, name, prefix=folder, InputFormat=kind, InputCompressionType="GZIP")
    assert (back["ImportStatus"], back["ImportedItemCount"], back["ErrorCount"]) == ("COMPLETED", 1, 0)
    assert ddb.get_item(TableName=name, Key={"pk": ITEM["pk"]})["Item"] == ITEM
    assert [it["ImportStatus"] for it in ddb.list_imports(TableArn=back["TableArn"])["ImportSummaryList"]] == [
        "COMPLETED"
    ]


def test_an_export_of_a_moment_and_a_filter(ddb: Any, s3: Any, bucket: str) -> None:
    """What was there then, of that what passes, of that what is asked for."""
    table, arn = recoverable_table(ddb)
    for name, number in (("a", "1"), ("b", "2")):
        ddb.put_item(TableName=table, Item={"pk": {"S": name}, "n": {"N": number}})
    done = exported(
        ddb,
        TableArn=arn,
        S3Bucket=bucket,
        FilterSpecification={
            "FilterExpression": "n > :n",
            "ProjectionExpression": "pk",
            "ExpressionAttributeValues": {":n": {"N": "1"}},
        },
    )
    assert lines_of(s3, bucket, files_of(s3, bucket, done["ExportManifest"])[1]) == [{"Item": {"pk": {"S": "b"}}}]
    empty = error_of(ddb.export_table_to_point_in_time, TableArn=arn, S3Bucket=bucket, FilterSpecification={})
    assert empty[1] == "Invalid Request: Invalid FilterSpecification: The specification can not be empty"


def test_an_incremental_export(fresh_sandbox: Any) -> None:
    """The net change of each item in the period, with both images."""
    ddb, s3 = fresh_sandbox.client("dynamodb"), fresh_sandbox.client("s3")
    s3.create_bucket(Bucket="increments")
    table, arn = recoverable_table(ddb)
    since = ddb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    start = since["PointInTimeRecoveryDescription"]["EarliestRestorableDateTime"].timestamp()
    ddb.put_item(TableName=table, Item={"pk": {"S": "old"}, "n": {"N": "1"}})
    fresh_sandbox.advance_clock(2 * QUARTER_HOUR)
    ddb.put_item(TableName=table, Item={"pk": {"S": "old"}, "n": {"N": "2"}})
    ddb.put_item(TableName=table, Item={"pk": {"S": "brief"}})
    ddb.delete_item(TableName=table, Key={"pk": {"S": "brief"}})
    fresh_sandbox.advance_clock(QUARTER_HOUR)
    done = exported(
        ddb,
        TableArn=arn,
        S3Bucket="increments",
        ExportType="INCREMENTAL_EXPORT",
        IncrementalExportSpecification={"ExportFromTime": start + QUARTER_HOUR},
    )
    assert done["IncrementalExportSpecification"]["ExportViewType"] == "NEW_AND_OLD_IMAGES"
    summary, files = files_of(s3, "increments", done["ExportManifest"])
    assert summary["outputView"] == "NEW_AND_OLD_IMAGES" and summary["version"] == "2023-08-01"
    assert all(it["dataFileS3Key"].startswith("AWSDynamoDB/data/") for it in files)
    (line,) = lines_of(s3, "increments", files)
    assert line.pop("Metadata")["WriteTimestampMicros"]["N"].isdigit()
    assert line == {
        "Keys": {"pk": {"S": "old"}},
        "OldImage": {"pk": {"S": "old"}, "n": {"N": "1"}},
        "NewImage": {"pk": {"S": "old"}, "n": {"N": "2"}},
    }


def test_a_token_starts_one_export(ddb: Any, bucket: str) -> None:
    """The same request is the same export, before and after its end; another one is refused."""
    _, arn = recoverable_table(ddb)
    params = {"TableArn": arn, "S3Bucket": bucket, "ClientToken": uuid.uuid4().hex}
    first = exported(ddb, **params)["ExportArn"]
    assert ddb.export_table_to_point_in_time(**params)["ExportDescription"]["ExportArn"] == first
    conflict = error_of(ddb.export_table_to_point_in_time, **params, S3Prefix="x")
    assert conflict == (
        "ExportConflictException",
        "Export conflict: Duplicate request detected with conflicting parameters",
    )
    others = [exported(ddb, TableArn=arn, S3Bucket=bucket)["ExportArn"] for _ in range(2)]
    page = ddb.list_exports(TableArn=arn, MaxResults=2)
    assert [it["ExportArn"] for it in page["ExportSummaries"]] == sorted(others, reverse=True)
    assert page["ExportSummaries"][0]["ExportType"] == "FULL_EXPORT"
    rest = ddb.list_exports(TableArn=arn, NextToken=page["NextToken"])
    assert [it["ExportArn"] for it in rest["ExportSummaries"]] == [first] and "NextToken" not in rest
    assert error_of(ddb.list_imports, NextToken=page["NextToken"])[1] == (
        f"Invalid Request: Provided nextToken is invalid: {page['NextToken']}"
    )


def test_what_s3_refuses_ends_a_job(ddb: Any) -> None:
    """The call is accepted; the job fails later. An import of nothing makes no table."""
    _, arn = recoverable_table(ddb)
    done = exported(ddb, TableArn=arn, S3Bucket="nowhere-to-be-found")
    assert (done["ExportStatus"], done["FailureCode"]) == ("FAILED", "S3NoSuchBucket")
    name = f"t-{uuid.uuid4().hex}"
    back = imported(ddb, "nowhere-to-be-found", name)
    assert (back["ImportStatus"], back["FailureCode"]) == ("FAILED", "S3NoSuchBucket")
    assert error_of(ddb.describe_table, TableName=name)[0] == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"TableArn": "bare"}, (INVALID, "One or more parameter values were invalid: tableArn is not a valid ARN")),
        ({"TableArn": ""}, (INVALID, "Invalid TableArn: Invalid Table ARN")),
        ({"TableArn": "{arn}/index/i"}, (INVALID, "Invalid Request: Table ARN is invalid.")),
        ({"TableArn": "{arn}x"}, ("TableNotFoundException", "Table not found: {arn}x")),
        (
            {"IncrementalExportSpecification": {}},
            (
                INVALID,
                "Invalid Request: Export Type expected to be Incremental Export when incremental export specification "
                "is provided",
            ),
        ),
        (
            {"ExportType": "FULL_EXPORT", "IncrementalExportSpecification": {}},
            (
                INVALID,
                "Invalid Request: When Export Type is Full Export , Incremental Export Specification should not be "
                "provided",
            ),
        ),
        (
            {"ExportType": "INCREMENTAL_EXPORT"},
            (
                INVALID,
                "Invalid Request: Incremental Export Specification expected when export type is set as Incremental "
                "Export",
            ),
        ),
        (
            {"ExportType": "INCREMENTAL_EXPORT", "IncrementalExportSpecification": {}},
            (INVALID, "Invalid Request: ExportFromTime must be provided in IncrementalExportSpecification"),
        ),
        (
            {"ExportType": "INCREMENTAL_EXPORT", "IncrementalExportSpecification": {"ExportFromTime": 1577836800}},
            (
                "InvalidExportTimeException",
                "Incremental export period from time cannot be less than the table creation time : "
                "2020-01-01T00:00:00Z",
            ),
        ),
        ({"ExportTime": 1577836800}, ("InvalidExportTimeException", "Export Time is invalid")),
        (
            {"S3Prefix": ""},
            (
                INVALID,
                "1 validation error detected: Value '' at 's3Prefix' failed to satisfy constraint: "
                "Member must have length greater than or equal to 1",
            ),
        ),
        (
            {"S3SseKmsKeyId": "alias/x"},
            (INVALID, "Invalid Request: KMS Key Id is not supported for this encryption type"),
        ),
    ],
)
def test_refused_exports(ddb: Any, params: dict[str, Any], error: tuple[str, str]) -> None:
    """At once, before anything is written."""
    _, arn = recoverable_table(ddb)
    asked = {"TableArn": arn, "S3Bucket": "bucket"} | params
    asked["TableArn"] = asked["TableArn"].replace("{arn}", arn)
    code, message = error_of(ddb.export_table_to_point_in_time, **asked)
    assert (code, message) == (error[0], error[1].replace("{arn}", arn))


def test_exports_need_recovery(ddb: Any) -> None:
    """The table's rows of a moment are those that recovery keeps."""
    table = make_table(ddb)
    arn = ddb.describe_table(TableName=table)["Table"]["TableArn"]
    assert error_of(ddb.export_table_to_point_in_time, TableArn=arn, S3Bucket="bucket") == (
        "PointInTimeRecoveryUnavailableException",
        f"Point in time recovery is not enabled for table '{table}'",
    )


def test_unknown_jobs(ddb: Any) -> None:
    """A job that is not there, and an ARN of something else."""
    arn = ddb.describe_table(TableName=make_table(ddb))["Table"]["TableArn"]
    for kind, call in (("Export", ddb.describe_export), ("Import", ddb.describe_import)):
        wanted = f"{arn}/{kind.lower()}/01234567890123-01234567"
        missing = (f"{kind}NotFoundException", f"{kind} not found: {kind} not found: {wanted}")
        assert error_of(call, **{f"{kind}Arn": wanted}) == missing
        for none in (arn, f"{arn.rpartition('/')[0]}/x/{kind.lower()}/01658528578619-c4d4e311", "foreign:" + arn):
            assert error_of(call, **{f"{kind}Arn": none}) == (INVALID, f"Invalid {kind} ARN")
        # Whose it is comes before what it is.
        for account in ("000000000000", "nobody"):
            others = f"arn:aws:dynamodb:us-east-1:{account}:table/some"
            assert error_of(call, **{f"{kind}Arn": others})[0] == "AccessDeniedException"


def test_types_of_exports_are_shown_as_asked(ddb: Any, bucket: str) -> None:
    """The usual type only where the request named it; lists name it always."""
    _, arn = recoverable_table(ddb)
    for asked in ({}, {"ExportType": "FULL_EXPORT"}):
        done = exported(ddb, TableArn=arn, S3Bucket=bucket, **asked)
        assert done.get("ExportType") == asked.get("ExportType")
    assert {it["ExportType"] for it in ddb.list_exports(TableArn=arn)["ExportSummaries"]} == {"FULL_EXPORT"}


def test_sizes_of_imports_are_those_of_their_content(ddb: Any, s3: Any, bucket: str) -> None:
    """However it was compressed; of nothing there is no size. What is not compressed as was said is one bad line."""
    content = b"".join(json.dumps({"Item": {"pk": {"S": str(place)}}}).encode() + b"\n" for place in range(50))
    s3.put_object(Bucket=bucket, Key="sized/plain", Body=content)
    s3.put_object(Bucket=bucket, Key="zipped/gz", Body=gzip.compress(content))

    def sized(prefix: str, compression: str) -> tuple[Any, ...]:
        name = f"t-{uuid.uuid4().hex}"
        done = imported(ddb, bucket, name, prefix=prefix, InputCompressionType=compression)
        return done.get("ProcessedSizeBytes"), done["ImportedItemCount"], done["ErrorCount"]

    assert sized("sized/", "NONE") == sized("zipped/", "GZIP") == (len(content), 50, 0)
    assert sized("sized/", "GZIP") == (None, 0, 1)
    assert sized("nothing/", "NONE") == (None, 0, 0)


def test_imports_need_a_token(sandbox: Any) -> None:
    """SDKs make one up, so only bare clients see it."""
    body = json.dumps(
        {
            "S3BucketSource": {"S3Bucket": "bucket"},
            "InputFormat": "DYNAMODB_JSON",
            "TableCreationParameters": {"TableName": "never", **KEYS},
        }
    )
    headers = {"x_amz_target": "DynamoDB_20120810.ImportTable", "content_type": "application/x-amz-json-1.0"}
    status, _, answer = post(sandbox, "dynamodb", body.encode(), **headers)
    assert (status, json.loads(answer)["message"]) == (
        400,
        "1 validation error detected: Value null at 'clientToken' failed to satisfy constraint: "
        "Member must not be null",
    )


def test_imports_of_bad_lines(ddb: Any, s3: Any, bucket: str) -> None:
    """They end as failures, with everything in the table that was right; garbage ends its object."""
    good = [json.dumps({"Item": {"pk": {"S": str(place)}}}) for place in range(5)]
    s3.put_object(Bucket=bucket, Key="keyless/1", Body="\n".join([*good, '{"Item":{"x":{"S":"1"}}}']))
    s3.put_object(Bucket=bucket, Key="garbage/1", Body="\n".join([*good[:3], "garbage", *good[3:]]))
    for prefix, put in (("keyless/", 5), ("garbage/", 3)):
        name = f"t-{uuid.uuid4().hex}"
        done = imported(ddb, bucket, name, prefix=prefix)
        assert (done["ImportStatus"], done["FailureCode"]) == ("FAILED", "ItemValidationError")
        counts = (done["ProcessedItemCount"], done["ImportedItemCount"], done["ErrorCount"])
        assert counts == (put + 1, put, 1)
        assert ddb.scan(TableName=name)["Count"] == put


def test_imports_of_items_in_one_line(ddb: Any, s3: Any, bucket: str) -> None:
    """AWS takes items that no line break parts; what follows the last whole one is garbage as elsewhere."""
    items = [json.dumps({"Item": {"pk": {"S": f"é {place}"}}}, ensure_ascii=False) for place in range(4)]
    s3.put_object(Bucket=bucket, Key="whole/1", Body=f" {items[0]}{items[1]}\n{items[2]} \t{items[3]} ")
    s3.put_object(Bucket=bucket, Key="broken/1", Body=f"{items[0]}{items[1]}]{items[2]}\n{items[3]}")
    for prefix, status, put in (("whole/", "COMPLETED", 4), ("broken/", "FAILED", 2)):
        done = imported(ddb, bucket, f"t-{uuid.uuid4().hex}", prefix=prefix)
        assert (done["ImportStatus"], done["ImportedItemCount"]) == (status, put)


def test_imports_of_csv(ddb: Any, s3: Any, bucket: str) -> None:
    """Everything is text but keys; zstandard as well; no options are shown where none were given."""
    import zstandard

    s3.put_object(Bucket=bucket, Key="a.csv", Body='pk,n\n"x, y",1\nz,\n')
    s3.put_object(Bucket=bucket, Key="b.csv.zst", Body=zstandard.compress(b"1;one\n2;two\n"))
    plain = imported(ddb, bucket, f"t-{uuid.uuid4().hex}", prefix="a", InputFormat="CSV")
    assert plain["ImportStatus"] == "COMPLETED" and "InputFormatOptions" not in plain
    table = plain["TableCreationParameters"]["TableName"]
    found = sorted(ddb.scan(TableName=table)["Items"], key=lambda item: str(item["pk"]))
    assert found == [{"pk": {"S": "x, y"}, "n": {"S": "1"}}, {"pk": {"S": "z"}}]
    numbered = KEYS | {"AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "N"}]}
    options = {"Csv": {"Delimiter": ";", "HeaderList": ["pk", "word"]}}
    done = imported(
        ddb,
        bucket,
        "unused",
        prefix="b",
        InputFormat="CSV",
        InputFormatOptions=options,
        InputCompressionType="ZSTD",
        TableCreationParameters={"TableName": "unused", **numbered},
    )
    assert done["InputFormatOptions"] == options and done["ImportedItemCount"] == 2
    assert ddb.get_item(TableName="unused", Key={"pk": {"N": "2"}})["Item"]["word"] == {"S": "two"}


def test_refused_imports(ddb: Any, bucket: str) -> None:
    """A taken name, options of another format, and a table that CreateTable would refuse."""
    taken = make_table(ddb)
    params = {"InputFormat": "DYNAMODB_JSON", "S3BucketSource": {"S3Bucket": bucket}}
    parameters = {"TableName": taken, **KEYS}
    assert error_of(ddb.import_table, **params, TableCreationParameters=parameters) == (
        "ResourceInUseException",
        f"Table already exists: {taken}",
    )
    options = {"InputFormatOptions": {"Csv": {"Delimiter": ","}}}
    assert error_of(ddb.import_table, **params, **options, TableCreationParameters=parameters)[1] == (
        "Invalid Request: Unsupported InputFormatOptions for the given input format: DYNAMODB_JSON."
    )
    unbilled = {name: value for name, value in parameters.items() if name != "BillingMode"}
    assert error_of(ddb.import_table, **params, TableCreationParameters=unbilled)[1] == (
        "One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits must both be specified "
        "when BillingMode is PROVISIONED"
    )
