"""Revisions, publishing and the limits of concurrency: what changes what, and what is refused. Black box, boto3."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from tests.contract.lambda_bench import call, create, make_zip, refusal

INVOKE = "lambda:InvokeFunction"


@pytest.fixture(scope="module")
def client(sandbox: Any) -> Any:
    return sandbox.client("lambda", read_timeout=30)


def revision(client: Any, name: str, **more: Any) -> str:
    return str(client.get_function_configuration(FunctionName=name, **more)["RevisionId"])


def test_a_policy_has_revisions_of_its_own(client: Any) -> None:
    """Recorded in 2026: permissions leave the function's revision alone, and the function's does not guard a policy
    that is there. A statement that is there already, or is not, is told before a revision that is wrong."""
    create(client, "revised")
    first = revision(client, "revised")
    allow = {"FunctionName": "revised", "Action": INVOKE, "Principal": "s3.amazonaws.com"}
    client.add_permission(**allow, StatementId="one", RevisionId=first)
    assert revision(client, "revised") == first
    guarded = client.get_policy(FunctionName="revised")["RevisionId"]
    assert guarded != first
    refused = [
        lambda: client.add_permission(**allow, StatementId="two", RevisionId=first),
        lambda: client.add_permission(**allow, StatementId="one", RevisionId=first),
        lambda: client.remove_permission(FunctionName="revised", StatementId="none", RevisionId=first),
        lambda: client.remove_permission(FunctionName="revised", StatementId="one", RevisionId=first),
    ]
    assert [refusal(ask)[1] for ask in refused] == [
        "PreconditionFailedException",
        "ResourceConflictException",
        "ResourceNotFoundException",
        "PreconditionFailedException",
    ]
    published = client.publish_version(FunctionName="revised", RevisionId=first)
    assert revision(client, "revised") not in (first, published["RevisionId"])
    assert revision(client, "revised", Qualifier="1") == published["RevisionId"]
    assert client.get_policy(FunctionName="revised")["RevisionId"] == guarded
    client.remove_permission(FunctionName="revised", StatementId="one", RevisionId=guarded)


def test_tags_concurrency_and_the_last_version_change_the_revision(client: Any) -> None:
    """Recorded: deploy tools that guard by RevisionId meet these changes. Only tags are a modification; a reservation
    that is there already changes nothing, nor does a version that is not the last."""
    arn = create(client, "counted")["FunctionArn"]

    def shown() -> tuple[str, str]:
        found = client.get_function_configuration(FunctionName="counted")
        return found["RevisionId"], found["LastModified"]

    reserve = {"FunctionName": "counted", "ReservedConcurrentExecutions": 5}
    for _ in range(2):
        client.publish_version(FunctionName="counted")
        client.update_function_configuration(FunctionName="counted", Timeout=9)
    client.publish_version(FunctionName="counted")
    seen = [shown()]
    for change in (
        lambda: client.tag_resource(Resource=arn, Tags={"a": "b"}),
        lambda: client.tag_resource(Resource=arn, Tags={"a": "b"}),
        lambda: client.untag_resource(Resource=arn, TagKeys=["none"]),
        lambda: client.put_function_concurrency(**reserve),
        lambda: client.put_function_concurrency(**reserve),
        lambda: client.delete_function_concurrency(FunctionName="counted"),
        lambda: client.delete_function_concurrency(FunctionName="counted"),
        lambda: client.delete_function(FunctionName="counted", Qualifier="3"),
        lambda: client.delete_function(FunctionName="counted", Qualifier="2"),
    ):
        change()
        seen.append(shown())
    revised = [before[0] != after[0] for before, after in pairwise(seen)]
    modified = [before[1] != after[1] for before, after in pairwise(seen)]
    assert revised == [True, True, True, True, False, True, False, True, False]
    assert modified == [True, True, True, False, False, False, False, False, False]


def test_numbers_of_versions_are_never_used_again(client: Any) -> None:
    """AWS counts on where a version was deleted, and where the whole function was. What was published last and is gone
    is published again under the next number."""
    create(client, "numbered")
    client.publish_version(FunctionName="numbered")
    client.delete_function(FunctionName="numbered", Qualifier="1")
    assert client.publish_version(FunctionName="numbered")["Version"] == "2"
    client.delete_function(FunctionName="numbered")
    create(client, "numbered")
    assert client.publish_version(FunctionName="numbered")["Version"] == "3"


def test_aliases_are_listed_by_name(client: Any) -> None:
    """Recorded: a page has more than fifty, and a marker is a name, of an alias that there is or not."""
    create(client, "named")
    for number in range(52):
        client.create_alias(FunctionName="named", Name=f"a{number:02}", FunctionVersion="$LATEST")
    assert len(client.list_aliases(FunctionName="named")["Aliases"]) == 52
    page = client.list_aliases(FunctionName="named", MaxItems=51)
    assert (len(page["Aliases"]), page["NextMarker"]) == (51, "a50")
    after = client.list_aliases(FunctionName="named", Marker="a500")["Aliases"]
    assert [alias["Name"] for alias in after] == ["a51"]


def test_a_version_does_not_tell_of_the_functions_own(client: Any) -> None:
    """Recorded: tags and reserved concurrency are shown of the function alone, not of $LATEST by its name."""
    create(client, "told", Tags={"a": "b"})
    client.put_function_concurrency(FunctionName="told", ReservedConcurrentExecutions=1)
    assert {"Tags", "Concurrency"} <= set(client.get_function(FunctionName="told"))
    assert not {"Tags", "Concurrency"} & set(client.get_function(FunctionName="told", Qualifier="$LATEST"))


def test_permission_of_an_alias_names_the_aliass_revision(client: Any) -> None:
    """The first permission of an alias is guarded by the alias's own revision."""
    create(client, "aliased-policy", Publish=True)
    alias = client.create_alias(FunctionName="aliased-policy", Name="live", FunctionVersion="1")
    allow = {"FunctionName": "aliased-policy", "Qualifier": "live", "Action": INVOKE, "Principal": "s3.amazonaws.com"}
    wrong = refusal(lambda: client.add_permission(**allow, StatementId="one", RevisionId="wrong"))
    assert wrong[:2] == (412, "PreconditionFailedException")
    client.add_permission(**allow, StatementId="one", RevisionId=alias["RevisionId"])
    assert client.get_alias(FunctionName="aliased-policy", Name="live")["RevisionId"] == alias["RevisionId"]


