"""SMS settings, opted-out numbers and the sandbox of an account. Nothing reaches a carrier."""

from __future__ import annotations

import re
from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.page import find_position, take_page
from mrak.core.scope import Scope
from mrak.services.sns import errors, outbox
from mrak.services.sns.tables import SMS, SmsSetting

_ATTRIBUTES, _OPTED_OUT, _SANDBOX = "attributes", "opted-out", "sandbox"
_DEFAULTS = {"MonthlySpendLimit": "1"}
_SETTABLE = frozenset(
    {
        "DefaultSMSType",
        "DefaultSenderID",
        "DeliveryStatusIAMRole",
        "DeliveryStatusSuccessSamplingRate",
        "MonthlySpendLimit",
        "UsageReportS3Bucket",
    }
)
_NUMBER = re.compile(r"\+?[0-9]{1,15}")
_SENDER = re.compile(r"[A-Za-z0-9-]{1,11}")
PAGE_SIZE = 100


def is_opted_out(tx: Transaction, scope: Scope, number: str) -> bool:
    return SMS.get(tx, scope, _OPTED_OUT, number) is not None


@operation("SetSMSAttributes")
def set_sms_attributes(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    given = req["attributes"]
    for name, value in given.items():
        _check(name, value)
    old = SMS.open(tx, ctx.scope, _ATTRIBUTES, "")
    if old is None:
        SMS.insert(tx, ctx.scope, SmsSetting(_ATTRIBUTES, "", dict(given)))
    else:
        SMS.replace(tx, ctx.scope, old, SmsSetting(_ATTRIBUTES, "", {**old.values, **given}))


def _check(name: str, value: str) -> None:
    if name not in _SETTABLE:
        raise errors.invalid_sms_attribute(f"{name} is not a valid attribute")
    if name == "DefaultSMSType" and value not in ("Promotional", "Transactional"):
        raise errors.invalid_sms_attribute("DefaultSMSType is invalid")
    if name == "DefaultSenderID" and not _SENDER.fullmatch(value):
        # The name in AWS's message is misspelt.
        raise errors.invalid_sms_attribute("DefaultSendID is not a valid attribute")
    if name == "DeliveryStatusSuccessSamplingRate" and not (value.isdigit() and int(value) <= 100):
        raise errors.invalid_sms_attribute("DeliveryStatusSuccessSamplingRate is invalid")
    if name == "MonthlySpendLimit" and not value.isdigit():
        raise errors.invalid_sms_attribute("MonthlySpendLimit is invalid")


@operation("GetSMSAttributes")
def get_sms_attributes(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    row = SMS.get(tx, ctx.scope, _ATTRIBUTES, "")
    values = _DEFAULTS | (row.values if row is not None else {})
    wanted = req.get("attributes")
    return {"attributes": {name: value for name, value in values.items() if not wanted or name in wanted}}


@operation("CheckIfPhoneNumberIsOptedOut")
def check_if_phone_number_is_opted_out(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"isOptedOut": is_opted_out(tx, ctx.scope, _require_number(req))}


def _require_number(req: dict[str, Any]) -> str:
    number: str = req["phoneNumber"]
    if not _NUMBER.fullmatch(number):
        raise errors.invalid_parameter("PhoneNumber Reason: input incorrectly formatted")
    return number


@operation("OptInPhoneNumber")
def opt_in_phone_number(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    row = SMS.open(tx, ctx.scope, _OPTED_OUT, _require_number(req))
    if row is not None:
        SMS.delete(tx, ctx.scope, row)


@operation("ListPhoneNumbersOptedOut")
def list_phone_numbers_opted_out(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    after = find_position(req["nextToken"]) if req.get("nextToken") else None
    rows = SMS.scan(tx, ctx.scope, _OPTED_OUT, after=after, limit=PAGE_SIZE + 1)
    page, token = take_page(rows, PAGE_SIZE, lambda row: row.name)
    return {"phoneNumbers": [row.name for row in page]} | ({"nextToken": token} if token else {})


@operation("GetSMSSandboxAccountStatus")
def get_sms_sandbox_account_status(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"IsInSandbox": True}


@operation("CreateSMSSandboxPhoneNumber")
def create_sms_sandbox_phone_number(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    """Sends a one-time password, to the outbox."""
    number = req["PhoneNumber"]
    code = ctx.draw.alphanumeric(6, "0123456789")
    new = SmsSetting(_SANDBOX, number, {"Status": "Pending", "Code": code})
    old = SMS.open(tx, ctx.scope, _SANDBOX, number)
    if old is None:
        SMS.insert(tx, ctx.scope, new)
    else:
        SMS.replace(tx, ctx.scope, old, new)
    text = f"{code} is your verification code for Amazon SNS."
    outbox.keep(ctx, tx, ctx.scope, outbox.Mail("sms", number, text))


@operation("VerifySMSSandboxPhoneNumber")
def verify_sms_sandbox_phone_number(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    old = SMS.open(tx, ctx.scope, _SANDBOX, req["PhoneNumber"])
    if old is None:
        raise errors.no_phone_number()
    if old.values["Code"] != req["OneTimePassword"]:
        raise errors.wrong_one_time_password()
    SMS.replace(tx, ctx.scope, old, SmsSetting(_SANDBOX, old.name, {**old.values, "Status": "Verified"}))


@operation("DeleteSMSSandboxPhoneNumber")
def delete_sms_sandbox_phone_number(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    old = SMS.open(tx, ctx.scope, _SANDBOX, req["PhoneNumber"])
    if old is None:
        raise errors.no_phone_number()
    SMS.delete(tx, ctx.scope, old)


@operation("ListSMSSandboxPhoneNumbers")
def list_sms_sandbox_phone_numbers(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    size = req.get("MaxResults") or PAGE_SIZE
    after = find_position(req["NextToken"]) if req.get("NextToken") else None
    rows = SMS.scan(tx, ctx.scope, _SANDBOX, after=after, limit=size + 1)
    page, token = take_page(rows, size, lambda row: row.name)
    shown = [{"PhoneNumber": row.name, "Status": row.values["Status"]} for row in page]
    return {"PhoneNumbers": shown} | ({"NextToken": token} if token else {})


@operation("ListOriginationNumbers")
def list_origination_numbers(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """There is no carrier to lease numbers from."""
    return {"PhoneNumbers": []}
