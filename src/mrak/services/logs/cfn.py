"""AWS::Logs::*: log groups and what hangs on them, in templates."""

from __future__ import annotations

from mrak.core.resource import Resource, ResourceType, resource


@resource("AWS::Logs::LogGroup")
class LogGroup(ResourceType):
    name = "LogGroupName"
    longest_name = 512
    replacement = ("LogGroupName",)
    delete_operation = "DeleteLogGroup"
    identity = {"logGroupName": "{id}"}
    attributes = {"Arn": "arn:{partition}:logs:{region}:{account}:log-group:{id}:*"}
    tag_identity = {"resourceArn": "arn:{partition}:logs:{region}:{account}:log-group:{id}"}

    async def create(self, res: Resource) -> None:
        await res.call("CreateLogGroup", {**self.input(res), "LogGroupName": res.name})
        res.physical_id = res.name
        await self._retain(res)
        await self.learn(res, {})

    async def update(self, res: Resource) -> None:
        if res.changed("RetentionInDays"):
            await self._retain(res)
        await self.retag(res)

    async def _retain(self, res: Resource) -> None:
        group = {"logGroupName": res.physical_id}
        if "RetentionInDays" in res.properties:
            await res.call("PutRetentionPolicy", {**group, "RetentionInDays": res.properties["RetentionInDays"]})
        elif "RetentionInDays" in res.old_properties:
            await res.call("DeleteRetentionPolicy", group)


@resource("AWS::Logs::LogStream")
class LogStream(ResourceType):
    name = "LogStreamName"
    longest_name = 512
    required = ("LogGroupName",)
    replacement = ("LogStreamName", "LogGroupName")
    create_operation = "CreateLogStream"
    delete_operation = "DeleteLogStream"
    identity = {"logStreamName": "{id}"}
    parents = ("LogGroupName",)


@resource("AWS::Logs::MetricFilter")
class MetricFilter(ResourceType):
    name = "FilterName"
    longest_name = 512
    required = ("FilterPattern", "LogGroupName", "MetricTransformations")
    replacement = ("FilterName", "LogGroupName")
    create_operation = "PutMetricFilter"
    update_operation = "PutMetricFilter"
    delete_operation = "DeleteMetricFilter"
    identity = {"filterName": "{id}"}
    parents = ("LogGroupName",)


@resource("AWS::Logs::SubscriptionFilter")
class SubscriptionFilter(ResourceType):
    name = "FilterName"
    longest_name = 512
    required = ("DestinationArn", "FilterPattern", "LogGroupName")
    replacement = ("FilterName", "LogGroupName")
    create_operation = "PutSubscriptionFilter"
    update_operation = "PutSubscriptionFilter"
    delete_operation = "DeleteSubscriptionFilter"
    identity = {"filterName": "{id}"}
    parents = ("LogGroupName",)


@resource("AWS::Logs::ResourcePolicy")
class ResourcePolicy(ResourceType):
    name = "PolicyName"
    required = ("PolicyName", "PolicyDocument")
    replacement = ("PolicyName",)
    create_operation = "PutResourcePolicy"
    update_operation = "PutResourcePolicy"
    delete_operation = "DeleteResourcePolicy"
    identity = {"policyName": "{id}"}
