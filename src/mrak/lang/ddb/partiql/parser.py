"""PartiQL statements to trees, cached by text. Errors have the words of the parser that AWS uses."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from mrak.lang.ddb.errors import invalid
from mrak.lang.ddb.expressions.tree import (
    ActionNode,
    ArithmeticNode,
    Condition,
    FunctionNode,
    Path,
    PathNode,
    TruthNode,
    ValueNode,
)
from mrak.lang.ddb.partiql.lexer import MAX_STATEMENT_CHARACTERS, malformed
from mrak.lang.ddb.partiql.terms import ALIASING, LEFTOVER, RECKONING, Terms
from mrak.lang.ddb.partiql.tree import (
    AnyStatement,
    BagTemplate,
    Delete,
    Insert,
    MapTemplate,
    Parameter,
    Select,
    Update,
)
from mrak.lang.ddb.partiql.words import KEYWORDS

_RETURNING = {"ALL OLD", "ALL NEW", "MODIFIED OLD", "MODIFIED NEW"}
_NO_CHANGE = "Expected data manipulation"
_NO_STRUCT = (
    "Unsupported format in item expression. Please use struct format {...} to express item values for insert statement."
)


@lru_cache(1024)
def parse(statement: str) -> AnyStatement:
    """The tree of a statement; raises AWS's ValidationException."""
    if len(statement) > MAX_STATEMENT_CHARACTERS:
        raise invalid(
            f"1 validation error detected: Value '{statement}' at 'statement' failed to satisfy constraint: "
            f"Member must have length less than or equal to {MAX_STATEMENT_CHARACTERS}"
        )
    return _Parser(statement).run()


