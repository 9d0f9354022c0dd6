"""Server-side encryption as a client sees it: the rules of its headers, and what is kept of them.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/serv-side-encryption.html

S3-003: nothing is encrypted on this machine's disk, but a KMS key has to be there and enabled, as if it were. What a
version remembers is `{"sse": "AES256"}`, `{"sse": "aws:kms", "key": ..., "bucket_key": ..., "context": ...}` or
`{"c_md5": ...}`; a customer's key is checked by its MD5 and never kept.

S3-022: customers' keys are taken until a bucket's configuration blocks them; on AWS a bucket made since April 2026 has
that block from the start.
"""

from __future__ import annotations

import base64
import binascii
from hashlib import md5
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError
from mrak.core.scope import Scope
from mrak.services.s3 import errors
from mrak.services.s3.names import bucket_arn
from mrak.services.s3.tables import Bucket, Version

_KMS = ("aws:kms", "aws:kms:dsse")
_ALGORITHMS = ("AES256", *_KMS)
HEADER = "x-amz-server-side-encryption"
DEFAULT: dict[str, Any] = {"sse": "AES256"}
_DENIED = "Access Denied"
_BLOCKABLE = ("NONE", "SSE-C")
WRONG_KEY = (
    "Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key."
)

deviation("S3-003")
deviation("S3-022")


def _wrong(message: str, value: str | None = None) -> ApiError:
    return errors.invalid_argument(message, HEADER, value)


def _no_algorithm() -> ApiError:
    return _wrong(
        "Requests specifying Server Side Encryption with Customer provided keys must provide a valid encryption "
        "algorithm."
    )


def not_for_reads() -> ApiError:
    return _wrong(f"{HEADER} header is not supported for this operation.")


def parse(ctx: Context, bucket: Bucket, req: dict[str, Any]) -> dict[str, Any]:
    """What a write asks for, or the bucket's default."""
    scope = ctx.scope
    wanted = req.get("ServerSideEncryption")
    if any(member in req for member in ("SSECustomerAlgorithm", "SSECustomerKey", "SSECustomerKeyMD5")):
        if wanted is not None:
            raise _wrong(
                "Server Side Encryption with Customer provided key is incompatible with the encryption method "
                "specified",
                wanted,
            )
        claimed = parse_customer_key(req)
        check_not_blocked(ctx, bucket, req)
        return {"c_md5": claimed}
    if wanted is None:
        if "SSEKMSKeyId" in req:
            raise _wrong("Server Side Encryption with KMS managed key requires HTTP header x-amz-server-side-encryption"
                         " : aws:kms")  # fmt: skip
        return _default(bucket, scope)
    if wanted not in _ALGORITHMS:
        raise _wrong("The encryption method specified is not supported", wanted)
    if wanted not in _KMS:
        if "SSEKMSKeyId" in req:
            raise _wrong("Server Side Encryption with KMS managed key requires HTTP header x-amz-server-side-encryption"
                         " : aws:kms", wanted)  # fmt: skip
        return DEFAULT
    return _kms(wanted, req.get("SSEKMSKeyId"), req.get("BucketKeyEnabled", False), req, scope)


def _kms(algorithm: str, key: str | None, bucket_key: bool, req: dict[str, Any], scope: Scope) -> dict[str, Any]:
    kept: dict[str, Any] = {"sse": algorithm, "key": key_arn(key, scope)}
    if bucket_key:
        kept["bucket_key"] = True
    if "SSEKMSEncryptionContext" in req:
        kept["context"] = req["SSEKMSEncryptionContext"]
    return kept


def check_not_blocked(ctx: Context, bucket: Bucket, req: dict[str, Any]) -> None:
    """Raises AccessDenied where a write comes with a customer's key, and the bucket takes none."""
    if "SSECustomerAlgorithm" not in req or not blocks_customer_keys(bucket):
        return
    raise errors.access_denied(
        f"User: {ctx.principal.arn} is not authorized to perform: s3:PutObject on resource: "
        f'"{bucket_arn(bucket.name, req["Key"])}" because this bucket has blocked upload requests that specify Server '
        "Side Encryption with Customer provided keys (SSE-C). Please specify a different server-side encryption type"
    )


def blocks_customer_keys(bucket: Bucket) -> bool:
    blocked = (bucket.encryption or {}).get("BlockedEncryptionTypes") or {}
    return "SSE-C" in (blocked.get("EncryptionType") or [])


def parse_rule(rule: dict[str, Any], before: dict[str, Any] | None) -> dict[str, Any]:
    """A bucket's rule. What it does not say of blocked types stays as it was."""
    chosen = rule.get("ApplyServerSideEncryptionByDefault")
    if chosen is not None:
        if chosen.get("SSEAlgorithm") not in _ALGORITHMS:
            raise errors.malformed_xml()
        if chosen["SSEAlgorithm"] == "AES256" and "KMSMasterKeyID" in chosen:
            message = "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse"
            raise errors.invalid_argument(message, "ApplyServerSideEncryptionByDefault")
    blocked = rule.get("BlockedEncryptionTypes")
    if blocked is None:
        return rule | without_default(before)
    if any(kind not in _BLOCKABLE for kind in blocked.get("EncryptionType") or []):
        raise errors.malformed_xml()
    return rule


