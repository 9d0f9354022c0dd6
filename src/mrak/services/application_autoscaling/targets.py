"""What is common to the operations on scalable targets and to the services that keep targets of their own."""

from __future__ import annotations

from typing import Any

from mrak.core.context import Transaction
from mrak.core.scope import Scope
from mrak.services.application_autoscaling.tables import ACTIONS, POLICIES, TARGETS, Target

_ROLES = {
    "dynamodb": "DynamoDBTable",
    "lambda": "LambdaConcurrency",
    "ecs": "ECSService",
    "ec2": "EC2SpotFleetRequest",
    "elasticache": "ElastiCacheRG",
    "kafka": "KafkaCluster",
    "cassandra": "CassandraTable",
    "comprehend": "ComprehendEndpoint",
    "neptune": "NeptuneCluster",
    "rds": "RDSCluster",
    "sagemaker": "SageMakerEndpoint",
    "appstream": "AppStreamFleet",
    "elasticmapreduce": "EMRContainers",
    "workspaces": "WorkSpacesPool",
}
"""What the service-linked roles' names end with, by namespace."""


def role_of(scope: Scope, namespace: str) -> str:
    """The service-linked role that changes what a namespace's targets are about."""
    return (
        f"arn:{scope.partition}:iam::{scope.account}:role/aws-service-role/"
        f"{namespace}.application-autoscaling.amazonaws.com/"
        f"AWSServiceRoleForApplicationAutoScaling_{_ROLES.get(namespace, 'CustomResource')}"
    )


def deregister(tx: Transaction, scope: Scope, target: Target) -> None:
    """Takes away a target and what is only there as long as it is."""
    for table in (POLICIES, ACTIONS):
        rows: list[Any] = list(table.scan(tx, scope, target.place))
        for row in rows:
            table.lock(tx, scope, row.place, row.name)
            table.delete(tx, scope, row)
    TARGETS.delete(tx, scope, target)
