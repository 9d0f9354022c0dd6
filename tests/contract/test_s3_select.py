"""S3 Select over HTTP with boto3: SQL over objects of CSV and JSON, with the events of its answer."""

from __future__ import annotations

import bz2
import gzip
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, EventStreamError
from tests.contract.s3_support import failure, new_bucket

PEOPLE = b'name,age,city\nAnn,31,Oslo\nBob,7,Rome\n"Cy, Jr",45,Oslo\n'
NESTED = {"rules": [{"id": 1, "hot": True}, {"id": 2}], "owner": {"First": "Ann"}}
CSV = {"CSV": {"FileHeaderInfo": "USE"}}


@pytest.fixture(scope="module")
def s3(sandbox: Any) -> Any:
    return sandbox.client("s3")


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    return new_bucket(s3)


class Selector:
    def __init__(self, s3: Any, bucket: str) -> None:
        self.s3, self.bucket = s3, bucket

    def events(self, body: bytes, sql: str, read: dict[str, Any], write: dict[str, Any], **more: Any) -> list[Any]:
        self.s3.put_object(Bucket=self.bucket, Key="data", Body=body)
        answer = self.s3.select_object_content(
            Bucket=self.bucket,
            Key="data",
            ExpressionType="SQL",
            Expression=sql,
            InputSerialization=read,
            OutputSerialization=write,
            **more,
        )
        return list(answer["Payload"])

    def csv(self, body: bytes, sql: str, read: dict[str, Any] | None = None, **more: Any) -> str:
        return _rows(self.events(body, sql, read or CSV, {"CSV": {}}, **more))

    def json(self, body: bytes, sql: str, read: dict[str, Any] | None = None, **more: Any) -> list[Any]:
        rows = _rows(self.events(body, sql, read or {"JSON": {"Type": "LINES"}}, {"JSON": {}}, **more))
        return [json.loads(line) for line in rows.splitlines()]


def _error(select: Selector, body: bytes, sql: str, read: dict[str, Any], **more: Any) -> tuple[str, int]:
    return failure(lambda: select.csv(body, sql, read, **more))


def _rows(events: list[Any]) -> str:
    return b"".join(event["Records"]["Payload"] for event in events if "Records" in event).decode()


@pytest.fixture(scope="module")
def select(s3: Any, bucket: str) -> Selector:
    return Selector(s3, bucket)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT * FROM S3Object", 'Ann,31,Oslo\nBob,7,Rome\n"Cy, Jr",45,Oslo\n'),
        ("select s.name from s3object s where cast(s.age as int) > 30", 'Ann\n"Cy, Jr"\n'),
        ("SELECT s.NAME FROM S3Object s WHERE s.\"city\" = 'Rome'", "Bob\n"),
        ("SELECT s._1, s._3 FROM S3Object s LIMIT 1", "Ann,Oslo\n"),
        ("SELECT COUNT(*) FROM S3Object s WHERE s.city = 'Oslo'", "2\n"),
        (
            "SELECT MIN(CAST(s.age AS INT)), MAX(CAST(s.age AS INT)), SUM(CAST(s.age AS INT)) FROM S3Object s",
            "7,45,83\n",
        ),
        ("SELECT AVG(CAST(s.age AS DECIMAL)) FROM S3Object s WHERE s.city = 'Oslo'", "38\n"),
        ("SELECT UPPER(s.name) || '!' FROM S3Object s WHERE s.name LIKE 'B%'", "BOB!\n"),
        ("SELECT s.name FROM S3Object s WHERE s.age BETWEEN 7 AND 31 AND s.city NOT IN ('Rome')", "Ann\n"),
        ("SELECT CASE WHEN s.age < 18 THEN 'child' ELSE 'adult' END FROM S3Object s", "adult\nchild\nadult\n"),
        ("SELECT SUBSTRING(s.city FROM 2 FOR 2), CHAR_LENGTH(s.city) FROM S3Object s LIMIT 1", "sl,4\n"),
        ("SELECT COALESCE(NULLIF(s.city, 'Oslo'), 'home') FROM S3Object s", "home\nRome\nhome\n"),
        ("SELECT TRIM(BOTH 'A' FROM s.name) FROM S3Object s LIMIT 1", "nn\n"),
        ("SELECT CAST(s.age AS INT) * 2 + 1 FROM S3Object s LIMIT 2", "63\n15\n"),
        ("SELECT s.name FROM S3Object s LIMIT 0", ""),
    ],
)
def test_csv(select: Selector, sql: str, expected: str) -> None:
    assert select.csv(PEOPLE, sql) == expected


