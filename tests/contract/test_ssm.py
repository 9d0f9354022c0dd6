"""The Parameter Store as boto3 sees it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.conftest import error_of


@pytest.fixture
def ssm(fresh_sandbox: Any) -> Any:
    return fresh_sandbox.client("ssm")


def test_versions_selectors_and_labels(ssm: Any) -> None:
    """Each put makes a version; a label moves with LabelParameterVersion and selects."""
    ssm.put_parameter(Name="/app/url", Value="one", Type="String")
    assert ssm.put_parameter(Name="/app/url", Value="two", Overwrite=True)["Version"] == 2
    ssm.label_parameter_version(Name="/app/url", ParameterVersion=1, Labels=["live"])
    values = {s: ssm.get_parameter(Name=f"/app/url{s}")["Parameter"]["Value"] for s in ("", ":1", ":2", ":live")}
    assert values == {"": "two", ":1": "one", ":2": "two", ":live": "one"}
    assert ssm.get_parameter(Name="/app/url:live")["Parameter"]["Selector"] == ":live"
    ssm.label_parameter_version(Name="/app/url", Labels=["live"])
    assert ssm.get_parameter(Name="/app/url:live")["Parameter"]["Version"] == 2
    assert [row["Value"] for row in ssm.get_parameter_history(Name="/app/url")["Parameters"]] == ["one", "two"]


def test_paths_are_a_hierarchy(ssm: Any) -> None:
    """Children only, unless recursive; pages go on where they ended."""
    for name in ("/a/1", "/a/2", "/a/b/3", "/ab/4"):
        ssm.put_parameter(Name=name, Value="x", Type="String")
    direct = ssm.get_parameters_by_path(Path="/a")["Parameters"]
    assert [row["Name"] for row in direct] == ["/a/1", "/a/2"]
    first = ssm.get_parameters_by_path(Path="/a", Recursive=True, MaxResults=2)
    rest = ssm.get_parameters_by_path(Path="/a", Recursive=True, MaxResults=2, NextToken=first["NextToken"])
    assert [row["Name"] for row in first["Parameters"] + rest["Parameters"]] == ["/a/1", "/a/2", "/a/b/3"]


def test_secure_strings_are_shown_when_asked_for(ssm: Any) -> None:
    """SSM-001: without decryption something unreadable is shown, never the value."""
    ssm.put_parameter(Name="secret", Value="hush", Type="SecureString")
    assert ssm.get_parameter(Name="secret")["Parameter"]["Value"] != "hush"
    assert ssm.get_parameter(Name="secret", WithDecryption=True)["Parameter"]["Value"] == "hush"


def test_many_at_once(ssm: Any) -> None:
    ssm.put_parameter(Name="there", Value="x", Type="String", Tags=[{"Key": "team", "Value": "a"}])
    answer = ssm.get_parameters(Names=["there", "missing"])
    assert ([row["Name"] for row in answer["Parameters"]], answer["InvalidParameters"]) == (["there"], ["missing"])
    (described,) = ssm.describe_parameters(ParameterFilters=[{"Key": "tag:team", "Values": ["a"]}])["Parameters"]
    assert described["Name"] == "there"
    ssm.remove_tags_from_resource(ResourceType="Parameter", ResourceId="there", TagKeys=["team"])
    assert ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="there")["TagList"] == []
    answer = ssm.delete_parameters(Names=["there", "missing"])
    assert (answer["DeletedParameters"], answer["InvalidParameters"]) == (["there"], ["missing"])


ERRORS: list[tuple[str, dict[str, Any], str]] = [
    ("get_parameter", {"Name": "missing"}, "ParameterNotFound"),
    ("get_parameter", {"Name": "there:9"}, "ParameterVersionNotFound"),
    ("delete_parameter", {"Name": "missing"}, "ParameterNotFound"),
    ("put_parameter", {"Name": "there", "Value": "y", "Type": "String"}, "ParameterAlreadyExists"),
    ("put_parameter", {"Name": "aws-x", "Value": "y", "Type": "String"}, "ValidationException"),
    ("put_parameter", {"Name": "a/b", "Value": "y", "Type": "String"}, "ValidationException"),
    ("put_parameter", {"Name": "/a" * 16, "Value": "y", "Type": "String"}, "HierarchyLevelLimitExceededException"),
    ("put_parameter", {"Name": "n", "Value": "y" * 4097, "Type": "String"}, "ValidationException"),
    ("put_parameter", {"Name": "n", "Value": "y"}, "ValidationException"),
    (
        "put_parameter",
        {"Name": "n", "Value": "y", "Type": "String", "AllowedPattern": "[0-9]+"},
        "ParameterPatternMismatchException",
    ),
    ("get_parameters_by_path", {"Path": "a"}, "ValidationException"),
    ("get_parameters_by_path", {"Path": "/a", "NextToken": "%%%"}, "InvalidNextToken"),
    ("list_tags_for_resource", {"ResourceType": "Parameter", "ResourceId": "missing"}, "InvalidResourceId"),
    ("describe_parameters", {"ParameterFilters": [{"Key": "Label", "Values": ["x"]}]}, "InvalidFilterKey"),
]


@pytest.mark.parametrize(("operation", "params", "code"), ERRORS)
def test_errors(ssm: Any, operation: str, params: dict[str, Any], code: str) -> None:
    ssm.put_parameter(Name="there", Value="x", Type="String")
    assert error_of(getattr(ssm, operation), **params)[0] == code
    assert [row["Name"] for row in ssm.describe_parameters()["Parameters"]] == ["there"]
