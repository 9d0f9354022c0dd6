"""Durable executions: checkpoints, waits, callbacks, chains, and how they end. Black box, through boto3.

The functions speak the protocol themselves (durable_functions); tests/clients runs AWS's own SDK against it.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.conftest import until
from tests.contract.durable_functions import DURABLE
from tests.contract.lambda_bench import Queue, create, make_zip, refusal

ENDED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED")


@pytest.fixture(scope="module")
def client(sandbox: Any) -> Any:
    return sandbox.client("lambda", read_timeout=60)


def deploy(client: Any, name: str, body: str, timeout: int = 600, **more: Any) -> None:
    """A durable function whose work is the body of `def work(run):`."""
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    code = f"from durable import durable, client\nimport json, os\ndef work(run):\n{lines}\nhandler = durable(work)\n"
    package = {"ZipFile": make_zip(app_py=code, durable_py=DURABLE)}
    create(client, name, Code=package, Timeout=20, DurableConfig={"ExecutionTimeout": timeout}, **more)


def begin(client: Any, name: str, event: Any = None, **more: Any) -> str:
    """Starts an execution and returns its ARN."""
    answer = client.invoke(
        FunctionName=name, Qualifier="$LATEST", InvocationType="Event", Payload=json.dumps(event).encode(), **more
    )
    assert answer["StatusCode"] == 202
    return str(answer["DurableExecutionArn"])


def shown(client: Any, arn: str) -> dict[str, Any]:
    return dict(client.get_durable_execution(DurableExecutionArn=arn))


def finish(client: Any, arn: str) -> dict[str, Any]:
    until(lambda: shown(client, arn)["Status"] in ENDED, 40)
    return shown(client, arn)


def history(client: Any, arn: str, **more: Any) -> list[dict[str, Any]]:
    return list(client.get_durable_execution_history(DurableExecutionArn=arn, **more)["Events"])


def wait_for_event(client: Any, arn: str, kind: str) -> dict[str, Any]:
    return until(lambda: [event for event in history(client, arn) if event["EventType"] == kind])[0]


def test_steps_are_taken_once_across_a_wait(client: Any, fresh_sandbox: Any) -> None:
    """The point of it all: the function ends while it waits, and begins again after its last checkpoint."""
    client = fresh_sandbox.client("lambda", read_timeout=60)
    told = Queue(fresh_sandbox, "told")
    body = """
