"""Credential reports: a line for each user, good for four hours.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.iam import errors, names
from mrak.services.iam.tables import (
    DEVICES_BY_USER,
    KEYS_BY_USER,
    LOGIN_PROFILES,
    PASSWORD_POLICIES,
    REPORTS,
    SIGNING_CERTIFICATES,
    USERS,
    Report,
    User,
)

_GOOD_SECONDS = 4 * 3600.0
_NONE = "N/A"
_NOT_SUPPORTED = "not_supported"
_HEADER = [
    "user", "arn", "user_creation_time", "password_enabled", "password_last_used", "password_last_changed",
    "password_next_rotation", "mfa_active",
    *(f"access_key_{at}_{what}" for at in (1, 2) for what in (
        "active", "last_rotated", "last_used_date", "last_used_region", "last_used_service"
    )),
    *(f"cert_{at}_{what}" for at in (1, 2) for what in ("active", "last_rotated")),
]  # fmt: skip


@operation("GenerateCredentialReport")
def generate_credential_report(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """The first call makes the report, those after it find it."""
    wide = ctx.scope.account_wide()
    old = REPORTS.open(tx, wide, "")
    if old is not None and ctx.now - old.made_at < _GOOD_SECONDS:
        return {"State": "COMPLETE"}
    fresh = Report(content=_content(tx, ctx.scope), made_at=ctx.now)
    if old is None:
        REPORTS.insert(tx, wide, fresh)
        reason = "No report exists. Starting a new report generation task"
    else:
        REPORTS.replace(tx, wide, old, fresh)
        reason = "The existing report has expired. Starting a new report generation task"
    return {"State": "STARTED", "Description": reason}


@operation("GetCredentialReport")
def get_credential_report(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    report = REPORTS.get(tx, ctx.scope.account_wide(), "")
    if report is None:
        raise errors.report_not_present()
    if ctx.now - report.made_at >= _GOOD_SECONDS:
        raise errors.report_expired()
    return {"Content": report.content, "ReportFormat": "text/csv", "GeneratedTime": report.made_at}


def _content(tx: Transaction, scope: Scope) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_HEADER)
    root = f"arn:{scope.partition}:iam::{scope.account}:root"
    empty_keys = ["false", _NONE, _NONE, _NONE, _NONE] * 2
    writer.writerow(
        ["<root_account>", root, _NONE, _NOT_SUPPORTED, "no_information", *[_NOT_SUPPORTED] * 2, "false"]
        + empty_keys
        + ["false", _NONE] * 2
    )
    for user in USERS.scan(tx, scope.account_wide()):
        writer.writerow([*_identity(scope, user), *_password(tx, scope, user), *_keys(tx, scope, user)])
    return out.getvalue().encode()


def _identity(scope: Scope, user: User) -> list[str]:
    return [user.name, names.arn_of(scope, "user", user.path, user.name), _iso(user.created_at)]


def _password(tx: Transaction, scope: Scope, user: User) -> list[str]:
    wide = scope.account_wide()
    mfa = "true" if DEVICES_BY_USER.count(tx, wide, user.key) else "false"
    profile = LOGIN_PROFILES.get(tx, wide, user.key)
    if profile is None:
        return ["false", _NONE, _NONE, _NONE, mfa]
    policy = PASSWORD_POLICIES.get(tx, wide, "")
    days: Any = 0 if policy is None else policy.settings.get("MaxPasswordAge", 0)
    rotation = _iso(profile.changed_at + days * 86_400.0) if days else _NONE
    return ["true", "no_information", _iso(profile.changed_at), rotation, mfa]


def _keys(tx: Transaction, scope: Scope, user: User) -> Iterator[str]:
    wide = scope.account_wide()
    keys = sorted(KEYS_BY_USER.scan(tx, wide, user.key), key=lambda row: row.created_at)
    for key in (*keys, None, None)[:2]:
        yield from ("false", _NONE) if key is None else (_yes(key.is_active), _iso(key.created_at))
        yield from (_NONE, _NONE, _NONE)
    certificates = sorted(SIGNING_CERTIFICATES.scan(tx, wide, user.key), key=lambda row: row.uploaded_at)
    for certificate in (*certificates, None, None)[:2]:
        shown = ("false", _NONE)
        if certificate is not None:
            shown = (_yes(certificate.is_active), _iso(certificate.uploaded_at))
        yield from shown


def _yes(value: bool) -> str:
    return "true" if value else "false"


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(int(moment), UTC).isoformat()
