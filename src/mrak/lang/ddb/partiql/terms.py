"""What statements are made of: paths, conditions, functions and literals."""

from __future__ import annotations

from mrak.core.errors import ApiError
from mrak.lang.ddb import numbers
from mrak.lang.ddb.errors import invalid, invalid_parameter
from mrak.lang.ddb.expressions.parser import MAX_IN_OPERANDS, MAX_LIST_INDEX
from mrak.lang.ddb.expressions.tree import (
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
    TruthNode,
    ValueNode,
)
from mrak.lang.ddb.partiql.lexer import Token, malformed, tokenize
from mrak.lang.ddb.partiql.tree import BagTemplate, ListTemplate, MapTemplate, Parameter, Template
from mrak.lang.ddb.partiql.words import KEYWORDS, OPERATORS, TYPES
from mrak.lang.ddb.values import MAX_DEPTH, NESTED_TOO_DEEP

LEFTOVER = "Unexpected token after expression"
ALIASING = "Aliasing is not supported"
_MAX_NESTING = 60
_COMPARATORS = {"=": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_TESTS = frozenset({"attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains"})
_LITERALS = frozenset({"TRUE", "FALSE", "NULL", "MISSING"})
_CLOSING = {"[": "]", "(": ")", "<<": ">>"}
# What values may be reckoned out with, by how loosely it binds.
RECKONING = {"||": "concat", "+": "plus", "-": "minus", "*": "times", "%": "modulo"}
_LOOSENESS = {"||": 0, "+": 1, "-": 1, "*": 2, "%": 2}


class Terms:
    """A walk over a statement's tokens."""

    def __init__(self, statement: str) -> None:
        self._statement = statement
        self._tokens: list[Token] = tokenize(statement)
        self._at = 0
        self._nesting = 0
        self._names: dict[str, str] = {}
        self._values: list[Template] = []
        self._parameters = 0
        # An expression that stands for a statement.
        self._is_bare = False

    # Tokens

    @property
    def _peek(self) -> Token:
        return self._tokens[self._at]

    @property
    def _following(self) -> Token:
        return self._tokens[min(self._at + 1, len(self._tokens) - 1)]

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
            raise malformed(LEFTOVER)
        return self._take()

    def _expect_word(self, word: str) -> None:
        if not self._accept_word(word):
            raise malformed(LEFTOVER)

    def _descend(self) -> None:
        self._nesting += 1
        if self._nesting > _MAX_NESTING:
            raise malformed("The statement is nested too deeply")

    def _place(self, token: Token) -> str:
        """Where a token stands, as AWS says it: line, column, length."""
        before = self._statement[: token.start]
        line, column = before.count("\n") + 1, token.start - before.rfind("\n")
        return f" at {line}:{column}:{token.length}"

    # Paths

    def _steps(self) -> Path:
        """A path that begins with a name."""
        steps: list[str | int] = [self._take().text]
        while True:
            if self._accept("."):
                token = self._peek
                if token.kind != "quoted" and (token.kind != "word" or self._peek_word() in KEYWORDS):
                    raise malformed("Invalid path dot component")
                steps.append(self._take().text)
            elif self._accept("["):
                steps.append(self._index())
                self._expect("]")
            else:
                return tuple(steps)

    def _index(self) -> str | int:
        sign = "-" if self._accept("-") else ""
        if self._peek.kind == "string":
            return self._take().text
        token = self._expect("number")
        digits = token.text
        if not digits.isdigit() or len(digits) > 10 or int(digits) > (0 if sign else MAX_LIST_INDEX):
            raise invalid(f"List index is not within the allowable range; index: [{sign}{digits}]{self._place(token)}")
        return int(digits)

    def _simple_path(self) -> Path:
        """A path where no expression may stand."""
        token = self._peek
        if token.kind != "quoted" and (token.kind != "word" or self._peek_word() in KEYWORDS):
            raise malformed("Expected identifier for simple path")
        return self._steps()

    def _path(self) -> PathNode:
        """A path with its names behind placeholders, so that no name is taken for one."""
        return self._behind(self._simple_path())

    def _behind(self, path: Path) -> PathNode:
        return PathNode(tuple(step if isinstance(step, int) else self._placeholder(step) for step in path))

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
        if isinstance(node, TruthNode):
            return node.part
        if isinstance(node, (PathNode, ValueNode)) or (isinstance(node, FunctionNode) and node.name == "size"):
            raise invalid("WHERE clause must contain an expression that resolves to a boolean")
        return node

    def _alternatives(self) -> Condition | Operand:
        ored: list[Condition | Operand] = []
        anded: list[Condition | Operand] = [self._factor()]
        while (word := self._peek_word()) in ("AND", "OR"):
            self._take_operator()
            if word == "OR":
                ored.append(self._join("AND", anded))
                anded = []
            anded.append(self._factor())
        if not ored and len(anded) == 1:
            return anded[0]
        return self._join("OR", [*ored, self._join("AND", anded)])

    def _take_operator(self) -> Token:
        """An operator that has something on its right."""
        token = self._take()
        if self._peek.kind == "end":
            raise malformed("Missing right-hand side expression of infix operator")
        return token

    def _join(self, operator: str, parts: list[Condition | Operand]) -> Condition | Operand:
        if len(parts) == 1:
            return parts[0]
        return LogicNode(operator, tuple(map(self._require, parts)))

    def _factor(self) -> Condition | Operand:
        negations = 0
        while self._accept_word("NOT"):
            negations += 1
        node = self._predicate(self._operand())
        for _ in range(negations):
            node = NotNode(self._require(node))
        return node

    def _predicate(self, left: Operand) -> Condition | Operand:
        token = self._peek
        if token.kind in _COMPARATORS:
            self._take_operator()
            return CompareNode(_COMPARATORS[token.kind], left, self._operand())
        word = self._peek_word()
        if word == "NOT" and self._following.text.upper() in ("IN", "BETWEEN"):
            self._take()
            return NotNode(self._require(self._predicate(left)))
        if word == "BETWEEN":
            self._take_operator()
            lower = self._operand()
            self._expect_word("AND")
            return BetweenNode(left, lower, self._operand())
        if word == "IN":
            self._take_operator()
            return self._in(left)
        if word == "IS":
            self._take_operator()
            return self._is(left)
        return left

    def _in(self, left: Operand) -> Condition:
        opening = self._peek.kind
        closing = _CLOSING.get(opening)
        if closing is None or (opening != "(" and self._following.kind == closing):
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
        word = self._type_name()
        node: Condition
        if word == "MISSING":
            node = FunctionNode("attribute_not_exists", (left,))
        else:
            kind = TYPES[word]
            if kind is None and not self._is_bare:
                raise invalid(
                    f"Unsupported data type for IS operator: {word}. Supported data types are "
                    "[MISSING, NULL, BOOLEAN, BLOB, STRING, NUMERIC, STRUCT, TUPLE, LIST]"
                )
            self._values.append({"S": kind})
            node = FunctionNode("attribute_type", (left, ValueNode(f":{len(self._values) - 1}")))
        return NotNode(node) if negated else node

    def _type_name(self) -> str:
        word = self._peek_word()
        pair = f"{word} {self._following.text.upper()}"
        if pair in TYPES:
            self._at += 1
            word = pair
        if word not in TYPES:
            raise malformed("Expected type name")
        self._take()
        return word

    # Operands

    def _operand(self, in_update: bool = False) -> Operand:
        """A path, a literal, or what a function or a condition in parentheses comes to."""
        token = self._peek
        word = self._peek_word()
        if token.kind == "(" and not in_update:
            return self._in_parentheses()
        if word and self._following.kind == "(" and word not in ("NOT", *OPERATORS):
            return self._function(in_update)
        if token.kind == "quoted" or (word and word not in KEYWORDS and word not in _LITERALS):
            return self._behind(self._steps())
        if word == "MISSING":
            raise invalid("MISSING must be compared using IS operator")
        self._values.append(self._template("root"))
        return ValueNode(f":{len(self._values) - 1}")

    def _in_parentheses(self) -> Operand:
        self._descend()
        self._take()
        node = self._alternatives()
        self._expect(")")
        self._nesting -= 1
        if isinstance(node, (PathNode, ValueNode, TruthNode)) or (
            isinstance(node, FunctionNode) and node.name == "size"
        ):
            return node
        return TruthNode(node)

    def _function(self, in_update: bool) -> Operand:
        token = self._take()
        name = token.text.lower()
        known = ("list_append", "if_not_exists") if in_update else (*_TESTS, "size")
        if name not in known:
            raise invalid(f"Unrecognized function: {name}{self._place(token)}")
        args = tuple(operand for operand, _ in self._arguments(in_update))
        if name == "size" and len(args) != 1:
            raise invalid(
                "Incorrect number of operands for operator or function; "
                f"operator or function: size, number of operands: {len(args)}"
            )
        node = FunctionNode(name, args)
        return TruthNode(node) if name in _TESTS else node

    def _arguments(self, in_update: bool) -> list[tuple[Operand, Token]]:
        """A function's arguments, each with its first token."""
        self._descend()
        self._expect("(")
        args: list[tuple[Operand, Token]] = []
        while not self._accept(")"):
            if args:
                self._expect(",")
            token = self._peek
            args.append((self._operand(in_update), token))
        self._nesting -= 1
        return args

    # Literals

    def _template(self, path: str, level: int = 0) -> Template:
        """A literal. `path` is where it stands within its value, as AWS's messages have it, `level` how deep."""
        token = self._peek
        if level >= MAX_DEPTH:
            raise invalid(f"{NESTED_TOO_DEEP} under {path}")
        if token.kind == "word":
            return self._word(token)
        if token.kind in ("[", "<<", "{"):
            return self._container(self._take().kind, path, level)
        if token.kind in _COMPARATORS:
            raise malformed("Unexpected operator")
        sign = self._sign()
        token = self._peek
        if token.kind not in (("number",) if sign is not None else ("string", "number", "?")):
            raise malformed("Unexpected term")
        self._take()
        if token.kind == "string":
            return {"S": token.text}
        if token.kind == "number":
            return {"N": _checked((sign or "") + token.text, path)}
        if level:
            raise invalid(f"Unsupported data type: Parameter under key {path}{self._place(token)}")
        self._parameters += 1
        return Parameter(self._parameters - 1)

    def _field(self, path: str, level: int) -> Template:
        """A literal, in parentheses or not. What is reckoned out of several is parsed, and refused."""
        template = self._plain_field(path, level)
        operators: list[Token] = []
        while self._peek.kind in RECKONING:
            operators.append(self._take())
            self._plain_field(path, level)
        if operators:
            loosest = min(reversed(operators), key=lambda token: _LOOSENESS[token.kind])
            name = RECKONING[loosest.kind]
            raise invalid(f"Unsupported data type: {name} under key {path}{self._place(loosest)}")
        return template

    def _plain_field(self, path: str, level: int) -> Template:
        if not self._accept("("):
            return self._template(path, level)
        self._descend()
        template = self._field(path, level)
        self._expect(")")
        self._nesting -= 1
        return template

    def _sign(self) -> str | None:
        """The sign that a row of signs comes to; None where there is none."""
        sign: str | None = None
        while self._peek.kind in ("-", "+"):
            negates = self._take().kind == "-"
            sign = "-" if negates != (sign == "-") else ""
        return sign

    def _word(self, token: Token) -> Template:
        word = token.text.upper()
        if word in ("TRUE", "FALSE"):
            self._take()
            return {"BOOL": word == "TRUE"}
        if word == "NULL":
            self._take()
            return {"NULL": True}
        if word in OPERATORS:
            raise malformed("Unexpected operator")
        if word in KEYWORDS and self._following.kind != "(":
            raise malformed("Unexpected keyword")
        raise invalid(f"Unsupported data type: {token.text.lower()} under key root{self._place(token)}")

    def _container(self, opening: str, path: str, level: int) -> Template:
        self._descend()
        template: Template
        if opening == "{":
            template = MapTemplate(tuple(self._fields(path, level + 1)))
        else:
            members = tuple(self._members("]" if opening == "[" else ">>", path, level + 1))
            template = ListTemplate(members) if opening == "[" else _bag(members, path)
        self._nesting -= 1
        return template

    def _members(self, closing: str, path: str, level: int) -> list[Template]:
        members: list[Template] = []
        if self._accept(closing):
            return members
        members.append(self._template(f"{path}[0]", level))
        while self._accept(","):
            members.append(self._template(f"{path}[{len(members)}]", level))
        self._expect(closing)
        return members

    def _fields(self, path: str, level: int) -> list[tuple[str, Template]]:
        """A map's fields. Those of an item that is inserted, on level 0, are values of their own."""
        fields: list[tuple[str, Template]] = []
        if self._accept("}"):
            return fields
        while True:
            name = self._take()
            if name.kind not in ("string", "quoted", "word"):
                raise malformed("Unexpected term")
            if any(known == name.text for known, _ in fields):
                raise invalid(f"Duplicate keys in tuple. Key: {name.text} under root")
            self._expect(":")
            fields.append((name.text, self._field(f"{path}.{name.text}" if level else path, level)))
            if not self._accept(","):
                break
        self._expect("}")
        return fields


def _bag(members: tuple[Template, ...], path: str) -> BagTemplate:
    """Numbers that are the same are told as they are written, before any is looked at."""
    written = [member["N"] for member in members if isinstance(member, dict) and "N" in member]
    if len(set(map(numbers.canonical, written))) < len(written):
        raise invalid_parameter(f"Input collection [{', '.join(written)}] contains duplicates! under {path}")
    return BagTemplate(members)


def _checked(number: str, path: str) -> str:
    """A number that DynamoDB can store, or its message with the place of the number."""
    try:
        numbers.split(number)
    except ApiError as error:
        raise invalid(f"{error.message} under {path}") from None
    return number
