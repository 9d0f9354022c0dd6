"""What the Parameter Store does beyond keeping values: policies by the clock, events, filters, secrets, keys."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from tests.conftest import error_of, until

DAY = 86_400


@pytest.fixture
def ssm(fresh_sandbox: Any) -> Any:
    return fresh_sandbox.client("ssm")


@pytest.fixture
def told(fresh_sandbox: Any) -> Any:
    """What the default bus was told by the Parameter Store, as long as it lasts."""
    sqs, events = fresh_sandbox.client("sqs"), fresh_sandbox.client("events")
    queue = sqs.create_queue(QueueName="told")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allowed = {
        "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage",
        "Resource": arn,
    }  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    events.put_rule(Name="told", EventPattern=json.dumps({"source": ["aws.ssm"]}))
    events.put_targets(Rule="told", Targets=[{"Id": "q", "Arn": arn}])
    found: list[Any] = []

    def read(count: int) -> list[Any]:
        def arrived() -> bool:
            for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
                found.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            return len(found) >= count

        until(arrived)
        return found

    return read


def _policies(*policies: tuple[str, dict[str, str]]) -> str:
    return json.dumps([{"Type": kind, "Version": "1.0", "Attributes": values} for kind, values in policies])


def test_a_parameter_expires_by_the_clock(fresh_sandbox: Any, ssm: Any, told: Any) -> None:
    """The bus is told a day before, and of the end."""
    ends = datetime.fromtimestamp(time.time() + 3 * DAY, UTC).isoformat()
    policies = _policies(
        ("Expiration", {"Timestamp": ends}), ("ExpirationNotification", {"Before": "1", "Unit": "Days"})
    )
    ssm.put_parameter(Name="/p", Value="x", Type="String", Tier="Advanced", Policies=policies)
    (shown,) = ssm.describe_parameters()["Parameters"]
    assert [(row["PolicyType"], row["PolicyStatus"]) for row in shown["Policies"]] == [
        ("ExpirationNotification", "Pending"),
        ("Expiration", "Pending"),
    ]
    fresh_sandbox.advance_clock(2 * DAY + 60)
    event = told(2)[1]
    assert event["detail-type"] == "Parameter Store Policy Action"
    assert event["detail"]["policy-type"] == "ExpirationNotification"
    assert event["detail"]["parameter-name"] == "/p"
    statuses = {
        row["PolicyType"]: row["PolicyStatus"] for row in ssm.describe_parameters()["Parameters"][0]["Policies"]
    }
    assert statuses == {"Expiration": "Pending", "ExpirationNotification": "Finished"}
    fresh_sandbox.advance_clock(DAY)
    until(lambda: ssm.describe_parameters()["Parameters"] == [])
    assert [event["detail"].get("operation", "policy") for event in told(4)] == ["Create", "policy", "policy", "Delete"]


def test_a_new_version_begins_its_policies_anew(fresh_sandbox: Any, ssm: Any, told: Any) -> None:
    """Policies stay from version to version until others are given; `[{}]` ends them."""
    policies = _policies(("NoChangeNotification", {"After": "20", "Unit": "Days"}))
    ssm.put_parameter(Name="/p", Value="x", Type="String", Tier="Advanced", Policies=policies)
    told(1)
    fresh_sandbox.advance_clock(15 * DAY)
    ssm.put_parameter(Name="/p", Value="y", Overwrite=True)
    told(2)
    fresh_sandbox.advance_clock(15 * DAY)
    assert ssm.describe_parameters()["Parameters"][0]["Policies"][0]["PolicyStatus"] == "Pending"
    fresh_sandbox.advance_clock(6 * DAY)
    assert [event["detail"].get("policy-type") for event in told(3)] == [None, None, "NoChangeNotification"]
    ssm.put_parameter(Name="/p", Value="z", Overwrite=True, Policies="[{}]")
    assert ssm.describe_parameters()["Parameters"][0]["Policies"] == []


EXPIRES = ("Expiration", {"Timestamp": "2050-01-01T00:00:00Z"})
WRONG: list[tuple[str, dict[str, Any], str]] = [
    (_policies(("Rotation", {})), {}, "InvalidPolicyTypeException"),
    (_policies(("Expiration", {"Before": "1"})), {}, "InvalidPolicyAttributeException"),
    (_policies(("Expiration", {"Timestamp": "soon"})), {}, "InvalidPolicyAttributeException"),
    (_policies(("NoChangeNotification", {"After": "1", "Unit": "Years"})), {}, "InvalidPolicyAttributeException"),
    ("{", {}, "ValidationException"),
    (_policies(EXPIRES, ("Expiration", {"Timestamp": "2051-01-01T00:00:00Z"})), {}, "IncompatiblePolicyException"),
    (_policies(("ExpirationNotification", {"Before": "1", "Unit": "Days"})), {}, "IncompatiblePolicyException"),
    (
        _policies(*[("NoChangeNotification", {"After": str(days), "Unit": "Days"}) for days in range(1, 12)]),
        {},
        "PoliciesLimitExceededException",
    ),
    (_policies(EXPIRES), {"Tier": "Standard"}, "ValidationException"),
]


@pytest.mark.parametrize(("policies", "more", "code"), WRONG)
def test_policies_are_checked(ssm: Any, policies: str, more: dict[str, Any], code: str) -> None:
    asked = {"Name": "/p", "Value": "x", "Type": "String", "Tier": "Advanced", "Policies": policies, **more}
    assert error_of(ssm.put_parameter, **asked)[0] == code
    assert ssm.describe_parameters()["Parameters"] == []


def test_the_bus_is_told_of_changes(ssm: Any, told: Any) -> None:
    ssm.put_parameter(Name="/p", Value="x", Type="String", Description="d")
    ssm.put_parameter(Name="/p", Value="y", Overwrite=True)
    ssm.label_parameter_version(Name="/p", Labels=["live"])
    ssm.delete_parameter(Name="/p")
    events = told(4)
    assert [event["detail"]["operation"] for event in events] == ["Create", "Update", "LabelParameterVersion", "Delete"]
    assert events[0]["detail-type"] == "Parameter Store Change"
    assert events[0]["detail"] == {"name": "/p", "type": "String", "operation": "Create", "description": "d"}
    assert events[0]["resources"][0].endswith(":parameter/p")


def test_names_are_read_as_they_are_asked_for(ssm: Any) -> None:
    """A name without a hierarchy has a second spelling; a malformed one isn't merely missing."""
    ssm.put_parameter(Name="plain", Value="123", Type="String")
    found = ssm.get_parameter(Name="/plain")["Parameter"]
    assert (found["Name"], found["Value"]) == ("/plain", "123")
    assert [row["Name"] for row in ssm.get_parameters(Names=["/plain"])["Parameters"]] == ["/plain"]
    arn = ssm.get_parameter(Name="plain")["Parameter"]["ARN"]
    assert ssm.get_parameter(Name=arn)["Parameter"]["Name"] == "plain"
    for name in ("/a//b//c", "a/b/c"):
        code, message, _ = error_of(ssm.get_parameter, Name=name)
        assert (code, "sub-paths divided by slash symbol" in message) == ("ValidationException", True)


