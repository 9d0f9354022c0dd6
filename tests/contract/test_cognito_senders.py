"""Functions that send codes instead of Cognito: what they get, and that they can open it."""

from __future__ import annotations

import base64
import uuid
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from tests.conftest import error_of
from tests.contract.cognito import App, new_app
from tests.contract.lambda_bench import TELL, Queue, create, permit


class Reader:
    """Takes a message apart from its start."""

    def __init__(self, content: bytes) -> None:
        self.content, self.at = content, 0

    def take(self, size: int) -> bytes:
        self.at += size
        return self.content[self.at - size : self.at]

    def number(self, size: int = 2) -> int:
        return int.from_bytes(self.take(size))

    def sized(self) -> bytes:
        return self.take(self.number())


def opened(kms: Any, text: str) -> str:
    """What the AWS Encryption SDK reads in a message of version 1 with one KMS key and one frame."""
    reader = Reader(base64.b64decode(text))
    assert reader.take(4) == bytes.fromhex("01800178")
    message_id, about = reader.take(16), Reader(reader.sized())
    context = {about.sized().decode(): about.sized().decode() for _ in range(about.number())}
    assert (reader.number(), reader.sized()) == (1, b"aws-kms")
    key_arn, sealed = reader.sized().decode(), reader.sized()
    assert reader.take(10) == bytes.fromhex("02000000000c00001000")
    key = kms.decrypt(CiphertextBlob=sealed, EncryptionContext=context, KeyId=key_arn)["Plaintext"]
    cipher = AESGCM(HKDF(SHA256(), 32, None, b"\x01\x78" + message_id).derive(key))
    header = reader.content[: reader.at]
    assert cipher.decrypt(reader.take(12), reader.take(16), header) == b""
    assert reader.take(4) == b"\xff\xff\xff\xff"
    number, iv, size = reader.take(4), reader.take(12), reader.number(4)
    bound = message_id + b"AWSKMSEncryptionClient Final Frame" + number + size.to_bytes(8)
    return cipher.decrypt(iv, reader.take(size + 16), bound).decode()


class Bench:
    """A pool whose emails a function sends, which tells a queue what it got."""

    def __init__(self, sandbox: Any) -> None:
        self.told = Queue(sandbox, f"told-{uuid.uuid4().hex}")
        lambdas, name = sandbox.client("lambda"), f"f-{uuid.uuid4().hex}"
        function = create(lambdas, name, TELL, Environment={"Variables": {"TELL_URL": self.told.url}}, Timeout=20)
        permit(lambdas, name, "cognito-idp")
        self.kms = sandbox.client("kms")
        self.key = self.kms.create_key()["KeyMetadata"]["Arn"]
        sender = {"LambdaVersion": "V1_0", "LambdaArn": function["FunctionArn"]}
        config = {"CustomEmailSender": sender, "KMSKeyID": self.key}
        self.app: App = new_app(sandbox, {"AutoVerifiedAttributes": ["email"], "LambdaConfig": config})

    def event(self) -> dict[str, Any]:
        return self.told.take_json()[0]


@pytest.fixture(scope="module")
def bench(sandbox: Any) -> Bench:
    return Bench(sandbox)


def test_codes_are_left_to_the_pools_function(bench: Bench) -> None:
    """The event as AWS documents it; its code confirms the user, and nothing is in the outbox."""
    app = bench.app
    answer = app.client.sign_up(
        ClientId=app.client_id,
        Username="ana",
        Password="Correct-Horse-7",
        UserAttributes=[{"Name": "email", "Value": "ana@example.com"}],
        ClientMetadata={"from": "test"},
    )
    event = bench.event()
    code = opened(bench.kms, event["request"].pop("code"))
    assert event == {
        "version": "1",
        "region": "us-east-1",
        "userPoolId": app.pool_id,
        "userName": "ana",
        "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": app.client_id},
        "triggerSource": "CustomEmailSender_SignUp",
        "request": {
            "type": "customEmailSenderRequestV1",
            "userAttributes": {
                "sub": answer["UserSub"],
                "cognito:user_status": "UNCONFIRMED",
                "email": "ana@example.com",
                "email_verified": "false",
            },
            "clientMetadata": {"from": "test"},
        },
        "response": {},
    }
    app.client.confirm_sign_up(ClientId=app.client_id, Username="ana", ConfirmationCode=code)
    app.client.forgot_password(ClientId=app.client_id, Username="ana")
    event = bench.event()
    assert event["triggerSource"] == "CustomEmailSender_ForgotPassword"
    app.client.confirm_forgot_password(
        ClientId=app.client_id,
        Username="ana",
        Password="Another-Horse-8",
        ConfirmationCode=opened(bench.kms, event["request"]["code"]),
    )
    outbox = app.sandbox.server.ask("GET", f"/_mrak/outbox?environment={app.sandbox.name}&limit=100")["messages"]
    assert not [message for message in outbox if message["to"] == "ana@example.com"]


def test_invitations_carry_the_password(bench: Bench) -> None:
    """AdminCreateUser by email goes to the function; by SMS, for which the pool has none, to the outbox."""
    app = bench.app
    attributes = [{"Name": "email", "Value": "bob@example.com"}, {"Name": "phone_number", "Value": "+15550100"}]
    app.admin.admin_create_user(
        UserPoolId=app.pool_id, Username="bob", UserAttributes=attributes, DesiredDeliveryMediums=["EMAIL", "SMS"]
    )
    event = bench.event()
    assert event["triggerSource"] == "CustomEmailSender_AdminCreateUser"
    password = opened(bench.kms, event["request"]["code"])
    assert app.sign_in("bob", password)["ChallengeName"] == "NEW_PASSWORD_REQUIRED"
    assert (app.last_message()["to"], password in app.last_message()["body"]) == ("+15550100", True)


def test_a_key_is_needed(bench: Bench) -> None:
    """No sender without a key; and no code with a key that cannot be used."""
    app = bench.app
    config = app.admin.describe_user_pool(UserPoolId=app.pool_id)["UserPool"]["LambdaConfig"]
    without = {"CustomEmailSender": config["CustomEmailSender"]}
    refused = error_of(app.admin.create_user_pool, PoolName="p", LambdaConfig=without)
    assert refused[0] == "InvalidParameterException"
    app.add_user("cleo", email="cleo@example.com", email_verified="true")
    bench.kms.disable_key(KeyId=bench.key)
    refused = error_of(app.client.forgot_password, ClientId=app.client_id, Username="cleo")
    assert refused[0] == "CodeDeliveryFailureException"
    bench.kms.enable_key(KeyId=bench.key)
    other = bench.kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["Arn"]
    for key in (other, other[:-4] + "0000", "arn:aws:sqs:us-east-1:000000000000:queue"):
        app.admin.update_user_pool(UserPoolId=app.pool_id, LambdaConfig=config | {"KMSKeyID": key})
        refused = error_of(app.client.forgot_password, ClientId=app.client_id, Username="cleo")
        assert refused[0] == "CodeDeliveryFailureException"
