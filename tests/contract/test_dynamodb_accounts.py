"""Global tables of several accounts: who may join, what members share, and what comes of a permission that is taken."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.conftest import Sandbox
from tests.contract.dynamodb import INVALID, error_of, eventually, index, make_table

HERE, THERE = "us-east-1", "eu-west-1"
MODE = "GlobalTableSettingsReplicationMode"
SERVICE = {"Service": "replication.dynamodb.amazonaws.com"}
ALL = ["dynamodb:ReadDataForReplication", "dynamodb:WriteDataForReplication", "dynamodb:ReplicateSettings"]


class Accounts:
    """Two accounts of one cloud, each with its region."""

    def __init__(self, sandbox: Sandbox) -> None:
        second = sandbox.server.ask("POST", f"/_mrak/environments/{sandbox.name}/accounts")
        self.ids = [sandbox.account, second["account"]]
        self.here: Any = sandbox.client("dynamodb", region=HERE)
        self.second = Sandbox(sandbox.server, second)
        self.there: Any = self.second.client("dynamodb", region=THERE)

    def arns(self, table: str) -> list[str]:
        places = zip((HERE, THERE), self.ids, strict=True)
        return [f"arn:aws:dynamodb:{region}:{account}:table/{table}" for region, account in places]

    def policy(self, table: str, place: int, *actions: str) -> str:
        """What a member's policy says: what replication may do for the other, and who may join."""
        other = self.arns(table)[1 - place]
        replication = {
            "Effect": "Allow",
            "Principal": SERVICE,
            "Action": list(actions or ALL),
            "Resource": self.arns(table)[place],
            "Condition": {"StringEquals": {"aws:SourceArn": other, "aws:SourceAccount": self.ids[1 - place]}},
        }
        joining = {
            "Effect": "Allow",
            "Principal": {"AWS": self.ids[1 - place]},
            "Action": "dynamodb:AssociateTableReplica",
            "Resource": self.arns(table)[place],
        }
        return json.dumps({"Version": "2012-10-17", "Statement": [replication, joining]})

    def source(self) -> str:
        """A table in the first account that others may join."""
        indexes = [index("gsi", "g")]
        table = make_table(
            self.here, sort=None, attributes={"g": "S"}, GlobalSecondaryIndexes=indexes, **{MODE: "ENABLED"}
        )
        self.here.put_resource_policy(ResourceArn=self.arns(table)[0], Policy=self.policy(table, 0))
        return table

    def request(self, table: str, **changes: Any) -> dict[str, Any]:
        """What the second account asks for to join."""
        wanted = {
            "TableName": table,
            "GlobalTableSourceArn": self.arns(table)[0],
            "ResourcePolicy": self.policy(table, 1),
            MODE: "ENABLED",
        }
        return {name: value for name, value in (wanted | changes).items() if value is not None}

    def group(self) -> str:
        table = self.source()
        self.there.create_table(**self.request(table))
        eventually(lambda: self.status(self.here, table) == "ACTIVE")
        return table

    def status(self, ddb: Any, table: str) -> str:
        shown: str = ddb.describe_table(TableName=table)["Table"]["TableStatus"]
        return shown

    def has(self, ddb: Any, table: str, key: str) -> bool:
        return "Item" in ddb.get_item(TableName=table, Key={"pk": {"S": key}})


@pytest.fixture(scope="module")
def accounts(sandbox: Sandbox) -> Accounts:
    return Accounts(sandbox)


def test_another_account_joins(accounts: Accounts) -> None:
    """It has the items that were there, and each account's writes reach the other; each shows the other by its ARN."""
    table = accounts.source()
    accounts.here.put_item(TableName=table, Item={"pk": {"S": "before"}, "g": {"S": "x"}})
    made = accounts.there.create_table(**accounts.request(table, Tags=[{"Key": "own", "Value": "yes"}]))
    assert made["TableDescription"]["TableStatus"] == "CREATING"
    eventually(lambda: accounts.status(accounts.here, table) == "ACTIVE")
    assert accounts.there.scan(TableName=table, IndexName="gsi")["Count"] == 1
    for writer, reader, key in (
        (accounts.here, accounts.there, "from here"),
        (accounts.there, accounts.here, "from there"),
    ):
        writer.put_item(TableName=table, Item={"pk": {"S": key}})
        eventually(lambda reader=reader, key=key: accounts.has(reader, table, key))
    arns = accounts.arns(table)
    for ddb, other in ((accounts.here, arns[1]), (accounts.there, arns[0])):
        shown = ddb.describe_table(TableName=table)["Table"]
        assert (shown[MODE], shown["GlobalTableVersion"]) == ("ENABLED", "2019.11.21")
        (replica,) = shown["Replicas"]
        assert (replica["ReplicaStatus"], replica["ReplicaArn"], replica[MODE]) == ("ACTIVE", other, "ENABLED")
    assert accounts.here.list_tags_of_resource(ResourceArn=arns[0])["Tags"] == []
    assert accounts.there.list_tags_of_resource(ResourceArn=arns[1])["Tags"] == [{"Key": "own", "Value": "yes"}]


def test_settings_of_all_accounts(accounts: Accounts) -> None:
    """Time to live, indexes and limits are the group's; protection is an account's own; nothing can be overridden."""
    table = accounts.group()
    accounts.there.update_time_to_live(
        TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"}
    )
    told = accounts.here.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert told["TimeToLiveStatus"] == "ENABLED"
    limits = {"MaxReadRequestUnits": 50, "MaxWriteRequestUnits": 40}
    accounts.there.update_table(TableName=table, OnDemandThroughput=limits)
    accounts.there.update_table(TableName=table, DeletionProtectionEnabled=True)
    here = accounts.here.describe_table(TableName=table)["Table"]
    assert (here["OnDemandThroughput"], here["DeletionProtectionEnabled"]) == (limits, False)
    for change in (
        {"ReplicaUpdates": [{"Create": {"RegionName": "us-west-2"}}]},
        {"ReplicaUpdates": [{"Update": {"RegionName": THERE, "TableClassOverride": "STANDARD"}}]},
        {MODE: "DISABLED"},
    ):
        assert error_of(accounts.here.update_table, TableName=table, **change)[0] == INVALID


