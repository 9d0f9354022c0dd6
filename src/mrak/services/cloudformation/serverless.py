"""AWS::Serverless-2016-10-31: the SAM transform, by AWS's own translator.

The translator asks AWS for the ARNs of managed policies by name and for its partition; both are told here, so that it
needs no network.
"""

from __future__ import annotations

import logging
from typing import Any

from mrak.core.deviations import deviation
from mrak.lang.cloudformation.errors import TemplateError

NAMES = ("AWS::Serverless-2016-10-31",)

# Managed policies that stand in a path; SAM makes plain ARNs of all names that it does not know.
_SERVICE_ROLES = (
    "AWSLambdaBasicExecutionRole", "AWSLambdaDynamoDBExecutionRole", "AWSLambdaKinesisExecutionRole",
    "AWSLambdaSQSQueueExecutionRole", "AWSLambdaVPCAccessExecutionRole", "AWSLambdaRole",
    "AWSLambdaMSKExecutionRole", "AmazonAPIGatewayPushToCloudWatchLogs", "AWSLambdaENIManagementAccess",
)  # fmt: skip
_PLAIN = (
    "AWSLambdaExecute", "AWSXrayWriteOnlyAccess", "AWSXRayDaemonWriteAccess", "AmazonDynamoDBFullAccess",
    "AmazonDynamoDBReadOnlyAccess", "AmazonS3FullAccess", "AmazonS3ReadOnlyAccess", "AmazonSQSFullAccess",
    "AmazonSQSReadOnlyAccess", "AmazonSNSFullAccess", "AmazonSNSReadOnlyAccess", "AWSLambda_FullAccess",
    "AWSLambda_ReadOnlyAccess", "AWSLambdaInvocation-DynamoDB", "AWSStepFunctionsFullAccess", "AdministratorAccess",
    "PowerUserAccess", "ReadOnlyAccess", "AmazonEventBridgeFullAccess", "CloudWatchFullAccess",
    "CloudWatchLogsFullAccess",
    "SecretsManagerReadWrite", "AmazonSSMFullAccess", "AmazonSSMReadOnlyAccess", "AmazonCognitoPowerUser",
    "AmazonAPIGatewayInvokeFullAccess", "AmazonAPIGatewayAdministrator", "CloudWatchLambdaInsightsExecutionRolePolicy",
)  # fmt: skip


def translate(body: dict[str, Any], parameters: dict[str, Any], region: str, partition: str) -> dict[str, Any]:
    """The CloudFormation template that a SAM template means. Slow (the translator's schemas): it runs in a thread."""
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    deviation("CFN-001")
    # It reminds of metrics that it would like to be sent to AWS.
    logging.getLogger("samtranslator.metrics").setLevel(logging.ERROR)
    policies = {name: f"arn:{partition}:iam::aws:policy/service-role/{name}" for name in _SERVICE_ROLES}
    policies |= {name: f"arn:{partition}:iam::aws:policy/{name}" for name in _PLAIN}
    translator = Translator(policies, Parser(), boto_session=_Session(region))
    try:
        made: dict[str, Any] = translator.translate(
            {**body, "Transform": NAMES[0]},
            parameter_values={**_texts(parameters), "AWS::Region": region, "AWS::Partition": partition},
        )
    except InvalidDocumentException as error:
        reasons = " ".join(cause.message for cause in error.causes)
        raise TemplateError(
            f"Transform {NAMES[0]} failed with: Invalid Serverless Application Specification document. "
            f"Number of errors found: {len(error.causes)}. {reasons}"
        ) from error
    return {key: value for key, value in made.items() if key != "Transform"}


def _texts(parameters: dict[str, Any]) -> dict[str, Any]:
    return {name: ",".join(value) if isinstance(value, list) else value for name, value in parameters.items()}


class _Session:
    """What the translator asks of a boto3 session: the region."""

    def __init__(self, region: str) -> None:
        self.region_name = region
