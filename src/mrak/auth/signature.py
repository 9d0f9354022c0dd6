"""What a request claims about its sender, read from its header, its query or its form, without any secret.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html

Nothing here is proof: `mrak.auth.sigv4.check_signature` is.
"""

from __future__ import annotations

import re
from base64 import b64encode
from calendar import timegm
from email.utils import parsedate_to_datetime
from functools import lru_cache
from hashlib import sha256
from time import gmtime, strftime, strptime
from typing import Final, Literal

import msgspec

from mrak.auth.flavours import REST_JSON, S3, Flavour, flavour_of
from mrak.core.errors import ApiError
from mrak.core.http import Request

ALGORITHM: Final = "AWS4-HMAC-SHA256"
UNSIGNED: Final = "UNSIGNED-PAYLOAD"
LONGEST_PRESIGN_SECONDS: Final = 7 * 24 * 3600
_DEFAULT_PRESIGN_SECONDS: Final = 15 * 60


class Signature(msgspec.Struct, frozen=True):
    """What a request claims about its sender."""

    kind: Literal["header", "presigned", "post", "v2-header", "v2-query", "v2-post"]
    access_key: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str
    timestamp: str
    expires_seconds: int | None = None
    session_token: str | None = None
    payload_hash: str = ""

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"

    @property
    def flavour(self) -> Flavour:
        return flavour_of(self.service)


_HEADER: Final = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=([^/,\s]+)/(\d{8})/([^/,\s]+)/([^/,\s]+)/aws4_request, *"
    r"SignedHeaders=([A-Za-z0-9;:_.-]+), *Signature=([0-9a-f]{64})"
).fullmatch
_ISO: Final = "%Y%m%dT%H%M%SZ"


def parse_signature(request: Request, flavour: Flavour = REST_JSON) -> Signature | None:
    """The signature that a request carries; None when it is anonymous.

    `flavour` words the errors about credentials that do not even name their service.
    """
    header = request.headers.get("authorization")
    query = request.query
    if not header:
        if "X-Amz-" in query and ("X-Amz-Algorithm=" in query or "X-Amz-Signature=" in query):
            return _parse_presigned(request, flavour)
        if "AWSAccessKeyId=" in query and "Signature=" in query:
            if flavour.is_s3:
                from mrak.auth import sigv2

                return sigv2.parse_query(request)
            raise _version_two(flavour, "AWSAccessKeyId")
        return None
    if flavour.is_s3 and "X-Amz-Algorithm=" in query:
        raise s3_argument(
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string "
            "parameter or the Authorization header should be specified",
            header,
        )
    match = _HEADER(header)
    if match is None:
        return _parse_odd_header(header, request, flavour)
    return _from_header(match.groups(), request)


def _from_header(parts: tuple[str, ...] | list[str], request: Request) -> Signature:
    access_key, date, region, service, signed, signature = parts
    headers = request.headers
    timestamp = headers.get("x-amz-date") or ""
    flavour = flavour_of(service)
    if not timestamp or parse_timestamp(timestamp) is None:
        timestamp = _date_header(timestamp or headers.get("date", ""), flavour)
    if timestamp[:8] != date:
        raise _wrong_date(flavour, date, timestamp)
    return Signature(
        "header",
        access_key,
        date,
        region,
        service,
        tuple(signed.lower().split(";")),
        signature,
        timestamp,
        None,
        headers.get("x-amz-security-token"),
        headers.get("x-amz-content-sha256", ""),
    )


def _parse_odd_header(header: str, request: Request, flavour: Flavour) -> Signature:
    """The slow way: an unusual order of the parts, or a header that is to be explained."""
    algorithm, _, rest = header.partition(" ")
    if algorithm != ALGORITHM:
        if algorithm == "AWS":
            if flavour.is_s3:
                from mrak.auth import sigv2

                return sigv2.parse_header(header, request)
            raise _version_two(flavour, header)
        if flavour.is_s3:
            raise s3_argument("Unsupported Authorization Type", header)
        if "=" not in header:
            raise flavour.error(
                "incomplete",
                "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded "
                f"with Base64): '{_digest(header)}'.",
            )
        raise _incomplete_parts(("Credential", "Signature", "SignedHeaders"), header, request, flavour)
    parts: dict[str, str] = {}
    for piece in rest.split(","):
        name, equals, value = piece.strip().partition("=")
        if not equals:
            raise _not_a_pair(name, header, flavour)
        parts[name] = value
    absent = tuple(name for name in ("Credential", "Signature", "SignedHeaders") if not parts.get(name))
    if absent:
        raise _incomplete_parts(absent, header, request, flavour)
    credential = _parse_credential(parts["Credential"], flavour)
    return _from_header([*credential, parts["SignedHeaders"], parts["Signature"]], request)