def test_permission_keeps_instances_warm(client: Any) -> None:
    """A new revision without a new build must not throw warm instances away."""
    create(client, "warm", "made = []\ndef handler(event, context):\n    made.append(1)\n    return len(made)\n")
    assert call(client, "warm") == 1
    client.add_permission(FunctionName="warm", StatementId="a", Action=INVOKE, Principal="s3.amazonaws.com")
    client.publish_version(FunctionName="warm")
    assert call(client, "warm") == 2


def test_description_makes_a_version_and_nothing_makes_none(client: Any) -> None:
    """Publishing again without a change answers the version before; a description is a change (recorded:
    test_version_lifecycle), and so is any update, though nothing differs by it (recorded)."""
    create(client, "described", Description="zero")
    assert client.publish_version(FunctionName="described", Description="own words")["Version"] == "1"
    assert client.publish_version(FunctionName="described", Description="others")["Description"] == "own words"
    client.update_function_configuration(FunctionName="described", Description="one")
    again = client.publish_version(FunctionName="described")
    assert (again["Version"], again["Description"]) == ("2", "one")
    assert client.publish_version(FunctionName="described")["Version"] == "2"
    client.update_function_configuration(FunctionName="described", Description="one")
    assert client.publish_version(FunctionName="described")["Version"] == "3"


def test_publishing_update_answers_the_version_as_pending(client: Any) -> None:
    """Recorded: test_publish_with_update."""
    create(client, "published")
    shown = client.update_function_code(FunctionName="published", ZipFile=make_zip(app_py="x = 1"), Publish=True)
    assert (shown["Version"], shown["State"], shown["StateReasonCode"]) == ("1", "Pending", "Creating")
    assert "LastUpdateStatus" not in shown


def test_foreign_accounts_cannot_be_created_in(client: Any) -> None:
    """Recorded: test_function_arns, an error without words."""
    arn = "arn:aws:lambda:us-east-1:123456789012:function:foreign"
    assert refusal(lambda: create(client, arn))[:2] == (403, "AccessDeniedException")


def test_reserved_concurrency_is_the_functions(client: Any) -> None:
    create(client, "reserved")
    qualified = refusal(
        lambda: client.put_function_concurrency(FunctionName="reserved:$LATEST", ReservedConcurrentExecutions=1)
    )
    assert qualified[1] == "InvalidParameterValueException"
    assert qualified[2].startswith("This operation is permitted on Lambda functions only.")


def test_provisioned_concurrency_of_what_is_not_published(client: Any) -> None:
    """Each of the three operations says what is missing."""
    create(client, "unprovisioned", Publish=True)
    for ask in (client.get_provisioned_concurrency_config, client.delete_provisioned_concurrency_config):
        latest = refusal(lambda ask=ask: ask(FunctionName="unprovisioned", Qualifier="$LATEST"))
        assert latest[2] == "The function resource provided must be an alias or a published version."
        alias = refusal(lambda ask=ask: ask(FunctionName="unprovisioned", Qualifier="none"))
        assert alias[1] == "ResourceNotFoundException"
        assert alias[2].startswith("Cannot find alias arn: ")
        assert refusal(lambda ask=ask: ask(FunctionName="unprovisioned", Qualifier="9"))[2].startswith("Function not f")


