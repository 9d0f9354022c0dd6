"""The KMS key of a queue: messages come and go only while it can be used.

Messages lie in the data folder as they came, so the key is asked for the sake of the errors that AWS would make. What
the caller may do with the key is not asked.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-server-side-encryption.html
"""

from __future__ import annotations

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.sqs.tables import Queue

_CODES = {
    "DisabledException": "KmsDisabled",
    "InvalidKeyUsageException": "KmsInvalidKeyUsage",
    "NotFoundException": "KmsNotFound",
}


def check_key(ctx: Context, tx: Transaction, scope: Scope, queue: Queue) -> None:
    """Raises KMS's error in SQS's name where the queue's key cannot be used."""
    named = queue.settings.get("KmsMasterKeyId")
    if named:
        from mrak.services.kms.exports import check_named_key

        check_named_key(ctx, tx, scope, named, _CODES, "KmsInvalidState")