def without_default(rule: dict[str, Any] | None) -> dict[str, Any]:
    """What is left of a rule that no longer says how objects are encrypted."""
    return {name: rule[name] for name in ("BlockedEncryptionTypes",) if name in rule} if rule else {}


def under_key(key: str, bucket_key: bool) -> dict[str, Any]:
    """SSE-KMS with a key."""
    return {"sse": "aws:kms", "key": key} | ({"bucket_key": True} if bucket_key else {})


def key_arn(key: str | None, scope: Scope) -> str:
    """The key that was named; without one, the account's own key for S3."""
    if key is None:
        return f"arn:{scope.partition}:kms:{scope.region}:{scope.account}:alias/aws/s3"
    return key


def with_key(ctx: Context, tx: Transaction, draft: Version) -> Version:
    """A version to be written with the ARN of its KMS key, which has to be usable."""
    named = draft.encryption.get("key")
    if named is None:
        return draft
    return msgspec.structs.replace(draft, encryption=draft.encryption | {"key": _require_key(ctx, tx, named)})


def check_key(ctx: Context, tx: Transaction, kept: dict[str, Any]) -> None:
    """Reading a body needs the key it was written with."""
    if "key" in kept:
        _require_key(ctx, tx, kept["key"])


def _require_key(ctx: Context, tx: Transaction, key_id: str) -> str:
    from mrak.services.kms import exports as kms

    try:
        return kms.require_encryption_key(ctx, tx, key_id)
    except ApiError as error:
        raise ApiError(f"KMS.{error.code}", error.message, 400) from None


def _default(bucket: Bucket, scope: Scope) -> dict[str, Any]:
    rule = bucket.encryption
    if rule is None:
        return DEFAULT
    chosen = rule.get("ApplyServerSideEncryptionByDefault", {})
    algorithm = chosen.get("SSEAlgorithm", "AES256")
    if algorithm not in _KMS:
        return DEFAULT
    return _kms(algorithm, chosen.get("KMSMasterKeyID"), rule.get("BucketKeyEnabled", False), {}, scope)


def parse_customer_key(req: dict[str, Any], prefix: str = "") -> str:
    """The MD5 of a customer's key, all of whose headers are right; "" where there are none."""
    algorithm = req.get(f"{prefix}SSECustomerAlgorithm")
    key = req.get(f"{prefix}SSECustomerKey")
    claimed: str | None = req.get(f"{prefix}SSECustomerKeyMD5")
    if algorithm is None and key is None and claimed is None:
        return ""
    if algorithm is None:
        raise _no_algorithm()
    if algorithm != "AES256":
        message = "The Encryption request you specified is not valid. Supported value: AES256."
        raise errors.error("InvalidEncryptionAlgorithmError", message, ArgumentName=HEADER, ArgumentValue=algorithm)
    if not key:
        raise _wrong("Requests specifying Server Side Encryption with Customer provided keys must provide an "
                     "appropriate secret key.")  # fmt: skip
    raw = _decoded(key)
    if claimed and _decoded(claimed) != md5(raw, usedforsecurity=False).digest():
        raise _wrong("The calculated MD5 hash of the key did not match the hash that was provided.")
    if not claimed or len(raw) != 32:
        raise _wrong("The secret key was invalid for the specified algorithm.")
    return claimed


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def check_customer_key(kept: dict[str, Any], req: dict[str, Any], prefix: str = "", refusal: str = _DENIED) -> None:
    """Reading needs the customer's key, if and only if it was written with one."""
    stored = kept.get("c_md5", "")
    claimed = req.get(f"{prefix}SSECustomerKeyMD5")
    if stored and not claimed:
        raise errors.invalid_request(
            "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to "
            "retrieve the object."
        )
    if stored and claimed != stored:
        raise errors.access_denied(refusal)
    if parse_customer_key(req, prefix) and not stored:
        raise errors.invalid_request("The encryption parameters are not applicable to this object.")


def check_part_key(upload: dict[str, Any], req: dict[str, Any]) -> None:
    """Parts come with the key that their upload began with."""
    given, stored = parse_customer_key(req), upload.get("c_md5", "")
    if bool(given) != bool(stored):
        raise errors.invalid_request(
            "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate "
            "encryption parameters."
        )
    _check_same(given, stored)


def check_completion_key(upload: dict[str, Any], req: dict[str, Any], has_checksums: bool) -> None:
    """The end of an upload may do without the key, unless there are checksums to be read with it."""
    given, stored = parse_customer_key(req), upload.get("c_md5", "")
    if given:
        _check_same(given, stored)
    elif stored and has_checksums:
        raise _no_algorithm()


def _check_same(given: str, stored: str) -> None:
    if given != stored:
        raise errors.invalid_request("The provided encryption parameters did not match the ones used originally.")


def render(kept: dict[str, Any]) -> dict[str, Any]:
    """The members of an answer."""
    if kept.get("c_md5"):
        return {"SSECustomerAlgorithm": "AES256", "SSECustomerKeyMD5": kept["c_md5"]}
    shown: dict[str, Any] = {"ServerSideEncryption": kept.get("sse", "AES256")}
    if "key" in kept:
        shown["SSEKMSKeyId"] = kept["key"]
    if kept.get("bucket_key"):
        shown["BucketKeyEnabled"] = True
    return shown