class _Parser(Terms):
    # What DynamoDB has against the first part of SQL that it does not have, and parses all the same.
    _unsupported = ""

    def run(self) -> AnyStatement:
        word = self._peek_word()
        if word == "SELECT":
            found: AnyStatement = self._select()
        elif word == "EXISTS":
            found = self._exists()
        elif word == "INSERT":
            found = self._insert()
        elif word == "UPDATE":
            found = self._update()
        elif word == "FROM":
            found = self._from_first()
        elif word == "DELETE":
            found = self._delete()
        else:
            raise self._no_statement()
        if self._accept(";") and self._peek_word() in ("SELECT", "INSERT", "UPDATE", "DELETE"):
            raise invalid("Only one operation is allowed in a statement.")
        if self._peek.kind != "end":
            raise malformed(LEFTOVER)
        if self._unsupported:
            raise invalid(self._unsupported)
        return replace(found, names=self._names, values=tuple(self._values), parameter_count=self._parameters)

    def _no_statement(self) -> Exception:
        """Why an expression is no statement."""
        self._is_bare = True
        node = self._alternatives()
        if isinstance(node, TruthNode):
            node = node.part
        while self._peek.kind in ("*", "+", "-"):
            self._take_operator()
            if self._peek_word() == "FROM":
                return malformed(_NO_CHANGE)
            self._operand()
        if self._peek.kind != "end":
            return malformed(LEFTOVER)
        tests_type = isinstance(node, FunctionNode) and node.name in ("attribute_type", "attribute_not_exists")
        return invalid(f"Unsupported operation: {'IsType' if tests_type else type(node).__name__.removesuffix('Node')}")

    # Statements

    def _select(self) -> Select:
        self._expect_word("SELECT")
        paths: tuple[Path, ...] | None = None
        refused: str | None = None
        if self._accept_word("DISTINCT"):
            self._unsupported = "Unsupported clause: DISTINCT"
        if self._peek_word() == "VALUE" and self._following.text.upper() not in (",", "FROM"):
            raise invalid("Select projection doesn't support value or pivot keywords")
        if not self._accept("*"):
            paths, refused = self._projection()
        self._expect_word("FROM")
        table, index = self._source()
        if self._accept(","):
            self._source()
            raise invalid("Only select from a single table or index is supported.")
        where = self._where()
        self._skip_groups()
        order: list[tuple[str, bool]] = []
        if self._accept_word("ORDER"):
            self._expect_word("BY")
            order.append(self._ordered())
            while self._accept(","):
                order.append(self._ordered())
        self._skip_limit()
        return Select(table, {}, (), 0, index, paths, where, tuple(order), refused=refused)

    def _skip_groups(self) -> None:
        if self._peek_word() == "GROUP" and self._following.text.upper() == "BY":
            self._unsupported = self._unsupported or "Unsupported clause: GROUP BY"
            self._at += 2
            self._simple_path()
            while self._accept(","):
                self._simple_path()

    def _skip_limit(self) -> None:
        if self._peek_word() == "LIMIT":
            self._take_operator()
            self._unsupported = self._unsupported or f"Unsupported clause: LIMIT{self._place(self._peek)}"
            self._operand()

    def _ordered(self) -> tuple[str, bool]:
        name = str(self._simple_path()[0])
        descends = self._accept_word("DESC")
        if not descends:
            self._accept_word("ASC")
        return name, descends

    def _projection(self) -> tuple[tuple[Path, ...], str | None]:
        """The paths that are selected, and what DynamoDB has against the first thing that is none."""
        paths: list[Path] = []
        refused: str | None = None
        while True:
            token = self._peek
            if token.kind == "word" and self._following.kind == "(":
                refused = refused or f"Unexpected path component{self._place(token)}"
                self._skip_call()
            elif self._peek_word() == "MISSING":
                refused = refused or f"Unexpected path component{self._place(self._take())}"
            else:
                paths.append(self._simple_path())
            self._refuse_alias()
            if not self._accept(","):
                return tuple(paths), refused or _doubled(paths)

    def _skip_call(self) -> None:
        self._take()
        depth = 0
        while self._peek.kind != "end":
            kind = self._take().kind
            depth += (kind == "(") - (kind == ")")
            if depth == 0:
                return
        raise malformed("Unexpected term")

    def _exists(self) -> Select:
        self._take()
        self._expect("(")
        inner = self._select()
        self._expect(")")
        return replace(inner, is_exists=True)

    def _insert(self) -> Insert:
        self._take()
        self._expect_word("INTO")
        path = self._simple_path()
        if len(path) > 1:
            raise invalid("FROM clause may only contain a single table name")
        table = _named(str(path[0]))
        if self._peek_word() == "VALUES":
            raise invalid(
                "Unsupported operation: Inserting multiple items in a single statement is not supported, "
                'use "INSERT INTO tableName VALUE item" instead'
            )
        self._expect_word("VALUE")
        if self._accept("{"):
            self._descend()
            self._values.append(MapTemplate(tuple(self._fields("root", 0))))
            self._nesting -= 1
        else:
            self._unsupported = f"{_NO_STRUCT}{self._place(self._peek)}"
            self._template("root")
        ignores = False
        if self._accept_word("ON"):
            for word in ("CONFLICT", "DO", "NOTHING"):
                self._expect_word(word)
            ignores = True
        if self._peek_word() == "RETURNING":
            raise invalid("RETURNING is not supported in INSERT")
        return Insert(table, {}, (), 0, ignores)

    def _update(self) -> Update:
        self._take()
        table = self._table()
        actions = self._actions()
        where = self._where()
        return Update(table, {}, (), 0, actions, where, self._returning())

    def _from_first(self) -> Update:
        """FROM table WHERE condition SET ...: an update as well."""
        self._take()
        table = self._table()
        where = self._where()
        return Update(table, {}, (), 0, self._actions(), where, self._returning())

    def _actions(self) -> tuple[ActionNode, ...]:
        actions: list[ActionNode] = []
        while True:
            if self._accept_word("SET"):
                actions.append(self._set_action())
                while self._accept(","):
                    actions.append(self._set_action())
            elif self._accept_word("REMOVE"):
                actions.append(ActionNode("REMOVE", self._path(), None))
                while self._accept(","):
                    actions.append(ActionNode("REMOVE", self._path(), None))
            else:
                break
        if not actions:
            raise malformed(_NO_CHANGE)
        return tuple(actions)

    def _set_action(self) -> ActionNode:
        path = self._path()
        self._expect("=")
        word = self._peek.text.lower() if self._peek.kind == "word" else ""
        if word in ("set_add", "set_delete") and self._following.kind == "(":
            return self._set_function(path, word)
        left = self._operand(in_update=True)
        if self._peek.kind in ("+", "-"):
            operator = self._take_operator().kind
            return ActionNode("SET", path, ArithmeticNode(operator, left, self._operand(in_update=True)))
        return ActionNode("SET", path, left)

    def _set_function(self, path: PathNode, name: str) -> ActionNode:
        """SET a = set_add(a, <<..>>) is ADD a, with set_delete DELETE a."""
        shown = name.upper()
        token = self._take()
        args = self._arguments(in_update=True)
        if len(args) != 2:
            raise invalid(f"{shown} must have exactly two arguments{self._place(token)}")
        (first, start), (second, _) = args
        if first != path:
            raise invalid(f"The first argument to {shown} must equal the assignment value{self._place(token)}")
        template = self._values[int(second.name[1:])] if isinstance(second, ValueNode) else None
        if not isinstance(template, (BagTemplate, Parameter)):
            raise invalid(f"The second argument to {shown} must be a value with type SET{self._place(start)}")
        return ActionNode(name.partition("_")[2].upper(), path, second)

    def _delete(self) -> Delete:
        self._take()
        self._expect_word("FROM")
        table = self._table()
        where: Condition | None = self._where()
        returning = self._returning()
        if returning not in (None, "ALL OLD"):
            raise invalid(
                f"Invalid returning clause: RETURNING {returning} *. "
                "Only RETURNING ALL OLD * is allowed in DELETE statements."
            )
        return Delete(table, {}, (), 0, where, returning)

    def _returning(self) -> str | None:
        if not self._accept_word("RETURNING"):
            return None
        what = f"{self._take().text.upper()} {self._take().text.upper()}"
        if what not in _RETURNING or not self._accept("*"):
            raise invalid("Expected '*' after ( MODIFIED | ALL ) ( NEW | OLD ) in RETURNING clause")
        return what

    # Sources

    def _table(self) -> str:
        """What is written to."""
        path = self._simple_path()
        self._refuse_alias()
        if len(path) > 1:
            raise invalid("This operation is not supported on an index")
        return _named(str(path[0]))

    def _source(self) -> tuple[str, str | None]:
        token = self._peek
        if token.kind != "quoted" and (token.kind != "word" or self._peek_word() in KEYWORDS):
            self._template("root")
            raise malformed("Unexpected term")
        path = self._steps()
        while self._peek.kind in RECKONING:
            # A name with hyphens that is not quoted.
            self._take_operator()
            self._operand()
            self._unsupported = self._unsupported or "Unexpected from source"
        self._refuse_alias()
        if len(path) > 2:
            raise invalid("A path may contain at most 2 components in the FROM clause")
        return _named(str(path[0])), _named(str(path[1])) if len(path) > 1 else None

    def _refuse_alias(self) -> None:
        word = self._peek_word()
        is_name = word and word not in KEYWORDS and word not in ("REMOVE", "RETURNING", "LIMIT")
        if word == "AS" or is_name or self._peek.kind == "quoted":
            raise invalid(ALIASING)


def _doubled(paths: list[Path]) -> str | None:
    doubled = next((path for place, path in enumerate(paths) if path in paths[:place] and len(path) == 1), None)
    return None if doubled is None else f"Duplicate identifiers in select clause: {doubled[0]}"


def _named(component: str) -> str:
    if not component:
        raise invalid("Path component cannot be an empty string")
    return component
