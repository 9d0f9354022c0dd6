"""Which fields a state of each kind may have and must have, in each language; and which integrations there are.

https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from mrak.lang.asl.resources import Resource

KINDS = ("Task", "Wait", "Pass", "Succeed", "Fail", "Choice", "Parallel", "Map")
WITH_NEXT = ("Task", "Wait", "Pass", "Parallel", "Map")
MOST_SECONDS = 99_999_999
MOST_DELAY_SECONDS = 31_622_400
LABEL_BANNED = re.compile(r'[\s?*<>{}\[\]:;,\\|^~$#%&`"\x00-\x1f\x7f-\x9f]')

MACHINE = frozenset(("Comment", "StartAt", "States", "Version", "TimeoutSeconds", "QueryLanguage"))
BRANCH = frozenset(("Comment", "StartAt", "States"))
PROCESSOR = BRANCH | {"ProcessorConfig"}

REQUIRED = {"Task": ("Resource",), "Choice": ("Choices",), "Parallel": ("Branches",)}
TEMPLATES = ("Parameters", "ResultSelector", "ItemSelector", "Assign", "Credentials")
PATHS = (
    "InputPath",
    "OutputPath",
    "ItemsPath",
    "SecondsPath",
    "TimestampPath",
    "TimeoutSecondsPath",
    "HeartbeatSecondsPath",
    "MaxConcurrencyPath",
    "ToleratedFailureCountPath",
    "ToleratedFailurePercentagePath",
    "ErrorPath",
    "CausePath",
)
INNER = ("Branches", "ItemProcessor", "Iterator")

_COMMON = frozenset(("Type", "Comment", "QueryLanguage"))
_JSONPATH: dict[str, tuple[str, ...]] = {
    "Task": (
        *("Next", "End", "Resource", "InputPath", "Parameters", "ResultSelector", "ResultPath", "OutputPath"),
        *("TimeoutSeconds", "TimeoutSecondsPath", "HeartbeatSeconds", "HeartbeatSecondsPath", "Retry", "Catch"),
        *("Credentials", "Assign"),
    ),
    "Wait": (
        *("Next", "End", "InputPath", "OutputPath", "Seconds", "SecondsPath", "Timestamp", "TimestampPath"),
        "Assign",
    ),
    "Pass": ("Next", "End", "InputPath", "Parameters", "Result", "ResultPath", "OutputPath", "Assign"),
    "Succeed": ("InputPath", "OutputPath"),
    "Fail": ("Error", "ErrorPath", "Cause", "CausePath", "InputPath", "OutputPath"),
    "Choice": ("Choices", "Default", "InputPath", "OutputPath", "Assign"),
    "Parallel": (
        *("Next", "End", "Branches", "InputPath", "Parameters", "ResultSelector", "ResultPath", "OutputPath"),
        *("Retry", "Catch", "Assign"),
    ),
    "Map": (
        *("Next", "End", "InputPath", "ItemsPath", "ItemSelector", "Parameters", "ResultSelector", "ResultPath"),
        *(
            "OutputPath",
            "ItemProcessor",
            "Iterator",
            "MaxConcurrency",
            "MaxConcurrencyPath",
            "Retry",
            "Catch",
            "Assign",
        ),
        *("ItemReader", "ItemBatcher", "ResultWriter", "Label", "ToleratedFailureCount", "ToleratedFailureCountPath"),
        *("ToleratedFailurePercentage", "ToleratedFailurePercentagePath"),
    ),
}
_JSONATA: dict[str, tuple[str, ...]] = {
    "Task": (
        *("Next", "End", "Resource", "Arguments", "Output", "TimeoutSeconds", "HeartbeatSeconds", "Retry", "Catch"),
        *("Credentials", "Assign"),
    ),
    "Wait": ("Next", "End", "Seconds", "Timestamp", "Output", "Assign"),
    "Pass": ("Next", "End", "Output", "Assign"),
    "Succeed": ("Output",),
    "Fail": ("Error", "Cause"),
    "Choice": ("Choices", "Default", "Output", "Assign"),
    "Parallel": ("Next", "End", "Branches", "Arguments", "Output", "Retry", "Catch", "Assign"),
    "Map": (
        *("Next", "End", "Items", "ItemSelector", "ItemProcessor", "Iterator", "MaxConcurrency", "Output", "Retry"),
        *("Catch", "Assign", "ItemReader", "ItemBatcher", "ResultWriter", "Label", "ToleratedFailureCount"),
        "ToleratedFailurePercentage",
    ),
}

_JOBS = (".sync", ".sync:2")
# Optimised integrations: service -> operation -> patterns beside the plain one.
_INTEGRATIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "lambda": {"invoke": (".waitForTaskToken",)},
    "sqs": {"sendMessage": (".waitForTaskToken",)},
    "sns": {"publish": (".waitForTaskToken",)},
    "dynamodb": {"getItem": (), "putItem": (), "updateItem": (), "deleteItem": ()},
    "events": {"putEvents": (".waitForTaskToken",)},
    "states": {"startExecution": (*_JOBS, ".waitForTaskToken")},
    "apigateway": {"invoke": (".waitForTaskToken",)},
    "http": {"invoke": ()},
    "s3": {"getObject": (), "listObjectsV2": (), "putObject": ()},
    "ecs": {"runTask": (".sync", ".waitForTaskToken")},
    "batch": {"submitJob": (".sync", ".waitForTaskToken")},
    "glue": {"startJobRun": (".sync",)},
    "codebuild": dict.fromkeys(("startBuild", "startBuildBatch"), (".sync",)),
    "athena": {"startQueryExecution": (".sync",), "getQueryExecution": (), "getQueryResults": ()},
    "bedrock": {"invokeModel": (".waitForTaskToken",), "createModelCustomizationJob": (".sync",)},
    "eks": {"call": (), "runJob": (".sync",), "createCluster": (".sync",), "deleteCluster": (".sync",)},
    "elasticmapreduce": {"createCluster": (".sync",), "addStep": (".sync",), "terminateCluster": (".sync",)},
    "mediaconvert": {"createJob": (".sync",)},
    "sagemaker": dict.fromkeys(("createTrainingJob", "createTransformJob", "createProcessingJob"), (".sync",)),
}


# Parameters beyond these are left out without a word (recorded).
_SUPPORTED: dict[tuple[str, str], frozenset[str]] = {
    ("sqs", "sendMessage"): frozenset(
        (
            *("QueueUrl", "MessageBody", "DelaySeconds", "MessageAttribute", "MessageAttributes"),
            *("MessageDeduplicationId", "MessageGroupId"),
        )
    ),
}


def supported_parameters(resource: Resource, parameters: Any) -> Any:
    """The parameters that an optimised integration takes."""
    known = _SUPPORTED.get((resource.service, resource.operation)) if resource.sort == "service" else None
    if known is None or not isinstance(parameters, dict):
        return parameters
    return {name: value for name, value in parameters.items() if name in known}


@cache
def of_state(kind: str, is_jsonata: bool) -> frozenset[str]:
    """The fields that a state may have."""
    return _COMMON | frozenset((_JSONATA if is_jsonata else _JSONPATH)[kind])


def is_integration(resource: Resource) -> bool:
    """Whether AWS offers the operation with that way of waiting."""
    if resource.sort != "service":
        return True
    patterns = _INTEGRATIONS.get(resource.service, {}).get(resource.operation)
    return patterns is not None and (not resource.pattern or resource.pattern in patterns)
