"""AWS::DynamoDB::*: tables in templates."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar

from mrak.core.errors import ApiError
from mrak.core.resource import Resource, ResourceType, resource
from mrak.services.dynamodb import replica_templates

_ACTIVE = ("ACTIVE",)
_IMPORT_ENDS = ("COMPLETED", "FAILED", "CANCELLED")
_AFTER_IMPORT = ("StreamSpecification", "TableClass", "DeletionProtectionEnabled", "WarmThroughput")
# What of an index UpdateTable changes.
_INDEX_UNITS = ("ProvisionedThroughput", "OnDemandThroughput", "WarmThroughput")


@resource("AWS::DynamoDB::Table")
class Table(ResourceType):
    name = "TableName"
    longest_name = 255
    required: ClassVar[tuple[str, ...]] = ("KeySchema",)
    replacement: ClassVar[tuple[str, ...]] = (
        "TableName",
        "KeySchema",
        "LocalSecondaryIndexes",
        "ImportSourceSpecification",
    )
    delete_operation = "DeleteTable"
    identity = {"TableName": "{id}"}
    ref = "{name}"
    attributes = {"Arn": "Table.TableArn", "StreamArn": "Table.LatestStreamArn"}
    tag_identity = {"ResourceArn": "{Arn}"}

    def input(self, res: Resource) -> dict[str, Any]:
        params = super().input(res)
        stream = params.get("StreamSpecification")
        if stream is not None:
            view = {name: value for name, value in stream.items() if name != "ResourcePolicy"}
            params["StreamSpecification"] = {"StreamEnabled": True, **view}
        policy = self.settings(res, res.properties).get("ResourcePolicy")
        if policy is not None:
            params["ResourcePolicy"] = json.dumps(policy["PolicyDocument"])
        encryption = params.get("SSESpecification")
        if encryption is not None:
            enabled = encryption.get("SSEEnabled", False)
            rest = {name: value for name, value in encryption.items() if name != "SSEEnabled"}
            params["SSESpecification"] = {"Enabled": enabled, **rest}
        return params

    def settings(self, res: Resource, properties: dict[str, Any]) -> dict[str, Any]:
        """The properties that are about the table in the stack's region."""
        return properties

    def indexes(self, res: Resource, properties: dict[str, Any]) -> list[dict[str, Any]]:
        """The global indexes, with their units and limits in the stack's region."""
        found: list[dict[str, Any]] = properties.get("GlobalSecondaryIndexes", [])
        return found

    async def create(self, res: Resource) -> None:
        source = res.properties.get("ImportSourceSpecification")
        if source is not None:
            await self._import(res, source)
        else:
            await res.call("CreateTable", self.input(res))
            res.physical_id = res.name
        answer = await self._settled(res)
        new = self.settings(res, res.properties)
        await self._put_settings(res, new, {"ResourcePolicy": new.get("ResourcePolicy")})
        await self.learn(res, answer)

    async def _import(self, res: Resource, source: dict[str, Any]) -> None:
        """A table that is filled from S3; what an import does not take comes after it."""
        params = self.input(res)
        parameters = {name: value for name, value in params.items() if name not in (*_AFTER_IMPORT, "ResourcePolicy")}
        wanted = {**source, "ClientToken": res.token, "TableCreationParameters": parameters}
        started = await res.call("ImportTable", wanted)
        res.physical_id = res.name
        named = {"ImportArn": started["ImportTableDescription"]["ImportArn"]}
        answer = await res.until("DescribeImport", named, "ImportTableDescription.ImportStatus", _IMPORT_ENDS)
        told = answer["ImportTableDescription"]
        if told["ImportStatus"] != "COMPLETED":
            raise ApiError(told.get("FailureCode", "GeneralServiceException"), told.get("FailureMessage", ""))
        for name in _AFTER_IMPORT:
            if name in params:
                await self._change(res, {name: params[name]})
        arn = (await self._settled(res))["Table"]["TableArn"]
        if res.tags:
            await res.call("TagResource", {"ResourceArn": arn, "Tags": res.tags})
        if "ResourcePolicy" in params:
            await res.call("PutResourcePolicy", {"ResourceArn": arn, "Policy": params["ResourcePolicy"]})

    async def _settled(self, res: Resource) -> dict[str, Any]:
        return await res.until("DescribeTable", {"TableName": res.physical_id}, "Table.TableStatus", _ACTIVE)

    async def _put_settings(self, res: Resource, new: dict[str, Any], old: dict[str, Any]) -> None:
        """What tables have by operations of their own."""
        table = {"TableName": res.physical_id}
        expiry, before = new.get("TimeToLiveSpecification"), old.get("TimeToLiveSpecification")
        if _is_on(expiry) != _is_on(before) or (_is_on(expiry) and expiry != before):
            off = {"Enabled": False, "AttributeName": (before or {}).get("AttributeName", "")}
            await res.call("UpdateTimeToLive", {**table, "TimeToLiveSpecification": expiry or off})
        recovery = new.get("PointInTimeRecoverySpecification")
        if recovery != old.get("PointInTimeRecoverySpecification"):
            wanted = recovery or {"PointInTimeRecoveryEnabled": False}
            await res.call("UpdateContinuousBackups", {**table, "PointInTimeRecoverySpecification": wanted})
        await self._put_destination(res, new, old)
        await self._put_insights(res, new, old)
        await self._put_policies(res, new, old)

    async def _put_destination(self, res: Resource, new: dict[str, Any], old: dict[str, Any]) -> None:
        """The stream that the table's changes go to."""
        wanted, known = (it.get("KinesisStreamSpecification") or {} for it in (new, old))
        precisions = [it.get("ApproximateCreationDateTimePrecision") for it in (wanted, known)]
        table, configuration = {"TableName": res.physical_id}, {"ApproximateCreationDateTimePrecision": precisions[0]}
        if wanted.get("StreamArn") != known.get("StreamArn"):
            if known:
                params = {**table, "StreamArn": known["StreamArn"]}
                await res.call("DisableKinesisStreamingDestination", params)
            if wanted:
                options = {"EnableKinesisStreamingConfiguration": configuration} if precisions[0] else {}
                params = {**table, "StreamArn": wanted["StreamArn"], **options}
                await res.call("EnableKinesisStreamingDestination", params)
        elif precisions[0] and precisions[0] != precisions[1]:
            params = {**table, "StreamArn": wanted["StreamArn"], "UpdateKinesisStreamingConfiguration": configuration}
            await res.call("UpdateKinesisStreamingDestination", params)

    async def _put_insights(self, res: Resource, new: dict[str, Any], old: dict[str, Any]) -> None:
        """Of the table, and of its indexes."""
        wanted, known = _insights(new), _insights(old)
        for index, insights in wanted.items():
            if insights != known.get(index, {}):
                action = {"ContributorInsightsAction": "ENABLE" if _is_on(insights) else "DISABLE"}
                mode = {"ContributorInsightsMode": insights["Mode"]} if "Mode" in insights else {}
                named = {"IndexName": index} if index else {}
                request = {"TableName": res.physical_id, **named, **action, **mode}
                await res.call("UpdateContributorInsights", request)

    async def _put_policies(self, res: Resource, new: dict[str, Any], old: dict[str, Any]) -> None:
        """Of the table, and of its stream."""
        changed = [
            (source, policy)
            for source, policy, before in (
                ("TableArn", new.get("ResourcePolicy"), old.get("ResourcePolicy")),
                ("LatestStreamArn", _stream_policy(new), _stream_policy(old)),
            )
            if policy != before
        ]
        if not changed:
            return
        shown = (await self._settled(res))["Table"]
        for source, policy in changed:
            if policy is not None:
                document = json.dumps(policy["PolicyDocument"])
                await res.call("PutResourcePolicy", {"ResourceArn": shown[source], "Policy": document})
            elif source in shown:
                await res.call("DeleteResourcePolicy", {"ResourceArn": shown[source]})

    async def update(self, res: Resource) -> None:
        params = self.input(res)
        await self._delete_indexes(res)
        if res.changed("BillingMode", "ProvisionedThroughput", "OnDemandThroughput"):
            await self._change(res, self._billing(res, params))
        for name in ("StreamSpecification", "SSESpecification", "TableClass", "DeletionProtectionEnabled"):
            if res.changed(name) and (name != "StreamSpecification" or _view_changed(res)):
                await self._change(res, {name: params[name]} if name in params else _absent(name))
        if res.changed("WarmThroughput") and "WarmThroughput" in params:
            await self._change(res, {"WarmThroughput": params["WarmThroughput"]})
        await self._update_indexes(res)
        await self._put_settings(res, self.settings(res, res.properties), self.settings(res, res.old_properties))
        await self.retag(res)
        await self.learn(res, await self._settled(res))

    async def _change(self, res: Resource, change: dict[str, Any]) -> None:
        await res.call("UpdateTable", {"TableName": res.physical_id, **change})
        await self._settled(res)

    def _billing(self, res: Resource, params: dict[str, Any]) -> dict[str, Any]:
        """A table that turns to provisioned units gets those of its indexes in the same call."""
        names = ("BillingMode", "ProvisionedThroughput", "OnDemandThroughput")
        change = {name: params[name] for name in names if name in params} or _absent(names[0])
        if _turns_to_units(res):
            change["BillingMode"] = "PROVISIONED"
            updates = [
                {"Update": {"IndexName": name, "ProvisionedThroughput": new["ProvisionedThroughput"]}}
                for name, (_, new) in self._kept_indexes(res).items()
                if "ProvisionedThroughput" in new
            ]
            if updates:
                change["GlobalSecondaryIndexUpdates"] = updates
        return change

    def _kept_indexes(self, res: Resource) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
        """Each index that is not replaced, as it was and as it will be."""
        old = {index["IndexName"]: index for index in self.indexes(res, res.old_properties)}
        new = {index["IndexName"]: index for index in self.indexes(res, res.properties)}
        return {name: (old[name], new[name]) for name in new if name in old and _shape(old[name]) == _shape(new[name])}

    async def _delete_indexes(self, res: Resource) -> None:
        """One index a call, as AWS wants it."""
        kept = self._kept_indexes(res)
        for index in self.indexes(res, res.old_properties):
            if index["IndexName"] not in kept:
                name = {"IndexName": index["IndexName"]}
                await self._change(res, {"GlobalSecondaryIndexUpdates": [{"Delete": name}]})

    async def _update_indexes(self, res: Resource) -> None:
        kept = self._kept_indexes(res)
        definitions = {"AttributeDefinitions": res.properties.get("AttributeDefinitions", [])}
        for index in self.indexes(res, res.properties):
            if index["IndexName"] not in kept:
                await self._change(res, {**definitions, "GlobalSecondaryIndexUpdates": [{"Create": index}]})
        for name, (old, new) in kept.items():
            units = {it: new[it] for it in _INDEX_UNITS if it in new and new[it] != old.get(it)}
            if _turns_to_units(res):
                units.pop("ProvisionedThroughput", None)
            if units:
                await self._change(res, {"GlobalSecondaryIndexUpdates": [{"Update": {"IndexName": name, **units}}]})


