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


@resource("AWS::CloudWatch::AnomalyDetector")
class AnomalyDetector(ResourceType):
    replacement = (
        "Namespace", "MetricName", "Stat", "Dimensions", "SingleMetricAnomalyDetector", "MetricMathAnomalyDetector",
    )  # fmt: skip
    create_operation = "PutAnomalyDetector"
    update_operation = "PutAnomalyDetector"
    attributes = {"Id": "{id}"}

    async def create(self, res: Resource) -> None:
        await res.call("PutAnomalyDetector", self.input(res))
        res.physical_id = res.token
        await self.learn(res, {})

    async def delete(self, res: Resource) -> None:
        await res.call("DeleteAnomalyDetector", dict(res.properties))


@resource("AWS::CloudWatch::InsightRule")
class InsightRule(ResourceType):
    required = ("RuleBody", "RuleName", "RuleState")
    replacement = ("RuleName",)
    create_operation = "PutInsightRule"
    update_operation = "PutInsightRule"
    renamed = {"RuleBody": "RuleDefinition"}
    ref = "{RuleName}"
    parents = ("RuleName",)
    attributes = {"RuleName": "{id}", "Arn": "arn:{partition}:cloudwatch:{region}:{account}:insight-rule/{id}"}

    async def delete(self, res: Resource) -> None:
        await res.call("DeleteInsightRules", {"RuleNames": [res.physical_id]})
