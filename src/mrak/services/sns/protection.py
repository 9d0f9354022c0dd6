"""Data protection policies: what becomes of sensitive data in a topic's messages.

A statement finds data by identifiers, on the way in (by who publishes) or out (by who subscribed), and then audits,
hides or denies. On the way in, all that a publish carries is looked at before anything is sent; on the way out each
subscription gets its own look.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-data-protection-policies.html
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from mrak.core.background import Delivery, settle
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError
from mrak.core.operation import delivery
from mrak.core.scope import Scope
from mrak.lang import sensitivedata
from mrak.lang.sensitivedata import ARN_PREFIX, Finding, Identifier, managed
from mrak.services.logs import exports as logs
from mrak.services.sns import errors
from mrak.services.sns.messages import Message
from mrak.services.sns.tables import Subscription, Topic

_MOST_BYTES = 30_720
_VERSION = "2021-06-01"
_INBOUND, _OUTBOUND = "Inbound", "Outbound"
_DIRECTIONS = (_INBOUND, _OUTBOUND)
_CUSTOM_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_MOST_CUSTOM, _MOST_REGEX = 10, 200
_VENDED = "/aws/vendedlogs/"


@dataclass(frozen=True, slots=True)
class Statement:
    """`operation` is Audit, Deidentify or Deny. `character` hides what is found, "" takes it away; the destinations
    and the rate are an audit's."""

    direction: str
    principals: frozenset[str]
    identifiers: tuple[Identifier, ...]
    operation: str
    character: str = ""
    sample_percent: int = 0
    with_findings: dict[str, str] | None = None
    without_findings: dict[str, str] | None = None

    def is_for(self, direction: str, principal: str) -> bool:
        return self.direction == direction and ("*" in self.principals or principal in self.principals)

    def find(self, text: str) -> list[Finding]:
        return sensitivedata.find(text, self.identifiers)


def check(topic_is_fifo: bool, text: str) -> None:
    """Refuses a policy that could not be applied."""
    if text and topic_is_fifo:
        raise _refused("Data protection policies are not supported for FIFO topics")
    if text:
        parse(text)


@lru_cache(maxsize=512)
def parse(text: str) -> tuple[Statement, ...]:
    """The statements of a policy. Cached, since topics keep texts."""
    if len(text.encode()) > _MOST_BYTES:
        raise _refused(f"Policy must not be longer than {_MOST_BYTES} bytes")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise _refused("Policy is not valid JSON") from None
    if not isinstance(document, dict) or not isinstance(document.get("Statement"), list):
        raise _refused("Policy is not valid JSON")
    if document.get("Version") != _VERSION:
        raise _refused(f"Version must be {_VERSION}")
    custom = _parse_custom(document.get("Configuration") or {})
    statements = tuple(_parse_statement(statement, custom) for statement in document["Statement"])
    if not statements:
        raise _refused("Policy has no statements")
    if sum(statement.operation == "Audit" for statement in statements) > 1:
        raise _refused("Policy can have only one audit statement")
    return statements


def _refused(reason: str) -> ApiError:
    return errors.invalid_parameter(f"DataProtectionPolicy Reason: {reason}")


def _parse_custom(configuration: Any) -> dict[str, Identifier]:
    """Identifiers of one's own; their expressions run in time that grows with the text alone."""
    from mrak.lang.logregex import RegexError, compile_regex

    given = configuration.get("CustomDataIdentifier", []) if isinstance(configuration, dict) else None
    if not isinstance(given, list) or len(given) > _MOST_CUSTOM:
        raise _refused(f"CustomDataIdentifier must be a list of at most {_MOST_CUSTOM}")
    custom = {}
    for entry in given:
        name, regex = (entry.get("Name"), entry.get("Regex")) if isinstance(entry, dict) else (None, None)
        if not isinstance(name, str) or not _CUSTOM_NAME.fullmatch(name) or name in managed():
            raise _refused(f"{name} is not a valid name of a custom data identifier")
        if not isinstance(regex, str) or not 1 <= len(regex) <= _MOST_REGEX:
            raise _refused(f"The regular expression of {name} must have 1 to {_MOST_REGEX} characters")
        try:
            custom[name] = Identifier(name, compile_regex(regex))
        except RegexError as error:
            raise _refused(f"The regular expression of {name} is not valid: {error}") from None
    return custom