def _turns_to_units(res: Resource) -> bool:
    old, new = (it.get("BillingMode", "PROVISIONED") for it in (res.old_properties, res.properties))
    return bool(old != new == "PROVISIONED")


def _is_on(expiry: dict[str, Any] | None) -> bool:
    return expiry is not None and str(expiry.get("Enabled", False)).lower() == "true"


def _insights(properties: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """ContributorInsightsSpecification by index; the table's own under no name."""
    found = {"": properties.get("ContributorInsightsSpecification")}
    for index in properties.get("GlobalSecondaryIndexes", []):
        found[index["IndexName"]] = index.get("ContributorInsightsSpecification")
    return {name: insights or {} for name, insights in found.items()}


def _view_changed(res: Resource) -> bool:
    """Whether more of the stream changed than its policy."""
    views = [it.get("StreamSpecification") for it in (res.old_properties, res.properties)]
    old, new = ({} if it is None else {"StreamViewType": it.get("StreamViewType")} for it in views)
    return old != new


def _stream_policy(properties: dict[str, Any]) -> dict[str, Any] | None:
    stream = properties.get("StreamSpecification") or {}
    own = properties.get("ReplicaStreamSpecification") or {}
    policy: dict[str, Any] | None = stream.get("ResourcePolicy") or own.get("ResourcePolicy")
    return policy


def _absent(name: str) -> dict[str, Any]:
    """What a setting becomes that the template no longer has."""
    off: dict[str, dict[str, Any]] = {
        "StreamSpecification": {"StreamSpecification": {"StreamEnabled": False}},
        "SSESpecification": {"SSESpecification": {"Enabled": False}},
        "TableClass": {"TableClass": "STANDARD"},
        "DeletionProtectionEnabled": {"DeletionProtectionEnabled": False},
        "BillingMode": {"BillingMode": "PROVISIONED"},
    }
    return off[name]


def _shape(index: dict[str, Any]) -> Any:
    """What of an index can't be changed."""
    return index.get("KeySchema"), index.get("Projection")


@resource("AWS::DynamoDB::GlobalTable")
class GlobalTable(Table):
    """A table with replicas; the one in the stack's region is made here, further ones by UpdateTable. One that joins
    another account's table has its keys from there."""

    required = ()
    replacement = ("TableName", "KeySchema", "LocalSecondaryIndexes")
    attributes = {**Table.attributes, "TableId": "Table.TableId"}

    def input(self, res: Resource) -> dict[str, Any]:
        params = super().input(res)
        own = _own_replica(res, res.properties)
        for name in ("TableClass", "DeletionProtectionEnabled", "GlobalTableSettingsReplicationMode"):
            if name in own:
                params[name] = own[name]
        params.update(replica_templates.capacity(res.properties, own))
        if "GlobalSecondaryIndexes" in params:
            params["GlobalSecondaryIndexes"] = self.indexes(res, res.properties)
        return params

    def indexes(self, res: Resource, properties: dict[str, Any]) -> list[dict[str, Any]]:
        own = _own_replica(res, properties)
        return [
            {**index, **replica_templates.capacity(index, replica_templates.index_replica(own, index["IndexName"]))}
            for index in properties.get("GlobalSecondaryIndexes", [])
        ]

    def settings(self, res: Resource, properties: dict[str, Any]) -> dict[str, Any]:
        indexes: list[dict[str, Any]] = []
        return {**properties, "GlobalSecondaryIndexes": indexes, **_own_replica(res, properties)}

    async def create(self, res: Resource) -> None:
        await super().create(res)
        await self._scale(res)
        regions, witnesses = _other_regions(res, res.properties)
        if res.properties.get("MultiRegionConsistency") == "STRONG":
            await self._regroup(res, "Create", regions, witnesses, MultiRegionConsistency="STRONG")
            return
        for region in regions:
            await self._regroup(res, "Create", [region])
        await self._scale_reads(res, regions)

    async def _scale(self, res: Resource) -> None:
        """What scales in the stack's region; the replicas that are made from there scale alike."""
        for index, kind, settings in replica_templates.scaled(res.properties, _own_replica(res, res.properties)):
            named = replica_templates.target(res.physical_id, index, kind)
            bounds = {name: settings[name] for name in ("MinCapacity", "MaxCapacity")}
            await res.call("RegisterScalableTarget", {**named, **bounds}, service="application-autoscaling")
            metric = {"PredefinedMetricType": f"DynamoDB{kind}CapacityUtilization"}
            tracking = {
                **settings["TargetTrackingScalingPolicyConfiguration"],
                "PredefinedMetricSpecification": metric,
            }
            policy = {
                **named,
                "PolicyName": f"DynamoDB{kind}CapacityUtilization:{named['ResourceId']}",
                "PolicyType": "TargetTrackingScaling",
                "TargetTrackingScalingPolicyConfiguration": tracking,
            }
            await res.call("PutScalingPolicy", policy, service="application-autoscaling")

    async def _scale_reads(self, res: Resource, regions: Sequence[str]) -> None:
        """What other regions want otherwise."""
        updates = [
            update
            for replica in res.properties.get("Replicas", [])
            if replica["Region"] in regions
            and (update := replica_templates.scaling_of_reads(res.properties, replica)) is not None
        ]
        if updates:
            change = {"TableName": res.physical_id, "ReplicaUpdates": updates}
            await res.call("UpdateTableReplicaAutoScaling", change)

    async def update(self, res: Resource) -> None:
        await super().update(res)
        await self._update_capacity(res)
        (old, _), (new, _) = _other_regions(res, res.old_properties), _other_regions(res, res.properties)
        for region in old:
            if region not in new:
                await self._regroup(res, "Delete", [region])
        added = [region for region in new if region not in old]
        for region in added:
            await self._regroup(res, "Create", [region])
        await self._scale_reads(res, added)

    async def _update_capacity(self, res: Resource) -> None:
        """What is said of it with writes and with replicas."""
        old, new = (
            replica_templates.capacity(it, _own_replica(res, it)) for it in (res.old_properties, res.properties)
        )
        if not res.changed("BillingMode"):
            for name, value in new.items():
                if value != old.get(name):
                    await self._change(res, {name: value})
        before, after = (
            list(replica_templates.scaled(it, _own_replica(res, it))) for it in (res.old_properties, res.properties)
        )
        if before != after:
            await self._scale(res)
        change = replica_templates.changed_scaling(res.old_properties, res.properties)
        regions = {it["Region"] for it in res.old_properties.get("Replicas", [])}
        if change and len(regions) > 1:
            await res.call("UpdateTableReplicaAutoScaling", {"TableName": res.physical_id, **change})

    async def delete(self, res: Resource) -> None:
        """A table to which replicas were added goes after them; those of other accounts are for these to delete."""
        table = (await res.call("DescribeTable", {"TableName": res.physical_id}))["Table"]
        regions = [it["RegionName"] for it in table.get("Replicas", []) if "ReplicaArn" not in it]
        witnesses = [it["RegionName"] for it in table.get("GlobalTableWitnesses", [])]
        if table.get("MultiRegionConsistency") == "STRONG":
            await self._regroup(res, "Delete", regions, witnesses)
        else:
            for region in regions:
                await self._regroup(res, "Delete", [region])
        await super().delete(res)

    async def _regroup(
        self, res: Resource, kind: str, regions: list[str], witnesses: Sequence[str] = (), **more: Any
    ) -> None:
        specified = {it["Region"]: it for it in res.properties.get("Replicas", [])}
        actions = [
            replica_templates.creation(specified[region]) if kind == "Create" else {"RegionName": region}
            for region in regions
        ]
        change: dict[str, Any] = {"ReplicaUpdates": [{kind: action} for action in actions], **more}
        if witnesses:
            change["GlobalTableWitnessUpdates"] = [{kind: {"RegionName": region}} for region in witnesses]
        await self._change(res, change)


def _other_regions(res: Resource, properties: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Where a template wants replicas besides the stack's own region, and where witnesses."""
    regions = [it["Region"] for it in properties.get("Replicas", [])]
    witnesses = [it["Region"] for it in properties.get("GlobalTableWitnesses", [])]
    return [region for region in regions if region != res.ctx.scope.region], witnesses


def _own_replica(res: Resource, properties: dict[str, Any]) -> dict[str, Any]:
    replicas = properties.get("Replicas", [])
    found: dict[str, Any] = next((item for item in replicas if item["Region"] == res.ctx.scope.region), {})
    return found
