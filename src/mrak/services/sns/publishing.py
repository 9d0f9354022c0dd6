"""What may be published: targets, sizes, structure, attributes; and FIFO topics' deduplication."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.sns import errors, topics
from mrak.services.sns.messages import SETTINGS
from mrak.services.sns.tables import ARCHIVE, BY_EXPIRY, DEDUPLICATED, Archived, Deduplicated, Topic

DEDUPLICATION_SECONDS = 300
_KMS_CODES = {"DisabledException": "KMSDisabled", "NotFoundException": "KMSNotFound"}
_SEQUENCE_BASE = 10**19
_SWEEP = 20
_FIFO_ID = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_IMPERMISSIBLE = re.compile(r"[^A-Za-z0-9_\-.]")
_DATA_TYPE = re.compile(r"(?:String|Number|Binary)(?:\..+)?", re.DOTALL)


def message_bytes(entry: dict[str, Any]) -> int:
    """The size that counts: body, and names, types and values of attributes."""
    size = len(entry["Message"].encode())
    for name, attribute in (entry.get("MessageAttributes") or {}).items():
        size += len(name) + len(attribute["DataType"])
        size += len((attribute.get("StringValue") or "").encode()) + len(attribute.get("BinaryValue") or b"")
    return size


def check_content(entry: dict[str, Any], topic: Topic | None) -> None:
    """Message, subject and attributes of Publish, or of one entry of a batch."""
    if not entry["Message"]:
        raise errors.invalid_parameter("Empty message")
    subject = entry.get("Subject")
    if subject is not None and (not 1 <= len(subject) <= 100 or re.search(r"[\x00-\x1f\x7f]", subject)):
        raise errors.invalid_parameter("Subject")
    for name, attribute in (entry.get("MessageAttributes") or {}).items():
        _check_attribute(name, attribute)
    if message_bytes(entry) > topics.max_message_bytes(topic):
        raise errors.invalid_parameter("Message too long")


def check_key(ctx: Context, tx: Transaction, scope: Scope, topic: Topic) -> None:
    """A topic with a KMS key takes messages while that can be used. Raises KMS's error in SNS's name."""
    named = topic.attributes.get("KmsMasterKeyId")
    if named:
        from mrak.services.kms.exports import check_named_key

        check_named_key(ctx, tx, scope, named, _KMS_CODES, "KMSInvalidState")


def parse_bodies(entry: dict[str, Any]) -> dict[str, str]:
    """The message by protocol; {"default": ...} alone where it has no structure."""
    structure = entry.get("MessageStructure")
    if not structure:
        return {"default": entry["Message"]}
    if structure != "json":
        raise errors.invalid_parameter("MessageStructure")
    try:
        document = json.loads(entry["Message"])
    except (ValueError, RecursionError):
        raise errors.invalid_parameter("Message Structure - JSON message body failed to parse") from None
    if not isinstance(document, dict) or "default" not in document:
        raise errors.invalid_parameter("Message Structure - No default entry in JSON message body")
    # What is not a string for its protocol is not seen, as at AWS.
    bodies = {name: body for name, body in document.items() if isinstance(body, str)}
    if "default" not in bodies:
        raise errors.invalid_parameter("Message Structure - No default entry in JSON message body")
    return bodies


def _check_attribute(name: str, attribute: dict[str, Any]) -> None:
    data_type = attribute.get("DataType") or ""
    _check_attribute_name(name)
    if not data_type:
        raise errors.invalid_value(f"The message attribute '{name}' must contain non-empty message attribute type.")
    if not _DATA_TYPE.fullmatch(data_type):
        raise errors.invalid_value(
            f"The message attribute '{name}' has an invalid message attribute type, the set of supported type "
            "prefixes is Binary, Number, and String."
        )
    kind = data_type.partition(".")[0]
    field = "BinaryValue" if kind == "Binary" else "StringValue"
    if field not in attribute and len(attribute) > 1:
        raise errors.invalid_value(
            f"The message attribute '{name}' with type '{data_type}' must use field '{field[:6]}'."
        )
    if not attribute.get(field):
        raise errors.invalid_value(
            f"The message attribute '{name}' must contain non-empty message attribute value for message attribute "
            f"type '{data_type}'."
        )
    if kind == "Number":
        _check_number(name, attribute[field])


def _check_attribute_name(name: str) -> None:
    if len(name.encode()) > 256:
        raise errors.invalid_value("Length of message attribute name must be less than 256 bytes.")
    if name.lower().startswith(("aws.", "amazon.")) and not name.startswith(SETTINGS):
        raise errors.invalid_value("Message attribute name starting with 'AWS.' or 'Amazon.' is reserved.")
    impermissible = _IMPERMISSIBLE.search(name)
    if impermissible:
        raise errors.invalid_value(
            f"Invalid non-alphanumeric character '#x{ord(impermissible[0]):02X}' was found in the message attribute "
            "name. Can only include alphanumeric characters, hyphens, underscores, or dots."
        )
    if name.startswith("."):
        raise errors.invalid_value("Invalid message attribute name starting with character '.' was found.")
    if name.endswith("."):
        raise errors.invalid_value("Invalid message attribute name ending with character '.' was found.")
    if ".." in name:
        raise errors.invalid_value("Message attribute name can not have successive '.' character.")


def _check_number(name: str, text: str) -> None:
    if not _NUMBER.fullmatch(text.strip()):
        raise errors.invalid_value(f"Could not cast message attribute '{name}' value to number.")


def check_ordering(entry: dict[str, Any], topic: Topic) -> str:
    """Group and deduplication of an entry; returns the deduplication id ("" for standard topics)."""
    group, deduplication = entry.get("MessageGroupId"), entry.get("MessageDeduplicationId")
    if not topic.is_fifo:
        if deduplication is not None:
            raise errors.invalid_parameter(
                "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not "
                "valid for this topic type"
            )
        if group is not None and not _FIFO_ID.fullmatch(group):
            raise errors.invalid_parameter("MessageGroupId")
        return ""
    if not group:
        raise errors.invalid_parameter("The MessageGroupId parameter is required for FIFO topics")
    if not _FIFO_ID.fullmatch(group):
        raise errors.invalid_parameter("MessageGroupId")
    if deduplication is not None:
        if not _FIFO_ID.fullmatch(deduplication):
            raise errors.invalid_parameter("MessageDeduplicationId")
        return str(deduplication)
    if topic.attributes.get("ContentBasedDeduplication") != "true":
        raise errors.invalid_parameter(
            "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided "
            "explicitly"
        )
    return hashlib.sha256(entry["Message"].encode()).hexdigest()


def deduplication_key(topic: Topic, group: str, deduplication_id: str) -> str:
    """What a repeated publish has in common with the first: the id, and the group where the topic says so."""
    by_group = topic.attributes.get("FifoThroughputScope") == "MessageGroup"
    return f"{group}\n{deduplication_id}" if by_group else deduplication_id


def find_duplicate(ctx: Context, tx: Transaction, scope: Scope, topic: Topic, key: str) -> Deduplicated | None:
    """The publish of the last five minutes that this one repeats. The topic's deduplication has to be open."""
    found = DEDUPLICATED.get(tx, scope, topic.name, key)
    return found if found is not None and found.expires_at > ctx.now else None


