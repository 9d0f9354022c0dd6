"""Functions, versions and aliases in a transaction: find what a reference names, create, change, publish, delete."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.lambda_ import errors
from mrak.services.lambda_.packages import Package
from mrak.services.lambda_.references import LATEST, Reference, function_arn, is_version, version_number
from mrak.services.lambda_.tables import (
    ACCOUNT_KEY,
    ACCOUNTS,
    ALIASES,
    EVENTS,
    FUNCTIONS,
    LAYERS,
    NUMBERS,
    POLICIES,
    PROVISIONED,
    URL_IDS,
    URLS,
    VERSIONS,
    Account,
    Alias,
    Function,
    Numbers,
    Version,
)


def require(tx: Transaction, ref: Reference) -> Function:
    """The function, whatever the qualifier. Raises ResourceNotFoundException."""
    function = FUNCTIONS.get(tx, ref.scope, ref.name)
    if function is None:
        raise errors.function_not_found(ref.arn)
    return function


def open_function(tx: Transaction, ref: Reference) -> Function:
    """The function with all of its rows opened for writing."""
    function = FUNCTIONS.open(tx, ref.scope, ref.name)
    if function is None:
        raise errors.function_not_found(ref.arn)
    lock(tx, ref)
    return function


def lock(tx: Transaction, ref: Reference) -> None:
    """Opens the rows that hang on a function, whether it is there or not."""
    for table in (VERSIONS, ALIASES, POLICIES, URLS, EVENTS, PROVISIONED):
        table.lock(tx, ref.scope, ref.name)


def require_version(tx: Transaction, ref: Reference) -> Version:
    """The version that a reference names, directly or through an alias's main version."""
    qualifier = ref.qualifier or LATEST
    if not is_version(qualifier):
        alias = ALIASES.get(tx, ref.scope, ref.name, qualifier)
        if alias is None:
            raise errors.function_not_found(ref.arn)
        qualifier = alias.version
    version = VERSIONS.get(tx, ref.scope, ref.name, version_number(qualifier))
    if version is None:
        raise errors.function_not_found(ref.arn)
    return version


def require_latest(tx: Transaction, ref: Reference) -> Version:
    version = VERSIONS.get(tx, ref.scope, ref.name, 0)
    if version is None:
        raise errors.function_not_found(ref.arn)
    return version


def find_alias(tx: Transaction, ref: Reference) -> Alias | None:
    if not ref.qualifier or is_version(ref.qualifier):
        return None
    return ALIASES.get(tx, ref.scope, ref.name, ref.qualifier)


def qualifier_exists(tx: Transaction, ref: Reference) -> bool:
    """Whether the version or alias that a reference names is there; a bare name has nothing to miss."""
    if not ref.qualifier:
        return True
    if is_version(ref.qualifier):
        return VERSIONS.get(tx, ref.scope, ref.name, version_number(ref.qualifier)) is not None
    return find_alias(tx, ref) is not None


def check_qualifier_exists(tx: Transaction, ref: Reference) -> None:
    require(tx, ref)
    if ref.qualifier:
        require_version(tx, ref)


def create(
    ctx: Context, tx: Transaction, ref: Reference, config: dict[str, Any], package: Package, tags: dict[str, str]
) -> Version:
    if FUNCTIONS.open(tx, ref.scope, ref.name) is not None:
        raise errors.function_exists(ref.name)
    VERSIONS.lock(tx, ref.scope, ref.name)
    used = NUMBERS.get(tx, ref.scope, ref.name)
    last = used.last_version if used is not None else 0
    FUNCTIONS.insert(tx, ref.scope, Function(name=ref.name, created_at=ctx.now, tags=tags, last_version=last))
    version = Version(
        name=ref.name,
        number=0,
        config=with_layer_sizes(tx, ref.scope, config),
        code_id=package.code_id,
        code_bytes=package.code_bytes,
        code_sha256=package.sha256,
        code_folder=package.folder,
        image_uri=package.image_uri,
        revision_id=ctx.draw.uuid(),
        modified_at=ctx.now,
    )
    VERSIONS.insert(tx, ref.scope, version)
    return version


def change(ctx: Context, tx: Transaction, ref: Reference, old: Version, **changes: Any) -> Version:
    """A new state of $LATEST, under a new revision: a new build even where nothing differs (recorded)."""
    new = msgspec.structs.replace(
        old, revision_id=ctx.draw.uuid(), modified_at=ctx.now, updated=True, made_of="", **changes
    )
    VERSIONS.replace(tx, ref.scope, old, new)
    return new


def revise(ctx: Context, tx: Transaction, ref: Reference, **changes: Any) -> None:
    """$LATEST as the same build under a new revision: publishing, tags and reserved concurrency make one as well."""
    latest = require_latest(tx, ref)
    new = msgspec.structs.replace(latest, revision_id=ctx.draw.uuid(), made_of=latest.build, **changes)
    VERSIONS.replace(tx, ref.scope, latest, new)


def check_revision(req: dict[str, Any], revision_id: str, operation: str = "GetFunction") -> None:
    if req.get("RevisionId") and req["RevisionId"] != revision_id:
        raise errors.precondition(operation)