def test_secrets_are_read_like_parameters(fresh_sandbox: Any, ssm: Any) -> None:
    secret = fresh_sandbox.client("secretsmanager").create_secret(Name="s", SecretString="hush")
    name = "/aws/reference/secretsmanager/s"
    found = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]
    assert (found["Name"], found["Value"], found["Type"]) == (name, "hush", "SecureString")
    source = json.loads(found["SourceResult"])
    assert (source["name"], source["ARN"], source["versionStages"]) == ("s", secret["ARN"], ["AWSCURRENT"])
    missing = "/aws/reference/secretsmanager/none"
    code, message, _ = error_of(ssm.get_parameter, Name=missing, WithDecryption=True)
    assert (code, message.endswith(f"Secret {missing[1:]}null not found.")) == ("ParameterNotFound", True)
    sealed = "WithDecryption flag must be True for retrieving a Secret Manager secret."
    assert error_of(ssm.get_parameter, Name=name) == ("ValidationException", sealed, 400)
    ssm.put_parameter(Name="p", Value="x", Type="String")
    answer = ssm.get_parameters(Names=["p", name, missing, "none"], WithDecryption=True)
    assert [row["Name"] for row in answer["Parameters"]] == [name, "p"]
    assert answer["InvalidParameters"] == [missing, "none"]
    assert ssm.get_parameters(Names=["p", name])["InvalidParameters"] == [name], "not without decryption"


