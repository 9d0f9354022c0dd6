"""What users are sent: invitations and codes, worded by the pool's templates or a CustomMessage function.

Everything goes to the outbox (`/_mrak/outbox`): nothing leaves the machine, unless a function of the pool sends it.
https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-custom-message.html
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from mrak.core.context import Context, Transaction
from mrak.services.cognito_idp import senders, triggers
from mrak.services.cognito_idp.pools import Target
from mrak.services.cognito_idp.senders import Errand, Occasion
from mrak.services.cognito_idp.tables import User
from mrak.services.sns.exports import keep_email, keep_sms

_CODE: Final = "{####}"
_LINK: Final = re.compile(r"\{##([^{}#][^{}]*)##\}")
_TEXTS: Final = {
    "SignUp": "Your confirmation code is {####}",
    "ResendCode": "Your confirmation code is {####}",
    "UpdateUserAttribute": "Your verification code is {####}",
    "VerifyUserAttribute": "Your verification code is {####}",
    "ForgotPassword": "Your password reset code is {####}",
    "Authentication": "Your authentication code is {####}. ",
    "AdminCreateUser": "Your username is {username} and temporary password is {####}. ",
}
_SUBJECTS: Final = {
    "ForgotPassword": "Your password reset code",
    "Authentication": "Your authentication code",
    "AdminCreateUser": "Your temporary password",
}


class Wording(msgspec.Struct, frozen=True):
    """A message before the code is put in, and the occasion for a function that words it itself."""

    subject: str
    email: str
    sms: str
    occasion: Occasion = Occasion("")


class Address(msgspec.Struct, frozen=True):
    """Where a message goes: EMAIL or SMS, by which attribute."""

    medium: str
    attribute: str
    to: str

    def render(self) -> dict[str, str]:
        """CodeDeliveryDetails: the address is masked."""
        return {"Destination": mask(self), "DeliveryMedium": self.medium, "AttributeName": self.attribute}


def address_of(attribute: str, value: str) -> Address:
    return Address("EMAIL" if attribute == "email" else "SMS", attribute, value)


def mask(address: Address) -> str:
    if address.medium == "SMS":
        return "+" + "*" * max(len(address.to) - 5, 0) + address.to[-4:]
    local, _, domain = address.to.partition("@")
    return f"{local[:1]}***@{domain[:1]}***"


def auto_verified(target: Target, attributes: dict[str, str]) -> Address | None:
    """Where the code goes with which a new user proves an address; a phone comes first."""
    wanted = target.pool.settings.get("AutoVerifiedAttributes", [])
    for attribute in ("phone_number", "email"):
        if attribute in wanted and attributes.get(attribute) and attributes.get(f"{attribute}_verified") != "true":
            return address_of(attribute, attributes[attribute])
    return None


async def word(
    ctx: Context, target: Target, user: User, source: str, metadata: dict[str, str] | None = None
) -> Wording:
    """The wording of a message; `source` is the part of the trigger's source behind CustomMessage_."""
    default = _default(target, source)
    request = {
        "userAttributes": triggers.attributes_of(user),
        "codeParameter": _CODE,
        "linkParameter": "{##Click Here##}",
        "usernameParameter": "{username}" if source == "AdminCreateUser" else None,
    }
    answer = await triggers.invoke(
        ctx, target, "CustomMessage", f"CustomMessage_{source}", triggers.with_metadata(request, metadata),
        {"smsMessage": None, "emailMessage": None, "emailSubject": None}, username=user.username,
    )  # fmt: skip
    return Wording(
        str(answer.get("emailSubject") or default.subject),
        str(answer.get("emailMessage") or default.email),
        str(answer.get("smsMessage") or default.sms),
        Occasion(source, metadata),
    )


def _default(target: Target, source: str) -> Wording:
    settings: dict[str, Any] = target.pool.settings
    subject = _SUBJECTS.get(source, "Your verification code")
    text = _TEXTS[source]
    if source == "AdminCreateUser":
        template = settings["AdminCreateUserConfig"].get("InviteMessageTemplate", {})
        return Wording(
            template.get("EmailSubject", subject), template.get("EmailMessage", text), template.get("SMSMessage", text)
        )
    if source == "Authentication":
        email = settings.get("EmailMfa", {})
        sms = settings.get("SmsAuthenticationMessage", text)
        return Wording(email.get("Subject", subject), email.get("Message", text), sms)
    template = settings["VerificationMessageTemplate"]
    sms = template.get("SmsMessage") or settings.get("SmsVerificationMessage") or text
    if source in ("SignUp", "ResendCode") and template["DefaultEmailOption"] == "CONFIRM_WITH_LINK":
        body = (
            template.get("EmailMessageByLink")
            or "Please click the link below to verify your email address. {##Verify Email##} "
        )
        return Wording(template.get("EmailSubjectByLink") or "Your verification link", body, sms)
    body = template.get("EmailMessage") or settings.get("EmailVerificationMessage") or text
    return Wording(template.get("EmailSubject") or settings.get("EmailVerificationSubject") or subject, body, sms)


class Outgoing(msgspec.Struct, frozen=True):
    """A message on its way: to whom, where, and how it is worded."""

    target: Target
    user: User
    address: Address
    wording: Wording


def send(ctx: Context, tx: Transaction, outgoing: Outgoing, code: str) -> None:
    """Puts a message into the outbox, with its code or link; or leaves it to the pool's own sender."""
    user, address, wording = outgoing.user, outgoing.address, outgoing.wording
    if senders.send(ctx, tx, outgoing.target, user, Errand(address.medium, wording.occasion, code)):
        return
    if address.medium == "SMS":
        keep_sms(ctx, tx, address.to, _fill(wording.sms, user, code))
        return
    body = _LINK.sub(lambda match: _anchor(ctx, outgoing, code, match[1]), wording.email)
    keep_email(ctx, tx, address.to, wording.subject, _fill(body, user, code))


def _fill(text: str, user: User, code: str) -> str:
    shown = user.attributes.get("email") or user.username if user.username == user.sub else user.username
    return text.replace(_CODE, code).replace("{username}", shown)


def _anchor(ctx: Context, outgoing: Outgoing, code: str, words: str) -> str:
    target, user = outgoing.target, outgoing.user
    base = f"{ctx.part('endpoint')}/_aws/cognito-idp/{target.pool.id}"
    asked = {"client_id": target.client.id, "user_name": user.username, "confirmation_code": code}
    return f'<a href="{base}/confirmUser?{urlencode(asked)}">{words}</a>'
