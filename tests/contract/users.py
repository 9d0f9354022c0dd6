"""A user of IAM with a key and a policy of its own."""

from __future__ import annotations

import json
import uuid
from typing import Any

from tests.conftest import Sandbox


def policy_of(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


class User:
    """A user of the sandbox's account; `sandbox` is the same cloud with the user's key."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.iam = sandbox.client("iam")
        self.name = f"user-{uuid.uuid4().hex[:8]}"
        self.arn = self.iam.create_user(UserName=self.name)["User"]["Arn"]
        key = self.iam.create_access_key(UserName=self.name)["AccessKey"]
        row = {"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]}
        self.sandbox = Sandbox(sandbox.server, sandbox.row | row)

    def may(self, action: Any, resource: Any, condition: dict[str, Any] | None = None, effect: str = "Allow") -> None:
        """The one policy of its own; a later one takes its place."""
        statement = {"Effect": effect, "Action": action, "Resource": resource, "Condition": condition or {}}
        self.iam.put_user_policy(UserName=self.name, PolicyName="own", PolicyDocument=policy_of(statement))

    def in_role(self, name: str) -> Sandbox:
        """The same cloud for a session of a role."""
        self.may("sts:AssumeRole", "*")
        role = self.iam.get_role(RoleName=name)["Role"]["Arn"]
        made = self.sandbox.client("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
        row = {"access_key_id": made["AccessKeyId"], "secret_access_key": made["SecretAccessKey"]}
        return Sandbox(self.sandbox.server, self.sandbox.row | row | {"session_token": made["SessionToken"]})
