"""A case is settled: by a payment, by a cancellation, or by the person at the desk. The first outcome counts.

The outcome is stored before the workflow is woken. So it does not matter which comes first, the workflow's token or the
event: a workflow that comes to wait for a settled case finds the outcome there.
"""

import json
import os

import boto3

cases = boto3.resource("dynamodb").Table(os.environ["CASES"])
workflows = boto3.client("stepfunctions")
OUTCOMES = {"PaymentReceived": "PAID", "InvoiceCancelled": "CANCELLED"}
DECISIONS = ("WRITTEN_OFF",)


def on_event(event, context):
    invoice = event["detail"]
    return settle(f"{invoice['owner']}/{invoice['number']}", OUTCOMES[event["detail-type"]])


def on_decision(request, context):
    """{"caseId": "...", "decision": "WRITTEN_OFF"}, from the desk."""
    if request["decision"] not in DECISIONS:
        raise ValueError(f"decision has to be one of {', '.join(DECISIONS)}")
    if "Item" not in cases.get_item(Key={"caseId": request["caseId"]}):
        raise ValueError(f"there is no case {request['caseId']}")
    return settle(request["caseId"], request["decision"])


def settle(case_id, outcome):
    case = cases.update_item(
        Key={"caseId": case_id},
        UpdateExpression="SET outcome = if_not_exists(outcome, :outcome)",
        ExpressionAttributeValues={":outcome": outcome},
        ReturnValues="ALL_NEW",
    )["Attributes"]
    if "waitToken" in case:
        wake(case)
    return {"caseId": case_id, "outcome": case["outcome"]}


def wake(case):
    try:
        workflows.send_task_success(taskToken=case["waitToken"], output=json.dumps({"outcome": case["outcome"]}))
    except (workflows.exceptions.TaskTimedOut, workflows.exceptions.TaskDoesNotExist) as error:
        # It is between two waits, or was woken already; it reads the outcome before it waits again.
        print(f"case {case['caseId']} does not wait: {error}")
