"""Certificate Manager's operations.

https://docs.aws.amazon.com/acm/latest/APIReference/
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.background import Timer
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.operation import operation
from mrak.core.page import find_position, take_page
from mrak.services.acm import certificates, errors, x509
from mrak.services.acm.tables import ACCOUNTS, BY_TOKEN, CERTIFICATES, Account, Certificate

VALIDATE = "acm.validate"
_VALIDATED_AFTER_SECONDS = 2.0
_GIVEN_UP_AFTER_SECONDS = 72 * 3600.0
_TOKEN_SECONDS = 3600.0
_MOST_NAMES = 100
_LISTED_BY_DEFAULT = ("RSA_1024", "RSA_2048")


@operation("RequestCertificate")
def request_certificate(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """DNS validation succeeds after a moment of the environment's time; mails reach nobody, so theirs never does."""
    deviation("ACM-001")
    if "CertificateAuthorityArn" in req:
        raise errors.no_private_authorities()
    names = list(dict.fromkeys([req["DomainName"], *req.get("SubjectAlternativeNames", [])]))
    if len(names) > _MOST_NAMES:
        raise errors.validation(f"A certificate can have at most {_MOST_NAMES} names.")
    algorithm = req.get("KeyAlgorithm", "RSA_2048")
    if algorithm not in x509.ALGORITHMS:
        raise errors.validation(f"The key algorithm {algorithm} is not supported.")
    again = _find_again(ctx, tx, req, names)
    if again is not None:
        return {"CertificateArn": certificates.certificate_arn(ctx.scope, again.id)}
    method = req.get("ValidationMethod") or req.get("Options", {}).get("ValidationMethod") or "EMAIL"
    certificate = Certificate(
        id=ctx.draw.uuid(),
        names=names,
        created_at=ctx.now,
        status=certificates.PENDING,
        validation=method,
        key_algorithm=algorithm,
        token=req.get("IdempotencyToken", ""),
        options=req.get("Options", {}),
        tags=certificates.parse_tags({}, req.get("Tags", [])),
        records=_records(ctx, names),
    )
    CERTIFICATES.append(tx, ctx.scope, certificate)
    pause = _VALIDATED_AFTER_SECONDS if method == "DNS" else _GIVEN_UP_AFTER_SECONDS
    tx.at(Timer(kind=VALIDATE, key=certificate.id, due_at=ctx.now + pause, scope=ctx.scope))
    return {"CertificateArn": certificates.certificate_arn(ctx.scope, certificate.id)}


def _find_again(ctx: Context, tx: Transaction, req: dict[str, Any], names: list[str]) -> Certificate | None:
    """The certificate of the same request with the same token within an hour."""
    token = req.get("IdempotencyToken")
    if not token:
        return None
    for row in BY_TOKEN.scan(tx, ctx.scope, token):
        if row.names == names and ctx.now - row.created_at < _TOKEN_SECONDS:
            return row
    return None


def _records(ctx: Context, names: list[str]) -> list[tuple[str, str]]:
    """What the owner of each name is to write into DNS: one record for a domain and its wildcard."""
    domains = [name.removeprefix("*.") for name in names]
    made = {}
    for domain in dict.fromkeys(domains):
        target = ctx.draw.alphanumeric(10, "abcdefghijklmnopqrstuvwxyz")
        made[domain] = (f"_{ctx.draw.hex(32)}.{domain}.", f"_{ctx.draw.hex(32)}.{target}.acm-validations.aws.")
    return [made[domain] for domain in domains]


