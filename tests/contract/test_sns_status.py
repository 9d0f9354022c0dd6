"""What became of a message: permission of the queue it was for, and delivery status in CloudWatch Logs."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any

import pytest
from tests.conftest import error_of, until
from tests.contract import lambda_bench
from tests.contract.lambda_bench import ECHO, permit
from tests.contract.test_cloudformation import create, update
from tests.contract.test_sns import Queue

ROLE_POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sts:AssumeRole"},
        ],
    }
)


@pytest.fixture
def sns(sandbox: Any) -> Any:
    return sandbox.client("sns")


@pytest.fixture
def topic(sns: Any) -> str:
    return str(sns.create_topic(Name=f"t-{uuid.uuid4().hex}")["TopicArn"])


@pytest.fixture
def queue(sandbox: Any) -> Queue:
    return Queue(sandbox.client("sqs"))


@pytest.fixture(scope="module")
def role(sandbox: Any) -> str:
    made = sandbox.client("iam").create_role(RoleName="feedback", AssumeRolePolicyDocument=ROLE_POLICY)
    return str(made["Role"]["Arn"])


def subscribe(sns: Any, topic: str, queue: Queue, dead: Queue | None = None) -> None:
    attributes = {"RawMessageDelivery": "true"}
    if dead is not None:
        attributes["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": dead.arn})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes=attributes)


def log_by(sns: Any, topic: str, role: str, family: str, rate: str = "100") -> None:
    for name, value in (
        ("SuccessFeedbackRoleArn", role),
        ("FailureFeedbackRoleArn", role),
        ("SuccessFeedbackSampleRate", rate),
    ):
        sns.set_topic_attributes(TopicArn=topic, AttributeName=f"{family}{name}", AttributeValue=value)


def logged(sandbox: Any, topic: str, end: str = "") -> dict[str, Any]:
    """The first line of a topic's log; waits for it."""
    logs = sandbox.client("logs")
    group = f"sns/us-east-1/{sandbox.account}/{topic.rpartition(':')[2]}{end}"

    def there() -> bool:
        found = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        return group in [one["logGroupName"] for one in found]

    until(there)
    (event,) = logs.filter_log_events(logGroupName=group)["events"]
    line: dict[str, Any] = json.loads(event["message"])
    return line


def test_a_queue_that_does_not_let_the_topic_send(sandbox: Any, sns: Any, topic: str, queue: Queue, role: str) -> None:
    """AWS asks the queue's policy, in the same account too: without it the message is dead-lettered, and the status log
    says why, with what AWS answers there (recorded)."""
    sqs = sandbox.client("sqs")
    closed = Queue(sqs, Policy="")
    subscribe(sns, topic, closed, dead=queue)
    log_by(sns, topic, role, "SQS")
    sent = sns.publish(TopicArn=topic, Message="x")["MessageId"]
    assert [message["Body"] for message in queue.take()] == ["x"]
    line = logged(sandbox, topic, "/Failure")
    assert line["status"] == "FAILURE"
    assert line["notification"]["messageId"] == sent
    delivered = line["delivery"]
    assert set(delivered) == {"deliveryId", "destination", "dwellTimeMs", "providerResponse", "statusCode"}
    assert (delivered["statusCode"], delivered["destination"]) == (400, closed.arn)
    assert json.loads(delivered["providerResponse"]) == {
        "ErrorCode": "AWS.SimpleQueueService.NonExistentQueue",
        "ErrorMessage": "The specified queue does not exist or you do not have access to it.",
        "sqsRequestId": "Unrecoverable",
    }
    recent = sandbox.server.ask("GET", f"/_mrak/recent?environment={sandbox.name}")["operations"]
    assert any(f"the policy of {closed.arn} does not let" in str(record) for record in recent)


