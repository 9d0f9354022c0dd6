"""A tree to a function of a record: `compile_expression(tree, resolve)(record)`.

Truth has three values: a comparison with null or with what is missing is null, and a record whose WHERE is not true is
left out.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from mrak.lang.select import functions, values
from mrak.lang.select.errors import SelectError, invalid_like, overflow
from mrak.lang.select.tree import AGGREGATES, Call, Expression, Literal, Path
from mrak.lang.select.values import MISSING, is_absent

Evaluator = Callable[[Any], Any]
Resolver = Callable[[Path], Evaluator]
_TOO_LARGE = 10**38


def compile_expression(tree: Expression, resolve: Resolver) -> Evaluator:
    if isinstance(tree, Literal):
        value = tree.value
        return lambda record: value
    if isinstance(tree, Path):
        return resolve(tree)
    if tree.name in AGGREGATES:
        raise SelectError("UnsupportedSqlStructure", "An aggregate can stand in the SELECT list only.")
    special = _SPECIAL.get(tree.name)
    if special is not None:
        return special(tree, resolve)
    function = _OPERATORS.get(tree.name) or functions.find(tree.name)
    if function is None:
        raise SelectError("UnsupportedFunction", f"The SQL function {tree.name} is not supported.")
    functions.check_count(tree)
    arguments = [_argument(each, resolve) for each in tree.arguments]
    if len(arguments) == 2:
        first, second = arguments
        return lambda record: function(first(record), second(record))
    return lambda record: function(*(each(record) for each in arguments))


def _argument(tree: Any, resolve: Resolver) -> Evaluator:
    if isinstance(tree, str):
        return lambda record: tree
    return compile_expression(tree, resolve)


# --- logic --------------------------------------------------------------------------------------------------------


def _truth(value: Any) -> bool | None:
    if is_absent(value):
        return None
    found = values.find_truth(value)
    if found is None:
        raise SelectError("EvaluatorInvalidArguments", "A condition is neither true nor false.")
    return found


def _and(tree: Call, resolve: Resolver) -> Evaluator:
    left, right = (compile_expression(each, resolve) for each in tree.arguments)

    def evaluate(record: Any) -> bool | None:
        first = _truth(left(record))
        if first is False:
            return False
        second = _truth(right(record))
        if second is False:
            return False
        return None if first is None or second is None else True

    return evaluate


def _or(tree: Call, resolve: Resolver) -> Evaluator:
    left, right = (compile_expression(each, resolve) for each in tree.arguments)

    def evaluate(record: Any) -> bool | None:
        first = _truth(left(record))
        if first is True:
            return True
        second = _truth(right(record))
        if second is True:
            return True
        return None if first is None or second is None else False

    return evaluate


def _not(value: Any) -> bool | None:
    truth = _truth(value)
    return None if truth is None else not truth


def _in(tree: Call, resolve: Resolver) -> Evaluator:
    subject, *options = (compile_expression(each, resolve) for each in tree.arguments)

    def evaluate(record: Any) -> bool | None:
        value = subject(record)
        if is_absent(value):
            return None
        return any(values.compare(value, option(record)) == 0 for option in options)

    return evaluate


def _case(tree: Call, resolve: Resolver) -> Evaluator:
    compiled = [compile_expression(each, resolve) for each in tree.arguments]
    otherwise = compiled.pop()
    pairs = list(zip(compiled[::2], compiled[1::2], strict=True))

    def evaluate(record: Any) -> Any:
        for test, result in pairs:
            if _truth(test(record)):
                return result(record)
        return otherwise(record)

    return evaluate


def _coalesce(tree: Call, resolve: Resolver) -> Evaluator:
    compiled = [compile_expression(each, resolve) for each in tree.arguments]
    return lambda record: next((found for each in compiled if not is_absent(found := each(record))), None)


_SPECIAL: dict[str, Callable[[Call, Resolver], Evaluator]] = {
    "AND": _and,
    "OR": _or,
    "IN": _in,
    "CASE": _case,
    "COALESCE": _coalesce,
}


# --- comparisons and arithmetic -----------------------------------------------------------------------------------


def _comparison(holds: Callable[[int], bool]) -> Callable[[Any, Any], bool | None]:
    def evaluate(left: Any, right: Any) -> bool | None:
        if is_absent(left) or is_absent(right):
            return None
        order = values.compare(left, right)
        return False if order is None else holds(order)

    return evaluate


def _differs(left: Any, right: Any) -> bool | None:
    if is_absent(left) or is_absent(right):
        return None
    return values.compare(left, right) != 0


def _arithmetic(operate: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def evaluate(left: Any, right: Any) -> Any:
        if is_absent(left) or is_absent(right):
            return None
        try:
            result = operate(values.require_number(left), values.require_number(right))
        except ArithmeticError:
            raise overflow() from None
        if isinstance(result, int) and abs(result) >= _TOO_LARGE:
            raise overflow()
        return result

    return evaluate


def _divide(left: Any, right: Any) -> Any:
    _check_divisor(right)
    if isinstance(left, int) and isinstance(right, int):
        quotient = abs(left) // abs(right)
        return quotient if (left < 0) == (right < 0) else -quotient
    return Decimal(left) / Decimal(right)


def _remainder(left: Any, right: Any) -> Any:
    _check_divisor(right)
    if isinstance(left, int) and isinstance(right, int):
        return left - right * _divide(left, right)
    return Decimal(left) % Decimal(right)


def _check_divisor(right: Any) -> None:
    if right == 0:
        raise SelectError("EvaluatorDivideByZero", "A division by zero occurred in the SQL expression.")


def _plus(left: Any, right: Any) -> Any:
    return left + right


def _minus(left: Any, right: Any) -> Any:
    return left - right


def _times(left: Any, right: Any) -> Any:
    return left * right


def _joined(left: Any, right: Any) -> Any:
    if is_absent(left) or is_absent(right):
        return None
    return values.text(left) + values.text(right)


def _like(subject: Any, pattern: Any, escape: Any = "") -> bool | None:
    if is_absent(subject) or is_absent(pattern):
        return None
    if not isinstance(pattern, str) or not isinstance(escape, str):
        raise invalid_like()
    return isinstance(subject, str) and values.like(pattern, escape)(subject)


_OPERATORS: dict[str, Callable[..., Any]] = {
    "NOT": _not,
    "=": _comparison(lambda order: order == 0),
    "<>": _differs,
    "<": _comparison(lambda order: order < 0),
    "<=": _comparison(lambda order: order <= 0),
    ">": _comparison(lambda order: order > 0),
    ">=": _comparison(lambda order: order >= 0),
    "+": _arithmetic(_plus),
    "-": _arithmetic(_minus),
    "*": _arithmetic(_times),
    "/": _arithmetic(_divide),
    "%": _arithmetic(_remainder),
    "||": _joined,
    "LIKE": _like,
    "IS NULL": is_absent,
    "IS MISSING": lambda value: value is MISSING,
    "CAST": values.cast,
}