def _parse_statement(statement: Any, custom: dict[str, Identifier]) -> Statement:
    if not isinstance(statement, dict):
        raise _refused("A statement must be an object")
    direction, principals = statement.get("DataDirection"), statement.get("Principal")
    if direction not in _DIRECTIONS:
        raise _refused("DataDirection must be Inbound or Outbound")
    if isinstance(principals, str):
        principals = [principals]
    if not isinstance(principals, list) or not principals or not all(isinstance(one, str) for one in principals):
        raise _refused("Principal must be a list of ARNs, or *")
    identifiers = statement.get("DataIdentifier")
    if not isinstance(identifiers, list) or not identifiers:
        raise _refused("DataIdentifier must be a list of data identifiers")
    found = tuple(_require_identifier(one, custom) for one in identifiers)
    operation = statement.get("Operation")
    if not isinstance(operation, dict) or len(operation) != 1:
        raise _refused("Operation must be one of Audit, Deidentify and Deny")
    ((name, settings),) = operation.items()
    make = {"Audit": _parse_audit, "Deidentify": _parse_deidentify, "Deny": _parse_deny}.get(name)
    if make is None or not isinstance(settings, dict):
        raise _refused("Operation must be one of Audit, Deidentify and Deny")
    if name == "Audit" and direction != _INBOUND:
        raise _refused("Audit is only for inbound messages")
    return Statement(direction, frozenset(principals), found, name, **make(settings))


def _require_identifier(text: Any, custom: dict[str, Identifier]) -> Identifier:
    name = text.removeprefix(ARN_PREFIX) if isinstance(text, str) else ""
    found = managed().get(name) if name != text else custom.get(name)
    if found is None:
        deviation("SNS-003")
        raise _refused(f"mrak does not know the data identifier {text}")
    return found


def _parse_deny(settings: dict[str, Any]) -> dict[str, Any]:
    return {}


def _parse_deidentify(settings: dict[str, Any]) -> dict[str, Any]:
    if set(settings) == {"RedactConfig"}:
        return {"character": ""}
    masked = settings.get("MaskConfig")
    if set(settings) != {"MaskConfig"} or not isinstance(masked, dict):
        raise _refused("Deidentify must have either MaskConfig or RedactConfig")
    character = masked.get("MaskWithCharacter", "#")
    if not isinstance(character, str) or len(character) != 1 or not (character.isascii() and character.isprintable()):
        raise _refused("MaskWithCharacter must be one printable character")
    return {"character": character}


def _parse_audit(settings: dict[str, Any]) -> dict[str, Any]:
    rate = str(settings.get("SampleRate", ""))
    if not re.fullmatch("[0-9]{1,2}", rate):
        raise _refused("SampleRate must be an integer from 0 to 99")
    wanted = {name: settings[name] for name in ("FindingsDestination", "NoFindingsDestination") if name in settings}
    if not wanted:
        raise _refused("Audit needs a FindingsDestination or a NoFindingsDestination")
    return {
        "sample_percent": int(rate),
        "with_findings": _parse_destination(wanted.get("FindingsDestination")),
        "without_findings": _parse_destination(wanted.get("NoFindingsDestination")),
    }


def _parse_destination(destination: Any) -> dict[str, str] | None:
    """Where findings go: a log group, a bucket, or both."""
    if destination is None:
        return None
    places: dict[str, str] = {}
    for kind, settings in destination.items() if isinstance(destination, dict) else ():
        member = {"CloudWatchLogs": "LogGroup", "S3": "Bucket"}.get(kind)
        name = settings.get(member) if isinstance(settings, dict) and member is not None else None
        if not isinstance(name, str) or not name:
            deviation("SNS-003")
            raise _refused(f"mrak does not log findings to {kind}")
        if kind == "CloudWatchLogs" and not name.startswith(_VENDED):
            raise _refused(f"The name of a LogGroup must begin with {_VENDED}")
        places[kind] = name
    if not places:
        raise _refused("A destination must have CloudWatchLogs, S3 or Firehose")
    return places


