"""Regular expressions on log lines, run by RE2: time in proportion to the line, whatever somebody else wrote.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html#regex-expressions

Filter patterns take only a part of the language (no groups); `Regex` refuses what AWS refuses. Logs Insights takes all
that RE2 takes.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

_MOST_BYTES: Final = 4 << 20
# A character, an escape or a set of them; then perhaps a quantifier. Bars and anchors stand between.
_SYNTAX: Final = re.compile(
    r"(?:[A-Za-z0-9 :_#=@/;,.|^$-]"
    r"|\\(?:[dDsSwW]|x[0-9A-Fa-f]{2}|[^A-Za-z0-9])"
    r"|\[\^?(?:\\(?:[dDsSwW]|x[0-9A-Fa-f]{2}|[^A-Za-z0-9])|[^\]\\\[]|\[)+\]"
    r"|[*+?]|\{[0-9]{1,4}(?:,[0-9]{0,4})?\})*"
)
_UNCOMPILABLE: Final = frozenset("[]{}\\")


class RegexError(ValueError):
    """Not an expression that is taken here."""


class Regex:
    """An expression of a filter pattern; `found_in` says whether it occurs in a text."""

    __slots__ = ("_search", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        taken = _SYNTAX.match(text).end()  # type: ignore[union-attr] # it matches the empty text, too
        if taken < len(text) and text[taken] not in _UNCOMPILABLE:
            raise RegexError(f"Invalid character(s) in term '%{text[: taken + 1]}'")
        try:
            self._search = compile_regex(text).search
        except RegexError:
            raise RegexError("Failed to compile regular expression.") from None
        if taken < len(text):
            raise RegexError("Failed to compile regular expression.")

    def found_in(self, value: str) -> bool:
        return self._search(value) is not None


@lru_cache(maxsize=512)
def compile_regex(text: str, ignore_case: bool = False) -> Any:
    """A compiled expression of RE2's language, with the methods of Python's."""
    import re2

    options = re2.Options()
    options.max_mem = _MOST_BYTES
    options.log_errors = False
    options.case_sensitive = not ignore_case
    try:
        return re2.compile(text, options)
    except re2.error as error:
        detail = error.args[0] if error.args else ""
        raise RegexError(detail.decode() if isinstance(detail, bytes) else str(detail)) from None