tell = lambda: boto3.client("sqs").send_message(QueueUrl=run.input["url"], MessageBody="taken") and "first"
first = run.step("first", tell)
run.sleep("nap", 3600)
return [first, run.step("second", lambda: "second")]
"""
    deploy(client, "steps", "import boto3\n" + body.strip(), timeout=10_000)
    arn = begin(client, "steps", {"url": told.url}, DurableExecutionName="once")
    wait_for_event(client, arn, "InvocationCompleted")
    assert shown(client, arn)["Status"] == "RUNNING"
    fresh_sandbox.advance_clock(3601)
    ended = finish(client, arn)
    assert (ended["Status"], json.loads(ended["Result"])) == ("SUCCEEDED", ["first", "second"])
    assert ended["DurableExecutionName"] == "once"
    assert arn.rpartition("/")[0].endswith(":function:steps:$LATEST/durable-execution/once")
    told.take(1)
    assert told.count() == 0
    kinds = [event["EventType"] for event in history(client, arn)]
    assert kinds == [
        "ExecutionStarted", "StepStarted", "StepSucceeded", "WaitStarted", "InvocationCompleted", "WaitSucceeded",
        "StepStarted", "StepSucceeded", "InvocationCompleted", "ExecutionSucceeded",
    ]  # fmt: skip


def test_synchronous_call_waits_for_the_result(client: Any) -> None:
    """What the function returned is the payload; the ARN is in a header."""
    deploy(client, "direct", "run.sleep('nap', 1)\nreturn {'n': run.input['n'] + 1}")
    answer = client.invoke(FunctionName="direct:$LATEST", Payload=b'{"n": 1}')
    assert json.loads(answer["Payload"].read()) == {"n": 2}
    assert "FunctionError" not in answer
    assert shown(client, answer["DurableExecutionArn"])["Status"] == "SUCCEEDED"


def test_failure_is_a_function_error(client: Any) -> None:
    deploy(client, "failing", "raise ValueError('no')")
    answer = client.invoke(FunctionName="failing:$LATEST", Payload=b"{}")
    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"].read()) == {"errorMessage": "no", "errorType": "ValueError"}
    ended = shown(client, answer["DurableExecutionArn"])
    assert (ended["Status"], ended["Error"]["ErrorType"]) == ("FAILED", "ValueError")


def test_how_durable_functions_are_called(client: Any) -> None:
    """By a qualified name; synchronously only where fifteen minutes suffice; under a name once."""
    deploy(client, "named", "run.sleep('nap', 100000)", timeout=1000)
    bare = refusal(lambda: client.invoke(FunctionName="named", Payload=b"{}"))
    assert bare == (
        400,
        "InvalidParameterValueException",
        "You cannot invoke a durable function using an unqualified ARN.",
    )
    long = refusal(lambda: client.invoke(FunctionName="named:$LATEST", Payload=b"{}"))
    assert long[2].endswith("an executionTimeout greater than 15 minutes.")
    first = begin(client, "named", {"n": 1}, DurableExecutionName="same")
    assert begin(client, "named", {"n": 1}, DurableExecutionName="same") == first
    other = refusal(lambda: begin(client, "named", {"n": 2}, DurableExecutionName="same"))
    assert other[:2] == (409, "DurableExecutionAlreadyStartedException")
    listed = client.list_durable_executions_by_function(FunctionName="named", Statuses=["RUNNING"])
    assert [row["DurableExecutionArn"] for row in listed["DurableExecutions"]] == [first]
    assert (
        client.list_durable_executions_by_function(FunctionName="named", Statuses=["FAILED"])["DurableExecutions"] == []
    )
    streamed = refusal(lambda: client.invoke_with_response_stream(FunctionName="named:$LATEST", Payload=b"{}"))
    assert streamed[1] == "InvalidParameterValueException"


def test_list_pages(client: Any) -> None:
    deploy(client, "paged", "return 1")
    arns = [begin(client, "paged", {"n": number}) for number in range(3)]
    first = client.list_durable_executions_by_function(FunctionName="paged", MaxItems=2)
    second = client.list_durable_executions_by_function(FunctionName="paged", MaxItems=2, Marker=first["NextMarker"])
    seen = [row["DurableExecutionArn"] for row in first["DurableExecutions"] + second["DurableExecutions"]]
    assert seen == arns
    assert "NextMarker" not in second


CALLBACK = """
options = {"TimeoutSeconds": 100, "HeartbeatTimeoutSeconds": 60}
status, details = run.wait_for("CALLBACK", "answer", "CallbackDetails", CallbackOptions=options)
return [status, details.get("Result"), details.get("Error", {}).get("ErrorType")]
"""


def test_callback_brings_its_result(client: Any) -> None:
    """Success and failure from outside; a second answer finds nobody waiting."""
    deploy(client, "called", CALLBACK)
    succeed = client.send_durable_execution_callback_success
    fail = client.send_durable_execution_callback_failure
    for ask, expected in (
        (lambda key: succeed(CallbackId=key, Result=b"yes"), "SUCCEEDED"),
        (lambda key: fail(CallbackId=key, Error={"ErrorType": "No"}), "FAILED"),
    ):
        arn = begin(client, "called", {"for": expected})
        key = wait_for_event(client, arn, "CallbackStarted")["CallbackStartedDetails"]["CallbackId"]
        client.send_durable_execution_callback_heartbeat(CallbackId=key)
        ask(key)
        status, result, error = json.loads(finish(client, arn)["Result"])
        assert (status, result or error) == (expected, {"SUCCEEDED": "yes", "FAILED": "No"}[expected])
        assert refusal(lambda ask=ask, key=key: ask(key))[:2] == (404, "ResourceNotFoundException")
    wrong = refusal(lambda: client.send_durable_execution_callback_success(CallbackId="bm8ubmU=", Result=b"x"))
    assert wrong[:2] == (404, "ResourceNotFoundException")


def test_callback_times_out(fresh_sandbox: Any) -> None:
    """Without a heartbeat after its time, with heartbeats after the time of the whole."""
    client = fresh_sandbox.client("lambda", read_timeout=60)
    deploy(client, "late", CALLBACK)
    silent = begin(client, "late", 1)
    wait_for_event(client, silent, "CallbackStarted")
    wait_for_event(client, silent, "InvocationCompleted")
    fresh_sandbox.advance_clock(61)
    assert json.loads(finish(client, silent)["Result"]) == ["TIMED_OUT", None, "Callback.Heartbeat"]
    lively = begin(client, "late", 2)
    key = wait_for_event(client, lively, "CallbackStarted")["CallbackStartedDetails"]["CallbackId"]
    fresh_sandbox.advance_clock(50)
    client.send_durable_execution_callback_heartbeat(CallbackId=key)
    fresh_sandbox.advance_clock(51)
    assert json.loads(finish(client, lively)["Result"]) == ["TIMED_OUT", None, "Callback.Timeout"]
    expired = refusal(lambda: client.send_durable_execution_callback_success(CallbackId=key, Result=b"x"))
    assert expired[1] == "CallbackTimeoutException"


CHAIN = """
options = {"FunctionName": run.input["function"]}
status, details = run.wait_for(
    "CHAINED_INVOKE", "other", "ChainedInvokeDetails", ChainedInvokeOptions=options, Payload=json.dumps({"n": 1})
)
return [status, details.get("Result"), details.get("Error", {}).get("ErrorType")]
"""


def test_functions_in_a_chain(client: Any) -> None:
    """An ordinary function, a durable one, one that fails and one that is not there."""
    deploy(client, "chain", CHAIN)
    create(client, "plain-link", "def handler(event, context):\n    return event['n'] + 1\n")
    create(client, "bad-link", "def handler(event, context):\n    raise KeyError('n')\n")
    deploy(client, "durable-link", "run.sleep('nap', 1)\nreturn run.input['n'] + 2")
    for function, expected in (
        ("plain-link", ["SUCCEEDED", "2", None]),
        ("durable-link:$LATEST", ["SUCCEEDED", "3", None]),
        ("bad-link", ["FAILED", None, "KeyError"]),
        ("no-link", ["FAILED", None, "ResourceNotFoundException"]),
    ):
        answer = client.invoke(FunctionName="chain:$LATEST", Payload=json.dumps({"function": function}).encode())
        assert json.loads(answer["Payload"].read()) == expected


def test_stopped_execution_takes_no_checkpoint(client: Any) -> None:
    """Stopping ends it at once, with the error that was given; its token is worth nothing any more."""
    deploy(client, "stopped", "run.sleep('nap', 500)")
    arn = begin(client, "stopped")
    wait_for_event(client, arn, "InvocationCompleted")
    busy = refusal(lambda: client.delete_durable_execution(DurableExecutionArn=arn))
    assert busy[:2] == (409, "ResourceConflictException")
    client.stop_durable_execution(DurableExecutionArn=arn, Error={"ErrorType": "Enough", "ErrorMessage": "done"})
    ended = shown(client, arn)
    assert (ended["Status"], ended["Error"]["ErrorType"]) == ("STOPPED", "Enough")
    stale = refusal(lambda: client.checkpoint_durable_execution(DurableExecutionArn=arn, CheckpointToken="YWJj"))
    assert stale == (400, "InvalidParameterValueException", "Invalid checkpoint token")
    client.delete_durable_execution(DurableExecutionArn=arn)
    gone = refusal(lambda: shown(client, arn))
    assert gone[:2] == (404, "ResourceNotFoundException")


def test_bad_updates_are_refused_whole(client: Any) -> None:
    """What a checkpoint refuses leaves nothing behind; the function hears why."""
    body = """
