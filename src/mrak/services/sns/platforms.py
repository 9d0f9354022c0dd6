"""Platform applications and endpoints: where push notifications go. Their pushes stay in the outbox."""

from __future__ import annotations

import re
from typing import Any

from mrak.core.arn import arn, find_arn
from mrak.core.context import Transaction
from mrak.core.scope import Scope
from mrak.services.sns import errors
from mrak.services.sns.tables import (
    PLATFORM_APPLICATIONS,
    PLATFORM_ENDPOINTS,
    PlatformApplication,
    PlatformEndpoint,
)

PLATFORMS = frozenset(
    {
        "ADM",
        "APNS",
        "APNS_SANDBOX",
        "APNS_VOIP",
        "APNS_VOIP_SANDBOX",
        "BAIDU",
        "FCM",
        "GCM",
        "MACOS",
        "MACOS_SANDBOX",
        "MPNS",
        "WNS",
    }
)
APPLICATION_ATTRIBUTES = frozenset(
    {
        "PlatformCredential",
        "PlatformPrincipal",
        "EventEndpointCreated",
        "EventEndpointDeleted",
        "EventEndpointUpdated",
        "EventDeliveryFailure",
        "SuccessFeedbackRoleArn",
        "FailureFeedbackRoleArn",
        "SuccessFeedbackSampleRate",
        "ApplePlatformTeamID",
        "ApplePlatformBundleID",
        "Enabled",
    }
)
ENDPOINT_ATTRIBUTES = frozenset({"CustomUserData", "Enabled", "Token"})
SECRET = frozenset({"PlatformCredential", "PlatformPrincipal"})
_WITH_PRINCIPAL = frozenset({"ADM", "APNS", "APNS_SANDBOX", "BAIDU", "MPNS", "WNS"})
_NAME = re.compile(r"[A-Za-z0-9_.\-]+")
_MAX_USER_DATA_BYTES = 2048


def application_arn(scope: Scope, application: PlatformApplication) -> str:
    return arn(scope, "sns", f"app/{application.platform}/{application.name}")


def endpoint_arn(scope: Scope, endpoint: PlatformEndpoint) -> str:
    return arn(scope, "sns", f"endpoint/{endpoint.platform}/{endpoint.application}/{endpoint.id}")


def check_name(name: str) -> None:
    if not name:
        raise errors.invalid_parameter(" Reason: cannot be empty")
    if len(name) > 256:
        raise errors.invalid_parameter(f"{name} Reason: must be at most 256 characters long")
    if not _NAME.fullmatch(name):
        raise errors.invalid_parameter(
            "@name Reason: must contain only characters 'a'-'z', 'A'-'Z', '0'-'9', '_', '-', and '.'"
        )


def check_application_attributes(attributes: dict[str, str]) -> None:
    for name in attributes:
        if name not in APPLICATION_ATTRIBUTES:
            raise errors.invalid_parameter(f"Attributes Reason: Invalid attribute name: {name}")
    if "PlatformPrincipal" in attributes and "PlatformCredential" not in attributes:
        raise errors.invalid_parameter(
            "Attributes Reason: PlatformPrincipal attribute provided without PlatformCredential"
        )


def check_credentials(platform: str, attributes: dict[str, str]) -> None:
    """A new application needs what its platform's service would ask for."""
    check_application_attributes(attributes)
    if "PlatformCredential" not in attributes:
        raise errors.invalid_parameter("Attributes Reason: PlatformCredential is required")
    if platform in _WITH_PRINCIPAL and "PlatformPrincipal" not in attributes:
        raise errors.invalid_parameter(
            "Attributes Reason: PlatformCredential attribute provided without PlatformPrincipal"
        )


def check_endpoint_attributes(attributes: dict[str, str]) -> None:
    for name, value in attributes.items():
        if name not in ENDPOINT_ATTRIBUTES:
            raise errors.invalid_parameter(f"Attributes Reason: Invalid attribute name: {name}")
        if name == "CustomUserData" and len(value.encode()) > _MAX_USER_DATA_BYTES:
            raise errors.invalid_parameter(
                "Attributes Reason: Invalid value for attribute: CustomUserData: must be at most 2048 bytes long in "
                "UTF-8 encoding"
            )
        if name == "Enabled" and value.lower() not in ("true", "false"):
            raise errors.invalid_parameter(
                "Attributes Reason: Invalid value for attribute: Enabled: must be true or false"
            )


def normal_endpoint_attributes(attributes: dict[str, str]) -> dict[str, str]:
    return {name: value.lower() if name == "Enabled" else value for name, value in attributes.items()}


def locate_application(scope: Scope, text: str) -> tuple[Scope, str, str]:
    """Scope, platform and name that an application's ARN names."""
    home, parts = _locate(scope, text, "PlatformApplicationArn", 3)
    return home, parts[1], parts[2]


def _locate(scope: Scope, text: str, parameter: str, slashes: int) -> tuple[Scope, list[str]]:
    found = find_arn(text)
    if found is None:
        raise errors.short_arn(parameter, text)
    parts = found.resource.split("/")
    if len(parts) != slashes:
        raise errors.invalid_parameter(f"{parameter} Reason: Wrong number of slashes in relative portion of the ARN.")
    return scope.in_account(found.account).in_region(found.region), parts


def require_application(tx: Transaction, scope: Scope, text: str) -> tuple[Scope, PlatformApplication]:
    home, platform, name = locate_application(scope, text)
    application = PLATFORM_APPLICATIONS.open(tx, home, platform, name)
    if application is None:
        raise errors.no_platform_application()
    return home, application


def locate_endpoint(scope: Scope, text: str, parameter: str = "EndpointArn") -> tuple[Scope, str, str, str]:
    home, parts = _locate(scope, text, parameter, 4)
    return home, parts[1], parts[2], parts[3]


def find_endpoint(
    tx: Transaction, scope: Scope, text: str, parameter: str = "EndpointArn"
) -> tuple[Scope, PlatformApplication, PlatformEndpoint] | None:
    """An endpoint, opened, and its application."""
    home, platform, name, identifier = locate_endpoint(scope, text, parameter)
    endpoint = PLATFORM_ENDPOINTS.open(tx, home, platform, name, identifier)
    application = PLATFORM_APPLICATIONS.get(tx, home, platform, name)
    return None if endpoint is None or application is None else (home, application, endpoint)


def require_endpoint(tx: Transaction, scope: Scope, text: str) -> tuple[Scope, PlatformApplication, PlatformEndpoint]:
    found = find_endpoint(tx, scope, text)
    if found is None:
        raise errors.no_endpoint()
    return found


def render_application(scope: Scope, application: PlatformApplication) -> dict[str, Any]:
    shown = {name: value for name, value in application.attributes.items() if name not in SECRET}
    return {"PlatformApplicationArn": application_arn(scope, application), "Attributes": {"Enabled": "true"} | shown}