def test_versions_and_labels_of_secrets(sandbox: Any) -> None:
    """A UUID after the colon is a version, all else a label; SourceResult is printed as AWS's own code prints it."""
    ssm, secrets = sandbox.client("ssm"), sandbox.client("secretsmanager")
    first = secrets.create_secret(Name="app/=s", SecretString="o'ne")["VersionId"]
    secrets.put_secret_value(SecretId="app/=s", SecretBinary=b"\x00\xff")
    name = "/aws/reference/secretsmanager/app/=s"

    def read(name: str) -> Any:
        return ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]

    for chosen in (first, "AWSPREVIOUS"):
        found = read(f"{name}:{chosen}")
        assert (found["Name"], found["Selector"], found["Value"]) == (name, f":{chosen}", "o'ne")
        assert "DataType" not in found
    source = found["SourceResult"]
    assert source.startswith('{"ARN":"arn:aws:secretsmanager:us-east-1:') and '"secretString":"o\\u0027ne"' in source
    made = found["LastModifiedDate"].astimezone(UTC)
    shown = f"{made:%b} {made.day}, {made:%Y}, {made.hour % 12 or 12}:{made:%M:%S %p}"
    assert json.loads(source)["createdDate"] == shown
    found = read(name.removeprefix("/"))
    assert (found["Name"], "Value" in found, "Selector" in found) == (name[1:], False, False)
    buffer = json.loads(found["SourceResult"])["secretBinary"]
    assert (buffer["hb"], buffer["limit"]) == ([0, -1], 2), "bytes have a sign there"


def test_refused_references_of_secrets(sandbox: Any) -> None:
    """Each with AWS's words, which tell whether the name, the label or the service behind was at fault."""
    ssm, secrets = sandbox.client("ssm"), sandbox.client("secretsmanager")
    arn = secrets.create_secret(Name="refused", SecretString="x")["ARN"]
    prefix = "/aws/reference/secretsmanager/"
    malformed = (
        "Invalid parameter name. Please use correct syntax for referencing a version/label  <name>:<version/label>"
    )
    by_arn = (
        "Secrets manager ARN reference should not be passed in the GetParameter(s) request, please refer to "
        "https://docs.aws.amazon.com/systems-manager/latest/userguide/integration-ps-secretsmanager.html"
    )
    absent = "An error occurred (ParameterNotFound) when referencing Secrets Manager: Secret {} not found."
    refused = [
        (prefix + "refused:", "ValidationException", malformed),
        (prefix + "refused:key:AWSCURRENT:", "ValidationException", malformed),
        (prefix + arn, "ValidationException", malformed),
        (arn, "ValidationException", by_arn),
        (prefix, "ValidationException", "An error occurred while calling one AWS dependency service."),
        (prefix + "refused:none", "ParameterNotFound", absent.format(prefix[1:] + "refused:none")),
        (prefix + "/refused", "ParameterNotFound", absent.format(prefix[1:] + "/refusednull")),
    ]
    for name, code, message in refused:
        assert error_of(ssm.get_parameter, Name=name, WithDecryption=True) == (code, message, 400), name
    both = [prefix + arn, prefix + "refused"]
    answer = ssm.get_parameters(Names=both, WithDecryption=True)
    assert (answer["InvalidParameters"], len(answer["Parameters"])) == (both[:1], 1)


