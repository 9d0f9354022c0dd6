"""The case study, whole: five contexts deployed into a sandbox and used through the public API by real clients. What
fails here is something that an application of several services would fail at."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from examples.abaku.application import CONTEXTS, HERE, Abaku, Firm, until
from tests.clients.conftest import deployed, run_node
from tests.conftest import Server, start_server

PASSWORD = "Correct-Horse-7"
PHONE = "+420601234567"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def firm(abaku: Abaku, request: pytest.FixtureRequest) -> Firm:
    """A firm of the test's own, signed up and in."""
    return abaku.sign_up("Ana Design", f"{request.node.name.replace('_', '-')}@example.com", PASSWORD)


def case(firm: Firm, invoice: dict[str, Any]) -> str:
    return f"{firm.owner}/{invoice['number']}"


def run_of(firm: Firm, invoice: dict[str, Any]) -> dict[str, Any]:
    """The workflow of an invoice, as soon as there is one."""
    key = case(firm, invoice)
    return until(lambda: firm.abaku.workflows().get(key), f"the workflow of {key}")


def outcome(firm: Firm, invoice: dict[str, Any]) -> str:
    """How the workflow of an invoice ended, as soon as it did."""
    key = case(firm, invoice)
    ended = until(lambda: (run := firm.abaku.workflows()[key])["status"] != "RUNNING" and run, f"the end of {key}")
    assert ended["status"] == "SUCCEEDED", ended
    return str(json.loads(ended["output"])["outcome"])


def issue(firm: Firm, text: str = "Logo", cents: int = 121_000) -> dict[str, Any]:
    invoice = firm.issue("Brno Bikes", PHONE, text, cents)
    waiting = run_of(firm, invoice)
    assert waiting["status"] == "RUNNING"
    return invoice


def advance(firm: Firm, days: int) -> None:
    """Moves the sandbox's clock; tokens last an hour, so the firm signs in again."""
    firm.abaku.mrak("clock", "--env", firm.abaku.sandbox, "advance", f"{days}d")
    firm.sign_in()


def texts(abaku: Abaku, number: str) -> list[str]:
    """Text messages that speak of an invoice, oldest first."""
    return [mail["body"] for mail in reversed(abaku.outbox()) if mail["protocol"] == "sms" and number in mail["body"]]


def test_an_invoice_is_paid(firm: Firm) -> None:
    """SRP, REST through CloudFront, stream, bus, workflow; the statement with the user's own credentials, S3 event,
    queue, transaction, stream, bus, task token; and the accountant's mail."""
    invoice = issue(firm)
    assert re.fullmatch(r"\d{4}-0001", invoice["number"]) and invoice["issuer"] == "Ana Design"
    assert firm.ask("GET", "/invoices?status=OPEN")[1]["invoices"][0]["number"] == invoice["number"]
    row = f"{firm.owner}-1,{invoice['issuedOn']},1210.00,EUR,{invoice['number']},Brno Bikes"
    firm.drop_statement("one", row)
    paid = until(lambda: (shown := firm.invoice(invoice["number"]))["status"] == "PAID" and shown, "the payment")
    assert paid["paidOn"] == invoice["issuedOn"]
    assert outcome(firm, invoice) == "PAID"
    assert firm.ask("GET", "/invoices?status=OPEN")[1]["invoices"] == []
    subject = f"PaymentReceived: 1210.00 EUR from Brno Bikes on {invoice['issuedOn']}"
    until(lambda: any(subject in mail["body"] for mail in firm.abaku.outbox()), "the accountant's mail")
    firm.drop_statement("again", row)
    second = f"{firm.owner}-2,{invoice['issuedOn']},1.00,EUR,{invoice['number']},Brno Bikes"
    firm.drop_statement("later", second)
    until(lambda: any("1.00 EUR from Brno Bikes" in m["body"] for m in firm.abaku.outbox()), "the unmatched payment")
    told = [mail for mail in firm.abaku.outbox() if subject in mail["body"]]
    assert len(told) == 1, "the same row again is the same payment"


