"""The KMS key of a stream: records come and go only while it can be used.

Records lie in the data folder as they came, so the key is asked for the sake of the errors that AWS would make.
https://docs.aws.amazon.com/streams/latest/dev/server-side-encryption.html
"""

from __future__ import annotations

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError
from mrak.services.kinesis import errors
from mrak.services.kinesis.streams import Found

_CODES = {
    "DisabledException": "KMSDisabledException",
    "KMSInvalidStateException": "KMSInvalidStateException",
    "NotFoundException": "KMSNotFoundException",
}


def check_key(ctx: Context, tx: Transaction, found: Found, key_id: str = "") -> None:
    """Raises KMS's error in Kinesis's name where the stream's key, or one that it is to have, cannot be used."""
    named = key_id or found.stream.key_id
    if not named:
        return
    deviation("KINESIS-003")
    from mrak.services.kms import exports as kms

    try:
        kms.require_encryption_key(ctx, tx, kms.named_arn(found.scope, named))
    except ApiError as error:
        code = _CODES.get(error.code)
        if code is None:
            raise errors.invalid(error.message) from None
        raise ApiError(code, error.message) from None