def test_a_secret_is_read_by_who_may_read_it(sandbox: Any) -> None:
    """The Parameter Store is no way around the policies of the secret and of its readers."""
    iam, secrets = sandbox.client("iam"), sandbox.client("secretsmanager")
    arn = secrets.create_secret(Name="guarded", SecretString="hush")["ARN"]
    iam.create_user(UserName="reader")
    key = iam.create_access_key(UserName="reader")["AccessKey"]

    def let(*actions: str) -> None:
        statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName="reader", PolicyName="p", PolicyDocument=document)

    ssm = boto3.client(
        "ssm",
        endpoint_url=sandbox.server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    wanted = "/aws/reference/secretsmanager/guarded"
    let("ssm:GetParameter", "ssm:GetParameters")
    denied = ("ValidationException", "An error occurred while calling one AWS dependency service.", 400)
    assert error_of(ssm.get_parameter, Name=wanted, WithDecryption=True) == denied
    assert error_of(ssm.get_parameters, Names=[wanted], WithDecryption=True) == denied
    let("ssm:GetParameter", "secretsmanager:GetSecretValue")
    assert ssm.get_parameter(Name=wanted, WithDecryption=True)["Parameter"]["ARN"] == arn


def test_a_key_has_to_be_usable(fresh_sandbox: Any, ssm: Any) -> None:
    kms = fresh_sandbox.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    ssm.put_parameter(Name="p", Value="x", Type="SecureString", KeyId=key)
    assert ssm.describe_parameters()["Parameters"][0]["KeyId"] == key
    assert ssm.get_parameter(Name="p", WithDecryption=True)["Parameter"]["Value"] == "x"
    kms.disable_key(KeyId=key)
    assert error_of(ssm.get_parameter, Name="p", WithDecryption=True)[0] == "InvalidKeyId"
    assert ssm.get_parameter(Name="p")["Parameter"]["Value"] != "x"
    missing = {"Name": "q", "Value": "x", "Type": "SecureString", "KeyId": "alias/none"}
    assert error_of(ssm.put_parameter, **missing)[0] == "InvalidKeyId"


def test_labels_and_types_filter_paths(ssm: Any) -> None:
    """A label finds the version that has it, not the newest."""
    ssm.put_parameter(Name="/a/one", Value="old", Type="String")
    ssm.label_parameter_version(Name="/a/one", Labels=["live"])
    ssm.put_parameter(Name="/a/one", Value="new", Overwrite=True)
    ssm.put_parameter(Name="/a/two", Value="s", Type="SecureString")

    def values(key: str, wanted: str) -> list[str]:
        filters = [{"Key": key, "Values": [wanted]}]
        rows = ssm.get_parameters_by_path(Path="/a", ParameterFilters=filters, WithDecryption=True)["Parameters"]
        return [row["Value"] for row in rows]

    assert values("Label", "live") == ["old"]
    assert values("Type", "SecureString") == ["s"]
    assert values("KeyId", "alias/aws/ssm") == ["s"]
    assert error_of(values, key="Name", wanted="x")[0] == "InvalidFilterKey"


def test_descriptions_are_filtered(ssm: Any) -> None:
    ssm.put_parameter(Name="/a/one", Value="x", Type="String", Tier="Advanced")
    ssm.put_parameter(Name="/a/b/two", Value="x", Type="SecureString")

    def names(key: str, *values: str, **more: str) -> list[str]:
        filters = [{"Key": key, "Values": list(values), **more}]
        return [row["Name"] for row in ssm.describe_parameters(ParameterFilters=filters)["Parameters"]]

    assert names("Path", "/a") == ["/a/one"]
    assert names("Path", "/a", Option="Recursive") == ["/a/b/two", "/a/one"]
    assert names("Tier", "Advanced") == ["/a/one"]
    assert names("KeyId", "alias/aws/ssm") == ["/a/b/two"]
    assert names("Name", "two", Option="Contains") == ["/a/b/two"]
    assert names("DataType", "text") == ["/a/b/two", "/a/one"]
    old = ssm.describe_parameters(Filters=[{"Key": "Name", "Values": ["/a/b"]}])["Parameters"]
    assert [row["Name"] for row in old] == ["/a/b/two"]


def test_tiers_go_up_only(ssm: Any) -> None:
    assert ssm.put_parameter(Name="p", Value="x", Type="String", Tier="Advanced")["Tier"] == "Advanced"
    assert ssm.put_parameter(Name="p", Value="y", Overwrite=True)["Tier"] == "Advanced"
    lower = {"Name": "p", "Value": "z", "Overwrite": True, "Tier": "Standard"}
    assert error_of(ssm.put_parameter, **lower)[0] == "ValidationException"
    assert ssm.put_parameter(Name="q", Value="x", Type="String", Tier="Intelligent-Tiering")["Tier"] == "Standard"


def test_labels_have_a_form_and_keep_versions(ssm: Any) -> None:
    """The oldest of a hundred versions makes room, unless it has a label."""
    ssm.put_parameter(Name="p", Value="0", Type="String")
    answer = ssm.label_parameter_version(Name="p", Labels=["ok-1", "9a", "awsome", "a b"])
    assert sorted(answer["InvalidLabels"]) == ["9a", "a b", "awsome"]
    for number in range(1, 100):
        ssm.put_parameter(Name="p", Value=str(number), Overwrite=True)
    assert error_of(ssm.put_parameter, Name="p", Value="x", Overwrite=True)[0] == "ParameterMaxVersionLimitExceeded"
    ssm.unlabel_parameter_version(Name="p", ParameterVersion=1, Labels=["ok-1"])
    assert ssm.put_parameter(Name="p", Value="x", Overwrite=True)["Version"] == 101
    pages = ssm.get_paginator("get_parameter_history").paginate(Name="p")
    assert [row["Version"] for page in pages for row in page["Parameters"]] == list(range(2, 102))
    tags = [{"Key": str(number), "Value": ""} for number in range(51)]
    refused = error_of(ssm.add_tags_to_resource, ResourceType="Parameter", ResourceId="p", Tags=tags)
    assert refused[0] == "TooManyTagsError"


def test_a_slash_before_a_plain_name_makes_no_difference(ssm: Any) -> None:
    """AWS knows `/x` and `x` as one parameter, whichever of the two made it: templates and code mix them."""
    for made, asked in (("/one", "one"), ("two", "/two")):
        ssm.put_parameter(Name=made, Value="v", Type="String")
        assert ssm.get_parameter(Name=made)["Parameter"]["ARN"] == ssm.get_parameter(Name=asked)["Parameter"]["ARN"]
        assert len(ssm.get_parameters(Names=[asked])["Parameters"]) == 1
        tagged = {"ResourceType": "Parameter", "ResourceId": asked}
        ssm.add_tags_to_resource(**tagged, Tags=[{"Key": "k", "Value": "v"}])
        assert ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=made)["TagList"]
        assert error_of(ssm.put_parameter, Name=asked, Value="v", Type="String")[0] == "ParameterAlreadyExists"
        ssm.label_parameter_version(Name=asked, Labels=["l"])
        (version,) = ssm.get_parameter_history(Name=asked)["Parameters"]
        assert version["Labels"] == ["l"]
        named = ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [asked]}])["Parameters"]
        assert [row["Name"] for row in named] == [made]
        ssm.delete_parameter(Name=asked)
        assert ssm.get_parameters(Names=[made])["InvalidParameters"] == [made]


