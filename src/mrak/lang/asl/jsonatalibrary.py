"""The library jsonata-python, loaded with the first expression.

Loading it raises the interpreter's recursion limit for good. Others count on the usual one to refuse what is nested too
deeply, so it is put back; `jsonata.evaluate` raises it for as long as an expression runs.
"""

from __future__ import annotations

import sys

_usual = sys.getrecursionlimit()
try:
    from jsonata import Functions, JException, Jsonata, Utils
finally:
    sys.setrecursionlimit(_usual)

__all__ = ["Functions", "JException", "Jsonata", "Utils"]
