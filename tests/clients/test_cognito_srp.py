"""Other people's implementations of SRP against ours: pycognito (Python) and amazon-cognito-identity-js (Node.js)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from tests.clients.conftest import run_node
from tests.contract.cognito import PASSWORD, App, new_app


@pytest.fixture(scope="module")
def app(sandbox: Any) -> App:
    made = new_app(sandbox)
    made.add_user("ana", email="ana@example.com", email_verified="true")
    return made


def srp_client(app: App, username: str, password: str, **more: Any) -> Any:
    pytest.importorskip("pycognito", reason="pycognito is not installed")
    from pycognito.aws_srp import AWSSRP

    return AWSSRP(
        username=username,
        password=password,
        pool_id=app.pool_id,
        client_id=app.client_id,
        client=app.client,
        **more,
    )


def test_pycognito_signs_in(app: App) -> None:
    """Twenty times, since salts and public numbers with leading zeros or a high first bit are where SRPs differ."""
    for _ in range(20):
        assert srp_client(app, "ana", PASSWORD).authenticate_user()["AuthenticationResult"]["IdToken"]


def test_pycognito_is_refused_with_a_wrong_password(app: App) -> None:
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError, match="Incorrect username or password"):
        srp_client(app, "ana", "Wrong-Horse-7").authenticate_user()


def test_pycognito_with_a_secret(sandbox: Any) -> None:
    """The hash of the secret goes along with the challenge's response too."""
    app = new_app(sandbox, GenerateSecret=True)
    app.add_user("Bob.Smith")
    answer = srp_client(app, "Bob.Smith", PASSWORD, client_secret=app.secret).authenticate_user()
    assert answer["AuthenticationResult"]["AccessToken"]


def test_pycognito_by_email(sandbox: Any) -> None:
    """Where one signs in with an address, the name that SRP hashes is the user's own, told by the challenge."""
    app = new_app(sandbox, {"UsernameAttributes": ["email"], "AutoVerifiedAttributes": ["email"]})
    app.add_user("eve@example.com")
    answer = srp_client(app, "eve@example.com", PASSWORD).authenticate_user()
    assert answer["AuthenticationResult"]["AccessToken"]


def sign_in(script: str, app: App, node_modules: Path, password: str = PASSWORD) -> Any:
    arguments = [app.sandbox.server.endpoint, app.pool_id, app.client_id, "ana", password]
    return run_node(node_modules, dict(os.environ), script, *arguments)


def test_the_javascript_sdk_signs_in(app: App, node_modules: Path) -> None:
    """What Amplify's users have in their browsers: unsigned calls, SRP, then the user's attributes."""
    assert sign_in("sign_in.cjs", app, node_modules) == ["ana", 3]
    refused = sign_in("sign_in.cjs", app, node_modules, "Wrong-Horse-7")
    assert refused == ["NotAuthorizedException", "Incorrect username or password."]


def test_the_javascript_sdk_remembers_devices(sandbox: Any, node_modules: Path) -> None:
    """It proves the device by itself: instead of the second factor where it is remembered, else after it."""
    tracking = {"ChallengeRequiredOnNewDevice": True, "DeviceOnlyRememberedOnUserPrompt": True}
    app = new_app(sandbox, {"DeviceConfiguration": tracking})
    app.admin.set_user_pool_mfa_config(
        UserPoolId=app.pool_id, SoftwareTokenMfaConfiguration={"Enabled": True}, MfaConfiguration="OPTIONAL"
    )
    app.add_user("ana")
    assert sign_in("devices.cjs", app, node_modules) == {
        "first": [],
        "remembered": [],
        "forgotten": ["SOFTWARE_TOKEN_MFA"],
        "devices": 1,
    }