def test_permission_is_for_the_topic_that_it_names(sandbox: Any, sns: Any, topic: str, queue: Queue) -> None:
    """aws:SourceArn is the topic's; another topic's messages do not come."""
    other = sns.create_topic(Name=f"t-{uuid.uuid4().hex}")["TopicArn"]
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "SQS:SendMessage",
        "Resource": "*",
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    guarded = Queue(sandbox.client("sqs"), Policy=policy)
    subscribe(sns, other, guarded, dead=queue)
    subscribe(sns, topic, guarded)
    sns.publish(TopicArn=other, Message="refused")
    assert queue.take()[0]["Body"] == "refused"
    sns.publish(TopicArn=topic, Message="taken")
    assert guarded.take()[0]["Body"] == "taken"


def test_a_dead_letter_queue_needs_the_same_permission(sandbox: Any, sns: Any, topic: str, queue: Queue) -> None:
    """What neither queue takes is gone, as at AWS; the topic goes on."""
    sqs = sandbox.client("sqs")
    dead = Queue(sqs, Policy="")
    gone = Queue(sqs)
    sqs.delete_queue(QueueUrl=gone.url)
    subscribe(sns, topic, gone, dead=dead)
    subscribe(sns, topic, queue)
    sns.publish(TopicArn=topic, Message="x")
    assert queue.take()[0]["Body"] == "x"
    sqs.set_queue_attributes(QueueUrl=dead.url, Attributes={"Policy": sqs_policy(sqs, queue)})
    sns.publish(TopicArn=topic, Message="y")
    assert [message["Body"] for message in dead.take()] == ["y"]


def sqs_policy(sqs: Any, queue: Queue) -> str:
    found = sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["Policy"])
    return str(found["Attributes"]["Policy"])


def test_successes_are_logged_as_recorded(sandbox: Any, sns: Any, topic: str, queue: Queue, role: str) -> None:
    """The line of a message that is in its queue."""
    subscribe(sns, topic, queue)
    log_by(sns, topic, role, "SQS")
    sent = sns.publish(TopicArn=topic, Message="hello")["MessageId"]
    (message,) = queue.take()
    line = logged(sandbox, topic)
    assert line["status"] == "SUCCESS"
    notified = line["notification"]
    assert (notified["messageId"], notified["topicArn"]) == (sent, topic)
    assert notified["messageMD5Sum"] == hashlib.md5(b"hello").hexdigest()
    assert set(notified) == {"messageId", "messageMD5Sum", "timestamp", "topicArn"}
    delivered = line["delivery"]
    assert set(delivered) == {"deliveryId", "destination", "dwellTimeMs", "providerResponse", "statusCode"}
    assert (delivered["destination"], delivered["statusCode"]) == (queue.arn, 200)
    assert json.loads(delivered["providerResponse"])["sqsMessageId"] == message["MessageId"]


def test_a_functions_delivery_is_logged_as_recorded(sandbox: Any, sns: Any, topic: str, role: str) -> None:
    """202 and the request's id for a function that was invoked; 404 for one that is gone."""
    function = f"f-{uuid.uuid4().hex}"
    arn = lambda_bench.create(sandbox.client("lambda"), function, ECHO)["FunctionArn"]
    permit(sandbox.client("lambda"), function, "sns", SourceArn=topic)
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    log_by(sns, topic, role, "Lambda")
    sns.publish(TopicArn=topic, Message="x")
    delivered = logged(sandbox, topic)["delivery"]
    assert (delivered["statusCode"], list(json.loads(delivered["providerResponse"]))) == (202, ["lambdaRequestId"])
    sandbox.client("lambda").delete_function(FunctionName=function)
    sns.publish(TopicArn=topic, Message="y")
    refused = logged(sandbox, topic, "/Failure")["delivery"]
    assert (refused["statusCode"], json.loads(refused["providerResponse"])["ErrorCode"]) == (
        404,
        "ResourceNotFoundException",
    )


