"""How each service words a failed authentication. One table: service -> flavour, flavour -> errors.

AWS has one Signature Version 4 and several front ends in front of it, and each reports the same failure with its own
code, status and sentence. Four of them matter here:

- `query`: the query and REST-XML services (and SQS, which kept its query codes when it moved to JSON);
- `json`: services with `X-Amz-Target`;
- `rest-json`: Lambda, API Gateway, ...: the JSON codes, but HTTP 403 throughout;
- `s3`: Amazon S3, with a vocabulary of its own
  (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList).

A service is named by its signing name, the fourth part of a credential scope.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from mrak.core.errors import ApiError

Reason = Literal[
    "missing",  # no credentials where some are needed
    "incomplete",  # an Authorization header that cannot be parsed
    "presign",  # query parameters that cannot be parsed
    "mismatch",  # the signature is not the one that we compute
    "expired",  # a presigned request after its time
    "skewed",  # the clock of a signed request is too far off
    "unknown-key",  # no such access key
    "bad-token",  # a session token that we did not issue, or of another key
    "expired-token",
    "denied",
]

Row = tuple[str, int, str]

_UNKNOWN: Final = "The security token included in the request is invalid."
# What the front end of the JSON services says of the token itself ends without a full stop.
_BAD_TOKEN: Final = "The security token included in the request is invalid"
_EXPIRED: Final = "The security token included in the request is expired"
_MISSING: Final = "Request is missing Authentication Token"
_MISMATCH: Final = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
_S3_MISMATCH: Final = (
    "The request signature we calculated does not match the signature you provided. Check your key and signing method."
)

_QUERY: Final[dict[Reason, Row]] = {
    "missing": ("MissingAuthenticationToken", 403, _MISSING),
    "incomplete": ("IncompleteSignature", 400, ""),
    "presign": ("IncompleteSignature", 400, ""),
    "mismatch": ("SignatureDoesNotMatch", 403, _MISMATCH),
    "expired": ("SignatureDoesNotMatch", 403, ""),
    "skewed": ("SignatureDoesNotMatch", 403, ""),
    "unknown-key": ("InvalidClientTokenId", 403, _UNKNOWN),
    "bad-token": ("InvalidClientTokenId", 403, _UNKNOWN),
    "expired-token": ("ExpiredToken", 403, _EXPIRED),
    "denied": ("AccessDenied", 403, ""),
}

_JSON: Final[dict[Reason, Row]] = {
    "missing": ("MissingAuthenticationTokenException", 400, _MISSING),
    "incomplete": ("IncompleteSignatureException", 400, ""),
    "presign": ("IncompleteSignatureException", 400, ""),
    "mismatch": ("InvalidSignatureException", 400, _MISMATCH),
    "expired": ("InvalidSignatureException", 400, ""),
    "skewed": ("InvalidSignatureException", 400, ""),
    "unknown-key": ("UnrecognizedClientException", 400, _UNKNOWN),
    "bad-token": ("UnrecognizedClientException", 400, _BAD_TOKEN),
    "expired-token": ("ExpiredTokenException", 400, _EXPIRED),
    "denied": ("AccessDeniedException", 400, ""),
}

_REST_JSON: Final[dict[Reason, Row]] = {
    reason: (code, 403, "Missing Authentication Token" if reason == "missing" else text)
    for reason, (code, _, text) in _JSON.items()
}

# Recorded of Cognito's user pools.
_COGNITO: Final = {**_JSON, "missing": ("MissingAuthenticationTokenException", 400, "Missing Authentication Token")}

_S3: Final[dict[Reason, Row]] = {
    "missing": ("AccessDenied", 403, "Access Denied"),
    "incomplete": ("AuthorizationHeaderMalformed", 400, ""),
    "presign": ("AuthorizationQueryParametersError", 400, ""),
    "mismatch": ("SignatureDoesNotMatch", 403, _S3_MISMATCH),
    "expired": ("AccessDenied", 403, "Request has expired"),
    "skewed": (
        "RequestTimeTooSkewed",
        403,
        "The difference between the request time and the current time is too large.",
    ),
    "unknown-key": ("InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records."),
    "bad-token": ("InvalidToken", 400, "The provided token is malformed or otherwise invalid."),
    "expired-token": ("ExpiredToken", 400, "The provided token has expired."),
    "denied": ("AccessDenied", 403, "Access Denied"),
}


class Flavour:
    """One front end's vocabulary."""

    __slots__ = ("_rows", "name")

    def __init__(self, name: str, rows: dict[Reason, Row]) -> None:
        self.name = name
        self._rows = rows

    @property
    def is_s3(self) -> bool:
        return self.name == "s3"

    @property
    def is_json(self) -> bool:
        return self.name == "json"

    def error(self, reason: Reason, message: str = "", **fields: Any) -> ApiError:
        """The error for a reason; `message` replaces the usual sentence."""
        code, status, usual = self._rows[reason]
        return ApiError(code, message or usual, status, fields or None)


QUERY: Final = Flavour("query", _QUERY)
JSON: Final = Flavour("json", _JSON)
COGNITO: Final = Flavour("json", _COGNITO)
REST_JSON: Final = Flavour("rest-json", _REST_JSON)
S3: Final = Flavour("s3", _S3)

_SERVICES: Final[dict[str, Flavour]] = {
    **dict.fromkeys(("s3", "s3express", "s3-outposts", "s3-object-lambda"), S3),
    **dict.fromkeys(
        (
            *("autoscaling", "cloudformation", "cloudfront", "ec2", "elasticloadbalancing", "iam", "monitoring"),
            *("rds", "route53", "ses", "sns", "sqs", "sts"),
        ),
        QUERY,
    ),
    **dict.fromkeys(
        (
            *("acm", "application-autoscaling", "athena", "cloudtrail", "dynamodb"),
            *("ecr", "events", "firehose", "kinesis", "kms", "logs", "secretsmanager", "servicediscovery", "ssm"),
            *("states", "tagging", "wafv2"),
        ),
        JSON,
    ),
    **dict.fromkeys(("cognito-identity", "cognito-idp"), COGNITO),
}


def flavour_of(signing_name: str) -> Flavour:
    """The flavour of a service. What the table does not list is a REST-JSON service, as most newer ones are."""
    return _SERVICES.get(signing_name, REST_JSON)