def publish(
    ctx: Context, tx: Transaction, ref: Reference, function: Function, latest: Version, description: str | None
) -> Version:
    """A version of $LATEST as it is; the last one again where nothing changed since."""
    last = VERSIONS.get(tx, ref.scope, ref.name, function.last_version) if function.last_version else None
    config = latest.config if description is None else latest.config | {"Description": description}
    if last is not None and last.build == latest.build:
        return last
    number = function.last_version + 1
    FUNCTIONS.replace(tx, ref.scope, function, msgspec.structs.replace(function, last_version=number))
    version = msgspec.structs.replace(
        latest, number=number, config=config, revision_id=ctx.draw.uuid(), made_of=latest.build
    )
    VERSIONS.insert(tx, ref.scope, version)
    revise(ctx, tx, ref)
    return version


def delete(tx: Transaction, ref: Reference) -> None:
    """The whole function with all that hangs on it."""
    function = open_function(tx, ref)
    for url in list(URLS.scan(tx, ref.scope, ref.name)):
        _delete_url_id(tx, ref, url.url_id)
    for table in (VERSIONS, ALIASES, POLICIES, URLS, EVENTS, PROVISIONED):
        table.delete_all(tx, ref.scope, ref.name)
    if function.reserved is not None:
        reserve(tx, ref.scope, -function.reserved)
    FUNCTIONS.delete(tx, ref.scope, function)
    if function.last_version:
        keep_number(tx, ref, function.last_version)


def keep_number(tx: Transaction, ref: Reference, last_version: int) -> None:
    """A function that is made again under the name goes on counting its versions."""
    old, new = NUMBERS.open(tx, ref.scope, ref.name), Numbers(name=ref.name, last_version=last_version)
    if old is None:
        NUMBERS.insert(tx, ref.scope, new)
    elif old != new:
        NUMBERS.replace(tx, ref.scope, old, new)


def _delete_url_id(tx: Transaction, ref: Reference, url_id: str) -> None:
    wide = ref.scope.environment_wide()
    row = URL_IDS.open(tx, wide, url_id)
    if row is not None:
        URL_IDS.delete(tx, wide, row)


def delete_of_alias(tx: Transaction, ref: Reference, alias: str) -> None:
    """What was set up for an alias ends with it."""
    url = URLS.get(tx, ref.scope, ref.name, alias)
    if url is not None:
        _delete_url_id(tx, ref, url.url_id)
        URLS.delete(tx, ref.scope, url)
    policy = POLICIES.get(tx, ref.scope, ref.name, alias)
    if policy is not None:
        POLICIES.delete(tx, ref.scope, policy)
    events = EVENTS.get(tx, ref.scope, ref.name, alias)
    if events is not None:
        EVENTS.delete(tx, ref.scope, events)
    provisioned = PROVISIONED.get(tx, ref.scope, ref.name, alias)
    if provisioned is not None:
        PROVISIONED.delete(tx, ref.scope, provisioned)


def reserve(tx: Transaction, scope: Scope, change_by: int) -> int:
    """Changes the account's reserved concurrency; returns the new sum."""
    row = ACCOUNTS.open(tx, scope, ACCOUNT_KEY)
    if row is None:
        ACCOUNTS.insert(tx, scope, Account(ACCOUNT_KEY, change_by))
        return change_by
    ACCOUNTS.replace(tx, scope, row, Account(ACCOUNT_KEY, row.reserved + change_by))
    return row.reserved + change_by


def reserved_sum(tx: Transaction, scope: Scope) -> int:
    row = ACCOUNTS.get(tx, scope, ACCOUNT_KEY)
    return row.reserved if row else 0


def check_layer_regions(scope: Scope, layers: list[str]) -> None:
    """Layers have to be in the function's region. AWS says so before it looks whether the function is there."""
    for layer_arn in layers:
        parsed = find_arn(layer_arn)
        if parsed is not None and parsed.region != scope.region:
            raise errors.invalid(
                "Layers are not in the same region as the function. "
                f"Layers are expected to be in region {scope.region}."
            )


def with_layer_sizes(tx: Transaction, scope: Scope, config: dict[str, Any]) -> dict[str, Any]:
    """Looks the layers up; they must exist, in the function's region."""
    if "Layers" not in config:
        return {member: value for member, value in config.items() if member != "LayerSizes"}
    check_layer_regions(scope, config["Layers"])
    sizes = []
    for layer_arn in config["Layers"]:
        parsed = find_arn(layer_arn)
        if parsed is None:
            raise errors.invalid(f"Layer version {layer_arn} does not exist.")
        _, name, number = parsed.resource.split(":")
        layer = LAYERS.get(tx, parsed.scope_in(scope.environment), name, int(number))
        if layer is None:
            raise errors.invalid(f"Layer version {layer_arn} does not exist.")
        sizes.append([layer_arn, layer.code_bytes])
    return config | {"LayerSizes": sizes}


def alias_arn(scope: Scope, alias: Alias) -> str:
    return function_arn(scope, alias.name, alias.alias)