# What becomes of messages -----------------------------------------------------------------------------------------


def take_in(ctx: Context, tx: Transaction, scope: Scope, topic: Topic, message: Message) -> Message:
    """A published message as its subscribers may see it. Raises AuthorizationError where it is denied."""
    principal = ctx.principal.policy_arn
    statements = [one for one in parse(topic.data_protection_policy) if one.is_for(_INBOUND, principal)]
    if any(one.find(body) for one in statements if one.operation == "Deny" for body in message.bodies.values()):
        raise errors.data_denied(ctx.principal.arn, message.topic_arn)
    for statement in statements:
        if statement.operation == "Audit" and int(ctx.draw.hex(8), 16) % 100 < statement.sample_percent:
            _audit(ctx, tx, scope, statement, message)
    return _hide(statements, message)


def let_out(topic: Topic, subscription: Subscription, message: Message) -> Message | None:
    """A message as this subscription may see it; None where it is denied to it."""
    if not topic.data_protection_policy:
        return message
    statements = [one for one in parse(topic.data_protection_policy) if one.is_for(_OUTBOUND, subscription.principal)]
    body = message.body_for(subscription.protocol)
    if any(one.find(body) for one in statements if one.operation == "Deny"):
        return None
    return _hide(statements, message)


def _hide(statements: list[Statement], message: Message) -> Message:
    bodies = message.bodies
    for statement in statements:
        if statement.operation == "Deidentify":
            bodies = {
                protocol: sensitivedata.mask(body, statement.find(body), statement.character)
                for protocol, body in bodies.items()
            }
    return message if bodies is message.bodies else msgspec.structs.replace(message, bodies=bodies)


def _audit(ctx: Context, tx: Transaction, scope: Scope, statement: Statement, message: Message) -> None:
    found = statement.find(message.bodies["default"])
    places = statement.with_findings if found else statement.without_findings
    if not places:
        return
    line = json.dumps(_render_findings(ctx, message, found), separators=(",", ":"))
    if "CloudWatchLogs" in places:
        logs.append(ctx, tx, scope, places["CloudWatchLogs"], _stream(message), [(int(ctx.now * 1000), line)])
    if "S3" in places:
        payload = msgspec.msgpack.encode((places["S3"], _object_key(ctx, scope, message), line))
        lane = f"sns/findings/{message.id}"
        tx.enqueue(Delivery(kind="sns.findings", lane=lane, scope=scope, payload=payload, enqueued_at=ctx.now))


def _render_findings(ctx: Context, message: Message, found: list[Finding]) -> dict[str, Any]:
    """Positions count characters from 1 to the last one."""
    by_name: dict[str, list[dict[str, int]]] = {}
    for name, start, end in found:
        by_name.setdefault(name, []).append({"start": start + 1, "end": end})
    return {
        "messageId": message.id,
        "auditTimestamp": _moment(ctx.now).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "callerPrincipal": ctx.principal.policy_arn,
        "resourceArn": message.topic_arn,
        "dataIdentifiers": [
            {"name": name, "count": len(places), "detections": places} for name, places in by_name.items()
        ],
    }


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _stream(message: Message) -> str:
    return message.topic_arn.rpartition(":")[2]


def _object_key(ctx: Context, scope: Scope, message: Message) -> str:
    moment = _moment(ctx.now).strftime("%Y/%m/%d/%H")
    return f"AWSLogs/{scope.account}/sns/{scope.region}/{_stream(message)}/{moment}/{message.id}.json"


@delivery("sns.findings")
async def write_findings(ctx: Context, made: Delivery) -> None:
    """An audit's findings, for a bucket."""
    bucket, key, line = msgspec.msgpack.decode(made.payload)
    request = {"Bucket": bucket, "Key": key, "Body": line.encode(), "ContentType": "application/json"}
    try:
        await ctx.call("s3", "PutObject", request)
    except ApiError as error:
        raise settle(error) from error
