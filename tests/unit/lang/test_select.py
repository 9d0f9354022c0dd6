"""S3 Select's language, without objects: logic, precedence, values, and readers that get bytes in any pieces."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrak.lang.select.errors import SelectError
from mrak.lang.select.formats import CsvFormat, CsvReader, CsvWriter, JsonDocumentReader, JsonLinesReader
from mrak.lang.select.query import JsonRecords, Selection

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
RECORD = {"n": 5, "t": "text", "nothing": None, "list": [1, 2], "inner": {"Aa": 1, "aA": 2}}


def _evaluate(expression: str) -> Any:
    (row,) = Selection(f"SELECT {expression} FROM S3Object s", NOW, JsonRecords()).rows(RECORD)
    return row[0][1]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 + 2 * 3 - -4", 11),
        ("7 / 2", 3),
        ("-7 % 3", -1),
        ("s.n > 4 OR s.nothing = 1", True),
        ("s.nothing = 1 OR s.n < 4", None),
        ("s.nothing = 1 AND s.n < 4", False),
        ("NOT s.nothing = 1", None),
        ("s.missing IS MISSING AND s.missing IS NULL", True),
        ("s.nothing IS MISSING", False),
        ("s.n IN (1, 2, 5)", True),
        ("s.t LIKE 't__t'", True),
        ("'50%' LIKE '50!%' ESCAPE '!'", True),
        ("'a.c' LIKE 'abc'", False),
        ("'abcbc' LIKE '%b%c'", True),
        ("'abc' LIKE 'ab%bc'", False),
        ("'abc' LIKE '%'", True),
        ("'' LIKE ''", True),
        ("s.list[1]", 2),
        ("s.inner.\"aA\"", 2),
        ("s['t']", "text"),
        ("CASE s.n WHEN 5 THEN 'five' END", "five"),
        ("CASE WHEN s.nothing THEN 1 ELSE 2 END", 2),
        ("UTCNOW()", NOW),
        ("'it''s'", "it's"),
        ("'10' < 9", False),
        ("s.t < 9", False),
    ],
)  # fmt: skip
def test_expressions(expression: str, expected: Any) -> None:
    assert _evaluate(expression) == expected


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("(" * 100 + "1" + ")" * 100, "ParseUnsupportedSyntax"),
        ("s.n[x]", "InvalidKeyPath"),
        ("LOWER(1, 2)", "EvaluatorInvalidArguments"),
        ("SUM(s.n) + s.n", "UnsupportedSqlStructure"),
        ("CASE END", "ParseUnexpectedToken"),
        ("'open", "LexerInvalidChar"),
        ("1e999999999", "IntegerOverflow"),
        ("99999999999999999999 * 99999999999999999999", "IntegerOverflow"),
    ],
)
def test_wrong_expressions(expression: str, code: str) -> None:
    with pytest.raises(SelectError) as caught:
        _evaluate(expression)
    assert caught.value.code == code


def _read(reader: Any, data: bytes, cuts: list[int]) -> list[Any]:
    found: list[Any] = []
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for start, end in pairwise(edges):
        found += [record for _, record in reader.feed(data[start:end])]
    return found + [record for _, record in reader.finish()]


CUTS = st.lists(st.integers(0, 10_000), max_size=8)


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=4)), CUTS)
def test_csv_comes_back(rows: list[list[str]], cuts: list[int]) -> None:
    text = "".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n" for row in rows)
    assert _read(CsvReader(CsvFormat(may_quote_delimiter=True)), text.encode(), cuts) == rows


@given(st.lists(st.dictionaries(st.text(max_size=5), st.integers() | st.text() | st.none() | st.booleans())), CUTS)
def test_json_comes_back(documents: list[dict[str, Any]], cuts: list[int]) -> None:
    import json

    lines = "".join(json.dumps(document, ensure_ascii=False) + "\n" for document in documents).encode()
    assert _read(JsonLinesReader(), lines, cuts) == documents
    spread = "".join(json.dumps(document, indent=1) for document in documents).encode()
    assert _read(JsonDocumentReader(), spread, cuts) == documents


@pytest.mark.parametrize(
    ("quote", "escape", "line", "fields"),
    [
        ('"', "\\", "A\\B,C", ["A\\B", "C"]),
        ('"', "\\", '"A\\B","C,D",', ["AB", "C,D", ""]),
        ('"', "\\", '"A\\"\\"B","C"x', ['A""B', "Cx"]),
        ("'", '"', '"a",b', ['"a"', "b"]),
        ("'", '"', "'a\"'b',c", ["a'b", "c"]),
    ],
)
def test_an_escape_counts_between_quotes(quote: str, escape: str, line: str, fields: list[str]) -> None:
    """MinIO's select tests: outside of quotes an escape is like any other character."""
    assert _read(CsvReader(CsvFormat(quote=quote, escape=escape)), f"{line}\n".encode(), []) == [fields]


def test_a_lone_empty_cell_is_an_empty_line() -> None:
    """As S3 writes a row of one NULL, unless it quotes everything."""
    assert CsvWriter(CsvFormat()).write([("_1", None)]) == b"\n"
    assert CsvWriter(CsvFormat()).write([("_1", None), ("_2", 1)]) == b",1\n"
    assert CsvWriter(CsvFormat(always_quotes=True)).write([("_1", None)]) == b'""\n'
