"""JSON as a stream of tokens with places, so that a pattern's error can say where it stands.

EventBridge and SNS parse patterns with a pull parser and put its place into their messages ("line: 1, column: 17").
The place is where that parser's reading head is, which depends on how it reads: a string value is read only up to
its opening quote until somebody asks for its text, a number up to its end, and after a field name the head already
stands behind the beginning of the field's value. `Place` and the tokens here follow that.

Nesting is bounded, so a hostile text cannot exhaust the stack.
"""

from __future__ import annotations

import re
from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]

MAX_DEPTH = 1000
_SNIPPET_CHARACTERS = 500
_SPACE = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORD = re.compile(r"[A-Za-z0-9_$]+")
_EXPECTED = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"

START_OBJECT, END_OBJECT, START_ARRAY, END_ARRAY, FIELD, STRING, NUMBER, WORD, END = (
    "{",
    "}",
    "[",
    "]",
    "field",
    "string",
    "number",
    "word",
    "end",
)


class JsonTextError(Exception):
    """The text is no JSON, or not the JSON that its reader wants. `message` ends with the place."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class TokenReader:
    """Reads one JSON text from left to right. `text` of the current token is a string's value, a number's digits,
    a word (true, false, null) or a field's name."""

    def __init__(self, source: str, *, name_source: bool = True) -> None:
        self._source = source
        self._name_source = name_source
        self._at = 0
        self._head = 0
        self._stack: list[tuple[str, int]] = []
        self._after_field = False
        self._needs_comma = False
        self._string_end: int | None = None
        self.kind = ""
        self.text = ""

    def next(self) -> str:
        """Moves to the next token and returns its kind; END after the outermost value."""
        self._string_end = None
        if self._after_field:
            self._after_field = False
            return self._read_value()
        if not self._stack:
            return self._begin()
        self._skip_space()
        opened = self._stack[-1][0]
        char = self._peek(opened)
        if char == ("}" if opened == "{" else "]"):
            return self._close(char)
        self._take_comma(char, opened)
        return self._read_field() if opened == "{" else self._read_value()

    def place(self) -> str:
        """The reading head as the parser's messages name it."""
        return self._place_at(self._head)

    def finish_text(self) -> str:
        """The token's text, after which the head stands behind the token."""
        if self._string_end is not None:
            self._head, self._string_end = self._string_end, None
        return self.text

    def error(self, message: str) -> JsonTextError:
        return JsonTextError(message + self.place())

    def _place_at(self, offset: int) -> str:
        return f"\n at {self._bracket(offset)}"

    def _bracket(self, offset: int) -> str:
        before = self._source[:offset]
        line = before.count("\n") + 1
        column = offset - (before.rfind("\n") + 1) + 1
        return f"[Source: {self._describe_source()}; line: {line}, column: {column}]"

    def _describe_source(self) -> str:
        if not self._name_source:
            return "REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)"
        shown = self._source[:_SNIPPET_CHARACTERS]
        left = len(self._source) - len(shown)
        return f'(String)"{shown}"' + (f"[truncated {left} chars]" if left else "")

    def _begin(self) -> str:
        if self.kind == "":
            self._skip_space()
            if self._at >= len(self._source):
                return self._set(END, "")
            return self._read_value()
        self._skip_space()
        return self._set(END, "")

    def _skip_space(self) -> None:
        match = _SPACE.match(self._source, self._at)
        assert match is not None
        self._at = match.end()

    def _peek(self, opened: str) -> str:
        if self._at < len(self._source):
            return self._source[self._at]
        sort = "Object" if opened == "{" else "Array"
        start = self._bracket(self._stack[-1][1])
        raise JsonTextError(
            f"Unexpected end-of-input: expected close marker for {sort} (start marker at {start})"
            + self._place_at(self._at)
        )

    def _take_comma(self, char: str, opened: str) -> None:
        if self._needs_comma:
            if char != ",":
                sort = "Object" if opened == "{" else "Array"
                raise self._unexpected(char, f"was expecting comma to separate {sort} entries")
            self._at += 1
            self._skip_space()
            self._peek(opened)
        self._needs_comma = False

    def _unexpected(self, char: str, expectation: str) -> JsonTextError:
        shown = f"'{char}' (code {ord(char)})"
        return JsonTextError(f"Unexpected character ({shown}): {expectation}" + self._place_at(self._at))

    def _close(self, char: str) -> str:
        self._stack.pop()
        self._at += 1
        self._needs_comma = True
        return self._set(char, "")

    def _read_field(self) -> str:
        char = self._source[self._at]
        if char != '"':
            raise self._unexpected(char, "was expecting double-quote to start field name")
        name, self._at = self._scan_string()
        self._skip_space()
        colon = self._peek("{")
        if colon != ":":
            raise self._unexpected(colon, "was expecting a colon to separate field name and value")
        self._at += 1
        self._skip_space()
        self._head = self._head_after(self._at)
        self._after_field = True
        self.kind, self.text = FIELD, name
        return FIELD

    def _head_after(self, start: int) -> int:
        """Where the head stands once it has seen the beginning of the value at `start`."""
        if start >= len(self._source):
            return start
        number = _NUMBER.match(self._source, start) or _WORD.match(self._source, start)
        return number.end() if number else start + 1

    def _read_value(self) -> str:
        start = self._at
        char = self._peek(self._stack[-1][0]) if self._stack else self._source[start]
        if char in "{[":
            if len(self._stack) >= MAX_DEPTH:
                raise JsonTextError(f"Document nesting depth ({MAX_DEPTH + 1}) exceeds the maximum allowed")
            self._stack.append((char, start))
            self._at += 1
            self._needs_comma = False
            return self._set(char, "")
        self._needs_comma = True
        if char == '"':
            value, end = self._scan_string()
            self._at, self._head, self._string_end = end, start + 1, end
            self.kind, self.text = STRING, value
            return STRING
        return self._read_bare(char)

    def _read_bare(self, char: str) -> str:
        start = self._at
        if char == "-" or char.isdigit():
            number = _NUMBER.match(self._source, start)
            if number is None:
                raise self._unexpected(char, "Expected digit (0-9) to follow minus sign, for valid numeric value")
            self._at = number.end()
            return self._set(NUMBER, number.group())
        word = _WORD.match(self._source, start)
        if word is None:
            raise self._unexpected(char, f"expected a valid value {_EXPECTED}")
        self._at = word.end()
        if word.group() not in ("true", "false", "null"):
            self._head = self._at
            raise self.error(f"Unrecognized token '{word.group()}': was expecting {_EXPECTED}")
        return self._set(WORD, word.group())

    def _scan_string(self) -> tuple[str, int]:
        try:
            value, end = scanstring(self._source, self._at + 1, True)
        except JSONDecodeError as error:
            at = max(error.pos, self._at)
            if at < len(self._source) and ord(self._source[at]) < 32:
                raise JsonTextError(
                    f"Illegal unquoted character ((CTRL-CHAR, code {ord(self._source[at])})): has to be escaped using "
                    "backslash to be included in string value" + self._place_at(at + 1)
                ) from None
            raise JsonTextError(
                "Unexpected end-of-input: was expecting closing quote for a string value"
                + self._place_at(len(self._source))
            ) from None
        return value, end

    def _set(self, kind: str, text: str) -> str:
        self.kind, self.text = kind, text
        self._head = self._at
        return kind