def test_a_debt_goes_to_the_desk(firm: Firm) -> None:
    """Two reminders by text message, each at its time, then a mail to a person, who gives it up."""
    invoice = issue(firm)
    advance(firm, 30)
    shown = until(lambda: (one := firm.invoice(invoice["number"])).get("handedOver") and one, "the hand-over")
    assert (shown["status"], shown["reminders"]) == ("OPEN", 2)
    assert texts(firm.abaku, firm_number(invoice))[-2:] == [
        f"A reminder: Ana Design waits for 1,210.00 EUR, invoice {invoice['number']}.",
        f"The last reminder: Ana Design waits for 1,210.00 EUR, invoice {invoice['number']}.",
    ]
    assert run_of(firm, invoice)["states"][-1] == "AwaitDecision"
    (mail,) = [m for m in firm.abaku.outbox() if m["protocol"] == "email" and case(firm, invoice) in m["body"]]
    decision = json.loads(re.search(r"\{.*\}", mail["body"])[0])  # type: ignore[index]
    client, name = firm.abaku.client("lambda"), firm.abaku.outputs["collection"]["Decide"]
    answer = client.invoke(FunctionName=name, Payload=json.dumps(decision))
    assert json.load(answer["Payload"])["outcome"] == "WRITTEN_OFF"
    assert outcome(firm, invoice) == "WRITTEN_OFF"


def firm_number(invoice: dict[str, Any]) -> str:
    return f"invoice {invoice['number']}"


def test_a_cancelled_invoice_is_taken_back(firm: Firm) -> None:
    """The compensation: who was reminded is told that nothing is owed. An invoice is cancelled once, and paid never."""
    invoice = issue(firm)
    advance(firm, 15)
    until(lambda: firm.invoice(invoice["number"])["reminders"] == 1, "the first reminder")
    assert firm.ask("POST", f"/invoices/{invoice['number']}/cancel")[1]["status"] == "CANCELLED"
    assert outcome(firm, invoice) == "CANCELLED"
    assert "you owe nothing" in texts(firm.abaku, firm_number(invoice))[-1]
    status, refusal, _ = firm.ask("POST", f"/invoices/{invoice['number']}/cancel")
    assert (status, refusal["message"]) == (409, f"Invoice {invoice['number']} is CANCELLED.")
    firm.drop_statement("late", f"{firm.owner}-1,2026-01-02,1210.00,EUR,{invoice['number']},Late Payer")
    until(lambda: any("EUR from Late Payer" in mail["body"] for mail in firm.abaku.outbox()), "the unmatched payment")
    assert firm.invoice(invoice["number"])["status"] == "CANCELLED"


def test_rows_that_nobody_can_read_wait_for_a_person(firm: Firm) -> None:
    """One bad row does not hold up the others of its batch; after three tries it is in the dead-letter queue, whose
    alarm tells the accountant."""
    invoice = issue(firm)
    bad = f"{firm.owner}-2,2026-01-02,five hundred,EUR,{invoice['number']},Brno Bikes"
    good = f"{firm.owner}-1,2026-01-02,1210.00,EUR,{invoice['number']},Brno Bikes"
    firm.drop_statement("mixed", bad, good)
    until(lambda: firm.invoice(invoice["number"])["status"] == "PAID", "the payment")
    sqs, queue = firm.abaku.client("sqs"), firm.abaku.outputs["payments"]["UnreadableRows"]

    def look() -> list[dict[str, Any]]:
        # Each try hides the row for two minutes.
        firm.abaku.mrak("clock", "--env", firm.abaku.sandbox, "advance", "121s")
        found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", [])
        return [json.loads(message["Body"]) for message in found if firm.owner in message["Body"]]

    (row,) = until(look, "the unreadable row")
    assert row["amount"] == "five hundred"
    firm.abaku.mrak("clock", "--env", firm.abaku.sandbox, "advance", "61s")
    alarm = 'ALARM: "abaku-payments-UnreadableRowsAlarm'
    until(lambda: any(mail["subject"].startswith(alarm) for mail in firm.abaku.outbox()), "the alarm's mail")


def test_the_sdk_for_javascript(abaku: Abaku, node_modules: Path) -> None:
    """Amplify's SRP, the API, an identity's credentials and the workflow, all by the SDKs that pages have."""
    firm = abaku.sign_up("Jana Script", "jana@example.com", PASSWORD)
    asked = json.dumps({**abaku.outputs, "email": firm.email, "password": PASSWORD})
    assert run_node(node_modules, {**os.environ, **abaku.environ}, "abaku.mjs", asked) == {
        "firm": "Jana Script",
        "amountCents": 121_000,
        "status": "PAID",
        "workflow": "SUCCEEDED",
        "outcome": "PAID",
    }


