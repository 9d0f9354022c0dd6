"""Other people's implementations of SRP against ours: pycognito (Python) and amazon-cognito-identity-js (Node.js)."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
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


SCRIPT = """
const { CognitoUserPool, CognitoUser, AuthenticationDetails } = require('amazon-cognito-identity-js');
const [endpoint, pool, client, name, password] = process.argv.slice(2);
const users = new CognitoUserPool({ UserPoolId: pool, ClientId: client, endpoint });
const user = new CognitoUser({ Username: name, Pool: users });
user.authenticateUser(new AuthenticationDetails({ Username: name, Password: password }), {
  onSuccess: (session) => {
    user.getUserAttributes((error, attributes) => {
      if (error) { console.log('failed', error.message); return; }
      console.log('ok', session.getIdToken().payload['cognito:username'], attributes.length);
    });
  },
  onFailure: (error) => console.log('failed', error.name, error.message),
});
"""

DEVICES = """
const { CognitoUserPool, CognitoUser, AuthenticationDetails } = require('amazon-cognito-identity-js');
const { createHmac } = require('crypto');
const [endpoint, pool, client, name, password] = process.argv.slice(2);
const users = new CognitoUserPool({ UserPoolId: pool, ClientId: client, endpoint });
const waits = (work, onSuccess = 'onSuccess') =>
  new Promise((resolve, reject) => work({ [onSuccess]: resolve, onFailure: reject }));
let secret = '';
function code(ahead) {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret].map((letter) => letters.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000) + ahead));
  const bytes = bits.match(/.{8}/g).map((byte) => parseInt(byte, 2));
  const digest = createHmac('sha1', Buffer.from(bytes)).update(step).digest();
  const number = digest.readUInt32BE(digest[19] & 15) & 0x7fffffff;
  return String(number % 1000000).padStart(6, '0');
}
async function signIn() {
  const user = new CognitoUser({ Username: name, Pool: users });
  const asked = [];
  await new Promise((resolve, reject) => {
    const done = { onSuccess: resolve, onFailure: reject };
    user.authenticateUser(new AuthenticationDetails({ Username: name, Password: password }), {
      ...done,
      totpRequired: (kind) => { asked.push(kind); user.sendMFACode(code(1), done, kind); },
    });
  });
  return [user, asked];
}
(async () => {
  const [user, first] = await signIn();
  secret = await waits((done) => user.associateSoftwareToken(done), 'associateSecretCode');
  await waits((done) => user.verifySoftwareToken(code(0), 'phone', done));
  const preferred = { Enabled: true, PreferredMfa: true };
  await new Promise((resolve) => user.setUserMfaPreference(null, preferred, resolve));
  await waits((done) => user.setDeviceStatusRemembered(done));
  const [again, remembered] = await signIn();
  await waits((done) => again.setDeviceStatusNotRemembered(done));
  const [last, forgotten] = await signIn();
  const { Devices } = await waits((done) => last.listDevices(10, null, done));
  await waits((done) => last.forgetDevice(done));
  console.log(JSON.stringify({ first, remembered, forgotten, devices: Devices.length }));
})().catch((error) => console.log('failed', error.name, error.message));
"""


@pytest.fixture(scope="module")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the SDK; the test is skipped where npm has no way to get it."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("Node.js is not installed")
    folder = tmp_path_factory.mktemp("js")
    (folder / "package.json").write_text("{}")
    command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "amazon-cognito-identity-js@6"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=180, check=False)
    if ended.returncode:
        pytest.skip("amazon-cognito-identity-js can't be installed here")
    (folder / "sign_in.js").write_text(SCRIPT)
    (folder / "devices.js").write_text(DEVICES)
    return folder


def run_script(node_modules: Path, name: str, app: App, password: str) -> str:
    arguments = [app.sandbox.server.endpoint, app.pool_id, app.client_id, "ana", password]
    ended = subprocess.run(
        ["node", name, *arguments], cwd=node_modules, capture_output=True, text=True, timeout=60, check=False
    )
    return ended.stdout.strip() or ended.stderr


def test_the_javascript_sdk_signs_in(app: App, node_modules: Path) -> None:
    """What Amplify's users have in their browsers: unsigned calls, SRP, then the user's attributes."""
    assert run_script(node_modules, "sign_in.js", app, PASSWORD) == "ok ana 3"
    refused = run_script(node_modules, "sign_in.js", app, "Wrong-Horse-7")
    assert refused == "failed NotAuthorizedException Incorrect username or password."


def test_the_javascript_sdk_remembers_devices(sandbox: Any, node_modules: Path) -> None:
    """It proves the device by itself: instead of the second factor where it is remembered, else after it."""
    tracking = {"ChallengeRequiredOnNewDevice": True, "DeviceOnlyRememberedOnUserPrompt": True}
    app = new_app(sandbox, {"DeviceConfiguration": tracking})
    app.admin.set_user_pool_mfa_config(
        UserPoolId=app.pool_id, SoftwareTokenMfaConfiguration={"Enabled": True}, MfaConfiguration="OPTIONAL"
    )
    app.add_user("ana")
    told = run_script(node_modules, "devices.js", app, PASSWORD)
    assert json.loads(told) == {"first": [], "remembered": [], "forgotten": ["SOFTWARE_TOKEN_MFA"], "devices": 1}
