"""Functions of container images as configuration, and what calling one says where no engine is. Through boto3.

How an engine is used is tested in tests/unit/lambdas/test_containers.py.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from tests.contract.lambda_bench import ROLE, create, make_zip, refusal

URI = "000000000000.dkr.ecr.us-east-1.amazonaws.com/shop:latest"


@pytest.fixture(scope="module")
def client(sandbox: Any) -> Any:
    return sandbox.client("lambda", read_timeout=30)


def make(client: Any, name: str, uri: str = URI, **more: Any) -> dict[str, Any]:
    return dict(
        client.create_function(FunctionName=name, Role=ROLE, Code={"ImageUri": uri}, PackageType="Image", **more)
    )


def test_image_is_kept_by_its_name(client: Any) -> None:
    """Recorded: test_lambda_image_crud. LAMBDA-009: a name without a digest stands for itself."""
    made = make(client, "image", Environment={"Variables": {"KEY": "b"}})
    assert (made["PackageType"], made["State"]) == ("Image", "Pending")
    assert not {"Runtime", "Handler", "RuntimeVersionConfig", "ImageConfigResponse"} & made.keys()
    code = client.get_function(FunctionName="image")["Code"]
    digest = hashlib.sha256(URI.encode()).hexdigest()
    assert made["CodeSha256"] == digest
    assert code == {
        "RepositoryType": "ECR",
        "ImageUri": URI,
        "ResolvedImageUri": f"{URI.removesuffix(':latest')}@sha256:{digest}",
    }
    exact = URI.replace(":latest", "@sha256:" + "a" * 64)
    assert client.update_function_code(FunctionName="image", ImageUri=exact)["CodeSha256"] == "a" * 64
    assert client.get_function(FunctionName="image")["Code"]["ResolvedImageUri"] == exact


def test_zip_and_image_do_not_mix(client: Any) -> None:
    """Recorded: test_lambda_image_crud, test_lambda_zip_file_to_image."""
    make(client, "stays-image")
    create(client, "stays-zip")
    package = make_zip(app_py="x = 1")
    to_zip = refusal(lambda: client.update_function_code(FunctionName="stays-image", ZipFile=package))
    assert to_zip[2] == "Please provide ImageUri when updating a function with packageType Image."
    to_image = refusal(lambda: client.update_function_code(FunctionName="stays-zip", ImageUri=URI))
    assert to_image[2] == "Please don't provide ImageUri when updating a function with packageType Zip."


def test_image_configuration(client: Any) -> None:
    """Recorded: test_lambda_image_and_image_config_crud: kept, changed as a whole, removed by an empty one."""
    first = {"EntryPoint": ["sh"], "Command": ["-c", "echo test"], "WorkingDirectory": "/app1"}
    made = make(client, "configured", ImageConfig=first)
    assert made["ImageConfigResponse"] == {"ImageConfig": first}
    second = {"Command": ["-c", "echo test1"]}
    changed = client.update_function_configuration(FunctionName="configured", ImageConfig=second)
    assert changed["ImageConfigResponse"] == {"ImageConfig": second}
    assert "ImageConfigResponse" not in client.update_function_configuration(FunctionName="configured", ImageConfig={})


def test_versions_of_images(client: Any) -> None:
    """Recorded: test_lambda_image_versions."""
    assert make(client, "versioned", Publish=True)["Version"] == "1"
    client.update_function_configuration(FunctionName="versioned", Description="second")
    assert client.publish_version(FunctionName="versioned")["Version"] == "2"
    listed = client.list_versions_by_function(FunctionName="versioned")["Versions"]
    assert [row["Version"] for row in listed] == ["$LATEST", "1", "2"]


def test_calling_an_image_without_an_engine(client: Any, server: Any) -> None:
    """Where an engine answers, this image is not there either: both are errors of the function, told plainly."""
    make(client, "uncallable")
    answer = client.invoke(FunctionName="uncallable", Payload=b"{}")
    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"].read())["errorType"] in ("Runtime.Unavailable", "Runtime.ExitError")