def test_firms_do_not_see_each_other(abaku: Abaku, firm: Firm) -> None:
    """Nor anybody without a token. A place in a list leads nobody into another firm's partition."""
    invoice = issue(firm)
    other = abaku.sign_up("Bob Build", "bob-build@example.com", PASSWORD)
    assert other.ask("GET", f"/invoices/{invoice['number']}")[0] == 404
    assert other.ask("GET", "/invoices")[1]["invoices"] == []
    foreign = json.dumps({"pk": f"OWNER#{firm.owner}", "sk": f"INVOICE#{invoice['number']}"})
    place = subprocess.run(["base64", "-w0"], input=foreign.encode(), capture_output=True, check=True).stdout.decode()
    assert other.ask("GET", f"/invoices?next={place.rstrip('=')}")[0] == 400
    assert abaku.request("GET", f"{abaku.url}api/invoices")[0] == 401
    first = other.issue("Brno Bikes", PHONE, "Bricks", 100)
    assert first["number"] == invoice["number"], "numbers are a firm's own"


BAD_DRAFTS: list[tuple[Any, str]] = [
    ({}, "customer.name is missing."),
    ({"customer": {"name": "X", "phone": "12"}}, "customer.phone has to be like +420601234567."),
    ({"customer": {"name": "X", "phone": PHONE}, "lines": []}, "lines: 1 to 100 of them."),
    (
        {"customer": {"name": "X", "phone": PHONE}, "lines": [{"text": "x", "quantity": 1.5, "unitPriceCents": 1}]},
        "A quantity has to be a whole number from 1.",
    ),
]


def test_bad_drafts_are_refused(firm: Firm) -> None:
    """With what is wrong, through API Gateway and CloudFront; and nothing is stored."""
    for draft, message in BAD_DRAFTS:
        assert firm.ask("POST", "/invoices", draft)[:2] == (400, {"message": message})
    assert firm.ask("GET", "/invoices")[1]["invoices"] == []


def test_many_invoices_at_once_have_numbers_without_gaps(firm: Firm) -> None:
    """The counter moves in the transaction that stores the invoice; whoever loses tries again."""
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda at: firm.issue("Brno Bikes", PHONE, f"Part {at}", 100 + at), range(8)))
    assert sorted(invoice["number"][-4:] for invoice in made) == [f"{number:04}" for number in range(1, 9)]
    for invoice in made:
        assert run_of(firm, invoice)["status"] == "RUNNING"


def test_an_attachment_goes_straight_to_the_bucket(firm: Firm) -> None:
    """A presigned upload made by a function, with the content type that it was signed for and no other."""
    invoice = issue(firm)
    asked = {"name": "sketch 1.png", "contentType": "image/png"}
    status, upload, _ = firm.ask("POST", f"/invoices/{invoice['number']}/attachments", asked)
    assert status == 200
    wrong = {**upload["headers"], "content-type": "text/html"}
    assert firm.abaku.request("PUT", upload["url"], b"not a picture", wrong)[0] == 403
    assert firm.abaku.request("PUT", upload["url"], b"not a picture", upload["headers"])[0] == 200
    listed = until(lambda: firm.invoice(invoice["number"])["attachments"], "the attachment")
    assert listed == [{"name": "sketch 1.png", "sizeBytes": 13}]
    assert firm.ask("POST", f"/invoices/{invoice['number']}/attachments", {"name": "../x"})[0] == 400


