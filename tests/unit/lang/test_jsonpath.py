"""JSONPath: what each form names, which are reference paths, and that no path can hurt."""

from __future__ import annotations

from typing import Any

import pytest

from mrak.lang import jsonpath
from mrak.lang.jsonpath import JsonPathNotFound, JsonPathSyntaxError

STORE: dict[str, Any] = {
    "store": {
        "book": [
            {"title": "A", "price": 8, "tags": ["x"]},
            {"title": "B", "price": 12, "isbn": "1"},
            {"title": "C", "price": 9.5, "isbn": "2", "tags": []},
        ],
        "bicycle": {"color": "red", "price": 20},
    },
    "limit": 10,
    "with-dash": {"a b": 1},
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$", STORE),
        ("$.limit", 10),
        ("$['with-dash']['a b']", 1),
        ("$.with-dash['a b']", 1),
        ("$.store.book[0].title", "A"),
        ("$.store.book[-1].title", "C"),
        ("$.store.book[0,2].title", ["A", "C"]),
        ("$.store.book[1:].title", ["B", "C"]),
        ("$.store.book[:2].title", ["A", "B"]),
        ("$.store.book[*].price", [8, 12, 9.5]),
        ("$.store.bicycle['color','price']", ["red", 20]),
        ("$..title", ["A", "B", "C"]),
        ("$.store..price", [20, 8, 12, 9.5]),
        ("$..book[?(@.isbn)].title", ["B", "C"]),
        ("$..book[?(@.price < $.limit)].title", ["A", "C"]),
        ("$..book[?(@.price < 10 && @.isbn)].title", ["C"]),
        ("$..book[?(@.title == 'A' || @.price > 11)].title", ["A", "B"]),
        ("$..book[?(!@.isbn)].title", ["A"]),
        ("$..book[?(@.title in ['A','C'])].title", ["A", "C"]),
        ("$..book[?(@.tags contains 'x')].title", ["A"]),
        ("$..book[?(@.price == '8')].title", []),
        ("$.store.book.length()", 3),
        ("$.store.book[*].price.max()", 12),
        ("$.missing[*]", []),
    ],
)
def test_what_paths_name(path: str, value: Any):
    """The forms that AWS's pages show; a wildcard yields a list, a definite path its node."""
    found = jsonpath.parse(path).value(STORE)
    if path == "$.store..price":
        assert sorted(found) == sorted(value)
    else:
        assert found == value


def test_a_definite_path_that_names_nothing():
    """Step Functions fails a state on it; EventBridge leaves the variable empty."""
    with pytest.raises(JsonPathNotFound):
        jsonpath.parse("$.store.book[9]").value(STORE)
    assert jsonpath.find_first("$.no.such", STORE) is None


@pytest.mark.parametrize(
    "path", ["", "a", "$.", "$.a.", "$[", "$['a", "$[?(@.a]", "$.a b", "$[::0]", "$.a.foo()", "$[?(@.a =~ /x/)]"]
)
def test_refused_paths(path: str):
    """A wrong path is refused when it is stored, not when it is used."""
    with pytest.raises(JsonPathSyntaxError):
        jsonpath.parse(path)


@pytest.mark.parametrize(
    ("path", "is_reference"),
    [("$.a.b[0]", True), ("$", True), ("$.a[*]", False), ("$.a[-1]", False), ("$..a", False), ("$.a[0:1]", False)],
)
def test_reference_paths(path: str, is_reference: bool):
    """Only these may stand where a result is written."""
    assert jsonpath.parse(path).is_reference is is_reference


def test_put_copies_what_it_changes():
    """The state that came in stays what it was."""
    before = {"a": {"b": 1}, "list": [{"x": 1}]}
    assert jsonpath.parse("$.a.c.d").put(before, 2) == {"a": {"b": 1, "c": {"d": 2}}, "list": [{"x": 1}]}
    assert jsonpath.parse("$.list[0].x").put(before, 5)["list"] == [{"x": 5}]
    assert before == {"a": {"b": 1}, "list": [{"x": 1}]}
    with pytest.raises(JsonPathNotFound):
        jsonpath.parse("$.a.b.c").put(before, 1)


def test_context_paths():
    """Two dollars are Step Functions' context object."""
    path = jsonpath.parse("$$.Execution.Id")
    assert path.is_context and path.value({"Execution": {"Id": "i"}}) == "i"


def test_nesting_is_bounded():
    """A filter of ten thousand brackets must be an error, not a crash."""
    with pytest.raises(JsonPathSyntaxError):
        jsonpath.parse("$[?(" + "(" * 4000 + "@.a" + ")" * 4000 + ")]")
    with pytest.raises(JsonPathSyntaxError):
        jsonpath.parse("$[?(" + "!" * 4000 + "@.a)]")
    deep: Any = 1
    for _ in range(5000):
        deep = {"a": deep}
    assert len(jsonpath.parse("$..a").find(deep)) == 5000