def test_plain_names_lie_below_the_root(ssm: Any) -> None:
    """`/` holds the names without a slash too, by path and by filter; an ARN shows the name as it was made."""
    for name in ("plain", "/top", "/a/b"):
        ssm.put_parameter(Name=name, Value="v", Type="String")
    direct = ssm.get_parameters_by_path(Path="/")["Parameters"]
    assert {row["Name"] for row in direct} == {"plain", "/top"}
    assert len(ssm.get_parameters_by_path(Path="/", Recursive=True)["Parameters"]) == 3
    filtered = ssm.describe_parameters(ParameterFilters=[{"Key": "Path", "Values": ["/", "/a/"]}])["Parameters"]
    assert {row["Name"] for row in filtered} == {"plain", "/top", "/a/b"}
    arn = ssm.get_parameter(Name="/top")["Parameter"]["ARN"]
    assert ssm.get_parameter(Name=arn)["Parameter"]["Name"] == "/top"


@pytest.mark.parametrize(
    ("wanted", "code", "text"),
    [
        ([{"Key": "Label"}], "InvalidFilterKey", "The following filter key is not valid: Label."),
        ([{"Key": "Name"}], "InvalidFilterValue", "The following filter values are missing : null for filter key Name"),
        ([{"Key": "Name", "Values": ["a"]}] * 2, "InvalidFilterKey", "The following filter is duplicated in the"),
        ([{"Key": "Path", "Values": ["/AWS/x"]}], "ValidationException", "Filters for common parameters can't be"),
        ([{"Key": "Path", "Values": ["x"]}], "ValidationException", "The parameter doesn't meet the parameter name"),
        ([{"Key": "Path", "Values": ["//"]}], "ValidationException", "The parameter doesn't meet the parameter name"),
        ([{"Key": "Path", "Option": "Equals", "Values": ["/x"]}], "InvalidFilterOption", "[Recursive, OneLevel]"),
        ([{"Key": "Name", "Option": "x", "Values": ["x"]}], "InvalidFilterOption", "[BeginsWith, Equals]"),
        ([{"Key": "Tier", "Values": ["x"]}], "InvalidFilterOption", "[Standard, Advanced, Intelligent-Tiering]"),
        ([{"Key": "Type", "Values": ["x"]}], "InvalidFilterOption", "[String, StringList, SecureString]"),
    ],
)  # fmt: skip
def test_filters_are_checked(ssm: Any, wanted: list[dict[str, Any]], code: str, text: str) -> None:
    """A filter that can't match is told of, instead of finding nothing or everything."""
    refused = error_of(ssm.describe_parameters, ParameterFilters=wanted)
    assert refused[0] == code and text in refused[1]


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"Name": "AWS_x"}, "ValidationException", 'can\'t be prefixed with "aws" or "ssm" (case-insensitive).'),
        ({"Name": "ssm-x"}, "ValidationException", 'can\'t be prefixed with "aws" or "ssm" (case-insensitive).'),
        ({"Name": "/SSM/x"}, "ValidationException", "If formed as a path, it can consist of sub-paths"),
        ({"Name": "/aws/x"}, "AccessDeniedException", "No access to reserved parameter name: /aws/x."),
        ({"DataType": "Text"}, "ValidationException", "The following data type is not supported: Text"),
    ],
)
def test_reserved_names_and_data_types(ssm: Any, change: dict[str, str], code: str, text: str) -> None:
    """What belongs to AWS, and types that nobody knows."""
    refused = error_of(ssm.put_parameter, **{"Name": "n", "Value": "v", "Type": "String"} | change)
    assert refused[0] == code and text in refused[1]


