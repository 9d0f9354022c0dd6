"""Feature plans of user pools: what LITE, ESSENTIALS and PLUS may switch on.

https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-sign-in-feature-plans.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from mrak.services.cognito_idp import errors

Settings = dict[str, Any]


def _protects(settings: Settings) -> bool:
    return bool(settings.get("UserPoolAddOns", {}).get("AdvancedSecurityMode", "OFF") != "OFF")


def _is_passwordless(settings: Settings) -> bool:
    factors = settings["Policies"].get("SignInPolicy", {}).get("AllowedFirstAuthFactors", ["PASSWORD"])
    return bool(factors != ["PASSWORD"])


def _changes_access_tokens(settings: Settings) -> bool:
    version = settings["LambdaConfig"].get("PreTokenGenerationConfig", {}).get("LambdaVersion", "V1_0")
    return bool(version != "V1_0")


_OF_ESSENTIALS: Final[dict[str, Callable[[Settings], bool]]] = {
    "Passwordless": _is_passwordless,
    "Access Token Customization": _changes_access_tokens,
    "Email MFA": lambda settings: "EmailMfa" in settings,
    "Password History": lambda settings: bool(settings["Policies"]["PasswordPolicy"].get("PasswordHistorySize")),
}
_OF_PLUS: Final[dict[str, Callable[[Settings], bool]]] = {"Threat Protection": _protects}


def check(settings: Settings) -> None:
    """Raises where a pool's settings need another plan than the pool's."""
    tier = settings["UserPoolTier"]
    barred = ({} if tier == "PLUS" else _OF_PLUS) | (_OF_ESSENTIALS if tier == "LITE" else {})
    found = [name for name, is_used in barred.items() if is_used(settings)]
    if found:
        raise errors.not_in_tier(tier, found)