def admit(ctx: Context, tx: Transaction, scope: Scope, topic: Topic, key: str, message_id: str) -> str:
    """Remembers a publish to a FIFO topic and returns its sequence number. Sweeps a few rows that are over."""
    for expired in list(BY_EXPIRY.scan(tx, scope, topic.name, upto=ctx.now, limit=_SWEEP)):
        DEDUPLICATED.delete(tx, scope, expired)
    sequence_number = str(_SEQUENCE_BASE + ctx.draw.sequence())
    old = DEDUPLICATED.get(tx, scope, topic.name, key)
    new = Deduplicated(topic.name, key, message_id, sequence_number, ctx.now + DEDUPLICATION_SECONDS)
    if old is None:
        DEDUPLICATED.insert(tx, scope, new)
    else:
        DEDUPLICATED.replace(tx, scope, old, new)
    return sequence_number


def archive(tx: Transaction, scope: Scope, topic: Topic, sequence_number: str, published_at: float, raw: bytes) -> None:
    """Keeps a message of a topic with an archive policy, and drops a few that are older than it says."""
    policy = topic.attributes.get("ArchivePolicy")
    if not policy:
        return
    days = float(json.loads(policy).get("MessageRetentionPeriod", 0))
    for old in list(ARCHIVE.scan(tx, scope, topic.name, limit=_SWEEP)):
        if old.published_at >= published_at - days * 86_400:
            break
        ARCHIVE.delete(tx, scope, old)
    ARCHIVE.insert(tx, scope, Archived(topic.name, int(sequence_number) - _SEQUENCE_BASE, published_at, raw))