told = []
for update in (
    {"Id": "a", "Type": "STEP", "Action": "CANCEL"},
    {"Id": "a", "Type": "WAIT", "Action": "START"},
    {"Id": "a", "Type": "STEP", "Action": "RETRY"},
    {"Id": "a", "Type": "CHAINED_INVOKE", "Action": "START"},
):
    try:
        run.checkpoint({"Id": "good", "Type": "STEP", "Action": "START"}, update)
    except client.exceptions.InvalidParameterValueException as error:
        told.append(error.response["Error"]["Message"].split(" ")[0])
run.step("after", lambda: 1)
return [told, sorted(run.steps)]
"""
    deploy(client, "refused", body)
    answer = client.invoke(FunctionName="refused:$LATEST", Payload=b"{}")
    told, steps = json.loads(answer["Payload"].read())
    assert (told, steps) == (["Invalid", "WaitOptions", "Cannot", "ChainedInvokeOptions"], ["after"])


def test_paused_execution_waits_until_it_is_resumed(client: Any, fresh_sandbox: Any) -> None:
    """Time passes and wakes nobody; what came meanwhile is there afterwards."""
    client = fresh_sandbox.client("lambda", read_timeout=60)
    deploy(client, "paused", "run.sleep('nap', 60)\nreturn 'rested'", timeout=600)
    arn = begin(client, "paused")
    wait_for_event(client, arn, "InvocationCompleted")
    client.pause_durable_execution(DurableExecutionArn=arn, Reason="lunch", ExecutionTimeoutPaused=True)
    paused = shown(client, arn)
    assert (paused["Status"], paused["PauseDetails"]["Reason"]) == ("PAUSED", "lunch")
    again = refusal(lambda: client.pause_durable_execution(DurableExecutionArn=arn))
    assert again[:2] == (409, "ResourceConflictException")
    fresh_sandbox.advance_clock(5000)
    wait_for_event(client, arn, "WaitSucceeded")
    assert shown(client, arn)["Status"] == "PAUSED"
    client.resume_durable_execution(DurableExecutionArn=arn)
    assert finish(client, arn)["Result"] == '"rested"'
    over = refusal(lambda: client.resume_durable_execution(DurableExecutionArn=arn))
    assert over[:2] == (409, "ResourceConflictException")


def test_execution_times_out_and_is_forgotten(fresh_sandbox: Any) -> None:
    """ExecutionTimeout ends it; after the retention period nothing of it is left, and its name is free."""
    client = fresh_sandbox.client("lambda", read_timeout=60)
    deploy(client, "timed", "run.sleep('nap', 5000)", timeout=600)
    arn = begin(client, "timed", DurableExecutionName="kept")
    wait_for_event(client, arn, "InvocationCompleted")
    fresh_sandbox.advance_clock(601)
    assert finish(client, arn)["Status"] == "TIMED_OUT"
    fresh_sandbox.advance_clock(15 * 86_400)
    until(lambda: client.list_durable_executions_by_function(FunctionName="timed")["DurableExecutions"] == [])
    assert begin(client, "timed", DurableExecutionName="kept") != arn


def test_crashing_function_is_invoked_again_and_given_up(fresh_sandbox: Any) -> None:
    """A function that dies is repeated from its last checkpoint, five times in all."""
    client = fresh_sandbox.client("lambda", read_timeout=60)
    deploy(client, "crashing", "run.step('kept', lambda: 1)\nos._exit(3)", timeout=1_000_000)
    arn = begin(client, "crashing")

    def ended() -> bool:
        fresh_sandbox.advance_clock(20)
        return shown(client, arn)["Status"] in ENDED

    until(ended, 60)
    events = history(client, arn)
    assert shown(client, arn)["Status"] == "FAILED"
    assert [event["EventType"] for event in events].count("InvocationCompleted") == 5
    assert [event["EventType"] for event in events].count("StepSucceeded") == 1


def test_suspending_for_nothing_fails(client: Any) -> None:
    """PENDING with nothing to wait for would sleep for ever."""
    code = "def handler(event, context):\n    return {'Status': event['InitialExecutionState'] and 'PENDING'}\n"
    create(client, "endless", code, DurableConfig={"ExecutionTimeout": 60})
    answer = client.invoke(FunctionName="endless:$LATEST", Payload=b"{}")
    assert "no pending operations" in json.loads(answer["Payload"].read())["errorMessage"]
    create(client, "strange", "def handler(event, context):\n    return 5\n", DurableConfig={"ExecutionTimeout": 60})
    answer = client.invoke(FunctionName="strange:$LATEST", Payload=b"{}")
    assert json.loads(answer["Payload"].read())["errorType"] == "InvalidParameterValueException"


def test_large_state_comes_in_pages(client: Any) -> None:
    """More than an event can carry is read with GetDurableExecutionState."""
    body = """
