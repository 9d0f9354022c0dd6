"""Topics: their names, attributes, policies and retry policies."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from mrak.auth.evaluation import lets_service_act
from mrak.auth.policy import parse_policy
from mrak.auth.principals import Principal
from mrak.core.arn import arn, find_arn
from mrak.core.context import Transaction
from mrak.core.errors import ApiError
from mrak.core.scope import Scope
from mrak.services.sns import errors, retrypolicies
from mrak.services.sns.tables import TOPICS, Topic

_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}")
_is_count = re.compile(r"[0-9]{1,9}").fullmatch
_FIFO_NAME = re.compile(r"[A-Za-z0-9_-]{1,251}\.fifo")
FEEDBACK = frozenset(
    f"{endpoint}{what}"
    for endpoint in ("HTTP", "SQS", "Lambda", "Firehose", "Application")
    for what in ("SuccessFeedbackRoleArn", "SuccessFeedbackSampleRate", "FailureFeedbackRoleArn")
)
SETTABLE = FEEDBACK | {
    "ArchivePolicy",
    "ContentBasedDeduplication",
    "DeliveryPolicy",
    "DisplayName",
    "FifoThroughputScope",
    "KmsMasterKeyId",
    "MaximumMessageSize",
    "Policy",
    "SignatureVersion",
    "TracingConfig",
}
_SWITCHES = ("FifoTopic", "ContentBasedDeduplication")
_OF_FIFO = ("ContentBasedDeduplication", "FifoThroughputScope")
POLICY_ACTIONS = (
    "GetTopicAttributes",
    "SetTopicAttributes",
    "AddPermission",
    "RemovePermission",
    "DeleteTopic",
    "Subscribe",
    "ListSubscriptionsByTopic",
    "Publish",
)
# What a topic's policy may name, in small letters.
_SCOPED_ACTIONS = frozenset(
    {
        *(action.lower() for action in POLICY_ACTIONS),
        *("confirmsubscription", "listtagsforresource", "receive", "tagresource", "untagresource"),
        *("getdataprotectionpolicy", "putdataprotectionpolicy"),
    }
)
_MAX_ARCHIVE_DAYS = 365
_DEFAULT_RETRY = {
    "minDelayTarget": 20,
    "maxDelayTarget": 20,
    "numRetries": 3,
    "numMaxDelayRetries": 0,
    "numNoDelayRetries": 0,
    "numMinDelayRetries": 0,
    "backoffFunction": "linear",
}
_DEFAULT_CONTENT_TYPE = "text/plain; charset=UTF-8"


def topic_arn(scope: Scope, name: str) -> str:
    return arn(scope, "sns", name)


def check_name(name: str, is_fifo: bool) -> None:
    if not (_FIFO_NAME if is_fifo else _NAME).fullmatch(name):
        raise errors.invalid_parameter("Topic Name")


def locate(scope: Scope, text: str, parameter: str = "TopicArn") -> tuple[Scope, str]:
    """The scope and name that a topic's ARN names. It may be in another account, not in another region."""
    found = find_arn(text)
    if found is None:
        if text.count(":") >= 5:
            raise errors.invalid_parameter(parameter)
        raise errors.short_arn(parameter, text)
    if found.region != scope.region or found.service != "sns" or ":" in found.resource or not found.resource:
        raise errors.invalid_parameter(parameter)
    return scope.in_account(found.account), found.resource


def require(tx: Transaction, scope: Scope, text: str) -> tuple[Scope, Topic]:
    """The topic of an ARN, for reading."""
    home, name = locate(scope, text)
    topic = TOPICS.get(tx, home, name)
    if topic is None:
        raise errors.no_topic()
    return home, topic


def require_open(tx: Transaction, scope: Scope, text: str) -> tuple[Scope, Topic]:
    """The topic of an ARN, for writing."""
    home, name = locate(scope, text)
    topic = TOPICS.open(tx, home, name)
    if topic is None:
        raise errors.no_topic()
    return home, topic


def default_policy(scope: Scope, name: str) -> dict[str, Any]:
    """What AWS gives a topic that has no policy: its owner may do everything."""
    return {
        "Version": "2008-10-17",
        "Id": "__default_policy_ID",
        "Statement": [
            {
                "Sid": "__default_statement_ID",
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": [f"SNS:{action}" for action in POLICY_ACTIONS],
                "Resource": topic_arn(scope, name),
                "Condition": {"StringEquals": {"AWS:SourceOwner": scope.account}},
            }
        ],
    }


def policy_of(scope: Scope, topic: Topic) -> dict[str, Any]:
    """The topic's policy as a document."""
    text = topic.attributes.get("Policy")
    if not text:
        return default_policy(scope, topic.name)
    document: dict[str, Any] = json.loads(text)
    return {**document, "Statement": _statements(document)}