def test_a_new_value_keeps_what_describes_the_parameter(ssm: Any) -> None:
    """Overwriting a value alone loses neither description nor pattern; a version that is not there is only invalid."""
    ssm.put_parameter(Name="n", Value="v", Type="String", Description="d", AllowedPattern="v.*", DataType="text")
    ssm.put_parameter(Name="n", Value="v2", Overwrite=True)
    (shown,) = ssm.describe_parameters()["Parameters"]
    assert (shown["Description"], shown["AllowedPattern"], shown["Version"]) == ("d", "v.*", 2)
    answer = ssm.get_parameters(Names=["n:7", "n:label", "n:1"])
    assert answer["InvalidParameters"] == ["n:7", "n:label"] and answer["Parameters"][0]["Value"] == "v"
    tagged = [{"Key": "tag:k", "Option": "BeginsWith", "Values": ["v"]}]
    ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId="n", Tags=[{"Key": "k", "Value": "value"}])
    assert len(ssm.describe_parameters(ParameterFilters=tagged)["Parameters"]) == 1


def _pair(kind: str, attributes: dict[str, str]) -> str:
    return json.dumps([{"Type": kind, "Version": "1.0", "Attributes": attributes}])


REFUSED_VALUES: list[tuple[dict[str, Any], str, str]] = [
    ({"Value": ""}, "ValidationException", "1 validation error detected: Value at 'value' failed to satisfy"),
    ({"Value": "a {{ssm:b}}"}, "ValidationException", "Parameter value: 'a {{ssm:b}}' failed to satisfy constraint: "),
    ({"AllowedPattern": "["}, "InvalidAllowedPatternException", "The syntax of the allowedPattern parameter is"),
    ({"DataType": "Text"}, "ValidationException", "The following data type is not supported: Text. (Data type names"),
    ({"DataType": "aws:ssm:integration"}, "ValidationException", "must start with prefix: /d9d01087-4a3f-49e0"),
    ({"Policies": "no"}, "ValidationException", "Invalid policies input: no."),
    ({"Policies": _pair("Odd", {})}, "InvalidPolicyTypeException", "Policy type Odd is not supported."),
    (
        {"Policies": _pair("NoChangeNotification", {"After": "0", "Unit": "Days"})},
        "InvalidPolicyAttributeException",
        "Attribute After must be a positive integer.",
    ),
    (
        {"Policies": _pair("NoChangeNotification", {"After": "0.5", "Unit": "Days"})},
        "InvalidPolicyAttributeException",
        "Attribute After must be a positive integer smaller than 8760000 .",
    ),
    (
        {"Tier": "Standard", "Policies": _pair("Expiration", {"Timestamp": "2050-01-01T00:00:00Z"})},
        "ValidationException",
        "You can't assign parameter policies to a standard-parameter tier.",
    ),
]