@pytest.mark.parametrize(("rate", "trusted"), [("0", True), ("100", False)])
def test_what_is_not_logged(sandbox: Any, sns: Any, queue: Queue, role: str, rate: str, trusted: bool) -> None:
    """A sample rate of zero, and a role that SNS may not assume; a failure that is logged after it tells the end."""
    topic = sns.create_topic(Name=f"t-{uuid.uuid4().hex}")["TopicArn"]
    subscribe(sns, topic, queue)
    log_by(sns, topic, role, "SQS", rate)
    if not trusted:
        other = role.replace("feedback", "missing")
        sns.set_topic_attributes(TopicArn=topic, AttributeName="SQSSuccessFeedbackRoleArn", AttributeValue=other)
    sns.publish(TopicArn=topic, Message="x")
    queue.take()
    sandbox.client("sqs").delete_queue(QueueUrl=queue.url)
    sns.publish(TopicArn=topic, Message="y")
    assert logged(sandbox, topic, "/Failure")["delivery"]["statusCode"] == 400
    prefix = f"sns/us-east-1/{sandbox.account}/{topic.rpartition(':')[2]}"
    groups = sandbox.client("logs").describe_log_groups(logGroupNamePrefix=prefix)["logGroups"]
    assert [group["logGroupName"] for group in groups] == [f"{prefix}/Failure"]


def test_a_feedback_role_has_to_trust_sns(sandbox: Any, sns: Any, topic: str) -> None:
    """SNS-004: one that exists and does not is refused, one that nobody created is taken."""
    trust = ROLE_POLICY.replace("sns.amazonaws.com", "lambda.amazonaws.com")
    made = sandbox.client("iam").create_role(RoleName=f"r-{uuid.uuid4().hex}", AssumeRolePolicyDocument=trust)
    role, attribute = made["Role"]["Arn"], "SQSFailureFeedbackRoleArn"
    set_role = {"TopicArn": topic, "AttributeName": attribute}
    reason = f"Invalid parameter: {attribute}: {role} is not a valid role to allow SNS to write to Cloudwatch Logs"
    assert error_of(sns.set_topic_attributes, **set_role, AttributeValue=role)[:2] == ("InvalidParameter", reason)
    create = error_of(sns.create_topic, Name=f"t-{uuid.uuid4().hex}", Attributes={attribute: role})
    assert create[:2] == ("InvalidParameter", reason)
    sns.set_topic_attributes(**set_role, AttributeValue=role.replace("/r-", "/none-"))


def test_a_topic_in_a_stack(sandbox: Any, sns: Any, role: str) -> None:
    """Delivery status logging and data protection by a template; without them all is as in the beginning, but for the
    sample rate, which SNS does not take back."""
    cfn, name = sandbox.client("cloudformation"), f"t-{uuid.uuid4().hex}"
    logging = {"Protocol": "http/s", "SuccessFeedbackRoleArn": role, "SuccessFeedbackSampleRate": "10"}
    email = "arn:aws:dataprotection::aws:data-identifier/EmailAddress"
    deny = {"DataDirection": "Inbound", "Principal": ["*"], "DataIdentifier": [email], "Operation": {"Deny": {}}}
    policy = {"Name": "p", "Version": "2021-06-01", "Statement": [deny]}
    settings = {
        "DeliveryStatusLogging": [logging],
        "DataProtectionPolicy": policy,
        "TracingConfig": "Active",
        "SignatureVersion": "2",
    }

    def template(**more: Any) -> dict[str, Any]:
        return {"Resources": {"T": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": name, **more}}}}

    create(cfn, name, template(**settings))
    topic = f"arn:aws:sns:us-east-1:{sandbox.account}:{name}"
    attributes = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert attributes["HTTPSuccessFeedbackRoleArn"] == role
    assert attributes["HTTPSuccessFeedbackSampleRate"] == "10"
    assert json.loads(sns.get_data_protection_policy(ResourceArn=topic)["DataProtectionPolicy"]) == policy
    update(cfn, name, template())
    attributes = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert "HTTPSuccessFeedbackRoleArn" not in attributes
    assert (attributes["TracingConfig"], attributes["SignatureVersion"]) == ("PassThrough", "1")
    assert "DataProtectionPolicy" not in sns.get_data_protection_policy(ResourceArn=topic)
