"""The auto scaling of provisioned global tables, whose settings are Application Auto Scaling's targets and policies in
each member's region.

A table gets replicas only if its writes scale and those of its global indexes. A new replica gets the settings of the
member that it was made from. A group that turns to provisioned capacity gets settings of AWS's choice.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.dynamodb import errors
from mrak.services.dynamodb.tables import TABLES, TableRecord

if TYPE_CHECKING:
    from mrak.services.application_autoscaling.exports import Scaling

READ, WRITE = "Read", "Write"
_MOST_UNITS = 40_000
_PERCENT = 70.0
_LOWEST_TARGET, _HIGHEST_TARGET = 10.0, 90.0
_SHOWN = ("DisableScaleIn", "ScaleInCooldown", "ScaleOutCooldown", "TargetValue")


def _resource(name: str, index: str | None) -> str:
    return f"table/{name}" if index is None else f"table/{name}/index/{index}"


def _dimension(index: str | None, kind: str) -> str:
    return f"dynamodb:{'table' if index is None else 'index'}:{kind}CapacityUnits"


def _parts(record: TableRecord) -> Iterator[str | None]:
    """The table itself and its global indexes."""
    yield None
    for index in record.indexes:
        if index.is_global:
            yield index.name


def _find(tx: Transaction, scope: Scope, name: str, index: str | None, kind: str) -> Scaling | None:
    from mrak.services.application_autoscaling import exports as autoscaling  # only provisioned global tables need it

    return autoscaling.find(tx, scope, _resource(name, index), _dimension(index, kind))


def _tracking(kind: str, target: Mapping[str, Any]) -> dict[str, Any]:
    metric = {"PredefinedMetricType": f"DynamoDB{kind}CapacityUtilization"}
    return {**target, "PredefinedMetricSpecification": metric}


def check_scaled(tx: Transaction, scope: Scope, record: TableRecord) -> None:
    for index in _parts(record):
        scaling = _find(tx, scope, record.name, index, WRITE)
        if scaling is None or not scaling.policies:
            raise not_scaled("Table" if index is None else "GSI")


def not_scaled(what: str = "Table") -> Exception:
    return errors.invalid(f"{what} write capacity should either be Pay-Per-Request or AutoScaled.")


def copy(ctx: Context, tx: Transaction, scope: Scope, there: Scope, record: TableRecord) -> None:
    """Gives a new replica the settings of the member that it is made from."""
    from mrak.services.application_autoscaling import exports as autoscaling

    for index in _parts(record):
        for kind in (READ, WRITE):
            scaling = _find(tx, scope, record.name, index, kind)
            if scaling is not None:
                autoscaling.register(ctx, tx, there, _resource(record.name, index), _dimension(index, kind), scaling)


def begin(ctx: Context, tx: Transaction, scope: Scope, name: str) -> None:
    """Settings for a member that turns to provisioned capacity, in place of those that it had."""
    record = TABLES.get(tx, scope, name)
    assert record is not None
    units = {index.name: (index.read_units, index.write_units) for index in record.indexes}
    for index in _parts(record):
        counts = (record.read_units, record.write_units) if index is None else units[index]
        for kind, count in zip((READ, WRITE), counts, strict=True):
            target = {"MinimumUnits": count, "MaximumUnits": _MOST_UNITS}
            tracking = {"TargetTrackingScalingPolicyConfiguration": {"TargetValue": _PERCENT}}
            change(ctx, tx, scope, name, index, kind, {**target, "ScalingPolicyUpdate": tracking})


def change(
    ctx: Context, tx: Transaction, scope: Scope, name: str, index: str | None, kind: str, settings: Mapping[str, Any]
) -> None:
    """Makes AutoScalingSettingsUpdate hold for one member."""
    from mrak.services.application_autoscaling import exports as autoscaling

    resource, dimension = _resource(name, index), _dimension(index, kind)
    if settings.get("AutoScalingDisabled"):
        autoscaling.remove(tx, scope, resource, dimension)
        return
    policy = settings["ScalingPolicyUpdate"]
    tracking = _tracking(kind, policy["TargetTrackingScalingPolicyConfiguration"])
    policies = {policy.get("PolicyName", f"DynamoDB{kind}CapacityUtilization:{resource}"): tracking}
    wanted = autoscaling.Scaling(settings["MinimumUnits"], settings["MaximumUnits"], policies)
    _check(ctx, kind, wanted)
    autoscaling.register(ctx, tx, scope, resource, dimension, wanted)


def _check(ctx: Context, kind: str, wanted: Scaling) -> None:
    """What Application Auto Scaling refuses, which DynamoDB passes on with its marks."""
    if wanted.minimum > wanted.maximum:
        raise _passed_on(ctx, "Maximum capacity cannot be less than minimum capacity")
    for tracking in wanted.policies.values():
        target = float(tracking["TargetValue"])
        if not _LOWEST_TARGET <= target <= _HIGHEST_TARGET:
            raise _passed_on(
                ctx,
                f"For predefined metric type DynamoDB{kind}CapacityUtilization, target value must be between "
                f"'{_LOWEST_TARGET}' and '{_HIGHEST_TARGET}', but was '{target}'.",
            )


def _passed_on(ctx: Context, message: str) -> Exception:
    return errors.invalid(
        f"{message} (Service: AWSApplicationAutoScaling; Status Code: 400; Error Code: ValidationException; "
        f"Request ID: {ctx.draw.uuid()}; Proxy: null)"
    )


def settings_of(tx: Transaction, scope: Scope, record: TableRecord, index: str | None, kind: str) -> dict[str, Any]:
    """AutoScalingSettingsDescription: what has no policy does not scale, and what is on demand keeps its settings."""
    scaling = _find(tx, scope, record.name, index, kind)
    if scaling is None or not scaling.policies:
        return {"AutoScalingDisabled": True, "ScalingPolicies": []}
    out: dict[str, Any] = {
        "MinimumUnits": scaling.minimum,
        "MaximumUnits": scaling.maximum,
        "AutoScalingRoleArn": scaling.role,
        "ScalingPolicies": [
            {
                "PolicyName": name,
                "TargetTrackingScalingPolicyConfiguration": {it: tracking[it] for it in _SHOWN if it in tracking},
            }
            for name, tracking in scaling.policies.items()
        ],
    }
    return out if record.is_provisioned else {**out, "AutoScalingDisabled": True}