def test_a_failed_workflow_is_redriven_where_it_stood(abaku_server: Server) -> None:
    """The desk's topic is gone when a debt is handed over: the execution fails, visibly. The topic is put back, the
    execution goes on from that step, and the reminders are not sent again."""
    abaku = deployed(abaku_server.sandbox())
    firm = abaku.sign_up("Ana Design", "ana@example.com", PASSWORD)
    invoice = issue(firm)
    sns, desk = abaku.client("sns"), abaku.outputs["collection"]["Desk"]
    sns.delete_topic(TopicArn=desk)
    advance(firm, 30)
    failed = until(lambda: (run := run_of(firm, invoice))["status"] == "FAILED" and run, "the failure")
    assert (failed["error"], failed["states"][-1]) == ("SNS.NotFoundException", "HandOver")
    assert sns.create_topic(Name=desk.rpartition(":")[2])["TopicArn"] == desk
    abaku.client("stepfunctions").redrive_execution(executionArn=failed["executionArn"])
    until(lambda: run_of(firm, invoice)["states"][-1] == "AwaitDecision", "the hand-over")
    assert len(texts(abaku, firm_number(invoice))) == 2
    firm.drop_statement("late", f"1,2026-01-02,1210.00,EUR,{invoice['number']},Brno Bikes")
    assert outcome(firm, invoice) == "PAID"


def test_one_trace_tells_an_invoices_whole_story(firm: Firm) -> None:
    """From the API through function, table, stream, bus and workflow; with a price, shared out among the contexts."""
    invoice = issue(firm)
    wanted = {"AWS::ApiGateway::Stage", "AWS::Lambda", "AWS::DynamoDB::Table", "AWS::Events::EventBus"}
    wanted |= {"AWS::StepFunctions::StateMachine"}

    def origins() -> set[str]:
        traces = firm.abaku.client("xray").batch_get_traces(TraceIds=[invoice["trace"]])["Traces"]
        return {json.loads(part["Document"])["origin"] for trace in traces for part in trace["Segments"]}

    until(lambda: wanted <= origins(), "the trace")
    bill = firm.abaku.bill(by="context", trace=invoice["trace"])
    names = {line["name"] for line in bill["lines"]}
    assert {"abaku-invoicing", "abaku-payments", "abaku-collection", "abaku-web"} <= names
    assert bill["total_usd"] > 0 and bill["unpriced"] == []
    now = clock_of(firm.abaku).replace(tzinfo=UTC)
    graph = firm.abaku.client("xray").get_service_graph(StartTime=now - timedelta(hours=1), EndTime=now)
    nodes = {node["ReferenceId"]: node for node in graph["Services"]}
    edges = {(node["Type"], nodes[edge["ReferenceId"]]["Type"]) for node in nodes.values() for edge in node["Edges"]}
    assert {
        ("AWS::ApiGateway::Stage", "AWS::Lambda"),
        ("AWS::Lambda", "AWS::DynamoDB::Table"),
        ("AWS::DynamoDB::Table", "AWS::Lambda"),
        ("AWS::Events::EventBus", "AWS::StepFunctions::StateMachine"),
    } <= edges


def test_two_sandboxes_do_not_touch_each_other(abaku_server: Server) -> None:
    """The same application, firm and numbers in both, side by side: each has its own clock, bills, mails and money."""
    with ThreadPoolExecutor(2) as pool:
        here, there = pool.map(deployed, [abaku_server.sandbox(), abaku_server.sandbox()])
    firms = [one.sign_up("Ana Design", "ana@example.com", PASSWORD) for one in (here, there)]
    first, second = (issue(firm) for firm in firms)
    assert first["number"] == second["number"] and firms[0].owner != firms[1].owner
    for number in (1, 2):  # a reference that both know pays only where it was dropped
        firms[0].drop_statement(f"s{number}", f"B-{number},2026-01-02,1210.00,EUR,{first['number']},Brno Bikes")
    assert outcome(firms[0], first) == "PAID"
    advance(firms[1], 15)
    until(lambda: firms[1].invoice(second["number"])["reminders"] == 1, "the reminder")
    assert texts(here, firm_number(first)) == []
    assert len(texts(there, firm_number(second))) == 1
    assert [firm.invoice(first["number"])["status"] for firm in firms] == ["PAID", "OPEN"]
    assert not any("PaymentReceived" in mail["body"] for mail in there.outbox())
    status, _, _ = there.request(
        "GET", f"{there.url}api/invoices", headers={"authorization": firms[0].tokens["IdToken"]}
    )
    assert status == 401, "a token of one sandbox opens nothing in the other"


