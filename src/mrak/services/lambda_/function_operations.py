"""Operations on functions and their versions.

A change is done when its operation answers; the answer still says Pending or InProgress as AWS's does, so that tools
which wait see both states: deviation("LAMBDA-010").
"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.core.page import find_number, find_position, render_token, take_page
from mrak.services.lambda_ import configuration, errors, functions, packages
from mrak.services.lambda_.capacity_operations import check_provider
from mrak.services.lambda_.references import LATEST, Reference, is_version, parse_reference, version_number
from mrak.services.lambda_.roles import check_role
from mrak.services.lambda_.signing_operations import attach, check_signing_config
from mrak.services.lambda_.tables import ALIASES, FUNCTIONS, VERSIONS, Version
from mrak.services.lambda_.url_plane import package_location

_PAGE = 50
_VERSIONS_PAGE = 50


@operation("CreateFunction")
async def create_function(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    named = parse_reference(ctx.scope, req["FunctionName"])
    ref = Reference(named.scope, named.name, "")
    configuration.check_name(ref.name)
    if ref.scope.account != ctx.scope.account:
        raise ApiError("AccessDeniedException", "", 403)  # without a message (recorded: test_function_arns)
    config = configuration.parse_new(ref.name, req)
    tags = req.get("Tags", {})
    check_tag_count(tags)
    functions.check_layer_regions(ref.scope, config.get("Layers", []))
    await ctx.transact(lambda tx: _check_absent(tx, ref))
    package = await packages.store(ctx, req["Code"], "CreateFunction")

    def create(tx: Transaction) -> Version:
        check_role(ctx, tx, config["Role"])
        check_provider(tx, ref.scope, config)
        version = functions.create(ctx, tx, ref, config, package, tags)
        if "CodeSigningConfigArn" in req:
            check_signing_config(tx, ref.scope, req["CodeSigningConfigArn"])
            attach(tx, ref.scope, functions.open_function(tx, ref), req["CodeSigningConfigArn"])
        if req.get("Publish"):
            return functions.publish(ctx, tx, ref, functions.open_function(tx, ref), version, None)
        return version

    version = await ctx.transact(create)
    ctx.about(ref.arn)
    # Not qualified even where it was published at once (recorded: test_invocation_with_qualifier).
    return configuration.render(ctx, ref.scope, version, status="Pending")


def _check_absent(tx: Transaction, ref: Reference) -> None:
    if FUNCTIONS.get(tx, ref.scope, ref.name) is not None:
        raise errors.function_exists(ref.name)


def check_tag_count(tags: dict[str, str]) -> None:
    if len(tags) > 50:
        raise errors.invalid("Number of tags exceeds resource tag limit.")


@operation("GetFunction")
def get_function(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    ref = parse_reference(ctx.scope, req["FunctionName"], req.get("Qualifier"))
    version = functions.require_version(tx, ref)
    function = functions.require(tx, ref)
    answer: dict[str, Any] = {
        "Configuration": configuration.render(ctx, ref.scope, version, ref.qualifier),
        "Code": _render_code(ctx, version),
    }
    if ref.qualifier:
        # What is the function's own is not told of a version, $LATEST by its name included (recorded).
        return answer
    if function.tags:
        answer["Tags"] = function.tags
    if function.reserved is not None:
        answer["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved}
    return answer


def _render_code(ctx: Context, version: Version) -> dict[str, Any]:
    if not version.image_uri:
        return {"RepositoryType": "S3"} | package_location(ctx, version.code_id)
    repository = version.image_uri.partition("@")[0]
    if ":" in repository.rpartition("/")[2]:
        repository = repository.rpartition(":")[0]
    resolved = f"{repository}@sha256:{version.code_sha256}"
    return {"RepositoryType": "ECR", "ImageUri": version.image_uri, "ResolvedImageUri": resolved}


@operation("GetFunctionConfiguration")
def get_function_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    ref = parse_reference(ctx.scope, req["FunctionName"], req.get("Qualifier"))
    return configuration.render(ctx, ref.scope, functions.require_version(tx, ref), ref.qualifier)


@operation("ListFunctions")
def list_functions(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    after = _position(req)
    size = min(req.get("MaxItems", _PAGE), _PAGE)
    page, token = take_page(FUNCTIONS.scan(tx, ctx.scope, after=after), size, lambda row: row.name)
    shown = []
    for function in page:
        if req.get("FunctionVersion") == "ALL":
            shown += [_listed(ctx, version) for version in VERSIONS.scan(tx, ctx.scope, function.name)]
            continue
        latest = VERSIONS.get(tx, ctx.scope, function.name, 0)
        assert latest is not None
        shown.append(_without_state(configuration.render(ctx, ctx.scope, latest)))
    return {"Functions": shown} | ({"NextMarker": token} if token else {})


def _listed(ctx: Context, version: Version) -> dict[str, Any]:
    return _without_state(configuration.render(ctx, ctx.scope, version, version.label))


def _without_state(shown: dict[str, Any]) -> dict[str, Any]:
    """Lists do not show states and runtime versions (API_ListFunctions)."""
    hidden = ("State", "LastUpdateStatus", "RuntimeVersionConfig")
    return {member: value for member, value in shown.items() if member not in hidden}


def _position(req: dict[str, Any]) -> str | None:
    if not req.get("Marker"):
        return None
    position = find_position(req["Marker"])
    if position is None:
        raise errors.invalid("Invalid pagination token.")
    return position


@operation("UpdateFunctionCode")
async def update_function_code(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    ref = _unqualified(ctx, req)
    latest = await ctx.transact(lambda tx: functions.require_latest(tx, ref))
    functions.check_revision(req, latest.revision_id)
    if "ImageUri" in req and latest.config["PackageType"] == "Zip":
        raise errors.invalid("Please don't provide ImageUri when updating a function with packageType Zip.")
    if "ImageUri" not in req and latest.config["PackageType"] == "Image":
        raise errors.invalid("Please provide ImageUri when updating a function with packageType Image.")
    package = await packages.store(ctx, req, "UpdateFunctionCode")

    def update(tx: Transaction) -> Version:
        function = functions.open_function(tx, ref)
        old = functions.require_latest(tx, ref)
        functions.check_revision(req, old.revision_id)
        config = old.config | {"Architectures": req.get("Architectures", old.config["Architectures"])}
        if req.get("DryRun"):
            return old
        new = functions.change(
            ctx, tx, ref, old, config=config, code_id=package.code_id, code_bytes=package.code_bytes,
            code_sha256=package.sha256, code_folder=package.folder, image_uri=package.image_uri,
        )  # fmt: skip
        return functions.publish(ctx, tx, ref, function, new, None) if req.get("Publish") else new

    version = await ctx.transact(update)
    if version.number:
        # What was published at once is being created (recorded: test_publish_with_update).
        return configuration.render(ctx, ref.scope, version, version.label, status="Pending")
    return configuration.render(ctx, ref.scope, version, status="InProgress")


@operation("UpdateFunctionConfiguration")
def update_function_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    ref = _unqualified(ctx, req)
    functions.open_function(tx, ref)
    old = functions.require_latest(tx, ref)
    functions.check_revision(req, old.revision_id)
    config = configuration.parse_changes(ref.name, old.config, req)
    if "Role" in req:
        check_role(ctx, tx, config["Role"])
    check_provider(tx, ref.scope, config)
    new = functions.change(ctx, tx, ref, old, config=functions.with_layer_sizes(tx, ref.scope, config))
    return configuration.render(ctx, ref.scope, new, status="InProgress")


def _unqualified(ctx: Context, req: dict[str, Any]) -> Reference:
    named = parse_reference(ctx.scope, req["FunctionName"])
    return Reference(named.scope, named.name, "")


@operation("DeleteFunction")
async def delete_function(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    ref = parse_reference(ctx.scope, req["FunctionName"], req.get("Qualifier"))
    if ref.qualifier == LATEST:
        raise errors.invalid("$LATEST version cannot be deleted without deleting the function.")
    if ref.qualifier and not is_version(ref.qualifier):
        raise errors.invalid("Deletion of aliases is not currently supported.")

    def delete(tx: Transaction) -> None:
        if ref.qualifier:
            _delete_version(ctx, tx, ref)
        else:
            functions.delete(tx, ref)

    await ctx.transact(delete)
    bare = Reference(ref.scope, ref.name, "")
    ctx.part("lambdas").retire(f"{ref.scope.environment}|{bare.arn}")
    return {"StatusCode": 204}


def _delete_version(ctx: Context, tx: Transaction, ref: Reference) -> None:
    function = functions.open_function(tx, ref)
    version = VERSIONS.get(tx, ref.scope, ref.name, version_number(ref.qualifier))
    if version is None:
        return  # AWS answers 204 for a version that is not there
    holders = [
        alias.alias
        for alias in ALIASES.scan(tx, ref.scope, ref.name)
        if alias.version == ref.qualifier or ref.qualifier in alias.weights
    ]
    if holders:
        names = ", ".join(holders)
        raise errors.conflict(
            f"Version {ref.qualifier} cannot be deleted: it is referenced by the following aliases: [{names}]"
        )
    VERSIONS.delete(tx, ref.scope, version)
    if version.number == function.last_version:
        functions.revise(ctx, tx, ref)


@operation("PublishVersion")
def publish_version(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    ref = _unqualified(ctx, req)
    function = functions.open_function(tx, ref)
    latest = functions.require_latest(tx, ref)
    functions.check_revision(req, latest.revision_id)
    wanted = req.get("CodeSha256")
    if wanted and wanted != latest.code_sha256:
        raise errors.invalid(
            f"CodeSHA256 ({wanted}) is different from current CodeSHA256 in $LATEST ({latest.code_sha256}). "
            "Please try again with the CodeSHA256 in $LATEST."
        )
    version = functions.publish(ctx, tx, ref, function, latest, req.get("Description"))
    return configuration.render(ctx, ref.scope, version, version.label)


@operation("ListVersionsByFunction")
def list_versions_by_function(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    ref = _unqualified(ctx, req)
    functions.require(tx, ref)
    after = find_number(req["Marker"]) if req.get("Marker") else None
    if req.get("Marker") and after is None:
        raise errors.invalid("Invalid pagination token.")
    size = min(req.get("MaxItems", _VERSIONS_PAGE), _VERSIONS_PAGE)
    rows = list(VERSIONS.scan(tx, ref.scope, ref.name, after=after, limit=size + 1))
    answer: dict[str, Any] = {"Versions": [_listed(ctx, version) for version in rows[:size]]}
    if len(rows) > size:
        answer["NextMarker"] = render_token(str(rows[size - 1].number))
    return answer