def test_csv_serializations(select: Selector) -> None:
    """Headers, delimiters, quotes and comments of what is read, quotes of what is written."""
    everything = "SELECT * FROM S3Object"
    assert select.csv(b"a,b\n1,2\n", everything, {"CSV": {}}) == "a,b\n1,2\n"
    assert select.csv(b"a,b\n1,2\n", everything, {"CSV": {"FileHeaderInfo": "IGNORE"}}) == "1,2\n"
    other = {"FieldDelimiter": ";", "RecordDelimiter": "|", "QuoteCharacter": "'"}
    assert select.csv(b"1\n0;'x;''y'|2;z|", everything, {"CSV": other}) == '"1\n0",x;\'y\n2,z\n'
    assert select.csv(b"#no\n1,2\n", everything, {"CSV": {"Comments": "#"}}) == "1,2\n"
    quoted = {"CSV": {"AllowQuotedRecordDelimiter": True}}
    assert select.csv(b'1,"a\nb"\n2,c\n', "SELECT s._1 FROM S3Object s", quoted) == "1\n2\n"
    events = select.events(b"1,2\n", everything, {"CSV": {}}, {"CSV": {"QuoteFields": "ALWAYS", "FieldDelimiter": ";"}})
    assert _rows(events) == '"1";"2"\n'
    assert select.json(PEOPLE, "SELECT s.name, s.age AS years FROM S3Object s LIMIT 1", CSV) == [
        {"name": "Ann", "years": "31"}
    ]
    assert select.json(b"1,2\n", everything, {"CSV": {}}) == [{"_1": "1", "_2": "2"}]


def test_json(select: Selector) -> None:
    lines = b'{"a":1,"b":{"c":"x"}}\n{"a":2.50}\n{"b":null}\n'
    assert select.json(lines, "SELECT * FROM S3Object") == [{"a": 1, "b": {"c": "x"}}, {"a": 2.5}, {"b": None}]
    assert select.json(lines, "SELECT s.a, s.b.c FROM S3Object[*] s WHERE s.a IS NOT NULL") == [
        {"a": 1, "c": "x"},
        {"a": 2.5},
    ]
    assert select.json(lines, "SELECT COUNT(*) AS n FROM S3Object s WHERE s.a IS MISSING") == [{"n": 1}]
    assert select.csv(lines, "SELECT s.a, s.b FROM S3Object s", {"JSON": {"Type": "LINES"}}) == (
        '1,"{""c"":""x""}"\n2.50,\n,\n'
    )
    document = {"JSON": {"Type": "DOCUMENT"}}
    text = json.dumps(NESTED, indent=2).encode()
    assert select.json(text, "SELECT r.id FROM S3Object[*].rules[*] r WHERE r.hot = true", document) == [{"id": 1}]
    assert select.json(text, "SELECT s.owner.first, s.rules[1].id FROM S3Object s", document) == [
        {"first": "Ann", "id": 2}
    ]
    assert select.json(b"[1, 2, 3]", "SELECT n FROM S3Object[*][*] n WHERE n > 1", document) == [{"n": 2}, {"n": 3}]


def test_timestamps(select: Selector) -> None:
    lines = b'{"at":"2024-02-28T23:30:00Z"}\n'
    sql = (
        "SELECT DATE_ADD(day, 2, TO_TIMESTAMP(s.at)) AS later, EXTRACT(MONTH FROM TO_TIMESTAMP(s.at)) AS month, "
        "DATE_DIFF(hour, TO_TIMESTAMP(s.at), TO_TIMESTAMP('2024-02-29T01:30:00Z')) AS hours, "
        "TO_STRING(TO_TIMESTAMP(s.at), 'MMMM d, y') AS words FROM S3Object s WHERE UTCNOW() > TO_TIMESTAMP(s.at)"
    )
    (row,) = select.json(lines, sql)
    assert row["later"].startswith("2024-03-01T23:30:00") and row["month"] == 2 and row["hours"] == 2
    assert row["words"] == "February 28, 2024"


@pytest.mark.parametrize(("name", "pack"), [("GZIP", gzip.compress), ("BZIP2", bz2.compress)])
def test_compression(select: Selector, name: str, pack: Any) -> None:
    body = b"n\n" + b"".join(b"%d\n" % number for number in range(200_000))
    packed = pack(body)
    events = select.events(
        packed, "SELECT SUM(CAST(s.n AS INT)) FROM S3Object s", CSV | {"CompressionType": name}, {"CSV": {}}
    )
    assert _rows(events) == f"{sum(range(200_000))}\n"
    (stats,) = (event["Stats"]["Details"] for event in events if "Stats" in event)
    assert (stats["BytesScanned"], stats["BytesProcessed"]) == (len(packed), len(body))
    with pytest.raises(EventStreamError, match="TruncatedInput"):
        select.csv(packed[:-20], "SELECT COUNT(*) FROM S3Object", CSV | {"CompressionType": name})


