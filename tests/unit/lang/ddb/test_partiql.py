"""PartiQL statements: whatever comes over the wire is a tree or AWS's error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrak.core.errors import ApiError
from mrak.lang.ddb.partiql.parser import parse
from mrak.lang.ddb.partiql.tree import Insert, Select, Update

WORDS = """
SELECT FROM WHERE INSERT INTO VALUE UPDATE SET REMOVE AND OR NOT IN IS MISSING BETWEEN ( ) [ ] { } << >> 's' "q" ? *
, . = < a
"""
words = st.sampled_from(WORDS.split())


@given(st.lists(words, max_size=25).map(" ".join))
def test_random_words_only_ever_raise_the_validation_error(statement: str) -> None:
    """A hostile statement must not crash the parser."""
    try:
        parse(statement)
    except ApiError as error:
        assert error.code == "ValidationException"


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("SELECT * FROM t WHERE " + "(" * 3000, "nested too deeply"),
        ("INSERT INTO t VALUE " + "[" * 3000, "Nesting Levels have exceeded supported limits"),
    ],
    ids=["parentheses", "lists"],
)
def test_deep_nesting_is_refused(statement: str, message: str) -> None:
    """Recursion is bounded."""
    with pytest.raises(ApiError, match=message):
        parse(statement)


def test_quotes_and_parameters() -> None:
    """Doubled quotes stand for themselves; parameters are filled in where they stand."""
    statement = parse("INSERT INTO \"my \"\"t\"\"\" VALUE {'a': 'it''s', 'b': ?}")
    assert isinstance(statement, Insert) and statement.table == 'my "t"'
    values = statement.bind([{"L": [{"N": "1"}]}])
    assert values == {":0": {"M": {"a": {"S": "it's"}, "b": {"L": [{"N": "1"}]}}}}
    with pytest.raises(ApiError, match="Number of parameters"):
        statement.bind([])


def test_names_are_never_taken_for_placeholders() -> None:
    """An attribute may be called "#a"."""
    statement = parse("""SELECT * FROM t WHERE "#a" = 1""")
    assert isinstance(statement, Select) and statement.names == {"#0": "#a"}
    changed = parse("UPDATE t SET a.b[0] = 1, c = c - 2 REMOVE d WHERE pk = 1 RETURNING ALL OLD *")
    assert isinstance(changed, Update) and changed.returning == "ALL OLD" and len(changed.actions) == 3
