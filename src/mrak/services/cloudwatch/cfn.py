"""AWS::CloudWatch::*: alarms and dashboards in templates."""

from __future__ import annotations

from typing import Any

from mrak.core.resource import Resource, ResourceType, resource


class _AlarmType(ResourceType):
    name = "AlarmName"
    longest_name = 255
    attributes = {"Arn": "arn:{partition}:cloudwatch:{region}:{account}:alarm:{id}"}

    async def delete(self, res: Resource) -> None:
        await res.call("DeleteAlarms", {"AlarmNames": [res.physical_id]})


@resource("AWS::CloudWatch::Alarm")
class Alarm(_AlarmType):
    required = ("ComparisonOperator", "EvaluationPeriods")
    replacement = ("AlarmName",)
    create_operation = "PutMetricAlarm"
    update_operation = "PutMetricAlarm"


@resource("AWS::CloudWatch::CompositeAlarm")
class CompositeAlarm(_AlarmType):
    required = ("AlarmRule",)
    replacement = ("AlarmName",)
    create_operation = "PutCompositeAlarm"
    update_operation = "PutCompositeAlarm"


@resource("AWS::CloudWatch::Dashboard")
class Dashboard(ResourceType):
    name = "DashboardName"
    longest_name = 255
    required = ("DashboardBody",)
    replacement = ("DashboardName",)
    create_operation = "PutDashboard"
    update_operation = "PutDashboard"

    async def delete(self, res: Resource) -> None:
        names: dict[str, Any] = {"DashboardNames": [res.physical_id]}
        await res.call("DeleteDashboards", names)
