"""What Certificate Manager does without a request: it issues certificates after their validation, or gives them up."""

from __future__ import annotations

import asyncio

import msgspec

from mrak.core.background import Timer
from mrak.core.context import Context, Transaction
from mrak.core.operation import timer
from mrak.core.scope import Scope
from mrak.services.acm import certificates, x509
from mrak.services.acm.operations import VALIDATE
from mrak.services.acm.tables import AUTHORITIES, CERTIFICATES, Authority, Certificate


@timer(VALIDATE)
async def validate(ctx: Context, due: Timer) -> None:
    """Keys take a while to make, so that happens beside the event loop."""
    scope, now = due.scope, ctx.clock()
    pending = await ctx.transact(lambda tx: CERTIFICATES.get(tx, scope, due.key))
    if pending is None or pending.status != certificates.PENDING:
        return
    if pending.validation != "DNS":
        await ctx.transact(lambda tx: _settle(tx, scope, due.key, status=certificates.TIMED_OUT))
        return
    fresh = await asyncio.to_thread(x509.new_authority, now)
    authority = await ctx.transact(lambda tx: _authority(tx, scope, fresh))
    key = await asyncio.to_thread(x509.new_key, pending.key_algorithm)
    body = x509.issue(pending.names, key, (authority.body, authority.private_key), now)
    changes = {
        "status": certificates.ISSUED,
        "issued_at": now,
        "body": body,
        "chain": authority.body,
        "private_key": x509.as_pem(key),
        "facts": x509.facts_of(x509.load_certificates(body.encode(), "certificate")[0]),
    }
    await ctx.transact(lambda tx: _settle(tx, scope, due.key, **changes))


def _authority(tx: Transaction, scope: Scope, fresh: tuple[str, str]) -> Authority:
    """The authority that is there, or else the fresh one."""
    found = AUTHORITIES.open(tx, scope, "")
    if found is None:
        found = Authority(body=fresh[0], private_key=fresh[1])
        AUTHORITIES.insert(tx, scope, found)
    return found


def _settle(tx: Transaction, scope: Scope, certificate_id: str, **changes: object) -> Certificate | None:
    """Changes a certificate that is still pending."""
    found = CERTIFICATES.open(tx, scope, certificate_id)
    if found is None or found.status != certificates.PENDING:
        return None
    changed = msgspec.structs.replace(found, **changes)
    CERTIFICATES.replace(tx, scope, found, changed)
    return changed
