"""Custom domain names: which API, stage and path a request to one is for.

A name answers at `NAME.execute-api.localhost`, and its target (`d-abc...`) as an API's id does. REST and HTTP APIs
share the tables, since mappings of both lead to either.
https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-custom-domains.html
"""

from __future__ import annotations

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.apigatewayv2.tables import HOSTS, PATHS, Host, Path


class Mapped(msgspec.Struct, frozen=True):
    """The API behind a path, "" where nothing is mapped there; the path as the API's own stages know it."""

    api: str
    path: str


def new_target(ctx: Context) -> str:
    """The first label of the name to which a custom one leads."""
    return f"d-{ctx.resource_id(10)}"


def enter(tx: Transaction, scope: Scope, domain: str, target: str) -> None:
    """A custom name and its target; whichever service made it first keeps it."""
    everywhere = scope.environment_wide()
    for name in (domain.lower(), target):
        if HOSTS.open(tx, everywhere, name) is None:
            HOSTS.insert(tx, everywhere, Host(name, domain))


def forget(tx: Transaction, scope: Scope, domain: str, target: str) -> None:
    everywhere = scope.environment_wide()
    for name in (domain.lower(), target):
        found = HOSTS.open(tx, everywhere, name)
        if found is not None:
            HOSTS.delete(tx, everywhere, found)
    PATHS.lock(tx, everywhere, domain)
    PATHS.delete_all(tx, everywhere, domain)


def map_path(tx: Transaction, scope: Scope, made: Path) -> None:
    everywhere = scope.environment_wide()
    PATHS.lock(tx, everywhere, made.domain)
    old = PATHS.get(tx, everywhere, made.domain, made.key)
    if old is None:
        PATHS.insert(tx, everywhere, made)
    else:
        PATHS.replace(tx, everywhere, old, made)


def unmap_path(tx: Transaction, scope: Scope, domain: str, key: str) -> None:
    everywhere = scope.environment_wide()
    PATHS.lock(tx, everywhere, domain)
    found = PATHS.get(tx, everywhere, domain, key)
    if found is not None:
        PATHS.delete(tx, everywhere, found)


def locate(tx: Transaction, environment: str, name: str, path: str) -> Mapped | None:
    """What a request to a custom name is for: the longest mapped path that it begins with."""
    everywhere = Scope(environment, "", "")
    host = HOSTS.get(tx, everywhere, name.lower())
    if host is None:
        return None
    segments = path.strip("/").split("/") if path.strip("/") else []
    for length in range(len(segments), -1, -1):
        found = PATHS.get(tx, everywhere, host.domain, "/".join(segments[:length]))
        if found is not None:
            rest = "/".join(segments[length:])
            ended = "/" if rest and path.endswith("/") else ""
            stage = f"/{found.stage}" if found.stage and found.stage != "$default" else ""
            return Mapped(found.api, f"{stage}/{rest}{ended}")
    return Mapped("", path)
