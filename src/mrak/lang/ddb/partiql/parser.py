"""PartiQL statements to trees, cached by text."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from mrak.lang.ddb.errors import invalid
from mrak.lang.ddb.expressions.parser import MAX_IN_OPERANDS, MAX_LIST_INDEX
from mrak.lang.ddb.expressions.tree import (
    ActionNode,
    ArithmeticNode,
    BetweenNode,
    CompareNode,
    Condition,
    FunctionNode,
    InNode,
    LogicNode,
    NotNode,
    Operand,
    Path,
    PathNode,
    ValueNode,
)
from mrak.lang.ddb.partiql.lexer import MAX_STATEMENT_CHARACTERS, Token, malformed, tokenize
from mrak.lang.ddb.partiql.tree import (
    AnyStatement,
    BagTemplate,
    Delete,
    Insert,
    ListTemplate,
    MapTemplate,
    Parameter,
    Select,
    Template,
    Update,
)

_MAX_NESTING = 60
_COMPARATORS = {"=": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_TYPES = {
    "NULL": "NULL",
    "BOOLEAN": "BOOL",
    "BLOB": "B",
    "STRING": "S",
    "NUMERIC": "N",
    "STRUCT": "M",
    "TUPLE": "M",
    "LIST": "L",
}
_FUNCTIONS = {"begins_with": 2, "contains": 2, "attribute_type": 2, "size": 1}
_RETURNING = {"ALL OLD", "ALL NEW", "MODIFIED OLD", "MODIFIED NEW"}


@lru_cache(1024)
def parse(statement: str) -> AnyStatement:
    """The tree of a statement; raises AWS's ValidationException."""
    if len(statement) > MAX_STATEMENT_CHARACTERS:
        raise invalid(
            f"1 validation error detected: Value '{statement}' at 'statement' failed to satisfy constraint: "
            f"Member must have length less than or equal to {MAX_STATEMENT_CHARACTERS}"
        )
    return _Parser(statement).run()


