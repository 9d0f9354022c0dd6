"""A queue's settings: from attributes as AWS spells them to a `Queue` and back.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from mrak.auth.policy import parse_policy
from mrak.core.arn import arn, find_arn
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError
from mrak.core.scope import Scope
from mrak.services.sqs import errors
from mrak.services.sqs.tables import DUE, FIFO_DUE, FRESH, QUEUES, TALLIES, Queue

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_FIFO_NAME = re.compile(r"[A-Za-z0-9_-]{1,75}\.fifo")
_MOST_TAGS = 50
_ACCOUNT = re.compile(r"\d{12}")

# Attribute -> (field, least, most).
_NUMBERS = {
    "VisibilityTimeout": ("visibility_timeout_seconds", 0, 43_200),
    "DelaySeconds": ("delay_seconds", 0, 900),
    "MessageRetentionPeriod": ("retention_seconds", 60, 1_209_600),
    "MaximumMessageSize": ("maximum_message_bytes", 1024, 1_048_576),
    "ReceiveMessageWaitTimeSeconds": ("wait_time_seconds", 0, 20),
}
_DEFAULTS = msgspec.structs.asdict(Queue(name="", created_at=0, modified_at=0))
# Attributes that are kept as text, with their value where none was set (None: then they are not shown).
_TEXTS: dict[str, str | None] = {
    "Policy": None,
    "RedriveAllowPolicy": None,
    "KmsMasterKeyId": None,
    "KmsDataKeyReusePeriodSeconds": None,
    "SqsManagedSseEnabled": "true",
}
# Attributes of FIFO queues -> (field, values). FifoQueue itself is settled when the queue is made.
_FIFO_ONLY: dict[str, tuple[str, dict[str, str | bool]]] = {
    "ContentBasedDeduplication": ("content_based_deduplication", {"true": True, "false": False}),
    "DeduplicationScope": ("deduplication_scope", {"queue": "queue", "messageGroup": "messageGroup"}),
    "FifoThroughputLimit": (
        "throughput_limit",
        {"perQueue": "perQueue", "perMessageGroupId": "perMessageGroupId"},
    ),
}
_SWITCHES = ("FifoQueue", "ContentBasedDeduplication", "SqsManagedSseEnabled")
_COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
READABLE = (
    "All",
    "QueueArn",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "RedrivePolicy",
    "FifoQueue",
    *_FIFO_ONLY,
    *_COUNTS,
    *_NUMBERS,
    *_TEXTS,
)


def require(tx: Transaction, scope: Scope, url: str) -> tuple[Scope, Queue]:
    """The queue that a URL names, with its own scope. Raises QueueDoesNotExist."""
    account, name = parse_url(url)
    if account and account != scope.account:
        scope = scope.in_account(account)
    queue = QUEUES.get(tx, scope, name)
    if queue is None:
        raise errors.queue_does_not_exist()
    return scope, queue


@lru_cache(maxsize=4096)
def parse_url(url: str) -> tuple[str, str]:
    """(account, name) of a queue URL in any form that SDKs send; account "" where the URL names none.

    The last two segments of the path count: `http://localhost:4566/123456789012/orders`, LocalStack's
    `/queue/us-east-1/123456789012/orders`, or a bare name.
    """
    segments = [unquote(part) for part in urlsplit(url).path.split("/") if part]
    if not segments:
        # AWS looks for a queue by a URL without a path too, and finds none.
        raise errors.queue_does_not_exist()
    account = segments[-2] if len(segments) > 1 else ""
    if account and not _ACCOUNT.fullmatch(account):
        raise errors.invalid_address(url)
    return account, segments[-1]


def render_url(ctx: Context, scope: Scope, name: str) -> str:
    return f"{ctx.endpoint}/{scope.account}/{name}"


def queue_arn(scope: Scope, name: str) -> str:
    return arn(scope, "sqs", name)


def topic(scope: Scope, name: str) -> str:
    """What is notified when a message may have become visible."""
    return f"sqs.queue/{scope.account}/{scope.region}/{name}"


def check_name(name: str, fifo: bool) -> None:
    """A FIFO queue's name ends with .fifo, and no other's does."""
    if fifo and not _FIFO_NAME.fullmatch(name):
        raise errors.invalid_parameter(
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end "
            "with .fifo suffix and be 1 to 80 in length."
        )
    if not fifo and not _NAME.fullmatch(name):
        raise errors.invalid_parameter(
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
        )


def spell_switches(attributes: dict[str, str]) -> dict[str, str]:
    """The attributes with true and false in small letters: AWS takes them in any case and shows them so."""
    return {name: value.lower() if name in _SWITCHES else value for name, value in attributes.items()}


def with_tags(queue: Queue, added: dict[str, str]) -> Queue:
    """The queue with more tags, or with other values for those that it has."""
    for key, value in added.items():
        if not 1 <= len(key) <= 128:
            raise errors.invalid_parameter("Tag keys must be between 1 and 128 characters in length.")
        if len(value) > 256:
            raise errors.invalid_parameter("Tag values must be between 0 and 256 characters in length.")
    tags = queue.tags | added
    if len(tags) > _MOST_TAGS:
        raise errors.invalid_parameter(f"Too many tags added for queue {queue.name}.")
    return msgspec.structs.replace(queue, tags=tags)


def apply_attributes(queue: Queue, attributes: dict[str, str]) -> Queue:
    """The queue with attributes set, each checked. Setting one to "" gives it its default back."""
    if attributes.get("KmsMasterKeyId") and attributes.get("SqsManagedSseEnabled") == "true":
        raise errors.two_encryptions()
    changes: dict[str, Any] = {}
    settings = dict(queue.settings)
    for name, value in attributes.items():
        if name in _NUMBERS:
            field, least, most = _NUMBERS[name]
            changes[field] = _parse_number(name, value, least, most) if value else _DEFAULTS[field]
        elif name == "RedrivePolicy":
            changes["dead_letter_arn"], changes["max_receive_count"] = parse_redrive_policy(value)
        elif name in _FIFO_ONLY and queue.fifo:
            field, values = _FIFO_ONLY[name]
            if value not in values:
                raise errors.invalid_attribute_value(name)
            changes[field] = values[value]
        elif name == "FifoQueue" and queue.fifo:
            if value != "true":
                reason = "Modifying queue type is not supported." if value == "false" else ""
                raise errors.invalid_attribute_value(name, reason)
        elif name in _TEXTS:
            _check_text(name, value)
            settings[name] = value
            if not value:
                del settings[name]
            elif name == "KmsMasterKeyId":
                # A queue has one kind of encryption; removing the key does not bring the other back.
                settings["SqsManagedSseEnabled"] = "false"
        else:
            raise errors.unknown_attribute(name)
    return msgspec.structs.replace(queue, settings=settings, **changes)


def parse_redrive_policy(text: str) -> tuple[str, int]:
    """(dead-letter queue's ARN, maxReceiveCount); ("", 0) for an empty policy, which removes it."""
    if not text:
        return "", 0
    try:
        policy = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise errors.invalid_attribute_value("RedrivePolicy", "Redrive policy is not a valid JSON map.") from None
    if not isinstance(policy, dict):
        raise errors.invalid_attribute_value("RedrivePolicy", "Redrive policy is not a valid JSON map.")
    for name in ("deadLetterTargetArn", "maxReceiveCount"):
        if policy.get(name) in (None, ""):
            raise errors.invalid_value(
                text, "RedrivePolicy", f"Redrive policy does not contain mandatory attribute: {name}."
            )
    target, count = policy["deadLetterTargetArn"], str(policy["maxReceiveCount"])
    if find_arn(str(target)) is None:
        raise errors.invalid_value(text, "RedrivePolicy", "Invalid value for deadLetterTargetArn.")
    if not count.isdigit() or not 1 <= int(count) <= 1000:
        raise errors.invalid_value(
            text,
            "RedrivePolicy",
            f"Invalid value for maxReceiveCount: {count}, valid values are from 1 to 1000 both inclusive.",
        )
    return str(target), int(count)


def render_redrive_policy(queue: Queue) -> str:
    policy = {"deadLetterTargetArn": queue.dead_letter_arn, "maxReceiveCount": queue.max_receive_count}
    return msgspec.json.encode(policy).decode()


def render_attributes(tx: Transaction, scope: Scope, queue: Queue, wanted: list[str], now: float) -> dict[str, str]:
    """The attributes that were asked for; counts are only made when asked for."""
    everything = "All" in wanted
    shown = _settings_shown(scope, queue)
    if everything or any(name in wanted for name in _COUNTS):
        shown |= count_messages(tx, scope, queue, now)
    return shown if everything else {name: value for name, value in shown.items() if name in wanted}


def check_redrive(tx: Transaction, scope: Scope, queue: Queue) -> None:
    """The dead-letter queue has to be there, be of the same type, and let this queue use it."""
    if not queue.dead_letter_arn:
        return
    target = find_arn(queue.dead_letter_arn)
    assert target is not None, queue.dead_letter_arn
    found = QUEUES.get(tx, target.scope_in(scope.environment), target.resource)
    policy = render_redrive_policy(queue)
    if found is None:
        raise errors.invalid_value(policy, "RedrivePolicy", "Dead letter target does not exist.")
    if found.fifo != queue.fifo:
        raise errors.invalid_value(
            policy, "RedrivePolicy", "Dead-letter queue must be same type of queue as the source."
        )
    if not _allows_redrive(found, queue_arn(scope, queue.name)):
        raise errors.invalid_value(
            policy, "RedrivePolicy", "The dead-letter queue's redrive allow policy does not allow this queue."
        )


def _allows_redrive(dead_letter_queue: Queue, source_arn: str) -> bool:
    text = dead_letter_queue.settings.get("RedriveAllowPolicy")
    if not text:
        return True
    policy = msgspec.json.decode(text)
    permission = policy.get("redrivePermission", "allowAll")
    return permission == "allowAll" or (permission == "byQueue" and source_arn in policy.get("sourceQueueArns", ()))


def first_difference(queue: Queue, attributes: dict[str, str], scope: Scope) -> str | None:
    """The first attribute for which creating the queue again asks for something else than it has."""
    shown = _settings_shown(scope, queue)
    wanted = _settings_shown(scope, apply_attributes(queue, attributes))
    return next((name for name in attributes if wanted.get(name) != shown.get(name)), None)


def _settings_shown(scope: Scope, queue: Queue) -> dict[str, str]:
    shown = {
        "QueueArn": queue_arn(scope, queue.name),
        "CreatedTimestamp": str(int(queue.created_at)),
        "LastModifiedTimestamp": str(int(queue.modified_at)),
    }
    shown |= {name: str(getattr(queue, field)) for name, (field, _, _) in _NUMBERS.items()}
    shown |= {name: value for name, value in _TEXTS.items() if value is not None} | queue.settings
    if "KmsMasterKeyId" in queue.settings:
        shown.setdefault("KmsDataKeyReusePeriodSeconds", "300")
    if queue.fifo:
        shown |= {
            "FifoQueue": "true",
            "ContentBasedDeduplication": "true" if queue.content_based_deduplication else "false",
            "DeduplicationScope": queue.deduplication_scope,
            "FifoThroughputLimit": queue.throughput_limit,
        }
    if queue.dead_letter_arn:
        shown["RedrivePolicy"] = render_redrive_policy(queue)
    return shown


def count_messages(tx: Transaction, scope: Scope, queue: Queue, now: float) -> dict[str, str]:
    deviation("SQS-001")
    tally = TALLIES.get(tx, scope, queue.name)
    if queue.fifo:
        delayed = FIFO_DUE.count(tx, scope, queue.name, 0, after=now)
        in_flight = FIFO_DUE.count(tx, scope, queue.name, 1, after=now)
    else:
        delayed = FRESH.count(tx, scope, queue.name, after=now)
        in_flight = DUE.count(tx, scope, queue.name, after=now)
    total = 0 if tally is None else tally.messages
    return dict(zip(_COUNTS, (str(total - delayed - in_flight), str(in_flight), str(delayed)), strict=True))


def _parse_number(name: str, value: str, least: int, most: int) -> int:
    if not re.fullmatch(r"-?\d{1,9}", value) or not least <= int(value) <= most:
        raise errors.invalid_attribute_value(name)
    return int(value)


def _check_text(name: str, value: str) -> None:
    if not value:
        return
    if name == "SqsManagedSseEnabled" and value not in ("true", "false"):
        raise errors.invalid_attribute_value(name)
    if name == "KmsDataKeyReusePeriodSeconds":
        _parse_number(name, value, 60, 86_400)
    if name in ("Policy", "RedriveAllowPolicy"):
        try:
            parsed = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            parsed = None
        if not isinstance(parsed, dict) or (name == "Policy" and not _is_policy(parsed)):
            raise errors.invalid_attribute_value(name)
        if name == "RedriveAllowPolicy" and not _is_redrive_allow_policy(parsed):
            reason = "Amazon SQS can't create the redrive allow policy, as it\u2019s in an unsupported format."
            raise errors.invalid_value(value, name, reason)


def _is_policy(document: dict[str, Any]) -> bool:
    try:
        parse_policy(document)
    except ApiError:
        return False
    return True


def _is_redrive_allow_policy(policy: dict[str, Any]) -> bool:
    """Queues are named where they, and no others, may use the queue: one to ten."""
    sources, permission = policy.get("sourceQueueArns"), policy.get("redrivePermission")
    if permission != "byQueue":
        return permission in ("allowAll", "denyAll") and sources is None
    if not isinstance(sources, list) or not 1 <= len(sources) <= 10:
        return False
    return all(isinstance(source, str) and find_arn(source) is not None for source in sources)
