"""The words that PartiQL keeps for itself: they are names only in quotes."""

from __future__ import annotations

KEYWORDS = frozenset(
    """
    absolute action add all allocate alter and any are as asc assertion at authorization avg begin between bit by
    cascade cascaded case cast catalog char character check close coalesce collate collation column commit connect
    connection constraint constraints continue convert corresponding count create cross current current_date
    current_time current_timestamp current_user cursor date deallocate dec decimal declare default deferrable deferred
    delete desc describe descriptor diagnostics disconnect distinct domain double drop else end escape except exception
    exec execute exists external extract false fetch first float for foreign found from full get global go goto grant
    group having identity immediate in indicator initially inner input insensitive insert int integer intersect interval
    into is isolation join key language last left level like local lower match max min missing module names national
    natural nchar next no not null nullif numeric octet_length of on open option or order outer output overlaps pad
    partial pivot position precision prepare preserve primary prior privileges procedure public read real references
    relative restrict revoke right rollback rows schema scroll section select session session_user set size smallint
    some space sql sqlcode sqlerror sqlstate substring sum system_user table temporary then time timestamp to
    transaction translate translation trim true union unique unknown unpivot update upper usage user using value values
    varchar varying view when whenever where with work write zone
    """.upper().split()
)

# Keywords that stand between two terms.
OPERATORS = frozenset({"IS", "IN", "LIKE", "BETWEEN", "AND", "OR", "UNION", "EXCEPT", "INTERSECT"})

# Type names of IS, with the one attribute type that DynamoDB tests for, where it has one.
TYPES: dict[str, str | None] = {
    "MISSING": None,
    "NULL": "NULL",
    "BOOL": "BOOL",
    "BOOLEAN": "BOOL",
    "BLOB": "B",
    "STRING": "S",
    "NUMERIC": "N",
    "STRUCT": "M",
    "TUPLE": "M",
    "LIST": "L",
    **dict.fromkeys(
        (
            *("INT", "INT2", "INT4", "INT8", "INTEGER", "INTEGER2", "INTEGER4", "INTEGER8", "BIGINT", "SMALLINT"),
            *("FLOAT", "REAL", "DOUBLE PRECISION", "DECIMAL", "DEC", "TIMESTAMP", "DATE", "TIME", "CHAR", "CHARACTER"),
            *("CHARACTER VARYING", "VARCHAR", "SYMBOL", "CLOB", "SEXP", "BAG", "ANY"),
        )
    ),
}