def test_kill_nine_in_the_middle(abaku_modules: Path, tmp_path: Path) -> None:
    """Ten invoices under way, then kill -9; statements just dropped, and again; and once more while a month passes.
    After the starts nobody does anything but let time pass; every workflow ends as it should."""
    server = start_server(tmp_path / "data", node_modules=abaku_modules)
    try:
        abaku = deployed(server.sandbox("killed"))
        firm = abaku.sign_up("Ana Design", "ana@example.com", PASSWORD)
        owner = firm.owner
        invoices = [firm.issue("Brno Bikes", PHONE, f"Part {at}", 10_000 + at) for at in range(10)]
        server.kill_and_start()
        numbers = {invoice["number"]: invoice for invoice in invoices}
        until(lambda: len(abaku.workflows()) == 10, "the workflows")
        rows = [f"B-{at},2026-01-02,{100 + at / 100:.2f},EUR,{one['number']},Brno" for at, one in enumerate(invoices)]
        firm.drop_statement("first", *rows[:5])
        assert firm.ask("POST", f"/invoices/{invoices[5]['number']}/cancel")[0] == 200
        server.kill_and_start()
        # Rows that a function had when it died are hidden for two minutes, as on AWS.
        abaku.mrak("clock", "--env", abaku.sandbox, "advance", "121s")
        paid = [invoice["number"] for invoice in invoices[:5]]
        until(lambda: all(firm.invoice(number)["status"] == "PAID" for number in paid), "the payments", 60)
        assert [outcome(firm, one) for one in invoices[:6]] == ["PAID"] * 5 + ["CANCELLED"]
        kill_while_time_passes(abaku, server)
        firm.sign_in()
        left = [invoice["number"] for invoice in invoices[6:]]
        until(lambda: all(firm.invoice(number).get("handedOver") for number in left), "the hand-overs", 60)
        firm.drop_statement("second", *rows[6:])
        assert [outcome(firm, one) for one in invoices[6:]] == ["PAID"] * 4
        assert sorted(abaku.workflows()) == [f"{owner}/{number}" for number in sorted(numbers)]
        for number in left:
            assert len(set(texts(abaku, number))) == 2
    finally:
        server.process.kill()
        server.process.wait()


def kill_while_time_passes(abaku: Abaku, server: Server) -> None:
    """Half of the month's stops are behind when the server dies; what is left of the month passes after the start."""
    wanted = clock_of(abaku) + timedelta(days=30)
    with ThreadPoolExecutor(1) as pool:
        going = pool.submit(abaku.mrak, "clock", "--env", abaku.sandbox, "advance", "30d")
        until(lambda: clock_of(abaku) > wanted - timedelta(days=15), "the middle of the month")
        server.kill_and_start()
        if going.exception() is None:
            return
    left = wanted - clock_of(abaku)
    abaku.mrak("clock", "--env", abaku.sandbox, "advance", f"{int(left.total_seconds())}s")


def clock_of(abaku: Abaku) -> datetime:
    """What time it is in the sandbox."""
    return datetime.fromisoformat(abaku.mrak("clock", "--env", abaku.sandbox, "show").split(": ")[1][:19])


def test_aws_packages_the_same_templates(abaku_server: Server, tmp_path: Path) -> None:
    """`aws cloudformation package` takes the folders as they are, and what it makes deploys by change sets."""
    sandbox = abaku_server.sandbox()
    sandbox.client("s3").create_bucket(Bucket="packages")
    stacks = sandbox.client("cloudformation")

    def package(context: str) -> str:
        packed = tmp_path / f"{context}.yaml"
        aws = [sys.executable, "-m", "awscli", "--endpoint-url", abaku_server.endpoint, "cloudformation", "package"]
        options = ["--template-file", str(HERE / context / "template.yaml"), "--output-template-file", str(packed)]
        command = [*aws, *options, "--s3-bucket", "packages"]
        ended = subprocess.run(command, env=sandbox.environ, capture_output=True, text=True, check=False, timeout=200)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return packed.read_text()

    with ThreadPoolExecutor(2) as pool:
        templates = dict(zip(CONTEXTS, pool.map(package, CONTEXTS), strict=True))
    local = {"ParameterKey": "LocalEndpoint", "ParameterValue": f"localhost:{abaku_server.port}"}
    for context, template in templates.items():
        made = stacks.create_change_set(
            StackName=f"abaku-{context}",
            ChangeSetName="first",
            ChangeSetType="CREATE",
            TemplateBody=template,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[local] if context in ("accounts", "web") else [],
        )
        waiting = {"Delay": 1, "MaxAttempts": 60}
        stacks.get_waiter("change_set_create_complete").wait(ChangeSetName=made["Id"], WaiterConfig=waiting)
        stacks.execute_change_set(ChangeSetName=made["Id"])
        stacks.get_waiter("stack_create_complete").wait(StackName=made["StackId"], WaiterConfig=waiting)
    abaku = Abaku(sandbox.environ)
    abaku.look_up()
    abaku.upload_site()
    assert abaku.request("GET", abaku.url)[0] == 200