@operation("DescribeCertificate")
def describe_certificate(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = certificates.require(tx, ctx.scope, req["CertificateArn"])
    return {"Certificate": certificates.render(ctx.scope, found, ctx.now)}


@operation("GetCertificate")
def get_certificate(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = certificates.require(tx, ctx.scope, req["CertificateArn"])
    if not found.body:
        raise errors.in_progress(req["CertificateArn"])
    return {"Certificate": found.body} | ({"CertificateChain": found.chain} if found.chain else {})


@operation("ExportCertificate")
def export_certificate(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """With the private key, encrypted by the passphrase; where the request for the certificate allowed it."""
    found = certificates.require(tx, ctx.scope, req["CertificateArn"])
    if found.imported_at or not certificates.is_exportable(found):
        raise errors.not_exportable(req["CertificateArn"])
    if not found.body:
        raise errors.in_progress(req["CertificateArn"])
    hidden = x509.as_pem(x509.load_key(found.private_key), req["Passphrase"])
    return {"Certificate": found.body, "CertificateChain": found.chain, "PrivateKey": hidden}


@operation("ImportCertificate")
def import_certificate(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """A new certificate, or another in the place of one that was imported before."""
    body = x509.load_certificates(req["Certificate"], "certificate")[0]
    key = x509.load_key(req["PrivateKey"])
    _check_pair(body, key)
    chain = req.get("CertificateChain", b"")
    if chain:
        x509.load_certificates(chain, "certificate chain")
    facts = x509.facts_of(body)
    if facts["NotAfter"] < ctx.now:
        raise errors.validation("The certificate that you have specified has expired.")
    content: dict[str, Any] = {
        "names": x509.names_of(body) or [facts["Subject"]],
        "status": certificates.ISSUED,
        "key_algorithm": x509.algorithm_of(key),
        "body": req["Certificate"].decode(),
        "chain": chain.decode(),
        "private_key": req["PrivateKey"].decode(),
        "facts": facts,
        "imported_at": ctx.now,
    }
    if "CertificateArn" in req:
        old = certificates.require(tx, ctx.scope, req["CertificateArn"], opened=True)
        if not old.imported_at:
            raise errors.validation("Only a certificate that was imported can be imported again.")
        if "Tags" in req:
            raise errors.validation("You cannot apply tags when reimporting a certificate.")
        CERTIFICATES.replace(tx, ctx.scope, old, msgspec.structs.replace(old, **content))
        return {"CertificateArn": req["CertificateArn"]}
    tags = certificates.parse_tags({}, req.get("Tags", []))
    fresh = Certificate(id=ctx.draw.uuid(), created_at=ctx.now, tags=tags, **content)
    CERTIFICATES.append(tx, ctx.scope, fresh)
    return {"CertificateArn": certificates.certificate_arn(ctx.scope, fresh.id)}


def _check_pair(body: Any, key: Any) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if body.public_key().public_bytes(*form) != key.public_key().public_bytes(*form):
        raise errors.validation("The certificate and the private key do not match.")


@operation("ListCertificates")
def list_certificates(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """Without a filter by key, AWS lists RSA keys of up to 2,048 bits only."""
    after = find_position(req["NextToken"]) if "NextToken" in req else None
    if "NextToken" in req and after is None:
        raise errors.validation("The NextToken is not valid.")
    statuses, includes = req.get("CertificateStatuses"), req.get("Includes", {})
    wanted_keys = includes.get("keyTypes") or _LISTED_BY_DEFAULT
    rows = (
        row
        for row in CERTIFICATES.scan(tx, ctx.scope, after=after)
        if row.key_algorithm in wanted_keys
        and (not statuses or certificates.status_at(row, ctx.now) in statuses)
        and (includes.get("exportOption", "") in ("", "ENABLED" if certificates.is_exportable(row) else "DISABLED"))
    )
    page, token = take_page(rows, req.get("MaxItems", 1000), lambda row: row.id)
    shown = [certificates.summarize(ctx.scope, row, ctx.now) for row in page]
    return {"CertificateSummaryList": shown} | ({} if token is None else {"NextToken": token})


@operation("DeleteCertificate")
def delete_certificate(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    deviation("ACM-002")
    found = certificates.require(tx, ctx.scope, req["CertificateArn"], opened=True)
    CERTIFICATES.delete(tx, ctx.scope, found)


@operation("UpdateCertificateOptions")
def update_certificate_options(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    found = certificates.require(tx, ctx.scope, req["CertificateArn"], opened=True)
    if found.imported_at:
        raise errors.validation("The options of an imported certificate can't be changed.")
    changed = msgspec.structs.replace(found, options=found.options | req["Options"])
    CERTIFICATES.replace(tx, ctx.scope, found, changed)


@operation("GetAccountConfiguration")
def get_account_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    account = ACCOUNTS.get(tx, ctx.scope, "") or Account()
    return {"ExpiryEvents": {"DaysBeforeExpiry": account.expiry_days}}


@operation("PutAccountConfiguration")
def put_account_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    if "ExpiryEvents" not in req:
        raise errors.validation("Configuration for events is empty.")
    old = ACCOUNTS.open(tx, ctx.scope, "")
    fresh = Account(expiry_days=req.get("ExpiryEvents", {}).get("DaysBeforeExpiry", 45))
    if old is None:
        ACCOUNTS.insert(tx, ctx.scope, fresh)
    else:
        ACCOUNTS.replace(tx, ctx.scope, old, fresh)


def _tag(ctx: Context, tx: Transaction, arn: str, tags: list[dict[str, str]]) -> None:
    found = certificates.require(tx, ctx.scope, arn, opened=True)
    changed = msgspec.structs.replace(found, tags=certificates.parse_tags(found.tags, tags))
    CERTIFICATES.replace(tx, ctx.scope, found, changed)


def _untag(ctx: Context, tx: Transaction, arn: str, gone: dict[str, str | None]) -> None:
    """A tag with a value goes only where it has that value."""
    found = certificates.require(tx, ctx.scope, arn, opened=True)
    kept = {name: value for name, value in found.tags.items() if name not in gone or gone[name] not in (None, value)}
    CERTIFICATES.replace(tx, ctx.scope, found, msgspec.structs.replace(found, tags=kept))


@operation("AddTagsToCertificate")
def add_tags_to_certificate(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _tag(ctx, tx, req["CertificateArn"], req["Tags"])


@operation("RemoveTagsFromCertificate")
def remove_tags_from_certificate(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _untag(ctx, tx, req["CertificateArn"], {tag["Key"]: tag.get("Value") for tag in req["Tags"]})


@operation("ListTagsForCertificate")
def list_tags_for_certificate(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"Tags": certificates.render_tags(certificates.require(tx, ctx.scope, req["CertificateArn"]))}


@operation("TagResource")
def tag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _tag(ctx, tx, req["ResourceArn"], req["Tags"])


@operation("UntagResource")
def untag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _untag(ctx, tx, req["ResourceArn"], dict.fromkeys(req["TagKeys"]))


@operation("ListTagsForResource")
def list_tags_for_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"Tags": certificates.render_tags(certificates.require(tx, ctx.scope, req["ResourceArn"]))}
