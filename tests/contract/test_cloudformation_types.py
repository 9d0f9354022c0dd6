"""Every resource type that stacks can make, deployed against its service: made, read, changed, deleted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.conftest import Sandbox
from tests.contract import (
    stack_types_apis,
    stack_types_cdn,
    stack_types_code,
    stack_types_data,
    stack_types_platform,
    stack_types_users,
)
from tests.contract.stack_types import Case, att, ref
from tests.contract.test_cloudformation import delete, outputs, wait

PARTS = (stack_types_apis, stack_types_cdn, stack_types_code, stack_types_data, stack_types_platform, stack_types_users)
CASES = [case for part in PARTS for case in part.CASES]


def template(case: Case, properties: dict[str, Any]) -> str:
    tested = {"Type": case.type, "Properties": properties, **({"DependsOn": case.depends} if case.depends else {})}
    values: dict[str, Any] = {"Ref": ref("Tested")}
    values |= {f"Att{at}": att("Tested", name) for at, name in enumerate(case.attributes)}
    values |= {name: ref(name) for name in case.needs}
    if "Api" in case.needs and case.needs["Api"]["Type"] == "AWS::ApiGateway::RestApi":
        values["Root"] = att("Api", "RootResourceId")
    shown = {name: {"Value": value} for name, value in values.items()}
    return json.dumps({"Resources": {**case.needs, "Tested": tested}, "Outputs": shown})


def found(case: Case, stack: dict[str, Any]) -> dict[str, str]:
    named = outputs(stack)
    return named | {name: named[f"Att{at}"] for at, name in enumerate(case.attributes)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_type_lives_and_dies(case: Case, fresh_sandbox: Sandbox) -> None:
    """Properties reach the service at the creation and at an update, Ref and attributes name what is there, and a
    deletion leaves nothing: a type that is only mapped does none of that."""
    cfn = fresh_sandbox.client("cloudformation")
    named = {"StackName": "typed", "Capabilities": ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]}
    case.prepare(fresh_sandbox.client)
    cfn.create_stack(**named, TemplateBody=template(case, case.first))
    wait(cfn, "stack_create_complete", "typed")
    values = found(case, cfn.describe_stacks(StackName="typed")["Stacks"][0])
    assert all(values.values()), values
    assert case.shown(fresh_sandbox.client, values) == case.before
    if case.second is not None:
        cfn.update_stack(**named, TemplateBody=template(case, case.second))
        wait(cfn, "stack_update_complete", "typed")
        values = found(case, cfn.describe_stacks(StackName="typed")["Stacks"][0])
        assert case.shown(fresh_sandbox.client, values) == case.after
    delete(cfn, "typed")
    if not case.stays:
        assert gone(case, fresh_sandbox, values)


def gone(case: Case, sandbox: Sandbox, values: dict[str, str]) -> bool:
    try:
        left = case.shown(sandbox.client, values)
    except (ClientError, KeyError, IndexError):
        return True
    return left is None or left in ([], {})


def test_every_type_has_a_case() -> None:
    """A type that is added has to be deployed here too."""
    from mrak.core.resource import known_types

    assert set(known_types()) == {case.type for case in CASES}