def render_policy(document: dict[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"))


def lets_publish(scope: Scope, topic: Topic, service: Principal, now: float) -> bool:
    """Whether the topic's policy lets one of AWS's services publish for one of somebody's resources."""
    policy = render_policy(policy_of(scope, topic))
    return lets_service_act(policy, service, "sns:Publish", topic_arn(scope, topic.name), int(now // 60))


def spell_switches(attributes: dict[str, str]) -> dict[str, str]:
    """The attributes with true and false in small letters, since AWS takes them in any case."""
    return {name: value.lower() if name in _SWITCHES else value for name, value in attributes.items()}


def check_settable(topic: Topic, name: str, value: str) -> None:
    """What SetTopicAttributes may name: a topic's type stays, and only FIFO topics have FIFO's settings."""
    if name not in SETTABLE and not (topic.is_fifo and name == "FifoTopic"):
        raise errors.invalid_parameter("AttributeName")
    if name in _OF_FIFO and not topic.is_fifo:
        raise errors.invalid_parameter("AttributeName")
    if name == "FifoTopic" and value == "false":
        raise errors.invalid_parameter("FifoTopic: Modifying topic type is not supported")
    if name == "FifoThroughputScope" and value == "Topic" and topic.attributes.get(name) == "MessageGroup":
        raise errors.invalid_parameter("Modifying FifoThroughputScope from MessageGroup to Topic is not supported")


def check_attribute(name: str, value: str, prefix: str = "") -> str:
    """An attribute's value as it is stored; `prefix` is "Attributes Reason: " where it came with CreateTopic."""
    if name == "ArchivePolicy" and value.strip() == "{}":
        return ""
    if name in ("Policy", "ArchivePolicy", "DeliveryPolicy") and value:
        return _check_document(name, value, prefix)
    if name in _SWITCHES and value not in ("true", "false"):
        raise errors.invalid_parameter(f"{prefix}{name}: Invalid value [{value}]. Must be true or false.")
    if name == "SignatureVersion" and value not in ("1", "2"):
        raise errors.invalid_parameter(f"{prefix}SignatureVersion")
    if name == "TracingConfig" and value not in ("PassThrough", "Active"):
        raise errors.invalid_parameter(f"{prefix}Invalid tracing config value: {value}")
    if name == "FifoThroughputScope" and value not in ("Topic", "MessageGroup"):
        raise errors.invalid_parameter(f"{prefix}Invalid FifoThroughputScope: {value}")
    if name == "MaximumMessageSize" and not (_is_count(value) and 1024 <= int(value) <= 1_048_576):
        raise errors.invalid_parameter(f"{prefix}MaximumMessageSize")
    if errors.CONTROL.search(value):
        raise errors.invalid_parameter(f"{prefix}{name}")
    if name == "DisplayName" and len(value) > 100:
        raise errors.invalid_parameter(f"{prefix}DisplayName: maximum length is 100")
    if name.endswith("SampleRate") and not (_is_count(value) and int(value) <= 100):
        raise errors.invalid_parameter(f"{prefix}{name}: value provided is not an integer between 0-100")
    return value


def _check_document(name: str, value: str, prefix: str) -> str:
    try:
        document = json.loads(value)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        reason = "Policy Error: null" if name == "Policy" else f"{name}: failed to parse JSON."
        raise errors.invalid_parameter(f"{prefix}{reason}")
    if name == "DeliveryPolicy":
        retrypolicies.check_topic_policy(document, prefix)
        return retrypolicies.normal_topic_policy(document)
    if name == "Policy":
        _check_policy(document, prefix)
    else:
        days = document.get("MessageRetentionPeriod")
        if days is None:
            raise errors.invalid_parameter(f"{prefix}ArchivePolicy: JSON is missing required fields")
        if not re.fullmatch(r"\d{1,3}", str(days)) or not 1 <= int(days) <= _MAX_ARCHIVE_DAYS:
            raise errors.invalid_parameter(f"{prefix}ArchivePolicy: MessageRetentionPeriod value is invalid")
    return value


def _check_policy(document: dict[str, Any], prefix: str) -> None:
    """Its form, and that its actions are among those of topics: sns:* and * are more than they have."""
    try:
        parse_policy(document)
    except ApiError:
        raise errors.invalid_parameter(f"{prefix}Policy Error: null") from None
    for statement in _statements(document):
        actions = statement.get("Action", statement.get("NotAction"))
        for action in [actions] if isinstance(actions, str) else actions or ():
            service, _, named = action.lower().partition(":")
            if service != "sns" or not _is_topics_action(named):
                raise errors.invalid_parameter(f"{prefix}Policy statement action out of service scope!")


def _is_topics_action(name: str) -> bool:
    return name != "*" and any(fnmatchcase(action, name) for action in _SCOPED_ACTIONS)


def _statements(document: dict[str, Any]) -> list[dict[str, Any]]:
    """One statement may stand without its list."""
    found = document["Statement"]
    return [found] if isinstance(found, dict) else found


def effective_delivery_policy(topic: Topic) -> dict[str, Any]:
    """The topic's retry policy with AWS's defaults filled in."""
    text = topic.attributes.get("DeliveryPolicy")
    http = json.loads(text)["http"] if text else {}
    retry = _DEFAULT_RETRY | {
        key: value for key, value in (http.get("defaultHealthyRetryPolicy") or {}).items() if value is not None
    }
    request = {"headerContentType": _DEFAULT_CONTENT_TYPE} | (http.get("defaultRequestPolicy") or {})
    effective = {
        "defaultHealthyRetryPolicy": retry,
        "disableSubscriptionOverrides": bool(http.get("disableSubscriptionOverrides")),
        "defaultRequestPolicy": request,
    }
    if http.get("defaultThrottlePolicy"):
        effective["defaultThrottlePolicy"] = http["defaultThrottlePolicy"]
    return {"http": effective}


def max_message_bytes(topic: Topic | None) -> int:
    if topic is None:
        return 262_144
    return int(topic.attributes.get("MaximumMessageSize") or 262_144)


def parse_timestamp(text: object, member: str) -> float:
    """An ISO 8601 moment of a replay policy."""
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC).timestamp()
    except (ValueError, OverflowError):
        raise errors.invalid_parameter(f"ReplayPolicy: {member} is invalid") from None
