"""Names of functions as callers write them: a name, a partial or a whole ARN, with or without a qualifier.

https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html#API_GetFunction_RequestSyntax
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from mrak.core.arn import arn
from mrak.core.scope import Scope
from mrak.services.lambda_ import errors
from mrak.services.lambda_.tables import Version

LATEST = "$LATEST"
_FORM = re.compile(
    r"(?:arn:aws[a-zA-Z-]*:lambda:)?(?:([a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d):)?(?:(\d{12}):)?(?:function:)?"
    r"([a-zA-Z0-9-_]+)(?::(\$LATEST|[a-zA-Z0-9-_]+))?"
)
_VERSION = re.compile(r"\d+")


class Reference(msgspec.Struct, frozen=True):
    """What a caller named. `qualifier` is "" where there was none."""

    scope: Scope
    name: str
    qualifier: str

    @property
    def arn(self) -> str:
        """The ARN as it was qualified."""
        return function_arn(self.scope, self.name, self.qualifier)


def function_arn(scope: Scope, name: str, qualifier: str = "") -> str:
    return arn(scope, "lambda", f"function:{name}:{qualifier}" if qualifier else f"function:{name}")


def version_arn(scope: Scope, version: Version) -> str:
    return function_arn(scope, version.name, version.label)


@lru_cache(maxsize=4096)
def parse_reference(scope: Scope, text: str, qualifier: str | None = None) -> Reference:
    """What `text` and the request's Qualifier name, seen from `scope`."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise errors.not_found(f"Function not found: {text}")
    region, account, name, own = found.groups()
    if region and region != scope.region:
        raise errors.other_region(region, scope.region)
    if own and qualifier and own != qualifier:
        raise errors.qualifier_mismatch()
    return Reference(scope.in_account(account) if account else scope, name, own or qualifier or "")


def is_version(qualifier: str) -> bool:
    return qualifier == LATEST or _VERSION.fullmatch(qualifier) is not None


def version_number(qualifier: str) -> int:
    """The key of a version: 0 for $LATEST."""
    return 0 if qualifier == LATEST else int(qualifier[:15])
