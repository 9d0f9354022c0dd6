"""What shows secrets and their versions without changing anything: describe, list, batches of values.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.core.page import find_number, find_position, take_page
from mrak.core.scope import Scope
from mrak.services.secretsmanager import errors, secrets
from mrak.services.secretsmanager.tables import SECRETS, VERSIONS, Secret

# A text's marks and words, as AWS splits it for a search.
_MARKS: Final = frozenset("/-_+=.@")
_CAPITALISED: Final = re.compile(r"[^a-z\s][a-z]+")


def _moment(seconds: float, name: str) -> str:
    return f"{seconds:017.6f}/{name}"


# What ListSecrets sorts by; the name tells those apart that are alike.
_PLACES: Final[dict[str, Callable[[Secret], str]]] = {
    "created-date": lambda row: _moment(row.created_at, row.name),
    "last-accessed-date": lambda row: _moment(row.accessed_at, row.name),
    "last-changed-date": lambda row: _moment(row.changed_at, row.name),
    "name": lambda row: row.name,
}


@operation("DescribeSecret")
def describe_secret(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    home, secret = secrets.require(tx, ctx.scope, req["SecretId"], living=False)
    shown = secrets.render(home, secret)
    if secret.stages:
        shown["VersionIdsToStages"] = secrets.versions_to_stages(secret)
    if secret.replicas:
        shown["ReplicationStatus"] = secrets.render_replicas(secret)
    return shown


@operation("ListSecrets")
def list_secrets(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    deleted_too, filters = req.get("IncludePlannedDeletion", False), _parse_filters(req)
    rows = (
        row
        for row in SECRETS.scan(tx, ctx.scope)
        if (deleted_too or not row.deleted_at) and _passes_all(ctx.scope, row, filters)
    )
    place, after = _PLACES[req.get("SortBy", "created-date")], _position(req)
    is_descending = req.get("SortOrder") == "desc"
    listed = sorted(rows, key=place, reverse=is_descending)
    if after is not None:
        listed = [row for row in listed if (place(row) < after if is_descending else place(row) > after)]
    page, token = take_page(listed, req.get("MaxResults", 100), place)
    shown = [secrets.render(ctx.scope, row) | _stages_shown(row) for row in page]
    return {"SecretList": shown} if token is None else {"SecretList": shown, "NextToken": token}


def _position(req: dict[str, Any]) -> str | None:
    after = find_position(req["NextToken"]) if "NextToken" in req else None
    if "NextToken" in req and after is None:
        raise errors.invalid_token()
    return after


def _count(req: dict[str, Any]) -> int:
    """How many were shown before."""
    shown = find_number(req["NextToken"]) if "NextToken" in req else 0
    if shown is None:
        raise errors.invalid_token()
    return shown


def _stages_shown(secret: Secret) -> dict[str, Any]:
    return {"SecretVersionsToStages": secrets.versions_to_stages(secret)} if secret.stages else {}


@operation("BatchGetSecretValue")
def batch_get_secret_value(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    wanted, filters = req.get("SecretIdList"), req.get("Filters")
    if bool(wanted) == bool(filters):
        raise errors.invalid_parameter("Either 'SecretIdList' or 'Filters' must be provided, but not both.")
    if wanted and "MaxResults" in req:
        raise errors.invalid_parameter("'Filters' not specified. 'MaxResults' is only applicable with 'Filters'.")
    token = None
    if not wanted:
        filters = _parse_filters(req)
        found = SECRETS.scan(tx, ctx.scope, after=_position(req))
        rows = (row for row in found if _passes_all(ctx.scope, row, filters))
        living = (row for row in rows if not row.deleted_at)
        page, token = take_page(living, req.get("MaxResults", 20), lambda row: row.name)
        wanted = [row.name for row in page]
    values, failures = [], []
    for secret_id in wanted:
        try:
            home, secret = secrets.require(tx, ctx.scope, secret_id)
            values.append(secrets.render_value(home, secret, secrets.require_value(tx, home, secret, {})))
        except ApiError as error:
            failures.append({"SecretId": secret_id, "ErrorCode": error.code, "Message": error.message})
    answer: dict[str, Any] = {"SecretValues": values, "Errors": failures}
    return answer if token is None else answer | {"NextToken": token}


def _parse_filters(req: dict[str, Any]) -> list[dict[str, Any]]:
    filters: list[dict[str, Any]] = req.get("Filters", [])
    for wanted in filters:
        if not wanted.get("Key"):
            raise errors.invalid_parameter("Invalid filter key")
        if not wanted.get("Values"):
            raise errors.invalid_parameter(f"Invalid filter values for key: {wanted['Key']}")
    return filters


def _passes_all(scope: Scope, secret: Secret, filters: list[dict[str, Any]]) -> bool:
    return all(_passes(scope, secret, wanted["Key"], wanted["Values"]) for wanted in filters)


def _passes(scope: Scope, secret: Secret, key: str, values: list[str]) -> bool:
    """Whether one of the values fits; one with ! before it fits what it does not match."""
    return any(_matches(scope, secret, key, value.removeprefix("!")) != value.startswith("!") for value in values)


def _matches(scope: Scope, secret: Secret, key: str, value: str) -> bool:
    """By beginnings: of the name and the tags with regard to case; of each word in the description, and of each word
    in anything (`all`), without."""
    whole = {
        "name": [secret.name],
        "tag-key": list(secret.tags),
        "tag-value": list(secret.tags.values()),
        "primary-region": [secret.primary_region or (scope.region if secret.replicas else "")],
        "owning-service": [secrets.owning_service(secret)],
    }
    if key in whole:
        return any(text.startswith(value) for text in whole[key])
    texts = [secret.description] if key == "description" else [secret.name, secret.description, *_tag_texts(secret)]
    words = [word.lower() for text in texts for word in _words(text)]
    parts = [part.lower() for part in _words(value)]
    return bool(parts) and all(any(word.startswith(part) for word in words) for part in parts)


def _words(text: str) -> list[str]:
    """As AWS splits texts to search them: at blanks, at one kind of mark (a text with several stays whole), and before
    a capital that small letters follow."""
    marks = set(text) & _MARKS
    if text in _MARKS or len(marks) > 1:
        return [] if text in _MARKS else [text]
    separated = text.replace(marks.pop(), " ") if marks else text
    return [word for word in _CAPITALISED.sub(r" \g<0> ", separated).split() if word]


def _tag_texts(secret: Secret) -> list[str]:
    return [*secret.tags, *secret.tags.values()]


@operation("ListSecretVersionIds")
def list_secret_version_ids(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    home, secret = secrets.require(tx, ctx.scope, req["SecretId"], living=False)
    rows = sorted(VERSIONS.scan(tx, home, secret.name), key=lambda row: (row.created_at, row.version))
    versions = []
    for version in rows:
        stages = secrets.stages_of(secret, version.version)
        if not stages and not req.get("IncludeDeprecated"):
            continue
        shown: dict[str, Any] = {
            "VersionId": version.version,
            "CreatedDate": version.created_at,
            "KmsKeyIds": [secret.key_id or "DefaultEncryptionKey"],
        }
        if stages:
            shown["VersionStages"] = stages
        if version.accessed_at:
            shown["LastAccessedDate"] = version.accessed_at // 86_400 * 86_400
        versions.append(shown)
    start = _count(req)
    numbered = enumerate(versions[start:], start + 1)
    page, token = take_page(numbered, req.get("MaxResults", 100), lambda row: str(row[0]))
    answer: dict[str, Any] = secrets.identify(home, secret)
    answer["Versions"] = [shown for _, shown in page]
    return answer if token is None else answer | {"NextToken": token}
