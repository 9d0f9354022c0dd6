"""Service-linked roles: which role and policy belong to which service. Data.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html
"""

from __future__ import annotations

from typing import Final

import msgspec


class ServiceRole(msgspec.Struct, frozen=True):
    """`allows_suffix`: the role's name may be given a custom suffix."""

    role: str
    policy: str
    allows_suffix: bool = False
    description: str = ""


_ROLES: Final[dict[str, tuple[str, str]]] = {
    "accountdiscovery.ssm": ("AmazonSSM_AccountDiscovery", "AWSSystemsManagerAccountDiscoveryServicePolicy"),
    "acm": ("CertificateManager", "CertificateManagerServiceRolePolicy"),
    "appmesh": ("AppMesh", "AWSAppMeshServiceRolePolicy"),
    "autoscaling-plans": ("AutoScalingPlans_EC2AutoScaling", "AWSAutoScalingPlansEC2AutoScalingPolicy"),
    "backup": ("Backup", "AWSBackupServiceLinkedRolePolicyForBackup"),
    "batch": ("Batch", "BatchServiceRolePolicy"),
    "cassandra.application-autoscaling": (
        "ApplicationAutoScaling_CassandraTable",
        "AWSApplicationAutoscalingCassandraTablePolicy",
    ),
    "cks.kms": ("KeyManagementServiceCustomKeyStores", "AWSKeyManagementServiceCustomKeyStoresServiceRolePolicy"),
    "cloudtrail": ("CloudTrail", "CloudTrailServiceRolePolicy"),
    "codestar-notifications": ("CodeStarNotifications", "AWSCodeStarNotificationsServiceRolePolicy"),
    "config": ("Config", "AWSConfigServiceRolePolicy"),
    "custom-resource.application-autoscaling": (
        "ApplicationAutoScaling_CustomResource",
        "AWSApplicationAutoScalingCustomResourcePolicy",
    ),
    "dms": ("DMSServerless", "AWSDMSServerlessServiceRolePolicy"),
    "docdb-elastic": ("DocDB-Elastic", "AmazonDocDB-ElasticServiceRolePolicy"),
    "dms-fleet-advisor": ("DMSFleetAdvisor", "AWSDMSFleetAdvisorServiceRolePolicy"),
    "dynamodb.application-autoscaling": (
        "ApplicationAutoScaling_DynamoDBTable",
        "AWSApplicationAutoscalingDynamoDBTablePolicy",
    ),
    "ec2-instance-connect": ("Ec2InstanceConnect", "Ec2InstanceConnectEndpoint"),
    "ec2.application-autoscaling": (
        "ApplicationAutoScaling_EC2SpotFleetRequest",
        "AWSApplicationAutoscalingEC2SpotFleetRequestPolicy",
    ),
    "ecr": ("ECRTemplate", "ECRTemplateServiceRolePolicy"),
    "ecs": ("ECS", "AmazonECSServiceRolePolicy"),
    "ecs.application-autoscaling": ("ApplicationAutoScaling_ECSService", "AWSApplicationAutoscalingECSServicePolicy"),
    "eks": ("AmazonEKS", "AmazonEKSServiceRolePolicy"),
    "eks-connector": ("AmazonEKSConnector", "AmazonEKSConnectorServiceRolePolicy"),
    "eks-fargate": ("AmazonEKSForFargate", "AmazonEKSForFargateServiceRolePolicy"),
    "eks-nodegroup": ("AmazonEKSNodegroup", "AWSServiceRoleForAmazonEKSNodegroup"),
    "elasticache": ("ElastiCache", "ElastiCacheServiceRolePolicy"),
    "elasticbeanstalk": ("ElasticBeanstalk", "AWSElasticBeanstalkServiceRolePolicy"),
    "elasticfilesystem": ("AmazonElasticFileSystem", "AmazonElasticFileSystemServiceRolePolicy"),
    "elasticloadbalancing": ("ElasticLoadBalancing", "AWSElasticLoadBalancingServiceRolePolicy"),
    "email.cognito-idp": ("AmazonCognitoIdpEmailService", "AmazonCognitoIdpEmailServiceRolePolicy"),
    "emr-containers": ("AmazonEMRContainers", "AmazonEMRContainersServiceRolePolicy"),
    "emrwal": ("EMRWAL", "EMRDescribeClusterPolicyForEMRWAL"),
    "fis": ("FIS", "AmazonFISServiceRolePolicy"),
    "grafana": ("AmazonGrafana", "AmazonGrafanaServiceLinkedRolePolicy"),
    "imagebuilder": ("Imagebuilder", "AWSServiceRoleForImageBuilder"),
    "iotmanagedintegrations": ("IoTManagedIntegrations", "AWSIoTManagedIntegrationsRolePolicy"),
    "kafka": ("Kafka", "KafkaServiceRolePolicy"),
    "kafkaconnect": ("KafkaConnect", "KafkaConnectServiceRolePolicy"),
    "lakeformation": ("LakeFormationDataAccess", "LakeFormationDataAccessServiceRolePolicy"),
    "lightsail": ("Lightsail", "LightsailExportAccess"),
    "lambda.application-autoscaling": (
        "ApplicationAutoScaling_LambdaConcurrency",
        "AWSApplicationAutoscalingLambdaConcurrencyPolicy",
    ),
    "lex": ("LexBots", "AmazonLexBotPolicy"),
    "m2": ("AWSM2", "AWSM2ServicePolicy"),
    "memorydb": ("MemoryDB", "MemoryDBServiceRolePolicy"),
    "mq": ("AmazonMQ", "AmazonMQServiceRolePolicy"),
    "mrk.kms": ("KeyManagementServiceMultiRegionKeys", "AWSKeyManagementServiceMultiRegionKeysServiceRolePolicy"),
    "notifications": ("AwsUserNotifications", "AWSUserNotificationsServiceLinkedRolePolicy"),
    "observability.aoss": ("AmazonOpenSearchServerless", "AmazonOpenSearchServerlessServiceRolePolicy"),
    "opensearchservice": ("AmazonOpenSearchService", "AmazonOpenSearchServiceRolePolicy"),
    "ops.apigateway": ("APIGateway", "APIGatewayServiceRolePolicy"),
    "ops.emr-serverless": ("AmazonEMRServerless", "AmazonEMRServerlessServiceRolePolicy"),
    "opsdatasync.ssm": ("SystemsManagerOpsDataSync", "AWSSystemsManagerOpsDataSyncServiceRolePolicy"),
    "opsinsights.ssm": ("AmazonSSM_OpsInsights", "AWSSSMOpsInsightsServiceRolePolicy"),
    "organizations": ("Organizations", "AWSOrganizationsServiceTrustPolicy"),
    "pullthroughcache.ecr": ("ECRPullThroughCache", "AWSECRPullThroughCache_ServiceRolePolicy"),
    "ram": ("ResourceAccessManager", "AWSResourceAccessManagerServiceRolePolicy"),
    "redshift": ("Redshift", "AmazonRedshiftServiceLinkedRolePolicy"),
    "replication.cassandra": ("AmazonKeyspacesReplication", "KeyspacesReplicationServiceRolePolicy"),
    "replication.dynamodb": ("DynamoDBReplication", "DynamoDBReplicationServiceRolePolicy"),
    "replication.ecr": ("ECRReplication", "ECRReplicationServiceRolePolicy"),
    "replicator.lambda": ("LambdaReplicator", "AWSLambdaReplicator"),
    "repository.sync.codeconnections": ("GitSync", "AWSGitSyncServiceRolePolicy"),
    "resource-explorer-2": ("ResourceExplorer", "AWSResourceExplorerServiceRolePolicy"),
    "rolesanywhere": ("RolesAnywhere", "AWSRolesAnywhereServicePolicy"),
    "s3-outposts": ("S3OnOutposts", "AWSS3OnOutpostsServiceRolePolicy"),
    "securityhub": ("SecurityHub", "AWSSecurityHubServiceRolePolicy"),
    "servicequotas": ("ServiceQuotas", "ServiceQuotasServiceRolePolicy"),
    "ses": ("AmazonSES", "AmazonSESServiceRolePolicy"),
    "shield": ("AWSShield", "AWSShieldServiceRolePolicy"),
    "ssm": ("AmazonSSM", "AmazonSSMServiceRolePolicy"),
    "ssm-incidents": ("IncidentManager", "AWSIncidentManagerServiceRolePolicy"),
    "ssm-quicksetup": ("SSMQuickSetup", "SSMQuickSetupRolePolicy"),
    "support": ("Support", "AWSSupportServiceRolePolicy"),
    "transitgateway": ("VPCTransitGateway", "AWSVPCTransitGatewayServiceRolePolicy"),
    "vpcorigin.cloudfront": ("CloudFrontVPCOrigin", "AWSCloudFrontVPCOriginServiceRolePolicy"),
    "waf": ("WAFLogging", "WAFLoggingServiceRolePolicy"),
    "wafv2": ("WAFV2Logging", "WAFV2LoggingServiceRolePolicy"),
}
_WITH_SUFFIX: Final[dict[str, tuple[str, str]]] = {
    "autoscaling": ("AutoScaling", "AutoScalingServiceRolePolicy"),
    "connect": ("AmazonConnect", "AmazonConnectServiceLinkedRolePolicy"),
    "lexv2": ("LexV2Bots", "AmazonLexV2BotPolicy"),
    "channels.lexv2": ("LexV2Channels", "AmazonLexChannelPolicy"),
}
_DESCRIBED: Final[dict[str, tuple[str, str, str]]] = {
    "rds": ("RDS", "AmazonRDSServiceRolePolicy", "Allows Amazon RDS to manage AWS resources on your behalf"),
    "sso": (
        "SSO",
        "AWSSSOServiceRolePolicy",
        "Service-linked role used by AWS SSO to manage AWS resources, including IAM roles, policies and SAML IdP on "
        "your behalf.",
    ),
}


def _table() -> dict[str, ServiceRole]:
    prefix = "AWSServiceRoleFor"
    rows = {service: ServiceRole(prefix + role, policy) for service, (role, policy) in _ROLES.items()}
    rows |= {service: ServiceRole(prefix + role, policy, True) for service, (role, policy) in _WITH_SUFFIX.items()}
    rows |= {
        service: ServiceRole(prefix + role, policy, False, description)
        for service, (role, policy, description) in _DESCRIBED.items()
    }
    return {f"{service}.amazonaws.com": row for service, row in rows.items()}


SERVICE_ROLES: Final = _table()
