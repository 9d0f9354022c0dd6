"""Amazon SNS. Importing this package registers its operations and background work.

topic_operations, subscription_operations, publish_operations, platform_operations, sms    the operations
topics, subscriptions, platforms   settings: parse, check, render      publishing   what may be published
messages      forms of a message for each subscriber                   signing      signatures and certificate
deliveries    fan-out, functions, dead letters, replay                 http         HTTP endpoints
outbox        what would leave the machine                             tables       rows and their invariants
protection    data protection policies                                 status       delivery status logging
errors        the service's errors                                     exports      what other services may use
"""

from mrak.services.sns import (
    access,
    deliveries,
    http,
    platform_operations,
    publish_operations,
    signing,
    sms,
    subscription_operations,
    topic_operations,
)

__all__ = [
    "access",
    "deliveries",
    "http",
    "platform_operations",
    "publish_operations",
    "signing",
    "sms",
    "subscription_operations",
    "topic_operations",
]
