"""SNS's rows.

    sns.topic           (name)
    sns.subscription    (topic, id)          /endpoint: (topic, protocol, endpoint) for Subscribe's idempotence;
                                             /pending, /filtered: those that are, to be counted
    sns.dedup           (topic, key)         a FIFO topic's deduplication ids; /expiry: (topic, expires_at)
    sns.archive         (topic, sequence)    messages of FIFO topics with an archive policy
    sns.platform        (platform, name)     platform applications
    sns.endpoint        (platform, application, id)   /token: (platform, application, token)
    sns.sms             (name)               account-wide SMS settings, opted-out and sandbox numbers by kind
    sns.outbox          (sequence)           what would have left the machine: email, SMS, push
    sns.signing_key     (name)               the environment's key pair; not per account

Invariants: a subscription's topic exists; a deduplication row is one publish of the last five minutes; a topic's
entity is opened by every publish to a FIFO topic, so that sequence numbers grow in commit order.
"""

from __future__ import annotations

import msgspec

from mrak.store.tables import Table


class Topic(msgspec.Struct, frozen=True, array_like=True):
    """`attributes` are those that were set, in AWS's names, as text."""

    name: str
    attributes: dict[str, str]
    tags: dict[str, str]
    data_protection_policy: str = ""
    deleted_subscriptions: int = 0
    created_at: float = 0.0

    @property
    def is_fifo(self) -> bool:
        return self.attributes.get("FifoTopic") == "true"

    @property
    def signature_version(self) -> str:
        return self.attributes.get("SignatureVersion", "1")


class Subscription(msgspec.Struct, frozen=True, array_like=True):
    """`attributes` are those that were set, in AWS's names, as text. `token` confirms it while it is pending."""

    topic: str
    id: str
    protocol: str
    endpoint: str
    owner: str
    principal: str
    attributes: dict[str, str]
    is_pending: bool = False
    token: str = ""
    was_authenticated: bool = True
    created_at: float = 0.0
    needs_authentication_to_unsubscribe: bool = False
    replay_status: str = ""

    @property
    def is_raw(self) -> bool:
        return self.attributes.get("RawMessageDelivery") == "true"

    @property
    def pending(self) -> int | None:
        """1 while it is pending; for the index that counts them."""
        return 1 if self.is_pending else None

    @property
    def filtered(self) -> int | None:
        """1 where it has a filter policy; for the index that counts them."""
        return 1 if self.attributes.get("FilterPolicy") else None


class Deduplicated(msgspec.Struct, frozen=True, array_like=True):
    """`key` is the deduplication id, after the group where the topic deduplicates by group."""

    topic: str
    key: str
    message_id: str
    sequence_number: str
    expires_at: float


class Archived(msgspec.Struct, frozen=True, array_like=True):
    topic: str
    sequence: int
    published_at: float
    message: bytes


class PlatformApplication(msgspec.Struct, frozen=True, array_like=True):
    platform: str
    name: str
    attributes: dict[str, str]


class PlatformEndpoint(msgspec.Struct, frozen=True, array_like=True):
    platform: str
    application: str
    id: str
    token: str
    attributes: dict[str, str]


class SmsSetting(msgspec.Struct, frozen=True, array_like=True):
    """`kind` is "attributes", "opted-out" or "sandbox"; `name` a phone number, or "" for the attributes."""

    kind: str
    name: str
    values: dict[str, str]


class Outgoing(msgspec.Struct, frozen=True, array_like=True):
    """Something that AWS would have sent out into the world, kept to be looked at."""

    sequence: int
    sent_at: float
    protocol: str
    to: str
    subject: str
    body: str
    topic_arn: str
    message_id: str
    attributes: dict[str, str]


class SigningKey(msgspec.Struct, frozen=True, array_like=True):
    name: str
    private_key_pem: bytes
    certificate_pem: bytes
    certificate_id: str


TOPICS = Table("sns.topic", Topic, key=("name",))
SUBSCRIPTIONS = Table("sns.subscription", Subscription, key=("topic", "id"))
BY_ENDPOINT = SUBSCRIPTIONS.index("endpoint", ("topic", "protocol", "endpoint"))
PENDING = SUBSCRIPTIONS.index("pending", ("topic", "pending"))
FILTERED = SUBSCRIPTIONS.index("filtered", ("topic", "filtered"))
DEDUPLICATED = Table("sns.dedup", Deduplicated, key=("topic", "key"), entity=1)
BY_EXPIRY = DEDUPLICATED.index("expiry", ("topic", "expires_at"))
ARCHIVE = Table("sns.archive", Archived, key=("topic", "sequence"), append_only=True)
PLATFORM_APPLICATIONS = Table("sns.platform", PlatformApplication, key=("platform", "name"))
PLATFORM_ENDPOINTS = Table("sns.endpoint", PlatformEndpoint, key=("platform", "application", "id"))
BY_TOKEN = PLATFORM_ENDPOINTS.index("token", ("platform", "application", "token"))
SMS = Table("sns.sms", SmsSetting, key=("kind", "name"))
OUTGOING = Table("sns.outbox", Outgoing, key=("sequence",), append_only=True)
SIGNING_KEYS = Table("sns.signing_key", SigningKey, key=("name",))
