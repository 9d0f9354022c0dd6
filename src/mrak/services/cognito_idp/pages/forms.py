"""The pages for people: signing in, signing up, confirming, a forgotten password, second factors.

A page is a GET that shows its form and a POST that does what an app would have called; what goes wrong is said above
the same form. Where all is done the browser goes back to the app (`oauth.send_back`).
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from mrak.core.context import Context
from mrak.core.errors import ApiError
from mrak.core.http import Response
from mrak.services.cognito_idp import authentication, challenges, signup_operations
from mrak.services.cognito_idp.authentication import Attempt
from mrak.services.cognito_idp.pages import html, oauth, providers, visits
from mrak.services.cognito_idp.pages.html import Field, Page
from mrak.services.cognito_idp.pages.oauth import Refused, Wish
from mrak.services.cognito_idp.pages.visits import Visit
from mrak.services.cognito_idp.pools import Target, secret_hash

_LABELS: Final = {"email": "Email", "phone_number": "Phone number", "name": "Name", "given_name": "First name",
                  "family_name": "Last name", "birthdate": "Birthdate"}  # fmt: skip
_KINDS: Final = {"email": "email", "phone_number": "tel", "birthdate": "date"}
_COMPLETE: Final = {"email": "email", "phone_number": "tel", "name": "name", "given_name": "given-name",
                    "family_name": "family-name", "birthdate": "bday"}  # fmt: skip
_CODES: Final = {
    "SOFTWARE_TOKEN_MFA": ("SOFTWARE_TOKEN_MFA_CODE", "Enter the code that your authenticator app shows."),
    "SMS_MFA": ("SMS_MFA_CODE", "We have sent a code by text message."),
    "EMAIL_OTP": ("EMAIL_OTP_CODE", "We have sent a code by email."),
}
Said = dict[str, str]


async def show(ctx: Context, visit: Visit, page: Page, status: int = 200) -> Response:
    """A page with its form made safe."""
    token, cookies = visits.form_token(ctx, visit)
    hidden = page.hidden | {"_csrf": token}
    return html.render(msgspec.structs.replace(page, hidden=hidden), status, cookies)


def _app(target: Target) -> str:
    return target.client.name


def _name_label(target: Target) -> str:
    kinds = target.pool.settings.get("UsernameAttributes", [])
    return " or ".join(_LABELS[kind] for kind in kinds).capitalize() if kinds else "Username"


def _name_field(target: Target, value: str = "") -> Field:
    only_email = target.pool.settings.get("UsernameAttributes") == ["email"]
    kind = "email" if only_email else "text"
    return Field(name="username", label=_name_label(target), kind=kind, value=value, complete="username")


def _password(name: str, label: str, *, new: bool, hint: str = "") -> Field:
    complete = "new-password" if new else "current-password"
    return Field(name=name, label=label, kind="password", complete=complete, hint=hint)


async def authorize(ctx: Context, visit: Visit) -> Response:
    """Sends who has signed in lately back to the app at once, everybody else to the sign-in page, the pool's or that of
    the identity provider that the app asks for."""
    wish = await oauth.require_wish(ctx, visit)
    try:
        oauth.check_wish(wish)
    except Refused as refused:
        return oauth.send_error(wish, refused)
    known = await visits.find_signed_in(ctx, visit)
    if known is not None:
        return await oauth.send_back(ctx, wish, known[0], known[1])
    sent = await providers.send_out(ctx, visit, wish)
    return html.redirect(visit.address("/login")) if sent is None else sent


def login_page(visit: Visit, target: Target, said: Said) -> Page:
    links = [(visit.address("/forgotPassword"), "Forgot your password?")]
    if not target.pool.settings["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"]:
        links.append((visit.address("/signup"), "Create an account"))
    return Page(
        title="Sign in",
        under=f"to continue to {_app(target)}",
        app=_app(target),
        action=visit.address("/login"),
        button="Sign in",
        fields=(_name_field(target, said.get("username", "")), _password("password", "Password", new=False)),
        links=tuple(links),
        error=said.get("error", ""),
        notice=said.get("notice", ""),
    )


async def login(ctx: Context, visit: Visit, wish: Wish) -> Response:
    target = wish.target
    if visit.method != "POST":
        page = login_page(visit, target, {})
        others = await ctx.transact(lambda tx: providers.links(tx, visit, target))
        return await show(ctx, visit, msgspec.structs.replace(page, links=(*others, *page.links)))
    name = visit.form.get("username", "")
    attempt = Attempt(target=target, name=name, flow="HOSTED", hosted=True)
    try:
        answer = await authentication.with_password(ctx, attempt, visit.form.get("password", ""))
    except ApiError as error:
        if error.code == "UserNotConfirmedException":
            return await _confirm_first(ctx, visit, target, name)
        if error.code == "PasswordResetRequiredException":
            return await show(ctx, visit, reset_page(visit, target, {"username": name, "error": error.message}))
        return await show(ctx, visit, login_page(visit, target, {"username": name, "error": _words(error)}), 400)
    return await proceed(ctx, visit, wish, name, answer)


async def _confirm_first(ctx: Context, visit: Visit, target: Target, name: str) -> Response:
    """Sends another code to somebody who has the password and is not confirmed yet."""
    said = {"username": name}
    try:
        await signup_operations.resend_confirmation_code(ctx, _about(target, name))
    except ApiError as error:
        said["error"] = error.message
    return await show(ctx, visit, confirm_page(visit, target, said))


def _words(error: ApiError) -> str:
    # Which users there are is nobody's business on a public page.
    return "Incorrect username or password." if error.code == "UserNotFoundException" else error.message


def _about(target: Target, name: str) -> dict[str, Any]:
    """Members that all requests of an app about a user have."""
    request: dict[str, Any] = {"ClientId": target.client.id, "Username": name}
    if target.client.secret:
        request["SecretHash"] = secret_hash(target.client, name)
    return request


async def proceed(ctx: Context, visit: Visit, wish: Wish, name: str, answer: dict[str, Any]) -> Response:
    """Back to the app, or to the next challenge."""
    if "Username" in answer:
        user, cookie = await visits.enter(ctx, visit, wish.target, answer["Username"])
        return await oauth.send_back(ctx, wish, user, ctx.now, (cookie,))
    return await show(ctx, visit, challenge_page(visit, wish.target, name, answer))


def challenge_page(visit: Visit, target: Target, name: str, answer: dict[str, Any], error: str = "") -> Page:
    challenge = answer["ChallengeName"]
    hidden = {"challenge": challenge, "session": answer["Session"], "username": name}
    base = Page(title="", app=_app(target), action=visit.address("/challenge"), hidden=hidden, error=error)
    replace = msgspec.structs.replace
    if challenge == "NEW_PASSWORD_REQUIRED":
        return replace(
            base,
            title="Choose a new password",
            under="Your temporary password has done its service.",
            button="Set password and sign in",
            fields=(_password("answer", "New password", new=True, hint=_policy_hint(target)),),
        )
    if challenge in _CODES:
        field = Field(name="answer", label="Code", complete="one-time-code", is_code=True)
        return replace(base, title="One more step", under=_CODES[challenge][1], button="Verify", fields=(field,))
    return replace(
        base,
        title="Not possible here",
        under="Your account needs a step that this page does not offer. Sign in with the app itself.",
        hidden={},
    )


async def challenge(ctx: Context, visit: Visit, wish: Wish) -> Response:
    target, name = wish.target, visit.form.get("username", "")
    asked, session = visit.form.get("challenge", ""), visit.form.get("session", "")
    field = "NEW_PASSWORD" if asked == "NEW_PASSWORD_REQUIRED" else _CODES.get(asked, ("ANSWER", ""))[0]
    attempt = Attempt(target=target, name=name, flow="HOSTED", hosted=True)
    responses = {"USERNAME": name, field: visit.form.get("answer", "")}
    try:
        answer = await challenges.respond(ctx, attempt, asked, session, responses)
    except ApiError as error:
        if error.code in ("InvalidPasswordException", "CodeMismatchException", "InvalidParameterException"):
            again = {"ChallengeName": asked, "Session": session}
            return await show(ctx, visit, challenge_page(visit, target, name, again, error.message), 400)
        return await show(ctx, visit, login_page(visit, target, {"username": name, "error": error.message}), 400)
    return await proceed(ctx, visit, wish, name, answer)


def _policy_hint(target: Target) -> str:
    policy = target.pool.settings["Policies"]["PasswordPolicy"]
    kinds = [
        words
        for member, words in (
            ("RequireLowercase", "a lower case letter"),
            ("RequireUppercase", "an upper case letter"),
            ("RequireNumbers", "a number"),
            ("RequireSymbols", "a symbol"),
        )
        if policy.get(member)
    ]
    text = f"At least {policy.get('MinimumLength', 8)} characters"
    return f"{text}, with {', '.join(kinds)}." if kinds else f"{text}."


def signup_page(visit: Visit, target: Target, said: Said) -> Page:
    fields = [_name_field(target, said.get("username", ""))]
    by_name = target.pool.settings.get("UsernameAttributes", [])
    needed = [a["Name"] for a in target.pool.schema if a["Required"] and a["Name"] != "sub"]
    needed += [name for name in target.pool.settings.get("AutoVerifiedAttributes", []) if name not in needed]
    for name in needed:
        if name not in by_name:
            fields.append(
                Field(
                    name=f"attribute.{name}",
                    label=_LABELS.get(name, name.removeprefix("custom:").replace("_", " ").capitalize()),
                    kind=_KINDS.get(name, "text"),
                    value=said.get(name, ""),
                    complete=_COMPLETE.get(name, "off"),
                )
            )
    return Page(
        title="Create an account",
        under=f"for {_app(target)}",
        app=_app(target),
        action=visit.address("/signup"),
        button="Sign up",
        fields=(*fields, _password("password", "Password", new=True, hint=_policy_hint(target))),
        links=((visit.address("/login"), "Have an account? Sign in"),),
        error=said.get("error", ""),
    )


async def signup(ctx: Context, visit: Visit, wish: Wish) -> Response:
    target = wish.target
    if visit.method != "POST":
        return await show(ctx, visit, signup_page(visit, target, {}))
    name = visit.form.get("username", "")
    given = {key.removeprefix("attribute."): value for key, value in visit.form.items() if key.startswith("attribute.")}
    request = _about(target, name) | {
        "Password": visit.form.get("password", ""),
        "UserAttributes": [{"Name": key, "Value": value} for key, value in given.items() if value],
    }
    try:
        answer = await signup_operations.sign_up(ctx, request)
    except ApiError as error:
        page = signup_page(visit, target, given | {"username": name, "error": error.message})
        return await show(ctx, visit, page, 400)
    if answer["UserConfirmed"]:
        return await show(ctx, visit, login_page(visit, target, {"username": name, "notice": "Your account is ready."}))
    sent = answer.get("CodeDeliveryDetails", {}).get("Destination", "")
    return await show(ctx, visit, confirm_page(visit, target, {"username": name, "sent": sent}))


def confirm_page(visit: Visit, target: Target, said: Said) -> Page:
    sent = said.get("sent")
    return Page(
        title="Confirm your account",
        under=f"We have sent a code to {sent}." if sent else "Enter the code that we have sent you.",
        app=_app(target),
        action=visit.address("/confirm"),
        button="Confirm account",
        fields=(Field(name="code", label="Code", complete="one-time-code", is_code=True),),
        hidden={"username": said.get("username", "")},
        links=((visit.address("/login"), "Back to sign in"),),
        error=said.get("error", ""),
    )


async def confirm(ctx: Context, visit: Visit, wish: Wish) -> Response:
    target = wish.target
    name = visit.form.get("username", "") or visit.query.get("username", "")
    if visit.method != "POST":
        return await show(ctx, visit, confirm_page(visit, target, {"username": name}))
    try:
        await signup_operations.confirm(ctx, target, name, visit.form.get("code", ""), {})
    except ApiError as error:
        page = confirm_page(visit, target, {"username": name, "error": error.message})
        return await show(ctx, visit, page, 400)
    notice = "Your account is confirmed. Sign in now."
    return await show(ctx, visit, login_page(visit, target, {"username": name, "notice": notice}))


def forgot_page(visit: Visit, target: Target, said: Said) -> Page:
    return Page(
        title="Forgot your password?",
        under="We will send you a code with which you can choose another.",
        app=_app(target),
        action=visit.address("/forgotPassword"),
        button="Send me a code",
        fields=(_name_field(target, said.get("username", "")),),
        links=((visit.address("/login"), "Back to sign in"),),
        error=said.get("error", ""),
    )


async def forgot(ctx: Context, visit: Visit, wish: Wish) -> Response:
    target = wish.target
    if visit.method != "POST":
        return await show(ctx, visit, forgot_page(visit, target, {}))
    name = visit.form.get("username", "")
    try:
        await signup_operations.forgot(ctx, target, name, None)
    except ApiError as error:
        if error.code != "UserNotFoundException":
            page = forgot_page(visit, target, {"username": name, "error": error.message})
            return await show(ctx, visit, page, 400)
    return await show(ctx, visit, reset_page(visit, target, {"username": name}))


def reset_page(visit: Visit, target: Target, said: Said) -> Page:
    return Page(
        title="Choose a new password",
        under="If there is such an account, a code is on its way.",
        app=_app(target),
        action=visit.address("/confirmforgotPassword"),
        button="Change password",
        fields=(
            Field(name="code", label="Code", complete="one-time-code", is_code=True),
            _password("password", "New password", new=True, hint=_policy_hint(target)),
        ),
        hidden={"username": said.get("username", "")},
        links=((visit.address("/login"), "Back to sign in"),),
        error=said.get("error", ""),
    )


async def reset(ctx: Context, visit: Visit, wish: Wish) -> Response:
    target, name = wish.target, visit.form.get("username", "")
    given = (visit.form.get("code", ""), visit.form.get("password", ""))
    try:
        await signup_operations.reset(ctx, target, name, given, None)
    except ApiError as error:
        message = "Invalid code provided, please request a code again." if error.code == "UserNotFoundException" else ""
        page = reset_page(visit, target, {"username": name, "error": message or error.message})
        return await show(ctx, visit, page, 400)
    notice = "Your password is changed. Sign in now."
    return await show(ctx, visit, login_page(visit, target, {"username": name, "notice": notice}))


async def confirm_by_link(ctx: Context, visit: Visit) -> Response:
    """The link of a confirmation message (CONFIRM_WITH_LINK)."""
    target = await visits.require_target(ctx, visit)
    name, code = visit.query.get("user_name", ""), visit.query.get("confirmation_code", "")
    try:
        await signup_operations.confirm(ctx, target, name, code, {})
    except ApiError as error:
        return html.render(Page(title="Confirmation failed", app=_app(target), error=error.message), 400)
    return html.render(Page(title="Your registration has been confirmed", app=_app(target), notice="You can sign in."))