def test_large_object(select: Selector) -> None:
    """Rows come in several messages of whole bytes; statistics and an end come last, progress where it is wanted."""
    body = b"".join(b'{"n":%d,"pad":"%s"}\n' % (number, b"x" * 90) for number in range(100_000))
    lines = {"JSON": {"Type": "LINES"}}
    asked = {"RequestProgress": {"Enabled": True}}
    events = select.events(body, "SELECT s.n FROM S3Object s", lines, {"JSON": {}}, **asked)
    assert [json.loads(line)["n"] for line in _rows(events).splitlines()] == list(range(100_000))
    kinds = [next(iter(event)) for event in events]
    assert kinds.count("Records") > 3 and "Progress" in kinds and kinds[-2:] == ["Stats", "End"]
    assert events[-2]["Stats"]["Details"] == {
        "BytesScanned": len(body),
        "BytesProcessed": len(body),
        "BytesReturned": len(_rows(events)),
    }


def test_scan_range(select: Selector) -> None:
    """Ranges that cut a file anywhere give each record exactly once."""
    body = b"n\n" + b"".join(b"%d\n" % number for number in range(100))
    sql = "SELECT s.n FROM S3Object s"
    for width in (7, 64, 1000):
        found = [
            line
            for start in range(0, len(body), width)
            for line in select.csv(body, sql, ScanRange={"Start": start, "End": start + width - 1}).splitlines()
        ]
        assert found == [str(number) for number in range(100)]
    assert select.csv(body, sql, ScanRange={"End": 6}) == "98\n99\n"
    assert select.csv(body, sql, ScanRange={"Start": len(body) - 3}) == "99\n"
    packed = CSV | {"CompressionType": "GZIP"}
    assert _error(select, body, sql, packed, ScanRange={"Start": 1}) == ("UnsupportedScanRangeInput", 400)


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT", "ParseUnexpectedToken"),
        ("SELECT *", "ParseSelectMissingFrom"),
        ("SELECT * FROM elsewhere", "InvalidDataSource"),
        ("SELECT * FROM S3Object s ORDER BY s.a", "UnsupportedSqlStructure"),
        ("SELECT NOSUCH(s.a) FROM S3Object s", "UnsupportedFunction"),
        ("SELECT ? FROM S3Object", "LexerInvalidChar"),
        ("DELETE FROM S3Object", "ParseUnexpectedToken"),
    ],
)
def test_wrong_expressions(select: Selector, sql: str, code: str) -> None:
    assert _error(select, b"a\n", sql, {"CSV": {}}) == (code, 400)


@pytest.mark.parametrize(
    ("body", "sql", "read", "code"),
    [
        (PEOPLE, "SELECT s.nosuch FROM S3Object s", CSV, "MissingHeaders"),
        (PEOPLE, "SELECT CAST(s.name AS INT) FROM S3Object s", CSV, "CastFailed"),
        (PEOPLE, "SELECT CAST(s.age AS INT) / 0 FROM S3Object s", CSV, "EvaluatorDivideByZero"),
        (b"{", "SELECT * FROM S3Object", {"JSON": {"Type": "LINES"}}, "JSONParsingError"),
        (b"\xff\n", "SELECT * FROM S3Object", {"CSV": {}}, "InvalidTextEncoding"),
    ],
)
def test_wrong_records(select: Selector, body: bytes, sql: str, read: dict[str, Any], code: str) -> None:
    """What is found wrong while the answer is being sent ends it with an error."""
    with pytest.raises(EventStreamError, match=code):
        select.csv(body, sql, read)


def test_refusals(s3: Any, select: Selector, bucket: str) -> None:
    both = {"CSV": {}, "JSON": {"Type": "LINES"}}
    assert _error(select, b"a\n", "SELECT * FROM S3Object", both) == ("ObjectSerializationConflict", 400)
    wrong = {"CSV": {"FileHeaderInfo": "SOMETIMES"}}
    assert _error(select, b"a\n", "SELECT * FROM S3Object", wrong) == ("InvalidFileHeaderInfo", 400)
    # Deviation S3-008.
    assert _error(select, b"PAR1", "SELECT * FROM S3Object", {"Parquet": {}}) == ("NotImplemented", 501)
    with pytest.raises(ClientError) as refused:
        s3.select_object_content(
            Bucket=bucket, Key="none", ExpressionType="SQL", Expression="SELECT * FROM S3Object",
            InputSerialization={"CSV": {}}, OutputSerialization={"CSV": {}},
        )  # fmt: skip
    assert refused.value.response["Error"]["Code"] == "NoSuchKey"


def test_small_answers_are_one_message(select: Selector) -> None:
    """What was scanned in pieces leaves together: many readers look at the first message only."""
    read = {"CSV": {}, "CompressionType": "BZIP2"}
    events = select.events(bz2.compress(b"a,b\nc,d\ne,f"), "SELECT * FROM S3Object", read, {"CSV": {}})
    assert [event["Records"]["Payload"] for event in events if "Records" in event] == [b"a,b\nc,d\ne,f\n"]


def test_paths_to_nothing_are_empty_rows(select: Selector) -> None:
    """FROM a path that a document does not have is one row without columns, as AWS answers."""
    read = {"JSON": {"Type": "DOCUMENT"}}
    assert select.json(b'[{"staff": []}]', "SELECT * FROM S3Object[*].staff[*] s", read) == [{}]