def test_the_demo_tells_the_story(abaku_server: Server) -> None:
    """What `make demo-abaku` prints, against a running cloud: it makes a sandbox of its own there."""
    environ = {**os.environ, "AWS_ENDPOINT_URL": abaku_server.endpoint}
    command = [sys.executable, "-m", "examples.abaku.demo"]
    root = HERE.parents[1]
    ended = subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True, check=False, timeout=250)
    said = ended.stdout + ended.stderr
    assert ended.returncode == 0, said
    for wanted in (
        "accounts    AccountOpened     Ana Design",
        "collection  DebtHandedOver    ",
        "SUCCEEDED PAID",
        "SUCCEEDED CANCELLED",
        "RUNNING   waits for the desk",
        "The last reminder: Ana Design waits for 399.00 EUR",
        "ALARM",
        "StepFunctions::StateMachine StartExecution",
    ):
        assert wanted in said, said
    assert re.search(r"abaku-collection +0\.0000\d+\n", said), "the trace has a price"


def test_the_stacks_go_without_a_trace(abaku_server: Server) -> None:
    """Deleted in the opposite order, with the buckets emptied first, as AWS wants both; nothing of them is left."""
    sandbox = abaku_server.sandbox()
    abaku = deployed(sandbox)
    stacks, s3 = sandbox.client("cloudformation"), sandbox.client("s3")
    with pytest.raises(stacks.exceptions.ClientError, match="cannot be deleted as it is in use by abaku-"):
        stacks.delete_stack(StackName="abaku-accounts")
    for name in [abaku.outputs["web"]["Site"], abaku.outputs["payments"]["Statements"]]:
        for listed in s3.list_objects_v2(Bucket=name).get("Contents", []):
            s3.delete_object(Bucket=name, Key=listed["Key"])
    for context in reversed(CONTEXTS):
        stacks.delete_stack(StackName=f"abaku-{context}")
        stacks.get_waiter("stack_delete_complete").wait(StackName=f"abaku-{context}", WaiterConfig={"Delay": 1})
    left = {
        "functions": sandbox.client("lambda").list_functions()["Functions"],
        "mappings": sandbox.client("lambda").list_event_source_mappings()["EventSourceMappings"],
        "tables": sandbox.client("dynamodb").list_tables()["TableNames"],
        "queues": sandbox.client("sqs").list_queues().get("QueueUrls", []),
        "topics": sandbox.client("sns").list_topics()["Topics"],
        "rules": sandbox.client("events").list_rules()["Rules"],
        "pipes": sandbox.client("pipes").list_pipes()["Pipes"],
        "machines": sandbox.client("stepfunctions").list_state_machines()["stateMachines"],
        "pools": sandbox.client("cognito-idp").list_user_pools(MaxResults=10)["UserPools"],
        "identities": sandbox.client("cognito-identity").list_identity_pools(MaxResults=10)["IdentityPools"],
        "apis": sandbox.client("apigateway").get_rest_apis()["items"],
        "sockets": sandbox.client("apigatewayv2").get_apis()["Items"],
        "distributions": sandbox.client("cloudfront").list_distributions()["DistributionList"].get("Items", []),
        "alarms": sandbox.client("cloudwatch").describe_alarms()["MetricAlarms"],
        "parameters": sandbox.client("ssm").describe_parameters()["Parameters"],
        "roles": sandbox.client("iam").list_roles()["Roles"],
    }
    assert {kind: rows for kind, rows in left.items() if rows} == {}
    assert [b["Name"] for b in s3.list_buckets()["Buckets"]] == [f"mrak-deploy-{sandbox.account}-us-east-1"]