def test_a_permission_that_is_taken(accounts: Accounts, sandbox: Sandbox) -> None:
    """DYNAMODB-013: writes wait as long as a policy does not let them through, and arrive when it does again."""
    table = accounts.group()
    arn = accounts.arns(table)[1]
    accounts.there.put_resource_policy(ResourceArn=arn, Policy=accounts.policy(table, 1, *ALL[:1]))

    def statuses() -> list[str]:
        shown = [it.describe_table(TableName=table)["Table"]["Replicas"] for it in (accounts.here, accounts.there)]
        return [replica["ReplicaStatus"] for (replica,) in shown]

    assert statuses() == ["REPLICATION_NOT_AUTHORIZED"] * 2
    accounts.here.put_item(TableName=table, Item={"pk": {"S": "waits"}})
    accounts.there.put_item(TableName=table, Item={"pk": {"S": "may be read"}})
    eventually(lambda: accounts.has(accounts.here, table, "may be read"))
    assert not accounts.has(accounts.there, table, "waits")
    accounts.there.put_resource_policy(ResourceArn=arn, Policy=accounts.policy(table, 1))
    assert statuses() == ["ACTIVE"] * 2
    sandbox.advance_clock(61)
    eventually(lambda: accounts.has(accounts.there, table, "waits"))


def test_a_stack_that_joins(accounts: Accounts) -> None:
    """A template names the source, and has no keys; the stack's table goes without those of other accounts."""
    table = accounts.source()
    stacks = accounts.second.client("cloudformation", region=THERE)
    replica = {
        "Region": THERE,
        MODE: "ENABLED",
        "ResourcePolicy": {"PolicyDocument": json.loads(accounts.policy(table, 1))},
    }
    properties = {"TableName": table, "GlobalTableSourceArn": accounts.arns(table)[0], "Replicas": [replica]}
    template = {"Resources": {"T": {"Type": "AWS::DynamoDB::GlobalTable", "Properties": properties}}}
    stacks.create_stack(StackName=table, TemplateBody=json.dumps(template))
    stacks.get_waiter("stack_create_complete").wait(StackName=table, WaiterConfig={"Delay": 0.05})
    accounts.here.put_item(TableName=table, Item={"pk": {"S": "from here"}})
    eventually(lambda: accounts.has(accounts.there, table, "from here"))
    stacks.delete_stack(StackName=table)
    stacks.get_waiter("stack_delete_complete").wait(StackName=table, WaiterConfig={"Delay": 0.05})
    assert "Replicas" not in accounts.here.describe_table(TableName=table)["Table"]


def test_members_of_several_accounts_leave(accounts: Accounts) -> None:
    """An account that deletes its table leaves the others alone with theirs."""
    table = accounts.group()
    accounts.there.delete_table(TableName=table)
    left = accounts.here.describe_table(TableName=table)["Table"]
    assert "Replicas" not in left and left[MODE] == "ENABLED"


def test_who_may_not_join(accounts: Accounts) -> None:
    """DYNAMODB-013: the rules are AWS's, the words of most are ours. Nothing is made of a request that is refused."""
    table = accounts.source()
    here, there = accounts.here, accounts.there

    def refused(**changes: Any) -> tuple[str, str]:
        told = error_of(there.create_table, **accounts.request(table, **changes))
        assert error_of(there.describe_table, TableName=table)[0] == "ResourceNotFoundException"
        assert "Replicas" not in here.describe_table(TableName=table)["Table"]
        return told

    for changes, words in (
        ({MODE: None}, "must be ENABLED"),
        ({"BillingMode": "PAY_PER_REQUEST"}, "BillingMode cannot be specified together with GlobalTableSourceArn."),
        ({"GlobalTableSourceArn": "arn:aws:sqs:us-east-1:1:table/x"}, "Invalid GlobalTableSourceArn"),
        ({"GlobalTableSourceArn": accounts.arns("other")[0]}, "the same table name"),
        ({"ResourcePolicy": None}, f"The resource policy of {accounts.arns(table)[1]} does not allow"),
        ({"ResourcePolicy": accounts.policy(table, 1, ALL[0])}, f"does not allow {SERVICE['Service']} to perform"),
    ):
        code, message = refused(**changes)
        assert code == INVALID and words in message
    here.update_table(TableName=table, **{MODE: "DISABLED"})
    assert "must be ENABLED" in refused()[1]
    here.update_table(TableName=table, **{MODE: "ENABLED"})
    assert error_of(here.create_table, **accounts.request(table))[0] == "ResourceInUseException"
    here.delete_resource_policy(ResourceArn=accounts.arns(table)[0])
    code, message = refused()
    assert code == "AccessDeniedException" and "dynamodb:AssociateTableReplica" in message
    local = make_table(here, sort=None)
    here.put_resource_policy(ResourceArn=accounts.arns(local)[0], Policy=accounts.policy(local, 0))
    here.update_table(TableName=local, ReplicaUpdates=[{"Create": {"RegionName": "us-west-2"}}])
    eventually(lambda: accounts.status(here, local) == "ACTIVE")
    assert "of one account" in error_of(there.create_table, **accounts.request(local))[1]
