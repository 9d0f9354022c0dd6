"""Tokens to a tree: a SELECT with expressions by precedence."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from mrak.lang.select.errors import SelectError, overflow, unexpected
from mrak.lang.select.tokens import KEYWORDS, Token, place_of, tokenize
from mrak.lang.select.tree import Call, Column, Expression, Literal, Name, Path, Query, Step
from mrak.lang.select.values import find_number

LONGEST_BYTES = 256 * 1024
_DEEPEST = 64

_COMPARISONS = {"=": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_UNSUPPORTED = ("GROUP", "ORDER", "HAVING", "JOIN", "UNION", "DISTINCT")


def parse(text: str, now: datetime) -> Query:
    """`now` is what UTCNOW() says. Raises SelectError."""
    if len(text.encode()) > LONGEST_BYTES:
        raise SelectError("ExpressionTooLong", "The SQL expression is too long: The maximum byte-length for the SQL "
                                               "expression is 256 KB.")  # fmt: skip
    return _Parser(text, now).query()


class _Parser:
    def __init__(self, text: str, now: datetime) -> None:
        self._text = text
        self._now = now
        self._tokens = tokenize(text)
        self._at = 0
        self._depth = 0

    # --- tokens ---------------------------------------------------------------------------------------------------

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._tokens[self._at]
        if token.kind != "end":
            self._at += 1
        return token

    def _accept(self, text: str) -> bool:
        """Takes a keyword or an operator that comes next."""
        token = self._next
        if token.is_word(text) or (token.kind == "operator" and token.text == text):
            self._at += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise self._unexpected()

    def _unexpected(self) -> SelectError:
        token = self._next
        line, column = place_of(self._text, token.start)
        if token.kind == "end":
            return unexpected("EOF", "", line, column)
        kind = "KEYWORD" if token.kind == "word" and token.text.upper() in KEYWORDS else _KINDS[token.kind]
        return unexpected(kind, token.text, line, column)

    # --- the statement --------------------------------------------------------------------------------------------

    def query(self) -> Query:
        self._expect("SELECT")
        columns = self._columns()
        if self._next.kind == "end":
            message = "The SQL expression contains a missing FROM after the SELECT list."
            raise SelectError("ParseSelectMissingFrom", message)
        self._expect("FROM")
        source, alias = self._source()
        where = self._expression() if self._accept("WHERE") else None
        limit = self._limit() if self._accept("LIMIT") else None
        if any(self._next.is_word(word) for word in _UNSUPPORTED):
            word = self._next.text.upper()
            raise SelectError("UnsupportedSqlStructure", f"The SQL structure {word} is not supported.")
        if self._next.kind != "end":
            raise self._unexpected()
        return Query(columns, source, alias, where, limit)

    def _columns(self) -> tuple[Column, ...] | None:
        if self._next.is_word("DISTINCT"):
            raise SelectError("UnsupportedSqlStructure", "The SQL structure DISTINCT is not supported.")
        if self._accept("*"):
            return None
        columns = [self._column()]
        while self._accept(","):
            columns.append(self._column())
        if len(columns) == 1 and isinstance(columns[0].expression, Path) and columns[0].expression.steps[-1:] == ("*",):
            return None
        return tuple(columns)

    def _column(self) -> Column:
        expression = self._expression()
        if self._accept("AS") or self._next.kind == "quoted" or self._is_plain_word():
            return Column(expression, self._name().text)
        return Column(expression)

    def _is_plain_word(self) -> bool:
        return self._next.kind == "word" and self._next.text.upper() not in KEYWORDS

    def _name(self) -> Name:
        token = self._next
        if token.kind == "quoted":
            self._at += 1
            return Name(token.text.replace('""', '"'), True)
        if token.kind == "word":
            self._at += 1
            return Name(token.text)
        raise self._unexpected()

    def _source(self) -> tuple[tuple[Step, ...], str]:
        if self._name().text.lower() != "s3object":
            self._at -= 1
            raise SelectError("InvalidDataSource", "Invalid data source type. Only S3Object is supported.")
        steps = self._steps()
        if self._next.kind == "operator" and self._next.text == ",":
            raise SelectError("MultipleDataSourcesUnsupported", "Multiple data sources are not supported.")
        if self._accept("AS") or self._is_plain_word():
            return steps, self._name().text
        return steps, ""

    def _limit(self) -> int:
        token = self._take()
        if token.kind != "number" or not token.text.isdigit():
            self._at -= 1
            raise self._unexpected()
        return int(token.text)

    # --- expressions ----------------------------------------------------------------------------------------------

    def _expression(self) -> Expression:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise SelectError("ParseUnsupportedSyntax", "The SQL expression is nested too deeply.")
        found = self._conjunction()
        while self._accept("OR"):
            found = Call("OR", (found, self._conjunction()))
        self._depth -= 1
        return found

    def _conjunction(self) -> Expression:
        found = self._negation()
        while self._accept("AND"):
            found = Call("AND", (found, self._negation()))
        return found

    def _negation(self) -> Expression:
        if self._accept("NOT"):
            return Call("NOT", (self._negation(),))
        return self._comparison()

    def _comparison(self) -> Expression:
        left = self._sum()
        while True:
            token = self._next
            if token.kind == "operator" and token.text in _COMPARISONS:
                self._at += 1
                left = Call(_COMPARISONS[token.text], (left, self._sum()))
                continue
            is_not = self._accept("NOT")
            test = self._test(left)
            if test is None:
                if is_not:
                    raise self._unexpected()
                return left
            left = Call("NOT", (test,)) if is_not else test

    def _test(self, left: Expression) -> Expression | None:
        """What may follow an operand, but for signs: IS, IN, LIKE, BETWEEN."""
        if self._accept("IS"):
            is_not = self._accept("NOT")
            word = self._take().text.upper()
            if word not in ("NULL", "MISSING"):
                self._at -= 1
                raise self._unexpected()
            test = Call(f"IS {word}", (left,))
            return Call("NOT", (test,)) if is_not else test
        if self._accept("IN"):
            return Call("IN", (left, *self._list()))
        if self._accept("LIKE"):
            pattern = self._sum()
            escape = (self._sum(),) if self._accept("ESCAPE") else ()
            return Call("LIKE", (left, pattern, *escape))
        if self._accept("BETWEEN"):
            low = self._sum()
            self._expect("AND")
            return Call("AND", (Call(">=", (left, low)), Call("<=", (left, self._sum()))))
        return None

    def _list(self) -> list[Expression]:
        opening = self._take().text
        closing = {"(": ")", "[": "]"}.get(opening)
        if closing is None:
            self._at -= 1
            raise self._unexpected()
        found = [self._expression()]
        while self._accept(","):
            found.append(self._expression())
        self._expect(closing)
        return found

    def _sum(self) -> Expression:
        found = self._product()
        while self._next.kind == "operator" and self._next.text in ("+", "-", "||"):
            operator = self._take().text
            found = Call(operator, (found, self._product()))
        return found

    def _product(self) -> Expression:
        found = self._sign()
        while self._next.kind == "operator" and self._next.text in ("*", "/", "%"):
            operator = self._take().text
            found = Call(operator, (found, self._sign()))
        return found

    def _sign(self) -> Expression:
        if self._accept("-"):
            operand = self._sign()
            if isinstance(operand, Literal) and isinstance(operand.value, int | Decimal):
                return Literal(-operand.value)
            return Call("-", (Literal(0), operand))
        if self._accept("+"):
            return self._sign()
        return self._operand()

    def _operand(self) -> Expression:
        token = self._next
        if self._accept("("):
            found = self._expression()
            self._expect(")")
            return found
        if token.kind == "number":
            self._at += 1
            number = find_number(token.text)
            if number is None:
                raise overflow()
            return Literal(number)
        if token.kind == "string":
            self._at += 1
            return Literal(token.text.replace("''", "'"))
        if token.kind == "ion":
            self._at += 1
            return Call("TO_TIMESTAMP", (Literal(token.text),))
        if token.kind == "word" and token.text.upper() in _CONSTANTS:
            self._at += 1
            return Literal(_CONSTANTS[token.text.upper()])
        if token.is_word("CASE"):
            return self._case()
        if token.kind == "word" and self._tokens[self._at + 1].text == "(" and token.text.upper() != "S3OBJECT":
            return self._call()
        if token.kind == "quoted" or self._is_plain_word():
            return Path((self._name(), *self._steps()))
        raise self._unexpected()

    def _steps(self) -> tuple[Step, ...]:
        steps: list[Step] = []
        while True:
            if self._accept("."):
                steps.append("*" if self._accept("*") else self._name())
            elif self._accept("["):
                steps.append(self._index())
                self._expect("]")
            else:
                return tuple(steps)

    def _index(self) -> Step:
        token = self._take()
        if token.kind == "operator" and token.text == "*":
            return "*"
        if token.kind == "number" and token.text.isdigit():
            return int(token.text)
        if token.kind == "string":
            return Name(token.text.replace("''", "'"), True)
        self._at -= 1
        raise SelectError("InvalidKeyPath", "The key path in the SQL expression is invalid.")

    def _case(self) -> Expression:
        self._expect("CASE")
        subject = None if self._next.is_word("WHEN") else self._expression()
        arguments: list[Expression] = []
        while self._accept("WHEN"):
            test = self._expression()
            self._expect("THEN")
            arguments += [test if subject is None else Call("=", (subject, test)), self._expression()]
        if not arguments:
            raise SelectError("ParseExpectedWhenClause", "Expected a WHEN clause in CASE.")
        arguments.append(self._expression() if self._accept("ELSE") else Literal(None))
        self._expect("END")
        return Call("CASE", tuple(arguments))

    def _call(self) -> Expression:
        name = self._take().text.upper()
        self._expect("(")
        special = {"CAST": self._cast, "EXTRACT": self._extract, "SUBSTRING": self._substring, "TRIM": self._trim}.get(
            name
        )
        if special is not None:
            found: Expression = special()
        elif name in ("DATE_ADD", "DATE_DIFF"):
            part = self._name().text.upper()
            self._expect(",")
            found = Call(name, (part, *self._arguments()))
        elif name == "UTCNOW":
            found = Literal(self._now)
        elif name == "COUNT" and self._accept("*"):
            found = Call(name, ())
        else:
            found = Call(name, () if self._next.text == ")" else tuple(self._arguments()))
        self._expect(")")
        return found

    def _arguments(self) -> list[Expression]:
        found = [self._expression()]
        while self._accept(","):
            found.append(self._expression())
        return found

    def _cast(self) -> Expression:
        value = self._expression()
        self._expect("AS")
        kind = self._name().text.upper()
        if self._accept("("):
            while not self._accept(")"):
                if self._take().kind == "end":
                    raise self._unexpected()
        return Call("CAST", (kind, value))

    def _extract(self) -> Expression:
        part = self._name().text.upper()
        self._expect("FROM")
        return Call("EXTRACT", (part, self._expression()))

    def _substring(self) -> Expression:
        arguments = [self._expression()]
        if self._accept("FROM"):
            arguments.append(self._expression())
            if self._accept("FOR"):
                arguments.append(self._expression())
        else:
            while self._accept(","):
                arguments.append(self._expression())
        return Call("SUBSTRING", tuple(arguments))

    def _trim(self) -> Expression:
        side = next((word for word in ("LEADING", "TRAILING", "BOTH") if self._accept(word)), "BOTH")
        if self._accept("FROM"):
            return Call("TRIM", (side, Literal(" "), self._expression()))
        first = self._expression()
        if self._accept("FROM"):
            return Call("TRIM", (side, first, self._expression()))
        return Call("TRIM", (side, Literal(" "), first))


_KINDS = {"word": "IDENTIFIER", "quoted": "IDENTIFIER", "number": "LITERAL", "string": "LITERAL", "ion": "LITERAL",
          "operator": "OPERATOR"}  # fmt: skip
_CONSTANTS: dict[str, Any] = {"NULL": None, "TRUE": True, "FALSE": False}