class _Parser:
    def __init__(self, statement: str) -> None:
        self._tokens: list[Token] = tokenize(statement)
        self._at = 0
        self._nesting = 0
        self._names: dict[str, str] = {}
        self._values: list[Template] = []
        self._parameters = 0

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
        elif word == "DELETE":
            found = self._delete()
        else:
            raise malformed("Expected a statement")
        self._accept(";")
        if self._peek.kind != "end":
            if self._peek_word() in ("SELECT", "INSERT", "UPDATE", "DELETE"):
                raise invalid("Only one operation is allowed in a statement.")
            raise malformed(f"Unexpected token {self._peek.text!r}")
        return replace(found, names=self._names, values=tuple(self._values), parameter_count=self._parameters)

    # Tokens

    @property
    def _peek(self) -> Token:
        return self._tokens[self._at]

    def _peek_word(self) -> str:
        token = self._peek
        return token.text.upper() if token.kind == "word" else ""

    def _take(self) -> Token:
        token = self._tokens[self._at]
        if token.kind != "end":
            self._at += 1
        return token

    def _accept(self, kind: str) -> bool:
        if self._peek.kind != kind:
            return False
        self._at += 1
        return True

    def _accept_word(self, word: str) -> bool:
        if self._peek_word() != word:
            return False
        self._at += 1
        return True

    def _expect(self, kind: str) -> Token:
        if self._peek.kind != kind:
            raise malformed(f"Expected {kind!r}, found {self._peek.text!r}")
        return self._take()

    def _expect_word(self, word: str) -> None:
        if not self._accept_word(word):
            raise malformed(f"Expected {word}, found {self._peek.text!r}")

    def _descend(self) -> None:
        self._nesting += 1
        if self._nesting > _MAX_NESTING:
            raise malformed("The statement is nested too deeply")

    # Statements

    def _select(self) -> Select:
        self._expect_word("SELECT")
        paths: tuple[Path, ...] | None = None
        if not self._accept("*"):
            found = [self._plain_path()]
            while self._accept(","):
                found.append(self._plain_path())
            paths = tuple(found)
        self._expect_word("FROM")
        table, index = self._source()
        where = self._where()
        order: tuple[str, bool] | None = None
        if self._accept_word("ORDER"):
            self._expect_word("BY")
            name = self._identifier()
            descends = self._accept_word("DESC")
            if not descends:
                self._accept_word("ASC")
            order = (name, descends)
        return Select(table, {}, (), 0, index, paths, where, order)

    def _exists(self) -> Select:
        self._take()
        self._expect("(")
        inner = self._select()
        self._expect(")")
        return replace(inner, is_exists=True)

    def _insert(self) -> Insert:
        self._take()
        self._expect_word("INTO")
        table = self._table()
        if self._peek_word() == "VALUES":
            raise invalid(
                "Unsupported operation: Inserting multiple items in a single statement is not supported, "
                'use "INSERT INTO tableName VALUE item" instead'
            )
        self._expect_word("VALUE")
        self._values.append(self._template())
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
            raise invalid("Only SET and REMOVE are supported in update expressions at this time")
        where = self._where()
        return Update(table, {}, (), 0, tuple(actions), where, self._returning())

    def _set_action(self) -> ActionNode:
        path = self._path()
        self._expect("=")
        word = self._peek.text.lower() if self._peek.kind == "word" else ""
        if word in ("set_add", "set_delete") and self._tokens[self._at + 1].kind == "(":
            return self._set_function(path, word)
        left = self._operand(in_update=True)
        if self._peek.kind in ("+", "-"):
            operator = self._take().kind
            return ActionNode("SET", path, ArithmeticNode(operator, left, self._operand(in_update=True)))
        return ActionNode("SET", path, left)

    def _set_function(self, path: PathNode, name: str) -> ActionNode:
        """SET a = set_add(a, <<..>>) is ADD a, with set_delete DELETE a."""
        shown = name.partition("_")[2].upper()
        self._take()
        self._expect("(")
        first = self._operand(in_update=True)
        if first != path:
            raise invalid(f"The first argument to SET_{shown} must equal the assignment value")
        self._expect(",")
        second = self._operand(in_update=True)
        if not isinstance(second, ValueNode):
            raise invalid(f"The second argument to SET_{shown} must be a value with type SET")
        if self._peek.kind == ",":
            raise invalid(f"SET_{shown} must have exactly two arguments")
        self._expect(")")
        return ActionNode(shown, path, second)

    def _delete(self) -> Delete:
        self._take()
        self._expect_word("FROM")
        table = self._table()
        where = self._where()
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

    # Sources and paths

    def _table(self) -> str:
        name, index = self._source()
        if index is not None:
            raise invalid("This operation is not supported on an index")
        return name

    def _source(self) -> tuple[str, str | None]:
        table = self._identifier()
        # A bare table name may hold what a bare name may not: AWS takes my-table without quotes for an error, too.
        index = self._identifier() if self._accept(".") else None
        if self._peek.kind == ".":
            raise invalid("A path may contain at most 2 components in the FROM clause")
        return table, index

    def _identifier(self) -> str:
        token = self._peek
        if token.kind not in ("word", "quoted"):
            raise malformed(f"Expected identifier, found {token.text!r}")
        self._at += 1
        return token.text

    def _steps(self) -> Path:
        steps: list[str | int] = [self._identifier()]
        while True:
            if self._accept("."):
                steps.append(self._identifier())
            elif self._accept("["):
                negative = self._accept("-")
                if self._peek.kind == "string":
                    steps.append(self._take().text)
                else:
                    digits = self._expect("number").text
                    if negative or not digits.isdigit() or len(digits) > 10 or int(digits) > MAX_LIST_INDEX:
                        sign = "-" if negative else ""
                        raise invalid(f"List index is not within the allowable range; index: [{sign}{digits}]")
                    steps.append(int(digits))
                self._expect("]")
            else:
                return tuple(steps)

    def _plain_path(self) -> Path:
        path = self._steps()
        if self._peek_word() == "AS":
            raise invalid("Aliasing is not supported")
        return path

    def _path(self) -> PathNode:
        """A path with its names behind placeholders, so that no name is taken for one."""
        return PathNode(tuple(step if isinstance(step, int) else self._placeholder(step) for step in self._steps()))

    def _placeholder(self, name: str) -> str:
        for placeholder, known in self._names.items():
            if known == name:
                return placeholder
        placeholder = f"#{len(self._names)}"
        self._names[placeholder] = name
        return placeholder

    # Conditions

    def _where(self) -> Condition | None:
        if not self._accept_word("WHERE"):
            return None
        return self._require(self._alternatives())

    def _require(self, node: Condition | Operand) -> Condition:
        if isinstance(node, (PathNode, ValueNode)) or (isinstance(node, FunctionNode) and node.name == "size"):
            raise invalid("WHERE clause must contain an expression that resolves to a boolean")
        return node

    def _alternatives(self) -> Condition | Operand:
        ored: list[Condition | Operand] = []
        anded: list[Condition | Operand] = [self._term()]
        while (word := self._peek_word()) in ("AND", "OR"):
            self._take()
            if word == "OR":
                ored.append(self._join("AND", anded))
                anded = []
            anded.append(self._term())
        if not ored and len(anded) == 1:
            return anded[0]
        return self._join("OR", [*ored, self._join("AND", anded)])

    def _join(self, operator: str, parts: list[Condition | Operand]) -> Condition | Operand:
        if len(parts) == 1:
            return parts[0]
        return LogicNode(operator, tuple(map(self._require, parts)))

    def _term(self) -> Condition | Operand:
        negations = 0
        while self._accept_word("NOT"):
            negations += 1
        node: Condition | Operand
        if self._peek.kind == "(":
            self._descend()
            self._take()
            node = self._alternatives()
            self._expect(")")
            self._nesting -= 1
        else:
            node = self._operand()
        if isinstance(node, (PathNode, ValueNode, FunctionNode)):
            node = self._predicate(node)
        for _ in range(negations):
            node = NotNode(self._require(node))
        return node

    def _predicate(self, left: Operand) -> Condition | Operand:
        token = self._peek
        if token.kind in _COMPARATORS:
            self._take()
            return CompareNode(_COMPARATORS[token.kind], left, self._operand())
        word = self._peek_word()
        if word == "NOT" and self._tokens[self._at + 1].text.upper() in ("IN", "BETWEEN"):
            self._take()
            inner = self._predicate(left)
            return NotNode(self._require(inner))
        if word == "BETWEEN":
            self._take()
            lower = self._operand()
            self._expect_word("AND")
            return BetweenNode(left, lower, self._operand())
        if word == "IN":
            self._take()
            return self._in(left)
        if word == "IS":
            self._take()
            return self._is(left)
        return left

    def _in(self, left: Operand) -> Condition:
        closing = {"[": "]", "(": ")", "<<": ">>"}.get(self._peek.kind)
        if closing is None:
            raise invalid(
                "IN operator must have a left hand argument of type Variable Reference and right hand argument of "
                "type Seq with at least one member"
            )
        self._take()
        choices = [self._operand()]
        while self._accept(","):
            choices.append(self._operand())
        self._expect(closing)
        if len(choices) > MAX_IN_OPERANDS:
            raise invalid(f"The IN operator is provided with too many operands; number of operands: {len(choices)}")
        return InNode(left, tuple(choices))

    def _is(self, left: Operand) -> Condition:
        negated = self._accept_word("NOT")
        word = self._take().text.upper()
        node: Condition
        if word == "MISSING":
            node = FunctionNode("attribute_not_exists", (left,))
        elif word in _TYPES:
            self._values.append({"S": _TYPES[word]})
            node = FunctionNode("attribute_type", (left, ValueNode(f":{len(self._values) - 1}")))
        else:
            raise invalid(
                f"Unsupported data type for IS operator: {word}. Supported data types are "
                "[MISSING, NULL, BOOLEAN, BLOB, STRING, NUMERIC, STRUCT, TUPLE, LIST]"
            )
        return NotNode(node) if negated else node

    def _operand(self, in_update: bool = False) -> Operand:
        token = self._peek
        word = self._peek_word()
        following = self._tokens[min(self._at + 1, len(self._tokens) - 1)].kind
        if word and following == "(":
            return self._function(in_update)
        if token.kind == "quoted" or (word and word not in ("TRUE", "FALSE", "NULL", "MISSING")):
            return self._path()
        if word == "MISSING":
            raise invalid("MISSING must be compared using IS operator")
        self._values.append(self._template())
        return ValueNode(f":{len(self._values) - 1}")

    def _function(self, in_update: bool) -> Operand:
        name = self._take().text.lower()
        known = ("list_append", "if_not_exists") if in_update else tuple(_FUNCTIONS)
        if name not in known:
            raise invalid(f"Unrecognized function: {name}")
        self._descend()
        self._expect("(")
        args = [self._operand(in_update)]
        while self._accept(","):
            args.append(self._operand(in_update))
        self._expect(")")
        self._nesting -= 1
        return FunctionNode(name, tuple(args))

    # Literals

    def _template(self) -> Template:
        token = self._take()
        if token.kind == "string":
            return {"S": token.text}
        if token.kind == "number":
            return {"N": token.text}
        if token.kind in ("-", "+") and self._peek.kind == "number":
            return {"N": token.kind + self._take().text}
        if token.kind == "?":
            self._parameters += 1
            return Parameter(self._parameters - 1)
        if token.kind == "word":
            word = token.text.upper()
            if word in ("TRUE", "FALSE"):
                return {"BOOL": word == "TRUE"}
            if word == "NULL":
                return {"NULL": True}
        if token.kind in ("[", "<<", "{"):
            return self._container(token.kind)
        raise malformed(f"Unexpected token {token.text!r}")

    def _container(self, opening: str) -> Template:
        self._descend()
        template: Template
        if opening == "{":
            template = MapTemplate(tuple(self._fields()))
        else:
            members = tuple(self._members("]" if opening == "[" else ">>"))
            template = ListTemplate(members) if opening == "[" else BagTemplate(members)
        self._nesting -= 1
        return template

    def _members(self, closing: str) -> list[Template]:
        members: list[Template] = []
        if self._accept(closing):
            return members
        members.append(self._template())
        while self._accept(","):
            members.append(self._template())
        self._expect(closing)
        return members

    def _fields(self) -> list[tuple[str, Template]]:
        fields: list[tuple[str, Template]] = []
        if self._accept("}"):
            return fields
        while True:
            name = self._take()
            if name.kind not in ("string", "quoted", "word"):
                raise malformed(f"Expected a name, found {name.text!r}")
            if any(known == name.text for known, _ in fields):
                raise invalid(f"Duplicate keys in tuple. Key: {name.text} under root")
            self._expect(":")
            fields.append((name.text, self._template()))
            if not self._accept(","):
                break
        self._expect("}")
        return fields
