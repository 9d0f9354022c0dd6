"""The Parameter Store's operations.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.core.page import find_number, find_position, take_page
from mrak.lang.hashorder import in_hash_order
from mrak.services.ssm import changes, errors, filters, parameters, policies, secretreferences
from mrak.services.ssm.tables import PARAMETERS, VERSIONS, Parameter, Version

_MOST_VERSIONS = 100
_MOST_LABELS = 10
_LABEL = re.compile(r"[A-Za-z_.-][A-Za-z0-9_.-]{0,99}")


@operation("PutParameter")
def put_parameter(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    parameters.check_name(parameters.full_name(req["Name"]))
    parameters.check_value(req)
    name = parameters.stored_name(tx, ctx.scope, req["Name"])
    old = PARAMETERS.open(tx, ctx.scope, name)
    if old is not None and not req.get("Overwrite"):
        raise errors.already_exists()
    if old is not None and req.get("Tags"):
        raise errors.validation(
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please "
            "remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or "
            "RemoveTagsFromResource."
        )
    kind = req.get("Type") or (old.kind if old is not None else "")
    if kind not in parameters.KINDS:
        raise errors.validation("A parameter type is required when you create a parameter.")
    before = None if old is None else parameters.require(tx, ctx.scope, name)[0]
    if kind == "SecureString" and "KeyId" in req:
        parameters.check_key(ctx, tx, req["KeyId"])
    version = _new_version(ctx, req, name, kind, before)
    VERSIONS.lock(tx, ctx.scope, name)
    VERSIONS.insert(tx, ctx.scope, version)
    tags = parameters.parse_tags({}, req.get("Tags", [])) if old is None else old.tags
    fresh = Parameter(name=name, version=version.version, kind=kind, tags=tags)
    if old is None:
        PARAMETERS.insert(tx, ctx.scope, fresh)
    else:
        PARAMETERS.replace(tx, ctx.scope, old, fresh)
        _drop_oldest(ctx, tx, name, version.version)
    policies.arm(ctx, tx, version)
    changes.tell(ctx, tx, "Create" if old is None else "Update", version)
    return {"Version": version.version, "Tier": version.tier}


def _new_version(ctx: Context, req: dict[str, Any], name: str, kind: str, before: Version | None) -> Version:
    """A parameter stays advanced, and keeps what describes it, unless something else is given."""
    old_key = before.key_id if before is not None and before.kind == kind else parameters.DEFAULT_KEY
    tier = req.get("Tier") or ("Standard" if before is None else before.tier)
    given = req.get("Policies", "" if before is None else before.policies)
    if tier == "Intelligent-Tiering":
        is_large = len(req["Value"].encode()) > 4096
        was_advanced = before is not None and before.tier == "Advanced"
        tier = "Advanced" if is_large or was_advanced or given else "Standard"
    if before is not None and (before.tier, tier) == ("Advanced", "Standard"):
        raise errors.lower_tier()
    kept = policies.parse(given, tier)
    pattern = req.get("AllowedPattern", "" if before is None else before.allowed_pattern)
    parameters.check_pattern(pattern, req["Value"])
    return Version(
        name=name,
        version=1 if before is None else before.version + 1,
        kind=kind,
        value=req["Value"],
        modified_at=ctx.now,
        modified_by=ctx.principal.arn,
        description=req.get("Description", "" if before is None else before.description),
        key_id=req.get("KeyId", old_key) if kind == "SecureString" else "",
        allowed_pattern=pattern,
        tier=tier,
        data_type=req.get("DataType", "text" if before is None else before.data_type),
        policies=msgspec.json.encode(kept).decode() if kept else "",
    )


def _drop_oldest(ctx: Context, tx: Transaction, name: str, newest: int) -> None:
    """A parameter keeps a hundred versions, and those that have labels."""
    for version in list(VERSIONS.scan(tx, ctx.scope, name, upto=newest - _MOST_VERSIONS)):
        if version.labels:
            raise errors.labelled_version(name, version.version)
        VERSIONS.delete(tx, ctx.scope, version)


@operation("GetParameter")
def get_parameter(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    decrypted = req.get("WithDecryption", False)
    if secretreferences.is_reference(req["Name"]):
        if not decrypted:
            raise errors.secret_sealed()
        found = secretreferences.find(ctx, tx, req["Name"])
        if found is None:
            raise secretreferences.not_found(req["Name"])
        return {"Parameter": found}
    version, selector = parameters.require(tx, ctx.scope, req["Name"])
    return {"Parameter": parameters.show(ctx, tx, version, selector, decrypted)}


@operation("GetParameters")
def get_parameters(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """By name; what is asked for twice is shown once."""
    found, missing, decrypted = [], [], req.get("WithDecryption", False)
    for name in in_hash_order(dict.fromkeys(req["Names"])):
        shown = None
        if secretreferences.is_reference(name):
            shown = _find_secret(ctx, tx, name) if decrypted else None
        elif (parameter := _find(ctx, tx, name)) is not None:
            shown = parameters.show(ctx, tx, *parameter, decrypted)
        if shown is None:
            missing.append(name)
        else:
            found.append(shown)
    return {"Parameters": sorted(found, key=lambda shown: str(shown["Name"])), "InvalidParameters": sorted(missing)}


def _find_secret(ctx: Context, tx: Transaction, reference: str) -> dict[str, Any] | None:
    """As `secretreferences.find`; one that says too much after the name is among the invalid names too."""
    return secretreferences.find(ctx, tx, reference) if reference.count(":") < 2 else None


def _find(ctx: Context, tx: Transaction, selector: str) -> tuple[Version, str] | None:
    """As `parameters.find`; a version that is not there is among the invalid names too."""
    try:
        return parameters.find(tx, ctx.scope, selector)
    except ApiError as error:
        if error.code != "ParameterVersionNotFound":
            raise
        return None


@operation("GetParametersByPath")
def get_parameters_by_path(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    if not req["Path"].startswith("/"):
        raise errors.malformed_path()
    after, fits = _position(req), filters.by_path(req)
    is_labelled = any(wanted["Key"] == "Label" for wanted in req.get("ParameterFilters", []))
    versions = (
        version
        for row in parameters.under(tx, ctx.scope, req["Path"], req.get("Recursive", False))
        if after is None or row.name > after
        for version in _candidates(ctx, tx, row, is_labelled)
        if fits(row, version)
    )
    page, token = take_page(versions, req.get("MaxResults", 10), lambda version: version.name)
    decrypted = req.get("WithDecryption", False)
    answer: dict[str, Any] = {"Parameters": [parameters.show(ctx, tx, found, "", decrypted) for found in page]}
    if token is not None:
        answer["NextToken"] = token
    return answer


def _candidates(ctx: Context, tx: Transaction, row: Parameter, is_labelled: bool) -> list[Version]:
    """The current version; where a label is asked for, the one that has it."""
    if is_labelled:
        return list(VERSIONS.scan(tx, ctx.scope, row.name))
    return [parameters.require(tx, ctx.scope, row.name)[0]]


@operation("DescribeParameters")
def describe_parameters(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    after = _position(req)
    fits = filters.describing(req)
    versions = (
        version
        for row in PARAMETERS.scan(tx, ctx.scope, after=after)
        if fits(row, version := parameters.require(tx, ctx.scope, row.name)[0])
    )
    page, token = take_page(versions, req.get("MaxResults", 50), lambda version: version.name)
    answer: dict[str, Any] = {"Parameters": [_metadata(ctx, version) for version in page]}
    if token is not None:
        answer["NextToken"] = token
    return answer


@operation("DeleteParameter")
def delete_parameter(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    if not _delete(ctx, tx, req["Name"]):
        raise errors.parameter_not_found()


@operation("DeleteParameters")
def delete_parameters(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    gone = {name: _delete(ctx, tx, name) for name in req["Names"]}
    return {
        "DeletedParameters": [name for name, was_there in gone.items() if was_there],
        "InvalidParameters": [name for name, was_there in gone.items() if not was_there],
    }


def _delete(ctx: Context, tx: Transaction, name_or_arn: str) -> bool:
    name = parameters.stored_name(tx, ctx.scope, name_or_arn)
    row = PARAMETERS.open(tx, ctx.scope, name)
    if row is None:
        return False
    changes.tell(ctx, tx, "Delete", parameters.require(tx, ctx.scope, name)[0])
    PARAMETERS.delete(tx, ctx.scope, row)
    VERSIONS.delete_all(tx, ctx.scope, name)
    return True


@operation("GetParameterHistory")
def get_parameter_history(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name = parameters.stored_name(tx, ctx.scope, req["Name"])
    if PARAMETERS.get(tx, ctx.scope, name) is None:
        raise errors.parameter_not_found()
    after = find_number(req["NextToken"]) if "NextToken" in req else 0
    if after is None:
        raise errors.invalid_token(req["NextToken"])
    rows = VERSIONS.scan(tx, ctx.scope, name, after=after)
    page, token = take_page(rows, req.get("MaxResults", 50), lambda row: str(row.version))
    decrypted = req.get("WithDecryption", False)
    answer: dict[str, Any] = {"Parameters": [_render_history(ctx, row, decrypted) for row in page]}
    if token is not None:
        answer["NextToken"] = token
    return answer


def _metadata(ctx: Context, version: Version) -> dict[str, Any]:
    return parameters.render_metadata(ctx.scope, version) | {"Policies": policies.render(version, ctx.now)}


def _render_history(ctx: Context, version: Version, decrypted: bool) -> dict[str, Any]:
    shown = parameters.render_metadata(ctx.scope, version) | {"Policies": policies.render_history(version)}
    del shown["ARN"]
    value = parameters.render(ctx.scope, version, "", decrypted)["Value"]
    return shown | {"Value": value, "Labels": in_hash_order(version.labels)}


@operation("LabelParameterVersion")
def label_parameter_version(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name = parameters.stored_name(tx, ctx.scope, req["Name"])
    row = PARAMETERS.get(tx, ctx.scope, name)
    if row is None:
        raise errors.parameter_not_found()
    number = req.get("ParameterVersion", row.version)
    VERSIONS.lock(tx, ctx.scope, name)
    version = VERSIONS.get(tx, ctx.scope, name, number)
    if version is None:
        raise errors.version_not_found(name, str(number))
    wanted = list(dict.fromkeys(req["Labels"]))
    invalid = [label for label in wanted if label.lower().startswith(("aws", "ssm")) or not _LABEL.fullmatch(label)]
    valid = [label for label in wanted if label not in invalid]
    if len(set(version.labels) | set(valid)) > _MOST_LABELS:
        raise errors.label_limit()
    before = dict.fromkeys(valid, "")
    for other in list(VERSIONS.scan(tx, ctx.scope, name)):
        before |= {label: str(other.version) for label in valid if label in other.labels}
        kept = [label for label in other.labels if label not in valid]
        if other.version == number:
            kept += valid
        if kept != other.labels:
            VERSIONS.replace(tx, ctx.scope, other, msgspec.structs.replace(other, labels=kept))
    for label, old in before.items():
        if old != str(number):
            changes.tell_label(ctx, tx, version, label, old)
    return {"InvalidLabels": in_hash_order(invalid), "ParameterVersion": number}


@operation("UnlabelParameterVersion")
def unlabel_parameter_version(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name = parameters.stored_name(tx, ctx.scope, req["Name"])
    if PARAMETERS.get(tx, ctx.scope, name) is None:
        raise errors.parameter_not_found()
    version = VERSIONS.open(tx, ctx.scope, name, req["ParameterVersion"])
    if version is None:
        raise errors.version_not_found(name, str(req["ParameterVersion"]))
    removed = [label for label in req["Labels"] if label in version.labels]
    kept = [label for label in version.labels if label not in removed]
    VERSIONS.replace(tx, ctx.scope, version, msgspec.structs.replace(version, labels=kept))
    return {"RemovedLabels": removed, "InvalidLabels": [label for label in req["Labels"] if label not in removed]}


@operation("AddTagsToResource")
def add_tags_to_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _retag(ctx, tx, req, lambda tags: parameters.parse_tags(tags, req["Tags"]))


@operation("RemoveTagsFromResource")
def remove_tags_from_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _retag(ctx, tx, req, lambda tags: {name: value for name, value in tags.items() if name not in req["TagKeys"]})


@operation("ListTagsForResource")
def list_tags_for_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    row = _require_tagged(ctx, tx, req)
    return {"TagList": [{"Key": name, "Value": value} for name, value in row.tags.items()]}


def _retag(ctx: Context, tx: Transaction, req: dict[str, Any], change: Any) -> None:
    row = _require_tagged(ctx, tx, req)
    PARAMETERS.lock(tx, ctx.scope, row.name)
    PARAMETERS.replace(tx, ctx.scope, row, msgspec.structs.replace(row, tags=change(row.tags)))


def _require_tagged(ctx: Context, tx: Transaction, req: dict[str, Any]) -> Parameter:
    if req["ResourceType"] != "Parameter":
        raise errors.validation(f"mrak keeps tags of parameters only, not of {req['ResourceType']}.")
    row = PARAMETERS.get(tx, ctx.scope, parameters.stored_name(tx, ctx.scope, req["ResourceId"]))
    if row is None:
        raise errors.invalid_resource_id()
    return row


def _position(req: dict[str, Any]) -> str | None:
    if "NextToken" not in req:
        return None
    position = find_position(req["NextToken"])
    if position is None:
        raise errors.invalid_token(req["NextToken"])
    return position
