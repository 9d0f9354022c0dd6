"""The auto scaling of provisioned global tables, whose settings are Application Auto Scaling's targets and policies in
each member's region.

A table gets replicas only if its writes scale and those of its global indexes. A new replica gets the settings of the
member that it was made from. A group that turns to provisioned capacity gets settings of AWS's choice.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Dimension:
    """Reads or writes of a table or of one of its global indexes."""

    table: str
    index: str | None
    kind: str

    @property
    def resource(self) -> str:
        return f"table/{self.table}" if self.index is None else f"table/{self.table}/index/{self.index}"

    @property
    def name(self) -> str:
        return f"dynamodb:{'table' if self.index is None else 'index'}:{self.kind}CapacityUnits"

    def tracking(self, target: Mapping[str, Any]) -> dict[str, Any]:
        metric = {"PredefinedMetricType": f"DynamoDB{self.kind}CapacityUtilization"}
        return {**target, "PredefinedMetricSpecification": metric}


def _dimensions(record: TableRecord, *kinds: str) -> Iterator[Dimension]:
    for index in (None, *(it.name for it in record.indexes if it.is_global)):
        for kind in kinds:
            yield Dimension(record.name, index, kind)


def _find(tx: Transaction, scope: Scope, it: Dimension) -> Scaling | None:
    from mrak.services.application_autoscaling import exports as autoscaling  # only provisioned global tables need it

    return autoscaling.find(tx, scope, it.resource, it.name)


def check_scaled(tx: Transaction, scope: Scope, record: TableRecord) -> None:
    for it in _dimensions(record, WRITE):
        scaling = _find(tx, scope, it)
        if scaling is None or not scaling.policies:
            raise not_scaled("Table" if it.index is None else "GSI")


def not_scaled(what: str = "Table") -> Exception:
    return errors.invalid(f"{what} write capacity should either be Pay-Per-Request or AutoScaled.")


def copy(ctx: Context, tx: Transaction, scope: Scope, there: Scope, record: TableRecord) -> None:
    """Gives a new replica the settings of the member that it is made from."""
    from mrak.services.application_autoscaling import exports as autoscaling

    for it in _dimensions(record, READ, WRITE):
        scaling = _find(tx, scope, it)
        if scaling is not None:
            autoscaling.register(ctx, tx, there, it.resource, it.name, scaling)


def begin(ctx: Context, tx: Transaction, scope: Scope, name: str) -> None:
    """Settings for a member that turns to provisioned capacity, in place of those that it had."""
    record = TABLES.get(tx, scope, name)
    assert record is not None
    indexes = {index.name: index for index in record.indexes}
    tracking = {"TargetTrackingScalingPolicyConfiguration": {"TargetValue": _PERCENT}}
    for it in _dimensions(record, READ, WRITE):
        owner = record if it.index is None else indexes[it.index]
        units = owner.read_units if it.kind == READ else owner.write_units
        wanted = {"MinimumUnits": units, "MaximumUnits": _MOST_UNITS, "ScalingPolicyUpdate": tracking}
        change(ctx, tx, scope, it, wanted)


def change(ctx: Context, tx: Transaction, scope: Scope, it: Dimension, settings: Mapping[str, Any]) -> None:
    """Makes AutoScalingSettingsUpdate hold for one member."""
    from mrak.services.application_autoscaling import exports as autoscaling

    if settings.get("AutoScalingDisabled"):
        autoscaling.remove(tx, scope, it.resource, it.name)
        return
    policy = settings["ScalingPolicyUpdate"]
    tracking = it.tracking(policy["TargetTrackingScalingPolicyConfiguration"])
    policies = {policy.get("PolicyName", f"DynamoDB{it.kind}CapacityUtilization:{it.resource}"): tracking}
    wanted = autoscaling.Scaling(settings["MinimumUnits"], settings["MaximumUnits"], policies)
    _check(ctx, it.kind, wanted)
    autoscaling.register(ctx, tx, scope, it.resource, it.name, wanted)


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
    scaling = _find(tx, scope, Dimension(record.name, index, kind))
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