@pytest.mark.parametrize(("change", "code", "text"), REFUSED_VALUES)
def test_values_and_policies_are_refused_in_the_words_of_aws(
    ssm: Any, change: dict[str, Any], code: str, text: str
) -> None:
    """What AWS was seen to say of each; nothing is kept of a refused value."""
    refused = error_of(ssm.put_parameter, **{"Name": "/n", "Value": "v", "Type": "String", "Tier": "Advanced"} | change)
    assert refused[0] == code and text in refused[1]
    assert ssm.describe_parameters()["Parameters"] == []


def test_a_pattern_binds_later_values_too(ssm: Any) -> None:
    """A pattern belongs to the parameter: AWS refuses a later value that does not match it."""
    ssm.put_parameter(Name="/n", Value="v", Type="String", AllowedPattern="v.*")
    refused = error_of(ssm.put_parameter, Name="/n", Value="w", Overwrite=True)
    assert refused[:2] == (
        "ParameterPatternMismatchException",
        "Parameter value, cannot be validated against allowedPattern: v.*",
    )
    assert ssm.get_parameter(Name="/n")["Parameter"]["Value"] == "v"


@pytest.mark.parametrize(
    ("selector", "code", "text"),
    [
        (
            "gone",
            "ParameterVersionNotFound",
            "a version of /n that has the specified label, gone. Verify the parameter",
        ),
        ("-1", "ParameterVersionNotFound", "a version of /n that has the specified label, -1. Verify the parameter"),
        ("0", "ParameterVersionNotFound", "could not find version 0 of /n. Verify the version"),
        ("1:2", "ValidationException", "correct syntax for referencing a version/label  <name>:<version/label>"),
        ("", "ValidationException", "correct syntax for referencing a version/label  <name>:<version/label>"),
    ],
)
def test_selectors_that_select_nothing(ssm: Any, selector: str, code: str, text: str) -> None:
    """Numbers are versions, everything else is a label, and AWS has words for each."""
    ssm.put_parameter(Name="/n", Value="v", Type="String")
    assert ssm.get_parameter(Name="/n:01")["Parameter"]["Version"] == 1
    refused = error_of(ssm.get_parameter, Name=f"/n:{selector}")
    assert refused[0] == code and text in refused[1]


