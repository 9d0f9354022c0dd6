"""What IAM's users and roles may do with services that have no test of this of their own: who has no permission is told
so in the service's words; a permission of the very action on the very resource is enough; a resource's own policy, too
(IAM-004)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from tests.conftest import Sandbox, error_of, new_cloud
from tests.contract.lambda_bench import ROLE, TELL, create
from tests.contract.users import User, policy_of

MACHINE = json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})


@dataclass
class Cloud:
    """Something of each service."""

    queue: str
    topic: str
    machine: str
    secret: str
    function: str
    bus: str
    parameter: str


@pytest.fixture(scope="module")
def cloud(sandbox: Sandbox) -> Cloud:
    create(sandbox.client("lambda"), "named", TELL)
    machines = sandbox.client("stepfunctions")
    sandbox.client("ssm").put_parameter(Name="/app/key", Value="v", Type="String")
    return Cloud(
        queue=sandbox.client("sqs").create_queue(QueueName="named")["QueueUrl"],
        topic=sandbox.client("sns").create_topic(Name="named", Tags=[{"Key": "team", "Value": "a"}])["TopicArn"],
        machine=machines.create_state_machine(name="named", definition=MACHINE, roleArn=ROLE)["stateMachineArn"],
        secret=sandbox.client("secretsmanager").create_secret(Name="named", SecretString="s")["ARN"],
        function="named",
        bus=sandbox.client("events").create_event_bus(Name="named")["EventBusArn"],
        parameter="/app/key",
    )


@pytest.fixture
def user(sandbox: Sandbox) -> User:
    return User(sandbox)


EVENT = {"Source": "s", "DetailType": "t", "Detail": "{}"}
# service, operation, its parameters, the action as policies and as denials spell it, the resource, the code
CASES = [
    ("sqs", "send_message", {"QueueUrl": "QUEUE", "MessageBody": "m"}, "sqs:SendMessage", "sqs:sendmessage",
     "arn:aws:sqs:us-east-1:ACCOUNT:named", "AccessDenied"),
    ("sqs", "send_message_batch", {"QueueUrl": "QUEUE", "Entries": [{"Id": "1", "MessageBody": "m"}]},
     "sqs:SendMessage", "sqs:sendmessage", "arn:aws:sqs:us-east-1:ACCOUNT:named", "AccessDenied"),
    ("sqs", "receive_message", {"QueueUrl": "QUEUE"}, "sqs:ReceiveMessage", "sqs:receivemessage",
     "arn:aws:sqs:us-east-1:ACCOUNT:named", "AccessDenied"),
    ("sqs", "list_queues", {}, "sqs:ListQueues", "sqs:listqueues", "*", "AccessDenied"),
    ("sqs", "create_queue", {"QueueName": "new"}, "sqs:CreateQueue", "sqs:createqueue",
     "arn:aws:sqs:us-east-1:ACCOUNT:new", "AccessDenied"),
    ("sns", "publish", {"TopicArn": "TOPIC", "Message": "m"}, "sns:Publish", "SNS:Publish", "TOPIC",
     "AuthorizationError"),
    ("sns", "publish_batch", {"TopicArn": "TOPIC", "PublishBatchRequestEntries": [{"Id": "1", "Message": "m"}]},
     "sns:Publish", "SNS:Publish", "TOPIC", "AuthorizationError"),
    ("sns", "publish", {"PhoneNumber": "+3581234567", "Message": "m"}, "sns:Publish", "SNS:Publish", "+3581234567",
     "AuthorizationError"),
    ("sns", "create_topic", {"Name": "new"}, "sns:CreateTopic", "SNS:CreateTopic",
     "arn:aws:sns:us-east-1:ACCOUNT:new", "AuthorizationError"),
    ("stepfunctions", "start_execution", {"stateMachineArn": "MACHINE"}, "states:StartExecution",
     "states:StartExecution", "MACHINE", "AccessDeniedException"),
    ("stepfunctions", "list_state_machines", {}, "states:ListStateMachines", "states:ListStateMachines", "*",
     "AccessDeniedException"),
    ("secretsmanager", "get_secret_value", {"SecretId": "named"}, "secretsmanager:GetSecretValue",
     "secretsmanager:GetSecretValue", "SECRET", "AccessDeniedException"),
    ("secretsmanager", "list_secrets", {}, "secretsmanager:ListSecrets", "secretsmanager:ListSecrets", "*",
     "AccessDeniedException"),
    ("lambda", "invoke", {"FunctionName": "named"}, "lambda:InvokeFunction", "lambda:InvokeFunction",
     "arn:aws:lambda:us-east-1:ACCOUNT:function:named", "AccessDeniedException"),
    ("lambda", "get_function", {"FunctionName": "named"}, "lambda:GetFunction", "lambda:GetFunction",
     "arn:aws:lambda:us-east-1:ACCOUNT:function:named", "AccessDeniedException"),
    ("lambda", "list_functions", {}, "lambda:ListFunctions", "lambda:ListFunctions", "*", "AccessDeniedException"),
    ("events", "put_events", {"Entries": [EVENT | {"EventBusName": "named"}]}, "events:PutEvents",
     "events:PutEvents", "BUS", "AccessDeniedException"),
    ("events", "put_rule", {"Name": "r", "EventPattern": '{"source": ["s"]}'}, "events:PutRule", "events:PutRule",
     "arn:aws:events:us-east-1:ACCOUNT:rule/r", "AccessDeniedException"),
    ("ssm", "get_parameter", {"Name": "/app/key"}, "ssm:GetParameter", "ssm:GetParameter",
     "arn:aws:ssm:us-east-1:ACCOUNT:parameter/app/key", "AccessDeniedException"),
    ("ssm", "get_parameters_by_path", {"Path": "/app"}, "ssm:GetParametersByPath", "ssm:GetParametersByPath",
     "arn:aws:ssm:us-east-1:ACCOUNT:parameter/app", "AccessDeniedException"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("service", "operation", "params", "action", "spelled", "resource", "code"),
    CASES,
    ids=[f"{case[0]}-{case[1]}-{case[5]}" for case in CASES],
)
def test_one_action_on_one_resource(
    sandbox: Sandbox,
    cloud: Cloud,
    user: User,
    service: str,
    operation: str,
    params: dict[str, Any],
    action: str,
    spelled: str,
    resource: str,
    code: str,
) -> None:
    """Refused without a permission and with one of another resource; the right one lets it through."""

    def filled(value: Any) -> Any:
        text = json.dumps(value).replace("ACCOUNT", sandbox.account)
        for name, real in vars(cloud).items():
            text = text.replace(f'"{name.upper()}"', json.dumps(real))
        return json.loads(text)

    call, named = getattr(user.sandbox.client(service), operation), filled(resource)
    told = f"User: {user.arn} is not authorized to perform: {spelled} on resource: {named} because no identity-based "
    assert error_of(call, **filled(params))[:2] == (code, f"{told}policy allows the {spelled} action")
    if named.startswith("arn:"):
        user.may(action, f"{named}-other")
        assert error_of(call, **filled(params))[0] == code
    user.may(action, named if named.startswith("arn:") else "*")
    call(**filled(params))


def test_a_resources_own_policy(sandbox: Sandbox, cloud: Cloud, user: User) -> None:
    """Within one account it suffices, and a denial in it binds who is allowed otherwise."""
    sqs, named = user.sandbox.client("sqs"), f"arn:aws:sqs:us-east-1:{sandbox.account}:named"
    statement = {"Effect": "Allow", "Principal": {"AWS": user.arn}, "Action": "sqs:SendMessage", "Resource": named}
    owner = sandbox.client("sqs")
    owner.set_queue_attributes(QueueUrl=cloud.queue, Attributes={"Policy": policy_of(statement)})
    sqs.send_message(QueueUrl=cloud.queue, MessageBody="m")
    user.may("sqs:*", "*")
    denied = policy_of(statement | {"Effect": "Deny"})
    owner.set_queue_attributes(QueueUrl=cloud.queue, Attributes={"Policy": denied})
    message = error_of(sqs.send_message, QueueUrl=cloud.queue, MessageBody="m")[1]
    assert message.endswith("with an explicit deny in a resource-based policy")
    owner.set_queue_attributes(QueueUrl=cloud.queue, Attributes={"Policy": ""})


def test_a_role_that_nobody_made(sandbox: Sandbox, cloud: Cloud) -> None:
    """IAM-004: what other clouds let pass is not held against it. A machine of such a role sends its message."""
    machines = sandbox.client("stepfunctions", inject_host_prefix=False)
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": {"QueueUrl": cloud.queue, "MessageBody": "m"},
        "End": True,
    }
    definition = json.dumps({"StartAt": "T", "States": {"T": task}})
    made = machines.create_state_machine(name="unmade", definition=definition, roleArn=ROLE, type="EXPRESS")
    assert machines.start_sync_execution(stateMachineArn=made["stateMachineArn"])["status"] == "SUCCEEDED"


SENDING = {
    "StartAt": "T",
    "States": {
        "T": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage",
            "Parameters": {"QueueUrl": "QUEUE", "MessageBody": "m"},
            "End": True,
        }
    },
}


@pytest.mark.parametrize(("mode", "status"), [("report", "SUCCEEDED"), ("enforce", "FAILED")])
def test_what_a_machines_role_lacks(mode: str, status: str, caplog: pytest.LogCaptureFixture) -> None:
    """IAM-005: let pass and told once, or refused in the service's words as `mrak up --iam enforce` has it."""
    cloud = new_cloud(iam=mode)
    try:
        trust = policy_of(
            {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
        )
        role = cloud.call("iam", "CreateRole", RoleName=f"bare-{mode}", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        queue = cloud.call("sqs", "CreateQueue", QueueName="q")["QueueUrl"]
        definition = json.dumps(SENDING).replace("QUEUE", queue)
        machine = cloud.call(
            "stepfunctions", "CreateStateMachine", name="m", definition=definition, roleArn=role, type="EXPRESS"
        )["stateMachineArn"]
        ended = [cloud.call("stepfunctions", "StartSyncExecution", stateMachineArn=machine) for _ in range(2)]
    finally:
        cloud.close()
    assert [it["status"] for it in ended] == [status] * 2
    lacks = f"{role} lacks sqs:SendMessage on arn:aws:sqs:us-east-1:000000000000:q"
    assert sum(record.getMessage().startswith(lacks) for record in caplog.records) == (mode == "report")
    if mode == "enforce":
        assert "is not authorized to perform: sqs:sendmessage on resource: " in ended[0]["cause"]


def test_what_a_functions_role_lacks(sandbox: Sandbox, cloud: Cloud) -> None:
    """IAM-005: the keys that a function gets are known for its role's, and what that lacks is let pass; a session of
    the same role that somebody took is refused."""
    user = User(sandbox)
    trusted = {"Service": "lambda.amazonaws.com", "AWS": sandbox.account}
    trust = policy_of({"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"})
    role = user.iam.create_role(RoleName="bare", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    functions = sandbox.client("lambda")
    create(functions, "bare", TELL, Role=role, Environment={"Variables": {"TELL_URL": cloud.queue}})
    assert "FunctionError" not in functions.invoke(FunctionName="bare", Payload=b"{}")
    taken = user.in_role("bare").client("sqs")
    assert error_of(taken.send_message, QueueUrl=cloud.queue, MessageBody="m")[0] == "AccessDenied"


def test_a_handle_is_permission_enough(user: User) -> None:
    """IAM-004: a move of messages is cancelled by its handle, which names no queue; a wrong one is told as such."""
    code = error_of(user.sandbox.client("sqs").cancel_message_move_task, TaskHandle="none")[0]
    assert "AccessDenied" not in code


def test_conditions_on_tags(cloud: Cloud, user: User) -> None:
    """What a resource is tagged with, and from where the request comes."""
    sns = user.sandbox.client("sns")
    for condition, is_allowed in (
        ({"StringEquals": {"aws:ResourceTag/team": "a"}}, True),
        ({"StringEquals": {"aws:ResourceTag/team": "b"}}, False),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, False),
    ):
        user.may("sns:Publish", "*", condition)
        if is_allowed:
            sns.publish(TopicArn=cloud.topic, Message="m")
        else:
            assert error_of(sns.publish, TopicArn=cloud.topic, Message="m")[0] == "AuthorizationError"


def test_conditions_on_the_tags_of_a_request(cloud: Cloud, user: User) -> None:
    """What a request gives and takes, however its service spells tags: permissions that ask for tags at creation."""
    sqs, secrets = user.sandbox.client("sqs"), user.sandbox.client("secretsmanager")
    machines = user.sandbox.client("stepfunctions")
    team = {"StringEquals": {"aws:RequestTag/Team": "a"}}
    user.may("*", "*", team | {"ForAllValues:StringEquals": {"aws:TagKeys": ["Team"]}})
    assert error_of(sqs.create_queue, QueueName="tagged")[0] == "AccessDenied"
    assert error_of(sqs.create_queue, QueueName="tagged", tags={"Team": "b"})[0] == "AccessDenied"
    assert error_of(sqs.create_queue, QueueName="tagged", tags={"Team": "a", "More": "x"})[0] == "AccessDenied"
    sqs.create_queue(QueueName="tagged", tags={"Team": "a"})
    assert error_of(secrets.create_secret, Name="tagged")[0] == "AccessDeniedException"
    secrets.create_secret(Name="tagged", Tags=[{"Key": "Team", "Value": "a"}])
    machines.tag_resource(resourceArn=cloud.machine, tags=[{"key": "Team", "value": "a"}])
    user.may("*", "*", {"ForAnyValue:StringEquals": {"aws:TagKeys": "Team"}})
    machines.untag_resource(resourceArn=cloud.machine, tagKeys=["Team"])
    refused = error_of(machines.untag_resource, resourceArn=cloud.machine, tagKeys=["Other"])
    assert refused[0] == "AccessDeniedException"
    events = user.sandbox.client("events")
    assert error_of(events.untag_resource, ResourceARN=cloud.bus, TagKeys=["Other"])[0] == "AccessDeniedException"
