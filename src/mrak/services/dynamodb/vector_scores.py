"""How near vectors are: quickly, to rank them, and as AWS says it, in single precision.

AWS computes scores in single precision, and sums in pairs, then the pairs in pairs: a thing to see where numbers differ
much, as measured. That takes Python five times as long, so all are ranked in double precision, and the few that are
found are told as AWS would.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from math import isfinite, nan, sqrt
from operator import add, mul, sub

LARGEST_FLOAT = 3.4028234663852886e38

Distance = Callable[[Sequence[float]], float]


def ranking(function: str, wanted: Sequence[float]) -> Distance:
    """What grows with the distance from the vector that is wanted."""
    if function == "DOT_PRODUCT":
        return lambda vector: -sum(map(mul, wanted, vector))
    if function == "EUCLIDEAN":
        return lambda vector: sum(it * it for it in map(sub, wanted, vector))
    length = sqrt(sum(map(mul, wanted, wanted)))
    return lambda vector: _apart(sum(map(mul, wanted, vector)), length * sqrt(sum(map(mul, vector, vector))))


def score(function: str, wanted: Sequence[float], vector: Sequence[float]) -> float:
    """The score as AWS gives it. What single precision cannot hold on the way is computed in double precision, and told
    as the largest or smallest number of single precision where it ends beyond that."""
    found = _singly(function, wanted, vector)
    if isfinite(found):
        return found
    distance = ranking(function, wanted)(vector)
    exact = {"DOT_PRODUCT": -distance, "EUCLIDEAN": sqrt(abs(distance))}.get(function, distance)
    return single(min(max(exact, -LARGEST_FLOAT), LARGEST_FLOAT))


def _singly(function: str, wanted: Sequence[float], vector: Sequence[float]) -> float:
    if function == "DOT_PRODUCT":
        return _dot(wanted, vector)
    if function == "EUCLIDEAN":
        apart = array("f", map(sub, wanted, vector))
        return single(sqrt(_dot(apart, apart)))
    lengths = sqrt(_dot(wanted, wanted)) * sqrt(_dot(vector, vector))
    return single(1.0 - _dot(wanted, vector) / lengths) if lengths else nan


def single(value: float) -> float:
    """The nearest number of single precision."""
    return array("f", (value,))[0]


def _apart(dot: float, lengths: float) -> float:
    """0 for the same direction, 2 for the opposite; a vector without direction is as far as a right angle."""
    return 1.0 - dot / lengths if lengths and isfinite(lengths) else 1.0


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return _sum(map(mul, a, b))


def _sum(terms: Iterable[float]) -> float:
    sums = array("f", terms)
    while len(sums) > 1:
        alone = sums[-1:] if len(sums) % 2 else ()
        sums = array("f", map(add, sums[::2], sums[1::2]))
        sums.extend(alone)
    return sums[0]
