"""`make demo-abaku`: deploys Abaku into a fresh sandbox, lets a month of business happen, and prints what became of it.

Uses the cloud that AWS_ENDPOINT_URL names; without one it starts a cloud of its own, in memory, and ends it.

    python -m examples.abaku.demo           # the story
    python -m examples.abaku.demo --keep    # ... and the cloud stays, so that you can sign in with a browser
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from examples.abaku.application import CONTEXTS, Abaku, Firm, install_node_modules, until

ROOT = Path(__file__).resolve().parents[2]
JOURNAL = "/abaku/events"
EMAIL, PASSWORD = "ana@ana-design.example", "Correct-Horse-7"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="keep the cloud until Ctrl-C")
    options = parser.parse_args()
    began = time.monotonic()
    with cloud() as endpoint:
        abaku = Abaku(new_sandbox(endpoint))
        tell_story(abaku)
        step(f"done in {time.monotonic() - began:.0f} s")
        if options.keep:
            print(f"Sign in as {EMAIL} with {PASSWORD} at {abaku.url}\nThe cloud stays until Ctrl-C.")
            with contextlib.suppress(KeyboardInterrupt):
                while True:
                    time.sleep(3600)


def tell_story(abaku: Abaku) -> None:
    step("deploy five contexts")
    began = time.monotonic()
    abaku.deploy()
    print(f"{', '.join(CONTEXTS)}: {time.monotonic() - began:.1f} s\nthe page: {abaku.url}")
    keep_journal(abaku)
    step("the accountant and the desk confirm that they want mails; a firm signs up")
    print(f"confirmed: {', '.join(abaku.confirm_subscriptions())}")
    firm = abaku.sign_up("Ana Design", EMAIL, PASSWORD)
    print(f"{firm.email} is {firm.owner}")
    invoices = do_business(abaku, firm)
    show_events(abaku)
    show_workflows(abaku)
    show_outbox(abaku)
    step(f"the trace of invoice {invoices[0]['number']}, and what it cost")
    show_trace(abaku, invoices[0]["trace"])
    print(abaku.mrak("bill", "--by", "context", "--trace", invoices[0]["trace"]))
    step("what all of it would have cost on AWS, by context, in each of the months")
    for month in sorted({invoices[0]["issuedOn"][:7], clock_of(abaku)[:7]}):
        print(abaku.mrak("bill", "--by", "context", "--month", month))


def do_business(abaku: Abaku, firm: Firm) -> list[dict[str, Any]]:
    """Three invoices: one is paid, one is cancelled after a reminder, one is never paid."""
    step("three invoices")
    invoices = []
    for customer, text, cents in (
        ("Brno Bikes", "Logo and letterhead", 121_000),
        ("Olomouc Opera", "Posters", 84_050),
        ("Plzen Pubs", "Beer mats", 39_900),
    ):
        invoices.append(firm.issue(customer, f"+42060123456{len(invoices)}", text, cents))
        print(f"{invoices[-1]['number']}  {customer:<14} {cents / 100:>9.2f} EUR  due {invoices[-1]['dueOn']}")
        until(lambda: len(abaku.workflows()) == len(invoices), "the invoice's workflow")
    paid, cancelled, unpaid = (invoice["number"] for invoice in invoices)

    step("a bank statement: one payment, one that matches nothing, one row that nobody can read")
    today = invoices[0]["issuedOn"]
    firm.drop_statement(
        "november",
        f"B-1,{today},1210.00,EUR,{paid},Brno Bikes",
        f"B-2,{today},5.00,EUR,,A Stranger",
        f"B-3,{today},five hundred,EUR,{unpaid},Plzen Pubs",
    )
    until(lambda: firm.invoice(paid)["status"] == "PAID", "the payment")
    print(f"{paid} is paid")

    step("mrak clock advance 15d; then the second invoice is cancelled")
    print(abaku.mrak("clock", "--env", abaku.sandbox, "advance", "15d").strip())
    firm.sign_in()  # tokens last an hour
    until(lambda: firm.invoice(cancelled)["reminders"] == 1, "the first reminder")
    assert firm.ask("POST", f"/invoices/{cancelled}/cancel")[0] == 200

    until(lambda: ended(abaku, cancelled), "the end of the cancelled invoice's workflow")
    step("mrak clock advance 15d")
    print(abaku.mrak("clock", "--env", abaku.sandbox, "advance", "15d").strip())
    firm.sign_in()
    until(lambda: firm.invoice(unpaid).get("handedOver"), "the hand-over")
    return invoices


def clock_of(abaku: Abaku) -> str:
    """What time it is in the sandbox."""
    return abaku.mrak("clock", "--env", abaku.sandbox, "show").partition(": ")[2]


def ended(abaku: Abaku, number: str) -> bool:
    return any(run["status"] == "SUCCEEDED" for case, run in abaku.workflows().items() if case.endswith(number))


# --- what is shown ---


def show_events(abaku: Abaku) -> None:
    step("events on the bus")
    pages = abaku.client("logs").get_paginator("filter_log_events").paginate(logGroupName=JOURNAL)
    events = [json.loads(line["message"]) for page in pages for line in page["events"]]
    for event in sorted(events, key=lambda event: event["time"]):
        detail = event["detail"]
        about = detail.get("number") or detail.get("firm") or "without reference"
        print(f"{event['time']}  {event['source']:<11} {event['detail-type']:<17} {about}")


def show_workflows(abaku: Abaku) -> None:
    step("workflows")
    for case, run in sorted(abaku.workflows().items()):
        end = json.loads(run["output"])["outcome"] if "output" in run else "waits for the desk"
        print(f"{case.partition('/')[2]}  {run['status']:<9} {end}\n           {' > '.join(run['states'])}")


def show_outbox(abaku: Abaku) -> None:
    step("mails and texts")
    for mail in reversed(abaku.outbox()):
        at = datetime.fromtimestamp(mail["sent_at"], UTC).strftime("%Y-%m-%d")
        text = " ".join(f"{mail['subject']} {mail['body']}".split())
        print(f"{at}  {mail['protocol']:<5} {mail['to']:<24} {text[:120]}{'...' if len(text) > 120 else ''}")


def show_trace(abaku: Abaku, trace_id: str) -> None:
    """The trace as a tree: what called what, and for how long."""
    (trace,) = abaku.client("xray").batch_get_traces(TraceIds=[trace_id])["Traces"]
    segments = [json.loads(segment["Document"]) for segment in trace["Segments"]]
    children: dict[str | None, list[dict[str, Any]]] = {}
    known = {segment["id"] for segment in segments}
    for segment in sorted(segments, key=lambda segment: segment["start_time"]):
        parent = segment.get("parent_id")
        children.setdefault(parent if parent in known else None, []).append(segment)

    def show(parent: str | None, depth: int) -> None:
        for segment in children.get(parent, []):
            duration_ms = (segment["end_time"] - segment["start_time"]) * 1000
            what = f"{segment['origin'].removeprefix('AWS::')} {segment['aws']['operation']}"
            print(f"{duration_ms:>9.1f} ms  {'  ' * depth}{what}  {segment['name']}")
            show(segment["id"], depth + 1)

    show(None, 0)


def step(text: str) -> None:
    print(f"\n== {text}", flush=True)


# --- where it runs ---


def keep_journal(abaku: Abaku) -> None:
    """Writes every event of the five contexts into a log group, as one does to watch a bus."""
    logs, events = abaku.client("logs"), abaku.client("events")
    logs.create_log_group(logGroupName=JOURNAL)
    region, account = abaku.environ["AWS_REGION"], abaku.client("sts").get_caller_identity()["Account"]
    group = f"arn:aws:logs:{region}:{account}:log-group:{JOURNAL}"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]},
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": f"{group}:*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    logs.put_resource_policy(policyName="journal", policyDocument=policy)
    events.put_rule(Name="journal", EventPattern=json.dumps({"source": list(CONTEXTS)}))
    events.put_targets(Rule="journal", Targets=[{"Id": "log", "Arn": group}])


@contextlib.contextmanager
def cloud() -> Iterator[str]:
    """The endpoint of the cloud that the environment names, or of one that is started for the demo."""
    if os.environ.get("AWS_ENDPOINT_URL"):
        yield os.environ["AWS_ENDPOINT_URL"]
        return
    step("start a cloud in memory")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    modules = install_node_modules(ROOT / "build" / "abaku")
    command = [sys.executable, "-m", "mrak", "up", "--memory", "--port", port]
    process = subprocess.Popen(command, env={**os.environ, "MRAK_NODE_MODULES": str(modules)})
    try:
        until(lambda: answers(f"http://localhost:{port}"), "the cloud")
        yield f"http://localhost:{port}"
    finally:
        process.terminate()
        process.wait()


def answers(endpoint: str) -> bool:
    try:
        with urllib.request.urlopen(f"{endpoint}/_mrak/status", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError):
        return False


def new_sandbox(endpoint: str) -> dict[str, str]:
    """A fresh sandbox; what `eval "$(mrak use SANDBOX)"` would export."""
    name = f"abaku-{time.time_ns() // 1_000_000 % 10_000_000}"
    environ = {**os.environ, "AWS_ENDPOINT_URL": endpoint}
    subprocess.run([sys.executable, "-m", "mrak", "env", "create", name], env=environ, check=True)
    exports = subprocess.run(
        [sys.executable, "-m", "mrak", "use", name], env=environ, check=True, capture_output=True, text=True
    ).stdout
    lines = [line.removeprefix("export ") for line in exports.splitlines() if line.startswith("export ")]
    return dict(line.partition("=")[::2] for line in lines)


if __name__ == "__main__":
    main()
