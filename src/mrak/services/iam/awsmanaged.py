"""AWS's own managed policies, as far as serverless applications use them: data.

https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html

Each row is a path, a name, and statements as (actions, resources) with an optional condition; `*` stands for itself.
The documents grant what AWS's grant; their wording (Sids, order) is not promised.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import msgspec

from mrak.auth.grammar import CURRENT

_LOGS: Final = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
_VPC: Final = (
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
)
_STREAM: Final = (
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
)
_KINESIS: Final = (
    "kinesis:DescribeStream",
    "kinesis:DescribeStreamSummary",
    "kinesis:GetRecords",
    "kinesis:GetShardIterator",
    "kinesis:ListShards",
    "kinesis:ListStreams",
    "kinesis:SubscribeToShard",
)
_XRAY_WRITE: Final = (
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:GetSamplingStatisticSummaries",
)

Grant = tuple[Any, ...]
"""(actions,), (actions, resources) or (actions, resources, condition)."""


def _passing(*services: str) -> Grant:
    return ("iam:PassRole",), "*", {"StringEquals": {"iam:PassedToService": list(services)}}


# (path, name) -> grants. A grant whose actions begin with "!" is a NotAction.
_POLICIES: Final[dict[tuple[str, str], tuple[Grant, ...]]] = {
    ("/", "AdministratorAccess"): ((("*",),),),
    ("/", "PowerUserAccess"): (
        (("!iam:*", "!organizations:*", "!account:*"),),
        (
            (
                *("account:GetAccountInformation", "account:GetPrimaryEmail", "account:ListRegions"),
                *("iam:CreateServiceLinkedRole", "iam:DeleteServiceLinkedRole", "iam:ListRoles"),
                "organizations:DescribeOrganization",
            ),
        ),
    ),
    ("/", "ReadOnlyAccess"): (
        (
            tuple(
                f"{service}:{verb}*"
                for service in (
                    *("apigateway", "cloudformation", "cloudfront", "cloudwatch", "cognito-identity", "cognito-idp"),
                    *("dynamodb", "events", "iam", "kinesis", "kms", "lambda", "logs", "s3", "scheduler", "schemas"),
                    *("secretsmanager", "sns", "sqs", "ssm", "states", "sts", "tag", "xray"),
                )
                for verb in ("BatchGet", "Describe", "Get", "List")
                if (service, verb) != ("secretsmanager", "Get")
            ),
        ),
        (("dynamodb:PartiQLSelect", "dynamodb:Query", "dynamodb:Scan", "logs:FilterLogEvents", "logs:StartQuery"),),
    ),
    ("/", "IAMFullAccess"): ((("iam:*", "organizations:DescribeAccount", "organizations:DescribeOrganization"),),),
    ("/", "IAMReadOnlyAccess"): (
        (
            *(("iam:GenerateCredentialReport", "iam:GenerateServiceLastAccessedDetails", "iam:Get*", "iam:List*"),),
            *("*",),
        ),
        (("iam:SimulateCustomPolicy", "iam:SimulatePrincipalPolicy"),),
    ),
    ("/service-role/", "AWSLambdaBasicExecutionRole"): ((_LOGS,),),
    ("/service-role/", "AWSLambdaVPCAccessExecutionRole"): ((_LOGS + _VPC,),),
    ("/service-role/", "AWSLambdaENIManagementAccess"): ((_VPC,),),
    ("/service-role/", "AWSLambdaDynamoDBExecutionRole"): ((_STREAM + _LOGS,),),
    ("/service-role/", "AWSLambdaKinesisExecutionRole"): ((_KINESIS + _LOGS,),),
    ("/service-role/", "AWSLambdaSQSQueueExecutionRole"): (
        (("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", *_LOGS),),
    ),
    ("/service-role/", "AWSLambdaRole"): ((("lambda:InvokeFunction",),),),
    ("/service-role/", "AmazonAPIGatewayPushToCloudWatchLogs"): (
        (
            (
                *("logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams"),
                *("logs:PutLogEvents", "logs:GetLogEvents", "logs:FilterLogEvents"),
            ),
        ),
    ),
    ("/service-role/", "AmazonCognitoIdpEmailServiceRolePolicy"): ((("ses:SendEmail", "ses:SendRawEmail"),),),
    ("/service-role/", "AmazonSNSRole"): (
        ((*_LOGS, "logs:PutMetricFilter", "logs:PutRetentionPolicy"),),
    ),
    ("/service-role/", "AWSAppSyncPushToCloudWatchLogs"): ((_LOGS,),),
    ("/", "AWSLambdaExecute"): (
        (("logs:*",), "arn:aws:logs:*:*:*"),
        (("s3:GetObject", "s3:PutObject"), "arn:aws:s3:::*"),
    ),
    ("/", "AWSLambdaInvocation-DynamoDB"): ((("lambda:InvokeFunction",),), (_STREAM,)),
    ("/", "AWSLambda_FullAccess"): (
        (
            (
                *("cloudformation:DescribeStacks", "cloudformation:ListStackResources", "cloudwatch:GetMetricData"),
                *("cloudwatch:ListMetrics", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"),
                *("kms:ListAliases", "iam:GetPolicy", "iam:GetPolicyVersion", "iam:GetRole", "iam:GetRolePolicy"),
                *("iam:ListAttachedRolePolicies", "iam:ListRolePolicies", "iam:ListRoles", "lambda:*"),
                *("logs:DescribeLogGroups", "states:DescribeStateMachine", "states:ListStateMachines"),
                *("tag:GetResources", "xray:BatchGetTraces", "xray:GetTraceSummaries"),
            ),
        ),
        _passing("lambda.amazonaws.com"),
        (
            (
                *("logs:DescribeLogStreams", "logs:GetLogEvents", "logs:FilterLogEvents", "logs:StartLiveTail"),
                "logs:StopLiveTail",
            ),
            "arn:aws:logs:*:*:log-group:/aws/lambda/*",
        ),
    ),
    ("/", "AWSLambda_ReadOnlyAccess"): (
        (
            (
                *("cloudformation:DescribeStacks", "cloudformation:ListStackResources", "cloudwatch:GetMetricData"),
                *("cloudwatch:ListMetrics", "iam:GetPolicy", "iam:GetPolicyVersion", "iam:GetRole"),
                *("iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies", "iam:ListRoles"),
                *("logs:DescribeLogGroups", "lambda:Get*", "lambda:List*", "states:DescribeStateMachine"),
                *("states:ListStateMachines", "tag:GetResources", "xray:BatchGetTraces", "xray:GetTraceSummaries"),
            ),
        ),
    ),
    ("/", "AmazonDynamoDBFullAccess"): (
        (
            (
                *("dynamodb:*", "dax:*", "application-autoscaling:*", "cloudwatch:*", "kinesis:ListStreams"),
                *("kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "iam:GetRole", "iam:ListRoles"),
                *("kms:DescribeKey", "kms:ListAliases", "sns:*", "lambda:*", "tag:*", "resource-groups:*"),
            ),
        ),
        _passing("application-autoscaling.amazonaws.com", "dax.amazonaws.com"),
    ),
    ("/", "AmazonDynamoDBFullAccess_v2"): ((("dynamodb:*", "application-autoscaling:*", "cloudwatch:*"),),),
    ("/", "AmazonDynamoDBReadOnlyAccess"): (
        (
            (
                *("dynamodb:BatchGetItem", "dynamodb:Describe*", "dynamodb:Get*", "dynamodb:List*", "dynamodb:Query"),
                *("dynamodb:Scan", "dynamodb:PartiQLSelect", "cloudwatch:Describe*", "cloudwatch:Get*"),
                *("cloudwatch:List*", "application-autoscaling:Describe*", "iam:GetRole", "iam:ListRoles"),
                *("kms:DescribeKey", "kms:ListAliases", "lambda:List*", "tag:GetResources"),
            ),
        ),
    ),
    ("/", "AmazonS3FullAccess"): ((("s3:*", "s3-object-lambda:*"),),),
    ("/", "AmazonS3ReadOnlyAccess"): (
        (
            (
                *("s3:Get*", "s3:List*", "s3:Describe*", "s3-object-lambda:Get*", "s3-object-lambda:List*"),
            ),
        ),
    ),
    ("/", "AmazonSQSFullAccess"): ((("sqs:*",),),),
    ("/", "AmazonSQSReadOnlyAccess"): (
        (
            (
                *("sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListDeadLetterSourceQueues", "sqs:ListQueues"),
                *("sqs:ListMessageMoveTasks", "sqs:ListQueueTags"),
            ),
        ),
    ),
    ("/", "AmazonSNSFullAccess"): ((("sns:*",),),),
    ("/", "AmazonSNSReadOnlyAccess"): (
        (("sns:GetTopicAttributes", "sns:List*", "sns:CheckIfPhoneNumberIsOptedOut", "sns:GetSubscriptionAttributes"),),
    ),
    ("/", "AmazonKinesisFullAccess"): ((("kinesis:*",),),),
    ("/", "AmazonKinesisReadOnlyAccess"): ((("kinesis:Get*", "kinesis:List*", "kinesis:Describe*"),),),
    ("/", "AmazonEventBridgeFullAccess"): (
        (("events:*", "schemas:*", "scheduler:*", "pipes:*"),),
        _passing("events.amazonaws.com", "scheduler.amazonaws.com", "pipes.amazonaws.com"),
    ),
    ("/", "AmazonEventBridgeReadOnlyAccess"): (
        (("events:Describe*", "events:List*", "events:TestEventPattern", "schemas:Describe*", "schemas:List*"),),
    ),
    ("/", "AmazonEventBridgeSchedulerFullAccess"): (
        (("scheduler:*",),),
        _passing("scheduler.amazonaws.com"),
    ),
    ("/", "AWSStepFunctionsFullAccess"): ((("states:*",),),),
    ("/", "AWSStepFunctionsReadOnlyAccess"): ((("states:Describe*", "states:Get*", "states:List*"),),),
    ("/", "AmazonAPIGatewayAdministrator"): ((("apigateway:*",), "arn:aws:apigateway:*::/*"),),
    ("/", "AmazonAPIGatewayInvokeFullAccess"): (
        (("execute-api:Invoke", "execute-api:ManageConnections"), "arn:aws:execute-api:*:*:*"),
    ),
    ("/", "AmazonCognitoPowerUser"): ((("cognito-identity:*", "cognito-idp:*", "cognito-sync:*"),),),
    ("/", "AmazonCognitoReadOnly"): (
        (
            tuple(
                f"cognito-{part}:{verb}*"
                for part in ("identity", "idp", "sync")
                for verb in ("Describe", "Get", "List")
            ),
        ),
    ),
    ("/", "CloudFrontFullAccess"): ((("cloudfront:*", "cloudfront-keyvaluestore:*", "s3:ListAllMyBuckets"),),),
    ("/", "CloudFrontReadOnlyAccess"): ((("cloudfront:Get*", "cloudfront:List*", "cloudfront:Describe*"),),),
    ("/", "CloudWatchFullAccess"): ((("autoscaling:Describe*", "cloudwatch:*", "logs:*", "sns:*", "iam:GetRole"),),),
    ("/", "CloudWatchFullAccessV2"): ((("autoscaling:Describe*", "cloudwatch:*", "logs:*", "sns:*", "iam:GetRole"),),),
    ("/", "CloudWatchReadOnlyAccess"): (
        (
            (
                *("cloudwatch:BatchGet*", "cloudwatch:Describe*", "cloudwatch:Get*", "cloudwatch:List*"),
                *("logs:Describe*", "logs:Get*", "logs:List*", "logs:StartQuery", "logs:StopQuery"),
                *("logs:TestMetricFilter", "logs:FilterLogEvents", "sns:Get*", "sns:List*"),
            ),
        ),
    ),
    ("/", "CloudWatchLogsFullAccess"): ((("logs:*", "cloudwatch:GenerateQuery"),),),
    ("/", "CloudWatchLogsReadOnlyAccess"): (
        (
            (
                *("logs:Describe*", "logs:Get*", "logs:List*", "logs:StartQuery", "logs:StopQuery"),
                *("logs:TestMetricFilter", "logs:FilterLogEvents"),
            ),
        ),
    ),
    ("/", "CloudWatchLambdaInsightsExecutionRolePolicy"): (
        (("logs:CreateLogGroup",),),
        (("logs:CreateLogStream", "logs:PutLogEvents"), "arn:aws:logs:*:*:log-group:/aws/lambda-insights:*"),
    ),
    ("/", "AWSXRayDaemonWriteAccess"): ((_XRAY_WRITE,),),
    ("/", "AWSXrayWriteOnlyAccess"): ((_XRAY_WRITE,),),
    ("/", "AWSXrayFullAccess"): ((("xray:*",),),),
    ("/", "AWSXrayReadOnlyAccess"): ((("xray:BatchGet*", "xray:Get*", "xray:List*"),),),
    ("/", "SecretsManagerReadWrite"): (
        (("secretsmanager:*", "kms:DescribeKey", "kms:ListAliases", "kms:ListKeys", "tag:GetResources"),),
        (("lambda:AddPermission", "lambda:CreateFunction", "lambda:GetFunction", "lambda:InvokeFunction"),
         "arn:aws:lambda:*:*:function:SecretsManager*"),
    ),
    ("/", "AmazonSSMFullAccess"): ((("cloudwatch:PutMetricData", "ssm:*", "ssmmessages:*", "ec2messages:*"),),),
    ("/", "AmazonSSMReadOnlyAccess"): ((("ssm:Describe*", "ssm:Get*", "ssm:List*"),),),
    ("/", "AWSCloudFormationFullAccess"): ((("cloudformation:*",),),),
    ("/", "AWSCloudFormationReadOnlyAccess"): (
        (("cloudformation:Describe*", "cloudformation:Get*", "cloudformation:List*", "cloudformation:Detect*"),),
    ),
    ("/", "AmazonEC2ContainerRegistryReadOnly"): (
        (
            (
                *("ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer"),
                *("ecr:GetRepositoryPolicy", "ecr:DescribeRepositories", "ecr:ListImages", "ecr:DescribeImages"),
                "ecr:BatchGetImage",
            ),
        ),
    ),
    ("/", "AWSDenyAll"): (),
}  # fmt: skip


@lru_cache(maxsize=1)
def documents() -> dict[tuple[str, str], str]:
    """(path, name) -> document."""
    built = {name: _document(grants) for name, grants in _POLICIES.items()}
    built["/", "AWSDenyAll"] = _encode([{"Effect": "Deny", "Action": ["*"], "Resource": "*"}])
    return built


def _document(grants: tuple[Grant, ...]) -> str:
    return _encode([_statement(*grant) for grant in grants])


def _encode(statements: list[dict[str, Any]]) -> str:
    return msgspec.json.encode({"Version": CURRENT, "Statement": statements}).decode()


def _statement(
    actions: tuple[str, ...], resource: str = "*", condition: dict[str, Any] | None = None
) -> dict[str, Any]:
    element = "NotAction" if actions[0].startswith("!") else "Action"
    statement: dict[str, Any] = {"Effect": "Allow", element: [action.lstrip("!") for action in actions]}
    statement["Resource"] = resource
    return statement | ({"Condition": condition} if condition else {})