for number in range(4):
    run.step(f"large-{number}", lambda: "x" * 2_000_000)
run.sleep("nap", 1)
return len(run.steps)
"""
    deploy(client, "large", body, MemorySize=512)
    answer = client.invoke(FunctionName="large:$LATEST", Payload=b"{}")
    assert json.loads(answer["Payload"].read()) == 5


def test_history_pages_and_hides(client: Any) -> None:
    """Both orders, pages, and events without data."""
    deploy(client, "told", "return run.step('only', lambda: 'secret')")
    arn = str(client.invoke(FunctionName="told:$LATEST", Payload=b"{}")["DurableExecutionArn"])
    forwards = [event["EventId"] for event in history(client, arn)]
    assert [event["EventId"] for event in history(client, arn, ReverseOrder=True)] == forwards[::-1]
    page = client.get_durable_execution_history(DurableExecutionArn=arn, MaxItems=2, ReverseOrder=True)
    rest = client.get_durable_execution_history(DurableExecutionArn=arn, Marker=page["NextMarker"], ReverseOrder=True)
    assert [event["EventId"] for event in page["Events"] + rest["Events"]] == forwards[::-1]
    bare = history(client, arn, IncludeExecutionData=False)
    assert "secret" not in json.dumps(bare, default=str)
    assert "Result" not in client.get_durable_execution(DurableExecutionArn=arn, IncludeExecutionData=False)


def test_events_of_other_services_begin_executions(client: Any, sandbox: Any) -> None:
    """A topic's message begins an execution of the version that it names."""
    deploy(client, "pushed", "return run.input['Records'][0]['Sns']['Message']")
    client.publish_version(FunctionName="pushed")
    arn = f"arn:aws:lambda:us-east-1:{sandbox.account}:function:pushed:1"
    client.add_permission(
        FunctionName=arn, StatementId="sns", Action="lambda:InvokeFunction", Principal="sns.amazonaws.com"
    )
    sns = sandbox.client("sns")
    topic = sns.create_topic(Name="pushing")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="hello")
    rows: list[dict[str, Any]] = []

    def begun() -> bool:
        rows[:] = client.list_durable_executions_by_function(FunctionName="pushed")["DurableExecutions"]
        return bool(rows)

    until(begun)
    assert finish(client, rows[0]["DurableExecutionArn"])["Result"] == '"hello"'


def test_durability_is_decided_at_creation(client: Any) -> None:
    create(client, "ordinary")
    late = refusal(
        lambda: client.update_function_configuration(FunctionName="ordinary", DurableConfig={"ExecutionTimeout": 5})
    )
    assert late[1] == "InvalidParameterValueException"
    untimed = refusal(lambda: create(client, "untimed", DurableConfig={"RetentionPeriodInDays": 3}))
    assert untimed[1] == "InvalidParameterValueException"
    missing = "arn:aws:lambda:us-east-1:000000000000:function:none:$LATEST/durable-execution/a/b"
    assert refusal(lambda: history(client, missing))[:2] == (404, "ResourceNotFoundException")
