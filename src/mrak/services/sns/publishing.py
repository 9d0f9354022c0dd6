"""What may be published: targets, sizes, structure, attributes; and FIFO topics' deduplication."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.lang.jsontexts import check_texts
from mrak.lang.messagenumbers import find_fault
from mrak.services.sns import errors, topics
from mrak.services.sns.messages import SETTINGS
from mrak.services.sns.tables import ARCHIVE, BY_EXPIRY, DEDUPLICATED, Archived, Deduplicated, Topic

DEDUPLICATION_SECONDS = 300
_KMS_CODES = {"DisabledException": "KMSDisabled", "NotFoundException": "KMSNotFound"}
_SEQUENCE_BASE = 10**19
_SWEEP = 20
_FIFO_ID = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}")
_IMPERMISSIBLE = re.compile(r"[^A-Za-z0-9_\-.]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BEYOND_BMP = re.compile(r"[\U00010000-\U0010ffff]")
_DATA_TYPE = re.compile(r"(?:String|Number|Binary)(?:\..+)?", re.DOTALL)


def message_bytes(entry: dict[str, Any]) -> int:
    """The size that counts: body, and names, types and values of attributes."""
    size = len(entry["Message"].encode())
    for name, attribute in (entry.get("MessageAttributes") or {}).items():
        size += len(name) + len(attribute["DataType"])
        size += len((attribute.get("StringValue") or "").encode()) + len(attribute.get("BinaryValue") or b"")
    return size


def _utf16_units(text: str) -> int:
    return len(text) + len(_BEYOND_BMP.findall(text))


def check_attributes(entry: dict[str, Any]) -> None:
    """Message attributes of Publish, or of one entry of a batch, all of which they refuse."""
    for name, attribute in (entry.get("MessageAttributes") or {}).items():
        _check_attribute(name, attribute)


def check_content(entry: dict[str, Any], topic: Topic | None) -> None:
    """Message and subject of Publish, or of one entry of a batch."""
    if not entry["Message"]:
        raise errors.invalid_parameter("Empty message")
    subject = entry.get("Subject")
    if subject is not None and (not 1 <= _utf16_units(subject) <= 100 or _CONTROL.search(subject)):
        raise errors.invalid_parameter("Subject")
    if message_bytes(entry) > topics.max_message_bytes(topic):
        raise errors.invalid_parameter("Message too long")


def check_key(ctx: Context, tx: Transaction, scope: Scope, topic: Topic) -> None:
    """A topic with a KMS key takes messages while that can be used. Raises KMS's error in SNS's name."""
    named = topic.attributes.get("KmsMasterKeyId")
    if named:
        from mrak.services.kms.exports import check_named_key

        check_named_key(ctx, tx, scope, named, _KMS_CODES, "KMSInvalidState", quotes=True)


def parse_bodies(entry: dict[str, Any]) -> dict[str, str]:
    """The message by protocol; {"default": ...} alone where it has no structure."""
    structure = entry.get("MessageStructure")
    if not structure:
        return {"default": entry["Message"]}
    if structure != "json":
        raise errors.invalid_parameter("MessageStructure")
    try:
        document = json.loads(entry["Message"])
        check_texts(document)
    except (ValueError, RecursionError):
        raise errors.invalid_parameter("Message Structure - JSON message body failed to parse") from None
    default = document.get("default", {}) if isinstance(document, dict) else {}
    if isinstance(default, dict | list):
        raise errors.invalid_parameter("Message Structure - No default entry in JSON message body")
    # What is not a string for its protocol is not seen, as at AWS; but the default may be any scalar.
    bodies = {name: body for name, body in document.items() if isinstance(body, str)}
    return bodies | {"default": default if isinstance(default, str) else json.dumps(default)}


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
    elif kind == "String" and _BEYOND_BMP.search(attribute[field]):
        raise errors.invalid_parameter(f"Invalid attribute value was passed in for message attribute {name}")


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
    fault = find_fault(text)
    if fault == "syntax":
        raise errors.invalid_value(f"Could not cast message attribute '{name}' value to number.")
    number = f"Message attribute '{name}' number value [{text}]"
    if fault == "range":
        raise errors.invalid_value(f"{number} scale must be 10^-128 and 10^126.")
    if fault == "precision":
        raise errors.invalid_value(f"{number} must have less than 38 precision digits.")


def check_ordering(entry: dict[str, Any], topic: Topic) -> str:
    """Group and deduplication of an entry; returns the deduplication id ("" for standard topics)."""
    group, deduplication = entry.get("MessageGroupId"), entry.get("MessageDeduplicationId")
    if not topic.is_fifo:
        if deduplication is not None:
            raise errors.invalid_parameter(
                "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not "
                "valid for this topic type"
            )
        if group is not None:
            _check_identifier("MessageGroupId", group)
        return ""
    if not group:
        raise errors.invalid_parameter("The MessageGroupId parameter is required for FIFO topics")
    _check_identifier("MessageGroupId", group)
    if deduplication is not None:
        _check_identifier("MessageDeduplicationId", deduplication)
        return str(deduplication)
    if topic.attributes.get("ContentBasedDeduplication") != "true":
        raise errors.invalid_parameter(
            "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided "
            "explicitly"
        )
    return hashlib.sha256(entry["Message"].encode()).hexdigest()


def _check_identifier(parameter: str, value: str) -> None:
    if not _FIFO_ID.fullmatch(value):
        raise errors.invalid_parameter(
            f"The {parameter} parameter can only include alphanumeric and punctuation characters. 1 to 128 in length"
        )


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