def test_many_parameters_come_by_name(ssm: Any) -> None:
    """AWS sorts what it found and what it did not, and takes a name given twice as given once."""
    for name in ("/b", "/a"):
        ssm.put_parameter(Name=name, Value=name, Type="String")
    answer = ssm.get_parameters(Names=["/z", "/b", "/a", "/b", "/b:9", "/z"])
    assert [row["Name"] for row in answer["Parameters"]] == ["/a", "/b"]
    assert answer["InvalidParameters"] == ["/b:9", "/z"]


def test_a_label_that_moves_says_from_where(ssm: Any, told: Any) -> None:
    """An event for each label, with the versions that lost and got it; the labels are listed as AWS's hash sets do."""
    ssm.put_parameter(Name="/n", Value="one", Type="String")
    ssm.label_parameter_version(Name="/n", Labels=["stable"])
    ssm.put_parameter(Name="/n", Value="two", Overwrite=True)
    answer = ssm.label_parameter_version(
        Name="/n", Labels=["stable", "valid", "123bad", "awsBad", "ssmBad", "bad label"]
    )
    assert answer["InvalidLabels"] == ["awsBad", "123bad", "bad label", "ssmBad"]
    assert ssm.get_parameter_history(Name="/n")["Parameters"][1]["Labels"] == ["valid", "stable"]
    moves = [event["detail"] for event in told(5) if event["detail"]["operation"] == "LabelParameterVersion"]
    assert sorted((move["label"], move["fromVersion"], move["toVersion"]) for move in moves) == [
        ("stable", "", "1"),
        ("stable", "1", "2"),
        ("valid", "", "2"),
    ]


def test_label_filters_are_exact_and_single(ssm: Any) -> None:
    """A label is found by its whole name, and one at a time."""
    wanted: dict[str, Any] = {"Key": "Label", "Option": "BeginsWith", "Values": ["s"]}
    refused = error_of(ssm.get_parameters_by_path, Path="/n", ParameterFilters=[wanted])
    assert refused[0] == "InvalidFilterOption" and "Valid options include: [Equals]." in refused[1]
    several = [{"Key": "Label", "Values": ["a", "b"]}]
    assert error_of(ssm.get_parameters_by_path, Path="/n", ParameterFilters=several)[:2] == (
        "InvalidFilterValue",
        "The following filter Label can have only one value",
    )
    token = error_of(ssm.get_parameters_by_path, Path="/n", NextToken="wrong!")
    assert token[:2] == ("InvalidNextToken", "The following token is invalid: wrong!.")


def test_a_policy_has_a_state_now_and_none_in_history(ssm: Any) -> None:
    """Policies are shown in the order in which AWS shows them, and one that is given twice is one."""
    expires = {"Type": "Expiration", "Version": "1.0", "Attributes": {"Timestamp": "2050-01-01T00:00:00Z"}}
    still = {"Type": "NoChangeNotification", "Version": "1.0", "Attributes": {"After": "1", "Unit": "Days"}}
    policies = json.dumps([expires, still, expires])
    ssm.put_parameter(Name="/n", Value="v", Type="String", Tier="Advanced", Policies=policies)
    (shown,) = ssm.describe_parameters()["Parameters"]
    assert [(row["PolicyType"], row["PolicyStatus"]) for row in shown["Policies"]] == [
        ("NoChangeNotification", "Pending"),
        ("Expiration", "Pending"),
    ]
    (was,) = ssm.get_parameter_history(Name="/n")["Parameters"]
    assert [set(row) for row in was["Policies"]] == [{"PolicyType", "PolicyText"}] * 2
    assert was["Policies"][0]["PolicyType"] == "Expiration"
