"""One small template for each resource type that stacks can make, with what the service has to show of it.

`first` and `second` are the properties before and after an update (no `second`: a change replaces it, or there is
nothing to change). `shown` asks the service itself, and gets the outputs: `Ref`, and each name in `attributes`. What it
answers has to be `before`, then `after`; once the stack is gone it has to fail or to answer None. `needs` are other
resources of the template.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Client = Callable[[str], Any]
Show = Callable[[Client, dict[str, str]], Any]


@dataclass
class Case:
    type: str
    first: dict[str, Any]
    shown: Show
    before: Any
    second: dict[str, Any] | None = None
    after: Any = None
    attributes: tuple[str, ...] = ()
    needs: dict[str, dict[str, Any]] = field(default_factory=dict)
    depends: str = ""
    """A need that is not mentioned in the properties."""
    prepare: Callable[[Client], None] = lambda client: None
    """Makes what the template finds from elsewhere: objects in the bucket `given`."""
    stays: bool = False
    """What is shown is there after the deletion too: the account has it, not the stack."""

    @property
    def name(self) -> str:
        return self.type.removeprefix("AWS::").replace("::", "-")


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def att(name: str, attribute: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, attribute]}


def resource(type_name: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{type_name}", "Properties": properties}


def trust(service: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def allow(action: str, target: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": target, **more}]}


def role(service: str) -> dict[str, Any]:
    policy = {"PolicyName": "all", "PolicyDocument": allow("*")}
    return resource("IAM::Role", AssumeRolePolicyDocument=trust(service), Policies=[policy])


def only(items: list[Any], **wanted: Any) -> Any:
    """The item with these members, None where there is none."""
    return next((item for item in items if all(item.get(key) == value for key, value in wanted.items())), None)


def member(found: Any, name: str) -> Any:
    return None if found is None else found.get(name)


def of(ask: Show, *path: str) -> Show:
    """What stands at a path in the answer."""

    def shown(client: Client, outputs: dict[str, str]) -> Any:
        found = ask(client, outputs)
        for name in path:
            found = found[name]
        return found

    return shown


CODE = {"ZipFile": "def handler(event, context):\n    return 1\n"}
FUNCTION = {
    "Role": role("lambda.amazonaws.com"),
    "Fn": resource(
        "Lambda::Function", Code=CODE, Handler="index.handler", Runtime="python3.11", Role=att("Role", "Arn")
    ),
}
QUEUE = {"Queue": resource("SQS::Queue")}
TOPIC = {"Topic": resource("SNS::Topic")}
BUCKET = {"Bucket": resource("S3::Bucket")}