def test_version_is_provisioned_once(client: Any) -> None:
    """By itself or by an alias; what an alias had ends with it."""
    create(client, "once", Publish=True)
    client.create_alias(FunctionName="once", Name="live", FunctionVersion="1")

    def put(qualifier: str) -> Any:
        return client.put_provisioned_concurrency_config(
            FunctionName="once", Qualifier=qualifier, ProvisionedConcurrentExecutions=1
        )

    assert put("1")["Status"] == "IN_PROGRESS"
    assert refusal(lambda: put("live")) == (
        409,
        "ResourceConflictException",
        "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version",
    )
    client.delete_provisioned_concurrency_config(FunctionName="once", Qualifier="1")
    put("live")
    assert refusal(lambda: put("1"))[2] == "Version is pointed by a Provisioned Concurrency alias"
    client.delete_alias(FunctionName="once", Name="live")
    assert client.list_provisioned_concurrency_configs(FunctionName="once")["ProvisionedConcurrencyConfigs"] == []


def test_provisioned_concurrency_is_part_of_the_reserved(client: Any) -> None:
    """All of it provisioned leaves nothing for $LATEST (recorded: test_reserved_provisioned_overlap); the version that
    has it runs, and sees how it was initialised."""
    code = "import os\ndef handler(event, context):\n    return os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']\n"
    create(client, "overlap", code, Publish=True)
    client.put_function_concurrency(FunctionName="overlap", ReservedConcurrentExecutions=2)
    client.put_provisioned_concurrency_config(FunctionName="overlap", Qualifier="1", ProvisionedConcurrentExecutions=2)
    throttled = refusal(lambda: call(client, "overlap"))
    assert throttled[:2] == (429, "TooManyRequestsException")
    assert call(client, "overlap:1") == "provisioned-concurrency"
    client.delete_provisioned_concurrency_config(FunctionName="overlap", Qualifier="1")
    assert call(client, "overlap") == "on-demand"


def test_event_configuration_without_content_is_refused_first(client: Any) -> None:
    """Recorded: put_functionname_nootherargs."""
    assert refusal(lambda: client.put_function_event_invoke_config(FunctionName="never-made")) == (
        400,
        "InvalidParameterValueException",
        "You must specify at least one of error handling or destination setting.",
    )


def test_snap_start_is_for_some_runtimes(client: Any) -> None:
    wrong = refusal(lambda: create(client, "snapped", SnapStart={"ApplyOn": "PublishedVersions"}))
    assert wrong[2] == "python3.11 is not supported for SnapStart enabled functions."
    shown = create(client, "snapped", Runtime="python3.12", SnapStart={"ApplyOn": "PublishedVersions"})
    assert shown["SnapStart"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}


def test_layers_count_as_code(fresh_sandbox: Any) -> None:
    """GetAccountSettings adds up functions and layers (test_account_settings_total_code_size)."""
    client = fresh_sandbox.client("lambda")
    package = make_zip(app_py="x = 1")
    client.publish_layer_version(LayerName="counted", Content={"ZipFile": package})
    client.publish_layer_version(LayerName="counted", Content={"ZipFile": package})
    assert client.get_account_settings()["AccountUsage"] == {"TotalCodeSize": 2 * len(package), "FunctionCount": 0}


def test_code_signing_configuration_is_looked_up_first(client: Any, sandbox: Any) -> None:
    absent = f"arn:aws:lambda:us-east-1:{sandbox.account}:code-signing-config:csc-01234567890123456"
    assert refusal(
        lambda: client.put_function_code_signing_config(CodeSigningConfigArn=absent, FunctionName="never-made")
    )[1] == ("CodeSigningConfigNotFoundException")


def test_tenants_have_instances_of_their_own(client: Any) -> None:
    """TenancyConfig: an instance serves one tenant, whose id the function sees; a request must say whose it is."""
    code = "seen = []\ndef handler(event, context):\n    seen.append(context.tenant_id)\n    return seen\n"
    create(client, "tenants", code, TenancyConfig={"TenantIsolationMode": "PER_TENANT"})
    assert call(client, "tenants", TenantId="blue") == ["blue"]
    assert call(client, "tenants", TenantId="green") == ["green"]
    assert call(client, "tenants", TenantId="blue") == ["blue", "blue"]
    nobody = refusal(lambda: call(client, "tenants"))
    assert nobody[1] == "InvalidParameterValueException" and nobody[2].endswith("in your request and try again.")
    create(client, "tenantless")
    somebody = refusal(lambda: call(client, "tenantless", TenantId="blue"))
    assert somebody[2].startswith("The invoked function is not enabled with tenancy configuration.")