def _parse_credential(credential: str, flavour: Flavour, presigned: bool = False) -> list[str]:
    """[access key, date, region, service] of a credential scope."""
    parts = credential.split("/")
    if flavour.is_s3:
        shape = 'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
        if len(parts) != 5:
            raise s3_malformed(shape, presigned)
        if parts[4] != "aws4_request":
            raise s3_malformed(f'incorrect terminal "{parts[4]}". This endpoint uses "aws4_request".', presigned)
        if not parts[0]:
            raise s3_malformed("a non-empty Access Key (AKID) must be provided in the credential.", presigned)
        if not re.fullmatch(r"\d{8}", parts[1]):
            raise s3_malformed(
                f'incorrect date format "{parts[1]}". This date in the credential must be in the format "yyyyMMdd".',
                presigned,
            )
        if not parts[2] or not parts[3]:
            raise s3_malformed(shape, presigned)
        return parts[:4]
    if len(parts) != 5 or not all(parts):
        raise flavour.error(
            "incomplete",
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got "
            f"'{credential}'",
        )
    if parts[4] != "aws4_request":
        raise flavour.error(
            "mismatch", f"Credential should be scoped with a valid terminator: 'aws4_request', not '{parts[4]}'."
        )
    return parts[:4]


def _parse_presigned(request: Request, flavour: Flavour) -> Signature:
    values = dict(request.query_pairs)
    names = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-Date", "X-Amz-SignedHeaders")
    absent = [name for name in names if not values.get(name)]
    if flavour.is_s3 and (absent or "X-Amz-Expires" not in values):
        raise flavour.error(
            "presign",
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
            "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
        )
    if absent:
        raise flavour.error("presign", " ".join(f"AWS query-string parameters must include '{n}'." for n in absent))
    if values["X-Amz-Algorithm"] != ALGORITHM:
        raise flavour.error("presign", f'X-Amz-Algorithm only supports "{ALGORITHM}"')
    access_key, date, region, service = _parse_credential(values["X-Amz-Credential"], flavour, presigned=True)
    flavour = flavour_of(service)
    timestamp = values["X-Amz-Date"]
    if parse_timestamp(timestamp) is None:
        raise flavour.error("presign", "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
    if timestamp[:8] != date:
        raise _wrong_date(flavour, date, timestamp, presigned=True)
    return Signature(
        "presigned",
        access_key,
        date,
        region,
        service,
        tuple(values["X-Amz-SignedHeaders"].lower().split(";")),
        values["X-Amz-Signature"],
        timestamp,
        _parse_expires(values.get("X-Amz-Expires"), flavour),
        values.get("X-Amz-Security-Token"),
        values.get("X-Amz-Content-Sha256") or request.headers.get("x-amz-content-sha256", ""),
    )


def _parse_expires(text: str | None, flavour: Flavour) -> int:
    if text is None:
        return _DEFAULT_PRESIGN_SECONDS
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise flavour.error("presign", "X-Amz-Expires should be a number")
    seconds = int(text)
    if seconds < 0:
        raise flavour.error("presign", "X-Amz-Expires must be non-negative")
    if seconds > LONGEST_PRESIGN_SECONDS:
        raise flavour.error(
            "presign",
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than "
            f"{LONGEST_PRESIGN_SECONDS} seconds",
        )
    return seconds


def parse_post_signature(fields: dict[str, str]) -> Signature | None:
    """The signature of an S3 POST form; field names are lower case. None when the form is not signed.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-authentication-HTTPPOST.html
    """
    if "x-amz-signature" not in fields and "x-amz-credential" not in fields and "x-amz-algorithm" not in fields:
        if "awsaccesskeyid" in fields or "signature" in fields:
            from mrak.auth import sigv2

            return sigv2.parse_post(fields)
        return None
    for name in ("policy", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature"):
        if not fields.get(name):
            title = name.title() if name.startswith("x-amz") else name
            raise s3_argument(f"Bucket POST must contain a field named '{title}'.  If it is specified, please check "
                               "the order of the fields.", "", name)  # fmt: skip
    if fields["x-amz-algorithm"] != ALGORITHM:
        raise s3_argument(f"Only {ALGORITHM} is supported", fields["x-amz-algorithm"], "X-Amz-Algorithm")
    timestamp = fields["x-amz-date"]
    if parse_timestamp(timestamp) is None:
        raise s3_argument("X-Amz-Date must be formated via ISO8601 Long format", timestamp, "X-Amz-Date")
    access_key, date, region, service = _parse_post_credential(fields["x-amz-credential"])
    if timestamp[:8] != date:
        raise _wrong_date(S3, date, timestamp, presigned=True)
    token = fields.get("x-amz-security-token")
    return Signature(
        "post", access_key, date, region, service, (), fields["x-amz-signature"], timestamp, None, token, UNSIGNED
    )


def _parse_post_credential(credential: str) -> list[str]:
    """A form's credential scope; what is wrong with it is said of the field, not of a query parameter."""
    try:
        parsed = _parse_credential(credential, S3, presigned=True)
        if parsed[3] != "s3":
            raise s3_malformed(f'incorrect service "{parsed[3]}". This endpoint belongs to "s3".', presigned=True)
        return parsed
    except ApiError as error:
        detail = error.message.removeprefix("Error parsing the X-Amz-Credential parameter; ")
        raise s3_argument(detail, credential, "X-Amz-Credential") from None


@lru_cache(maxsize=1024)
def parse_timestamp(text: str) -> int | None:
    """Epoch seconds of `20150830T123600Z`; None when it is anything else."""
    if len(text) != 16:
        return None
    try:
        return timegm(strptime(text, _ISO))
    except ValueError:
        return None


def render_timestamp(seconds: float) -> str:
    return strftime(_ISO, gmtime(seconds))


def s3_malformed(detail: str, presigned: bool) -> ApiError:
    if presigned:
        return S3.error("presign", f"Error parsing the X-Amz-Credential parameter; {detail}")
    return S3.error("incomplete", f"The authorization header is malformed; {detail}")


def s3_argument(message: str, value: str, name: str = "Authorization") -> ApiError:
    return ApiError("InvalidArgument", message, 400, {"ArgumentName": name, "ArgumentValue": value})


def _version_two(flavour: Flavour, header: str) -> ApiError:
    """Signature Version 2, which only S3 still takes."""
    return flavour.error(
        "incomplete",
        "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with "
        f"Base64): '{_digest(header)}'.",
    )


def _wrong_date(flavour: Flavour, date: str, timestamp: str, presigned: bool = False) -> ApiError:
    if flavour.is_s3:
        detail = f'Invalid credential date "{date}". This date is not the same as X-Amz-Date: "{timestamp[:8]}".'
        return s3_malformed(detail, presigned)
    return flavour.error(
        "mismatch",
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
        f"'{date}' != '{timestamp[:8]}', from '{timestamp}'.",
    )


def _date_header(text: str, flavour: Flavour) -> str:
    """The ISO form of a Date header, which AWS accepts in place of X-Amz-Date."""
    if parse_timestamp(text) is not None:
        return text
    try:
        return strftime(_ISO, parsedate_to_datetime(text).utctimetuple())
    except ValueError:
        if flavour.is_s3:
            raise S3.error("denied", "AWS authentication requires a valid Date or x-amz-date header") from None
        if text:
            message = (
                f"Date must be in ISO-8601 'basic format'. Got '{text}'. See http://en.wikipedia.org/wiki/ISO_8601"
            )
        else:
            message = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        raise flavour.error("incomplete", message) from None


def _not_a_pair(piece: str, header: str, flavour: Flavour) -> ApiError:
    if flavour.is_s3:
        return s3_malformed("the authorization header requires three components: Credential, SignedHeaders, and "
                             "Signature.", presigned=False)  # fmt: skip
    return flavour.error(
        "incomplete",
        f"'{piece}' not a valid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and "
        f"encoded with Base64): '{_digest(header)}'.",
    )


def _incomplete_parts(absent: tuple[str, ...], header: str, request: Request, flavour: Flavour) -> ApiError:
    if flavour.is_s3:
        return _not_a_pair("", header, flavour)
    sentences = [f"Authorization header requires '{name}' parameter." for name in absent]
    if "x-amz-date" not in request.headers and "date" not in request.headers:
        sentences.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    sentences.append(f"(Hashed with SHA-256 and encoded with Base64) Authorization={_digest(header)}")
    return flavour.error("incomplete", " ".join(sentences))


def _digest(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()
