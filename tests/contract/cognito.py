"""What the tests of Cognito share: a pool with an app, its users, and unsigned clients as apps have them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

PASSWORD = "Correct-Horse-7"


@dataclass
class App:
    """A pool with one app client."""

    sandbox: Any
    admin: Any
    pool_id: str
    client_id: str
    secret: str

    @property
    def client(self) -> Any:
        """An app's own client: nothing is signed."""
        return unsigned(self.sandbox, "cognito-idp")

    def add_user(self, name: str = "ana", password: str = PASSWORD, **attributes: str) -> str:
        """A confirmed user; its name."""
        pairs = [{"Name": key, "Value": value} for key, value in attributes.items()]
        self.admin.admin_create_user(
            UserPoolId=self.pool_id, Username=name, UserAttributes=pairs, MessageAction="SUPPRESS"
        )
        self.admin.admin_set_user_password(UserPoolId=self.pool_id, Username=name, Password=password, Permanent=True)
        return name

    def sign_in(self, name: str = "ana", password: str = PASSWORD) -> dict[str, Any]:
        return self.client.initiate_auth(
            ClientId=self.client_id,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": name, "PASSWORD": password},
        )

    def tokens(self, name: str = "ana", password: str = PASSWORD) -> dict[str, Any]:
        return self.sign_in(name, password)["AuthenticationResult"]

    def last_message(self) -> dict[str, Any]:
        path = f"/_mrak/outbox?environment={self.sandbox.name}&limit=1"
        return self.sandbox.server.ask("GET", path)["messages"][0]

    def last_code(self) -> str:
        """The six digits that were sent last."""
        found = re.search(r"\b(\d{6})\b", self.last_message()["body"])
        assert found is not None
        return found[1]


def unsigned(sandbox: Any, service: str, region: str = "us-east-1") -> Any:
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config

    return boto3.client(
        service,
        endpoint_url=sandbox.server.endpoint,
        region_name=region,
        config=Config(signature_version=UNSIGNED, retries={"max_attempts": 0}),
    )


FLOWS = [
    "ALLOW_USER_PASSWORD_AUTH",
    "ALLOW_USER_SRP_AUTH",
    "ALLOW_REFRESH_TOKEN_AUTH",
    "ALLOW_CUSTOM_AUTH",
    "ALLOW_ADMIN_USER_PASSWORD_AUTH",
]


def new_app(sandbox: Any, pool: dict[str, Any] | None = None, **client: Any) -> App:
    admin = sandbox.client("cognito-idp")
    pool_id = admin.create_user_pool(**({"PoolName": "people"} | (pool or {})))["UserPool"]["Id"]
    made = admin.create_user_pool_client(
        **({"UserPoolId": pool_id, "ClientName": "app", "ExplicitAuthFlows": FLOWS} | client)
    )["UserPoolClient"]
    return App(sandbox, admin, pool_id, made["ClientId"], made.get("ClientSecret", ""))
