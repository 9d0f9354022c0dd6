"""Dead letters: what a target should have got, with the reason in the message's attributes, in AWS's words.

Recorded: a failure that no further attempt could mend tells nothing of attempts; one that was tried in vain tells how
often, and which of its two limits it met.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.arn import find_arn
from mrak.core.background import Delivery, parse_dead
from mrak.core.context import Context, Transaction
from mrak.core.operation import delivery
from mrak.services.events.matching import SERVICE, Work, exhausted_condition
from mrak.services.events.tables import TARGETS
from mrak.services.sqs import exports as sqs

_NO_PERMISSIONS = ("AccessDeniedException", "AccessDenied", "AuthorizationError")
_NO_RESOURCE = ("ResourceNotFoundException", "AWS.SimpleQueueService.NonExistentQueue", "NotFound")
_OWN_CODES = (
    "INVALID_JSON",
    "NO_PERMISSIONS",
    "THIRD_ACCOUNT_HOP_DETECTED",
    "THIRD_REGION_HOP_DETECTED",
)
# What AWS's SDK calls the services, at the end of its messages.
_SDK_NAMES = {
    "kinesis": "AmazonKinesis",
    "lambda": "AWSLambda",
    "logs": "AWSLogs",
    "sns": "AmazonSNS",
    "sqs": "AmazonSQS",
    "states": "AWSStepFunctions",
}
_ACTIONS = {"sns": "SNS:Publish", "sqs": "sqs:sendmessage"}


@delivery("events.dead")
def bury(ctx: Context, tx: Transaction, made: Delivery) -> None:
    """Takes what could not be delivered to the target's dead-letter queue, if it still has one."""
    failed = parse_dead(made.payload)
    _, rule_arn, bus, rule, target_id, _ = failed.lane.split("|")
    found = find_arn(rule_arn)
    assert found is not None, failed.lane
    target = TARGETS.get(tx, found.scope_in(made.scope.environment), bus, rule, target_id)
    queue_arn = (target.settings.get("DeadLetterConfig") or {}).get("Arn") if target is not None else None
    if target is None or not queue_arn:
        return
    texts = {
        "RULE_ARN": rule_arn,
        "TARGET_ARN": target.arn,
        "ERROR_CODE": _error_code(failed.failure),
        "ERROR_MESSAGE": _error_message(ctx, target.arn, failed.failure),
    }
    attributes = {name: {"DataType": "String", "StringValue": text} for name, text in texts.items()}
    if failed.is_exhausted:
        attributes |= _exhaustion(failed)
    message = {"MessageBody": _body(failed), "MessageAttributes": attributes, **_trace(failed)}
    tx.enqueue(sqs.delivery(ctx, queue_arn, message, sender=sqs.Sender(SERVICE, rule_arn)))


def _exhaustion(failed: Delivery) -> dict[str, dict[str, str]]:
    return {
        "RETRY_ATTEMPTS": {"DataType": "Number", "StringValue": str(failed.attempts - 1)},
        "EXHAUSTED_RETRY_CONDITION": {"DataType": "String", "StringValue": exhausted_condition(failed)},
    }


def _body(failed: Delivery) -> str:
    """What the target should have got."""
    if failed.kind.startswith("events."):
        return msgspec.msgpack.decode(failed.payload, type=Work).input
    message = msgspec.msgpack.decode(failed.payload)[1]
    return str(message.get("MessageBody") or message.get("Message"))


def _trace(failed: Delivery) -> dict[str, Any]:
    """The event's trace goes on with the dead letter."""
    if failed.kind.startswith("events."):
        return sqs.traced(msgspec.msgpack.decode(failed.payload, type=Work).trace)
    system = msgspec.msgpack.decode(failed.payload)[1].get("MessageSystemAttributes")
    return {"MessageSystemAttributes": system} if system else {}


def _error_code(failure: str) -> str:
    code = failure.partition(":")[0]
    if code in _OWN_CODES:
        return code
    if code in _NO_PERMISSIONS:
        return "NO_PERMISSIONS"
    if code in _NO_RESOURCE or code.endswith(("KMS.DisabledException", "KmsDisabled")):
        return "NO_RESOURCE"
    return code if code.isidentifier() else "SDK_CLIENT_ERROR"


def _error_message(ctx: Context, target_arn: str, failure: str) -> str:
    code, colon, text = failure.partition(": ")
    found = find_arn(target_arn)
    name = _SDK_NAMES.get(found.service) if found is not None else None
    if code in _OWN_CODES or not colon:
        return text or failure or "unknown"
    if found is None or name is None:
        return failure
    if code in _NO_PERMISSIONS and found.service in _ACTIONS:
        action = _ACTIONS[found.service]
        text = (
            f"User: {SERVICE} is not authorized to perform: {action} on resource: {target_arn} because no "
            f"resource-based policy allows the {action} action"
        )
    elif code == "AWS.SimpleQueueService.NonExistentQueue":
        text = "The specified queue does not exist or you do not have access to it."
    status = 403 if code in _NO_PERMISSIONS else 404 if name == "AWSLambda" and code in _NO_RESOURCE else 400
    detail = f"Service: {name}; Status Code: {status}; Error Code: {code}; Request ID: {ctx.draw.uuid()}; Proxy: null"
    return f"{text} ({detail})"
